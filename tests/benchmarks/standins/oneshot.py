"""Stands in for the images that moto runs: HANDLER and EVENT are its arguments, the answer its last line of output.

The Runtime API is served for one event to the runtime client of the image below.
"""

import os
import signal
import socket
import sys

import wire

BOOTSTRAP = "/var/runtime/bootstrap"


def _ended(*_):
    print('{"errorType": "Runtime.ExitError", "errorMessage": "the runtime ended without an answer"}', flush=True)
    os._exit(1)


def main():
    """Hand the event over and print what comes back; the exit status tells a function's error."""
    handler, event = sys.argv[1], sys.argv[2].encode()
    listening = socket.create_server(("127.0.0.1", 0))
    api = f"127.0.0.1:{listening.getsockname()[1]}"
    signal.signal(signal.SIGCHLD, _ended)
    variables = {**os.environ, "AWS_LAMBDA_RUNTIME_API": api, "_HANDLER": handler}
    runtime = os.posix_spawn(BOOTSTRAP, [BOOTSTRAP], variables)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{os.environ.get('AWS_LAMBDA_FUNCTION_NAME', 'f')}"
    while True:
        connection, _ = listening.accept()
        for method, path, body in wire.requests(connection):
            if method == "GET":
                wire.hand_over(connection, "00000000-0000-4000-8000-000000000001", arn, event)
                continue
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            os.kill(runtime, signal.SIGKILL)  # it would complain of the end, in what counts as the function's output
            print(body.decode(), flush=True)
            os._exit(0 if path.endswith("/response") else 1)


main()

"""Stands in for the program that LocalStack copies into its Lambda containers as /var/rapid/init.

It serves the Runtime API to the image's runtime client, takes invocations on port 9563, and tells LocalStack of
readiness, logs and answers: the parts that an invocation needs, and no more.
"""

import json
import os
import signal
from queue import SimpleQueue
from urllib.parse import urlsplit

import wire

BOOTSTRAP = "/var/runtime/bootstrap"
RUNTIME_API = ("127.0.0.1", 9001)
INVOCATIONS = ("", 9563)

back = urlsplit(os.environ["LOCALSTACK_RUNTIME_ENDPOINT"])
caller = wire.Caller(back.hostname, back.port)
status = f"{back.path}/status/{os.environ['LOCALSTACK_RUNTIME_ID']}"
queue = SimpleQueue()


def runtime(connection):
    """The Runtime API, as far as an invocation goes."""
    said_ready = False
    for _, path, body in wire.requests(connection):
        if path.endswith("/next"):
            if not said_ready:
                caller.post(f"{status}/ready")
                said_ready = True
            call = queue.get()
            wire.hand_over(connection, call["invoke-id"], call["invoked-function-arn"], call["payload"].encode())
            continue
        wire.reply(connection, 202)
        *_, kind, request_id, outcome = path.split("/")
        if kind == "invocation":
            log = f"START RequestId: {request_id} Version: $LATEST\nEND RequestId: {request_id}\n"
            caller.post(f"{back.path}/invocations/{request_id}/logs", json.dumps({"logs": log}).encode())
            caller.post(f"{back.path}/invocations/{request_id}/{outcome}", body)
        else:
            caller.post(f"{status}/error", body)


def invocations(connection):
    """What LocalStack sends; it is answered at once, the outcome follows by a call back."""
    for _, _, body in wire.requests(connection):
        queue.put(json.loads(body))
        wire.reply(connection, 200)


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # the first process of a container ignores it otherwise
wire.serve(RUNTIME_API, runtime)
wire.serve(INVOCATIONS, invocations)
os.waitpid(os.posix_spawn(BOOTSTRAP, [BOOTSTRAP], {**os.environ, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}), 0)

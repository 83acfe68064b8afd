"""What runs in the child: MiniStack, with every call of a function sent to the region instead.

Run by `child.py` as `python -m lambdalab.sources.child_main SOCKET`. MiniStack's own Lambda is never asked: the
functions of its `lambda_svc` by which its services find and run functions are replaced, its API of Lambda and
CloudFormation's resources of Lambda are refused. They are private there, so the version is pinned and
`tests/contract/test_child.py` holds it to this.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
import threading
from functools import cache
from typing import Any

_PR_SET_PDEATHSIG = 1


def main(socket: str) -> None:
    """Serve on a Unix socket until SIGTERM, or until the region dies."""
    _end_with_the_region()
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app
    from ministack.services import lambda_svc
    from ministack.services.cloudformation import provisioners

    lambda_svc._get_func_record_for_ref = find_function
    lambda_svc._execute_function_dispatch = run_function
    lambda_svc.invoke_async_with_retry = run_later
    lambda_svc.handle_request = refuse
    lambda_svc.handle_function_url_request = refuse
    for kind in [name for name in provisioners._RESOURCE_HANDLERS if name.startswith("AWS::Lambda::")]:
        provisioners._RESOURCE_HANDLERS[kind] = {"create": _refuse_resource, "delete": lambda *_: None}
    config = Config()
    config.bind = [f"unix:{socket}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    asyncio.run(serve(app.app, config))


def _end_with_the_region() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        sys.exit("the region is gone")


@cache
def _functions() -> Any:
    """A client of the region's Lambda, with the credentials that it gave us."""
    from botocore.config import Config
    from botocore.session import get_session

    config = Config(read_timeout=910, retries={"max_attempts": 0}, parameter_validation=False)
    return get_session().create_client("lambda", config=config)


def find_function(reference: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None, str]:
    """The region's function as (record, configuration, name); no record when it has none of that name."""
    name = reference.rpartition(":function:")[2].partition(":")[0]
    try:
        configuration = _functions().get_function_configuration(FunctionName=reference)
    except Exception as unknown:  # noqa: BLE001 - to MiniStack, what cannot be found is not there
        print(f"function {reference} was not found: {unknown}", file=sys.stderr, flush=True)  # noqa: T201
        return None, None, name
    return {"config": configuration}, configuration, name


def run_function(
    func: dict[str, Any],
    config: dict[str, Any],
    event: Any,
    request_id: str,
    started: float,
) -> dict[str, Any]:
    """Run a function in the region and wait, in the form of MiniStack's own executors' results."""
    answer = _functions().invoke(FunctionName=config["FunctionArn"], Payload=json.dumps(event, default=str).encode())
    body = json.loads(answer["Payload"].read() or b"null")
    return {"body": body, "error": "FunctionError" in answer, "log": ""}


async def refuse(*_: Any) -> tuple[int, dict[str, str], bytes]:
    """The answer to a request for Lambda's API that came here without being signed for Lambda."""
    message = "Lambda is served to requests that are signed for it: set the client's signing service to lambda."
    body = json.dumps({"Type": "User", "message": message}).encode()
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "InvalidSignatureException"}
    return 403, headers, body


def _refuse_resource(*_: Any) -> tuple[str, dict[str, Any]]:
    raise ValueError(
        "CloudFormation here does not make resources of AWS::Lambda; use Terraform, the aws command line or boto3."
    )


def run_later(func: dict[str, Any], event: Any) -> None:
    """Run a function in the region without waiting for it."""
    config = func.get("config") or func

    def run() -> None:
        try:
            result = run_function(func, config, event, "", 0.0)
            if result["error"]:
                # Not its message: a function may say there what it was told in confidence.
                kind = result["body"].get("errorType") if isinstance(result["body"], dict) else "an error"
                print(f"{config['FunctionArn']} failed: {kind}", file=sys.stderr, flush=True)  # noqa: T201
        except Exception as refused:  # noqa: BLE001 - nobody waits for it: the log has to tell
            print(f"{config['FunctionArn']} was not run: {refused}", file=sys.stderr, flush=True)  # noqa: T201

    threading.Thread(target=run, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])

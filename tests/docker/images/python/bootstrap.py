"""Runs the handler that the entrypoint named, with layers' packages where AWS's runtimes look for them."""

import os
import sys

from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"

if __name__ == "__main__":
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], "/opt/python/lib/" + VERSION + "/site-packages", "/opt/python"]
    os.environ.setdefault("AWS_EXECUTION_ENV", "AWS_Lambda_" + VERSION)
    bootstrap.run(os.environ["_HANDLER"], LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"]))

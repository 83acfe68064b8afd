"""Runs the handler that the entrypoint named, with layers' packages where AWS's runtimes look for them."""

import os
import sys

from awslambdaric.__main__ import main

VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"

if __name__ == "__main__":
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], "/opt/python/lib/" + VERSION + "/site-packages", "/opt/python"]
    # AWS's client polls in a thread where this names a runtime from 3.12 on, so that the program hears of SIGTERM.
    os.environ.setdefault("AWS_EXECUTION_ENV", "AWS_Lambda_" + VERSION)
    main([sys.argv[0], os.environ["_HANDLER"]])

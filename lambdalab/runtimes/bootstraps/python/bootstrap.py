"""The Python runtime's entry point, as AWS has one at /var/runtime: the path first, then AWS's own client.

    python bootstrap.py HANDLER

awslambdaric does the work: it loads the handler, polls the Runtime API, marshals and logs. This file only
puts the function's and the layers' directories on the path in AWS's order, and has errors of the init phase
posted in UTF-8.
"""

import _sitebuiltins
import builtins
import gc
import os
import sys


def search_path() -> "list[str]":
    """Where AWS's Python runtime looks, before the runtime's own directory (docs: packaging-layers)."""
    version = "python%d.%d" % sys.version_info[:2]
    layers = os.environ.get("LAMBDALAB_LAYERS_ROOT", "/opt")
    task = os.environ["LAMBDA_TASK_ROOT"]
    return [task, f"{layers}/python/lib/{version}/site-packages", f"{layers}/python"]


if __name__ == "__main__":
    # Imports make much that stays and little garbage. The client comes before the function's directories
    # are on the path: a module of the function that is named like one of the client's is not the client's.
    gc.disable()
    from awslambdaric import bootstrap, lambda_runtime_client

    gc.enable()
    sys.path[:0] = search_path()
    os.environ.pop("LAMBDALAB_LAYERS_ROOT", None)
    # The interpreter runs without `site` (-S), so that packages installed beside it stay out of sight;
    # the two names that `site` would have given to the function's code come from here.
    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")

    # awslambdaric hands an init error to http.client as text, which goes out as Latin-1 or not at all. That shows
    # from python3.12 on, where its JSON keeps what is not ASCII; the type of an error, a header, has it everywhere.
    as_text = lambda_runtime_client.to_json
    lambda_runtime_client.to_json = lambda document: as_text(document).encode("utf-8", "replace")

    class Client(lambda_runtime_client.LambdaRuntimeClient):  # type: ignore[misc]  # it has no types
        """AWS's, with headers in UTF-8."""

        def call_rapid(
            self,
            method: str,
            endpoint: str,
            expected: int,
            payload: object = None,
            headers: "dict[str, str] | None" = None,
        ) -> None:
            """One request beside the calls of `runtime_client`."""
            sent = {name: value.encode("utf-8", "replace") for name, value in (headers or {}).items()}
            super().call_rapid(method, endpoint, expected, payload, sent)

    bootstrap.run(sys.argv[1], Client(os.environ["AWS_LAMBDA_RUNTIME_API"]))

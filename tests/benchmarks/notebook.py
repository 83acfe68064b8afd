"""What a person at a notebook waits for, in a real kernel: loading the extension, the first cell, the next ones."""

import os
import tempfile
import time
from pathlib import Path

from jupyter_client.manager import start_new_kernel

CELL = "%%lambda bench\ndef handler(event, context):\n    return {NUMBER}\n"


def cells():
    """Milliseconds by name of the cell, from sending it to its reply."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "LAMBDALAB_HOME": str(Path(folder, "home")), "IPYTHONDIR": str(Path(folder, "i"))}
        manager, client = start_new_kernel(env=environment)
        try:
            found = {"empty cell": _run(client, "0")}
            found["%load_ext lambdalab"] = _run(client, "%load_ext lambdalab")
            found["first %%lambda (starts the region)"] = _run(client, CELL.replace("NUMBER", "1"))
            found["the same %%lambda again"] = _run(client, CELL.replace("NUMBER", "1"))
            found["%%lambda, code changed"] = _run(client, CELL.replace("NUMBER", "2"))
            found["%lambda invoke, cold"] = _run(client, "%lambda invoke bench")
            found["%lambda invoke, warm"] = min(_run(client, "%lambda invoke bench") for _ in range(5))
            _run(client, "!python -m lambdalab.cli stop")
            return found
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _run(client, code):
    began = time.perf_counter()
    reply = client.execute_interactive(code, output_hook=lambda message: None, timeout=60)
    assert reply["content"]["status"] == "ok", reply
    return (time.perf_counter() - began) * 1000

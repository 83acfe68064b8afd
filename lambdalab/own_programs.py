"""The programs installed with this Python, `lambdalab` and `aws` among them, for shells that do not find them.

A kernel, and the JupyterLab that starts it, has the PATH of whatever started it: the environment that its Python is
in need not be on it.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

_PROGRAM = "lambdalab"


def on_path(path: str, directory: Path | None = None) -> str:
    """`path`, with the directory of this Python's programs first where `lambdalab` is another there, or none.

    First, as activating the environment would put it: after another's, `aws` and `lambdalab` would be the other's.
    A path on which this environment's own is found already keeps its order, which is the person's; and nothing is
    added where this Python has no such program, because nothing would be gained. `directory` is for tests.
    """
    own = directory or Path(sysconfig.get_path("scripts"))
    if not os.access(own / _PROGRAM, os.X_OK):
        return path
    found = shutil.which(_PROGRAM, path=path)
    if found is not None and Path(found).parent.resolve() == own.resolve():
        return path
    return os.pathsep.join(filter(None, (str(own), path)))

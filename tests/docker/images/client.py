"""Puts what functions of a runtime see at /var/runtime into a directory: the client that the lab has for it.

    python client.py RUNTIME DIRECTORY CACHE

Prints the interpreter's path, then the words of the start command, a line each, with `{runtime}`, `{task}` and the
like where paths are; the handler is `{handler}`, and the memory size was 1000 MB.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from lambdalab.model import runtime
from lambdalab.runtimes import families
from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.interpreters import Interpreters


async def main(name: str, into: Path, cache: Path) -> None:
    found = await Interpreters().find(name)
    family = families.load(cache)[runtime.known()[name].family]
    shutil.copytree(await family.client(found), into, symlinks=True, dirs_exist_ok=True)
    spec = SandboxSpec("image", name, "{handler}", into, (), {}, "", 1000, 512)
    print(found.path, *family.start(found, spec).argv[1:], sep="\n")


asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))

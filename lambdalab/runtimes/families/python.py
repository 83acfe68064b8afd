"""Python functions: awslambdaric, AWS's own client, in a directory with AWS's SDK and nothing else of ours.

A function must not see the region's packages, so what AWS's Python runtimes bring (awslambdaric, boto3 and
what they need) is copied out of the region's own environment once, by version, and compiled with
unchecked hashes so that a fresh sandbox never recompiles it (`speed.md`, trap 1).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.families.base import BOOTSTRAPS, Family, Start
from lambdalab.runtimes.interpreters import Interpreter
from lambdalab.trees import making

CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
SDK = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "python-dateutil", "six")
_BOOTSTRAP = BOOTSTRAPS / "python"
_OWN = ("bootstrap.py", "runtime_client.py")
_ACCELERATED = "simplejson"
"""Its compiled part bears the name of the release that it is of, and makes what is there in Python faster."""
_CLIENT_MODULES = {"awslambdaric", "simplejson", "snapshot_restore_py", "runtime_client"}
_compiling: set[asyncio.Task[None]] = set()


class Python(Family):
    """One directory serves every interpreter: `bootstraps/python/runtime_client.py` replaces the compiled part.

    simplejson's is there for interpreters of the region's own release alone; others do without, as simplejson can. They
    take some five times as long for a large event or result.
    """

    name = "python"

    async def client(self, found: Interpreter) -> Path:
        """AWS's client and SDK. The first call in a home takes a second, the first of an interpreter's half a one.

        Raises `importlib.metadata.PackageNotFoundError` when a package of ours is missing from the installation.
        """
        directory = self.clients / f"python-{_fingerprint()}"
        if not directory.exists():
            await asyncio.to_thread(_build, directory)
        await _compile(directory, found)
        return directory

    def start(self, found: Interpreter, spec: SandboxSpec) -> Start:
        """Without `site` (-S): packages installed beside the interpreter stay out of sight."""
        return Start(
            (found.path, "-S", "{runtime}/bootstrap.py", spec.handler),
            {"PYTHONPATH": "{runtime}", "LAMBDALAB_LAYERS_ROOT": "{opt}"},
        )


async def _compile(directory: Path, found: Interpreter) -> None:
    """Compile the directory for an interpreter, once: AWS's client now, the SDK in the background."""
    marker = directory / f".compiled-{found.version}"
    if marker.exists():
        return
    environment = {"LD_LIBRARY_PATH": found.library_path} if found.library_path else {}
    client = [str(path) for path in directory.iterdir() if path.name.split(".")[0] in _CLIENT_MODULES]
    command = [found.path, "-I", "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    compiling = await _run_quietly([*command, *client], environment)
    await compiling.wait()
    marker.touch()
    rest = await _run_quietly([*command, str(directory)], environment)
    _compiling.add(task := asyncio.get_running_loop().create_task(_wait_or_end(rest)))
    task.add_done_callback(_compiling.discard)


async def _run_quietly(command: Sequence[str], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=quiet, stderr=quiet)


async def _wait_or_end(process: asyncio.subprocess.Process) -> None:
    """Wait for it; when the region ends first, so does it: an isolated home is removed next."""
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@cache
def _fingerprint() -> str:
    digest = hashlib.sha256()
    for package in (*CLIENT, *SDK):
        digest.update(f"{package}={metadata.version(package)}\n".encode())
    digest.update(EXTENSION_SUFFIXES[0].encode())
    for name in _OWN:
        digest.update((_BOOTSTRAP / name).read_bytes())
    return digest.hexdigest()[:16]


def _build(directory: Path) -> None:
    with making(directory) as aside:
        for package in (*CLIENT, *SDK):
            for source, name in _python_files(package):
                target = aside / name
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(source, target)
        for name in _OWN:
            shutil.copyfile(_BOOTSTRAP / name, aside / name)


def _python_files(package: str) -> Iterator[tuple[Path, str]]:
    """What a distribution installed, but for compiled parts that replace Python: they are of one interpreter only."""
    for file in metadata.files(package) or ():
        name = str(file)
        if name.startswith("..") or "__pycache__" in name:
            continue
        if name.endswith((".so", ".pyd")) and package != _ACCELERATED:
            continue
        yield Path(str(file.locate())), name


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)

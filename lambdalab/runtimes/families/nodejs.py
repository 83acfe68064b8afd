"""Node.js functions: a bootstrap of our own with AWS's behaviour, for every release from 16 on.

AWS's own client has a compiled part that no registry carries ready made. The AWS SDK, which AWS's runtimes bring,
is not part of it either: a package or a layer brings it (`npm install @aws-sdk/client-s3`), and without one
the import fails with Node's words.
"""

from __future__ import annotations

from pathlib import Path

from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.families.base import BOOTSTRAPS, Family, Start
from lambdalab.runtimes.families.copying import copied
from lambdalab.runtimes.interpreters import Interpreter

_BOOTSTRAP = BOOTSTRAPS / "nodejs"
_MEMORY_FLAGS = ("semi-space-size", "old-space-size")
_DISABLED = {"require-module": ((20, 17), (22, 0)), "detect-module": ((22, 0),)}
"""Features that AWS turns off in its runtimes, by the releases of each line from which Node knows the flag."""


class NodeJs(Family):
    """One directory serves every release."""

    name = "nodejs"

    async def client(self, found: Interpreter) -> Path:  # noqa: ARG002 - the same for all
        """The bootstrap's files."""
        return copied(_BOOTSTRAP, self.clients)

    def start(self, found: Interpreter, spec: SandboxSpec) -> Start:
        """Node with the flags of AWS's bootstrap script."""
        options = spec.environment.get("NODE_OPTIONS", "")
        flags = ["--expose-gc", "--max-http-header-size", "81920"]
        flags += [*_experimental(found.version, options), *_memory(spec.memory_mb, options)]
        return Start((found.path, *flags, "{runtime}/index.cjs"), {"NODE_PATH": node_path(found.version)})


def node_path(version: str) -> str:
    """Where `require` looks beside the function's own packages: layers, then the runtime's (docs: nodejs-layers)."""
    release = version.split(".", 1)[0]
    return (
        f"{{opt}}/nodejs/node{release}/node_modules:{{opt}}/nodejs/node_modules:"
        "{runtime}/node_modules:{runtime}:{task}"
    )


def _memory(size_mb: int, options: str) -> list[str]:
    """A tenth of the memory for new objects, the rest for old ones; what the function's NODE_OPTIONS say wins."""
    asked = options.replace("_", "-")
    if any(flag in asked for flag in _MEMORY_FLAGS):
        return []
    new = size_mb // 10
    return [f"--max-semi-space-size={new // 2}", f"--max-old-space-size={size_mb - new}"]


def _experimental(version: str, options: str) -> list[str]:
    """What AWS turns off until 22, unless NODE_OPTIONS turn it on (docs: lambda-nodejs, experimental features)."""
    release = tuple(int(part) for part in version.split(".")[:2])
    return [
        f"--no-experimental-{feature}"
        for feature, since in _DISABLED.items()
        if any(release[0] == first[0] and release >= first for first in since)
        and f"--experimental-{feature}" not in options
    ]

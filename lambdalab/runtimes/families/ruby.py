"""Ruby functions: a client of our own (`bootstraps/ruby`), for AWS's comes from a registry of gems only.

Gems installed beside the interpreter stay in sight: AWS's Ruby brings `aws-sdk` as such a gem, and so may a
person's (`gem install aws-sdk-s3`).
"""

from __future__ import annotations

from pathlib import Path

from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.families.base import BOOTSTRAPS, Family, Start
from lambdalab.runtimes.families.copying import copied
from lambdalab.runtimes.interpreters import Interpreter

_BOOTSTRAP = BOOTSTRAPS / "ruby"


class Ruby(Family):
    """One directory serves every release."""

    name = "ruby"

    async def client(self, found: Interpreter) -> Path:  # noqa: ARG002 - the same for all
        """Our client, plain Ruby."""
        return copied(_BOOTSTRAP, self.clients)

    def start(self, found: Interpreter, spec: SandboxSpec) -> Start:
        """The variables are AWS's (docs: packaging-layers); the client loads RubyGems when something needs it.

        Ruby keeps no memory limit of its own, and AWS sets none.
        """
        abi = ".".join([*found.version.split(".")[:2], "0"])  # gems are kept by the release's first two numbers
        return Start(
            (found.path, "--disable-gems", "-EUTF-8", "{runtime}/lib/runtime.rb", spec.handler),
            {
                "GEM_PATH": f"{{task}}/vendor/bundle/ruby/{abi}:{{opt}}/ruby/gems/{abi}",
                "RUBYLIB": "{task}:{runtime}/lib:{opt}/ruby/lib",
                "LAMBDALAB_LAYERS_ROOT": "{opt}",
                "LC_CTYPE": "C.UTF-8",
            },
        )

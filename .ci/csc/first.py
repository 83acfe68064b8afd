"""Compile Csc.cs for the first time, when there is no csc yet: Roslyn's library, called from Python.

    first.py DOTNET_ROOT ROSLYN SOURCE OUTPUT

`ROSLYN` is a directory with Microsoft.CodeAnalysis.dll and Microsoft.CodeAnalysis.CSharp.dll.
"""

import sys
from pathlib import Path

from clr_loader import get_coreclr
from pythonnet import set_runtime

root, roslyn, source, output = map(Path, sys.argv[1:])
framework = next((root / "shared" / "Microsoft.NETCore.App").iterdir())
config = output.with_suffix(".runtimeconfig.json")
set_runtime(get_coreclr(runtime_config=str(config), dotnet_root=str(root)))
import clr  # noqa: E402 - the runtime comes first

for name in ("Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp"):
    clr.AddReference(str(roslyn / f"{name}.dll"))
from Microsoft.CodeAnalysis import MetadataReference, OutputKind, SyntaxTree  # noqa: E402
from Microsoft.CodeAnalysis.CSharp import CSharpCompilation, CSharpCompilationOptions, CSharpSyntaxTree  # noqa: E402
from System import Array  # noqa: E402
from System.Collections.Generic import List  # noqa: E402
from System.IO import File  # noqa: E402

trees = Array[SyntaxTree]([CSharpSyntaxTree.ParseText(source.read_text())])
references = List[MetadataReference]()
managed = [
    path for path in framework.glob("*.dll") if path.name.startswith(("System.", "netstandard", "Microsoft.CSharp"))
]
for path in [*managed, *roslyn.glob("Microsoft.CodeAnalysis*.dll")]:
    references.Add(MetadataReference.CreateFromFile(str(path)))
options = CSharpCompilationOptions(OutputKind.ConsoleApplication)
written = File.Create(str(output))
done = CSharpCompilation.Create(output.stem, trees, references, options).Emit(written)
written.Close()
for diagnostic in done.Diagnostics:
    if not done.Success:
        print(diagnostic)  # noqa: T201 - the only way to tell
sys.exit(not done.Success)

"""A `dotnet` that stands for an SDK's where none can be had: it lists SDKs and publishes, in the real one's words.

Written after Microsoft's documentation and the output that issue reports show; no real SDK has been run beside it. What
it compiles it compiles for real, by the machine's C# compiler, with the packages of a folder that stands for NuGet's.
It obeys these variables: FAKE_DOTNET_SDKS (versions), FAKE_DOTNET_FEED (a folder with NAME/VERSION/NAME.dll),
FAKE_DOTNET_SEEN (a file that it adds its calls to), FAKE_DOTNET_SAYS (fail with these words), FAKE_DOTNET_PLAIN
(write the sources for the assembly, where no compiler is needed).
"""

import json
import os
import re
import stat
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]


def install(directory):
    """Put the program into a directory, as an installation has it; its path."""
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "dotnet"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{Path(__file__)}" "$0" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def feed(directory, name, version, sources, options=("-debug-",), references=()):
    """Compile a package into a feed, by the machine's own compiler."""
    from lambdalab.toolchains import csharp

    place = directory / name / version
    place.mkdir(parents=True)
    job = csharp.Job(place / f"{name}.dll", sources, references, options=options)
    wrong = [one for one in csharp.compile(job, "8") if one.is_error]
    assert not wrong, wrong


def calls(seen):
    """The calls that were noted in a file: arguments and variables."""
    return [json.loads(line) for line in seen.read_text().splitlines()] if seen.exists() else []


def main(program, *arguments):
    if noted := os.environ.get("FAKE_DOTNET_SEEN"):
        told = {name: value for name, value in os.environ.items() if name.startswith(("DOTNET_", "MSBUILD"))}
        with Path(noted).open("a") as seen:
            seen.write(json.dumps({"arguments": arguments, "variables": told}) + "\n")
    if arguments == ("--list-sdks",):
        for version in os.environ.get("FAKE_DOTNET_SDKS", "8.0.408").split():
            print(f"{version} [{Path(program).parent}/sdk]")
        return 0
    command, project, *options = arguments
    assert command == "publish", arguments
    if words := os.environ.get("FAKE_DOTNET_SAYS"):
        print(words.replace("{project}", project).replace("{folder}", str(Path(project).parent)))
        return 1
    return Publish(Path(project), options).run()


class Publish:
    """One `dotnet publish`."""

    def __init__(self, project, options):
        named = dict(zip(options[::2], options[1::2], strict=False))
        self.project, self.output = project, Path(named["--output"])
        self.framework, self.machine = named["--framework"], named["--runtime"]
        self.properties = {name: one.text for name, one in self._elements() if one.text}
        self.name = self.properties.get("AssemblyName") or project.stem
        self.configures = "-p:GenerateRuntimeConfigurationFiles=true" in options

    def _elements(self):
        return [(one.tag, one) for group in ElementTree.parse(self.project).getroot() for one in group]

    def run(self):
        print("  Determining projects to restore...")
        if self.properties["TargetFramework"] != self.framework:
            return self._fail(
                f"/usr/share/dotnet/sdk/8.0.408/Sdks/Microsoft.NET.Sdk/targets/Microsoft.PackageDependencyResolution"
                f".targets(266,5): error NETSDK1005: Assets file '{self.project.parent}/obj/project.assets.json' doesn't "
                f"have a target for '{self.framework}'. Ensure that restore has run and that you have included "
                f"'{self.framework}' in the TargetFrameworks for your project."
            )
        packages = [
            self._package(one.get("Include"), one.get("Version"))
            for name, one in self._elements()
            if name == "PackageReference"
        ]
        if missing := [one for one in packages if isinstance(one, str)]:
            print("\n".join(f"{self.project} : error {one}" for one in missing))
            return self._fail(f"  Failed to restore {self.project} (in 1.04 sec).", project=False)
        print(f"  Restored {self.project} (in 212 ms).")
        own = [self.project.parent / hint.text for name, one in self._elements() if name == "Reference" for hint in one]
        libraries = [path for _, _, path in packages] + own
        self.output.mkdir(parents=True, exist_ok=True)
        if wrong := self._compile(libraries):
            return self._fail("\n".join(f"{one} [{self.project}]" for one in wrong), project=False)
        for path in libraries:
            (self.output / path.name).write_bytes(path.read_bytes())
        self._lists(packages)
        print(f"  {self.name} -> {self.project.parent}/bin/Release/{self.framework}/{self.machine}/{self.name}.dll")
        print(f"  {self.name} -> {self.output}/")
        return 0

    def _fail(self, words, project=True):
        print(f"{words} [{self.project}]" if project else words)
        return 1

    def _package(self, name, version):
        place = Path(os.environ["FAKE_DOTNET_FEED"]) / name
        there = sorted(one.name for one in place.iterdir()) if place.is_dir() else []
        if not there:
            return f"NU1101: Unable to find package {name}. No packages exist with this id in source(s): feed"
        found = there[-1] if version == "*" else version
        if found not in there:
            return f"NU1102: Unable to find package {name} with version (>= {version})\n{self.project} : error NU1102:   - Found {len(there)} version(s) in feed [ Nearest version: {there[-1]} ]"
        return name, found, place / found / f"{name}.dll"

    def _compile(self, libraries):
        folder = self.project.parent
        sources = sorted(one for one in folder.rglob("*.cs") if not {"bin", "obj"} & set(one.relative_to(folder).parts))
        assembly = self.output / f"{self.name}.dll"
        if os.environ.get("FAKE_DOTNET_PLAIN"):
            assembly.write_text("\n".join(one.read_text() for one in sources))
            return []
        from lambdalab.client.building.dotnet import _USINGS
        from lambdalab.toolchains import csharp

        (made := folder / "obj").mkdir(exist_ok=True)
        (usings := made / "usings.cs").write_text(_USINGS if self.properties.get("ImplicitUsings") == "enable" else "")
        options = [f"-debug:{self.properties.get('DebugType', 'portable')}"]
        if mapped := self.properties.get("PathMap"):
            options.append("-pathmap:" + mapped.replace("$(MSBuildProjectDirectory)", str(folder)))
        job = csharp.Job(assembly, [*sources, usings], libraries, options, self.properties.get("OutputType") == "Exe")
        return [
            f"{one.file}({one.line},{one.column}): {'error' if one.is_error else 'warning'} {one.text}"
            for one in csharp.compile(job, re.sub(r"\D", "", self.framework.partition(".")[0]))
            if one.is_error
        ]

    def _lists(self, packages):
        release = self.framework.removeprefix("net")
        target, mine = f".NETCoreApp,Version=v{release}/{self.machine}", f"{self.name}/1.0.0"
        own = {"dependencies": {name: version for name, version, _ in packages}, "runtime": {f"{self.name}.dll": {}}}
        theirs = {
            f"{name}/{version}": {
                "runtime": {f"lib/net8.0/{name}.dll": {"assemblyVersion": "1.0.0.0", "fileVersion": "1.0.0.0"}}
            }
            for name, version, _ in packages
        }
        kinds = {mine: "project"} | dict.fromkeys(theirs, "package")
        deps = {
            "runtimeTarget": {"name": target, "signature": ""},
            "compilationOptions": {},
            "targets": {target.partition("/")[0]: {}, target: {mine: own, **theirs}},
            "libraries": {
                name: {"type": kind, "serviceable": kind == "package", "sha512": ""} for name, kind in kinds.items()
            },
        }
        (self.output / f"{self.name}.deps.json").write_text(json.dumps(deps, indent=2))
        if self.configures:
            framework = {"name": "Microsoft.NETCore.App", "version": f"{release}.0"}
            config = {"runtimeOptions": {"tfm": self.framework, "framework": framework}}
            (self.output / f"{self.name}.runtimeconfig.json").write_text(json.dumps(config, indent=2))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Projects of .NET and cells with NuGet's packages: what `dotnet publish` is asked for, and what becomes of its words.

No SDK can be had where these tests run: `dotnet` is the fake of tests/fake_dotnet.py, which answers in the real one's
forms as Microsoft documents them. That a real SDK does the same has not been seen.
"""

import json
import subprocess

import pytest

from lambdalab.client import requirements
from lambdalab.client.building import Source, build, build_folder, cache, nuget
from lambdalab.client.building.base import CellSyntaxError, CompilerMissing, NotBuilt
from lambdalab.client.cell import CellSource
from lambdalab.errors import BadOption, HandlerNotInCell, NotInstalled
from lambdalab.model import runtime
from lambdalab.runtimes import catalogue
from lambdalab.toolchains import csharp, dotnet, dotnet_publish
from tests import fake_dotnet

DOTNET8 = runtime.known()["dotnet8"]
CELL = "public class Greeter { public string FunctionHandler(string name) => name; }\n"
PROJECT = """<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net8.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <AWSProjectType>Lambda</AWSProjectType>
  </PropertyGroup>
</Project>
"""


@pytest.fixture
def sdk(monkeypatch, tmp_path):
    """A fake installation that is found, without compiling; its calls so far by `sdk()`."""
    for name in ("LAMBDALAB_RUNTIME_DOTNET8", "DOTNET_ROOT", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"):
        monkeypatch.delenv(name, raising=False)
    seen = tmp_path / "seen"
    monkeypatch.setenv("LAMBDALAB_DOTNET", str(fake_dotnet.install(tmp_path / "installed")))
    monkeypatch.setenv("FAKE_DOTNET_SEEN", str(seen))
    monkeypatch.setenv("FAKE_DOTNET_PLAIN", "yes")
    monkeypatch.setenv("FAKE_DOTNET_FEED", str(tmp_path / "feed"))
    for one in (*nuget.USUAL, nuget.Reference("Words", "1.2.0")):
        (place := tmp_path / "feed" / one.name / one.version).mkdir(parents=True)
        (place / f"{one.name}.dll").write_text(f"{one.name} {one.version}")
    kept = tmp_path / "cache"
    monkeypatch.setattr(cache, "directory", lambda name: kept)
    kept.mkdir()
    return lambda: [call for call in fake_dotnet.calls(seen) if call["arguments"][0] == "publish"]


@pytest.fixture
def folder(tmp_path):
    """A project `Shop` as a folder, with a handler."""
    (made := tmp_path / "Shop").mkdir()
    (made / "Shop.csproj").write_text(PROJECT)
    (made / "Function.cs").write_text("namespace Shop;\npublic class Orders { public string Take(string s) => s; }\n")
    return made


def cell(*words, text=CELL, **more):
    return Source(text, CellSource("Cell In[4]", text, 2), DOTNET8, requirements=words, **more)


def published(folder, handler=None, architecture="x86_64"):
    return build_folder(folder, DOTNET8, architecture, handler)


# -- where an SDK is found


def test_the_first_installation_with_an_sdk_for_the_release_or_a_newer_one_is_taken(monkeypatch, tmp_path):
    monkeypatch.delenv("LAMBDALAB_DOTNET", raising=False)
    bare, real = tmp_path / "bare", tmp_path / "real"
    for root, versions in ((bare, ""), (real, "6.0.428 8.0.408 10.0.100-rc.1.25451.107")):
        program = fake_dotnet.install(root)
        program.write_text(program.read_text().replace("exec", f"FAKE_DOTNET_SDKS='{versions}' exec"))
    monkeypatch.setattr(dotnet, "roots", lambda: iter((bare, real)))
    assert dotnet.sdk("8") == dotnet.Sdk(str(real / "dotnet"), "10.0.100-rc.1.25451.107")
    with pytest.raises(dotnet.NoSdk, match=rf"{bare}/dotnet lists none; {real}/dotnet lists 6\.0\.428, 8\.0\.408"):
        dotnet.sdk("11")


def test_installations_are_on_the_path_in_dotnet_root_and_in_condas_environments(monkeypatch, tmp_path):
    monkeypatch.delenv("LAMBDALAB_RUNTIME_DOTNET8", raising=False)
    on_path, rooted = fake_dotnet.install(tmp_path / "path"), fake_dotnet.install(tmp_path / "rooted")
    conda = fake_dotnet.install(tmp_path / "miniforge3" / "envs" / "dotnet8" / "lib" / "dotnet")
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setenv("DOTNET_ROOT", str(rooted.parent))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [*dotnet.roots()][:2] == [on_path.parent, rooted.parent]
    assert conda.parent in dotnet.roots()


def test_without_an_sdk_the_refusal_says_what_was_asked_and_the_doctors_commands(monkeypatch, tmp_path, folder):
    for name in ("LAMBDALAB_DOTNET", "DOTNET_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FAKE_DOTNET_SDKS", "6.0.428")
    old = fake_dotnet.install(tmp_path / "old")
    monkeypatch.setattr(dotnet, "roots", lambda: iter((old.parent,)))
    old.write_text(old.read_text().replace("exec", "PATH=/usr/bin:/bin exec"))
    for asked in (lambda: published(folder), lambda: build(cell("Words@1.2.0"))):
        with pytest.raises(CompilerMissing) as refused:
            asked()
        assert str(refused.value).startswith(
            "dotnet8: this is built by an SDK of .NET 8 or newer, and none was found: no dotnet is on the search path; "
            f"DOTNET_ROOT is not set; {old} lists 6.0.428. Get one with `apt install dotnet-sdk-8.0`"
        )
        assert catalogue.how_to_get("dotnet8").removeprefix("Get it").rstrip(".") in str(refused.value)
        assert "LAMBDALAB_DOTNET=/path/to/dotnet" in str(refused.value)


def test_a_named_program_is_the_only_one_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("LAMBDALAB_DOTNET", str(tmp_path / "absent"))
    with pytest.raises(dotnet.NoSdk, match=r"LAMBDALAB_DOTNET is set, and .*/absent lists none\. Get one"):
        dotnet.sdk("8")


# -- what is asked for


def test_a_projects_folder_is_published_for_the_functions_machine(sdk, folder):
    built = published(folder, architecture="arm64")
    (call,) = sdk()
    arguments = call["arguments"]
    assert arguments[:2] == ["publish", str(folder / "Shop.csproj")]
    assert arguments[2:10] == [
        "--configuration", "Release", "--framework", "net8.0", "--runtime", "linux-arm64", "--self-contained", "false",
    ]  # fmt: skip
    assert "-p:GenerateRuntimeConfigurationFiles=true" in arguments
    quiet = ("DOTNET_CLI_TELEMETRY_OPTOUT", "DOTNET_NOLOGO", "MSBUILDDISABLENODEREUSE")
    assert {call["variables"][name] for name in quiet} == {"1"}
    assert "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT" not in call["variables"]  # projects may have texts in languages
    assert set(built.files) == {"Shop.dll", "Shop.deps.json", "Shop.runtimeconfig.json"}
    assert (built.handler, built.main) == ("Shop::Shop.Orders::Take", "")


def test_the_same_folder_is_published_once_and_what_builds_make_in_it_does_not_count(sdk, folder, monkeypatch):
    first = published(folder)
    for place in ("obj/project.assets.json", "bin/Release/Shop.dll", ".vs/x"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text("made by a build")
    assert published(folder) == first
    assert len(sdk()) == 1
    published(folder, architecture="arm64")
    (folder / "Function.cs").write_text("public class Other { public string Take(string s) => s; }")
    assert published(folder).handler == "Shop::Other::Take"
    monkeypatch.setenv("FAKE_DOTNET_SDKS", "8.0.500")
    published(folder)
    (folder.parent / "Directory.Build.props").write_text("<Project />")
    published(folder)
    assert len(sdk()) == 5


def test_a_project_that_takes_what_is_beside_its_folder_is_published_each_time(sdk, folder):
    reference = '<ItemGroup><ProjectReference Include="..\\Shared\\Shared.csproj" /></ItemGroup></Project>'
    (folder / "Shop.csproj").write_text(PROJECT.replace("</Project>", reference))
    assert published(folder) == published(folder)
    assert len(sdk()) == 2


def test_of_several_projects_one_is_named(sdk, folder):
    (folder / "Tests.csproj").write_text(PROJECT)
    with pytest.raises(BadOption, match=r"several projects are there, Shop\.csproj, Tests\.csproj: name one's file"):
        published(folder)
    assert published(folder / "Shop.csproj").handler == "Shop::Shop.Orders::Take"


@pytest.mark.parametrize(
    ("properties", "defaults", "wanted", "handler"),
    [
        ("", None, None, "Shop::Shop.Orders::Take"),
        ("", None, "Orders::Take", "Shop::Shop.Orders::Take"),
        ("", None, "Mine::A.B::C", "Mine::A.B::C"),
        ("<AssemblyName>Store</AssemblyName>", None, "Take", "Store::Shop.Orders::Take"),
        ("<OutputType>Exe</OutputType>", None, None, "Shop"),
        ("", {"function-handler": "Shop::Shop.Orders::TakeAsync"}, None, "Shop::Shop.Orders::TakeAsync"),
        ("", {"function-handler": "Shop::Shop.Orders::TakeAsync"}, "Take", "Shop::Shop.Orders::Take"),
    ],
)
def test_the_handler_is_named_is_that_of_awss_tools_or_is_found(sdk, folder, properties, defaults, wanted, handler):
    (folder / "Shop.csproj").write_text(PROJECT.replace("</PropertyGroup>", f"{properties}</PropertyGroup>"))
    if defaults is not None:
        (folder / "aws-lambda-tools-defaults.json").write_text(json.dumps(defaults))
    assert published(folder, wanted).handler == handler


def test_a_folder_without_a_handler_says_what_it_saw(sdk, folder):
    with pytest.raises(HandlerNotInCell, match=r"--handler is 'Absent', but .*Shop\.csproj defines Shop\.Orders::Take"):
        published(folder, "Absent")


def test_a_folder_without_a_project_is_deployed_as_it_stands(sdk, folder):
    (folder / "Shop.csproj").unlink()
    assert set(published(folder, "Shop::Shop.Orders::Take").files) == {"Function.cs"}
    assert sdk() == []


def test_a_projects_file_is_refused_for_another_language(folder):
    with pytest.raises(BadOption, match=r"a project of \.NET is for a runtime such as dotnet8, not python3\.12"):
        build_folder(folder / "Shop.csproj", runtime.known()["python3.12"], "x86_64", None)
    with pytest.raises(BadOption, match=r"Absent\.csproj: it is not there"):
        published(folder / "Absent.csproj")


def test_a_cell_with_packages_is_a_project_that_refers_to_them_and_to_lambdas(sdk):
    built = build(cell("Words@1.2.0", files={"More.cs": b"class More { }", "lib/Mine.dll": b"mine", "a.txt": b"x"}))
    names = {"Amazon.Lambda.Core", "Amazon.Lambda.Serialization.SystemTextJson", "Words", "Function", "Mine"}
    lists = {"Function.deps.json", "Function.runtimeconfig.json", "Function.cs"}
    assert set(built.files) == {f"{name}.dll" for name in names} | lists
    assert built.files["Words.dll"] == b"Words 1.2.0"
    assert built.files["Function.cs"] == CELL.encode()
    assert (built.handler, built.main) == ("Function::Greeter::FunctionHandler", "Function.cs")
    compiled = built.files["Function.dll"].decode()
    assert "class More" in compiled
    assert (
        "LambdaSerializer(typeof(Amazon.Lambda.Serialization.SystemTextJson.DefaultLambdaJsonSerializer))" in compiled
    )


def test_a_cell_with_packages_is_built_once_and_its_packages_count(sdk):
    assert build(cell("Words@1.2.0")) == build(cell("Words@1.2.0"))
    build(cell("Words"))
    build(cell("Words@1.2.0", architecture="arm64"))
    assert len(sdk()) == 3


def test_a_cell_without_packages_asks_no_sdk(sdk, monkeypatch):
    monkeypatch.setattr(csharp, "compiler", lambda dotnet=None: ("csc",))
    monkeypatch.setattr(csharp, "stand_ins", lambda directory, release, dotnet=None: [])
    monkeypatch.setattr(csharp, "compile", lambda job, release, dotnet=None: job.output.write_bytes(b"x") and [])
    assert build(cell()).files["Function.dll"] == b"x"
    assert sdk() == []


# -- packages


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("Humanizer",), [("Humanizer", "*")]),
        (("Humanizer@2.14.1",), [("Humanizer", "2.14.1")]),
        (("Humanizer==2.14.*",), [("Humanizer", "2.14.*")]),
        (("Humanizer@2.14.1 Newtonsoft.Json",), [("Humanizer", "2.14.1"), ("Newtonsoft.Json", "*")]),
        (("A@[1.0, 2.0)", "B-C@1.0.0-beta.2"), [("A", "[1.0, 2.0)"), ("B-C", "1.0.0-beta.2")]),
    ],
)
def test_packages_are_names_perhaps_with_a_version(words, found):
    usual = [(one.name, one.version) for one in nuget.USUAL]
    assert [(one.name, one.version) for one in nuget.references(words)] == found + usual


def test_lambdas_own_packages_may_be_named_in_any_case():
    found = nuget.references(["amazon.lambda.core@2.7.0"])
    assert [one.version for one in found if one.name.lower() == "amazon.lambda.core"] == ["2.7.0"]


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("--source=x", "not options of dotnet"),
        ("app.csproj", "deploy its folder"),
        ("Humanizer>=2", "names no package of NuGet"),
        ("Humanizer@", "names no package of NuGet"),
        (" ", "names nothing to install"),
    ],
)
def test_what_is_no_package_is_refused_with_the_form(word, says):
    with pytest.raises(BadOption, match=says):
        nuget.references([word])


def test_a_folder_takes_no_requirements(sdk, folder):
    with pytest.raises(BadOption, match=r"built with the packages that Shop\.csproj lists: add Words@1\.2\.0 there"):
        build_folder(folder, DOTNET8, "x86_64", None, ("Words@1.2.0",))


def test_a_layer_of_nugets_packages_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(BadOption, match="NuGet's packages go into a function, not into a layer"):
        requirements.install(["Words"], runtime="dotnet8", architecture="x86_64", cache=tmp_path, layer=True)


# -- what goes wrong


def test_the_compilers_errors_are_at_the_projects_files_and_lines(sdk, folder, monkeypatch):
    monkeypatch.setenv(
        "FAKE_DOTNET_SAYS",
        "  Determining projects to restore...\n  All projects are up-to-date for restore.\n"
        "{folder}/Models/Order.cs(7,14): warning CS8618: Non-nullable property 'Name' [{project}]\n"
        "{folder}/Function.cs(12,9): error CS1002: ; expected [{project}]\n"
        "{folder}/Models/Order.cs(3,5): error CS0246: The type or namespace name 'Text' could not be found (are you "
        "missing a using directive or an assembly reference?) [{project}]\n"
        "{folder}/Function.cs(12,9): error CS1002: ; expected [{project}::TargetFramework=net8.0]",
    )
    with pytest.raises(CellSyntaxError) as refused:
        published(folder)
    assert str(refused.value).splitlines() == [
        "Function.cs, line 12: CS1002: ; expected",
        "Models/Order.cs, line 3: CS0246: The type or namespace name 'Text' could not be found (are you missing a "
        "using directive or an assembly reference?)",
    ]


def test_the_compilers_errors_of_a_cell_are_at_its_lines(sdk, monkeypatch):
    monkeypatch.setenv("FAKE_DOTNET_SAYS", "{folder}/Function.cs(3,9): error CS1002: ; expected [{project}]")
    with pytest.raises(CellSyntaxError) as refused:
        build(cell("Words@1.2.0"))
    assert str(refused.value) == "Cell In[4], line 4: CS1002: ; expected"
    assert (refused.value.line, refused.value.column) == (4, 9)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("Wrods@1.2.0", r"NU1101: Unable to find package Wrods\. No packages exist with this id in source\(s\): feed\n"
         r"Check the name\..*`!dotnet nuget list source`"),
        ("Words@9", r"NU1102: Unable to find package Words with version \(>= 9\)\nNU1102:   - Found 1 version\(s\) in "
         r"feed \[ Nearest version: 1\.2\.0 \]\nCheck the version"),
    ],
)  # fmt: skip
def test_what_nuget_cannot_have_is_told_in_its_own_words(sdk, word, says):
    with pytest.raises(NotInstalled, match=f"^NuGet could not get the packages. {says}"):
        build(cell(word))


@pytest.mark.parametrize(
    ("line", "kind", "says"),
    [
        ("{project} : error NU1301: Unable to load the service index for source https://x/index.json.", NotInstalled,
         r"^NuGet could not reach the place .*: NU1301: Unable to load the service index for source https://x/index"
         r"\.json\.\n.*needs no network once NuGet's cache has it"),
        ("/sdk/NuGet.targets(131,5): error : Unable to load the service index for source https://x. [{project}]",
         NotInstalled, "^NuGet could not reach the place"),
        ("{project} : error NU1605: Warning As Error: Detected package downgrade: Amazon.Lambda.Core from 2.9.0 to 2.8.0.",
         NotInstalled, "Detected package downgrade.*\nName that package too"),
        ("/sdk/x.targets(166,5): error NETSDK1045: The current .NET SDK does not support targeting .NET 8.0. [{project}]",
         NotBuilt, r"^dotnet publish failed\. NETSDK1045: The current .*\nThe runtime runs net8\.0"),
        ("MSBUILD : error MSB1009: Project file does not exist.", NotBuilt, "^dotnet publish failed. MSB1009: Project"),
        ("Unhandled exception. Something else.", NotBuilt, "^dotnet publish failed. Unhandled exception. Something else.$"),
    ],
)  # fmt: skip
def test_other_failures_keep_their_words_and_say_what_helps(sdk, folder, monkeypatch, line, kind, says):
    monkeypatch.setenv("FAKE_DOTNET_SAYS", line)
    with pytest.raises(kind, match=says):
        published(folder)


def test_a_project_for_another_framework_says_which_the_runtime_runs(sdk, folder):
    (folder / "Shop.csproj").write_text(PROJECT.replace("net8.0", "net6.0"))
    with pytest.raises(
        NotBuilt, match=r"NETSDK1005: Assets file .* doesn't have a target for 'net8\.0'.*\nThe runtime"
    ):
        published(folder)


def test_nothing_of_a_failed_build_is_kept(sdk, folder, monkeypatch):
    with monkeypatch.context() as failing, pytest.raises(NotBuilt):
        failing.setenv("FAKE_DOTNET_SAYS", "no")
        published(folder)
    assert "Shop.dll" in published(folder).files


def test_a_program_that_does_not_end_or_start_is_one_sentence(folder, monkeypatch):
    job = dotnet_publish.Job(folder / "Shop.csproj", "8", "x86_64")
    with pytest.raises(dotnet_publish.NotRun, match=r"/absent/dotnet did not run: .*No such file"):
        dotnet_publish.publish(dotnet.Sdk("/absent/dotnet", "8.0.408"), job, folder / "out")

    def late(command, **more):
        raise subprocess.TimeoutExpired(command, more["timeout"])

    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(dotnet_publish.NotRun, match="dotnet publish was not done after 900 s"):
        dotnet_publish.publish(dotnet.Sdk("/usr/bin/dotnet", "8.0.408"), job, folder / "out")


def test_the_compilers_error_of_no_file_is_told_without_a_place(sdk, folder, monkeypatch):
    monkeypatch.setenv("FAKE_DOTNET_SAYS", "CSC : error CS5001: Program does not contain a static 'Main' [{project}]")
    with pytest.raises(CellSyntaxError, match=r"^CS5001: Program does not contain a static 'Main'$"):
        published(folder)

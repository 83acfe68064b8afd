"""Published projects and cells with NuGet's packages, run by the real .NET 8.

Their `dotnet publish` is the fake of tests/fake_dotnet.py: no SDK can be had where these tests run. What it puts out is
compiled and run for real; the Amazon.Lambda.Core in it is compiled of the lab's stand-in, signed as NuGet's is and told
apart by a member of its own. Neither a real SDK nor NuGet's own assemblies have been seen with it.
"""

import struct

import pytest

from lambdalab.client.building import cache, nuget
from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.cell import CellSource
from lambdalab.runtimes.families.base import BOOTSTRAPS
from lambdalab.toolchains import csharp
from tests import fake_dotnet
from tests.runtimes.conftest import needs

pytestmark = pytest.mark.toolchains
RUNTIME = "dotnet8"
SETTINGS = {"runtime": RUNTIME, "memory": 512, "timeout": 10}
CELL = """using Amazon.Lambda.Core;

public record Order(string Name);

public class Shop
{
    public Dictionary<string, string> FunctionHandler(Order order, ILambdaContext context)
    {
        if (order.Name == "") throw new ArgumentException("no name");
        context.Logger.LogWarning("careful with {Name}", order.Name);
        LambdaLogger.Log(LogLevel.Error, new InvalidOperationException("inner"), "failed {0}", 5);
        LambdaLogger.Log(LogLevel.Debug, "too fine");
        return new() { ["said"] = Words.Words.Loud(order.Name), ["core"] = FromNuGet.Says, ["id"] = context.AwsRequestId };
    }
}
"""
PROJECT = """<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net8.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Amazon.Lambda.Core" Version="2.8.0" />
  </ItemGroup>
</Project>
"""
STREAMS = """using Amazon.Lambda.Core;
namespace Echo;
public class Function
{
    public Stream Handle(Stream input, ILambdaContext context)
    {
        context.Logger.LogInformation(Helpers.Name + FromNuGet.Says);
        return input;
    }
}
"""


@pytest.fixture(scope="module")
def feed(tmp_path_factory):
    """A folder that stands for NuGet: Lambda's packages, signed, and one that a person might want."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    needs(RUNTIME)
    made = tmp_path_factory.mktemp("feed")
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key().public_numbers()
    blob = struct.pack("<BBHI4sII", 6, 2, 0, 0x2400, b"RSA1", 1024, numbers.e) + numbers.n.to_bytes(128, "little")
    (key := made.parent / "key.snk").write_bytes(struct.pack("<III", 0x2400, 0x8004, len(blob)) + blob)
    (own := made.parent / "Own.cs").write_text(
        'namespace Amazon.Lambda.Core { public static class FromNuGet { public const string Text = "NuGet"; public static string Says => Text; } }'
    )
    (words := made.parent / "Words.cs").write_text(
        "namespace Words { public static class Words { public static string Loud(string s) => s.ToUpperInvariant(); } }"
    )
    core, json = nuget.USUAL
    signed, sources = ("-debug-", "-publicsign+", f'-keyfile:"{key}"'), BOOTSTRAPS / "dotnet"
    fake_dotnet.feed(made, core.name, core.version, [*sorted((sources / "core").glob("*.cs")), own], signed)
    there = made / core.name / core.version / csharp.CORE
    fake_dotnet.feed(made, json.name, json.version, sorted((sources / "json").glob("*.cs")), signed, [there])
    fake_dotnet.feed(made, "Words", "1.2.0", [words])
    return made


@pytest.fixture
def sdk(feed, monkeypatch, tmp_path):
    """The fake SDK, found by its name, with the feed; nothing is kept from before."""
    monkeypatch.setenv("LAMBDALAB_DOTNET", str(fake_dotnet.install(tmp_path / "installed")))
    monkeypatch.setenv("FAKE_DOTNET_FEED", str(feed))
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(cache, "directory", lambda name: tmp_path / "kept")


def test_a_cell_runs_with_the_packages_it_names_and_their_amazon_lambda_core(lab, sdk):
    function = lab["dotnet-packages"]
    function.deploy(CELL, cell=CellSource("Cell In[3]", CELL, 2), requirements=["Words@1.2.0"], **SETTINGS)
    invocation = function.invoke({"name": "ada é"})
    assert invocation.payload == {"said": "ADA É", "core": "NuGet", "id": invocation.request_id}
    lines = [line.partition(invocation.request_id)[2].strip() for line in invocation.log.splitlines() if "\t" in line]
    assert [line for line in lines if line[:4] in ("warn", "fail")] == ["warn\tcareful with ada é", "fail\tfailed 5"]
    assert "System.InvalidOperationException: inner" in invocation.log
    assert "too fine" not in invocation.log


def test_errors_of_such_a_cell_are_at_its_lines_when_it_is_compiled_and_when_it_runs(lab, sdk):
    function = lab["dotnet-packages-wrong"]
    function.deploy(CELL, cell=CellSource("Cell In[3]", CELL, 2), requirements=["Words"], **SETTINGS)
    failed = function.invoke({"name": ""})
    assert (failed.error.type, failed.error.frames[-1].place) == (
        "ArgumentException",
        "Cell In[3], line 10, in Shop.FunctionHandler",
    )
    wrong = CELL.replace("Words.Words.Loud", "Words.Words.Quiet")
    with pytest.raises(CellSyntaxError, match=r"^Cell In\[3\], line 14: CS0117: 'Words' does not contain .*'Quiet'"):
        function.deploy(wrong, cell=CellSource("Cell In[3]", wrong, 2), requirements=["Words"], **SETTINGS)


def test_a_folder_with_a_project_runs_as_it_was_published(lab, sdk, tmp_path):
    (folder := tmp_path / "Echo").mkdir()
    (folder / "Echo.csproj").write_text(PROJECT)
    (folder / "Function.cs").write_text(STREAMS)
    (folder / "Helpers.cs").write_text(
        'namespace Echo;\nstatic class Helpers { public const string Name = "from "; }\n'
    )
    function = lab["dotnet-project"]
    function.deploy(path=folder, **SETTINGS)
    assert function.configuration["Handler"] == "Echo::Echo.Function::Handle"
    invocation = function.invoke({"é": [1]})
    assert invocation.payload == {"é": [1]}
    assert "info\tfrom NuGet" in invocation.log
    (folder / "Helpers.cs").write_text("namespace Echo;\nstatic class Helpers { const int Name = ; }\n")
    with pytest.raises(CellSyntaxError, match=r"^Helpers\.cs, line 2: CS1525: "):
        function.deploy(path=folder, **SETTINGS)

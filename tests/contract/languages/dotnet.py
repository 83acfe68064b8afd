"""The contract's handlers in C#."""

import json

from lambdalab.toolchains import csharp
from tests.contract.languages import Language, Missing

SOURCE = """
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading.Tasks;
using Amazon.Lambda.Core;

[assembly: LambdaSerializer(typeof(Amazon.Lambda.Serialization.SystemTextJson.DefaultLambdaJsonSerializer))]

public class App
{
    static int calls;
    static readonly List<byte[]> kept = new();

    [DllImport("libc")] static extern nint strlen(nint text);
    [DllImport("libc")] static extern void _exit(int status);

    public Stream echo(Stream input) => input;
    public void fails(JsonElement input) => throw new Exception("no " + input.GetProperty("what").GetString());
    public void exits() => _exit(3);
    public nint crashes() => strlen(8); // in native code: what managed code does becomes an exception
    public async Task hangs() => await Task.Delay(60_000);
    public string big() => new string('x', 6 * 1024 * 1024 + 200);
    public int counts() => ++calls;
    public IDictionary environment() => Environment.GetEnvironmentVariables();

    public async Task<string> waits()
    {
        await Task.Delay(400);
        return "waited";
    }

    public object? writes()
    {
        using var output = Console.OpenStandardOutput();
        output.Write(System.Text.Encoding.UTF8.GetBytes("written\\n"));
        return null;
    }

    public int hogs()
    {
        for (var at = 0; at < 40; at++)
        {
            var taken = new byte[10_000_000];
            Array.Fill(taken, (byte)1);
            kept.Add(taken);
        }
        return kept.Count;
    }

    public bool keeps()
    {
        var path = Path.Combine(Path.GetTempPath(), "kept");
        var before = File.Exists(path);
        File.WriteAllText(path, "");
        return before;
    }

    public Dictionary<string, object> about(Stream input, ILambdaContext context) => new()
    {
        ["id"] = context.AwsRequestId, ["arn"] = context.InvokedFunctionArn, ["memory"] = context.MemoryLimitInMB,
        ["left"] = (long)context.RemainingTime.TotalMilliseconds, ["name"] = context.FunctionName,
    };

    public Dictionary<string, object> reads(List<string> paths)
    {
        var found = new Dictionary<string, object>();
        foreach (var path in paths)
        {
            try
            {
                found[path] = Directory.Exists(path) ? Directory.GetFileSystemEntries(path).Length : File.ReadAllBytes(path).Length;
            }
            catch (UnauthorizedAccessException) { found[path] = "PermissionError"; }
            catch (IOException error) { found[path] = error is FileNotFoundException or DirectoryNotFoundException ? "FileNotFoundError" : error.ToString(); }
        }
        return found;
    }

    public string layered() => File.ReadAllText(Environment.GetEnvironmentVariable("LAYER")!);
}
"""


def runtimeconfig(release):
    framework = {"name": "Microsoft.NETCore.App", "version": f"{release}.0.0"}
    return json.dumps({"runtimeOptions": {"tfm": f"net{release}.0", "framework": framework}})


def deps(assembly, release):
    target = f".NETCoreApp,Version=v{release}.0"
    mine = f"{assembly}/1.0.0"
    return json.dumps(
        {
            "runtimeTarget": {"name": target, "signature": ""},
            "targets": {target: {mine: {"runtime": {f"{assembly}.dll": {}}}}},
            "libraries": {mine: {"type": "project", "serviceable": False, "sha512": ""}},
        }
    )


def assemble(directory, runtime, source, name="App", options=("-debug-",)):
    """Compile one file to a package. The stand-ins for Amazon.Lambda.* that it refers to are not in it."""
    release = runtime.removeprefix("dotnet")
    stand_ins = directory.parent / f"{runtime}-stand-ins"
    try:
        if not stand_ins.exists():
            stand_ins.mkdir()
            assert not csharp.stand_ins(stand_ins, release)
        (directory / f"{name}.cs").write_text(source)
        job = csharp.Job(
            directory / f"{name}.dll", [directory / f"{name}.cs"], sorted(stand_ins.glob("*.dll")), options
        )
        problems = [one for one in csharp.compile(job, release) if one.is_error]
    except (csharp.NoCompiler, StopIteration) as why:
        raise Missing(f"no C# compiler: {why}") from why
    assert not problems, problems
    (directory / f"{name}.deps.json").write_text(deps(name, release))
    (directory / f"{name}.runtimeconfig.json").write_text(runtimeconfig(release))


def package(directory, runtime):
    assemble(directory, runtime, SOURCE)


def layer(directory, runtime):
    (directory / "layer.txt").write_text("from the layer")


# AWS's .NET runtime looks for no assembly in a layer.
UNABLE = {"layered": "AWS's .NET runtime looks for no library in a layer by itself"}

LANGUAGE = Language(
    "dotnet", package, layer, lambda name: f"App::App::{name}", "Exception",
    memory=256, timeout=5, missing_type="LambdaValidationException", unable=UNABLE,
)  # fmt: skip

""".NET functions as AWS runs them: forms of handlers, errors to the letter, refusals, the log, the context."""

import json
import re
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.cell import CellSource
from lambdalab.runtimes.families.base import BOOTSTRAPS
from lambdalab.toolchains import csharp
from tests.contract.languages import Missing
from tests.contract.languages import dotnet as packages
from tests.runtimes.conftest import needs

pytestmark = pytest.mark.toolchains
RUNTIME = "dotnet8"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
USING = """
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Amazon.Lambda.Core;
"""
SERIALIZER = (
    "[assembly: LambdaSerializer(typeof(Amazon.Lambda.Serialization.SystemTextJson.DefaultLambdaJsonSerializer))]"
)


@pytest.fixture(scope="session")
def assembled(tmp_path_factory):
    """Compile a source, once for all tests; the package's files by name."""
    made = {}

    def assemble(source, name="App", options=("-debug-",)):
        if (source, name) not in made:
            needs(RUNTIME)
            directory = tmp_path_factory.mktemp("assembled") / name
            directory.mkdir()
            try:
                packages.assemble(directory, RUNTIME, source, name, options)
            except Missing as why:
                pytest.fail(str(why))
            made[source, name] = {path.name: path.read_bytes() for path in directory.iterdir() if path.suffix != ".cs"}
        return dict(made[source, name])

    return assemble


@pytest.fixture
def dotnet(function, assembled):
    """Make a function of a class `App` with these members, or of a whole source."""

    def make(source, handler="App::App::Handle", **more):
        whole = source if "class App" in source else f"{USING}{SERIALIZER}\npublic class App\n{{\n{source}\n}}\n"
        return function(RUNTIME, assembled(whole), handler, **{"MemorySize": 512, **more})

    return make


def lines_of(invocation):
    platform = ("INIT_START", "START ", "END ", "REPORT ", "INIT_REPORT")
    return [line for line in invocation.log.split("\n") if line and not line.startswith(platform)]


# -- forms of handlers


FORMS = """
    public class Order { public string? Name { get; set; } public int Count { get; set; } public Order? Inner { get; set; } }
    int calls;

    public Stream Streams(Stream input) => input;
    public string Upper(string input) => input.ToUpperInvariant();
    public Order Poco(Order order) => new Order { Name = order.Name, Count = order.Count + 1 };
    public async Task<Order> Async(Order order, ILambdaContext context) { await Task.Delay(1); order.Name = context.FunctionName; return order; }
    public async Task Nothing(JsonElement input) => await Task.Delay(1);
    public void Void() { }
    public int OnlyContext(ILambdaContext context) => context.MemoryLimitInMB;
    public static double Static(double number) => number / 2;
    public Dictionary<string, object> Map(Dictionary<string, object> map) => map;
    public JsonDocument Json(JsonDocument json) => json;
    public Task<int> Calls() => Task.FromResult(++calls);
    private string Hidden() => "found";
    public async Task<Stream> AsyncStream(Stream input) { await Task.Yield(); return input; }
"""


@pytest.mark.parametrize(
    ("method", "event", "value"),
    [
        ("Streams", {"é": ["🎉"]}, {"é": ["🎉"]}),
        ("AsyncStream", [1], [1]),
        ("Upper", "é✓🎉", "É✓🎉"),
        ("Poco", {"name": "é", "COUNT": 1, "more": 2}, {"Name": "é", "Count": 2}),
        ("OnlyContext", {}, 512),
        ("Static", 5, 2.5),
        ("Map", {"a": {"b": [1]}}, {"a": {"b": [1]}}),
        ("Json", {"a": [None]}, {"a": [None]}),
        ("Hidden", {}, "found"),
    ],
)
def test_a_handler_takes_and_returns_streams_and_what_the_serializer_knows(dotnet, method, event, value):
    assert dotnet(FORMS, f"App::App::{method}").invoke(event).payload == value


def test_a_task_is_waited_for_and_nothing_is_nothing(dotnet):
    made = dotnet(FORMS, "App::App::Async")
    assert made.invoke({"Count": 3}).payload == {"Name": made.name, "Count": 3}
    for method in ("Nothing", "Void"):
        assert dotnet(FORMS, f"App::App::{method}").invoke().raw == b""


def test_an_instance_lives_as_long_as_its_environment(dotnet):
    made = dotnet(FORMS, "App::App::Calls")
    assert [made.invoke().payload for _ in range(3)] == [1, 2, 3]


def test_an_event_and_an_answer_of_six_megabytes_come_through(dotnet):
    text = "x" * (6 * 1024 * 1024 - 20)
    made = dotnet(FORMS, "App::App::Streams", MemorySize=1024)
    assert made.invoke({"t": text}).payload == {"t": text}
    assert made.invoke({"t": "small"}).payload == {"t": "small"}


# -- errors


FAILS = """
    public class Refused : Exception { public Refused(string message, Exception inner) : base(message, inner) { } }
    static int calls;

    static void Inner() => throw new InvalidOperationException("é inside");

    public int Handle(string kind)
    {
        calls++;
        switch (kind)
        {
            case "plain": Inner(); break;
            case "cause":
                try { Inner(); } catch (Exception error) { throw new Refused("outside", error); }
                break;
            case "several": throw new AggregateException("many", new Exception("one"), new ArgumentException("two"));
            case "task": Task.Run(Inner).Wait(); break;
            case "exit": Environment.Exit(7); break;
            case "long": throw new Exception(new string('x', 300_000));
        }
        return calls;
    }

    public async Task<int> Later(string kind) { await Task.Yield(); Inner(); return 1; }
"""


def test_an_error_is_reported_as_aws_does_and_the_environment_lives_on(dotnet):
    made = dotnet(FAILS)
    failed = made.invoke("plain")
    assert failed.payload == {
        "errorType": "InvalidOperationException",
        "errorMessage": "é inside",
        "stackTrace": ["at App.Inner()", "at App.Handle(String kind)"],
    }
    assert list(failed.payload) == ["errorType", "errorMessage", "stackTrace"]
    assert failed.raw.startswith(b'{\n  "errorType": "InvalidOperationException",\n  "errorMessage": ')
    logged = lines_of(failed)
    assert re.fullmatch(rf"{TIME}\t{failed.request_id}\tfail\tSystem.InvalidOperationException: é inside", logged[0])
    assert logged[1:] == ["   at App.Inner()", "   at App.Handle(String kind)"]
    assert made.invoke("none").payload == 2


def test_an_errors_causes_are_inside_it(dotnet):
    made = dotnet(FAILS)
    cause = made.invoke("cause").payload
    assert (cause["errorType"], cause["errorMessage"]) == ("Refused", "outside")
    assert (cause["cause"]["errorType"], cause["cause"]["stackTrace"][0]) == (
        "InvalidOperationException",
        "at App.Inner()",
    )
    several = made.invoke("several").payload
    assert several["errorMessage"] == "many (one) (two)"
    assert [one["errorType"] for one in several["causes"]] == ["Exception", "ArgumentException"]
    assert several["cause"]["errorMessage"] == "one"


def test_a_tasks_error_is_the_error_itself(dotnet):
    failed = dotnet(FAILS, "App::App::Later").invoke("x").payload
    assert (failed["errorType"], failed["stackTrace"][0]) == ("InvalidOperationException", "at App.Inner()")
    assert not [line for line in failed["stackTrace"] if "LambdaRuntime" in line]


def test_an_error_over_256_kb_says_only_that(dotnet):
    assert dotnet(FAILS).invoke("long").payload == {"errorMessage": "Exception exceeded maximum payload size of 256KB."}


def test_leaving_is_an_exit_error(dotnet):
    failed = dotnet(FAILS).invoke("exit").payload
    assert failed["errorType"] == "Runtime.ExitError"
    assert failed["errorMessage"].endswith("Runtime exited with error: exit status 7")


def test_with_symbols_a_frame_names_its_line(function, assembled):
    source = f'{USING}{SERIALIZER}\n#line 1 "Handler.cs"\npublic class App {{\n  public string Handle() =>\n    throw new Exception("x"); }}'
    files = assembled(source, options=("-debug:embedded",))
    failed = function(RUNTIME, files, "App::App::Handle", MemorySize=512).invoke().payload
    assert re.fullmatch(r"at App\.Handle\(\) in .*Handler\.cs:line 3", failed["stackTrace"][0])


def test_an_event_that_does_not_fit_is_the_serializers_error(dotnet):
    failed = dotnet(FORMS, "App::App::Poco").invoke([1]).payload
    assert failed["errorType"] == "JsonSerializerException"
    assert failed["errorMessage"].startswith("Error converting the Lambda event JSON payload to type App+Order: ")
    assert failed["cause"]["errorType"] == "JsonException"


# -- what is refused


REFUSED = """
    public class Generic<T> { public int Handle() => 1; }
    public abstract class Abstract { public int Handle() => 1; public abstract int Open(); }
    public class Broken { public Broken() => throw new NotSupportedException("not here"); public int Handle() => 1; }
    public class Late { static readonly int Number = int.Parse("x"); public int Handle() => Number; }
    public int Three(int a, ILambdaContext b, int c) => 1;
    public int NoContext(int a, int b) => 1;
    public int Open<T>() => 1;
    public async void Forget() => await Task.Yield();
    public int Params(params int[] all) => 1;
    public int Twice(int number) => 1;
    public int Twice(string text) => 1;
"""
FORM = "The valid format is 'ASSEMBLY::TYPE::METHOD'."


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("App::App", f"Invalid lambda function handler: 'App::App'. {FORM}"),
        ("App::::Handle", f"Invalid lambda function handler: 'App::::Handle', the type is missing. {FORM}"),
        ("App::App::", f"Invalid lambda function handler: 'App::App::', the method is missing. {FORM}"),
        ("App::Nothing::Handle", "Unable to load type 'Nothing' from assembly 'App'."),
        ("App::App::Nothing", "Unable to find method 'Nothing' in type 'App' from assembly 'App': Found no methods matching method name 'Nothing'."),
        ("Other::App::Handle", "Could not find the specified handler assembly with the file name 'Other, Culture=neutral, PublicKeyToken=null'. The assembly should be located in the root of your uploaded .zip file."),
        ("App::App::Three", "Method 'Three' of type 'App' is not supported: the method has more than 2 parameters."),
        ("App::App::NoContext", "Method 'NoContext' of type 'App' is not supported: the method has 2 parameters, but the second parameter is not of type 'Amazon.Lambda.Core.ILambdaContext'."),
        ("App::App::Open", "The method 'Int32 Open[T]()' cannot be used as a Lambda Handler because it is a generic method. Handler methods cannot be generic. Please specify a non-generic handler method."),
        ("App::App::Forget", "The method 'Void Forget()' cannot be used as a Lambda Handler because it is an 'async void' method. Handler methods cannot be 'async void'. Please specify a method that is not 'async void'."),
        ("App::App::Params", "The method 'Int32 Params(Int32[])' cannot be used as a Lambda Handler because it is a 'params' method. Please specify a method that does not use 'params'."),
        ("App::App+Abstract::Open", "The method 'Int32 Open()' cannot be used as a Lambda Handler because it is an abstract method. Handler methods cannot be abstract. Please specify a non-abstract handler method."),
        ("App::App+Abstract::Handle", "The instance method 'Int32 Handle()' cannot be used as a Lambda Handler because its type 'App+Abstract' is abstract. Please either use a static handler or specify a type that is not abstract."),
        ("App::App+Generic`1::Handle", "The type 'App+Generic`1[T]' cannot be used as a Lambda Handler type because it is generic. Handler methods cannot be located in generic types. Please specify a handler method in a non-generic type."),
        ("App::App::Twice", "The method 'Twice' in type 'App' appears to have a number of overloads. To call this method please specify a complete method signature. Possible candidates are:\nInt32 Twice(Int32)\nInt32 Twice(System.String)."),
    ],
)  # fmt: skip
def test_a_handler_that_aws_refuses_is_an_init_error_in_its_words(dotnet, handler, message):
    failed = dotnet(REFUSED, handler).invoke()
    assert (failed.payload["errorType"], failed.payload["errorMessage"]) == ("LambdaValidationException", message)
    assert failed.record.outcome == "init_error"


def test_a_constructor_that_throws_is_an_init_error(dotnet):
    failed = dotnet(REFUSED, "App::App+Broken::Handle").invoke()
    assert (failed.payload["errorType"], failed.payload["errorMessage"]) == ("NotSupportedException", "not here")
    assert failed.payload["stackTrace"][0] == "at App.Broken..ctor()"
    assert failed.record.outcome == "init_error"


def test_a_static_field_that_throws_is_the_first_calls_error(dotnet):
    failed = dotnet(REFUSED, "App::App+Late::Handle").invoke().payload
    assert failed["errorType"] == "TypeInitializationException"
    assert failed["cause"]["errorType"] == "FormatException"


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("int Handle(Stream s) => 1", "serialize output data of type 'System.Int32'"),
        ("Stream Handle(string s) => Stream.Null", "deserialize input data of type 'System.String'"),
    ],
)
def test_values_need_a_serializer(dotnet, method, data):
    failed = dotnet(f"{USING}public class App {{ public {method}; }}").invoke().payload
    assert failed["errorMessage"] == (
        f"Could not find the LambdaSerializerAttribute on the assembly 'App' or method 'Handle' while attempting to {data}. "
        "To use types other than System.IO.Stream as input/output parameters, the assembly or Lambda function should be "
        "annotated with Amazon.Lambda.Core.LambdaSerializerAttribute."
    )


@pytest.mark.parametrize(
    ("lacking", "handler", "status", "words"),
    [
        ("App.deps.json", "App::App::Handle", 105, "is missing the required .deps.json file."),
        ("App.runtimeconfig.json", "App::App::Handle", 106, "is missing the required .runtimeconfig.json file."),
        ("App.dll", "App", 104, "Error: executable assembly /var/task/App.dll or binary /var/task/App not found."),
    ],
)
def test_a_package_that_lacks_something_is_refused_by_the_bootstrap(
    function, assembled, lacking, handler, status, words
):
    files = assembled(f"{USING}public class App {{ public Stream Handle(Stream s) => s; }}")
    del files[lacking]
    failed = function(RUNTIME, files, handler).invoke()
    assert failed.payload["errorMessage"].endswith(f"Runtime exited with error: exit status {status}")
    assert words in failed.log


def test_another_release_is_not_run_in_its_place(function, assembled):
    files = assembled(f"{USING}public class App {{ public Stream Handle(Stream s) => s; }}")
    files["App.runtimeconfig.json"] = files["App.runtimeconfig.json"].replace(b"8.0", b"6.0")
    failed = function(RUNTIME, files, "App::App::Handle").invoke()
    assert failed.payload["errorType"] == "Runtime.ExitError"
    assert "You must install or update .NET to run this application." in failed.log
    assert "Framework: 'Microsoft.NETCore.App', version '6.0.0'" in failed.log


# -- programs, and what a package brings


PROGRAM = """
using System;
using System.Net.Http;
var client = new HttpClient();
var api = $"http://{Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API")}/2018-06-01/runtime/invocation";
while (true)
{
    var next = await client.GetAsync($"{api}/next");
    var id = string.Join("", next.Headers.GetValues("Lambda-Runtime-Aws-Request-Id"));
    await client.PostAsync($"{api}/{id}/response", new StringContent("\\"from the program\\""));
}
"""


@pytest.mark.parametrize("handler", ["Program", "Program.dll"])
def test_a_program_polls_by_itself(function, assembled, handler):
    files = assembled(PROGRAM, "Program", ("-debug-", "-target:exe"))
    assert function(RUNTIME, files, handler, MemorySize=512).invoke().payload == "from the program"


def a_public_key(path):
    """A key file with a public key: assemblies of NuGet are signed, and references to them say so."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    numbers = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key().public_numbers()
    blob = struct.pack("<BBHI4sII", 6, 2, 0, 0x2400, b"RSA1", 1024, numbers.e) + numbers.n.to_bytes(128, "little")
    path.write_bytes(struct.pack("<III", 0x2400, 0x8004, len(blob)) + blob)


def test_a_packages_own_library_wins_over_ours(function, tmp_path):
    needs(RUNTIME)
    (own := tmp_path / "Own.cs").write_text(
        'namespace Amazon.Lambda.Core { public class Mine { public const string Says = "mine"; public static string From() => Says; } }'
    )
    (source := tmp_path / "App.cs").write_text(
        f"{USING}public class App {{ public Stream Handle(Stream s, ILambdaContext context) {{ "
        "context.Logger.LogInformation(\"logged {Number}\", 5); LambdaLogger.Log(\"plain\"); "
        "return new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(Mine.From() + context.GetType().GetInterfaces()[0].Assembly.FullName)); } }"
    )  # fmt: skip
    a_public_key(tmp_path / "key.snk")
    core, app = tmp_path / "Amazon.Lambda.Core.dll", tmp_path / "App.dll"
    signed = ("-debug-", "-publicsign+", f'-keyfile:"{tmp_path / "key.snk"}"')
    assert not csharp.compile(
        csharp.Job(core, [*sorted((BOOTSTRAPS / "dotnet" / "core").glob("*.cs")), own], options=signed), "8"
    )
    assert not csharp.compile(csharp.Job(app, [source], [core]), "8")
    deps = json.loads(packages.deps("App", "8"))
    deps["targets"][".NETCoreApp,Version=v8.0"]["Amazon.Lambda.Core/2.0.0"] = {
        "runtime": {"Amazon.Lambda.Core.dll": {}}
    }
    deps["libraries"]["Amazon.Lambda.Core/2.0.0"] = {"type": "package", "serviceable": True, "sha512": ""}
    files = {
        "App.dll": app.read_bytes(), core.name: core.read_bytes(), "App.deps.json": json.dumps(deps),
        "App.runtimeconfig.json": packages.runtimeconfig("8"),
    }  # fmt: skip
    invocation = function(RUNTIME, files, "App::App::Handle", MemorySize=512).invoke()
    assert re.fullmatch(
        r"mineAmazon\.Lambda\.Core, Version=1\.0\.0\.0, Culture=neutral, PublicKeyToken=[0-9a-f]{16}",
        invocation.payload,
    )
    logged, plain = lines_of(invocation)
    assert logged.endswith("\tinfo\tlogged 5")
    assert re.fullmatch(rf"{TIME}\t{invocation.request_id}\tplain", plain)


# -- context, variables, log


def test_the_context_is_awss(dotnet):
    made = dotnet("""
    public Dictionary<string, object?> Handle(Stream input, ILambdaContext context)
    {
        var left = context.RemainingTime;
        System.Threading.Thread.Sleep(50);
        return new()
        {
            ["id"] = context.AwsRequestId, ["arn"] = context.InvokedFunctionArn, ["group"] = context.LogGroupName,
            ["stream"] = context.LogStreamName, ["left"] = left.TotalMilliseconds,
            ["passed"] = (left - context.RemainingTime).TotalMilliseconds,
            ["rest"] = new object?[] { context.FunctionName, context.FunctionVersion, context.MemoryLimitInMB, context.Identity.IdentityId,
                context.ClientContext?.Custom["é"], context.ClientContext?.Environment["locale"], context.ClientContext?.Client.AppTitle },
        };
    }
    """)
    invocation = made.invoke(
        client_context={"custom": {"é": "x"}, "env": {"locale": "de"}, "client": {"app_title": "Shop"}}
    )
    seen = invocation.payload
    assert seen["id"] == invocation.request_id
    assert seen["arn"].endswith(f":function:{made.name}")
    assert seen["group"] == f"/aws/lambda/{made.name}"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen["stream"])
    assert 0 < seen["left"] <= 10_000
    assert 45 <= seen["passed"] < 5_000
    assert seen["rest"] == [made.name, "$LATEST", 512, "", "x", "de", "Shop"]
    assert made.invoke().payload["rest"][4:] == [None, None, None]


def test_the_variables_are_awss(dotnet):
    made = dotnet(
        "public IDictionary Handle() => Environment.GetEnvironmentVariables();",
        Environment={"Variables": {"GREETING": "é✓"}},
    )
    seen = made.invoke().payload
    assert seen["GREETING"] == "é✓"
    assert (seen["AWS_EXECUTION_ENV"], seen["LANG"], seen["TZ"]) == ("AWS_Lambda_dotnet8", "en_US.UTF-8", ":UTC")
    assert (seen["LAMBDA_TASK_ROOT"], seen["LAMBDA_RUNTIME_DIR"]) == ("/var/task", "/var/runtime")
    assert not [name for name in seen if name.startswith("LAMBDALAB")]


LOGS = """
    public void Handle(Stream input, ILambdaContext context)
    {
        Console.WriteLine("é {0}", 1);
        Console.Error.WriteLine("to stderr");
        Console.Write("raw\\n");
        LambdaLogger.Log("no level");
        context.Logger.LogDebug("too fine");
        context.Logger.LogWarning("careful");
        context.Logger.LogInformation("{Count} of {Product:N1} at {0}", 3, 1.26);
        context.Logger.LogError(new ArgumentException("bad"), "failed {Who}", "me");
        context.Logger.LogLine("line");
    }
"""


def test_lines_have_the_time_the_requests_id_and_a_level(dotnet):
    invocation = dotnet(LOGS).invoke()
    lines = [re.sub(rf"^{TIME}\t{invocation.request_id}\t", "", line) for line in lines_of(invocation)]
    assert lines == [
        "info\té 1", "fail\tto stderr", "raw", "no level", "warn\tcareful", "info\t3 of 1.3 at 3", "fail\tfailed me",
        "System.ArgumentException: bad", "info\tline",
    ]  # fmt: skip


def test_a_json_log_is_json_from_the_level_on(dotnet):
    made = dotnet(LOGS, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})
    invocation = made.invoke()
    records = [json.loads(line) for line in invocation.log.splitlines() if '"level"' in line]
    assert [record["level"] for record in records] == ["Error", "Information", "Warning", "Error"]
    assert re.fullmatch(TIME, records[0]["timestamp"])
    assert {record["requestId"] for record in records} == {invocation.request_id}
    failed = records[-1]
    assert (failed["message"], failed["Who"]) == ("failed me", "me")
    assert (failed["errorType"], failed["errorMessage"]) == ("System.ArgumentException", "bad")
    assert failed["stackTrace"] == ["System.ArgumentException: bad"]


def test_an_unhandled_error_is_a_record_of_a_json_log(dotnet):
    failed = dotnet(FAILS, LoggingConfig={"LogFormat": "JSON"}).invoke("plain")
    record = next(json.loads(line) for line in failed.log.splitlines() if '"errorType"' in line and '"level"' in line)
    assert (record["level"], record["errorType"], record["errorMessage"]) == (
        "Error",
        "System.InvalidOperationException",
        "é inside",
    )
    assert record["stackTrace"][1:] == ["at App.Inner()", "at App.Handle(String kind)"]


# -- environments


def test_environments_of_their_own_answer_at_the_same_time(dotnet):
    made = dotnet("public async Task<int> Handle(int number) { await Task.Delay(500); return number; }")
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(made.invoke, range(3)))
    assert [answer.payload for answer in answers] == [0, 1, 2]
    assert len({answer.record.environment_id for answer in answers}) == 3


def test_the_collector_knows_the_memory_size(dotnet):
    made = dotnet("public long Handle() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;")
    assert made.invoke().payload == 512 << 20


# -- cells


CELL = """using Amazon.Lambda.Core;

public record Greeting(string Name);

public class Hello
{
    public string FunctionHandler(Greeting input, ILambdaContext context)
    {
        if (input.Name is null) throw new ArgumentException("no name");
        return string.Join(" ", new[] { "Hello", input.Name }.Where(word => word != ""));
    }
}
"""


def test_a_cell_is_compiled_deployed_and_called_and_its_errors_point_into_it(lab):
    needs(RUNTIME)
    function = lab["dotnet-cell"]
    settings = {"runtime": RUNTIME, "memory": 512, "timeout": 10}
    function.deploy(CELL, cell=CellSource("Cell In[3]", CELL, 2), **settings)
    assert function.invoke({"name": "Ada é"}).payload == "Hello Ada é"
    failed = function.invoke({})
    assert failed.error.type == "ArgumentException"
    assert failed.error.frames[-1].place == "Cell In[3], line 10, in Hello.FunctionHandler"
    wrong = CELL.replace("return ", "retrun ")
    with pytest.raises(CellSyntaxError, match=r"Cell In\[3\], line 11: CS\d+: "):
        function.deploy(wrong, cell=CellSource("Cell In[3]", wrong, 2), **settings)

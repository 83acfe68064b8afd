"""Node.js functions as AWS runs them: every form of handler, every way to fail, the log, the context, streaming."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lambdalab.client.cell import CellSource
from tests.contract.test_oracle import EMULATOR, Emulator
from tests.runtimes.conftest import needs, zipped

pytestmark = pytest.mark.toolchains
ALL = ["nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x"]
CALLBACKS = ALL[:3]
OLD, NEW = "nodejs22.x", "nodejs24.x"
BOTH = [OLD, NEW]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
every_release = pytest.mark.parametrize("runtime", ALL)
before_24 = pytest.mark.parametrize("runtime", CALLBACKS)
old_and_new = pytest.mark.parametrize("runtime", BOTH)


@pytest.fixture
def node(function):
    """A function of one file, index.js unless `file` says otherwise."""

    def make(runtime, source, handler="index.handler", *, file="index.js", files=(), **more):
        return function(runtime, {file: source, **dict(files)}, handler, **more)

    return make


def lines_of(invocation):
    """What the function logged: the log without the platform's lines."""
    platform = ("INIT_START", "START ", "END ", "REPORT ", "INIT_REPORT")
    return [line for line in invocation.log.split("\n") if line and not line.startswith(platform)]


# -- forms of handlers


@every_release
@pytest.mark.parametrize(
    ("file", "source", "files"),
    [
        ("index.js", "exports.handler = async (event) => event.n + 1;", {}),
        ("index.cjs", "exports.handler = async (event) => event.n + 1;", {}),
        ("index.mjs", "export const handler = async (event) => event.n + 1;", {}),
        ("index.js", "export const handler = async (event) => event.n + 1;", {"package.json": '{"type": "module"}'}),
        ("index.mjs", "const one = await Promise.resolve(1); export const handler = async (e) => e.n + one;", {}),
        ("index", "exports.handler = async (event) => event.n + 1;", {}),
        ("index/index.js", "exports.handler = async (event) => event.n + 1;", {}),
    ],
    ids=["cjs", ".cjs", "mjs", "type-module", "top-level-await", "no-extension", "folder"],
)
def test_a_module_of_either_kind_is_loaded(node, runtime, file, source, files):
    assert node(runtime, source, file=file, files=files).invoke({"n": 1}).payload == 2


@old_and_new
@pytest.mark.parametrize(
    ("handler", "file"),
    [
        ("src/deep/app.handler", "src/deep/app.js"),
        ("app.api.v1.handler", "app.js"),
        ("src/app.api.v1.handler", "src/app.mjs"),
    ],
)
def test_a_handlers_path_goes_through_folders_and_objects(node, runtime, handler, file):
    body = "async (event) => 'found'"
    exported = {"handler": "handler", "api.v1.handler": "api"}[handler.partition(".")[2]]
    value = body if exported == "handler" else f"{{ v1: {{ handler: {body} }} }}"
    declared = f"export const {exported} = {value};" if file.endswith(".mjs") else f"exports.{exported} = {value};"
    assert node(runtime, declared, handler, file=file).invoke().payload == "found"


def test_js_wins_over_mjs(node):
    files = {"index.mjs": "export const handler = async () => 'mjs';"}
    assert node(OLD, "exports.handler = async () => 'js';", files=files).invoke().payload == "js"


def test_typescript_is_loaded_from_24_on(node):
    source = "export const handler = async (event: { n: number }): Promise<number> => event.n + 1;"
    assert node(NEW, source, file="index.mts").invoke({"n": 1}).payload == 2
    assert node(OLD, source, file="index.mts").invoke().payload["errorType"] == "Runtime.ImportModuleError"


def test_a_default_export_is_looked_into_from_24_on(node):
    source = "export default { handler: async () => 'inside' };"
    assert node(NEW, source, file="index.mjs").invoke().payload == "inside"
    assert node(OLD, source, file="index.mjs").invoke().payload["errorType"] == "Runtime.HandlerNotFound"


@old_and_new
@pytest.mark.parametrize(
    ("body", "value"),
    [("undefined", None), ("null", None), ("'é✓🎉'", "é✓🎉"), ("[1, {a: undefined}]", [1, {}]), ("() => 1", None)],
)
def test_what_a_handler_returns_becomes_json(node, runtime, body, value):
    assert node(runtime, f"exports.handler = async () => ({body});").invoke().payload == value


@pytest.mark.parametrize("runtime", [NEW])
def test_a_plain_functions_value_is_the_result_from_24_on(node, runtime):
    assert node(runtime, "exports.handler = (event) => event.n * 2;").invoke({"n": 4}).payload == 8


@before_24
def test_a_plain_functions_value_is_nothing_before_24(node, runtime):
    assert node(runtime, "exports.handler = (event) => event.n * 2;").invoke({"n": 4}).payload is None


# -- callbacks


@before_24
def test_a_callback_answers_and_waits_for_the_event_loop(node, runtime):
    source = """
    exports.handler = (event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = event.waits;
      setTimeout(() => console.log('later'), 200);
      callback(null, 'answered');
      callback(null, 'twice');
    };
    """
    made = node(runtime, source)
    waited = made.invoke({"waits": True})
    assert waited.payload == "answered"
    assert waited.duration_ms > 190
    assert lines_of(waited)[-1].endswith("\tINFO\tlater")
    at_once = made.invoke({"waits": False})
    assert at_once.payload == "answered"
    assert at_once.duration_ms < 190


@before_24
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("callback(new TypeError('no'))", ("TypeError", "no")),
        ("callback('words')", ("string", "words")),
        ("callback({ code: 7 })", ("object", "[object Object]")),
        ("context.fail(new RangeError('far'))", ("RangeError", "far")),
        ("context.fail()", ("string", "handled")),
        ("context.done('lost')", ("string", "lost")),
    ],
)
def test_a_callbacks_error_is_the_invocations(node, runtime, call, expected):
    failed = node(runtime, f"exports.handler = (event, context, callback) => {{ {call}; }};").invoke()
    assert (failed.error.type, failed.error.message) == expected


@before_24
@pytest.mark.parametrize("call", ["context.succeed(5)", "context.done(null, 5)", "callback(null, 5)"])
def test_the_contexts_functions_answer_too(node, runtime, call):
    assert node(runtime, f"exports.handler = (event, context, callback) => {{ {call}; }};").invoke().payload == 5


@before_24
def test_a_callback_handler_is_warned_of_once(node, runtime):
    source = "exports.handler = (event, context, callback) => callback(null, 1);"
    (line,) = lines_of(node(runtime, source).invoke())
    assert re.match(rf"{TIME}\tundefined\tWARN\tAWS Lambda plans to remove support for callback-based function", line)
    quiet = node(runtime, source, Environment={"Variables": {"AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING": "1"}})
    assert lines_of(quiet.invoke()) == []


@before_24
def test_an_empty_event_loop_ends_an_invocation(node, runtime):
    assert node(runtime, "exports.handler = (event, context, callback) => {};").invoke().payload is None
    lost = node(runtime, "exports.handler = async () => new Promise(() => {});").invoke()
    assert lost.error.type == "Runtime.NodeJsExit"
    assert lost.error.message.startswith("The Lambda runtime client detected an unexpected Node.js exit code.")


def test_a_promise_that_never_settles_ends_the_process_from_24_on(node):
    lost = node(NEW, "exports.handler = async () => new Promise(() => {});").invoke()
    assert lost.error.type == "Runtime.ExitError"
    assert lost.error.message.endswith("Error: Runtime exited without providing a reason")


def test_24_refuses_callback_handlers_and_async_ones_with_three_parameters(node):
    for source in ("(event, context, callback) => callback()", "async (event, context, callback) => 1"):
        refused = node(NEW, f"exports.handler = {source};").invoke()
        assert refused.error.type == "Runtime.CallbackHandlerDeprecated"
        assert refused.error.message == (
            "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. "
            "You need to modify this function to use a supported handler signature to use Node.js 24 or later. "
            "For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html."
        )


# -- errors


@every_release
def test_an_error_has_its_type_message_and_trace_and_is_logged(node, runtime):
    source = "class Refused extends Error { name = 'Refused'; code = 'E_NO'; }\nexports.handler = async () => {\n  throw new Refused('not now');\n};\n"
    failed = node(runtime, source).invoke()
    assert list(failed.payload) == ["errorType", "errorMessage", "trace"]
    trace = failed.payload["trace"]
    assert trace[0] in ("Refused: not now", "Error: not now")
    assert trace[1] == "    at exports.handler (/var/task/index.js:3:9)"
    (line,) = lines_of(failed)
    found = re.fullmatch(rf"{TIME}\t{failed.request_id}\tERROR\tInvoke Error \t(.*)", line)
    assert json.loads(found[1]) == {
        "errorType": "Refused", "errorMessage": "not now", "code": "E_NO", "name": "Refused", "stack": trace,
    }  # fmt: skip


@every_release
def test_a_trace_names_awss_classes_and_the_es_modules_file(node, runtime):
    source = "export async function handler() {\n  throw new Error('m');\n}\n"
    trace = node(runtime, source, file="index.mjs").invoke().payload["trace"]
    caller, method = (
        ("BufferedInvokeProcessor", "processInvoke") if runtime == NEW else ("Runtime", "handleOnceNonStreaming")
    )
    assert trace[:2] == ["Error: m", f"    at {caller}.handler (file:///var/task/index.mjs:2:9)"]
    assert trace[2].startswith(f"    at {caller}.{method} (")


@old_and_new
@pytest.mark.parametrize(
    ("thrown", "expected"),
    [
        ("'words'", {"errorType": "string", "errorMessage": "words", "trace": []}),
        ("42", {"errorType": "number", "errorMessage": "42", "trace": []}),
        ("({ name: 'N', message: 'm', stack: 'one\\ntwo' })", {"errorType": "N", "errorMessage": "m", "trace": ["one", "two"]}),
        ("({ a: 1 })", {"errorType": "object", "errorMessage": "[object Object]", "trace": []}),
    ],
)  # fmt: skip
def test_anything_may_be_thrown(node, runtime, thrown, expected):
    assert node(runtime, f"exports.handler = async () => {{ throw {thrown}; }};").invoke().payload == expected


@old_and_new
def test_an_error_whose_properties_throw_is_reported_all_the_same(node, runtime):
    source = "exports.handler = async () => { throw { get name() { throw 1; }, toString() { throw 2; } }; };"
    assert node(runtime, source).invoke().payload["errorType"] == "handled"


@old_and_new
def test_an_errors_name_may_be_anything_and_stays_in_its_header(node, runtime):
    source = "exports.handler = async () => { const e = new Error('m'); e.name = 'É\\r\\nX-A: b'; throw e; };"
    made = node(runtime, source)
    assert made.invoke().payload["errorType"] == "É\r\nX-A: b"
    assert made.invoke().record.cold is False


def test_what_json_cannot_say_is_an_error(node):
    source = "exports.handler = async () => { const a = {}; a.a = a; return a; };"
    assert node(OLD, source).invoke().payload["errorMessage"] == "Unable to stringify response body"
    failed = node(NEW, source).invoke().payload
    assert (failed["errorType"], failed["errorMessage"]) == (
        "Runtime.JSONStringifyError",
        "Unable to stringify response body",
    )


@every_release
@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("", "other.handler", "Runtime.ImportModuleError",
         "Error: Cannot find module 'other'\nRequire stack:\n- /var/runtime/index.mjs"),
        ("require('left-pad');", "index.handler", "Runtime.ImportModuleError",
         "Error: Cannot find module 'left-pad'\nRequire stack:\n- /var/task/index.js\n- /var/runtime/index.mjs"),
        ("exports.other = 1;", "index.handler", "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
        ("exports.handler = 1;", "index.handler", "Runtime.HandlerNotFound", "index.handler is not a function"),
        ("", "index", "Runtime.MalformedHandlerName", "Bad handler"),
        ("", "../index.handler", "Runtime.MalformedHandlerName",
         "'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names."),
        ("exports.handler = async () => {\n  const = 1;\n};", "index.handler", "Runtime.UserCodeSyntaxError",
         "SyntaxError: Unexpected token '='"),
        ("import x from 'y';", "index.handler", "Runtime.UserCodeSyntaxError",
         "SyntaxError: Cannot use import statement outside a module"),
        ("throw new RangeError('at load');", "index.handler", "RangeError", "at load"),
    ],
    ids=["no-module", "no-package", "no-handler", "no-function", "no-dot", "dots", "syntax", "esm-in-cjs", "throws"],
)  # fmt: skip
def test_what_goes_wrong_in_init_is_told_in_awss_words(node, runtime, source, handler, error_type, message):
    if runtime == NEW and "import x" in source:
        pytest.skip("from 24 on Node itself detects ES modules, and AWS leaves it to")
    failed = node(runtime, source, handler).invoke()
    assert (failed.payload["errorType"], failed.payload["errorMessage"]) == (error_type, message)
    assert failed.record.outcome == "init_error"
    what, who = ("Init Error", "-") if runtime == NEW else ("Uncaught Exception", "undefined")
    line = lines_of(failed)[-1]  # Node itself warns before some
    assert re.match(rf"{TIME}\t{who}\tERROR\t{what} \t{{\"errorType\":\"{re.escape(error_type)}\"", line)
    if not (runtime == NEW and error_type == "Runtime.UserCodeSyntaxError"):
        assert failed.payload["trace"][0] == f"{error_type}: {message}".split("\n", 1)[0]


def test_a_syntax_error_shows_its_line_from_24_on(node):
    failed = node(NEW, "exports.handler = async () => {\n  const = 1;\n};").invoke()
    assert failed.payload["trace"][0] == "/var/task/index.js:2"


@every_release
def test_a_package_that_an_es_module_imports_and_that_is_not_there_is_nodes_own_error(node, runtime):
    failed = node(runtime, "import { S3Client } from '@aws-sdk/client-s3';", file="index.mjs").invoke()
    assert failed.payload["errorType"] == "Error"
    assert (
        failed.payload["errorMessage"] == "Cannot find package '@aws-sdk/client-s3' imported from /var/task/index.mjs"
    )


@every_release
def test_an_uncaught_exception_fails_the_invocation_and_ends_the_process(node, runtime):
    source = "exports.handler = async () => { setTimeout(() => { throw new Error('aside'); }, 10); await new Promise((d) => setTimeout(d, 5000)); };"
    made = node(runtime, source)
    failed = made.invoke()
    assert (failed.payload["errorType"], failed.payload["errorMessage"]) == ("Error", "aside")
    assert re.match(
        rf"{TIME}\t\S+\tERROR\tUncaught Exception \t{{\"errorType\":\"Error\",\"errorMessage\":\"aside\"",
        lines_of(failed)[0],
    )
    assert made.invoke().record.cold is True


@every_release
def test_an_unhandled_rejection_fails_the_invocation_with_its_reason(node, runtime):
    source = "exports.handler = async () => { Promise.reject(new Error('aside')); await new Promise((d) => setTimeout(d, 5000)); };"
    made = node(runtime, source)
    failed = made.invoke()
    assert failed.payload["errorType"] == "Runtime.UnhandledPromiseRejection"
    assert failed.payload["errorMessage"] == "Error: aside"
    assert failed.payload["trace"][0] == "Runtime.UnhandledPromiseRejection: Error: aside"
    logged = json.loads(lines_of(failed)[0].split("Unhandled Promise Rejection \t")[1])
    assert list(logged) == ["errorType", "errorMessage", "reason", "promise", "stack"]
    assert logged["reason"]["errorMessage"] == "aside"
    assert made.invoke().record.cold is True


@every_release
def test_a_rejection_left_behind_by_the_module_is_an_init_error(node, runtime):
    failed = node(runtime, "Promise.reject(new Error('early')); exports.handler = async () => 1;").invoke()
    assert failed.error.type == "Runtime.UnhandledPromiseRejection"
    assert (failed.error.message, failed.record.outcome) == ("Error: early", "init_error")


@every_release
def test_an_error_between_invocations_costs_the_environment(node, runtime):
    source = """
    const later = (turns) => setImmediate(() => { if (turns === 0) throw new Error('late'); later(turns - 1); });
    exports.handler = async () => { later(5); return 1; };
    """
    made = node(runtime, source)
    answers = [made.invoke()]
    # The loop may turn but once before each freeze.
    while len(answers) < 20 and (len(answers) == 1 or not answers[-1].record.cold):
        answers.append(made.invoke())
    assert answers[0].payload == 1
    assert answers[-1].record.cold
    # A call that comes while the process ends finds it ended, as on AWS.
    failed = [answer.error.message for answer in answers if not answer.ok]
    assert all(message.endswith("Runtime exited with error: exit status 129") for message in failed)


FORGOTTEN = (
    "async function aside() { throw new Error('aside'); }\nexports.handler = async () => { aside(); return 'fine'; };"
)


@before_24
def test_a_promise_that_fails_beside_the_answer_leaves_the_answer_before_24(node, runtime):
    made = node(runtime, FORGOTTEN)
    assert [made.invoke().payload for _ in range(2)] == ["fine", "fine"]


def test_a_promise_that_fails_beside_the_answer_fails_it_from_24_on(node):
    assert node(NEW, FORGOTTEN).invoke().error.type == "Runtime.UnhandledPromiseRejection"


@old_and_new
@pytest.mark.parametrize(
    ("code", "words"),
    [("process.exit(0)", "Runtime exited without providing a reason"),
     ("process.exit(7)", "Runtime exited with error: exit status 7"),
     ("process.abort()", "Runtime exited with error: signal: aborted")],
)  # fmt: skip
def test_a_process_that_ends_is_told_by_its_status(node, runtime, code, words):
    failed = node(runtime, f"exports.handler = async () => {{ {code}; }};").invoke()
    assert failed.error.type == "Runtime.ExitError"
    assert failed.error.message.endswith(f"Error: {words}")


@old_and_new
def test_a_process_that_ends_while_it_is_loaded_is_told_by_its_status(node, runtime):
    assert node(runtime, "process.exit(4);").invoke().error.message.endswith("exit status 4")
    source = "await new Promise(() => {}); export const handler = 1;"
    assert node(runtime, source, file="index.mjs").invoke().error.message.endswith("exit status 13")


# -- the log

SPEAKER = """
exports.handler = async () => {
  console.log('plain %s', 'filled', { a: 1 });
  console.info('two\\nlines');
  console.warn('careful');
  console.error(new Error('bad').message);
  console.debug('detail');
  console.trace('path');
  console.fatal('worst');
  console.log({ shape: [1, 2] });
  console.log();
  process.stdout.write('raw\\n');
};
"""


@every_release
def test_the_text_log(node, runtime):
    said = node(runtime, SPEAKER).invoke()
    expected = [
        ("INFO", "plain filled { a: 1 }"), ("INFO", "two"), ("WARN", "careful"), ("ERROR", "bad"),
        ("DEBUG", "detail"), ("TRACE", "path"), ("FATAL", "worst"), ("INFO", "{ shape: [ 1, 2 ] }"), ("INFO", "undefined"),
    ]  # fmt: skip
    first, two, lines, *others, raw = lines_of(said)
    assert (lines, raw) == ("lines", "raw")
    patched = [first, two, *others]
    for line, (level, message) in zip(patched, expected, strict=True):
        time, who, *rest = line.split("\t")
        assert re.fullmatch(TIME, time)
        assert [who, *rest] == [said.request_id, level, message]


@every_release
def test_the_json_log(node, runtime):
    said = node(runtime, SPEAKER, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "TRACE"}).invoke()
    entries = [json.loads(line) for line in lines_of(said) if line.startswith('{"timestamp"')]
    assert all(list(entry)[:3] == ["timestamp", "level", "requestId"] for entry in entries)
    assert {entry["requestId"] for entry in entries} == {said.request_id}
    assert [(entry["level"], entry.get("message")) for entry in entries] == [
        ("INFO", "plain filled { a: 1 }"), ("INFO", "two\nlines"), ("WARN", "careful"), ("ERROR", "bad"),
        ("DEBUG", "detail"), ("TRACE", "path"), ("FATAL", "worst"), ("INFO", {"shape": [1, 2]}), ("INFO", None),
    ]  # fmt: skip


@old_and_new
def test_the_level_of_the_json_log_is_kept(node, runtime):
    said = node(runtime, SPEAKER, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}).invoke()
    levels = [json.loads(line)["level"] for line in lines_of(said) if line.startswith('{"timestamp"')]
    assert levels == ["WARN", "ERROR", "FATAL"]


@old_and_new
def test_errors_in_the_json_log(node, runtime):
    source = "exports.handler = async () => { console.error('it failed:', new TypeError('inner')); throw new RangeError('outer'); };"
    said = node(runtime, source, LoggingConfig={"LogFormat": "JSON"}).invoke()
    first, second = (json.loads(line) for line in lines_of(said) if line.startswith('{"timestamp"'))
    assert (first["errorType"], first["errorMessage"]) == ("TypeError", "inner")
    assert first["message"].startswith("it failed: TypeError: inner\n    at ")
    assert first["stackTrace"][0] == "TypeError: inner"
    assert (second["level"], second["message"]["errorType"]) == ("ERROR", "RangeError")
    assert second["message"]["errorMessage"] == "outer"
    assert second["message"]["stackTrace"][0] == "RangeError: outer"


def test_from_24_on_a_late_line_belongs_to_the_invocation_that_began_it(node):
    source = """
    exports.handler = async (event) => {
      if (event.first) { setTimeout(() => console.log('late'), 30); return; }
      await new Promise((done) => setTimeout(done, 100));
    };
    """
    made = node(NEW, source)
    first, second = made.invoke({"first": True}), made.invoke({"first": False})
    said = [line for line in (*lines_of(first), *lines_of(second)) if line.endswith("late")]
    assert [line.split("\t")[1] for line in said] == [first.request_id]


def test_a_log_fuller_than_the_pipe_loses_nothing(node):
    source = "exports.handler = async () => { process.stdout.write(''); for (let i = 0; i < 6000; i += 1) console.log('n'.repeat(60), i); };"
    made = node(OLD, source)
    made.invoke()
    assert lines_of(made.invoke())[-1].endswith(" 5999")


# -- the context and the environment


@every_release
def test_the_context_has_everything_that_aws_puts_there(node, lab, runtime):
    source = """
    exports.handler = async (event, context) => ({
      members: Object.keys(context), left: context.getRemainingTimeInMillis(), context,
    });
    """
    made = node(runtime, source)
    answer = made.invoke(client_context={"custom": {"who": "é"}, "client": {"app_title": "t"}})
    got, context = answer.payload, answer.payload["context"]
    common = [
        "functionVersion", "functionName", "memoryLimitInMB", "logGroupName", "logStreamName", "clientContext",
        "identity", "invokedFunctionArn", "awsRequestId", "tenantId", "getRemainingTimeInMillis",
    ]  # fmt: skip
    callbacks = ["callbackWaitsForEmptyEventLoop", "succeed", "fail", "done"]
    assert got["members"] == ([*common, "xRayTraceId"] if runtime == NEW else [*callbacks, *common])
    assert context["functionVersion"] == "$LATEST"
    assert context["functionName"] == made.name
    assert context["memoryLimitInMB"] == "256"
    assert context["logGroupName"] == f"/aws/lambda/{made.name}"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", context["logStreamName"])
    assert context["clientContext"] == {"custom": {"who": "é"}, "client": {"app_title": "t"}}
    assert context["invokedFunctionArn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{made.name}"
    assert context["awsRequestId"] == answer.request_id
    assert 9000 < got["left"] <= 10000


@old_and_new
def test_the_trace_id_is_the_invocations(node, lab, runtime):
    made = node(
        runtime, "exports.handler = async (event, context) => [process.env._X_AMZN_TRACE_ID, context.xRayTraceId];"
    )
    trace, client = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0", lab.client()
    client.meta.events.register(
        "before-call.lambda.Invoke", lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": trace})
    )
    answer = client.invoke(FunctionName=made.name)["Payload"].read()
    assert json.loads(answer) == [trace, trace if runtime == NEW else None]


@old_and_new
def test_the_remaining_time_runs_down(node, runtime):
    source = "exports.handler = async (e, c) => { const a = c.getRemainingTimeInMillis(); await new Promise((d) => setTimeout(d, 200)); return a - c.getRemainingTimeInMillis(); };"
    assert 195 <= node(runtime, source).invoke().payload < 400


@every_release
def test_the_environment_is_awss(node, runtime):
    made = node(
        runtime,
        "exports.handler = async () => ({ env: process.env, argv: process.execArgv, main: require.main === undefined, gc: typeof gc, cwd: process.cwd(), v: process.version });",
    )
    got = made.invoke().payload
    release = runtime.removeprefix("nodejs").removesuffix(".x")
    assert got["v"].startswith(f"v{release}.")
    assert got["env"]["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{runtime}"
    assert got["env"]["_HANDLER"] == "index.handler"
    paths = got["env"]["NODE_PATH"].split(":")
    assert paths[0].endswith(f"/nodejs/node{release}/node_modules")
    assert [path.rpartition("/")[2] for path in paths[1:3]] == ["node_modules", "node_modules"]
    assert paths[4] == got["env"]["LAMBDA_TASK_ROOT"] == got["cwd"]
    assert "--max-semi-space-size=12" in got["argv"]
    assert "--max-old-space-size=231" in got["argv"]
    assert ("--no-experimental-require-module" in got["argv"]) is (runtime in {"nodejs20.x", "nodejs22.x"})
    assert ("--no-experimental-detect-module" in got["argv"]) is (runtime == "nodejs22.x")
    assert (got["main"], got["gc"]) == (True, "function")


def test_node_options_of_the_function_win_over_the_runtimes_flags(node):
    options = "--max-old-space-size=99 --experimental-require-module"
    made = node(
        OLD, "exports.handler = async () => process.execArgv;", Environment={"Variables": {"NODE_OPTIONS": options}}
    )
    argv = made.invoke().payload
    assert not [word for word in argv if "space-size" in word or "require-module" in word]


def test_the_global_awslambda_can_be_left_out(node):
    source = "exports.handler = async () => typeof awslambda;"
    assert node(NEW, source).invoke().payload == "object"
    off = {"Variables": {"AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA": "1"}}
    assert node(NEW, source, Environment=off).invoke().payload == "undefined"


@every_release
def test_a_layers_packages_are_found_by_require_and_by_import(node, lab, runtime):
    library = {
        "nodejs/node_modules/common/index.js": "exports.says = 'common';",
        "nodejs/node_modules/modern/package.json": '{"type": "module", "exports": "./main.js"}',
        "nodejs/node_modules/modern/main.js": "export const says = 'modern';",
    }
    layer = lab.client("lambda").publish_layer_version(
        LayerName=f"library-{runtime[6:8]}", Content={"ZipFile": zipped(library)}
    )["LayerVersionArn"]
    by_require = "exports.handler = async () => require('common').says;"
    assert node(runtime, by_require, Layers=[layer]).invoke().payload == "common"
    by_import = "import { says } from 'modern'; import common from 'common'; export const handler = async () => [says, common.says];"
    assert node(runtime, by_import, file="index.mjs", Layers=[layer]).invoke().payload == ["modern", "common"]
    missing = "import 'nowhere';"
    failed = node(runtime, missing, file="index.mjs", Layers=[layer]).invoke()
    assert failed.error.message == "Cannot find package 'nowhere' imported from /var/task/index.mjs"


# -- sizes and numbers


@every_release
def test_six_megabytes_go_both_ways(node, runtime):
    made = node(runtime, "exports.handler = async (event) => event;", MemorySize=1024)
    text = "é✓" * 1_000_000  # five bytes a pair as text, more as JSON's escapes
    event = {"text": text[: 6_200_000 // 12]}
    assert made.invoke(event).payload == event


@old_and_new
def test_many_environments_at_once(node, runtime):
    source = (
        "let n = 0; exports.handler = async () => { await new Promise((d) => setTimeout(d, 500)); n += 1; return n; };"
    )
    made = node(runtime, source)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: made.invoke(), range(6)))
    assert [answer.payload for answer in answers] == [1] * 6
    assert len({answer.record.environment_id for answer in answers}) == 6


@old_and_new
def test_a_full_heap_is_an_abort_as_on_aws(node, runtime):
    source = (
        "exports.handler = async () => { const kept = []; for (;;) kept.push({ a: [1, 2, 3], b: `${kept.length}` }); };"
    )
    failed = node(runtime, source, MemorySize=512, Timeout=60).invoke()
    assert failed.error.type in {"Runtime.ExitError", "Runtime.OutOfMemory"}
    assert re.search(r"signal: (aborted|killed)$", failed.error.message)


# -- streaming

STREAMER = """
const { setTimeout: sleep } = require('timers/promises');
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.type) stream.setContentType(event.type);
  for (const piece of event.pieces ?? []) {
    stream.write(piece);
    await sleep(event.pause ?? 0);
  }
  if (event.fails) throw new RangeError(event.fails);
  if (event.destroys) { stream.destroy(new TypeError(event.destroys)); return; }
  if (!event.open) stream.end(event.last);
});
"""


@every_release
def test_a_stream_is_answered_whole_and_the_environment_lives_on(node, runtime):
    made = node(runtime, STREAMER)
    assert made.invoke({"pieces": ["a", "b", {"c": 1}], "last": "é"}).raw == 'ab{"c":1}é'.encode()
    again = made.invoke({"pieces": []})
    assert (again.raw, again.record.cold) == (b"", False)


@every_release
def test_a_streams_pieces_come_as_they_are_made(node, lab, runtime):
    made = node(runtime, STREAMER)
    answer = lab.client().invoke_with_response_stream(
        FunctionName=made.name, Payload=json.dumps({"pieces": ["one", "two"], "pause": 200, "type": "text/plain"})
    )
    chunks = [event["PayloadChunk"]["Payload"] for event in answer["EventStream"] if "PayloadChunk" in event]
    assert chunks == [b"one", b"two"]


@every_release
@pytest.mark.parametrize("pieces", [[], ["begun "]], ids=["before", "after"])
def test_a_streams_error_is_told_before_and_after_its_first_piece(node, lab, runtime, pieces):
    made = node(runtime, STREAMER)
    for how, error_type in (("fails", "RangeError"), ("destroys", "TypeError")):
        answer = lab.client().invoke_with_response_stream(
            FunctionName=made.name, Payload=json.dumps({"pieces": pieces, how: "half-way"})
        )
        *_, last = answer["EventStream"]
        details = json.loads(last["InvokeComplete"]["ErrorDetails"])
        assert (details["errorType"], details["errorMessage"]) == (error_type, "half-way")
    assert made.invoke({"pieces": ["on"]}).raw == b"on"


@old_and_new
def test_a_stream_that_is_never_ended_is_an_error(node, runtime):
    failed = node(runtime, STREAMER).invoke({"pieces": [], "open": True})
    assert failed.error.message == "Response stream is not finished."


@old_and_new
def test_a_large_stream_keeps_its_order(node, runtime):
    source = """
    const { Readable } = require('stream');
    const { pipeline } = require('stream/promises');
    exports.handler = awslambda.streamifyResponse(async (event, stream) => {
      const parts = function* () { for (let i = 0; i < 200; i += 1) yield Buffer.alloc(20000, i); };
      await pipeline(Readable.from(parts()), stream);
    }, { highWaterMark: 65536 });
    """
    raw = node(runtime, source).invoke().raw
    assert len(raw) == 4_000_000
    assert [raw[at * 20000] for at in range(200)] == list(range(200))


@old_and_new
def test_a_stream_with_a_head_of_its_own_is_an_http_response(node, lab, runtime):
    source = """
    exports.handler = awslambda.streamifyResponse(async (event, stream) => {
      const out = awslambda.HttpResponseStream.from(stream, { statusCode: 418, headers: { 'x-kind': 'tea' } });
      out.write('short');
      out.end(' and stout');
    });
    """
    raw = node(runtime, source).invoke().raw
    head, _, body = raw.partition(b"\0" * 8)
    assert json.loads(head) == {"statusCode": 418, "headers": {"x-kind": "tea"}}
    assert body == b"short and stout"


@old_and_new
def test_beyond_six_megabytes_the_handlers_writes_wait_for_the_bandwidth(node, runtime):
    source = """
    exports.handler = awslambda.streamifyResponse(async (event, stream) => {
      for (let i = 0; i < 13; i += 1) {
        await new Promise((done) => stream.write(Buffer.alloc(524288, i), done));
      }
      stream.end();
      await stream.finished;
    });
    """
    answer = node(runtime, source).stream()
    assert b"".join(answer) == b"".join(bytes([i]) * 524288 for i in range(13))
    record = answer.invocation.record
    assert record.duration_ms >= 250
    assert record.held_ms > 0


def test_streaming_needs_a_promise(node):
    source = (
        "exports.handler = awslambda.streamifyResponse((event, stream) => { setTimeout(() => stream.end('x'), 50); });"
    )
    assert node(OLD, source).invoke().payload == {
        "errorType": "string", "errorMessage": "Streaming does not support non-async handlers.", "trace": [],
    }  # fmt: skip


@old_and_new
def test_a_crash_in_the_middle_of_a_stream_ends_it_with_the_error(node, lab, runtime):
    source = """
    exports.handler = awslambda.streamifyResponse(async (event, stream) => {
      stream.write('begun');
      setTimeout(() => { throw new RangeError('aside'); }, 20);
      await new Promise((done) => setTimeout(done, 5000));
    });
    """
    made = node(runtime, source)
    answer = lab.client().invoke_with_response_stream(FunctionName=made.name)
    *_, last = answer["EventStream"]
    details = json.loads(last["InvokeComplete"]["ErrorDetails"])
    assert (details["errorType"], details["errorMessage"]) == ("RangeError", "aside")


# -- the official emulator, whose Runtime API hands out large events in HTTP's chunks


@pytest.mark.skipif(not Path(EMULATOR).exists(), reason="no Runtime Interface Emulator (LAMBDALAB_RIE)")
@old_and_new
def test_the_official_emulator_hands_out_large_events_and_takes_streams(tmp_path, runtime):
    needs(runtime)
    sizes = "exports.handler = async (event) => [event.text.length, event.text.at(-1)];"
    (tmp_path / "index.js").write_text(f"{STREAMER.replace('exports.handler', 'exports.streamer')}\n{sizes}")
    with Emulator(runtime, "index.handler", tmp_path, tmp_path) as official:
        for text in ("x", "é✓" * 100_000):
            assert json.loads(official.invoke(json.dumps({"text": text}))) == [len(text), text[-1]]
    with Emulator(runtime, "index.streamer", tmp_path, tmp_path) as official:
        for _ in range(2):
            assert official.invoke(json.dumps({"pieces": ["one ", "two"], "pause": 20})) == b"one two"


# -- cells


@old_and_new
@pytest.mark.parametrize("kind", ["export const handler", "exports.handler"])
def test_a_cell_becomes_a_function_and_its_errors_stand_in_the_cell(lab, runtime, kind):
    needs(runtime)
    text = f"const check = (n) => {{\n  if (n < 0) throw new RangeError('below zero');\n  return n;\n}};\n{kind} = async (event) => check(event.n);\n"
    made = lab["cell"]
    made.deploy(text, runtime=runtime, memory=256, timeout=10, cell=CellSource("Cell In[7]", text))
    assert made.configuration["Handler"] == "index.handler"
    assert made.invoke({"n": 3}).payload == 3
    failed = made.invoke({"n": -1})
    assert [frame.place.partition(", in")[0] for frame in failed.error.frames] == [
        "Cell In[7], line 6",
        "Cell In[7], line 3",
    ]
    assert "at Cell In[7], line 3" in repr(failed)
    made.delete()

"""Ruby functions as AWS runs them: forms of handlers, errors to the letter, the log, the context, gems and layers."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.cell import CellSource
from tests.runtimes.conftest import needs, zipped

pytestmark = pytest.mark.toolchains
RUNTIME = "ruby3.3"
ROOT = "/var/task/"


@pytest.fixture
def ruby(function):
    """Make a function of one file, app.rb unless `file` says otherwise."""

    def make(source, handler="app.handler", *, file="app.rb", files=(), **more):
        return function(RUNTIME, {file: source, **dict(files)}, handler, **more)

    return make


def lines_of(invocation):
    """What the function logged: the log without the platform's lines."""
    platform = ("INIT_START", "START ", "END ", "REPORT ", "INIT_REPORT")
    return [line for line in invocation.log.split("\n") if line and not line.startswith(platform)]


def error_of(invocation):
    assert set(invocation.payload) == {"errorMessage", "errorType", "stackTrace"}
    return invocation.payload["errorType"], invocation.payload["errorMessage"]


# -- forms of handlers


@pytest.mark.parametrize(
    ("handler", "file", "source"),
    [
        ("app.handler", "app.rb", "def handler(event:, context:) = event['n'] + 1"),
        ("lib/deep/app.handler", "lib/deep/app.rb", "def handler(event:, context:) = event['n'] + 1"),
        ("app.App.run", "app.rb", "class App; def self.run(event:, context:) = event['n'] + 1; end"),
        ("app.A::B.run", "app.rb", "module A; module B; def self.run(event:, context:) = event['n'] + 1; end; end"),
        ("app.handler", "app.rb", "def handler(event:, **) = event['n'] + 1"),
    ],
    ids=["method", "folder", "class", "module", "rest"],
)
def test_a_handler_is_a_method_of_a_file_a_class_or_a_module(ruby, handler, file, source):
    assert ruby(source, handler, file=file).invoke({"n": 1}).payload == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("nil", None),
        ("'é✓🎉'", "é✓🎉"),
        ("{ a: [1, 2.5, true], 'b' => nil }", {"a": [1, 2.5, True], "b": None}),
        ("Time.at(0).utc", "1970-01-01 00:00:00 UTC"),
        ("require('stringio') && StringIO.new('{\"raw\": 1}')", {"raw": 1}),
    ],
)
def test_what_a_handler_returns_becomes_json_and_what_can_be_read_is_sent_as_it_is(ruby, value, expected):
    assert ruby(f"def handler(event:, context:) = ({value})").invoke().payload == expected


def test_an_event_is_parsed_json_with_text_keys(ruby):
    made = ruby(
        "def handler(event:, context:) = [event.class.name, event.to_a.flatten.map { _1.encoding.name }, event]"
    )
    assert made.invoke({"é": ["🎉"]}).payload == ["Hash", ["UTF-8", "UTF-8"], {"é": ["🎉"]}]
    assert made.invoke([]).payload == ["Array", [], []]


def test_an_event_and_an_answer_of_six_megabytes_come_through(ruby):
    made = ruby("def handler(event:, context:) = event", MemorySize=1024)
    text = "x" * (6 * 1024 * 1024 - 20)
    assert made.invoke({"t": text}).payload == {"t": text}


# -- errors


SOURCE = """
class Refused < StandardError; end

def first(event) = raise(event["class"] == "Refused" ? Refused : Object.const_get(event["class"]), event["message"])

def handler(event:, context:)
  $calls = ($calls || 0) + 1
  return $calls if event["class"].nil?
  first(event)
end
"""


def test_an_error_is_reported_as_aws_does_and_the_environment_lives_on(ruby):
    made = ruby(SOURCE)
    failed = made.invoke({"class": "RuntimeError", "message": "é no"})
    assert failed.payload == {
        "errorMessage": "é no",
        "errorType": "Function<RuntimeError>",
        "stackTrace": ["/var/task/app.rb:4:in `first'", "/var/task/app.rb:9:in `handler'"],
    }
    logged = lines_of(failed)
    assert logged[0] == "Error raised from handler method"
    assert json.loads("".join(logged[1:])) == failed.payload
    assert made.invoke({}).payload == 2
    assert error_of(made.invoke({"class": "Refused", "message": "x"})) == ("Function<Refused>", "x")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("nothing_here", ("Function<NameError>", "undefined local variable or method 'nothing_here' for an instance of LambdaHandler")),
        ("nil.size", ("Function<NoMethodError>", "undefined method 'size' for nil")),
        ("exit 3", ("Function<SystemExit>", "exit")),
        ("abort", ("Function<SystemExit>", "exit")),
        ("raise Exception, 'all'", ("Function<Exception>", "all")),
        ("raise NotImplementedError", ("Function<NotImplementedError>", "NotImplementedError")),
    ],
)  # fmt: skip
def test_a_broken_program_is_a_critical_error_and_ends_its_environment(ruby, statement, error):
    made = ruby(
        f"def handler(event:, context:)\n  $calls = ($calls || 0) + 1\n  return $calls unless event['break']\n  {statement}\nend"
    )
    assert made.invoke({}).payload == 1
    failed = made.invoke({"break": 1})
    assert tuple(text.replace("`", "'") for text in error_of(failed)) == error
    assert lines_of(failed)[0] == "Critical exception from handler"
    assert made.invoke({}).payload == 1  # another environment


def test_a_stack_that_overflows_is_cut_at_a_hundred_frames(ruby):
    failed = ruby("def again = again\ndef handler(event:, context:) = again").invoke()
    assert error_of(failed) == ("Function<SystemStackError>", "stack level too deep")
    assert failed.payload["stackTrace"] == ["/var/task/app.rb:1:in `again'"] * 100


def test_a_method_that_is_missing_is_an_error_of_the_call(ruby):
    failed = ruby("def other(event:, context:) = 1").invoke()
    assert error_of(failed) == (
        "Function<NoMethodError>",
        "undefined method 'handler' for an instance of LambdaHandler".replace("'handler'", "`handler'"),
    )


def test_a_handler_without_keywords_is_refused_by_ruby(ruby):
    failed = ruby("def handler(event, context) = 1").invoke()
    assert error_of(failed) == ("Function<ArgumentError>", "wrong number of arguments (given 1, expected 2)")


def test_a_value_that_is_no_json_is_the_functions_error(ruby):
    assert (
        ruby("def handler(event:, context:) = Float::NAN").invoke().payload["errorType"]
        == "Function<JSON::GeneratorError>"
    )


def test_a_message_that_is_no_utf_8_is_reported_all_the_same(ruby):
    failed = ruby(r'def handler(event:, context:) = raise("a\xFFb")').invoke()
    assert error_of(failed) == ("Function<RuntimeError>", "a�b")


# -- init


@pytest.mark.parametrize(
    ("source", "handler", "kind", "message"),
    [
        ("", "missing.handler", "Init<LoadError>", "cannot load such file -- missing"),
        ("require 'no_such_gem'", "app.handler", "Init<LoadError>", "cannot load such file -- no_such_gem"),
        ("raise 'at load'", "app.handler", "Init<RuntimeError>", "at load"),
        ("UNKNOWN", "app.handler", "Init<NameError>", "uninitialized constant UNKNOWN"),
        ("def handler(event:, context:)", "app.handler", "Init<SyntaxError>", "/var/task/app.rb:1: syntax error"),
        ("", "app", "Init<ArgumentError>", 'Invalid handler ["app"], must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD'),
        ("", "a.b.c.d", "Init<ArgumentError>", 'Invalid handler ["a", "b", "c", "d"], must be of form FILENAME.METHOD'),
        ("exit 7", "app.handler", "Init<SystemExit>", "exit"),
    ],
)  # fmt: skip
def test_what_fails_while_the_file_is_loaded_is_an_init_error(ruby, source, handler, kind, message):
    failed = ruby(source, handler).invoke()
    assert failed.payload["errorType"] == kind
    assert message in failed.payload["errorMessage"]
    assert not [line for line in failed.payload["stackTrace"] if "/var/runtime/" in line]
    assert f"Init error when loading handler {handler}" in lines_of(failed)
    assert failed.record.outcome == "init_error"


def test_the_stack_of_a_failed_init_names_the_functions_lines(ruby):
    failed = ruby("require 'inner'", files={"inner.rb": "\nraise 'inside'"}).invoke()
    mine = [line for line in failed.payload["stackTrace"] if line.startswith(ROOT)]
    assert mine == ["/var/task/inner.rb:2:in `<top (required)>'", "/var/task/app.rb:1:in `<top (required)>'"]


# -- context, variables, log


def test_the_context_has_awss_names(ruby):
    made = ruby("""
    def handler(event:, context:)
      names = %i[aws_request_id invoked_function_arn log_group_name log_stream_name function_name memory_limit_in_mb
                 function_version identity client_context deadline_ms]
      left = context.get_remaining_time_in_millis
      sleep 0.05
      names.to_h { |name| [name, context.public_send(name)] }.merge(
        left: left, passed: left - context.get_remaining_time_in_millis)
    end
    """)
    invocation = made.invoke(client_context={"custom": {"é": "x"}})
    seen = invocation.payload
    assert seen.pop("aws_request_id") == invocation.request_id
    assert seen.pop("invoked_function_arn").endswith(f":function:{made.name}")
    assert seen.pop("log_group_name") == f"/aws/lambda/{made.name}"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen.pop("log_stream_name"))
    assert 0 < seen.pop("left") <= 10_000
    assert 45 <= seen.pop("passed") < 5_000
    assert seen.pop("deadline_ms") > 1_700_000_000_000
    assert seen == {
        "function_name": made.name, "memory_limit_in_mb": "256", "function_version": "$LATEST", "identity": None,
        "client_context": {"custom": {"é": "x"}},
    }  # fmt: skip


def test_the_variables_are_awss(ruby):
    made = ruby("def handler(event:, context:) = ENV.to_h", Environment={"Variables": {"GREETING": "é✓"}})
    seen = made.invoke().payload
    assert seen["GREETING"] == "é✓"
    assert seen["GEM_PATH"].startswith("/var/task/vendor/bundle/ruby/3.3.0:/opt/ruby/gems/3.3.0")
    assert seen["RUBYLIB"].startswith("/var/task:/var/runtime/lib:/opt/ruby/lib")
    assert (seen["AWS_EXECUTION_ENV"], seen["LANG"], seen["TZ"]) == ("AWS_Lambda_ruby3.3", "en_US.UTF-8", ":UTC")
    assert (seen["LAMBDA_TASK_ROOT"], seen["LAMBDA_RUNTIME_DIR"]) == ("/var/task", "/var/runtime")
    assert not [name for name in seen if name.startswith(("LAMBDALAB", "LC_"))]


LOGS = """
require "logger"
def handler(event:, context:)
  puts "plain"
  log = Logger.new($stdout, progname: event["name"])
  log.debug("fine")
  log.warn("é")
  begin
    raise ArgumentError, "bad"
  rescue => error
    log.error(error)
  end
  Logger.new(StringIO.new).info("elsewhere")
  nil
end
"""


def test_loggers_lines_carry_the_requests_id(ruby):
    invocation = ruby(LOGS).invoke({"name": "mine"})
    plain, fine, warned, failed, *_ = lines_of(invocation)
    time, number = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", r"\d+"
    assert plain == "plain"
    assert re.fullmatch(rf"D, \[{time} #{number}\] DEBUG {invocation.request_id} -- mine: fine", fine)
    assert re.fullmatch(rf"W, \[{time} #{number}\]  WARN {invocation.request_id} -- mine: é", warned)
    assert re.fullmatch(
        rf"E, \[{time} #{number}\] ERROR {invocation.request_id} -- mine: bad \(ArgumentError\)", failed
    )
    assert "elsewhere" not in invocation.log


def test_a_json_log_is_json_from_the_level_on(ruby):
    made = ruby(LOGS, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})
    invocation = made.invoke({"name": "mine"})
    records = [json.loads(line) for line in invocation.log.splitlines() if '"level"' in line and '"timestamp"' in line]
    warned, failed = records
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", warned.pop("timestamp"))
    assert warned == {"level": "WARN", "message": "é", "requestId": invocation.request_id, "logger": "mine"}
    assert (failed["errorType"], failed["errorMessage"], failed["location"]) == (
        "ArgumentError",
        "bad",
        "/var/task/app.rb:handler:9",
    )
    assert failed["stackTrace"][0] == "/var/task/app.rb:9:in `handler'"
    assert "plain" in invocation.log.splitlines()


# -- gems, layers, libraries


GEM = {
    "specifications/greeter-1.0.0.gemspec": 'Gem::Specification.new { |s| s.name = "greeter"; s.version = "1.0.0"; s.files = ["lib/greeter.rb"]; s.require_paths = ["lib"]; s.summary = "x"; s.authors = ["x"] }',
    "gems/greeter-1.0.0/lib/greeter.rb": "module Greeter; SAYS = 'from the gem'; end",
}


def below(directory, files):
    return {f"{directory}/{name}": content for name, content in files.items()}


def test_a_gem_of_the_package_is_found(ruby):
    files = below("vendor/bundle/ruby/3.3.0", GEM)
    assert (
        ruby("require 'greeter'\ndef handler(event:, context:) = Greeter::SAYS", files=files).invoke().payload
        == "from the gem"
    )


def test_a_gem_of_a_layer_is_found(ruby, lab):
    content = zipped(below("ruby/gems/3.3.0", GEM))
    layer = lab.client("lambda").publish_layer_version(LayerName="gems", Content={"ZipFile": content})[
        "LayerVersionArn"
    ]
    made = ruby("require 'greeter'\ndef handler(event:, context:) = Greeter::SAYS", Layers=[layer])
    assert made.invoke().payload == "from the gem"


def test_rubygems_is_there_when_it_is_asked_for(ruby):
    made = ruby("""
    def handler(event:, context:)
      [Gem::Version.new("1.10") > Gem::Version.new("1.9"), Gem.loaded_specs.class.name, (gem("json"); true)]
    end
    """)
    assert made.invoke().payload == [True, "Hash", True]


def test_a_missing_library_can_be_done_without(ruby):
    made = ruby("""
    begin
      require "no_such_gem"
    rescue LoadError => error
      MISSING = error.path
    end
    require "set"
    require "socket"
    require "net/http"
    require "openssl"
    require "securerandom"
    def handler(event:, context:) = [MISSING, Socket.gethostname, SecureRandom.hex(2).size, Addrinfo.tcp("127.0.0.1", 80).ip_port]
    """)
    assert made.invoke().payload == ["no_such_gem", "sandbox.localdomain", 4, 80]


def test_a_file_named_like_one_of_the_runtimes_is_the_functions(ruby):
    made = ruby("require_relative 'api'\ndef handler(event:, context:) = API", files={"api.rb": "API = 'mine'"})
    assert made.invoke().payload == "mine"


# -- environments


def test_environments_of_their_own_answer_at_the_same_time(ruby):
    made = ruby(
        "def handler(event:, context:)\n  sleep 0.5\n  [event, Process.pid, ENV['AWS_LAMBDA_LOG_STREAM_NAME']]\nend"
    )
    with ThreadPoolExecutor(4) as pool:
        answers = [answer.payload for answer in pool.map(made.invoke, range(4))]
    assert [answer[0] for answer in answers] == [0, 1, 2, 3]
    assert len({answer[2] for answer in answers}) == 4


def test_threads_and_at_exit_are_rubys_own(ruby):
    made = ruby("""
    at_exit { puts "the end" }
    def handler(event:, context:)
      event["exit"] ? exit(0) : Thread.new { 40 + 2 }.value
    end
    """)
    assert made.invoke({}).payload == 42
    assert made.invoke({"exit": True}).payload["errorType"] == "Function<SystemExit>"


# -- cells


CELL = """def help(event)
  raise ArgumentError, "no name" unless event["name"]
  "Hello #{event["name"]}"
end

def handler(event:, context:)
  help(event)
end
"""


def test_a_cell_is_deployed_and_called_and_its_errors_point_into_it(lab):
    needs(RUNTIME)
    function = lab["ruby-cell"]
    function.deploy(CELL, runtime=RUNTIME, cell=CellSource("Cell In[3]", CELL, 2))
    assert function.invoke({"name": "Ada é"}).payload == "Hello Ada é"
    failed = function.invoke({})
    assert failed.error.type == "Function<ArgumentError>"
    assert [frame.place for frame in failed.error.frames] == [
        "Cell In[3], line 8, in handler",
        "Cell In[3], line 3, in help",
    ]


def test_a_cell_that_ruby_cannot_read_is_refused_at_its_line(lab):
    needs(RUNTIME)
    text = "def handler(event:, context:)\n  1 +\nend\n"
    with pytest.raises(CellSyntaxError, match=r"Cell In\[3\], line 4: syntax error"):
        lab["ruby-cell"].deploy(text, runtime=RUNTIME, cell=CellSource("Cell In[3]", text, 2))

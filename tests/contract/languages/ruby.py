"""The contract's handlers in Ruby."""

from tests.contract.languages import Language

SOURCE = """
require "tmpdir"
$calls = 0

def echo(event:, context:) = event
def fails(event:, context:) = raise("no " + event["what"])
def exits(event:, context:) = exit!(3)
def crashes(event:, context:) = Process.kill(:SEGV, Process.pid)
def hangs(event:, context:) = sleep(60)
def big(event:, context:) = "x" * (6 * 1024 * 1024 + 200)
def counts(event:, context:) = $calls += 1
def environment(event:, context:) = ENV.to_h

def writes(event:, context:)
  puts "written"
end

def waits(event:, context:)
  sleep 0.4
  "waited"
end

def hogs(event:, context:)
  40.times.map { "x" * 10_000_000 }.size
end

def keeps(event:, context:)
  path = File.join(ENV.fetch("TMPDIR", "/tmp"), "kept")
  before = File.exist?(path)
  File.write(path, "")
  before
end

def about(event:, context:)
  { id: context.aws_request_id, arn: context.invoked_function_arn, memory: context.memory_limit_in_mb,
    left: context.get_remaining_time_in_millis, name: context.function_name }
end

WORDS = { "Errno::EACCES" => "PermissionError", "Errno::EPERM" => "PermissionError", "Errno::ENOENT" => "FileNotFoundError" }

def reads(event:, context:)
  event.to_h do |path|
    [path, File.directory?(path) ? Dir.children(path).size : File.binread(path, 100).size]
  rescue SystemCallError => error
    [path, WORDS.fetch(error.class.name, error.class.name)]
  end
end

def layered(event:, context:)
  require "layer_library"
  LayerLibrary::SAYS
end
"""


def package(directory, runtime):
    (directory / "app.rb").write_text(SOURCE)


def layer(directory, runtime):
    (directory / "ruby" / "lib").mkdir(parents=True)
    (directory / "ruby" / "lib" / "layer_library.rb").write_text('module LayerLibrary; SAYS = "from the layer"; end\n')


# A method that is missing is AWS's error of the call, not of the init; a file that is missing is.
def handler(name):
    return "nothing.handler" if name == "nothing" else f"app.{name}"


LANGUAGE = Language(
    "ruby", package, layer, handler, "Function<RuntimeError>", missing_handler="nothing", missing_type="Init<LoadError>"
)

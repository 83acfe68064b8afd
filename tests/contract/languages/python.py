"""The contract's handlers in Python."""

from tests.contract.languages import Language

SOURCE = """
import os, signal, tempfile, time
calls = 0

def echo(event, context): return event
def fails(event, context): raise ValueError("no " + event["what"])
def exits(event, context): os._exit(3)
def crashes(event, context): os.kill(os.getpid(), signal.SIGSEGV)
def hangs(event, context): time.sleep(60)
def writes(event, context): print("written"); return None
def big(event, context): return "x" * (6 * 1024 * 1024 + 200)
def waits(event, context): time.sleep(0.4); return "waited"

def counts(event, context):
    global calls
    calls += 1
    return calls

def hogs(event, context):
    kept = []
    for _ in range(40):
        kept.append(bytearray(b"x" * 10_000_000))
    return len(kept)

def keeps(event, context):
    path = os.path.join(tempfile.gettempdir(), "kept")
    before = os.path.exists(path)
    open(path, "w").close()
    return before

def environment(event, context): return dict(os.environ)
def about(event, context):
    return {"id": context.aws_request_id, "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
            "left": context.get_remaining_time_in_millis(), "name": context.function_name}
def reads(event, context):
    found = {}
    for path in event:
        try: found[path] = len(os.listdir(path)) if os.path.isdir(path) else len(open(path, "rb").read(100))
        except OSError as error: found[path] = type(error).__name__
    return found

def layered(event, context):
    import layer_library
    return layer_library.SAYS
"""


def package(directory, runtime):
    (directory / "app.py").write_text(SOURCE)


def layer(directory, runtime):
    (directory / "python").mkdir()
    (directory / "python" / "layer_library.py").write_text('SAYS = "from the layer"\n')


LANGUAGE = Language("python", package, layer, lambda name: f"app.{name}", "ValueError")

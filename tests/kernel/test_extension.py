"""The extension in a running kernel: loading, completion, Interrupt, settings, the environment."""

import socket
import threading

import pytest

SLOW = "%%lambda slow --timeout 20\nimport time\ndef handler(event, context):\n    time.sleep(15)\n"
HELLO = "%%lambda hello\ndef handler(event, context):\n    return event\n"
RUNS_ON = (
    "it runs on in the region until it ends by itself or its timeout of 20 s is over. `lambdalab stop` in a terminal ends"
    " it sooner, with the region; the next line starts that again."
)
ARN = "arn:aws:lambda:us-east-1:123456789012:function:hello"
COUNTS = """
def count():
    shell = get_ipython()
    ours = [one for one in shell.configurables if type(one).__name__ == "LambdaLab"]
    matchers = [one for one in shell.Completer.custom_matchers if "lambda" in getattr(one, "matcher_identifier", "")]
    magics = [kind for kind in ("line", "cell") if "lambda" in shell.magics_manager.magics[kind]]
    return len(ours), len(matchers), magics
"""


def test_loading_imports_nothing_heavy_and_starts_nothing(tmp_path, kernel):
    home = tmp_path / "home"
    code = (
        f"home = {str(home)!r}"
        + """
import os, subprocess, sys
script = '''
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "lambdalab")
heavy = {"boto3", "botocore", "uvicorn", "click", "lambdalab.client.lab", "lambdalab.model.function"}
heavy |= {f"lambdalab.notebook.{name}" for name in ("offered", "options", "values", "views.invocation")}
print(sorted(heavy & set(__import__("sys").modules)))
'''
environment = {**os.environ, "LAMBDALAB_HOME": home}
done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=environment)
"""
    )
    assert kernel.run(code).status == "ok"
    assert eval(kernel.value("done.stdout")) == "[]\n"
    assert not home.exists()


def test_reloading_leaves_one_of_each_and_unloading_none(kernel):
    kernel.run(COUNTS)
    for _ in range(3):
        assert kernel.run("%reload_ext lambdalab").outputs == []
    assert kernel.value("count()") == "(1, 1, ['line', 'cell'])"
    kernel.run("%unload_ext lambdalab")
    assert kernel.value("count()") == "(0, 0, [])"
    kernel.run("%load_ext lambdalab")
    assert kernel.value("count()") == "(1, 1, ['line', 'cell'])"


def test_a_setting_survives_a_reload(kernel):
    kernel.run("%config LambdaLab.memory = 512")
    kernel.run("%reload_ext lambdalab")
    assert "512" in kernel.run("%config LambdaLab.memory").text
    kernel.run("%config LambdaLab.memory = 128")


def test_settings_are_listed_with_their_help(kernel):
    listed = kernel.run("%config LambdaLab").text
    for setting in ("memory", "timeout", "runtime", "display", "full_traceback"):
        assert f"LambdaLab.{setting}" in listed


def test_the_word_lambda_is_still_pythons(kernel):
    assert kernel.run("f = lambda x: x + 1\nprint(f(1))").text == "2\n"


def test_question_mark_shows_the_magics_documentation(kernel):
    reply = kernel.run("%lambda?").reply
    assert "%lambda invoke NAME" in reply["payload"][0]["data"]["text/plain"]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("%lambda inv", ["%lambda invoke"]),
        ("r = %lambda lo", ["r = %lambda logs"]),
        ("%%lambda hello --mem", ["%%lambda hello --memory"]),
        ("%%lambda hello --runtime python3.12", ["%%lambda hello --runtime python3.12"]),
        ("%%lambda hello --arch a", ["%%lambda hello --arch arm64"]),
        ("%lambda invoke hello --event my_ev", ["%lambda invoke hello --event my_event"]),
        ("%lambda invoke hello --set a=1 --se", ["%lambda invoke hello --set a=1 --set"]),
        ("%lambda help inv", ["%lambda help invoke"]),
        ("%lambda nonsense --x", ["%lambda nonsense --x"]),
        ("%lambda invoke hello --event zzz", ["%lambda invoke hello --event zzz"]),
        ("%lambda logs hello --grep ", ["%lambda logs hello --grep "]),
        ("%lambda pub", ["%lambda publish"]),
        ("%lambda de", ["%lambda deploy", "%lambda delete"]),
        ("%%lambda dep", ["%%lambda dep"]),
        ("%lambda alias hello production 1 --can", ["%lambda alias hello production 1 --canary"]),
        ("%%lambda lay", ["%%lambda layer"]),
        ("%%lambda layer common --mod", ["%%lambda layer common --module"]),
        ("%lambda config hello --snapstart p", ["%lambda config hello --snapstart published"]),
        ("%lambda config hello --log-format J", ["%lambda config hello --log-format JSON"]),
    ],
)
def test_tab_offers_what_may_stand_there_and_nothing_else(kernel, typed, completed):
    kernel.run("my_event = {'a': 1}")
    assert kernel.completions(typed) == completed


def test_tab_offers_functions(kernel):
    kernel.run(HELLO)
    for command in ("invoke", "logs", "delete"):
        assert f"%lambda {command} hello" in kernel.completions(f"%lambda {command} h")


def test_tab_offers_the_names_of_what_there_is(kernel):
    kernel.run(HELLO)
    kernel.run("%lambda publish hello")
    kernel.run("%lambda alias hello production 1")
    kernel.run("%%lambda layer common\nX = 1\n")
    for typed, completed in [
        ("%lambda alias hello pro", ["%lambda alias hello production"]),
        ("%lambda rollback hello pro", ["%lambda rollback hello production"]),
        ("%lambda alias hello production $", ["%lambda alias hello production $LATEST"]),
        ("%lambda alias hello production --canary 1", ["%lambda alias hello production --canary 1"]),
        ("%lambda versions hello --compare $LATEST pro", ["%lambda versions hello --compare $LATEST production"]),
        ("%lambda delete hello:pro", ["%lambda delete hello:production"]),
        ("%lambda concurrency hello:1", ["%lambda concurrency hello:1"]),
        (f"%lambda invoke {ARN}:pro", [f"%lambda invoke {ARN}:production"]),
        (f"%lambda invoke {ARN} --qualifier pro", [f"%lambda invoke {ARN} --qualifier production"]),
        ("%lambda invoke hello --qualifier pro", ["%lambda invoke hello --qualifier production"]),
        ("%lambda layer com", ["%lambda layer common"]),
        ("%lambda config hello --layer com", ["%lambda config hello --layer common:1"]),
    ]:
        assert kernel.completions(typed) == completed, typed


def test_tab_in_a_cells_body_is_left_to_python(kernel):
    assert ["%%lambda hello", "import jso", "json"][0] == "%%lambda hello"
    offered = kernel.completions("%%lambda hello\nimport jso")
    assert any(one.endswith("json") for one in offered)


def test_interrupt_is_one_clean_error_and_leaves_the_region_alone(kernel):
    kernel.run(SLOW)
    kernel.run(HELLO)
    kernel.run("%lambda invoke hello")
    interrupted = threading.Event()

    def on_output(message):
        if message["msg_type"] == "display_data" and not interrupted.is_set():
            interrupted.set()
            kernel.interrupt()

    run = kernel.run("%lambda invoke slow", on_output=on_output)
    assert interrupted.is_set()
    assert run.kinds == ["error"]
    assert run.error["ename"] == "Interrupted"
    assert run.error["traceback"] == [f"Interrupted: stopped waiting for invoke slow; {RUNS_ON}"]
    after = kernel.run("%lambda invoke hello")
    assert after.kinds == ["execute_result"]
    assert "warm" in after.text


RETRIES = """
for attempt in range(3):
    try:
        print("calling")
        %lambda invoke slow
    except Exception as problem:
        print("retried", type(problem).__name__)
"""


def test_no_loop_that_catches_exceptions_goes_on_after_an_interrupt(kernel):
    kernel.run(SLOW)
    pressed = threading.Timer(1, kernel.interrupt)

    def on_output(message):
        if message["msg_type"] == "stream" and not pressed.is_alive():
            pressed.start()

    run = kernel.run(RETRIES, on_output=on_output)
    assert run.error["ename"] == "Interrupted"
    assert "retried" not in run.text


PRESSED = """
import os, signal, threading, time
from lambdalab import lab

def press():
    while "START" not in str(lab["awaited"].logs()):  # the call has begun
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=press, daemon=True).start()
lab["awaited"].invoke({})
"""


def test_an_interrupted_call_of_the_labs_says_the_same_in_one_line(kernel):
    kernel.run(SLOW.replace("slow", "awaited"))
    run = kernel.run(PRESSED)
    assert run.kinds == ["error"]
    assert run.error["ename"] == "InvocationInterrupted"
    assert run.error["traceback"] == [f"InvocationInterrupted: stopped waiting for awaited; {RUNS_ON}"]


def test_an_interrupted_deploy_says_that_nothing_more_is_sent_and_deploys_nothing(kernel):
    interrupted = threading.Event()

    def on_output(message):
        if message["msg_type"] == "display_data" and not interrupted.is_set():
            interrupted.set()
            kernel.interrupt()

    with socket.socket() as silent:  # an index that takes pip's connection and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        kernel.run(f"import os\nos.environ |= {{'PIP_INDEX_URL': {index!r}, 'PIP_CONFIG_FILE': '/dev/null'}}")
        run = kernel.run(HELLO.replace("hello", "built --requirements nosuch"), on_output=on_output)
        kernel.run("del os.environ['PIP_INDEX_URL'], os.environ['PIP_CONFIG_FILE']")
    assert interrupted.is_set()
    assert run.error["traceback"] == [
        "Interrupted: stopped waiting for deploy built; nothing more of it is sent to the region."
        " %lambda config built shows what is there now; run the cell again to deploy it."
    ]
    assert "Function not found" in kernel.run("%lambda config built").error["evalue"]


def test_a_slow_call_saves_one_output_only(kernel):
    kernel.run("%%lambda nap\nimport time\ndef handler(event, context):\n    time.sleep(0.8)\n")
    shown = []
    run = kernel.run("%lambda invoke nap", on_output=lambda message: shown.append(message["msg_type"]))
    assert "display_data" in shown
    assert run.kinds == ["execute_result"]


@pytest.mark.parametrize("cell", ["r = %lambda invoke nap", "\n%lambda invoke nap;", "n = 1\nr = %lambda invoke nap"])
def test_a_slow_call_whose_result_is_not_shown_saves_nothing(run_notebook, cell):
    nap = "%%lambda nap\nimport time\ndef handler(event, context):\n    time.sleep(0.8)\n"
    notebook = run_notebook("%load_ext lambdalab", nap, cell)
    assert notebook.cells[2].outputs == []


def test_a_slow_call_in_a_cell_of_several_lines_saves_what_the_cell_shows_and_no_more(run_notebook):
    nap = "%%lambda nap\nimport time\ndef handler(event, context):\n    time.sleep(0.8)\n"
    notebook = run_notebook("%load_ext lambdalab", nap, "print('kept')\n%lambda invoke nap")
    assert [one.output_type for one in notebook.cells[2].outputs] == ["stream", "execute_result"]


def test_a_slow_call_keeps_what_the_cell_wrote_before(kernel):
    kernel.run("%%lambda nap\nimport time\ndef handler(event, context):\n    time.sleep(0.8)\n")
    run = kernel.run("print('kept')\nr = %lambda invoke nap")
    assert "kept" in run.text


def test_a_semicolon_silences_the_display(kernel):
    kernel.run(HELLO)
    assert kernel.run("%lambda invoke hello;").outputs == []


def test_results_show_as_the_setting_says_and_are_returned_in_any_case(kernel):
    kernel.run(HELLO)
    kernel.run("%config LambdaLab.display = 'line'")
    line = kernel.run("%lambda invoke hello")
    assert line.html == "" and line.text.startswith("hello")
    kernel.run("%config LambdaLab.display = 'none'")
    assert kernel.run("%lambda invoke hello").outputs == []
    assert kernel.value("_.ok") == "True"
    kernel.run("%config LambdaLab.display = 'card'")
    assert "<section" in kernel.run("%lambda invoke hello").html


def test_the_shell_commands_of_the_notebook_see_the_region(kernel):
    kernel.run("%lambda list")
    assert kernel.value("__import__('os').environ['AWS_ENDPOINT_URL']").startswith("'http://127.0.0.1:")
    kernel.run("%unload_ext lambdalab")
    assert kernel.value("'AWS_ENDPOINT_URL' in __import__('os').environ") == "False"
    kernel.run("%load_ext lambdalab")


def test_a_functions_name_is_completed_as_a_key_of_the_lab(kernel):
    kernel.run(HELLO)
    kernel.run("from lambdalab import lab")
    assert 'lab["hello' in kernel.completions('lab["hel')


def test_help_of_the_cells_magic_is_that_of_the_lines(kernel):
    (page,) = kernel.run("%%lambda?").reply["payload"]
    assert "%%lambda NAME [options]" in page["data"]["text/plain"]

"""Hints by what the runtimes say word for word, and by where and in what they say it."""

import pytest

from lambdalab.client.missing import Missing, modules_in
from lambdalab.client.stack import map_frames, own
from lambdalab.notebook.hints import Raised, hint

PYTHON = "Unable to import module 'lambda_function': "
ENVIRON = "<frozen os>, line 679, in __getitem__"


def told(error_type, message, **raised):
    found = hint(error_type, message, Raised(**raised))
    return "" if found is None else f"{found.happened} {found.advice}"


@pytest.mark.parametrize(
    ("error_type", "message", "wanted"),
    [
        ("Runtime.ImportModuleError", f"{PYTHON}No module named 'requests'", "requests"),
        ("ModuleNotFoundError", "No module named 'requests'", "requests"),
        ("Runtime.ImportModuleError", f"{PYTHON}No module named 'sklearn'", "scikit-learn"),
        ("Error", "Cannot find package 'lodash' imported from /var/task/index.mjs", "lodash"),
        ("Error", "Cannot find package '@a/b' imported from /var/task/index.mjs", "@a/b"),
        ("Error", "Cannot find module 'lodash'\nRequire stack:\n- /var/task/index.js", "lodash"),
        ("Runtime.ImportModuleError", "Error: Cannot find module 'lodash/fp'\nRequire stack:", "lodash"),
    ],
)
def test_an_absent_package_is_told_with_the_words_that_bring_it(error_type, message, wanted):
    assert f"`--requirements {wanted}` puts it there" in told(error_type, message)


@pytest.mark.parametrize(
    ("error_type", "message"),
    [
        ("Error", "Cannot find package '@aws-sdk/client-s3' imported from /var/task/index.mjs"),
        ("Runtime.ImportModuleError", "Error: Cannot find module '@aws-sdk/client-s3'\nRequire stack:\n"),
    ],
)
def test_the_sdk_is_told_to_be_in_awss_node_and_not_in_this_one(error_type, message):
    said = told(error_type, message)
    assert "AWS's Node.js runtimes bring the AWS SDK for JavaScript v3; this lab's Node.js does not" in said
    assert "`--requirements @aws-sdk/client-s3`" in said


def test_the_old_sdk_is_told_to_be_in_awss_runtimes_no_more():
    said = told("Runtime.ImportModuleError", "Error: Cannot find module 'aws-sdk'\nRequire stack:\n")
    assert "AWS's runtimes from nodejs18.x on have it no more" in said


@pytest.mark.parametrize(
    "message",
    [
        "Cannot find module '/var/task/util.mjs' imported from /var/task/index.mjs",
        "Cannot find module './util'\nRequire stack:\n- /var/task/index.js",
    ],
)
def test_an_absent_file_is_no_package(message):
    said = told("Error", message)
    assert "has no file" in said and "--requirements" not in said


def test_an_absent_part_of_a_package_that_is_there_asks_for_no_requirement():
    said = told("Runtime.ImportModuleError", f"{PYTHON}No module named 'json.nothing'")
    assert "There is `json`, but no `json.nothing` in it." in said and "--requirements" not in said


@pytest.mark.parametrize("place", [ENVIRON, "/var/lang/lib/python3.12/os.py, line 685, in __getitem__"])
def test_a_key_that_the_environment_lacks_is_told_with_env(place):
    assert "`--env CURRENCY=VALUE`" in told("KeyError", "'CURRENCY'", place=place)


def test_a_value_of_the_event_asked_as_an_attribute_is_told_with_its_key():
    assert """`event["name"]`""" in told("AttributeError", "'dict' object has no attribute 'name'")


def test_another_key_is_told_with_the_event():
    said = told("KeyError", "'CURRENCY'", place="/var/task/lambda_function.py, line 3, in handler")
    assert "check the event" in said and "--env" not in said


def test_a_trace_without_its_cell_is_told_at_the_functions_own_line():
    stack = [
        '  File "/var/task/lambda_function.py", line 3, in handler\n    return os.environ["CURRENCY"]\n',
        '  File "<frozen os>", line 679, in __getitem__\n',
    ]
    assert own(map_frames(stack, None)).place == "/var/task/lambda_function.py, line 3, in handler"


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ("python3.12", "do not call `sys.exit`"),
        ("nodejs22.x", "do not call `process.exit`"),
        ("java21", "do not call `System.exit`"),
        ("provided.al2023", "a loop over the Runtime API"),
    ],
)
def test_a_process_that_ended_is_told_what_its_language_would_do_instead(runtime, words):
    sentence = "RequestId: 1 Error: Runtime exited without providing a reason"
    assert words in told("Runtime.ExitError", sentence, runtime=runtime)
    assert (
        told("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: signal: killed", runtime=runtime)
        == ""
    )


JACKSON = "Caused by: com.amazonaws.lambda.thirdparty.com.fasterxml.jackson.databind.exc.MismatchedInputException: "


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "Cannot deserialize value of type `java.lang.String` from Object value (token `JsonToken.START_OBJECT`)",
            "a JSON Object stands where `String` is wanted",
        ),
        (
            "Cannot construct instance of `A$P` (although at least one Creator exists): no String-argument"
            " constructor/factory method to deserialize from String value ('x')",
            "a JSON String stands where `A$P` is wanted",
        ),
        ("", "cannot be read as the type that the handler takes"),
    ],
)
def test_an_event_that_java_cannot_read_is_told_with_the_handlers_type(log, words):
    said = told("java.lang.RuntimeException", "An error occurred during JSON parsing", log=JACKSON + log)
    assert words in said and "`Map<String, Object>`" in said


def test_another_exception_of_java_gets_no_word_about_its_event():
    assert told("java.lang.RuntimeException", "no luck") == ""


def test_an_event_that_dotnet_cannot_read_is_told_with_the_handlers_type():
    message = "Error converting the Lambda event JSON payload to type System.String: The JSON value could not be"
    assert "the `String` that the handler takes" in told("JsonSerializerException", message)


@pytest.mark.parametrize(
    ("runtime", "place", "words"),
    [
        ("python3.12", "Cell In[3], line 4", "Python cannot read the code. Mend the marked line"),
        ("python3.12", "/var/task/m.py, line 3", "Python cannot read the code. Mend the line that is named"),
        ("nodejs22.x", "", "Node.js cannot read the code. Mend it and run the cell again. The runtime does not say"),
        ("", "", "The runtime cannot read the code."),
    ],
)
def test_a_syntax_error_is_told_of_its_own_language_and_a_line_only_where_one_is_marked(runtime, place, words):
    assert told("Runtime.UserCodeSyntaxError", "SyntaxError: x", runtime=runtime, place=place).startswith(words)


@pytest.mark.parametrize(
    ("module", "missing", "words"),
    [
        ("reqests", None, "Did you mean `requests`? Mend the import; `--requirements requests` puts that one there"),
        ("yamll", None, "Did you mean `yaml`? Mend the import; `--requirements PyYAML` puts"),
        ("reqests", Missing("reqests", "requests", True), "Did you mean `requests`, which it has?"),
        (
            "common",
            Missing("common", has=("numbers:2", "common:1")),
            "the layer `common:1` does. `%lambda config greet --layer numbers:2 --layer common:1` gives it",
        ),
    ],
)
def test_a_module_that_is_near_another_or_in_a_layer_is_never_to_be_installed(module, missing, words):
    said = told("Runtime.ImportModuleError", f"{PYTHON}No module named '{module}'", function="greet", missing=missing)
    assert words in said and f"--requirements {module}" not in said


@pytest.mark.parametrize("module", ["sqlalchemy", "requests_mock", "yaml", "nosuch", "typer"])
def test_a_module_that_is_near_no_other_is_taken_at_its_word(module):
    assert "Did you mean" not in told("ModuleNotFoundError", f"No module named '{module}'")


def test_what_can_be_imported_is_read_from_a_packages_paths():
    paths = [
        "a.py",
        "b/__init__.py",
        "b/c.py",
        "_d.cpython-312-x86_64-linux-gnu.so",
        "a-1.0.dist-info/METADATA",
        "x.txt",
    ]
    assert set(modules_in(paths)) == {"a", "b", "_d"}
    layered = ["python/a.py", "python/lib/python3.12/site-packages/b/x.py", "nodejs/c.py", "d.py"]
    assert set(modules_in(layered, layer=True)) - {"lib"} == {"a", "b"}

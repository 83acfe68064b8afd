"""A sentence of advice for common failures: rules on the error's type and message, no guessing.

Each rule says what happened in plain words, and what usually mends it. An error without a rule gets no hint. Where
type and message do not say it, a rule asks for the runtime, the place it was raised in, or what the log tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lambdalab.client.missing import Missing
from lambdalab.client.requirements.known import meant
from lambdalab.notebook import missing_module
from lambdalab.notebook.views.shapes import Call, CallError

_SENTENCE = 300
"""Characters of a message that rules look at."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What happened, and what to do. Pieces in backquotes are code."""

    happened: str
    advice: str


@dataclass(frozen=True, slots=True)
class Raised:
    """How it came to an error, as far as it is known: the isolation and the runtime that it was raised in, the place
    of its innermost frame, and the end of the log; the function's name, and what is known of a module it missed."""

    backend: str = ""
    runtime: str = ""
    place: str = ""
    log: str = ""
    function: str = ""
    missing: Missing | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    """`runtime`, `place` and `log` are searched for in those of `Raised`. Groups of `message` and `log` are the
    words in the braces of the two sentences; `in_process` is the advice in the process isolation."""

    error_types: frozenset[str]
    message: re.Pattern[str]
    happened: str
    advice: str
    in_process: str
    runtime: re.Pattern[str]
    place: re.Pattern[str]
    log: re.Pattern[str]

    def words(self, message: str, raised: Raised) -> dict[str, str] | None:
        """What its sentences name; None where it does not fit."""
        found = self.message.search(message)
        told = self.log.search(raised.log)
        if found is None or told is None:
            return None
        if not (self.runtime.search(raised.runtime) and self.place.search(raised.place)):
            return None
        return {**found.groupdict(), **told.groupdict()}


def _rule(
    error_types: str,
    message: str,
    happened: str,
    advice: str,
    in_process: str = "",
    *,
    runtime: str = "",
    place: str = "",
    log: str = "",
) -> _Rule:
    """`error_types` with bars between them."""
    patterns = (re.compile(one, re.DOTALL) for one in (runtime, place, log))
    types = frozenset(error_types.split("|"))
    return _Rule(types, re.compile(message, re.DOTALL), happened, advice, in_process or advice, *patterns)


_OWN_DIRECTORY = (
    "Write below `tempfile.gettempdir()`: in the process isolation that is a directory of the function's own,"
    " `$TMPDIR`, and on AWS `/tmp`."
)


_NODE_IMPORT = "Error|Runtime.ImportModuleError"
"""What `import` raises comes as it is, and so does what a handler's own `require` raises."""
_NODE_PACKAGE = r"Cannot find (?:module|package) '(?P<name>{})(?:/[^']*)?'"
_PYTHON_IMPORT = "ModuleNotFoundError|Runtime.ImportModuleError"
_NO_MODULE = re.compile(r"No module named '(?P<name>[^'.]+)'")
_JSON_IN_JAVA = r"An error occurred during JSON parsing"
_JAVA_TYPE = r"`(?:[a-z]\w*\.)*(?P<type>[^`]+)`"
_ANOTHER_TYPE = (
    "Send an event of that shape, or let the handler take another type: `Map<String, Object>` takes any JSON object, a"
    " class or record of your own one with its members."
)
_EXITS = {
    "python": "sys.exit", "nodejs": "process.exit", "java": "System.exit", "ruby": "exit", "dotnet": "Environment.Exit",
}  # fmt: skip
"""What ends a process in a language, by family of runtimes."""
_NO_SIGNAL = r"^(?!.*signal)"
_LANGUAGES = {"python": "Python", "nodejs": "Node.js", "": "The runtime"}
"""Who reads the code before it runs, by family of runtimes."""
_MEND = {
    r"^[^/<]": "Mend the marked line and run the cell again.",
    r".": "Mend the line that is named and run the cell again.",
    r"": "Mend it and run the cell again. The runtime does not say in which line: look for a bracket, brace or quote"
    " that is not closed.",
}
"""What to do about a syntax error, by its place: in a cell, in another file, nowhere."""


_RULES = (
    _rule(
        "KeyError",
        r"^'(?P<key>.+)'$",
        "The function has no environment variable `{key}`.",
        'Give it one with `--env {key}=VALUE`, or read it with `os.environ.get("{key}")`.',
        place=r"^(?:<frozen os>|.*/os\.py), line \d+, in __getitem__$",
    ),
    _rule(
        "KeyError",
        r"^'(?P<key>.+)'$",
        "A dictionary had no key `{key}`.",
        'Use `.get("{key}")`, or check the event you sent.',
    ),
    _rule(
        "TypeError",
        r"takes \d+ positional arguments? but 2 were given",
        "Lambda calls the handler with two arguments.",
        "Define it as `def handler(event, context):`.",
    ),
    _rule(
        "TypeError",
        r"'NoneType' object is not (subscriptable|iterable|callable)",
        "Something that should hold a value is `None`.",
        "Look at what stands before the bracket in the marked line.",
    ),
    _rule(
        "TypeError",
        r"(string indices must be integers|indices must be integers)",
        "The value is text or a list, not a dictionary.",
        'If it is JSON in a string, as `event["body"]` often is, read it with `json.loads` first.',
    ),
    _rule(
        "AttributeError",
        r"'NoneType' object has no attribute '(?P<name>\w+)'",
        "Something before `.{name}` is `None`.",
        "Check that the call before it found something.",
    ),
    _rule(
        "AttributeError",
        r"'dict' object has no attribute '(?P<name>\w+)'",
        "A dictionary's values are not attributes.",
        'Write `["{name}"]`, as in `event["{name}"]`.',
    ),
    _rule(
        "NameError",
        r"name '(?P<name>\w+)' is not defined",
        "`{name}` is not defined in this cell.",
        "The cell is the whole program: import or define everything in it, other cells do not count.",
    ),
    _rule(
        "IndexError",
        r"out of range",
        "A list has fewer items than the index asks for.",
        "Check its length, or the event you sent.",
    ),
    _rule(
        "NotImplementedError",
        r"",
        "The exercise is not written yet.",
        "Replace `raise NotImplementedError()` with your code.",
    ),
    _rule(
        "OSError",
        r"Read-only file system",
        "The function's file system is read-only, as on AWS.",
        "Write below `/tmp`.",
        _OWN_DIRECTORY,
    ),
    _rule(
        "PermissionError",
        r"",
        "The function may not touch that file.",
        "It may write below `/tmp` only, as on AWS.",
        _OWN_DIRECTORY,
    ),
    _rule(
        "MemoryError",
        r"",
        "The function asked for more memory than it has.",
        "Raise it with `--memory`, or work on smaller pieces.",
    ),
    _rule(
        "EOFError",
        r"EOF when reading a line",
        "A function has no keyboard: `input()` finds nothing to read.",
        'Take the value from the event, as `event["name"]`.',
    ),
    _rule(
        "RecursionError",
        r"",
        "A function called itself too many times.",
        "Check that the recursion ends.",
    ),
    _rule(
        "JSONDecodeError",
        r"",
        "A text that should be JSON is not.",
        "Print it to see what came.",
    ),
    _rule(
        _PYTHON_IMPORT,
        r"No module named '(?P<name>(?P<package>[^'.]+)\.[^']+)'",
        "There is `{package}`, but no `{name}` in it.",
        "Check the name, and which version of `{package}` is in the function's package.",
    ),
    _rule(
        _NODE_IMPORT,
        _NODE_PACKAGE.format(r"@(?:aws-sdk|smithy)/[\w.~-]+"),
        "AWS's Node.js runtimes bring the AWS SDK for JavaScript v3; this lab's Node.js does not, so `{name}` is "
        "missing here.",
        "`--requirements {name}` packs it, installed by npm; packed, it is used on AWS as well.",
    ),
    _rule(
        _NODE_IMPORT,
        _NODE_PACKAGE.format("aws-sdk"),
        "The function's package does not contain `{name}`, and AWS's runtimes from nodejs18.x on have it no more.",
        "They bring version 3, whose packages are named `@aws-sdk/client-…`; `--requirements {name}` packs version 2.",
    ),
    _rule(
        _NODE_IMPORT,
        _NODE_PACKAGE.format(r"(?:@[\w.~-]+/)?[\w~-][\w.~-]*"),
        "The function's package does not contain `{name}`.",
        "`--requirements {name}` puts it there, installed by npm.",
    ),
    _rule(
        _NODE_IMPORT,
        r"Cannot find module '(?P<name>(?:/var/task/|\.\.?/)[^']+)'",
        "The function's package has no file `{name}`.",
        "`--file PATH` puts a file beside the cell's own, `--from FOLDER` takes a whole folder.",
    ),
    _rule(
        "RuntimeException",
        _JSON_IN_JAVA,
        "The event is not what the handler takes: a JSON {came} stands where `{type}` is wanted.",
        _ANOTHER_TYPE,
        log=f"Cannot deserialize value of type {_JAVA_TYPE} from (?P<came>\\w+)",
    ),
    _rule(
        "RuntimeException",
        _JSON_IN_JAVA,
        "The event is not what the handler takes: a JSON {came} stands where `{type}` is wanted.",
        _ANOTHER_TYPE,
        log=f"Cannot construct instance of {_JAVA_TYPE}[^\\n]*? from (?P<came>\\w+) value",
    ),
    _rule(
        "RuntimeException",
        f"^{_JSON_IN_JAVA}",
        "The event cannot be read as the type that the handler takes.",
        _ANOTHER_TYPE,
    ),
    _rule(
        "JsonSerializerException",
        r"event JSON payload to type (?:\w+\.)*(?P<type>\w+)",
        "The event cannot be read as the `{type}` that the handler takes.",
        "Send an event of that shape, or let the handler take another type: `JsonElement` takes any JSON, a class or "
        "record of your own an object with its members.",
    ),
    _rule(
        "Runtime.ExitError",
        _NO_SIGNAL,
        "The program ended instead of waiting for the next event.",
        "On an OS-only runtime it is a loop over the Runtime API: GET "
        "`http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next`, then POST the answer to "
        "`…/runtime/invocation/ID/response`, and again. In Go `lambda.Start` is that loop.",
        runtime="^provided",
    ),
    *(
        _rule(
            "Runtime.ExitError",
            _NO_SIGNAL,
            "",
            f"A handler answers by returning; do not call `{call}` in it.",
            runtime=f"^{family}",
        )
        for family, call in _EXITS.items()
    ),
    _rule(
        "Runtime.HandlerNotFound",
        r"Handler '(?P<name>[^']+)' missing",
        "The code has no function `{name}`.",
        "Define it, or name another with `--handler`.",
    ),
    _rule(
        "Runtime.MarshalError",
        r"Object of type (?P<name>\w+) is not JSON serializable",
        "The answer holds a `{name}`, which JSON does not have.",
        "Return dictionaries, lists, text, numbers, true, false and None; turn others into text with `str`.",
    ),
    *(
        _rule(
            "Runtime.UserCodeSyntaxError",
            r"",
            f"{_LANGUAGES[family]} cannot read the code.",
            advice,
            runtime=f"^{family}",
            place=place,
        )
        for family in _LANGUAGES
        for place, advice in _MEND.items()
    ),
    _rule(
        "Init<SyntaxError>",
        r"",
        "Ruby cannot read the code.",
        "Mend the line that is named and run the cell again.",
    ),
)


def hint(error_type: str, message: str, raised: Raised = Raised()) -> Hint | None:
    """The advice for an error, or None when no rule fits."""
    kind = error_type.rpartition(".")[2] if not error_type.startswith("Runtime.") else error_type
    absent = _NO_MODULE.search(message) if kind in _PYTHON_IMPORT.split("|") else None
    if absent is not None:
        missing = raised.missing or Missing(absent["name"], meant(absent["name"]))
        return Hint(*missing_module.words(missing, raised.function))
    for rule in _RULES:
        words = rule.words(message, raised) if kind in rule.error_types else None
        if words is not None:
            advice = rule.in_process if raised.backend == "process" else rule.advice
            return Hint(rule.happened.format(**words), advice.format(**words))
    return None


def hint_of(call: Call, error: CallError) -> Hint | None:
    """The advice for an invocation's error."""
    record = call.record
    raised = Raised(
        record.fidelity.backend if record else "",
        record.runtime if record else "",
        error.frames[-1].place if error.frames else "",
        call.log,
        call.function,
        error.missing,
    )
    return hint(error.type, error.message[:_SENTENCE], raised)

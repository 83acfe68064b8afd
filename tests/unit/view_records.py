"""Hand-made values in the shapes that the views show, each a plain record."""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from lambdalab.billing.meter import invocation_cost
from lambdalab.client.concurrency import Concurrency, Provisioned
from lambdalab.client.configuring import FunctionSettings
from lambdalab.client.layers import LayerList, LayerPublication, LayerVersions
from lambdalab.client.versions import (
    AliasChange,
    AliasRoute,
    FileChange,
    ObservedCall,
    Publication,
    VersionDifference,
    Versions,
)
from lambdalab.model.invocation import Fidelity, InvocationRecord

REQUEST_ID = "8f5c2a1e-6b0d-4d7e-9a3f-2f1c0f7be9d4"
SANDBOX = Fidelity(
    backend="sandbox",
    level=2,
    memory="watched every 5 ms",
    cpu="cgroup quota",
    time="enforced",
    file_system="own root, read-only",
    tmp="own, of the configured size",
    processes="watched, 1,024",
    network="the machine's",
    freeze="by signal",
)
PROCESS = replace(SANDBOX, backend="process", level=1, file_system="not enforced")
CELL = 'import json\n\ndef handler(event, context):\n    order = event["order"]\n    return order["price"]\n'
LOG = (
    f"START RequestId: {REQUEST_ID} Version: $LATEST\n"
    f"[INFO]\t2026-11-23T07:02:11.318Z\t{REQUEST_ID}\tgreeting Ada\n"
    "it costs $5 and $6\n"
    f"END RequestId: {REQUEST_ID}\n"
    f"REPORT RequestId: {REQUEST_ID}\tDuration: 21.63 ms\tBilled Duration: 156 ms\tMemory Size: 256 MB\t"
    "Max Memory Used: 58 MB\tInit Duration: 134.20 ms\t\n"
)
RECORD = InvocationRecord(
    request_id=REQUEST_ID,
    function_name="hello",
    invoked_arn="arn:aws:lambda:us-east-1:123456789012:function:hello",
    executed_version="$LATEST",
    outcome="ok",
    error_type=None,
    started_at=1_763_881_331_000,
    queue_ms=1.4,
    init_ms=134.2,
    duration_ms=21.63,
    billed_ms=156,
    memory_size_mb=256,
    max_memory_mb=58,
    ephemeral_mb=512,
    architecture="x86_64",
    runtime="python3.12",
    environment_id="e" * 32,
    nth_call=1,
    start_reason="no environment had been started for this code",
    log_stream="2026/11/23/[$LATEST]" + "e" * 32,
    fidelity=SANDBOX,
)


@dataclass(frozen=True)
class Source:
    text: str
    first_line: int = 2


@dataclass(frozen=True)
class Frame:
    place: str
    line: int
    source: Source | None = None


@dataclass(frozen=True)
class Error:
    type: str
    message: str
    frames: tuple[Frame, ...] = ()
    missing: object = None


@dataclass(frozen=True)
class Call:
    record: InvocationRecord | None
    payload: object = None
    raw: bytes = b'{"greeting": "hello Ada"}'
    log: str = LOG
    error: Error | None = None
    function: str = "hello"
    qualifier: str | None = None
    executed_version: str = "$LATEST"
    request_id: str = REQUEST_ID

    @property
    def ok(self):
        return self.error is None

    @property
    def cost(self):
        if self.record is None:
            return None
        return invocation_cost(
            memory_mb=self.record.memory_size_mb,
            billed_ms=self.record.billed_ms,
            architecture=self.record.architecture,
            restored=self.record.restore_ms is not None,
            streamed_bytes=self.record.streamed_bytes,
        )

    def __getattr__(self, name):
        figures = ("duration_ms", "billed_ms", "init_ms", "restore_ms", "memory_size_mb", "max_memory_mb")
        if name in figures:
            return None if self.record is None else getattr(self.record, name)
        raise AttributeError(name)


@dataclass(frozen=True)
class Change:
    what: str
    before: str
    now: str


@dataclass(frozen=True)
class Deployment:
    name: str = "hello"
    created: bool = False
    changes: tuple[Change, ...] = ()
    seconds: float = 0.041
    configuration: object = None
    old_source: str | None = None
    new_source: str | None = None
    notes: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    time: datetime
    message: str


@dataclass(frozen=True)
class Logs:
    function: str
    events: tuple[Event, ...]


CONFIGURATION = {
    "FunctionName": "hello",
    "Runtime": "python3.12",
    "Handler": "lambda_function.handler",
    "MemorySize": 256,
    "Timeout": 30,
    "CodeSize": 612,
    "CodeSha256": "1be07a+w==",
    "Architectures": ["x86_64"],
    "LastModified": "2026-11-23T07:02:11.318+0000",
    "Environment": {"Variables": {"STAGE": "dev"}},
}
WARM = replace(RECORD, init_ms=None, queue_ms=0.3, duration_ms=7.61, billed_ms=8, nth_call=2)


def ended(outcome: str, error_type: str, sentence: str, **changes) -> Call:
    """An invocation that the platform ended."""
    record = replace(RECORD, outcome=outcome, error_type=error_type, **changes)
    message = f"RequestId: {REQUEST_ID} Error: {sentence}"
    return Call(record, {"errorType": error_type, "errorMessage": message}, error=Error(error_type, message))


COLD_CALL = Call(RECORD, {"greeting": "hello Ada"})
STREAMED_CALL = Call(
    replace(RECORD, duration_ms=5021.63, billed_ms=5156, streamed_bytes=16 << 20, held_ms=5000.0),
    raw=b"x" * (16 << 20),
)
RESTORED_CALL = Call(
    replace(
        RECORD,
        init_ms=None,
        restore_ms=53.33,
        billed_restore_ms=53,
        duration_ms=21.63,
        billed_ms=75,
        start_reason="a snapshot of the version was restored",
        executed_version="1",
        initialization="snap-start",
    ),
    {"greeting": "hello Ada"},
    executed_version="1",
)
WARM_CALL = Call(WARM, {"greeting": "hello Ada"}, qualifier="prod", executed_version="3")
FAILED_CALL = Call(
    replace(WARM, outcome="error", error_type="KeyError"),
    {"errorMessage": "'price'", "errorType": "KeyError"},
    error=Error("KeyError", "'price'", (Frame("Cell In[12], line 6, in handler", 6, Source(CELL)),)),
)
TIMED_OUT = ended("timeout", "Sandbox.Timedout", "Task timed out after 3.00 seconds", duration_ms=3000.0)
OUT_OF_MEMORY = ended(
    "out_of_memory",
    "Runtime.OutOfMemory",
    "Runtime exited with error: signal: killed",
    memory_size_mb=128,
    max_memory_mb=128,
)
EXITED = ended("exit", "Runtime.ExitError", "Runtime exited with error: exit status 3")
CRASHED = ended("exit", "Runtime.ExitError", "Runtime exited with error: signal: segmentation fault")
TOO_LARGE = ended("response_too_large", "Function.ResponseSizeTooLarge", "Response payload size exceeded")
ELSEWHERE = Call(None, {"greeting": "hello"})
CREATED = Deployment(created=True, configuration=CONFIGURATION, new_source=CELL)
UNCHANGED = Deployment(configuration=CONFIGURATION)
CHANGED = Deployment(
    changes=(Change("Code", "9f2c41", "1be07a"), Change("Memory", "128 MB", "256 MB"), Change("STAGE", "", "dev")),
    configuration=CONFIGURATION,
    old_source=CELL,
    new_source=CELL.replace("price", "total"),
)
LOGS = Logs("hello", tuple(Event(datetime(2026, 11, 23, 7, 2, 11, 318000, UTC), line) for line in LOG.splitlines()))
DOCTOR = {
    "version": "0.1.0",
    "python": "3.12.1",
    "endpoint": "http://127.0.0.1:9001",
    "home": "/home/ada/.local/share/lambdalab",
    "pid": 4711,
    "account": "123456789012",
    "region": "us-east-1",
    "backend": "sandbox",
    "runtimes": [
        {"name": "python3.12", "path": "/usr/bin/python3.12", "version": "3.12.1", "problem": None, "advice": None},
        {
            "name": "python3.9",
            "path": None,
            "version": None,
            "problem": "no python3.9 was found",
            "advice": "pyenv install 3.9",
        },
    ],
    "levels": [
        {"backend": "process", "available": True, "reason": "", "fidelity": asdict(PROCESS)},
        {"backend": "sandbox", "available": True, "reason": "", "fidelity": asdict(SANDBOX)},
    ],
    "environments": {"starting": 0, "idle": 2, "busy": 1},
    "memory": {"region_mb": 54.2, "limit_mb": 2048},
    "problems": [],
    "notes": ["the rest of AWS: not started, it starts when something needs it"],
    "checked_ms": 64.0,
}


# -- versions, layers, settings, concurrency: the client's own records


def version(number, **more):
    """A FunctionConfiguration of one version."""
    return {**CONFIGURATION, "Version": number, "Description": f"cut {number}", **more}


def calls(number, *, version, failed=0, ms=7.6):
    """So many calls of a version, the first cold, the last `failed` ones failed."""
    return tuple(
        ObservedCall(version, place >= failed, ms + place / 100, place == number - 1) for place in range(number)
    )[::-1]


ALIASES = (
    AliasRoute("production", "3", {"4": 0.1}),
    AliasRoute("staging", "4", {}),
    AliasRoute("dev", "$LATEST", {}),
)
DIFFERENCE = VersionDifference(
    "3",
    "4",
    (FileChange("lambda_function.py", CELL, CELL.replace("price", "total")),),
    (Change("code", "1be07a", "b07f13"), Change("memory", "128 MB", "256 MB")),
)
VERSIONS = Versions(
    "hello",
    (version("$LATEST", Description=""), *(version(str(number)) for number in (4, 3, 2, 1))),
    ALIASES,
    {"production": calls(178, version="3") + calls(22, version="4", failed=3, ms=6.1)},
    DIFFERENCE,
)
NO_VERSIONS = Versions("hello", (version("$LATEST"),), ())
MANY_VERSIONS = Versions(
    "hello",
    (version("$LATEST"), *(version(str(number), Description="words " * 42) for number in range(60, 0, -1))),
    tuple(AliasRoute(f"alias-{place}-{'x' * 110}", str(place + 1), {str(60 - place): 0.125}) for place in range(20)),
    {f"alias-{place}-{'x' * 110}": calls(20, version=str(place + 1), failed=1) for place in range(20)},
    VersionDifference(
        "59",
        "60",
        tuple(FileChange(f"module{place}.py", "a = 1\n" * 200, "b = 2\n" * 200) for place in range(9)),
        tuple(Change(f"VARIABLE_{place}", "before " * 30, "now " * 30) for place in range(40)),
    ),
)
CANARY = AliasChange("hello", "production", ALIASES[0], AliasRoute("production", "3", {}), VERSIONS)
PUBLISHED = Publication("hello", "4", True, 0.012, version("4"))
NOT_PUBLISHED = Publication("hello", "4", False, 0.004, version("4"))
LAYER_VERSION = {
    "LayerVersionArn": "arn:aws:lambda:us-east-1:123456789012:layer:common:2",
    "Version": 2,
    "Description": "requests==2.*",
    "CreatedDate": "2026-11-23T07:02:11.318+0000",
    "CompatibleRuntimes": ["python3.12"],
    "CompatibleArchitectures": ["x86_64"],
}
LAYER_PUBLISHED = LayerPublication(
    "common",
    2,
    True,
    1.514,
    ("idna 3.10", "requests 2.32.3"),
    {**LAYER_VERSION, "Content": {"CodeSize": 672506, "CodeSha256": "9f2c41+w=="}},
)
LAYER = LayerVersions("common", (LAYER_VERSION, {**LAYER_VERSION, "Version": 1}), {1: ("hello", "orders")})
LAYERS = LayerList([{"LayerName": name, "LatestMatchingVersion": LAYER_VERSION} for name in ("common", "numbers")])
SETTINGS = FunctionSettings(
    "hello",
    {
        **CONFIGURATION,
        "Layers": [{"Arn": "arn:aws:lambda:us-east-1:123456789012:layer:common:1", "CodeSize": 1}],
        "KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:alias/lab",
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1"},
        "Role": "arn:aws:iam::123456789012:role/lambda-role",
        "Environment": {"Variables": {"STAGE": "prod"}},
    },
)
CONCURRENCY = Concurrency(
    "hello", 5, 1000, 895, (Provisioned("production", 2, 2, "READY"), Provisioned("2", 1, 0, "FAILED", "no init"))
)
SHARED = Concurrency("hello", None, 1000, 1000, ())

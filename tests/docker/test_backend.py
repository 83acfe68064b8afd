"""What is Docker's own: how a container is confined, who may speak to whom, what is left behind, image functions."""

import contextlib
import json
import socket
import subprocess
import sys
import textwrap
import threading
import time
import uuid

import pytest

from lambdalab import Lab
from lambdalab.client.image import ImageBuildError
from lambdalab.errors import AwsError, BadOption
from tests.docker.conftest import PREFIX, docker, need_image

pytestmark = pytest.mark.docker
RUNTIME = "python3.12"


def deploy(lab, name, source, **settings):
    lab[name].deploy(textwrap.dedent(source), runtime=RUNTIME, **settings)
    return lab[name]


def result(function, *event):
    return function.invoke(*event).raise_for_error().payload


def containers():
    """All functions' containers, of other regions on the engine too: those may go while they are looked at."""
    found = docker("ps", "--all", "--quiet", "--filter", "label=lambdalab.environment").split()
    seen = subprocess.run(["docker", "inspect", *found], capture_output=True, text=True, check=False).stdout or "[]"
    return json.loads(seen)


def containers_of(name):
    """The containers that run a function, or wait for it."""
    return [one for one in containers() if f"AWS_LAMBDA_FUNCTION_NAME={name}" in one["Config"]["Env"]]


def until(holds):
    """Whether it comes to hold, within half a minute."""
    return any(holds() or threading.Event().wait(0.1) for _ in range(300))


def container_of(invocation):
    """The one that an invocation ran in."""
    wanted = invocation.record.environment_id
    return next(one for one in containers() if one["Config"]["Labels"]["lambdalab.environment"] == wanted)


def waiting_for(name):
    """The container that waits for a function's next cold start, once there is one."""
    found = []

    def waits():
        found[:] = [one for one in containers_of(name) if one["State"]["Running"] and "read -r" in str(one["Args"])]
        return found

    assert until(waits), containers_of(name)
    return found[0]


# -- confinement


def test_a_container_has_no_bind_mounts_no_rights_and_bounds_for_everything(lab):
    function = deploy(lab, "bounds", "def handler(event, context): return 1\n", memory=256, ephemeral=600)
    result(function)
    confined = [one for one in _all_of(lab) if "AWS_LAMBDA_FUNCTION_NAME=bounds" in one["Config"]["Env"]]
    assert confined, "the one that ran, and perhaps one that waits"
    for one in confined:
        check_confinement(one)


def check_confinement(one):
    host = one["HostConfig"]
    assert host["Binds"] is None
    assert [(mount["Type"], mount["Target"], mount["ReadOnly"]) for mount in host["Mounts"]] == [
        ("volume", "/var/task", True)
    ]
    assert (one["Config"]["User"], host["CapDrop"], host["SecurityOpt"]) == ("993:990", ["ALL"], ["no-new-privileges"])
    assert host["ReadonlyRootfs"]
    assert not host["Privileged"]
    assert host["Tmpfs"] == {"/tmp": "rw,exec,nosuid,nodev,size=600m,mode=1777"}
    assert (host["Memory"], host["MemorySwap"]) == ((256 + 600 + 64) << 20, (256 + 600 + 64) << 20)
    assert host["PidsLimit"] == 1024
    assert {(limit["Name"], limit["Hard"]) for limit in host["Ulimits"]} == {("nofile", 1024), ("core", 0)}
    assert host["LogConfig"]["Type"] == "none"
    assert host["NetworkMode"].startswith("container:")


def test_a_function_finds_the_confinement_from_within(lab):
    function = deploy(
        lab,
        "within",
        """
        import os, subprocess
        def refused(path):
            try: open(path, "w").close()
            except OSError as error: return type(error).__name__ + str(error.errno)
            return "written"
        def handler(event, context):
            status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
            with open("/tmp/program", "w") as file: file.write("#!/bin/sh\\necho ran\\n")
            os.chmod("/tmp/program", 0o755)
            space = os.statvfs("/tmp")
            return {
                "ids": [os.getuid(), os.getgid()], "groups": os.getgroups(), "capabilities": int(status["CapEff"], 16),
                "no_new": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(), "pid": os.getpid(),
                "task": refused("/var/task/x"), "root": refused("/x"), "etc": refused("/etc/x"),
                "ran": subprocess.run(["/tmp/program"], capture_output=True, text=True).stdout,
                "tmp_mb": space.f_blocks * space.f_frsize >> 20, "shm": os.path.exists("/dev/shm"),
                "cwd": os.getcwd(), "tz": os.environ["TZ"],
            }
        """,
        memory=256,
        timeout=10,
    )
    seen = result(function)
    assert seen["ids"] == [993, 990]
    assert seen["groups"] in ([], [990])
    assert (seen["capabilities"], seen["no_new"], seen["seccomp"]) == (0, "1", "2")
    assert seen["pid"] != 1  # as its namespace's first process it would outlive its own signals
    assert {seen["task"], seen["root"], seen["etc"]} <= {"OSError30", "PermissionError13"}
    assert seen["ran"] == "ran\n"
    assert seen["tmp_mb"] == 512
    assert not seen["shm"]
    assert (seen["cwd"], seen["tz"]) == ("/var/task", ":UTC")


def test_tmp_holds_what_it_shall_and_not_more_and_is_not_the_functions_memory(lab):
    function = deploy(
        lab,
        "fills",
        """
        def handler(event, context):
            try:
                with open("/tmp/big", "wb") as file:
                    for _ in range(event): file.write(b"x" * (1 << 20))
            except OSError as error: return error.errno
            return "held"
        """,
        timeout=30,
    )
    assert result(function, 400) == "held"  # of 128 MB of memory
    assert result(function, 600) == 28  # ENOSPC


def test_the_share_of_the_processor_holds_from_the_first_invocation_on(lab):
    function = deploy(
        lab,
        "spins",
        """
        import time
        began = time.process_time()
        while time.process_time() - began < 0.3: pass
        def handler(event, context):
            before, wall = time.process_time(), time.monotonic()
            while time.process_time() - before < 0.3: pass
            return time.monotonic() - wall
        """,
        memory=442,  # a quarter of a processor
        timeout=20,
    )
    first = function.invoke()
    assert first.payload > 0.9  # 0.3 s of work take 1.2 s
    assert first.record.init_ms < 1000 * first.payload + 3000


def test_it_stands_still_between_invocations(lab):
    function = deploy(
        lab,
        "ticks",
        """
        import threading, time
        ticks = 0
        def tick():
            global ticks
            while True:
                time.sleep(0.01)
                ticks += 1
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context):
            time.sleep(event)
            return ticks
        """,
        timeout=10,
    )
    before = result(function, 0.2)
    threading.Event().wait(1)
    assert before > 2
    assert result(function, 0) - before < 40
    assert result(function, 0.3) > before


def test_output_of_every_kind_is_whole_and_in_its_invocation(lab):
    function = deploy(
        lab,
        "talks",
        """
        import os, sys
        print("while loading")
        def handler(event, context):
            for number in range(2000): print("line", number)
            sys.stderr.write("to stderr, no newline")
            sys.stderr.flush()
            os.write(1, b"\\x00 a zero byte\\n")
            return event
        """,
    )
    for number in range(3):
        function.invoke(number).raise_for_error()
    messages = [one.message for one in function.logs(limit=20_000).events]
    assert messages.count("while loading") == 1
    assert messages.index("while loading") < next(i for i, m in enumerate(messages) if m.startswith("START"))
    starts = [i for i, message in enumerate(messages) if message.startswith("START")]
    ends = [i for i, message in enumerate(messages) if message.startswith("END")]
    assert len(starts) == len(ends) == 3
    for start, end in zip(starts, ends, strict=True):
        said = messages[start + 1 : end]
        assert [line for line in said if line.startswith("line ")] == [f"line {number}" for number in range(2000)]
        assert "to stderr, no newline" in said
        assert "\x00 a zero byte" in said
    assert not [message for message in messages if "lambdalab-" in message]


# -- who speaks to whom


def test_a_function_gets_no_answer_from_another_ones_runtime_api(lab):
    address = deploy(
        lab, "other", "import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_RUNTIME_API']\n"
    )
    spy = deploy(
        lab,
        "spy",
        """
        import os, socket
        def ask(address):
            host, port = address.split(":")
            try:
                with socket.create_connection((host, int(port)), 3) as line:
                    line.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
                    return len(line.recv(100))
            except OSError as error: return type(error).__name__
        def handler(event, context):
            own = os.environ["AWS_LAMBDA_RUNTIME_API"]
            return {"same": own == event, "other": ask(event)}
        """,
        timeout=10,
    )
    there = result(address)
    seen = result(spy, there)
    assert not seen["same"]
    assert seen["other"] in (0, "ConnectionResetError", "BrokenPipeError")
    host, port = there.split(":")
    with socket.create_connection((host, int(port)), 3) as line:  # from this machine, no better
        line.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(100) == b""
    assert result(address) == there  # the spied one lives on


def test_containers_do_not_reach_each_other(lab):
    listens = deploy(
        lab,
        "listens",
        """
        import socket
        server = socket.create_server(("0.0.0.0", 8080))
        def handler(event, context):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect(("198.51.100.1", 9))
                return probe.getsockname()[0]
        """,
    )
    calls = deploy(
        lab,
        "calls",
        """
        import socket
        def handler(event, context):
            try: socket.create_connection((event, 8080), 1).close()
            except OSError as error: return type(error).__name__
            return "connected"
        """,
        timeout=5,
    )
    assert result(calls, result(listens)) in ("TimeoutError", "ConnectionRefusedError", "OSError")


def test_a_functions_sdk_reaches_the_region(lab):
    function = deploy(
        lab,
        "lists",
        """
        import boto3
        def handler(event, context):
            return [one["FunctionName"] for one in boto3.client("lambda").list_functions()["Functions"]]
        """,
        memory=512,
        timeout=30,
    )
    assert "lists" in result(function)


# -- packages, leftovers, missing parts


def test_the_second_container_of_a_package_finds_its_code_there(lab):
    function = deploy(lab, "twice", "def handler(event, context): return 1\n")
    first = container_of(function.invoke())
    function.configure(memory=192)  # new environments, the same package
    second = container_of(function.invoke())
    assert second["Id"] != first["Id"]
    assert [mount["Source"] for mount in second["HostConfig"]["Mounts"]] == [
        mount["Source"] for mount in first["HostConfig"]["Mounts"]
    ]


def test_a_killed_region_leaves_nothing_once_another_has_begun():
    need_image("python:3.12")
    killed, following = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("left", "next"))
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        from lambdalab import Lab
        lab = Lab(isolated=True, backend="docker", images={PREFIX!r}, pull=False)
        lab[{killed!r}].deploy("def handler(event, context): return 1\\n", runtime={RUNTIME!r})
        assert lab[{killed!r}].invoke().payload == 1
        region = lab.doctor()["pid"]
        os.kill(region, signal.SIGKILL)
        print("killed", flush=True)
        os._exit(0)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert "killed" in done.stdout, done.stderr
    assert containers_of(killed)
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as lab:
        assert lab[following].deploy("def handler(event, context): return 2\n", runtime=RUNTIME)
        assert lab[following].invoke().payload == 2
        assert until(lambda: not containers_of(killed))
        assert containers_of(following)
    assert not containers_of(following)


def test_a_package_is_on_the_engine_before_its_first_call(lab):
    result(deploy(lab, "other", "def handler(event, context): return 1\n"))
    home = next(one["Config"]["Labels"]["lambdalab.home"] for one in _all_of(lab))

    def volumes():
        return set(docker("volume", "ls", "--quiet", "--filter", f"label=lambdalab.home={home}").split())

    before = volumes()
    deploy(lab, "staged", f"WORD = {uuid.uuid4().hex!r}\ndef handler(event, context): return 1\n")
    for _ in range(100):
        if staged := volumes() - before:
            break
        threading.Event().wait(0.1)
    result(lab["staged"])
    assert volumes() - before == staged != set()


# -- ahead of calls


def test_the_next_container_waits_before_it_is_called_and_nothing_of_the_function_runs_in_it(lab):
    source = """
    import os, sys, time
    began = time.time()
    def handler(event, context):
        return [began, sys.stdin.read(), os.environ["AWS_LAMBDA_LOG_STREAM_NAME"] == context.log_stream_name]
    """
    function = deploy(lab, "waited", source)
    waiting = waiting_for("waited")
    assert docker("top", waiting["Id"], "-o", "pid,args").count("read -r") == 2, "its init and the shell at the gate"
    asked = time.time()
    invocation = function.invoke()
    assert invocation.record.cold
    assert container_of(invocation)["Id"] == waiting["Id"]
    assert "its sandbox had been started before, but for the runtime" in invocation.record.start_reason
    began, typed, same_stream = invocation.payload
    assert began >= asked
    assert (typed, same_stream) == ("", True)
    assert invocation.record.init_ms < (time.time() - asked) * 1000


def test_what_a_function_sets_comes_with_its_call_and_nothing_heeds_it_before(lab):
    own = {
        "LD_PRELOAD": "/var/task/own.so", "PATH": "/nowhere", "ENV": "/var/task/profile", "UID": "7",
        "WORDS": "it's \"quoted\", $HOME, `id`, two\nlines\n, \\ and ü", "EMPTY": "",
    }  # fmt: skip
    source = """
    import os
    def handler(event, context):
        return {name: os.environ.get(name) for name in event}
    """
    function = deploy(lab, "preloads", source, env=own)
    waiting = waiting_for("preloads")
    assert not own.keys() - {"PATH"} & {word.partition("=")[0] for word in waiting["Config"]["Env"]}
    assert "PATH=/nowhere" not in waiting["Config"]["Env"]
    invocation = function.invoke(list(own))
    assert container_of(invocation)["Id"] == waiting["Id"]
    assert invocation.payload == own


def test_where_the_container_that_waits_has_gone_another_is_started(lab):
    function = deploy(lab, "removed", "def handler(event, context): return 1\n")
    docker("rm", "--force", waiting_for("removed")["Id"])
    assert result(function) == 1


def test_a_changed_function_does_not_get_the_container_that_waited_for_the_old_one(lab):
    function = deploy(
        lab, "moved-on", "import os\ndef handler(event, context): return os.environ['WORD']\n", env={"WORD": "old"}
    )
    old = waiting_for("moved-on")
    function.configure(env={"WORD": "new"})
    assert result(function) == "new"
    assert until(lambda: old["Id"] not in {one["Id"] for one in containers_of("moved-on")})


def test_a_function_that_is_deleted_leaves_no_container_waiting(lab):
    deploy(lab, "unwanted", "def handler(event, context): return 1\n")
    waiting_for("unwanted")
    lab["unwanted"].delete()
    assert until(lambda: not containers_of("unwanted"))


def test_nothing_of_a_region_is_left_when_it_has_ended():
    need_image("python:3.12")
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as lab:
        result(deploy(lab, f"gone-{uuid.uuid4().hex[:8]}", "def handler(event, context): return 1\n"))
        (label,) = {one["Config"]["Labels"]["lambdalab.home"] for one in _all_of(lab)}
        label = f"label=lambdalab.home={label}"
        assert docker("ps", "--all", "--quiet", "--filter", label).split()
    assert not docker("ps", "--all", "--quiet", "--filter", label).split()
    assert not docker("volume", "ls", "--quiet", "--filter", label).split()


def _all_of(lab):
    pid = str(lab.doctor()["pid"])
    return [one for one in containers() if one["Config"]["Labels"]["lambdalab.owner"].split("/")[2] == pid]


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("unix:///nowhere/docker.sock", "No Docker engine answers at unix:///nowhere/docker.sock (no such file"),
        ("tcp://127.0.0.1:1", "No Docker engine answers at tcp://127.0.0.1:1 (connection refused)"),
    ],
)
def test_without_an_engine_the_error_says_where_it_was_looked_for(monkeypatch, host, words):
    monkeypatch.setenv("DOCKER_HOST", host)
    with Lab(isolated=True, backend="docker", images=PREFIX) as lab, pytest.raises(AwsError) as refused:
        lab["none"].deploy("def handler(event, context): return 1\n", runtime=RUNTIME)
    assert words in str(refused.value)
    assert "DOCKER_HOST" in str(refused.value)


def test_without_the_image_the_error_says_how_to_get_it(lab):
    with pytest.raises(AwsError) as refused:
        lab["old"].deploy("def handler(event, context): return 1\n", runtime="python3.8")
    assert f"{PREFIX}/python:3.8" in str(refused.value)
    assert "lambdalab images" in str(refused.value)


# -- image functions

HANDLER = b"""
import os
def handler(event, context): return ["first", event, os.environ["_HANDLER"]]
def second(event, context): return ["second", event, os.environ["_HANDLER"]]
"""
DOCKERFILE = 'FROM public.ecr.aws/lambda/python:3.12\nCOPY app.py ${LAMBDA_TASK_ROOT}\nCMD ["app.handler"]\n'


def test_a_dockerfile_becomes_a_function(lab, built):
    built.append("made")
    deployment = lab["made"].deploy_image(DOCKERFILE, files={"app.py": HANDLER})
    assert repr(deployment).startswith("made created in ")
    assert result(lab["made"], {"n": 1}) == ["first", {"n": 1}, "app.handler"]
    configuration = lab["made"].configuration
    assert (configuration["PackageType"], configuration["CodeSize"]) == ("Image", 0)
    assert len(configuration["CodeSha256"]) == 64
    assert not {"Runtime", "Handler", "RuntimeVersionConfig"} & configuration.keys()
    again = lab["made"].deploy_image(DOCKERFILE, files={"app.py": HANDLER})
    assert not again.changes
    other = lab["made"].deploy_image(DOCKERFILE, files={"app.py": HANDLER.replace(b"first", b"changed")})
    assert [change.what for change in other.changes] == ["code"]
    assert result(lab["made"])[0] == "changed"


def test_an_image_whose_entrypoint_is_not_there_fails_in_awss_words(lab, built):
    built.append("unstarted")
    lab["unstarted"].deploy_image(DOCKERFILE, files={"app.py": HANDLER}, entry_point=["/no/such"])
    failed = lab["unstarted"].invoke()
    assert failed.error.type == "Runtime.InvalidEntrypoint"
    assert failed.error.message.endswith("Error: fork/exec /no/such: no such file or directory")
    assert "tini" not in failed.log


def test_image_config_takes_the_place_of_the_images_own(lab, built):
    built.append("configured")
    lab["configured"].deploy_image(DOCKERFILE, files={"app.py": HANDLER}, command=["app.second"])
    assert result(lab["configured"])[0] == "second"
    shown = lab["configured"].configuration["ImageConfigResponse"]
    assert shown == {"ImageConfig": {"Command": ["app.second"]}}
    lab["configured"].deploy_image(DOCKERFILE, files={"app.py": HANDLER})
    assert result(lab["configured"])[0] == "first"
    assert "ImageConfigResponse" not in lab["configured"].configuration


def test_an_image_from_scratch_brings_its_own_client(lab):
    uri = need_image("go-scratch:1")
    lab["scratch"].deploy_image(uri=uri, entry_point=["/bootstrap", "one"], command=["two"], directory="/tmp")
    answer = result(lab["scratch"], {"x": 1})
    assert (answer["event"], answer["arguments"]) == ({"x": 1}, ["/bootstrap", "one", "two"])
    assert answer["directory"] == "/tmp"
    failed = lab["scratch"].invoke({"Fail": "boo"})
    assert (failed.error.type, failed.error.message) == ("errorString", "boo")
    assert failed.record.environment_id == lab["scratch"].invoke().record.environment_id


def test_a_published_version_keeps_its_image_when_the_tag_moves(lab, built):
    built.append("moves")
    tag = "lambdalab/moves:latest"
    lab["moves"].deploy_image(DOCKERFILE, files={"app.py": HANDLER})
    first = docker("image", "ls", "--quiet", "--no-trunc", "lambdalab/moves").split()[0]
    docker("tag", first, tag)
    lab["moves"].deploy_image(uri=tag)
    version = lab["moves"].publish().version
    lab["moves"].deploy_image(DOCKERFILE, files={"app.py": HANDLER.replace(b"first", b"changed")})
    changed = [one for one in docker("image", "ls", "--quiet", "--no-trunc", "lambdalab/moves").split() if one != first]
    docker("tag", changed[0], tag)
    assert lab["moves"].invoke(qualifier=str(version)).payload[0] == "first"
    assert result(lab["moves"])[0] == "changed"


def test_a_build_that_fails_names_the_dockerfiles_line(lab):
    dockerfile = "# a comment\nFROM public.ecr.aws/lambda/python:3.12\n\nRUN echo said \\\n  && false\n"
    with pytest.raises(ImageBuildError) as failed:
        lab["broken"].deploy_image(dockerfile)
    assert failed.value.line == 4
    assert "the Dockerfile, line 4: the image did not build: " in str(failed.value)
    assert "said" in failed.value.output


def test_a_file_that_the_build_context_lacks_is_told_where_that_comes_from(lab):
    dockerfile = "FROM public.ecr.aws/lambda/python:3.12\nCOPY nosuch.py ${LAMBDA_TASK_ROOT}\n"
    with pytest.raises(ImageBuildError, match=r"line 2: .*\n.*what --from FOLDER and --file PATH give"):
        lab["broken"].deploy_image(dockerfile, files={"app.py": HANDLER})


def test_aws_refusals_of_images(lab):
    uri = need_image("go-scratch:1")
    base = {"FunctionName": "refused", "Role": "arn:aws:iam::123456789012:role/r", "PackageType": "Image"}

    def create(**members):
        lab._session.call("POST", "/2015-03-31/functions", body=json.dumps({**base, **members}).encode())

    for members, words in (
        ({"Code": {"ImageUri": "nobody/has-this:1"}}, "Source image nobody/has-this:1 does not exist. Provide a valid"),
        (
            {"Code": {"ImageUri": "no image's name"}},
            "Source image no image's name is not valid. Provide a valid source",
        ),
        ({"Code": {"ImageUri": uri}, "Handler": "a.b"}, "Please don't provide Handler or Runtime or Layer when the"),
        ({"Code": {"ImageUri": uri}, "Architectures": ["arm64"]}, "linux/amd64"),
        ({"Code": {"ZipFile": ""}}, "Please provide ImageUri when creating a function with packageType Image."),
    ):
        with pytest.raises(AwsError) as refused:
            create(**members)
        assert words in str(refused.value)
        assert refused.value.error_code == "InvalidParameterValueException"
    deploy(lab, "zipped", "def handler(event, context): return 1\n")
    with pytest.raises(BadOption, match="zip function"):
        lab["zipped"].deploy_image(uri=uri)
    with pytest.raises(BadOption, match="give one"):
        lab["zipped"].deploy_image()


# -- an engine that is not this machine's


def test_a_remote_engine_needs_a_way_back_and_says_so(monkeypatch, far_engine):
    monkeypatch.setenv("DOCKER_HOST", far_engine)
    need_image("python:3.12")
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as lab:
        lab["far"].deploy("def handler(event, context): return 1\n", runtime=RUNTIME)
        with pytest.raises(AwsError, match="LAMBDALAB_DOCKER_CALLBACK"):
            lab["far"].invoke()


def test_a_remote_engine_runs_functions_and_says_what_it_does_not_see(lab, monkeypatch, far_engine):
    result(deploy(lab, "near", "def handler(event, context): return 1\n"))  # there is a network now
    gateway = json.loads(docker("network", "inspect", "lambdalab"))[0]["IPAM"]["Config"][0]["Gateway"]
    monkeypatch.setenv("DOCKER_HOST", far_engine)
    source = """
    import os, time
    kept = []
    def handler(event, context):
        print("said", event)
        for _ in range(event.get("hold", 0)): kept.append(bytearray(b"x" * 10_000_000))
        if event.get("exit"): os._exit(event["exit"])
        return sum(map(len, kept))
    """
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False, docker_callback=gateway) as remote:
        function = deploy(remote, "far", source, timeout=60)
        first = function.invoke({})
        assert first.payload == 0
        assert [line.split(" ")[0] for line in first.log.splitlines()] == [
            "INIT_START",
            "START",
            "said",
            "END",
            "REPORT",
        ]
        assert "asked of the engine" in first.record.fidelity.memory
        assert "the port alone" in first.record.fidelity.network
        threading.Event().wait(0.3)  # paused meanwhile
        second = function.invoke({})
        assert second.record.environment_id == first.record.environment_id
        assert 0 < second.record.max_memory_mb <= 128
        assert "exit status 3" in function.invoke({"exit": 3}).error.message
        hog = function.invoke({"hold": 40})
        assert hog.error.type == "Runtime.OutOfMemory"
    assert not containers_of("far")

"""The parts of the Docker backend that need no engine."""

import asyncio
import io
import os
import platform
import re
import struct
import subprocess
import sys
import tarfile
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lambdalab import extras
from lambdalab.client.cell import CellSource
from lambdalab.client.image import archive, failed, line_of
from lambdalab.errors import EngineUnavailable, ImageUnavailable, RuntimeUnavailable
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.docker import building, engine, pause, problems, refusal, stock
from lambdalab.runtimes.backends.docker.fidelity import fidelity
from lambdalab.runtimes.backends.docker.images import Layers, resolved, split
from lambdalab.runtimes.backends.docker.network import Reach, reach
from lambdalab.runtimes.backends.docker.output import Frames, Output
from lambdalab.runtimes.backends.docker.ownership import OWNER, Owner
from lambdalab.runtimes.backends.docker.relay import Relay
from lambdalab.runtimes.backends.docker.running import read_code
from lambdalab.runtimes.backends.docker.sandbox import resident_kilobytes
from lambdalab.runtimes.backends.docker.volumes import write_archive


def entries_of(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archived:
        return archived.getmembers()


def frame(stream, content):
    return struct.pack(">BxxxI", stream, len(content)) + content


# -- the program that waits


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the program under test is x86_64's")
def test_the_waiting_program_waits_and_is_small(tmp_path):
    path = tmp_path / "pause"
    path.write_bytes(pause.program("x86_64"))
    path.chmod(0o755)
    assert path.stat().st_size < 200
    waiting = subprocess.Popen([path])
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.2)
    finally:
        waiting.kill()
        waiting.wait()


def test_a_program_is_for_the_machine_it_was_asked_for():
    machines = {name: struct.unpack_from("<H", pause.program(name), 18)[0] for name in ("x86_64", "aarch64", "arm64")}
    assert machines == {"x86_64": 62, "aarch64": 183, "arm64": 183}
    with pytest.raises(RuntimeUnavailable, match="riscv64"):
        pause.program("riscv64")


# -- output


@pytest.mark.parametrize("size", [1, 3, 8, 9, 1000])
def test_frames_are_cut_however_they_come(size):
    data = frame(1, b"out") + frame(2, b"") + frame(2, b"error") + frame(1, b"x" * 300)
    frames = Frames()
    pieces = [piece for at in range(0, len(data), size) for piece in frames.feed(data[at : at + size])]
    streams = {stream: b"".join(content for s, content in pieces if s == stream) for stream in (1, 2)}
    assert streams == {1: b"out" + b"x" * 300, 2: b"error"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"[FATAL tini (7)] exec /no/such failed: No such file or directory\n", "fork/exec /no/such: no such file or directory"),
        (b"[FATAL tini (7)] exec /a b failed: Permission denied\n", "fork/exec /a b: permission denied"),
        (b"[FATAL tini (7)] exec nothing failed: No such file or directory\n", 'exec: "nothing": executable file not found in $PATH'),
        (b"[FATAL tini (7)] Spawn failed\n", None),
        (b"it says [FATAL tini (7)] exec /no/such failed: No such file or directory\n", None),
    ],
)  # fmt: skip
def test_what_the_engines_init_could_not_execute_is_told_in_awss_words(line, words):
    assert refusal.read(line) == words


REFUSED = b"[FATAL tini (7)] exec /no/such failed: No such file or directory\n"


class Talking:
    """An output that is fed by hand: its engine's socket, and the container's own two pipes."""

    def __init__(self):
        self.pipes = {stream: os.pipe2(os.O_NONBLOCK) for stream in (1, 2)}
        self.ended = []
        self.output = Output(lambda: self.ended.append(True))
        self.output._pid = os.getpid()
        self.output._pipes = {stream: os.fstat(write).st_ino for stream, (_, write) in self.pipes.items()}
        self.output._put = self._put

    def _put(self, stream, mark):
        return os.write(self.pipes[stream][1], mark) > 0

    def write(self, stream, content):
        os.write(self.pipes[stream][1], content)

    def deliver(self, most=1 << 16):
        """What the engine passes on: everything in the pipes, in frames of `most` bytes."""
        for stream, (read, _) in self.pipes.items():
            while True:
                try:
                    content = os.read(read, most)
                except BlockingIOError:
                    break
                self.output._take(frame(stream, content))

    def read(self):
        try:
            return os.read(self.output.log_fd, 1 << 20)
        except BlockingIOError:
            return b""

    def close(self):
        self.output.close()
        for pair in self.pipes.values():
            for fd in pair:
                os.close(fd)
        os.close(self.output.log_fd)


def talking(steps):
    async def run():
        talk = Talking()
        try:
            await steps(talk)
        finally:
            talk.close()

    asyncio.run(run())


def test_what_was_not_executed_is_no_part_of_the_log():
    async def steps(talk):
        for piece in (REFUSED[:10], REFUSED[10:]):
            talk.output._take(frame(2, piece))
        assert talk.output.refusal == "fork/exec /no/such: no such file or directory"
        assert talk.read() == b""

    talking(steps)


@pytest.mark.parametrize("first", [1, 2])
def test_a_program_that_was_executed_may_say_what_it_likes(first):
    async def steps(talk):
        talk.output._take(frame(first, b"mine\n"))
        talk.output._take(frame(2, REFUSED))
        assert talk.output.refusal is None
        assert talk.read() == b"mine\n" + REFUSED

    talking(steps)


@pytest.mark.parametrize("most", [1, 7, 1 << 16])
def test_a_flush_ends_when_all_that_was_written_before_it_is_here(most):
    async def steps(talk):
        done = []
        talk.write(1, b"one\ntwo\nbegun")
        talk.write(2, b"error\0\0lambdalab-")
        talk.output.flush(lambda: done.append(talk.read()))
        assert not done
        talk.write(1, b"afterwards\n")
        talk.deliver(most)
        (seen,) = done
        lines = seen.split(b"\n")
        assert {b"one", b"two"} <= set(lines)
        assert b"error\0\0lambdalab-" in lines
        rest = seen + talk.read()
        assert b"afterwards" in rest
        assert rest.count(b"lambdalab-") == 1  # the function's own, not the mark

    talking(steps)


def test_a_line_is_not_cut_by_the_other_stream():
    async def steps(talk):
        talk.output._take(frame(1, b"half a "))
        talk.output._take(frame(2, b"error\n"))
        assert talk.read() == b"error\n"
        talk.output._take(frame(1, b"line\n"))
        assert talk.read() == b"half a line\n"

    talking(steps)


def test_a_flush_ends_with_the_output_and_does_not_wait_for_marks_that_never_come():
    async def steps(talk):
        done = []
        talk.output._take(frame(1, b"unended"))
        talk.output.flush(lambda: done.append("flushed"))
        talk.output._take(b"")
        assert done == ["flushed"]
        assert talk.read() == b"unended\n"
        assert talk.ended == [True]
        talk.output.flush(lambda: done.append("at once"))
        assert done == ["flushed", "at once"]

    talking(steps)


def test_more_than_a_pipe_holds_waits_for_its_reader():
    async def steps(talk):
        line = b"x" * 999 + b"\n"
        talk.output._take(frame(1, line * 3000))
        seen = b""
        for _ in range(1000):
            seen += talk.read()
            await asyncio.sleep(0)
            if len(seen) == 3_000_000:
                break
        assert seen == line * 3000

    talking(steps)


# -- names, ends, sizes


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("public.ecr.aws/lambda/python:3.12", ("public.ecr.aws/lambda/python", "3.12")),
        ("localhost:5000/mine", ("localhost:5000/mine", "latest")),
        ("localhost:5000/mine:1", ("localhost:5000/mine", "1")),
        ("mine@sha256:" + "a" * 64, ("mine", "sha256:" + "a" * 64)),
    ],
)
def test_a_name_has_a_repository_and_a_tag(name, parts):
    assert split(name) == parts


def test_an_image_is_known_by_the_registrys_digest_and_a_built_one_by_its_id():
    identity, digest = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    pulled = resolved("r.example/f:1", {"Id": identity, "RepoDigests": [f"other@{identity}", f"r.example/f@{digest}"]})
    assert (pulled.digest, pulled.resolved_uri, pulled.reference) == ("2" * 64, f"r.example/f@{digest}", identity)
    built = resolved("f:1", {"Id": identity, "RepoDigests": []})
    assert (built.digest, built.resolved_uri) == ("1" * 64, f"f@{identity}")


@pytest.mark.parametrize(
    ("code", "killed", "end"),
    [
        (0, False, Exit("exited", status=0)),
        (3, False, Exit("exited", status=3)),
        (139, False, Exit("signal", signal=11)),
        (137, False, Exit("signal", signal=9)),
        (137, True, Exit("out_of_memory", signal=9)),
        (0, True, Exit("exited", status=0)),
        (255, False, Exit("exited", status=255)),
    ],
)
def test_exit_codes(code, killed, end):
    assert read_code(code, out_of_memory=killed) == end


def test_what_an_engines_top_says_is_added_up():
    assert resident_kilobytes({"Titles": ["PID", "RSS"], "Processes": [["1", "100"], ["2", "50"]]}) == 150
    assert resident_kilobytes({"Titles": ["PID", "CMD"], "Processes": [["1", "sh"]]}) == 0


def test_a_pulls_progress_is_the_sum_of_its_layers():
    layers = Layers("image")
    layers.take({"id": "a", "status": "Pulling fs layer"})
    layers.take({"id": "a", "status": "Downloading", "progressDetail": {"current": 10, "total": 100}})
    pull = layers.take({"id": "b", "status": "Downloading", "progressDetail": {"current": 50, "total": 100}})
    assert (pull.done_bytes, pull.total_bytes, pull.layers, pull.layers_done) == (60, 200, 2, 0)
    assert pull.share == pytest.approx(0.3)
    layers.take({"id": "a", "status": "Download complete"})
    pull = layers.take({"id": "a", "status": "Pull complete"})
    assert (pull.done_bytes, pull.layers_done) == (150, 1)


@pytest.mark.parametrize(
    "said", ["Loaded image: a/b:1\nLoaded image: c:2\n", "Loaded image: a/b:1,c:2", "\nLoaded image: a/b:1,c:2\n"]
)
def test_the_images_of_a_file_are_named_in_lines_or_with_commas(said):
    assert stock._names(said) == ["a/b:1", "c:2"]


def test_packages_are_archived_as_roots_and_readable_by_all(tmp_path):
    (tmp_path / "run").write_text("#!/bin/sh\n")
    (tmp_path / "run").chmod(0o700)
    (tmp_path / "inner").mkdir(mode=0o700)
    (tmp_path / "inner" / "data").write_text("x")
    (tmp_path / "inner" / "data").chmod(0o600)
    made = io.BytesIO()
    write_archive(tmp_path, made)
    entries = {entry.name: entry for entry in entries_of(made.getvalue())}
    modes = {name: entry.mode & 0o555 for name, entry in entries.items()}
    assert modes == {".": 0o555, "./run": 0o555, "./inner": 0o555, "./inner/data": 0o444}
    assert {(entry.uid, entry.gid) for entry in entries.values()} == {(0, 0)}


# -- the way back


@pytest.fixture
def one_address(monkeypatch):
    monkeypatch.setattr(
        "lambdalab.runtimes.backends.docker.network.can_listen", lambda address: address in {"127.0.0.1", "172.30.0.1"}
    )


def test_a_local_engines_containers_call_the_gateway(one_address):
    assert reach("172.30.0.1", "", unix=True, desktop=False, podman=False) == Reach(
        "172.30.0.1", "172.30.0.1", local=True, identified=True
    )


def test_docker_desktops_containers_call_its_name_for_the_host(one_address):
    found = reach("192.168.65.1", "", unix=True, desktop=True, podman=False)
    assert (found.listen, found.call, found.identified) == ("127.0.0.1", "host.docker.internal", False)


def test_a_setting_names_the_way_back(one_address):
    named = reach("10.0.0.1", "127.0.0.1", unix=False, desktop=False, podman=False)
    assert (named.listen, named.call, named.local) == ("127.0.0.1", "127.0.0.1", False)
    elsewhere = reach("10.0.0.1", "10.9.9.9", unix=False, desktop=False, podman=False)
    assert (elsewhere.listen, elsewhere.call) == ("0.0.0.0", "10.9.9.9")


@pytest.mark.parametrize(("podman", "host"), [(False, "host.docker.internal"), (True, "host.containers.internal")])
def test_without_a_way_back_the_error_says_how_to_name_one(one_address, podman, host):
    with pytest.raises(RuntimeUnavailable, match=f"LAMBDALAB_DOCKER_CALLBACK={host}"):
        reach("10.0.0.1", "", unix=True, desktop=False, podman=podman)


def test_the_relay_passes_on_what_is_this_machines_and_leaves_the_rest():
    async def run():
        async def shout(reader, writer):
            writer.write((await reader.read(100)).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        relay = Relay(Reach("127.0.0.1", "127.0.0.1", local=True, identified=True))
        url = await relay.endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/path")
        assert (
            await relay.endpoint("https://lambda.eu-west-1.amazonaws.com") == "https://lambda.eu-west-1.amazonaws.com"
        )
        host, _, port = url.removeprefix("http://").removesuffix("/path").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"hello")
        writer.write_eof()
        assert await reader.read() == b"HELLO"
        writer.close()
        relay.close()
        server.close()

    asyncio.run(run())


# -- whose it is


def test_what_a_running_region_has_is_its_own_and_a_dead_ones_is_left(tmp_path):
    here, other = Owner.here(tmp_path), Owner.here(tmp_path / "other")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert not here.has_left(here.labels)
    assert not here.has_left(replace(other, pid=os.getppid(), started=_start_of(os.getppid())).labels)
    assert here.has_left(replace(other, pid=gone.pid, started="1").labels)
    assert here.has_left(replace(other, boot="before").labels)
    unwaited = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    alive = replace(other, pid=unwaited.pid, started=_start_of(unwaited.pid)).labels
    assert not here.has_left(alive)
    unwaited.stdin.close()
    while not here.has_left(alive):
        pass
    unwaited.wait()
    assert here.has_left(replace(here, pid=1, started="1").labels)  # an earlier region of this home
    assert not here.has_left(replace(other, machine="another", boot="x").labels)
    assert not here.has_left({})
    assert not here.has_left({OWNER: "nonsense"})


def _start_of(pid):
    from lambdalab.runtimes.backends.docker import ownership

    return ownership._started(pid)


# -- what is missing, and the way out


class Refusal(Exception):
    def __init__(self, explanation, status):
        super().__init__(explanation)
        self.explanation = explanation
        self.response = SimpleNamespace(status_code=status)


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        (Refusal("write /var/lib: no space left on device", 500), RuntimeUnavailable, "docker system prune"),
        (Refusal("No such image: x:1", 404), ImageUnavailable, "does not have the image"),
        (ConnectionError("Connection refused"), EngineUnavailable, "does not answer any more"),
        (Refusal("something else", 500), RuntimeUnavailable, "The Docker engine refused: something else"),
    ],
)
def test_an_engines_refusals_say_what_to_do(problem, kind, words):
    explained = problems.explained(problem)
    assert type(explained) is kind
    assert words in str(explained)


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("Get https://x: dial tcp: lookup x: no such host", 500, "reaches no registry"),
        ("Get https://x: x509: certificate signed by unknown authority", 500, "does not trust the registry"),
        ("manifest for x:9 not found: manifest unknown", 404, "the registry does not have it"),
        ("pull access denied for x", 404, "the registry refused"),
        ("no space left on device", 500, "disk is full"),
    ],
)
def test_an_image_that_cannot_be_pulled_says_why_and_what_else_there_is(text, status, words):
    problem = problems.not_pulled("x:9", Refusal(text, status))
    assert words in str(problem)
    assert "x:9" in str(problem)


def test_no_permission_on_the_socket_is_told_from_no_engine():
    assert "usermod -aG docker" in problems.way_out(["unix:///var/run/docker.sock (permission denied)"])
    assert "systemctl start docker" in problems.way_out(["unix:///var/run/docker.sock (connection refused)"])


def test_podman_without_its_init_says_what_brings_it():
    refusal = Refusal("container create: container-init binary not found on the host: stat /usr/libexec", 500)
    assert "apt install catatonit" in str(problems.explained(refusal))


def test_an_error_of_the_labs_own_keeps_its_words_whatever_it_came_of():
    try:
        try:
            raise FileNotFoundError(2, "No such file or directory", "ssh")
        except FileNotFoundError as missing:
            raise EngineUnavailable("there is no ssh client") from missing
    except EngineUnavailable as problem:
        assert problems.reason(problem) == "there is no ssh client"


def test_a_containers_network_says_where_its_neighbours_are_let_in():
    near = fidelity(Reach("10.89.0.1", "10.89.0.1", local=True, identified=True), "cgroup")
    podmans = fidelity(Reach("10.89.0.1", "10.89.0.1", local=True, identified=True, apart=False), "cgroup")
    assert "reach each other" not in near.network
    assert "a Podman before 4.2 lets containers of the lab reach each other" in podmans.network


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(engine, "installed", lambda: False)
    with pytest.raises(EngineUnavailable, match=re.escape(extras.how_to_install("docker"))):
        engine.connect({})


# -- Dockerfiles


COPIES = "FROM a\nCOPY nosuch.py .\nRUN cat nosuch.txt\n"


@pytest.mark.parametrize(
    ("step", "why", "told"),
    [
        (2, "COPY failed: file not found in build context or excluded by .dockerignore", True),
        (2, 'checking on sources under "/t": copier: stat: "/nosuch.py": no such file or directory', True),
        (2, "no space left on device", False),
        (3, "cat: nosuch.txt: No such file or directory", False),
        (0, "file not found", False),
    ],
)
def test_a_copy_of_what_the_build_context_lacks_is_told_where_that_comes_from(step, why, told):
    error = failed(COPIES, step, why, "", CellSource("Cell In[4]", COPIES, 2))
    assert ("what --from FOLDER and --file PATH give" in str(error)) is told


@pytest.mark.parametrize(("step", "line"), [(1, 3), (2, 5), (3, 9), (4, 0)])
def test_a_steps_line(step, line):
    dockerfile = '# syntax\n\nFROM a\n\nRUN one \\\n  # a comment\n  && two\n\nCMD ["x"]\n'
    assert line_of(dockerfile, step) == line


def test_the_same_files_are_the_same_context():
    files = {"b": b"#!/bin/sh\n", "a": b"1"}
    assert archive(files) == archive(dict(reversed(files.items())))
    modes = {entry.name: entry.mode for entry in entries_of(archive(files))}
    assert modes == {"a": 0o644, "b": 0o755}


def test_from_awss_registry_takes_the_mirror_where_one_is_set():
    dockerfile = (
        b"FROM --platform=linux/amd64 public.ecr.aws/lambda/python:3.12 AS a\nfrom public.ecr.aws/lambda/x\nFROM y\n"
    )
    context = archive({"Dockerfile": dockerfile, "sub/Dockerfile": dockerfile})
    with tarfile.open(fileobj=io.BytesIO(building._mirrored(context, "room/lambda"))) as made:
        assert made.extractfile("Dockerfile").read() == dockerfile.replace(b"public.ecr.aws/lambda/", b"room/lambda/")
        assert made.extractfile("sub/Dockerfile").read() == dockerfile
    assert building._mirrored(context, "public.ecr.aws/lambda") is context

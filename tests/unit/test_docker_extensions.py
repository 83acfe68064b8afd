"""The parts of extensions in Docker that need no engine: the launcher's reports, two logs, what an image has inside."""

import asyncio
import io
import os
import struct
import subprocess
import tarfile
from pathlib import Path

import pytest

from lambdalab.runtimes.backends import programs
from lambdalab.runtimes.backends.base import Exit, SandboxSpec
from lambdalab.runtimes.backends.docker import container, inside
from lambdalab.runtimes.backends.docker.container import Mounted, Program
from lambdalab.runtimes.backends.docker.images import Known
from lambdalab.runtimes.backends.docker.launching import Launcher
from lambdalab.runtimes.backends.docker.output import Output
from lambdalab.runtimes.backends.docker.reports import Reports
from lambdalab.runtimes.backends.programs import CannotLaunch
from lambdalab.runtimes.executable import IN_A_CONTAINER

# -- reports among output


def in_pieces(content, size):
    return [content[at : at + size] for at in range(0, len(content), size)]


@pytest.mark.parametrize("size", [1, 5, 40, 1000])
def test_reports_are_taken_out_however_they_come(size):
    ended = []
    reports = Reports(lambda *end: ended.append(end))
    mark = reports.mark.encode()
    said = b"line\nhalf " + mark + b"extension 3 my own\n" + b"line\n" + mark + b"runtime 137\nlast\n"
    assert b"".join(reports.sift(piece) for piece in in_pieces(said, size)) == b"line\nhalf line\nlast\n"
    assert not ended
    reports.tell()
    assert ended == [("my own", Exit("exited", status=3)), (None, Exit("signal", signal=9))]
    reports.tell()
    assert len(ended) == 2


def test_what_only_begins_as_a_report_is_output():
    reports = Reports(lambda *_: pytest.fail("there is no report"))
    begun = reports.mark.encode()[:7]
    assert reports.sift(b"one\x1e two " + begun) == b"one\x1e two "
    assert reports.sift(b"three\n") == begun + b"three\n"
    reports.tell()


def test_an_end_that_comes_early_is_told_from_the_next_turn_of_the_loop_on():
    async def steps():
        told, launcher = [], Launcher(["one"])
        launcher.tell("one", Exit("exited", status=1))
        launcher.listen(lambda *end: told.append(end))
        assert not told, "who starts the sandbox has not yet said that it wants to know"
        await asyncio.sleep(0)
        launcher.tell(None, Exit("exited", status=2))
        assert told == [("one", Exit("exited", status=1)), (None, Exit("exited", status=2))]

    asyncio.run(steps())


def test_extensions_write_into_a_log_of_their_own():
    async def steps():
        ended = []
        reports = Reports(lambda *end: ended.append((end, os.read(output.extensions_log_fd, 100))))
        output = Output(lambda: None, extensions=True, reports=reports)
        frame = lambda stream, content: struct.pack(">BxxxI", stream, len(content)) + content  # noqa: E731
        mark = reports.mark.encode()
        output._take(frame(1, b"runtime\n") + frame(2, b"extension\n" + mark + b"extension 0 one\n"))
        assert os.read(output.log_fd, 100) == b"runtime\n"
        assert ended == [(("one", Exit("exited", status=0)), b"extension\n")], "what it wrote is there before its end"
        output.close()
        assert os.read(output.log_fd, 100) == os.read(output.extensions_log_fd, 100) == b""
        for fd in (output.log_fd, output.extensions_log_fd):
            os.close(fd)

    asyncio.run(steps())


def test_without_extensions_there_is_one_log():
    async def steps():
        output = Output(lambda: None)
        assert output.extensions_log_fd == -1
        output.close()
        os.close(output.log_fd)

    asyncio.run(steps())


def test_the_launcher_parts_the_streams_and_outlives_its_runtime(tmp_path):
    folder = tmp_path / "extensions"
    folder.mkdir()
    (folder / "one").write_text("#!/bin/sh\necho from one $HOME; echo to stderr >&2; exit 4\n")
    (folder / "one").chmod(0o755)
    runtime = ["sh", "-c", "echo runtime; echo problem >&2; exit 3"]
    descriptors = "exec 3>&2 4>&2 2>&1"
    command = programs.launcher(str(tmp_path), ("HOME",), runtime, mark="MARK ", descriptors=descriptors)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env={"HOME": "/x", "PATH": os.environ["PATH"]}, **pipes) as started:
        first = {started.stderr.readline() for _ in range(3)}
        assert first == {b"from one\n", b"to stderr\n", b"MARK extension 4 one\n"}
        started.stdin.write(b"start\n")
        started.stdin.flush()
        assert started.stderr.readline() == b"MARK runtime 3\n"
        assert started.poll() is None
        out, _ = started.communicate(timeout=20)  # the words end, and with them the launcher
    assert out == b"runtime\nproblem\n"


# -- what an image has inside


def archive(*entries):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, kind, mode, uid, content in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.size = kind, mode, uid, len(content)
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


@pytest.mark.parametrize("size", [100, 512, 10_000])
def test_the_files_at_the_top_of_opt_extensions_are_extensions(size):
    content = archive(
        (".", tarfile.DIRTYPE, 0o755, 0, b""),
        ("./one", tarfile.REGTYPE, 0o755, 0, b"#!/bin/sh\n" + b"x" * 2000),
        ("./roots", tarfile.REGTYPE, 0o700, 0, b"#!/bin/sh"),
        ("./own", tarfile.REGTYPE, 0o700, 993, b"#!/bin/sh"),
        ("./link", tarfile.SYMTYPE, 0o777, 0, b""),
        ("./folder", tarfile.DIRTYPE, 0o755, 0, b""),
        ("./folder/two", tarfile.REGTYPE, 0o755, 0, b"#!/bin/sh\n"),
    )
    found = inside.read(iter(in_pieces(content, size)))
    assert found.keys() == {"one", "roots", "own", "link"}
    assert (found["one"].executable, found["one"].start[:10]) == (True, b"#!/bin/sh\n")
    assert [found[name].executable for name in ("roots", "own")] == [False, True]
    with pytest.raises(CannotLaunch, match="/opt/extensions/roots: permission denied"):
        programs.launchable(found, IN_A_CONTAINER, "x86_64")


@pytest.mark.parametrize(
    ("entry_point", "command", "argv"),
    [
        (None, None, ("/entry", "own")),
        (None, ("given",), ("/entry", "given")),
        (("/other",), None, ("/other",)),
        (("/other", "a"), ("b",), ("/other", "a", "b")),
    ],
)
def test_a_given_entrypoint_is_without_the_images_command(entry_point, command, argv):
    known = Known.of({"Id": "sha256:1", "Config": {"Entrypoint": ["/entry"], "Cmd": ["own"]}})
    assert known.argv(entry_point, command) == argv


def test_an_image_may_start_nothing_of_its_own():
    known = Known.of({"Id": "sha256:1", "Config": {"Entrypoint": None, "Cmd": None}})
    assert known.argv(("/x",), None) == ("/x",)


@pytest.mark.parametrize("listens", [False, True])
def test_only_who_listens_has_a_standard_input(listens):
    spec = SandboxSpec("e", "", "", Path(), (), {}, "", memory_mb=128, ephemeral_mb=512)
    made = container.settings(
        spec, Program("image"), Mounted(), network="none", labels={}, environment={}, watched=True, listens=listens
    )
    assert {made["OpenStdin"], made["AttachStdin"], made["StdinOnce"]} == {listens}
    assert made["HostConfig"]["Mounts"] == []

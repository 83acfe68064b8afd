"""What the kernel makes of a file, before a shell makes something else of it."""

import platform
import struct
import sys
from pathlib import Path

import pytest

from lambdalab.errors import RuntimeUnavailable
from lambdalab.runtimes import executable
from lambdalab.runtimes.backends.docker import pause
from lambdalab.runtimes.executable import ELSEWHERE, HERE, IN_A_CONTAINER, START, in_sandbox, refusal

X86, ARM = (pause.program(machine)[:START] for machine in ("x86_64", "aarch64"))
I386 = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, 0, 52, 0, 0, 52, 32, 1, 0, 0, 0) + bytes(32)
# As Debian's qemu-user-static tells the kernel of aarch64.
EMULATOR = """{state}
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: POCF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""


@pytest.fixture
def on(monkeypatch, tmp_path):
    """Make this machine one of another architecture, without emulators; the directory that would name them."""

    def be(machine):
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr(executable, "_HANDLERS", tmp_path)
        return tmp_path

    return be


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (b"#!/bin/sh\necho\n", None),
        (b"#! /usr/bin/env  bash\n", None),
        (b"#!/bin/sh -e", None),
        (b"#!/opt/lang/run\n", None),
        (b"#!/" + b"n" * 300, "no such file or directory"),
        (b"\x7fELF\x02\x01\x01", "exec format error"),
        (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0\necho a shell reads me; exit 9\n", "exec format error"),
        (b"#!/bin/sh\r\necho\r\n", "no such file or directory"),
        (b"#!/no/such\n", "no such file or directory"),
        (b"echo hello\n", "exec format error"),
        (b"#!\n", "exec format error"),
        (b"", "exec format error"),
    ],
)
def test_a_file_is_refused_as_the_kernel_refuses_it(start, why):
    assert refusal(start, HERE, "x86_64") == why


@pytest.mark.parametrize(
    ("machine", "start", "why"),
    [
        ("x86_64", X86, None),
        ("x86_64", ARM, "exec format error"),
        ("aarch64", ARM, None),
        ("riscv64", ARM, None),  # Lambda knows nothing of it, and neither do we
        ("x86_64", I386, None),  # 32 bits: a kernel may know them
        ("x86_64", X86[:5] + b"\x02" + X86[6:18] + b"\x00\x3e" + X86[20:], "exec format error"),  # half a machine
        ("x86_64", X86[:16] + b"\x01" + X86[17:], "exec format error"),  # an object file
        ("x86_64", X86[:100], "exec format error"),
        ("x86_64", X86[:56] + b"\0" + X86[57:], "exec format error"),  # no segments
        ("x86_64", X86[:18] + b"\x16\x00" + X86[20:], "exec format error"),
    ],
)
@pytest.mark.parametrize("where", [HERE, IN_A_CONTAINER])
def test_a_program_for_another_machine_is_refused(on, machine, start, why, where):
    on(machine)
    assert refusal(start, where, "x86_64") == why


def test_a_program_that_aws_would_execute_is_no_fault_of_the_functions(on):
    on("x86_64")
    with pytest.raises(RuntimeUnavailable, match=r"for arm64, and so is a program .* this machine is x86_64") as why:
        refusal(ARM, HERE, "arm64")
    assert "--arch x86_64" in str(why.value)
    on("aarch64")
    with pytest.raises(RuntimeUnavailable, match=r"for x86_64, and so is a program .* this machine is arm64"):
        refusal(X86, HERE, "x86_64")


def test_what_the_kernel_hands_to_an_emulator_can_be_executed(on):
    handlers = on("x86_64")
    (handlers / "status").write_text("enabled\n")
    (handlers / "python3.12").write_text("enabled\ninterpreter /usr/bin/python3.12\nflags: \nextension .pyc\n")
    (handlers / "qemu-aarch64").write_text(EMULATOR.format(state="disabled"))
    assert refusal(ARM, HERE, "x86_64") == "exec format error"
    (handlers / "qemu-aarch64").write_text(EMULATOR.format(state="enabled"))
    assert refusal(ARM, HERE, "x86_64") is None
    assert refusal(ARM, HERE, "arm64") is None


def test_of_another_machines_kernel_nothing_is_known(on):
    on("x86_64")
    assert refusal(ARM, ELSEWHERE, "x86_64") is None
    assert refusal(b"no program", ELSEWHERE, "x86_64") == "exec format error"


def loaded_by(loader, *, at=176):
    """A program for this machine that names its loader."""
    program = pause.program(platform.machine())
    own = struct.pack("<IIQQQQQQ", 3, 4, at, 0, 0, len(loader) + 1, len(loader) + 1, 1)
    return (program[:56] + b"\x02" + program[57:120] + own).ljust(at, b"\0") + loader + b"\0"


@pytest.mark.parametrize(
    ("where", "loader", "why"),
    [
        (HERE, b"/lib/ld-musl-no-such.so.1", "no such file or directory"),
        (HERE, b"/bin/sh", None),
        (HERE, b"/opt/lib/ld.so", None),  # a layer may bring it
        (IN_A_CONTAINER, b"/lib/ld-musl-no-such.so.1", None),  # an image may have it
    ],
)
def test_a_program_without_its_loader_is_refused_where_that_can_be_told(where, loader, why):
    assert refusal(loaded_by(loader), where, "x86_64") == why


def test_what_a_function_brings_itself_is_looked_for_where_it_will_be(tmp_path):
    for name in ("code", "layer"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"ld-{name}").touch()
    where = in_sandbox(tmp_path / "code", [tmp_path / "layer"])
    for loader, why in {
        b"/var/task/ld-code": None,
        b"/opt/ld-layer": None,
        b"/var/task/ld-layer": "no such file or directory",
        b"/opt/ld-code": "no such file or directory",
        b"/bin/sh": None,
        b"/no/such": "no such file or directory",
    }.items():
        assert refusal(loaded_by(loader), where, "x86_64") == why


def test_a_loaders_name_without_its_end_is_none():
    start = loaded_by(b"/bin/sh")
    assert refusal(start[:-1] + b"x", HERE, "x86_64") == "exec format error"


def test_a_loaders_name_that_lies_far_back_is_not_known():
    assert refusal(loaded_by(b"/no/such", at=2 * START)[:START], HERE, "x86_64") is None


def test_this_machines_own_programs_are_executed():
    for name in (sys.executable, "/bin/sh"):
        with Path(name).open("rb") as file:
            assert refusal(file.read(START), HERE, "x86_64") is None

"""What the kernel makes of a file, before a shell makes something else of it."""

import platform

import pytest

from lambdalab.errors import RuntimeUnavailable
from lambdalab.runtimes import executable
from lambdalab.runtimes.backends.docker import pause
from lambdalab.runtimes.executable import ELSEWHERE, HERE, IN_A_CONTAINER, START, refusal

X86, ARM = (pause.program(machine)[:START] for machine in ("x86_64", "aarch64"))
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
        (b"\x7fELF\x02\x01\x01", None),
        (b"#!/opt/lang/run\n", None),
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
        ("x86_64", X86[:18] + b"\x03\x00" + X86[20:], None),  # 32 bits: a kernel may know them
        ("x86_64", X86[:5] + b"\x02" + X86[6:18] + b"\x00\x3e" + X86[20:], None),
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

"""What the kernel makes of a file, before a shell makes something else of it."""

import pytest

from lambdalab.runtimes.executable import on_this_machine, refusal


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
    assert refusal(start, on_this_machine) == why

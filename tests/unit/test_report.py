"""The platform's log lines, to AWS's letter."""

import pytest

from lambdalab.engine import report


def test_a_warm_report_has_five_figures_and_a_trailing_tab():
    line = report.report("id", duration_ms=12.344, billed=13, memory_size_mb=128, max_memory_mb=36, init_ms=None)
    assert line == (
        "REPORT RequestId: id\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t"
    )


def test_a_cold_report_adds_the_init_duration():
    line = report.report("id", duration_ms=1, billed=112, memory_size_mb=128, max_memory_mb=36, init_ms=110.1)
    assert line.endswith("\tInit Duration: 110.10 ms\t")


def test_a_failed_report_ends_with_status_and_error_type():
    line = report.report(
        "id",
        duration_ms=1,
        billed=1,
        memory_size_mb=128,
        max_memory_mb=128,
        init_ms=None,
        status="error",
        error_type="Runtime.OutOfMemory",
    )
    assert line.endswith("Max Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory\t")


@pytest.mark.parametrize(
    ("duration", "init", "billed"),
    [
        (12.34, None, 13),
        (13.0, None, 13),
        (13.0000001, None, 13),
        (0.2, None, 1),
        (0.0, None, 1),
        (21.63, 134.2, 156),
        (0.467, 38.536, 40),
    ],  # 0.47 + 38.54, as shown
)
def test_billed_is_init_and_duration_rounded_up_to_whole_milliseconds(duration, init, billed):
    assert report.billed_ms(duration, init) == billed


@pytest.mark.parametrize(
    ("runtime", "label"),
    [("python3.12", "python:3.12"), ("nodejs22.x", "nodejs:22"), ("provided.al2023", "provided:al2023")],
)
def test_the_runtime_is_named_as_aws_names_it(runtime, label):
    assert report.runtime_label(runtime) == label


def test_start_and_end_name_the_request():
    assert report.start("id", "$LATEST") == "START RequestId: id Version: $LATEST"
    assert report.end("id") == "END RequestId: id"


def test_a_failed_init_is_reported_with_its_phase():
    line = report.init_report(9999.923, phase="init", status="timeout", error_type=None)
    assert line == "INIT_REPORT Init Duration: 9999.92 ms\tPhase: init\tStatus: timeout"

"""The README says what the code says."""

from pathlib import Path

from lambdalab.api import compatibility

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_compatibility_table_is_that_of_the_code():
    assert compatibility.table() in README


def test_every_operation_of_the_model_is_in_the_table():
    table = compatibility.table()
    assert all(name in table for name in compatibility.service_model("lambda").operation_names)

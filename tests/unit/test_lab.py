"""What a lab says before any region is there."""

import copy

import pytest
from IPython.core.formatters import DisplayFormatter

from lambdalab.client.lab import Lab


def test_a_functions_name_asked_as_an_attribute_is_told_to_be_an_item():
    with pytest.raises(
        AttributeError, match=r"""no attribute 'greet'\. Functions are items: lab\["greet"\]$"""
    ) as caught:
        _ = Lab().greet
    assert caught.value.name == "greet"
    assert not hasattr(Lab(), "greet")


def test_what_a_function_does_is_told_to_be_an_items():
    with pytest.raises(
        AttributeError, match=r"""no attribute 'invoke'\. Functions are items: lab\["NAME"\]\.invoke$"""
    ):
        _ = Lab().invoke


@pytest.mark.parametrize("name", ["_greet", "__fspath__", "_repr_html_", "_ipython_display_"])
def test_what_python_and_ipython_ask_for_is_refused_as_ever(name):
    with pytest.raises(AttributeError) as caught:
        getattr(Lab(), name)
    assert str(caught.value) == f"'Lab' object has no attribute {name!r}"


def test_a_lab_is_shown_and_copied_as_any_object():
    shown, _ = DisplayFormatter().format(Lab())
    assert shown.keys() == {"text/plain"}
    assert isinstance(copy.copy(Lab()), Lab)

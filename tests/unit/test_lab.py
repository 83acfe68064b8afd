"""What a lab says before any region is there."""

import copy

import pytest
from IPython.core.formatters import DisplayFormatter

from lambdalab.client.lab import Lab
from lambdalab.errors import BadOption


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


SOURCE = "def handler(event, context):\n    return event\n"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"requirements": "idna"}, "requirements is 'idna'; it takes a list: requirements=['idna']."),
        ({"files": "data.txt"}, "files is 'data.txt'; it takes a dict, such as files={"),
        ({"env": "STAGE=dev"}, "env is 'STAGE=dev'; it takes a dict, such as env={"),
        (
            {"env": {"STAGE": 3}},
            """variable 'STAGE' is 3; it takes text, which it is in the function, too: env={"STAGE": "3"}.""",
        ),
    ],
)
def test_a_setting_of_several_things_is_no_text(tmp_path, settings, words):
    with pytest.raises(BadOption) as caught:
        Lab(home=tmp_path)["greet"].deploy(SOURCE, **settings)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"layers": "common:1"}, "layers is 'common:1'; it takes a list: layers=['common:1']."),
        ({"env": "STAGE=dev"}, "env is 'STAGE=dev'; it takes a dict, such as env={"),
        ({"env_remove": "STAGE"}, "env_remove is 'STAGE'; it takes a list: env_remove=['STAGE']."),
        ({"memry": 256}, "there is no setting 'memry'. Did you mean memory? There are: memory, timeout, "),
    ],
)
def test_settings_to_change_are_checked_before_anything_is_asked(tmp_path, settings, words):
    with pytest.raises(BadOption) as caught:
        Lab(home=tmp_path)["greet"].configure(**settings)
    assert words in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["_greet", "__fspath__", "_repr_html_", "_ipython_display_"])
def test_what_python_and_ipython_ask_for_is_refused_as_ever(name):
    with pytest.raises(AttributeError) as caught:
        getattr(Lab(), name)
    assert str(caught.value) == f"'Lab' object has no attribute {name!r}"


def test_a_lab_is_shown_and_copied_as_any_object():
    shown, _ = DisplayFormatter().format(Lab())
    assert shown.keys() == {"text/plain"}
    assert isinstance(copy.copy(Lab()), Lab)

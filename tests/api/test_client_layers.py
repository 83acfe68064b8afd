"""`lab.layer(...)` against a real region: what is published, what is not published again, what functions get."""

import pytest

from lambdalab.client.building.base import CellSyntaxError
from lambdalab.errors import ResourceNotFound
from tests.wheels import only_from, wheel

pytestmark = pytest.mark.toolchains
RUNTIME = "python3.12"


def test_a_module_is_published_under_the_layers_name(lab):
    made = lab.layer("my-tools").publish_module("def twice(n):\n    return 2 * n\n", runtimes=[RUNTIME])
    assert (made.version, made.new, made.contents) == (1, True, ("python/my_tools.py",))
    lab["uses-module"].deploy(
        "import my_tools\ndef handler(e, c):\n    return my_tools.twice(e['n'])\n", runtime=RUNTIME
    )
    lab["uses-module"].configure(layers=["my-tools:1"])
    assert lab["uses-module"].invoke({"n": 21}).payload == 42


def test_a_module_may_have_another_name(lab):
    assert lab.layer("tools").publish_module("X = 1\n", module="helpers").contents == ("python/helpers.py",)


def test_a_module_that_is_not_python_is_refused_with_its_line(lab):
    with pytest.raises(CellSyntaxError, match=r"Cell In\[3\], line 3"):
        lab.layer("broken").publish_module("X = 1\ndef\n", label="Cell In[3]", first_line=2)
    assert lab.layer("broken").versions().versions == ()


def test_requirements_are_published_for_a_runtime_and_can_be_imported(lab, monkeypatch, tmp_path):
    wheel(tmp_path / "wheels", "greetings", "1.2")
    only_from(monkeypatch, tmp_path / "wheels")
    made = lab.layer("packages").publish_requirements("greetings==1.*", runtime=RUNTIME)
    assert made.contents == ("greetings 1.2",)
    assert made.document["CompatibleRuntimes"] == [RUNTIME]
    assert made.document["CompatibleArchitectures"] == ["x86_64"]
    assert made.document["Description"] == "greetings==1.*"
    source = "import greetings\ndef handler(e, c):\n    return greetings.__version__\n"
    lab["uses-packages"].deploy(source, runtime=RUNTIME)
    lab["uses-packages"].configure(layers=["packages:1"])
    assert lab["uses-packages"].invoke().payload == "1.2"


def test_what_a_version_holds_already_is_not_published_again(lab):
    layer = lab.layer("steady")
    first, second = (layer.publish({"a.txt": text}) for text in ("a", "b"))
    again = layer.publish({"a.txt": "a"})
    assert (first.new, second.new, again.new) == (True, True, False)
    assert again.version == 1
    assert layer.publish({"a.txt": "a"}, description="other words").version == 3


def test_versions_are_newest_first_and_say_who_uses_them(lab):
    layer = lab.layer("used")
    for text in ("a", "b"):
        layer.publish({"a.txt": text})
    lab["user"].deploy("def handler(e, c):\n    return 1\n", runtime=RUNTIME)
    lab["user"].configure(layers=["used:1"])
    found = layer.versions()
    assert [one["Version"] for one in found.versions] == [2, 1]
    assert found.users == {1: ("user",)}
    assert repr(found) == "layer used: 2 versions, newest used:2"


def test_a_version_is_deleted_once(lab):
    layer = lab.layer("short")
    layer.publish({"a.txt": "a"})
    assert layer.delete(1).versions == ()
    with pytest.raises(ResourceNotFound):
        layer.delete(1)
    assert layer.publish({"a.txt": "a"}).version == 2


def test_all_layers_are_listed_by_name(lab):
    lab.layer("zz-last").publish({"a.txt": "a"})
    lab.layer("aa-first").publish({"a.txt": "a"})
    names = [one["LayerName"] for one in lab.layers()]
    assert names == sorted(names) and {"aa-first", "zz-last"} <= set(names)


def test_names_are_known_for_completion(lab):
    lab.layer("complete").publish({"a.txt": "a"})
    function = lab["completed"]
    function.deploy("def handler(e, c):\n    return 1\n", runtime=RUNTIME)
    function.publish()
    function.alias("production", 1)
    names = lab.names
    assert "completed" in names.functions()
    assert names.versions("completed") == ("1", "$LATEST")
    assert names.aliases("completed") == ("production",)
    assert "complete" in names.layers() and "complete:1" in names.layer_versions()
    assert names.versions("never-deployed") == ()


def test_names_start_no_region(tmp_path):
    from lambdalab import Lab

    assert Lab(home=tmp_path / "home").names.functions() == ()
    assert not (tmp_path / "home").exists()

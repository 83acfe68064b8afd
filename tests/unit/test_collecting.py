"""Which packages are needed, and by whom."""

import asyncio
import io
import zipfile
from types import SimpleNamespace

import pytest

from lambdalab.api import collecting
from lambdalab.model.function import LATEST, CodeReference, Function, FunctionKey, FunctionVersion
from lambdalab.store.database import Database
from lambdalab.store.functions import FunctionStore
from lambdalab.store.layers import LayerStore
from lambdalab.store.packages import PackageStore
from lambdalab.store.sealing import Sealer

KEY = FunctionKey("123456789012", "us-east-1", "f")


def zipped(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", text)
    return out.getvalue()


@pytest.fixture
def region(tmp_path):
    database = Database(tmp_path / "region.db")
    yield SimpleNamespace(
        functions=FunctionStore(database, Sealer(tmp_path / "key")),
        layers=LayerStore(database),
        packages=PackageStore(tmp_path / "packages"),
        superseded={},
    )
    database.close()


def version(code, revision="r"):
    return FunctionVersion(KEY, LATEST, "role", code, revision, "now")


def collect(region, code):
    async def go():
        collecting.collect(region, [code.sha256])

    asyncio.run(go())


def added(region, text):
    code = region.packages.add(zipped(text))
    region.packages.release([code.sha256])
    return code


def is_kept(region, code):
    try:
        region.packages.zip_bytes(code.sha256)
    except FileNotFoundError:
        return False
    return True


def test_what_invocations_still_run_during_an_update_is_needed(region):
    old, new = added(region, "old"), added(region, "new")
    region.functions.insert(Function(KEY), version(new))
    region.superseded[KEY] = version(old)
    collect(region, old)
    assert is_kept(region, old)
    del region.superseded[KEY]
    collect(region, old)
    collect(region, new)
    assert (is_kept(region, old), is_kept(region, new)) == (False, True)


def test_what_is_held_is_not_taken_and_the_end_of_the_last_hold_is_told(region):
    code, told = region.packages.add(zipped("held")), []
    region.packages.on_idle = told.append
    region.packages.hold([code.sha256])
    collect(region, code)
    region.packages.release([code.sha256])
    assert is_kept(region, code) and told == []
    region.packages.release([code.sha256])
    assert told == [code.sha256]
    collect(region, code)
    assert not is_kept(region, code)


def test_a_package_that_was_refused_is_not_held(region):
    with pytest.raises(Exception, match="Could not unzip"):
        region.packages.add(b"no zip")
    assert region.packages._held == {}


def test_a_version_is_asked_for_its_own_packages_and_its_layers(region):
    code, layer = CodeReference("c" * 64, 1, 1), {"Arn": "a", "CodeSize": 1, "CodeSha256": "d" * 64, "UnzippedSize": 1}
    region.functions.insert(Function(KEY), FunctionVersion(KEY, LATEST, "role", code, "r", "now", layers=(layer,)))
    assert region.functions.packages_of(KEY) == region.functions.packages_in_use() == {"c" * 64, "d" * 64}
    assert region.functions.packages_of(KEY, "1") == set()
    assert region.functions.has_code("c" * 64) and not region.functions.has_code("d" * 64)
    assert region.functions.has_layer("d" * 64)

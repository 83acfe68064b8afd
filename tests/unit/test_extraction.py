"""Unpacking zips that mean harm: whatever the entries, nothing outside the package's directory is touched."""

import io
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdalab.errors import InvalidParameterValue
from lambdalab.store.packages import PackageStore

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")
UNZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
FILE, LINK = 0o100644, stat.S_IFLNK | 0o777


def zipped(*entries):
    """A zip of (name, content, mode) entries, just as they are given."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo()
            info.filename, info.create_system, info.external_attr = name, 3, mode << 16
            archive.writestr(info, content)
    return out.getvalue()


def seen(folder):
    """Everything below a folder: names, kinds, links' goals and files' contents."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


CHAIN = (("a", ".", LINK), ("a/a/a/esc", "../../..", LINK), ("esc/here.txt", "outside", FILE))
DEEP = (("d/e/up", "../..", LINK), ("out", "d/e/up/..", LINK), ("out/here.txt", "outside", FILE))
STEPS = st.sampled_from(["a", "b", "c", "..", ".", "A"])
PATHS = st.lists(STEPS, min_size=1, max_size=5).map("/".join)
ENTRIES = st.one_of(
    st.tuples(PATHS, st.just("x"), st.just(FILE)),
    st.tuples(PATHS, PATHS | st.sampled_from(["/", "/tmp", "", "a\0b", "../../../../outside"]), st.just(LINK)),
    st.tuples(PATHS.map(lambda path: f"{path}/"), st.just(""), st.just(0o040755)),
)


@settings(max_examples=400, deadline=None)
@given(entries=st.lists(ENTRIES, max_size=7))
@example(entries=CHAIN)
@example(entries=DEEP)
@example(entries=(("l", "x", LINK), ("l", "through", FILE)))
def test_nothing_outside_the_package_ever_changes(entries):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "outside").mkdir()
        (root / "outside" / "kept").write_text("as it was")
        store = PackageStore(root / "home" / "packages")
        before = seen(root)
        try:
            code = store.add(zipped(*entries))
        except InvalidParameterValue as refused:
            assert refused.message.startswith(UNZIP)
            assert seen(root) == before
            return
        inside = store.unpacked(code.sha256)
        mine = f"home/packages/{code.sha256}"
        after = {name: kept for name, kept in seen(root).items() if name.removesuffix(".zip") != mine}
        assert {name: kept for name, kept in after.items() if not name.startswith(f"{mine}/")} == before
        for path in inside.rglob("*"):
            assert path.resolve().is_relative_to(inside.resolve()), "a link leads out of the package"


@pytest.mark.parametrize("entries", [CHAIN, DEEP, DEEP[:2]], ids=["chain", "deep", "deep, only links"])
def test_links_that_lead_out_together_are_refused_in_awss_words(tmp_path, entries):
    with pytest.raises(InvalidParameterValue) as refused:
        PackageStore(tmp_path / "packages").add(zipped(*entries))
    assert refused.value.message.startswith(UNZIP)
    assert not list(tmp_path.rglob("here.txt"))


def test_links_within_the_package_are_kept(tmp_path):
    store = PackageStore(tmp_path)
    code = store.add(
        zipped(
            ("lib/libx.so", "libx.so.1", LINK),
            ("lib/libx.so.1", "elf", FILE),
            ("bin/x", "../lib/libx.so", LINK),
            ("nowhere", "not/there", LINK),
        )
    )
    assert (store.unpacked(code.sha256) / "bin" / "x").read_text() == "elf"
    assert str((store.unpacked(code.sha256) / "nowhere").readlink()) == "not/there"


def test_a_later_entry_of_the_same_name_wins_whatever_it_is(tmp_path):
    store = PackageStore(tmp_path)
    code = store.add(zipped(("f", "1", FILE), ("l", "f", LINK), ("f", "2", FILE), ("l", "plain", FILE)))
    inside = store.unpacked(code.sha256)
    assert (inside / "f").read_text() == "2"
    assert (inside / "l").read_text() == "plain" and not (inside / "l").is_symlink()


@pytest.mark.parametrize(
    "entries",
    [
        (("a", "x", FILE), ("a/b", "y", FILE)),
        (("a/b", "y", FILE), ("a", "x", FILE)),
        (("a", "b", LINK), ("a/c", "y", FILE)),
        ((".", "x", FILE),),
        (("a/" * 3000 + "b", "x", FILE),),
        (("l", "x" * 5000, LINK),),
    ],
    ids=["a file as a directory", "a directory as a file", "a link as a directory", "the package", "deep", "long goal"],
)
def test_what_cannot_be_a_tree_is_refused_and_leaves_nothing(tmp_path, entries):
    with pytest.raises(InvalidParameterValue, match=r"Could not unzip uploaded file.*\("):
        PackageStore(tmp_path).add(zipped(*entries))
    assert not list(tmp_path.iterdir())


def test_unpacked_files_and_directories_are_read_only(tmp_path):
    store = PackageStore(tmp_path)
    inside = store.unpacked(store.add(zipped(("d/run", "x", 0o100755), ("d/read", "x", 0o100600))).sha256)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (inside, *inside.rglob("*"))}
    assert modes == {inside.name: 0o555, "d": 0o555, "run": 0o555, "read": 0o444}


WHOLE = zipped(("app.py", "def handler(event, context): return event\n" * 20, FILE), ("l", "app.py", LINK))
DEFLATED = io.BytesIO()
with zipfile.ZipFile(DEFLATED, "w", zipfile.ZIP_DEFLATED) as packed:
    packed.writestr("app.py", bytes(range(256)) * 40)
DAMAGE = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=500, deadline=None)
@given(data=st.sampled_from([WHOLE, DEFLATED.getvalue()]), damage=DAMAGE)
def test_a_damaged_zip_is_unpacked_or_refused_and_nothing_else(data, damage):
    bad = bytearray(data)
    for place, byte in damage:
        bad[place % len(bad)] = byte
    with tempfile.TemporaryDirectory() as folder:
        try:
            PackageStore(Path(folder)).add(bytes(bad))
        except InvalidParameterValue as refused:
            assert refused.message.startswith((UNZIP, "Unzipped size must be smaller"))

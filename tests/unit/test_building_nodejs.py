"""JavaScript cells: which kind of module they are, which export is the handler, and where errors point."""

import shutil

import pytest

from lambdalab.client.building import Source, build, cache, nodejs
from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.building.javascript_source import exports
from lambdalab.client.building.nodejs import find_handler
from lambdalab.client.cell import CellSource
from lambdalab.client.stack import map_frames
from lambdalab.errors import HandlerNotInCell
from lambdalab.model import runtime

MODERN = "export const handler = async (event) => event;\n"
COMMON = "exports.handler = async (event) => event;\n"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "directory", lambda name: tmp_path)
    return tmp_path


def source(text, name="nodejs22.x", **more):
    return Source(text, CellSource("Cell In[4]", text, 2), runtime.known()[name], **more)


@pytest.mark.parametrize(
    ("text", "main"),
    [
        (MODERN, "index.mjs"),
        (COMMON, "index.js"),
        ("import fs from 'fs';\n" + MODERN, "index.mjs"),
        ("import'fs';\n" + MODERN, "index.mjs"),
        ("const fs = require('fs');\n" + COMMON, "index.js"),
        ("const late = import('fs');\n" + COMMON, "index.js"),
        ("import fs from 'fs'; " + MODERN, "index.mjs"),
        ("'use strict';" + MODERN, "index.mjs"),
        ("const says = { export: `\nexport const a = 1` };\n" + COMMON, "index.js"),
    ],
)
def test_import_and_export_make_an_es_module(text, main):
    built = build(source(text))
    assert (built.files, built.handler, built.main) == ({main: text.encode()}, "index.handler", main)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("export async function one() {}\nexport const two = 2;\nexport class Three {}\n", ["one", "two", "Three"]),
        ("const a = 1;\nexport { a, b as c };\n", ["a", "c"]),
        ("exports.one = 1;\nmodule.exports.two = 2;\n", ["one", "two"]),
        ("module.exports = { one, two: 2, ...rest };\n", ["one", "two"]),
        ("/*\nexport const no = 1;\n*/\n// exports.not = 1;\nif (exports.x == 1) {}\n", []),
        ("const l = 1; exports.handler = async () => l\n", ["handler"]),
        ("'use strict';exports.handler = async()=>1", ["handler"]),
        ("exports['handler'] = async()=>1\nmodule.exports[\"b\"] = 1", ["handler", "b"]),
        ("if (true) {\n  exports.handler = async () => 1;\n}\n", ["handler"]),
        ("import {a} from './u.mjs'; export const handler = async()=>a\n", ["handler"]),
        (
            "Object.assign(exports,{handler: async () => 1, async two() {}, 'three': 3}, {four})",
            ["handler", "two", "three", "four"],
        ),
        ("Object.defineProperty(exports, '__esModule', { value: true }); exports.handler = h;", ["handler"]),
        ("0 && (module.exports = exports = { handler });", ["handler"]),
        ("export default async () => 1;", ["default"]),
        ("export * as tools from './u.mjs'; export function* pages() {}", ["tools", "pages"]),
        ("export const x = 5, handler = async()=>1", ["x", "handler"]),
        ("export const x = f(1, a), y = async e => e\nfoo, handler = 1", ["x", "y"]),
        ("export const f = function named(a, b) {}, g = class A extends B {}, h = 1;", ["f", "g", "h"]),
        ("export const { a, b: c, ...d } = e, [f, { g = 1 }] = h;", ["a", "c", "d", "f", "g"]),
        (
            "const s = 'exports.no = 1; ', t = `exports.no = ${ `}${ exports.a }` } exports.no = 1`; exports.yes = 1",
            ["yes"],
        ),
        ("const r = /'/g, q = a / b, c = '/'; if (r) /`/.test(q); exports.yes = 1 // '", ["yes"]),
        ("const r = `'${a.replace(/'/g, `'${{ b }}'`)}'`; exports.yes = 1", ["yes"]),
        ("foo.exports.no = 1; exports.no.a = 1; exports.no === 1; exports.yes ??= 1", ["yes"]),
        ("#!/usr/bin/env node\nexports.yes = 1", ["yes"]),
    ],
)
def test_exports_are_read_from_the_text(text, names):
    assert list(exports(text).names) == names


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("export const a = 1; export * from './u.mjs';", False),
        ("export const a = 1; export * as u from './u.mjs';", True),
        ("exports.a = 1; exports[name] = 2;", False),
        ("exports.a = 1; register(exports);", False),
        ("exports.a = 1; this.b = 2;", False),
        ("module.exports = make();", False),
        ("module.exports = { a, [name]: 1 };", False),
        ("module.exports = { a, b: exports.a };", True),
    ],
)
def test_what_may_export_more_is_seen(text, complete):
    assert exports(text).complete is complete


def test_the_usual_name_wins_then_the_only_one():
    assert find_handler(exports("export const a = 1;\nexport const handler = 2;\n")) == "handler"
    assert find_handler(exports("export const a = 5, handler = 2;\n")) == "handler"
    assert find_handler(exports("export const a = 1;\n")) == "a"
    assert build(source("export default async () => 1;\n")).handler == "index.default"


def test_a_named_handler_may_lie_inside_of_an_export():
    assert build(source("export const api = { v1: async () => 1 };\n", handler="api.v1")).handler == "index.api.v1"
    assert build(source("export const one = 1, two = 2;\n", handler="index.one")).handler == "index.one"


@pytest.mark.parametrize(
    "text", ["const handler = 1;\n", "exports.a = 1;\nregister(exports);\n", "export * from './u.mjs';\n"]
)
def test_a_named_handler_that_is_not_seen_is_taken_where_there_may_be_more(text):
    assert build(source(text, handler="other")).handler == "index.other"


@pytest.mark.parametrize(
    ("text", "wanted", "words"),
    [
        ("const handler = 1;\n", None, r"no export was seen in the text of Cell In\[4\]. Write `export const handler"),
        ("export const a = 1;\nexport const b = 1;\n", None, "several could be it: a, b"),
        (MODERN, "other", r"--handler is 'other', but Cell In\[4\] exports handler"),
        (MODERN, "index.other", r"--handler is 'index\.other', but Cell In\[4\] exports handler"),
        (MODERN, "other", r"Name it: --handler handler, or name the function other\.$"),
    ],
)
def test_a_cell_without_the_handler_says_what_it_saw(text, wanted, words):
    with pytest.raises(HandlerNotInCell, match=words):
        build(source(text, handler=wanted))


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on the search path")
def test_syntax_is_checked_by_node_at_the_cells_lines_and_once(own_cache, monkeypatch):
    with pytest.raises(CellSyntaxError) as refused:
        build(source("export const handler = async () => {\n  const = 1;\n};\n", "nodejs18.x"))
    assert str(refused.value) == "Cell In[4], line 3: Unexpected token '='\n    const = 1;"
    assert (refused.value.line, refused.value.column) == (3, 9)
    build(source(MODERN, "nodejs18.x"))
    assert len(list(own_cache.iterdir())) == 1
    monkeypatch.setattr(cache, "keep_newest", lambda root, count: pytest.fail("it was checked again"))
    build(source(MODERN, "nodejs18.x"))


def test_without_a_node_that_knows_the_release_the_cell_is_taken_as_it_is(monkeypatch):
    monkeypatch.setattr(nodejs, "_node", lambda source: None)
    assert build(source("export const handler = ;\n")).main == "index.mjs"


def test_frames_are_the_cells_the_innermost_last():
    text = "function inner() {\n  throw new Error('m');\n}\nexport const handler = async () => inner();\n"
    cell = CellSource("Cell In[4]", text, 2, "index.mjs")
    stack = [
        "Error: m",
        "    at inner (file:///var/task/index.mjs:2:9)",
        "    at Runtime.handler (file:///var/task/index.mjs:4:36)",
        "    at async file:///var/task/node_modules/a/b.mjs:1:2",
        "    at Runtime.handleOnceNonStreaming (/var/runtime/callbacks.cjs:40:27)",
        "    at node:internal/process/task_queues:95:5",
    ]
    assert [frame.place for frame in map_frames(stack, cell)] == [
        "/var/task/node_modules/a/b.mjs, line 1",
        "Cell In[4], line 5, in Runtime.handler",
        "Cell In[4], line 3, in inner",
    ]


@pytest.mark.parametrize("name", ["nodejs4.3", "nodejs8.10"])
def test_a_release_of_two_numbers_is_checked_by_a_node_of_the_first_or_newer(name):
    assert build(source(COMMON, name)).handler == "index.handler"

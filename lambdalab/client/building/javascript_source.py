"""What a JavaScript module exports, as its text says: read token by token, never run.

Statements count wherever they stand; what is inside of comments, strings, templates and regular expressions does not.
Whether a `/` divides or begins a regular expression is told by what stands before it, as far as tokens tell that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|\A\#![^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<word>\#?(?:[^\W\d]|\$)[\w$]*)
    |(?P<number>\.?\d[\w.]*)
    |(?P<template>`)
    |(?P<mark>\.\.\.|[=!]==|(?:\*\*|\?\?|&&|\|\||<<|>>>?)=?|=>|[=!<>+\-*%&|^]=|\?\.|\+\+|--|.)
    """,
    re.DOTALL | re.VERBOSE,
)
_REGULAR = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/\w*")
_ENDS_TEMPLATE = re.compile(r"(?:\\.|[^`\\$]|\$(?!\{))*(?P<end>`|\$\{|\Z)", re.DOTALL)
_BEFORE_OPERAND = {
    "async", "await", "case", "delete", "do", "else", "extends", "in", "instanceof", "new", "of", "return", "throw",
    "typeof", "void", "yield",
}  # fmt: skip
"""Words that an expression follows; after other words it has ended."""
_CONTINUES = {"extends", "in", "instanceof", "of"}
"""Words that go on with an expression."""
_CONDITIONS = {"for", "if", "while", "with"}
"""Words whose brackets a statement follows."""
_ASSIGNS = {"=", "??=", "||=", "&&="}
_MARKER = "__esModule"
"""What compilers set to say that the module was an ES module: no function."""


@dataclass(frozen=True, slots=True)
class Exports:
    """The names that were seen, in order. `complete`: the text shows that there are no others.

    `es_module`: it has `import` or `export`, which only an ES module may; `exports` means nothing in it.
    """

    names: tuple[str, ...]
    complete: bool
    es_module: bool


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of code: its kind, its text (a string's without its quotes), and how many brackets are open there."""

    kind: str
    text: str
    depth: int

    def is_mark(self, *marks: str) -> bool:
        return self.kind == "mark" and self.text in marks

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and (not words or self.text in words)

    @property
    def name(self) -> str:
        """The name that a word or a string is; "" for others."""
        return self.text if self.kind in {"word", "string"} else ""

    @property
    def ends_operand(self) -> bool:
        """Whether an expression may end here: an operator follows, or nothing of it."""
        if self.kind == "mark":
            return self.text in {")", "]", "}", "++", "--"}
        return self.kind != "word" or self.text not in _BEFORE_OPERAND


_END = _Token("end", "", -1)


def exports(text: str) -> Exports:
    """The names that a module with this text exports."""
    tokens = [*(token for token, _ in _tokens(text)), _END, _END, _END, _END]
    module = _EsModule(tokens)
    return module.exports() if module.declarations else _CommonJs(tokens).exports()


# -- tokens


def _tokens(text: str, at: int = 0) -> Iterator[tuple[_Token, int]]:
    """The tokens from `at` on, each with the place after it."""
    before, line_begins = _Token("mark", ";", 0), True
    open_: list[bool] = []
    """Of each bracket that is open, whether a statement follows it."""
    regular_next = False
    while at < len(text):
        found = text[at] == "/" and (regular_next or _begins_operand(before, line_begins)) and _REGULAR.match(text, at)
        match = found if found and text[at : at + 2] != "/*" else _TOKEN.match(text, at)
        assert match is not None  # any character is a mark
        kind = match.lastgroup or "regular"
        at = _after_template(text, match.end()) if kind == "template" else match.end()
        if kind == "space":
            line_begins = line_begins or "\n" in match[0]
            continue
        words, regular_next = match[0], False
        if kind == "mark" and words in ")]}":
            regular_next = open_.pop() if open_ else False
        yield (token := _Token(kind, words[1:-1] if kind == "string" else words, len(open_))), at
        if kind == "mark" and words in "([{":
            open_.append(words == "(" and before.is_word(*_CONDITIONS))
        before, line_begins = token, False


def _begins_operand(before: _Token, line_begins: bool) -> bool:
    """Whether a `/` after `before` begins a regular expression. After a block it does, after an object it divides."""
    return not before.ends_operand or (before.is_mark("}") and line_begins)


def _after_template(text: str, at: int) -> int:
    """The place after a template literal whose first backquote stands before `at`, with all that is inside of it."""
    while True:
        match = _ENDS_TEMPLATE.match(text, at)
        assert match is not None  # it may match nothing
        at = match.end()
        if match["end"] != "${":
            return at
        at = _after_code(text, at)


def _after_code(text: str, at: int) -> int:
    """The place after the `}` that closes the code at `at`."""
    depth = 1
    for token, after in _tokens(text, at):
        depth += token.is_mark("{") - token.is_mark("}")
        if not depth:
            return after
    return len(text)


def _entries(tokens: Sequence[_Token], at: int) -> Iterator[int]:
    """Where each entry begins of the brackets that open at `at`."""
    inside = tokens[at].depth + 1
    fresh = True
    for place in range(at + 1, len(tokens)):
        token = tokens[place]
        if token.depth < inside:
            return
        if token.depth == inside and token.is_mark(","):
            fresh = True
        elif fresh:
            fresh = False
            yield place


# -- ES modules


class _EsModule:
    """Import and export are reserved words: outside of a property's name they are declarations."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self.declarations = [
            at for at, token in enumerate(tokens) if token.is_word("import", "export") and self._is(at)
        ]
        """Where they begin."""

    def _is(self, at: int) -> bool:
        after = self._tokens[at + 1]
        imports = self._tokens[at].text == "import" and after.kind == "string"
        follows = after.kind == "word" or after.is_mark("{", "*") or imports
        return follows and not (at and self._tokens[at - 1].is_mark(".", "?."))

    def exports(self) -> Exports:
        exporting = [at for at in self.declarations if self._tokens[at].text == "export"]
        names = [name for at in exporting for name in self._names(at + 1)]
        all_of_another = any(
            self._tokens[at + 1].is_mark("*") and not self._tokens[at + 2].is_word("as") for at in exporting
        )
        return Exports(tuple(dict.fromkeys(names)), not all_of_another, es_module=True)

    def _names(self, at: int) -> Iterator[str]:
        """The names of the declaration whose `export` stands before `at`."""
        tokens = self._tokens
        first = tokens[at]
        if first.is_word("const", "let", "var"):
            yield from self._variables(at + 1)
        elif first.is_mark("{"):
            yield from (self._outside(entry) for entry in _entries(tokens, at))
        elif first.is_mark("*") and tokens[at + 1].is_word("as"):
            yield tokens[at + 2].name
        elif first.is_word("default"):
            yield "default"
        elif first.is_word("async", "function", "class"):
            at += 2 if first.is_word("async") else 1
            yield tokens[at + 1 if tokens[at].is_mark("*") else at].name

    def _outside(self, at: int) -> str:
        """The name under which `a` or `a as b` is seen from outside."""
        return self._tokens[at + 2 if self._tokens[at + 1].is_word("as") else at].name

    def _variables(self, at: int) -> Iterator[str]:
        """The names that a declaration gives, from the first of them."""
        tokens, depth = self._tokens, self._tokens[at].depth
        yield from self._bound(at)
        for place in range(at + 1, len(tokens)):
            token, before = tokens[place], tokens[place - 1]
            if token.depth < depth or (token.depth == depth and self._ended(before, token)):
                return
            if token.depth == depth and token.is_mark(","):
                yield from self._bound(place + 1)

    @staticmethod
    def _ended(before: _Token, token: _Token) -> bool:
        """Whether a statement ends between two tokens: at a semicolon, or where JavaScript puts one in itself."""
        if token.is_mark(";"):
            return True
        begins = token.kind in {"string", "number"} or (token.is_word() and token.text not in _CONTINUES)
        named = before.is_word("function", "class")
        return begins and before.ends_operand and not named

    def _bound(self, at: int) -> Iterator[str]:
        """The name at `at`, or those that a pattern there takes out of a value."""
        tokens = self._tokens
        at += tokens[at].is_mark("...")
        if tokens[at].is_word():
            yield tokens[at].text
        elif tokens[at].is_mark("[", "{"):
            for entry in _entries(tokens, at):
                keyed = tokens[at].is_mark("{") and tokens[entry + 1].is_mark(":")
                yield from self._bound(entry + 2 if keyed else entry)


# -- CommonJS


class _CommonJs:
    """What is assigned to members of `exports` and of `module.exports`, or given to them as an object."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._names: dict[str, None] = {}
        self._complete = True

    def exports(self) -> Exports:
        for at, token in enumerate(self._tokens):
            if at and self._tokens[at - 1].is_mark(".", "?."):
                continue
            if token.is_word("exports"):
                self._exported(at, at + 1)
            elif token.is_word("module"):
                whole = self._tokens[at + 1].is_mark(".") and self._tokens[at + 2].is_word("exports")
                self._exported(at, at + 3) if whole else self._unknown()
            elif token.is_word("this") and token.depth == 0:
                self._unknown()  # outside of functions it is `exports`
        self._names.pop(_MARKER, None)
        return Exports(tuple(self._names), self._complete, es_module=False)

    def _unknown(self) -> None:
        """Something is done that may export more."""
        self._complete = False

    def _exported(self, begin: int, after: int) -> None:
        """What is done with the exports that are named from `begin` to before `after`."""
        tokens, first = self._tokens, self._tokens[after]
        if first.is_mark("."):
            self._member(tokens[after + 1], after + 2)
        elif first.is_mark("[") and tokens[after + 1].kind == "string" and tokens[after + 2].is_mark("]"):
            self._member(tokens[after + 1], after + 3)
        elif first.is_mark("="):
            self._whole(begin, after + 1)
        elif not self._given(begin, after):
            self._unknown()

    def _member(self, member: _Token, after: int) -> None:
        if self._tokens[after].is_mark(*_ASSIGNS):
            self._names[member.name] = None

    def _whole(self, begin: int, value: int) -> None:
        """`module.exports = {...}`, where `exports = module.exports =` and the like may stand between."""
        if self._tokens[begin].is_word("exports") and not self._tokens[begin - 1].is_mark("="):
            return  # a variable of that name from now on, and no export
        while self._tokens[value].is_word("exports") and self._tokens[value + 1].is_mark("="):
            value += 2
        self._object(value)

    def _given(self, begin: int, after: int) -> bool:
        """Whether the exports are the first argument of `Object.assign` or `Object.defineProperty`."""
        tokens = self._tokens
        words = [token.text for token in tokens[max(begin - 4, 0) : begin]]
        if words == ["Object", ".", "assign", "("]:
            for value in list(_entries(tokens, begin - 1))[1:]:
                self._object(value)
            return True
        if words == ["Object", ".", "defineProperty", "("] and tokens[after + 1].kind == "string":
            self._names[tokens[after + 1].text] = None
            return True
        return False

    def _object(self, at: int) -> None:
        """The keys of the object at `at`."""
        tokens = self._tokens
        if not tokens[at].is_mark("{"):
            self._unknown()
            return
        for entry in _entries(tokens, at):
            place = entry
            while tokens[place].is_mark("*") or (
                tokens[place].is_word("async", "get", "set")
                and (tokens[place + 1].name or tokens[place + 1].is_mark("*", "["))
            ):
                place += 1
            if tokens[place].name:
                self._names[tokens[place].name] = None
            else:
                self._unknown()  # spread out of another object, or computed

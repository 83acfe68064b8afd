"""Python: the cell is `lambda_function.py`. The handler is found by reading the source, never by running it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from lambdalab.client.building.base import Builder, Built, CellSyntaxError, Source
from lambdalab.errors import HandlerNotInCell

_USUAL = ("handler", "lambda_handler", "main")
_MODULE = "lambda_function"
"""The module that a cell becomes: AWS's console gives new functions the same name."""


class Python(Builder):
    """The text to the byte, as one module."""

    def build(self, source: Source) -> Built:
        """The module. `handler` may be the function's name alone."""
        wanted = source.handler and source.handler.removeprefix(f"{_MODULE}.")
        name = find_handler(source.text, wanted, label=source.cell.label, first_line=source.cell.first_line)
        main = f"{_MODULE}.py"
        return Built({main: source.text.encode()}, f"{_MODULE}.{name}", main)


def find_handler(source: str, wanted: str | None = None, *, label: str = "the cell", first_line: int = 1) -> str:
    """The name of the handler in `source`.

    `wanted` must be there; else `handler`, `lambda_handler` or `main`; else the only function of two
    parameters. Raises `CellSyntaxError`, or `HandlerNotInCell` naming the functions it saw.
    """
    tree = parsed(source, label, first_line)
    names = _defined(tree)
    if wanted is not None:
        if wanted not in names:
            raise HandlerNotInCell(f"--handler is {wanted!r}, but {label} defines {_listed(names)}.")
        return _not_async(tree, wanted, label)
    for usual in _USUAL:
        if usual in names:
            return _not_async(tree, usual, label)
    two = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and len(node.args.args) == 2]
    if len(two) == 1:
        return two[0]
    asynchronous = [node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)]
    if asynchronous and not two:
        return _not_async(tree, asynchronous[0], label)
    why = f"several could be it: {', '.join(two)}" if two else f"{label} defines {_listed(names)}"
    raise HandlerNotInCell(
        f"no handler found: {why}. Define `def handler(event, context):`, or name one with --handler NAME."
    )


def parsed(source: str, label: str, first_line: int) -> ast.Module:
    """The source as a tree. Raises `CellSyntaxError` with the line as `label` counts it from `first_line`."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        line = (error.lineno or 1) + first_line - 1
        text = f"\n    {error.text.rstrip()}" if error.text else ""
        if (error.text or "").lstrip()[:1] in {"!", "%"}:
            text += (
                "\nThe cell is the function's file, not notebook code: run `!` and `%` lines in a cell of their own."
            )
        raise CellSyntaxError(f"{label}, line {line}: {error.msg}{text}", line, error.offset or 1) from error


def _defined(tree: ast.Module) -> list[str]:
    """Top-level names that may be callable: functions, classes, assignments and imports."""
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names.extend(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.extend(alias.asname or alias.name for alias in node.names)
    return names


def _not_async(tree: ast.Module, name: str, label: str) -> str:
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == name:
            raise HandlerNotInCell(
                f"{name} in {label} is `async def`; Lambda's Python runtime calls a plain function. "
                f"Write `def {name}(event, context): return asyncio.run(...)`."
            )
    return name


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "no function"

"""Python: the cell is `lambda_function.py`. The handler is found by reading the source, never by running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from lambdalab.client.building.base import Builder, Built, CellSyntaxError, Source, no_such_handler, taken_for_handler
from lambdalab.errors import HandlerNotInCell

_USUAL = ("handler", "lambda_handler", "main")
_MODULE = "lambda_function"
"""The module that a cell becomes: AWS's console gives new functions the same name."""

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_HOLDS = (ast.stmt, ast.ExceptHandler, ast.match_case)
"""What holds statements of the module's own scope."""
_MAKERS = {"exec", "globals", "locals", "setattr", "vars"}
"""What code makes names with that its text does not show."""


class Python(Builder):
    """The text to the byte, as one module."""

    def build(self, source: Source) -> Built:
        """The module. `handler` may be the function's name alone."""
        name = find_handler(source.text, source.handler, label=source.cell.label, first_line=source.cell.first_line)
        main = f"{_MODULE}.py"
        notes = taken_for_handler(name, _USUAL, source)
        return Built({main: source.text.encode()}, f"{_MODULE}.{name}", main, notes=notes)


def find_handler(source: str, wanted: str | None = None, *, label: str = "the cell", first_line: int = 1) -> str:
    """The name of the handler in `source`.

    `wanted`, with or without the module before it, must be there, unless the source makes names that cannot be read
    from it; else `handler`, `lambda_handler` or `main`; else the only function of two parameters. Raises
    `CellSyntaxError`, or `HandlerNotInCell` naming what it saw.
    """
    tree = parsed(source, label, first_line)
    statements = list(_statements(tree.body))
    names = list(dict.fromkeys(name for node in statements for name in _named(node)))
    if wanted is not None:
        name = wanted.removeprefix(f"{_MODULE}.")
        if name not in names and not _makes_names(tree):
            raise no_such_handler(f"{label} defines {_listed(names)}", wanted, _callable(statements) or names)
        return _not_async(statements, name, label)
    for usual in _USUAL:
        if usual in names:
            return _not_async(statements, usual, label)
    functions = [node for node in statements if isinstance(node, ast.FunctionDef)]
    two = list(dict.fromkeys(node.name for node in functions if len(node.args.args) == 2))
    if len(two) == 1:
        return two[0]
    asynchronous = [node.name for node in statements if isinstance(node, ast.AsyncFunctionDef)]
    if asynchronous and not two:
        return _not_async(statements, asynchronous[0], label)
    if _makes_names(tree) and not names:
        names = ["no function that can be seen in its text"]
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
    except (RecursionError, MemoryError) as error:
        raise CellSyntaxError(f"{label}: an expression is nested deeper than Python's parser goes.") from error
    except ValueError as error:  # characters that no source file can hold
        raise CellSyntaxError(f"{label}: {error}") from error


def _statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The statements that run when the module is loaded, those inside of `if`, `try`, `with` and loops too."""
    for node in body:
        yield node
        if not isinstance(node, _SCOPES):
            yield from _statements([child for child in ast.iter_child_nodes(node) if isinstance(child, _HOLDS)])


def _named(node: ast.AST) -> list[str]:
    """The names that a statement makes and that may be callable: functions, classes, assignments and imports."""
    if isinstance(node, _SCOPES):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names if alias.name != "*"]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    found = (name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
    return [name.id for name in found if isinstance(name.ctx, ast.Store)]


def _callable(statements: Sequence[ast.AST]) -> list[str]:
    """The names of functions, which a handler is more likely to be than anything else."""
    return [node.name for node in statements if isinstance(node, ast.FunctionDef)]


def _makes_names(tree: ast.Module) -> bool:
    """Whether it takes all names of another module, or makes names while it runs."""
    nodes = list(ast.walk(tree))
    stars = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes)
    makers = any(isinstance(node, ast.Name) and node.id in _MAKERS for node in nodes)
    return stars or makers or any(isinstance(node, ast.Global) for node in nodes)


def _not_async(statements: Sequence[ast.AST], name: str, label: str) -> str:
    found = [node for node in statements if isinstance(node, _SCOPES) and node.name == name]
    if found and all(isinstance(node, ast.AsyncFunctionDef) for node in found):
        raise HandlerNotInCell(
            f"{name} in {label} is `async def`; Lambda's Python runtime calls a plain function. "
            f"Write `def {name}(event, context): return asyncio.run(...)`."
        )
    return name


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "no function"

"""Every `%lambda` line of a cell shows its result, and not the cell's last expression alone.

IPython shows the value of a cell's last expression, and drops those before it: a call that failed further up would
go unseen, since a function's error is a result and no exception.
"""

from __future__ import annotations

import ast
from typing import Any

# What Python does with a line of the interactive prompt, which `%%capture` and `%%time` count on: the hook is looked up
# when the line runs, and shows what is not None. In a function, which is what `%%timeit` makes of its cell, nothing is
# shown: it would be with each of its thousand rounds.
_SHOW = "(__import__('sys').displayhook if locals() is globals() else (lambda result: None))"


class ShownLines:
    """One of the shell's `ast_transformers`: hands the results of a cell's `%lambda` lines to the display hook.

    Only those that stand for themselves at the cell's top level, and not the last statement, which IPython shows. What
    is assigned is not shown; a line that ends in `;` has no result to show (`output_can_be_silenced`), and a cell that
    ends in one shows nothing at all, as with IPython's `ast_node_interactivity = "all"`.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def visit(self, tree: ast.AST) -> ast.AST:
        """The cell as IPython is to run it, changed in place."""
        if isinstance(tree, ast.Module) and self._shell.ast_node_interactivity != "none":
            for statement in tree.body[:-1]:
                if isinstance(statement, ast.Expr) and _is_lambda_line(statement.value):
                    statement.value = _shown(statement.value)
        return tree


def _is_lambda_line(node: ast.expr) -> bool:
    """Whether it is `get_ipython().run_line_magic('lambda', '...')`, which is what IPython makes of the line."""
    if not isinstance(node, ast.Call) or len(node.args) != 2 or node.keywords:
        return False
    name, line = node.args
    return (
        isinstance(name, ast.Constant)
        and name.value == "lambda"
        and isinstance(line, ast.Constant)
        and ast.unparse(node.func) == "get_ipython().run_line_magic"
    )


def _shown(call: ast.expr) -> ast.expr:
    show = ast.parse(_SHOW, mode="eval").body
    for node in ast.walk(show):
        ast.copy_location(node, call)  # a traceback points at the line
    return ast.copy_location(ast.Call(show, [call], []), call)

"""The place in a student's code where an error arose: the line, the expression, and what its names stand for."""

import ast
import linecache
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minnet.core.buffer import LayerArray

PACKAGE = str(Path(__file__).parents[1])
LIBRARIES = (PACKAGE, str(Path(np.__file__).parent))


@dataclass
class Place:
    """Where an error arose.

    Attributes
    ----------
    line : int
        The number of the line; 0 if it is not known.
    code : str
        The expression or statement that failed, or its line; "" if the source is not known.
    statement : str
        The whole line.
    names, scope : dict
        The variables of the function, and the names around it.
    """

    line: int = 0
    code: str = ""
    statement: str = ""
    names: dict[str, Any] = field(default_factory=dict)
    scope: dict[str, Any] = field(default_factory=dict)

    @property
    def quoted(self) -> str:
        """The code and its line, such as "`x @ W` (line 7)"."""
        if not self.line:
            return ""
        return f"`{self.code}` (line {self.line})" if self.code else f"line {self.line}"

    @property
    def line_quoted(self) -> str:
        """The whole line, such as "`y = x @ W` (line 7)"."""
        return f"`{self.statement}` (line {self.line})" if self.statement else self.quoted

    def node(self, code: str | None = None) -> ast.AST | None:
        """Return the code's outermost node: an expression, or a statement such as ``a += b``."""
        with suppress(SyntaxError, IndexError):
            statement = ast.parse(self.code if code is None else code).body[0]
            return statement.value if isinstance(statement, ast.Expr | ast.Return) else statement
        return None

    def value(self, node: ast.AST | None) -> Any:
        """Return what an expression of the code gives, computed once more; None if it fails."""
        with suppress(Exception):
            # The names of the function are globals here, because an inner function's names would not be found else.
            return eval(compile(ast.Expression(node), "<once more>", "eval"), self.scope | self.names)  # type: ignore[arg-type]
        return None

    def shapes(self) -> str:
        """Say which arrays the names in the code stand for, such as "x has shape (4, 3), self.W.data (3, 2)"."""
        found: dict[str, str] = {}
        with suppress(SyntaxError):
            for node in ast.walk(ast.parse(self.code)):
                if isinstance(node, ast.Name | ast.Attribute):
                    value = self.value(node)
                    if isinstance(value, np.ndarray):
                        found[ast.unparse(node)] = str(value.shape)
        longest = {name for name in found if not any(other.startswith(f"{name}.") for other in found)}
        return ", ".join(f"{name} has shape {shape}" for name, shape in found.items() if name in longest)


def place_of(error: BaseException) -> Place:
    """Return where an error arose: the innermost line that belongs to no library."""
    frames = list(traceback.walk_tb(error.__traceback__))
    for (frame, _), summary in zip(reversed(frames), reversed(traceback.extract_tb(error.__traceback__)), strict=True):
        name = frame.f_code.co_filename
        if not name.startswith(LIBRARIES) and "site-packages" not in name:
            return Place(summary.lineno or 0, *_code(summary), dict(frame.f_locals), frame.f_globals)
    return Place()


def _code(summary: traceback.FrameSummary) -> tuple[str, str]:
    """Return the part of the source that failed, and its whole line."""
    if not summary.lineno:
        return "", ""
    line = linecache.getline(summary.filename, summary.lineno)
    whole = line.strip()
    if summary.end_lineno != summary.lineno or summary.colno is None or summary.end_colno is None:
        return whole, whole
    part = line.encode()[summary.colno : summary.end_colno].decode(errors="replace").strip()
    return part or whole, whole


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Return the shape of an array or a number; None for anything else."""
    if isinstance(value, LayerArray):
        return value.data.shape
    return np.shape(value) if isinstance(value, np.ndarray | float | int | np.generic) else None

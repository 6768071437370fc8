"""The small faults that mutation testing puts into a module.

A comparison or an arithmetic operator exchanged, a number one up or down, a condition turned round,
a statement removed. Text, hints, decorators and what is said in messages stay as they are.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: Of the choice of mutants, unless another one is given.
SEED = "2027"

_SWAPS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
_PAIRS = [("min", "max"), ("minimum", "maximum"), ("any", "all"), ("floor", "ceil")]
_NAMES = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
#: Calls whose arguments are text or logging: what is said is not what is computed.
_SAYING = {"warn", "warning", "info", "debug", "InputError", "ValueError", "TypeError"}
_REMOVED = (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Expr)


@dataclass(frozen=True)
class Mutant:
    """One change. `apply` makes it in the tree of its module and returns what undoes it."""

    where: str
    before: str
    after: str
    line: int
    apply: Callable[[], Callable[[], None]]

    @property
    def name(self) -> str:
        return f"{self.where}: {self.before} -> {self.after}"


def _turns_round(test: ast.expr) -> bool:
    """Whether exchanging its operator already makes a condition its opposite."""
    exact = ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn
    return isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], exact)


def _setter(node: ast.AST, field: str, value: object) -> Callable[[], Callable[[], None]]:
    def apply() -> Callable[[], None]:
        old = getattr(node, field)
        setattr(node, field, value)
        return lambda: setattr(node, field, old)

    return apply


def _put(items: list, place: int, value: object) -> Callable[[], Callable[[], None]]:
    def apply() -> Callable[[], None]:
        old, items[place] = items[place], value
        return lambda: items.__setitem__(place, old)

    return apply


def _of_expression(node: ast.AST) -> Iterator[Callable[[], Callable[[], None]]]:
    """Changes of one node of an expression, or of what an assignment adds."""
    if isinstance(node, ast.Compare):
        for k, op in enumerate(node.ops):
            yield _put(node.ops, k, _SWAPS[type(op)]())
    elif isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in _SWAPS:
        yield _setter(node, "op", _SWAPS[type(node.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
        yield _setter(node, "op", ast.UAdd())
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield _setter(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield _setter(node, "value", node.value + 1)
        yield _setter(node, "value", node.value - 1)
    elif isinstance(node, ast.Name) and node.id in _NAMES:
        yield _setter(node, "id", _NAMES[node.id])
    elif isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield _setter(node, "attr", _NAMES[node.attr])
    if isinstance(node, ast.If | ast.While | ast.IfExp) and not _turns_round(node.test):
        yield _setter(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.comprehension):
        for k, test in enumerate(node.ifs):
            yield _put(node.ifs, k, ast.UnaryOp(ast.Not(), test))


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    """A statement's own nodes: no statements in it, hints, decorators, text or what is said."""
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params", "bases", "keywords"):
            value = (
                [k for k in value if k.arg not in ("stacklevel", "strict")]
                if field == "keywords"
                else []
            )
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.stmt | ast.JoinedStr):
                continue
            called = getattr(child, "func", None)
            if getattr(called, "attr", getattr(called, "id", None)) not in _SAYING:
                yield from _expressions(child)


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        found = getattr(node, field, None)
        if isinstance(found, list) and found:
            yield found
    for handler in getattr(node, "handlers", []):
        yield handler.body


def _header(node: ast.stmt) -> str:
    """A statement in one line, without the statements in it."""
    text = ast.unparse(node)
    if any(True for _ in _bodies(node)):
        depth = next(i for i, one in enumerate(text.split("\n")) if one.startswith("    "))
        text = " ".join(text.split("\n")[:depth])
    return " ".join(text.split())


def _skipped(node: ast.stmt) -> bool:
    """Imports, docstrings, assertions, `__all__`, and blocks for type checkers."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert | ast.Pass):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def mutants(tree: ast.Module) -> list[Mutant]:
    """All changes of a module, in the order of its lines."""
    found: list[Mutant] = []
    met: dict[str, int] = {}

    def add(where: str, node: ast.stmt, apply: Callable[[], Callable[[], None]], after="") -> None:
        before = _header(node)
        undo = apply()
        after = after or _header(node)
        undo()
        key = f"{where}{before}{after}"
        met[key] = met.get(key, 0) + 1
        again = f" ({met[key]})" if met[key] > 1 else ""
        found.append(Mutant(where + again, before, after, node.lineno, apply))

    def walk(parent: ast.AST, where: str) -> None:
        for body in _bodies(parent):
            for place, node in enumerate(body):
                if _skipped(node):
                    continue
                inner = where
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    inner = f"{where}.{node.name}".lstrip(".")
                for one in _expressions(node):
                    for apply in _of_expression(one):
                        add(inner or "module", node, apply)
                stored = isinstance(node, ast.Assign) and isinstance(
                    node.targets[0], ast.Subscript | ast.Attribute
                )
                if isinstance(node, _REMOVED) or stored:
                    gone = ast.copy_location(ast.Pass(), node)
                    add(inner or "module", node, _put(body, place, gone), "pass")
                walk(node, inner)

    walk(tree, "")
    return found


def sampled(module: str, tree: ast.Module, factor: float, seed: str = SEED) -> list[Mutant]:
    """As many mutants of a module as the root of their number, times a factor.

    Which ones depends on a hash of their text alone, so that a change elsewhere in the project
    changes no choice.
    """
    every = mutants(tree)
    number = min(round(factor * len(every) ** 0.5), len(every))

    def rank(one: Mutant) -> str:
        return hashlib.sha256(f"{seed} {module} {one.name}".encode()).hexdigest()

    return sorted(sorted(every, key=rank)[:number], key=lambda one: one.line)

"""Computes each figure of an explanation again from its document alone, by the rules of docs/evidence.md."""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil, floor
from typing import Any

DAY = 86_400 * 10**6
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BINARY: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARED: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


@dataclass(eq=False)
class Block:
    kind: str
    name: str
    figures: Mapping[str, Mapping[str, Any]]
    links: Mapping[str, Mapping[str, str]]
    around: "Block | None"
    blocks: list["Block"] = field(default_factory=list)

    def below(self) -> Iterator["Block"]:
        for block in self.blocks:
            yield block
            yield from block.below()

    @property
    def root(self) -> "Block":
        return self if self.around is None else self.around.root


def read(document: Mapping[str, Any], around: Block | None = None) -> Block:
    block = Block(document["block"], document["name"], document["figures"], document.get("links", {}), around)
    block.blocks = [read(inner, block) for inner in document.get("blocks", [])]
    return block


def given(figure: Mapping[str, Any]) -> Any:
    """The value of a figure as the document says it; times in microseconds."""
    value, unit = figure["value"], figure.get("unit", "")
    if value is None or isinstance(value, bool | list):
        return value
    if unit == "UTC":
        return (datetime.fromisoformat(value) - EPOCH) // timedelta(microseconds=1)
    if unit == "setting":
        return Fraction(value) if value.replace(".", "").isdigit() else value
    return Fraction(value) if unit or isinstance(value, int) else value


class Evaluator:
    """Rebuilds figures, each from what it is computed from, down to the leaves."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.root = read(document)
        self._all = [self.root, *self.root.below()]
        self._by_key = {(block.kind, block.name): block for block in self._all}
        self._known: dict[tuple[int, str], Any] = {}
        self._parsed: dict[str, ast.expr] = {}

    def block(self, kind: str, name: str) -> Block:
        return self._by_key[kind, name]

    def blocks(self, kind: str) -> list[Block]:
        return [block for block in self._all if block.kind == kind]

    def rebuilt(self, block: Block, name: str) -> Any:
        key = (id(block), name)
        if key not in self._known:
            figure = block.figures[name]
            formula = figure.get("formula")
            self._known[key] = given(figure) if not formula else self._computed(block, figure, formula)
        return self._known[key]

    def _computed(self, block: Block, figure: Mapping[str, Any], formula: str) -> Any:
        if formula not in self._parsed:
            self._parsed[formula] = ast.parse(formula, mode="eval").body
        value = _Scope(self, block, {}).value(self._parsed[formula])
        if isinstance(value, bool) or not isinstance(value, int | Fraction):
            return value
        if figure.get("unit") == "fraction":
            return Fraction(value)
        shown = figure["value"]
        digits = len(shown.partition(".")[2]) if isinstance(shown, str) and figure.get("unit") != "UTC" else 0
        return half_away(Fraction(value) * 10**digits) / Fraction(10) ** digits


@dataclass
class _Scope:
    evaluator: Evaluator
    block: Block
    bound: Mapping[str, Block]
    """Blocks that an aggregate looks at, by kind."""

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=float() as number):
                return Fraction(str(number))
            case ast.Constant(value=value):
                return Fraction(value) if type(value) is int else value
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute():
                return self._figure_of(node)
            case ast.BinOp(left=left, op=op, right=right):
                return _combined(
                    _BINARY[type(op)], self.value(left), self.value(right), is_division=type(op) is ast.Div
                )
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.value(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.value(operand)
                return None if value is None else -value
            case ast.BoolOp(op=ast.And(), values=values):
                return all(self.value(each) for each in values)
            case ast.BoolOp(values=values):
                return any(self.value(each) for each in values)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.value(body) if self.value(test) else self.value(orelse)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self._compared([left, *comparators], ops)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._called(name, args)
        raise AssertionError(ast.dump(node))

    def _named(self, name: str) -> Any:
        block: Block | None = self.block
        while block is not None:
            if name in block.figures:
                return self.evaluator.rebuilt(block, name)
            block = block.around
        raise AssertionError(f"{self.block.kind}: no figure {name}")

    def _figure_of(self, node: ast.Attribute) -> Any:
        kind = _kind_of(node)
        block = self.bound.get(kind) or self._linked(kind)
        return self.evaluator.rebuilt(block, node.attr) if node.attr in block.figures else None

    def _linked(self, kind: str) -> Block:
        if kind in self.block.links:
            link = self.block.links[kind]
            return self.evaluator.block(link["block"], link["name"])
        (only,) = self.evaluator.blocks(kind)
        return only

    def _compared(self, operands: list[ast.expr], ops: list[ast.cmpop]) -> bool:
        values = [self.value(each) for each in operands]
        if any(value is None for value in values):
            return False
        return all(_COMPARED[type(op)](*values[place : place + 2]) for place, op in enumerate(ops))

    def _called(self, name: str, args: list[ast.expr]) -> Any:
        iterated = self._iterated(args[0])
        if name in _AGGREGATES and iterated is not None:
            return _AGGREGATES[name](list(self._over(iterated, args)))
        values = [self.value(arg) for arg in args]
        if name == "setting":
            return given(self.evaluator.blocks("settings")[0].figures[values[0]])
        if name in ("known", "or_zero"):
            return values[0] is not None if name == "known" else values[0] or Fraction(0)
        return None if any(value is None for value in values) else _FUNCTIONS[name](*values)

    def _iterated(self, node: ast.expr) -> tuple[Block, str] | None:
        """Below which block and over which kind an aggregate goes; None if it is none."""
        if isinstance(node, ast.Name) and not any(node.id in one.figures for one in self._around()):
            return self.block, node.id
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute):
                kind = _kind_of(part)
                if isinstance(part.value, ast.Attribute) and isinstance(part.value.value, ast.Name):
                    outer = part.value.value.id
                    return next(one for one in self._around() if one.kind == outer), kind
                if isinstance(part.value, ast.Name) and kind not in self.block.links:
                    return self.block, kind
        return None

    def _around(self) -> Iterator[Block]:
        block: Block | None = self.block
        while block is not None:
            yield block
            block = block.around

    def _over(self, iterated: tuple[Block, str], args: list[ast.expr]) -> Iterator[Any]:
        above, kind = iterated
        for block in above.below():
            if block.kind == kind:
                scope = _Scope(self.evaluator, self.block, {**self.bound, kind: block})
                if len(args) == 1 or scope.value(args[1]):
                    yield Fraction(1) if isinstance(args[0], ast.Name) else scope.value(args[0])


def _kind_of(node: ast.Attribute) -> str:
    match node.value:
        case ast.Name(id=kind) | ast.Attribute(attr=kind):
            return kind
    raise AssertionError(ast.dump(node))


def _combined(combine: Callable[[Any, Any], Any], left: Any, right: Any, *, is_division: bool) -> Any:
    if left is None or right is None or (is_division and right == 0):
        return None
    return combine(Fraction(left), Fraction(right))


def half_away(value: Fraction) -> int:
    return floor(value + Fraction(1, 2)) if value >= 0 else ceil(value - Fraction(1, 2))


def half_down(value: Fraction) -> Fraction:
    """Nine decimals, a half down; not below 0."""
    return Fraction(ceil(value * 10**9 - Fraction(1, 2)), 10**9)


def wilson(wins: Fraction, decided: Fraction) -> Fraction | None:
    if not decided:
        return None
    with localcontext(prec=60):
        z, n = Decimal("1.959963984540054"), Decimal(int(decided))
        p = Decimal(int(wins)) / n
        spread = (p * (1 - p) / n + z * z / (4 * n * n)).sqrt()
        low = (p + z * z / (2 * n) - z * spread) / (1 + z * z / n)
        return max(Fraction(0), Fraction(100 * low))


def square_root(x: Fraction) -> Fraction:
    with localcontext(prec=80):
        return Fraction((Decimal(x.numerator) / Decimal(x.denominator)).sqrt())


def _of_known(of: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    def of_known(values: list[Any]) -> Any:
        known = [value for value in values if value is not None]
        return of(known) if known else None

    return of_known


_AGGREGATES: Mapping[str, Callable[[list[Any]], Any]] = {
    "sum": lambda values: sum((v for v in values if v is not None), Fraction(0)),
    "sum_known": _of_known(sum),
    "sum_largest_3": _of_known(lambda values: sum(sorted(values)[-3:])),
    "count": lambda values: Fraction(len(values)),
    "max": _of_known(max),
    "min": _of_known(min),
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "each": list,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "between": lambda x, low, high: min(max(x, low), high),
    "sqrt": square_root,
    "floor": lambda x: Fraction(floor(x)),
    "clip": lambda x: min(max(x, Fraction(0)), Fraction(100)),
    "days": lambda x: Fraction(x) * DAY,
    "hours": lambda x: Fraction(x, 3_600 * 10**6),
    "whole_days": lambda x: Fraction(max(1, ceil(Fraction(x, DAY)))),
    "round_half_down": half_down,
    "wilson": wilson,
}

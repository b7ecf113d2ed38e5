"""The branch of one figure: it, and all that its formula leads to."""

import ast
import difflib
from collections.abc import Iterator

from smart_trader.domain.evidence.figures import Block, Figure
from smart_trader.errors import UsageError

_Wanted = set[tuple[str, str]]
"""Kinds of blocks, each with the name of a figure; an empty one where only the blocks count."""

_LABELS = {
    "token": ("decimals", "scale"),
    "sale": ("block_time", "quantity_raw"),
    "piece": ("acquired_at", "units"),
    "lot": ("acquired_at", "remaining_raw"),
    "followed_buy": ("block_time", "quantity_raw"),
    "followed_sale": ("block_time", "quantity_raw"),
    "followed_piece": ("units",),
    "trade": ("side", "block_time", "quantity_raw"),
    "money": ("asset", "amount_raw", "price", "worth_usd"),
    "row": ("tx_hash", "source", "fetched_at", "batch_id", "raw"),
    "leg": ("mint", "symbol", "units", "price", "change_raw"),
    "tier": ("name",),
    "gate": ("name",),
}
"""Figures without which nobody could tell the blocks of a kind apart."""


def branch(root: Block, name: str) -> Block:
    """`root` with the topmost figure of that name and what leads to it alone. Raises UsageError if there is none."""
    top = next((block for block in _by_level(root) if any(figure.name == name for figure in block.figures)), None)
    if top is None:
        names = sorted({figure.name for block in _all(root) for figure in block.figures})
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"the nearest is {near[0]}" if near else "without --figure all are shown"
        raise UsageError(f"there is no figure {name[:80]!r} here; {hint}. Nothing was changed.")
    wanted: _Wanted = {(top.kind, name)}
    paths = list(_paths(root, ()))
    while True:
        wanted |= {(kind, label) for kind, _ in set(wanted) for label in _LABELS.get(kind, ())}
        found = {one for path in paths for one in _inputs(path, wanted)}
        if found <= wanted:
            return _pruned(root, wanted) or root
        wanted |= found


def _by_level(root: Block) -> Iterator[Block]:
    level = [root]
    while level:
        yield from level
        level = [block for above in level for block in above.blocks]


def _all(root: Block) -> Iterator[Block]:
    yield root
    for block in root.blocks:
        yield from _all(block)


def _paths(block: Block, above: tuple[Block, ...]) -> Iterator[tuple[Block, ...]]:
    """Each block with those around it, the outermost first."""
    path = (*above, block)
    yield path
    for inner in block.blocks:
        yield from _paths(inner, path)


def _inputs(path: tuple[Block, ...], wanted: _Wanted) -> Iterator[tuple[str, str]]:
    """What the wanted figures of the last block of `path` are computed from."""
    *_, block = path
    for figure in block.figures:
        if figure.formula and (block.kind, figure.name) in wanted:
            yield from _names_in(figure, path)


def _names_in(figure: Figure, path: tuple[Block, ...]) -> Iterator[tuple[str, str]]:
    *_, block = path
    for node in ast.walk(ast.parse(figure.formula, mode="eval")):
        match node:
            case (
                ast.Attribute(value=ast.Name(id=kind), attr=name)
                | ast.Attribute(value=ast.Attribute(attr=kind), attr=name)
            ):
                yield (block.links[kind][0] if kind in block.links else kind, name)
            case ast.Name(id=name):
                around = next((one for one in reversed(path) if any(f.name == name for f in one.figures)), None)
                yield (name, "") if around is None else (around.kind, name)
            case ast.Call(func=ast.Name(id="setting"), args=[ast.Constant(value=str(key))]):
                yield "settings", key


def _pruned(block: Block, wanted: _Wanted) -> Block | None:
    figures = [figure for figure in block.figures if (block.kind, figure.name) in wanted]
    below = [left for inner in block.blocks if (left := _pruned(inner, wanted)) is not None]
    is_counted = (block.kind, "") in wanted
    return Block(block.kind, block.name, figures, below, block.links) if figures or below or is_counted else None

"""A word that several files use stands in one enumeration; no other file spells it out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import smart_trader

ROOT = Path(smart_trader.__file__).parent
OTHER_MEANINGS = {
    "csv": "",
    "down": "",
    "entered": "run/",
    "failed": "run/summary",
    "gained": "report/",
    "holders": "",
    "html": "",
    "json": "",
    "left": "",
    "newest": ("domain/", "jobs/report", "report/"),
    "none": "",
    "pnl": "",
    "ranked": "domain/invariants/",
    "realized": ("domain/pnl/", "domain/evidence/"),
    "recommended": "",
    "rejected": ("run/summary", "report/exports", "domain/invariants/trading", "domain/foundation/ingestion"),
    "score": "report/",
    "skilled": "run/demo",
    "text": ("launch/", "messages"),
    "too_large": "domain/invariants/",
    "total": "run/",
    "transactions": "",
    "up": "",
    "volume_usd": ("domain/", "io/birdeye/", "report/explained_tables"),
}
"""Words that also mean something else (a join, a style, a column, a heading, a section of the settings), and in which
modules they do."""
QUOTED = re.compile(r"'(\w+)'")
"""Words in a text of SQL."""


def modules() -> dict[str, ast.Module]:
    """The syntax of each module by its path."""
    return {
        path.relative_to(ROOT).with_suffix("").as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(ROOT.rglob("*.py"))
        if "simulator" not in path.parts  # it imports nothing of what it tests, so it has words of its own
    }


def words_of(enumeration: ast.ClassDef) -> set[str]:
    values = (line.value for line in enumeration.body if isinstance(line, ast.Assign))
    return {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}


def enumerations(tree: ast.Module) -> Iterator[ast.ClassDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "StrEnum" for base in node.bases):
            yield node


def spelled_out(tree: ast.Module, words: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Words of enumerations in the texts of a module, each with its line; docstrings are not among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):  # a docstring
            node.value = ast.Constant(None)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for word in (node.value, *QUOTED.findall(node.value)):
                if word in words:
                    yield word, node.lineno


def test_no_module_spells_out_a_word_of_an_enumeration() -> None:
    trees = modules()
    declared = {name: {word for each in enumerations(tree) for word in words_of(each)} for name, tree in trees.items()}
    words = frozenset().union(*declared.values())
    found = [
        f"{name}:{line} {word}"
        for name, tree in trees.items()
        for word, line in spelled_out(tree, words)
        if word not in declared[name] and not (word in OTHER_MEANINGS and name.startswith(OTHER_MEANINGS[word]))
    ]
    assert not found

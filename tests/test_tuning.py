"""What is done for speed alone: each item says what it is worth, and all of it can be left out."""

import ast
import inspect
from collections.abc import Iterator

from smart_trader import tuning
from tests.lake import ROOT

DEFAULTS = (ROOT / "conf" / "spark-defaults.conf").read_text("utf-8")
COMBINED = {"SWITCH", "is_on", "large_run", "java_options", "spark_confs", "plain_defaults"}
"""What is no item, but the switch, or some items together."""


def names_in(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines() if line and not line.startswith("#")]


def described() -> Iterator[tuple[str, str]]:
    """Each public name of the module, with its docstring."""
    body = ast.parse(inspect.getsource(tuning)).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef):
            yield node.name, ast.get_docstring(node) or ""
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = after.value if isinstance(after, ast.Expr) else None
            yield node.targets[0].id, str(text.value) if isinstance(text, ast.Constant) else ""


def test_each_item_says_what_it_gains_since_when_it_holds_and_how_to_go_without_it() -> None:
    items = {name: text for name, text in described() if not name.startswith("_") and name not in COMBINED}
    assert len(items) > 15
    for name, text in items.items():
        assert [word for word in ("gain", "since", "off") if f"\n{word:7}" not in f"\n{text}"] == [], name


def test_what_is_for_speed_is_left_out_of_sparks_properties_and_nothing_else() -> None:
    names, left = names_in(DEFAULTS), names_in(tuning.plain_defaults(DEFAULTS))
    for start in tuning._LINES:
        assert any(name.startswith(start) for name in names), f"{start} is not in conf/spark-defaults.conf"
    assert left == [name for name in names if not name.startswith(tuning._LINES)]
    assert {"spark.sql.extensions", "spark.sql.ansi.enabled", "spark.serializer.objectStreamReset"} <= set(left)

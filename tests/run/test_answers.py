"""Answers to questions to the time series as text, CSV and JSON."""

import csv
import io
import json
import math
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smart_trader.run.answers import Answer, as_csv, as_json, as_text

AT = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
ROW = {
    "timestamp": AT,
    "strategy_id": "s, the first",
    "signal_value": 0.1 + 0.2,
    "dte": 0,
    "acted_upon": True,
    "acted_at": AT.replace(microsecond=5),
    "regime": None,
    "source": '=HYPERLINK("x")\n2',
    "date": date(2026, 1, 5),
    "batch_id": "run-1",
}
NAMES = list(ROW)
FIGURES = [{"strategy_id": None, "count": 1_234_567, "median_seconds": 1e-06}]


def answer(*rows: Any, version: Any = 3, figures: Any = FIGURES) -> Answer:
    return Answer("audit", version, NAMES, iter(rows), figures)


def test_json_is_one_exact_document() -> None:
    assert json.loads("\n".join(as_json(answer(ROW, ROW)))) == {
        "query": "audit",
        "version": 3,
        "rows": [
            ROW
            | {
                "timestamp": "2026-01-05T14:30:00Z",
                "acted_at": "2026-01-05T14:30:00.000005Z",
                "date": "2026-01-05",
            }
        ]
        * 2,
        "summary": FIGURES,
    }


def test_an_answer_without_rows_is_a_document_too() -> None:
    found = json.loads("\n".join(as_json(answer(version={"a": 1, "b": None}, figures=[]))))
    assert found == {"query": "audit", "version": {"a": 1, "b": None}, "rows": [], "summary": []}
    assert list(as_csv(NAMES, [])) == [",".join(NAMES)]


def test_csv_has_each_value_and_marks_formulas() -> None:
    header, row = csv.reader(io.StringIO("\n".join(as_csv(NAMES, [ROW])), newline=""))
    assert dict(zip(header, row, strict=True)) == {
        "timestamp": "2026-01-05T14:30:00Z",
        "strategy_id": "s, the first",
        "signal_value": "0.30000000000000004",
        "dte": "0",
        "acted_upon": "true",
        "acted_at": "2026-01-05T14:30:00.000005Z",
        "regime": "",
        "source": '\'=HYPERLINK("x")\n2',
        "date": "2026-01-05",
        "batch_id": "run-1",
    }


cells = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(cells, numbers), max_size=4))
def test_what_csv_and_json_say_is_what_was_stored(stored: list[tuple[str, float]]) -> None:
    rows = [{"text": text, "number": value} for text, value in stored]
    _, *read = csv.reader(io.StringIO("\r\n".join(as_csv(["text", "number"], rows)), newline=""))
    assert [(text.removeprefix("'"), math.copysign(1, float(value)), float(value)) for text, value in read] == [
        (text.removeprefix("'"), math.copysign(1, value), value) for text, value in stored
    ]
    assert not [text for text, _ in read if text.startswith(("=", "+", "-", "@"))]
    document = json.loads("\n".join(as_json(Answer("range", 0, ["text", "number"], rows, []))))
    assert list(map(repr, document["rows"])) == list(map(repr, rows))


def test_text_shows_what_fits_and_the_figures() -> None:
    shown = "\n".join(as_text(answer(ROW, ROW, ROW), most=2))
    assert shown.startswith("audit, version 3\n\ntimestamp ")
    assert shown.count("2026-01-05T14:30:00Z") == 2 and "... and more" in shown
    assert "regime" not in shown and "batch_id" not in shown and '"x")\n2' not in shown
    assert shown.endswith(f"strategy_id  count    median_seconds\n{'-' * 36}\n-            1234567  1e-06")


def test_text_of_nothing() -> None:
    assert list(as_text(answer(version=None, figures=[]), most=50)) == [
        "audit, nothing was ingested yet",
        "",
        "no rows",
    ]
    both = {"foundation.performance_metrics": 4, "foundation.market_regimes": None}
    assert next(as_text(answer(version=both), most=50)) == "audit, foundation.performance_metrics version 4"

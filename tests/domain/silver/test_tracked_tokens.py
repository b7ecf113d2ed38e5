"""Which tokens are tracked, what a newer snapshot changes, and whose holders are due."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain.bronze import token_metrics
from smart_trader.domain.bronze.snapshots import newest_snapshots
from smart_trader.domain.silver.tracked_tokens import TABLE, due_tokens, judge_tokens, still_tracked
from tests.frames import collected, frame

NOW = datetime(2026, 1, 20, 9, tzinfo=UTC)
TODAY, YESTERDAY, TOMORROW = (NOW.date() + timedelta(days=days) for days in (0, -1, 1))
LEAST = Decimal(100_000)

LIQUIDITIES = {
    "1000000.00": "HIGH",
    "999999.99": "MEDIUM",
    "599921.27": "MEDIUM",
    "580656.99": "MEDIUM",
    "500000.00": "MEDIUM",
    "499999.99": "LOW",
    "419586.18": "LOW",
    "224553.00": "LOW",
    "100000.00": "LOW",
    "99999.99": None,
}
"""The tier of each; None is not tracked."""
COMPLETED = {
    "whale_fetch_status": "completed",
    "whale_fetched_at": NOW - timedelta(hours=5),
    "is_newly_tracked": False,
    "attempts": 0,
    "last_error": None,
}
NEW = {
    "whale_fetch_status": "pending",
    "whale_fetched_at": None,
    "is_newly_tracked": True,
    "attempts": 0,
    "last_error": None,
}
Judged = Mapping[str, Mapping[str, Any]]


def snapshot(token: str, liquidity: str | None, **fields: Any) -> dict[str, Any]:
    return {
        "token_address": token,
        "symbol": "S",
        "price": Decimal(1),
        "liquidity": liquidity and Decimal(liquidity),
        "processing_date": TODAY,
        "batch_id": "b1",
        "ingested_at": NOW,
    } | fields


SNAPSHOTS = (
    *(snapshot(liquidity, liquidity, decimals=6) for liquidity in LIQUIDITIES),
    snapshot("unknown", None),
    snapshot("no symbol", "300000", symbol=None),
    snapshot("blank symbol", "300000", symbol=" "),
    snapshot("no price", "300000", price=None),
    snapshot("worthless", "300000", price=Decimal(0)),
    snapshot("lost its price", "300000", price=None),
    snapshot("kept", "600000", batch_id="b2", price=Decimal("0.5")),
    snapshot("fallen", "99999.99"),
    snapshot("gone blank", None),
    snapshot("faded", "2000000", processing_date=YESTERDAY),
    snapshot("faded", "99999.99", batch_id="b0"),
    snapshot("twice today", "50000", ingested_at=NOW + timedelta(seconds=1)),
    snapshot("twice today", "900000", batch_id="b9"),
    snapshot("from the future", "300000"),
    snapshot("from the future", "99999.99", processing_date=TOMORROW, batch_id="b2"),
    snapshot("half a cent", "100000", fdv=Decimal("100.01"), holder=2),
    snapshot("no holder", "100000", fdv=Decimal(100), holder=0),
    snapshot("holders unknown", "100000", fdv=Decimal(100)),
    snapshot("fdv unknown", "100000", holder=3),
)
TRACKED = (
    {"token_address": "kept", "liquidity": Decimal(150_000), "bronze_batch_id": "b1", **COMPLETED},
    {"token_address": "fallen", "liquidity": Decimal(150_000), **NEW, "attempts": 2, "last_error": "404"},
    {"token_address": "gone blank", "liquidity": Decimal(150_000), **COMPLETED},
    {"token_address": "lost its price", "liquidity": Decimal(150_000), "price": Decimal(1), **COMPLETED},
    {"token_address": "not in the list", "liquidity": Decimal(150_000), **COMPLETED},
)


@pytest.fixture(scope="module")
def judged(spark: SparkSession) -> Judged:
    newest = newest_snapshots(frame(spark, token_metrics.TABLE, *SNAPSHOTS), until=TODAY)
    rows = collected(judge_tokens(newest, frame(spark, TABLE, *TRACKED), LEAST))
    assert len({row["token_address"] for row in rows}) == len(rows)
    assert all(list(row) == list(TABLE.column_names) for row in rows)
    return {row["token_address"]: row for row in rows}


def state(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in NEW}


@pytest.mark.parametrize(("liquidity", "tier"), LIQUIDITIES.items())
def test_a_token_is_tracked_from_its_threshold_on_in_the_tier_of_its_liquidity(
    judged: Judged, liquidity: str, tier: str | None
) -> None:
    row = judged.get(liquidity)
    assert (row and row["liquidity_tier"]) == tier
    assert row is None or (state(row), row["liquidity"]) == (NEW, Decimal(liquidity))


def test_a_token_of_unknown_liquidity_is_not_tracked(judged: Judged) -> None:
    assert "unknown" not in judged


def test_a_token_without_symbol_or_price_is_not_tracked_and_keeps_its_row_if_it_was(judged: Judged) -> None:
    assert not {"no symbol", "blank symbol", "no price", "worthless"} & judged.keys()
    row = judged["lost its price"]
    assert (row["price"], row["liquidity_tier"], state(row)) == (None, "LOW", COMPLETED)


def test_a_newer_snapshot_brings_its_figures_and_keeps_the_state(judged: Judged) -> None:
    row = judged["kept"]
    assert (row["liquidity"], row["price"], row["bronze_batch_id"]) == (Decimal(600_000), Decimal("0.5"), "b2")
    assert state(row) == COMPLETED


def test_a_fallen_token_keeps_its_row_and_state(judged: Judged) -> None:
    for token, liquidity in (("fallen", Decimal("99999.99")), ("gone blank", None)):
        assert (judged[token]["liquidity"], judged[token]["liquidity_tier"]) == (liquidity, "MINIMAL")
    assert state(judged["fallen"]) == NEW | {"attempts": 2, "last_error": "404"}
    assert state(judged["gone blank"]) == COMPLETED


def test_only_tokens_with_a_snapshot_are_judged(judged: Judged) -> None:
    assert "not in the list" not in judged


def test_the_newest_snapshot_alone_decides(judged: Judged) -> None:
    assert "faded" not in judged
    assert "twice today" not in judged
    assert judged["from the future"]["processing_date"] == TODAY


@pytest.mark.parametrize(
    ("token", "worth"),
    [("half a cent", Decimal("50.01")), ("no holder", None), ("holders unknown", None), ("fdv unknown", None)],
)
def test_value_per_holder_is_rounded_half_up_and_unknown_without_holders(
    judged: Judged, token: str, worth: Decimal | None
) -> None:
    assert judged[token]["fdv_per_holder"] == worth


def test_what_is_due_and_in_which_order(spark: SparkSession) -> None:
    def token(name: str, hours_ago: int | None, **fields: Any) -> dict[str, Any]:
        fetched_at = None if hours_ago is None else NOW - timedelta(hours=hours_ago)
        status = "pending" if hours_ago is None else "completed"
        return {
            "token_address": name,
            "symbol": "S",
            "price": Decimal(1),
            "liquidity": LEAST,
            "processing_date": TODAY,
            "whale_fetch_status": status,
            "whale_fetched_at": fetched_at,
        } | fields

    tracked = frame(
        spark,
        TABLE,
        token("after 72 h", 72),
        token("after 71 h", 71),
        token("by hand", 1, whale_fetch_status="pending"),
        token("new b", None),
        token("new a", None, processing_date=TODAY - timedelta(days=14)),
        token("longest ago", 400),
        token("too old", None, processing_date=TODAY - timedelta(days=15)),
        token("from the future", None, processing_date=TOMORROW),
        token("fallen", None, liquidity=Decimal("99999.99")),
        token("gone blank", None, liquidity=None),
        token("lost its price", None, price=None),
        token("lost its symbol", None, symbol=None),
    )

    live = still_tracked(tracked, as_of=NOW, min_liquidity_usd=LEAST, max_age_days=14)
    due = due_tokens(live, as_of=NOW, refresh_hours=72)

    assert [row["token_address"] for row in collected(due)] == [
        "new a",
        "new b",
        "longest ago",
        "after 72 h",
        "by hand",
    ]

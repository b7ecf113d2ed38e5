"""What a wallet knows of units, in Spark; tests/domain/pnl/test_engine.py compares it with the oracle."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pyspark.sql import SparkSession

from smart_trader.domain.silver import units

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY = ", ".join(
    [
        "wallet_address string, event_id string, block_time timestamp, block_number long, ins_index int",
        "inner_ins_index int",
        *(
            f"{side}_address string, {side}_decimals int, {side}_multiplier decimal(38,18)"
            for side in ("base", "quote")
        ),
    ]
)


def row(day: int, mint: str, decimals: int | None, multiplier: str | None = None, wallet: str = "w") -> tuple[Any, ...]:
    token = (mint, decimals, multiplier and Decimal(multiplier))
    return (wallet, f"{mint}{day}", FIRST + timedelta(days=day), None, 0, None, *token, "money", 6, None)


def known(spark: SparkSession, rows: Sequence[tuple[Any, ...]]) -> tuple[set[str], dict[str, dict[str, Any]]]:
    """The unclear mints, and of each wallet what it knows of them."""
    history = spark.createDataFrame(list(rows), HISTORY)
    listed = spark.createDataFrame([("none", 5), ("two", 1)], "token_address string, decimals int")
    unclear = {found.token_address for found in units.unclear_mints(history, ["money"]).collect()}
    wallets = history.select("wallet_address").distinct()
    found = units.with_units(wallets, history, sorted(unclear), listed).collect()
    return unclear, {found_row.wallet_address: found_row.asDict(recursive=True) for found_row in found}


def test_only_mints_that_rows_disagree_about_are_looked_up(spark: SparkSession) -> None:
    rows = [
        *(row(1, "alike", 6), row(2, "alike", 6)),
        *(row(1, "two", 6), row(2, "two", 7), row(0, "two", 7), row(9, "two", None), row(3, "two", 6)),
        *(row(1, "none", None), row(1, "none", None, wallet="other"), row(1, "nowhere", None)),
        *(row(1, "scaled", 8, "0"), row(2, "scaled", 8, "10"), row(3, "scaled", 8, "0"), row(4, "scaled", 8)),
        *(row(1, "unscalable", 8, "0"), row(1, "two", 9, wallet="other")),
    ]
    unclear, of_wallets = known(spark, rows)
    assert unclear == {"two", "none", "nowhere", "scaled", "unscalable"}
    second = int((FIRST + timedelta(days=2)).timestamp()) * 10**6
    assert {tuple(unit.values()) for unit in of_wallets["w"]["units"]} == {
        ("two", 6, None, None),
        ("none", 5, None, None),
        ("nowhere", None, None, None),
        ("scaled", 8, Decimal(10), second),
        ("unscalable", 8, Decimal(0), 0),
    }
    assert {tuple(unit.values())[:2] for unit in of_wallets["other"]["units"]} == {("two", 9), ("none", 5)}
    nearest = {(given["event_id"], given["multiplier"]) for given in of_wallets["w"]["multipliers"]}
    assert nearest == {("scaled1", Decimal(10)), ("scaled3", Decimal(10))}
    assert of_wallets["other"]["multipliers"] is None


def test_a_late_row_changes_the_majority(spark: SparkSession) -> None:
    rows = [row(1, "token", 6), row(2, "token", 9)]
    for more, decimals in (([], 9), ([row(0, "token", 6)], 6), ([row(0, "token", 6), row(3, "token", 9)], 9)):
        _, of_wallets = known(spark, [*rows, *more])
        assert [unit["decimals"] for unit in of_wallets["w"]["units"]] == [decimals]


def test_a_wallet_without_unclear_mints_knows_nothing(spark: SparkSession) -> None:
    unclear, of_wallets = known(spark, [row(1, "alike", 6)])
    assert (unclear, of_wallets["w"]["units"], of_wallets["w"]["multipliers"]) == (set(), None, None)

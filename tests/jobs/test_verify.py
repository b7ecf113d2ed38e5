"""verify: what it says of rankings on real tables, after their cells, their files and their history were changed."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from smart_trader import failpoints
from smart_trader.domain.gold import rank_history, rankings, smart_traders
from smart_trader.domain.invariants import rankings as rules
from smart_trader.domain.silver import realized_sales, tracked_whales, trades, wallet_pnl
from smart_trader.domain.tables.table import Table
from smart_trader.errors import QualityError
from smart_trader.failpoints import FailpointReached
from smart_trader.run.ranking import digest
from tests.damage import change_files, rewrite
from tests.domain.gold.portfolios import NOW, portfolio
from tests.frames import collected, frame
from tests.lake import Lake

PNL, HISTORY, RANKINGS = wallet_pnl.TABLE, rank_history.TABLE, rankings.TABLE
LATER = NOW + timedelta(days=1)
TIMES = ("2026-01-20T09:00:00Z", "2026-01-21T09:00:00Z")
WALLETS = {"first": 900, "second": 500, "third": 20}


def figures(**changed: int) -> list[dict[str, Any]]:
    """Rows of silver.wallet_pnl: each wallet with three decided tokens, of which one is dead."""
    rows = []
    for wallet, pnl in (WALLETS | changed).items():
        rows.append(portfolio(wallet, realized_pnl=Decimal(pnl)))
        for nth, result in enumerate((pnl, -7, 3)):
            won = {"winning_tokens": int(result > 0), "losing_tokens": int(result < 0)}
            known = {"trusted_pnl": Decimal(result), "trusted_cost_of_sold": Decimal(50)}
            left = {"current_position_cost_basis": Decimal(5 if nth == 1 else 0)}
            rows.append(portfolio(wallet, token_address=f"T{nth}", **won, **known, **left))
    return rows


def compute(lake: Lake, rows: list[dict[str, Any]]) -> None:
    full = [dict.fromkeys(PNL.column_names) | row for row in rows]
    with lake.tables.committing_as("silver_pnl", "test"):
        lake.tables.overwrite(PNL, lake.tables.frame(PNL.own_schema, full))


def minimal(table: Table, **values: Any) -> dict[str, Any]:
    """A row of `table` with something in every column that must not be null."""
    empty = {"string": "x", "bigint": 0, "int": 0, "boolean": False, "timestamp": NOW, "array<string>": ["x"]}
    return {c.name: empty.get(c.type.simpleString(), Decimal(0)) for c in table.columns if not c.nullable} | values


@pytest.fixture(scope="module")
def two_rankings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with a ranking of the day before and one that was made of other figures."""
    lake = Lake(spark, tmp_path_factory.mktemp("ranked") / "lake")
    for table, extra in ((trades.TABLE, {"side": "BUY"}), (realized_sales.TABLE, {"realized_pnl_usd": Decimal(9)})):
        quantity = {"quantity_raw": Decimal(10), "value_source": "sol", "price_check": "ok"}
        rows = [
            minimal(table, trade_id=f"{wallet} {nth}", wallet_address=wallet, token_address=f"T{nth}", **extra)
            for wallet in WALLETS
            for nth in range(4)
        ]
        names = set(table.column_names)
        lake.fill(table, [row | {k: v for k, v in quantity.items() if k in names} | _parts(table) for row in rows])
    classes = [
        minimal(tracked_whales.TABLE, whale_id=wallet, wallet_address=wallet, wallet_class="person")
        | {"txns_fetch_status": "pending", "pnl_processing_status": "pending", "whale_tier": "SMALL"}
        for wallet in WALLETS
    ]
    lake.fill(tracked_whales.TABLE, classes)
    compute(lake, figures())
    lake.run("gold_traders", as_of=NOW)
    compute(lake, figures(second=950, third=0))
    lake.run("gold_traders", as_of=LATER)
    return lake


def _parts(table: Table) -> dict[str, Any]:
    return {"matched_raw": Decimal(3), "unmatched_raw": Decimal(7)} if table is realized_sales.TABLE else {}


@pytest.fixture
def copied(two_rankings: Lake, spark: SparkSession, tmp_path: Path) -> Callable[[], Lake]:
    return lambda: Lake(spark, Path(shutil.copytree(two_rankings.root, tmp_path / "lake")))


def verify(lake: Lake, **options: Any) -> dict[str, Any]:
    """Outcomes by the time of the ranking, and the cells that differ. A failed check ends the job, and not the test."""
    try:
        lake.run("verify", as_of=LATER, **options)
    except QualityError as bad:
        assert "not as certified" in str(bad)
    document = lake.report.document
    assert document is not None
    return {one["ranked_at"]: one["outcome"] for one in document["rankings"]} | {"cells": document["cells"]}


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}"
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def plain_digest(rows: list[dict[str, Any]], columns: str) -> str:
    """The digest as the contract says it, by a reader that knows nothing of Spark."""
    names = columns.split("|")
    ordered = sorted(rows, key=lambda row: row["wallet_address"].encode())
    lines = [columns, *("|".join(as_text(row[name]) for name in names) for row in ordered)]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def test_rankings_are_certified_and_verified_as_the_contract_says(two_rankings: Lake) -> None:
    lake = two_rankings
    assert verify(lake) == {TIMES[1]: ["verified"], "cells": []}
    assert verify(lake, all=True) == {at: ["verified"] for at in TIMES} | {"cells": []}
    stored = DeltaTable(lake.root / HISTORY.path).to_pyarrow_table().to_pylist()
    certificates = DeltaTable(lake.root / RANKINGS.path).to_pyarrow_table().sort_by("ranked_at").to_pylist()
    for certificate, at in zip(certificates, (NOW, LATER), strict=True):
        rows = [row for row in stored if row["ranked_at"] == at]
        names = sorted(name for name in rows[0] if name not in ("batch_id", "ingested_at"))
        assert certificate["columns"] == "|".join(names)
        assert certificate["digest"] == plain_digest(rows, certificate["columns"])
        assert (certificate["wallets"], certificate["recommended"]) == (len(rows), sum(r["recommended"] for r in rows))
        assert '"ranking.order":"score"' in certificate["settings"]
    assert {row["skill_rank"] for row in stored} == {1, 2, 3}


def test_a_sound_ranking_breaks_no_rule_and_a_certificate_of_other_counts_does(two_rankings: Lake) -> None:
    lake = two_rankings
    history, certificates = lake.tables.read(HISTORY), lake.tables.read(RANKINGS)
    others = certificates.withColumn("recommended", F.col("recommended") + 1)
    wanted = (
        (rules.examine_ranks(lake.tables.read(smart_traders.TABLE), history), 0),
        (rules.examine_certificates(certificates, history), 0),
        (rules.examine_certificates(others, history), 2),
        (rules.examine_certificates(certificates, history.where("overall_rank > 1")), 2),
    )
    for examination, broken in wanted:
        assert sum(examination.count().collect()[0]) == broken


def test_a_changed_cell_is_named_and_a_removed_certificate_too(copied: Callable[[], Lake]) -> None:
    lake = copied()
    value = Decimal("12.345678")

    def changed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | ({"win_rate": value} if row["wallet_address"] == "second" else {}) for row in rows]

    change_files(lake, HISTORY, lambda rows: changed(rows) if any(r["ranked_at"] == NOW for r in rows) else rows)
    rewrite(lake, RANKINGS, lambda rows: [row for row in rows if row["ranked_at"] == NOW])

    found = verify(lake, all=True)

    assert {at: found[at] for at in TIMES} == {TIMES[0]: ["digest differs", "rows differ"], TIMES[1]: ["not certified"]}
    cell = {"ranked_at": TIMES[0], "wallet": "second", "column": "win_rate"}
    assert found["cells"] == [cell | {"stored": "12.345678", "again": "60.000000"}]
    with pytest.raises(QualityError, match=rf"no ranking of .*; the nearest is of {TIMES[1]}"):
        lake.run("verify", as_of=LATER, ranked_at=LATER + timedelta(days=9))


def test_a_changed_file_of_a_named_version_is_found_though_the_ranking_is_as_certified(
    copied: Callable[[], Lake],
) -> None:
    lake = copied()
    sold = {"realized_pnl": Decimal(0), "trusted_pnl": Decimal(0), "trusted_win_rate": Decimal(0)}

    def changed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        is_it = [row["wallet_address"] == "first" and row["token_address"] == "ALL_TOKENS" for row in rows]
        return [row | (sold if it else {}) for row, it in zip(rows, is_it, strict=True)]

    change_files(lake, PNL, changed)
    found = verify(lake)
    assert found[TIMES[1]] == ["rows differ"]
    gone = {"ranked_at": TIMES[1], "wallet": "first", "column": "wallet_address", "stored": "first", "again": None}
    assert gone in found["cells"]


def test_a_version_beyond_the_retention_is_too_old_and_its_digest_still_counts(copied: Callable[[], Lake]) -> None:
    lake = copied()
    delta = DeltaTable(lake.root / PNL.path)
    delta.create_checkpoint()
    for file in (lake.root / PNL.path / "_delta_log").glob("*.json"):
        if int(file.stem) < delta.version():
            file.unlink()
    rewrite(lake, RANKINGS, lambda rows: [row | {"code_version": "0.0.9"} for row in rows])

    assert verify(lake, all=True) == {at: ["too old to compute"] for at in TIMES} | {"cells": []}
    assert lake.report.document is not None
    assert {one["other_code_version"] for one in lake.report.document["rankings"]} == {"0.0.9"}

    rewrite(lake, RANKINGS, lambda rows: [row | {"digest": "0"} for row in rows])
    assert verify(lake)[TIMES[1]] == ["digest differs"]


def test_a_ranking_that_was_stopped_before_its_certificate_gets_it_at_the_next_run(
    copied: Callable[[], Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, later = copied(), LATER + timedelta(hours=6)
    compute(lake, figures(third=70))
    monkeypatch.setattr(
        failpoints, "plan", lambda point: "raise" if point.endswith("after_commit:gold.rank_history") else None
    )
    with pytest.raises(FailpointReached):
        lake.run("gold_traders", as_of=LATER)
    monkeypatch.undo()
    assert verify(lake)[TIMES[1]] == ["not certified"], "the certificate of the ranking that it replaces is gone"

    lake.run("gold_traders", as_of=later)

    assert verify(lake, all=True) == {at: ["verified"] for at in TIMES} | {"cells": []}
    before = lake.versions()
    lake.run("gold_traders", as_of=later)
    assert lake.versions() == before


def test_restoring_the_history_takes_the_certificates_with_it(copied: Callable[[], Lake]) -> None:
    lake = copied()
    commits = lake.run("history", as_of=LATER, table=HISTORY.name)["history"].document
    assert commits is not None
    first = min(int(one["version"]) for one in commits["commits"] if one["operation"] == "WRITE")
    lake.run("restore", as_of=LATER, table=HISTORY.name, version=first, yes=True)
    assert "the rows of 1 rankings in gold.rankings" in lake.report.notes[0]
    assert verify(lake, all=True) == {TIMES[0]: ["verified"], "cells": []}


def test_a_changed_cell_of_any_column_changes_the_digest(spark: SparkSession) -> None:
    schema = HISTORY.own_schema
    nullable = replace(HISTORY, columns=tuple(replace(column, nullable=True) for column in HISTORY.columns))
    full = {
        "string": "x", "bigint": 7, "boolean": True, "date": NOW.date(), "timestamp": NOW,
        "decimal(9,4)": Decimal("0.0001"), "decimal(28,9)": Decimal("0E-9"),
        "decimal(38,6)": Decimal("-0.000001"), "decimal(18,6)": Decimal("1E+3"),
    }  # fmt: skip
    other = {
        "string": "y", "bigint": 8, "boolean": False, "date": LATER.date(),
        "timestamp": NOW + timedelta(microseconds=1), "decimal(9,4)": Decimal("0.0002"),
        "decimal(28,9)": Decimal("0.000000001"), "decimal(38,6)": Decimal("0.000001"), "decimal(18,6)": Decimal(0),
    }  # fmt: skip
    kinds = {field.name: field.dataType.simpleString() for field in schema}
    row, spoiled = ({name: values[kind] for name, kind in kinds.items()} for values in (full, other))
    columns = "|".join(rankings.CERTIFIED)
    rows = [row | {"wallet_address": wallet} for wallet in ("b", "Z", "é", "a")]

    def digests(changed: dict[str, Any]) -> set[str]:
        given = [*rows[:-1], rows[-1] | changed]
        made = frame(spark, nullable, *given)
        found = digest(made, rankings.CERTIFIED)
        assert found == plain_digest(collected(made), columns)
        return {found}

    seen = digests({})
    for name in kinds:
        for value in (spoiled[name], None) if name != "wallet_address" else (spoiled[name],):
            seen |= digests({name: value})
    assert len(seen) == 2 * len(kinds)

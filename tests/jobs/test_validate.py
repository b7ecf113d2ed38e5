"""validate: a sound lake passes in every state that a stopped run leaves, and each planted fault is found and named."""

import re
import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from smart_trader.domain import catalog
from smart_trader.domain.bronze import rejected_rows as bronze_rejected_rows
from smart_trader.domain.bronze import token_metrics, transaction_history, whale_holders
from smart_trader.domain.gold import rank_history, rankings, smart_traders
from smart_trader.domain.invariants.wallets import Rows as RowsOf
from smart_trader.domain.ops import runs
from smart_trader.domain.silver import (
    open_lots,
    realized_sales,
    rejected_rows,
    tracked_tokens,
    tracked_whales,
    trades,
    wallet_pnl,
)
from smart_trader.domain.tables import row_rules
from smart_trader.domain.tables.table import Table
from smart_trader.errors import QualityError, StorageError
from smart_trader.jobs import validate
from smart_trader.run.app import App
from tests.damage import commit, edit_first_commit, rewrite
from tests.filled import MARKET
from tests.lake import Lake
from tests.reliability import lakes


def validated(lake: Lake, command: str = "validate") -> dict[str, Any]:
    document = lake.run("validate", as_of=MARKET.now, command=command)["validate"].document
    assert document is not None
    return document


@pytest.fixture
def lake(copied: Callable[[str], Lake]) -> Lake:
    """A lake to be damaged."""
    return copied("lake")


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose wallets were looked up, once for each time."""
    look_up, runs = validate._rows_of_this_run, list[str]()

    def counted(app: App) -> RowsOf:
        runs.append(app.run_id)
        return look_up(app)

    monkeypatch.setattr(validate, "_rows_of_this_run", counted)
    return runs


def test_a_pipeline_that_works_on_one_wallet_asks_only_about_that_one(
    lake: Lake, tmp_path: Path, asked_for: list[str]
) -> None:
    """Days after the holders were fetched: the others are tracked too, but this run has not seen them."""
    ranked = [row.wallet_address for row in lake.rows(smart_traders.TABLE)]
    assert len(ranked) > 1
    (tmp_path / "wallets").write_text(ranked[0], "utf-8")
    given: dict[str, Any] = {"wallets": tmp_path / "wallets", "stage": "pnl", "as_of": MARKET.now + timedelta(days=1)}
    document = lake.run("requeue", "validate", command="pipeline", **given)["validate"].document
    assert document is not None and document["broken_rules"] == 0
    assert asked_for == [lake.run_id]


Rows = list[dict[str, Any]]
Change = Callable[[Rows], Any]
"""Damages a list of rows, or the rows in it."""


def a_row(wallet: str, **which: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda row: row["wallet_address"] == wallet and all(row[name] == value for name, value in which.items())


def put(rows: Rows, wallet: str, values: dict[str, Any], **which: Any) -> dict[str, Any]:
    """Set columns of one row, which is returned; a function is given what was there."""
    row = next(filter(a_row(wallet, **which), rows))
    row |= {name: value(row[name]) if callable(value) else value for name, value in values.items()}
    return row


def drop(rows: Rows, wallet: str, **which: Any) -> dict[str, Any]:
    row = next(filter(a_row(wallet, **which), rows))
    rows.remove(row)
    return row


def copy(rows: Rows, wallet: str, **values: Any) -> dict[str, Any]:
    row = next(filter(a_row(wallet), rows))
    rows.append(row | values)
    return row


def token_of(rows: Rows, wallet: str) -> str:
    named = (row["token_address"] for row in rows if row["wallet_address"] == wallet)
    return next(token for token in named if token != "ALL_TOKENS")


DIGIT = Decimal("1e-9")
TRADES, SALES, LOTS, PNL = trades.TABLE, realized_sales.TABLE, open_lots.TABLE, wallet_pnl.TABLE
WHALES, HISTORY = tracked_whales.TABLE, transaction_history.TABLE
GOLD, RUNS = (smart_traders.TABLE.name, rank_history.TABLE.name, rankings.TABLE.name), runs.TABLE
FAULTS: dict[tuple[Table, str], tuple[Table, Callable[[Rows, str], dict[str, Any]]]] = {
    (TRADES, "key_unique"): (TRADES, copy),
    (TRADES, "side_known"): (TRADES, lambda rows, w: put(rows, w, {"side": "HOLD"})),
    (TRADES, "rows_are_those_served"): (TRADES, lambda rows, w: put(rows, w, {"event_ids": lambda ids: [*ids, "x"]})),
    (SALES, "sale_is_that_of_its_trade"): (TRADES, lambda rows, w: drop(rows, w, side="SELL")),
    (PNL, "counts_are_those_of_the_rows"): (
        PNL,
        lambda rows, w: put(rows, w, {"arbitrage_tx_count": 10**9}, token_address="ALL_TOKENS"),
    ),
    (TRADES, "sale_has_its_result"): (SALES, drop),
    (SALES, "parts_add_up"): (SALES, lambda rows, w: put(rows, w, {"unmatched_raw": lambda raw: raw + 1})),
    (SALES, "costs_add_up"): (SALES, lambda rows, w: put(rows, w, {"cost_usd": lambda usd: (usd or 0) + DIGIT})),
    (LOTS, "lot_is_that_of_its_trade"): (LOTS, lambda rows, w: put(rows, w, {"bought_raw": lambda raw: raw + 1})),
    (LOTS, "bought_is_sold_or_left"): (LOTS, drop),
    (PNL, "figures_are_those_of_the_trades"): (
        PNL,
        lambda rows, w: put(rows, w, {"total_sold": lambda usd: usd + DIGIT}, token_address=token_of(rows, w)),
    ),
    (PNL, "portfolio_is_the_sum_of_its_tokens"): (
        PNL,
        lambda rows, w: put(rows, w, {"unmatched_proceeds": lambda usd: usd + DIGIT}, token_address="ALL_TOKENS"),
    ),
    (PNL, "counts_add_up"): (PNL, lambda rows, w: put(rows, w, {"buy_count": lambda count: count + 1})),
    (PNL, "total_adds_up"): (PNL, lambda rows, w: put(rows, w, {"total_pnl": lambda usd: usd + DIGIT})),
    (PNL, "trusted_counts_in_order"): (PNL, lambda rows, w: put(rows, w, {"trusted_winning_sales": 10**6})),
    (PNL, "trusted_is_not_better"): (PNL, lambda rows, w: put(rows, w, {"trusted_pnl": Decimal(10**9)})),
    (PNL, "trusted_ratio_in_range"): (PNL, lambda rows, w: put(rows, w, {"trusted_ratio": 1 + Decimal("1e-6")})),
    (PNL, "token_has_trades_and_figures"): (PNL, lambda rows, w: drop(rows, w, token_address=token_of(rows, w))),
    (WHALES, "figures_it_vouches_for_are_there"): (PNL, lambda rows, w: drop(rows, w, token_address="ALL_TOKENS")),
    (WHALES, "rows_it_vouches_for_are_there"): (HISTORY, drop),
    (WHALES, "state_is_the_same_on_all_rows"): (WHALES, lambda rows, w: copy(rows, w, whale_id=w, attempts=7)),
    (WHALES, "computed_has_class"): (WHALES, lambda rows, w: put(rows, w, {"wallet_class": None})),
}
"""The rule that must name a fault, and the fault: a table, and what is done to the rows of some wallet there."""


KEYED = (TRADES, SALES, LOTS, WHALES)
"""Tables whose key is no address."""
OF_A_ROW = ("key_unique", "side_known", "parts_add_up", "computed_has_class")
"""Rules that look at one row alone, and so name it by its key."""


def words(said: str) -> set[str]:
    """The parts of all examples."""
    return set(re.split(r"[ ,()]+", said))


def change(lake: Lake, table: Table, how: Change) -> None:
    """Damage rows in place; `how` changes the list or its rows."""

    def changed(rows: Rows) -> Rows:
        how(rows)
        return rows

    rewrite(lake, table, changed)


def found(lake: Lake, command: str = "validate") -> tuple[dict[tuple[str, str], str], str]:
    """The examples for each broken rule, and what the run says."""
    with pytest.raises(QualityError) as refused:
        validated(lake, command)
    text = str(refused.value)
    rules = text.partition("broken. ")[2].rpartition(". What they mean")[0]
    parts = [part.partition(": ") for part in rules.split("; ")]
    return {(name.split(" ")[0], name.split(" ")[1]): said for name, _, said in parts}, text


def not_served(wallet: str) -> dict[str, Any]:
    """A rejected row that bronze does not have."""
    text = dict.fromkeys(("event_id", "tx_hash", "detail"), "unknown")
    return {"wallet_address": wallet, "reason": "too_large", "raw": "{}", "rejected_at": MARKET.now} | text


def test_each_planted_fault_is_found_and_named(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_rules, "EXAMPLES", 1000)
    sellers = {row.wallet_address for row in lake.rows(SALES, "matched_raw > 0")}
    holders = sellers & {row.wallet_address for row in lake.rows(LOTS)}
    unharmed = sorted(sellers, key=lambda wallet: (wallet in holders, wallet))
    victims = {fault: unharmed.pop(-1 if table is LOTS else 0) for fault, (table, _) in FAULTS.items()}
    expected = {(table.name, rule): wallet for (table, rule), wallet in victims.items()}
    faults: dict[str, list[Callable[[Rows], Any]]] = defaultdict(list)
    for (of, rule), (table, damage) in FAULTS.items():

        def harm(rows: Rows, of: Table = of, rule: str = rule, damage: Any = damage) -> None:
            row = damage(rows, victims[of, rule])
            if rule in OF_A_ROW and of in KEYED:
                expected[of.name, rule] = row[of.key[0]]

        faults[table.name].append(harm)
    of_unharmed = {row[table.key[0]] for table in KEYED for row in lake.rows(table) if row.wallet_address in unharmed}

    faults[HISTORY.name].append(lambda rows: rows.append(rows[0] | {"wallet_address": "nobody", "event_id": "e"}))
    expected[HISTORY.name, "wallet_is_tracked"] = "nobody"
    token = lake.rows(tracked_tokens.TABLE)[0].token_address
    faults[tracked_tokens.TABLE.name].append(lambda rows: rows.pop(0))
    expected |= {(table.name, "token_is_tracked"): token for table in (whale_holders.TABLE, WHALES)}
    faults[token_metrics.TABLE.name].append(lambda rows: rows[0].update(processed_at=None))
    expected[token_metrics.TABLE.name, "processed_has_time"] = token
    miscounted = victims[PNL, "counts_are_those_of_the_rows"]
    lake.fill(rejected_rows.TABLE, [not_served(miscounted)])
    expected[rejected_rows.TABLE.name, "rows_are_those_served"] = miscounted
    ranked = [row.wallet_address for row in lake.tables.read(smart_traders.TABLE).orderBy("overall_rank").collect()]
    faults[smart_traders.TABLE.name] += [
        lambda rows: put(rows, ranked[3], {"win_rate": Decimal("1.5")}),
        lambda rows: put(rows, ranked[4], {"recommended": lambda value: not value}),
        lambda rows: put(rows, ranked[5], {"smart_trader_score": Decimal(100)}),
        lambda rows: drop(rows, ranked[6]),
    ]
    expected |= {
        (smart_traders.TABLE.name, "figures_are_those_ranked"): ranked[3],
        (smart_traders.TABLE.name, "recommended_without_failures"): ranked[4],
        (smart_traders.TABLE.name, "score_falls_with_rank"): ranked[5],
        (smart_traders.TABLE.name, "who_qualifies_is_ranked"): ranked[6],
        (smart_traders.TABLE.name, "ranks_without_gap_or_tie"): ranked[7],
        (rank_history.TABLE.name, "current_ranking_is_kept"): ranked[6],
    }
    faults[rank_history.TABLE.name] += [
        lambda rows: put(rows, ranked[0], {"overall_rank": 2}),
        lambda rows: put(rows, ranked[9], {"smart_trader_score": Decimal(100)}),
    ]
    expected[rank_history.TABLE.name, "ranks_without_gap_or_tie"] = min(ranked[:2])
    expected[rank_history.TABLE.name, "score_falls_with_rank"] = ranked[9]
    faults[rankings.TABLE.name].append(lambda rows: rows[0].update(recommended=rows[0]["recommended"] + 1))
    expected[rankings.TABLE.name, "certificate_fits_its_ranking"] = f"{MARKET.now:%Y-%m-%d}"
    for table in catalog.TABLES:
        if table.name in faults:
            change(lake, table, lambda rows, name=table.name: [damage(rows) for damage in faults[name]])

    broken, _ = found(lake)

    missed = {fault: example for fault, example in expected.items() if example not in words(broken.get(fault, ""))}
    assert not missed, broken
    of_trading = {fault: said for fault, said in broken.items() if fault[0] not in (rejected_rows.TABLE.name, *GOLD)}
    blamed = {word for said in of_trading.values() for word in words(said)}
    assert unharmed and of_unharmed
    assert not blamed & {*unharmed, *of_unharmed}


def test_faults_of_the_log_are_found_and_named_and_data_is_looked_at_all_the_same(
    lake: Lake, asked_for: list[str]
) -> None:
    edit_first_commit(lake, RUNS, r'(\\"message\\",\\"type\\":)\\"string\\"', r'\1\\"integer\\"')
    edit_first_commit(lake, RUNS, r'"minReaderVersion":1', '"minReaderVersion":2')
    edit_first_commit(lake, RUNS, r'(logRetentionDuration":"interval) 90', r"\1 9")
    edit_first_commit(lake, RUNS, r"'failed'", "'broken'")
    gap = bronze_rejected_rows.TABLE
    for _ in range(2):
        commit(lake, gap, {"commitInfo": {"timestamp": 1, "operation": "WRITE"}})
    DeltaTable(lake.root / gap.path).create_checkpoint()
    (lake.root / gap.path / "_delta_log" / f"{1:020}.json").unlink()
    change(lake, TRADES, lambda rows: rows.append(rows[0]))

    broken, text = found(lake)

    assert broken == {
        ("ops.runs", "schema_as_declared"): "1 (message: stored int, declared string)",
        ("ops.runs", "checks_enforced"): "1 (outcome_known)",
        ("ops.runs", "readers_can_open_it"): "1 (reader version 2)",
        ("ops.runs", "retention_set"): "1 (the log is kept for 216 hours, deleted files for 2160)",
        (gap.name, "log_contiguous"): "1 (version 1)",
        (TRADES.name, "key_unique"): f"1 ({lake.rows(TRADES)[0].trade_id})",
    }
    assert text.startswith("6 rules are broken. ")
    at_the_end_of_an_idle_pipeline, _ = found(lake, "pipeline")
    assert at_the_end_of_an_idle_pipeline == {rule: said for rule, said in broken.items() if rule[0] != TRADES.name}
    assert asked_for == [], "nothing was changed"


def test_a_table_that_cannot_be_read_is_named_and_nothing_else_is_looked_at(lake: Lake) -> None:
    next((lake.root / SALES.path).glob("*.parquet")).unlink()
    with pytest.raises(StorageError, match=r"The rows of silver\.realized_sales cannot be read"):
        validated(lake)
    shutil.rmtree(lake.root / RUNS.path)
    log = lake.root / TRADES.path / "_delta_log"
    (log / f"{1:020}.json").write_text("{")
    (log / f".{1:020}.json.crc").unlink()  # it would be found out first

    with pytest.raises(StorageError) as refused:
        validated(Lake(lake.spark, lake.root.rename(lake.root.with_name("not cached"))))

    said = str(refused.value)
    assert "silver.trades cannot be read: commit 1 of its log is damaged." in said
    assert "ops.runs: there is no Delta table at" in said
    assert "realized_sales" not in said


def test_each_table_is_described_and_two_lakes_agree_in_their_digests(
    lake: Lake, copied: Callable[[str], Lake]
) -> None:
    def described(one: Lake) -> dict[str, dict[str, Any]]:
        document = one.run("validate", as_of=MARKET.now, digests=True)["validate"].document
        assert document is not None
        return {entry["table"]: entry for entry in document["tables"]}

    other = copied("other")
    rewrite(other, TRADES, lambda rows: [row | {"batch_id": "another run"} for row in reversed(rows)])
    before, same = described(lake), described(other)
    assert before.keys() == {table.name for table in catalog.TABLES}
    for table in catalog.TABLES:
        entry, delta = before[table.name], DeltaTable(lake.root / table.path)
        last = delta.history(1)[0]["operation"]
        assert (entry["is_delta"], entry["version"], entry["last_operation"]) == (True, delta.version(), last)
        assert entry["versions"] == delta.version() + 1
    assert same[TRADES.name]["last_operation"] is None, "whoever wrote it did not say"
    assert {name: entry["digest"] for name, entry in same.items()} == {n: e["digest"] for n, e in before.items()}

    copied_again = copied("changed")
    rewrite(copied_again, PNL, lambda rows: [rows[0] | {"roi": (rows[0]["roi"] or 0) + Decimal("1e-6")}, *rows[1:]])
    changed = described(copied_again)
    assert [name for name in before if before[name]["digest"] != changed[name]["digest"]] == [PNL.name]
    assert lakes.digests(lake.root)[TRADES.name] == lakes.digests(other.root)[TRADES.name]

"""A column that the API has grown: `init` adds it, old rows are null, new rows have it, and readers see it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import polars
import pytest
from deltalake import DeltaTable

from smart_trader.domain.bronze import token_metrics
from smart_trader.domain.silver import tracked_tokens
from smart_trader.domain.tables.table import STRING, Column
from smart_trader.io.birdeye import tokens
from smart_trader.simulator.market import Entry
from smart_trader.simulator.server import Simulator
from smart_trader.simulator.wire import json_text
from tests.filled import MARKET
from tests.lake import Lake


def richer(token: Entry) -> Entry:
    """The token with more liquidity, which is news: a token of which the same is said is no new row."""
    fields = {**token.fields, "liquidity": token.fields["liquidity"] + 1}
    return Entry(fields, json_text(fields))


def test_a_declared_column_is_added_and_filled_from_then_on(
    copied: Callable[[str], Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, old, parse = copied("lake"), token_metrics.TABLE, tokens._record
    wider = replace(old, columns=(*old.columns, Column("website", STRING, "As served.")))
    later = replace(MARKET.advance(days=1), tokens=[richer(token) for token in MARKET.tokens])

    def parse_more(item: Any, fetched_at: Any) -> dict[str, Any]:
        return parse(item, fetched_at) | {"website": item["address"]}

    monkeypatch.setattr(token_metrics, "TABLE", wider)
    monkeypatch.setattr(tokens, "_record", parse_more)

    before = len(lake.rows(old))
    assert lake.tables.create([wider]) == [wider.name]
    with Simulator(later) as simulator:
        lake.run("bronze_tokens", "silver_tokens", as_of=later.now, simulator=simulator)

    rows = lake.tables.read(wider)
    assert rows.where("website IS NULL").count() == before > 0
    new = {row.token_address for row in rows.where("website = token_address").collect()}
    added = len(new)
    assert added > 0
    judged = {row.token_address for row in lake.rows(tracked_tokens.TABLE) if row.processing_date == later.now.date()}
    assert judged == new
    path = lake.root / wider.path
    shown = duckdb.from_arrow(DeltaTable(path).to_pyarrow_table())
    assert shown.aggregate("count(website), count(*)").fetchall() == [(added, before + added)]
    assert polars.read_delta(str(path))["website"].null_count() == before

"""bronze_tokens over HTTP: which tokens are taken, and when a snapshot is a row."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from smart_trader.domain.bronze import rejected_rows, token_metrics
from smart_trader.domain.kernel.money import MONEY
from smart_trader.errors import SourceRejected
from smart_trader.simulator.addresses import address
from smart_trader.simulator.market import DEMO_NOW, Market
from smart_trader.simulator.server import Simulator
from tests.lake import Lake

MINTS = sorted(address("mint", nth) for nth in range(6))
RICHEST, A, B, C, D, POOREST = MINTS


def item(mint: str, liquidity: int, **fields: Any) -> dict[str, Any]:
    """An entry of the token list that passes the default filters."""
    return {
        "address": mint,
        "liquidity": liquidity,
        "volume_1h_usd": 300_000,
        "price_change_24h_percent": 40,
        "price_change_2h_percent": 20,
        "holder": 500,
        "symbol": mint[:4],
        "price": 0.5,
    } | fields


LISTED = (
    *(item(mint, 9_000_000) for mint in MONEY),
    item(RICHEST, 5_000_000),
    item(C, 700_000),
    item(D, 700_000),
    item(A, 700_000),
    item(B, 700_000),
    item(POOREST, 200_000),
)
UNREADABLE = item("not an address", 6_000_000)
BELOW_THE_FILTERS = item(address("quiet"), 8_000_000, volume_1h_usd=199_999)


def market(*items: dict[str, Any]) -> Market:
    return Market.of_payloads(tokens=items)


def test_the_most_liquid_are_taken_without_money_and_only_what_is_new_is_a_row(lake: Lake) -> None:
    take_four = [("tokens.per_run", "4")]
    with Simulator(market(*LISTED, UNREADABLE, BELOW_THE_FILTERS)) as simulator:

        def run(days: int) -> tuple[int, list[str]]:
            """Version of the table after a run so many days later, and the tokens that it added."""
            lake.run("bronze_tokens", as_of=DEMO_NOW + timedelta(days=days), simulator=simulator, settings=take_four)
            rows = lake.rows(token_metrics.TABLE, f"batch_id = '{lake.run_id}'")
            return lake.tables.version(token_metrics.TABLE), [row.token_address for row in rows]

        first, taken = run(0)
        assert taken == [RICHEST, A, B, C]
        (rejected,) = lake.rows(rejected_rows.TABLE)
        assert (rejected.source, rejected.token_address) == ("token_list", "not an address")

        assert run(1) == (first, []), "an unchanged list is no news, a day later neither"

        simulator.market = market(*(entry if entry["address"] != B else item(B, 700_001) for entry in LISTED))
        assert run(2) == (first + 1, [B])

        simulator.market = market(*LISTED)
        assert run(3) == (first + 2, [B]), "what was said before the newest snapshot is news again"


def test_a_list_of_which_most_cannot_be_used_fails_the_job_and_takes_no_snapshot(lake: Lake) -> None:
    listed = [item(mint, 900_000 - nth) for nth, mint in enumerate(MINTS[:2])]
    renamed = [item(mint, 800_000, address=None, mint_address=mint) for mint in MINTS[2:]]
    with Simulator(market(*listed, *renamed[:2])) as simulator:
        lake.run("bronze_tokens", as_of=DEMO_NOW, simulator=simulator)
        assert len(lake.rows(token_metrics.TABLE)) == 2, "half of it can be used"

        simulator.market = market(*[{**entry, "liquidity": 700_000} for entry in listed], *renamed[:3])
        said = r"token list: 3 of 5 rows could not be used: no_address \(address: null\)"
        with pytest.raises(SourceRejected, match=said):
            lake.run("bronze_tokens", as_of=DEMO_NOW + timedelta(days=1), simulator=simulator)

    assert len(lake.rows(token_metrics.TABLE)) == 2
    assert len(lake.rows(rejected_rows.TABLE)) == 3


def test_a_list_of_which_nothing_can_be_used_is_read_no_further_than_the_limit(lake: Lake) -> None:
    renamed = [item(address("new", nth), 9_000_000 - nth, address=None) for nth in range(250)]
    with Simulator(market(*renamed)) as simulator:
        with pytest.raises(SourceRejected, match=r"token list: 51 of 51 rows could not be used"):
            lake.run("bronze_tokens", as_of=DEMO_NOW, simulator=simulator)
        assert lake.report.rows_in == 51, "of one page of the three"


def test_an_empty_list_is_a_warning_and_named_tokens_are_the_only_ones_taken(lake: Lake, tmp_path: Path) -> None:
    named = tmp_path / "tokens.txt"
    named.write_text(f"{POOREST}\n{C}\n")
    with Simulator(market()) as simulator:
        reports = lake.run("bronze_tokens", as_of=DEMO_NOW, simulator=simulator)
        assert reports["bronze_tokens"].warnings == [
            "the token list has no token that passes the filters of the settings"
        ]
        assert lake.tables.version(token_metrics.TABLE) == 0

        simulator.market = market(*LISTED)
        lake.run("bronze_tokens", as_of=DEMO_NOW, simulator=simulator, tokens=named, limit=5)

    assert [row.token_address for row in lake.rows(token_metrics.TABLE)] == sorted([POOREST, C])

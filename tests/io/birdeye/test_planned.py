"""A market that is only planned for: what would be asked is counted, and nobody is asked."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from smart_trader.domain.bronze.token_metrics import TokenCriteria
from smart_trader.errors import NotAsked
from smart_trader.io.birdeye.planned import Plan, PlannedMarket
from smart_trader.ports import Usage
from smart_trader.run.fetching import fetch_in_batches
from tests.run.test_fetching import limits

UNITS = {"token_list": 50, "token_holder": 30, "trader_txs": 12}
NOW = datetime(2026, 11, 20, tzinfo=UTC)
CRITERIA = TokenCriteria(*[Decimal(0)] * 5, min_holders=0)
Asking = Callable[[PlannedMarket], Any]


@pytest.fixture
def market() -> PlannedMarket:
    return PlannedMarket(listed=120, trades=1_000, units=UNITS)


@pytest.mark.parametrize(
    ("ask", "plan"),
    [
        pytest.param(
            lambda m: m.tokens(CRITERIA, fetched_at=NOW), Plan((), least=1, most=2, units_per_call=50), id="tokens"
        ),
        pytest.param(
            lambda m: m.holder_accounts("M", limit=100, fetched_at=NOW),
            Plan(("M",), 1, 1, 30),
            id="one page of holders",
        ),
        pytest.param(
            lambda m: m.holder_accounts("M", limit=101, fetched_at=NOW),
            Plan(("M",), 1, 2, 30),
            id="two pages of holders",
        ),
        pytest.param(lambda m: m.trade_pages("W", before=NOW, fetched_at=NOW), Plan(("W",), 1, 10, 12), id="trades"),
    ],
)
def test_a_call_is_noted_and_not_made(market: PlannedMarket, ask: Asking, plan: Plan) -> None:
    assert market.take_plan() is None
    with pytest.raises(NotAsked):
        ask(market)
    assert market.take_plan() == plan
    assert plan.compute_units == (plan.least * plan.units_per_call, plan.most * plan.units_per_call)
    assert market.take_plan() is None
    assert market.usage() == Usage(0, 0, 0.0)


def test_all_that_is_due_is_noted_through_threads_and_none_of_it_is_done(market: PlannedMarket) -> None:
    wallets = [f"{n:02}" for n in range(40)]
    done: list[None] = []
    batches = fetch_in_batches(
        wallets,
        lambda wallet: market.trade_pages(wallet, before=NOW, fetched_at=NOW),
        limits(workers=4),
        on_done=lambda: done.append(None),
    )

    assert list(batches) == [] and not done
    assert market.take_plan() == Plan(tuple(wallets), least=40, most=400, units_per_call=12)


def test_what_needs_no_call_is_said(market: PlannedMarket) -> None:
    assert market.total_supply('{"total_supply":12.5}') == Decimal("12.5")
    assert market.take_plan() is None

"""The rankings of the demonstration's market, made and graded by the kernel: its skill is shown, and none without."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby
from operator import itemgetter

import pytest

from smart_trader.config.thresholds import grading_rules, mark_limits, verdict_rules
from smart_trader.domain.kernel.following import Followed, LastTrade, add_up, follow_return, follow_token
from smart_trader.domain.kernel.grading import Cohort
from smart_trader.domain.kernel.verdict import Answer, Graded, Verdict, verdict
from smart_trader.run import demo
from smart_trader.simulator.market import Market
from tests.domain.kernel import graded, product
from tests.oracle.fifo import is_trusted, order
from tests.oracle.numbers import SECOND, Row
from tests.oracle.performance import ALL_TOKENS

EVALUATE = product.DEFAULTS.evaluate
HORIZONS = (7, 30)
owner = itemgetter("wallet_address")
LISTED = {"pool": "pool", "exchange": "exchange"}
pytestmark = pytest.mark.long


@cache
def market(*, has_skill: bool) -> Market:
    return demo.generate_market(has_skill=has_skill)


@cache
def trades(*, has_skill: bool) -> Sequence[Row]:
    """What everybody was planned to do, in the total order."""
    rows = [
        {
            "wallet_address": wallet,
            "token_address": trade.token,
            "trade_id": trade.trade_id,
            "side": trade.side,
            "quantity_raw": trade.quantity,
            "value_usd": trade.value,
            "value_source": trade.value_source,
            "price_check": trade.price_check,
            "block_time": trade.time * SECOND,
            "block_number": trade.block,
            "decimals": None,
        }
        for wallet, planned in market(has_skill=has_skill).planned.items()
        for transaction in planned
        for trade in transaction.trades
    ]
    return sorted(rows, key=order)


def micros(time: datetime) -> int:
    return int(time.timestamp()) * SECOND


def ranking(at: datetime, *, has_skill: bool) -> list[Row]:
    """The wallets that qualify by what they did until then, as `graded` takes them."""
    of, known = (
        market(has_skill=has_skill),
        [row for row in trades(has_skill=has_skill) if row["block_time"] <= micros(at)],
    )
    by_wallet = {wallet: [*own] for wallet, own in groupby(sorted(known, key=owner), key=owner)}
    facts = {
        wallet: {
            "history_complete": True,
            "rejected_rows": 0,
            "is_pool_of_a_row": False,
            "listed_as": LISTED.get(of.kinds[wallet]),
            "arbitrage_tx_count": sum(one.is_arbitrage for one in of.planned[wallet] if one.time <= at.timestamp()),
            "transaction_count": sum(one.time <= at.timestamp() for one in of.planned[wallet]),
        }
        for wallet in by_wallet
    }
    found = []
    for portfolio in product.wallet_pnl(known, {}, facts, micros(at)):
        if portfolio["token_address"] != ALL_TOKENS:
            continue
        wallet = portfolio["wallet_address"]
        place = product.judged(portfolio, product.wallet_class(wallet, by_wallet[wallet], facts[wallet]), "trusted")
        if place["qualifies"]:
            cohorts = {Cohort.RANKED} if place["gate_failures"] else {Cohort.RANKED, Cohort.RECOMMENDED}
            kept = {name: portfolio[name] for name in ("wallet_address", "avg_holding_time_hours")}
            found.append(kept | {"smart_trader_score": place["smart_trader_score"], "cohorts": cohorts})
    return found


def followed(start: datetime, end: datetime, *, has_skill: bool) -> Mapping[str, Mapping[str, Followed]]:
    """What following each wallet brought, by token."""
    rows = [row for row in trades(has_skill=has_skill) if row["block_time"] <= micros(end)]
    marks = last_trades(rows, micros(end))
    inside = sorted(
        (row for row in rows if row["block_time"] > micros(start)), key=itemgetter("wallet_address", "token_address")
    )
    found = defaultdict[str, dict[str, Followed]](dict)
    for (wallet, token), own in groupby(inside, key=itemgetter("wallet_address", "token_address")):
        events = [(row["side"] == "BUY", row["quantity_raw"], money(row)) for row in own]
        found[wallet][token] = follow_token(events, marks.get(token))
    return found


def money(row: Row) -> int | None:
    """Nano-dollars, as far as money shows them."""
    return product.scaled(row["value_usd"], 9) if is_trusted(row) else None


def last_trades(rows: Iterable[Row], end: int) -> Mapping[str, LastTrade]:
    limits, found = mark_limits(EVALUATE), {}
    for row in rows:
        value = money(row) or 0
        is_new = end - row["block_time"] <= limits.max_age // timedelta(microseconds=1)
        if is_new and row["price_check"] in ("ok", "one_sided") and value >= limits.min_value * 10**9:
            found[row["token_address"]] = LastTrade(value, row["quantity_raw"])
    return found


def with_outcome(wallet: Row, tokens: Mapping[str, Followed]) -> Row:
    """A wallet of a ranking that everybody could observe."""
    whole = add_up(tokens.values())
    percent = follow_return(whole.pnl, whole.invested)
    return wallet | {
        "is_observed": True,
        "invested_usd": dollars(whole.invested),
        "follow_pnl_usd": dollars(whole.pnl),
        "follow_return": None if percent is None else Decimal(percent).scaleb(-6),
        "tokens": {token: (dollars(one.invested), dollars(one.pnl)) for token, one in tokens.items()},
    }


def dollars(nanos: int) -> Decimal:
    return Decimal(nanos).scaleb(-9)


@cache
def grades(*, has_skill: bool) -> Mapping[tuple[datetime, int], Row]:
    """Those that the last run of a demonstration gives."""
    found = {}
    for time in demo.PAST:
        wallets = ranking(time, has_skill=has_skill)
        for days in (days for days in HORIZONS if time + timedelta(days=days) <= demo.NOW):
            brought = followed(time, time + timedelta(days=days), has_skill=has_skill)
            outcomes = [with_outcome(wallet, brought[wallet["wallet_address"]]) for wallet in wallets]
            whole, inside = (
                graded.grade(cohort, outcomes, grading_rules(EVALUATE))
                for cohort in (Cohort.RANKED, Cohort.RECOMMENDED)
            )
            found[time, days] = inside | {"rest": whole["active"] - inside["active"]}
    return found


def verdict_on(days: int, *, has_skill: bool) -> Verdict:
    rankings = [
        Graded(
            micros(time), 1, 1, 1, 1, *(product.scaled(grade[name], 6) for name in ("excess_return", "excess_variance"))
        )
        for (time, horizon), grade in grades(has_skill=has_skill).items()
        if horizon == days
    ]
    return verdict(rankings, micros(demo.NOW), verdict_rules(product.DEFAULTS, days))


@pytest.mark.parametrize("has_skill", [True, False])
def test_each_grade_of_a_demonstration_has_enough_wallets_and_tokens(has_skill: bool) -> None:
    found = grades(has_skill=has_skill)
    assert sorted(days for _, days in found) == [7, 7, 30]
    for grade in found.values():
        assert min(grade["active"], grade["rest"]) >= 20
        assert grade["tokens"] >= 60


def test_the_edge_lies_in_many_tokens() -> None:
    skilled = {wallet for wallet, kind in market(has_skill=True).kinds.items() if kind == "skilled"}
    assert len({row["token_address"] for row in trades(has_skill=True) if row["wallet_address"] in skilled}) >= 60


@pytest.mark.parametrize("days", HORIZONS)
def test_its_skill_is_shown_and_nothing_is_without_it(days: int) -> None:
    assert verdict_on(days, has_skill=True).answer is Answer.SHOWN
    assert verdict_on(days, has_skill=False).answer is Answer.NOT_SHOWN

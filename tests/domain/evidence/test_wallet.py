"""Whatever a wallet did, each number of its explanation is computed again from the numbers below it."""

import json
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from smart_trader.config.settings import ranking_settings
from smart_trader.domain.evidence.branch import branch
from smart_trader.domain.evidence.figures import Block
from smart_trader.domain.evidence.followed import followed_blocks
from smart_trader.domain.evidence.wallet import Found, Rules, wallet_block
from smart_trader.domain.kernel.following import LastTrade
from smart_trader.domain.kernel.marks import Quote
from smart_trader.domain.kernel.money import MONEY
from smart_trader.report.explained import as_document, as_outline
from tests import strategies
from tests.domain.kernel import by_swaps, product
from tests.domain.kernel.swap_strategies import wallets
from tests.oracle import following as oracle
from tests.oracle.evidence import EPOCH, Evaluator
from tests.oracle.evidence import given as given_value
from tests.oracle.numbers import Row
from tests.oracle.units import Scales, order_of
from tests.strategies import NOW

RULES = Rules(product.VALUE_RULES, product.MARK_RULES, ranking_settings(product.DEFAULTS))
TIMES = ("block_time", "acquired_at", "first_transaction", "last_transaction", "computed_at")
WHALE = dict.fromkeys(("wallet_class", "class_reason", "txns_fetch_status", "pnl_processing_status"), "person") | {
    "txns_last_fetched_at": None,
    "rejected_rows": 2,
}


def with_times(rows: list[Row]) -> list[Row]:
    return [
        row | {name: EPOCH + timedelta(microseconds=row[name]) for name in TIMES if row.get(name) is not None}
        for row in rows
    ]


def units_of(served: list[Row]) -> tuple[list[Row], list[Row]]:
    """What `units.with_units` finds in the rows of one wallet."""
    own = sorted({row["event_id"]: row for row in reversed(served)}.values(), key=order_of)
    scales = Scales(own, {})
    known: dict[str, Row] = {}
    nearest = []
    for place, row in enumerate(own):
        for side in ("base", "quote"):
            mint, multiplier = row[f"{side}_address"], row.get(f"{side}_multiplier")
            if mint in MONEY:
                continue
            unscaled = {"multiplier": None, "multiplier_at": 0}  # marks are tested elsewhere
            known[mint] = {"token_address": mint, "decimals": scales.decimals(mint)} | unscaled
            if multiplier == 0 and (found := scales.multiplier(mint, multiplier, place)) is not None:
                nearest.append({"event_id": row["event_id"], "token_address": mint, "multiplier": decimal(found)})
    return list(known.values()), nearest


def decimal(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)


def explained(trades: list[Row], market: dict[str, Row], facts: dict[str, Row], served: list[Row]) -> Block:
    """The explanation of the first wallet in `facts`."""
    wallet = next(iter(facts))
    own = [trade for trade in trades if trade["wallet_address"] == wallet]
    sales, lots = product.match(own) if own else ([], [])
    pnl = product.wallet_pnl(own, market, {wallet: facts[wallet]}, NOW)
    quotes = {
        mint: Quote(
            product.scaled(mark["price"], 18), product.scaled(mark["liquidity_usd"], 9), mark["last_trade_at"], None
        )
        for mint, mark in market.items()
    }
    more: Row = {"pool_address": None, "batch_id": "run", "fetched_at": EPOCH, "raw": "{}"}
    units, multipliers = units_of(served)
    found = Found(
        wallet,
        WHALE,
        *map(with_times, (pnl, own, sales, lots)),
        (),
        with_times([more | row for row in served]),
        quotes,
        units,
        multipliers,
    )
    return wallet_block(found, RULES, None)


def assert_rebuilt(block: Block) -> None:
    """Each figure that has a formula is what the formula gives, from the document alone."""
    document = Evaluator(json.loads(json.dumps(as_document(block))))
    for inner in [document.root, *document.root.below()]:
        for name, figure in inner.figures.items():
            if figure.get("formula"):
                rebuilt, said = document.rebuilt(inner, name), given_value(figure)
                assert rebuilt == said, f"{inner.kind} {inner.name} {name} = {figure}: {rebuilt}"


@given(strategies.trade_histories(wallets=["Wallet"]), strategies.markets(), strategies.wallet_facts(["Wallet"]))
def test_sales_lots_tokens_and_the_portfolio_are_rebuilt(
    trades: list[Row], market: dict[str, Row], facts: dict[str, Row]
) -> None:
    facts["Wallet"] |= {"arbitrage_tx_count": 0, "rejected_rows": 2}
    block = explained(trades, market, facts, [])
    assert_rebuilt(block)
    for name in ("trusted_roi", "win_rate_lower_bound", "current_position_value"):
        alone = branch(block, name)
        assert_rebuilt(alone)
        assert len(json.dumps(as_document(alone))) < len(json.dumps(as_document(block)))


@given(st.one_of(wallets(), strategies.bronze_histories(3)))
def test_netting_and_values_are_rebuilt_from_the_rows(served: list[Row]) -> None:
    netted = by_swaps.net(served)
    wallet = served[0]["wallet_address"]
    own = [row for row in served if row["wallet_address"] == wallet]
    facts = {
        wallet: {
            "history_complete": True,
            "arbitrage_tx_count": netted.arbitrage_count[wallet],
            "rejected_rows": 2,
        }
    }
    block = explained(netted.trades, {}, facts, own)
    assert_rebuilt(block)
    assert_rebuilt(branch(block, "arbitrage_tx_count"))
    assert list(as_outline(block))


MARKS = st.dictionaries(
    st.sampled_from(strategies.TOKENS[:2]), st.builds(LastTrade, st.integers(0, 10**12), st.integers(1, 10**12))
)


@given(strategies.trade_histories(wallets=["Wallet"], max_trades=20), MARKS, st.integers(0, 19), st.integers(0, 19))
def test_what_following_since_then_brought_is_rebuilt_from_the_trades(
    trades: list[Row], marks: dict[str, LastTrade], first: int, last: int
) -> None:
    times = sorted(trade["block_time"] for trade in trades)
    since, until = times[first % len(times)] - 1, times[last % len(times)]
    facts = {"history_complete": True, "arbitrage_tx_count": 0, "rejected_rows": 2}
    block = explained(trades, {}, {"Wallet": facts}, [])
    start, end = (EPOCH + timedelta(microseconds=time) for time in (since, until))
    followed = followed_blocks(with_times(trades), marks, since=start, until=end)
    assert_rebuilt(Block("wallet", "Wallet", (), [*block.blocks, *followed]))
    expected = oracle.follow(trades, [oracle.Window("Wallet", since, until)], max_age_hours=-1)
    names = {"invested_usd": "invested_usd", "realized_usd": "realized_usd", "left_cost_usd": "open_cost_usd"}
    names |= {"sales": "sales", "winning_sales": "winning_sales"}
    assert {one.name: {name: one.value(name) for name in names} for one in followed} == {
        token: {name: figures[of] for name, of in names.items()} for (_, token), figures in expected.items()
    }
    assert list(as_outline(Block("wallet", "Wallet", (), followed)))

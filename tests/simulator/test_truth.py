"""Sales, lots and sums of the truth, by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest

from smart_trader.simulator.planned import Trade, Transaction
from smart_trader.simulator.truth import TokenTruth, WalletTruth, true_wallet

TOKEN, OTHER = "token", "other"


def trade(side: str, quantity: int, value: str | None, source: str = "sol", *, at: int, token: str = TOKEN) -> Trade:
    """`value` in millionths of a dollar."""
    usd = None if value is None else Decimal(value).scaleb(-6)
    return Trade(token, side, quantity, usd, source if usd is not None else "none", "ok", at, at, f"tx{at}", f"id{at}")


def bought(quantity: int, value: str | None, source: str = "sol", *, at: int, token: str = TOKEN) -> Trade:
    return trade("BUY", quantity, value, source, at=at, token=token)


def sold(quantity: int, value: str | None, source: str = "sol", *, at: int, token: str = TOKEN) -> Trade:
    return trade("SELL", quantity, value, source, at=at, token=token)


def truth(*trades: Trade) -> WalletTruth:
    return true_wallet("wallet", "planned", [Transaction(one.time, (), (one,), is_arbitrage=False) for one in trades])


def trusted(total: TokenTruth) -> tuple[str, str, int, int]:
    """In millionths: result, cost, sales, wins."""
    usd = (f"{total.trusted_pnl.scaleb(6):.3f}", f"{total.trusted_cost_of_sold.scaleb(6):.3f}")
    return (*usd, total.trusted_sales, total.trusted_winning_sales)


def test_lots_are_consumed_oldest_first_and_costs_add_up_to_the_last_digit() -> None:
    found = truth(
        bought(3, "1", at=1), bought(3, "10", at=2), sold(1, "5", at=3), sold(1, "5", at=4), sold(2, "5", at=5)
    )
    assert [f"{sale.cost:f}" for sale in found.sales] == ["0.000000333", "0.000000334", "0.000003666"]
    assert [(lot.remaining, f"{lot.remaining_cost:f}") for lot in found.open_lots] == [(2, "0.000006667")]
    assert found.total.winning_sales == 3


def test_trades_come_in_the_order_of_time_purchases_before_sales_and_names() -> None:
    late = replace(sold(1, "1", at=7), trade_id="a")
    purchase = replace(bought(1, "1", at=7), trade_id="c")
    other = replace(bought(1, "1", at=7), trade_id="b")
    assert truth(late, purchase, other, bought(1, "1", at=6)).trades == (bought(1, "1", at=6), other, purchase, late)


def test_what_nobody_saw_bought_is_never_profit() -> None:
    found = truth(bought(6, "60", at=1), sold(10, "101", at=2), bought(6, "60", at=3))
    (sale,) = found.sales
    assert (sale.matched, sale.unmatched) == (6, 4)
    assert sale.matched_proceeds == Decimal("0.000060600")
    assert found.total.realized_pnl == Decimal("0.0000006")
    assert found.total.unmatched_proceeds == Decimal("0.0000404")
    assert found.total.coverage_ratio == Decimal("0.6")
    assert [lot.remaining for lot in found.open_lots] == [6]


def test_a_lot_of_unknown_cost_is_consumed_but_pays_for_nothing() -> None:
    found = truth(bought(4, None, at=1), bought(4, "8", at=2), sold(6, "12", at=3))
    (sale,) = found.sales
    assert (sale.unknown_cost, sale.matched, sale.unmatched) == (4, 2, 0)
    assert (sale.cost, sale.matched_proceeds) == (Decimal("0.000004"), Decimal("0.000004"))
    assert (found.total.matched_sales, found.total.winning_sales, found.total.win_rate) == (1, 0, Decimal(0))


def test_a_sale_without_a_value_takes_its_lots_and_counts_for_nothing_but_among_what_ranks() -> None:
    found = truth(bought(4, "8", at=1), sold(3, None, at=2), sold(1, "9", at=3))
    assert [sale.cost for sale in found.sales] == [Decimal("0.000006"), Decimal("0.000002")]
    assert (found.total.cost_of_sold, found.total.realized_pnl) == (Decimal("0.000002"), Decimal("0.000007"))
    assert found.total.sell_count == 2
    assert trusted(found.total) == ("1.000", "8.000", 2, 1)


@pytest.mark.parametrize(
    ("bought_by", "sold_by", "brought", "ranks"),
    [
        ("sol", "stable", "9", ("5.000", "4.000", 1, 1)),
        ("sol", "volume_usd", "9", ("0.000", "0.000", 0, 0)),
        ("token_price", "sol", "9", ("0.000", "0.000", 0, 0)),
        ("token_price", "sol", "4", ("0.000", "0.000", 0, 0)),
        ("sol", "volume_usd", "3", ("-1.000", "4.000", 1, 0)),
        ("volume_usd", "volume_usd", "3", ("-1.000", "4.000", 1, 0)),
        ("sol", "sol", "4", ("0.000", "4.000", 1, 0)),
    ],
)
def test_a_gain_ranks_if_money_shows_both_ends_and_a_loss_always(
    bought_by: str, sold_by: str, brought: str, ranks: tuple[str, str, int, int]
) -> None:
    found = truth(bought(2, "4", bought_by, at=1), sold(2, brought, sold_by, at=2))
    assert trusted(found.total) == ranks


def test_one_lot_that_money_does_not_show_spoils_the_sale_and_one_of_unknown_cost_does_not() -> None:
    spoiled = truth(bought(1, "1", at=1), bought(1, "1", "volume_usd", at=2), sold(2, "9", at=3))
    assert (trusted(spoiled.total)[2], spoiled.total.trusted_ratio) == (0, Decimal(0))
    kept = truth(bought(1, None, at=1), bought(1, "1", at=2), sold(2, "8", at=3), sold(1, "5", at=4))
    assert trusted(kept.total) == ("3.000", "1.000", 1, 1)
    assert kept.total.trusted_ratio == Decimal(1)  # what was never bought is no part of either


def test_tokens_are_summed_by_themselves_and_loops_by_wallet() -> None:
    loop = Transaction(5, (), (), is_arbitrage=True)
    trades = (bought(1, "1", at=1), bought(1, "1", at=2, token=OTHER), sold(1, "3", at=3))
    happened = [Transaction(one.time, (), (one,), is_arbitrage=False) for one in trades]
    found = true_wallet("wallet", "planned", [*happened, loop, loop])
    assert found.total.arbitrage_tx_count == 2
    assert {token: sums.realized_pnl for token, sums in found.tokens.items()} == {
        OTHER: Decimal(0),
        TOKEN: Decimal("0.000002"),
    }
    assert found.tokens[TOKEN].arbitrage_tx_count is None
    assert (found.tokens[OTHER].remaining, found.total.remaining) == (1, None)

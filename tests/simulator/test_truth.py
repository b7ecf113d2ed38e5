"""The truth, against results that were worked out elsewhere and by hand."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_trader.simulator import addresses
from smart_trader.simulator.truth import WalletTruth, true_wallet

WALLET, TOKEN, OTHER = (addresses.address(name) for name in ("wallet", "token", "other"))
SOL, USDC = addresses.WRAPPED_SOL, addresses.USDC
DECIMALS = {SOL: 9, addresses.NATIVE_SOL: 9, USDC: 6, addresses.PYUSD: 6, TOKEN: 6, OTHER: 0}

# realized, cost, wins, losses, unmatched proceeds: the table of the samples' README, to its six digits
WORKED = {
    ("small_wallet_capture_1",): ("0", "0", 0, 0, "0"),
    ("small_wallet_capture_2",): ("-1805.360072", "5091.877141", 0, 1, "0"),
    ("complete_1_round_trip",): ("56.887354", "45.063773", 1, 0, "0"),
    ("complete_2_round_trips",): ("35.325346", "52.884414", 2, 0, "0"),
    ("complete_transfer_fee_token",): ("18.241197", "111.184507", 2, 1, "0"),
    ("paged_offset_000",): ("-290.574530", "577.484101", 0, 8, "0"),
    ("paged_offset_000", "paged_offset_100"): ("1452.866402", "4275.536170", 8, 13, "1985.4530"),
    ("paged_offset_000", "paged_offset_100", "paged_offset_200"): (
        "-10623.761669", "18549.778640", 12, 25, "14116.4669",
    ),
}  # fmt: skip


@pytest.mark.parametrize("files", WORKED, ids="+".join)
def test_recorded_wallets_give_the_worked_results(samples: Path, files: tuple[str, ...]) -> None:
    rows = []
    for file in files:
        text = (samples / f"trader_txs_{file}.json").read_text()
        rows += json.loads(text, parse_float=Decimal)["data"]["items"]
    total = true_wallet(rows[0]["owner"], "given", rows).total
    realized, cost, wins, losses, unmatched = WORKED[files]
    assert round(total.realized_pnl, 6) == Decimal(realized)
    assert round(total.cost_of_sold, 6) == Decimal(cost)
    assert (total.winning_sales, total.matched_sales - total.winning_sales) == (wins, losses)
    assert round(total.unmatched_proceeds, 4) == Decimal(unmatched)


def row(
    given: tuple[str, int],
    taken: tuple[str, int],
    *,
    tx: str = "tx",
    time: int = 100,
    index: int | None = 0,
    **more: Any,
) -> dict[str, Any]:
    """A row that gives so many base units of one mint for so many of another."""
    prices = {SOL: Decimal(100), addresses.NATIVE_SOL: Decimal(100), USDC: Decimal("0.9999")} | more.pop("prices", {})

    def leg(mint: str, raw: int) -> dict[str, Any]:
        display = Decimal(raw).scaleb(-DECIMALS[mint])
        price = prices.get(mint)
        return {
            "address": mint, "decimals": DECIMALS[mint], "amount": abs(raw), "change_amount": raw,
            "ui_change_amount": display, "price": price,
        }  # fmt: skip

    return {
        "base": leg(given[0], -given[1]), "quote": leg(taken[0], taken[1]), "tx_hash": tx, "block_unix_time": time,
        "tx_type": "swap", "address": "pool", "owner": WALLET, "block_number": time, "volume_usd": None,
        "ins_index": index, "inner_ins_index": None,
    } | more  # fmt: skip


def truth(*rows: dict[str, Any]) -> WalletTruth:
    return true_wallet(WALLET, "given", rows)


def values(*rows: dict[str, Any]) -> list[tuple[str, str, str | None, str, str]]:
    """Side, token, value, source and check of each trade."""
    names = {TOKEN: "TOKEN", OTHER: "OTHER"}
    return [
        (trade.side, names[trade.token], _plain(trade.value), trade.value_source, trade.price_check)
        for trade in truth(*rows).trades
    ]


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def test_one_row_is_one_trade_at_the_value_of_its_money() -> None:
    assert values(row((SOL, 3), (TOKEN, 7))) == [("BUY", "TOKEN", "0.000000300", "sol", "one_sided")]
    assert values(row((TOKEN, 7), (USDC, 3_000_000))) == [("SELL", "TOKEN", "3.000000000", "stable", "one_sided")]


def test_a_stable_coin_counts_as_one_unless_it_lost_its_peg() -> None:
    off = {addresses.PYUSD: Decimal("0.979")}
    near = {addresses.PYUSD: Decimal("0.98")}
    assert values(row((addresses.PYUSD, 10**6), (TOKEN, 7), prices=off))[0][2] == "0.979000000"
    assert values(row((addresses.PYUSD, 10**6), (TOKEN, 7), prices=near))[0][2] == "1.000000000"


def test_hops_cancel_and_both_kinds_of_sol_are_one() -> None:
    rows = row((SOL, 10**9), (OTHER, 50)), row((OTHER, 50), (TOKEN, 7), index=1)
    assert values(*rows) == [("BUY", "TOKEN", "100.000000000", "sol", "one_sided")]
    mixed = row((SOL, 10**9), (OTHER, 50)), row((OTHER, 50), (addresses.NATIVE_SOL, 10**9 + 5), index=1)
    assert truth(*mixed).arbitrage_tx_count == 1


def test_a_repeated_row_counts_once_and_equal_fills_of_different_amounts_twice() -> None:
    fill = row((SOL, 10**9), (TOKEN, 7), index=None)
    assert values(fill, fill)[0][2] == "100.000000000"
    assert values(fill, row((SOL, 10**9), (TOKEN, 8), index=None))[0][2] == "200.000000000"
    assert values(fill, fill | {"volume_usd": 5, "tx_type": "add"})[0][2] == "100.000000000"


def test_without_a_price_of_the_money_the_volume_counts_then_the_tokens_own_price() -> None:
    dark = {SOL: None}
    assert values(row((SOL, 5), (TOKEN, 7), prices=dark, volume_usd=Decimal("2.5")))[0][2:4] == (
        "2.500000000",
        "volume_usd",
    )
    own = dark | {TOKEN: Decimal(2)}
    assert values(row((SOL, 5), (TOKEN, 7), prices=own))[0][2:4] == ("0.000014000", "token_price")
    assert values(row((SOL, 5), (TOKEN, 7), prices=dark, volume_usd=0))[0][2:4] == (None, "none")
    assert values(row((SOL, 5), (TOKEN, 7), prices={SOL: Decimal("4e-19")}))[0][2:4] == (None, "none")


@pytest.mark.parametrize(
    ("price", "check"), [("125", "ok"), ("125.1", "suspect"), ("1000", "suspect"), ("1001", "rejected")]
)
def test_legs_that_disagree_are_marked_and_refused_beyond_ten(price: str, check: str) -> None:
    """The money side is worth 100; the token side by its own price more."""
    prices = {TOKEN: Decimal(price)}
    kept = "suspect" if check == "rejected" else check
    assert values(row((SOL, 10**9), (TOKEN, 10**6), prices=prices)) == [("BUY", "TOKEN", "100.000000000", "sol", kept)]
    swap = row((OTHER, 100), (TOKEN, 10**6), prices=prices | {OTHER: Decimal(1)}, volume_usd=9)
    value, source = (None, "none") if check == "rejected" else ("9.000000000", "volume_usd")
    assert sorted(values(swap)) == [("BUY", "TOKEN", value, source, check), ("SELL", "OTHER", value, source, check)]


def test_a_swap_of_two_tokens_is_valued_once_by_the_money_that_passed() -> None:
    change = 40_000_000
    rows = row((OTHER, 9), (SOL, 10**9)), row((SOL, 10**9 - change), (TOKEN, 7), index=1)
    assert {trade[2:4] for trade in values(*rows)} == {("100.000000000", "sol")}
    too_much = row((OTHER, 9), (SOL, 10**9)), row((SOL, 10**9 - 50_000_001), (TOKEN, 7), index=1)
    assert values(*too_much) == []
    assert truth(*too_much).rejected_rows == 2


def test_lots_are_consumed_oldest_first_and_costs_add_up_to_the_last_digit() -> None:
    found = truth(
        row((USDC, 1), (TOKEN, 3), tx="a", time=1),
        row((USDC, 10), (TOKEN, 3), tx="b", time=2),
        row((TOKEN, 1), (USDC, 5), tx="c", time=3),
        row((TOKEN, 1), (USDC, 5), tx="d", time=4),
        row((TOKEN, 2), (USDC, 5), tx="e", time=5),
    )
    assert [f"{sale.cost:f}" for sale in found.sales] == ["0.000000333", "0.000000334", "0.000003666"]
    assert [(lot.remaining, f"{lot.remaining_cost:f}") for lot in found.open_lots] == [(2, "0.000006667")]
    assert found.total.winning_sales == 3


def test_what_nobody_saw_bought_is_never_profit() -> None:
    found = truth(
        row((USDC, 60), (TOKEN, 6), tx="a", time=1),
        row((TOKEN, 10), (USDC, 101), tx="b", time=2),
        row((USDC, 60), (TOKEN, 6), tx="c", time=3),
    )
    (sale,) = found.sales
    assert (sale.matched, sale.unmatched) == (6, 4)
    assert sale.matched_proceeds == Decimal("0.000060600")
    assert found.total.realized_pnl == Decimal("0.0000006")
    assert found.total.unmatched_proceeds == Decimal("0.0000404")
    assert found.total.coverage_ratio == Decimal("0.6")
    assert [lot.remaining for lot in found.open_lots] == [6]


def test_a_lot_of_unknown_cost_is_consumed_but_pays_for_nothing() -> None:
    found = truth(
        row((SOL, 1), (TOKEN, 4), tx="a", time=1, prices={SOL: None}),
        row((USDC, 8), (TOKEN, 4), tx="b", time=2),
        row((TOKEN, 6), (USDC, 12), tx="c", time=3),
    )
    (sale,) = found.sales
    assert (sale.unknown_cost, sale.matched, sale.unmatched) == (4, 2, 0)
    assert (sale.cost, sale.matched_proceeds) == (Decimal("0.000004"), Decimal("0.000004"))
    assert (found.total.matched_sales, found.total.winning_sales, found.total.win_rate) == (1, 0, Decimal(0))


def test_a_sale_without_a_value_takes_its_lots_but_counts_for_nothing() -> None:
    found = truth(
        row((USDC, 8), (TOKEN, 4), tx="a", time=1),
        row((TOKEN, 3), (SOL, 1), tx="b", time=2, prices={SOL: None}),
        row((TOKEN, 1), (USDC, 9), tx="c", time=3),
    )
    assert [sale.cost for sale in found.sales] == [Decimal("0.000006"), Decimal("0.000002")]
    assert (found.total.cost_of_sold, found.total.realized_pnl) == (Decimal("0.000002"), Decimal("0.000007"))
    assert found.total.sell_count == 2


@pytest.mark.parametrize(
    ("leg", "raw"),
    [
        ({"change_amount": -(10**37) - 1, "amount": 5, "ui_change_amount": Decimal("-1e31")}, 10**37 + 1),
        ({"change_amount": Decimal("-4800339720.000001"), "amount": Decimal("4800339720.000001"),
          "ui_change_amount": Decimal("-4800.339720000001")}, 4800339720),
        ({"change_amount": Decimal("-3.000000000000001"), "amount": "3", "ui_change_amount": Decimal("-3e-6")}, 3),
    ],
)  # fmt: skip
def test_amounts_are_exact_whatever_the_exchange_writes(leg: dict[str, Any], raw: int) -> None:
    sale = row((TOKEN, 1), (USDC, 1))
    sale["base"] |= leg
    assert truth(sale).trades[0].quantity == raw


def test_rows_of_others_or_that_cannot_be_read_are_left_out() -> None:
    good = row((SOL, 10**9), (TOKEN, 7))
    bad = [
        good | {"tx_type": "add"},
        good | {"owner": OTHER},
        good | {"base": None},
        {},
        good | {"block_unix_time": None},
    ]
    found = truth(*bad, good)
    assert (found.unreadable_rows, len(found.trades)) == (5, 1)

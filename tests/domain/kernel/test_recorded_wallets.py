"""Wallets recorded from the live API: the worked results beside the samples, by the oracle and by the kernel.

`SMART_TRADER_SAMPLES` names the folder of the samples.
"""

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from tests.domain.kernel import by_swaps, product
from tests.oracle import fifo, parsing, swaps
from tests.oracle.numbers import Row

CHECKOUT = Path(__file__).parents[3]
SAMPLES = Path(os.environ.get("SMART_TRADER_SAMPLES") or CHECKOUT.parent / "shared/reference/birdeye_samples")
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the recorded samples are not here; SMART_TRADER_SAMPLES names their folder"
)

MILLIONTH = Decimal("0.000001")
PAGES = ("paged_offset_000", "paged_offset_100", "paged_offset_200")

# Pages, transactions, realized USD, cost of what was matched, sales won and lost, unmatched proceeds.
WORKED = {
    "small wallet, capture 1": (("small_wallet_capture_1",), 7, "0", "0", 0, 0, "0"),
    "small wallet, capture 2": (("small_wallet_capture_2",), 8, "-1805.360072", "5091.877141", 0, 1, "0"),
    "1 round trip": (("complete_1_round_trip",), 2, "56.887354", "45.063773", 1, 0, "0"),
    "2 round trips": (("complete_2_round_trips",), 4, "35.325346", "52.884414", 2, 0, "0"),
    "transfer-fee token": (("complete_transfer_fee_token",), 6, "18.241197", "111.184507", 2, 1, "0"),
    "paged wallet, page 1 only": (PAGES[:1], 100, "-290.574530", "577.484101", 0, 8, "0"),
    "paged wallet, pages 1-2": (PAGES[:2], 200, "1452.866402", "4275.536170", 8, 13, "1985.453002"),
    "paged wallet, pages 1-3": (PAGES, 298, "-10623.761669", "18549.778640", 12, 25, "14116.466893"),
}


def bronze(*samples: str) -> list[Row]:
    items = [item for name in samples for item in parsing.read_items(SAMPLES / f"trader_txs_{name}.json")]
    return parsing.bronze_rows(items)


DRIFT = ("drift_offset_000", "drift_offset_100")
# The same of a wallet that mostly changes money: a conversion is no trade.
CONVERTING = {
    "very active wallet, page 1": (DRIFT[:1], (100, 73), "-0.227093", "404.566404", 0, 6, "27554.136749"),
    "very active wallet, both pages": (DRIFT, (180, 144), "-0.846130", "1108.762485", 3, 10, "35866.312461"),
}


@pytest.mark.parametrize(
    ("net", "match"),
    [(swaps, fifo), (by_swaps, product)],
    ids=["oracle", "kernel"],
)
@pytest.mark.parametrize("wallet", WORKED)
def test_a_recorded_wallet_gives_its_worked_result(wallet: str, net: ModuleType, match: ModuleType) -> None:
    samples, transactions, *figures = WORKED[wallet]
    _check(net.net(bronze(*samples)), match, (transactions, transactions), *figures)


@pytest.mark.parametrize("net", [swaps, by_swaps], ids=["oracle", "kernel"])
@pytest.mark.parametrize("wallet", CONVERTING)
def test_a_wallet_that_converts_gives_its_worked_result(wallet: str, net: ModuleType) -> None:
    samples, *figures = CONVERTING[wallet]
    netted = net.net(bronze(*samples))
    assert not sum(netted.arbitrage_count.values())
    _check(netted, product, *figures)


def _check(
    netted: swaps.Netted,
    match: ModuleType,
    counts: tuple[int, int],
    realized: str,
    cost: str,
    won: int,
    lost: int,
    unmatched: str,
) -> None:
    sales, _ = match.match(netted.trades)
    gains = [sale["realized_pnl_usd"] for sale in sales if sale["realized_pnl_usd"] is not None]

    assert (sum(netted.transaction_count.values()), len(netted.trades)) == counts
    assert sum(gains, Decimal(0)).quantize(MILLIONTH) == Decimal(realized)
    assert sum((sale["cost_usd"] or Decimal(0) for sale in sales), Decimal(0)).quantize(MILLIONTH) == Decimal(cost)
    assert (sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)) == (won, lost)
    rest = sum((sale["proceeds_usd"] - (sale["matched_proceeds_usd"] or 0) for sale in sales), Decimal(0))
    assert rest.quantize(MILLIONTH) == Decimal(unmatched)


@pytest.mark.parametrize(
    ("sample", "open_lots"),
    [
        ("small_wallet_capture_1", {("mae8", 290_988_663_805): "5135.239798"}),
        ("small_wallet_capture_2", {("mae8", 2_357_008_173): "43.362657"}),
        ("complete_1_round_trip", {}),
        (
            "complete_transfer_fee_token",
            {("EhDZ", 38_003_787_063): "1.116001", ("6VPt", 9_623_801_499): "0.180908"},
        ),
    ],
)
def test_what_is_left_of_a_recorded_wallet(sample: str, open_lots: dict[tuple[str, int], str]) -> None:
    _, lots = product.match(by_swaps.net(bronze(sample)).trades)
    tokens = {lot["token_address"] for lot in lots}
    left = {token: [lot for lot in lots if lot["token_address"] == token] for token in tokens}
    actual = {
        (token[:4], sum(lot["remaining_raw"] for lot in of_token)): str(
            sum((lot["remaining_cost_usd"] for lot in of_token), Decimal(0)).quantize(MILLIONTH)
        )
        for token, of_token in left.items()
    }
    assert actual == open_lots


def test_every_recorded_row_is_netted_alike() -> None:
    edge_rows = [element["row"] for element in parsing.read_json(SAMPLES / "trader_txs_edge_rows.json")]
    drift = bronze(*DRIFT)
    assert len(drift) == 180
    for rows in (parsing.bronze_rows(edge_rows), drift, bronze(*PAGES)):
        by_swaps.both(rows)


WORKED_ROWS = {
    ("2buAuD8q", "SELL", "JitoSOL"): ("150.038585535", "volume_usd", "ok"),
    ("2buAuD8q", "BUY", "ZEX"): ("150.038585535", "volume_usd", "ok"),
    ("3fFVCg23", "SELL", "SYLA"): ("46.281158354", "sol", "ok"),
    ("Cqhqoh18", "BUY", "SYLA"): ("46.329724500", "sol", "ok"),
    ("28mcCWbZ", "BUY", "invest"): ("7.892557052", "sol", "suspect"),
}


@pytest.mark.parametrize("net", [swaps.net, by_swaps.net], ids=["oracle", "kernel"])
def test_the_labelled_rows_become_what_is_worked_out_beside_them(net: Callable[[list[Row]], swaps.Netted]) -> None:
    rows = parsing.bronze_rows(element["row"] for element in parsing.read_json(SAMPLES / "trader_txs_edge_rows.json"))
    netted = net(rows)
    found = {
        (row["tx_hash"][:8], row["side"], row["token_symbol"]): (
            str(row["value_usd"]),
            row["value_source"],
            row["price_check"],
        )
        for row in netted.trades
    }
    assert found.items() >= WORKED_ROWS.items()
    assert len(netted.trades) == 18
    assert sum(netted.arbitrage_count.values()) == 2
    assert not netted.rejected


def test_a_later_capture_repeats_the_earlier_rows() -> None:
    earlier, later = ({row["event_id"] for row in bronze(f"small_wallet_capture_{n}")} for n in (1, 2))
    assert earlier < later and len(later - earlier) == 1

"""The generated market: the same for the same seed, continued unchanged, with all that it promises planted."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median
from typing import Any

import pytest

from smart_trader.simulator import addresses
from smart_trader.simulator.market import DEMO_NOW, Market
from smart_trader.simulator.truth import WalletTruth
from smart_trader.simulator.world import MONEY_MINTS, SOL_MINTS, STABLE_MINTS

READ_AT_MOST = 1_000
"""Rows of a wallet that the product reads in a run."""


def contents(market: Market) -> tuple[Any, ...]:
    return market.now, market.tokens, market.holders, market.trades, market.kinds


def rows_of(market: Market) -> list[dict[str, Any]]:
    return [row for wallet in market.trades for row in market.rows(wallet)]


@pytest.fixture(scope="module")
def rows(market: Market) -> list[dict[str, Any]]:
    return rows_of(market)


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(small: Market) -> None:
    assert contents(Market.generate(3, tokens=4, wallets=40, trade_rows=2_000)) == contents(small)
    assert Market.generate(4, tokens=4, wallets=40, trade_rows=2_000).trades.keys() != small.trades.keys()


def test_a_later_market_keeps_every_old_row_and_adds_new_ones(small: Market) -> None:
    later = small.advance(days=3, hours=5)
    assert small.trades.keys() <= later.trades.keys()
    for wallet in small.trades:
        old, new = small.rows(wallet), later.rows(wallet)
        assert new[len(new) - len(old) :] == old
        assert all(row["block_unix_time"] > small.now.timestamp() for row in new[: len(new) - len(old)])
    assert len(rows_of(later)) > len(rows_of(small)) + 20
    assert later.tokens != small.tokens
    assert later.holders != small.holders


def test_the_way_to_a_later_market_does_not_matter(small: Market) -> None:
    in_steps = small.advance(days=1).advance(hours=30).at(small.now.replace(day=7))
    at_once = small.at(small.now.replace(day=7))
    assert contents(in_steps) == contents(at_once)


def test_an_earlier_market_is_what_was_to_be_seen_then(small: Market) -> None:
    again = small.advance(days=9).at(small.now)
    assert (again.tokens, again.holders, rows_of(again)) == (small.tokens, small.holders, rows_of(small))


def test_sizes_are_as_asked_for(market: Market, rows: list[dict[str, Any]]) -> None:
    assert len(rows) == 30_000
    first_pages = [text for texts in market.holders.values() for text in texts[:100]]
    assert {json.loads(text)["owner"] for text in first_pages} == set(market.kinds)
    assert len(market.kinds) == 300
    assert len(market.holders) == 20
    assert market.now == DEMO_NOW == datetime(2025, 9, 1, 9, tzinfo=UTC)


def test_tokens_pass_the_default_filters_at_any_time_and_the_others_fail_for_one_reason(market: Market) -> None:
    for moment in (market, market.advance(days=2)):
        passing = []
        for entry in moment.tokens:
            figures = entry.fields
            failed = [
                name
                for name, holds in {
                    "deep": 100_000 <= figures["liquidity"] <= 10_000_000,
                    "traded": figures["volume_1h_usd"] >= 200_000,
                    "day": (figures["price_change_24h_percent"] or 0) >= 30,
                    "hours": (figures["price_change_2h_percent"] or 0) >= 10,
                    "held": figures["holder"] >= 100,
                    "token": figures["address"] not in MONEY_MINTS,
                }.items()
                if not holds
            ]
            passing += [figures["address"]] if not failed else []
            if figures["symbol"] not in ("SOL", "USDC", "USDT", "NEW"):
                assert len(failed) <= 1, figures["symbol"]
        assert set(passing) == set(market.holders)
    depths = [entry.fields["liquidity"] for entry in market.tokens if entry.fields["address"] in market.holders]
    assert Counter(depth >= 1e6 for depth in depths)[True] >= 3
    assert sum(5e5 <= depth < 1e6 for depth in depths) >= 3
    assert sum(1e5 <= depth < 5e5 for depth in depths) >= 3


def test_names_are_hostile_and_decimals_differ(market: Market) -> None:
    fields = [entry.fields for entry in market.tokens]
    text = "".join(f"{entry['name']}\n{entry['symbol']}\n" for entry in fields)
    for trap in ("<script>", "=cmd", "\u202e", "\x1b", "🐸", "ALL_TOKENS", "../", "L" * 300):
        assert trap in text
    assert "" in {entry["symbol"] for entry in fields}
    assert {0, 5, 6, 9, 18} <= {entry["decimals"] for entry in fields}
    amounts = [json.loads(text)["amount"] for texts in market.holders.values() for text in texts]
    assert 37 <= max(len(amount) for amount in amounts) <= 38


def test_holder_lists_have_several_accounts_of_one_owner_and_owners_that_are_nobody(
    market: Market, rows: list[dict[str, Any]]
) -> None:
    owners = [Counter(json.loads(text)["owner"] for text in texts) for texts in market.holders.values()]
    assert sum(count > 1 for tally in owners for count in tally.values()) > 10
    assert max(len(texts) for texts in market.holders.values()) > 100
    for texts in market.holders.values():
        amounts = [int(json.loads(text)["amount"]) for text in texts]
        assert amounts == sorted(amounts, reverse=True)
    assert {addresses.INCINERATOR, addresses.RAYDIUM_AUTHORITY, *addresses.EXCHANGES} <= set(market.kinds)
    pools = {row["address"] for row in rows}
    assert sum(market.kinds[wallet] == "pool" and wallet in pools for wallet in market.kinds) >= 15
    idle = set(market.kinds) - {row["owner"] for row in rows}
    assert 0.3 < len(idle) / len(market.kinds) < 0.5


def test_rows_come_newest_first_and_nothing_happens_at_the_very_moment(market: Market) -> None:
    for wallet in market.trades:
        times = [row.time or 0 for row in market.trades[wallet]]
        assert times == sorted(times, reverse=True)
        assert market.now.timestamp() not in times


def by_transaction(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["tx_hash"]].append(row)
    return [*found.values()]


def legs(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return row["base"], row["quote"]


def touches(mint: str) -> Callable[[dict[str, Any]], bool]:
    return lambda row: any(leg["address"] == mint for leg in legs(row))


def prices(row: dict[str, Any], mints: set[str]) -> list[Decimal]:
    return [leg["price"] for leg in legs(row) if leg["address"] in mints and leg["price"] is not None]


ROW_TRAPS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "string amount": lambda row: isinstance(row["base"]["amount"], str),
    "float amount, exact change": lambda row: (
        isinstance(row["base"]["amount"], Decimal) and isinstance(row["base"]["change_amount"], int)
    ),
    "float change": lambda row: isinstance(row["base"]["change_amount"], Decimal),
    "no ins_index": lambda row: "ins_index" not in row,
    "null inner_ins_index": lambda row: row["inner_ins_index"] is None,
    "null signers": lambda row: row["signers"] is None,
    "signed by another": lambda row: row["signers"] is not None and row["owner"] not in row["signers"],
    "token price missing": lambda row: any(leg["price"] is None and leg["symbol"] != "SOL" for leg in legs(row)),
    "SOL price missing": lambda row: any(leg["price"] is None and leg["symbol"] == "SOL" for leg in legs(row)),
    "no volume": lambda row: row["volume_usd"] is None,
    "native SOL": touches(addresses.NATIVE_SOL),
    "wrapped SOL": touches(addresses.WRAPPED_SOL),
    "USDC": touches(addresses.USDC),
    "USDT": touches(addresses.USDT),
    "PYUSD": touches(addresses.PYUSD),
    "USDS": touches(addresses.USDS),
    "USD1": touches(addresses.USD1),
    "USDG": touches(addresses.USDG),
    "FDUSD": touches(addresses.FDUSD),
    "stable coin off its peg": lambda row: any(
        Decimal("0.9") < price < Decimal("0.98") for price in prices(row, STABLE_MINTS)
    ),
    "stable coin at an absurd price": lambda row: any(not 0.5 < price < 2 for price in prices(row, STABLE_MINTS)),
    "SOL a thousand times too high": lambda row: any(price > 10_000 for price in prices(row, SOL_MINTS)),
    "decimals missing": lambda row: any(leg["decimals"] is None for leg in legs(row)),
    "split token": lambda row: any(leg.get("multiplier") == 5 for leg in legs(row)),
    "multiplier missing": lambda row: any(
        leg.get("is_scaled_ui_token") and leg["multiplier"] is None for leg in legs(row)
    ),
    "pool that is a name": lambda row: (
        row["address"] == "jupiterz"
        and "ins_index" in row
        and row["inner_ins_index"] is None
        and row["signers"] is None
    ),
    "worthless for worthless": lambda row: all(leg["symbol"].startswith("GEM") for leg in legs(row)),
    "token for token": lambda row: all(leg["address"] not in MONEY_MINTS for leg in legs(row)),
    "dust": lambda row: any(abs(leg["ui_change_amount"]) < Decimal("1e-4") for leg in legs(row)),
}


def test_every_trap_of_a_row_is_there(rows: list[dict[str, Any]]) -> None:
    missing = [name for name, is_it in ROW_TRAPS.items() if sum(map(is_it, rows)) < 3]
    assert not missing


def test_transactions_have_hops_splits_and_fills_that_only_amounts_tell_apart(rows: list[dict[str, Any]]) -> None:
    transactions = by_transaction(rows)
    sizes = Counter(map(len, transactions))
    assert {1, 2, 3} <= set(sizes)
    assert sizes[1] > sizes[2] > sizes[3]
    keys = [
        {(row.get("ins_index"), row["inner_ins_index"], row["address"]) for row in fills}
        for fills in transactions
        if len(fills) == 2 and fills[0]["source"] == "openbook_v2"
    ]
    assert keys
    assert all(len(key) == 1 for key in keys)
    seconds = Counter((first["owner"], first["block_unix_time"]) for first, *_ in transactions)
    assert sum(count > 1 for count in seconds.values()) > 50
    identities = [
        tuple(str(row.get(key)) for key in ("tx_hash", "ins_index", "inner_ins_index", "address", "base", "quote"))
        for row in rows
    ]
    assert len(set(identities)) == len(identities)


def test_a_row_may_be_wrong_about_decimals_but_most_rows_of_its_transaction_are_right(
    market: Market, rows: list[dict[str, Any]]
) -> None:
    listed = {entry.fields["address"]: entry.fields["decimals"] for entry in market.tokens}
    wrong = 0
    for fills in by_transaction(rows):
        told = Counter(
            leg["decimals"] == listed.get(leg["address"], leg["decimals"]) for row in fills for leg in legs(row)
        )
        assert told[False] <= 1
        assert told[True] >= 3 * told[False]
        wrong += told[False]
    assert wrong > 20


def test_those_who_make_up_prices_look_rich_and_have_lost(market: Market) -> None:
    pretenders = of_kind(market, "pretender")
    assert len(pretenders) >= 3
    for truth in pretenders:
        assert truth.total.realized_pnl > 100_000
        assert truth.total.trusted_pnl < 0


def test_trades_are_valued_in_every_way(market: Market) -> None:
    trades = [trade for truth in market.truth.values() for trade in truth.trades]
    assert {trade.value_source for trade in trades} == {"stable", "sol", "volume_usd", "token_price", "none"}
    assert {trade.price_check for trade in trades} == {"ok", "one_sided", "suspect", "rejected"}
    truths = [*market.truth.values()]
    assert sum(truth.total.arbitrage_tx_count or 0 for truth in truths) > 500
    assert sum(sale.unmatched > 0 for truth in truths for sale in truth.sales) > 50
    assert sum(sale.unknown_cost > 0 for truth in truths for sale in truth.sales) >= 1
    assert max(trade.quantity for trade in trades) > 10**33


def of_kind(market: Market, kind: str) -> list[WalletTruth]:
    return [market.truth[wallet] for wallet, planted in market.kinds.items() if planted == kind and market.rows(wallet)]


def is_safe_to_follow(truth: WalletTruth) -> bool:
    total = truth.total
    if total.roi is None or total.win_rate is None or total.coverage_ratio is None:
        return False
    return (
        total.realized_pnl >= 10 and total.roi >= 1 and total.win_rate >= 40 and total.coverage_ratio >= Decimal("0.8")
    )


def trades_per_active_day(truth: WalletTruth) -> float:
    return len(truth.trades) / len({trade.time // 86_400 for trade in truth.trades})


@pytest.mark.parametrize("seed", [None, 20261120])
def test_the_skilled_are_clearly_recommended(market: Market, seed: int | None) -> None:
    market = market if seed is None else Market.generate(seed)
    skilled = of_kind(market, "skilled")
    assert len(skilled) >= 10
    for truth in skilled:
        assert truth.total.realized_pnl > 1_000
        assert (truth.total.roi or 0) > 20
        assert (truth.total.win_rate or 0) > 60
        assert (truth.total.coverage_ratio or 0) > Decimal("0.9")
        assert len(truth.tokens) >= 3
        assert len(market.rows(truth.wallet)) < READ_AT_MOST
        assert trades_per_active_day(truth) < 50
    assert sum(truth.total.realized_pnl > 10_000 for truth in skilled) >= 5
    assert sum(truth.total.realized_pnl < 10_000 for truth in skilled) >= 2


def test_the_others_are_not_for_their_own_reasons(market: Market) -> None:
    for truth in of_kind(market, "lucky"):
        assert truth.total.realized_pnl > 100
        assert (truth.total.win_rate or 0) < 30
    losing = of_kind(market, "losing")
    assert sum(truth.total.realized_pnl < 0 for truth in losing) > 0.8 * len(losing)
    for truth in of_kind(market, "bot"):
        holding = _median_holding_seconds(truth)
        assert holding < 60
        assert is_safe_to_follow(truth)
    for truth in of_kind(market, "arbitrageur"):
        loops = truth.total.arbitrage_tx_count or 0
        assert loops > 0.2 * (loops + len(truth.trades))
    assert any(is_safe_to_follow(truth) for truth in of_kind(market, "pool"))


def _median_holding_seconds(truth: WalletTruth) -> float:
    """From a purchase to the next sale of the token: a bot holds one lot at a time."""
    bought: dict[str, int] = {}
    held = []
    for trade in truth.trades:
        if trade.side == "BUY":
            bought[trade.token] = trade.time
        elif trade.token in bought:
            held.append(trade.time - bought[trade.token])
    return median(held)


def test_every_history_is_read_whole_in_one_run(market: Market) -> None:
    assert max(map(len, market.trades.values())) < READ_AT_MOST


def test_a_cut_leaves_the_oldest_second_for_later(market: Market) -> None:
    limit = 500
    long = [wallet for wallet, rows in market.trades.items() if len(rows) > limit + 100]
    assert len(long) >= 5
    for wallet in long[:3]:
        rows, down_to = market.rows(wallet), market.read_down_to(wallet, limit)
        assert down_to is not None
        read = [row for row in rows if row["block_unix_time"] >= down_to]
        assert limit - 10 <= len(read) < limit
        assert rows[len(read)]["block_unix_time"] == down_to - 1
        cut = market.truth_for(wallet, down_to)
        assert {trade.tx_hash for trade in cut.trades} < {row["tx_hash"] for row in read}
        assert len(cut.trades) < len(market.truth[wallet].trades)
    short = next(wallet for wallet, rows in market.trades.items() if 0 < len(rows) < limit)
    assert market.read_down_to(short, limit) is None


def test_given_payloads_are_served_as_they_are() -> None:
    wallet, mint = addresses.address("w"), addresses.address("m")
    rows: list[dict[str, Any] | str] = [{"block_unix_time": 5, "price": Decimal("1.10")}, "{broken", {"no": "time"}]
    market = Market.of_payloads(tokens=[{"address": mint}], holders={mint: [{"amount": "1"}]}, trades={wallet: rows})
    assert [row.text for row in market.trades[wallet]] == [
        '{"block_unix_time":5,"price":1.10}',
        "{broken",
        '{"no":"time"}',
    ]
    assert market.holders == {mint: ['{"amount":"1"}']}
    with pytest.raises(KeyError):  # nobody planned them
        market.truth[wallet]
    with pytest.raises(ValueError, match="generated"):
        market.advance(days=1)

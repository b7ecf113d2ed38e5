"""The kernel of swaps driven over dictionaries of rows, so that its trades can be laid beside those of the oracle."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from smart_trader.domain.kernel import swaps
from smart_trader.domain.kernel.money import MONEY
from smart_trader.domain.kernel.trades import trade_id
from tests.domain.kernel.product import VALUE_RULES, assert_same, decimal, index_of, scaled
from tests.oracle import swaps as oracle
from tests.oracle.numbers import SECOND, Row
from tests.oracle.units import SOL_MINTS, STABLE_MINTS, Scales, order_of

SOL, USDC, USDT = SOL_MINTS[1], *STABLE_MINTS[:2]
NATIVE = SOL_MINTS[0]
A, B, C = "TokenAaaa", "TokenBbbb", "TokenCccc"


def net(rows: list[Row]) -> oracle.Netted:
    """The rows by the kernel, which is given what the whole wallet knows of units."""
    result = oracle.Netted()
    wallets: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in reversed(rows):
        wallets[row["wallet_address"]][row["event_id"]] = row
    for of_wallet in wallets.values():
        _net_wallet(sorted(of_wallet.values(), key=order_of), result)
    return result


def _net_wallet(own: list[Row], result: oracle.Netted) -> None:
    scales = Scales(own, {})
    transactions: dict[str, list[Row]] = defaultdict(list)
    for place, row in enumerate(own):
        known = {f"{side}_known": known_units(row, side, scales, place) for side in ("base", "quote")}
        transactions[row["tx_hash"]].append(row | known)
    for group in transactions.values():
        ordered = sorted(group, key=index_of)
        netted = swaps.net([swap_row(row) for row in ordered], VALUE_RULES)
        wallet = ordered[0]["wallet_address"]
        result.transaction_count[wallet] += 1
        result.arbitrage_count[wallet] += netted.is_arbitrage
        result.rejected += [(ordered[place]["event_id"], "too_large") for place in netted.rejected]
        result.trades += [trade_row(trade, ordered) for trade in netted.trades]


def known_units(row: Row, side: str, scales: Scales, place: int) -> tuple[int | None, int | None]:
    given = row.get(f"{side}_multiplier")
    multiplier = scales.multiplier(row[f"{side}_address"], given, place)
    exact = None if given is None else 0 if multiplier is None else int(multiplier * 10**18)
    return scales.decimals(row[f"{side}_address"]), exact


def swap_row(row: Row) -> tuple[Any, ...]:
    values: list[Any] = []
    for side in ("base", "quote"):
        values += [row[f"{side}_address"], row[f"{side}_symbol"], *row[f"{side}_known"]]
        values += [row[f"{side}_change_raw"], scaled(row[f"{side}_price"], 18)]
    return (*values, scaled(row["volume_usd"], 9))


def trade_row(trade: swaps.Trade, rows: list[Row]) -> Row:
    last = rows[trade.rows[-1]]
    wallet, tx_hash = last["wallet_address"], last["tx_hash"]
    return {
        "trade_id": trade_id(wallet, tx_hash, trade.mint, is_second=trade.is_second),
        "wallet_address": wallet,
        "token_address": trade.mint,
        "token_symbol": trade.symbol,
        "decimals": trade.decimals,
        "side": trade.side,
        "quantity_raw": trade.quantity,
        "value_usd": decimal(trade.value, 9),
        "value_source": trade.value_source,
        "price_check": trade.price_check,
        "cost_known": trade.value is not None if trade.side == "BUY" else None,
        "block_time": last["block_time"],
        "block_number": last["block_number"],
        "tx_hash": tx_hash,
        "swap_group_id": trade_id(wallet, tx_hash, trade.pair) if trade.pair else None,
        "source": last["source"],
        "event_ids": sorted(rows[place]["event_id"] for place in trade.rows),
    }


def both(rows: list[Row]) -> oracle.Netted:
    actual, expected = net(rows), oracle.net(rows)
    assert_same(actual.trades, expected.trades, "trade_id")
    assert sorted(actual.rejected) == sorted(expected.rejected)
    assert actual.arbitrage_count == expected.arbitrage_count
    assert actual.transaction_count == expected.transaction_count
    return actual


def leg(mint: str, change: int, price: str | None = None, **more: Any) -> Row:
    places = {A: 6, B: 9, C: 0} | dict.fromkeys(MONEY, 6) | dict.fromkeys(SOL_MINTS, 9)
    given = {"decimals": places.get(mint), "multiplier": None} | more
    return {"address": mint, "symbol": mint[-5:], "change_raw": change, "price": price and Decimal(price)} | given


def rows_of(*pairs: tuple[Row, Row], volume: str | None = None, tx: str = "tx", at: int = 1_000) -> list[Row]:
    rows = []
    for place, (base, quote) in enumerate(pairs):
        row: Row = {
            "event_id": f"{tx} {place}",
            "wallet_address": "Wallet",
            "tx_hash": tx,
            "block_time": at * SECOND,
            "block_number": at,
            "ins_index": place,
            "inner_ins_index": None,
            "source": f"venue {place}",
            "volume_usd": volume and Decimal(volume),
        }
        for side, given_leg in (("base", base), ("quote", quote)):
            row |= {f"{side}_{name}": value for name, value in given_leg.items()}
        rows.append(row)
    return rows


def bought(token: str, raw: int, dollars: int, **more: Any) -> tuple[Row, Row]:
    return leg(token, raw, **more), leg(USDC, -dollars * 10**6)


def sold(token: str, raw: int, dollars: int, **more: Any) -> tuple[Row, Row]:
    return leg(token, -raw, **more), leg(USDC, dollars * 10**6)


def told(netted: oracle.Netted) -> list[tuple[Any, ...]]:
    """Side, token, raw amount, dollars, source and check of each trade, by token and side."""
    return sorted(
        (row["token_address"], row["side"], row["quantity_raw"], row["value_usd"], row["value_source"])
        for row in netted.trades
    )

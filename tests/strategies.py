"""Hostile histories for hypothesis: trade rows as they could stand in bronze, trades as they could stand in silver.

Amounts, prices and times come from small pools around the thresholds of `pnl.md`, so that ties, exact limits and
cancelling hops are common instead of never. Rows and trades are dictionaries of column name and value; times are
microseconds, UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.oracle.numbers import DAY, HOUR, SECOND, Row, id_of, rounded
from tests.oracle.parsing import event_id
from tests.oracle.units import SOL_MINTS, STABLE_MINTS

NOW = 1_760_000_000 * SECOND
MAX_RAW = 10**38 - 1
MAX_PRICE = 10**20
NATIVE_SOL, WRAPPED_SOL = SOL_MINTS
USDC, USDT = STABLE_MINTS[:2]

WALLETS = ("WalletAaaa", "WalletBbbb", "WalletCccc")
DECIMALS: dict[str, int | None] = {
    **dict.fromkeys(SOL_MINTS, 9),
    **dict.fromkeys(STABLE_MINTS, 6),
    "MintWithNone": None,
    "MintWith0": 0,
    "MintWith6": 6,
    "MintWith9": 9,
    "MintWith12": 12,
}
TOKENS = ("MintWith6", "MintWith9", "MintWith0", "MintWith12")
MONEY_MINTS = (*SOL_MINTS, *STABLE_MINTS)

# Around $10 and 0.05 SOL, the limits of what counts as a fee.
_money_raw = st.sampled_from((1, 10**7, 10**7 + 1, 5 * 10**7, 5 * 10**7 + 1, 10**9, 3 * 10**9, 123_456_789, 10**15))
_token_units = st.sampled_from((1, 2, 5, 1000, 1_000_000))
_wild_raw = st.integers(1, MAX_RAW) | st.sampled_from((1, 2, 3, 10**18, 2**63, 2**64 + 1, MAX_RAW))
# The price of one leg over the fair one, around the limits of the price check.
_gaps = st.sampled_from(
    [Fraction(gap) for gap in ("1", "1", "1", "1.2", "1.25", "1.2500001", "2", "10", "10.0000001", "1000000")]
)
_no_price = st.sampled_from((None, None, Decimal(0), Decimal(-3)))
_stable_prices = st.sampled_from(
    [None, *(Decimal(price) for price in ("1", "1", "0.98", "0.979999", "1.02", "1.020001", "0.5", "0", "-1", "40"))]
)
_wild_prices = st.sampled_from([Decimal(p) for p in ("1E-18", "0.000000001", "0.03", "7", "123456789012", "1E+19")])
_volumes = st.sampled_from(
    [None, *(Decimal(volume) for volume in ("0", "-5", "0.000000001", "99.5", "100", "1234567.891", "1E+17"))]
)


SCALED = "MintWith12"
_multipliers = st.sampled_from((None, *map(Decimal, ("0", "0", "1", "10", "2.5", "1E-9"))))


def _decimals_of(mint: str) -> st.SearchStrategy[int | None]:
    """Of a token sometimes others, or none."""
    own = DECIMALS[mint]
    return st.just(own) if mint in MONEY_MINTS else st.sampled_from((*(own,) * 6, None, 7))


@dataclass
class _Leg:
    mint: str
    change: int
    price: Decimal | None = None


@dataclass
class _Swap:
    """One row of a transaction before it has an index, a pool and prices."""

    base: _Leg
    quote: _Leg
    volume: Decimal | None = field(default=None)


def _token_raw(draw: Any, mint: str) -> int:
    units, rest = draw(st.tuples(_token_units, st.sampled_from((0, 0, 1))))
    return int(units * 10 ** (DECIMALS[mint] or 0) + rest)


def _moved(mint: str, change: int, for_mint: str, for_change: int) -> _Swap:
    return _Swap(_Leg(mint, change), _Leg(for_mint, for_change))


@st.composite
def _swaps(draw: Any) -> list[_Swap]:
    """What the rows of one transaction move; every line of the netting table, and what lies between them."""
    a, b, c = draw(st.permutations(TOKENS))[:3]
    money, other = draw(st.lists(st.sampled_from(MONEY_MINTS), min_size=2, max_size=2))
    x, z, w = (_token_raw(draw, mint) for mint in (a, b, c))
    y, fee, sign = draw(_money_raw), draw(_money_raw), draw(st.sampled_from((1, -1)))

    shape = draw(st.sampled_from(_SHAPES))
    match shape:
        case "simple":
            return [_moved(a, sign * x, money, -sign * y)]
        case "wild":
            return [_moved(a, sign * draw(_wild_raw), money, -sign * draw(_wild_raw))]
        case "too large":
            return [_moved(a, sign * MAX_RAW, money, -sign * y), _moved(a, sign * draw(_wild_raw), money, -sign * y)]
        case "split":
            return [_moved(a, sign * x, money, -sign * y), _moved(a, sign * x, other, -sign * fee)]
        case "hop":
            return [_moved(money, -sign * y, b, sign * z), _moved(b, -sign * z, a, sign * x)]
        case "hop with a rest":
            return [_moved(money, -sign * y, b, sign * z), _moved(b, -sign * (z + sign), a, sign * x)]
        case "token for token":
            return [_moved(a, -x, b, z)]
        case "token for token and a fee":
            return [_moved(a, -x, b, z), _moved(draw(st.sampled_from((a, b, c))), 0, money, -sign * fee)]
        case "token for token through money":
            back = draw(st.sampled_from((y, y + 1, y - 1, y + fee, 0)))
            return [_moved(a, -x, money, y), _moved(money, -back, b, z)]
        case "token for token through two kinds of money":
            return [_moved(a, -x, money, y), _moved(money, -y, other, fee), _moved(other, -fee, b, z)]
        case "token for token through a hop before the money":
            return [_moved(a, -x, c, w), _moved(c, -w, money, y), _moved(money, -y, b, z)]
        case "token for token through a hop after the money":
            return [_moved(a, -x, money, y), _moved(money, -y, c, w), _moved(c, -w, b, z)]
        case "part sold, part bought back":
            return [_moved(a, -2 * x, money, 2 * y), _moved(a, x, money, -fee), _moved(money, -y, b, z)]
        case "money of the same sign":
            return [_moved(a, sign * x, money, sign * y)]
        case "money of both signs":
            return [_moved(a, sign * x, money, -sign * y), _moved(a, sign * x, other, sign * fee)]
        case "no money":
            return [_moved(a, sign * x, b, 0)]
        case "unknown decimals":
            return [_moved("MintWithNone", sign * x, money, -sign * y)]
        case "token of unknown decimals for token":
            return [_moved("MintWithNone", sign * x, a, -sign * x)]
        case "round trip":
            return [_moved(money, -y, a, x), _moved(a, -x, other, fee)]
        case "round trip with a rest":
            return [_moved(money, -y, a, x), _moved(a, 1 - x, money, y + sign)]
        case "conversion":
            return [_moved(money, -y, other, fee)]
        case "nothing":
            return [_moved(a, 0, money, 0)]
        case "several tokens":
            return [_moved(a, x, b, sign * z), _moved(money, -y, c, w)]
        case _:
            legs = st.builds(_Leg, st.sampled_from((a, b, money, other)), st.sampled_from((-x, x, -1, 0, 1, y, -y)))
            swaps: list[_Swap] = draw(st.lists(st.builds(_Swap, legs, legs), min_size=1, max_size=4))
            return [swap for swap in swaps if swap.base.mint != swap.quote.mint] or [_moved(a, x, money, -y)]


_SHAPES = (
    *("simple",) * 4,
    *("token for token",) * 2,
    *("token for token through money",) * 2,
    *("random",) * 3,
    "wild",
    "too large",
    "split",
    "hop",
    "hop with a rest",
    "token for token and a fee",
    "token for token through two kinds of money",
    "token for token through a hop before the money",
    "token for token through a hop after the money",
    "part sold, part bought back",
    "money of the same sign",
    "money of both signs",
    "no money",
    "unknown decimals",
    "token of unknown decimals for token",
    "round trip",
    "round trip with a rest",
    "conversion",
    "nothing",
    "several tokens",
)


def _price(draw: Any, swap: _Swap) -> None:
    """Mostly fair prices times a gap; sometimes none, sometimes an absurd one."""
    for leg in (swap.base, swap.quote):
        if leg.mint in STABLE_MINTS:
            leg.price = draw(_stable_prices)
        elif leg.mint in SOL_MINTS:
            leg.price = draw(st.sampled_from((Decimal(100), Decimal(100), Decimal("150.25"), None, Decimal(0))))
        else:
            leg.price = draw(_no_price | st.just(Decimal("0.5")) | _wild_prices)
    known, derived = draw(st.permutations((swap.base, swap.quote)))
    if derived.mint in MONEY_MINTS:
        known, derived = derived, known
    decimals, of_known = DECIMALS[derived.mint], DECIMALS[known.mint]
    is_fair = draw(st.integers(0, 3)) and derived.change and known.price and derived.mint not in MONEY_MINTS
    if is_fair and decimals is not None and of_known is not None and known.price is not None:
        worth = abs(Fraction(known.change, 10**of_known) * Fraction(known.price)) * draw(_gaps)
        price = rounded(worth * 10**decimals / abs(derived.change), 18)
        derived.price = price if price < MAX_PRICE else None


@st.composite
def transactions(draw: Any, wallets: Sequence[str] = WALLETS) -> list[Row]:
    """The bronze rows of one transaction, in no particular order."""
    wallet, tx_hash = draw(st.sampled_from(wallets)), f"tx{draw(st.integers(0, 10**6))}"
    seconds = draw(st.integers(-2, 2)) + draw(st.sampled_from((0, 0, 3600, 86_400 * 40)))
    block_number = draw(st.sampled_from((None, 1, 2)))
    swaps = draw(_swaps())
    volumes = draw(st.booleans())
    rows = []
    for place, swap in enumerate(swaps):
        _price(draw, swap)
        row: Row = {
            "wallet_address": wallet,
            "tx_hash": tx_hash,
            "block_time": NOW - 50 * DAY + seconds * SECOND,
            "block_number": block_number,
            "ins_index": draw(st.sampled_from((place, place, len(swaps) - place, None))),
            "inner_ins_index": draw(st.sampled_from((None, 0, 1))),
            "pool_address": draw(st.sampled_from(("PoolA", "PoolB"))),
            "source": f"venue{draw(st.integers(0, 2))}",
            "tx_type": "swap",
            "volume_usd": draw(_volumes) if volumes else None,
        }
        sides = ("base", "quote") if draw(st.booleans()) else ("quote", "base")
        for side, leg in zip(sides, (swap.base, swap.quote), strict=True):
            row[f"{side}_address"] = leg.mint
            row[f"{side}_symbol"] = draw(st.sampled_from((leg.mint[-4:], None, "Same")))
            row[f"{side}_decimals"] = draw(_decimals_of(leg.mint))
            row[f"{side}_change_raw"] = leg.change
            row[f"{side}_multiplier"] = draw(_multipliers) if leg.mint == SCALED else None
            row[f"{side}_price"] = leg.price
        rows.append(row | {"event_id": event_id(row)})
    return list({row["event_id"]: row for row in rows}.values())


@st.composite
def bronze_histories(draw: Any, max_transactions: int = 5) -> list[Row]:
    """Rows of several wallets, shuffled; event_id is unique, as the key of the table says."""
    drawn = draw(st.lists(transactions(), min_size=1, max_size=max_transactions))
    rows = {row["event_id"]: row for row in _apart(drawn)}
    return shuffled(draw, list(rows.values()))


def _apart(drawn: list[list[Row]]) -> list[Row]:
    """Two wallets may share a transaction; one wallet has each hash once, or its rows would merge."""
    seen: set[tuple[str, str]] = set()
    rows = []
    for transaction in drawn:
        key = transaction[0]["wallet_address"], transaction[0]["tx_hash"]
        rows += [] if key in seen else transaction
        seen.add(key)
    return rows


def shuffled(draw: Any, rows: list[Row]) -> list[Row]:
    """Cheaper than `st.permutations`, and shrinks to the order given."""
    seed = draw(st.integers(0, 99))
    if seed:
        rows = list(rows)
        Random(seed).shuffle(rows)
    return rows


_small_quantities = st.integers(1, 6)
_any_quantity = st.integers(1, 10) | st.integers(1, MAX_RAW) | st.sampled_from((MAX_RAW, 10**37, 2**63, 3, 7))
_small_nano = st.none() | st.integers(0, 12)
_sources = st.sampled_from(("sol", "stable", "sol", "volume_usd", "token_price"))
_any_nano = st.none() | st.integers(0, 12) | st.integers(0, 10**27) | st.sampled_from((0, 1, 10**27, 10**9))
# Ties of time are common; gaps reach past every window and the 7 days after which a token is dead.
_times = st.integers(0, 3).map(lambda n: n * SECOND) | st.integers(0, 60).map(lambda n: n * 2 * DAY + n * HOUR + n)


@st.composite
def trade_histories(
    draw: Any,
    *,
    small: bool = False,
    values_known: bool = False,
    max_trades: int = 14,
    wallets: Sequence[str] = WALLETS[:2],
    tokens: Sequence[str] = TOKENS[:2],
) -> list[Row]:
    """Rows of silver.trades in no order: oversold, tied, of unknown value, as wide as their columns."""
    quantity = _small_quantities if small else _any_quantity
    nano = _small_nano if small else _any_nano
    facts = st.tuples(
        st.sampled_from(wallets),
        st.sampled_from(tokens),
        st.sampled_from(("BUY", "BUY", "SELL")),
        quantity,
        nano.filter(lambda value: value is not None) if values_known else nano,
        _times,
        st.sampled_from((None, 1, 2)),
        _sources,
    )
    drawn = draw(st.lists(facts, min_size=1, max_size=max_trades))
    return shuffled(draw, [trade_row(f"tx{place}", *fact) for place, fact in enumerate(drawn)])


def trade_row(
    tx_hash: str,
    wallet: str,
    token: str,
    side: str,
    quantity: int,
    nano: int | None,
    after: int,
    block_number: int | None = None,
    source: str = "sol",
) -> Row:
    """One row of silver.trades; `after` counts microseconds from 120 days before NOW, `source` is that of its value."""
    return {
        "trade_id": id_of(wallet, tx_hash, token),
        "wallet_address": wallet,
        "token_address": token,
        "token_symbol": token[-5:],
        "decimals": DECIMALS[token],
        "side": side,
        "quantity_raw": quantity,
        "value_usd": None if nano is None else rounded(Fraction(nano, 10**9), 9),
        "value_source": "none" if nano is None else source,
        "price_check": "ok",
        "cost_known": nano is not None if side == "BUY" else None,
        "block_time": NOW - 120 * DAY + after,
        "block_number": block_number,
        "tx_hash": tx_hash,
        "swap_group_id": None,
        "source": "venue0",
        "event_ids": [id_of(tx_hash)],
    }


_mark_prices = st.sampled_from(
    [None, *(Decimal(price) for price in ("0", "1E-18", "0.000000000123456789", "0.5", "2", "3000", "1E+15"))]
)
_mark_ages = st.sampled_from((None, 0, DAY - SECOND, DAY, DAY + SECOND, 30 * DAY, -HOUR))
_liquidities = st.sampled_from(
    [None, *(Decimal(liquidity) for liquidity in ("0", "0.00000005", "100", "50000", "1E+18"))]
)


@st.composite
def markets(draw: Any, tokens: Sequence[str] = TOKENS) -> dict[str, Row]:
    """The newest snapshot of some tokens: fresh, stale, without a price, in a thin market."""
    return {
        token: {
            "price": draw(_mark_prices),
            "last_trade_at": None if (age := draw(_mark_ages)) is None else NOW - age,
            "liquidity_usd": draw(_liquidities),
        }
        for token in draw(st.sets(st.sampled_from(tokens)))
    }


@st.composite
def wallet_facts(draw: Any, wallets: Sequence[str] = WALLETS) -> dict[str, Row]:
    """What bronze, the fetch and the shipped lists know of each wallet that was read."""
    return {
        wallet: {
            "history_complete": draw(st.booleans()),
            "arbitrage_tx_count": draw(st.sampled_from((0, 3, 10, 11))),
            "transaction_count": draw(st.sampled_from((49, 50, 55))),
            "rejected_rows": draw(st.integers(0, 3)),
            "is_pool_of_a_row": draw(st.booleans()),
            "listed_as": draw(st.sampled_from((None, None, "pool", "exchange"))),
        }
        for wallet in wallets
    }

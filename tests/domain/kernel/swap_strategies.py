"""Rows of a wallet for hypothesis, around the limits of swaps: what is left over, sane prices, what cancels out."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from smart_trader.domain.kernel.money import MONEY
from tests.domain.kernel.by_swaps import NATIVE, SOL, USDC, USDT, A, B, C, leg, rows_of
from tests.oracle.numbers import Row

# Amounts around 2 % of one another, prices around the bounds of sanity, and what cancels out.
_amounts = st.sampled_from(
    (1, 2, 20, 98, 100, 1_000, 10**6, 98 * 10**4, 102 * 10**4, 10**9, 98 * 10**7, 10**7, 3 * 10**9)
)
_wild = st.integers(1, 10**38 - 1)
_prices = st.sampled_from(
    [
        None,
        *map(Decimal, ("0", "-1", "1", "0.98", "1.03", "0.5", "0.4999", "2", "2.01", "150", "0.99", "10000", "10001")),
    ]
) | st.sampled_from([Decimal(p) for p in ("1E-18", "1E-9", "123456789012", "0.03", "40", "7")])
volumes = st.sampled_from([None, *map(Decimal, ("0", "-5", "0.000000001", "100", "99.9", "90", "110", "1E+17"))])
_mints = st.sampled_from((A, A, B, C, SOL, SOL, NATIVE, USDC, USDT))
_decimals = st.sampled_from((None, 0, 6, 6, 6, 9))
_multipliers = st.sampled_from((None, None, None, Decimal(0), Decimal(1), Decimal(10), Decimal("0.5")))


@st.composite
def legs(draw: Any) -> Row:
    mint = draw(_mints)
    amount = draw(st.one_of(_amounts, _amounts, _amounts, _amounts, st.just(0), _wild))
    more = {} if mint in MONEY else {"decimals": draw(_decimals), "multiplier": draw(_multipliers)}
    price = draw(_prices)
    return leg(mint, draw(st.sampled_from((1, -1))) * amount, None, **more) | {"price": price}


@st.composite
def wallets(draw: Any) -> list[Row]:
    rows: list[Row] = []
    for nth in range(draw(st.integers(1, 3))):
        pairs = draw(st.lists(st.tuples(legs(), legs()), min_size=1, max_size=5))
        own = rows_of(*pairs, tx=f"tx{nth}", at=1_000 + draw(st.integers(0, 2)))
        rows += [row | {"volume_usd": draw(volumes)} for row in own]
    return rows


@st.composite
def routes(draw: Any) -> list[Row]:
    """Money to a middle token to a token, or back, of which something is left at each stop."""
    stops = draw(st.permutations((SOL, A, B, USDC)))[: draw(st.integers(3, 4))]
    pairs, amount = [], draw(_amounts)
    for here, there in pairwise(stops):
        arrives = draw(_amounts)
        pairs.append((leg(here, -amount) | {"price": draw(_prices)}, leg(there, arrives) | {"price": draw(_prices)}))
        amount = max(1, arrives + draw(st.sampled_from((0, 0, 1, -1, arrives // 50, -(arrives // 50), arrives // 9))))
    return [row | {"volume_usd": draw(volumes)} for row in rows_of(*pairs)]

"""What is known of a wallet's tokens and of its best sales: Spark against plain Python over the same rows."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from pyspark.sql import SparkSession

from smart_trader.domain.gold import skill
from smart_trader.domain.gold.best_sales import sum_best_sales
from smart_trader.domain.kernel.skill import Priors
from smart_trader.domain.silver import realized_sales, tracked_whales, trades, wallet_pnl
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from tests.domain.gold.portfolios import portfolio
from tests.frames import collected, frame
from tests.oracle import skill as oracle

CLOSED = Fraction(98, 100)
FITS = 10**38 - 1
Figures = dict[str, Any]


def token(wallet: str, name: str, pnl: str | None, cost: str | None, left: str | None, **figures: Any) -> Figures:
    """A row of silver.wallet_pnl of a token that was won, unless others are given."""
    known = {"trusted_pnl": pnl and Decimal(pnl), "trusted_cost_of_sold": cost and Decimal(cost)}
    position = {"current_position_cost_basis": left and Decimal(left)}
    return portfolio(
        wallet, token_address=name, **{"winning_tokens": 1, "losing_tokens": 0} | known | position | figures
    )


LOST = {"winning_tokens": 0, "losing_tokens": 1}
NEITHER = {"winning_tokens": 0, "losing_tokens": 0}
TOKENS = [
    token("a", "flat", "50", "100", "0"),
    token("a", "closed at the edge", "50", "100", "25"),
    token("a", "dead below it", "50", "100", "25"),
    token("a", "wide and closed", "1", "3", "1"),
    token("a", "wide and dead", "-1", "3", "4", **LOST),
    token("a", "undecided", "77", "100", "0", **NEITHER),
    token("a", ALL_TOKENS, "99", "100", "0", winning_tokens=5, losing_tokens=1),
    token("b", "cost nothing", "5", "0", None),
    token("b", "unknown", None, None, None, **LOST),
    token("c", "undecided", "7", "100", "0", **NEITHER),
    token("d", "far up", "100000", "1", "0"),
    token("d", "all lost", "0", "0", "9", **LOST),
]
BOUGHT = {
    "closed at the edge": [60, 40],
    "dead below it": [100],
    "wide and closed": [FITS, FITS, FITS],
    "wide and dead": [FITS] * 12,
    "all lost": [5],
    "flat": [8],
}
OUT = {
    "closed at the edge": [(90, 5), (0, 3)],
    "dead below it": [(97, 0)],
    "wide and closed": [(FITS, 0), (0, FITS), (FITS - 9, 0)],
    "wide and dead": [(FITS, 0)] * 11,
    "flat": [(8, 0)],
}
RETURNS = {
    "a": [
        *(Decimal(50), Decimal(50), Decimal(20)),  # flat, closed, (50 - 25) / (100 + 25)
        *(Decimal("33.333333"), Decimal("-71.428571")),  # 1 / 3, (-1 - 4) / (3 + 4)
    ],
    "b": [],
    "d": [Decimal(1_000), Decimal(-100)],
}


def sums(spark: SparkSession) -> Any:
    """What `skill` is told of TOKENS, BOUGHT and OUT. A purchase of another wallet changes nothing."""
    wallet_of = {row["token_address"]: row["wallet_address"] for row in TOKENS if row["token_address"] in BOUGHT}
    bought = [(wallet_of[name], name, "BUY", Decimal(q)) for name, all_of in BOUGHT.items() for q in all_of]
    sold = [(wallet_of[name], name, "SELL", Decimal(sum(q))) for name, all_of in OUT.items() for q in all_of]
    names = ("wallet_address", "token_address", "side", "quantity_raw")
    rows = [dict(zip(names, row, strict=True)) for row in (*bought, *sold, ("b", "flat", "BUY", Decimal(FITS)))]
    parts = [
        {"wallet_address": wallet_of[name], "token_address": name, "matched_raw": known, "unknown_cost_raw": unknown}
        for name, all_of in OUT.items()
        for known, unknown in (map(Decimal, pair) for pair in all_of)
    ]
    return skill.sum_tokens(
        frame(spark, wallet_pnl.TABLE, *TOKENS),
        frame(spark, realized_sales.TABLE, *parts),
        frame(spark, trades.TABLE, *rows),
        closed_ratio=CLOSED,
    )


def test_decided_tokens_are_added_up_by_what_they_returned(spark: SparkSession) -> None:
    found = {row["wallet_address"]: row for row in collected(sums(spark))}
    assert found.keys() == RETURNS.keys()
    for wallet, returns in RETURNS.items():
        micros = [int(one.scaleb(6)) for one in returns]
        row = found[wallet]
        assert row["return_tokens"] == len(micros), wallet
        assert (row["return_total"], row["return_squares"]) == (sum(micros), sum(r * r for r in micros)), wallet
    assert {w: (row["decided_tokens"], row["won_tokens"]) for w, row in found.items()} == {
        "a": (5, 4),
        "b": (2, 1),
        "d": (2, 1),
    }


def test_what_is_usual_is_made_of_persons_alone(spark: SparkSession) -> None:
    kinds = {"a": "person", "b": "bot", "d": "person", "nobody": "person"}
    classes = [
        {"wallet_address": wallet, "token_address": token, "wallet_class": kind}
        for wallet, kind in kinds.items()
        for token in ("T1", "T2")
    ]
    groups = skill.groups_of(sums(spark), frame(spark, tracked_whales.TABLE, *classes)).collect()
    priors = skill.priors_of(groups)
    wins, returns = oracle.beta([[1, 1, 1, 1, 0], [1, 0]]), oracle.normal([RETURNS["a"], RETURNS["d"]])
    assert wins and returns and priors.returns
    assert priors.wins == wins
    assert priors.returns == (returns.mean * 10**6, returns.between * 10**12, returns.within * 10**12)
    assert skill.priors_of([]) == Priors(None, None)


def test_what_is_left_without_the_best_sales(spark: SparkSession) -> None:
    random = Random(24)
    results: dict[str, list[Decimal | None]] = defaultdict(list)
    for nth in range(200):
        results[f"w{nth % 40}"].append(Decimal(random.randint(-(10**24), 10**24)).scaleb(-9))
    largest = Decimal(10**28 - 1).scaleb(-9)
    results |= {
        "one lost": [Decimal("-5.000000001")],
        "two, equal": [Decimal(2), Decimal(2)],
        "none known": [None],
        "with an unknown": [None, Decimal(1), Decimal(-3)],
        "one nano": [Decimal(1).scaleb(-9)] * 5,
        "too large": [largest] * 5,
        "fits": [largest, largest, largest, largest],
    }
    rows = [
        {"trade_id": f"{wallet} {nth}", "wallet_address": wallet, "realized_pnl_usd": result}
        for wallet, all_of in results.items()
        for nth, result in enumerate(all_of)
    ]
    found = {row["wallet_address"]: row for row in collected(sum_best_sales(frame(spark, realized_sales.TABLE, *rows)))}
    assert found.keys() == results.keys() - {"none known"}
    for wallet, row in found.items():
        known = sorted((Fraction(result) for result in results[wallet] if result is not None), reverse=True)
        expected = {
            "pnl_ex_best_sale": sum(known[1:]),
            "pnl_ex_best_3_sales": sum(known[3:]),
            "best_sale": known[0],
            "gross_gain": sum(gain for gain in known if gain > 0),
        }
        fits = {name: None if abs(amount) > Fraction(largest) else amount for name, amount in expected.items()}
        assert {name: row[name] for name in expected} == fits, wallet

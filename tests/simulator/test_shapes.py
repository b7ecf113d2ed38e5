"""The market has every shape of a transaction, with the trades that each was planned to be."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smart_trader.simulator.market import Market
from smart_trader.simulator.planned import Trade
from smart_trader.simulator.world import MONEY_MINTS


@dataclass(frozen=True)
class Seen:
    """A transaction as planned and as served."""

    trades: tuple[Trade, ...]
    is_loop: bool
    rows: list[dict[str, Any]]

    def sides(self) -> list[str]:
        return sorted(trade.side for trade in self.trades)

    def coins(self) -> set[str]:
        return {leg["address"] for row in self.rows for leg in (row["base"], row["quote"])} - MONEY_MINTS

    def left(self) -> set[str]:
        """Tokens of which something remains."""
        net = Counter[str]()
        for row in self.rows:
            for leg in (row["base"], row["quote"]):
                net[leg["address"]] += round(leg["change_amount"])
        return {mint for mint in self.coins() if net[mint]}

    def is_one_for_the_other(self) -> bool:
        return self.sides() == ["BUY", "SELL"] and self.trades[0].value == self.trades[1].value

    def traded(self) -> set[str]:
        return {trade.token for trade in self.trades}


SHAPES: dict[str, Callable[[Seen], bool]] = {
    "two purchases": lambda seen: seen.sides() == ["BUY", "BUY"] and len(seen.rows) == 2,
    "two sales": lambda seen: seen.sides() == ["SELL", "SELL"] and len(seen.rows) == 2,
    "over SOL": lambda seen: (
        seen.sides() == ["BUY", "SELL"] and len(seen.rows) == 2 and not seen.is_one_for_the_other()
    ),
    "one token for another": lambda seen: seen.is_one_for_the_other() and len(seen.rows) == 1,
    "partly over SOL": lambda seen: seen.is_one_for_the_other() and len(seen.rows) == 3,
    "over a token, clean": lambda seen: len(seen.trades) == len(seen.left()) == 1 and len(seen.coins()) == 2,
    "over a token that leaves dust": lambda seen: len(seen.trades) == 1 and len(seen.left()) == 2,
    "over a token that leaves more": lambda seen: len(seen.trades) == 3 and len(seen.left()) == 2,
    "bought and sold": lambda seen: seen.sides() == ["BUY", "SELL"] and len(seen.traded()) == 1,
    "partly undone": lambda seen: (
        len(seen.trades) == 1 and {row["base"]["type_swap"] for row in seen.rows} == {"from", "to"}
    ),
    "loop": lambda seen: seen.is_loop and not seen.left(),
    "loop that leaves dust": lambda seen: seen.is_loop and len(seen.left()) == 1,
    "conversion": lambda seen: not seen.trades and not seen.is_loop and not seen.coins(),
    "conversion over a token": lambda seen: not seen.trades and not seen.is_loop and bool(seen.coins()),
}


def test_every_shape_of_a_transaction_is_there(market: Market) -> None:
    found = Counter[str]()
    for planned in market.planned.values():
        for one in planned:
            seen = Seen(one.trades, one.is_arbitrage, [json.loads(row.text) for row in one.rows])
            found.update(name for name, is_it in SHAPES.items() if is_it(seen))
    assert not [name for name in SHAPES if found[name] < 3], found

"""Where the figures of one wallet come from: from its place in a ranking down to the rows that were served."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, localcontext
from itertools import groupby
from operator import itemgetter
from typing import Any

from smart_trader.domain.evidence.figures import UTC_UNIT, Block, Figure, Row, to_integer
from smart_trader.domain.evidence.followed import followed_blocks
from smart_trader.domain.evidence.portfolio import portfolio_block
from smart_trader.domain.evidence.positions import Stored, in_total_order, position_blocks
from smart_trader.domain.evidence.ranking import Place, ranking_block, settings_block
from smart_trader.domain.evidence.tokens import Market, token_block
from smart_trader.domain.evidence.trades import Netting, arbitrage_block, in_order, swap_row
from smart_trader.domain.kernel.marks import MarkRules, Multiplier, Quote, newest_multiplier
from smart_trader.domain.kernel.swaps import net
from smart_trader.domain.kernel.valuation import ValueRules
from smart_trader.domain.silver.units import WalletUnits
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS


@dataclass(frozen=True, slots=True)
class Rules:
    """By which rules the figures were computed."""

    values: ValueRules
    marks: MarkRules
    settings: Mapping[str, str]
    """The settings among them, by key."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the tables hold of a wallet."""

    wallet: str
    whale: Row
    """A row of silver.tracked_whales: its class, and how far it was read."""
    pnl: Sequence[Row]
    trades: Sequence[Row]
    sales: Sequence[Row]
    lots: Sequence[Row]
    rejected: Sequence[Row]
    """Of silver.rejected_rows."""
    served: Sequence[Row]
    """Rows of bronze.transaction_history."""
    quotes: Mapping[str, Quote]
    """By mint, from the newest snapshots when the figures were computed."""
    units: Sequence[Mapping[str, Any]] = ()
    """Elements of `units.UNITS`."""
    multipliers: Sequence[Mapping[str, Any]] = ()


def wallet_block(
    found: Found, rules: Rules, place: Place | None, *, token: str | None = None, with_raw: bool = False
) -> Block:
    """All that leads to the figures of a wallet; of one `token` only, if one is given."""
    with localcontext(Context(prec=200)):  # nothing is rounded that is only added up
        by = Netting(WalletUnits(found.units, found.multipliers), rules.values, with_raw)
        of_tokens = [row for row in found.pnl if row["token_address"] not in (ALL_TOKENS, None)]
        tokens = [_token(found, row, rules, by) for row in of_tokens if token in (None, row["token_address"])]
        blocks = tokens if token else list(_whole(found, tokens, by, place))
        settings = dict(rules.settings) | dict(place.settings if place else {})
        return Block("wallet", found.wallet, _about(found), [*blocks, settings_block(settings)])


def _about(found: Found) -> list[Figure]:
    names = ("wallet_class", "class_reason", "txns_fetch_status", "txns_last_fetched_at", "pnl_processing_status")
    return [Figure(name, found.whale[name], unit=UTC_UNIT if name.endswith("_at") else "") for name in names]


def _whole(found: Found, tokens: Sequence[Block], by: Netting, place: Place | None) -> Iterator[Block]:
    """The ranking above the portfolio; the portfolio alone of a wallet of which there is no ranking."""
    row = next((row for row in found.pnl if row["token_address"] == ALL_TOKENS), None)
    if row is None:
        return
    rejected = [Block("rejected_row", row["event_id"], [Figure("reason", row["reason"])]) for row in found.rejected]
    portfolio = portfolio_block(row, [*tokens, *_arbitrage(found, by), *rejected], found.whale["rejected_rows"] or 0)
    yield ranking_block(place, portfolio, _followed(found, place)) if place else portfolio


def _followed(found: Found, place: Place) -> list[Block]:
    since = place.trader and place.trader["discovered_at"]
    if not since:
        return []
    return followed_blocks(found.trades, place.last_trades, since=since, until=place.ranked_at)


def _token(found: Found, row: Row, rules: Rules, by: Netting) -> Block:
    mint = row["token_address"]

    def of_token(rows: Sequence[Row]) -> list[Row]:
        return [one for one in rows if one["token_address"] == mint]

    trades = of_token(found.trades)
    stored = Stored(
        trades,
        {sale["trade_id"]: sale for sale in of_token(found.sales)},
        {lot["trade_id"]: lot for lot in of_token(found.lots)},
        {served["event_id"]: served for served in found.served},
    )
    quote, known = found.quotes.get(mint), next((u for u in found.units if u["token_address"] == mint), None)
    multiplier = None
    if known is not None and known["multiplier"] is not None:
        multiplier = Multiplier(to_integer(known["multiplier"], 18) or 0, known["multiplier_at"])
    decimals = in_total_order(trades)[-1]["decimals"] if trades else None
    market = Market(quote, decimals, newest_multiplier(multiplier, quote), rules.marks)
    return token_block(row, position_blocks(stored, by), market)


def _arbitrage(found: Found, by: Netting) -> Iterator[Block]:
    """The transactions of which no row is in a trade, and that are arbitrage."""
    traded = {event_id for trade in found.trades for event_id in trade["event_ids"]}
    by_hash = sorted((row for row in found.served), key=itemgetter("tx_hash"))
    for tx_hash, together in groupby(by_hash, key=itemgetter("tx_hash")):
        rows = in_order(list(together))
        if traded.isdisjoint(row["event_id"] for row in rows):
            known = [swap_row(row, by.units) for row in rows]
            if net(known, by.rules).is_arbitrage:
                yield arbitrage_block(tx_hash, rows, by)

"""bronze.whale_holders: the largest holders of a token on a day, account rows added up by owner."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from smart_trader.domain.bronze import payload
from smart_trader.domain.bronze.payload import EXACT, Record, Rejected, Unusable
from smart_trader.domain.tables.state_flags import HOLDERS_READ
from smart_trader.domain.tables.table import (
    DATE,
    INT,
    PERCENT,
    PRICE,
    RAW,
    STRING,
    TIMESTAMP,
    USD,
    Column,
    Table,
    not_negative,
)

TABLE = Table(
    name="bronze.whale_holders",
    grain="one row per wallet, token and snapshot date",
    key=("wallet_address", "token_address", "rank_date"),
    job="bronze_whales",
    columns=(
        Column("wallet_address", STRING, "Owner of the token accounts.", nullable=False),
        Column("token_address", STRING, "Mint address.", nullable=False),
        Column("token_symbol", STRING, "From the token's newest snapshot."),
        Column("token_name", STRING, "From the token's newest snapshot."),
        Column("rank", INT, "1 is the largest holder among the rows served.", nullable=False),
        Column("amount", RAW, "Base units over all of the owner's accounts that were served.", nullable=False),
        Column("ui_amount", PRICE, "Whole tokens; null where it does not fit."),
        Column("decimals", INT, "Decimal places of the token's base unit."),
        Column("token_accounts", INT, "How many account rows were added up.", nullable=False),
        Column("holdings_value_usd", USD, "Amount at the price of the newest snapshot; null without one."),
        Column("share_of_supply_pct", PERCENT, "Amount of the total supply; null where that is unknown."),
        Column("rank_date", DATE, "Day of the snapshot's business time, UTC.", nullable=False),
        Column("fetched_at", TIMESTAMP, "Business time of the snapshot.", nullable=False),
        Column("raw", STRING, "The account rows as served, a compact JSON list with sorted keys.", nullable=False),
    ),
    partitioned_by=("rank_date",),
    checks=not_negative("amount", "token_accounts"),
    vouched_by=(HOLDERS_READ,),
)

SOURCE = "token_holder"
"""The endpoint, as `bronze.rejected_rows` names it."""


@dataclass(frozen=True, slots=True)
class HeldToken:
    """What the newest snapshot says of the token whose holders are read; None where it does not say."""

    mint: str
    symbol: str | None
    name: str | None
    price: Decimal | None
    """USD of one whole token."""
    total_supply: Decimal | None
    """Whole tokens."""


@dataclass(slots=True)
class _Holding:
    owner: str
    decimals: int | None
    amount: int = 0
    accounts: list[Any] = field(default_factory=list)


def add_up_holders(
    items: Iterable[Any], *, token: HeldToken, fetched_at: datetime
) -> tuple[list[Record], list[Rejected]]:
    """Holders by falling amount, then address, from account rows as served; and the rows that could not be used.

    An owner can have several accounts of a mint. An account that was served twice, since the list moved between two
    pages, counts once, as it came first.
    """
    holdings: dict[str, _Holding] = {}
    refused: list[Rejected] = []
    seen: set[str] = set()
    for item in items:
        try:
            _add_account(item, token.mint, holdings, seen)
        except Unusable as why:
            refused.append(payload.rejected(item, why, source=SOURCE, at=fetched_at, token=token.mint))
    ranked = sorted(holdings.values(), key=lambda holding: (-holding.amount, holding.owner))
    return [_record(holding, rank, token, fetched_at) for rank, holding in enumerate(ranked, start=1)], refused


def total_supply_in(raw: str) -> Decimal | None:
    """`total_supply` (whole tokens) in the `raw` of `bronze.token_metrics`; older answers have none."""
    item = json.loads(raw, parse_float=Decimal, parse_int=Decimal)
    return payload.figure(item.get("total_supply"), payload.PRICE) if isinstance(item, dict) else None


def _add_account(item: Any, mint: str, holdings: dict[str, _Holding], seen: set[str]) -> None:
    if type(item) is not dict:
        raise Unusable("not_an_object", "row", item)
    if item.get("mint") not in (None, mint):
        raise Unusable("wrong_mint", "mint", item["mint"])
    owner = payload.address(item.get("owner"), "owner")
    decimals = payload.decimals(item.get("decimals"))
    account = payload.text(item.get("token_account"))
    amount = _amount(item, decimals)
    if account is not None and account in seen:
        return
    holding = holdings.get(owner) or _Holding(owner, decimals)
    holding.amount = payload.fits_raw(holding.amount + amount, "amount")
    holding.accounts.append(item)
    holdings[owner] = holding
    if account is not None:
        seen.add(account)


def _amount(item: Record, decimals: int | None) -> int:
    amount = payload.base_units(item.get("amount"), "amount")
    if amount is None:
        shown = payload.number(item.get("ui_amount"))
        if shown is None or decimals is None:
            raise Unusable("no_amount", "amount", item.get("amount"))
        amount = payload.base_units_of_whole(shown, decimals, "ui_amount")
    if amount < 0:
        raise Unusable("bad_amount", "amount", amount)
    return amount


def _record(holding: _Holding, rank: int, token: HeldToken, fetched_at: datetime) -> Record:
    tokens = None if holding.decimals is None else Decimal(holding.amount).scaleb(-holding.decimals, EXACT)
    value = None if tokens is None or token.price is None else EXACT.multiply(tokens, token.price)
    return {
        "wallet_address": holding.owner,
        "token_address": token.mint,
        "token_symbol": token.symbol,
        "token_name": token.name,
        "rank": rank,
        "amount": holding.amount,
        "ui_amount": payload.figure(tokens, payload.PRICE),
        "decimals": holding.decimals,
        "token_accounts": len(holding.accounts),
        "holdings_value_usd": payload.figure(value, payload.USD),
        "share_of_supply_pct": _share(tokens, token.total_supply),
        "rank_date": fetched_at.date(),
        "fetched_at": fetched_at,
        "raw": payload.json_text(holding.accounts),
    }


def _share(tokens: Decimal | None, supply: Decimal | None) -> Decimal | None:
    if tokens is None or supply is None or supply <= 0:
        return None
    return payload.figure(EXACT.divide(tokens.scaleb(2, EXACT), supply), payload.PERCENT)

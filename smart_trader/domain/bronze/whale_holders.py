"""bronze.whale_holders: the largest holders of a token on a day, account rows added up by owner."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from smart_trader.domain.bronze import decimals
from smart_trader.domain.bronze.decimals import EXACT, fitted
from smart_trader.domain.bronze.records import Record, Rejected, RejectionReason, Source, reject
from smart_trader.domain.kernel.money import RAW_LIMIT
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
        Column("ui_amount", PRICE, "Units; null where it does not fit or nobody knows them."),
        Column("decimals", INT, "Decimal places of the token's base unit."),
        Column("multiplier", PRICE, "Units of 10^decimals base units; null unless scaled, 0 if not given."),
        Column("token_accounts", INT, "How many account rows were added up.", nullable=False),
        Column("holdings_value_usd", USD, "Amount at the price of the newest snapshot; null without one."),
        Column("share_of_supply_pct", PERCENT, "Amount of the total supply; null where that is unknown."),
        Column("rank_date", DATE, "Day of the snapshot's business time, UTC.", nullable=False),
        Column("fetched_at", TIMESTAMP, "Business time of the snapshot.", nullable=False),
        Column("raw", STRING, "The account rows as served, a compact JSON list with sorted keys.", nullable=False),
    ),
    partitioned_by=("rank_date",),
    checks=not_negative("amount", "token_accounts"),
    reset_on_restore=(HOLDERS_READ,),
)


@dataclass(frozen=True, slots=True)
class HeldToken:
    """What the newest snapshot says of the token whose holders are read; None where it does not say."""

    mint: str
    symbol: str | None
    name: str | None
    price: Decimal | None
    """USD a unit."""
    total_supply: Decimal | None
    """Units."""


@dataclass(frozen=True, slots=True)
class HolderAccount:
    """A token account, as served."""

    owner: str
    name: str | None
    """Its own address, as far as it is served."""
    amount: int
    """Base units, as many as fit their column."""
    decimals: int | None
    multiplier: Decimal | None
    """Units of 10^`decimals` base units of a scaled token, 0 where none is given; None where it is not scaled."""
    raw: str
    """The account as served, compact JSON with sorted keys."""


@dataclass(slots=True)
class _Holding:
    owner: str
    decimals: int | None
    multiplier: Decimal | None
    amount: int = 0
    accounts: list[str] = field(default_factory=list)
    """The raw text of each."""


def add_up_holders(
    accounts: Iterable[HolderAccount | Rejected], *, token: HeldToken, fetched_at: datetime
) -> tuple[list[Record], list[Rejected]]:
    """Holders by falling amount, then address, from account rows; and the rows that were rejected, here or before.

    An owner can have several accounts of a mint. An account that was served twice, since the list moved between two
    pages, counts once, as it came first. An account with which the owner's sum would not fit its column is rejected.
    """
    holdings: dict[str, _Holding] = {}
    rejected: list[Rejected] = []
    seen: set[str] = set()
    for account in accounts:
        if isinstance(account, Rejected):
            rejected.append(account)
        elif account.name not in seen:
            holding = holdings.setdefault(account.owner, _Holding(account.owner, account.decimals, account.multiplier))
            units = holding.amount + account.amount
            if units >= RAW_LIMIT:
                rejected.append(_too_large(account, units, token, fetched_at))
                continue
            holding.amount = units
            holding.accounts.append(account.raw)
            if account.name is not None:
                seen.add(account.name)
    ranked = sorted(holdings.values(), key=lambda holding: (-holding.amount, holding.owner))
    return [_record(holding, rank, token, fetched_at) for rank, holding in enumerate(ranked, start=1)], rejected


def _too_large(account: HolderAccount, units: int, token: HeldToken, fetched_at: datetime) -> Rejected:
    detail = f"amount: {units}"
    return reject(
        account.raw, RejectionReason.TOO_LARGE, detail, source=Source.TOKEN_HOLDER, at=fetched_at, token=token.mint
    )


def _record(holding: _Holding, rank: int, token: HeldToken, fetched_at: datetime) -> Record:
    units = _units(holding)
    value = None if units is None or token.price is None else EXACT.multiply(units, token.price)
    return {
        "wallet_address": holding.owner,
        "token_address": token.mint,
        "token_symbol": token.symbol,
        "token_name": token.name,
        "rank": rank,
        "amount": holding.amount,
        "ui_amount": fitted(units, decimals.PRICE),
        "decimals": holding.decimals,
        "multiplier": holding.multiplier,
        "token_accounts": len(holding.accounts),
        "holdings_value_usd": fitted(value, decimals.USD),
        "share_of_supply_pct": _share(units, token.total_supply),
        "rank_date": fetched_at.date(),
        "fetched_at": fetched_at,
        "raw": f"[{','.join(holding.accounts)}]",
    }


def _units(holding: _Holding) -> Decimal | None:
    """None where nobody knows them."""
    if holding.decimals is None or holding.multiplier == 0:
        return None
    units = Decimal(holding.amount).scaleb(-holding.decimals, EXACT)
    return units if holding.multiplier is None else EXACT.multiply(units, holding.multiplier)


def _share(units: Decimal | None, supply: Decimal | None) -> Decimal | None:
    if units is None or supply is None or supply <= 0:
        return None
    return fitted(EXACT.divide(units.scaleb(2, EXACT), supply), decimals.PERCENT)

"""Holders: the items of `/defi/v3/token/holder` as accounts of their owners."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from smart_trader.domain.bronze.records import Rejected, RejectionReason, Source
from smart_trader.domain.bronze.whale_holders import HolderAccount
from smart_trader.io.birdeye import fields
from smart_trader.io.birdeye.fields import RejectedField


def parse_account(item: Any, *, mint: str, fetched_at: datetime) -> HolderAccount | Rejected:
    """The account of `mint` that `item` is, or why it is none. Never raises."""
    try:
        return _account(item, mint)
    except RejectedField as why:
        return fields.rejected(item, why, source=Source.TOKEN_HOLDER, at=fetched_at, token=mint)


def _account(item: Any, mint: str) -> HolderAccount:
    if type(item) is not dict:
        raise RejectedField(RejectionReason.NOT_AN_OBJECT, "row", item)
    if item.get("mint") not in (None, mint):
        raise RejectedField(RejectionReason.WRONG_MINT, "mint", item["mint"])
    owner = fields.address(item.get("owner"), "owner")
    decimals, multiplier = fields.decimals(item.get("decimals")), fields.multiplier(item)
    return HolderAccount(
        owner=owner,
        name=fields.text(item.get("token_account")),
        amount=_amount(item, decimals, multiplier),
        decimals=decimals,
        multiplier=multiplier,
        raw=fields.json_text(item),
    )


def _amount(item: dict[str, Any], decimals: int | None, multiplier: Decimal | None) -> int:
    """Base units."""
    amount = fields.base_units(item.get("amount"), "amount")
    if amount is None:
        shown = fields.number(item.get("ui_amount"))
        if shown is None or decimals is None or multiplier == 0:
            raise RejectedField(RejectionReason.NO_AMOUNT, "amount", item.get("amount"))
        amount = fields.base_units_of_units(shown, decimals, multiplier, "ui_amount")
    if amount < 0:
        raise RejectedField(RejectionReason.BAD_AMOUNT, "amount", amount)
    return amount

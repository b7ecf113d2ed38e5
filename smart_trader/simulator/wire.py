"""The text of BirdEye's answers, digit by digit.

Shapes: `birdeye_helius_api.md` §2 to §4. Numbers are written as the API does: integral ones without a decimal
point, doubles with the shortest digits that read back the same, exponents below 1e-6.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Coin:
    mint: str
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Pool:
    address: str
    source: str
    """The exchange, such as `whirlpool`."""
    program: str
    base_mint: str
    """The base coin of the pool; its other coin is the quote."""


@dataclass(frozen=True, slots=True)
class Leg:
    coin: Coin
    raw: int
    """Signed change of the owner's balance, in base units."""
    units: float
    """What a person is shown of that amount, unsigned. Prices are per unit."""
    decimals: int | None
    """As the row says."""
    is_scaled: bool
    multiplier: int | None
    """Of a scaled token, as the row says."""
    price: float | None
    nearest_price: float | None
    """None: the key is absent."""


@dataclass(frozen=True, slots=True)
class Swap:
    """One row of `/trader/txs/seek_by_time`."""

    given: Leg
    taken: Leg
    pool: Pool
    tx_hash: str
    owner: str
    time: int
    slot: int
    ins_index: int | None
    """None: the key is absent, as on `openbook_v2`."""
    inner_ins_index: int | None
    signers: tuple[str, ...] | None
    volume_usd: float | None
    amounts: str
    """The form of raw amounts on this exchange: `int`, `string`, `float` (amount alone) or `floats` (changes too)."""
    has_scaled_keys: bool
    """Whether the row has the keys of scaled tokens, as rows since August 2025 have."""


def number(value: float | Decimal | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return str(value).replace("E+", "e+").replace("E-", "e-")
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    if "e" not in text:
        return text
    if abs(value) >= 1e-6:
        return format(Decimal(text), "f")
    return text.replace("e-0", "e-")


def json_text(value: object) -> str:
    """`value` as compact JSON; decimals keep their digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (int, float, Decimal)):
        return number(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(key)}:{json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def swap_text(swap: Swap) -> str:
    base, quote = swap.given, swap.taken
    if base.coin.mint != swap.pool.base_mint:
        base, quote = quote, base
    ins_index = "" if swap.ins_index is None else f'"ins_index":{swap.ins_index},'
    signers = "null" if swap.signers is None else '["' + '","'.join(swap.signers) + '"]'
    return (
        f'{{"quote":{_leg_text(quote, swap)},"base":{_leg_text(base, swap)},'
        f'"base_price":{number(base.price)},"quote_price":{number(quote.price)},"tx_hash":"{swap.tx_hash}",'
        f'"source":"{swap.pool.source}","block_unix_time":{swap.time},"tx_type":"swap",'
        f'"address":"{swap.pool.address}","owner":"{swap.owner}","block_number":{swap.slot},'
        f'"volume_usd":{number(swap.volume_usd)},"volume":{number(base.units)},{ins_index}'
        f'"inner_ins_index":{number(swap.inner_ins_index)},"signers":{signers},'
        f'"interacted_program_id":"{swap.pool.program}"}}'
    )


_TRANSFER_TYPES = {"raydium": "transfer", "whirlpool": "transfer", "lifinity": "transfer"}
_LOGGING = {"meteora_dlmm", "meteora_damm_v2", "pump_dot_fun", "openbook_v2", "phoenix"}


def _leg_text(leg: Leg, swap: Swap) -> str:
    raw, coin = abs(leg.raw), leg.coin
    amount, change = str(raw), str(leg.raw)
    ui, sign = number(leg.units), "-" if leg.raw < 0 else ""
    if swap.amounts == "string":
        amount = f'"{raw}"'
    elif swap.amounts.startswith("float") and raw < 2**50:
        # An order book multiplies back from a double: the last binary digit is wrong, the rounded count is right.
        amount = number(float(raw) * (1 + 2**-52))
        if swap.amounts == "floats":
            change = sign + amount
    kind = "log" if swap.pool.source in _LOGGING else _TRANSFER_TYPES.get(swap.pool.source, "transferChecked")
    nearest = "" if leg.nearest_price is None else f'"nearest_price":{number(leg.nearest_price)},'
    scaled = _scaled_keys(leg.multiplier, is_scaled=leg.is_scaled) if swap.has_scaled_keys else ""
    return (
        f'{{"symbol":{json.dumps(coin.symbol, ensure_ascii=False)},"decimals":{number(leg.decimals)},'
        f'"address":"{coin.mint}","amount":{amount},"type":"{kind}","type_swap":"{"from" if leg.raw < 0 else "to"}",'
        f'"ui_amount":{ui},"price":{number(leg.price)},{nearest}'
        f'"change_amount":{change},"ui_change_amount":{sign}{ui}{scaled}}}'
    )


def _scaled_keys(multiplier: int | None, *, is_scaled: bool) -> str:
    return f',"is_scaled_ui_token":{json_text(is_scaled)},"multiplier":{number(multiplier)}'


def holder_text(
    coin: Coin, owner: str, token_account: str, raw: int, multiplier: int | None, *, has_scaled_keys: bool
) -> str:
    units = raw / 10**coin.decimals * (multiplier or 1)
    scaled = _scaled_keys(multiplier, is_scaled=multiplier is not None) if has_scaled_keys else ""
    return (
        f'{{"amount":"{raw}","decimals":{coin.decimals},"mint":"{coin.mint}","owner":"{owner}",'
        f'"token_account":"{token_account}","ui_amount":{number(units)}{scaled}}}'
    )

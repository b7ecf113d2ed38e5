"""Columns that bronze tables got later, in rows that were written before: it stands in the `raw` of these rows."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Any

from smart_trader.domain.bronze import token_metrics, transaction_history, whale_holders
from smart_trader.io.birdeye import fields
from smart_trader.io.http.json_body import parse_json

_MARK = '"is_scaled_ui_token":true'
"""Stands in the text wherever `fields.multiplier` is not null; only these rows are parsed."""


def _multiplier_of(part: Callable[[Any], Any]) -> Callable[[str], Decimal | None]:
    def read(raw: str) -> Decimal | None:
        return fields.multiplier(part(parse_json(raw.encode()))) if _MARK in raw else None

    return read


FROM_RAW: Mapping[str, Mapping[str, Callable[[str], Any]]] = {
    token_metrics.TABLE.name: {"multiplier": _multiplier_of(lambda token: token)},
    whale_holders.TABLE.name: {"multiplier": _multiplier_of(itemgetter(0))},
    transaction_history.TABLE.name: {
        "base_multiplier": _multiplier_of(itemgetter("base")),
        "quote_multiplier": _multiplier_of(itemgetter("quote")),
    },
}
"""By table and column: from the `raw` of a row that landed, what the column would hold if the row landed now."""

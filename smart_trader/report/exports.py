"""The ranking for spreadsheets and for programs: every digit, money and quantities as exact decimals."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from smart_trader.domain.gold import smart_traders
from smart_trader.report import figures, numbers, track_record, trader_view
from smart_trader.report.data import ReportData, Row
from smart_trader.report.text import spreadsheet_text
from smart_trader.report.view import FEES, UPPER_BOUND

_OWN = ("previous_rank", "best_token_address", "best_token_symbol", "not_in_pnl")


def as_csv(found: ReportData) -> str:
    """CSV with a line for each wallet of the ranking. Text that looks like a formula is marked as text."""
    out = io.StringIO()
    writer = csv.writer(out)
    earlier = track_record.columns(found.track_records) | track_record.discovered_columns(found.discovered)
    names = (*smart_traders.TABLE.column_names, *_OWN, *earlier)
    writer.writerow(names)
    best = {row["wallet_address"]: row for row in found.best_tokens}
    was = {row["wallet_address"]: row["was_overall_rank"] for row in found.movements}
    for row in found.traders:
        token: Row = best.get(row["wallet_address"], {})
        line = {
            **row,
            **earlier,
            "previous_rank": was.get(row["wallet_address"]),
            "best_token_address": token.get("token_address"),
            "best_token_symbol": token.get("token_symbol"),
            "not_in_pnl": "network fees and tips",
        }
        writer.writerow(_csv_cell(line[name]) for name in names)
    return out.getvalue()


def as_json(found: ReportData) -> str:
    """JSON with everything on the page. Decimals are texts, so that no reader rounds them; unknown is null."""
    of = {name: found.of_wallet(getattr(found, name)) for name in ("tokens", "sales", "lots", "curves", "states")}
    document = {
        "identity": found.identity,
        "made_at": found.made_at,
        "made_by": found.made_by,
        "ranked_at": found.ranked_at,
        "previous_ranked_at": found.previous_at,
        "notes": [FEES],
        "earlier_rankings": {"note": UPPER_BOUND, "horizons": track_record.document(found.track_records)},
        "since_discovery": {"note": UPPER_BOUND} | track_record.discovered_columns(found.discovered),
        "traders": [_trader(row, found, of) for row in found.traders],
        "tiers": found.groups,
        "changes": found.movements,
        "freshness": found.freshness,
        "rejected": found.rejections,
        "runs": found.runs,
        "table_versions": found.versions,
    }
    return json.dumps(_plain(document), indent=1) + "\n"


def as_text(found: ReportData, most: int = 20) -> dict[str, Any]:
    """A short list for a terminal."""
    listed = [
        {
            "rank": row["overall_rank"],
            "wallet": f"{row['wallet_address'][:4]}…{row['wallet_address'][-4:]}",
            "tier": row["performance_tier"],
            "score": figures.plain(row["smart_trader_score"], 1).text,
            "realized PnL": figures.realized(row).text or None,
            "ROI": figures.roi(row).text or None,
            "win rate": figures.win_rate(row).text or None,
            "coverage": figures.coverage(row).text or None,
            "trusted ratio": figures.ratio(row["trusted_ratio"]).text or None,
            "follow": "yes" if row["recommended"] else "no",
        }
        for row in found.traders[:most]
    ]
    ranked = sum(group["wallets"] for group in found.groups)
    good = sum(group["wallets"] for group in found.groups if not group["gate_failures"])
    return {
        "ranking": numbers.moment(found.ranked_at) + " UTC" if found.ranked_at else None,
        **({"earlier rankings": track_record.line(found.track_records)} if found.track_records else {}),
        "wallets": f"{ranked:,} ranked, {good:,} recommended",
        "traders": listed,
        "note": FEES,
    }


def _trader(row: Row, found: ReportData, of: Mapping[str, Mapping[str, Sequence[Row]]]) -> dict[str, Any]:
    wallet = row["wallet_address"]
    if wallet not in found.detailed:
        return dict(row)
    curve = trader_view.curve(of["curves"].get(wallet, ()))
    return {
        **row,
        "remarks": list(figures.remarks(row, found.rules).warnings),
        "reading": next(iter(of["states"].get(wallet, ())), None),
        "tokens": of["tokens"].get(wallet, []),
        "sales": of["sales"].get(wallet, []),
        "open_lots": of["lots"].get(wallet, []),
        "equity_curve": [[trader_view.day_text(day), value] for day, value in curve.points] if curve else [],
    }


def _csv_cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int():
            return value
        case Decimal():
            return numbers.exact(value)
        case datetime() | date():
            return value.isoformat()
        case list():
            return spreadsheet_text(" ".join(value))
        case _:
            return spreadsheet_text(str(value))


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return numbers.exact(value)
        case datetime() | date():
            return value.isoformat()
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value

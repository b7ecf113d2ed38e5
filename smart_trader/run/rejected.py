"""Where API rows go that cannot be used."""

from collections.abc import Sequence
from dataclasses import asdict

from smart_trader.domain.bronze import rejected_rows
from smart_trader.domain.bronze.records import Rejected
from smart_trader.run.app import App


def keep_rejected(app: App, rejected: Sequence[Rejected]) -> None:
    """Keep `rejected` in bronze.rejected_rows, each once however often it is served, and count them."""
    app.report.rows_rejected += len(rejected)
    if not rejected:
        return
    table = rejected_rows.TABLE
    distinct = {(row.source, row.raw_sha256): asdict(row) for row in rejected}
    app.tables.append_new(
        table,
        app.tables.frame(table.own_schema, list(distinct.values())),
    )

"""files of addresses -> silver.tracked_tokens, tracked_whales

Sets tokens or wallets back to pending, so that the next run does one stage of them again: their holders, their trades
or their PnL. Exactly those that are named, and nothing else of them. Running it twice is running it once.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F

from smart_trader.config.address_files import read_addresses
from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.domain.tables import state_flags
from smart_trader.domain.tables.table import Table
from smart_trader.errors import UsageError
from smart_trader.job_table import Stage
from smart_trader.run.app import App
from smart_trader.run.runner import run_job


def run(app: App) -> None:
    table, column, state = _reset(app)
    named = read_addresses(_file(app, column))
    wanted = app.tables.frame(table.fields((column,)), [{column: name} for name in named])
    values = {name: F.lit(value).cast(table.schema[name].dataType) for name, value in state.items()}
    differs = F.lit(False)
    for name, value in values.items():
        differs = differs | ~F.col(name).eqNullSafe(value)
    stored = app.tables.read(table).join(F.broadcast(wanted), column, "left_semi")
    known, changing = stored.agg(F.count_distinct(column), F.count_if(differs)).collect()[0]
    if known < len(named):
        app.report.warnings.append(f"{len(named) - known} of {len(named)} addresses are not in {table.name}")
    if changing:
        app.tables.update(table, wanted.withColumns(values), on=(column,))


def _reset(app: App) -> tuple[Table, str, Mapping[str, Any]]:
    """The table, its column of addresses, and the state that the stage begins with."""
    if app.options.from_start and app.options.stage != Stage.TRANSACTIONS:
        raise UsageError("--from-start reads trades again from the first page: it needs --stage transactions.")
    match app.options.stage:
        case Stage.HOLDERS:
            return tracked_tokens.TABLE, "token_address", dict([state_flags.HELD])
        case Stage.TRANSACTIONS:
            from_start = state_flags.NEVER_READ if app.options.from_start else ()
            return tracked_whales.TABLE, "wallet_address", dict([state_flags.READ, *from_start])
        case Stage.PNL:
            return tracked_whales.TABLE, "wallet_address", dict([state_flags.COMPUTED])
        case _:
            raise UsageError(f"--stage says what is to be done again: {', '.join(Stage)}.")


def _file(app: App, column: str) -> Path:
    options: Sequence[tuple[str, Path | None]] = (
        ("token_address", app.options.tokens),
        ("wallet_address", app.options.wallets),
    )
    given = dict(options)
    other = next(path for name, path in options if name != column)
    path = given[column]
    if path is None or other is not None:
        wanted = "--tokens FILE" if column == "token_address" else "--wallets FILE"
        raise UsageError(f"--stage {app.options.stage} takes {wanted}, and only that; nothing was changed.")
    return path


if __name__ == "__main__":
    sys.exit(run_job("requeue", run))

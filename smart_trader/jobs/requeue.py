"""files of addresses -> silver.tracked_tokens, tracked_whales

Sets tokens or wallets back to pending, so that the next run does one stage of them again: their holders, their trades
or their PnL. Exactly those that are named, and nothing else of them. Running it twice is running it once.
"""

import sys
from pathlib import Path

from pyspark.sql import functions as F

from smart_trader.cli import Options
from smart_trader.config.address_files import read_addresses
from smart_trader.domain import catalog
from smart_trader.domain.silver.stages import UNITS, state_to_begin_with
from smart_trader.domain.tables.restoring import differs_from, reset_columns
from smart_trader.domain.tables.state_flags import StateFlag
from smart_trader.errors import UsageError
from smart_trader.job_table import Stage
from smart_trader.run.app import App
from smart_trader.run.runner import run_job


def run(app: App) -> None:
    state = _state(app.options)
    table, column = catalog.BY_NAME[state.table], state.entity
    named = read_addresses(_file(app.options, column))
    wanted = app.tables.frame(table.fields((column,)), [{column: name} for name in named])
    values = reset_columns(table, state.reset)
    stored = app.tables.read(table).join(F.broadcast(wanted), column, "left_semi")
    known, changing = stored.agg(F.count_distinct(column), F.count_if(differs_from(values))).collect()[0]
    if known < len(named):
        app.report.warnings.append(f"{len(named) - known} of {len(named)} addresses are not in {table.name}")
    if changing:
        app.tables.update(table, wanted.withColumns(values), on=(column,))


def _state(options: Options) -> StateFlag:
    """The state with which `--stage` begins. Raises UsageError."""
    if options.from_start and options.stage != Stage.TRANSACTIONS:
        raise UsageError("--from-start reads trades again from the first page: it needs --stage transactions.")
    if options.stage not in UNITS:
        raise UsageError(f"--stage says what is to be done again: {', '.join(Stage)}.")
    return state_to_begin_with(Stage(options.stage), from_start=options.from_start)


def _file(options: Options, column: str) -> Path:
    """The file of addresses for `column`. Raises UsageError if it is missing, or another is given too."""
    is_token = column == "token_address"
    path, other = (options.tokens, options.wallets) if is_token else (options.wallets, options.tokens)
    if path is None or other is not None:
        wanted = "--tokens FILE" if is_token else "--wallets FILE"
        raise UsageError(f"--stage {options.stage} takes {wanted}, and only that; nothing was changed.")
    return path


if __name__ == "__main__":
    sys.exit(run_job("requeue", run))

"""gold.smart_traders -> the address list of a Helius webhook

Keeps the list equal to the best recommended wallets, at most helius.max_addresses of them. What is stored there is
read first, and written only if the addresses differ, so running it twice writes nothing. Without a recommended wallet
the webhook stays as it is.
"""

import sys
from datetime import datetime

from pyspark.sql import DataFrame

from smart_trader.config.settings import require_webhook
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.gold.watch_list import CREDITS_PER_WRITE, best_wallets, change_to
from smart_trader.domain.ops import runs
from smart_trader.errors import ConfigurationError, SmartTraderError
from smart_trader.foreign import json_object, name_in
from smart_trader.ports import Watched
from smart_trader.rows import collect
from smart_trader.run.app import App
from smart_trader.run.runner import run_job

JOB = "helius_webhooks"


def run(app: App) -> None:
    if app.options.job != JOB:
        try:
            require_webhook(app.settings)
        except ConfigurationError as missing:
            app.report.notes.append(f"the webhook is left out: {missing}")
            return
    webhook = app.watch_list
    wanted = _wanted_wallets(app)
    app.report.rows_in = len(wanted)
    if not wanted:
        app.report.warnings.append("no wallet is recommended: the webhook stays as it is")
        return
    held = webhook.find(last_known(app.tables.read(runs.TABLE), until=app.clock.now()))
    change = change_to(wanted, held.wallets if held else frozenset())
    if held is None or change:
        held = _write(app, wanted)
    _report(app, held, f"{len(change.added)} added, {len(change.removed)} removed")


def _wanted_wallets(app: App) -> list[str]:
    """The wallets that the webhook shall watch, best first."""
    best = best_wallets(app.tables.read(smart_traders.TABLE), app.settings.helius.max_addresses)
    return [row.wallet_address for row in best.collect()]


def last_known(records: DataFrame, *, until: datetime) -> Watched | None:
    """The webhook as the last run read it back from Helius, by the rows of `ops.runs`; None if no run ever did."""
    last = collect(runs.last_document(records, JOB, until=until))
    document = json_object(last[0].document if last else None)
    webhook_id, wallets = name_in(document, "webhook_id"), document.get("wallets")
    if webhook_id is None or not isinstance(wallets, list):
        return None
    return Watched(webhook_id, frozenset(wallet for wallet in wallets if isinstance(wallet, str)))


def _write(app: App, wanted: list[str]) -> Watched:
    try:
        return app.watch_list.watch(wanted)
    except SmartTraderError:
        app.report.notes.append(f"up to {_credits(app)} credits were spent")
        raise


def _credits(app: App) -> int:
    return app.watch_list.writes * CREDITS_PER_WRITE


def _report(app: App, held: Watched, changes: str) -> None:
    credits = _credits(app)
    app.report.notes.append(f"the webhook watches {len(held.wallets)} wallets: {changes}, {credits} credits")
    app.report.warnings += held.remarks
    app.report.document = {"webhook_id": held.webhook_id, "wallets": sorted(held.wallets), "credits": credits}


if __name__ == "__main__":
    sys.exit(run_job(JOB, run))

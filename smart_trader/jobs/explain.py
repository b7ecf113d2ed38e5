"""a wallet -> standard output

Where its figures come from: its place in the ranking, its portfolio, each token, each sale with the lots that it
consumed, each trade with the rows that were served, and every formula between them (docs/evidence.md). With --json one
document in which every number can be computed again from numbers below it. Writes nothing and needs no lock.
"""

import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.config.model import Pnl
from smart_trader.config.settings import ranking_settings, settings_hash
from smart_trader.config.thresholds import mark_limits, mark_rules, ranked_by, read_certified, value_rules
from smart_trader.domain.arrow import unscaled
from smart_trader.domain.bronze import token_metrics, transaction_history
from smart_trader.domain.bronze.snapshots import newest_snapshots, quotes_in
from smart_trader.domain.evidence.branch import branch
from smart_trader.domain.evidence.following import last_trades
from smart_trader.domain.evidence.ranking import Place
from smart_trader.domain.evidence.wallet import Found, Rules, wallet_block
from smart_trader.domain.gold import rank_history, rankings, skill, smart_traders
from smart_trader.domain.gold.ranking import RankedBy
from smart_trader.domain.kernel.following import LastTrade
from smart_trader.domain.kernel.skill import Priors
from smart_trader.domain.silver import (
    open_lots,
    realized_sales,
    rejected_rows,
    tracked_whales,
    trades,
    units,
    wallet_pnl,
)
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from smart_trader.domain.tables.table import Table
from smart_trader.errors import QualityError, StorageError, UsageError
from smart_trader.report.explained import as_document, as_outline
from smart_trader.rows import collect, several_at_once
from smart_trader.run import output
from smart_trader.run.app import App
from smart_trader.run.runner import run_job

Row = Mapping[str, Any]


def run(app: App) -> None:
    wallet = app.options.wallet
    assert wallet is not None, "the command line asks for it"
    whale = _whale(app, wallet)
    made = _ranking(app)
    found = _found(app, wallet, whale, made)
    _refuse_unknown_token(app, found)
    pnl, by, settings = _settings(app, made)
    rules = Rules(value_rules(pnl), mark_rules(pnl), settings)
    place = None if made is None else _place(app, wallet, whale, made, rules, by)
    block = wallet_block(found, rules, place, token=app.options.token, with_raw=app.options.raw)
    if app.options.figure is not None:
        block = branch(block, app.options.figure)
    if app.options.json:
        output.print_lines([json.dumps(as_document(block), indent=1)])
    else:
        output.print_lines(as_outline(block))


@dataclass(frozen=True, slots=True)
class _Ranking:
    """A ranking, and the versions of the tables that it was made from."""

    ranked_at: datetime
    settings_hash: str
    versions: Mapping[str, int]
    made_at: datetime
    """By the clock."""
    certificate: Row | None
    """Its row in `gold.rankings`; None of a ranking from before there were any."""

    def version(self, table: Table) -> int:
        return self.versions[table.name]


def _whale(app: App, wallet: str) -> Row:
    """What is known of the wallet. Raises QualityError if it is not in this lake."""
    whales = app.tables.read(tracked_whales.TABLE)
    known = collect(whales.where(F.col("wallet_address") == wallet).limit(1))
    if known:
        return dict(known[0].asDict())
    distance = F.levenshtein(F.col("wallet_address"), F.lit(wallet))
    nearest = whales.orderBy(distance, "wallet_address").select("wallet_address").first()
    hint = f"The nearest address that is: {nearest[0]}." if nearest else "No wallet is: run `pipeline` first."
    raise QualityError(f"{wallet} is not in this lake. {hint} Nothing was changed.")


def _refuse_unknown_token(app: App, found: Found) -> None:
    """Raises QualityError if the wallet never traded the token of `--token`."""
    token, mints = app.options.token, sorted({row["token_address"] for row in found.pnl} - {ALL_TOKENS})
    if token is None or token in mints:
        return
    near = difflib.get_close_matches(token, mints, n=1, cutoff=0)
    hint = f"The nearest that it has traded: {near[0]}." if near else "It has no trade."
    raise QualityError(f"{found.wallet} has no trade of {token}. {hint} Nothing was changed.")


def _ranking(app: App) -> _Ranking | None:
    """The ranking of `--ranked-at`, else the one that was made last; None if there is none yet.

    Raises UsageError if there is none of that time.
    """
    history, asked = app.tables.read(rank_history.TABLE), app.options.ranked_at
    if asked is not None:
        chosen = history.where(F.col("ranked_at") == F.lit(asked)).limit(1)
    else:
        chosen = rank_history.made_last(history)
    rows = collect(chosen)
    if not rows and asked is not None:
        times = history.where(F.col("ranked_at") < F.lit(asked)).agg(F.max("ranked_at").alias("ranked_at"))
        before = collect(times)[0].ranked_at
        hint = f"The last one before it: {before:%Y-%m-%dT%H:%M:%SZ}." if before else "There is none before it."
        raise UsageError(f"there is no ranking of {asked:%Y-%m-%dT%H:%M:%SZ}. {hint} Nothing was changed.")
    if not rows:
        return None
    row = rows[0]
    versions = {wallet_pnl.TABLE.name: row.wallet_pnl_version, trades.TABLE.name: row.trades_version}
    certificate = _certificate(app, row.ranked_at)
    for table in (realized_sales.TABLE, open_lots.TABLE, tracked_whales.TABLE):
        certified = certificate and certificate.get(f"{table.name.partition('.')[2]}_version")
        versions[table.name] = _version_at(app, table, row.ingested_at) if certified is None else certified
    return _Ranking(row.ranked_at, row.settings_hash, versions, row.ingested_at, certificate)


def _certificate(app: App, ranked_at: datetime) -> Row | None:
    if app.tables.version(rankings.TABLE) < 0:
        return None
    rows = app.tables.read(rankings.TABLE).where(F.col("ranked_at") == F.lit(ranked_at))
    return next(iter(_plain(rows)), None)


def _settings(app: App, made: _Ranking | None) -> tuple[Pnl, RankedBy, Mapping[str, str]]:
    """The settings that figures and ranks go by, as certified; today's where there is no certificate."""
    today = ranking_settings(app.settings)
    if made is None or made.certificate is None:
        if made is not None and made.settings_hash != settings_hash(app.settings):
            app.report.warnings.append("the ranking was made with other settings than today's, which are those shown")
        return app.settings.pnl, ranked_by(app.settings.ranking), today
    stored = json.loads(made.certificate["settings"])
    by, _ = read_certified(made.certificate["settings"])
    # Lists of addresses are certified by their content alone: those are today's.
    own = {name: stored.get(f"pnl.{name}") for name in Pnl.model_fields if not name.endswith("_files")}
    known = {name: value for name, value in own.items() if value is not None}
    return Pnl.model_validate(app.settings.pnl.model_dump() | known), by, today | stored


def _version_at(app: App, table: Table, at: datetime) -> int:
    """The version of `table` at that time by the clock."""
    commits = app.maintenance.commits(table)
    return next((commit.version for commit in commits if commit.at <= at), commits[-1].version)


def _found(app: App, wallet: str, whale: Row, made: _Ranking | None) -> Found:
    """What the tables held of the wallet when the ranking was made; what they hold now if there is none."""
    pnl = _rows(app, wallet_pnl.TABLE, wallet, made)
    known = next((row for row in pnl if row["token_address"] == ALL_TOKENS), None)
    history = app.tables.read(transaction_history.TABLE).where(F.col("wallet_address") == wallet)
    if made is not None:
        history = history.where(F.col("ingested_at") <= F.lit(made.made_at))
    if known is not None:
        history = history.where(F.col("block_time") <= F.lit(known["computed_at"]))
    with several_at_once(app.spark) as ask:
        served = ask(lambda: _plain(history))
        quotes = ask(lambda: quotes_in(_snapshots(app, pnl, known)))
        of_mints = ask(lambda: _units(app, wallet, history, _snapshots(app, pnl, known)))
        traded, sold, lots, refused = (
            ask(partial(_rows, app, table, wallet, made))
            for table in (trades.TABLE, realized_sales.TABLE, open_lots.TABLE, rejected_rows.TABLE)
        )
    return Found(
        wallet,
        whale,
        pnl,
        traded.result(),
        sold.result(),
        lots.result(),
        refused.result(),
        served.result(),
        quotes.result(),
        *of_mints.result(),
    )


def _rows(app: App, table: Table, wallet: str, made: _Ranking | None) -> Sequence[Row]:
    """The rows of the wallet in the order of the key. Raises StorageError if they are too old to be read."""
    version = made.versions.get(table.name) if made else None
    try:
        rows = app.tables.read(table, version=version).where(F.col("wallet_address") == wallet)
        return _plain(rows.orderBy(*table.key))
    except StorageError as error:
        if made is None or version is None or version == app.tables.version(table):
            raise
        raise StorageError(
            f"The ranking of {made.ranked_at:%Y-%m-%dT%H:%M:%SZ} was made from version {version} of {table.name}, which"
            " is too old to be read (retention.silver_days). Nothing was changed. Next: explain a newer ranking."
        ) from error


def _plain(rows: DataFrame) -> list[Row]:
    return [row.asDict() for row in collect(rows)]


def _snapshots(app: App, pnl: Sequence[Row], known: Row | None) -> DataFrame:
    """The newest snapshots of the wallet's tokens when its figures were computed."""
    metrics = app.tables.read(token_metrics.TABLE)
    if known is None:
        return metrics.where("false")
    mints = [row["token_address"] for row in pnl]
    then = metrics.where(F.col("token_address").isin(mints) & (F.col("ingested_at") <= F.lit(known["ingested_at"])))
    return newest_snapshots(then, until=known["computed_at"].date())


def _units(app: App, wallet: str, history: DataFrame, snapshots: DataFrame) -> tuple[Sequence[Row], Sequence[Row]]:
    """What the wallet's rows say of mints whose units are not clear (`units.with_units`)."""
    unclear = [row.token_address for row in units.unclear_mints(history, value_rules(app.settings.pnl).money).collect()]
    if not unclear:
        return (), ()
    one = app.spark.createDataFrame([(wallet,)], "wallet_address string")
    known = units.with_units(one, history, unclear, snapshots.select("token_address", "decimals"))
    row = collect(known)[0]
    return row.units or (), row.multipliers or ()


def _place(app: App, wallet: str, whale: Row, made: _Ranking, rules: Rules, by: RankedBy) -> Place:
    history = app.tables.read(rank_history.TABLE)
    is_own = F.col("wallet_address") == wallet
    this = history.where(F.col("ranked_at") == F.lit(made.ranked_at))
    trader = app.tables.read(smart_traders.TABLE).where(is_own & (F.col("ranked_at") == F.lit(made.ranked_at)))
    with several_at_once(app.spark) as ask:
        ranked, own, of_trader = ask(this.count), ask(lambda: _plain(this.where(is_own))), ask(lambda: _plain(trader))
    return Place(
        made.ranked_at,
        by.figures,
        rules.settings,
        next(iter(own.result()), None),
        next(iter(of_trader.result()), None),
        ranked.result(),
        _previous_pnl(app, wallet, made, by.figures.pnl),
        whale["wallet_class"],
        made.versions,
        made.settings_hash,
        _priors(app, made, rules.marks.closed_ratio),
        made.certificate,
        _last_trades(app, wallet, made),
    )


def _priors(app: App, made: _Ranking, closed_ratio: Fraction) -> Priors:
    """What was usual among persons when the ranking was made."""
    pnl, sales, traded = (
        app.tables.read(table, version=made.version(table))
        for table in (wallet_pnl.TABLE, realized_sales.TABLE, trades.TABLE)
    )
    sums = skill.sum_tokens(pnl, sales, traded, closed_ratio=closed_ratio)
    whales = app.tables.read(tracked_whales.TABLE, version=made.version(tracked_whales.TABLE))
    return skill.priors_of(collect(skill.groups_of(sums, whales)))


def _last_trades(app: App, wallet: str, made: _Ranking) -> Mapping[str, LastTrade]:
    """What marked the tokens of the wallet when the ranking was made."""
    traded = app.tables.read(trades.TABLE, version=made.version(trades.TABLE))
    own = traded.where(F.col("wallet_address") == wallet).select("token_address").distinct()
    of_tokens = traded.join(F.broadcast(own), "token_address", "semi")
    at = app.spark.createDataFrame([(made.ranked_at,)], "ends_at timestamp")
    marks = collect(last_trades(of_tokens, at, mark_limits(app.settings.evaluate)))
    return {row.token_address: LastTrade(unscaled(row.last_value, 9), int(row.last_quantity)) for row in marks}


def _previous_pnl(app: App, wallet: str, made: _Ranking, column: str) -> Decimal | None:
    """What the ranking before this one ranked the wallet by; None if it had no figures then, or they are too old."""
    earlier = app.tables.read(rank_history.TABLE).where(F.col("ranked_at") < F.lit(made.ranked_at))
    last = earlier.orderBy(F.desc("ranked_at")).select("wallet_pnl_version").first()
    if last is None:
        return None
    try:
        before = app.tables.read(wallet_pnl.TABLE, version=last.wallet_pnl_version)
    except StorageError:
        return None
    if column not in before.columns:
        return None
    row = before.where((F.col("wallet_address") == wallet) & (F.col("token_address") == ALL_TOKENS)).select(column)
    was = row.first()
    return None if was is None else was[0]


if __name__ == "__main__":
    sys.exit(run_job("explain", run))

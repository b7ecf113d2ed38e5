"""gold.rankings, rank_history -> standard output

Says whether a ranking is still the one that was certified, and makes it again from the tables and settings that its
certificate names. Ends with 65 and names the cells if anything differs. Writes nothing and needs no lock.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from smart_trader.config.thresholds import read_certified
from smart_trader.domain import catalog
from smart_trader.domain.evidence.verification import Outcome, differing_cells
from smart_trader.domain.gold import rank_history, ranking, rankings
from smart_trader.errors import QualityError, StorageError
from smart_trader.rows import collect, persisted
from smart_trader.run.app import App
from smart_trader.run.ranking import RankedVersions, digest, ranked
from smart_trader.run.runner import run_job
from smart_trader.run.versions import versions_of
from smart_trader.version import VERSION

_SHOWN = 20
"""Differing cells of a ranking that are shown."""


def run(app: App) -> None:
    versions_of(app, catalog.TABLES)
    certificates = {row.ranked_at: row for row in collect(app.tables.read(rankings.TABLE))}
    found = [_verify(app, at, certificates.get(at)) for at in _chosen(app, certificates)]
    if not found:
        app.report.warnings.append("there is no ranking yet")
    app.report.document = {
        "rankings": [{name: value for name, value in one.items() if name != "cells"} for one in found],
        "cells": [cell for one in found for cell in one["cells"]],
    }
    bad = [one for one in found if _BAD.intersection(one["outcome"])]
    if bad:
        named = "; ".join(f"{one['ranked_at']}: {', '.join(one['outcome'])}" for one in bad)
        raise QualityError(
            f"{len(bad)} of {len(found)} rankings are not as certified: {named}. Nothing was changed. What it means:"
            " docs/evidence.md."
        )


_BAD = frozenset((Outcome.ROWS_DIFFER, Outcome.DIGEST_DIFFERS))


def _chosen(app: App, certificates: Mapping[datetime, Row]) -> list[datetime]:
    """Times of the rankings that were asked for, oldest first. Raises QualityError if there is none of that time."""
    history = app.tables.read(rank_history.TABLE)
    if not (app.options.all or app.options.ranked_at):
        return [row.ranked_at for row in collect(rank_history.made_last(history).select("ranked_at"))]
    times = sorted({row.ranked_at for row in collect(history.select("ranked_at").distinct())} | certificates.keys())
    asked = app.options.ranked_at
    if asked is None:
        return times
    if asked not in times:
        nearest = min(times, key=lambda at: abs(at - asked), default=None)
        hint = f"the nearest is of {_text(nearest)}" if nearest else "there is none yet"
        raise QualityError(f"There is no ranking of {_text(asked)}; {hint}. Nothing was changed.")
    return [asked]


def _verify(app: App, ranked_at: datetime, certificate: Row | None) -> dict[str, Any]:
    """What is found of one ranking, with up to `_SHOWN` differing cells."""
    if certificate is None:
        return _finding(ranked_at, [Outcome.NOT_CERTIFIED])
    stored = rankings.rows_of(app.tables.read(rank_history.TABLE), ranked_at)
    columns = certificate.columns.split("|")
    try:
        outcomes = [] if digest(stored, columns) == certificate.digest else [Outcome.DIGEST_DIFFERS]
        differing, cells = _computed_again(app, stored, certificate, columns)
        outcomes += [Outcome.ROWS_DIFFER] if differing else []
    except _TooOld:
        differing, cells = None, []
        outcomes = outcomes or [Outcome.TOO_OLD]
    except (Py4JJavaError, PySparkException) as error:
        raise StorageError(
            f"The ranking of {_text(ranked_at)} cannot be computed: {str(error).splitlines()[0][:300]}"
        ) from error
    return _finding(ranked_at, outcomes or [Outcome.VERIFIED], certificate, differing, cells)


class _TooOld(Exception):
    """A version that the certificate names cannot be read any more."""


def _computed_again(
    app: App, stored: DataFrame, certificate: Row, columns: Sequence[str]
) -> tuple[int, list[dict[str, Any]]]:
    """How many cells differ from the ranking as it is made again, and the first of them. Raises _TooOld."""
    made_from = RankedVersions(*(certificate[field.name] for field in fields(RankedVersions)))
    ranked_at = certificate.ranked_at
    try:
        by, closed_ratio = read_certified(certificate.settings)
    except (ValueError, KeyError, TypeError):
        return 1, [_cell(ranked_at, "-", "settings of the certificate", certificate.settings[:80], "cannot be read")]
    counts = {"wallets": stored.count(), "recommended": stored.where("recommended").count()}
    own = [
        _cell(ranked_at, "-", f"{name} of the certificate", certificate[name], count)
        for name, count in counts.items()
        if certificate[name] != count
    ]
    try:
        making = ranked(app, made_from, by, closed_ratio=closed_ratio, ranked_at=ranked_at)
        with making as wallets:
            made = wallets.withColumn("wallet_pnl_version", F.lit(made_from.wallet_pnl_version))
            history = ranking.history_of(
                made, trades_version=made_from.trades_version, settings_hash=certificate.settings_hash
            )
            with persisted(differing_cells(stored, history, columns)) as found:
                first = collect(found.orderBy("wallet_address", "column").limit(_SHOWN))
                cells = [_cell(ranked_at, c.wallet_address, c.column, c.stored, c.computed) for c in first]
                return found.count() + len(own), [*own, *cells][:_SHOWN]
    except StorageError as error:
        raise _TooOld from error


def _finding(
    ranked_at: datetime,
    outcomes: Sequence[Outcome],
    certificate: Row | None = None,
    differing: int | None = None,
    cells: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    made_by = certificate.code_version if certificate else None
    return {
        "ranked_at": _text(ranked_at),
        "outcome": [str(outcome) for outcome in outcomes],
        "other_code_version": made_by if made_by != VERSION else None,
        "wallets": certificate.wallets if certificate else None,
        "differing_cells": differing,
        "cells": list(cells),
    }


def _cell(ranked_at: datetime, wallet: str, column: str, stored: object, computed: object) -> dict[str, Any]:
    sides = {name: None if value is None else str(value) for name, value in (("stored", stored), ("again", computed))}
    return {"ranked_at": _text(ranked_at), "wallet": wallet, "column": column, **sides}


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(run_job("verify", run))

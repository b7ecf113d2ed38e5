"""From the data to the content of the page: the list, its changes, the traders, the age of the data."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from smart_trader.domain.gold.report_data import GateChange, PlaceChange
from smart_trader.domain.kernel.ranking import PerformanceTier
from smart_trader.report import figures, numbers, track_record, trader_tables, trader_view, trusted
from smart_trader.report.data import ReportData, Row
from smart_trader.report.meanings import meanings
from smart_trader.report.view import (
    Cell,
    Column,
    Fact,
    Figure,
    Grid,
    Multiple,
    Page,
    Rank,
    Rate,
    Tier,
    Trader,
    Wallet,
)

_CHANGES = (
    ("gate", GateChange.GAINED, "Now recommended"),
    ("gate", GateChange.LOST, "No longer recommended"),
    ("kind", PlaceChange.ENTERED, "Entered the ranking"),
    ("kind", PlaceChange.LEFT, "Left the ranking"),
    ("kind", PlaceChange.UP, "Up"),
    ("kind", PlaceChange.DOWN, "Down"),
)
MOST_CHANGES = 10
_GATES = "profit, ROI, win rates, coverage, trusted values, history, a person"
_MULTIPLES = 24
_OLD = timedelta(hours=26)
"""With two runs a day, an older ranking has missed more than one run."""


def build(found: ReportData) -> Page:
    """The page. Without a ranking it has a note and the rest of the data."""
    moved = {row["wallet_address"]: row for row in found.movements}
    traders = _traders(found, moved)
    return Page(
        identity=found.identity,
        made_at=found.made_at,
        ranked_at=found.ranked_at,
        previous_at=found.previous_at,
        notices=tuple(_notices(found)),
        track_record=track_record.build(found.track_records, found.discovered) if found.track_records else None,
        headline=_headline(found) if found.traders else (),
        tiers=_tiers(found.groups) if found.groups else None,
        changes=tuple(_changes(found)) if found.previous_at else (),
        changes_summary=_changes_summary(found),
        multiples=_multiples(traders),
        ranking=_ranking(found, moved) if found.traders else None,
        traders=traders,
        data=(*_freshness(found), _rejected(found.rejections), _runs(found.runs), _versions(found.versions)),
        meanings=meanings(found.rules),
        made_by=found.made_by,
    )


def _notices(found: ReportData) -> Iterable[str]:
    if found.ranked_at is None:
        yield "There is no ranking yet. Run the pipeline, or gold_traders if silver has figures already."
        return
    if not found.traders:
        yield f"No wallet qualifies. The last ranking with anybody on it was made at {numbers.moment(found.ranked_at)}."
        return
    age = found.made_at - found.ranked_at
    if age > _OLD:
        yield f"This ranking is {numbers.hours(Decimal(int(age.total_seconds())) / 3600)} old."
    if not found.is_current_rules:
        yield "The settings have changed since this ranking was made; the thresholds named here are those of today."
    if found.is_evidence_newer:
        yield (
            "Trades were computed again after this ranking: tokens, sales, lots and curves can be newer than the list. "
            "gold_traders makes a new one."
        )
    if _is_return_by_chance(found.traders):
        yield (
            "The returns per token show no difference between wallets beyond chance: skill_return is the same for all, "
            "and the skill rank goes by win rates."
        )
    if not any(row["recommended"] for row in found.traders):
        yield "Nobody in this list passes every gate: there is no wallet to follow."


def _is_return_by_chance(traders: Sequence[Row]) -> bool:
    """Whether the spread of returns between wallets is 0: then everybody's estimate is the mean, without a doubt."""
    known = [(row["skill_return"], row["skill_return_low"]) for row in traders if row["skill_return"] is not None]
    return bool(known) and all(mean == low for mean, low in known)


def _headline(found: ReportData) -> tuple[Fact, ...]:
    ranked = sum(group["wallets"] for group in found.groups)
    good = sum(group["wallets"] for group in found.groups if not group["gate_failures"])
    fresh = found.freshness
    read = f"{fresh['wallets_read']:,} of {fresh['wallets']:,} followed wallets have been read" if fresh else ""
    newest = fresh and fresh["newest_trade"]
    return (
        Fact(
            "Recommended",
            figures.count(good, f"pass every gate: {_GATES}"),
        ),
        Fact("Ranked", figures.count(ranked, f"qualify by a profit or a winning sale. {read}")),
        Fact(
            "Newest trade",
            Figure(numbers.moment(newest), how="UTC, of all wallets")
            if newest
            else Figure("", how="no trade was read"),
        ),
        Fact(
            "Ranking before",
            Figure(numbers.moment(found.previous_at), how="UTC; changes are against this one")
            if found.previous_at
            else Figure("none", how="this is the first ranking"),
        ),
    )


def _tiers(groups: Sequence[Row]) -> Grid:
    columns = (
        Column("Tier"),
        Column("Wallets", True),
        Column("Recommended", True),
        Column("Realized PnL", True),
        Column("Most often in the way"),
    )
    rows: list[tuple[Cell, ...]] = []
    for tier in PerformanceTier:
        of_tier = [group for group in groups if group["performance_tier"] == tier]
        wallets = sum(group["wallets"] for group in of_tier)
        if not wallets:
            continue
        gains = [group["realized_pnl"] for group in of_tier]
        rows.append(
            (
                Tier(tier),
                figures.count(wallets),
                figures.count(sum(group["wallets"] for group in of_tier if not group["gate_failures"])),
                figures.dollars(
                    None if None in gains else sum(gains, Decimal(0)),
                    signed=True,
                    why="a figure is too large for its column",
                ),
                _in_the_way(of_tier),
            )
        )
    return Grid("Tiers", columns, rows)


def _in_the_way(groups: Sequence[Row]) -> str:
    counted: dict[str, int] = {}
    for group in groups:
        for failure in group["gate_failures"]:
            counted[failure] = counted.get(failure, 0) + group["wallets"]
    most = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:3]
    return ", ".join(f"{figures.gate_name(name)} ({number:,})" for name, number in most)


def _changes(found: ReportData) -> Iterable[Grid]:
    columns = (
        Column("Wallet"),
        Column("Place", True),
        Column("Before", True),
        Column("Tier"),
        Column("Realized PnL", True),
    )
    for column, value, title in _CHANGES:
        every = [row for row in found.movements if row[column] == value]
        best = sorted(every, key=_best_place)[:MOST_CHANGES]
        if not best:
            continue
        number = best[0][f"of_{column}"]
        rows: list[tuple[Cell, ...]] = [
            (
                Wallet(row["wallet_address"], row["wallet_address"] in found.detailed),
                _place(row["overall_rank"], "left"),
                _place(row["was_overall_rank"], "new"),
                _tier_change(row),
                figures.dollars(
                    row["realized_pnl"] if row["realized_pnl"] is not None else row["was_realized_pnl"], signed=True
                ),
            )
            for row in best
        ]
        left_out = f"The {len(rows)} highest of {number:,}." if number > len(rows) else ""
        yield Grid(f"{title}: {number:,}", columns, rows, left_out)


def _best_place(row: Row) -> tuple[int, str]:
    places = [row[name] for name in ("overall_rank", "was_overall_rank") if row[name] is not None]
    return min(places), row["wallet_address"]


def _place(place: int | None, otherwise: str) -> Figure:
    return Figure(otherwise) if place is None else Figure(f"{place:,}", str(place))


def _tier_change(row: Row) -> str:
    now, was = row["performance_tier"], row["was_performance_tier"]
    return f"{was} → {now}" if now and was and now != was else now or was


def _changes_summary(found: ReportData) -> str:
    if not found.previous_at:
        return "This is the first ranking: there is nothing to compare it with." if found.ranked_at else ""
    counts = {row[column]: row[f"of_{column}"] for column in ("kind", "gate") for row in found.movements if row[column]}
    changes = [f"{counts[kind]:,} {kind}" for _, kind, _ in _CHANGES[2:] if kind in counts]
    stayed = f"{counts[PlaceChange.STAYED]:,} kept their place" if PlaceChange.STAYED in counts else ""
    listed = ", ".join(part for part in (*changes, stayed) if part)
    return f"Since {numbers.moment(found.previous_at)} UTC: {listed}." if listed else "Nothing changed."


def _rank(row: Row, moved: Mapping[str, Row], has_previous: bool) -> Rank:
    change = moved.get(row["wallet_address"])
    was = change["was_overall_rank"] if change else None
    return Rank(row["overall_rank"], was, is_new=has_previous and change is not None and was is None)


def _ranking(found: ReportData, moved: Mapping[str, Row]) -> Grid:
    columns = (
        Column("Rank", True),
        Column("Wallet", hint="and tier"),
        Column("Score", True, "PnL · ROI · wins · activity"),
        Column("Realized PnL", True),
        Column("ROI", True),
        Column("Win rate", True, "wins/sales"),
        Column("Lower bound", True, "of tokens, 95 %"),
        Column("Coverage", True),
        Column("History"),
        Column("30 days", True, "realized PnL"),
        Column("Follow?"),
    )
    rows = [_line(row, found, moved) for row in found.traders]
    ranked = sum(group["wallets"] for group in found.groups)
    left_out = f"The first {len(rows):,} of {ranked:,}; the tables have all." if ranked > len(rows) else ""
    return Grid("Ranking", columns, rows, left_out, heads=1)


def _line(row: Row, found: ReportData, moved: Mapping[str, Row]) -> tuple[Cell, ...]:
    return (
        _rank(row, moved, found.previous_at is not None),
        Wallet(row["wallet_address"], row["wallet_address"] in found.detailed, Tier(row["performance_tier"])),
        trader_tables.score(row, found.rules),
        trusted.beside_pnl(figures.short(figures.realized(row)), row),
        trusted.beside_roi(figures.short(figures.roi(row)), row),
        Rate(figures.win_rate(row), trusted.win_counts(row)),
        figures.short(figures.lower_bound(row)),
        trusted.beside_coverage(figures.short(figures.coverage(row)), row),
        figures.history(row).text,
        figures.dollars(row["realized_pnl_30d"], signed=True),
        figures.remarks(row, found.rules),
    )


def _traders(found: ReportData, moved: Mapping[str, Row]) -> tuple[Trader, ...]:
    tokens, sales, lots, curves, states = (
        found.of_wallet(rows) for rows in (found.tokens, found.sales, found.lots, found.curves, found.states)
    )
    return tuple(
        trader_view.build(
            row,
            _rank(row, moved, found.previous_at is not None),
            found.rules,
            found.limits,
            trader_view.Evidence(
                tokens=sorted(tokens.get(wallet, ()), key=lambda token: token["place"]),
                sales=sales.get(wallet, ()),
                lots=sorted(lots.get(wallet, ()), key=lambda lot: lot["place"]),
                curve=curves.get(wallet, ()),
                state=next(iter(states.get(wallet, ())), None),
            ),
        )
        for row in found.traders
        if (wallet := row["wallet_address"]) in found.detailed
    )


def _multiples(traders: Sequence[Trader]) -> tuple[Multiple, ...]:
    """Curves of the recommended traders among those in detail, or of all of these if none is recommended."""
    recommended = [trader for trader in traders if trader.remarks.recommended] or list(traders)
    return tuple(
        Multiple(trader.wallet, trader.rank.place, trader.tier, trader.headline[0].figure, trader.curve)
        for trader in recommended[:_MULTIPLES]
        if trader.curve is not None
    )


def _freshness(found: ReportData) -> Iterable[Grid]:
    fresh = found.freshness
    if fresh is None:
        return
    columns = (Column("Stage"), Column("Done", True), Column("Newest"), Column("Oldest"))
    rows: list[tuple[Cell, ...]] = [
        ("Tokens listed", figures.count(fresh["tokens"]), fresh["newest_snapshot"], None),
        ("Holders read", None, fresh["newest_whale_fetched_at"], fresh["oldest_whale_fetched_at"]),
        (
            "Wallets read",
            Figure(f"{fresh['wallets_read']:,} of {fresh['wallets']:,}"),
            fresh["newest_txns_last_fetched_at"],
            fresh["oldest_txns_last_fetched_at"],
        ),
        (
            "PnL computed",
            Figure(f"{fresh['wallets_computed']:,} of {fresh['wallets']:,}"),
            fresh["newest_pnl_last_processed_at"],
            fresh["oldest_pnl_last_processed_at"],
        ),
    ]
    yield Grid("How fresh the data are", columns, rows, "Business times of the runs that did it.")


def _rejected(rejections: Sequence[Row]) -> Grid:
    columns = (Column("From"), Column("Reason"), Column("Rows", True), Column("Newest"))
    rows = [(row["source"], row["reason"], figures.count(row["rows"]), row["newest"]) for row in rejections]
    note = "Put aside with reason and text in bronze.rejected_rows and silver.rejected_rows; none counts anywhere."
    return Grid("What was rejected", columns, rows, note if rows else "Nothing was rejected.")


def _runs(runs: Sequence[Row]) -> Grid:
    columns = (
        Column("Started"),
        Column("Job"),
        Column("Outcome"),
        Column("Seconds", True),
        Column("Rows in", True),
        Column("Rows out", True),
        Column("Rejected", True),
        Column("Calls", True),
        Column("Units", True),
        Column("Message"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            run["started_at"],
            run["job"],
            f"{run['outcome']}, exit {run['exit_code']}",
            figures.plain(Decimal(str((run["finished_at"] - run["started_at"]).total_seconds())), 1),
            figures.count(run["rows_in"]),
            figures.count(run["rows_out"]),
            figures.count(run["rows_rejected"]),
            figures.count(run["api_calls"]),
            figures.count(run["compute_units"]),
            run["message"] or "",
        )
        for run in runs
    ]
    note = "The newest first. A run that makes this page as its last step is not in it yet."
    return Grid("Runs", columns, rows, note if rows else "No run has left a record.", heads=1)


def _versions(versions: Mapping[str, int]) -> Grid:
    rows: list[tuple[Cell, ...]] = [(table, Figure(str(version))) for table, version in sorted(versions.items())]
    note = "Delta versions: what is shown here can be read again as of these, as far back as the retention goes."
    return Grid("Made from", (Column("Table"), Column("Version", True)), rows, note)

"""gold.outcomes to gold.grades: Spark adds up over wallets and tokens, the kernel finishes."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.arrow import arrow_type, build_column, lists
from smart_trader.domain.gold import grades
from smart_trader.domain.kernel.grading import (
    QUARTILES,
    Cohort,
    Contrast,
    ExcessSums,
    FollowedWallet,
    GradingRules,
    Stratum,
    TokenSums,
    cohort_figures,
    excess,
    token_parts,
)
from smart_trader.domain.kernel.ranking import PerformanceTier
from smart_trader.domain.tables.table import COUNT, INT, STRING

GRADED = ("ranked_at", "horizon_days")
"""What identifies the ranking and the horizon that are graded."""
_COHORTS = tuple(Cohort)
_BUCKETS = 16
"""Tokens of a grade are added up in so many parts, so that each fits into memory."""
_PARTS = T.StructType([T.StructField(name, COUNT) for name in ("share", "gain")])
_STRATUM = ("quartile", "cohorts", "wallets", "gain")
_CELL = ("token_address", "quartile", "cohorts", "share", "gain")
_SUMS = T.StructType([T.StructField("cohort", STRING), *(T.StructField(name, STRING) for name in ExcessSums._fields)])
"""Sums over tokens as text: they have hundreds of digits."""
_FIGURES = T.StructType([field for field in grades.TABLE.own_schema if field.name not in GRADED])


def grade(
    outcomes: DataFrame, tokens: DataFrame, history: DataFrame, watched: DataFrame, rules: GradingRules
) -> DataFrame:
    """The rows of `gold.grades` for all rankings and horizons in `outcomes`, rows of gold.outcomes.

    `tokens` holds what each observed wallet made in each token (GRADED, wallet_address, token_address, invested_usd,
    follow_pnl_usd), `history` is gold.rank_history, `watched` says how many addresses a webhook held by each ranking
    (ranked_at, max_addresses). The result is computed by whoever reads it: keep it, if it is read more than once.
    """
    wallets = _followed(outcomes, history, watched)
    cells = _cells(tokens, wallets, rules)
    strata = _strata(wallets, cells)
    bucketed = strata.withColumn("bucket", F.explode(F.sequence(F.lit(0), F.lit(_BUCKETS - 1))))
    by_bucket = (*GRADED, "bucket")
    sums = (
        cells.groupBy(*by_bucket)
        .cogroup(bucketed.groupBy(*by_bucket))
        .applyInArrow(_add_up, T.StructType([*_key_fields(outcomes), *_SUMS.fields]))
    )
    finish = partial(_finish, rules=rules)
    return wallets.groupBy(*GRADED).cogroup(sums.groupBy(*GRADED)).applyInArrow(finish, grades.TABLE.own_schema)


def _key_fields(rows: DataFrame) -> list[T.StructField]:
    return [rows.schema[name] for name in GRADED]


def _followed(outcomes: DataFrame, history: DataFrame, watched: DataFrame) -> DataFrame:
    """The wallets of each grade with the sum of their cohorts (`cohorts`), and the active ones with their quartile."""
    of_grade = Window.partitionBy(*GRADED)
    best_first = Window.partitionBy(*GRADED, "recommended").orderBy("overall_rank", "wallet_address")
    is_active = F.col("is_observed") & (F.col("invested_usd") > 0)
    quickest_first = Window.partitionBy(*GRADED, "_is_active").orderBy(
        F.asc_nulls_first("avg_holding_time_hours"), "wallet_address"
    )
    places = {
        "_place": F.row_number().over(quickest_first) - 1,
        "_active": F.count(F.lit(1)).over(Window.partitionBy(*GRADED, "_is_active")),
    }
    is_in = {
        Cohort.RANKED: F.lit(True),
        Cohort.RECOMMENDED: F.col("recommended"),
        Cohort.WATCHED: F.col("recommended") & (F.row_number().over(best_first) <= F.col("max_addresses")),
        Cohort.SKILLED: F.col("skill_rank") <= F.count_if("recommended").over(of_grade),
        **{Cohort(tier.value): F.col("performance_tier") == tier for tier in PerformanceTier},
    }
    holding = history.select("ranked_at", "wallet_address", "avg_holding_time_hours")
    return (
        outcomes.join(holding, ["ranked_at", "wallet_address"], "left")
        .join(F.broadcast(watched.select("ranked_at", "max_addresses")), "ranked_at", "left")
        .withColumn("_is_active", F.coalesce(is_active, F.lit(False)))
        .withColumns(places)
        .select(
            *GRADED,
            "wallet_address",
            "is_observed",
            "smart_trader_score",
            "invested_usd",
            "follow_pnl_usd",
            "follow_return",
            _sum_of_bits(is_in).alias("cohorts"),
            F.expr(f"CASE WHEN _is_active THEN CAST({QUARTILES} * _place DIV _active AS INT) END").alias("quartile"),
        )
    )


def _sum_of_bits(is_in: dict[Cohort, Column]) -> Column:
    bits = [F.when(is_in[cohort], F.lit(_bit(cohort))).otherwise(F.lit(0)) for cohort in _COHORTS]
    return sum(bits[1:], bits[0])


def _bit(cohort: Cohort) -> int:
    return 1 << _COHORTS.index(cohort)


def _cells(tokens: DataFrame, wallets: DataFrame, rules: GradingRules) -> DataFrame:
    """Shares and gains of the active wallets, added up by token, quartile and cohorts."""
    active = wallets.where(F.col("quartile").isNotNull()).select(
        *GRADED, "wallet_address", "cohorts", "quartile", F.col("invested_usd").alias("_whole")
    )
    kept = (*GRADED, "token_address", "quartile", "cohorts")
    joined = tokens.join(active, [*GRADED, "wallet_address"]).select(*kept, "invested_usd", "follow_pnl_usd", "_whole")
    schema = T.StructType([*(joined.schema[name] for name in kept), *_PARTS.fields])
    parts = joined.mapInArrow(partial(_with_parts, kept=kept, rules=rules), schema)
    bucket = F.pmod(F.xxhash64("token_address"), F.lit(_BUCKETS)).cast(INT).alias("bucket")
    return parts.groupBy(*kept).agg(*(F.sum(name).alias(name) for name in _PARTS.names)).withColumn("bucket", bucket)


def _with_parts(
    batches: Iterator[pa.RecordBatch], kept: Sequence[str], rules: GradingRules
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = zip(*lists(batch, ("invested_usd", "follow_pnl_usd", "_whole")), strict=True)
        parts = [token_parts(invested, pnl, whole, rules) for invested, pnl, whole in rows]
        added = [pa.array(column, pa.int64()) for column in (zip(*parts, strict=True) if parts else ((), ()))]
        yield pa.RecordBatch.from_arrays([*(batch.column(name) for name in kept), *added], [*kept, *_PARTS.names])


def _strata(wallets: DataFrame, cells: DataFrame) -> DataFrame:
    """How many active wallets of the same cohorts each quartile has, and what they gained."""
    by = (*GRADED, "quartile", "cohorts")
    none, count = F.lit(0).cast(COUNT), F.count(F.lit(1))
    active = wallets.where(F.col("quartile").isNotNull())
    counted = active.groupBy(*by).agg(count.alias("wallets")).withColumn("gain", none)
    gained = cells.groupBy(*by).agg(F.sum("gain").alias("gain")).withColumn("wallets", none)
    return counted.unionByName(gained)


def _add_up(cells: pa.Table, strata: pa.Table) -> pa.Table:
    """Sums over the tokens of a bucket for each cohort."""
    found = _strata_of_cohorts(strata)
    by_token: dict[str, list[tuple[int, ...]]] = {}
    for token, *sums in zip(*_columns(cells, _CELL), strict=True):
        by_token.setdefault(token, []).append(tuple(sums))
    rows = []
    for cohort, of_cohort in found.items():
        contrast, bit, total = Contrast(of_cohort), _bit(cohort), ExcessSums()
        if contrast.is_empty:
            continue
        for sums in by_token.values():
            inside = (TokenSums(quartile, bool(mask & bit), share, gain) for quartile, mask, share, gain in sums)
            total = total.with_token(contrast.of_token(inside))
        rows.append((cohort.value, *map(str, total)))
    return _with_keys(strata, _SUMS, rows)


def _strata_of_cohorts(strata: pa.Table) -> dict[Cohort, list[Stratum]]:
    rows = list(zip(*_columns(strata, _STRATUM), strict=True))
    return {cohort: _strata_of(rows, _bit(cohort)) for cohort in _COHORTS}


def _strata_of(rows: Iterable[tuple[int, int, int, int]], bit: int) -> list[Stratum]:
    found = [[0, 0, 0] for _ in range(QUARTILES)]
    for quartile, mask, wallets, gain in rows:
        found[quartile][0 if mask & bit else 1] += wallets
        found[quartile][2] += gain
    return [Stratum(*sums) for sums in found]


def _finish(wallets: pa.Table, sums: pa.Table, rules: GradingRules) -> pa.Table:
    """The rows of one ranking and horizon, one for each cohort."""
    names = ("is_observed", "smart_trader_score", "invested_usd", "follow_pnl_usd", "follow_return")
    followed = [FollowedWallet(*values) for values in zip(*_columns(wallets, names), strict=True)]
    quartiles, masks = _columns(wallets, ("quartile", "cohorts"))
    active = [(q, mask, 1, 0) for q, mask in zip(quartiles, masks, strict=True) if q is not None]
    added: dict[str, ExcessSums] = {}
    for cohort, *numbers in zip(*_columns(sums, _SUMS.names), strict=True):
        added[cohort] = added.get(cohort, ExcessSums()).plus(ExcessSums(*map(int, numbers)))
    rows = []
    for cohort in _COHORTS:
        bit = _bit(cohort)
        inside = [wallet for wallet, mask in zip(followed, masks, strict=True) if mask & bit]
        figures = cohort_figures(cohort, inside, rules)
        beyond = excess(cohort, _strata_of(active, bit), added.get(cohort, ExcessSums()), rules)
        rows.append((cohort.value, *figures, *beyond))
    return _with_keys(wallets, _FIGURES, rows)


def _columns(rows: pa.Table, names: Iterable[str]) -> list[list[Any]]:
    """Columns as lists; empty for a group without rows."""
    batch = rows.combine_chunks().to_batches()
    return lists(batch[0], names) if batch else [[] for _ in names]


def _with_keys(graded: pa.Table, schema: T.StructType, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """`rows` as columns of `schema`, after the GRADED columns of the first row of `graded`."""
    keys = [pa.repeat(graded.column(name)[0], len(rows)) for name in GRADED]
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in schema]
    added = [build_column(column, field.type) for column, field in zip(columns, arrow_type(schema), strict=True)]
    return pa.table([*keys, *added], names=[*GRADED, *schema.names])

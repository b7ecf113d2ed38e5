"""Rules that stored rows must keep, many of them counted in one pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType

from smart_trader.domain.tables.state_flags import ProcessingStatus
from smart_trader.domain.tables.table import Check, Table

EXAMPLES = 3
"""How many of the subjects that break a rule are named."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a subject must keep. `broken` is true where it does not; null is as good as false."""

    table: str
    name: str
    broken: Column


@dataclass(frozen=True, slots=True)
class Examination:
    """Subjects, one a row, and the rules that each of them must keep; all rules are counted in one pass."""

    rows: DataFrame
    subject: tuple[str, ...]
    rules: Sequence[Rule]

    def count(self) -> DataFrame:
        """One row: how many subjects break the first rule, the second, and so on."""
        return self.rows.agg(*(F.count_if(rule.broken).alias(str(nth)) for nth, rule in enumerate(self.rules)))

    def examples(self, rule: Rule) -> DataFrame:
        """The first few subjects that break `rule`."""
        return self.rows.where(rule.broken).select(*self.subject).orderBy(*self.subject).limit(EXAMPLES)


def exact_sum(value: Column) -> Column:
    """The sum of what is known: 0 of nothing, null (unknown) where the sum does not fit its type."""
    return F.when(F.count(value) == 0, F.lit(0)).otherwise(F.try_sum(value))


def together(*frames: DataFrame) -> DataFrame:
    """All rows, with all columns; null where a frame lacks one. One grouping by a key then serves as a join of all."""
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), frames)


def examine_declared(table: Table, rows: DataFrame) -> Examination:
    """What is enforced of each row that is written: its checks, and what must not be null. `rows` may lack stamps."""
    names = [field.name for field in table.schema if not field.nullable and field.name in rows.columns]
    full = [c.name for c in table.columns if isinstance(c.type, ArrayType) and not c.type.containsNull]
    nulls = [Rule(table.name, f"{name}_not_null", F.col(name).isNull()) for name in names]
    elements = [Rule(table.name, f"{name}_elements_not_null", F.exists(name, lambda e: e.isNull())) for name in full]
    checks = [Rule(table.name, c.name, ~F.coalesce(F.expr(c.condition), F.lit(False))) for c in table.checks]
    subject = tuple(name for name in table.key if name in rows.columns)
    return Examination(rows, subject, (*nulls, *elements, *checks))


def examine_rows(table: Table, rows: DataFrame) -> Examination:
    """Keys are unique, declared checks hold, and so do the rules between the columns of a row."""
    checks = (*table.checks, *_BETWEEN_COLUMNS.get(table.name, ()))
    broken = [F.bool_or(~F.coalesce(F.expr(check.condition), F.lit(False))).alias(check.name) for check in checks]
    grouped = rows.groupBy(*table.key).agg(F.count(F.lit(1)).alias("_rows"), *broken)
    return Examination(
        grouped,
        table.key,
        (
            Rule(table.name, "key_unique", F.col("_rows") > 1),
            *(Rule(table.name, check.name, F.col(check.name)) for check in checks),
        ),
    )


_PENDING = f"'{ProcessingStatus.PENDING}'"
_BETWEEN_COLUMNS: Mapping[str, tuple[Check, ...]] = {
    "bronze.token_metrics": (Check("processed_has_time", "NOT processed OR processed_at IS NOT NULL"),),
    "silver.tracked_tokens": (
        Check("fetched_has_time", f"whale_fetch_status = {_PENDING} OR whale_fetched_at IS NOT NULL"),
    ),
    "silver.tracked_whales": (
        Check("fetched_has_time", f"txns_fetch_status = {_PENDING} OR txns_last_fetched_at IS NOT NULL"),
        Check("computed_has_time", f"pnl_processing_status = {_PENDING} OR pnl_last_processed_at IS NOT NULL"),
        Check("computed_has_class", f"pnl_processing_status = {_PENDING} OR wallet_class IS NOT NULL"),
    ),
    "silver.wallet_pnl": (
        Check("counts_add_up", "trade_count = buy_count + sell_count"),
        Check("counts_in_order", "winning_sales <= matched_sales AND matched_sales <= sell_count"),
        Check(
            "total_adds_up",
            # What a column cannot hold is null in it. An unrealized loss of that size has cost as much.
            "total_bought IS NULL OR coalesce(total_pnl = realized_pnl + coalesce(unrealized_pnl, 0), true)",
        ),
        # Null in all of them: computed before they were added.
        Check(
            "trusted_counts_in_order",
            "coalesce(trusted_winning_sales <= least(winning_sales, trusted_sales), true)"
            " AND coalesce(trusted_sales <= sell_count, true)",
        ),
        Check("trusted_is_not_better", "coalesce(trusted_pnl <= realized_pnl, true)"),
        Check("trusted_ratio_in_range", "coalesce(trusted_ratio BETWEEN 0 AND 1, true)"),
        Check("seen_has_time", "NOT moved_to_gold OR gold_processed_at IS NOT NULL"),
    ),
    "gold.smart_traders": (
        Check("recommended_without_failures", "recommended = (size(gate_failures) = 0)"),
        Check("score_in_range", "smart_trader_score BETWEEN 0 AND 100"),
        Check(
            "skill_in_order",
            "coalesce(skill_return_low <= skill_return, true)"
            " AND coalesce(0 <= skill_win_rate_low AND skill_win_rate_low <= skill_win_rate AND skill_win_rate <= 100,"
            " true)",
        ),
        Check("best_sale_share_in_range", "coalesce(best_sale_share BETWEEN 0 AND 1, true)"),
    ),
}
"""Beside the declared checks: what the jobs keep by their order of writes, or by arithmetic."""

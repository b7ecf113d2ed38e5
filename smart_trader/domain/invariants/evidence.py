"""What must hold of the outcomes of rankings: they are of the ranking as it was, and grades add up to them."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.evidence.grades import GRADED
from smart_trader.domain.evidence.windows import without_their_grade
from smart_trader.domain.gold import grades, outcomes, rank_history
from smart_trader.domain.gold.outcomes import RANKED
from smart_trader.domain.tables.row_rules import Examination, Rule

USES = (rank_history.TABLE, outcomes.TABLE, grades.TABLE)


def examine_outcomes(rows: DataFrame, history: DataFrame) -> Examination:
    """Each row of gold.outcomes has its wallet as gold.rank_history has it, and its PnL is the sum of its parts."""
    kept = history.select("ranked_at", "wallet_address", F.struct(*RANKED).alias("kept"))
    joined = rows.join(kept, ["ranked_at", "wallet_address"], "left")
    parts = F.col("realized_usd") + F.col("open_value_usd") - F.col("open_cost_usd")
    table = outcomes.TABLE.name
    return Examination(
        joined,
        outcomes.TABLE.key,
        (
            Rule(table, "wallet_was_ranked_so", ~F.struct(*RANKED).eqNullSafe(F.col("kept"))),
            Rule(table, "figures_add_up", F.coalesce(F.col("follow_pnl_usd") != parts, F.lit(False))),
        ),
    )


def examine_grades(rows: DataFrame, stored: DataFrame) -> Examination:
    """The grades in `stored`, gold.grades, add up to `rows`, gold.outcomes."""
    found = without_their_grade(rows, stored)
    return Examination(found, GRADED, (Rule(grades.TABLE.name, "grades_add_up", F.lit(True)),))

"""gold.grades: what came after each ranking, by horizon and cohort."""

from smart_trader.domain.kernel.grading import Cohort
from smart_trader.domain.tables.table import (
    COUNT,
    PERCENT,
    RATIO,
    STRING,
    TIMESTAMP,
    USD,
    Column,
    Table,
    either,
    not_negative,
    one_of,
)

TABLE = Table(
    name="gold.grades",
    grain="one row per cohort, ranking and horizon",
    key=("ranked_at", "horizon_days", "cohort"),
    job="evaluate",
    columns=(
        Column("ranked_at", TIMESTAMP, "Business time of the graded ranking.", nullable=False),
        Column("horizon_days", COUNT, "Days after it that count.", nullable=False),
        Column("cohort", STRING, f"{either(Cohort)}.", nullable=False),
        Column("wallets", COUNT, "Wallets of the cohort that are followed up.", nullable=False),
        Column("observed", COUNT, "Those of them whose trades of the whole window are known.", nullable=False),
        Column("active", COUNT, "Observed wallets that bought something.", nullable=False),
        Column("profitable", COUNT, "Observed wallets with a follow_pnl_usd above 0.", nullable=False),
        Column("hit_rate", PERCENT, "100 x profitable / observed; null with few observed."),
        Column("mean_return", PERCENT, "Mean clipped follow_return of the observed, a silent wallet counting 0."),
        Column("median_return", PERCENT, "Median of the same."),
        Column("invested_usd", USD, "Sum over the observed; null where it does not fit."),
        Column("follow_pnl_usd", USD, "Sum over the observed; null where it does not fit."),
        Column(
            "rank_correlation",
            RATIO,
            "Spearman's of smart_trader_score and follow_return over the observed; null but for the cohort ranked.",
        ),
        Column("excess_return", PERCENT, "Mean return over that of the rest; null with few active on either side."),
        Column("excess_variance", RATIO, "Variance of it, tokens being independent of each other."),
        Column("tokens", COUNT, "Tokens in which the two sides differ."),
        Column("excess_low", PERCENT, "Lower end of its interval of 95 %."),
        Column("excess_high", PERCENT, "Upper end of it."),
        Column("p_value", RATIO, "How likely chance alone gives this excess or more."),
    ),
    checks=(one_of("cohort", Cohort), *not_negative("excess_variance", "p_value")),
)

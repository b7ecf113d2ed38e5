"""What must hold of a token: who holds it holds a token that is tracked."""

from pyspark.sql import functions as F

from smart_trader.domain.bronze import token_metrics, whale_holders
from smart_trader.domain.invariants.wallets import Rows
from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.domain.tables.row_rules import Examination, Rule, together

_OF_TOKENS = (whale_holders.TABLE, tracked_whales.TABLE)
USES = (*_OF_TOKENS, tracked_tokens.TABLE, token_metrics.TABLE)


def examine_tokens(read: Rows) -> Examination:
    """Holders and tracked wallets name tokens that are tracked, or have a snapshot that waits to be judged."""
    known = together(
        read(tracked_tokens.TABLE).select("token_address"),
        read(token_metrics.TABLE).where(~F.col("processed")).select("token_address"),
    ).withColumn("is_known", F.lit(True))
    named = [
        read(table).where(F.col("token_address").isNotNull()).select("token_address", F.lit(True).alias(table.path))
        for table in _OF_TOKENS
    ]
    tokens = (
        together(known, *named)
        .groupBy("token_address")
        .agg(*(F.bool_or(name).alias(name) for name in ("is_known", *(table.path for table in _OF_TOKENS))))
    )
    return Examination(
        tokens,
        ("token_address",),
        tuple(
            Rule(table.name, "token_is_tracked", F.col(table.path) & F.col("is_known").isNull()) for table in _OF_TOKENS
        ),
    )

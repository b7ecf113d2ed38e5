"""Whether a stored ranking is the one that was certified, and whether it can be made again."""

from collections.abc import Sequence
from enum import StrEnum

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.gold.rankings import text_of


class Outcome(StrEnum):
    """What a verification finds of a ranking."""

    VERIFIED = "verified"
    """Its digest is the certified one, and computing it again gives the same rows."""
    ROWS_DIFFER = "rows differ"
    DIGEST_DIFFERS = "digest differs"
    TOO_OLD = "too old to compute"
    """Beyond the retention of what it was made from. Its digest is the certified one."""
    NOT_CERTIFIED = "not certified"
    """Made before certificates were."""


def differing_cells(stored: DataFrame, computed: DataFrame, columns: Sequence[str]) -> DataFrame:
    """The cells of a ranking that `stored` and `computed` do not agree in: wallet_address, column, and both as text.

    Of a wallet that only one side has, the cell of its address differs.
    """
    names = [name for name in columns if name in computed.columns and name != "wallet_address"]
    sides = [
        rows.select("wallet_address", F.struct(*(text_of(rows.schema, name).alias(name) for name in names)).alias(side))
        for rows, side in ((stored, "_stored"), (computed, "_computed"))
    ]
    is_stored, is_computed = F.col("_stored").isNotNull(), F.col("_computed").isNotNull()
    address = F.col("wallet_address")
    absent = F.array(
        _cell("wallet_address", F.when(is_stored, address), F.when(is_computed, address)),
    )
    cells = F.array(*(_cell(name, F.col(f"_stored.{name}"), F.col(f"_computed.{name}")) for name in names))
    differing = F.filter(cells, lambda cell: ~cell["stored"].eqNullSafe(cell["computed"]))
    found = F.when(is_stored & is_computed, differing).otherwise(absent)
    both = sides[0].join(sides[1], "wallet_address", "full_outer")
    return both.select("wallet_address", F.explode(found).alias("cell")).select("wallet_address", "cell.*")


def _cell(name: str, stored: Column, computed: Column) -> Column:
    return F.struct(F.lit(name).alias("column"), stored.alias("stored"), computed.alias("computed"))

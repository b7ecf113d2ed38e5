"""How many units a raw amount is, where the rows of a mint do not all say so by themselves.

Nearly every mint has the same decimals on all of its rows and no multiplier. Its rows are netted by their own decimals.
For the other mints the answer is looked up wallet by wallet, and goes with the wallet to where its rows are netted.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.arrow import unscaled
from smart_trader.domain.tables.table import COUNT, INT, PRICE, STRING

UNITS = T.ArrayType(
    T.StructType(
        [
            T.StructField("token_address", STRING),
            T.StructField("decimals", INT),
            T.StructField("multiplier", PRICE),
            T.StructField("multiplier_at", COUNT),
        ]
    )
)
"""Of a wallet: decimals of some mints, and the newest multiplier of its rows with its time in microseconds; null unless
a row is scaled, 0 where none has a multiplier."""
MULTIPLIERS = T.ArrayType(
    T.StructType(
        [
            T.StructField("event_id", STRING),
            T.StructField("token_address", STRING),
            T.StructField("multiplier", PRICE),
        ]
    )
)
"""Of a wallet: the multiplier for each scaled row that has none and that another row has one for."""

_SIDES = ("base", "quote")
_OF_LEG = {"token_address": "address", "decimals": "decimals", "multiplier": "multiplier"}
_KEY = ("wallet_address", "token_address")
_PLACE = ("block_time", "block_number", "ins_index", "inner_ins_index", "event_id")


def unclear_mints(history: DataFrame, money: Collection[str]) -> DataFrame:
    """`token_address` of the mints in `history`, but for `money`, whose rows disagree, lack decimals, or are scaled."""
    lowest, highest = F.min("decimals"), F.max("decimals")
    is_clear = (lowest == highest) & (F.count("decimals") == F.count(F.lit(1))) & (F.count("multiplier") == 0)
    return (
        _legs(history)
        .where(~F.col("token_address").isin(*money))
        .groupBy("token_address")
        .agg(F.coalesce(is_clear, F.lit(False)).alias("is_clear"))
        .where(~F.col("is_clear"))
        .select("token_address")
    )


def with_units(wallets: DataFrame, history: DataFrame, mints: Sequence[str], listed: DataFrame) -> DataFrame:
    """`wallets` with what their rows in `history` say of the unclear `mints`, null if nothing.

    That is `units` and `multipliers`. `listed` has the decimals of the token list by `token_address`.
    """
    if not mints:
        nothing = {"units": F.lit(None).cast(UNITS), "multipliers": F.lit(None).cast(MULTIPLIERS)}
        return wallets.withColumns(nothing)
    spark = wallets.sparkSession
    unclear = F.broadcast(spark.createDataFrame([(mint,) for mint in mints], "token_address string"))
    place = F.struct(*_PLACE).alias("place")
    legs = _legs(history, "wallet_address", place).join(unclear, "token_address")
    units = _units(legs).join(listed.withColumnRenamed("decimals", "listed"), "token_address", "left")
    decimals = F.coalesce("decimals", "listed").alias("decimals")
    of_wallets = (
        _gathered(units.select(*_KEY, decimals, "multiplier", "multiplier_at"), "units", UNITS),
        _gathered(_nearest_multipliers(legs), "multipliers", MULTIPLIERS),
    )
    for found in of_wallets:
        wallets = wallets.join(found, "wallet_address", "left")
    return wallets


class WalletUnits:
    """What a wallet knows of its unclear mints, to complete its rows with. False if there is none."""

    def __init__(self, units: Sequence[Mapping[str, Any]], multipliers: Sequence[Mapping[str, Any]]) -> None:
        """Elements of `UNITS` and of `MULTIPLIERS`."""
        self.of_mints = [
            (unit["token_address"], unit["decimals"], _exact(unit["multiplier"]), unit["multiplier_at"])
            for unit in units
        ] or None
        """Elements of `UNITS` with their multipliers as integers."""
        self._decimals = {unit["token_address"]: unit["decimals"] for unit in units}
        self._multipliers = {(row["event_id"], row["token_address"]): _exact(row["multiplier"]) for row in multipliers}

    def __bool__(self) -> bool:
        return bool(self._decimals)

    def known_row(self, row: tuple[Any, ...], event_id: str) -> tuple[Any, ...]:
        """`row` (`swaps.SwapRow`) with the decimals that the wallet knows, and a multiplier where it has none."""
        return (*self._known_leg(row[:6], event_id), *self._known_leg(row[6:12], event_id), row[12])

    def _known_leg(self, leg: tuple[Any, ...], event_id: str) -> tuple[Any, ...]:
        mint, symbol, _, multiplier, change, price = leg
        if mint not in self._decimals:
            return leg
        if multiplier == 0:
            multiplier = self._multipliers.get((event_id, mint), 0)
        return mint, symbol, self._decimals[mint], multiplier, change, price


def _exact(multiplier: Decimal | None) -> int | None:
    return None if multiplier is None else unscaled(multiplier, PRICE.scale)


def _legs(history: DataFrame, *columns: str | Column) -> DataFrame:
    """A row for each leg of each row."""
    legs = [F.struct(*(F.col(f"{side}_{name}").alias(alias) for alias, name in _OF_LEG.items())) for side in _SIDES]
    return history.select(*columns, F.inline(F.array(*legs)))


def _units(legs: DataFrame) -> DataFrame:
    """Of each wallet and mint the decimals by most rows, of equally many by the newest, and the newest multiplier."""
    is_given = F.col("multiplier") > 0
    alike = legs.groupBy(*_KEY, "decimals").agg(
        F.when(F.col("decimals").isNotNull(), F.struct(F.count(F.lit(1)), F.max("place"))).alias("weight"),
        F.max(F.when(is_given, F.struct("place", "multiplier"))).alias("newest"),
        F.max(F.col("multiplier").isNotNull()).alias("is_scaled"),
    )
    of_mints = alike.groupBy(*_KEY).agg(
        F.max_by("decimals", "weight").alias("decimals"),
        F.max("newest").alias("newest"),
        F.max("is_scaled").alias("is_scaled"),
    )
    multiplier = F.when(F.col("is_scaled"), F.coalesce("newest.multiplier", F.lit(0).cast(PRICE)))
    at = F.when(F.col("is_scaled"), F.coalesce(F.unix_micros("newest.place.block_time"), F.lit(0)))
    return of_mints.select(*_KEY, "decimals", multiplier.alias("multiplier"), at.alias("multiplier_at"))


def _nearest_multipliers(legs: DataFrame) -> DataFrame:
    """For each scaled row without a multiplier that of the wallet's nearest earlier row, else of the nearest later."""
    in_order = Window.partitionBy(*_KEY).orderBy("place")
    given = F.when(F.col("multiplier") > 0, F.col("multiplier"))
    earlier = F.last(given, ignorenulls=True).over(in_order.rowsBetween(Window.unboundedPreceding, -1))
    later = F.first(given, ignorenulls=True).over(in_order.rowsBetween(1, Window.unboundedFollowing))
    return (
        legs.where("multiplier IS NOT NULL")
        .withColumn("nearest", F.coalesce(earlier, later))
        .where("multiplier = 0 AND nearest IS NOT NULL")
        .select(*_KEY, "place.event_id", F.col("nearest").alias("multiplier"))
    )


def _gathered(rows: DataFrame, name: str, kind: T.ArrayType) -> DataFrame:
    """One row per wallet, with all of its `rows` in an array of `kind`, sorted."""
    fields = F.struct(*kind.elementType.names)  # type: ignore[attr-defined]  # its elements are structs
    return rows.groupBy("wallet_address").agg(F.sort_array(F.collect_list(fields)).cast(kind).alias(name))

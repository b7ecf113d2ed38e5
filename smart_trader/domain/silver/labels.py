"""Which wallets are pools or exchanges: by the trade rows themselves, and by lists."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.resources import files

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.kernel.wallets import WalletClass

Labels = Mapping[str, tuple[WalletClass, str]]
"""Class and reason by address."""


_SHIPPED = files(__package__).joinpath("labels.json")


def shipped_hash() -> str:
    """SHA-256 of the lists that come with the program."""
    return hashlib.sha256(_SHIPPED.read_bytes()).hexdigest()


def shipped_labels() -> Labels:
    """The lists that come with the program: pools, vaults and programs, and wallets of exchanges."""
    listed = json.loads(_SHIPPED.read_text(encoding="utf-8"))
    return {
        entry["address"]: (kind, f"listed: {entry['name']}")
        for kind in (WalletClass.POOL, WalletClass.EXCHANGE)
        for entry in listed[kind]
    }


def user_labels(pools: Iterable[str], exchanges: Iterable[str]) -> Labels:
    """Addresses out of the user's own files."""
    return dict.fromkeys(pools, (WalletClass.POOL, "in a list of pools in the settings")) | dict.fromkeys(
        exchanges, (WalletClass.EXCHANGE, "in a list of exchanges in the settings")
    )


def label_wallets(wallets: DataFrame, pools: DataFrame, listed: Labels) -> DataFrame:
    """Those of `wallets` that are known to be no person, with label_class and label_reason.

    `pools` has the pool of each trade row as wallet_address; a pool of a trade row comes before what is listed.
    """
    spark = wallets.sparkSession
    traded = pools.join(F.broadcast(wallets), "wallet_address", "left_semi").distinct()
    # Plain text: the JVM that unpickles the rows knows no enumerations of Python.
    rows = [(address, kind.value, reason) for address, (kind, reason) in sorted(listed.items())]
    known = spark.createDataFrame(rows, "wallet_address string, _class string, _reason string")
    is_pool = F.col("_is_pool").isNotNull()
    return (
        wallets.join(
            F.broadcast(traded.withColumn("_is_pool", F.lit(True))),
            "wallet_address",
            "left",
        )
        .join(F.broadcast(known), "wallet_address", "left")
        .select(
            "wallet_address",
            F.when(is_pool, WalletClass.POOL).otherwise(F.col("_class")).alias("label_class"),
            F.when(is_pool, "the pool of a trade row").otherwise(F.col("_reason")).alias("label_reason"),
        )
        .where("label_class IS NOT NULL")
    )

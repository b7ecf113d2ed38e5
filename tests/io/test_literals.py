"""The longest condition on addresses, where it is deepest: in a JVM that has compiled nothing yet."""

import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from string import ascii_letters

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from smart_trader.domain.tables.changes import MAX_LITERALS

ROOT = Path(__file__).parents[2]
READ = """
import sys
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import functions as F

from smart_trader.domain.tables.changes import MAX_LITERALS, RowScope
from tests.lake import start_spark

folder = Path(sys.argv[1])
names = pq.read_table(folder / "wallets.parquet")["wallet_address"].to_pylist()
spark = start_spark(folder)
rows = spark.read.parquet(f"{folder}/wallets.parquet")
scope = RowScope(rows, tuple(names[: 2 * MAX_LITERALS : 2]))
print("FOUND", scope.filter(rows).where(F.col("number") >= 0).count())
spark.stop()
"""


@pytest.mark.spark
def test_as_many_addresses_as_a_condition_may_name_fit_into_half_the_stack_of_a_thread(tmp_path: Path) -> None:
    random = Random(1)
    names = ["".join(random.choices(ascii_letters, k=44)) for _ in range(20_000)]
    table = pa.table({"wallet_address": names, "number": range(len(names))})
    pq.write_table(table, tmp_path / "wallets.parquet", write_page_index=True)

    ran = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"JAVA_TOOL_OPTIONS": "-Xss512k"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert f"FOUND {MAX_LITERALS}" in ran.stdout, ran.stderr[-2000:]


def test_spark_looks_up_as_many_addresses_as_a_condition_may_name() -> None:
    conf = (ROOT / "conf" / "spark-defaults.conf").read_text(encoding="utf-8")

    assert re.findall(r"^spark\.sql\.parquet\.pushdown\.inFilterThreshold +(\d+)$", conf, re.MULTILINE) == [
        str(MAX_LITERALS)
    ]

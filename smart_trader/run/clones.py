"""The folder for the clones of a dry run."""

import contextlib
from collections.abc import Iterator

from pyspark.sql import SparkSession

from smart_trader.io.hadoop import delete_folder
from smart_trader.io.machine import scratch
from smart_trader.paths import local_folder


@contextlib.contextmanager
def place(spark: SparkSession, scratch_root: str | None, run_id: str) -> Iterator[str]:
    """A folder for clones below `scratch_root`, a folder or the address of a store. It is removed afterwards."""
    if scratch_root is None or local_folder(scratch_root) is not None:
        with scratch.folder(scratch_root) as (folder, _):
            yield str(folder)
        return
    address = f"{scratch_root.rstrip('/')}/smart-trader-{run_id}"
    try:
        yield address
    finally:
        delete_folder(spark, address)

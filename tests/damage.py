"""Damage done to a table by somebody who knows Delta's format and none of its rules, for tests of what finds it."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from smart_trader.domain.tables.table import Table
from tests.lake import Lake

Row = dict[str, Any]


def rewrite(lake: Lake, table: Table, change: Callable[[list[Row]], list[Row]]) -> None:
    """Commit what `change` makes of the rows in the order of the key, past all checks. One partition at most."""
    path = lake.root / table.path
    delta = DeltaTable(path)
    stored = delta.to_pyarrow_table()
    rows = change(sorted(stored.to_pylist(), key=lambda row: tuple(str(row[name]) for name in table.key)))
    written = pa.Table.from_pylist(rows, schema=stored.schema)
    parts = {name: str(written[name][0].as_py()) for name in table.partitioned_by}
    file = path / f"{time.monotonic_ns()}.parquet"
    pq.write_table(written.drop_columns(list(parts)), file, coerce_timestamps="us")
    removed = [
        {"remove": {"path": name, "deletionTimestamp": 0, "dataChange": True}}
        for name in (Path(uri).relative_to(path).as_posix() for uri in delta.file_uris())
    ]
    added = {
        "add": {
            **{"path": file.name, "partitionValues": parts, "size": file.stat().st_size},
            **{"modificationTime": 1, "dataChange": True},
        }
    }
    commit(lake, table, *removed, added)


def commit(lake: Lake, table: Table, *actions: Row) -> None:
    """Add a commit with `actions` to the log."""
    log = lake.root / table.path / "_delta_log"
    version = max(int(file.stem) for file in log.glob("*.json") if file.stem.isdigit()) + 1
    (log / f"{version:020}.json").write_text("\n".join(map(json.dumps, actions)))


def edit_first_commit(lake: Lake, table: Table, pattern: str, instead: str) -> None:
    """Change the text of the commit that created the table."""
    file = lake.root / table.path / "_delta_log" / f"{0:020}.json"
    text = file.read_text()
    changed = re.sub(pattern, instead, text)
    assert changed != text, pattern
    file.write_text(changed)
    for sum_file in file.parent.glob("*.crc"):  # they say what was there
        sum_file.unlink()


def change_files(lake: Lake, table: Table, change: Callable[[list[Row]], list[Row]]) -> None:
    """Change the rows in the data files of all versions where they lie, without a commit. Spark must not have read the
    table at this place."""
    path = lake.root / table.path
    sizes = {}
    for file in path.rglob("*.parquet"):
        stored = pq.read_table(file, partitioning=None)
        written = pa.Table.from_pylist(change(stored.to_pylist()), schema=stored.schema)
        pq.write_table(written, file, coerce_timestamps="us")
        sizes[file.relative_to(path).as_posix()] = file.stat().st_size
    for sum_file in path.rglob("*.crc"):  # they say what was there
        sum_file.unlink()
    for log in (path / "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        for action in actions:
            added = action.get("add", {})
            added.update({"size": sizes[added["path"]]} if added.get("path") in sizes else {})
        log.write_text("\n".join(map(json.dumps, actions)))

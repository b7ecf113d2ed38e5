"""What holds of a warehouse after every disturbance, seen by a reader that knows nothing of Spark.

The numbers are those of the invariants in docs/reliability.md.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from deltalake import DeltaTable

from smart_trader.domain import catalog
from smart_trader.domain.bronze import transaction_history, whale_holders
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.silver import tracked_tokens, tracked_whales, trades, wallet_pnl
from smart_trader.domain.tables.table import BATCH_ID, INGESTED_AT, Table

DATA_TABLES = tuple(table for table in catalog.TABLES if table.layer != "ops")
_VERSIONS = ("wallet_pnl_version", "realized_sales_version", "trades_version", "tracked_whales_version")
OF_THE_RUN = {BATCH_ID.name, INGESTED_AT.name, "bronze_batch_id", *_VERSIONS, "digest"}
"""Columns that say which run or which commit: two lakes that hold the same differ in them."""

Rows = list[dict[str, Any]]


def rows_of(root: Path, table: Table) -> Rows:
    rows: Rows = DeltaTable(root / table.path).to_pyarrow_table().to_pylist()
    return rows


def content_of(root: Path) -> dict[str, Rows]:
    """All rows of all tables."""
    return {table.name: rows_of(root, table) for table in catalog.TABLES}


def digests(root: Path, tables: Sequence[Table] = DATA_TABLES) -> dict[str, str]:
    """A hash over the sorted rows of each table, numbers as text, run metadata left out."""
    return {table.name: _digest(table, rows_of(root, table)) for table in tables}


def versions(root: Path, tables: Sequence[Table] = DATA_TABLES) -> dict[str, int]:
    """The newest version of each table."""
    return {table.name: DeltaTable(root / table.path).version() for table in tables}


def check(root: Path) -> None:
    """Raise AssertionError unless I1, I5, I7 and I12 hold."""
    content = content_of(root)
    for table in catalog.TABLES:
        _keys_are_unique(table, content[table.name])
        log_is_contiguous_and_every_version_reads(root, table)
        _every_commit_says_whose_it_is(root, table)
    no_status_refers_to_missing_rows(content)
    assert list(_leftovers(root)) == []


def _digest(table: Table, rows: Rows) -> str:
    names = [name for name in table.schema.names if name not in OF_THE_RUN]
    texts = sorted(repr([str(row[name]) for name in names]) for row in rows)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _keys_are_unique(table: Table, rows: Rows) -> None:
    seen = Counter(tuple(row[name] for name in table.key) for row in rows)
    assert [key for key, count in seen.items() if count > 1] == [], f"I1: {table.name}"


def log_is_contiguous_and_every_version_reads(root: Path, table: Table) -> None:
    log = root / table.path / "_delta_log"
    numbers = sorted(int(file.stem) for file in log.glob("*.json") if file.stem.isdigit())
    assert numbers == list(range(len(numbers))), f"I5: {table.name}"
    for number in numbers:
        addresses = DeltaTable(root / table.path, version=number).file_uris()
        files = [Path(unquote(address.removeprefix("file://"))) for address in addresses]
        assert all(file.is_file() for file in files), f"I5: {table.name} {number}"


def _every_commit_says_whose_it_is(root: Path, table: Table) -> None:
    for commit in DeltaTable(root / table.path).history():
        if commit["operation"] in ("WRITE", "MERGE", "UPDATE", "DELETE"):
            said = json.loads(commit.get("userMetadata") or "{}")
            assert said.keys() == {"run_id", "job", "code_version", "user_name"}, f"{table.name}: {commit}"


def no_status_refers_to_missing_rows(content: Mapping[str, Rows]) -> None:
    """I7."""
    stored = Counter(row["wallet_address"] for row in content[transaction_history.TABLE.name])
    figures = {row["wallet_address"] for row in content[wallet_pnl.TABLE.name]}
    traders = {row["wallet_address"] for row in content[trades.TABLE.name]}
    for whale in content[tracked_whales.TABLE.name]:
        wallet = whale["wallet_address"]
        if whale["txns_fetch_status"] == "completed":
            assert whale["trade_rows"] <= stored[wallet], f"I7: trades of {wallet}"
        if whale["pnl_processing_status"] == "completed":
            assert whale["trade_rows"] == stored[wallet], f"I7: PnL of {wallet} is not of all of its rows"
            assert wallet in figures or wallet not in traders, f"I7: PnL of {wallet}"
    held = {row["token_address"] for row in content[whale_holders.TABLE.name]}
    for token in content[tracked_tokens.TABLE.name]:
        assert token["whale_fetch_status"] == "pending" or token["token_address"] in held, "I7: holders"
    made = {row["ranked_at"] for row in content[rank_history.TABLE.name]}
    assert {row["ranked_at"] for row in content[smart_traders.TABLE.name]} <= made | _unfinished(content), "I7: ranking"


def _unfinished(content: Mapping[str, Rows]) -> set[Any]:
    """The moment of a ranking whose history is not written yet: some portfolio has not been marked as seen."""
    unseen = any(not row["moved_to_gold"] for row in content[wallet_pnl.TABLE.name])
    return {row["ranked_at"] for row in content[smart_traders.TABLE.name]} if unseen else set()


def _leftovers(root: Path) -> Iterator[str]:
    """I12: whatever is neither a data file, nor Delta's log, nor a checksum of either, nor the lock.

    A commit that was killed before its rename is no commit, and no reader looks at its hidden file.
    """
    for file in root.rglob("*"):
        is_known = file.suffix in (".parquet", ".json", ".crc") or file.name in (".lock", "_last_checkpoint")
        is_known = is_known or (file.parent.name == "_delta_log" and file.name[0] == "." and file.suffix == ".tmp")
        if file.is_file() and not is_known:
            yield str(file.relative_to(root))

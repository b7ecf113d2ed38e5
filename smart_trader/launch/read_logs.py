"""A process of its own that prints the bytes of all data files in the newest versions of tables, by their logs.

Run by its path, with a JSON document on standard input: the addresses of the `tables`, and the `options` of the store.
A table that is not there has no bytes. Ends with an error if a log cannot be read.
"""

import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

_AT_ONCE = 8


def _live_bytes(table: str, options: Mapping[str, str]) -> int:
    try:
        found = DeltaTable(table, storage_options=dict(options) or None)
    except TableNotFoundError:
        return 0
    return sum(found.get_add_actions()["size_bytes"].to_pylist())


def main() -> None:
    asked = json.load(sys.stdin)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        print(sum(pool.map(partial(_live_bytes, options=asked["options"]), asked["tables"])))


if __name__ == "__main__":
    main()

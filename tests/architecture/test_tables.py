"""The declarations keep the contract of the lake, each in the room where its name says."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import types as T

from smart_trader.domain import catalog
from smart_trader.domain.foundation.all_series import ALL_SERIES
from smart_trader.domain.foundation.tables import table_of
from smart_trader.domain.tables.table import Table
from smart_trader.pipeline import SERIES_NAMES, TABLE_NAMES
from tests.architecture import contract
from tests.lake import ROOT

DOMAIN = ROOT / "smart_trader" / "domain"
LAYERS = ("bronze", "silver", "gold", "foundation", "ops")
MAY_BE_NULL = {"foundation.rejected_rows": "line"}
"""Null for a file that was rejected whole."""
each_table = pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)


def test_the_catalog_holds_the_tables_of_the_contract() -> None:
    assert sorted(table.name for table in catalog.TABLES) == sorted(contract.COLUMNS)


def test_the_command_line_knows_the_tables_without_importing_them() -> None:
    assert list(TABLE_NAMES) == sorted(table.name for table in catalog.TABLES)
    assert list(SERIES_NAMES) == sorted(series.name for series in ALL_SERIES)


@each_table
def test_states_reset_on_restore_name_columns_that_exist(table: Table) -> None:
    tables = {other.name: other for other in catalog.TABLES}
    for flag in table.reset_on_restore:
        assert {name for name, _ in flag.reset} <= set(tables[flag.table].column_names)
        assert flag.entity in table.column_names
        assert flag.entity in tables[flag.table].column_names


@each_table
def test_promised_columns_keep_name_and_type(table: Table) -> None:
    declared = {field.name: field.dataType.simpleString() for field in table.schema}
    promised = contract.columns(table.name)
    assert {name: declared.get(name) for name in promised} == promised


@each_table
def test_promised_keys_and_partitions_are_kept_and_never_null(table: Table) -> None:
    assert " ".join(table.key) == contract.KEYS[table.name]
    assert " ".join(table.partitioned_by) == contract.PARTITIONS.get(table.name, "")
    assert not [
        name
        for name in (*table.key, *table.partitioned_by)
        if table.schema[name].nullable and name != MAY_BE_NULL.get(table.name)
    ]


@each_table
def test_only_measurements_are_floats(table: Table) -> None:
    if table.layer == "foundation":
        return
    assert not [kind for field in table.schema for kind in _kinds(field.dataType) if isinstance(kind, T.FractionalType)]


@each_table
def test_every_column_says_what_it_means(table: Table) -> None:
    assert table.grain.startswith("one row per ")
    assert not [column.name for column in table.all_columns if not column.doc.endswith(".")]
    assert len(set(table.schema.names)) == len(table.schema.names)


def _kinds(kind: T.DataType) -> Iterator[T.DataType]:
    if isinstance(kind, T.ArrayType):
        yield from _kinds(kind.elementType)
    elif isinstance(kind, T.MapType):
        yield from (*_kinds(kind.keyType), *_kinds(kind.valueType))
    elif isinstance(kind, T.StructType):
        for field in kind:
            yield from _kinds(field.dataType)
    elif not isinstance(kind, T.DecimalType):  # exact, though Spark counts it among the fractional ones
        yield kind


def test_each_table_stands_in_the_file_of_its_name_and_in_the_catalog() -> None:
    declared = {}
    for file in (file for layer in LAYERS for file in sorted((DOMAIN / layer).glob("*.py"))):
        module = importlib.import_module(f"smart_trader.domain.{file.parent.name}.{file.stem}")
        if hasattr(module, "TABLE"):
            declared[f"{file.parent.name}.{file.stem}"] = module.TABLE
        if hasattr(module, "SERIES"):
            declared[f"{file.parent.name}.{file.stem}"] = table_of(module.SERIES)
    assert {name: table.name for name, table in declared.items()} == {name: name for name in declared}
    assert sorted(declared) == sorted(table.name for table in catalog.TABLES)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "smart_trader").rglob("__init__.py")), ids=lambda file: file.parent.name
)
def test_packages_are_empty(file: Path) -> None:
    """Importing the kernel runs its parents too, on every executor."""
    assert file.stat().st_size == 0

"""A lake whose tables are not as declared: every job says so, and maintain --rewrite makes them so."""

from collections.abc import Callable

import pytest
from pyspark.sql import DataFrame

from smart_trader import failpoints
from smart_trader.domain import catalog
from smart_trader.domain.silver import tracked_whales, wallet_pnl
from smart_trader.domain.tables.table import Table
from smart_trader.errors import QualityError, SchemaMismatch
from smart_trader.failpoints import FailpointReached
from smart_trader.job_table import READING_JOBS
from tests.filled import MARKET
from tests.lake import Lake

WHALES, PNL = tracked_whales.TABLE, wallet_pnl.TABLE


def as_others_do(lake: Lake, table: Table, rows: DataFrame, *partitions: str) -> None:
    """Another program makes `rows` the table, with whatever columns they have; in all of them null is allowed then."""
    written = rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    written.partitionBy(*partitions).save(lake.tables.path(table))


def test_every_job_names_a_column_that_another_program_has_renamed(copied: Callable[[str], Lake]) -> None:
    lake = copied("lake")
    wallet = lake.rows(WHALES)[0].wallet_address
    as_others_do(lake, WHALES, lake.tables.read(WHALES).withColumnRenamed("wallet_class", "class"))
    told = "wallet_class: stored no such column, declared string"

    for job in READING_JOBS - {"history", "disk_space", "query_timeseries", "verify"}:
        with pytest.raises(QualityError, match=r"silver\.tracked_whales") as refused:
            lake.run(job, as_of=MARKET.now, **({"wallet": wallet} if job == "explain" else {}))
        assert told in str(refused.value), job
    with pytest.raises(SchemaMismatch, match=told):
        lake.tables.create(catalog.TABLES)
    with pytest.raises(SchemaMismatch, match="class: it is not declared, and would be lost"):
        lake.run("maintain", as_of=MARKET.now, table=WHALES.name)


def test_a_table_in_another_layout_is_written_anew_and_then_is_as_declared(
    filled: Lake, copied: Callable[[str], Lake]
) -> None:
    lake = copied("lake")
    as_others_do(lake, PNL, lake.tables.read(PNL), "moved_to_gold")
    with pytest.raises(SchemaMismatch, match=r"maintain --rewrite silver\.wallet_pnl"):
        lake.tables.create(catalog.TABLES)
    before = lake.versions(catalog.TABLES)

    prediction = lake.dry_run("maintain", as_of=MARKET.now, table=PNL.name)
    assert all(change.is_none for change in prediction.tables)
    assert lake.versions(catalog.TABLES) == before
    (report,) = lake.run("maintain", as_of=MARKET.now, table=PNL.name).values()

    assert report.notes[0].startswith("silver.wallet_pnl was written anew: ")
    assert "partitions: stored by moved_to_gold, declared by nothing" in report.notes[0]
    assert lake.tables.create(catalog.TABLES) == []
    assert lake.versions(catalog.TABLES) == before | {PNL.name: before[PNL.name] + 1}
    assert lake.digests() == filled.digests()
    document = lake.run("validate", as_of=MARKET.now)["validate"].document
    assert document is not None
    assert document["failures"] == []
    (report,) = lake.run("maintain", as_of=MARKET.now, table=PNL.name).values()
    assert report.notes == ["silver.wallet_pnl is as declared: nothing to write anew"]
    assert lake.versions(catalog.TABLES) == before | {PNL.name: before[PNL.name] + 1}


@pytest.mark.parametrize(
    "stopped", ["maintain.before_commit:silver.wallet_pnl", "maintain.after_commit:silver.wallet_pnl"]
)
def test_a_rewrite_that_is_stopped_has_changed_nothing_or_is_done(
    stopped: str, filled: Lake, copied: Callable[[str], Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copied("lake")
    as_others_do(lake, PNL, lake.tables.read(PNL), "moved_to_gold")
    before = lake.versions(catalog.TABLES)
    is_made = "after" in stopped

    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "plan", lambda point: "raise" if point == stopped else None)
        with pytest.raises(FailpointReached):
            lake.run("maintain", as_of=MARKET.now, table=PNL.name)
    assert lake.versions(catalog.TABLES) == before | {PNL.name: before[PNL.name] + is_made}
    (report,) = lake.run("maintain", as_of=MARKET.now, table=PNL.name).values()

    assert report.notes[0].startswith(
        "silver.wallet_pnl is as declared" if is_made else "silver.wallet_pnl was written"
    )
    assert lake.versions(catalog.TABLES) == before | {PNL.name: before[PNL.name] + 1}
    assert lake.tables.create(catalog.TABLES) == []
    assert lake.digests() == filled.digests()

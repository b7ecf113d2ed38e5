"""Whole runs, as a scheduler starts them, on a warehouse in a real S3 server."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable

from smart_trader.config.settings import load
from smart_trader.io.lock.records import FOLDER
from smart_trader.launch import job
from smart_trader.run import disk_usage
from smart_trader.run.tables_on_disk import usage_of_tables
from smart_trader.simulator.server import Simulator
from tests.reliability import lakes
from tests.reliability.processes import HOME, Run, eventually
from tests.store.places import EXPIRE_SECONDS, place
from tests.store.server import BUCKET, KEY, SECRET, Fault, Proxy, Server, free_port

pytestmark = pytest.mark.store

_ALL = ("PUT", "POST", "GET", "HEAD", "DELETE")
_ROWS = f"_delta_log/{1:020}"
"""The commit after the one that made the table."""
FAULTS = (
    (Fault("bronze/whale_holders/", _ALL, 403, "AccessDenied"), 77, "The store refused the key"),
    (Fault("bronze/transaction_history/", ("PUT", "POST"), 403, "QuotaExceeded"), 74, "The store is full"),
    (Fault("silver/trades/", _ALL, 0), 69, "The store did not answer"),
    (Fault(f"bronze/transaction_history/{_ROWS}", _ALL, 403, "AccessDenied"), 77, "The store refused the key"),
    (Fault(f"silver/trades/{_ROWS}", ("PUT", "POST"), 507, "InsufficientStorage"), 74, "The store is full"),
)


def newest_record(server: Server, name: str) -> dict[str, object]:
    files = sorted((server.bucket / name / FOLDER).iterdir())
    return dict(json.loads(files[-1].read_text())) if files else {}


def commits(server: Server, name: str) -> dict[str, bytes]:
    """The content of every commit in every table."""
    root = server.bucket / name
    return {str(file.relative_to(root)): file.read_bytes() for file in root.glob("*/*/_delta_log/*.json")}


def test_the_pipeline_makes_the_tables_that_it_makes_in_a_folder_and_shows_no_key(
    server: Server, simulator: Simulator, expected: dict[str, str], tmp_path: Path
) -> None:
    """On no command line, in no file, and in no event of Spark, though its configuration is among them."""
    there, events = place(tmp_path, server, "whole"), tmp_path / "events"
    events.mkdir()
    confs = {"enabled": "true", "compress": "false", "dir": f"file://{events}"}
    there.environ["JAVA_TOOL_OPTIONS"] = " ".join(f"-Dspark.eventLog.{name}={value}" for name, value in confs.items())
    run = there.start("pipeline", "--json", simulator=simulator)
    shown = list[bytes]()
    while run.process.poll() is None:
        for process in run.processes():
            with contextlib.suppress(OSError):
                shown.append(Path(f"/proc/{process}/cmdline").read_bytes())
        time.sleep(1)
    assert run.wait() == 0, run.said
    assert "new warehouse at s3a://lake/whole" in run.said
    assert not any(SECRET.encode() in line or KEY.encode() in line for line in shown)
    written = [file for folder in (tmp_path, server.folder) for file in folder.rglob("*") if file.is_file()]
    assert len(written) > 100
    assert not [file for file in written if SECRET.encode() in file.read_bytes()]
    assert any(b"fs.s3a.secret.key" in file.read_bytes() for file in written if events in file.parents)
    assert newest_record(server, "whole")["released"] is True
    assert lakes.digests(server.bucket / "whole") == expected


@pytest.mark.long
def test_the_run_after_faults_ends_as_if_there_had_been_none(
    server: Server, simulator: Simulator, expected: dict[str, str], tmp_path: Path
) -> None:
    """The store fails in three ways while tables are made, in two while rows are committed, and falls silent while a
    pipeline computes."""
    where = place(tmp_path, server, "mended")
    with Proxy(server) as proxy:
        where.settings["warehouse.s3_endpoint"] = proxy.url
        for fault, status, told in FAULTS:
            proxy.fault, is_new = fault, not commits(server, "mended")
            run = where.start("pipeline", "--json", simulator=simulator)
            assert run.wait() == status, run.said
            assert fault.has_begun
            assert told in json.loads(run.output)["message"]
            assert "Traceback" not in run.said
            assert ("new warehouse at s3a://lake/mended" in run.said) == is_new
        proxy.shutdown()
    where.settings["warehouse.s3_endpoint"] = server.url

    run = where.start("pipeline", "--json", simulator=simulator, failpoints="silver_pnl.after_commit=sleep:3")
    log = server.bucket / "mended" / "silver" / "trades" / "_delta_log"
    assert eventually(lambda: (log / f"{1:020}.json").is_file(), 600), run.said
    with server.hanging():
        assert run.wait(EXPIRE_SECONDS + 30) == 69, run.said
    assert "The store did not answer" in run.said
    assert "Traceback" not in run.said

    run = where.run("pipeline", simulator=simulator)
    assert "the lease was taken over from a run that did not release it" in run.said
    assert lakes.digests(server.bucket / "mended") == expected


def test_who_stood_still_commits_nothing_after_another_run_took_over(
    server: Server, simulator: Simulator, tmp_path: Path
) -> None:
    where = place(tmp_path, server, "fenced")
    sleeping = "bronze_tokens.before_commit=sleep:3"
    former = where.start("bronze_tokens", "--json", simulator=simulator, failpoints=sleeping)
    assert eventually(lambda: '"msg": "started"' in former.said, 300), former.said
    with stopped(former):
        refused_for = time.monotonic()
        follower = where.start("bronze_tokens", simulator=simulator)
        assert follower.wait() == 0, follower.said
        assert time.monotonic() - refused_for > EXPIRE_SECONDS
        assert "the lease was taken over from a run that did not release it" in follower.said
        before = commits(server, "fenced")
    assert former.wait() == 75, former.said
    assert "The lease of the warehouse is lost: another run may have taken over" in former.said
    assert json.loads(former.output)["exit_code"] == 75
    assert commits(server, "fenced") == before
    assert newest_record(server, "fenced")["released"] is True


@contextlib.contextmanager
def stopped(run: Run) -> Iterator[None]:
    """All processes of `run` stand still, the launcher too, which would take that for a failure."""
    processes = run.processes()
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in reversed(processes):
            os.kill(process, signal.SIGCONT)


@pytest.mark.long
def test_a_second_start_is_refused_and_a_killed_owner_is_followed(
    server: Server, simulator: Simulator, tmp_path: Path
) -> None:
    where = place(tmp_path, server, "killed")
    owner = where.start("init", simulator=simulator, failpoints="init.before_commit=sleep:600")
    assert eventually(lambda: (server.bucket / "killed" / FOLDER).is_dir(), 300), owner.said
    second = where.start("init", simulator=simulator)
    assert second.wait() == 75
    assert "Another run works on this warehouse: job init, run 2" in second.said
    owner.kill("group")
    owner.wait()
    run = where.run("init", simulator=simulator)
    assert "the lease was taken over from a run that did not release it" in run.said


def test_time_series_have_a_lease_of_their_own(server: Server, tmp_path: Path) -> None:
    where, root = place(tmp_path, server, "two"), server.bucket / "two"
    row = {"timestamp": "2026-01-01T00:00:00Z", "strategy_id": "s", "signal_type": "entry", "signal_value": 0.5}
    server.put("landed/signals/a.jsonl", json.dumps(row).encode())
    where.settings["series.landing"] = f"s3a://{BUCKET}/landed"
    going_on = where.start("ingest_timeseries", "--every", "60s")
    rows = root / "foundation" / "signals" / "_delta_log" / f"{1:020}.json"
    assert eventually(rows.is_file, 600), going_on.said
    second, init = where.start("ingest_timeseries"), where.start("init")
    assert second.wait() == 75, second.said
    assert "Another run works on this warehouse: job ingest_timeseries" in second.said
    assert init.wait() == 0, init.said
    os.kill(going_on.process.pid, signal.SIGTERM)
    assert going_on.wait() == 75, going_on.said
    jobs = DeltaTable(root / "ops" / "runs").to_pyarrow_table().column("job").to_pylist()
    assert sorted(jobs) == ["ingest_timeseries", "init"]
    assert all(newest_record(server, folder)["released"] for folder in ("two", "two/foundation", "two/ops"))


@pytest.mark.long
def test_how_large_a_warehouse_is_is_told_as_of_a_folder(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the launcher, from the logs of the tables, and by `disk_space`, from what the store says."""
    where, folder = place(tmp_path, server, "measured"), server.bucket / "measured"
    assert where.start("init").wait() == 0
    run = where.start("disk_space", "--json")
    assert run.wait() == 0, run.said
    document = json.loads(run.output)
    assert document["tables"] == [disk_usage.table_document(table) for table in usage_of_tables(folder)]
    assert document["folders"][0] == {
        "holds": "warehouse",
        "folder": "s3a://lake/measured",
        "bytes": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
    }
    assert not [disk for disk in document["disks"] if "warehouse" in disk["holds"]]

    for name, value in where.environ.items():
        monkeypatch.setenv(name, value)
    there, here = (
        job.stored_bytes(load(environ={}, overrides=[*(where.settings | {"warehouse.root": root}).items()], home=HOME))
        for root in (where.settings["warehouse.root"], str(folder))
    )
    assert there == here
    assert there


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"warehouse.root": "s3a://nowhere/x"}, 78, "The store has no such bucket"),
        ({"secret": "wrong"}, 78, "The store refused the key"),
        ({"warehouse.s3_endpoint": f"http://127.0.0.1:{free_port()}"}, 69, "The store did not answer"),
    ],
    ids=["bucket", "secret", "down"],
)
def test_a_store_that_cannot_be_used_ends_the_run(
    server: Server, tmp_path: Path, change: dict[str, str], status: int, told: str
) -> None:
    where = place(tmp_path, server, "faults")
    where.environ["AWS_SECRET_ACCESS_KEY"] = change.pop("secret", SECRET)
    where.settings |= change
    run = where.start("status")
    assert run.wait() == status, run.said
    assert told in run.said

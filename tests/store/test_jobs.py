"""Each job on a warehouse in a store says and leaves what it says and leaves in a folder."""

import contextlib
import gzip
import io
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain import catalog
from smart_trader.domain.foundation.tables import TABLES
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.silver import tracked_whales, trades
from smart_trader.errors import QualityError, UsageError
from tests.jobs.test_going_back import OF_THE_RUN, contents
from tests.lake import DATA_TABLES, Lake
from tests.reliability.processes import Place
from tests.reliability.world import COMPUTING, first_market
from tests.store.conftest import connect
from tests.store.server import BUCKET, Server

pytestmark = [pytest.mark.store, pytest.mark.long]

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SERIES_TABLES = [table for table in DATA_TABLES if table.layer == "foundation"]


class StoreLake(Lake):
    """A warehouse in the store."""

    def __init__(self, spark: SparkSession, root: str, *, runs_before: int = 0) -> None:
        super().__init__(spark, root, runs_before=runs_before)  # type: ignore[arg-type]  # an address will do

    @property
    def scratch(self) -> None:
        """The clones of a dry run go to the temporary folder of the system."""
        return

    def make_tables(self) -> None:
        self.tables.create(catalog.TABLES)


@dataclass(frozen=True)
class Site:
    """A warehouse, the place of its landing folder as the settings name it, and what writes a file there."""

    lake: Lake
    landing: str
    put: Callable[[str, bytes], object]

    def ingest(self, **options: Any) -> Any:
        given = [("series.landing", self.landing)]
        return self.lake.run("ingest_timeseries", as_of=NOW, settings=given, **options)["ingest_timeseries"]


@pytest.fixture(scope="module")
def connected(spark: SparkSession, server: Server) -> SparkSession:
    connect(spark, server.url)
    return spark


@pytest.fixture
def sites(connected: SparkSession, server: Server, tmp_path: Path, request: pytest.FixtureRequest) -> list[Site]:
    """A site in a folder, and one in the store."""
    name = request.node.name

    def write(path: str, content: bytes) -> None:
        file = tmp_path / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def put(path: str, content: bytes) -> None:
        server.put(f"{name}-landing/{path}", content)

    here = Site(Lake(connected, tmp_path / "lake"), str(tmp_path / "landing"), write)
    there = StoreLake(connected, f"s3a://{BUCKET}/{name}")
    return [here, Site(there, f"s3a://{BUCKET}/{name}-landing", put)]


def test_time_series_are_ingested_and_asked(sites: list[Site]) -> None:
    here, there = (work_on_series(site) for site in sites)
    assert there == here


def work_on_series(site: Site) -> dict[str, Any]:
    """What the jobs on time series say and leave."""
    said: dict[str, Any] = {}
    land(site, "market_regimes/a b%20[1]{x},é.csv", "timestamp,symbol,regime,confidence,updated_at\n" + csv(1, 2, 3))
    land(site, "market_regimes/symbol=QQQ/b.jsonl.gz", gzip.compress(lines(regime(4), regime(5)).encode(), mtime=0))
    land(site, "market_regimes/_hidden.jsonl", lines(regime(6)))
    land(site, "market_regimes/.x/c.jsonl", lines(regime(6)))
    land(site, "market_regimes/a:b.jsonl", lines(regime(6)))
    land(site, "signals/bad.jsonl", lines(signal(1) | {"gossip": 1}))
    land(site, "signals/good.jsonl", lines(signal(2), signal(3), {"strategy_id": "s"}))
    with pytest.raises(QualityError) as refused:
        site.ingest()
    said["refused"] = str(refused.value).replace(site.landing, "LANDING")
    said["first"] = contents_of(site)
    table = TABLES["market_regimes"]
    version = site.lake.tables.version(table)

    land(site, "market_regimes/d.jsonl", lines(regime(1, "storm")))
    landing = [("series.landing", site.landing)]
    said["would be"] = sorted(map(str, site.lake.dry_run("ingest_timeseries", as_of=NOW, settings=landing).tables))
    site.ingest()
    said["storm"] = contents_of(site)
    site.lake.run("restore", as_of=NOW, table=table.name, version=version, yes=True)
    said["restored"] = contents_of(site)
    site.ingest()
    assert contents_of(site) == said["restored"], "files that were ingested are not read again by themselves"
    site.ingest(again=(f"{site.landing}/market_regimes/d.jsonl",))
    assert contents_of(site) == said["storm"]
    with pytest.raises(UsageError, match="is no file"):
        site.ingest(again=(f"{site.landing}/market_regimes/nowhere.jsonl",))
    said["asked"] = asked(site, query="latest", series="market_regimes")
    return said


def land(site: Site, name: str, text: str | bytes) -> None:
    site.put(name, text if isinstance(text, bytes) else text.encode())


def contents_of(site: Site) -> dict[str, str]:
    return {table.name: site.lake.digest(table, without={"rejected_at"}) for table in SERIES_TABLES}


def at(minute: int) -> str:
    return f"{NOW - timedelta(hours=1) + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"


def regime(minute: int, name: str = "calm") -> dict[str, Any]:
    updated = at(minute + (name == "storm"))
    return {"timestamp": at(minute), "symbol": "SPY", "regime": name, "confidence": 0.5, "updated_at": updated}


def signal(minute: int) -> dict[str, Any]:
    given = {"strategy_id": "s", "signal_type": "entry", "signal_value": 0.9, "acted_upon": False}
    return {"timestamp": at(minute), **given, "updated_at": at(minute)}


def csv(*minutes: int) -> str:
    return "".join(",".join(map(str, regime(minute).values())) + "\n" for minute in minutes)


def lines(*records: Mapping[str, Any]) -> str:
    return "".join(json.dumps(dict(record)) + "\n" for record in records)


def asked(site: Site, **options: Any) -> Any:
    answer = json.loads(printed(site.lake, "query_timeseries", as_of=NOW, format="json", **options))
    for row in answer["rows"]:
        row.pop("ingested_at"), row.pop("batch_id")
    return answer


def test_what_looks_at_a_warehouse_and_what_takes_it_back(
    here: Place, connected: SparkSession, server: Server, tmp_path: Path
) -> None:
    """On two copies of one warehouse."""
    folder = Lake(connected, Path(shutil.copytree(here.root, tmp_path / "lake")), runs_before=1000)
    server.put_all("copied", here.root)
    store = StoreLake(connected, f"s3a://{BUCKET}/copied", runs_before=1000)
    said = [work(lake, tmp_path) for lake in (folder, store)]
    assert said[1] == said[0]


def work(lake: Lake, folder: Path) -> dict[str, Any]:
    """What the jobs say and leave."""
    as_of = first_market().now
    said: dict[str, Any] = looks(lake, as_of, folder)
    before, versions = lake.digest(trades.TABLE, without=OF_THE_RUN), lake.versions()
    later = as_of + timedelta(days=15)
    prediction = lake.dry_run(*COMPUTING, as_of=later)
    said["dry run"] = sorted(map(str, prediction.tables)), prediction.tiers
    assert lake.versions() == versions

    wallets = sorted(row.wallet_address for row in lake.rows(tracked_whales.TABLE))
    (folder / "wallets").write_text("\n".join(wallets[:3]))
    lake.run("requeue", as_of=as_of, stage="pnl", wallets=folder / "wallets")
    lake.run("restore", as_of=as_of, table=trades.TABLE.name, version=0, yes=True)
    assert not lake.rows(trades.TABLE)
    said["maintain"] = lake.run("maintain", as_of=as_of)["maintain"].notes
    lake.run(*COMPUTING, as_of=as_of)
    assert lake.digest(trades.TABLE, without=OF_THE_RUN) == before
    said["last"] = contents(lake)
    return said


def looks(lake: Lake, as_of: datetime, folder: Path) -> dict[str, Any]:
    """What the jobs say that only read."""
    status, page = documented(lake, "status", as_of), folder / "report.csv"
    validated = documented(lake, "validate", as_of, digests=True)
    lake.run("report", as_of=as_of, format="csv", out=page)
    wallet = lake.rows(smart_traders.TABLE)[0].wallet_address
    return {
        "history": [
            [commit["version"], commit["operation"], commit["job"], commit["rows"]]
            for commit in documented(lake, "history", as_of, table=trades.TABLE.name)["commits"]
        ],
        "status": [status["stages"], [[table["table"], table["rows"]] for table in status["tables"]]],
        "validate": [validated["failures"], [[table["table"], table["digest"]] for table in validated["tables"]]],
        "verify": documented(lake, "verify", as_of),
        "report": page.read_text(),
        "explain": printed(lake, "explain", as_of=as_of, wallet=wallet),
    }


def documented(lake: Lake, job: str, as_of: datetime, **options: Any) -> dict[str, Any]:
    document = lake.run(job, as_of=as_of, **options)[job].document
    assert document is not None
    return document


def printed(lake: Lake, job: str, **options: Any) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        lake.run(job, **options)
    return out.getvalue()

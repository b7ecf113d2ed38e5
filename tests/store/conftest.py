"""The S3 server of the tests, a Spark session that reaches it, and what whole runs there are compared with."""

from collections.abc import Callable, Iterator

import pytest
from pyspark.sql import SparkSession

from smart_trader.config.settings import load
from smart_trader.io.lock.records import HadoopRecords
from smart_trader.launch import s3
from smart_trader.simulator.server import Simulator
from tests.reliability import lakes
from tests.reliability.processes import HOME, Place
from tests.reliability.world import first_market, spoiled
from tests.store.server import BUCKET, KEY, SECRET, Proxy, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy
        proxy.shutdown()


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with Simulator(spoiled(first_market())) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def here(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place whose warehouse one machine has made in a folder."""
    here = Place(tmp_path_factory.mktemp("here") / "here")
    here.run("pipeline", simulator=simulator)
    return here


@pytest.fixture(scope="session")
def expected(here: Place) -> dict[str, str]:
    """The digests of its tables, by a reader that knows nothing of Spark."""
    return lakes.digests(here.root)


def connect(spark: SparkSession, endpoint: str, *, secret: str = SECRET) -> None:
    """Give the session the confs for the store that a run has."""
    given = [("warehouse.root", f"s3a://{BUCKET}/x"), ("warehouse.s3_endpoint", endpoint)]
    for name, value in s3.spark_confs(load(overrides=given, environ={}, home=HOME)).items():
        spark.conf.set(name.removeprefix("spark.hadoop."), value)
    spark.conf.set("fs.s3a.access.key", KEY)
    spark.conf.set("fs.s3a.secret.key", secret)
    spark.conf.set("fs.s3a.impl.disable.cache", "true")


@pytest.fixture
def records(spark: SparkSession, proxy: Proxy, request: pytest.FixtureRequest) -> Callable[..., HadoopRecords]:
    """The records of a warehouse of this test alone."""

    def at(endpoint: str = proxy.url, *, bucket: str = BUCKET, secret: str = SECRET) -> HadoopRecords:
        connect(spark, endpoint, secret=secret)
        return HadoopRecords(spark, f"s3a://{bucket}/{request.node.name.partition('[')[0]}")

    return at

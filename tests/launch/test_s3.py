"""What Spark is told of an S3 store."""

from pathlib import Path

import pytest

from smart_trader.config.settings import load
from smart_trader.launch import s3

ROOT = Path(__file__).parents[2]


def confs(**settings: str) -> dict[str, str]:
    pairs = [(name.replace("__", "."), value) for name, value in settings.items()]
    found = s3.spark_confs(load(overrides=pairs, environ={}, home=ROOT), buffers=Path("/run/one"))
    return {name.removeprefix("spark.hadoop.fs.s3a."): value for name, value in found.items()}


def test_a_request_ends_in_bounded_time_since_s3a_itself_tries_nothing_again() -> None:
    said = confs()
    assert (said["attempts.maximum"], said["retry.limit"], said["retry.throttle.limit"]) == ("3", "0", "0")
    assert said["connection.request.timeout"] == "15000ms"
    slow = confs(store__attempts="5", store__timeout_seconds="20", lease__expire_seconds="240")
    assert (slow["attempts.maximum"], slow["connection.request.timeout"]) == ("5", "100000ms")
    assert slow["connection.timeout"] == "20000ms"


def test_the_endpoint_is_left_to_amazon_unless_it_is_given() -> None:
    assert "endpoint" not in confs()
    given = confs(warehouse__s3_endpoint="https://store.example", warehouse__s3_path_style="false")
    assert (given["endpoint"], given["path.style.access"]) == ("https://store.example", "false")
    assert given["buffer.dir"] == "/run/one"


def test_no_key_is_among_the_confs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    assert "planted" not in " ".join(confs().values())


@pytest.mark.parametrize(
    ("root", "scratch", "is_needed"),
    [("s3a://b/x", "", True), ("./lake", "s3a://b/tmp", True), ("./lake", "", False), ("hdfs://host/x", "", False)],
)
def test_s3_is_needed_where_tables_or_clones_lie_there(root: str, scratch: str, is_needed: bool) -> None:
    given = [("warehouse.root", root), ("warehouse.scratch", scratch)]
    assert s3.is_needed(load(overrides=given, environ={}, home=ROOT)) is is_needed

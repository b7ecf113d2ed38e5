"""Text of others, whatever it holds, is either understood or counts as not given."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader import cli, foreign, paths
from smart_trader.config.address_files import read_addresses
from smart_trader.config.settings import load
from smart_trader.config.sources import from_dotenv
from smart_trader.errors import ConfigurationError, LockHeld, UsageError
from smart_trader.io.delta.snapshots import committer
from smart_trader.io.lock.file import LOCK_FILE, hold

DEEP = "[" * 100_000
HOSTILE = (
    *("", "null", "true", "7", '"text"', "[]", "[[1]]", "{", '{"job":', DEEP, '{"job":' * 100_000, "9" * 5_000),
    *('{"job": 7, "run_id": {}}', '{"job": "\\ud800", "run_id": "\\u0000"}', '{"job": null}', '{"job": 1e999}'),
    *("\x1b]0;title\x07\x1b[2J", "~nosuchuser/x", "\x00", "/a\x00b", "x" * 300, "/x" * 5_000, "\ud800", "\udcff"),
    *("file://host/x", "S3A://", "s3a:///x", "hdfs:/", "file:", "//host/x", "~", "-", "'", '"', "A='", "export"),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
JSONS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)).map(json.dumps)
NAMED = st.fixed_dictionaries({}, optional=dict.fromkeys(("job", "run_id", "rows", "pid"), SCALARS)).map(json.dumps)
ANY_TEXT = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(codec=None)), JSONS, NAMED, st.text("~/\x00.:%#aS3\n='\" \\")
)


@given(ANY_TEXT)
def test_what_others_write_into_tables_is_an_object_or_nothing(text: str) -> None:
    found = foreign.json_object(text)
    assert isinstance(found, dict)
    named = committer(text)
    for name in (*named, foreign.name_in(found, "job")):
        assert name is None or (0 < len(name) <= 200 and name.isprintable() and name.encode())
    count = foreign.count_in(found, "rows")
    assert count is None or 0 <= count < 2**63


def test_what_this_program_writes_is_understood() -> None:
    assert committer('{"job": "pipeline", "run_id": "r1", "user_name": "ann"}') == ("pipeline", "r1", "ann")
    assert foreign.count_in({"rows": 3, "more": "12", "few": -1, "flag": True, "big": 2**63}, "rows") == 3
    found = {"more": "12", "few": "-1", "flag": True, "big": 2**63, "digits": "²", "long": "1" * 20}
    assert [foreign.count_in(found, name) for name in found] == [12, None, None, None, None, None]


def taken(parse: Callable[[str], Any], error: type[Exception]) -> Callable[[str], Any]:
    """What `parse` makes of a text, or None if it raises its own error."""

    def attempt(text: str) -> Any:
        try:
            return parse(text)
        except error as refusal:
            assert str(refusal)
            return None

    return attempt


@given(ANY_TEXT)
def test_a_place_is_spelled_one_way_or_refused(text: str) -> None:
    for parse in (paths.file_path, paths.location):
        spelled = taken(parse, ValueError)(text)
        if spelled is not None:
            assert parse(str(spelled)) == spelled
            assert paths.is_file(Path(spelled)) in (True, False)
    spelled = taken(paths.location, ValueError)(text)
    assert spelled is None or (spelled == "/" or not spelled.endswith("/") or spelled.endswith("://"))


@given(ANY_TEXT, st.sampled_from(["warehouse.root", "warehouse.scratch", "logs.folder", "classify.pools_files"]))
def test_a_place_in_the_settings_is_taken_or_a_configuration_error(text: str, key: str) -> None:
    taken(lambda value: load(overrides=[(key, value)], environ={}), ConfigurationError)(text)


@given(ANY_TEXT, st.sampled_from(["--wallets", "--tokens", "--out"]))
def test_a_place_on_the_command_line_is_taken_or_a_usage_error(text: str, option: str) -> None:
    taken(lambda value: cli.parse("pipeline", [f"{option}={value}"]), UsageError)(text)


@pytest.mark.parametrize("option", ["--wallets", "--out"])
@pytest.mark.parametrize("text", ["~nosuchuser/x", "x" * 300, "/a\x00b", "/x" * 5_000])
def test_a_path_that_nobody_could_open_is_a_usage_error(option: str, text: str) -> None:
    with pytest.raises(UsageError, match=option):
        cli.parse("pipeline", [option, text])


@given(ANY_TEXT)
def test_any_env_file_is_understood_or_a_configuration_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.env"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    taken(lambda _: list(from_dotenv(file, is_optional=True)), ConfigurationError)(text)


@pytest.mark.parametrize("wrong", ["2" * 32, "1" * 33, "z" * 44])
def test_base58_of_more_or_less_than_32_bytes_is_no_address(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "wallets.txt").write_text(f"{'1' * 32}\n{wrong}\n")
    with pytest.raises(UsageError, match=r"wallets.txt, line 2: .* is no Solana address"):
        read_addresses(tmp_path / "wallets.txt")


@given(ANY_TEXT)
def test_any_file_of_addresses_is_understood_or_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.txt"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    taken(lambda _: read_addresses(file), UsageError)(text)


@given(ANY_TEXT)
def test_whatever_a_lock_file_says_the_lock_is_held_by_somebody(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "held"
    with hold(str(root), {}):
        (root / LOCK_FILE).write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(LockHeld, match="Another run works on") as refused, hold(str(root), {}):
            pass
    said = str(refused.value)
    assert len(said) < 1_500 + len(str(root)) and said.isprintable()


TWO = ["So11111111111111111111111111111111111111112", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"]


@pytest.mark.parametrize(
    "text",
    [
        "{0}\r\n{1}\r\n",
        "# my wallets\n{0} # the first\n\n{1}\n{0}\n",
        "\ufeff{0}\n{1}\n",
        "\ufeff{0}\r\n{1}",
    ],
)
def test_a_file_of_addresses_as_people_write_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wallets.txt"
    file.write_bytes(text.format(*TWO).encode())
    assert read_addresses(file) == TWO


def test_a_list_that_a_setting_names_is_a_setting_to_correct(tmp_path: Path) -> None:
    file = tmp_path / "pools.txt"
    file.write_text("no address\n")
    with pytest.raises(ConfigurationError, match=r"pools\.txt, line 1"):
        read_addresses(file, ConfigurationError)


def test_paths_are_absolute_and_home_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert paths.file_path("~/a") == tmp_path / "me" / "a"
    assert paths.file_path("a/../b//c/") == tmp_path / "b" / "c"
    assert paths.file_path("./~x") == tmp_path / "~x"
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    with pytest.raises(ValueError, match="gone"):
        paths.file_path("a")


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("/data/lake/", "/data/lake"),
        ("//data//lake", "/data/lake"),
        ("file:///data/my%20lake", "/data/my lake"),
        ("file:/data/lake", "/data/lake"),
        ("FILE://localhost/data/l%C3%BCgen/", "/data/lügen"),
        ("s3a://bucket/lake/", "s3a://bucket/lake"),
        ("S3A://bucket//lake", "s3a://bucket/lake"),
        ("s3a://bucket/", "s3a://bucket"),
        ("hdfs://host:8020/a/../lake", "hdfs://host:8020/lake"),
        ("hdfs:/lake", "hdfs:///lake"),
        ("hdfs:///", "hdfs://"),
    ],
)
def test_each_place_has_one_spelling(text: str, spelled: str) -> None:
    assert paths.location(text) == spelled == paths.location(spelled)
    is_store = "://" in spelled
    assert paths.local_folder(spelled) == (None if is_store else Path(spelled))


@pytest.mark.parametrize("text", ["s3://bucket/x", "S3N://b/x", "s3a:///x", "file://host/x", "s3a://key:secret@b/x"])
def test_an_address_that_means_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|another"):
        paths.location(text)

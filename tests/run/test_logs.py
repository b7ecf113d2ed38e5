"""Logs: the layout of Spark's own, the run in every line, no secret in any."""

import json
import logging
import math
import os
import pty
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from hypothesis import assume, given
from hypothesis import strategies as st

from smart_trader.errors import SourceUnavailable
from smart_trader.io.machine import log_files
from smart_trader.run import logs

pytestmark = pytest.mark.usefixtures("logs_put_back")
SECRET = 'planted "secret"\\ 0123/456'
log = structlog.get_logger("smart_trader.here")
Lines = Callable[[], list[Any]]


def configure(*, json_lines: bool, level: logs.Level = "info") -> None:
    logs.configure(run_id="r1", job="silver_pnl", json_lines=json_lines, level=level, secrets=(SECRET, ""))


@pytest.fixture
def json_lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    configure(json_lines=True)
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def fail() -> None:
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ValueError("outer") from error


def test_a_json_line_has_the_keys_of_sparks_own(json_lines: Lines) -> None:
    log.info("merged", table="silver.trades", rows=12, value=Decimal("1.50"), none=None, ratio=math.nan)
    [line] = json_lines()
    assert list(line) == ["ts", "level", "msg", "context", "logger"]
    assert line["ts"].endswith("Z")
    assert (line["level"], line["msg"], line["logger"]) == ("INFO", "merged", "smart_trader.here")
    assert line["context"] == {
        "table": "silver.trades",
        "rows": 12,
        "value": "1.50",
        "none": None,
        "ratio": "nan",
        "run_id": "r1",
        "job": "silver_pnl",
    }


def test_nothing_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json_lines=True)
    log.error("x")
    logging.getLogger("py4j").error("x")
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("always")
def test_every_line_says_run_and_job_from_any_thread_and_library(json_lines: Lines) -> None:
    logs.enter_job("gold_traders")
    worker = threading.Thread(target=lambda: log.info("from a thread"))
    worker.start()
    worker.join()
    logging.getLogger("py4j").warning("from a %s", "library")
    warnings.warn("from a warning", stacklevel=1)
    lines = json_lines()
    assert [line["msg"].split(":")[-1].split("\n")[0].strip() for line in lines] == [
        "from a thread",
        "from a library",
        "from a warning",
    ]
    assert all({"run_id": "r1", "job": "gold_traders"}.items() <= line["context"].items() for line in lines)


def test_libraries_speak_from_warnings_on_and_we_from_the_level_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    expectations: dict[logs.Level, int] = {"debug": 3, "info": 2, "warning": 1}
    for level, expected in expectations.items():
        configure(json_lines=True, level=level)
        log.debug("ours")
        log.info("ours")
        logging.getLogger("py4j.java_gateway").debug("theirs")
        logging.getLogger("py4j.java_gateway").info("theirs")
        logging.getLogger("py4j.java_gateway").warning("theirs")
        assert len(capsys.readouterr().err.splitlines()) == expected, level


@pytest.mark.parametrize(("level", "lines"), [("info", 0), ("debug", 1)])
def test_py4js_copies_of_errors_that_are_raised_are_for_debugging(
    level: logs.Level, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(json_lines=True, level=level)
    logging.getLogger("py4j.clientserver").error("of a batch")
    assert len(capsys.readouterr().err.splitlines()) == lines


@pytest.mark.parametrize("name", ["SQLQueryContextLogger", "DataFrameQueryContextLogger"])
def test_pysparks_copies_of_failed_queries_are_for_debugging(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from pyspark.logger import PySparkLogger

    levels: tuple[logs.Level, ...] = ("info", "debug")
    for level in levels:
        configure(json_lines=True, level=level)
        logger = PySparkLogger.getLogger(name)
        logger.propagate = False  # as PySpark does
        logger.error(f"plan {SECRET}", errorClass="X")
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == (level == "debug")
        assert all(json.loads(line)["msg"] == "plan ***" for line in lines)


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "say",
    [
        lambda: log.info(SECRET),
        lambda: log.info("x", key=SECRET),
        lambda: log.info("x", deep={"a": [SECRET, (SECRET,)]}),
        lambda: log.info("x", key=repr(SECRET)),
        lambda: log.info("x", body=json.dumps({"k": SECRET})),
        lambda: log.info("x", url=f"https://api/?api-key={quote(SECRET, safe='')}"),
        lambda: log.error("x", exc_info=ValueError(SECRET)),
        lambda: log.error("x", exc_info=SourceUnavailable(f"refused {SECRET}")),
        lambda: logging.getLogger("py4j").warning("retry %s", SECRET),
        lambda: logging.getLogger("py4j").error("x", exc_info=ValueError(SECRET)),
        lambda: warnings.warn(SECRET, stacklevel=1),
    ],
)
def test_a_secret_is_in_no_line(say: Callable[[], None], as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    configure(json_lines=as_json)
    say()
    written = capsys.readouterr().err
    assert "***" in written
    assert "0123" not in written
    assert not as_json or all(json.loads(line) for line in written.splitlines())


_WORDS = st.sampled_from(["wallets", "webhook_id", "true", "null", "1", '"', "{", "[", "\\", "é", "a", "0.5", ": "])
_DOCUMENTS = st.dictionaries(
    st.sampled_from(["wallets", "webhook_id", "a", "1", "null"]),
    st.recursive(
        st.none() | st.booleans() | st.integers(-20, 20) | _WORDS | st.text(max_size=6),
        lambda values: st.lists(values, max_size=3) | st.dictionaries(_WORDS, values, max_size=3),
        max_leaves=6,
    ),
)


@given(secret=_WORDS | st.text(min_size=1, max_size=4), document=_DOCUMENTS)
def test_a_record_without_secrets_is_a_record_of_the_same_fields(secret: str, document: dict[str, Any]) -> None:
    """Whatever the secret is: a word of JSON, the name of a field, a digit."""
    assume("*" not in secret)
    logs.configure(run_id="r", job="j", json_lines=True, secrets=[secret])
    cleaned = json.loads(json.dumps(logs.without_secrets(document)))
    assert_alike(document, cleaned, secret)


def assert_alike(given: Any, cleaned: Any, secret: str) -> None:
    """The same fields, numbers and lengths; texts without the secret, and those that had none of it unchanged."""
    if isinstance(given, dict):
        assert given.keys() == cleaned.keys()
        for key in given:
            assert_alike(given[key], cleaned[key], secret)
    elif isinstance(given, list):
        for one, other in zip(given, cleaned, strict=True):
            assert_alike(one, other, secret)
    elif isinstance(given, str):
        assert secret not in cleaned
        assert cleaned == given or "***" in cleaned
    else:
        assert given == cleaned


def test_messages_that_are_kept_elsewhere_can_be_cleaned(json_lines: Lines) -> None:
    assert logs.redact(f"a {SECRET} b") == "a *** b"


def test_an_error_of_ours_has_no_stack_trace_and_a_bug_has(json_lines: Lines) -> None:
    log.error("failed", exc_info=SourceUnavailable("BirdEye did not answer"))
    try:
        fail()
    except ValueError:
        log.exception("bug")
    ours, bug = json_lines()
    assert ours["exception"] == {"class": "SourceUnavailable", "msg": "BirdEye did not answer"}
    assert bug["exception"]["class"] == "ValueError"
    assert bug["exception"]["stacktrace"][-1]["method"] == "fail"
    assert bug["exception"]["cause"]["msg"] == "'inner'"


def test_text_is_made_for_reading(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json_lines=False)
    log.info("merged", table="silver.trades", rows=12, note="two words", empty="")
    log.warning("slow")
    log.error("failed", exc_info=SourceUnavailable("BirdEye did not answer.\n  next: run again"))
    lines = capsys.readouterr().err.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d  |    ", line) for line in lines)
    assert [line[10:] for line in lines[:3]] == [
        'silver_pnl  merged  table=silver.trades rows=12 note="two words" empty=""',
        "silver_pnl  WARNING slow",
        "silver_pnl  ERROR failed",
    ]
    assert lines[3:] == ["    BirdEye did not answer.", "      next: run again"]


def test_a_bug_shows_its_trace_in_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json_lines=False)
    try:
        fail()
    except ValueError:
        log.exception("bug")
    written = capsys.readouterr().err
    assert "KeyError: 'inner'" in written
    assert "ValueError: outer" in written
    assert "in fail\n" in written


@given(name=st.text())
def test_hostile_names_cannot_touch_the_terminal(name: str) -> None:
    cleaned = logs.printable(name)
    assert cleaned.isprintable()
    assert not set(cleaned) & set("\x1b\r\n\u202e\u2066\u200f\u2028")


def test_hostile_names_stay_on_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(json_lines=False)
    log.info("x\r\ny", name="\x1b[2Jevil\u202e\nERROR all is lost")
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith('silver_pnl  x y  name="[2Jevil ERROR all is lost"')


def test_on_a_terminal_a_line_takes_the_place_of_the_progress() -> None:
    script = (
        "import structlog; from smart_trader.run import logs;"
        "logs.configure(run_id='r', job='j', json_lines=False); structlog.get_logger('x').info('hello')"
    )
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", script], check=True, stderr=theirs, cwd=Path(__file__).parents[2])
    os.close(theirs)
    written = os.read(ours, 1000)
    os.close(ours)
    assert written.startswith(b"\r\x1b[K")
    assert written.endswith(b"j  hello\r\n")


def in_file(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_a_file_has_the_same_lines_as_json_whatever_a_terminal_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "smart-trader-r1.jsonl"
    logs.configure(run_id="r1", job="silver_pnl", json_lines=False, secrets=(SECRET,), file=file)
    log.info("merged", table="silver.trades", body=json.dumps({"k": SECRET}))
    log.error("x", exc_info=ValueError(SECRET))
    logging.getLogger("py4j").warning("from a library")
    assert "silver_pnl  merged" in capsys.readouterr().err
    lines = in_file(file)
    assert [line["msg"] for line in lines] == ["merged", "x", "from a library"]
    assert all(line["context"]["run_id"] == "r1" for line in lines)
    assert "0123" not in file.read_text()


def test_a_file_is_rotated_when_it_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_files, "MAX_BYTES", 2_000)
    logs.configure(run_id="r1", job="j", json_lines=True, file=tmp_path / "smart-trader-r1.jsonl")
    for number in range(200):
        log.info("line", number=number)
    files = log_files.found_in(tmp_path)
    assert len(files) == 1 + log_files.BACKUPS
    assert all(0 < file.bytes <= 2_000 for file in files)
    assert in_file(tmp_path / "smart-trader-r1.jsonl")[-1]["context"]["number"] == 199


@pytest.mark.parametrize("file", ["/dev/full", "/proc/none/smart-trader.jsonl"])
def test_a_file_that_cannot_be_written_is_said_once_and_nothing_is_lost(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(run_id="r1", job="j", json_lines=True, file=Path(file))
    log.info("one")
    log.info("two")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert sorted(line["msg"] for line in lines) == ["no log file from here on", "one", "two"]


def test_what_the_launcher_adds_has_the_layout_of_the_other_lines(tmp_path: Path) -> None:
    file = tmp_path / "smart-trader-r1.jsonl"
    logs.configure(run_id="r1", job="j", json_lines=True, file=file)
    log.error("ours")
    log_files.add_line(file, run_id="r1", job="j", message="killed")
    ours, added = in_file(file)
    assert list(added) == list(ours)
    assert added["context"] == ours["context"]
    assert len(added["ts"]) == len(ours["ts"])

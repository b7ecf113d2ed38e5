"""Standard error: JSON lines and nothing else, unless somebody watches."""

import io
import json
import os
import pty
import subprocess
import sys

import pytest

from smart_trader.launch.submit import pass_on
from smart_trader.messages import as_line
from tests.launch.test_command_line import HOME

CRASH = b"""{"ts": "2026-01-05T09:00:00Z", "level": "INFO", "msg": "started", "context": {}, "logger": "a"}
WARNING: Using incubator modules: jdk.incubator.vector
Exception in thread "main" org.apache.spark.SparkException: Application application_1_0001 finished with failed status
\tat org.apache.spark.deploy.yarn.Client.run(Client.scala:1393)

#
# A fatal error has been detected by the Java Runtime Environment:
\xff no UTF-8
the last line has no end"""


@pytest.mark.parametrize(("only_json", "lines"), [(True, 5), (False, 6)])
def test_what_a_jvm_says_by_itself_becomes_json_lines(
    only_json: bool, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written))
    first_words = bytearray()
    pass_on(io.BufferedReader(io.BytesIO(CRASH)), first_words, only_json)  # type: ignore[arg-type]  # bytes are a raw stream too
    passed = written.getvalue().splitlines()
    assert len(passed) == lines
    assert not any(noise in written.getvalue() for noise in (b"incubator", b"SparkException", b"Client.scala"))
    assert b"A fatal error has been detected" in first_words
    if only_json:
        found = [json.loads(line) for line in passed]
        assert [line["logger"] for line in found] == ["a", "jvm", "jvm", "jvm", "jvm"]
        assert found[-1]["msg"] == "the last line has no end"


FAREWELL = b"""Traceback (most recent call last):
  File "/x/pyspark.zip/pyspark/daemon.py", line 233, in manager
  File "/x/pyspark.zip/pyspark/daemon.py", line 87, in worker
BrokenPipeError: [Errno 32] Broken pipe
"""


@pytest.mark.parametrize(
    ("said", "is_of_use"),
    [
        (FAREWELL, False),
        (FAREWELL.replace(b"pyspark/daemon.py", b"pyspark/worker.py"), True),
        (FAREWELL.replace(b"BrokenPipeError", b"MemoryError"), True),
        (FAREWELL.rsplit(b"\n", 2)[0] + b"\n", True),
        (b"BrokenPipeError: [Errno 32] Broken pipe\n", True),
    ],
)
def test_a_worker_that_spark_hung_up_on_is_not_heard_and_all_else_is(
    said: bytes, is_of_use: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written))
    text = b"before\n" + said + FAREWELL + b"after\n" + said
    pass_on(io.BufferedReader(io.BytesIO(text)), bytearray(), False)  # type: ignore[arg-type]  # bytes are a raw stream too
    assert written.getvalue() == text.replace(FAREWELL, b"")
    assert (said in written.getvalue()) == is_of_use


def test_a_line_has_the_layout_of_the_logs() -> None:
    line = json.loads(as_line("a\nb", level="ERROR", run_id="r"))
    assert list(line) == ["ts", "level", "msg", "context", "logger"]
    assert (line["msg"], line["context"]) == ("a\nb", {"run_id": "r"})


@pytest.mark.parametrize("chosen", ["", "json"])
def test_at_a_terminal_a_person_reads_along_unless_json_is_asked_for(chosen: str) -> None:
    ours, theirs = pty.openpty()
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/", "SMART_TRADER_LOG_FORMAT": chosen}
    subprocess.run([HOME / "bin" / "submit.sh", "pipelin"], stderr=theirs, env=environ, check=False)
    os.close(theirs)
    said = os.read(ours, 4096).decode()
    os.close(ours)
    assert said.startswith('{"ts": ' if chosen else "smart-trader: there is no job 'pipelin'. Did you mean pipeline?")

"""A machine that is too small, and a JVM that is gone, are told apart from bugs."""

import errno
from pathlib import Path

import pytest
from py4j.protocol import Py4JNetworkError

from smart_trader.config import limits
from smart_trader.io.machine.clock import SystemClock
from smart_trader.launch import main
from smart_trader.run import outcomes


def caused_by(cause: BaseException) -> Exception:
    error = RuntimeError("the job failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.EAGAIN, "Resource temporarily unavailable"),
        OSError(errno.EMFILE, "Too many open files"),
        RuntimeError("can't start new thread"),
        RuntimeError("java.lang.OutOfMemoryError: Java heap space"),
        RuntimeError(
            "calling o1.x\njava.lang.OutOfMemoryError: unable to create native thread: possibly out of memory"
        ),
        caused_by(MemoryError()),
    ],
)
def test_what_runs_out_is_78_with_advice(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    status, message = outcomes.explain(error, SystemClock())
    assert status == 78
    assert "spark.driver_memory" in message and "What was committed stays" in message
    if error.__cause__ is None:
        assert main._explain(error) == 78
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        Py4JNetworkError("Answer from Java side is empty"),
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        EOFError(),
        RuntimeError("Job 3 cancelled because SparkContext was shut down"),
        RuntimeError("ExecutorLostFailure (executor driver exited): Executor heartbeat timed out after 901234 ms"),
        caused_by(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")),
    ],
)
def test_a_jvm_that_is_gone_is_75(error: Exception) -> None:
    status, message = outcomes.explain(error, SystemClock())
    assert status == 75
    assert "What was committed stays; run again" in message


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("out of range"), RuntimeError("a row has no key")])
def test_a_bug_stays_a_bug(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcomes.explain(error, SystemClock())[0] == 70
    assert main._explain(error) == 70
    assert f"{type(error).__name__}: {error}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("meminfo", "container", "most"),
    [
        ("MemTotal:       2048 kB\nMemFree: 1 kB\n", None, 2 * 2**20),
        ("MemTotal:       2048 kB\n", "1048576\n", 2**20),
        ("MemTotal:       2048 kB\n", "max\n", 2 * 2**20),
        ("MemTotal:       2048 kB\n", "9223372036854771712\n", 2 * 2**20),
        ("nothing", "", None),
        (None, None, None),
    ],
)
def test_the_memory_is_that_of_the_machine_or_of_its_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meminfo: str | None, container: str | None, most: int | None
) -> None:
    for name, text in (("meminfo", meminfo), ("memory.max", container)):
        if text is not None:
            (tmp_path / name).write_text(text)
    monkeypatch.setattr(limits, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(limits, "_OF_CONTAINER", (tmp_path / "memory.max",))
    assert limits.machine_memory() == most
    lacking = "" if most is None else f"it has {most // 2**20} MB of memory, and spark.driver_memory is 512m"
    assert limits.missing("512m") == lacking

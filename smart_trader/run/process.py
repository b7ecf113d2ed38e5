"""The driver as a process: its ties to the launcher, its end with its parent, its run id.

The JVM between launcher and driver merges the driver's standard output and error. So the driver puts data into a file
of the run's folder, which the launcher hands on, and opens a terminal for messages itself.
"""

import ctypes
import os
import secrets
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import NoReturn

RUN_DIR = "SMART_TRADER_RUN_DIR"
TERMINAL = "SMART_TRADER_TERMINAL"
PID_FILE = "driver.pid"
OUTPUT_FILE = "output"
REASON_FILE = "reason"
_PR_SET_PDEATHSIG = 1


def new_run_id(now: datetime) -> str:
    """A run id that sorts by time. Its random end separates runs of the same second."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def announce_driver() -> None:
    """Write the process id for the launcher, redirect output and messages, and end with the parent JVM."""
    end_with_parent()
    folder = os.environ.get(RUN_DIR)
    if not folder:
        return
    _redirect(1, Path(folder, OUTPUT_FILE), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    if os.environ.get(TERMINAL):
        _redirect(2, Path(os.environ[TERMINAL]), os.O_WRONLY | os.O_NOCTTY)
    partial = Path(folder, f"{PID_FILE}.partial")
    partial.write_text(str(os.getpid()), encoding="ascii")
    partial.rename(Path(folder, PID_FILE))


def _redirect(descriptor: int, target: Path, flags: int) -> None:
    opened = os.open(target, flags, 0o600)
    os.dup2(opened, descriptor)
    os.close(opened)


def tell_launcher(status: int, reason: str) -> None:
    """Leave word of why this process kills its JVM, and of its exit status. Messages pass through that JVM, so later
    ones go to the log file alone."""
    folder = os.environ.get(RUN_DIR)
    if not folder:
        return
    Path(folder, REASON_FILE).write_text(f"{status} {reason}", encoding="utf-8")
    if not os.environ.get(TERMINAL):
        _redirect(2, Path(os.devnull), os.O_WRONLY)


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies. Only Linux has this; elsewhere the launcher does it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def ignore_signals() -> None:
    """Ignore further signals while the end of the run is recorded: a few seconds, and the launcher kills the rest."""
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)


def leave(status: int) -> NoReturn:
    """End this process now. A normal exit would wait for every thread, even for one with a hanging call."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)

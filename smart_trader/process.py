"""The driver as a process: its name for the launcher, its end with its parent, its run id."""

import ctypes
import os
import secrets
import signal
import sys
from datetime import datetime
from pathlib import Path

RUN_DIR = "SMART_TRADER_RUN_DIR"
PID_FILE = "driver.pid"
_PR_SET_PDEATHSIG = 1


def new_run_id(now: datetime) -> str:
    """Sorts by time; the end tells runs of one second apart."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def announce_driver() -> None:
    """Tell the launcher whom to signal, and end when the JVM that started this process ends."""
    end_with_parent()
    folder = os.environ.get(RUN_DIR)
    if folder:
        Path(folder, PID_FILE).write_text(str(os.getpid()), encoding="ascii")


def end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent dies; elsewhere than on Linux the launcher alone sees to that."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

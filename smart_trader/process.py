"""The driver as a process: its ties to the launcher, its end with its parent, its run id.

The JVM merges the driver's standard output and error. So the driver puts what it prints as data into a file of the
run's folder, which the launcher hands on when the run has ended, and the merged stream carries messages only.
"""

import ctypes
import os
import secrets
import signal
import sys
from datetime import datetime
from pathlib import Path

RUN_DIR = "SMART_TRADER_RUN_DIR"
LOG_FORMAT = "SMART_TRADER_LOG_FORMAT"
PID_FILE = "driver.pid"
OUTPUT_FILE = "output"
_PR_SET_PDEATHSIG = 1


def new_run_id(now: datetime) -> str:
    """Sorts by time; the end tells runs of one second apart."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def announce_driver() -> None:
    """Tell the launcher whom to signal, give it what is printed, and end when the JVM above ends."""
    end_with_parent()
    folder = os.environ.get(RUN_DIR)
    if folder:
        output = os.open(Path(folder, OUTPUT_FILE), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.close(output)
        partial = Path(folder, f"{PID_FILE}.partial")
        partial.write_text(str(os.getpid()), encoding="ascii")
        partial.replace(Path(folder, PID_FILE))


def end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent dies; elsewhere than on Linux the launcher alone sees to that."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def on_terminal() -> bool:
    """Whether messages go to a person's terminal: the launcher knows, as the JVM stands between."""
    log_format = os.environ.get(LOG_FORMAT)
    return log_format == "text" if log_format else sys.stderr.isatty()

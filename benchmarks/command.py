"""A job that is started as a user starts it: its time, and the memory of its processes."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile

from benchmarks.session import ROOT

_STAMP = re.compile(r'"ts": "([^"]+)"')
_SAMPLED_EVERY = 0.25
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run took."""

    seconds: float
    """Between the first and the last line that it logs: Spark is up then, and not yet told to end."""
    java_mb: float
    """Most resident memory of a JVM."""
    python_mb: float
    """Most memory of driver and Python workers together at one time; what they share counts once."""

    def __str__(self) -> str:
        return f"{self.seconds:7.1f} s, JVM {self.java_mb:5.0f} MB, Python {self.python_mb:5.0f} MB"


def run(job: str, *arguments: str, environ: Mapping[str, str]) -> Ran:
    """Start `job` and wait for its end. Raises SystemExit with what it said if it fails."""
    command = [str(ROOT / "bin" / "submit.sh"), job, *arguments]
    java, python = 0.0, 0.0
    with TemporaryFile() as said:
        process = subprocess.Popen(command, env=dict(environ), stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None:
            java_now, python_now = _memory(process.pid)
            java, python = max(java, java_now), max(python, python_now)
            time.sleep(_SAMPLED_EVERY)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{job} ended with {process.returncode}:\n{text[-4000:]}")
    times = [datetime.fromisoformat(stamp) for stamp in _STAMP.findall(text)]
    return Ran((times[-1] - times[0]).total_seconds(), java, python)


def _memory(launcher: int) -> tuple[float, float]:
    """Resident MB of the largest JVM so far, and MB of all Python processes below `launcher` now."""
    java, python = 0.0, 0.0
    for process in _below(launcher):
        folder = Path(f"/proc/{process}")
        with suppress(OSError, KeyError, ValueError):  # it has just ended
            if (folder / "comm").read_text(encoding="utf-8").strip() == "java":
                java = max(java, _megabytes(folder / "status", "VmHWM"))
            else:
                python += _megabytes(folder / "smaps_rollup", "Pss")
    return java, python


def _megabytes(file: Path, name: str) -> float:
    lines = dict(line.split(":", 1) for line in file.read_text(encoding="utf-8").splitlines() if ":" in line)
    return int(lines[name].split()[0]) / 1024


def _below(process: int) -> Iterator[int]:
    """The processes that `process` has started, and those that they have."""
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (task / "children").read_text(encoding="ascii").split()):
                yield child
                yield from _below(child)

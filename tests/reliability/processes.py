"""Runs as a scheduler starts them, on a simulated market, and what may happen to their processes."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from smart_trader.domain.silver import tracked_whales
from smart_trader.simulator.server import Simulator
from tests.reliability import lakes

HOME = Path(__file__).parents[2]
LONGEST = 600.0
"""Seconds that no run takes, also on a busy machine."""


@dataclass
class Run:
    """One start of `bin/submit.sh`. Its output goes to files, so that nobody has to read along."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    scratch: Path
    began: float = field(default_factory=time.monotonic)

    def wait(self, seconds: float = LONGEST) -> int:
        """The exit status. A run that takes longer is ended, and is a failure."""
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill("group")
            raise AssertionError(f"still running after {seconds} seconds:\n{self.said}") from None

    @property
    def said(self) -> str:
        return (self.folder / "stderr").read_text(encoding="utf-8", errors="replace")

    @property
    def under_way(self) -> str:
        """The job that began last."""
        began = re.findall(r'"msg": "started", .*"job": "(\w+)"', self.said)
        return began[-1] if began else "start-up"

    @property
    def output(self) -> str:
        return (self.folder / "stdout").read_text(encoding="utf-8")

    def driver(self) -> int | None:
        """The Python process that runs the job, once it has said so; a killed run before may have left its word."""
        said = {int(file.read_text()) for file in self.scratch.glob("*/driver.pid")}
        return next((process for process in self.processes() if process in said), None)

    def kill(self, victim: str) -> bool:
        """SIGKILL `victim`, or all of them while there is no driver yet; returns whether the launcher was hit too."""
        driver = self.driver()
        jvm = parent(driver) if driver else None
        alone = {"driver": driver, "jvm": jvm}.get(victim)
        for one in [alone] if alone else self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        return alone is None

    def processes(self) -> list[int]:
        """The launcher and all that it has started."""
        return [self.process.pid, *descendants(self.process.pid)]


class Place:
    """A folder with a warehouse in it, in which runs are started one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root, self.scratch = folder, folder / "lake", folder / "scratch"
        self.scratch.mkdir(parents=True)
        self.settings: dict[str, str] = {}
        self.environ: dict[str, str] = {}
        """Of all runs, beside those of the place."""
        self._starts = 0

    def start(self, job: str, *arguments: str, simulator: Simulator | None = None, failpoints: str = "") -> Run:
        self._starts += 1
        folder = self.folder / f"start-{self._starts:03}"
        folder.mkdir()
        options = {"warehouse.root": str(self.root), "warehouse.scratch": str(self.scratch)} | self.settings
        if simulator:
            options |= {"birdeye.base_url": simulator.url, "birdeye.requests_per_second": "500"}
            arguments = ("--as-of", simulator.market.now.isoformat(), *arguments)
        given = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
        environ = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin", "SMART_TRADER_BIRDEYE__API_KEY": "a-key"}
        environ |= self.environ
        if failpoints:
            environ["SMART_TRADER_FAILPOINTS"] = failpoints
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            command = [str(HOME / "bin" / "submit.sh"), job, *arguments, *given]
            process = subprocess.Popen(command, cwd=self.folder, env=environ, stdout=out, stderr=err)
        return Run(process, folder, self.scratch)

    def run(self, job: str, *arguments: str, simulator: Simulator) -> Run:
        """An undisturbed run, which has to succeed."""
        run = self.start(job, *arguments, simulator=simulator)
        assert run.wait() == 0, run.said
        return run

    def completed_wallets(self, at: datetime) -> set[str]:
        """Wallets whose trades the lake says to have as of business time `at`."""
        table = tracked_whales.TABLE
        if not (self.root / table.path / "_delta_log" / f"{0:020}.json").is_file():
            return set()
        rows = lakes.rows_of(self.root, table)
        completed = (row for row in rows if row["txns_fetch_status"] == "completed")
        return {row["wallet_address"] for row in completed if row["txns_last_fetched_at"] == at}


def parent(process: int) -> int | None:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def descendants(process: int) -> list[int]:
    """Children, their children and so on."""
    found: list[int] = []
    for file in Path("/proc").glob("[0-9]*"):
        if parent(int(file.name)) == process:
            found += [int(file.name), *descendants(int(file.name))]
    return found


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def are_gone(processes: list[int]) -> bool:
    return all(map(is_gone, processes))


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False

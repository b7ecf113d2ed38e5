"""One run of `spark-submit`: its command line, its environment, its process and its end."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from smart_trader import process
from smart_trader.errors import Interrupted, SmartTraderError
from smart_trader.settings_model import Settings

GRACE_SECONDS = 15.0
"""How long a job that was told to stop may take to finish its commit."""
_DOCUMENTED = frozenset((0, 64, 65, 69, 70, 74, 75, 77, 78))
_NOISE = b"WARNING: Using incubator modules"
_LAUNCHER_JVM_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True, slots=True)
class Run:
    """What one run is made of. `folder` is its own, and gone after it."""

    home: Path
    folder: Path
    java_home: Path
    job: str
    run_id: str
    arguments: Sequence[str]
    settings: Settings
    package: Path
    jars: Sequence[Path]


def command_line(run: Run) -> list[str]:
    """The `spark-submit` call of `run`."""
    spark = run.settings.spark
    confs = {
        "spark.jars": ",".join(map(str, run.jars)),
        "spark.sql.shuffle.partitions": str(spark.shuffle_partitions),
        "spark.sql.warehouse.dir": str(run.folder / "spark-warehouse"),
    }
    if not _is_local(run):
        confs["spark.executor.memory"] = spark.executor_memory
    return [
        str(spark_home() / "bin" / "spark-submit"),
        *("--master", spark.master),
        *("--deploy-mode", spark.deploy_mode),
        *("--name", f"smart-trader {run.job} {run.run_id}"),
        *("--driver-memory", spark.driver_memory),
        *("--driver-java-options", f"-Djava.io.tmpdir={run.folder} -XX:-UsePerfData"),
        *("--py-files", str(run.package)),
        *(part for key, value in confs.items() for part in ("--conf", f"{key}={value}")),
        str(run.home / "smart_trader" / "jobs" / f"{run.job}.py"),
        *run.arguments,
    ]


def environment(run: Run, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of `spark-submit` and of the driver."""
    log_format = environ.get(process.LOG_FORMAT) or ("text" if sys.stderr.isatty() else "json")
    changed = {
        "JAVA_HOME": str(run.java_home),
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(run.home / "conf"),
        "SPARK_LAUNCHER_OPTS": _LAUNCHER_JVM_OPTIONS,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "TMPDIR": str(run.folder),
        process.RUN_DIR: str(run.folder),
        process.LOG_FORMAT: log_format,
        "SMART_TRADER_HOME": str(run.home),
    }
    if _is_local(run):
        changed |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(run.folder / "spark")}
    dropped = ("PYSPARK_DRIVER_PYTHON", "PYTHONPATH", "PYTHONHOME", "PYSPARK_SUBMIT_ARGS")
    return {key: value for key, value in environ.items() if key not in dropped} | changed


def spark_home() -> Path:
    """Spark as the environment's pyspark package brings it."""
    return Path(sys.prefix, "lib", f"python3.{sys.version_info.minor}", "site-packages", "pyspark")


def _is_local(run: Run) -> bool:
    return run.settings.spark.master.startswith("local")


class Submission:
    """`spark-submit` as a child in a session of its own, so that nothing but us signals it."""

    def __init__(self, run: Run, lock: Sequence[int]) -> None:
        self._run = run
        self._stopped = False
        self._killer: threading.Timer | None = None
        self._child = subprocess.Popen(
            command_line(run),
            env=environment(run, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=lock,
            start_new_session=True,
            preexec_fn=process.end_with_parent,
        )

    def wait(self) -> int:
        """The exit status of the job; what it prints passes through."""
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, self._stop)
        assert self._child.stdout
        pump = threading.Thread(target=_pump, args=(self._child.stdout,), daemon=True)
        pump.start()
        code = self._child.wait()
        if self._killer:
            self._killer.cancel()
        pump.join(timeout=2)
        return self._judge(code)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Tell the driver, and it alone: the JVM has to live until the commit under way is done."""
        if self._stopped:
            return
        self._stopped = True
        driver = self._driver()
        if driver is None:
            self._kill()
        else:
            os.kill(driver, signal.SIGTERM)
            self._killer = threading.Timer(GRACE_SECONDS, self._kill)
            self._killer.daemon = True
            self._killer.start()

    def _driver(self) -> int | None:
        try:
            return int((self._run.folder / process.PID_FILE).read_text())
        except (OSError, ValueError):
            return None

    def _kill(self) -> None:
        os.killpg(self._child.pid, signal.SIGKILL)

    def _judge(self, code: int) -> int:
        if code in _DOCUMENTED:
            return code
        if self._stopped:
            raise Interrupted("Told to stop; what was committed stays, run again to go on.")
        if code < 0 or code > 128:
            name = signal.Signals(-code if code < 0 else code - 128).name
            raise Interrupted(f"The run was killed ({name}); what was committed stays, run again to go on.")
        raise SmartTraderError(f"Spark ended with status {code}; what was committed stays.")


def _pump(source: IO[bytes]) -> None:
    """Pass on what the JVM and the driver say, which the JVM has merged, to standard error."""
    target = sys.stderr.buffer
    first = source.readline()
    chunk = b"" if first.startswith(_NOISE) else first
    try:
        while True:
            target.write(chunk)
            target.flush()
            chunk = source.read1(65536)  # type: ignore[attr-defined]
            if not chunk:
                return
    except OSError:
        for _ in iter(lambda: source.read(65536), b""):
            pass

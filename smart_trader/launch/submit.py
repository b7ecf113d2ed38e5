"""One run of `spark-submit`: its command line, its environment, its process and its end."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import FrameType

from smart_trader import tuning
from smart_trader.config import limits
from smart_trader.config.model import Settings
from smart_trader.errors import (
    ConfigurationError,
    ExitStatus,
    Interrupted,
    SmartTraderError,
    SourceUnavailable,
    StorageError,
)
from smart_trader.foreign import printable
from smart_trader.io.machine import disks, log_files
from smart_trader.launch import java, on_cluster, s3
from smart_trader.messages import LOG_FORMAT, are_json, as_line, tell
from smart_trader.run import process

GRACE_SECONDS = 13.0
"""Time for a stopped job to finish its commit; the documents promise 15 s for the whole launcher."""
_SUMMARY_SECONDS, _POLL_SECONDS = 20.0, 0.05
_DOCUMENTED = frozenset(status.number for status in ExitStatus)
_NO_HEARTBEAT = 56
"""Spark's exit status after its executor missed too many heartbeats."""
_NOISE = (
    b"WARNING: Using incubator modules",
    # The trace of a driver that failed on YARN, which is one of Spark's submission.
    b'Exception in thread "main" org.apache.spark.SparkException: Application application_',
    b"\tat org.apache.spark.deploy.",
)
_TRACE, _OF_DAEMON = b"Traceback (most recent call last):\n", b"pyspark/daemon.py"
_HUNG_UP = b"BrokenPipeError: "
_FIRST_WORDS_BYTES = 65536
"""Bytes of the JVM's output that are searched for the reason why it did not start."""
_SOCKET_PATH = 107
"""Bytes of the longest path of a local socket on Linux: unix(7)."""
_LOCAL_SOCKETS = {"spark.python.unix.domain.socket.enabled": "true"}
_SOCKET_NAME = len("/.00000000-0000-0000-0000-000000000000.sock")
"""Spark names its sockets like this."""
_SMALL_BYTES = 256 * 2**20
_PARTITION_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Run:
    """The parts of one run. `folder` is its own, and is removed after it."""

    home: Path
    folder: Path
    java_home: Path
    job: str
    run_id: str
    arguments: Sequence[str]
    settings: Settings
    package: Path
    jars: Sequence[Path]
    java_options: Sequence[str] = ()
    log_folder: Path | None = None
    stored_bytes: int | None = None
    """Size of the warehouse's files; None if unknown."""

    @property
    def is_small(self) -> bool:
        """Whether compiling would cost more time than it saves on so little data."""
        return self.stored_bytes is not None and self.stored_bytes < _SMALL_BYTES

    @property
    def partitions(self) -> int:
        """Partitions of a shuffle: few for few rows, as each task is overhead; many else, so that no core waits."""
        most = 4 * (os.cpu_count() or 1)
        return most if self.stored_bytes is None else min(most, 1 + self.stored_bytes // _PARTITION_BYTES)

    @property
    def is_tuned(self) -> bool:
        """Whether options that are there for speed alone are given: see smart_trader/tuning.py."""
        return self.settings.spark.tuning

    @property
    def defaults(self) -> Path:
        """Spark's properties that hold for every run."""
        folder = self.home / "conf" if self.is_tuned else self.folder
        return folder / "spark-defaults.conf"

    @property
    def is_local(self) -> bool:
        """Whether driver and executors are one JVM on this machine."""
        return self.settings.spark.master.startswith("local")

    @property
    def has_driver_here(self) -> bool:
        """Whether the driver is a process of this machine."""
        return self.settings.spark.deploy_mode == "client"

    @property
    def settings_archive(self) -> Path | None:
        """The archive with the settings of a driver on the cluster."""
        return None if self.has_driver_here else self.folder / "settings.zip"


def command_line(run: Run) -> list[str]:
    """The `spark-submit` call of `run`."""
    spark = run.settings.spark
    return [
        str(spark_home() / "bin" / "spark-submit"),
        *("--master", spark.master),
        *("--deploy-mode", spark.deploy_mode),
        *("--name", f"smart-trader {run.job} {run.run_id}"),
        *("--driver-memory", spark.driver_memory),
        *("--properties-file", str(run.defaults)),
        *(() if run.is_local else ("--load-spark-defaults",)),  # of SPARK_CONF_DIR, for what only the cluster knows
        *(("--driver-java-options", " ".join(map(_quoted, _java_options(run)))) if run.has_driver_here else ()),
        *("--py-files", str(run.package)),
        *(part for key, value in _confs(run).items() for part in ("--conf", f"{key}={value}")),
        str(run.home / "smart_trader" / "jobs" / f"{run.job}.py"),
        *run.arguments,
    ]


def _java_options(run: Run) -> list[str]:
    """The options of the JVM of a driver here; another one logs as its cluster has it."""
    options = [_logging(run), f"-Djava.io.tmpdir={run.folder}"]
    if run.is_local:
        # No notes of the JVM, such as that of a stale class archive, which is left unused: only its errors.
        options += [*run.java_options, "-Xlog:disable", "-Xlog:all=error:stderr", "-XX:-UsePerfData"]
        options += tuning.java_options(run.settings.spark.driver_memory, is_small=run.is_small) if run.is_tuned else ()
    return options


def _logging(run: Run) -> str:
    return f"-Dlog4j2.configurationFile={run.home / 'conf' / 'log4j2.properties'}"


def _confs(run: Run) -> dict[str, str]:
    """What differs by run, machine or cluster, beside conf/spark-defaults.conf."""
    spark = run.settings.spark
    confs = {
        "spark.sql.shuffle.partitions": str(spark.shuffle_partitions or run.partitions),
        "spark.driver.maxResultSize": spark.driver_max_result_size or _half(spark.driver_memory),
    }
    if run.is_local:
        confs["spark.driver.extraClassPath"] = ":".join(map(str, run.jars))
        confs |= tuning.spark_confs(is_small=run.is_small) if run.is_tuned else {}
        # A laptop that slept, or a stopped run: driver and executor are one JVM, so a missed heartbeat is no loss.
        confs["spark.storage.blockManagerHeartbeatTimeoutMs"] = "86400s"
        confs["spark.sql.warehouse.dir"] = str(run.folder / "spark-warehouse")
        confs |= _local_sockets(run.folder)
    else:
        confs["spark.jars"] = ",".join(map(str, run.jars))
        confs["spark.executor.memory"] = spark.executor_memory
        confs |= _LOCAL_SOCKETS | {"spark.python.unix.domain.socket.dir": "/tmp"}  # other folders may have long paths
        confs |= on_cluster.confs(spark.environment, run.settings_archive, run.run_id)
        if run.has_driver_here:
            confs["spark.sql.warehouse.dir"] = (run.folder / "spark-warehouse").as_uri()
    confs |= {} if run.is_tuned else {tuning.SWITCH: "false"}
    if s3.is_needed(run.settings):
        confs |= s3.spark_confs(run.settings, buffers=run.folder if run.is_local else None)
    return confs


def _local_sockets(folder: Path) -> dict[str, str]:
    """Rows go to Python and back through local sockets in `folder`, where their names fit.

    With TCP, Linux 6.18 stopped both ends for good once both buffers of a connection were full (docs/reliability.md).
    """
    is_short = len(os.fsencode(folder)) + _SOCKET_NAME <= _SOCKET_PATH
    return _LOCAL_SOCKETS if is_short else {}


def _half(memory: str) -> str:
    """Half of `memory`, both as Java writes amounts."""
    return f"{limits.memory_bytes(memory) // 2**21}m"


def _quoted(option: str) -> str:
    """`option` quoted for Spark's parser: the name of a folder may contain a quote."""
    return '"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"'


def environment(run: Run, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of `spark-submit` and of the driver."""
    terminal = _terminal()
    changed = {
        "JAVA_HOME": str(run.java_home),
        "SPARK_HOME": str(spark_home()),
        "SPARK_LOCAL_DIRS": str(run.folder),
        "TMPDIR": str(run.folder),
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "LC_ALL": java.LOCALE,
        process.RUN_DIR: str(run.folder),
        process.TERMINAL: terminal,
        LOG_FORMAT: environ.get(LOG_FORMAT) or ("text" if terminal else "json"),
        "SMART_TRADER_HOME": str(run.home),
        "SMART_TRADER_RUN_ID": run.run_id,
    }
    if run.is_tuned:
        changed["SPARK_LAUNCHER_OPTS"] = tuning.LAUNCHER_JVM
    if run.log_folder:
        changed["SMART_TRADER_LOG_FILE"] = str(log_files.of_driver(run.log_folder, run.run_id))
        changed["SMART_TRADER_JVM_LOG_FILE"] = str(log_files.of_jvm(run.log_folder, run.run_id))
    if run.is_local:
        changed |= {
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_CONF_DIR": str(run.home / "build" / "none"),  # a folder on the class path forbids a class archive
        }
    else:
        if not run.has_driver_here:  # the JVM that hands the driver to the cluster
            changed["SPARK_SUBMIT_OPTS"] = f"{environ.get('SPARK_SUBMIT_OPTS', '')} {_quoted(_logging(run))}".lstrip()
        ours = sys.executable if run.has_driver_here else None
        changed |= on_cluster.pythons(run.settings.spark.environment, environ, driver=ours)
    dropped = ("PYSPARK_DRIVER_PYTHON", "PYTHONPATH", "PYTHONHOME", "PYSPARK_SUBMIT_ARGS")
    return {key: value for key, value in environ.items() if key not in dropped} | changed


def spark_home() -> Path:
    """The folder of Spark in the pyspark package of this Python."""
    return Path(sys.prefix, "lib", f"python3.{sys.version_info.minor}", "site-packages", "pyspark")


def _terminal() -> str:
    """The path of the terminal that messages go to; empty without one that the driver can open."""
    try:
        name = os.ttyname(2)
    except OSError:
        return ""
    return name if os.access(name, os.W_OK) else ""


class Submission:
    """`spark-submit` as a child process in its own session, so that only the launcher signals it."""

    def __init__(self, run: Run, inherited: Sequence[int]) -> None:
        self._run, self._inherited = run, inherited
        self._child: subprocess.Popen[bytes] | None = None
        self._told_to_stop = False
        self._first_words = bytearray()

    def run(self) -> int:
        """Run the job, pass its messages on, and return its exit status."""
        if not self._run.is_tuned:
            text = (self._run.home / "conf" / "spark-defaults.conf").read_text(encoding="utf-8")
            self._run.defaults.write_text(tuning.plain_defaults(text), encoding="utf-8")
        with self._forwarding_signals():
            self._child = subprocess.Popen(
                command_line(self._run),
                env=environment(self._run, os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=self._inherited,
                start_new_session=True,
                preexec_fn=process.end_with_parent,
            )
            if self._told_to_stop:  # before there was a child
                self._kill()
            passed = (self._child.stdout, self._first_words, are_json())
            messages = threading.Thread(target=pass_on, args=passed, daemon=True)
            messages.start()
            code = self._child.wait()
            if self._reason():
                self._await_driver()
            self._end_group()
            messages.join(timeout=1)
        return self._judge(code)

    @contextlib.contextmanager
    def _forwarding_signals(self) -> Iterator[None]:
        names = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            names.append(signal.SIGHUP)
        previous = {name: signal.signal(name, self._stop) for name in names}
        try:
            yield
        finally:
            for name, handler in previous.items():
                signal.signal(name, handler)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Signal the driver only: the JVM has to live until the current commit is done."""
        if self._told_to_stop:
            return
        self._told_to_stop = True
        try:
            os.kill(int((self._run.folder / process.PID_FILE).read_text()), signal.SIGTERM)
        except (OSError, ValueError):  # there is no driver yet, so nothing is under way
            self._kill()
        else:
            killer = threading.Timer(GRACE_SECONDS, self._kill)
            killer.daemon = True
            killer.start()

    def _kill(self) -> None:
        if self._child and self._child.poll() is None:
            self._end_group()

    def _end_group(self) -> None:
        """Kill driver and workers that are left: they are of no use without their JVM."""
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _reason(self) -> SmartTraderError | None:
        """Why the driver killed its JVM; None if it did not."""
        try:
            status, _, why = (self._run.folder / process.REASON_FILE).read_text(encoding="utf-8").partition(" ")
        except OSError:
            return None
        return SourceUnavailable(why) if status == str(SourceUnavailable.exit_status) else Interrupted(why)

    def _await_driver(self) -> None:
        """Leave a driver that has killed its JVM the time to write its summary."""
        deadline = time.monotonic() + _SUMMARY_SECONDS
        with contextlib.suppress(OSError, ValueError):
            driver = int((self._run.folder / process.PID_FILE).read_text())
            while time.monotonic() < deadline:
                os.kill(driver, 0)
                time.sleep(_POLL_SECONDS)

    def _judge(self, code: int) -> int:
        if code in _DOCUMENTED:
            return code
        if code == 1 and not self._run.has_driver_here:
            tell(
                "the run failed on the cluster: its status is in ops.runs, and in the log of its driver", level="ERROR"
            )
            return code
        if reason := self._reason():
            raise reason
        if self._told_to_stop:
            raise Interrupted("told to stop; what was committed stays, run again to go on")
        if lacking := limits.line_in(self._first_words.decode(errors="replace")):
            raise ConfigurationError(limits.ADVICE.format(printable(lacking)))
        if code < 0 or code > 128:
            name = signal.Signals(-code if code < 0 else code - 128).name
            why = "; the system does so when it runs out of memory" if name == "SIGKILL" else ""
            raise Interrupted(f"the run was killed ({name}{why}); what was committed stays, run again to go on")
        if code == _NO_HEARTBEAT:
            raise Interrupted("Java was stopped for too long; what was committed stays, run again to go on")
        if disks.is_full(self._run.folder):  # Spark could not even start
            raise StorageError(
                f"the disk of {self._run.folder} is full; what was committed stays, make room, run again"
            )
        raise SmartTraderError(f"Spark ended with status {code}; what was committed stays")


def pass_on(messages: BufferedReader, first_words: bytearray, only_json: bool) -> None:
    """Copy the messages of JVM and driver to standard error, and the first bytes of them to `first_words`.

    With `only_json` each line is JSON: another line, such as a crash report of the JVM, becomes the message of one.
    """
    listens = True
    for line in _of_use(iter(messages.readline, b"")):
        first_words += line[: _FIRST_WORDS_BYTES - len(first_words)]
        if listens:
            try:
                sys.stderr.buffer.write(_as_json(line) if only_json else line)
                sys.stderr.buffer.flush()
            except OSError:  # nobody reads on; the job goes on all the same
                listens = False


def _of_use(lines: Iterable[bytes]) -> Iterator[bytes]:
    """`lines` without what is of no use, such as what a worker of Python says as Spark, done with it, hangs up."""
    trace = list[bytes]()
    for line in lines:
        if trace and line.startswith(b"  "):
            trace.append(line)
            continue
        is_farewell = line.startswith(_HUNG_UP) and any(_OF_DAEMON in part for part in trace)
        yield from () if is_farewell else trace
        trace = [line] if line == _TRACE else []
        if not (is_farewell or trace or line.startswith(_NOISE)):
            yield line
    yield from trace


def _as_json(line: bytes) -> bytes:
    if not line.strip() or line.startswith(b'{"'):
        return line.strip() and line
    text = line.decode("utf-8", "replace").rstrip()
    return f"{as_line(text, level='WARNING', logger='jvm')}\n".encode()

"""A Spark cluster on this machine: a standalone master and two workers, whose executors have a bare Python."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from smart_trader.launch import java, submit
from tests.reliability.processes import descendants
from tests.store.server import free_port

WORKERS = 2
COPIED_SECONDS = 0.1
"""A worker has copied by then what an executor said."""
FOR_EXECUTORS = ("numpy", "pyarrow")
LITTLE_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
LITTLE_WORK = """\
spark.sql.codegen.wholeStage           false
spark.sql.codegen.factoryMode          NO_CODEGEN
spark.executor.extraJavaOptions        -Dof.the.cluster=yes
"""
"""Compiling a few thousand rows' plans takes longer than running them."""


@dataclass
class Cluster:
    """Its files are in `folder`. Its machines have another zone than UTC, and no locale."""

    folder: Path
    port: int = field(default_factory=free_port)
    page: int = field(default_factory=free_port)
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def master(self) -> str:
        return f"spark://127.0.0.1:{self.port}"

    def __enter__(self) -> "Cluster":
        try:
            ports = ("--port", str(self.port), "--webui-port", str(self.page))
            self._start("org.apache.spark.deploy.master.Master", *ports)
            self._await(lambda status: status["status"] == "ALIVE")
            for nth in range(WORKERS):
                folder = str(self.folder / f"worker-{nth}")
                worker = ("--port", "0", "--webui-port", "0", "--cores", "1", "--memory", "1g", "--work-dir", folder)
                self._start("org.apache.spark.deploy.worker.Worker", *worker, self.master)
            self._await(lambda status: status["aliveworkers"] == WORKERS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        executors = self.executors()
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        for executor in executors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(executor, 9)
        self.processes.clear()

    @property
    def conf(self) -> Path:
        """The folder with what only this cluster knows, for `SPARK_CONF_DIR`."""
        folder = self.folder / "conf"
        folder.mkdir(exist_ok=True)
        (folder / "spark-defaults.conf").write_text(LITTLE_WORK, encoding="utf-8")
        return folder

    def executors(self) -> list[int]:
        """The process ids of the executors."""
        started = [process for worker in self.processes[1:] for process in descendants(worker.pid)]
        return [process for process in started if "ExecutorBackend" in command_of(process)]

    def kill_one_at_work(self) -> bool:
        """SIGKILL an executor in the middle of a task, if there is one just now."""
        for executor in self.executors():
            os.kill(executor, signal.SIGSTOP)
            time.sleep(COPIED_SECONDS)
            words = command_of(executor).split("\0")
            (log,) = self.folder.glob(f"worker-*/*/{words[words.index('--executor-id') + 1]}/stderr")
            said = log.read_text(encoding="utf-8")
            is_at_work = said.count(": Running task") > said.count(": Finished task")
            os.kill(executor, signal.SIGKILL if is_at_work else signal.SIGCONT)
            if is_at_work:
                return True
        return False

    def _start(self, name: str, *arguments: str) -> None:
        java_home = java.find()
        environ = {
            **{"PATH": os.defpath, "JAVA_HOME": str(java_home), "SPARK_HOME": str(submit.spark_home())},
            **{"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m", "SPARK_LOCAL_DIRS": str(self.folder)},
            **{"TZ": "Asia/Kolkata", "LC_ALL": "C", "JAVA_TOOL_OPTIONS": LITTLE_JAVA},
        }
        command = [str(submit.spark_home() / "bin" / "spark-class"), name, "--host", "127.0.0.1", *arguments]
        with (self.folder / "daemons.log").open("ab") as log:
            self.processes.append(subprocess.Popen(command, env=environ, cwd=self.folder, stdout=log, stderr=log))

    def _await(self, condition: Any) -> None:
        for _ in range(600):
            with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{self.page}/json/", timeout=5) as answer:
                if condition(json.load(answer)):
                    return
            time.sleep(0.1)
        raise AssertionError((self.folder / "daemons.log").read_text(encoding="utf-8"))


def command_of(process: int) -> str:
    """Its command line; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def bare_python(folder: Path, packages: Sequence[str] = FOR_EXECUTORS) -> Path:
    """A Python in `folder` that has `packages`, by default what executors need, and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    installed = Path("lib", f"python3.{sys.version_info.minor}", "site-packages")
    for name in packages:
        for found in Path(sys.prefix, installed).glob(f"{name}*"):
            (folder / installed / found.name).symlink_to(found)
    return folder / "bin" / "python"

"""The jars of conf/jars.lock: Spark resolves them once, their hashes are checked, and `jars/` keeps them."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smart_trader.errors import SourceUnavailable
from smart_trader.launch import java, shell
from smart_trader.messages import tell


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of conf/jars.lock, and the path of its file."""

    group: str
    coordinate: str
    size: int
    sha256: str
    path: Path

    def is_there(self) -> bool:
        """Whether a file of the locked size is there: a quick check."""
        try:
            return self.path.stat().st_size == self.size
        except OSError:
            return False

    def is_genuine(self) -> bool:
        """Whether the file has the locked hash: a thorough check."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest() == self.sha256


def locked(home: Path, groups: Sequence[str]) -> list[Jar]:
    """The jars of `groups`, as conf/jars.lock lists them."""
    return [
        Jar(group, coordinate, int(size), sha256, home / "jars" / file_name(coordinate))
        for group, coordinate, size, sha256 in _lines(home, 4)
        if group in groups
    ]


def file_name(coordinate: str) -> str:
    """The name that Ivy gives to the jar of `group:artifact:version`."""
    group, artifact, version = coordinate.split(":")
    return f"{group}_{artifact}-{version}.jar"


def fetch(home: Path, wanted: Sequence[Jar], venv: Path, java_home: Path, descriptor: int) -> None:
    """Resolve the missing ones of `wanted` with Spark, check their hashes, and move them into place."""
    for group in dict.fromkeys(jar.group for jar in wanted):
        missing = [jar for jar in wanted if jar.group == group and not jar.is_there()]
        if missing:
            tell(f"fetching {len(missing)} jars for {group} ({sum(jar.size for jar in missing) / 1e6:.0f} MB)")
            with tempfile.TemporaryDirectory(prefix="ivy-", dir=home / "build") as ivy:
                shell.run(
                    "fetching jars",
                    _spark_submit(home, missing, Path(ivy), venv),
                    environ=_environment(venv, java_home),
                    keep_open=(descriptor,),
                )
                for jar in missing:
                    _keep(jar, Path(ivy, "jars", jar.path.name))


def _keep(jar: Jar, fetched: Path) -> None:
    found = replace(jar, path=fetched)
    if not found.is_there() or not found.is_genuine():
        raise SourceUnavailable(
            f"{jar.coordinate} is not the file that conf/jars.lock describes, so it was not installed; "
            "check the repository that your Ivy or Maven settings name"
        )
    jar.path.parent.mkdir(exist_ok=True)
    fetched.replace(jar.path)


def _spark_submit(home: Path, missing: Sequence[Jar], ivy: Path, venv: Path) -> list[str | Path]:
    """Fill `ivy/jars`. The application is an empty file, so `spark-submit` only resolves."""
    exclude = {group: patterns for group, word, patterns in _lines(home, 3) if word == "exclude"}
    return [
        *(_spark_home(venv) / "bin" / "spark-submit", "--conf", f"spark.jars.ivy={ivy}"),
        *("--packages", ",".join(jar.coordinate for jar in missing)),
        *("--exclude-packages", exclude[missing[0].group]),
        home / "smart_trader" / "__init__.py",
    ]


def _environment(venv: Path, java_home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "JAVA_HOME": str(java_home),
        "LC_ALL": java.LOCALE,
        "SPARK_HOME": str(_spark_home(venv)),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": str(venv / "bin" / "python"),
    }


def _spark_home(venv: Path) -> Path:
    return next(venv.glob("lib/python3*/site-packages/pyspark"))


def _lines(home: Path, words: int) -> list[list[str]]:
    """The lines of the lock file with that number of words, split into words."""
    text = (home / "conf" / "jars.lock").read_text(encoding="utf-8")
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return [line for line in lines if len(line) == words]

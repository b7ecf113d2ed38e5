"""The archive of Python packages for machines of a cluster that lack them: what `bin/build-env` writes.

Spark unpacks it beside a driver and its executors as `environment` (setting `spark.environment`). The Python in it is
that of the machine, of the minor version that the archive was made with, and finds the packages beside it. PySpark is
not among them, since Spark brings its own.
"""

import gzip
import re
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from smart_trader.launch import setup, shell
from smart_trader.messages import tell

NAME = "environment"
PYTHON = f"./{NAME}/bin/python"
"""Where a driver or an executor finds it, from the folder that it starts in."""

_BROUGHT_BY_SPARK = "pyspark"
_PYTHON = """#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH="${{PYTHONPATH:+$PYTHONPATH:}}$here/lib" exec python{version} "$@"
"""


def build(home: Path, python: Path, target: Path) -> None:
    """Write the archive to `target`, a .tar.gz: the packages of the program, as `python`'s pip installs them from
    requirements.lock, whose hashes it checks. Raises SmartTraderError if that fails."""
    tell("fetching the packages of the program (150 MB)")
    lock = (home / "requirements.lock").read_text(encoding="utf-8")
    names = with_needs(roots((home / "requirements.in").read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory(prefix="environment-", dir=target.parent) as folder:
        made = Path(folder)
        wanted = made / "requirements.txt"
        wanted.write_text("".join(setup.locked_entry(lock, name) for name in sorted(names)), encoding="utf-8")
        command: list[str | Path] = [
            *(python, "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile"),
            *("--target", made / "lib", "-r", wanted),
        ]
        shell.run("fetching packages", command)
        packed = made / "archive"
        _pack(made / "lib", packed)
        packed.replace(target)


def roots(text: str) -> list[str]:
    """The packages that the program asks for, in the text of requirements.in: those of its first paragraph."""
    paragraph = text.partition("# The program.")[2].partition("\n\n")[0]
    return re.findall(r"^([\w.-]+)==", paragraph, re.MULTILINE)


def with_needs(names: Iterable[str]) -> set[str]:
    """`names` and all that they need in turn on this machine, where they are installed; PySpark is left out."""
    found, waiting = set[str](), list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found or name == _BROUGHT_BY_SPARK:
            continue
        try:
            needs = requires(name) or []
        except PackageNotFoundError:  # one of another system, or of an older Python
            continue
        found.add(name)
        waiting += [re.split(r"[^\w.-]", need)[0] for need in needs if "extra ==" not in need]
    return found


def _pack(packages: Path, target: Path) -> None:
    """The same packages give the same bytes."""
    script = target.with_name("python")
    script.write_text(_PYTHON.format(version=f"3.{sys.version_info.minor}"), encoding="ascii")
    script.chmod(0o755)
    with (
        target.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        archive.add(script, "bin/python", filter=_plain)
        for path in sorted(packages.rglob("*")):
            inside = path.relative_to(packages)
            if path.is_file() and inside.parts[0] != "bin":  # scripts, which name the Python of this machine
                archive.add(path, f"lib/{inside}", filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.mode & 0o100 else 0o644
    return member

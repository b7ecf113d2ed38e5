"""Set-up: `.venv` from requirements.lock, Java, the jars of conf/jars.lock. Standard library only.

Whatever is missing or half done is made again. Each part is made beside its place and moved there when complete, under
a lock of the operating system, so that a killed set-up leaves nothing that looks finished and two do not meet.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from smart_trader import paths
from smart_trader.errors import ConfigurationError, SmartTraderError, UsageError
from smart_trader.launch import jars, java, shell
from smart_trader.messages import tell

_STAMP = "smart-trader-setup"
_BUILDS_PYSPARK = "setuptools"


@dataclass(frozen=True, slots=True)
class Installation:
    """Python, Java and jars of a checkout. `is_new`: the running interpreter may lack the packages."""

    venv: Path
    java_home: Path
    jars: Sequence[Path]
    is_new: bool = False

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def class_archive(self) -> Path:
        """The archive of the classes that this Java loads from the locked jars. It is optional, and saves time."""
        home = self.venv.parent
        described = [self.java_home / "release", home / "conf" / "jars.lock", home / "requirements.lock"]
        content = b"".join(path.read_bytes() for path in described if path.is_file())
        key = hashlib.sha256(content + os.fsencode(self.java_home) + os.fsencode(home)).hexdigest()
        return home / "build" / f"classes-{key[:16]}.jsa"


def command(home: Path, arguments: Sequence[str]) -> int:
    """`bin/setup`: install missing parts and check the hashes of the jars, which a start does not. Returns 0."""
    parser = _Parser(
        prog="bin/setup", description="Sets up what is missing: .venv, Java, jars. Jobs do the same when they start."
    )
    parser.add_argument(
        "--with", dest="groups", action="append", choices=("s3",), default=[], help="also the jars for S3 stores"
    )
    groups = ("delta", *parser.parse_args(arguments).groups)
    for jar in jars.locked(home, groups):
        if jar.path.is_file() and not jar.is_genuine():
            jar.path.unlink()
    ensure(home, groups)
    tell("everything is set up")
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. bin/setup --help says what it takes.")


def ensure(home: Path, groups: Sequence[str]) -> Installation:
    """The installation, complete: missing parts are installed. Raises SmartTraderError if that fails."""
    try:
        paths.check_for_spark(home)
    except ValueError as error:
        raise ConfigurationError(f"The folder of this program, {home}, {error}; move it, then run again.") from error
    return _ready(home, groups) or _set_up(home, groups)


def _ready(home: Path, groups: Sequence[str]) -> Installation | None:
    venv = home / ".venv"
    java_home = java.find()
    locked = jars.locked(home, groups)
    if java_home is None or not _is_current(home, venv) or not all(jar.is_there() for jar in locked):
        return None
    return Installation(venv, java_home, [jar.path for jar in locked], is_new=Path(sys.prefix) != venv)


def _set_up(home: Path, groups: Sequence[str]) -> Installation:
    venv = home / ".venv"
    with _alone(home) as descriptor:
        if not _is_current(home, venv):
            _build_venv(home, venv, descriptor)
        java_home = java.find_or_install()
        locked = jars.locked(home, groups)
        jars.fetch(home, locked, venv, java_home, descriptor)
        installed = Installation(venv, java_home, [jar.path for jar in locked], is_new=True)
        _archive_classes(home, installed, descriptor)
    return installed


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[int]:
    """Hold the lock of set-up, and yield its descriptor. Children inherit it, so it outlives a killed parent."""
    (home / "build").mkdir(exist_ok=True)
    descriptor = os.open(home / "build" / "setup.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("another start is setting up; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_current(home: Path, venv: Path) -> bool:
    """Whether `venv` is complete: made in this folder, from this lock file, with the Python that it links to."""
    try:
        stamp = (venv / _STAMP).read_text(encoding="utf-8")
        version = re.search(r"^version = (.*)$", (venv / "pyvenv.cfg").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return False
    return (
        stamp == _fingerprint(home, venv)
        and version is not None
        and (Path(sys.prefix) != venv or version[1] == platform.python_version())
        and os.access(venv / "bin" / "python", os.X_OK)
    )


def _fingerprint(home: Path, venv: Path) -> str:
    return f"{hashlib.sha256((home / 'requirements.lock').read_bytes()).hexdigest()} {venv}\n"


def _build_venv(home: Path, venv: Path, descriptor: int) -> None:
    tell("installing Python packages into .venv (once; about 500 MB)")
    new, old = home / "build" / "venv-new", home / "build" / "venv-old"
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        _create_venv(new, descriptor)
        _install_packages(home, new, descriptor)
        _rename_in_scripts(new, venv)
        (new / _STAMP).write_text(_fingerprint(home, venv), encoding="utf-8")
        if venv.exists():
            venv.rename(old)
        new.rename(venv)
    finally:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _create_venv(folder: Path, descriptor: int) -> None:
    base = getattr(sys, "_base_executable", sys.executable)
    if find_spec("ensurepip") is None:  # Debian and Ubuntu ship it apart
        package = f"python3.{sys.version_info.minor}-venv"
        if not shell.apt_install(package):
            raise ConfigurationError(
                "this Python cannot make virtual environments; install what it lacks "
                f"(Debian, Ubuntu: apt install {package}) and run again"
            )
    shell.run("making a virtual environment", [base, "-I", "-m", "venv", folder], keep_open=(descriptor,))


def _install_packages(home: Path, venv: Path, descriptor: int) -> None:
    """Install the builder of pyspark first, from the lock file: pip would fetch it without a check of its hash."""
    requirements = home / "requirements.lock"
    builder = venv / "builder.txt"
    builder.write_text(locked_entry(requirements.read_text(encoding="utf-8"), _BUILDS_PYSPARK), encoding="utf-8")
    for file in (builder, requirements):
        shell.run(
            "installing Python packages",
            [
                *(venv / "bin" / "python", "-I", "-m", "pip", "install", "--quiet", "--no-input", "--require-hashes"),
                *("--disable-pip-version-check", "--retries", "3", "--no-build-isolation", "--use-pep517", "-r", file),
            ],
            keep_open=(descriptor,),
        )


def _archive_classes(home: Path, installed: Installation, descriptor: int) -> None:
    if installed.class_archive.is_file():
        return
    tell("preparing faster starts (once)")
    for stale in (home / "build").glob("classes-*"):
        stale.unlink()
    with contextlib.suppress(SmartTraderError):
        command: list[str | Path] = [installed.python, "-m", "smart_trader.launch.main", "archive-classes"]
        shell.run("archiving classes", command, folder=home, keep_open=(descriptor,))


def locked_entry(lock: str, package: str) -> str:
    """The lines of one package in a lock file: name, version and hashes."""
    found = re.search(rf"^{package}==.*\n(?:[ ].*\n)*", lock, re.MULTILINE)
    if found is None:
        raise ConfigurationError(f"requirements.lock does not hold {package}")
    return found[0]


def _rename_in_scripts(new: Path, final: Path) -> None:
    """Replace the folder `new` by `final` in the scripts, which contain the folder they were made in."""
    for script in (new / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        if os.fsencode(new) in content:
            script.write_bytes(content.replace(os.fsencode(new), os.fsencode(final)))

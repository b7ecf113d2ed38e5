"""`bin/test --lane next`: the tests with the next versions of Spark and of its jars, which tests/next locks.

They run in a copy of the checkout below build/next, which sets itself up as any checkout does: with an environment and
jars of its own.
"""

import re
import shutil
from pathlib import Path

from smart_trader.launch import setup

_LEFT_OUT = (".venv", ".env", ".git", "build", "jars", "lakehouse", "demo", "logs", "__pycache__", ".*_cache")


def checkout(home: Path) -> Path:
    """A copy of the checkout `home`, but for the versions of Spark. What an earlier copy has set up stays."""
    target = home / "build" / "next"
    target.mkdir(parents=True, exist_ok=True)
    for path in target.iterdir():
        if path.name not in _LEFT_OUT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(home, target, ignore=shutil.ignore_patterns(*_LEFT_OUT), dirs_exist_ok=True, symlinks=True)
    lock = target / "requirements.lock"
    newer = (target / "tests" / "next" / "requirements.lock").read_text(encoding="utf-8")
    lock.write_text(with_newer(lock.read_text(encoding="utf-8"), newer), encoding="utf-8")
    shutil.copyfile(target / "tests" / "next" / "jars.lock", target / "conf" / "jars.lock")
    return target


def with_newer(lock: str, newer: str) -> str:
    """`lock` with the entries of `newer` in place of its own ones of the same packages."""
    for name in re.findall(r"^([\w.-]+)==", newer, re.MULTILINE):
        lock = lock.replace(setup.locked_entry(lock, name), setup.locked_entry(newer, name))
    return lock

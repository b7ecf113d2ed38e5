"""The Java that Spark runs on: found, or installed where a package manager lets us."""

import locale
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from smart_trader.errors import ConfigurationError
from smart_trader.launch.shell import apt_install
from smart_trader.messages import tell

VERSIONS = (17, 21)
"""Versions that Spark 4 supports."""
LOCALE = "C.UTF-8"
"""The locale of Java, and so the encoding of its file names. Cron and ssh pass on others, or missing ones."""


def find() -> Path | None:
    """The home of the first suitable Java: JAVA_HOME, then PATH, then where systems keep them."""
    return next((home for home in _candidates() if version(home) in VERSIONS), None)


def find_or_install() -> Path:
    """As `find`; installs Java for root on Debian and Ubuntu. Raises ConfigurationError if there is none in the end."""
    found = find()
    if found is None:
        tell("installing Java")
        apt_install("openjdk-17-jre-headless", "openjdk-21-jre-headless")
        found = find()
    if found is None:
        raise ConfigurationError(
            "Java 17 or 21 was not found; install one (Debian, Ubuntu: apt install openjdk-17-jre-headless; "
            "macOS: brew install --cask temurin@17), or set JAVA_HOME, and run again"
        )
    return found


def version(home: Path) -> int | None:
    """The feature version of the Java in `home`: from its release file or, without one, from `java -version`."""
    if not os.access(home / "bin" / "java", os.X_OK):
        return None
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = _what_it_says(home / "bin" / "java")
    found = re.search(r'(?:JAVA_VERSION=|version )"(\d+)', text)
    return int(found[1]) if found else None


def _what_it_says(java: Path) -> str:
    """The output of `java -version`; empty if it does not start, such as one for another processor."""
    try:
        result = subprocess.run(
            [java, "-version"], capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError:
        return ""
    return result.stderr


def can_name(folder: Path) -> bool:
    """Whether Java finds `folder` by its name: without `LOCALE`, Java reads an umlaut as a question mark."""
    return str(folder).isascii() or sys.platform == "darwin" or _has_locale()


def _has_locale() -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, LOCALE)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_CTYPE, before)
    return True


def _candidates() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parents[1]
    if sys.platform == "darwin":
        yield from sorted(Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home"))
        yield from sorted(Path("/opt/homebrew/opt").glob("openjdk@*/libexec/openjdk.jdk/Contents/Home"))
    yield from sorted(Path("/usr/lib/jvm").glob("*"))

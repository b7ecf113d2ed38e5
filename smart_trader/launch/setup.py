"""Temporary."""

from dataclasses import dataclass
from pathlib import Path
from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Installation:
    venv: Path
    java_home: Path
    jars: Sequence[Path]
    is_new: bool = False

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"


def ensure(home: Path, groups: Sequence[str]) -> Installation:
    return Installation(home / ".venv", Path("/usr/lib/jvm/java-17-openjdk-amd64"), sorted((home / "jars").glob("*.jar")))

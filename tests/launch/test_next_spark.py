"""The checkout of `bin/test --lane next`: this one, but for the versions of Spark and of its jars."""

import re
import subprocess
from pathlib import Path

import pytest

from smart_trader.launch import jars, next_spark

HOME = Path(__file__).parents[2]


def test_only_the_versions_of_spark_differ() -> None:
    lock = (HOME / "requirements.lock").read_text(encoding="utf-8")
    newer = (HOME / "tests" / "next" / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^[\w.-]+==.*", lock, re.MULTILINE)
    changed = re.findall(r"^[\w.-]+==.*", next_spark.with_newer(lock, newer), re.MULTILINE)
    assert len(changed) == len(entries)
    assert {entry for entry in changed if entry not in entries} == {"pyspark==4.2.0 \\"}


def test_a_copy_takes_changes_and_keeps_what_was_set_up(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name in ("requirements.lock", "conf/jars.lock", "tests/next/requirements.lock", "tests/next/jars.lock"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes((HOME / name).read_bytes())
    for name in ("gone.py", ".env", ".venv/mine", "jars/mine.jar", "build/mine"):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).touch()
    made = next_spark.checkout(home)
    for name in (".venv/theirs", "jars/theirs.jar"):
        (made / name).parent.mkdir()
        (made / name).touch()
    (home / "gone.py").unlink()
    assert next_spark.checkout(home) == made == home / "build" / "next"
    found = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert {".venv/theirs", "jars/theirs.jar", "requirements.lock", "conf/jars.lock"} <= found
    assert not {"gone.py", ".env", ".venv/mine", "jars/mine.jar", "build/mine"} & found
    assert [jar.coordinate for jar in jars.locked(made, ("delta",)) if "spark" in jar.coordinate] == [
        "io.delta:delta-spark_4.2_2.13:4.4.0"
    ]


@pytest.mark.parametrize("arguments", [("--lane",), ("--lane", "long")])
def test_another_lane_is_named_with_m(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([HOME / "bin" / "test", *arguments], capture_output=True, text=True)
    assert done.returncode == 64
    assert "-m names what has a lane" in done.stderr

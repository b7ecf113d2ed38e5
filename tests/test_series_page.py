"""docs/series.md from its first file to its last question: each command runs, and gives what the page shows."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from pyspark.sql import SparkSession

from smart_trader import cli
from tests.lake import ROOT, Lake

PAGE = ROOT / "docs" / "series.md"
SUBMIT = "bin/submit.sh "
NOW = datetime(2026, 1, 6, 9, tzinfo=UTC)


class Block(NamedTuple):
    """A block of code of the page, and the text below it that shows its output; None where there is none."""

    language: str
    code: str
    shown: str | None


def blocks() -> Iterator[Block]:
    found = re.finditer(r"```(bash|python)\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", PAGE.read_text("utf-8"), re.DOTALL)
    return (Block(*block.groups()) for block in found)


def run(lake: Lake, command: str) -> None:
    job, *arguments = shlex.split(command.removeprefix(SUBMIT))
    options = asdict(cli.parse(job, arguments)) | {"as_of": NOW}
    lake.run(options.pop("job"), settings=[("series.landing", str(Path.cwd() / "landing"))], **options)


def test_each_command_gives_what_the_page_shows(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lake = Lake(spark, tmp_path / "lakehouse")
    for block in blocks():
        capsys.readouterr()
        if block.language == "python":
            run_python(spark, block.code)
            continue
        shell, *commands = re.split(rf"^(?={SUBMIT})", block.code, flags=re.MULTILINE)
        subprocess.run(["bash", "-e", "-c", shell], check=True)
        for command in commands:
            run(lake, command)
        if block.shown is not None:
            assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == block.shown.splitlines()


def run_python(spark: SparkSession, code: str) -> None:
    """A program in a process of its own, or what is for a notebook, which has a session."""
    if "spark." in code:
        here = code.replace("lakehouse/", f"{Path.cwd()}/lakehouse/")  # the session began in another folder
        exec(here, {"spark": spark, "at": NOW - timedelta(days=1)})
        return
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})

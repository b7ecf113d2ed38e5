"""Schedulers try once more what the table of exit statuses calls temporary; they cannot import the table."""

import ast
import re

import pytest

from smart_trader.errors import ConfigurationError, ExitStatus, Interrupted, SmartTraderError
from tests.lake import ROOT

TEMPORARY = tuple(status.number for status in ExitStatus if status.is_temporary)


def read(file: str) -> str:
    return (ROOT / file).read_text("utf-8")


def test_the_dag_tries_temporary_failures_again() -> None:
    written = re.search(r"^PASSING = (.*)$", read("schedulers/airflow/smart_trader.py"), re.MULTILINE)
    assert written and ast.literal_eval(written[1]) == TEMPORARY


def test_the_script_of_cron_and_oozie_tries_temporary_failures_again() -> None:
    compared = re.findall(r'"\$status" = (\d+)', read("schedulers/run-job.sh"))
    assert tuple(map(int, compared)) == TEMPORARY


@pytest.mark.parametrize("file", ["schedulers/crontab", "README.md"])
def test_the_text_names_the_temporary_failures(file: str) -> None:
    named = re.findall(r"\((\d\d, \d\d)\)", read(file))
    assert named
    assert {tuple(map(int, numbers.split(", "))) for numbers in named} == {TEMPORARY}


@pytest.mark.parametrize(
    ("file", "error"), [("schedulers/run-job.sh", Interrupted), ("bin/common.sh", ConfigurationError)]
)
def test_a_script_that_ends_by_itself_does_so_with_a_documented_status(
    file: str, error: type[SmartTraderError]
) -> None:
    ended = re.findall(r"\bexit (\d+)", read(file))
    assert ended == [str(error.exit_status)]

"""bin/submit.sh before any set-up: help and mistakes are answered at once, from anywhere, by a bare Python."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smart_trader import cli
from smart_trader.errors import UsageError
from smart_trader.job_table import JOBS
from smart_trader.version import VERSION

HOME = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone, in a folder with a space: nothing is set up."""
    folder = tmp_path_factory.mktemp("fresh clone")
    for name in ("bin", "conf", "smart_trader"):
        shutil.copytree(HOME / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def submit(checkout: Path, *arguments: str, cwd: Path = Path("/")) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "bin" / "submit.sh", *arguments],
        cwd=cwd,
        env={"HOME": str(checkout), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_job_on_standard_output(checkout: Path) -> None:
    done = submit(checkout, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed == list(JOBS)


@pytest.mark.parametrize("job", ["init", "pipeline", "gold_traders"])
def test_each_job_explains_itself(checkout: Path, job: str) -> None:
    done = submit(checkout, job, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: bin/submit.sh {job}")
    assert "exit status" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ((), "no job was named"),
        (("pipelin",), "Did you mean pipeline?"),
        (("--demo", "pipeline"), "there is no job '--demo'"),
        (("",), "there is no job ''"),
        (("../jobs/init",), "there is no job"),
        (("rejecting",), "there is no job 'rejecting'"),
        (("pipeline", "--dem"), "Did you mean --demo?"),
        (("report", "--out", "/no/such/folder/report.html"), "the folder /no/such/folder does not exist"),
        (("pipeline", "--out", "/tmp"), "is a folder"),
        (("report", "--format", "pdf"), "invalid choice: 'pdf'"),
        (("pipeline", "--as-of", "yesterday"), "is no ISO 8601 time"),
        (("pipeline", "--as-of", "2206-11-01"), "2206-11-01T00:00:00Z lies in the future"),
        (("pipeline", "--as-of", "9999-12-31T23:59:59-01:00"), "is no ISO 8601 time"),
        (("pipeline", "--as-of", "0001-01-01T00:00:00+01:00"), "is no ISO 8601 time"),
        (("pipeline", "--as-of", "0001-01-01"), "before the first block of Solana"),
        (("history", "--table", "ops.runs", "--time", "9999-12-31T23:59:59-01:00"), "is no ISO 8601 time"),
        (("pipeline", "--limit", "0"), "no whole number above 0"),
        (("pipeline", "--limit", "-1"), "no whole number above 0"),
        (("pipeline", "--wallets", "/no/such/file"), "is no file"),
        (("pipeline", "--set", "tokens.per_run"), "is not KEY=VALUE"),
        (("pipeline", "--run-id", "../x"), "letters, digits"),
        (("pipeline", "--wait-lock", "-5"), "is no number of seconds"),
        (("pipeline", "--profile", "moon"), "invalid choice"),
        (("pipeline", "--fetch"), "it needs --dry-run"),
        (("status", "--fetch"), "unrecognized arguments: --fetch"),
        (("init", "--limit", "3"), "unrecognized arguments: --limit"),
        (("explain",), "the following arguments are required: --wallet"),
        (("explain", "--wallet", "0x52908400098527886E0F7030069857D2E4169EE7"), "is no address"),
        (("explain", "--wallet", "A", "--ranked-at", "yesterday"), "is no ISO 8601 time"),
        (("ingest_timeseries", "--series", "signal"), "the nearest is signals"),
        (("ingest_timeseries", "--every", "60"), "'60' is no period, such as 60s or 5m"),
        (("ingest_timeseries", "--every", "0s"), "'0s' is no period"),
        (("ingest_timeseries", "--every", "60s", "--as-of", "2026-11-01"), "it takes no --as-of"),
        (("ingest_timeseries", "--every", "60s", "--dry-run"), "it takes no --dry-run"),
        (("ingest_timeseries", "--again", "/no/such/file"), "is no file"),
        (("ingest_timeseries", "--again", str(HOME / "README.md"), "--every", "60s"), "not allowed with argument"),
        (("query_timeseries",), "the following arguments are required: NAME"),
        (("query_timeseries", "mised"), "invalid choice: 'mised'"),
        (("query_timeseries", "range"), "range needs --series"),
        (("query_timeseries", "latest", "--series", "signal"), "the nearest is signals"),
        (("query_timeseries", "acted", "--above", "0.5"), "acted takes no --above; audit, missed may"),
        (("query_timeseries", "missed", "--above", "nan"), "'nan' is no number"),
        (("query_timeseries", "missed", "--series", "signals"), "missed takes no --series; range, latest may"),
        (("query_timeseries", "regime_performance", "--version", "1"), "regime_performance takes no --version"),
        (("query_timeseries", "regime_performance", "--by", "current", "--symbol", "QQQ"), "it takes no --symbol"),
        (("query_timeseries", "acted", "--version", "1", "--known-at", "2026-01-05"), "not allowed with argument"),
        (("query_timeseries", "acted", "--where", "regime"), "is not KEY=VALUE"),
        (("query_timeseries", "acted", "--json", "--format", "csv"), "it goes with no --format csv"),
    ],
)
def test_a_mistake_is_one_clear_line_and_64(checkout: Path, arguments: tuple[str, ...], hint: str) -> None:
    done = submit(checkout, *arguments)
    assert (done.returncode, done.stdout) == (64, "")
    line = json.loads(done.stderr)  # without a terminal
    assert line["level"] == "ERROR" and hint in line["msg"]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("--version",), ("pipeline", "--version"), ("disk_space", "--version")])
def test_it_says_its_version(checkout: Path, arguments: tuple[str, ...]) -> None:
    done = submit(checkout, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"smart-trader {VERSION}\n", "")


@pytest.mark.parametrize("job", ["history", "restore"])
def test_a_job_on_a_table_takes_a_version_of_that(job: str) -> None:
    assert cli.parse(job, ["--table", "ops.runs", "--version", "3"]).version == 3


@pytest.mark.parametrize(
    ("command", "is_on_series", "changes_series"),
    [
        ("ingest_timeseries", True, True),
        ("restore --table foundation.signals --version 1", False, True),
        ("restore --table gold.smart_traders --version 1", False, False),
        ("maintain", False, False),
        ("init", False, False),
        ("init --recreate --yes", False, True),
    ],
)
def test_only_what_replaces_rows_of_series_takes_their_lock(
    command: str, is_on_series: bool, changes_series: bool
) -> None:
    job, *arguments = command.split()
    options = cli.parse(job, arguments)
    assert (options.is_on_series, options.changes_series) == (is_on_series, changes_series)


def test_a_query_takes_its_options_in_any_order() -> None:
    times = "--from 2026-01-05 --known-at 2026-01-06 --at 2026-01-07"
    given = f"{times} latest --series signals --where regime= --where vix=14.2"
    options = cli.parse("query_timeseries", given.split())
    assert (options.query, options.series, options.format) == ("latest", "signals", "text")
    assert options.where == (("regime", ""), ("vix", "14.2"))
    assert [moment and moment.day for moment in (options.start, options.end, options.time, options.at)] == [
        5,
        None,
        6,
        7,
    ]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T09:30", "2026-11-01T09:30:00+00:00"),
        ("2026-11-01T00:00:00+02:00", "2026-10-31T22:00:00+00:00"),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00+00:00"),
    ],
)
def test_a_business_time_as_people_write_it(given: str, meant: str) -> None:
    assert cli.parse("pipeline", ["--as-of", given]).as_of == datetime.fromisoformat(meant)


def test_a_business_time_may_be_ahead_of_the_clock_by_five_minutes() -> None:
    now = datetime.now(UTC)
    soon, too_late = ((now + timedelta(minutes=minutes)).isoformat() for minutes in (4, 6))
    assert cli.parse("pipeline", ["--as-of", soon]).as_of
    with pytest.raises(UsageError, match="lies in the future"):
        cli.parse("pipeline", ["--as-of", too_late])


def test_help_takes_less_than_half_a_second_of_work_and_sets_nothing_up(checkout: Path) -> None:
    before = os.times()
    submit(checkout, "pipeline", "--help")
    after = os.times()
    assert (after.children_user + after.children_system) - (before.children_user + before.children_system) < 0.5
    assert {path.name for path in checkout.iterdir()} == {"bin", "conf", "smart_trader"}


def test_the_checkout_is_found_through_links_from_any_folder(checkout: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my links"
    folder.mkdir()
    (folder / "first").symlink_to(checkout / "bin" / "submit.sh")
    (folder / "second").symlink_to("first")
    done = subprocess.run(["./second", "--help"], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(
    any(Path(place).exists() for place in ("/usr/local/bin/python3", "/opt/homebrew/bin/python3")),
    reason="this machine has a Python at one of the places that are tried whatever the PATH is",
)
def test_without_a_suitable_python_it_says_what_to_install(checkout: Path, tmp_path: Path) -> None:
    """As with a PATH that leads to an old one only."""
    for tool in ("bash", "dirname", "readlink"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    done = subprocess.run(
        ["bash", checkout / "bin" / "submit.sh", "--help"],
        env={"HOME": str(tmp_path), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    assert "no Python 3.11 or newer" in json.loads(done.stderr)["msg"]


def test_output_into_a_closed_pipe_is_no_error(checkout: Path) -> None:
    command = f"'{checkout}/bin/submit.sh' pipeline --help | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

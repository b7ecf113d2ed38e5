"""Each line of the crontab, as cron would run it."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.lake import ROOT
from tests.schedulers.jobs import calls, stub

CRONTAB = ROOT / "schedulers" / "crontab"
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
HOME = "/srv/smart-trader"
SUBMIT = f"{HOME}/bin/submit.sh"
RETRIED = [f"{HOME}/schedulers/run-job.sh", HOME, "-"]
"""What comes before a job that is tried again."""


def lines() -> list[str]:
    return [line for line in CRONTAB.read_text().splitlines() if line and not line.startswith("#")]


def variables() -> dict[str, str]:
    pairs = [re.fullmatch(r"([A-Z_]+)=(.*)", line) for line in lines()]
    return {pair[1]: pair[2] for pair in pairs if pair}


def entries() -> list[tuple[str, str]]:
    """Times and command of each line that runs something."""
    timed = [re.fullmatch(r"((?:\S+ +){5})(.+)", line) for line in lines() if not re.match(r"[A-Z_]+=", line)]
    assert all(timed)
    return [(" ".join(entry[1].split()), entry[2]) for entry in timed if entry]


def arguments(command: str, folder: Path = Path("/")) -> list[str]:
    """What the job of `command` is given, its name first; `folder` is where /srv is."""
    words = shlex.split(command.partition(">>")[0])
    if words[: len(RETRIED)] == RETRIED:
        job, *options = words[len(RETRIED) :]
        words = [SUBMIT, job, "--wait-lock", "600", *options]
    assert words[0] == SUBMIT
    return [word.replace("/srv/", f"{folder / 'srv'}/") for word in words[1:]]


ENTRIES = {arguments(command)[0]: (times, command) for times, command in entries()}
each_entry = pytest.mark.parametrize("job", ENTRIES)


def test_what_runs_when_and_in_which_zone() -> None:
    assert {job: times for job, (times, _) in ENTRIES.items()} == {
        "pipeline": "0 9,21 * * *",
        "status": "0 11,23 * * *",
        "disk_space": "15 */6 * * *",
        "maintain": "30 3 * * 0",
    }
    assert variables()["CRON_TZ"] == "UTC"


@each_entry
def test_a_line_is_one_that_cron_understands(job: str) -> None:
    times, command = ENTRIES[job]
    assert CRONTAB.read_text().endswith("\n")
    assert "%" not in command
    for field, (first, last) in zip(times.split(), RANGES, strict=True):
        numbers = re.fullmatch(r"(\d+(?:,\d+)*)|\*(?:/(\d+))?", field)
        assert numbers, field
        assert all(first <= int(number) <= last for number in (numbers[1] or numbers[2] or str(first)).split(","))


@each_entry
@pytest.mark.parametrize(("first", "second"), [(0, 0), (65, 0), (69, 0), (75, 75)])
def test_a_line_works_with_nothing_in_the_environment(job: str, first: int, second: int, tmp_path: Path) -> None:
    home = stub(tmp_path / "srv" / "smart-trader")
    (home / "schedulers").symlink_to(ROOT / "schedulers")
    (tmp_path / "srv" / "log").mkdir()
    (home / f"ends.{job}").write_text(f"{first}\n{second}\n")
    attempts = 2 if first in (69, 75) and RETRIED[0] in ENTRIES[job][1] else 1
    status = second if attempts == 2 else first
    command = ENTRIES[job][1].replace("/srv/", f"{tmp_path}/srv/")
    given = {name: value for name, value in variables().items() if name != "SHELL"}
    given |= {"HOME": str(tmp_path), "RETRY_SECONDS": "0.1"}

    done = subprocess.run(
        [variables()["SHELL"], "-c", command], env=given, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert done.stdout == ("" if status == 0 else f"{job} ended with {status}, see {tmp_path}/srv/log/{job}.log\n")
    assert done.stderr == ""
    assert [call.split() for call in calls(home)] == attempts * [arguments(ENTRIES[job][1], tmp_path)]
    assert (tmp_path / "srv" / "log" / f"{job}.log").read_text().count("a message\n") == attempts


@each_entry
def test_the_real_command_takes_what_a_line_gives_it(job: str, tmp_path: Path) -> None:
    given = {"HOME": str(tmp_path), "PATH": variables()["PATH"]}
    (tmp_path / "srv").mkdir()
    command = [ROOT / "bin" / "submit.sh", *arguments(ENTRIES[job][1], tmp_path), "--help"]
    done = subprocess.run(command, env=given, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: bin/submit.sh {job}")


def test_the_variables_are_settings_or_crons_own() -> None:
    known = {"CRON_TZ", "MAILTO", "SHELL", "PATH"}
    ours = [name for name in variables() if name not in known]
    assert ours == ["SMART_TRADER_WAREHOUSE__ROOT"]

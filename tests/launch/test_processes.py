"""How a run ends: real processes, a real job."""

import contextlib
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smart_trader.domain import catalog
from smart_trader.io.lock.file import hold

HOME = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working folder with a name that shells, Java and locales have trouble with."""
    folder = tmp_path / 'jürgen\'s 100%20 "$HOME"'
    (folder / "scratch").mkdir(parents=True)
    return folder


def start(place: Path, job_name: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """A job as cron or ssh starts it: nearly no environment, and none that knows what an umlaut is."""
    return subprocess.Popen(
        [HOME / "bin" / "submit.sh", job_name, "--set", f"warehouse.scratch={place}/scratch", *arguments],
        cwd=place,
        env={"HOME": str(place), "PATH": "/usr/bin:/bin", "LC_ALL": "C", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def driver_of(place: Path) -> int:
    """The process id of the driver, once it has said so."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for file in place.glob("scratch/*/driver.pid"):
            return int(file.read_text())
        time.sleep(0.05)
    raise AssertionError("no driver came up")


def processes_of(place: Path) -> list[str]:
    """Command lines of what still runs for `place`: every JVM and driver is told the scratch folder or a file in it."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_bytes().decode(errors="replace"))
    return [line for line in found if f"{place}/scratch" in line]


def is_gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.spark
def test_a_job_in_a_bare_environment_with_a_second_one_at_its_heels(place: Path) -> None:
    first = start(place, "init", "--json")
    driver_of(place)
    second = start(place, "init")
    refused, said = second.communicate()
    assert (second.returncode, refused) == (75, "")
    told = json.loads(said)
    assert told["level"] == "ERROR" and f"pid {first.pid}" in told["msg"]
    assert f"Another run works on {place}/lakehouse: job init, run " in told["msg"]
    output, messages = first.communicate()
    assert first.returncode == 0, messages
    assert json.loads(output)["outcome"] == "ok"  # nothing but data on standard output
    *_, last = (json.loads(line) for line in messages.splitlines())  # and nothing but JSON lines beside it
    assert (last["event"], last["context"]["outcome"]) == ("summary", "ok")
    for chatter in ("incubator", "Ivy", "hostname", "log4j", "WARN"):
        assert chatter not in messages
    assert list((place / "scratch").iterdir()) == []
    assert processes_of(place) == []
    assert {path.name for path in place.iterdir()} == {"scratch", "lakehouse", "logs"}
    assert list(place.parent.iterdir()) == [place]  # and none of what a locale makes of its name
    [file] = (place / "logs").iterdir()  # of the JVM there is none: it had nothing to warn of
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    run_id = json.loads(output)["run_id"]
    assert file.name == f"smart-trader-{run_id}.jsonl"
    assert {line["context"]["run_id"] for line in lines} == {run_id}
    assert (lines[-1]["msg"], lines[-1]["context"]["outcome"]) == ("run ended", "ok")


@pytest.mark.spark
@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_anything_happened_ends_the_run_at_once(place: Path, name: signal.Signals) -> None:
    launcher = start(place, "init")
    assert eventually(lambda: any((place / "scratch").glob("*/smart_trader.zip")))
    time.sleep(0.5)
    launcher.send_signal(name)
    _, messages = launcher.communicate(timeout=10)
    assert launcher.returncode == 75, messages
    assert "Traceback" not in messages
    assert list((place / "scratch").iterdir()) == []
    assert processes_of(place) == []


@pytest.mark.spark
def test_a_signal_reaches_the_driver_and_the_run_ends_in_good_order(place: Path) -> None:
    launcher = start(place, "init")
    driver = driver_of(place)
    launcher.terminate()
    _, messages = launcher.communicate(timeout=40)
    assert launcher.returncode == 75, messages
    assert is_gone(driver)
    assert list((place / "scratch").iterdir()) == []
    assert processes_of(place) == []


@pytest.mark.spark
def test_nothing_outlives_a_killed_launcher(place: Path) -> None:
    launcher = start(place, "init")
    driver = driver_of(place)
    launcher.kill()
    launcher.communicate()
    assert eventually(lambda: is_gone(driver))
    with hold(str(place / "lakehouse"), {}, wait_seconds=30):
        pass
    assert eventually(lambda: processes_of(place) == [])


@pytest.mark.long
@pytest.mark.spark
def test_a_run_without_tuning_makes_the_same_tables(place: Path) -> None:
    run = start(place, "init", "--set", "spark.tuning=false")
    driver_of(place)
    java = [line for line in processes_of(place) if "org.apache.spark.deploy.SparkSubmit" in line]
    _, messages = run.communicate()
    assert run.returncode == 0, messages
    assert java
    for line in java:
        assert set(re.findall(r"-XX:[\w+=-]+", line)) == {"-XX:-UsePerfData", "-XX:+IgnoreUnrecognizedVMOptions"}
        assert "-Xms" not in line
    assert len(list(place.glob("lakehouse/*/*/_delta_log/*0.json"))) == len(catalog.TABLES)


@pytest.mark.spark
def test_tables_are_in_the_folder_that_is_named_in_a_locale_that_is_not_there(place: Path, tmp_path: Path) -> None:
    """As ssh hands one on. Java would spell the folder j?rgen."""
    root = tmp_path / "lake of jürgen, [1] {a,b}: #x? *"
    run = start(place, "init", "--set", f"warehouse.root={root}", LC_ALL="xx_XX.UTF-8")
    _, messages = run.communicate()
    assert run.returncode == 0, messages
    assert len(list(root.glob("*/*/_delta_log/*0.json"))) == len(catalog.TABLES)
    assert {path.name for path in tmp_path.iterdir()} == {place.name, root.name, "logs"}
    assert list((place / "scratch").iterdir()) == []

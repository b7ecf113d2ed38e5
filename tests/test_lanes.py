"""Which tests run, and where: what has lanes of its own runs only if all are named, `-m "not spark"` starts no JVM, and
workers share what is made once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHOSEN = {
    "": {"session", "process", "quick", "greedy"},
    "not spark": {"quick", "greedy"},
    "spark": {"session", "process"},
    "long": {"long", "long_session"},
    "long and not spark": {"long"},
    "airflow": {"airflow"},
    "browser": {"browser"},
    "store": {"store"},
    "store and long": {"store_long"},
    "yarn": {"yarn"},
}
"""By what is given with -m."""
TESTS = """
import subprocess
import sys

import pytest


@pytest.mark.airflow
def test_airflow():
    pass


@pytest.mark.browser
def test_browser():
    pass


@pytest.mark.long
def test_long():
    pass


@pytest.mark.long
def test_long_session(spark):
    pass


@pytest.mark.store
def test_store():
    pass


@pytest.mark.store
@pytest.mark.long
def test_store_long():
    pass


@pytest.mark.yarn
def test_yarn():
    pass


def test_session(spark):
    pass


@pytest.mark.spark
def test_process():
    pass


def test_quick():
    pass


def test_greedy(monkeypatch):
    monkeypatch.setattr(sys.modules["tests.conftest"], "UNMARKED_SECONDS", 0)
    subprocess.run([sys.executable, "-c", "sum(range(1_000_000))"], check=True)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project's way to choose tests, and one test of each kind."""
    return made(tmp_path_factory.mktemp("project"), each=TESTS)


def made(folder: Path, **files: str) -> Path:
    (folder / "tests").mkdir()
    (folder / "tests" / "__init__.py").touch()
    for name in ("pyproject.toml", "tests/conftest.py"):
        (folder / name).write_text((ROOT / name).read_text("utf-8"), encoding="utf-8")
    for name, text in files.items():
        (folder / "tests" / f"test_{name}.py").write_text(text, encoding="utf-8")
    return folder


PROGRAM = """
import sys

import pytest

for arguments in sys.argv[1:]:
    print("=", arguments)
    pytest.main(["-q", "-p", "no:cacheprovider", *arguments.split("|")])
"""


@pytest.fixture(scope="module")
def said(project: Path) -> dict[str, str]:
    """What pytest says, by the arguments that it is given."""
    calls = [
        "--collect-only",
        *(f"--collect-only|-m|{lane}" for lane in CHOSEN if lane),
        "-k|greedy or quick or process",
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *calls],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(part.split("\n", 1) for part in ("\n" + done.stdout).split("\n= ")[1:])


@pytest.mark.parametrize("lane", CHOSEN)
def test_a_lane_has_to_be_named(said: dict[str, str], lane: str) -> None:
    lines = said[f"--collect-only|-m|{lane}" if lane else "--collect-only"].splitlines()
    assert {line.partition("::test_")[2] for line in lines if "::" in line} == CHOSEN[lane]


def test_a_jvm_that_is_not_marked_is_noticed(said: dict[str, str]) -> None:
    run = said["-k|greedy or quick or process"]
    assert "mark it as spark" in run
    assert "1 failed, 2 passed" in run


SHARED = """
import os
import time


def test_it(made_once):
    def fill(folder):
        time.sleep(2)
        (folder / "made").write_text(str(os.getpid()))

    place = made_once("thing", fill)
    assert [file.name for file in place.iterdir()] == ["made"]
    (place.parent / f"seen-{os.getpid()}").touch()
"""


def test_what_two_workers_ask_for_at_the_same_time_is_made_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--basetemp", tmp_path / "shared"],
        cwd=made(tmp_path, one=SHARED, other=SHARED),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout
    assert len(list((tmp_path / "shared").glob("seen-*"))) == 2, "each worker had a test"

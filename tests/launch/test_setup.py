"""Set-up: what it takes for finished, what it installs, and how it says what is wrong."""

import hashlib
import re
import sys
from pathlib import Path

import pytest

from smart_trader.errors import ConfigurationError, SourceUnavailable, StorageError
from smart_trader.launch import jars, java, setup, shell

HOME = Path(__file__).parents[2]


def test_every_locked_package_has_its_hashes_and_names_no_index() -> None:
    lock = (HOME / "requirements.lock").read_text()
    assert "http" not in lock and "--index" not in lock and "--find-links" not in lock
    for entry in re.split(r"^(?=\w)", lock, flags=re.MULTILINE)[1:]:
        assert re.search(r"^\S+==\S+.*\\\n +--hash=sha256:[0-9a-f]{64}", entry), entry


def test_what_is_asked_for_is_what_is_locked() -> None:
    asked = re.findall(r"^[\w.-]+==\S+", (HOME / "requirements.in").read_text(), re.MULTILINE)
    locked = set(re.findall(r"^[\w.-]+==\S+", (HOME / "requirements.lock").read_text(), re.MULTILINE))
    assert set(asked) <= locked


def test_an_entry_of_the_lock_is_taken_with_its_hashes() -> None:
    lock = "a==1 \\\n    --hash=sha256:aa\nsetuptools==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\nz==3\n"
    entry = "setuptools==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    assert setup.locked_entry(lock, "setuptools") == entry
    with pytest.raises(ConfigurationError):
        setup.locked_entry(lock, "wheel")


def test_jars_fit_the_python_packages() -> None:
    requirements = (HOME / "requirements.in").read_text()
    delta = re.search(r"^delta-spark==(\S+)", requirements, re.MULTILINE)
    spark = re.search(r"^pyspark==(\d+\.\d+)", requirements, re.MULTILINE)
    assert delta and spark
    coordinates = [jar.coordinate for jar in jars.locked(HOME, ("delta",))]
    assert f"io.delta:delta-spark_{spark[1]}_2.13:{delta[1]}" in coordinates
    assert len(coordinates) == 7


def test_each_group_has_jars_and_says_what_it_leaves_out() -> None:
    for group in ("delta", "s3"):
        locked = jars.locked(HOME, (group,))
        assert locked and all(re.fullmatch("[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in locked)
        assert [line for line in jars._lines(HOME, 3) if line[:2] == [group, "exclude"]]


def test_a_jar_is_named_as_ivy_names_it() -> None:
    assert jars.file_name("io.delta:delta-spark_4.1_2.13:4.4.0") == "io.delta_delta-spark_4.1_2.13-4.4.0.jar"


def test_a_truncated_jar_is_not_there_and_a_changed_one_is_not_genuine(tmp_path: Path) -> None:
    path = tmp_path / "a.jar"
    jar = jars.Jar("delta", "g:a:1", 5, hashlib.sha256(b"right").hexdigest(), path)
    assert not jar.is_there()
    path.write_bytes(b"rig")
    assert not jar.is_there()
    path.write_bytes(b"wrong")
    assert jar.is_there() and not jar.is_genuine()
    path.write_bytes(b"right")
    assert jar.is_there() and jar.is_genuine()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A checkout whose `.venv` looks finished."""
    (tmp_path / "requirements.lock").write_text("a==1\n")
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n")
    (venv / setup._STAMP).write_text(setup._fingerprint(tmp_path, venv))
    return tmp_path


def is_current(home: Path) -> bool:
    return setup._is_current(home, home / ".venv")


def test_a_finished_environment_is_left_alone(installed: Path) -> None:
    assert is_current(installed)


def test_a_new_lock_file_is_installed(installed: Path) -> None:
    (installed / "requirements.lock").write_text("a==2\n")
    assert not is_current(installed)


def test_an_unfinished_environment_is_made_again(installed: Path) -> None:
    (installed / ".venv" / setup._STAMP).unlink()
    assert not is_current(installed)


def test_an_environment_without_its_interpreter_is_made_again(installed: Path) -> None:
    (installed / ".venv" / "bin" / "python").unlink()
    (installed / ".venv" / "bin" / "python").symlink_to("/nonexistent/python3")
    assert not is_current(installed)


def test_an_environment_whose_interpreter_was_upgraded_is_made_again(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(installed / ".venv"))
    monkeypatch.setattr("platform.python_version", lambda: "3.11.7")
    assert is_current(installed)
    monkeypatch.setattr("platform.python_version", lambda: "3.12.1")
    assert not is_current(installed)


def test_a_moved_checkout_is_set_up_again(installed: Path, tmp_path: Path) -> None:
    moved = installed.rename(tmp_path.with_name(tmp_path.name + "-moved"))
    assert not is_current(moved)


def test_scripts_name_the_place_where_they_end_up(tmp_path: Path) -> None:
    new, final = tmp_path / "new", tmp_path / "final"
    (new / "bin").mkdir(parents=True)
    (new / "bin" / "pytest").write_text(f"#!{new}/bin/python\nprint()\n")
    (new / "bin" / "ruff").write_bytes(b"\x7fELF\x00\xff")
    (new / "bin" / "python").symlink_to("/usr/bin/python3")
    setup._rename_in_scripts(new, final)
    assert (new / "bin" / "pytest").read_text() == f"#!{final}/bin/python\nprint()\n"
    assert (new / "bin" / "ruff").read_bytes() == b"\x7fELF\x00\xff"


def java_home(folder: Path, release: str | None, says: str = "") -> Path:
    """A folder that looks like an installed Java."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    (folder / "bin" / "java").chmod(0o755)
    if release is not None:
        (folder / "release").write_text(release)
    return folder


@pytest.mark.parametrize(
    ("release", "says", "version"),
    [
        ('IMPLEMENTOR="X"\nJAVA_VERSION="17.0.15"\n', "", 17),
        ('JAVA_VERSION="21"\n', "", 21),
        ('JAVA_VERSION="1.8.0_402"\n', "", 1),
        (None, 'openjdk version "21.0.2" 2024-01-16', 21),
        (None, "no java here", None),
    ],
)
def test_a_java_says_its_version(tmp_path: Path, release: str | None, says: str, version: int | None) -> None:
    assert java.version(java_home(tmp_path / "jdk", release, says)) == version


def test_a_java_that_says_nothing_readable_or_cannot_be_started_is_passed_over(tmp_path: Path) -> None:
    home = java_home(tmp_path / "jdk", "")
    (home / "release").write_bytes(b'IMPLEMENTOR="\xff\xfe"\nJAVA_VERSION="17.0.1"\n')
    assert java.version(home) == 17
    (home / "release").unlink()
    (home / "bin" / "java").write_text("#!/bin/sh\nprintf '\\377 version \"21\"' >&2\n")
    assert java.version(home) == 21
    for cannot_start in (b"\x7fELF of another processor", b"#!/nowhere/sh\n"):
        (home / "bin" / "java").write_bytes(cannot_start)
        assert java.version(home) is None


def test_an_unsuitable_java_home_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_home(tmp_path / "jdk25", 'JAVA_VERSION="25"\n')))
    good = java_home(tmp_path / "jdk 21", 'JAVA_VERSION="21.0.1"\n')
    monkeypatch.setenv("PATH", str(good / "bin"))
    assert java.find() == good


def test_a_suitable_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = java_home(tmp_path / "jdk17", 'JAVA_VERSION="17.0.1"\n')
    monkeypatch.setenv("JAVA_HOME", str(good))
    assert java.find() == good


def test_where_java_cannot_be_installed_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "find", lambda: None)
    monkeypatch.setattr(shell, "is_apt_ours", lambda: False)
    with pytest.raises(ConfigurationError, match="Java 17 or 21 was not found") as missing:
        java.find_or_install()
    assert missing.value.exit_status == 78
    assert "\n" not in str(missing.value)


@pytest.mark.parametrize(
    ("output", "error", "says"),
    [
        ("OSError: [Errno 28] No space left on device", StorageError, "disk is full"),
        ("java.io.IOException: No space left on device", StorageError, "disk is full"),
        ("NewConnectionError(...): Temporary failure in name resolution", SourceUnavailable, "no registry answers"),
        ("::  UNRESOLVED DEPENDENCIES  ::", SourceUnavailable, "no registry answers"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", SourceUnavailable, "DO NOT MATCH THE HASHES"),
    ],
)
def test_a_failed_command_becomes_a_line_that_helps(output: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        shell.run("fetching", [sys.executable, "-c", f"print({output!r}); raise SystemExit(1)"])


def test_a_command_that_works_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    shell.run("fetching", [sys.executable, "-c", "print('chatter')"])
    assert capfd.readouterr() == ("", "")


def test_classes_are_archived_anew_for_another_java_or_other_jars(installed: Path, tmp_path: Path) -> None:
    def archive(java: Path) -> Path:
        return setup.Installation(installed / ".venv", java, []).class_archive

    (installed / "conf").mkdir()
    (installed / "conf" / "jars.lock").write_text("delta g:a:1 5 00\n")
    java_17 = java_home(tmp_path / "17", 'JAVA_VERSION="17.0.1"\n')
    first = archive(java_17)
    assert first == archive(java_17)
    assert first.parent == installed / "build"
    (java_17 / "release").write_text('JAVA_VERSION="17.0.2"\n')
    second = archive(java_17)
    (installed / "conf" / "jars.lock").write_text("delta g:a:2 5 00\n")
    assert len({first, second, archive(java_17)}) == 3

"""The zip of --py-files: always the same, complete, and usable by a bare interpreter."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from smart_trader.launch import archive

HOME = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive.build(HOME, tmp_path_factory.mktemp("zip") / "smart_trader.zip")


def test_the_same_files_give_the_same_bytes(package: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    for path in sorted((HOME / "smart_trader").rglob("*"), reverse=True):
        if path.suffix in (".py", ".json", ".css"):
            target = copy / path.relative_to(HOME)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
            target.chmod(0o600)
    assert archive.build(copy, tmp_path / "again.zip").read_bytes() == package.read_bytes()


def test_it_holds_the_package_and_nothing_else(package: Path) -> None:
    names = zipfile.ZipFile(package).namelist()
    assert all(name.startswith("smart_trader/") and name.endswith((".py", ".json", ".css")) for name in names)
    assert "smart_trader/domain/silver/labels.json" in names
    assert "smart_trader/report/report.css" in names
    sources = {path.relative_to(HOME).as_posix() for path in (HOME / "smart_trader").rglob("*.py")}
    assert sources <= set(names)


def test_a_bare_interpreter_imports_the_kernel_from_it(package: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(package)!r}); import smart_trader.domain.kernel.fifo as m; print(m)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert str(package) in done.stdout


def test_the_command_line_works_from_it(package: Path) -> None:
    """As the driver runs it."""
    program = f"import sys; sys.path.insert(0, {str(package)!r}); from smart_trader import cli; print(cli.overview())"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert "gold_traders" in done.stdout

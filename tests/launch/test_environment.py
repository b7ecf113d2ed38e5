"""The archive for machines of a cluster: complete, checked, always the same, and usable where only Python is."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from smart_trader.job_table import JOBS
from smart_trader.launch import archive, environment, submit

HOME = Path(__file__).parents[2]


def test_it_holds_what_the_program_asks_for_and_what_that_needs() -> None:
    asked = environment.roots((HOME / "requirements.in").read_text(encoding="utf-8"))
    assert {"pyspark", "pyarrow", "pydantic-settings", "requests", "structlog"} <= set(asked)
    assert not {"pytest", "mypy", "setuptools"} & set(asked)
    found = environment.with_needs(asked)
    assert {"pydantic-core", "urllib3", "numpy", "delta-spark"} <= found
    assert not {"pyspark", "py4j", "hypothesis", "pytest"} & found


def test_a_package_that_only_another_system_needs_is_left_out() -> None:
    assert environment.with_needs(["structlog", "no-such-package"]) >= {"structlog"}
    assert "no-such-package" not in environment.with_needs(["no-such-package"])


@pytest.mark.parametrize("arguments", [(), ("environment.zip",), ("a.tar.gz", "b.tar.gz")], ids=["none", "zip", "two"])
def test_a_mistake_is_told(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([HOME / "bin" / "build-env", *arguments], capture_output=True, text=True)
    assert done.returncode == 64
    assert "usage: bin/build-env FILE.tar.gz" in done.stderr


@pytest.mark.long
def test_a_bare_python_runs_the_jobs_of_the_driver_with_it(tmp_path: Path) -> None:
    made = tmp_path / "environment.tar.gz"
    subprocess.run([HOME / "bin" / "build-env", made], check=True, cwd="/")
    assert [path.name for path in tmp_path.iterdir()] == [made.name]
    with tarfile.open(made) as packed:
        assert {member.mtime for member in packed} == {0}
        packed.extractall(tmp_path / environment.NAME, filter="tar")
    package = archive.build(HOME, tmp_path / "smart_trader.zip")
    spark = submit.spark_home() / "python" / "lib"
    path = [*map(str, spark.glob("*.zip")), str(package)]
    environ = {"PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin", "PYTHONPATH": ":".join(path)}
    program = (
        f"import {', '.join(f'smart_trader.jobs.{job}' for job in JOBS)}, pyspark, numpy, sys;"
        "print(pyspark.__file__, numpy.__file__, smart_trader.__file__, sys.prefix)"
    )
    command = [environment.PYTHON, "-c", program]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    of_spark, numpy, ours, prefix = done.stdout.split()
    assert of_spark.startswith(str(spark)) and ours.startswith(str(package))
    assert numpy.startswith(f"{tmp_path}/{environment.NAME}/lib/numpy")
    assert prefix == sys.base_prefix

"""What a driver on a cluster is given: the settings of here, and a Python."""

import sys
import zipfile
from pathlib import Path

import pytest

from smart_trader.config.model import Settings
from smart_trader.config.settings import load, secret_values
from smart_trader.errors import ConfigurationError
from smart_trader.launch import on_cluster, submit
from smart_trader.launch.submit import Submission
from tests.launch.test_submit import HOME, described

ENVIRONMENT = "hdfs://host/environment.tar.gz"


def settings(**changes: str) -> Settings:
    given = {"warehouse.root": "hdfs://host/lake"} | {f"spark.{name}": value for name, value in changes.items()}
    return load("cluster", environ={}, overrides=list(given.items()), home=HOME)


@pytest.mark.parametrize("key", ["plain", "it's", "a\\b", 'a"b', "a # b", "$HOME", " x"])
def test_the_settings_of_here_are_those_of_the_driver(tmp_path: Path, key: str) -> None:
    home = tmp_path / "here"
    (home / "conf").mkdir(parents=True)
    for file in (HOME / "conf").glob("*.toml"):
        (home / "conf" / file.name).write_bytes(file.read_bytes())
    (home / ".env").write_text("SMART_TRADER_TOKENS__PER_RUN=7\nSMART_TRADER_HELIUS__API_KEY=of-the-file\n")
    environ = {
        "SMART_TRADER_BIRDEYE__API_KEY": "of the environment",
        "SMART_TRADER_HELIUS__API_KEY": key,
        "SMART_TRADER_RUN_ID": "no-setting",
        "PATH": "/bin",
    }
    packed = on_cluster.settings_archive(home, environ, tmp_path / "settings.zip")
    assert packed.stat().st_mode & 0o777 == 0o600
    zipfile.ZipFile(packed).extractall(tmp_path / "there")
    there = load("local", environ={}, home=tmp_path / "there")
    assert there.model_dump() == load("local", environ=environ, home=home).model_dump()
    assert there.tokens.per_run == 7
    assert sorted(secret_values(there)) == sorted([key.strip(), "of the environment"])


def test_a_driver_on_yarn_is_started_once_with_settings_and_python() -> None:
    run = described(settings=settings(deploy_mode="cluster", environment=ENVIRONMENT))
    line = submit.command_line(run)
    assert line[1:5] == ["--master", "yarn", "--deploy-mode", "cluster"]
    assert f"spark.archives={ENVIRONMENT}#environment,/tmp/smart-trader-x/settings.zip#home" in line
    assert "spark.yarn.maxAppAttempts=1" in line
    assert "spark.yarn.appMasterEnv.SMART_TRADER_HOME=home" in line
    assert "--driver-java-options" not in line
    assert not any("warehouse.dir" in part for part in line)
    given = submit.environment(run, {"PYSPARK_PYTHON": "/opt/python"})
    assert given["PYSPARK_PYTHON"] == "./environment/bin/python"
    assert "PYSPARK_DRIVER_PYTHON" not in given


def test_what_hands_a_driver_to_the_cluster_logs_as_a_driver_here() -> None:
    """Else each line of Spark's own log becomes a warning."""
    there = described(settings=settings(deploy_mode="cluster"))
    logging = f'"-Dlog4j2.configurationFile={there.home}/conf/log4j2.properties"'
    assert submit.environment(there, {"SPARK_SUBMIT_OPTS": "-Da=b"})["SPARK_SUBMIT_OPTS"] == f"-Da=b {logging}"
    assert "SPARK_SUBMIT_OPTS" not in submit.environment(described(settings=settings()), {})


def test_a_driver_here_keeps_its_python_and_executors_may_have_that_of_the_archive() -> None:
    run = described(settings=settings(environment=ENVIRONMENT))
    line = submit.command_line(run)
    assert f"spark.archives={ENVIRONMENT}#environment" in line
    assert not any(part.startswith("spark.yarn") for part in line)
    given = submit.environment(run, {})
    assert (given["PYSPARK_PYTHON"], given["PYSPARK_DRIVER_PYTHON"]) == ("./environment/bin/python", sys.executable)


@pytest.mark.parametrize("master", ["local[*]", "spark://host:7077", "k8s://https://host"])
def test_only_yarn_takes_the_driver(master: str) -> None:
    with pytest.raises(ConfigurationError, match="deploy_mode cluster needs master yarn"):
        settings(master=master, deploy_mode="cluster")


def test_a_failure_on_the_cluster_is_1_as_yarn_reports_it(capsys: pytest.CaptureFixture[str]) -> None:
    run = described(settings=settings(deploy_mode="cluster"))
    assert Submission(run, ())._judge(1) == 1
    assert "its status is in ops.runs" in capsys.readouterr().err

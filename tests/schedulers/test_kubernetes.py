"""What a container of the image does, with a stand-in for bin/submit.sh, and one for Java. No image is built here."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.lake import ROOT
from tests.schedulers.jobs import calls, stub

KUBERNETES = ROOT / "schedulers" / "kubernetes"
GIVEN = {
    "SPARK_DRIVER_URL": "spark://driver:7078",
    "SPARK_EXECUTOR_ID": "3",
    "SPARK_EXECUTOR_CORES": "2",
    "SPARK_EXECUTOR_MEMORY": "4g",
    "SPARK_APPLICATION_ID": "app-1",
    "SPARK_CONF_DIR": "/opt/spark/conf",
    "SPARK_RESOURCE_PROFILE_ID": "0",
    "SPARK_EXECUTOR_POD_IP": "10.0.0.3",
    "SPARK_EXECUTOR_POD_NAME": "pod-3",
    "SPARK_JAVA_OPT_0": "-Dspark.driver.port=7078",
    "SPARK_JAVA_OPT_1": "-Dtext=two words",
}
"""What Spark tells the container of an executor."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = stub(tmp_path / "smart trader")
    (home / ".venv" / "lib" / "python3.11" / "site-packages" / "pyspark").mkdir(parents=True)
    (home / "java").write_text('#!/bin/sh\nprintf "%s\\n" "$SPARK_HOME" "$@"\nexit 7\n')
    (home / "java").chmod(0o755)
    return home


def enter(home: Path, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": f"{home}:{os.defpath}", "SMART_TRADER_HOME": str(home), **given}
    command = [KUBERNETES / "entrypoint.sh", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_a_job_is_a_call_of_submit_and_its_status_that_of_the_container(home: Path) -> None:
    (home / "ends.pipeline").write_text("75\n")
    assert enter(home, "pipeline", "--profile", "cluster").returncode == 75
    assert calls(home) == ["pipeline --profile cluster"]


def test_an_executor_is_java_with_what_spark_says(home: Path) -> None:
    done = enter(home, "executor", **GIVEN)
    spark = f"{home}/.venv/lib/python3.11/site-packages/pyspark"
    assert done.returncode == 7
    assert done.stdout.splitlines() == [
        spark,
        *("-Dspark.driver.port=7078", "-Dtext=two words", "-Xms4g", "-Xmx4g", "-cp"),
        f"/opt/spark/conf:{spark}/jars/*",
        "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend",
        *("--driver-url", "spark://driver:7078", "--executor-id", "3", "--cores", "2", "--app-id", "app-1"),
        *("--hostname", "10.0.0.3", "--resourceProfileId", "0", "--podName", "pod-3"),
    ]


def test_the_base_is_pinned_and_the_user_is_not_root() -> None:
    lines = (KUBERNETES / "Dockerfile").read_text().splitlines()
    bases = [line for line in lines if line.startswith("FROM")]
    assert len(bases) == 1 and re.fullmatch(r"FROM python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", bases[0])
    users = [line for line in lines if line.startswith("USER")]
    assert users and users[-1].split()[1] not in ("0", "root")


def test_what_the_image_copies_is_sent_to_the_builder() -> None:
    copied = re.findall(r"^COPY (?:--\S+ )?(\S+)", (KUBERNETES / "Dockerfile").read_text(), re.MULTILINE)
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / path).exists() and any(path.startswith(begin) for begin in sent) for path in copied)

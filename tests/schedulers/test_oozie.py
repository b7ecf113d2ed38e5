"""The Oozie files against the schemas of Oozie 5.2.1, in the validator that Oozie itself uses, and what they run.

The schemas beside this file are Oozie's own, unchanged, from the artifact org.apache.oozie:oozie-client:5.2.1 under the
Apache License 2.0.
"""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from smart_trader import cli
from smart_trader.pipeline import FETCHING
from tests.lake import ROOT
from tests.schedulers.jobs import HERE, PIPELINE, calls, stub

FOLDER = ROOT / "schedulers" / "oozie"
SCHEMAS = HERE / "oozie-5.2.1"
FILES = {
    "bundle.xml": ("oozie-bundle-0.2.xsd",),
    "coordinator.xml": ("oozie-coordinator-0.5.xsd",),
    "workflow.xml": ("oozie-workflow-1.0.xsd", "shell-action-1.0.xsd"),
    "maintenance.xml": ("oozie-workflow-1.0.xsd", "shell-action-1.0.xsd"),
}
RUN_ID = "0000012-260105085500123-oozie-oozi-W"
FUNCTIONS = {"coord:nominalTime", "wf:id", "wf:run", "wf:lastErrorNode", "wf:errorMessage"}


def validate(spark: SparkSession, file: Path, schemas: tuple[str, ...]) -> None:
    """Raises what Java raises for a file that is not valid."""
    jvm: Any = spark._jvm
    sources = spark.sparkContext._gateway.new_array(jvm.javax.xml.transform.Source, len(schemas))
    for nth, name in enumerate(schemas):
        sources[nth] = jvm.javax.xml.transform.stream.StreamSource(jvm.java.io.File(str(SCHEMAS / name)))
    factory = jvm.javax.xml.validation.SchemaFactory.newInstance("http://www.w3.org/2001/XMLSchema")
    validator = factory.newSchema(sources).newValidator()
    validator.validate(jvm.javax.xml.transform.stream.StreamSource(jvm.java.io.File(str(file))))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_valid(spark: SparkSession, name: str) -> None:
    validate(spark, FOLDER / name, FILES[name])


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("workflow.xml", "<exec>", "<execute>"),
        ("workflow.xml", "<ok to=", "<okay to="),
        ("workflow.xml", 'name="failed"', 'name="0failed"'),
        ("coordinator.xml", "<concurrency>", "<parallel>"),
        ("bundle.xml", "<app-path>", "<path>"),
    ],
)
def test_a_file_that_is_not_valid_is_told(
    spark: SparkSession, tmp_path: Path, name: str, right: str, wrong: str
) -> None:
    text = (FOLDER / name).read_text()
    assert right in text
    broken = tmp_path / name
    broken.write_text(text.replace(right, wrong).replace(right.replace("<", "</"), wrong.replace("<", "</")))
    with pytest.raises(Py4JJavaError, match="SAXParseException"):
        validate(spark, broken, FILES[name])


def tree(name: str) -> ElementTree.Element:
    """A file without its namespaces."""
    root = ElementTree.parse(FOLDER / name).getroot()
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def properties() -> dict[str, str]:
    text = (FOLDER / "job.properties").read_text()
    return dict(re.findall(r"^([\w.]+)=(.*)$", text, re.MULTILINE))


def test_every_name_has_a_value_and_every_function_exists() -> None:
    given = set(properties()) | {"asOf"}
    given |= {element.text or "" for element in tree("bundle.xml").iter("name")}
    texts = [(FOLDER / name).read_text() for name in (*FILES, "job.properties")]
    expressions = [part for text in texts for part in re.findall(r"\$\{([^}]*)\}", text)]
    functions = {name for part in expressions for name in re.findall(r"(\w+:\w+)\(", part)}
    names = {name for part in expressions for name in re.findall(r"^(\w+)(?:$| eq )", part)}
    assert functions == FUNCTIONS
    assert names <= given


def test_when_the_bundle_runs_what() -> None:
    found = {}
    for coordinator in tree("bundle.xml").iter("coordinator"):
        set_to = {p.findtext("name"): p.findtext("value") for p in coordinator.iter("property")}
        assert coordinator.get("name") == f"smart_trader_{set_to['job']}"
        found[set_to["job"]] = (set_to["frequency"], set_to["workflow"])
    assert found == {
        "pipeline": ("0 9,21 * * *", "workflow.xml"),
        "disk_space": ("15 */6 * * *", "maintenance.xml"),
        "maintain": ("30 3 * * SUN", "maintenance.xml"),
    }
    controls = tree("coordinator.xml").find("controls")
    assert controls is not None
    assert [(control.tag, control.text) for control in controls] == [("concurrency", "1"), ("execution", "LAST_ONLY")]


@pytest.mark.parametrize(
    ("webhook", "failing"),
    [("true", ""), ("false", ""), *(("true", job) for job in PIPELINE if job != "helius_webhooks")],
)
def test_the_workflow_runs_the_jobs_of_the_pipeline_in_their_order(webhook: str, failing: str) -> None:
    ran, end = walk(webhook, failing)
    assert end == ("failed" if failing else "done")
    expected = [job for job in PIPELINE if job != "helius_webhooks" or (webhook == "true" and not failing)]
    if failing and failing not in FETCHING:
        expected = expected[: expected.index(failing) + 1]
    assert ran == expected


def walk(webhook: str, failing: str) -> tuple[list[str], str]:
    """The actions that run if `failing` fails, and the node at which the workflow ends."""
    root = tree("workflow.xml")
    holds = {
        '${webhook eq "true" and empty wf:lastErrorNode()}': webhook == "true" and not failing,
        "${not empty wf:lastErrorNode()}": bool(failing),
    }
    nodes = {node.get("name"): node for node in root if node.get("name")}
    start = root.find("start")
    assert start is not None
    at, ran = start.get("to"), []
    while at not in ("done", "failed"):
        node = nodes[at]
        if node.tag == "decision":
            case = node.find("switch/case")
            assert case is not None
            choice = case if holds[case.text or ""] else node.find("switch/default")
            assert choice is not None
            at = choice.get("to")
            continue
        ok, error = node.find("ok"), node.find("error")
        assert ok is not None and error is not None
        ran.append(str(at))
        assert called(node)[2] == at
        at = (error if at == failing else ok).get("to")
    return ran, str(at)


def called(action: ElementTree.Element, **given: str) -> list[str]:
    """The arguments of an action's script, as Oozie would hand them over."""
    values = properties() | {"asOf": "2026-01-05T09:00Z", "job": "disk_space"}
    values |= {"wf:id()": RUN_ID, "wf:run()": "0"} | given
    return [
        re.sub(r"\$\{([^}]*)\}", lambda name: values[name[1]], argument.text or "")
        for argument in action.iter("argument")
    ]


@pytest.mark.parametrize("name", ["workflow.xml", "maintenance.xml"])
def test_the_jobs_take_what_they_are_given(name: str, tmp_path: Path) -> None:
    for action in tree(name).iter("action"):
        home, run_id, job, *options = called(action, report=f"{tmp_path}/report.html")
        assert (home, run_id) == (properties()["home"], f"{RUN_ID}.0")
        asked = cli.parse(job, [*options, "--run-id", f"{run_id}.2", "--wait-lock", "600"])
        assert asked.as_of is not None and asked.as_of.isoformat() == "2026-01-05T09:00:00+00:00"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return stub(tmp_path / "smart trader")


def start(home: Path, ends: str) -> "subprocess.Popen[str]":
    (home / "ends.maintain").write_text("".join(f"{status}\n" for status in ends.split()))
    command = [FOLDER.parent / "run-job.sh", home, "id-1", "maintain", "--as-of", "2026-01-05T09:00Z"]
    given = {"PATH": "/usr/bin:/bin", "RETRY_SECONDS": "0.1"}
    return subprocess.Popen(command, env=given, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("ends", "status", "attempts"),
    [("0", 0, 1), ("69 0", 0, 2), ("75 0", 0, 2), ("69 75 0", 75, 2), ("65 0", 65, 1), ("78 0", 78, 1), ("70", 70, 1)],
)
def test_a_retry_follows_what_may_pass_and_nothing_else(home: Path, ends: str, status: int, attempts: int) -> None:
    running = start(home, ends)
    _, said = running.communicate(timeout=20)
    assert running.returncode == status
    assert ("one more try" in said) == (attempts == 2)
    expected = "maintain --wait-lock 600 --as-of 2026-01-05T09:00Z --run-id id-1{}"
    assert calls(home) == [expected.format(""), expected.format(".2")][:attempts]


def test_a_job_that_is_told_to_stop_is_waited_for(home: Path) -> None:
    running = start(home, "stop 0")
    deadline = time.monotonic() + 20
    while not (home / "waiting").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGTERM)
    running.communicate(timeout=20)
    assert running.returncode == 75
    assert calls(home)[1:] == ["in good order"]

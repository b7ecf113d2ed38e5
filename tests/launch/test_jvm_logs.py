"""conf/log4j2.properties: what the JVM says goes to standard error and, with the run in every line, to a file."""

import json
from pathlib import Path

import pytest
from py4j.java_gateway import JavaGateway

from smart_trader.launch import submit

pytestmark = pytest.mark.spark
HOME = Path(__file__).parents[2]


@pytest.mark.parametrize("writable", [True, False])
def test_a_file_has_the_lines_as_json_whatever_a_terminal_shows(
    writable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ("smart-trader-r1.jvm.jsonl" if writable else "no/such/folder/smart-trader-r1.jvm.jsonl")
    if not writable:
        (tmp_path / "no").write_text("in the way")
    monkeypatch.setenv("SMART_TRADER_RUN_ID", "r1")
    monkeypatch.setenv("SMART_TRADER_LOG_FORMAT", "text")
    monkeypatch.setenv("SMART_TRADER_JVM_LOG_FILE", str(file))
    jars = submit.spark_home() / "jars"
    with (tmp_path / "stderr").open("w") as stderr:
        gateway = JavaGateway.launch_gateway(
            jarpath=str(next(jars.glob("py4j-*.jar"))),
            classpath=f"{jars}/*",
            javaopts=[f"-Dlog4j2.configurationFile={HOME}/conf/log4j2.properties", "-XX:TieredStopAtLevel=1"],
            redirect_stderr=stderr,
            die_on_exit=True,
        )
        log = gateway.jvm.org.slf4j.LoggerFactory.getLogger("org.example.Thing")
        log.info("not worth a warning")
        log.warn("something is slow")
        gateway.shutdown()
        gateway.java_process.stdin.close()
        gateway.java_process.wait()
    said = (tmp_path / "stderr").read_text()
    assert "WARN  Thing: something is slow" in said and "not worth" not in said
    if writable:
        [line] = [json.loads(text) for text in file.read_text().splitlines()]
        assert (line["level"], line["msg"], line["context"]) == ("WARN", "something is slow", {"run_id": "r1"})

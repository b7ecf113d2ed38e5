"""What a job that only reads prints: what it has found on standard output, how it went on standard error."""

import json

import pytest

from smart_trader.cli import Options
from smart_trader.pipeline import End
from smart_trader.run import logs, output
from smart_trader.run.app import Report

pytestmark = pytest.mark.usefixtures("logs_put_back")
ENDED = End()
FOUND = Report(document={"rows": 7})
IN_A_FILE = Report(document={"rows": 7}, path="/tmp/page.html")


def printed(
    capsys: pytest.CaptureFixture[str], report: Report, *, lines: bool, json_asked: bool = False, end: End = ENDED
) -> tuple[str, str]:
    logs.configure(run_id="r", job="status", json_lines=lines, secrets=["planted"])
    output.show_findings(report, end, Options(job="status", json=json_asked))
    shown = capsys.readouterr()
    return shown.out, shown.err


@pytest.fixture(params=["text", "json"])
def lines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("SMART_TRADER_LOG_FORMAT", request.param)
    return bool(request.param == "json")


def test_what_was_found_goes_to_standard_output(capsys: pytest.CaptureFixture[str], lines: bool) -> None:
    out, err = printed(capsys, FOUND, lines=lines)
    assert out == "rows  7\n"
    assert "rows" not in err


def test_with_json_it_is_a_document_wherever_it_is_written(capsys: pytest.CaptureFixture[str], lines: bool) -> None:
    for report in (FOUND, IN_A_FILE):
        out, _ = printed(capsys, report, lines=lines, json_asked=True)
        assert json.loads(out) == {"rows": 7}


def test_where_a_file_holds_it_the_path_is_the_output(capsys: pytest.CaptureFixture[str], lines: bool) -> None:
    out, err = printed(capsys, IN_A_FILE, lines=lines)
    assert out == "/tmp/page.html\n"
    assert '"document": {"rows": 7}' in err if lines else "rows  7" in err


def test_a_failure_and_warnings_are_shown_without_secrets(capsys: pytest.CaptureFixture[str], lines: bool) -> None:
    report = Report(warnings=["a planted warning"])
    out, err = printed(capsys, report, lines=lines, end=End(65, "it is planted"))
    assert out == ""
    assert "it is ***" in err and "a *** warning" in err
    if lines:
        (line,) = map(json.loads, err.splitlines())
        assert (line["event"], line["context"]["exit_code"]) == ("summary", 65)

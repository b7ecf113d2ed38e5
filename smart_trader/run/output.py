"""What a run prints at its end: data on standard output, what a person or a log wants to know on standard error."""

import json
import sys
from collections.abc import Iterable

import structlog

from smart_trader.cli import Options
from smart_trader.messages import are_json, tell
from smart_trader.pipeline import End
from smart_trader.run import logs
from smart_trader.run.app import Report
from smart_trader.run.prediction import Prediction, prediction_document
from smart_trader.run.prediction import render_text as prediction_text
from smart_trader.run.results import RunSummary
from smart_trader.run.summary import render_document, render_text, run_document

log = structlog.get_logger(__name__)

_SUMMARY = "summary"
"""The name of the line that tells how a run went."""


def show_run(run: RunSummary, prediction: Prediction | None, options: Options) -> None:
    """How a run that writes went, or what a dry run predicts: a page or a log line, and with --json a document."""
    document = prediction_document(prediction) if prediction else run_document(run)
    if are_json():
        log.info("run ended", event_name=_SUMMARY, **document)
    else:
        log.info("run ended", outcome=run.outcome, exit_code=run.exit_code)
        print(prediction_text(prediction) if prediction else render_text(run), file=sys.stderr)
    if options.json:
        print(json.dumps(document, indent=2))


def show_findings(report: Report, end: End, options: Options) -> None:
    """What a job that only reads has found, on standard output unless it is in a file; and how it went."""
    warnings, document = logs.without_secrets(report.warnings), logs.without_secrets(report.document)
    message = logs.redact(end.message)
    is_beside = report.path is not None and not options.json
    if document is not None and not is_beside:
        print(json.dumps(document, indent=2) if options.json else render_document(document))
    print_path(report, options)
    if are_json():
        found = {"document": document} if is_beside else {}
        log.info("run ended", event_name=_SUMMARY, exit_code=end.status, message=message, warnings=warnings, **found)
        return
    if document is not None and is_beside:
        print(render_document(document), file=sys.stderr)
    for warning in warnings:
        log.warning(warning)
    if message:
        tell(message, level="ERROR")


def print_lines(lines: Iterable[str]) -> None:
    """What a job that only reads has found, line by line as it finds it."""
    for line in lines:
        print(line)


def print_path(report: Report, options: Options) -> None:
    """The file that a job has written, if it has."""
    if report.path is not None and not options.json and not options.dry_run:
        print(report.path)

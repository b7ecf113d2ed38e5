"""Logs on standard error and in a file: text for a person at a terminal, else JSON lines in the layout of Spark's logs.

Every JSON line has the keys `ts`, `level`, `msg`, `context`, `logger` (and `exception`), with the run and the job in
`context`. Secrets are replaced wherever they stand, in the text of exceptions too.
"""

import contextlib
import json
import logging
import logging.handlers
import math
import sys
import traceback
from collections.abc import Callable, Collection, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import structlog
from structlog.stdlib import ProcessorFormatter

from smart_trader.errors import SmartTraderError
from smart_trader.foreign import printable
from smart_trader.io.machine import log_files

Level = Literal["debug", "info", "warning", "error"]
Event = MutableMapping[str, Any]

_CALLBACKS = "py4j.clientserver"
"""Prints the error of a function that the JVM has called, such as for a batch of a stream; it is raised as well."""
_FAILED_QUERIES = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
_ERASE_LINE = "\r\x1b[K"

# Module state, not context variables: those do not reach the threads of a pool.
_run: dict[str, str] = {}
_secrets: list[str] = []


def configure(
    *,
    run_id: str,
    job: str,
    json_lines: bool,
    level: Level = "info",
    secrets: Collection[str] = (),
    file: Path | None = None,
) -> None:
    """Send every log line of this process, other libraries' warnings included, to standard error, and to `file`.

    The last call counts. `secrets` are values that no line may show. If the file cannot be written, a warning says so
    and no file is written.
    """
    _run.update(run_id=run_id, job=job)
    _secrets[:] = _spellings(secrets)
    structlog.configure(
        processors=[*_COMMON, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=False,
    )
    handler = _rendered_by(_StandardError(), _renderer(json_lines=json_lines))
    root = logging.getLogger()
    for old in root.handlers:
        old.close()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    _tame_pyspark(handler, level)
    if file:
        try:
            root.addHandler(_rendered_by(_RotatedFile(file), _as_json))
        except OSError as error:
            _miss_file(file, error)


def _renderer(*, json_lines: bool) -> Callable[[Event], str]:
    """The function that makes a line for standard error of an event."""
    if json_lines:
        return _as_json
    if not sys.stderr.isatty():
        return _as_text
    # The line of progress ends without a newline, so it is erased here and drawn again after this line.
    return lambda event: _ERASE_LINE + _as_text(event)


def _rendered_by(handler: logging.Handler, render: Callable[[Event], str]) -> logging.Handler:
    """`handler` for the program's events and other libraries' warnings. `render` makes the lines, without secrets."""

    def line(_logger: Any, _method: str, event: Event) -> str:
        return render(event)

    cleaned: list[structlog.typing.Processor] = [
        ProcessorFormatter.remove_processors_meta,
        _with_exception,
        _without_secrets,
        line,
    ]
    handler.setFormatter(ProcessorFormatter(processors=cleaned, foreign_pre_chain=_COMMON))
    handler.addFilter(_is_ours_or_a_warning)
    return handler


def enter_job(job: str) -> None:
    """Put `job` into the lines that follow."""
    _run["job"] = job


def redact(text: str) -> str:
    """`text` without the secrets given to `configure`, for messages that are stored elsewhere.

    Not for text that a program reads, such as JSON, since a secret may be spelled as a word of it: `without_secrets`.
    """
    for secret in _secrets:
        text = text.replace(secret, "***")
    return text


def without_secrets(value: object) -> Any:
    """`value` in types of JSON, its texts without secrets. Names of fields and numbers are unchanged."""
    match value:
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):  # JSON has no infinity and no NaN
            return value
        case dict():
            return {str(key): without_secrets(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [without_secrets(inner) for inner in value]
    return redact(str(value))


def _spellings(secrets: Collection[str]) -> list[str]:
    """Each secret in plain, `repr`, JSON and URL spelling. The longest come first, since one may contain another."""
    forms = {
        form
        for secret in secrets
        for form in (
            secret,
            repr(secret)[1:-1],
            json.dumps(secret)[1:-1],
            quote(secret, safe=""),
            quote_plus(secret),
        )
    }
    return sorted(forms - {""}, key=len, reverse=True)


class _StandardError(logging.Handler):
    """Writes to the current standard error, since tests replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


class _RotatedFile(logging.handlers.RotatingFileHandler):
    """A log file that ends when the disk is full. Standard error has every line too, so the run continues."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=log_files.MAX_BYTES, backupCount=log_files.BACKUPS, encoding="utf-8")
        self._file = file

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        error = sys.exception()
        logging.getLogger().removeHandler(self)
        with contextlib.suppress(OSError):
            self.close()
        _miss_file(self._file, error)


def _miss_file(file: Path, error: BaseException | None) -> None:
    reason = getattr(error, "strerror", None) or str(error)
    structlog.get_logger(__name__).warning("no log file from here on", file=str(file), reason=reason)


def _is_ours_or_a_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or isinstance(record.msg, dict)


def _tame_pyspark(handler: logging.Handler, level: Level) -> None:
    """Stop PySpark printing each failed query again, with its plan, past the root logger, and py4j printing
    errors that are raised; at debug level they may."""
    from pyspark.logger import (
        PySparkLogger,
    )  # slow to import, and only needed where Spark is

    logging.getLogger(_CALLBACKS).setLevel(logging.DEBUG if level == "debug" else logging.CRITICAL)
    for name in _FAILED_QUERIES:
        logger = PySparkLogger.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.DEBUG if level == "debug" else logging.CRITICAL)


def _with_run(_logger: Any, _method: str, event: Event) -> Event:
    for key, value in _run.items():
        event.setdefault(key, value)
    return event


_COMMON: Sequence[structlog.typing.Processor] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    _with_run,
)
"""The first processors of every event."""


def _with_exception(_logger: Any, _method: str, event: Event) -> Event:
    """Replace `exc_info`, in each of its forms, by the exception."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exc_info"] = error
    return event


def _without_secrets(_logger: Any, _method: str, event: Event) -> Event:
    """Remove secrets from the values of an event. Those of the exception are removed where it becomes text."""
    exception = {"exc_info": error} if (error := event.pop("exc_info", None)) else {}
    return {**without_secrets(event), **exception}


def _as_json(event: Event) -> str:
    line = {
        "ts": event.pop("ts"),
        "level": event.pop("level").upper(),
        "msg": event.pop("event"),
        **({"event": name} if (name := event.pop("event_name", None)) else {}),
    }
    logger, error = event.pop("logger"), event.pop("exc_info", None)
    exception = {"exception": _layout_of(error)} if error else {}
    return json.dumps({**line, "context": event, **exception, "logger": logger})


def _layout_of(error: BaseException) -> dict[str, Any]:
    layout: dict[str, Any] = {"class": type(error).__name__, "msg": redact(str(error))}
    if isinstance(error, SmartTraderError):
        return layout
    layout["stacktrace"] = [
        {
            "class": None,
            "method": frame.name,
            "file": frame.filename,
            "line": str(frame.lineno),
        }
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    if cause := error.__cause__ or error.__context__:
        layout["cause"] = _layout_of(cause)
    return layout


def _as_text(event: Event) -> str:
    """`20:11:44  silver_pnl  merged  table=silver.trades rows=12`. Only JSON lines and the summary have the run id."""
    time, level, job = event.pop("ts")[11:19], event.pop("level"), event.pop("job")
    message, error = str(event.pop("event")), event.pop("exc_info", None)
    del event["run_id"], event["logger"]
    mark = "" if level in ("info", "debug") else f"{level.upper()} "
    facts = " ".join(f"{key}={_fact(value)}" for key, value in event.items())
    lines = [f"{time}  {job}  {mark}{printable(message)}" + (f"  {facts}" if facts else "")]
    if isinstance(error, SmartTraderError):
        lines += redact(str(error)).splitlines()
    elif error:
        lines += redact("".join(traceback.format_exception(error))).splitlines()
    return "\n".join([lines[0], *(_indented(line) for line in lines[1:])])


def _fact(value: object) -> str:
    text = printable(str(value))
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' ="') else text


def _indented(line: str) -> str:
    depth = len(line) - len(line.lstrip())
    return "    " + " " * depth + printable(line)

"""Messages of the launcher on standard error: text at a terminal, else JSON lines in the layout of the logs.

Standard library only: it is needed before anything is installed.
"""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LOG_FORMAT = "SMART_TRADER_LOG_FORMAT"
"""`text` or `json`; overrides the choice by terminal."""


def are_json(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether messages are JSON lines. Not cached: tests replace standard error."""
    return (environ.get(LOG_FORMAT) or ("text" if sys.stderr.isatty() else "json")) != "text"


def tell(text: str, *, level: str = "INFO") -> None:
    """Write one message to standard error."""
    line = as_line(text, level=level) if are_json() else f"smart-trader: {text}"
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def as_line(text: str, *, level: str, logger: str = "smart_trader.launch", **context: Any) -> str:
    """A message as a line of the log."""
    now = datetime.now(UTC)
    line = {"ts": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}", "level": level, "msg": text, "context": context, "logger": logger}
    return json.dumps(line)

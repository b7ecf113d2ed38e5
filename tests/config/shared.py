"""What the tests of settings share: names, and what a refusal says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from smart_trader.config.settings import load
from smart_trader.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
PER_RUN = "SMART_TRADER_TOKENS__PER_RUN"
API_KEY = "SMART_TRADER_BIRDEYE__API_KEY"
PLANTED = "planted-secret-0123456789"


def problems(*, environ: Mapping[str, str] | None = None, **arguments: Any) -> str:
    with pytest.raises(ConfigurationError) as refusal:
        load(environ=environ or {}, **arguments)
    return str(refusal.value)


def write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")

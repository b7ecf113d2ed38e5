"""The sources of settings: TOML files, `.env`, the environment, the command line.

Every value is text with its origin, until the model gives it a type.
"""

import io
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from smart_trader.errors import ConfigurationError

PREFIX = "SMART_TRADER_"
CONTROL_VARIABLES = frozenset(
    PREFIX + name
    for name in (
        "HOME",  # the folder with conf/, if not that of this package
        "RUN_DIR",  # the run's own folder, from the launcher to the driver
        "TERMINAL",  # the launcher's terminal for the driver, if there is one
        "LOG_FORMAT",  # text or json, for the log of the JVM
        "LOG_FILE",  # log file of the driver
        "JVM_LOG_FILE",  # log file of the JVM
        "RUN_ID",  # the run in the lines of the JVM
        "FAILPOINTS",  # named failures, for tests of recovery
        "SIMULATOR_FAULTS",  # faults of the demo market
        "SAMPLES",  # folder of recorded API answers, for tests
    )
)
"""Variables with our prefix that are no settings."""

DOTENV, ENVIRONMENT, COMMAND_LINE, DEMO = ".env", "environment", "--set", "demo"


@dataclass(frozen=True, slots=True)
class Given:
    """One value as a user wrote it."""

    name: str
    """The key of the setting. In `.env` and the environment it is the variable."""
    value: str | list[str]
    source: str


def variable(key: str) -> str:
    """The name of `key` in the environment."""
    return PREFIX + key.upper().replace(".", "__")


def from_toml(path: Path) -> Iterator[Given]:
    """The settings in a TOML file. Raises ConfigurationError if it cannot be read or understood."""
    source = f"{path.parent.name}/{path.name}"
    try:
        content = tomllib.loads(_text(path), parse_float=Decimal)
        given = [(key, _as_written(value)) for key, value in _flat(content)]
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{path} cannot be read: it is nested too deeply") from error
    for key, value in given:
        yield Given(key, value, source)


def _text(path: Path) -> str:
    """The text of a file, without a byte order mark. Raises OSError, ValueError.

    Only a regular file is opened, also through a link: the program would wait for a pipe.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError("it is something else than a file")
    return path.read_text(encoding="utf-8-sig")


def _as_written(value: Any) -> str | list[str]:
    return [str(part) for part in value] if isinstance(value, list) else str(value)


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def from_dotenv(path: Path, *, is_optional: bool) -> Iterator[Given]:
    """The variables in a `.env` file. Raises ConfigurationError if one of its lines is invalid."""
    try:
        text = _text(path)
    except FileNotFoundError as error:
        if is_optional and not path.is_symlink():
            return iter(())
        raise ConfigurationError(f"{path} {'leads nowhere' if path.is_symlink() else 'does not exist'}") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    for line in parse_stream(io.StringIO(text)):
        if line.error or (line.key is not None and line.value is None):
            blank = len(line.original.string) - len(line.original.string.lstrip())
            number = line.original.line + line.original.string[:blank].count("\n")
            raise ConfigurationError(f"{path}, line {number}, is not NAME=VALUE, so nothing was started. Correct it.")
    return from_variables(dotenv_values(stream=io.StringIO(text), interpolate=False), DOTENV)


def from_variables(variables: Mapping[str, str | None], source: str = ENVIRONMENT) -> Iterator[Given]:
    for name, value in sorted(variables.items()):
        if name.startswith(PREFIX) and name not in CONTROL_VARIABLES:
            yield Given(name, (value or "").strip(), source)


def from_pairs(pairs: Iterable[tuple[str, str]], source: str) -> Iterator[Given]:
    for key, value in pairs:
        yield Given(key.strip(), value.strip(), source)

"""Settings: merges the sources, checks them, and shows each value with its origin.

Defaults, with unit and reason, are in `conf/defaults.toml` and nowhere else; an empty text means none for a
field that may be none. Secrets have no default and come only from the environment or `.env`.
"""

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from smart_trader import paths
from smart_trader.config import sources
from smart_trader.config.model import Settings
from smart_trader.config.sources import Given, variable
from smart_trader.errors import ConfigurationError


def _fields(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation, f"{above}{name}.")
        else:
            yield above + name, field


FIELDS = dict(_fields(Settings))
"""Every setting by its dotted key, in the order of the model."""
SECRETS = frozenset(key for key, field in FIELDS.items() if SecretStr in get_args(field.annotation))
_KEYS = {key: key for key in FIELDS}
_VARIABLES = {variable(key): key for key in FIELDS}
_MAY_HOLD_SECRETS = frozenset((sources.DOTENV, sources.ENVIRONMENT, sources.DEMO))
_IN_HASH = frozenset(("tracking", "pnl", "classify", "ranking"))
_HASHED_BY_CONTENT = frozenset(("pnl.stable_coins_files", "classify.pools_files", "classify.exchanges_files"))
_NO_RULE = "pnl.refresh_days"
"""Decides when a figure is computed again, not what it is."""


def load(
    profile: str = "local",
    *,
    overrides: Sequence[tuple[str, str]] = (),
    demo: Sequence[tuple[str, str]] = (),
    environ: Mapping[str, str] = os.environ,
    home: Path | None = None,
    env_file: Path | None = None,
) -> Settings:
    """Merge the sources, the later over the earlier: defaults, profile, `.env`, environment, `overrides`, `demo`.

    `overrides` come from `--set`. `demo` stands above them, so that a demonstration never reaches a real API or lake.
    `home` holds `conf/` and `.env`. Raises `ConfigurationError` with one line for each problem.
    """
    home = home or _home(environ)
    found = [*_written(home, profile, env_file), *sources.from_variables(environ)]
    found += [
        *sources.from_pairs(overrides, sources.COMMAND_LINE),
        *sources.from_pairs(demo, sources.DEMO),
    ]
    problems: list[str] = []
    chosen: dict[str, Given] = {}
    for given in found:
        key = _names(given.source).get(given.name)
        if key is None or (key in SECRETS and given.source not in _MAY_HOLD_SECRETS):
            problems.append(_refuse(given, key))
        else:
            chosen[key] = given
    try:
        settings = Settings.model_validate(_nested(chosen))
    except ValidationError as invalid:
        problems += [_explain(error, chosen) for error in invalid.errors()]
    if problems:
        lines = "\n".join(f"  {problem}" for problem in dict.fromkeys(problems))
        raise ConfigurationError(f"The settings cannot be used, so nothing was started:\n{lines}")
    settings._sources.update({key: given.source for key, given in chosen.items()})
    return settings


def _home(environ: Mapping[str, str]) -> Path:
    named = environ.get(sources.PREFIX + "HOME")
    try:
        return paths.file_path(named) if named else Path(__file__).parents[2]
    except ValueError as error:
        raise ConfigurationError(f"{sources.PREFIX}HOME {error}; nothing was started") from error


def _written(home: Path, profile: str, env_file: Path | None) -> Iterator[Given]:
    """The values in the files."""
    conf = home / "conf"
    if not paths.is_file(conf / "defaults.toml"):
        raise ConfigurationError(
            f"{conf}/defaults.toml is missing: set SMART_TRADER_HOME to the folder that holds conf/"
        )
    profiles = sorted(path.stem for path in conf.glob("*.toml") if path.stem != "defaults")
    if profile not in profiles:
        raise ConfigurationError(f"There is no profile {profile!r}: choose one of {', '.join(profiles)}")
    yield from sources.from_toml(conf / "defaults.toml")
    yield from sources.from_toml(conf / f"{profile}.toml")
    yield from sources.from_dotenv(env_file or home / ".env", is_optional=env_file is None)


def _names(source: str) -> Mapping[str, str]:
    return _VARIABLES if source in (sources.DOTENV, sources.ENVIRONMENT) else _KEYS


def _refuse(given: Given, key: str | None) -> str:
    """The message for an unknown name or a secret in the wrong place. It omits the value, which may be a secret."""
    if key is not None:
        return f"{key} ({given.source}): a secret, only taken from the environment or .env: set {variable(key)}"
    near = difflib.get_close_matches(given.name, _names(given.source), n=1)
    hint = f"did you mean {near[0]}?" if near else "--print-settings shows all there are"
    return f"{given.name!r} ({given.source}): no such setting, {hint}"


def _nested(chosen: Mapping[str, Given]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, given in chosen.items():
        *sections, name = key.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        is_none = given.value == "" and type(None) in get_args(FIELDS[key].annotation)
        branch[name] = None if is_none else given.value
    return tree


def _explain(error: ErrorDetails, chosen: Mapping[str, Given]) -> str:
    """One line with key, value, origin and allowed values."""
    path = ".".join(str(part) for part in error["loc"])
    key = next((key for key in FIELDS if f"{path}.".startswith(f"{key}.")), path)
    own = error["ctx"]["error"] if error["type"] == "value_error" else None
    if key not in FIELDS:
        return ": ".join(part for part in (key, str(own or error["msg"])) if part)
    if key not in chosen:
        return f"{key}: has no value; conf/defaults.toml must give one"
    given = chosen[key]
    if not given.value:
        return f"{key} ({given.source}): must not be empty: set {variable(key)}"
    shown = "***" if key in SECRETS else _safe(given.value)
    return f"{given.name} = {shown} ({given.source}): {own or _allowed(FIELDS[key])}"


def _safe(value: str | list[str]) -> str:
    """The value shortened to one line, without the password of an address."""
    text = repr(
        re.sub(
            r"//[^/@\s]*@",
            "//***@",
            ",".join(value) if isinstance(value, list) else value,
        )
    )
    return text if len(text) <= 80 else text[:77] + "..."


def _allowed(field: FieldInfo) -> str:
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return f"must be one of {', '.join(get_args(annotation))}"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return f"must be one of {', '.join(word.value for word in annotation)}"
    if get_origin(annotation) is tuple:
        item = FieldInfo.from_annotation(get_args(annotation)[0])
        return "must be a comma-separated list of at least one" + (f", each {_range(item)}" if item.metadata else "")
    return f"must be {_range(field)}"


def _range(field: FieldInfo) -> str:
    """Such as "a whole number, at least 1"."""
    annotation = field.annotation
    types = get_args(annotation) or (annotation,)
    noun = "a whole number" if int in types else "a number" if {Decimal, float} & set(types) else "a text"
    words = {"ge": "at least", "gt": "more than", "le": "at most"}
    bounds = [
        f", {word} {getattr(constraint, name):,}"
        for constraint in field.metadata
        for name, word in words.items()
        if getattr(constraint, name, None) is not None
    ]
    return f"{noun}{''.join(bounds)}"


def require(settings: Settings, key: str) -> str:
    """The text of an optional setting, also of a secret, for a job that needs it. Raises ConfigurationError if none."""
    value = _value(settings, key)
    if value is None:
        raise ConfigurationError(f"{key} is missing: set {variable(key)} in the environment or in .env")
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def require_webhook(settings: Settings) -> None:
    """Raises ConfigurationError for the first missing setting of the webhook."""
    require(settings, "helius.api_key")
    if settings.helius.webhook_id is None:
        require(settings, "helius.webhook_url")


def secret_values(settings: Settings) -> tuple[str, ...]:
    """The secrets, which no output may contain."""
    return tuple(value.get_secret_value() for key in sorted(SECRETS) if (value := _value(settings, key)) is not None)


def settings_hash(settings: Settings) -> str:
    """SHA-256 of the settings that decide a ranking. Lists of addresses count by content, not by path."""
    return _hash_of(settings, (key for key in FIELDS if key.split(".")[0] in _IN_HASH))


def pnl_settings_hash(settings: Settings) -> str:
    """SHA-256 of the settings that decide a stored figure or the class of a wallet, like `settings_hash`."""
    return _hash_of(settings, (key for key in FIELDS if key.startswith(("pnl.", "classify.")) and key != _NO_RULE))


def ranking_settings(settings: Settings) -> dict[str, str]:
    """The settings that decide a figure or a rank, by key; lists of addresses by their content."""
    keys = (key for key in FIELDS if key.startswith(("pnl.", "classify.", "ranking.")) or key == "helius.max_addresses")
    return _contents(settings, keys)


def settings_from(stored: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Values by section and name as `stored`, texts by key: the defaults where it lacks a setting. Not checked."""
    known = {key: Given(key, value, "stored") for key, value in stored.items() if key in FIELDS}
    defaults = sources.from_toml(_home(environ) / "conf" / "defaults.toml")
    return _nested({given.name: given for given in defaults} | known)


def _hash_of(settings: Settings, keys: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(_contents(settings, keys), sort_keys=True).encode()).hexdigest()


def _contents(settings: Settings, keys: Iterable[str]) -> dict[str, str]:
    return {key: (_content if key in _HASHED_BY_CONTENT else _text)(_value(settings, key)) for key in keys}


def _content(files: Iterable[Path]) -> str:
    return ",".join(sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files))


def _value(settings: Settings, key: str) -> Any:
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def describe(settings: Settings, *, as_json: bool = False) -> str:
    """Every setting with its value and origin, secrets masked, as a table or as one JSON document."""
    rows = [(key, _text(_value(settings, key)), settings._sources.get(key, "not set")) for key in FIELDS]
    if as_json:
        return json.dumps(
            {key: {"value": value, "source": source} for key, value, source in rows},
            indent=2,
        )
    width = max(len(key) for key, _, _ in rows)
    values = max(min(len(value), 40) for _, value, _ in rows)
    return "\n".join(f"{key:{width}} = {value or 'none':{values}}  ({source})" for key, value, source in rows)

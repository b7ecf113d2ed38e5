"""The types that settings have: bounds and units as in `conf/defaults.toml`, checks of text."""

import re
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from smart_trader import paths
from smart_trader.config.limits import memory_bytes


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme in ("http", "https") and parts.hostname and parts.username is None and parts.port != 0:
        return value.rstrip("/")
    raise ValueError("must be an http:// or https:// address without user and password")


def _private_address(value: str) -> str:
    """`value`, an address to which keys are sent. Raises ValueError for http to any other machine than this one."""
    parts = urlsplit(value)
    if parts.scheme == "https" or _is_loopback(parts.hostname or ""):
        return value
    raise ValueError("must be an https:// address (http:// only on this machine)")


def _delivery_address(value: str) -> str:
    """`value`, unchanged: a slash at the end of a delivery address can matter."""
    _private_address(_web_address(value))
    return value


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def checked_path(value: str) -> str:
    """`value`, unchanged. A later step resolves a relative path."""
    paths.file_path(value)
    return value


def _existing_file(value: str) -> Path:
    path = paths.file_path(value)
    if not paths.is_file(path):
        raise ValueError("no such file")
    return path


_LEAST_MEMORY = 512 * 2**20
"""Spark refuses to start with less than 450 MB, of which Java keeps some to itself."""


def _memory(value: str) -> str:
    if re.fullmatch(r"[1-9][0-9]{0,6}[mg]", value):
        return value
    raise ValueError("must be a whole number with m or g, such as 2g")


def _enough_for_java(value: str) -> str:
    if memory_bytes(_memory(value)) >= _LEAST_MEMORY:
        return value
    raise ValueError("must be at least 512m")


def _header_text(secret: SecretStr | None) -> SecretStr | None:
    value = secret.get_secret_value() if secret else ""
    if value.isascii() and value.isprintable():
        return secret
    raise ValueError("must be plain printable characters: is it complete, and nothing else pasted with it?")


def comma_separated(value: object) -> object:
    """The parts of a text between commas; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _ascending(values: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(values)))


Count = Annotated[int, Field(ge=1, le=10**9)]
CountOrNone = Annotated[int | None, Field(ge=1, le=10**9)]
Days = Annotated[int, Field(ge=1, le=36_500)]
Hours = Annotated[int, Field(ge=1, le=876_000)]
MinutesOrNone = Annotated[int | None, Field(ge=1, le=525_600)]
Amount = Annotated[Decimal, Field(ge=0, le=10**15)]
AmountOrNone = Annotated[Decimal | None, Field(ge=0, le=10**15)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Change = Annotated[Decimal, Field(ge=-100, le=10**9)]
Percent = Annotated[Decimal, Field(ge=0, le=100)]
Ratio = Annotated[Decimal, Field(ge=0, le=1)]
Factor = Annotated[Decimal, Field(ge=1, le=10**6)]
Text = Annotated[str, Field(min_length=1)]
Memory = Annotated[str, AfterValidator(_memory)]
JavaMemory = Annotated[str, AfterValidator(_enough_for_java)]
Location = Annotated[Text, AfterValidator(paths.location)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
PrivateAddress = Annotated[WebAddress, AfterValidator(_private_address)]
DeliveryAddress = Annotated[str, AfterValidator(_delivery_address)]
SecretOrNone = Annotated[SecretStr | None, AfterValidator(_header_text)]
ExistingFile = Annotated[Path, BeforeValidator(_existing_file)]
Files = Annotated[tuple[ExistingFile, ...], BeforeValidator(comma_separated)]
Horizons = Annotated[
    tuple[Days, ...], BeforeValidator(comma_separated), AfterValidator(_ascending), Field(min_length=1, max_length=10)
]

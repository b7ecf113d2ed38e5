"""JSON over HTTP: pooled connections, time-outs, bounded retries, and an error class for each kind of refusal.

Secrets are in headers or in the query. No exception and no log line of this module contains an address with its query,
a header, or a body with an unmasked secret.
"""

import logging
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import structlog
import urllib3

from smart_trader.errors import (
    AccessDenied,
    ConfigurationError,
    KeyRefused,
    NotFound,
    QuotaExhausted,
    SourceRejected,
    SourceUnavailable,
)
from smart_trader.io.http.deadline import DEADLINE, PunctualAdapter
from smart_trader.io.http.json_body import BodyBroken, BodyTooLarge, parse_json, read_body
from smart_trader.io.http.rate import Meter, RateLimiter
from smart_trader.ports import Clock, Usage

# urllib3 logs addresses, and Helius takes its key in the query.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

log = structlog.get_logger(__name__)

_QUOTA_USED_UP = re.compile(r"compute unit", re.IGNORECASE)
_ERROR_BODY_BYTES = 64 * 1024
_FIRST_BACKOFF_SECONDS = 1
_A_WEEK = 7 * 86400.0
_SECONDS = re.compile(r"\d{1,9}(\.\d+)?", re.ASCII)
"""Up to some thirty years; a longer value counts as none."""
_READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """How long to wait, how often to ask, how much to accept."""

    connect_timeout_seconds: float
    read_timeout_seconds: float
    """Between two bytes."""
    total_timeout_seconds: float
    """Of one attempt with its whole answer, even if bytes arrive steadily."""
    attempts: int
    max_retry_wait_seconds: float
    """Longest wait between two attempts. A longer `Retry-After` ends the call."""
    max_body_bytes: int
    """As sent, and decompressed."""


class _Transient(Exception):
    """This attempt failed for a temporary reason."""

    def __init__(self, reason: str, *, retry_after: float | None = None, too_fast: bool = False) -> None:
        super().__init__(reason)
        self.retry_after, self.too_fast = retry_after, too_fast


class _Session(requests.Session):
    """Follows no redirect. With `allow_redirects=False` requests would still read its body, however long."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class JsonHttp:
    """One API. Safe to use from several threads, which share its rate and its budget."""

    def __init__(
        self,
        *,
        service: str,
        base_url: str,
        clock: Clock,
        limiter: RateLimiter,
        meter: Meter,
        connections: int,
        policy: HttpPolicy,
        headers: Mapping[str, str],
        secret_headers: Mapping[str, str] | None = None,
        secret_params: Mapping[str, str] | None = None,
    ) -> None:
        self._service, self._base_url = service, base_url.rstrip("/")
        self._clock, self._limiter, self._meter, self._policy = clock, limiter, meter, policy
        self._section = service.lower()
        self._secret_params = dict(secret_params or {})
        self._secrets = [*(secret_headers or {}).values(), *self._secret_params.values()]
        self._check_secrets()
        self._key_has_worked = False
        self._session = _Session()
        self._session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", **headers})
        self._session.headers.update(secret_headers or {})
        # A proxy of the environment cannot reach a server on this machine.
        self._session.trust_env = urlsplit(base_url).hostname not in {"127.0.0.1", "localhost", "::1"}
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, PunctualAdapter(pool_connections=1, pool_maxsize=connections))

    def hide(self, secret: str) -> None:
        """Mask `secret` in every message, like a key."""
        if secret and secret not in self._secrets:
            self._secrets.append(secret)

    def usage(self) -> Usage:
        return Usage(self._meter.calls, self._meter.units, self._limiter.waited_seconds)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Any = None,
        units: int = 0,
        about: str = "",
    ) -> Any:
        """The JSON value of the answer, None for an answer without content.

        `units` are charged for every attempt, `about` names the entity in messages. A writing call is sent once:
        a time-out or a 5xx leaves open whether it was done. It is sent again only after a 429, which means not done.

        Raises `SourceUnavailable`, `SourceRejected`, `NotFound`, `QuotaExhausted`, `AccessDenied`, `KeyRefused` or
        `Interrupted`.
        """
        call = f"{self._service} {path}" + (f" for {about}" if about else "")
        attempts = self._policy.attempts
        for attempt in range(1, attempts + 1):
            self._limiter.acquire()
            self._meter.charge(units)
            try:
                return self._attempt(method, path, params, body, call)
            except _Transient as transient:
                failure = transient
            log.warning("call_failed", call=call, attempt=attempt, of=attempts, reason=str(failure))
            is_last = attempt == attempts or (method not in _READING and not failure.too_fast)
            self._hold_back(failure, attempt, is_last=is_last)
            if is_last:
                break
        tried = f"{attempt} attempts" if attempt > 1 else "1 attempt"
        raise SourceUnavailable(f"{call}: {failure}, after {tried}. Nothing was lost: run again later to go on.")

    def _hold_back(self, failure: _Transient, attempt: int, *, is_last: bool) -> None:
        longest = min(self._policy.max_retry_wait_seconds, _FIRST_BACKOFF_SECONDS * 2 ** (attempt - 1))
        backoff = random.uniform(0, longest)  # full jitter: threads that failed together must not come back together
        if failure.retry_after is not None:
            self._limiter.pause(failure.retry_after)
        elif failure.too_fast:
            self._limiter.pause(backoff)
        elif not is_last:
            self._clock.wait(backoff)

    def _attempt(self, method: str, path: str, params: Mapping[str, str | int] | None, body: Any, call: str) -> Any:
        policy = self._policy
        DEADLINE.set(time.monotonic() + policy.total_timeout_seconds)
        try:
            with self._session.request(
                method,
                self._base_url + path,
                params={**(params or {}), **self._secret_params},
                json=body,
                timeout=(policy.connect_timeout_seconds, policy.read_timeout_seconds),
                stream=True,
            ) as response:
                if not 200 <= response.status_code < 300:
                    self._refuse(response, call)
                self._key_has_worked = True
                content = read_body(response, limit=policy.max_body_bytes)
            return None if response.status_code == 204 else parse_json(content)
        except BodyTooLarge:
            unusable = f"the answer is larger than {policy.max_body_bytes} bytes"
        except RecursionError:
            unusable = "the answer is nested too deeply"
        except BodyBroken as error:
            raise _Transient(str(error)) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _Transient(_what_broke(error)) from None
        raise SourceRejected(f"{call}: {unusable}, so none of it was used.")

    def _refuse(self, response: requests.Response, call: str) -> None:
        """Raise what the status means; see the table of errors in the API's documentation."""
        status = response.status_code
        if status < 400:
            raise SourceRejected(
                f"{call}: redirected to another address ({status}), which is not followed, since the key would go"
                f" there too. Check {self._section}.base_url."
            )
        if status == 429 or status >= 500:
            retry_after = _retry_after_seconds(response.headers, self._clock.now())
            raise _Transient(f"answered {status}", retry_after=retry_after, too_fast=status == 429)
        message = self._excerpt(response)
        raise_if_quota_used_up(call, message)
        if status in (401, 403):
            refused = AccessDenied if self._key_has_worked else KeyRefused
            raise refused(
                f"{call}: access denied ({status}): {message}\n"
                f"  What was committed stays. Check {self._section}.api_key, and that its plan includes this call."
            )
        raise (NotFound if status == 404 else SourceRejected)(f"{call}: refused ({status}): {message}")

    def message_in(self, answer: Any) -> str:
        """The message in a refusing answer, on one short line and without secrets."""
        text = (answer.get("message") or answer.get("error")) if isinstance(answer, dict) else answer
        return "".join(c if c.isprintable() else " " for c in self._masked(str(text)))[:300]

    def _excerpt(self, response: requests.Response) -> str:
        """The message of a refusal, or as much of it as can be read. The status decides the error."""
        try:
            return self.message_in(parse_json(read_body(response, limit=_ERROR_BODY_BYTES)))
        except BodyBroken as error:
            return str(error)
        except (BodyTooLarge, RecursionError, urllib3.exceptions.HTTPError):
            return "an unreadable body"

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            for form in {secret, *(quote(secret, safe=safe, errors="replace") for safe in ("/", ""))}:
                text = text.replace(form, "***")
        return text

    def _check_secrets(self) -> None:
        for secret in self._secrets:
            if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
                raise ConfigurationError(
                    f"{self._section}.api_key is empty or contains blanks or other characters that no key has."
                )


def raise_if_quota_used_up(call: str, message: str) -> None:
    """Raises QuotaExhausted for the quota error.

    It is an ordinary 400 by its status; only its wording differs (recorded: "Compute units usage limit exceeded").
    """
    if _QUOTA_USED_UP.search(message):
        raise QuotaExhausted(
            f"{call}: {message}\n  What was committed stays. Run again when the plan's compute units are renewed."
        )


def _retry_after_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """`Retry-After` in seconds from now, None if it is missing or unreadable; a date counts from the server's own
    `Date`, as our clocks may differ."""
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    elif until := _http_date(text):
        seconds = (until - (_http_date(headers.get("Date", "")) or now)).total_seconds()
    else:
        return None
    return min(seconds, _A_WEEK) if seconds >= 0 else None


def _http_date(text: str) -> datetime | None:
    """The time that `text` names, None if it names none or has no zone."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # errors of the parser for impossible dates and zones
        return None
    return date if date.tzinfo else None


def _what_broke(error: BaseException) -> str:
    """Kind and system's reason of a failed call. The full text would contain the address with its key."""
    reason: BaseException | None = error
    while reason is not None:
        if detail := getattr(reason, "strerror", None):
            return f"{type(error).__name__} ({detail})"
        reason = reason.__cause__ or reason.__context__
    return type(error).__name__

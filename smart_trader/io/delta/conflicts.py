"""Repeats a write from a fresh read after a conflict with another writer."""

import functools
import random
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentTransactionException,
    ConcurrentWriteException,
)

from smart_trader.errors import Interrupted

_CONFLICTS = (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentTransactionException,
    ConcurrentWriteException,
)
_ATTEMPTS = 5
_SHORTEST_WRITE = 0.2
"""Seconds."""


class _Waiting(Protocol):
    @property
    def wait(self) -> Callable[[float], None]: ...


P = ParamSpec("P")
Store = TypeVar("Store", bound=_Waiting)


def retried(write: Callable[Concatenate[Store, P], None]) -> Callable[Concatenate[Store, P], None]:
    """`write`, repeated from a fresh read after a conflict with another writer. Raises Interrupted in the end."""

    @functools.wraps(write)
    def tried(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            started = time.monotonic()
            try:
                return write(store, *args, **kwargs)
            except _CONFLICTS:
                if attempt < _ATTEMPTS:
                    # Full jitter separates the writers. It grows with the time of a write, or their next writes meet.
                    took = max(_SHORTEST_WRITE, time.monotonic() - started)
                    store.wait(random.uniform(0, took * 2 ** (attempt - 1)))
        raise Interrupted(
            f"Other writers keep changing the tables: {_ATTEMPTS} attempts failed. What was committed stays, run again."
        )

    return tried

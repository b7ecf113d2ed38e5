"""Keeps the lease of a run while it works: renews it in time, and ends the run where it is no longer confirmed."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from enum import Enum, auto

import structlog

from smart_trader.io.lock.lease import Lease

log = structlog.get_logger(__name__)

_RETRY_SHARE = 0.1
"""Share of the time between two records after which a failed renewal is tried again."""
_WATCH_SECONDS = 0.25


class Loss(Enum):
    """Why a lease is no longer confirmed."""

    TAKEN = auto()
    """Another run has taken it over, or this run stood still for long enough that one may have."""
    SILENCE = auto()
    """The store has not answered for long enough that another run may take it over."""


@contextlib.contextmanager
def kept(lease: Lease, *, end_run: Callable[[Loss], None]) -> Iterator[None]:
    """Renew `lease`, which the run has taken, and release it at the end. Calls `end_run` once it is lost.

    A thread of its own watches, since a renewal may hang for as long as a request to the store takes.
    """
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lease, ended), daemon=True, name="renew lease")
    watching = threading.Thread(target=_watch, args=(lease, ended, end_run), daemon=True, name="watch lease")
    renewing.start()
    watching.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join(lease.timing.confirmed_seconds)
        with contextlib.suppress(Exception):  # a store or a JVM that is gone: then the lease expires
            lease.release()


def _renew(lease: Lease, ended: threading.Event) -> None:
    pause = _RETRY_SHARE * lease.timing.renew_seconds
    while not ended.wait(max(pause, lease.due_seconds)):
        try:
            lease.renew()
        except Exception as error:  # whoever watches decides whether that ends the run
            log.warning("the lease was not renewed", why=str(error))


def _watch(lease: Lease, ended: threading.Event, end_run: Callable[[Loss], None]) -> None:
    looked = lease.now()
    while not ended.wait(_WATCH_SECONDS):
        now = lease.now()
        # Where the store answers, the records of an owner that renews them in time get old by no less.
        stood_still = now - looked > lease.timing.confirmed_seconds / 2
        if not lease.is_confirmed:
            end_run(Loss.TAKEN if lease.is_lost or stood_still else Loss.SILENCE)
            return
        looked = now

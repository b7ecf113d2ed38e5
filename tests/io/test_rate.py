import threading
import time
from decimal import Decimal

import pytest

from smart_trader.errors import Interrupted, LimitReached, SourceUnavailable
from smart_trader.io.http.rate import Meter, RateLimiter
from smart_trader.io.machine.clock import SystemClock
from tests.io.stepping_clock import SteppingClock


def limiter_of(clock, per_second, **options):
    options = {"service": "BirdEye", "longest_pause_seconds": 120, "monotonic": clock.monotonic} | options
    return RateLimiter(Decimal(per_second), clock=clock, **options)


def starts_of(limiter, clock, count):
    starts = []
    for _ in range(count):
        limiter.acquire()
        starts.append(clock.monotonic())
    return starts


@pytest.mark.parametrize(
    ("per_second", "expected"), [("0.5", [0, 2, 4, 6]), ("1", [0, 1, 2, 3]), ("4", [0, 0.25, 0.5, 0.75])]
)
def test_calls_start_evenly(per_second, expected):
    clock = SteppingClock()
    assert starts_of(limiter_of(clock, per_second), clock, 4) == expected


def test_time_without_calls_is_not_saved_up_for_a_burst():
    clock = SteppingClock()
    limiter = limiter_of(clock, "1")
    clock.wait(100)
    assert starts_of(limiter, clock, 3) == [100, 101, 102]


def test_a_pause_holds_and_the_pace_goes_on_after_it():
    clock = SteppingClock()
    limiter = limiter_of(clock, "1")
    limiter.acquire()
    limiter.pause(30)
    limiter.pause(5)
    assert starts_of(limiter, clock, 3) == [30, 31, 32]
    assert limiter.waited_seconds == 32


def test_a_pause_longer_than_the_run_waits_says_when_to_come_back():
    clock = SteppingClock()
    limiter = limiter_of(clock, "1")
    limiter.pause(3600)
    with pytest.raises(SourceUnavailable, match="2026-01-05 10:00:00 UTC"):
        limiter.acquire()
    assert clock.waits == []


def test_threads_share_the_pace():
    limiter = RateLimiter(Decimal(50), service="BirdEye", clock=SystemClock(), longest_pause_seconds=1)
    starts = []

    def call():
        for _ in range(5):
            limiter.acquire()
            starts.append(time.monotonic())

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    starts.sort()
    assert len(starts) == 40
    # A thread can be late in writing down its start, so single gaps prove nothing; the whole does.
    assert starts[-1] - starts[0] >= 39 / 50 - 0.02


def test_a_stop_ends_the_wait_of_every_thread_at_once():
    clock = SystemClock()
    limiter = RateLimiter(Decimal("0.01"), service="BirdEye", clock=clock, longest_pause_seconds=1)
    limiter.acquire()
    ended = []

    def call():
        with pytest.raises(Interrupted):
            limiter.acquire()
        ended.append(time.monotonic())

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    stopped = time.monotonic()
    clock.stop()
    for thread in threads:
        thread.join(timeout=5)

    assert len(ended) == 4
    assert max(ended) - stopped < 1


def test_after_a_stop_no_call_starts_even_if_none_has_to_wait():
    clock = SystemClock()
    limiter = RateLimiter(Decimal(1000), service="BirdEye", clock=clock, longest_pause_seconds=1)
    clock.stop()
    with pytest.raises(Interrupted):
        limiter.acquire()


def test_a_budget_is_spent_to_the_last_unit_and_not_beyond():
    meter = Meter(units_limit=25, setting="birdeye.compute_units_per_run")
    meter.charge(10)
    meter.charge(15)
    with pytest.raises(LimitReached, match=r"birdeye\.compute_units_per_run"):
        meter.charge(1)
    assert (meter.calls, meter.units) == (2, 25)


def test_threads_together_do_not_exceed_the_budget():
    meter = Meter(units_limit=1000, setting="birdeye.compute_units_per_run")

    def spend():
        for _ in range(100):
            try:
                meter.charge(7)
            except LimitReached:
                return

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.calls == 1000 // 7

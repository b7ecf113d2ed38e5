"""Progress: one line drawn over itself on a terminal, a log line now and then elsewhere, nothing without news."""

import io
import threading

import pytest
from structlog.testing import capture_logs

from smart_trader.run.progress import Progress, duration


class Terminal(io.StringIO):
    """A stream that says it is a terminal; its size cannot be asked for, so it counts as 80 wide."""

    def isatty(self) -> bool:
        return True

    def drawings(self) -> list[str]:
        return self.getvalue().split("\r\x1b[K")[1:]


class Watch:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_terminal_shows_done_calls_waits_and_time_left(watch: Watch) -> None:
    terminal = Terminal()
    with Progress(1200, "wallets", stream=terminal, clock=watch) as progress:
        watch.seconds += 60
        progress.advance(300, calls=1500, wait_seconds=0.2)
        watch.seconds += 60
        progress.advance(300, calls=3000, wait_seconds=75)
    assert terminal.drawings() == [
        "300 of 1,200 wallets  1,500 calls  3m 0s left",
        "600 of 1,200 wallets  3,000 calls  waited 1m 15s for the rate limit  2m 0s left",
        "600 of 1,200 wallets  3,000 calls  waited 1m 15s for the rate limit  2m 0s left\n",
    ]


def test_the_end_has_no_time_left(watch: Watch) -> None:
    terminal = Terminal()
    with Progress(2, "wallets", stream=terminal, clock=watch) as progress:
        watch.seconds += 1
        progress.advance(2, calls=2, wait_seconds=0)
    assert terminal.drawings()[-1] == "2 of 2 wallets  2 calls\n"


def test_a_terminal_is_not_drawn_on_more_often_than_eyes_can_follow(watch: Watch) -> None:
    terminal = Terminal()
    with Progress(1000, "wallets", stream=terminal, clock=watch) as progress:
        for call in range(1000):
            watch.seconds += 0.001
            progress.advance(calls=call, wait_seconds=0)
    assert len(terminal.drawings()) <= 6


def test_a_drawing_never_wraps(watch: Watch) -> None:
    terminal = Terminal()
    with Progress(10**9, "very long " * 20, stream=terminal, clock=watch) as progress:
        watch.seconds += 5
        progress.advance(calls=10**9, wait_seconds=10**6)
    assert all(len(drawing.rstrip("\n")) < 80 for drawing in terminal.drawings())


def test_control_characters_are_not_drawn(watch: Watch) -> None:
    terminal = Terminal()
    with Progress(2, "wal\x1b[2J\r\nlets\u202e", stream=terminal, clock=watch) as progress:
        watch.seconds += 1
        progress.advance(calls=1, wait_seconds=0)
    assert "1 of 2 wal[2J lets  1 calls" in terminal.getvalue()


def test_elsewhere_a_log_line_comes_every_thirty_seconds(watch: Watch) -> None:
    stream = io.StringIO()
    with capture_logs() as lines, Progress(100, "wallets", stream=stream, clock=watch) as progress:
        for call in range(1, 101):
            watch.seconds += 1
            progress.advance(calls=call, wait_seconds=call / 2)
    assert stream.getvalue() == ""
    assert [line["done"] for line in lines] == [30, 60, 90]
    assert lines[0] == {
        "event": "progress",
        "log_level": "info",
        "unit": "wallets",
        "done": 30,
        "total": 100,
        "calls": 30,
        "wait_seconds": 15,
        "seconds_left": 70,
    }


def test_nothing_done_is_nothing_said(watch: Watch) -> None:
    terminal = Terminal()
    with capture_logs() as lines:
        for stream in (terminal, io.StringIO()):
            with Progress(0, "wallets", stream=stream, clock=watch):
                watch.seconds += 3600
    assert (terminal.getvalue(), lines) == ("", [])


def test_before_the_first_is_done_the_time_left_is_unknown(watch: Watch) -> None:
    with capture_logs() as lines, Progress(9, "wallets", stream=io.StringIO(), clock=watch) as progress:
        watch.seconds += 31
        progress.advance(0, calls=40, wait_seconds=0)
    assert lines[0]["seconds_left"] is None


def count_a_thousand(progress: Progress) -> None:
    for call in range(1000):
        progress.advance(calls=call, wait_seconds=0)


def test_threads_lose_no_count(watch: Watch) -> None:
    terminal = Terminal()
    with Progress(8000, "wallets", stream=terminal, clock=watch) as progress:
        watch.seconds += 1
        workers = [threading.Thread(target=count_a_thousand, args=(progress,)) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert terminal.drawings()[-1] == "8,000 of 8,000 wallets  999 calls\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (4.24, "4.2s"),
        (59.94, "59.9s"),
        (59.96, "1m 0s"),
        (200, "3m 20s"),
        (3599.6, "1h 0m"),
        (7500, "2h 5m"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text

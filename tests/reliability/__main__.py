"""Campaigns that take longer than any lane of the tests, with the same code as in the tests.

python -m tests.reliability kills    kills runs of the pipeline for hours, on another market and at other moments each
                                     round; the seed of a round, which is printed, repeats it: --seed SEED --rounds 1
python -m tests.reliability writers  lets writers meet at a table, 200 rounds each

What a round that failed left is kept, and its place printed.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.lake import start_spark
from tests.reliability.kills import Kill, Round
from tests.reliability.writers import MEETINGS, Meeting

ROUNDS_OF_A_TABLE = 25
"""Then the writers meet at a new one: a log of thousands of versions would only be slow."""


def main() -> int:
    how = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__, formatter_class=how)
    campaigns = parser.add_subparsers(dest="campaign", required=True)
    kills = campaigns.add_parser("kills")
    kills.add_argument("--hours", type=float, default=2.0, help="after which no new round begins (default 2)")
    kills.add_argument("--rounds", type=int, help="at most so many rounds")
    kills.add_argument("--kills", type=int, default=12, help="in a round (default 12)")
    kills.add_argument("--seed", type=int, default=int(time.time()))
    writers = campaigns.add_parser("writers")
    writers.add_argument("--rounds", type=int, default=200, help="of each meeting (default 200)")
    options = parser.parse_args()
    return _meet(options.rounds) if options.campaign == "writers" else _kill(options)


def _kill(options: argparse.Namespace) -> int:
    deadline, seed, failures = time.monotonic() + 3600 * options.hours, options.seed, 0
    kills: list[Kill] = []
    while time.monotonic() < deadline and seed - options.seed != options.rounds:
        folder = Path(tempfile.mkdtemp(prefix=f"kills-{seed}-"))
        one = Round(folder, seed, options.kills)
        error = _error_of(one.run, folder)
        _say(f"seed {seed}: {', '.join(map(str, one.kills))}: {error or 'the same tables'}")
        seed, kills, failures = seed + 1, kills + one.kills, failures + (error is not None)
        _say(f"  {len(kills)} kills in {seed - options.seed} rounds, {failures} rounds failed")
    for what, counted in (("victims", Counter(k.victim for k in kills)), ("during", Counter(k.during for k in kills))):
        _say(f"{what}: " + ", ".join(f"{name} {count}" for name, count in counted.most_common()))
    return 1 if failures else 0


def _meet(rounds: int) -> int:
    scratch, failures = Path(tempfile.mkdtemp(prefix="writers-")), 0
    spark = start_spark(scratch)
    spark.sparkContext.setLogLevel("ERROR")
    for name, writers in MEETINGS.items():
        beaten: Counter[str] = Counter()
        for begun in range(0, rounds, ROUNDS_OF_A_TABLE):
            folder = scratch / f"{name} {begun}"
            meeting = Meeting(spark, folder, writers, min(ROUNDS_OF_A_TABLE, rounds - begun))
            error = _error_of(meeting.run, folder)
            failures, beaten = failures + (error is not None), beaten + meeting.beaten
            _say(f"{name}, {begun + meeting.rounds} rounds: {error or 'as it should be'}")
        _say(f"  began anew after five attempts, or left it for the next time: {dict(beaten) or 'nobody'}")
    spark.stop()
    if not failures:
        shutil.rmtree(scratch)
    return 1 if failures else 0


def _error_of(run: Callable[[], None], folder: Path) -> str | None:
    """What went wrong, if anything did; otherwise the folder is removed."""
    try:
        run()
    except Exception as broken:
        return f"{type(broken).__name__}: {broken} (kept in {folder})"
    shutil.rmtree(folder)
    return None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

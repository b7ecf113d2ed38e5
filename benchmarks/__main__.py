"""`benchmarks/run pnl`: what the PnL engine costs over floors and peers, as ratios within one run.
`benchmarks/run report`: how long the page of 1,000 traders takes, and how large it is.
`benchmarks/run grades`: how long the grades of 100,000 ranked wallets take."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import grades, pnl, report


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("what", choices=["pnl", "report", "grades"])
    parser.add_argument("--small", type=int, default=1_000_000, help="trades of the small lake")
    parser.add_argument("--large", type=int, default=5_000_000, help="trades of the large lake")
    parser.add_argument("--wallets", type=int, default=100_000, help="wallets of the graded ranking")
    parser.add_argument("--warm-up", type=int, default=100_000, help="trades of the lake that nothing is measured with")
    parser.add_argument("--scratch", type=Path, help="folder for the lakes, about 6 GB (default: a temporary one)")
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="benchmarks-", dir=chosen.scratch) as scratch:
        if chosen.what == "report":
            report.run(Path(scratch))
        elif chosen.what == "grades":
            grades.run(Path(scratch), wallets=chosen.wallets)
        else:
            pnl.run(Path(scratch), small=chosen.small, large=chosen.large, warm_up=chosen.warm_up)
    return 0


if __name__ == "__main__":
    sys.exit(main())

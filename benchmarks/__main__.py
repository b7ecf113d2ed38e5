"""`benchmarks/run pnl`: what the PnL engine costs over floors and peers, as ratios within one run.
`benchmarks/run report`: how long the page of 1,000 traders takes, and how large it is.
`benchmarks/run grades`: how long the grades of 100,000 ranked wallets take.
`benchmarks/run growth`: time, memory and bytes of silver_pnl on lakes of growing size.
`benchmarks/run series`: what ingesting time series costs over a plain append, and what a reader of one day reads.
`benchmarks/run store`: how long the pipeline takes in an S3 store of this machine, over in a folder."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import grades, growth, pnl, report, series, store
from benchmarks.series import Sizes


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("what", choices=["pnl", "report", "grades", "growth", "series", "store"])
    parser.add_argument("--small", type=int, default=1_000_000, help="pnl: trades of the small lake")
    parser.add_argument("--large", type=int, default=5_000_000, help="pnl: trades of the large lake")
    parser.add_argument("--warm-up", type=int, default=100_000, help="pnl: trades of the lake that is not measured")
    parser.add_argument("--wallets", type=int, default=100_000, help="grades: wallets of the ranking")
    sizes = [1_000_000, 5_000_000, 20_000_000, 50_000_000]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="growth: trades of each lake")
    parser.add_argument("--stored", type=int, default=10_000_000, help="series: rows of a table at first")
    parser.add_argument("--new", type=int, default=1_000_000, help="series: rows that land at once")
    parser.add_argument("--files", type=int, default=10_000, help="series: files of one row")
    parser.add_argument("--market", type=int, default=30_000, help="store: trade rows of the market")
    parser.add_argument("--tries", type=int, help="runs of which the fastest counts (default: pnl 3, store 2)")
    parser.add_argument("--scratch", type=Path, help="folder for the lakes: 6 GB, growth 60 GB (default: temporary)")
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="benchmarks-", dir=chosen.scratch) as folder:
        scratch = Path(folder)
        match chosen.what:
            case "report":
                report.run(scratch)
            case "grades":
                grades.run(scratch, wallets=chosen.wallets)
            case "growth":
                growth.run(scratch, chosen.sizes)
            case "series":
                asked = (chosen.stored, chosen.new, chosen.files)
                series.run(scratch, Sizes(*asked), warm_up=Sizes(*(max(1, size // 100) for size in asked)))
            case "store":
                store.run(scratch, trades=chosen.market, tries=chosen.tries or 2)
            case _:
                small, large, warm_up = chosen.small, chosen.large, chosen.warm_up
                pnl.run(scratch, small=small, large=large, warm_up=warm_up, tries=chosen.tries or 3)
    return 0


if __name__ == "__main__":
    sys.exit(main())

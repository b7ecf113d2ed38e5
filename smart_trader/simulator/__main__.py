"""python -m smart_trader.simulator: serve a generated market on 127.0.0.1 until SIGTERM or Ctrl-C."""

import argparse
import os
import signal
import sys
import threading
from datetime import datetime

from smart_trader.simulator.faults import KINDS, Fault, Faults
from smart_trader.simulator.market import DEMO_NOW, Market
from smart_trader.simulator.server import Simulator

FAULTS_VARIABLE = "SMART_TRADER_SIMULATOR_FAULTS"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m smart_trader.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="which market (default 7)")
    parser.add_argument("--port", type=int, default=0, help="TCP port (default: a free one)")
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--wallets", type=int, default=300)
    parser.add_argument("--trade-rows", type=int, default=30_000)
    parser.add_argument(
        "--now", type=datetime.fromisoformat, default=DEMO_NOW, help="business time, ISO 8601 with zone"
    )
    parser.add_argument("--requests-per-second", type=int, help="answer 429 to more (default: no limit)")
    parser.add_argument(
        "--faults",
        default=os.environ.get(FAULTS_VARIABLE, ""),
        help=f"what goes wrong, as KIND[,endpoint=tokens|holders|trades|webhooks][,address=A][,page=first|middle|last]"
        f"[,call=N][,times=N|all][,seconds=S], several separated by ';' (default: ${FAULTS_VARIABLE}). "
        f"Kinds: {', '.join(KINDS)}",
    )
    options = parser.parse_args()
    try:
        faults = Faults(*(Fault.parse(text) for text in options.faults.split(";") if text))
    except ValueError as error:
        parser.error(str(error))
    market = Market.generate(
        options.seed, tokens=options.tokens, wallets=options.wallets, trade_rows=options.trade_rows, now=options.now
    )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with Simulator(
        market, faults=faults, port=options.port, requests_per_second=options.requests_per_second
    ) as simulator:
        sys.stdout.write(f"{simulator.url}\n")
        sys.stdout.flush()
        stopping.wait()


if __name__ == "__main__":
    main()

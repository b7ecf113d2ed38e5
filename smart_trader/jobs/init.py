"""the declarations -> every table of the catalog

Creates what is missing and adds declared new nullable columns; refuses any other difference. Running it twice changes
nothing. Every other job does the same before it starts, so this one is for looking and for starting over.
"""

import sys

from smart_trader.run.app import App
from smart_trader.run.runner import run_job


def run(app: App) -> None:
    """The tables were created before any job runs; nothing is left to do."""


if __name__ == "__main__":
    sys.exit(run_job("init", run))

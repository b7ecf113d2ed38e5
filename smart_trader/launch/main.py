"""What `bin/submit.sh` does first, with any Python and its standard library: read the command line, set up."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from smart_trader import cli
from smart_trader.errors import SmartTraderError, UsageError
from smart_trader.launch import setup

HOME = Path(__file__).parents[2]


def run() -> NoReturn:
    """Run the command line of this process, and exit with the status of its job."""
    try:
        sys.exit(_main(sys.argv[1:]))
    except SmartTraderError as error:
        print(f"smart-trader: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


def _main(arguments: Sequence[str]) -> int:
    if not arguments:
        raise UsageError(f"no job was named\n\n{cli.overview()}")
    if arguments[0] in ("-h", "--help"):
        print(cli.overview())
        return 0
    options = cli.parse(arguments[0], arguments[1:])
    installed = setup.ensure(HOME, ("delta", "s3") if options.profile == "s3" else ("delta",))
    if installed.is_new or Path(sys.prefix) != installed.venv:
        os.execv(installed.python, [str(installed.python), *sys.orig_argv[1:]])
    from smart_trader.launch import job  # imports what set-up has installed

    return job.run(HOME, options, arguments[1:], installed)

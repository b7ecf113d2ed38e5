"""What `bin/submit.sh` does first, with any Python and its standard library: read the command line, set up."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from smart_trader import cli
from smart_trader.errors import Interrupted, SmartTraderError, UsageError
from smart_trader.launch import archive, setup

HOME = Path(__file__).parents[2]


def submit() -> NoReturn:
    """`bin/submit.sh`."""
    _exit(_submit)


def set_up() -> NoReturn:
    """`bin/setup`."""
    _exit(lambda arguments: setup.command(HOME, arguments))


def build_zip() -> NoReturn:
    """`bin/build-zip`."""
    _exit(_build_zip)


def _exit(command: Callable[[Sequence[str]], int]) -> NoReturn:
    """Run the command line of this process, and exit with a documented status whatever happens."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = command(sys.argv[1:])
        sys.stdout.flush()
    except SmartTraderError as error:
        status = error.exit_status
        print(f"smart-trader: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        status = Interrupted.exit_status
        print("smart-trader: interrupted; run again to go on", file=sys.stderr)
    except BrokenPipeError:  # the reader of our output has gone, as in `--help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 0
    except Exception:
        status = SmartTraderError.exit_status
        traceback.print_exc()
    sys.exit(status)


def _submit(arguments: Sequence[str]) -> int:
    if not arguments:
        raise UsageError(f"no job was named\n\n{cli.overview()}")
    if arguments[0] in ("-h", "--help"):
        print(cli.overview())
        return 0
    options = cli.parse(arguments[0], arguments[1:])
    installed = setup.ensure(HOME, ("delta", "s3") if options.profile == "s3" else ("delta",))
    if installed.is_new:
        os.execv(installed.python, [str(installed.python), *sys.orig_argv[1:]])
    from smart_trader.launch import job  # imports what set-up has installed

    return job.run(HOME, options, arguments[1:], installed)


def _build_zip(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise UsageError("usage: bin/build-zip FILE")
    archive.build(HOME, Path(arguments[0]))
    return 0

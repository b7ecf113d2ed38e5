"""The commands of `bin/`, up to where packages are needed: any Python runs them with its standard library."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from smart_trader import cli
from smart_trader.config import limits
from smart_trader.errors import ConfigurationError, Interrupted, SmartTraderError, StorageError, UsageError
from smart_trader.launch import archive, environment, next_spark, setup
from smart_trader.messages import tell

HOME = Path(__file__).parents[2]


def run() -> NoReturn:
    """Run the command that the first argument names, and exit with a documented status in every case."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        try:
            status = _COMMANDS[sys.argv[1]](sys.argv[2:])
        finally:  # also after --help, which exits by itself
            sys.stdout.flush()
    except SmartTraderError as error:
        status = error.exit_status
        tell(str(error), level="ERROR")
    except KeyboardInterrupt:
        status = Interrupted.exit_status
        tell("interrupted; run again to go on", level="ERROR")
    except BrokenPipeError:  # the reader of our output has gone, as in `--help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 0
    except Exception as error:
        status = _explain(error)
    sys.exit(status)


def _explain(error: Exception) -> int:
    """Print the limit of the machine or the bug behind `error`, and return the exit status."""
    if limits.is_reached(error) or limits.line_in(str(error)):
        tell(limits.ADVICE.format(error), level="ERROR")
        return ConfigurationError.exit_status
    if isinstance(error, OSError):
        tell(f"{error}; make room or make it writable, then run again", level="ERROR")
        return StorageError.exit_status
    tell(f"a bug; please report it with this:\n{''.join(traceback.format_exception(error))}", level="ERROR")
    return SmartTraderError.exit_status


def _submit(arguments: Sequence[str]) -> int:
    if not arguments:
        raise UsageError(f"no job was named\n\n{cli.overview()}")
    if arguments[0] in ("-h", "--help"):
        print(cli.overview())
        return 0
    if arguments[0] == "--version":
        print(cli.VERSION_LINE)
        return 0
    options = cli.parse(arguments[0], arguments[1:])
    _check_working_folder()
    installed = _set_up_here()
    from smart_trader.launch import job  # imports what set-up has installed

    return job.run(HOME, options, arguments[1:], installed)


def _set_up_here() -> setup.Installation:
    """The installation; this process begins anew in its Python if it has just been made."""
    installed = setup.ensure(HOME, ("delta",))
    if installed.is_new:
        os.execv(installed.python, [str(installed.python), *sys.orig_argv[1:]])
    return installed


def _check_working_folder() -> None:
    """Raises ConfigurationError if the working folder is gone: Java and relative paths need it."""
    try:
        os.getcwd()
    except OSError as error:
        raise ConfigurationError(
            f"The folder that this was started from is gone ({error.strerror}), so nothing was started."
            " Change to another one, then run again."
        ) from error


def _set_up(arguments: Sequence[str]) -> int:
    return setup.command(HOME, arguments)


def _archive_classes(_arguments: Sequence[str]) -> int:
    from smart_trader.launch import job

    return job.archive_classes(HOME, setup.ensure(HOME, ("delta",)))


def _test(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--lane"]:
        return _test_next(arguments[1:])
    installed = setup.ensure(HOME, ("delta",))
    os.chdir(HOME)
    environ = {**os.environ, "JAVA_HOME": str(installed.java_home)}
    # A file at a time, in the order of tests/conftest.py. Each worker starts Spark with its first file that needs it.
    workers = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
    os.execve(installed.python, [str(installed.python), "-m", "pytest", *workers, *arguments], environ)


def _test_next(arguments: Sequence[str]) -> int:
    """The tests with the next version of Spark, in a copy of this checkout."""
    if arguments[:1] != ["next"]:
        raise UsageError("usage: bin/test --lane next [pytest arguments]; without --lane, -m names what has a lane")
    command = next_spark.checkout(HOME) / "bin" / "test"
    os.execv(command, [str(command), *arguments[1:]])


def _build_zip(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise UsageError("usage: bin/build-zip FILE")
    archive.build(HOME, Path(arguments[0]))
    return 0


def _build_env(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not arguments[0].endswith(".tar.gz"):
        raise UsageError("usage: bin/build-env FILE.tar.gz")
    installed = _set_up_here()
    environment.build(HOME, installed.python, Path(arguments[0]).absolute())
    return 0


_COMMANDS = {
    "submit": _submit,
    "setup": _set_up,
    "test": _test,
    "build-zip": _build_zip,
    "build-env": _build_env,
    "archive-classes": _archive_classes,
}

if __name__ == "__main__":
    run()

"""`bin/submit.sh` after set-up: settings, lock, `spark-submit`."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from smart_trader import paths, tuning
from smart_trader.cli import Options
from smart_trader.config import limits
from smart_trader.config.model import Settings
from smart_trader.config.settings import describe, load, require, require_webhook
from smart_trader.errors import ConfigurationError, SmartTraderError, UsageError
from smart_trader.io.lock.file import FILES, hold
from smart_trader.io.machine import log_files, scratch
from smart_trader.job_table import JOBS
from smart_trader.launch import archive, java, on_cluster, s3, setup
from smart_trader.launch.setup import Installation
from smart_trader.launch.submit import Run, Submission
from smart_trader.messages import tell
from smart_trader.pipeline import FETCHING, TABLE_NAMES
from smart_trader.run import folders, process

_DEMO = (("warehouse.root", "./demo"), ("logs.folder", "demo/logs"), ("series.landing", "./demo/landing"))


def run(home: Path, options: Options, arguments: Sequence[str], installed: Installation) -> int:
    """Run the job of `options`, and return its exit status. `arguments` are passed on to the job."""
    settings = load(options.profile, overrides=options.overrides, demo=_DEMO if options.demo else (), home=home)
    if options.print_settings:
        print(describe(settings, as_json=options.json))
        return 0
    _check_request(options, settings)
    if not JOBS[options.job].needs_spark and folders.warehouse(settings):
        from smart_trader.jobs import disk_space  # what it reads tables with takes long to import

        return disk_space.run(options, settings)
    if s3.is_needed(settings):
        installed = setup.ensure(home, ("delta", "s3"))
    _check_machine(home, settings)
    if options.is_writing:
        _make_room(settings)
    started = datetime.now(UTC)
    run_id = options.run_id or process.new_run_id(started)
    if options.run_id is None:
        arguments = [*arguments, "--run-id", run_id]
    waiting = _lock(options, settings, run_id, started) if options.is_writing else contextlib.nullcontext(())
    with waiting as held, scratch.folder(str(folders.scratch(settings))) as (folder, in_use):
        described = Run(
            home=home,
            folder=folder,
            java_home=installed.java_home,
            job=options.job,
            run_id=run_id,
            arguments=arguments,
            settings=settings,
            package=archive.build(home, folder / "smart_trader.zip"),
            jars=installed.jars,
            java_options=tuning.class_archive(installed.class_archive) if settings.spark.tuning else [],
            log_folder=_log_folder(settings) if options.is_writing else None,
            stored_bytes=stored_bytes(settings),
        )
        if described.settings_archive:
            on_cluster.settings_archive(home, os.environ, described.settings_archive)
        return _submit(described, (*held, in_use))


def _check_request(options: Options, settings: Settings) -> None:
    """Raises UsageError or ConfigurationError if an option or a setting is missing that the job needs."""
    if options.recreate and not options.yes and not options.dry_run:
        raise UsageError(
            f"--recreate deletes every table below {settings.warehouse.root} with all of its history, and nothing"
            " brings them back. Nothing was deleted; add --yes if that is what you want."
        )
    if options.job in {*FETCHING, "pipeline"} and options.makes_calls and not options.demo:
        require(settings, "birdeye.api_key")
    if options.job == "helius_webhooks" and not options.demo:
        require_webhook(settings)


def _lock(
    options: Options, settings: Settings, run_id: str, started: datetime
) -> contextlib.AbstractContextManager[tuple[int, ...]]:
    """The locks that the job needs, to be held while it runs."""
    owner = {
        "job": options.job,
        "run": run_id,
        "pid": str(os.getpid()),
        "host": socket.gethostname(),
        "since": f"{started:%Y-%m-%dT%H:%M:%SZ}",
    }
    names = [FILES[lock] for lock in options.locks]
    return _hold_all(settings.warehouse.root, owner, names, wait_seconds=options.wait_lock)


@contextlib.contextmanager
def _hold_all(
    root: str, owner: dict[str, str], names: Sequence[str], *, wait_seconds: float
) -> Iterator[tuple[int, ...]]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(hold(root, owner, name=name, wait_seconds=wait_seconds)) for name in names]
        yield tuple(descriptor for each in held for descriptor in each)


def _submit(described: Run, inherited: Sequence[int]) -> int:
    """Run `spark-submit`, print the data of the job on standard output, and return the exit status."""
    try:
        return Submission(described, inherited).run()
    except SmartTraderError as error:
        _keep(described, str(error))
        raise
    finally:
        _print(described.folder / process.OUTPUT_FILE)


def _check_machine(home: Path, settings: Settings) -> None:
    """Raises ConfigurationError if Java or Spark cannot work here with these settings."""
    lacking = limits.missing(settings.spark.driver_memory) if settings.spark.deploy_mode == "client" else ""
    if lacking:
        raise ConfigurationError(limits.ADVICE.format(lacking))
    for folder in (home, *folders.all_of(settings).values()):
        if not java.can_name(folder):
            raise ConfigurationError(
                f"Java cannot name {folder} here, so nothing was started: install the locale {java.LOCALE}, or use"
                " folders with plain letters."
            )
    folder = folders.scratch(settings)
    try:
        paths.check_for_spark(folder)
    except ValueError as error:
        raise ConfigurationError(
            f"The folder for temporary files, {folder}, {error}, so nothing was started."
            " Set warehouse.scratch or TMPDIR to another one."
        ) from error


def _make_room(settings: Settings) -> None:
    """Remove the scratch of dead runs and old log files. Raises StorageError if a disk is too full all the same."""
    scratch.remove_dead(folders.scratch(settings))
    folders.remove_old_logs(settings, datetime.now(UTC))
    folders.check_disks(settings)


def _log_folder(settings: Settings) -> Path | None:
    """The folder for the log files of this run. None, with a warning, if it cannot be written: the run goes on."""
    folder = folders.logs(settings)
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            why = f"{folder} cannot be written ({error.strerror}); see logs.folder"
            tell(f"no log files are kept of this run: {why}", level="WARNING")
            return None
    return folder


def _keep(run: Run, message: str) -> None:
    """Add `message`, the end of the run, to the log file of the driver, which could not write it."""
    if run.log_folder:
        file = log_files.of_driver(run.log_folder, run.run_id)
        with contextlib.suppress(OSError):
            log_files.add_line(file, run_id=run.run_id, job=run.job, message=message)


def stored_bytes(settings: Settings) -> int | None:
    """The size of the data files in the newest versions of all tables, by their logs; None where that cannot be told.

    Another process reads the logs: the library may crash on what other programs wrote, or wait for a silent store.
    """
    tables = [f"{settings.warehouse.root}/{name.replace('.', '/')}" for name in TABLE_NAMES]
    asked = json.dumps({"tables": tables, "options": s3.reader_options(settings)})
    with contextlib.suppress(subprocess.SubprocessError, OSError, ValueError):
        command = [sys.executable, "-I", str(Path(__file__).with_name("read_logs.py"))]
        told = subprocess.run(
            command,
            input=asked.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=settings.store.longest_request_seconds,
            check=True,
        )
        return int(told.stdout)
    return None


def archive_classes(home: Path, installed: Installation) -> int:
    """Run `init` on an empty warehouse with a JVM that archives the classes it loads; returns the exit status."""
    with scratch.folder(None) as (folder, in_use):
        written = folder / "classes.jsa"
        warehouse = ("warehouse.root", str(folder / "lake"))
        described = Run(
            home=home,
            folder=folder,
            java_home=installed.java_home,
            job="init",
            run_id="archive-classes",
            arguments=["--set", "=".join(warehouse)],
            settings=load(overrides=[warehouse], environ={}, home=home),
            package=archive.build(home, folder / "smart_trader.zip"),
            jars=installed.jars,
            java_options=[f"-XX:ArchiveClassesAtExit={written}"],
            stored_bytes=0,
        )
        status = Submission(described, (in_use,)).run()
        if status == 0 and written.is_file():
            partial = installed.class_archive.with_suffix(".partial")
            shutil.copyfile(written, partial)
            partial.rename(installed.class_archive)
        return status


def _print(output: Path) -> None:
    if output.is_file():
        with output.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
        sys.stdout.buffer.flush()

"""What a driver on the cluster is given: settings, and a Python. It has no file and no variable of this machine."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from smart_trader.config import sources
from smart_trader.launch import environment, java

_HOME = "home"
"""The folder of the settings, beside the driver."""


def settings_archive(home: Path, environ: Mapping[str, str], target: Path) -> Path:
    """Write the settings of `home` and of `environ` to the zip `target`, as a home of the driver, and return `target`.

    Only its owner can read it: there may be secrets in it, which must not stand on a command line.
    """
    given = [*sources.from_dotenv(home / ".env", is_optional=True), *sources.from_variables(environ)]
    variables = {each.name: str(each.value) for each in given}
    opened = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((home / "conf").glob("*.toml")):
            archive.write(path, f"conf/{path.name}")
        archive.writestr(".env", "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items()))
    return target


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def confs(packages: str | None, settings: Path | None, run_id: str) -> dict[str, str]:
    """The confs of a run on a cluster: `packages` is the setting `spark.environment`, `settings` the archive with those
    of a driver there (YARN), None for one here.

    A driver that failed is not started again: its run has ended, and the scheduler decides about the next one.
    """
    archives = [f"{packages}#{environment.NAME}"] if packages else []
    found = dict[str, str]()
    if settings:
        archives.append(f"{settings}#{_HOME}")
        variables = {"SMART_TRADER_HOME": _HOME, "SMART_TRADER_RUN_ID": run_id, "TZ": "UTC", "LC_ALL": java.LOCALE}
        found |= {f"spark.yarn.appMasterEnv.{name}": value for name, value in variables.items()}
        found["spark.yarn.maxAppAttempts"] = "1"
    if archives:
        found["spark.archives"] = ",".join(archives)
    return found


def pythons(packages: str | None, environ: Mapping[str, str], *, driver: str | None) -> dict[str, str]:
    """The variables that name a Python: that of the executors, by `packages` or the caller's choice, and that of a
    `driver` here. A driver on the cluster has that of the executors."""
    executors = environment.PYTHON if packages else environ.get("PYSPARK_PYTHON") or "python3"
    return {"PYSPARK_PYTHON": executors, **({"PYSPARK_DRIVER_PYTHON": driver} if driver else {})}

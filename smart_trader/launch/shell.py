"""Commands of other programs: their output is hidden, and a failure becomes one line with the next step."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from smart_trader.errors import SmartTraderError, SourceUnavailable, StorageError
from smart_trader.run import process

_DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded|Read-only file system")
_NOT_SERVED = re.compile(
    r"NewConnectionError|ConnectTimeout|NameResolutionError|ProxyError|Temporary failure|Could not resolve|"
    r"UNRESOLVED DEPENDENCIES|No matching distribution"
)


def run(
    what: str,
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
) -> None:
    """Run `command`, which does `what`, in `folder`. Its output is shown only if it fails.

    `keep_open` are file descriptors that it inherits. Raises StorageError on a full disk, else SourceUnavailable.
    """
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=folder,
        env=environ,
        pass_fds=keep_open,
        preexec_fn=process.end_with_parent,
        check=False,
    )
    if done.returncode:
        raise _explain(what, done.stdout)


def _explain(what: str, output: str) -> SmartTraderError:
    if _DISK_FULL.search(output):
        return StorageError(f"{what} failed: the disk is full or read-only; make room (about 2 GB), then run again")
    if _NOT_SERVED.search(output):
        return SourceUnavailable(
            f"{what} failed: no registry answers, or it lacks them; check network, proxy and mirrors, then run again"
        )
    last = "\n".join(f"  {line}" for line in output.strip().splitlines()[-5:])
    return SourceUnavailable(f"{what} failed; run again once this is mended:\n{last}")


def is_apt_ours() -> bool:
    """Whether this is Debian or Ubuntu, and the user is root."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def apt_install(*alternatives: str) -> bool:
    """Install the first known package of `alternatives`; returns False if not root on Debian or Ubuntu, or none."""
    if not is_apt_ours():
        return False
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"  # dpkg asks for them, cron has none
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": path}
    run("apt-get update", ["apt-get", "-qq", "update"], environ=environ)
    for package in alternatives:
        if subprocess.run(["apt-cache", "show", package], capture_output=True, check=False).returncode == 0:
            install = ["apt-get", "-qq", "install", "--no-install-recommends", package]
            run(f"apt-get install {package}", install, environ=environ)
            return True
    return False

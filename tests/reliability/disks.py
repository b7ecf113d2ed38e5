"""Disks that fill up or become read-only, for real, with whatever this machine lets a test do.

Root may usually mount a small file system. Where that is not allowed, the tests' JVM is forbidden to write files beyond
a size, which fails at the same calls with another error; and as anybody but root, folders are made read-only.
"""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

_SIZE = 16 * 2**20


class Disk:
    """A place for a warehouse, on a disk of its own where that is possible."""

    def __init__(self, place: Path, jvm: int) -> None:
        self.place, self._jvm = place, jvm
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "none", str(place)]
        self.is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def unmount(self) -> None:
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self.place)], check=True)

    @contextlib.contextmanager
    def with_room_for(self, size: int) -> Iterator[None]:
        """No more than `size` bytes can be written."""
        if not self.is_mounted:
            soft, hard = resource.prlimit(self._jvm, resource.RLIMIT_FSIZE)
            resource.prlimit(self._jvm, resource.RLIMIT_FSIZE, (size, hard))
            try:
                yield
            finally:
                resource.prlimit(self._jvm, resource.RLIMIT_FSIZE, (soft, hard))
            return
        ballast = self.place / "ballast"
        found = os.statvfs(self.place)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - size))
        try:
            yield
        finally:
            ballast.unlink()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Nothing can be written."""
        if self.is_mounted:
            self._remount("ro")
            try:
                yield
            finally:
                self._remount("rw")
            return
        if os.geteuid() == 0:  # whom permissions do not bind
            with self.with_room_for(0):
                yield
            return
        folders = [self.place, *(path for path in self.place.rglob("*") if path.is_dir())]
        for folder in folders:
            folder.chmod(0o555)
        try:
            yield
        finally:
            for folder in folders:
                folder.chmod(0o755)

    def _remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.place)], check=True)

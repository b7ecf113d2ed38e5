"""How full the disks of some folders are, and the size of the folders. Writes nothing."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from smart_trader.errors import StorageError

_NOTHING = 2**20


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system. Percentages are of the space that users other than root may use, as in `df`."""

    mount: Path
    holds: tuple[str, ...]
    """The purposes of the folders on it."""
    total_bytes: int
    free_bytes: int
    used_percent: Decimal
    inodes_percent: Decimal
    """Share of the files that it can hold; 0 without a limit. A disk without inodes is as full as one without bytes."""

    @property
    def percent(self) -> Decimal:
        return max(self.used_percent, self.inodes_percent)


def disks_of(folders: Mapping[str, Path]) -> list[Disk]:
    """The file systems of `folders`. A folder is named by its purpose and need not exist yet."""
    held: dict[int, list[str]] = {}
    places: dict[int, Path] = {}
    for name, folder in folders.items():
        place = _existing(folder)
        device = place.stat().st_dev
        held.setdefault(device, []).append(name)
        places.setdefault(device, place)
    return [_disk(places[device], tuple(names)) for device, names in held.items()]


def check(folders: Mapping[str, Path], *, warn_percent: Decimal, critical_percent: Decimal) -> list[str]:
    """A warning for each disk of `folders` that is at least `warn_percent` full.

    Raises StorageError if one is at least `critical_percent` full.
    """
    return judge(disks_of(folders), warn_percent=warn_percent, critical_percent=critical_percent)


def judge(disks: Sequence[Disk], *, warn_percent: Decimal, critical_percent: Decimal) -> list[str]:
    """As `check`, for measured disks."""
    full = [disk for disk in disks if disk.percent >= critical_percent]
    if full:
        raise StorageError(
            f"{'; '.join(map(_say, full))}. From {critical_percent:g} % on (disk.critical_percent) no run is started,"
            " since a run that fills a disk fails half way.\n"
            "  next: `bin/submit.sh disk_space` shows what takes the room, with --clean it removes what dead runs left;"
            " then run again."
        )
    return [
        f"{_say(disk)}; from {critical_percent:g} % on no run is started. `disk_space` shows what takes the room."
        for disk in disks
        if disk.percent >= warn_percent
    ]


def is_full(folder: Path) -> bool:
    """Whether the disk of `folder` is full, by bytes or by number of files."""
    found = os.statvfs(_existing(folder))
    return found.f_bavail * found.f_frsize < _NOTHING or (found.f_files > 0 and found.f_favail == 0)


def bytes_in(folder: Path) -> int:
    """Bytes of the files below `folder`. Files that vanish meanwhile do not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total


def _disk(place: Path, holds: tuple[str, ...]) -> Disk:
    found = os.statvfs(place)
    used = found.f_blocks - found.f_bfree
    return Disk(
        mount=_mount(place),
        holds=holds,
        total_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        used_percent=_percent(used, used + found.f_bavail),
        inodes_percent=_percent(found.f_files - found.f_ffree, found.f_files),
    )


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(100 * part) / whole if whole else Decimal(0)).quantize(Decimal("0.1"))


def _existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    absolute = folder.absolute()
    return next(place for place in (absolute, *absolute.parents) if place.exists())


def _mount(place: Path) -> Path:
    resolved = place.resolve()
    return next((above for above in (resolved, *resolved.parents) if os.path.ismount(above)), resolved)


def _say(disk: Disk) -> str:
    what = "bytes" if disk.used_percent >= disk.inodes_percent else "number of files"
    return f"The disk at {disk.mount} ({', '.join(disk.holds)}) is {disk.percent} % full by {what}"

"""The zip of `--py-files`: the files of this package that executors need, and no others."""

import zipfile
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SUFFIXES = (".py", ".json", ".css")


def build(home: Path, target: Path) -> Path:
    """Write the package below `home` to `target`, and return `target`. The same files give the same bytes."""
    package = home / "smart_trader"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(package.rglob("*")):
            if path.suffix in _SUFFIXES and path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(home).as_posix(), _EPOCH)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return target

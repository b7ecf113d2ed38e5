"""What a folder holds, to the byte."""

import hashlib
from pathlib import Path


def fingerprint(root: Path) -> dict[str, tuple[int, str]]:
    """Every file and folder below `root`, itself included, with its time of change and a hash; empty without `root`."""
    found = [root, *root.rglob("*")] if root.exists() else []
    return {
        str(path.relative_to(root)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in found
    }

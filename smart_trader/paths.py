"""Paths and addresses as people write them, spelled one way. Standard library only.

A folder is an absolute path, whatever it was written as; a store is an address with its scheme in small letters. Hadoop
neither decodes `%20` in an address nor knows `~`, so what reaches it has gone through here.
"""

import os
import posixpath
import re
from pathlib import Path
from urllib.parse import unquote

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/.*)", re.DOTALL)
_LONGEST_NAME, _LONGEST_PATH = 255, 4000
"""Bytes that Linux and macOS take; of the path, some room is left for what lies below it."""

_SEPARATORS = ",:#?*[]{}\\"


def file_path(text: str) -> Path:
    """The absolute path that `text` names, with `~` for the home folder.

    Raises ValueError, which says what is wrong, for a path that no program could open.
    """
    _refuse_control_characters(text)
    expanded = os.path.expanduser(text)
    if expanded.startswith("~"):
        raise ValueError("begins with the home folder of a user that there is not; a name with ~ is written ./~")
    try:
        path = os.path.abspath(expanded)
    except OSError:
        raise ValueError("is relative to a folder that is gone: change to another one") from None
    path = re.sub("^/+", "/", path)  # two of them at the front would be a host to Hadoop
    parts = [len(os.fsencode(part)) for part in path.split("/")]
    if max(parts) > _LONGEST_NAME or sum(parts) + len(parts) > _LONGEST_PATH:
        raise ValueError(f"is too long: a name may have {_LONGEST_NAME} bytes, all of it {_LONGEST_PATH}")
    return Path(path)


def is_file(path: Path) -> bool:
    """Whether there is such a file; one that cannot be looked at is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """As `is_file`, of folders."""
    try:
        return path.is_dir()
    except OSError:
        return False


def location(text: str) -> str:
    """How the place of tables is spelled: an absolute path, or the address of a store without a slash at its end.

    Raises ValueError, which says what is wrong.
    """
    address = _ADDRESS.fullmatch(text)
    if address is None:
        return str(file_path(text))
    scheme, rest = address[1].lower(), address[2]
    if scheme == "file":
        return str(file_path(unquote(_without_host(rest))))
    _refuse_control_characters(text)
    if scheme in ("s3", "s3n"):
        raise ValueError("must begin with s3a://, Hadoop's name for S3")
    host = rest[2:].partition("/")[0] if rest.startswith("//") else ""
    if "@" in host:
        raise ValueError("must not carry a key or password: give them in the environment")
    if scheme == "s3a" and not host:
        raise ValueError("must name a bucket, as in s3a://BUCKET/FOLDER")
    path = posixpath.normpath("/" + rest.removeprefix(f"//{host}").lstrip("/"))
    return f"{scheme}://{host}" + ("" if path == "/" else path)


def local_folder(location: str) -> Path | None:
    """The folder that is spelled `location`, or None where that is the address of a store."""
    return None if _ADDRESS.fullmatch(location) else Path(location)


def is_s3(location: str) -> bool:
    """Whether `location` is the address of a store that speaks S3."""
    return location.startswith("s3a://")


def check_for_spark(path: Path) -> None:
    """Raises ValueError for a path that Spark would take apart: it hands files on in lists, as patterns and as URIs."""
    found = sorted(set(str(path)) & set(_SEPARATORS))
    if found:
        raise ValueError(f"holds {' '.join(found)}, which Spark takes for a separator or a pattern")
    _refuse_control_characters(str(path))


def _without_host(rest: str) -> str:
    if not rest.startswith("//"):
        return rest
    host, slash, path = rest[2:].partition("/")
    if host not in ("", "localhost"):
        raise ValueError("names another machine: file:///FOLDER is one of this machine")
    return slash + path


def _refuse_control_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not written in UTF-8") from None
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError("holds a control character, such as a line break")

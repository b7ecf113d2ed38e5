"""The files of the demonstration hold rows that are all taken, and are the same at every call."""

from datetime import UTC, datetime
from pathlib import Path

from smart_trader.domain.foundation.all_series import ALL_SERIES
from smart_trader.domain.foundation.files import read_file
from smart_trader.run.demo_series import land_month

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def contents(landing: Path) -> dict[str, bytes]:
    return {file.relative_to(landing).as_posix(): file.read_bytes() for file in sorted(landing.rglob("*.*"))}


def test_a_month_of_every_series_is_landed_and_nothing_in_it_is_rejected(tmp_path: Path) -> None:
    land_month(tmp_path / "one", until=NOW)
    land_month(tmp_path / "two", until=NOW)
    land_month(tmp_path / "two", until=NOW)
    files = contents(tmp_path / "one")
    assert files == contents(tmp_path / "two")
    for series in ALL_SERIES:
        paths = [path for path in files if path.startswith(f"{series.name}/")]
        assert len(paths) == 30
        for path in paths:
            with (tmp_path / "one" / path).open("rb") as stream:
                found = list(read_file(series, path, stream, size=len(files[path]), latest=NOW))
            assert found and not [block for block in found if block.rejections]

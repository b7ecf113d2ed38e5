"""One browser for all tests of this lane, and reports for it to open."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_trader.report import page, page_view
from tests.browser.chromium import Tab, browsing
from tests.report.example import GOOD, named, report_data, trader
from tests.report.hostile import NAMES


@pytest.fixture(scope="session")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browsing(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Addresses of pages by what is on them."""
    folder = tmp_path_factory.mktemp("reports")
    found = {
        "example": report_data(),
        "hostile": named(NAMES),
        "long": report_data(
            traders=[trader(f"{GOOD[:-3]}{nth + 110}".replace("0", "A"), nth) for nth in range(1, 101)]
        ),
        "empty": report_data(traders=(), groups=(), ranked_at=None, previous_at=None, freshness=None, runs=()),
    }
    for name, parts in found.items():
        Path(folder, f"{name}.html").write_text(page.render(page_view.build(parts)), encoding="utf-8")
    return {name: Path(folder, f"{name}.html").as_uri() for name in found}

"""The file of a report, where somebody else put something of that name."""

import os
from pathlib import Path

from smart_trader.report import file


def test_a_pipe_in_the_place_of_the_page_is_not_waited_for(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    os.mkfifo(page)
    assert not file.is_made_from(page, "any")
    file.write("a page", page)
    assert page.read_text("utf-8") == "a page"

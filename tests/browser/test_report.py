"""The report in a real browser: nothing runs, nothing is asked of the network, everybody can read it.

Not among the tests that run by default: they need Chromium and axe (see CONTRIBUTING.md). `.ci/run` runs them.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Tab

pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[2] / "build" / "browser" / "axe_playwright_python" / "axe.min.js"
PICTURES = os.environ.get("SMART_TRADER_PICTURES")
"""A folder for pictures of the page, to be looked at."""
OPEN_ALL = "document.querySelectorAll('details').forEach(part => part.open = true)"
each_page = pytest.mark.parametrize("name", ["example", "hostile", "empty"])
each_scheme = pytest.mark.parametrize("scheme", ["light", "dark"])
each_width = pytest.mark.parametrize("width", [360, 768, 1100, 1280])


@each_page
def test_nothing_runs_is_asked_for_or_complained_of(tab: Tab, reports: dict[str, str], name: str) -> None:
    tab.show(width=1280)
    tab.open(reports[name])
    tab.evaluate(OPEN_ALL)
    tab.evaluate("document.querySelectorAll('bdi, a, summary').forEach(part => part.focus())")
    tab.evaluate(
        "document.querySelectorAll('*').forEach(part => ['mouseover', 'click', 'focus', 'load', 'error', 'toggle']"
        ".forEach(kind => part.tagName == 'A' && kind == 'click' || part.dispatchEvent(new Event(kind))))"
    )
    assert tab.heard("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded") == []
    asked = [event["request"]["url"] for event in tab.heard("Network.requestWillBeSent")]
    assert asked == [reports[name]]
    assert tab.evaluate("document.querySelectorAll('script, img, iframe, object, embed, form, base, link').length") == 0


def test_the_policy_would_stop_a_script_that_got_in(tab: Tab, tmp_path: Path, reports: dict[str, str]) -> None:
    """The second lock works without the first: here text is put into the page as markup."""
    planted = Path(reports["example"].removeprefix("file://")).read_text("utf-8")
    attack = "<script>window.ran = 1</script><img src='https://evil.example/x' onerror='window.ran = 1'></main>"
    target = tmp_path / "planted.html"
    target.write_text(planted.replace("</main>", attack), "utf-8")
    tab.open(target.as_uri())
    assert tab.evaluate("window.ran === undefined")
    assert len(tab.heard("Log.entryAdded")) >= 2, "what was stopped is said"
    tab.open(reports["example"])


def test_hostile_names_stand_in_their_cells_as_text(tab: Tab, reports: dict[str, str]) -> None:
    tab.show(width=360)
    tab.open(reports["hostile"])
    tab.evaluate(OPEN_ALL)
    texts = tab.evaluate("[...document.querySelectorAll('bdi')].map(name => name.textContent)")
    assert "<script>alert(1…" in texts and "USDC[U+202E]gpj…" in texts and "(no symbol)" in texts
    assert max(map(len, texts)) <= 16
    tall = tab.evaluate("Math.max(...[...document.querySelectorAll('bdi')].map(name => name.offsetHeight))")
    assert tall < 60, "no name reaches over its neighbours"


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        *(("example", scheme, width) for scheme in ("light", "dark") for width in (360, 768, 1280)),
        ("hostile", "light", 360),
        ("empty", "dark", 768),
    ],
)
def test_axe_finds_no_fault(tab: Tab, reports: dict[str, str], name: str, scheme: str, width: int) -> None:
    faults = _faults(tab, reports[name], scheme, width)
    assert [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in faults] == []


def test_axe_would_find_a_fault(tab: Tab, tmp_path: Path) -> None:
    poor = tmp_path / "poor.html"
    poor.write_text(
        "<!doctype html><title>x</title><p style='color:#ccc;background:#fff'>pale</p><img src=''>", "utf-8"
    )
    assert {"color-contrast", "image-alt", "html-has-lang"} <= {
        fault["id"] for fault in _faults(tab, poor.as_uri(), "light", 1280)
    }


@each_scheme
@each_width
def test_the_page_fits_the_screen(tab: Tab, reports: dict[str, str], scheme: str, width: int) -> None:
    for name in ("example", "hostile"):
        tab.show(width=width, scheme=scheme)
        tab.open(reports[name])
        tab.evaluate(OPEN_ALL)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "only tables scroll sideways"
        if PICTURES:
            tab.picture(Path(PICTURES) / f"{name}-{width}-{scheme}.png")


@each_width
def test_the_ranking_scrolls_with_the_page_and_not_in_itself(tab: Tab, reports: dict[str, str], width: int) -> None:
    tab.show(width=width)
    tab.open(reports["long"])
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    scrolling = "part => /auto|scroll/.test(getComputedStyle(part).overflow)"
    assert not tab.evaluate(f"[...document.querySelectorAll('#ranking, #ranking *, main')].some({scrolling})")
    row = "document.querySelectorAll('#ranking tbody tr')[60]"
    tab.evaluate(f"{row}.scrollIntoView({{block: 'center'}})")
    assert tab.evaluate("scrollY > 3000")
    if width == 1280:
        assert tab.evaluate("document.querySelector('#ranking thead th').getBoundingClientRect().top") == 0


def test_a_phone_shows_all_of_a_ranked_trader_without_scrolling_sideways(tab: Tab, reports: dict[str, str]) -> None:
    for name in ("example", "hostile"):
        tab.show(width=360)
        tab.open(reports[name])
        cells = "[...document.querySelectorAll('#ranking tbody tr > *')]"
        assert tab.evaluate(f"{cells}.length") >= 11
        assert tab.evaluate(f"Math.max(...{cells}.map(cell => cell.getBoundingClientRect().right))") <= 360
        cut = f"{cells}.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.textContent)"
        assert list(tab.evaluate(cut)) == []


def test_all_of_it_is_reached_by_the_keyboard(tab: Tab, reports: dict[str, str]) -> None:
    tab.show(width=1280)
    tab.open(reports["example"])
    reached = []
    for _ in range(60):
        for kind in ("keyDown", "keyUp"):
            tab.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(tab.evaluate("(document.activeElement.textContent || '').slice(0, 30)"))
    assert reached[0] == "Skip to the content"
    for wanted in ("Figures", "Tokens (1)", "Newest sales (3)", "Open lots (1)", "Back to the ranking"):
        assert wanted in reached
    assert any(text.startswith("Network fees") or "Ranking" in text for text in reached)


def test_a_link_of_the_list_leads_to_the_part_about_the_wallet(tab: Tab, reports: dict[str, str]) -> None:
    tab.show(width=1280)
    tab.open(reports["example"])
    tab.evaluate("document.querySelector('#ranking tbody a').click()")
    assert tab.evaluate("document.querySelector(':target h3').textContent").startswith("#1 GoodTrader")


def _faults(tab: Tab, address: str, scheme: str, width: int) -> list[dict[str, Any]]:
    tab.show(width=width, scheme=scheme)
    tab.open(address)
    if "hostile" not in address:  # all of its parts have the same shape
        tab.evaluate(OPEN_ALL)
    tab.evaluate(AXE.read_text("utf-8") + ";0")
    return list(tab.evaluate("axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"))

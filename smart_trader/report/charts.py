"""Curves and bars as inline SVG. Only shapes: text is HTML beside them, so that it keeps its size on a phone."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from smart_trader.report import numbers
from smart_trader.report.markup import Html, element
from smart_trader.report.trader_view import day_text
from smart_trader.report.view import Curve, Excess

_WIDTH, _HEIGHT = 600, 160
_PART_CLASSES = ("p1", "p2", "p3", "p4")


def equity(curve: Curve, label: str) -> Html:
    """The curve with its range and its days."""
    values = [value for _, value in curve.points]
    ends = (numbers.money(end, signed=True) for end in (max(Decimal(0), *values), min(Decimal(0), *values)))
    days = (day_text(curve.points[place][0]) for place in (0, -1))
    return _framed(_drawing(curve, label, _HEIGHT), ends, days, curve.summary)


def excess(chart: Excess, label: str) -> Html:
    """The excess after each ranking as a mark on its interval."""
    top = max(Decimal(0), *(high for *_, high in chart.points))
    bottom = min(Decimal(0), *(low for _, _, low, _ in chart.points))
    width, span = _WIDTH / len(chart.points), float(top - bottom) or 1.0

    def y(value: Decimal) -> str:
        return _short(2 + float(top - value) / span * (_HEIGHT - 4))

    shapes = [element("path", class_="zero", d=f"M0 {y(Decimal(0))}H{_WIDTH}")]
    for place, (_, value, low, high) in enumerate(chart.points):
        middle = (place + 0.5) * width
        shapes.append(element("path", class_="interval", d=f"M{_short(middle)} {y(low)}V{y(high)}"))
        mark = min(width / 4, 6)
        shapes.append(element("path", class_="line", d=f"M{_short(middle - mark)} {y(value)}h{_short(2 * mark)}"))
    box = {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "preserveAspectRatio": "none"}
    drawing = element("svg", shapes, **box, role="img", aria_label=label)
    ends = (numbers.percent(end, signed=True) for end in (top, bottom))
    return _framed(drawing, ends, (chart.points[place][0] for place in (0, -1)), chart.summary)


def _framed(drawing: Html, ends: Iterable[str], days: Iterable[str], summary: str) -> Html:
    """A drawing with what its top and bottom, and its left and right, stand for."""
    sides = [
        element("div", [element("span", text) for text in texts], class_=name, aria_hidden="true")
        for name, texts in (("y", ends), ("x", days))
    ]
    return element(
        "figure",
        element("div", sides[0], drawing, sides[1], class_="plot"),
        element("figcaption", summary),
        class_="curve",
    )


def small(curve: Curve, first_day: int, last_day: int) -> Html:
    """The curve alone, on a time axis shared with others. Its figures are beside it."""
    return _drawing(curve, "", 60, first_day, last_day)


def score_bar(shares: Sequence[Decimal]) -> Html:
    """A bar with the points that each part adds to a score of 100. The figures are beside it."""
    bars, start = [], Decimal(0)
    for share, name in zip(shares, _PART_CLASSES, strict=True):
        if share:
            bars.append(element("path", class_=name, d=f"M{_short(start)} 2h{_short(share)}"))
        start += share
    return element("svg", bars, class_="bar", viewBox="0 0 100 4")


def _drawing(curve: Curve, label: str, height: int, first: int | None = None, last: int | None = None) -> Html:
    points = curve.points
    first, last = points[0][0] if first is None else first, points[-1][0] if last is None else last
    values = [float(value) for _, value in points]  # floats only for drawing
    top, bottom = max(0.0, *values), min(0.0, *values)
    days, span = max(1, last - first), (top - bottom) or 1.0

    def x(day: int) -> str:
        return _short((day - first) * _WIDTH / days)

    def y(value: float) -> str:
        return _short(2 + (top - value) / span * (height - 4))

    steps = "".join(f"H{x(day)}V{y(value)}" for (day, _), value in zip(points[1:], values[1:], strict=True))
    line = f"M{x(points[0][0])} {y(values[0])}{steps}H{x(last)}"
    area = f"{line}V{y(0)}H{x(points[0][0])}z"
    return element(
        "svg",
        element("path", class_="area", d=area),
        element("path", class_="zero", d=f"M0 {y(0)}H{_WIDTH}"),
        element("path", class_="line", d=line),
        class_="up" if values[-1] >= 0 else "down",
        viewBox=f"0 0 {_WIDTH} {height}",
        preserveAspectRatio="none",
        role="img" if label else None,
        aria_label=label or None,
        aria_hidden=None if label else "true",
    )


def _short(value: float | Decimal) -> str:
    return f"{value:.1f}".removesuffix(".0")

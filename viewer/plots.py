"""Plots as SVG that stands in a page: its colours are the page's own, and it carries no style.

matplotlib draws with stand-in colours, which become the page's variables; what it writes into style
attributes becomes attributes, for the pages' content security policy forbids the former.
"""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any
from xml.etree import ElementTree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rounds.ids import digest
from viewer.visible import visible

INK, SOFT, RULE = "#010101", "#020202", "#030303"
SERIES = ("#040404", "#050505", "#060606", "#070707")
FIXED = {
    "ink": "#1c1e21",
    "soft": "#62676e",
    "rule": "#d8dade",
    "series-1": "#2563a8",
    "series-2": "#c2571a",
    "series-3": "#3b8132",
    "series-4": "#7b4397",
}
"""The page's colours where there is no page."""
PAGE = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    RULE: "var(--rule)",
    **{color: f"var(--series-{place})" for place, color in enumerate(SERIES, 1)},
}
"""The colours drawn with, and what the page calls them."""

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "prefloop",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": SOFT,
    "axes.titlesize": 9,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "grid.color": RULE,
    "legend.frameon": False,
    "legend.fontsize": 8,
}

DOTS: dict[str, Any] = {"marker": "o", "markersize": 3.5, "linewidth": 1.2, "elinewidth": 1}
MOST_TICKS = 12
ODD = re.compile(r"[^\t\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no SVG may hold."""
DASHED: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (4, 4))}

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

ONE_AT_A_TIME = threading.Lock()

Rate = Mapping[str, Any]
"""value, low, high and n, as metrics.json has them; value is None without a case."""


def rates_by_round(
    title: str, series: Mapping[str, Sequence[tuple[int, Rate | None]]], level: float | None = None
) -> str:
    """Rates with their intervals over rounds, a line for each name; a dashed line at `level`."""
    with _drawing():
        figure, axes = _axes(title)
        rounds: set[int] = set()
        for place, (name, points) in enumerate(series.items()):
            there = [(number, rate) for number, rate in points if rate is not None and _known(rate)]
            beside = 0.06 * (place - (len(series) - 1) / 2)
            values, spread = _with_spread([rate for _, rate in there])
            x = [number + beside for number, _ in there]
            rounds |= {number for number, _ in there}
            axes.errorbar(
                x, values, spread, color=SERIES[place % len(SERIES)], label=_label(name), **DOTS
            )
        if level is not None:
            axes.axhline(level, color=SOFT, **DASHED)
        _ticks_at(axes, sorted(rounds))
        axes.set_xlabel("round")
        axes.margins(x=0.08)
        return _drawn(figure, axes, len(series) > 1)


def curves(
    title: str, across: str, series: Mapping[str, Sequence[tuple[float, float | None]]]
) -> str:
    """Numbers over steps or rounds, a line for each name; a point without a number is a gap."""
    with _drawing():
        figure, axes = _axes(title)
        for place, (name, points) in enumerate(series.items()):
            x = [at for at, _ in points]
            y = [float("nan") if value is None else value for _, value in points]
            color, marker = SERIES[place % len(SERIES)], "." if len(x) < 10 else ""
            axes.plot(x, y, color=color, linewidth=1.2, label=name, marker=marker)
        _ticks_at(axes, sorted({at for points in series.values() for at, _ in points}))
        axes.set_xlabel(across)
        return _drawn(figure, axes, len(series) > 1)


def bars(title: str, across: str, series: Mapping[str, Sequence[tuple[float, float, int]]]) -> str:
    """Counts in bins (from, to, count), the bars of each name over those of the one before."""
    with _drawing():
        figure, axes = _axes(title)
        for place, (name, bins) in enumerate(series.items()):
            axes.bar(
                [low for low, _, _ in bins],
                [count for *_, count in bins],
                [high - low for low, high, _ in bins],
                align="edge",
                color=SERIES[place % len(SERIES)],
                alpha=0.85 if len(series) == 1 else 0.5,
                linewidth=0,
                label=name,
            )
        axes.set_xlabel(across)
        return _drawn(figure, axes, len(series) > 1)


def reliability(title: str, bins: Sequence[tuple[float, Rate]]) -> str:
    """How often what was said with a confidence was right, with intervals, beside the diagonal."""
    with _drawing():
        figure, axes = _axes(title)
        there = [(at, rate) for at, rate in bins if _known(rate)]
        values, spread = _with_spread([rate for _, rate in there])
        axes.plot([0.5, 1], [0.5, 1], color=SOFT, **DASHED)
        at = [confidence for confidence, _ in there]
        axes.errorbar(at, values, spread, color=SERIES[0], **DOTS | {"linestyle": ""})
        axes.set_xlim(0.48, 1.02)
        axes.set_xlabel("the judge's probability")
        return _drawn(figure, axes, legend=False)


def rates_by_tag(title: str, tags: Mapping[str, Rate]) -> str:
    """Rates with their intervals, a row for each tag; a dashed line at one half."""
    with _drawing():
        figure, axes = _axes(title)
        there = {tag: rate for tag, rate in tags.items() if _known(rate)}
        values, spread = _with_spread(list(there.values()))
        rows = range(len(there))
        axes.errorbar(values, rows, xerr=spread, color=SERIES[0], **DOTS | {"linestyle": ""})
        axes.axvline(0.5, color=SOFT, **DASHED)
        axes.set_yticks(rows, [_label(tag) for tag in there])
        axes.invert_yaxis()
        return _drawn(figure, axes, legend=False)


@contextmanager
def _drawing() -> Iterator[None]:
    """matplotlib's settings are the process's: one plot at a time."""
    with ONE_AT_A_TIME, matplotlib.rc_context(STYLE):
        yield


def in_fixed_colours(svg: str) -> str:
    """A plot as a file of its own, on white."""
    for name, colour in FIXED.items():
        svg = svg.replace(f"var(--{name})", colour)
    return svg.replace(' class="plot"', ' style="background: #fff"')


def _ticks_at(axes: Axes, numbers: Sequence[float]) -> None:
    """Ticks at whole numbers, at each of them where they are few."""
    if 0 < len(numbers) <= MOST_TICKS:
        axes.set_xticks(numbers)
        axes.set_xlim(numbers[0] - 0.5, numbers[-1] + 0.5)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def _label(name: str) -> str:
    """A name of the user's as a label: one that begins with _ would be left out."""
    shown = visible(name).encode("ascii", "backslashreplace").decode() if ODD.search(name) else name
    shown = shown if len(shown) < 16 else f"{shown[:14]}…"
    return f" {shown}" if shown.startswith("_") else shown


def _known(rate: Rate) -> bool:
    return rate["value"] is not None


def _with_spread(rates: Sequence[Rate]) -> tuple[list[float], list[list[float]]]:
    """Values, and how far the interval of each reaches down and up."""
    down = [max(0.0, rate["value"] - rate["low"]) for rate in rates]
    up = [max(0.0, rate["high"] - rate["value"]) for rate in rates]
    return [rate["value"] for rate in rates], [down, up]


def _axes(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.4, 2.5))
    axes = figure.add_axes((0.12, 0.19, 0.85, 0.68))
    axes.set_title(title)
    axes.grid(axis="y", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    return figure, axes


def _drawn(figure: Figure, axes: Axes, legend: bool) -> str:
    if legend:
        axes.legend(loc="best")
    written, nothing = StringIO(), {"Date": None, "Creator": None}
    figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    return _for_pages(written.getvalue(), axes.get_title(loc="left"))


def _for_pages(svg: str, title: str) -> str:
    """The drawing as an element of a page."""
    root = ElementTree.fromstring(svg[svg.index("<svg") :])
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}style", f"{{{SVG}}}metadata"):
                parent.remove(child)
    for element in root.iter():
        for part in element.attrib.pop("style", "").split(";"):
            name, _, value = part.strip().partition(": ")
            if name and name != "font-family":
                element.set(name, PAGE.get(value, value))
        if link := element.attrib.pop(f"{{{XLINK}}}href", None):
            element.set("href", link)
    size = root.attrib["viewBox"].split()
    root.attrib.update({"role": "img", "aria-label": title, "class": "plot"})
    root.attrib.update({"width": size[2], "height": size[3], "stroke-linejoin": "round"})
    ElementTree.register_namespace("", SVG)
    text = ElementTree.tostring(root, encoding="unicode")
    # ids are of one drawing: in a page there are several
    return re.sub(r'(id="|url\(#|href="#)', rf"\1p{digest(text)[:6]}-", text)

"""What all figures share: the style, new axes, axes of periods and ratios, and saving."""

import importlib.resources
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from dwangstats.data.register.periods import is_period, parse_period, sort_periods
from dwangstats.present.labels import Labels

Inches: TypeAlias = float

WIDE: Inches = 6.7
"""Width of a figure on a printed page of A4."""

NARROW: Inches = 3.6
"""Width of a figure on a telephone."""

YEAR_ROOM = 0.62
"""Years that fit where one part of a year fits."""

INK = "#1f2933"
QUIET = "#5b6770"
NAVY = "#12436d"
ORANGE = "#d9730d"
SKY = "#a9c9e2"
BLUE = "#6f9cc4"
PALE = "#e4e8ec"
WHITE_BEHIND: Mapping[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}

_SELECTION_STYLE: Mapping[str, Mapping[str, Any]] = {
    "complete": {"color": NAVY, "marker": "o", "markerfacecolor": NAVY, "linestyle": "-"},
    "delivered": {"color": ORANGE, "marker": "s", "markerfacecolor": "white", "linestyle": "--"},
}
_OTHER_STYLE: Mapping[str, Any] = {"color": QUIET, "marker": "^", "markerfacecolor": "white", "linestyle": ":"}


@contextmanager
def figure_style() -> Iterator[None]:
    """The style of this package for everything drawn or saved within; nothing outside changes."""
    source = importlib.resources.files("dwangstats.present").joinpath("style.mplstyle")
    with importlib.resources.as_file(source) as path, mpl.rc_context(fname=path):
        yield


def new_figure(width: Inches, height: Inches) -> Figure:
    """An empty figure that no window or global state knows of."""
    return Figure(figsize=(width, height), layout="constrained")


def new_axes(width: Inches, height: Inches) -> Axes:
    """One axes on a new figure."""
    return new_figure(width, height).add_subplot()


def save_figure(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write ``stem.svg`` and ``stem.png``; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
    stem : Path
        Path without a suffix; its folder exists.

    Returns
    -------
    tuple of Path
        The SVG and the PNG file.
    """
    svg, png = stem.with_suffix(".svg"), stem.with_suffix(".png")
    with figure_style():
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.set_layout_engine("none")
        figure.savefig(png, format="png", metadata={"Software": None})
    return svg, png


def selection_style(selection: str, among: Sequence[str]) -> Mapping[str, Any]:
    """Colour, marker and line of a selection; one that stands alone has the first style."""
    alone = len(among) == 1
    return _SELECTION_STYLE["complete"] if alone else _SELECTION_STYLE.get(selection, _OTHER_STYLE)


def ordered_periods(periods: Sequence[str]) -> list[str]:
    """Distinct periods in order of time; text that is no period comes last, in order of the alphabet."""
    known = [period for period in periods if is_period(period)]
    return [*sort_periods(known), *sorted(set(periods) - set(known))]


def period_axis(axes: Axes, periods: Sequence[str], labels: Labels, most: int, *, top: bool = False) -> None:
    """Ticks of an x axis on which period i stands at i: the part of the year, and the year under its first part.

    Parameters
    ----------
    axes : Axes
    periods : sequence of str
        In order of time.
    labels : Labels
    most : int
        Most tick labels there is room for; with more periods only the first of each year is written.
    top : bool
        The axis stands at the top, so that the year is written above the part of the year.
    """
    crowded = len(periods) > most
    ticks = [i for i in range(len(periods)) if not crowded or _first_of_year(periods, i)]
    room = max(2, int(most * YEAR_ROOM)) if crowded else most
    step = max(1, math.ceil(len(ticks) / room))
    ticks = ticks[::step]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    texts = [_tick_text(periods, i, labels, crowded, top) for i in ticks]
    axes.xaxis.set_major_formatter(FuncFormatter(lambda _, place: texts[place] if place is not None else ""))
    axes.set_xlim(-0.5, max(len(periods) - 0.5, 0.5))


WIDEST_RATIO = 1e12
"""An axis of ratios reaches from one over this number to this number; an end beyond it gets an arrowhead."""


def ratio_axis(axes: Axes, low: float, high: float, labels: Labels, most: int) -> None:
    """A logarithmic x axis for ratios around 1, with ticks that people use.

    Parameters
    ----------
    axes : Axes
    low, high : float
        Smallest and largest finite ratio that must be visible, > 0; the axis goes no further than `WIDEST_RATIO`.
    labels : Labels
    most : int
        Most ticks there is room for.
    """
    low, high = max(min(low, 0.9), 1.0 / WIDEST_RATIO), min(max(high, 1.1), WIDEST_RATIO)
    margin = (high / low) ** 0.06
    axes.set_xscale("log")
    axes.set_xlim(low / margin, high * margin)
    ticks = _ratio_ticks(low / margin, high * margin, most)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _shortest(labels, value)))
    axes.axvline(1.0, color=INK, linewidth=0.9, zorder=1, label="no-change")


def wrapped(text: str, width: Inches, character: Inches = 0.068) -> str:
    """Text broken into lines that fit a width at 8 pt."""
    return textwrap.fill(text, max(10, int(width / character)), break_long_words=False)


def _first_of_year(periods: Sequence[str], place: int) -> bool:
    year = periods[place][:4]
    return place == 0 or periods[place - 1][:4] != year


def _tick_text(periods: Sequence[str], place: int, labels: Labels, crowded: bool, top: bool) -> str:
    period = periods[place]
    if not is_period(period):
        return period
    parsed = parse_period(period)
    if crowded or parsed.kind == "year":
        return str(parsed.year)
    part = labels.part_of_year(period)
    year = str(parsed.year) if _first_of_year(periods, place) else " "
    return f"{year}\n{part}" if top else f"{part}\n{year}"


_RATIO_TICKS = (
    *(1.0, 2.0, 0.5, 5.0, 0.2, 10.0, 0.1, 1.5, 3.0, 0.3, 0.7, 1.2, 0.8, 1.1, 0.9, 1.3, 2.5, 0.6, 4.0, 0.4),
    *(0.25, 7.0, 0.15, 1.05, 0.95, 0.85, 1.15, 20.0, 0.05, 50.0, 0.02, 100.0, 0.01),
    *(10.0 ** (sign * power) for power in range(3, 13) for sign in (1, -1)),
)
"""Ratios that people use, the most usual first."""


def _ratio_ticks(low: float, high: float, most: int) -> list[float]:
    """Usual ratios within the range, none closer to another than there is room for."""
    apart = math.log(high / low) / (most + 1.0)
    ticks: list[float] = []
    for ratio in _RATIO_TICKS:
        if low <= ratio <= high and all(abs(math.log(ratio / tick)) >= apart for tick in ticks):
            ticks.append(ratio)
    return sorted(ticks)


def _shortest(labels: Labels, value: float) -> str:
    decimals = next((d for d in (0, 1, 2) if math.isclose(round(value, d), value)), 3)
    return labels.number(value, decimals)

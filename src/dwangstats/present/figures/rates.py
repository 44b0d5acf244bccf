"""Registered rates over the periods, one panel per form."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dwangstats._types import Language
from dwangstats.present.cells import possible
from dwangstats.present.choose import forms_in_order, records, selections_in_order
from dwangstats.present.contents import CountedAs
from dwangstats.present.figures.canvas import (
    WIDE,
    Inches,
    figure_style,
    new_axes,
    new_figure,
    ordered_periods,
    period_axis,
    selection_style,
    wrapped,
)
from dwangstats.present.labels import Labels

PANEL_HEIGHT: Inches = 1.55

BROAD = 4.0
"""Width in points of the bar from the least to the most that a rate can be."""

MOST_MARKERS = 16
"""With more periods than this intervals become a band, and only some periods get a marker."""


@figure_style()
def rates(
    frame: pd.DataFrame,
    language: Language = "nl",
    *,
    form: str | None = None,
    unit: str = "bed-days",
    periods: Sequence[str] | None = None,
    most_ticks: int = 8,
    ax: Axes | None = None,
    counted: CountedAs = "registrations",
) -> Axes:
    """Draw the registered rate of one form over the periods, a line per selection, with intervals.

    Parameters
    ----------
    frame : DataFrame
        form, selection, period, rate, lower, upper; rates per 1,000 units of exposure. Where a rate is missing and
        rate_lowest and rate_highest are there, these are drawn as a broad bar without a marker.
    language : {"nl", "en"}
    form : str, optional
        Which form; by default the first (all forms together where present).
    unit : str
        Unit of the exposure, for the axis label.
    periods : sequence of str, optional
        Periods of the x axis in order of time; by default those of the form. Period i stands at i.
    most_ticks : int
        Most period labels there is room for.
    ax : Axes, optional
        Axes to draw on; by default a new figure.
    counted : {"registrations", "interventions"}
        What one count is, for the axis label.

    Returns
    -------
    Axes
        Per selection a line labelled with the selection; intervals as vertical lines, or as a band where there
        are many periods. The scale starts at zero.
    """
    ax = new_axes(WIDE, 2.4) if ax is None else ax
    labels = Labels(language, counted)
    form = forms_in_order(frame["form"])[0] if form is None else form
    rows = frame[frame["form"] == form]
    places = ordered_periods(list(rows["period"])) if periods is None else list(periods)
    selections = selections_in_order(rows["selection"])
    among = selections_in_order(frame["selection"])
    for number, selection in enumerate(selections):
        shift = 0.14 * (number - (len(selections) - 1) / 2)
        of_one, style = rows[rows["selection"] == selection], selection_style(selection, among)
        _draw_line(ax, of_one, selection, places, shift, style)
        _draw_possible(ax, of_one, places, shift, _top(rows), style)
    ax.set_ylim(0.0, _top(rows))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(labels, value)))
    ax.grid(axis="y")
    ax.set_axisbelow(True)
    period_axis(ax, places, labels, most_ticks)
    ax.set_ylabel(labels.text("figure.rate_axis", unit=labels.name("unit", unit)))
    return ax


@figure_style()
def rates_by_form(
    frame: pd.DataFrame,
    language: Language = "nl",
    *,
    unit: str = "bed-days",
    width: Inches = WIDE,
    counted: CountedAs = "registrations",
) -> Figure:
    """Draw `rates` for every form as small multiples with one legend.

    Parameters
    ----------
    frame : DataFrame
        As in `rates`.
    language : {"nl", "en"}
    unit : str
        Unit of the exposure.
    width : float
        Width of the figure in inches; the number of columns follows from it.
    counted : {"registrations", "interventions"}
        What one count is.

    Returns
    -------
    Figure
    """
    labels = Labels(language, counted)
    forms = forms_in_order(frame["form"])
    selections = selections_in_order(frame["selection"])
    periods = ordered_periods(list(frame["period"]))
    columns = min(len(forms), max(1, int(width / 1.75)))
    rows = math.ceil(len(forms) / columns)
    panel_width = width / columns - 0.35
    figure = new_figure(width, 0.6 + PANEL_HEIGHT * rows * (1.5 if len(forms) == 1 else 1.0))
    for number, form in enumerate(forms):
        ax = figure.add_subplot(rows, columns, number + 1)
        most = max(2, int(panel_width / 0.24))
        rates(frame, language, form=form, unit=unit, periods=periods, most_ticks=most, ax=ax)
        ax.set_ylabel("")
        ax.set_title(wrapped(labels.title("form", form), panel_width, 0.075))
    _legend(figure, selections, labels, width)
    height = figure.get_size_inches()[1]
    axis = labels.text("figure.rate_axis", unit=labels.name("unit", unit))
    figure.supylabel(wrapped(axis, 0.9 * height), fontsize=8)
    return figure


def rates_alt(frame: pd.DataFrame, language: Language = "nl", *, unit: str = "bed-days") -> str:
    """Alternative text of `rates_by_form`: first and last rate of every form, for the first selection."""
    labels = Labels(language)
    forms = forms_in_order(frame["form"])
    selection = selections_in_order(frame["selection"])[0]
    shown = frame[frame["selection"] == selection]
    parts = [_spoken_line(labels, form, selection, shown[shown["form"] == form]) for form in forms]
    many = labels.text("alt.forms", count=labels.count(len(forms)))
    return labels.text(
        "alt.rates",
        forms=many if len(forms) > 1 else labels.text("alt.form_one"),
        unit=labels.name("unit", unit),
        parts=" ".join(parts),
    )


def _draw_line(
    ax: Axes, rows: pd.DataFrame, selection: str, periods: Sequence[str], shift: float, style: Mapping[str, Any]
) -> None:
    by_period = rows.drop_duplicates("period").set_index("period").reindex(list(periods))
    rate, lower, upper = (by_period[name].to_numpy(float) for name in ("rate", "lower", "upper"))
    crowded = len(periods) > MOST_MARKERS
    x = np.arange(len(periods)) + (0.0 if crowded else shift)
    every = math.ceil(len(periods) / MOST_MARKERS)
    ax.plot(x, rate, label=selection, zorder=3, markevery=every, **style)
    if crowded:
        ax.fill_between(x, lower, upper, color=style["color"], alpha=0.18, linewidth=0.0, zorder=2)
    else:
        ax.vlines(x, lower, upper, color=style["color"], linewidth=1.0, zorder=2)


def _draw_possible(
    ax: Axes, rows: pd.DataFrame, places: Sequence[str], shift: float, top: float, style: Mapping[str, Any]
) -> None:
    """A broad bar from the least to the most that a rate can be where its counts are not exact."""
    if not {"rate_lowest", "rate_highest"} <= set(rows.columns):
        return
    unsure = rows[rows["rate"].isna() & rows["rate_lowest"].notna()]
    x = np.array([places.index(period) for period in unsure["period"]], dtype=float)
    x += 0.0 if len(places) > MOST_MARKERS else shift
    low, high = unsure["rate_lowest"].to_numpy(float), np.minimum(unsure["rate_highest"].to_numpy(float), top)
    ax.vlines(x, low, high, color=style["color"], linewidth=BROAD, alpha=0.55, zorder=2)


def _top(rows: pd.DataFrame) -> float:
    names = [name for name in ("rate", "upper", "rate_lowest", "rate_highest") if name in rows.columns]
    values = pd.concat([rows[name] for name in names]).to_numpy(float)
    finite = [value for value in values if math.isfinite(value)]
    return 1.08 * max(finite, default=1.0) or 1.0


def _tick(labels: Labels, value: float) -> str:
    decimals = next((d for d in range(6) if math.isclose(round(value, d), value, abs_tol=1e-9)), 6)
    return labels.number(value, decimals)


def _legend(figure: Figure, selections: Sequence[str], labels: Labels, width: Inches) -> None:
    if len(selections) < 2:
        return
    handles = [Line2D([], [], label=labels.name("selection", s), **selection_style(s, selections)) for s in selections]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles) if width > 4.5 else 1)


def _spoken_line(labels: Labels, form: str, selection: str, rows: pd.DataFrame) -> str:
    lowest = rows["rate_lowest"] if "rate_lowest" in rows.columns else rows["rate"]
    known = rows[rows["rate"].notna() | lowest.notna()]
    if known.empty:
        return ""
    by_period = {str(row["period"]): row for row in records(known)}
    order = ordered_periods(list(by_period))
    first, last = by_period[order[0]], by_period[order[-1]]
    return labels.text(
        "alt.rates_part" if len(order) > 1 else "alt.rates_part_one",
        form=labels.title("form", form),
        selection=labels.name("selection", selection),
        first=possible(labels, first, "rate", labels.significant),
        first_period=labels.period(first["period"]),
        last=possible(labels, last, "rate", labels.significant),
        last_period=labels.period(last["period"]),
    )

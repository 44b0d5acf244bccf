"""What remains possible for the events themselves, beside what was registered."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from dwangstats._types import Language
from dwangstats.present.choose import Row, forms_in_order, records, tipping_value
from dwangstats.present.figures.canvas import (
    INK,
    NAVY,
    QUIET,
    SKY,
    WHITE_BEHIND,
    WIDE,
    Inches,
    figure_style,
    new_axes,
    ratio_axis,
    wrapped,
)
from dwangstats.present.figures.forest import draw_interval
from dwangstats.present.figures.rows import ROW_HEIGHT, draw_groups, end_of, finite_span, lay_out
from dwangstats.present.labels import Labels, capitalised, is_missing

BAND = 0.62
"""Height of a band as a share of its row."""

NARROW_BELOW: Inches = 4.5

REGISTERED: Mapping[str, Any] = {
    "color": INK,
    "marker": "D",
    "markersize": 5,
    "markerfacecolor": INK,
    "linestyle": "none",
}
POSSIBLE: Mapping[str, Any] = {"facecolor": SKY, "edgecolor": NAVY, "linewidth": 0.8, "hatch": "///"}


@figure_style()
def bounds(
    frame: pd.DataFrame,
    tipping: pd.DataFrame,
    language: Language = "nl",
    *,
    ratios: pd.DataFrame | None = None,
    before: Any = None,
    after: Any = None,
    unit: str = "bed-days",
    width: Inches = WIDE,
    ax: Axes | None = None,
) -> Axes:
    """Draw per form the band of ratios that remain possible, and the registered ratio with its interval.

    Parameters
    ----------
    frame : DataFrame
        form, rate_ratio, completeness_low, completeness_high, monotone, lower, upper, interval_lower,
        interval_upper; one band per row.
    tipping : DataFrame
        form, rate_ratio, completeness_before, direction; said in words under the heading. May be empty.
    language : {"nl", "en"}
    ratios : DataFrame, optional
        form, estimate, lower, upper: interval of the registered ratio; without it only its marker is drawn.
    before, after : object
        The compared periods, for the words.
    unit : str
        Unit of the exposure.
    width : float
        Width in inches of a new figure.
    ax : Axes, optional
        Axes to draw on; by default a new figure of which the height follows the number of rows.

    Returns
    -------
    Axes
        Per form a diamond labelled "form/registered" with its interval and, below it, a rectangle labelled
        "form/possible" from lower to upper for each band, with a thin line for the interval.
    """
    labels = Labels(language)
    narrow = width < NARROW_BELOW
    forms = forms_in_order(frame["form"])
    registered = {} if ratios is None else {str(row["form"]): row for row in records(ratios)}
    groups = lay_out([(labels.title("form", form), _rows(frame, form)) for form in forms], 2.0 if narrow else 1.0)
    end = end_of(groups)
    ax = new_axes(width, (1.45 if narrow else 1.0) + ROW_HEIGHT * (end + 0.6)) if ax is None else ax
    ratio_axis(ax, *_span(frame, registered), labels, most=5 if narrow else 9)
    for form, group in zip(forms, groups, strict=True):
        for number, (place, row) in enumerate(group.rows):
            if number == 0:
                _draw_registered(ax, place, row, registered.get(form), labels)
            else:
                _draw_band(ax, place, row, labels)
                if len(group.rows) > 2:
                    _draw_note(ax, place, _assumption(labels, row), left=True)
        _draw_note(ax, group.place + 0.9 * narrow, tipping_words(labels, tipping, form, before), left=narrow)
    draw_groups(ax, groups, end)
    text = labels.text(
        "figure.bounds_axis",
        per_unit=labels.per_unit(unit),
        before=labels.period(before),
        after=labels.period(after),
    )
    ax.set_xlabel(wrapped(text, 0.75 * width), loc="left")
    _legend(ax, labels, narrow)
    return ax


def bounds_alt(frame: pd.DataFrame, tipping: pd.DataFrame, language: Language = "nl", *, before: Any = None) -> str:
    """Alternative text of `bounds`: registered ratio, band and tipping point of every form."""
    labels = Labels(language)
    parts = []
    for form in forms_in_order(frame["form"]):
        for row in records(frame[frame["form"] == form]):
            low, high = labels.ratio(row["lower"]), labels.ratio(row["upper"])
            name, estimate = labels.title("form", form), labels.ratio(row["rate_ratio"])
            parts.append(labels.text("alt.bounds_part", form=name, estimate=estimate, low=low, high=high))
        words = tipping_words(labels, tipping, form, before)
        parts.extend([f"{capitalised(words)}."] if words else [])
    return labels.text("alt.bounds", parts=" ".join(parts))


def tipping_words(labels: Labels, tipping: pd.DataFrame, form: str, before: Any) -> str:
    """The tipping point of a form in a few words; empty if it has none."""
    rows = records(tipping[tipping["form"] == form]) if not tipping.empty else []
    if not rows or is_missing(tipping_value(rows[0])):
        return ""
    return labels.text(
        f"figure.tipping_{rows[0]['direction']}",
        before=labels.period(before),
        completeness=labels.part(tipping_value(rows[0])),
    )


def _rows(frame: pd.DataFrame, form: str) -> list[Row]:
    """A line for the registered ratio, taken from the first band, and one for each band."""
    bands = records(frame[frame["form"] == form])
    return [*bands[:1], *bands]


def _span(frame: pd.DataFrame, registered: dict[str, Row]) -> tuple[float, float]:
    columns = ("rate_ratio", "lower", "upper", "interval_lower", "interval_upper")
    ends = [float(row[key]) for row in records(frame) for key in columns if not is_missing(row[key])]
    shown = [row for form, row in registered.items() if form in set(frame["form"])]
    return finite_span(ends + [float(row[key]) for row in shown for key in ("lower", "upper")])


def _draw_registered(ax: Axes, place: float, row: Row, ratio: Row | None, labels: Labels) -> None:
    text = labels.ratio(row["rate_ratio"])
    if ratio is not None:
        draw_interval(ax, place, ratio["lower"], ratio["upper"], INK)
        text = labels.with_range(text, labels.ratio(ratio["lower"]), labels.ratio(ratio["upper"]))
    ax.plot([float(row["rate_ratio"])], [place], label=f"{row['form']}/registered", zorder=3.5, **REGISTERED)
    ax.text(1.02, place, text, transform=ax.get_yaxis_transform(), va="center")


def _draw_band(ax: Axes, place: float, row: Row, labels: Labels) -> None:
    low, high = float(row["lower"]), float(row["upper"])
    draw_interval(ax, place, row["interval_lower"], row["interval_upper"], QUIET)
    corner, size = (low, place - BAND / 2), high - low
    ax.add_patch(Rectangle(corner, size, BAND, label=f"{row['form']}/possible", zorder=2.5, **POSSIBLE))
    text = labels.range(labels.ratio(low), labels.ratio(high))
    ax.text(1.02, place, text, transform=ax.get_yaxis_transform(), va="center")


def _assumption(labels: Labels, row: Row) -> str:
    key = "figure.band_monotone" if row["monotone"] else "figure.band"
    ends = (labels.percent(row[end]) for end in ("completeness_low", "completeness_high"))
    return labels.text(key, range=labels.range(*ends))


def _draw_note(ax: Axes, place: float, text: str, *, left: bool) -> None:
    x, align = (0.0, "left") if left else (1.0, "right")
    ax.text(
        x,
        place,
        text,
        transform=ax.get_yaxis_transform(),
        va="center",
        ha=align,
        color=QUIET,
        zorder=2.2,
        bbox=WHITE_BEHIND,
    )


def _legend(ax: Axes, labels: Labels, narrow: bool) -> None:
    handles = [
        Line2D([], [], label=labels.text("figure.registered"), **{**REGISTERED, "linestyle": "-", "linewidth": 1.3}),
        Patch(label=labels.text("figure.possible"), **POSSIBLE),
        Line2D([], [], color=QUIET, linewidth=1.3, label=labels.text("figure.possible_interval")),
    ]
    figure = ax.get_figure(root=True)
    if figure is not None:
        figure.legend(handles=handles, loc="outside upper left", ncols=1 if narrow else 3)

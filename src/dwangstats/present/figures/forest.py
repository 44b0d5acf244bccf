"""Rate ratios with intervals on a logarithmic axis, by form and selection."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from dwangstats._types import Language
from dwangstats.present.choose import Row, forms_in_order, records, selections_in_order
from dwangstats.present.figures.canvas import (
    WIDE,
    Inches,
    figure_style,
    new_axes,
    ratio_axis,
    selection_style,
    wrapped,
)
from dwangstats.present.figures.rows import ROW_HEIGHT, draw_groups, end_of, finite_span, lay_out
from dwangstats.present.labels import Labels, is_missing


@figure_style()
def forest(
    frame: pd.DataFrame,
    language: Language = "nl",
    *,
    before: Any = None,
    after: Any = None,
    unit: str = "bed-days",
    width: Inches = WIDE,
    ax: Axes | None = None,
) -> Axes:
    """Draw rate ratios with their intervals, grouped by form, a row per selection.

    Parameters
    ----------
    frame : DataFrame
        form, selection, estimate, lower, upper; one row per form and selection.
    language : {"nl", "en"}
    before, after : object
        The compared periods, for the axis label.
    unit : str
        Unit of the exposure.
    width : float
        Width in inches of a new figure.
    ax : Axes, optional
        Axes to draw on; by default a new figure of which the height follows the number of rows.

    Returns
    -------
    Axes
        Each estimate a marker labelled "form/selection"; 1 is marked; the numbers stand at the right.
    """
    labels = Labels(language)
    groups = lay_out([(labels.title("form", form), rows) for form, rows in _by_form(frame)])
    end = end_of(groups)
    selections = selections_in_order(frame["selection"])
    ax = new_axes(width, 0.6 + 0.2 * len(selections) + ROW_HEIGHT * (end + 0.6)) if ax is None else ax
    rows = [row for group in groups for _, row in group.rows]
    low, high = finite_span(float(row[key]) for row in rows for key in ("estimate", "lower", "upper"))
    ratio_axis(ax, low, high, labels, most=9 if width > 4.5 else 4)
    for group in groups:
        for place, row in group.rows:
            _draw_row(ax, place, row, labels, selection_style(str(row["selection"]), selections))
    draw_groups(ax, groups, end)
    text = labels.text(
        "figure.ratio_axis",
        per_unit=labels.per_unit(unit),
        before=labels.period(before),
        after=labels.period(after),
    )
    ax.set_xlabel(wrapped(text, 0.75 * width), loc="left")
    _legend(ax, selections, labels, width)
    return ax


def forest_alt(
    frame: pd.DataFrame,
    language: Language = "nl",
    *,
    before: Any = None,
    after: Any = None,
    unit: str = "bed-days",
) -> str:
    """Alternative text of `forest`: every ratio of the first selection with its interval."""
    labels = Labels(language)
    first = selections_in_order(frame["selection"])[:1]
    parts = [
        labels.text(
            "alt.forest_part",
            form=labels.title("form", form),
            selection=labels.name("selection", row["selection"]),
            estimate=ratio_text(labels, row),
        )
        for form, rows in _by_form(frame)
        for row in rows
        if row["selection"] in first
    ]
    return labels.text(
        "alt.forest",
        per_unit=labels.per_unit(unit),
        before=labels.period(before),
        after=labels.period(after),
        parts=" ".join(parts),
    )


def ratio_text(labels: Labels, row: Row) -> str:
    """A ratio with its interval, in two decimals; in three digits from 10 on."""
    return labels.with_range(*(labels.ratio(row[key]) for key in ("estimate", "lower", "upper")))


def _by_form(frame: pd.DataFrame) -> list[tuple[str, list[Row]]]:
    order = selections_in_order(frame["selection"])
    return [
        (form, sorted(records(frame[frame["form"] == form]), key=lambda row: order.index(str(row["selection"]))))
        for form in forms_in_order(frame["form"])
    ]


def _draw_row(ax: Axes, place: float, row: Row, labels: Labels, style: Mapping[str, Any]) -> None:
    draw_interval(ax, place, row["lower"], row["upper"], style["color"])
    if not is_missing(row["estimate"]):
        ax.plot(
            [float(row["estimate"])],
            [place],
            label=f"{row['form']}/{row['selection']}",
            zorder=3,
            **{**style, "linestyle": "none"},
        )
    ax.text(1.02, place, ratio_text(labels, row), transform=ax.get_yaxis_transform(), va="center")


def draw_interval(ax: Axes, place: float, lower: Any, upper: Any, color: str) -> None:
    """A horizontal line between two ends; an arrowhead at the edge for an end beyond the axis."""
    if is_missing(lower) or is_missing(upper):
        return
    left, right = ax.get_xlim()
    begin, end = max(float(lower), left), min(float(upper), right)
    ax.hlines(place, begin, end, color=color, linewidth=1.3, zorder=2)
    for marker, beyond, edge in (("<", float(lower) < left, left), (">", float(upper) > right, right)):
        if beyond:
            ax.plot([edge], [place], marker=marker, color=color, markersize=4, clip_on=False, zorder=2)


def _legend(ax: Axes, selections: Sequence[str], labels: Labels, width: Inches) -> None:
    if len(selections) < 2:
        return
    handles = [
        Line2D(
            [],
            [],
            label=labels.name("selection", selection),
            **{**selection_style(selection, selections), "linestyle": "-", "linewidth": 1.3},
        )
        for selection in selections
    ]
    figure = ax.get_figure(root=True)
    if figure is not None:
        columns = len(handles) if width > 4.5 else 1
        figure.legend(handles=handles, loc="outside upper left", ncols=columns)

"""Which provider delivered when: a grid of provider by period."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator

from dwangstats._types import Language
from dwangstats.present.figures.canvas import (
    BLUE,
    NAVY,
    ORANGE,
    PALE,
    QUIET,
    WIDE,
    Inches,
    figure_style,
    new_axes,
    new_figure,
    ordered_periods,
    period_axis,
)
from dwangstats.present.labels import Labels

STATUS_STYLE: Mapping[str, Mapping[str, Any]] = {
    "accepted": {"facecolor": BLUE, "edgecolor": BLUE, "hatch": ""},
    "nothing_to_report": {"facecolor": PALE, "edgecolor": NAVY, "hatch": "..."},
    "rejected": {"facecolor": ORANGE, "edgecolor": "white", "hatch": "////"},
    "not_delivered": {"facecolor": "white", "edgecolor": QUIET, "hatch": "xxx"},
    "not_yet_due": {"facecolor": "white", "edgecolor": QUIET, "hatch": ""},
    "not_kept": {"facecolor": PALE, "edgecolor": ORANGE, "hatch": "\\\\\\\\"},
    "unknown": {"facecolor": "white", "edgecolor": QUIET, "hatch": "---"},
}
LONGEST_NAME = 18
MOST_SEPARATE = 24
"""With more periods than this the cells of a row touch."""

ROW: Inches = 0.15
MOST_ROWS = 40
"""Providers in one column of the grid; more go into a second column where there is room."""


@figure_style()
def deliveries(
    frame: pd.DataFrame,
    language: Language = "nl",
    *,
    providers: Sequence[str] | None = None,
    periods: Sequence[str] | None = None,
    width: Inches = WIDE,
    ax: Axes | None = None,
) -> Axes:
    """Draw the status of the delivery of every provider in every period.

    Parameters
    ----------
    frame : DataFrame
        provider, period, status (accepted, nothing_to_report, rejected, not_delivered, not_yet_due, not_kept,
        unknown).
    language : {"nl", "en"}
    providers : sequence of str, optional
        Which providers, from top to bottom; by default all, those with most correct deliveries first.
    periods : sequence of str, optional
        In order of time; by default those of the frame.
    width : float
        Width in inches of a new figure.
    ax : Axes, optional
        Axes to draw on; by default a new figure of which the height follows the number of providers.

    Returns
    -------
    Axes
        One collection of cells per status, labelled with it. A combination without a row stays empty.
    """
    labels = Labels(language)
    shown = providers_in_order(frame) if providers is None else list(providers)
    columns = ordered_periods(list(frame["period"])) if periods is None else list(periods)
    ax = new_axes(width, 0.9 + ROW * len(shown)) if ax is None else ax
    _draw_cells(ax, frame, shown, columns)
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.yaxis.set_major_locator(FixedLocator(list(range(len(shown)))))
    ax.yaxis.set_major_formatter(FixedFormatter([_short(name) for name in shown]))
    most = max(3, int((width - 0.1 * max((len(_short(name)) for name in shown), default=0)) / 0.3))
    period_axis(ax, columns, labels, most, top=True)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


@figure_style()
def deliveries_grid(frame: pd.DataFrame, language: Language = "nl", *, width: Inches = WIDE) -> Figure:
    """Draw `deliveries` with a legend; beyond forty providers in two columns where the width allows.

    Parameters
    ----------
    frame : DataFrame
        As in `deliveries`.
    language : {"nl", "en"}
    width : float
        Width of the figure in inches.

    Returns
    -------
    Figure
    """
    labels = Labels(language)
    providers = providers_in_order(frame)
    periods = ordered_periods(list(frame["period"]))
    parts = 2 if len(providers) > MOST_ROWS and width > 4.5 and len(periods) <= 12 else 1
    rows = math.ceil(len(providers) / parts)
    figure = new_figure(width, 1.0 + ROW * rows)
    for number in range(parts):
        ax = figure.add_subplot(1, parts, number + 1)
        some = providers[number * rows : (number + 1) * rows]
        deliveries(frame, language, providers=some, periods=periods, width=width / parts, ax=ax)
        ax.set_ylim(rows - 0.5, -0.5)
    present = [status for status in STATUS_STYLE if status in set(frame["status"])]
    handles = [Patch(label=labels.name("status", status), linewidth=0.5, **STATUS_STYLE[status]) for status in present]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles) if width > 4.5 else 2)
    return figure


def deliveries_alt(frame: pd.DataFrame, language: Language = "nl") -> str:
    """Alternative text of `deliveries`: how many providers and periods, and how often each status occurs."""
    labels = Labels(language)
    counts = frame["status"].value_counts()
    parts = [
        labels.text("alt.deliveries_part", status=labels.name("status", status), count=labels.count(counts[status]))
        for status in [*STATUS_STYLE, *sorted(set(counts.index) - set(STATUS_STYLE))]
        if status in counts.index
    ]
    return labels.text(
        "alt.deliveries",
        providers=labels.plural("alt.providers", frame["provider"].nunique()),
        periods=labels.plural("alt.periods", frame["period"].nunique()),
        parts=", ".join(parts),
    )


def providers_in_order(frame: pd.DataFrame) -> list[str]:
    """Providers with the most correct deliveries first, then with the most nothing-to-report, then by name."""
    correct = frame["status"].eq("accepted").groupby(frame["provider"]).sum()
    nothing = frame["status"].eq("nothing_to_report").groupby(frame["provider"]).sum()
    return sorted(correct.index, key=lambda name: (-correct[name] - nothing[name], -correct[name], str(name)))


def _draw_cells(ax: Axes, frame: pd.DataFrame, providers: Sequence[str], periods: Sequence[str]) -> None:
    row_of = {name: number for number, name in enumerate(providers)}
    column_of = {period: number for number, period in enumerate(periods)}
    crowded = len(periods) > MOST_SEPARATE
    width = 1.0 if crowded else 0.92
    cells = frame[frame["provider"].isin(row_of) & frame["period"].isin(column_of)]
    for status, some in cells.groupby("status", sort=False):
        style = STATUS_STYLE.get(str(status), STATUS_STYLE["unknown"])
        patches = [
            Rectangle((column_of[period] - width / 2, row_of[provider] - 0.42), width, 0.84)
            for provider, period in zip(some["provider"], some["period"], strict=True)
        ]
        ax.add_collection(PatchCollection(patches, label=str(status), linewidth=0.0 if crowded else 0.3, **style))


def _short(name: str) -> str:
    text = str(name)
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"

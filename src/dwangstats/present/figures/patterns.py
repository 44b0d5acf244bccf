"""What each provider registered when, by the pattern in which it reports: a grid of provider by period."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator
from matplotlib.transforms import blended_transform_factory

from dwangstats._types import Language
from dwangstats.present.figures.canvas import (
    BLUE,
    INK,
    NAVY,
    ORANGE,
    PALE,
    QUIET,
    WIDE,
    Inches,
    figure_style,
    new_axes,
    ordered_periods,
    period_axis,
    wrapped,
)
from dwangstats.present.labels import Labels
from dwangstats.providers.patterns import PATTERNS

STATE_STYLE: Mapping[str, Mapping[str, Any]] = {
    "registrations": {"facecolor": BLUE, "edgecolor": BLUE, "hatch": ""},
    "zero": {"facecolor": PALE, "edgecolor": NAVY, "hatch": "..."},
    "declared": {"facecolor": "white", "edgecolor": NAVY, "hatch": "ooo"},
    "silent": {"facecolor": ORANGE, "edgecolor": "white", "hatch": "////"},
    "absent": {"facecolor": "white", "edgecolor": QUIET, "hatch": "xxx"},
}
ROW: Inches = 0.15
LONGEST_NAME = 18
MOST_SEPARATE = 24
"""With more periods than this the cells of a row touch."""

ROOM_BESIDE: Inches = 4.5
"""A figure this narrow has no room for names of patterns right of the grid; they get lines of their own."""


@figure_style()
def patterns(
    periods: pd.DataFrame,
    table: pd.DataFrame,
    language: Language = "nl",
    *,
    width: Inches = WIDE,
    ax: Axes | None = None,
) -> Axes:
    """Draw what every provider registered in every period, providers of one pattern together.

    Parameters
    ----------
    periods : DataFrame
        provider, period, state (registrations, zero, declared, silent, absent), as in `ReportingPatterns.periods`.
    table : DataFrame
        provider, pattern, as in `ReportingPatterns.table`; its providers are drawn.
    language : {"nl", "en"}
    width : float
        Width in inches of a new figure.
    ax : Axes, optional
        Axes to draw on; by default a new figure of which the height follows the number of providers, with a legend.

    Returns
    -------
    Axes
        One collection of cells per state, labelled with it; the name of each pattern right of its providers, or above
        them in a new figure that is narrow.
    """
    labels, alone = Labels(language), ax is None
    headed = alone and width <= ROOM_BESIDE
    groups, handles = providers_by_pattern(table), _legend_handles(labels, periods, width)
    row_of, first_row = _places(groups, headed=headed)
    lines = len(row_of) + (len(groups) if headed else 0)
    columns = ordered_periods(list(periods["period"]))
    ax = new_axes(width, _height(lines, handles, width)) if ax is None else ax
    _draw_cells(ax, periods, row_of, columns)
    _name_groups(ax, groups, first_row, labels, headed=headed)
    ax.set_ylim(lines - 0.5, -0.5)
    ax.yaxis.set_major_locator(FixedLocator(list(row_of.values())))
    ax.yaxis.set_major_formatter(FixedFormatter([_short(name) for name in row_of]))
    beside = 0.1 * max((len(_short(name)) for name in row_of), default=0) if headed else 3.0
    period_axis(ax, columns, labels, max(3, int((width - beside) / 0.3)), top=True)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    if alone and ax.figure is not None:
        ax.figure.legend(handles=handles, loc="outside upper left", ncols=1 if headed else 2)
    return ax


def patterns_alt(periods: pd.DataFrame, table: pd.DataFrame, language: Language = "nl") -> str:
    """Alternative text of `patterns`: how many providers and periods, how often each state and each pattern occurs."""
    labels = Labels(language)
    return labels.text(
        "alt.patterns",
        providers=labels.plural("alt.providers", len(table)),
        periods=labels.plural("alt.periods", periods["period"].nunique()),
        parts=_counted(labels, "reported", periods["state"], tuple(STATE_STYLE)),
        patterns=_counted(labels, "pattern", table["pattern"], PATTERNS),
    )


def patterns_caption(level: float, language: Language = "nl", *, nothing: float = 0.0) -> str:
    """What `patterns` shows, under which assumptions, and what it cannot, in words.

    Parameters
    ----------
    level : float
        `ReportingPatterns.level`.
    language : {"nl", "en"}
    nothing : float
        `ReportingPatterns.nothing`.
    """
    labels = Labels(language)
    empty = labels.text("caption.patterns_never_empty")
    if nothing > 0.0:
        empty = labels.text("caption.patterns_empty", share=labels.level(nothing))
    return labels.text("caption.patterns", level=labels.level(level), empty=empty)


def providers_by_pattern(table: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Patterns in their order with their providers by name; patterns without providers are left out."""
    names = table.groupby("pattern")["provider"].apply(lambda some: sorted(map(str, some)))
    return [(pattern, names[pattern]) for pattern in PATTERNS if pattern in names.index]


def _counted(labels: Labels, group: str, values: pd.Series, order: Sequence[str]) -> str:
    counts = values.value_counts()
    return ", ".join(
        labels.text("alt.deliveries_part", status=labels.name(group, name), count=labels.count(counts[name]))
        for name in order
        if name in counts.index
    )


def _legend_handles(labels: Labels, periods: pd.DataFrame, width: Inches) -> list[Patch]:
    """One patch for each state there is; in a narrow figure its name is broken into lines."""
    present = [state for state in STATE_STYLE if state in set(periods["state"])]
    names = [labels.name("reported", state) for state in present]
    if width <= ROOM_BESIDE:
        names = [wrapped(name, width - 0.6) for name in names]
    return [Patch(label=name, linewidth=0.5, **STATE_STYLE[state]) for state, name in zip(present, names, strict=True)]


def _height(lines: int, handles: Sequence[Patch], width: Inches) -> Inches:
    """Height of a new figure with so many lines in its grid, and with its legend."""
    if width > ROOM_BESIDE:
        return 1.0 + ROW * lines
    legend = sum(str(handle.get_label()).count("\n") + 1 for handle in handles)
    return 0.7 + ROW * (lines + legend)


def _places(groups: Sequence[tuple[str, Sequence[str]]], *, headed: bool) -> tuple[dict[str, int], list[int]]:
    """The line of each provider and that of each name of a pattern, which has a line of its own or shares the first."""
    row_of: dict[str, int] = {}
    first_row: list[int] = []
    line = 0
    for _, providers in groups:
        first_row.append(line)
        line += headed
        for provider in providers:
            row_of[provider] = line
            line += 1
    return row_of, first_row


def _draw_cells(ax: Axes, frame: pd.DataFrame, row_of: Mapping[str, int], periods: Sequence[str]) -> None:
    column_of = {period: number for number, period in enumerate(periods)}
    crowded = len(periods) > MOST_SEPARATE
    width = 1.0 if crowded else 0.92
    cells = frame[frame["provider"].isin(row_of)]
    for state, some in cells.groupby("state", sort=False):
        patches = [
            Rectangle((column_of[period] - width / 2, row_of[provider] - 0.42), width, 0.84)
            for provider, period in zip(some["provider"], some["period"], strict=True)
        ]
        style = STATE_STYLE[str(state)]
        ax.add_collection(PatchCollection(patches, label=str(state), linewidth=0.0 if crowded else 0.3, **style))


def _name_groups(
    ax: Axes, groups: Sequence[tuple[str, Sequence[str]]], first_row: Sequence[int], labels: Labels, *, headed: bool
) -> None:
    """Write each pattern right of its first provider, or above it, and a line where it begins."""
    figure = ax.get_figure(root=True)
    for (pattern, providers), row in zip(groups, first_row, strict=True):
        text = f"{labels.name('pattern', pattern)} ({labels.count(len(providers))})"
        if headed and figure is not None:
            left = blended_transform_factory(figure.transFigure, ax.transData)
            ax.text(0.01, row, text, transform=left, va="center", color=INK, in_layout=False)
        else:
            ax.text(1.02, row, text, transform=ax.get_yaxis_transform(), va="center", color=INK)
        if row:
            ax.axhline(row - 0.5, color=QUIET, linewidth=0.5)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"

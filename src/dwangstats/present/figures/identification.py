"""How much the data say about the level of completeness: the profile, and the adjusted ratio along it."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dwangstats._types import Language
from dwangstats.present.choose import records
from dwangstats.present.figures.canvas import INK, NAVY, QUIET, WIDE, Inches, figure_style, new_figure, wrapped
from dwangstats.present.labels import Labels

LIMIT = 3.84
"""Twice the loss of log likelihood at the end of a 95% interval (chi-square with 1 degree of freedom)."""
TALLEST = 5.0
"""The axis goes no further than this number of times the limit: what is excluded needs no exact height."""
HEIGHT: Inches = 3.6
NARROW_BELOW: Inches = 4.5


@figure_style()
def identification(
    profile: pd.DataFrame,
    language: Language = "nl",
    *,
    limit: float = LIMIT,
    level: float = 0.95,
    unit: str = "bed-days",
    width: Inches = WIDE,
) -> Figure:
    """Draw the profile likelihood of completeness above the adjusted ratio that goes with each value.

    Parameters
    ----------
    profile : DataFrame
        completeness, deviance (2 x log likelihood lost), adjusted_ratio (missing where nothing is compared).
    language : {"nl", "en"}
    limit : float
        Deviance above which a completeness is excluded.
    level : float
        Confidence level that belongs to the limit, for the words.
    unit : str
        Unit of the exposure.
    width : float
        Width in inches.

    Returns
    -------
    Figure
        Two axes, or only the first where there are no ratios: a line "deviance" with filled points below the limit and
        open ones above it, and a line "adjusted-ratio" with the same points.
    """
    labels = Labels(language)
    rows = profile.sort_values("completeness")
    with_ratio = bool(rows["adjusted_ratio"].notna().any())
    figure = new_figure(width, HEIGHT if with_ratio else 0.6 * HEIGHT)
    axes = list(figure.subplots(2 if with_ratio else 1, 1, sharex=True, squeeze=False)[:, 0])
    inside = rows["deviance"] <= limit
    _draw_deviance(axes[0], rows, inside, labels, limit)
    if with_ratio:
        _draw_ratio(axes[1], rows, inside, labels, labels.per_unit(unit))
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: labels.percent(value)))
    axes[-1].set_xlabel(labels.text("figure.profile_completeness"), loc="left")
    _legend(figure, labels, level, narrow=width < NARROW_BELOW)
    return figure


def identification_alt(profile: pd.DataFrame, language: Language = "nl") -> str:
    """Alternative text of `identification`: every point."""
    labels = Labels(language)
    parts = [
        labels.text(
            "alt.identification_part",
            completeness=labels.percent(row["completeness"]),
            deviance=labels.number(row["deviance"], 1),
            ratio=labels.ratio(row["adjusted_ratio"]),
        )
        for row in records(profile.sort_values("completeness"))
    ]
    return labels.text("alt.identification", parts=" ".join(parts))


def _draw_deviance(ax: Axes, rows: pd.DataFrame, inside: pd.Series, labels: Labels, limit: float) -> None:
    _draw(ax, rows["completeness"], rows["deviance"], inside, "deviance")
    ax.axhline(limit, color=QUIET, linewidth=1.0, linestyle="--", zorder=1, label="limit")
    highest = max(1.3 * limit, 1.08 * float(rows["deviance"].max()))
    ax.set_ylim(-0.06 * min(highest, TALLEST * limit), min(highest, TALLEST * limit))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: labels.number(value, 0 if value == int(value) else 1)))
    ax.set_title(labels.text("figure.profile_deviance"), weight="normal")


def _draw_ratio(ax: Axes, rows: pd.DataFrame, inside: pd.Series, labels: Labels, per_unit: str) -> None:
    ax.axhline(1.0, color=INK, linewidth=0.9, zorder=1, label="no-change")
    _draw(ax, rows["completeness"], rows["adjusted_ratio"], inside, "adjusted-ratio")
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: labels.ratio(value)))
    ax.set_title(wrapped(labels.text("figure.profile_ratio", per_unit=per_unit), 6.0), weight="normal")


def _draw(ax: Axes, x: pd.Series, y: pd.Series, inside: pd.Series, name: str) -> None:
    """A line with filled points where a value is possible and open ones where it is excluded."""
    ax.plot(x, y, color=NAVY, zorder=2, label=name)
    for chosen, face, what in ((inside, NAVY, "possible"), (~inside, "white", "excluded")):
        ax.plot(
            x[chosen],
            y[chosen],
            linestyle="none",
            marker="o",
            color=NAVY,
            markerfacecolor=face,
            zorder=3,
            label=f"{name}/{what}",
        )


def _legend(figure: Figure, labels: Labels, level: float, *, narrow: bool) -> None:
    handles = [
        _point(NAVY, labels.text("figure.profile_possible")),
        _point("white", labels.text("figure.profile_excluded")),
        Line2D(
            [],
            [],
            color=QUIET,
            linestyle="--",
            linewidth=1.0,
            label=labels.text("figure.profile_threshold", level=labels.level(level)),
        ),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=1 if narrow else 3)


def _point(face: str, text: str) -> Line2D:
    return Line2D([], [], linestyle="none", marker="o", color=NAVY, markerfacecolor=face, label=text)

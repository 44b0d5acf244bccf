"""A registered change in parts: horizontal bars with intervals, and a band where parts cannot be told apart."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dwangstats._types import Language
from dwangstats.present.choose import Row, records
from dwangstats.present.contents import CountedAs
from dwangstats.present.figures.canvas import (
    BLUE,
    INK,
    NAVY,
    ORANGE,
    QUIET,
    SKY,
    WIDE,
    Inches,
    figure_style,
    new_axes,
    wrapped,
)
from dwangstats.present.labels import Labels, capitalised, is_missing

if TYPE_CHECKING:
    from dwangstats.change.decomposition import ChangeDecomposition

ROW: Inches = 0.3
BAR = 0.62
"""Height of a bar as a share of its row."""
NARROW_BELOW: Inches = 4.5
OBSERVED = "observed change"
UNDER = "registered rate"
"""The part under which the band is drawn."""

_STYLE: Mapping[str, Mapping[str, Any]] = {
    OBSERVED: {"facecolor": INK, "edgecolor": INK},
    "registration": {"facecolor": ORANGE, "edgecolor": ORANGE},
    "real": {"facecolor": NAVY, "edgecolor": NAVY},
    UNDER: {"facecolor": BLUE, "edgecolor": NAVY},
    "residual": {"facecolor": "white", "edgecolor": QUIET},
}
_OTHER: Mapping[str, Any] = {"facecolor": SKY, "edgecolor": BLUE}
_POSSIBLE: Mapping[str, Any] = {"facecolor": "white", "linewidth": 0.8, "hatch": "////"}


@figure_style()
def change(
    change: "ChangeDecomposition | pd.DataFrame",
    language: Language = "nl",
    *,
    band: pd.DataFrame | None = None,
    before: Any = None,
    after: Any = None,
    per: str = "counts",
    unit: str = "bed-days",
    width: Inches = WIDE,
    ax: Axes | None = None,
    counted: CountedAs = "registrations",
) -> Axes:
    """Draw the parts of a registered change from top to bottom, the change itself first.

    Parameters
    ----------
    change : ChangeDecomposition or DataFrame
        A decomposition, or its ``to_frame()``: part, estimate, lower, upper, share, in_model, with a row "observed
        change".
    language : {"nl", "en"}
    band : DataFrame, optional
        part, lower, upper, completeness_low, completeness_high; drawn under "registered rate". Of a decomposition its
        own.
    before, after : object
        The compared periods; of a decomposition its own.
    per : {"counts", "rate"}
        What the numbers are; of a decomposition its own.
    unit : str
        Unit of the exposure.
    width : float
        Width in inches of a new figure.
    ax : Axes, optional
        Axes to draw on; by default a new figure of which the height follows the number of rows.
    counted : {"registrations", "interventions"}
        What one count is, for the axis label.

    Returns
    -------
    Axes
        Each part a rectangle from 0, labelled with its name, with a line for its interval; a band is a hatched
        rectangle labelled "registration/possible" or "real/possible". A part that is not in the model has no bar.
    """
    labels = Labels(language, counted)
    frame = change if isinstance(change, pd.DataFrame) else change.to_frame()
    if not isinstance(change, pd.DataFrame):
        band, before, after, per = change.band, change.before, change.after, change.per
    rows = _rows(frame, band)
    narrow = width < NARROW_BELOW
    ax = new_axes(width, 0.75 + ROW * len(rows)) if ax is None else ax
    _axis(ax, rows, labels, per, most=2 if narrow else 6)
    decimals = 0 if per == "counts" else 2
    for place, row in enumerate(rows):
        if row["possible"]:
            _draw_band(ax, place, row, labels, decimals)
        else:
            _draw_part(ax, place, row, labels, decimals, narrow=narrow)
    _names(ax, rows, labels, width)
    key = "figure.change_axis_counts" if per == "counts" else "figure.change_axis_rate"
    words = {} if per == "counts" else {"unit": labels.name("unit", unit)}
    text = labels.text(key, before=labels.period(before), after=labels.period(after), **words)
    ax.set_xlabel(wrapped(text, 0.75 * width), loc="left")
    return ax


def change_alt(
    change: "ChangeDecomposition | pd.DataFrame",
    language: Language = "nl",
    *,
    band: pd.DataFrame | None = None,
    before: Any = None,
    after: Any = None,
    per: str = "counts",
) -> str:
    """Alternative text of `change`: every part with its interval."""
    labels = Labels(language)
    frame = change if isinstance(change, pd.DataFrame) else change.to_frame()
    if not isinstance(change, pd.DataFrame):
        band, before, after, per = change.band, change.before, change.after, change.per
    decimals = 0 if per == "counts" else 2
    parts = [
        labels.text("alt.change_part", part=capitalised(_name(row, labels)), estimate=_text(row, labels, decimals))
        for row in _rows(frame, band)
    ]
    periods = {"before": labels.period(before), "after": labels.period(after)}
    return labels.text("alt.change", parts=" ".join(parts), **periods)


def _rows(frame: pd.DataFrame, band: pd.DataFrame | None) -> list[Row]:
    """The change, its parts (without bed-days in a rate), and below the registered rate what remains possible."""
    parts = [{**row, "possible": False} for row in records(frame)]
    parts.sort(key=lambda row: row["part"] != OBSERVED)
    possible = [] if band is None else [{**row, "possible": True, "in_model": True} for row in records(band)]
    rows: list[Row] = []
    for row in parts:
        if row["part"] == "bed-days" and not row["in_model"]:
            continue
        rows.append(row)
        if row["part"] == UNDER:
            rows.extend(possible)
    return rows


def _axis(ax: Axes, rows: list[Row], labels: Labels, per: str, *, most: int) -> None:
    ends = [float(row[key]) for row in rows for key in ("estimate", "lower", "upper") if not is_missing(row.get(key))]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    margin = 0.03 * (high - low) or 1.0
    ax.set_xlim(low - margin, high + margin)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(most, integer=per == "counts"))
    decimals = 0 if per == "counts" else 2
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _signed(labels, value, decimals)))
    ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1, label="no-change")
    ax.spines["left"].set_visible(False)


def _names(ax: Axes, rows: list[Row], labels: Labels, width: Inches) -> None:
    texts = [capitalised(_name(row, labels)) for row in rows]
    room = 0.36 * width
    ax.set_yticks(range(len(rows)), [wrapped(text, room) for text in texts])
    ax.tick_params(axis="y", length=0)
    for row, tick in zip(rows, ax.get_yticklabels(), strict=True):
        tick.set_fontweight("bold" if row["part"] == OBSERVED else "normal")


def _name(row: Row, labels: Labels) -> str:
    part = str(row["part"])
    return labels.text(f"change_part.band_{part}") if row["possible"] else labels.name("change_part", part)


def _draw_part(ax: Axes, place: float, row: Row, labels: Labels, decimals: int, *, narrow: bool) -> None:
    part = str(row["part"])
    if row["in_model"]:
        corner, length = (0.0, place - BAR / 2), float(row["estimate"])
        style = {"linewidth": 0.8, **_STYLE.get(part, _OTHER)}
        ax.add_patch(Rectangle(corner, length, BAR, label=part, zorder=2, **style))
        if not is_missing(row["lower"]) and part != OBSERVED:
            # Ink on a white casing, so that the line is seen on dark bars as well as beside them.
            ax.hlines(place, row["lower"], row["upper"], color="white", linewidth=2.6, zorder=3)
            ax.hlines(place, row["lower"], row["upper"], color=INK, linewidth=1.3, zorder=4)
    text = _text({**row, "share": None} if narrow else row, labels, decimals)
    _write(ax, place, text.replace(" (", "\n(") if narrow else text, quiet=not row["in_model"])


def _draw_band(ax: Axes, place: float, row: Row, labels: Labels, decimals: int) -> None:
    low, high = float(row["lower"]), float(row["upper"])
    colour = ORANGE if row["part"] == "registration" else NAVY
    corner, size = (low, place - BAR / 2), high - low
    ax.add_patch(Rectangle(corner, size, BAR, label=f"{row['part']}/possible", zorder=2, edgecolor=colour, **_POSSIBLE))
    _write(ax, place, _text(row, labels, decimals), quiet=False)


def _write(ax: Axes, place: float, text: str, *, quiet: bool) -> None:
    colour = QUIET if quiet else INK
    ax.text(1.02, place, text, transform=ax.get_yaxis_transform(), va="center", color=colour)


def _text(row: Row, labels: Labels, decimals: int) -> str:
    """What stands at the right of a row."""
    if row["possible"]:
        return labels.range(*(_signed(labels, row[end], decimals) for end in ("lower", "upper")))
    if not row["in_model"]:
        return labels.text("change_part.absent")
    estimate = _signed(labels, row["estimate"], decimals)
    if row["part"] == OBSERVED:
        return estimate
    estimate = labels.with_range(estimate, *(_signed(labels, row[end], decimals) for end in ("lower", "upper")))
    if is_missing(row.get("share")):
        return estimate
    return labels.text("figure.change_share", estimate=estimate, share=labels.percent(row["share"]))


def _signed(labels: Labels, value: Any, decimals: int) -> str:
    """A number with its sign; 0 has none."""
    text = labels.number(value, decimals)
    return f"+{text}" if not is_missing(value) and round(float(value), decimals) > 0 else text

"""Groups of rows under a heading, for figures that list forms from top to bottom."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from dwangstats.present.choose import Row
from dwangstats.present.figures.canvas import WHITE_BEHIND, Inches

ROW_HEIGHT: Inches = 0.19
GROUP_GAP = 0.35


@dataclass(frozen=True, slots=True)
class Group:
    """A heading and the rows under it, with their places on the y axis (downwards from 0)."""

    heading: str
    place: float
    rows: tuple[tuple[float, Row], ...]


def lay_out(groups: Sequence[tuple[str, Sequence[Row]]], heading_height: float = 1.0) -> list[Group]:
    """Give every heading and every row its place; a row is 1 high.

    Parameters
    ----------
    groups : sequence of (heading, rows)
    heading_height : float
        Height of a heading with the notes under it.
    """
    laid_out: list[Group] = []
    place = 0.0
    for heading, rows in groups:
        first = place + heading_height
        places = tuple((first + number, row) for number, row in enumerate(rows))
        laid_out.append(Group(heading, place, places))
        place = first + len(rows) + GROUP_GAP
    return laid_out


def end_of(groups: Sequence[Group]) -> float:
    """Where the last row ends."""
    return max((place + 0.6 for group in groups for place, _ in group.rows), default=1.0)


def draw_groups(ax: Axes, groups: Sequence[Group], end: float) -> None:
    """Write the headings and turn the y axis into a plain list that runs downwards."""
    for group in groups:
        ax.text(
            0.0,
            group.place,
            group.heading,
            transform=ax.get_yaxis_transform(),
            weight="bold",
            va="center",
            zorder=4,
            bbox=WHITE_BEHIND,
        )
    ax.set_ylim(end, -0.6)
    ax.yaxis.set_visible(False)
    ax.spines["left"].set_visible(False)


def finite_span(values: Iterable[float]) -> tuple[float, float]:
    """Smallest and largest positive finite value; 1 and 1 if there is none."""
    usable = [value for value in values if math.isfinite(value) and value > 0.0]
    return min(usable, default=1.0), max(usable, default=1.0)

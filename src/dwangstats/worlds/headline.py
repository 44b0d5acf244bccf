"""The headline figures of a world: what the register shows, and what is true."""

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Vector
from dwangstats.worlds.events import Cube
from dwangstats.worlds.parameters import AFTER, BEFORE
from dwangstats.worlds.quarters import Calendar

#: Decimals kept in figures, so that the last bits of an optimiser do not show.
DECIMALS = 6


def growth_figures(
    forms: tuple[str, ...], calendar: Calendar, complete: NDArray[np.bool_], cubes: dict[str, Cube]
) -> dict[str, dict[str, dict[str, float]]]:
    """Relative growth of counts from the year before to the year after.

    Parameters
    ----------
    forms : tuple of str, (F,)
    calendar : Calendar
    complete : (P,) three correct years.
    cubes : mapping of name to (P, T, F)
        Counts or expected counts; registrations are counted where they were written down, delivered or not.

    Returns
    -------
    dict
        Group of forms ("all" or a form), then providers ("complete" or "all"), then name of the cube; not a number
        where the year before has no events.
    """
    groups = {"all": np.ones(len(forms), dtype=bool)} | {f: np.array([f == g for g in forms]) for f in forms}
    providers = {"complete": complete, "all": np.ones_like(complete)}
    return {
        group: {
            among: {name: _growth(cube[rows][:, :, columns], calendar) for name, cube in cubes.items()}
            for among, rows in providers.items()
        }
        for group, columns in groups.items()
    }


def kept_figures(complete: NDArray[np.bool_], amounts: dict[str, Vector]) -> dict[str, float]:
    """Share that the providers with three correct years hold: of providers, and of each amount per provider (P,)."""
    return {name: _share(amount, complete) for name, amount in {"providers": np.ones(complete.size), **amounts}.items()}


def _growth(cube: Cube, calendar: Calendar) -> float:
    before, after = (float(cube[:, calendar.year == year].sum()) for year in (BEFORE, AFTER))
    return round(after / before - 1.0, DECIMALS) + 0.0 if before > 0.0 else float("nan")


def _share(amount: Vector, kept: NDArray[np.bool_]) -> float:
    return round(float(amount[kept].sum() / amount.sum()), DECIMALS)

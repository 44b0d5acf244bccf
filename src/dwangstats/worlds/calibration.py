"""The numbers that make three different truths look the same in the register.

A calibrated world is fitted to the published growth given everything drawn before the counts: provider effects,
occupancy, frailty, registration quality and who delivered three correct years. Then only Poisson noise separates
the realised growth from the published one, instead of the 10 to 16 points between unconditional draws.

Where completeness is free (registration-only, mixed), the growth of the number of events among the providers with
three correct years is set to the scenario's first; then one number per form group is solved, the shift of the logit
of mean completeness in the year after (one for seclusion, one common to all other forms). Where growth is free
(real-only), completeness is constant and the growth of the rate is solved, again one number per form group.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from dwangstats._types import Matrix
from dwangstats.errors import DomainError
from dwangstats.worlds.events import Cube
from dwangstats.worlds.parameters import AFTER, BEFORE, PUBLISHED_GROWTH_ALL, PUBLISHED_GROWTH_SECLUSION, Scenario
from dwangstats.worlds.quarters import Calendar
from dwangstats.worlds.registration import Path, completeness, growth_factor

PUBLISHED = (PUBLISHED_GROWTH_SECLUSION, PUBLISHED_GROWTH_ALL)

#: Calibration looks for a shift of a logit or of a log rate within these bounds.
SEARCH = (-4.0, 8.0)

Move: TypeAlias = Callable[[Path, NDArray[np.bool_], float], Path]
"""A path with one number moved for a group of forms."""


@dataclass(frozen=True, slots=True)
class Background:
    """What worlds with the same seed share, as calibration needs it.

    Attributes
    ----------
    base : (P, T, F) expected events without growth.
    shift : (P, F) shift of logit completeness.
    attenuation : float
    complete : (P,) three correct years.
    calendar : Calendar
    seclusion : (F,) True for the form seclusion.
    """

    base: Cube
    shift: Matrix
    attenuation: float
    complete: NDArray[np.bool_]
    calendar: Calendar
    seclusion: NDArray[np.bool_]


def expected_totals(background: Background, path: Path, *, registered: bool) -> Matrix:
    """Expected events, or registrations, among providers with three correct years: (2, F), before and after."""
    mean = background.base * growth_factor(path, background.calendar)
    if registered:
        mean = mean * completeness(path, background.attenuation, background.shift, background.calendar)
    among = mean[background.complete].sum(axis=0)
    return np.stack([among[background.calendar.year == year].sum(axis=0) for year in (BEFORE, AFTER)])


def calibrate_path(
    background: Background, scenario: Scenario, start: Path, published: tuple[float, float] = PUBLISHED
) -> Path:
    """Solve the free numbers of a scenario so that expected growth of registrations is the published one.

    Parameters
    ----------
    background : Background
    scenario : Scenario
    start : Path
        Path before calibration, see `starting_path`.
    published : (float, float)
        Growth of the registrations of the form with a published growth of its own, and of all forms.

    Raises
    ------
    DomainError
        If the drawn providers leave nothing to calibrate on, or the published growth cannot be reached.
    """
    if np.any(expected_totals(background, start, registered=True) <= 0.0):
        raise DomainError(
            "a form has no expected events among the providers with three correct years; "
            "use another seed, a larger size, or calibrate=False"
        )
    if scenario.count_growth_all is None or scenario.count_growth_seclusion is None:
        return _solve(background, start, _with_growth, True, *published)
    grown = _solve(background, start, _with_growth, False, scenario.count_growth_seclusion, scenario.count_growth_all)
    return _solve(background, grown, _with_completeness, True, *published)


def _with_growth(path: Path, group: NDArray[np.bool_], value: float) -> Path:
    return replace(path, log_growth=path.log_growth + np.where(group, value, 0.0))


def _with_completeness(path: Path, group: NDArray[np.bool_], value: float) -> Path:
    return replace(path, logit_after=path.logit_after + np.where(group, value, 0.0))


def _solve(background: Background, path: Path, move: Move, registered: bool, seclusion: float, total: float) -> Path:
    """Move seclusion until seclusion grows as asked, then the other forms until all forms together do."""
    everything = np.ones_like(background.seclusion)
    moved = _move_to(background, partial(move, path, background.seclusion), registered, background.seclusion, seclusion)
    return _move_to(background, partial(move, moved, ~background.seclusion), registered, everything, total)


def _move_to(
    background: Background,
    moved_by: Callable[[float], Path],
    registered: bool,
    counted: NDArray[np.bool_],
    target: float,
) -> Path:
    def gap(value: float) -> float:
        before, after = expected_totals(background, moved_by(value), registered=registered)[:, counted].sum(axis=1)
        return float(after / before - 1.0 - target)

    low, high = SEARCH
    if gap(low) > 0.0 or gap(high) < 0.0:
        raise DomainError(
            f"a growth of {100 * target:+.0f} % cannot be reached with the providers that were drawn; "
            "use another seed, a larger size, or calibrate=False"
        )
    return moved_by(float(brentq(gap, low, high, xtol=1e-12)))

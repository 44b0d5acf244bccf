"""What the identification ledger asks about: the level of completeness, and its change between two sets of rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, roots_hermitenorm

from dwangstats._types import Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.parameters import unpack
from dwangstats.numerics.thinned.problem import ThinnedProblem
from dwangstats.registration.context import FittedParts

LEVEL = "level"
CHANGE = "change"

FIXED_BY_FORMULA = 0.02
"""Where the average registration columns of two periods differ by less than this in all, no coefficient of 1 moves the
ratio of completeness by 2%: the registration formula says that nothing changed."""

NODES = 31
"""Nodes over the providers' effects on completeness; the integrand is a logistic curve, exact to 1e-10 for SDs to 2."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A linear combination of the parameters that must be known before a number can be shown.

    Attributes
    ----------
    name : str
        "level" or "change".
    contrast : (p,) array
        Gradient of the target at the fitted parameters.
    estimate : float
        Value at the fitted parameters: a logit, or a log ratio.
    label : str
        What it is, in words.
    by_formula : bool
        True where the registration formula leaves nothing to know.
    moved : (m,) array or None
        Of a change: how far the average of each registration column moves.
    """

    name: str
    contrast: Vector
    estimate: float
    label: str
    by_formula: bool = False
    moved: Vector | None = None


def event_weights(problem: ThinnedProblem, vector: Vector) -> Vector:
    """Expected events of each count row as shares of all, (n,); providers' own effects left out.

    Parameters
    ----------
    problem : ThinnedProblem
    vector : (p,) array
    """
    eta = problem.counts.X @ vector[problem.layout.beta] + problem.counts.offset
    share = np.exp(eta - eta.max())
    return np.asarray(share / share.sum(), dtype=np.float64)


def level_target(problem: ThinnedProblem, vector: Vector) -> Target:
    """Event-weighted mean of the logit of completeness over the fitted rows, for a middling provider.

    Parameters
    ----------
    problem : ThinnedProblem
    vector : (p,) array
        Fitted parameters; the weights are held at them, so that the target is linear.

    Returns
    -------
    Target
    """
    contrast = np.zeros(vector.size)
    contrast[problem.layout.alpha] = event_weights(problem, vector) @ problem.counts.W
    return Target(LEVEL, contrast, float(contrast @ vector), "event-weighted mean logit of completeness")


def change_target(parts: FittedParts, vector: Vector, variable: str, before: Any, after: Any) -> Target:
    """Log ratio of completeness, after over before, linearised.

    Completeness is expected registrations over expected events of the rows, averaged over providers' effects, so that
    it is exactly what a registered ratio and an adjusted ratio differ by. The rows are those where the variable has the
    value; where no row has it (a number between observed ones), every row with the variable set to it.

    Parameters
    ----------
    parts : FittedParts
    vector : (p,) array
        Parameters at which it is linearised.
    variable : str
        A column of the panel.
    before, after : value

    Returns
    -------
    Target

    Raises
    ------
    DomainError
        If the panel has no such column.
    """
    high, low = (_rows(parts, variable, value) for value in (after, before))
    (log_after, slope_after, W_after), (log_before, slope_before, W_before) = (
        log_completeness(parts.problem, vector, *rows) for rows in (high, low)
    )
    return Target(
        name=CHANGE,
        contrast=slope_after - slope_before,
        estimate=log_after - log_before,
        label=f"log ratio of completeness, {variable} {after!s} over {before!s}",
        by_formula=float(np.abs(W_after - W_before).sum()) < FIXED_BY_FORMULA,
        moved=W_after - W_before,
    )


def log_completeness(
    problem: ThinnedProblem, vector: Vector, X: Matrix, W: Matrix, offset: Vector
) -> tuple[float, Vector, Vector]:
    """Log of expected registrations over expected events of rows, averaged over the providers' effects.

    E[e^u p(zeta + v)] / E[e^u] = E[p(zeta + v + rho su sv)] over v ~ N(0, sv^2).

    Parameters
    ----------
    problem : ThinnedProblem
    vector : (p,) array
    X, W : (n, k), (n, m) arrays
    offset : (n,) array

    Returns
    -------
    value : float
    gradient : (p,) array
    average : (m,) array
        Event-weighted mean of the registration columns.
    """
    layout, at = problem.layout, unpack(problem, vector)
    eta = X @ at.beta + offset
    share = np.exp(eta - eta.max())
    share /= share.sum()
    nodes, weights = roots_hermitenorm(NODES) if at.sv > 0.0 else (np.zeros(1), np.ones(1))
    z, weights = nodes + at.rho * at.su, weights / weights.sum()
    p = expit((W @ at.alpha)[:, None] + at.sv * z)
    mean_p, slope = p @ weights, p * (1.0 - p)
    mean = float(share @ mean_p)
    gradient = np.zeros(vector.size)
    gradient[layout.beta] = (share * (mean_p - mean)) @ X
    gradient[layout.alpha] = (share * (slope @ weights)) @ W
    gradient[layout.sv] = share @ slope @ (weights * z)
    moved = float(share @ slope @ weights) * at.sv
    gradient[layout.su] = moved * at.rho
    gradient[layout.atanh_rho] = moved * at.su * at.rest**2
    return float(np.log(mean)), gradient / mean, share @ W


def compared_by_default(parts: FittedParts) -> tuple[str, Any, Any] | None:
    """The first and the last year of the fitted rows, or period where there is one year; None with one period.

    Parameters
    ----------
    parts : FittedParts
    """
    for variable in ("year", "period"):
        values = sorted(parts.rate.frame[variable].unique().tolist())
        if len(values) > 1:
            return variable, values[0], values[-1]
    return None


def _rows(parts: FittedParts, variable: str, value: Any) -> tuple[Matrix, Matrix, Vector]:
    """Columns of rate and registration and the offset of one side of a comparison."""
    frame, counts = parts.rate.frame, parts.problem.counts
    if variable not in frame.columns:
        raise DomainError(f"The panel has no column {variable} to compare completeness by.")
    inside = _has_value(frame[variable].to_numpy(), value)
    if inside.any():
        return counts.X[inside], counts.W[inside], counts.offset[inside]
    moved = frame.assign(**{variable: value})
    return parts.rate.matrix(moved), parts.registration.matrix(moved), counts.offset


def _has_value(column: NDArray[Any], value: Any) -> NDArray[np.bool_]:
    return np.asarray([known == value or str(known) == str(value) for known in column.tolist()], dtype=bool)

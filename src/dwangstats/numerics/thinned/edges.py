"""Parameters that run away: completeness 1, no silent providers, perfect correlation.

The likelihood then rises for ever, by less and less. The parameter is held where a float cannot tell the limit from
it, and the other parameters stay free.
"""

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.thinned.ascent import Likelihood

FAR = 40.0
"""Logit at which expit is exactly 1."""

NEAR = 6.5
"""Logit from which it is tried whether the limit is as likely: p = 0.9985."""

FAR_ANGLE = 9.0
NEAR_ANGLE = 3.5

TRACE = 1e-3
"""Standard deviation or dispersion from which down it is tried whether 0 is as likely."""

NOTHING = 1e-5
"""Standard deviation or dispersion that is 0: a log likelihood of a million events changes by less than 1e-4."""

SLACK = 1e-7
"""Log likelihood that may be lost on the way to the limit."""


def held_edges(likelihood: Likelihood, vector: Vector) -> tuple[Vector, NDArray[np.bool_], tuple[str, ...]]:
    """Move runaway parameters to their limits.

    Returns
    -------
    vector : (p,) array
    held : (p,) array of bool
    labels : tuple of str
    """
    layout = likelihood.arrangement.problem.layout
    held = np.zeros(vector.size, dtype=np.bool_)
    labels: list[str] = []
    vector = _without_traces(likelihood, vector)
    vector = _complete(likelihood, vector, held, labels)
    angle = layout.atanh_rho
    if vector[angle].size and (vector[layout.su][0] == 0.0 or vector[layout.sv][0] == 0.0):
        # Without one of the effects their correlation does not occur in the likelihood.
        vector, held[angle] = _replaced(vector, angle.start, 0.0), True
        labels.append("rho undetermined")
    for part, near, far in ((layout.silent_logit, -NEAR, -FAR), (layout.atanh_rho, NEAR_ANGLE, FAR_ANGLE)):
        for place in range(part.start, part.stop):
            side = -1.0 if vector[place] < 0.0 else 1.0
            target = far if part is layout.silent_logit else side * far
            reach = -vector[place] if part is layout.silent_logit else abs(vector[place])
            moved = _replaced(vector, place, target)
            # Beyond the limit a float cannot tell the two apart, and only the nodes would differ.
            if reach > abs(far) or (reach > abs(near) and _as_likely(likelihood, vector, moved)):
                vector, held[place] = moved, True
                labels.append("silent=0" if part is layout.silent_logit else f"rho={side:g}")
    return vector, held, tuple(labels)


def away_from_edges(likelihood: Likelihood, vector: Vector, held: NDArray[np.bool_]) -> Vector:
    """Direction (p,) in which the held parameters run away, all at once; zeros where none does.

    Parameters
    ----------
    likelihood : Likelihood
    vector : Vector
        (p,) estimates.
    held : ndarray of bool
        (p,) parameters at an edge.
    """
    layout = likelihood.arrangement.problem.layout
    direction = np.zeros(vector.size)
    for part in (layout.silent_logit, layout.atanh_rho):
        direction[part] = np.where(held[part], np.sign(vector[part]), 0.0)
    if held[layout.alpha].any():
        W = _designs(likelihood)
        found = _direction(W, W @ vector[layout.alpha] > FAR - 1.0, np.zeros(W.shape[1], dtype=np.bool_))
        direction[layout.alpha] = 0.0 if found is None else found
    return direction


def _without_traces(likelihood: Likelihood, vector: Vector) -> Vector:
    """Standard deviations and a dispersion of next to nothing become 0 where that is as likely.

    The likelihood is even in a standard deviation, so a climb comes near 0 and never gets there.
    """
    layout = likelihood.arrangement.problem.layout
    for part in (layout.su, layout.sv, layout.dispersion):
        for place in range(part.start, part.stop):
            moved = _replaced(vector, place, 0.0)
            if 0.0 < vector[place] < NOTHING or (0.0 < vector[place] < TRACE and _as_likely(likelihood, vector, moved)):
                vector = moved
    return vector


def _complete(likelihood: Likelihood, vector: Vector, held: NDArray[np.bool_], labels: list[str]) -> Vector:
    """Directions of alpha along which completeness goes to 1 in some rows and stays in all others."""
    layout = likelihood.arrangement.problem.layout
    W = _designs(likelihood)
    for _ in range(W.shape[1]):
        logit = W @ vector[layout.alpha]
        high = (logit > NEAR) & (logit < FAR - 1.0)
        direction = _direction(W, high, held[layout.alpha])
        if direction is None:
            break
        moved = vector.copy()
        moved[layout.alpha] += direction * (FAR - float(logit[high].min()))
        if not _as_likely(likelihood, vector, moved):
            break
        place = layout.alpha.start + int(np.argmax(np.abs(direction)))
        vector, held[place] = moved, True
        labels.append(f"registration:{place - layout.alpha.start}=1")
    return vector


def _designs(likelihood: Likelihood) -> Matrix:
    arrangement = likelihood.arrangement
    return np.unique(np.concatenate((arrangement.rows.W, *(part.rows.W for part in arrangement.audits))), axis=0)


def _direction(W: Matrix, high: NDArray[np.bool_], held: NDArray[np.bool_]) -> Vector | None:
    """A move of alpha that raises the logit by 1 in the high rows only; None where there is none."""
    if not high.any():
        return None
    kept = np.flatnonzero(~held)
    found, *_ = np.linalg.lstsq(W[:, kept], high.astype(np.float64), rcond=None)
    direction = np.zeros(W.shape[1])
    direction[kept] = np.where(np.abs(found) > 1e-9, found, 0.0)
    rises = W @ direction
    return direction if np.allclose(rises, high, atol=1e-7) else None


def _replaced(vector: Vector, place: int, value: float) -> Vector:
    moved = vector.copy()
    moved[place] = value
    return moved


def _as_likely(likelihood: Likelihood, vector: Vector, moved: Vector) -> bool:
    return likelihood(moved)[0] >= likelihood(vector)[0] - SLACK

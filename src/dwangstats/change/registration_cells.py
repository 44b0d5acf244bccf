"""Rates of events and completeness of cells from a registration model: at the estimates, and in joint draws."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.change.cells import Cells
from dwangstats.change.moved import Place, Places, places_of, time_columns
from dwangstats.change.parts import CellValues
from dwangstats.errors import InternalError
from dwangstats.numerics.thinned.posterior import Posterior, posterior
from dwangstats.numerics.thinned.problem import ThinnedProblem
from dwangstats.registration.context import FittedParts
from dwangstats.registration.draws import JointDraws, joint_draws


@dataclass(frozen=True, slots=True, eq=False)
class RegistrationCells:
    """Rates and completeness of the cells of a registration model; draw 0 is the estimate itself.

    Attributes
    ----------
    places : Places
        Where the rate is needed.
    W : tuple of (m, r) arrays
        Registration columns of the matched cells before, after, and of the cells leaving and entering.
    group : tuple of (m,) arrays
        Provider of the same rows.
    draws_of : JointDraws
        Parameters and provider effects.
    kept : (1 + D, G) array
        Probability that a provider registers at all: 1 or 0 in a draw.
    columns : tuple of str
        Columns of the rate that move with time; all others are case-mix.
    """

    places: Places
    W: tuple[Matrix, Matrix, Matrix, Matrix]
    group: tuple[Codes, Codes, Codes, Codes]
    draws_of: JointDraws
    kept: Matrix
    columns: tuple[str, ...]

    @property
    def draws(self) -> int:
        """Number of draws, the estimate included."""
        return self.draws_of.size

    @property
    def registration_moves(self) -> bool:
        """Whether the registration formula lets completeness differ between the two periods of any cell."""
        return not np.array_equal(self.W[0], self.W[1])

    def values(self, inside: slice) -> CellValues:
        """Rates and completeness in some of the draws."""
        matched, (leaving, entering) = self.places.matched, (self.places.leaving, self.places.entering)
        log_rate = np.array([[self._log_rate(place, inside, self.group[0]) for place in row] for row in matched])
        completeness = np.stack([self._completeness(k, inside) for k in (0, 1)])
        alone = [
            np.exp(self._log_rate(place, inside, self.group[k])) * self._completeness(k, inside)
            for k, place in ((2, leaving), (3, entering))
        ]
        return CellValues(log_rate, completeness, *alone)

    def _log_rate(self, place: Place, inside: slice, group: Codes) -> Matrix:
        return self.draws_of.log_rate(inside, place.X, place.offset, group)

    def _completeness(self, k: int, inside: slice) -> Matrix:
        theta, v = self.draws_of.theta[inside, self.draws_of.problem.layout.alpha], self.draws_of.v[inside]
        p = expit(theta @ self.W[k].T + v[:, self.group[k]]) * self.kept[inside][:, self.group[k]]
        return np.asarray(p, dtype=np.float64)


def registration_cells(
    parts: FittedParts, cells: Cells, variable: str, asked: Sequence[str], rng: np.random.Generator, draws: int
) -> RegistrationCells:
    """Draw parameters and provider effects jointly.

    Parameters
    ----------
    parts : FittedParts
        Of a fitted registration model.
    cells : Cells
        Of the fitted rows.
    variable : str
    asked : sequence of str
        Columns of the rate formula as the user wrote it. Columns that evidence adds to it (a direct effect of an
        indicator, held near zero) are no case-mix: they move with time.
    rng : Generator
    draws : int
        D.

    Returns
    -------
    RegistrationCells
    """
    added = set(parts.rate.formula.names("fixed")) - set(asked)
    columns = time_columns(parts.rate.frame, variable, sorted(added))
    places = places_of(parts.rate, cells, columns)
    rows = (cells.before, cells.after, cells.leaving, cells.entering)
    W, group = parts.problem.counts.W, parts.problem.counts.group
    if not np.array_equal(group[cells.before], group[cells.after]):
        raise InternalError("matched cells belong to different providers")
    joint = joint_draws(parts.problem, parts.fit, rng, draws)
    found = posterior(parts.problem, parts.fit.vector, nodes=parts.fit.nodes)
    u, v = middle_effects(parts.problem, parts.fit.vector, found)
    first = JointDraws(
        problem=joint.problem,
        theta=np.concatenate([parts.fit.vector[None], joint.theta]),
        u=np.concatenate([u[None], joint.u]),
        v=np.concatenate([v[None], joint.v]),
        silent=np.concatenate([np.zeros((1, u.size), dtype=bool), joint.silent]),
    )
    registering = 1.0 - found.silent if parts.problem.silent else np.ones(u.size)
    kept = np.concatenate([registering[None], 1.0 - joint.silent.astype(np.float64)])
    return RegistrationCells(
        places,
        (W[rows[0]], W[rows[1]], W[rows[2]], W[rows[3]]),
        (group[rows[0]], group[rows[1]], group[rows[2]], group[rows[3]]),
        first,
        kept,
        columns,
    )


def middle_effects(problem: ThinnedProblem, vector: Vector, found: Posterior) -> tuple[Vector, Vector]:
    """Provider effects for one set of numbers: v at its posterior mean, u so that registrations keep their mean.

    The mean of exp(u) p(v) over the posterior is what the counts of a provider determine well; at the means of u and v
    it would be too small.

    Parameters
    ----------
    problem : ThinnedProblem
    vector : (p,) array
        Estimates.
    found : Posterior
        Of the provider effects there.

    Returns
    -------
    u, v : (G,) arrays
    """
    rows, layout = problem.counts, problem.layout
    expected = np.exp(rows.X @ vector[layout.beta] + rows.offset)
    zeta = rows.W @ vector[layout.alpha]
    weight_of_v = found.weight.sum(axis=2)
    v = (weight_of_v * found.v).sum(axis=1)
    registered = np.stack(
        [
            _by_group(expected * expit(zeta + found.v[rows.group, k]), rows.group, v.size)
            for k in range(found.v.shape[1])
        ],
        axis=1,
    )
    mean = (found.weight * np.exp(found.u) * registered[:, :, None]).sum(axis=(1, 2))
    at_v = _by_group(expected * expit(zeta + v[rows.group]), rows.group, v.size)
    u = (found.weight * found.u).sum(axis=(1, 2))
    seen = at_v > 0.0
    u[seen] = np.log(mean[seen] / at_v[seen])
    return u, v


def _by_group(values: Vector, group: Codes, groups: int) -> Vector:
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64)

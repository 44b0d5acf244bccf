"""Counts drawn from a fitted model, and the same model fitted to them again."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.errors import FitError
from dwangstats.numerics.likelihood import Likelihood, Problem, Search, Top, ascend, make_search, standardised
from dwangstats.numerics.mixed.parameters import Layout, unpack

LARGEST_MEAN = 1e15
"""Counts above this are no longer exact as floats."""

STEEP = 1e-2
"""Slope in standard errors above which a refit is not at a maximum."""

NEAR_ZERO = 0.05
"""Part of its usual size below which a scale begins as if at 0: the likelihood is even in it, so it is flat there."""


def simulate_counts(problem: Problem, vector: Vector, rng: np.random.Generator) -> Vector:
    """Counts (n,) with new random effects, from the model at a vector (p,).

    Raises
    ------
    FitError
        If a mean is too large for a count.
    """
    at = unpack(problem.layout, vector)
    eta = problem.X @ at.beta + problem.offset
    for term, scale in zip(problem.terms, at.scales, strict=True):
        effects = rng.standard_normal((term.groups, term.width)) @ scale.T
        eta = eta + np.einsum("ij,ij->i", term.Z, effects[term.codes])
    counts = draw_counts(problem.family, eta, at.alpha, rng)
    if problem.zero_design is not None:
        counts = np.where(rng.random(counts.size) < expit(problem.zero_design @ at.zero), 0.0, counts)
    return counts


def draw_counts(family: FamilyName, eta: Vector, alpha: float, rng: np.random.Generator) -> Vector:
    """Counts (n,) at log means eta (n,); a negative binomial count is a Poisson count with a gamma mean.

    Raises
    ------
    FitError
        If a mean is too large for a count.
    """
    mean = np.exp(np.minimum(eta, 700.0))
    if family == "nb2" and alpha > 0.0:
        mean = mean * alpha * rng.gamma(1.0 / alpha, size=mean.size)
    elif family == "nb1" and alpha > 0.0:
        mean = alpha * rng.gamma(mean / alpha)
    if not mean.max(initial=0.0) < LARGEST_MEAN:
        raise FitError("simulated means are too large for counts; a random effect or coefficient is not determined")
    return rng.poisson(mean).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Refit:
    """A maximum for other counts: vector (p,) of the problem as given, and log likelihood."""

    vector: Vector
    loglik: float


class Refitter:
    """Fits one model to one set of counts after another, each time from the same start.

    Parameters
    ----------
    problem : Problem
        Its counts are those of the fit.
    vector : Vector
        (p,) where each refit begins, the maximum for the counts of the fit.
    """

    def __init__(self, problem: Problem, vector: Vector) -> None:
        inner, self.back = standardised(problem)
        top = np.asarray(np.linalg.solve(self.back, vector), dtype=np.float64)
        self.likelihood = Likelihood(inner)
        self.search: Search = make_search(self.likelihood, top)
        self.start = self._off_the_flat(top)

    def refit(self, y: Vector, start: Vector | None = None) -> Refit:
        """Maximum likelihood for counts y (n,), from another start (p,) if given.

        Raises
        ------
        FitError
            If there are no events, or the climb does not end at a maximum.
        """
        if not y.any():
            raise FitError("no events in this draw")
        likelihood = self.likelihood.with_counts(y)
        search = replace(self.search, objective=likelihood)
        begin = self.start if start is None else self._off_the_flat(np.asarray(np.linalg.solve(self.back, start)))
        found: Top = ascend(search, begin)
        for _ in range(2):
            if found.slope < STEEP:
                break
            found = ascend(search, found.vector)
        if not (np.isfinite(found.value) and found.slope < STEEP):
            raise FitError(f"a slope of {found.slope:.2g} per standard error is left")
        return Refit(self.back @ found.vector, found.value)

    def _off_the_flat(self, start: Vector) -> Vector:
        """The start with scales beside 0 at 0, from where the search lifts them."""
        begin = np.array(start, dtype=np.float64)
        for place in self.search.scales:
            if begin[place] < NEAR_ZERO * self.search.usual[place]:
                begin[place] = 0.0
        return begin


def parameter_values(layout: Layout, vector: Vector) -> Vector:
    """The (p,) parameters as one reads them: standard deviations and correlations instead of scale entries.

    A correlation with an effect that has no variance is NaN.
    """
    values = vector.copy()
    scales = unpack(layout, vector).scales
    for place, (t, i, j) in enumerate(layout.entries):
        covariance: Matrix = scales[t] @ scales[t].T
        size = float(np.sqrt(covariance[i, i]))
        if i != j:
            size *= float(np.sqrt(covariance[j, j]))
            size = float(covariance[i, j]) / size if size > 0.0 else float("nan")
        values[layout.fixed + place] = size
    return values

"""A fitted model as arrays, for whatever has to fit it again."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import CovarianceKind, FamilyName, Matrix, Vector
from dwangstats.design.design import Design
from dwangstats.models.certificate import Certificate
from dwangstats.models.parameters import mixed_problem
from dwangstats.numerics.glm import CountFit
from dwangstats.numerics.likelihood import Problem, vector_information
from dwangstats.numerics.mixed.fit import MixedFit


class Fitted(Protocol):
    """What `RateResult` and `MixedResult` have in common."""

    @property
    def family(self) -> FamilyName:
        """Distribution of the counts."""

    @property
    def design(self) -> Design:
        """Rows and columns that were fitted."""

    @property
    def fit(self) -> CountFit | MixedFit:
        """Arrays from the fitter."""

    @property
    def certificate(self) -> Certificate:
        """Whether the fit is a maximum."""

    @property
    def cov_type(self) -> CovarianceKind:
        """Kind of the covariance."""

    @property
    def formula(self) -> str:
        """The formula as written."""

    @property
    def nobs(self) -> int:
        """Number of rows."""

    @property
    def llf(self) -> float:
        """Log likelihood; FitError while the certificate has failed."""

    @property
    def aic(self) -> float:
        """-2 log likelihood + 2 parameters."""

    @property
    def bic(self) -> float:
        """-2 log likelihood + log(rows) parameters."""


@dataclass(frozen=True, slots=True)
class FittedProblem:
    """Data and structure of a fitted model, and where its likelihood has its maximum.

    Attributes
    ----------
    problem : Problem
    vector : (p,) array
        The maximum, as laid out by `Problem.layout`.
    information : (f, f) array
        Observed information over the free parameters, in the coordinates of the vector.
    free : (p,) array of bool
        False for parameters at their boundary.
    """

    problem: Problem
    vector: Vector
    information: Matrix
    free: NDArray[np.bool_]


def problem_of(result: Fitted) -> FittedProblem:
    """The arrays of a result.

    Parameters
    ----------
    result : RateResult or MixedResult

    Returns
    -------
    FittedProblem

    Raises
    ------
    FitError
        If its certificate failed.
    """
    _ = result.llf
    design, fit, family = result.design, result.fit, result.family
    if isinstance(fit, MixedFit):
        problem = mixed_problem(design, family, fit.nodes)
        information = vector_information(problem, fit.vector, fit.information, fit.free)
        return FittedProblem(problem, fit.vector, information, fit.free)
    offset = design.log_exposure + design.offset
    problem = Problem(design.X, design.y, offset, (), family, intervals=design.intervals)
    dispersion = [] if family == "poisson" else [fit.alpha]
    vector = np.concatenate([fit.beta, dispersion])
    free = np.arange(vector.size) < fit.information.shape[0]
    return FittedProblem(problem, vector, fit.information, free)

"""Models of the same counts side by side: likelihood ratio, AIC, BIC and prediction of providers left out."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Codes, Matrix
from dwangstats.design.rows import rows_text
from dwangstats.errors import DataError, DomainError, FitError
from dwangstats.models.problem import Fitted, problem_of
from dwangstats.numerics.chibar import boundary_pvalue
from dwangstats.numerics.leave_out import leave_out
from dwangstats.numerics.likelihood import Problem
from dwangstats.numerics.mixed.structure import Term, nested_in

SPANNED = 1e-8
"""Part of a column's length that other columns may miss when they still span it."""

LOWER = 1e-4
"""Log likelihood by which the larger of two nested models may lie below the smaller: the fits end before that."""


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """Likelihood ratio test of a model within a larger one.

    Attributes
    ----------
    statistic : float
        Twice the difference of the log likelihoods.
    added : int
        Parameters that the larger model adds.
    at_boundary : int
        How many of them are variances or dispersions, or the share of extra zeros, which the smaller model has at 0.
    p : float
        By `dwangstats.numerics.chibar.boundary_pvalue`.
    bound : bool
        Whether p is an upper bound: with more than one parameter at the boundary, the weights of the chi-squares
        depend on the information. A bootstrap test gives the value itself.
    """

    statistic: float
    added: int
    at_boundary: int
    p: float
    bound: bool

    @property
    def reference(self) -> str:
        """Degrees of freedom of the reference: "3", or "half 0, half 1"."""
        if self.at_boundary == 0:
            return str(self.added)
        return f"half {self.added - 1}, half {self.added}"

    def __str__(self) -> str:
        sign = "at most " if self.bound else ""
        return f"likelihood ratio {self.statistic:.4g} on {self.reference} degrees of freedom, p {sign}{self.p:.3g}"


def compare(*results: Fitted, cluster: str | None = None) -> pd.DataFrame:
    """Fitted models of the same counts side by side.

    Parameters
    ----------
    *results : RateResult or MixedResult
        Two or more, in any order.
    cluster : str, optional
        Column whose groups are left out one at a time for ``loo``. Default: "provider" if the data have several, else
        the groups of the coarsest random term.

    Returns
    -------
    DataFrame
        A row per model, fewest parameters first: name, parameters, llf, aic, bic, ``loo`` (see `leave_one_out`; the
        sum over clusters, higher is better), and the likelihood ratio test ``against`` the nearest row above that is
        nested in it: statistic, df, p. ``note`` says why the row just above was passed over, why a number is absent,
        or that a p-value is an upper bound.

    Raises
    ------
    DomainError
        With fewer than two results, or if they are not of the same data.
    DataError
        If there is no column ``cluster``, or a label in it is missing.
    FitError
        If the certificate of a result failed.
    """
    if len(results) < 2:
        raise DomainError(f"A comparison needs two results at least, got {len(results)}.")
    for other in results[1:]:
        _require_same_data(results[0], other)
    ordered = sorted(results, key=lambda result: problem_of(result).vector.size)
    chosen = cluster if cluster is not None else _default_cluster(ordered)
    rows = []
    for place, result in enumerate(ordered):
        notes: list[str] = []
        loo = _score(result, chosen, notes)
        against, ratio = _nearest(ordered[:place], result, notes)
        rows.append(
            {
                "name": _name(result),
                "parameters": problem_of(result).vector.size,
                "llf": result.llf,
                "aic": result.aic,
                "bic": result.bic,
                "loo": loo,
                "against": against,
                "statistic": np.nan if ratio is None else ratio.statistic,
                "df": "" if ratio is None else ratio.reference,
                "p": np.nan if ratio is None else ratio.p,
                "note": " ".join(notes),
            }
        )
    return pd.DataFrame(rows)


def likelihood_ratio(smaller: Fitted, larger: Fitted) -> LikelihoodRatio:
    """Likelihood ratio test of a model within a larger one.

    Parameters
    ----------
    smaller, larger : RateResult or MixedResult
        Of the same data; the first is a special case of the second: its columns are combinations of the other's, its
        random effects are among the other's, and it may be poisson where the other is nb2 or nb1.

    Returns
    -------
    LikelihoodRatio

    Raises
    ------
    DomainError
        If the data differ, the models are not nested, their log likelihoods are approximated in different ways, or
        one of them has a cluster-robust covariance.
    FitError
        If a certificate failed, or the larger model fits worse.
    """
    _require_same_data(smaller, larger)
    for result in (smaller, larger):
        if result.cov_type != "model":
            raise DomainError(
                f"The likelihood ratio trusts the model and knows nothing of clusters, and {_name(result)} has a "
                f"{result.cov_type} covariance. Compare the results before robust()."
            )
    small, large = problem_of(smaller), problem_of(larger)
    at_boundary = _variances_added(smaller, larger, small.problem, large.problem)
    added = large.vector.size - small.vector.size
    if added == 0:
        raise DomainError(f"{_name(smaller)} and {_name(larger)} have the same parameters: nothing is left to test.")
    gain = larger.llf - smaller.llf
    if gain < -LOWER:
        raise FitError(
            f"{_name(larger)} has a log likelihood {-gain:.3g} below that of {_name(smaller)}, which it contains, so "
            "one of the two fits is not at its maximum. Fit the larger model again, or a simpler one."
        )
    statistic = max(0.0, 2.0 * gain)
    p = boundary_pvalue(statistic, added, at_boundary)
    return LikelihoodRatio(statistic, added, at_boundary, p, bound=at_boundary > 1)


def leave_one_out(result: Fitted, cluster: str | None = None) -> pd.Series:
    """Log probability that the model gives to the counts of each cluster when it has not seen them.

    log f(y_c | theta without c), the random effects of the cluster integrated out: the cluster is a new one. theta
    without c is one Newton step from the estimate, theta - (I - I_c)^-1 s_c with the score and observed information
    of the cluster, standard deviations and dispersion included; parameters at their boundary stay there. Where the
    step is longer than half a standard error the model is fitted again instead.

    Parameters
    ----------
    result : RateResult or MixedResult
    cluster : str, optional
        Column of the data that holds the groups of the random terms whole. Default: "provider" if the data have
        several, else the groups of the coarsest random term.

    Returns
    -------
    Series
        By cluster; NaN where a parameter is not determined without the cluster, for example its own coefficient.

    Raises
    ------
    DomainError
        If random terms are crossed, the groups of one lie in several clusters, or there is only one cluster.
    DataError
        If there is no column ``cluster``, or a label in it is missing.
    FitError
        If the certificate failed.
    """
    chosen = cluster if cluster is not None else _default_cluster([result])
    if chosen is None:
        raise DomainError("The data have no column provider and the model no random term; name a column as cluster=.")
    codes, labels = _clusters(result, chosen)
    fitted = problem_of(result)
    if len(labels) < 2:
        raise DomainError(f"All {result.nobs} rows are in one cluster ({chosen}); leaving it out leaves nothing.")
    found = leave_out(fitted.problem, fitted.vector, fitted.information, fitted.free, codes)
    return pd.Series(found.scores, index=pd.Index(labels, name=chosen), name="log_score")


def _require_same_data(one: Fitted, other: Fitted) -> None:
    a, b = problem_of(one).problem, problem_of(other).problem
    if a.y.size != b.y.size:
        raise DomainError(
            f"The models are not of the same data: {_name(one)} has {a.y.size} rows and {_name(other)} {b.y.size}. "
            "Fit both to the same rows."
        )
    unlike = np.flatnonzero(np.any(_bounds(a) != _bounds(b), axis=0))
    if unlike.size:
        raise DomainError(
            f"The models are not of the same data: the counts differ in {unlike.size} of {a.y.size} rows (first: row "
            f"{one.design.frame.index[unlike[0]]!s}). Fit both to the same rows in the same order."
        )


def _bounds(problem: Problem) -> Matrix:
    """Least and greatest possible counts, (2, n)."""
    known = problem.intervals
    return np.stack((problem.y, problem.y) if known is None else (known.lower, known.upper))


def _name(result: Fitted) -> str:
    zero = result.design.zero_formula
    return f"{result.family} '{result.formula}'" + ("" if zero is None else f" zero '{zero.text}'")


def _variances_added(smaller: Fitted, larger: Fitted, small: Problem, large: Problem) -> int:
    """Parameters of the larger model that the smaller one has at 0, the end of their range; or else DomainError."""
    reason = (
        _exposure_differs(small, large)
        or _columns_missing(smaller, small.X, large.X)
        or _random_missing(small, large)
        or _zero_differs(small, large)
        or _integrated_otherwise(small, large)
    )
    families = (smaller.family, larger.family)
    if reason is None and families[0] != families[1] and families[0] != "poisson":
        reason = f"{families[0]} is no special case of {families[1]}"
    if reason is not None:
        raise DomainError(
            f"{_name(smaller)} is not nested in {_name(larger)}: {reason}. Compare them by AIC, BIC or the score of "
            "providers left out."
        )
    effects = [sum(term.width for term in problem.terms) for problem in (small, large)]
    zeros = int(small.zero_design is None and large.zero_design is not None)
    return effects[1] - effects[0] + int(families[0] != families[1]) + zeros


def _exposure_differs(small: Problem, large: Problem) -> str | None:
    gap = float(np.max(np.abs(small.offset - large.offset), initial=0.0))
    return f"exposures or offsets differ, by up to {gap:.3g} on the log scale" if gap > 1e-10 else None


def _columns_missing(smaller: Fitted, small: Matrix, large: Matrix) -> str | None:
    missed = np.flatnonzero(~_spanned(small, large))
    names = [smaller.design.names[j] for j in missed]
    return f"its columns {', '.join(names)} are no combination of the other's" if names else None


def _spanned(columns: Matrix, by: Matrix) -> NDArray[np.bool_]:
    """Which columns are combinations of others."""
    length = np.linalg.norm(by, axis=0)
    basis = by / np.where(length > 0.0, length, 1.0)
    rest = columns - basis @ np.linalg.lstsq(basis, columns, rcond=None)[0]
    return np.asarray(np.linalg.norm(rest, axis=0) <= SPANNED * np.linalg.norm(columns, axis=0))


def _random_missing(small: Problem, large: Problem) -> str | None:
    for term in small.terms:
        if not any(_contains(other, term) for other in large.terms):
            return f"its random term of {term.name} is not among the other's"
    return None


def _contains(large: Term, small: Term) -> bool:
    """Whether the effects of a term are among those of another with the same groups."""
    if nested_in(small.codes, large.codes) is None or nested_in(large.codes, small.codes) is None:
        return False
    if large.correlated:
        return bool(np.all(_spanned(small.Z, large.Z)))
    alone = not small.correlated or small.width == 1
    return alone and all(any(np.array_equal(z, other) for other in large.Z.T) for z in small.Z.T)


def _zero_differs(small: Problem, large: Problem) -> str | None:
    if small.zero_design is None:
        if large.zero_design is None or (large.zero_design.shape[1] == 1 and np.ptp(large.zero_design) == 0.0):
            return None
        return (
            "without extra zeros the coefficients of their share have no value, so the likelihood ratio has no known "
            "distribution"
        )
    if large.zero_design is None or not np.all(_spanned(small.zero_design, large.zero_design)):
        return "its part for extra zeros is not among the other's"
    return None


def _integrated_otherwise(small: Problem, large: Problem) -> str | None:
    if not (small.terms and large.terms) or (small.nodes == 1) == (large.nodes == 1):
        return None
    ways = ["Laplace's approximation" if p.nodes == 1 else f"{p.nodes} quadrature nodes" for p in (small, large)]
    return (
        f"its log likelihood is by {ways[0]} and the other's by {ways[1]}, so their difference is not that of the "
        "models alone (fit both with quadrature=1)"
    )


def _nearest(smaller: list[Fitted], larger: Fitted, notes: list[str]) -> tuple[str, LikelihoodRatio | None]:
    """Name and likelihood ratio of the last of the smaller models that is nested in the larger one."""
    for place, candidate in enumerate(reversed(smaller)):
        try:
            found = likelihood_ratio(candidate, larger)
        except DomainError as error:
            if place == 0:
                notes.append(str(error))
            continue
        if found.bound:
            notes.append(f"p is an upper bound: {found.at_boundary} parameters at 0 are tested at once.")
        return _name(candidate), found
    return "", None


def _score(result: Fitted, cluster: str | None, notes: list[str]) -> float:
    if cluster is None:
        notes.append("No providers to leave out.")
        return float("nan")
    try:
        scores = leave_one_out(result, cluster)
    except DomainError as error:
        notes.append(f"No score of providers left out: {error}")
        return float("nan")
    absent = int(scores.isna().sum())
    if absent:
        notes.append(f"No score of providers left out: without {scores.index[scores.isna()][0]!s} no estimate exists.")
    return float(scores.sum(skipna=False))


def _default_cluster(results: list[Fitted]) -> str | None:
    frame = results[0].design.frame
    if "provider" in frame and not frame["provider"].isna().any() and len(frame["provider"].unique()) > 1:
        return "provider"
    for result in results:
        if result.design.random:
            return min(result.design.random, key=lambda term: len(term.labels)).name
    return None


def _clusters(result: Fitted, cluster: str) -> tuple[Codes, list[str]]:
    """Cluster of each row and the labels: of a column, or of a random term of that name."""
    frame = result.design.frame
    if cluster in frame:
        codes, labels = pd.factorize(frame[cluster].to_numpy(), sort=True)
        missing = np.flatnonzero(codes < 0)
        if missing.size:
            raise DataError(
                f"{cluster} is missing in {missing.size} of {result.nobs} rows ({rows_text(frame.index, missing)}), so "
                "it is not known with which cluster they are left out. Fill it in, or name another column."
            )
        return codes.astype(np.intp), [str(label) for label in labels]
    for term in result.design.random:
        if term.name == cluster:
            return term.codes, [str(label) for label in term.labels]
    raise DataError(f"The data have no column {cluster} whose groups could be left out.")

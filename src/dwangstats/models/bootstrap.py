"""Parametric bootstrap: the fitted model draws new counts, and the model is fitted to them again.

Each draw has a seed of its own, spawned from the given one, and begins at the fit, so the numbers do not depend on
how many processes share the work.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config

from dwangstats._types import Matrix, Progress, Vector
from dwangstats.design.rows import listed
from dwangstats.errors import DomainError, FitError
from dwangstats.models.compare import likelihood_ratio
from dwangstats.models.parameters import parameter_names, reported
from dwangstats.models.problem import Fitted, FittedProblem, problem_of
from dwangstats.models.profile import target_of
from dwangstats.numerics.likelihood import Likelihood, Problem, ascend, make_search, standardised
from dwangstats.numerics.mixed.parameters import Parameters, pack, unpack
from dwangstats.numerics.mixed.structure import Term
from dwangstats.numerics.profile import Target
from dwangstats.numerics.resample import Refitter, parameter_values, simulate_counts

CHUNK = 25
"""Draws that one process takes at a time."""

Random: TypeAlias = int | np.random.SeedSequence | np.random.Generator
Statistic: TypeAlias = Callable[[pd.Series], "float | Mapping[str, float] | pd.Series"]
_Found: TypeAlias = Vector | str


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Draws of the parameters, or of a statistic, under the fitted model.

    Attributes
    ----------
    estimate : Series
        At the fit.
    draws : DataFrame
        One row per draw that was fitted, indexed by its number from 1; the columns are those of the estimate.
    requested : int
        Draws asked for.
    failures : tuple of (int, str)
        Number of each draw that could not be fitted, and why.
    """

    estimate: pd.Series
    draws: pd.DataFrame
    requested: int
    failures: tuple[tuple[int, str], ...]

    @property
    def failed(self) -> int:
        """Draws that could not be fitted; they are left out."""
        return len(self.failures)

    @property
    def standard_errors(self) -> pd.Series:
        """Standard deviation over the draws."""
        return self.draws.std(ddof=1).rename("standard_error")

    @property
    def bias(self) -> pd.Series:
        """Mean over the draws less the estimate."""
        return (self.draws.mean() - self.estimate).rename("bias")

    def interval(self, level: float = 0.95) -> pd.DataFrame:
        """Percentile intervals: the draws number (B + 1)(1 - level)/2 from either end, interpolated.

        A draw in which a correlation is not defined, because an effect has no variance there, is left out of the
        interval of that correlation; where too few draws remain for the level its ends are NaN. Infinite draws count.

        Parameters
        ----------
        level : float
            In (0, 1).

        Returns
        -------
        DataFrame
            Columns ``lower`` and ``upper``.

        Raises
        ------
        DomainError
            If the draws are too few for the level.
        """
        if not 0.0 < level < 1.0:
            raise DomainError(f"level must lie between 0 and 1, got {level:g}")
        tail, count = (1.0 - level) / 2.0, len(self.draws)
        if (count + 1) * tail < 1.0 - 1e-9:
            raise DomainError(
                f"{count} draws do not reach as far as a {100 * level:g}% interval; at least "
                f"{math.ceil(1.0 / tail - 1e-9) - 1} are needed, and 999 or more are usual."
            )
        ends = [self._quantile(p) for p in (tail, 1.0 - tail)]
        return pd.DataFrame({"lower": ends[0], "upper": ends[1]}, index=list(self.draws.columns))

    def __str__(self) -> str:
        said = "none failed" if not self.failures else f"{self.failed} failed (first: {self.failures[0][1]})"
        return f"parametric bootstrap, {self.requested} draws, {said}"

    def _quantile(self, p: float) -> Vector:
        columns = [np.sort(column[~np.isnan(column)]) for column in self.draws.to_numpy(dtype=np.float64).T]
        return np.array([_order_statistic(column, p) for column in columns])


def _order_statistic(drawn: Vector, p: float) -> float:
    """Draw number (B + 1) p of the sorted draws, interpolated; NaN where there is none."""
    place = (drawn.size + 1) * p - 1.0
    if place < -1e-9 or place > drawn.size - 1 + 1e-9:
        return float("nan")
    below = int(np.clip(np.floor(place + 1e-9), 0, drawn.size - 1))
    part = place - below
    if part <= 1e-9 or drawn[below] == drawn[below + 1]:
        return float(drawn[below])
    return float((1.0 - part) * drawn[below] + part * drawn[below + 1])


@dataclass(frozen=True, slots=True)
class BootstrapTest:
    """Likelihood ratio of two nested models against its distribution under the smaller one.

    Attributes
    ----------
    statistic : float
        Twice the difference of the log likelihoods.
    p : float
        (1 + draws that are at least as large) / (1 + draws).
    statistics : (B,) array
        Of the draws that were fitted, in order.
    requested : int
    failures : tuple of (int, str)
        Number of each draw that could not be fitted, and why; they are left out.
    """

    statistic: float
    p: float
    statistics: Vector
    requested: int
    failures: tuple[tuple[int, str], ...]

    @property
    def failed(self) -> int:
        """Draws that could not be fitted."""
        return len(self.failures)

    def __str__(self) -> str:
        said = "none failed" if not self.failures else f"{self.failed} failed"
        return f"likelihood ratio {self.statistic:.4g}, bootstrap p {self.p:.3g} ({self.requested} draws, {said})"


def bootstrap(
    result: Fitted,
    statistic: Statistic | None = None,
    *,
    draws: int = 999,
    rng: Random,
    workers: int = 1,
    progress: Progress | None = None,
) -> Bootstrap:
    """Draw counts from a fitted model, random effects anew, and fit the model to them again.

    Parameters
    ----------
    result : RateResult or MixedResult
        The design, exposure and number of quadrature nodes are kept; a covariance from `robust` plays no part.
    statistic : callable, optional
        From the parameters of one fit, a Series by name, to a number or to several by name. By default the
        parameters: coefficients, "sd provider", "correlation ...", "dispersion", "zero ...".
    draws : int
    rng : int, SeedSequence or Generator
        Each draw gets a seed spawned from it. A Generator or SeedSequence remembers what it has spawned, so that a
        second bootstrap with it has other draws.
    workers : int
        Processes. The numbers are the same for any number of them.
    progress : callable, optional
        Called with (draws done, draws in all).

    Returns
    -------
    Bootstrap

    Raises
    ------
    DomainError
        If draws or workers are less than 1, or counts are known to an interval only.
    FitError
        If the certificate of the result failed, or every draw does.
    """
    fitted = _redrawn(result)
    task = partial(_refits, fitted.problem, fitted.vector)
    found = _run(task, _seeds(rng, draws), workers, progress)
    names = list(parameter_names(result.design, result.family))
    values, failures = _sorted_out(found, len(names))
    numbers = pd.Index([i for i, one in enumerate(found, 1) if not isinstance(one, str)], name="draw")
    frame = pd.DataFrame(values, index=numbers, columns=names)
    estimate = reported(result.design, result.family, fitted.vector)
    if statistic is not None:
        frame = pd.DataFrame([_named(statistic(row)) for _, row in frame.iterrows()], index=numbers)
        estimate = pd.Series(_named(statistic(estimate)), name="estimate")
    return Bootstrap(estimate, frame, draws, failures)


def bootstrap_test(
    smaller: Fitted,
    larger: Fitted,
    *,
    draws: int = 999,
    rng: Random,
    workers: int = 1,
    progress: Progress | None = None,
) -> BootstrapTest:
    """Test a model within a larger one by the likelihood ratio, with its distribution under the smaller one drawn.

    For what has no known reference distribution: several variances at once, or a variance with few groups (Davison
    and Hinkley 1997, Bootstrap Methods and their Application, section 4.2).

    Parameters
    ----------
    smaller, larger : RateResult or MixedResult
        Of the same data, the first nested in the second.
    draws, rng, workers, progress
        As for `bootstrap`.

    Returns
    -------
    BootstrapTest

    Raises
    ------
    DomainError
        If the models are not nested or do not have the same data.
    FitError
        If a certificate failed, or every draw does.
    """
    statistic = likelihood_ratio(smaller, larger).statistic
    null, full = _redrawn(smaller), _redrawn(larger)
    task = partial(_ratios, (null.problem, null.vector), (full.problem, full.vector))
    return _tested(statistic, _run(task, _seeds(rng, draws), workers, progress), draws)


def variance_test(
    result: Fitted,
    name: str,
    *,
    draws: int = 999,
    rng: Random,
    workers: int = 1,
    progress: Progress | None = None,
) -> BootstrapTest:
    """Bootstrap test that the standard deviation of a random effect is 0, its correlations with it.

    Parameters
    ----------
    result : MixedResult
    name : str
        "sd provider" (or "provider").
    draws, rng, workers, progress
        As for `bootstrap`.

    Returns
    -------
    BootstrapTest

    Raises
    ------
    DomainError
        If the name is not that of a standard deviation.
    FitError
        If the certificate failed, or every draw does.
    """
    fitted, target = problem_of(result), target_of(result, name)
    if target.kind != "sd":
        raise DomainError(f"{name} is not the standard deviation of a random effect.")
    null, start = _without_effect(fitted.problem, fitted.vector, target)
    inner, back = standardised(null)
    begin = np.asarray(np.linalg.solve(back, start), dtype=np.float64)
    top = ascend(make_search(Likelihood(inner), begin), begin, rough=1e-4)
    statistic = max(0.0, 2.0 * (result.llf - top.value))
    task = partial(_ratios, (null, back @ top.vector), (fitted.problem, fitted.vector))
    return _tested(statistic, _run(task, _seeds(rng, draws), workers, progress), draws)


def _redrawn(result: Fitted) -> FittedProblem:
    """The arrays of a result whose counts can be drawn anew."""
    fitted = problem_of(result)
    if fitted.problem.intervals is not None:
        raise DomainError(
            "A bootstrap draws counts, and how drawn counts would have been shown (rounded, suppressed) is not known. "
            "Use method='wald' or 'profile', or a cluster-robust covariance."
        )
    return fitted


def _seeds(rng: Random, draws: int) -> list[np.random.SeedSequence]:
    if draws < 1:
        raise DomainError(f"draws must be at least 1, got {draws}")
    if isinstance(rng, np.random.Generator):
        found = rng.bit_generator.seed_seq
        if not isinstance(found, np.random.SeedSequence):
            raise DomainError("this generator cannot spawn seeds; give a number or numpy.random.default_rng(number)")
        return found.spawn(draws)
    sequence = rng if isinstance(rng, np.random.SeedSequence) else np.random.SeedSequence(rng)
    return sequence.spawn(draws)


def _run(
    task: Callable[[list[np.random.SeedSequence]], list[_Found]],
    seeds: list[np.random.SeedSequence],
    workers: int,
    progress: Progress | None,
) -> list[_Found]:
    """The task on chunks of the seeds, in order, each process with one thread for linear algebra."""
    if workers < 1:
        raise DomainError(f"workers must be at least 1, got {workers}")
    chunks = [seeds[first : first + CHUNK] for first in range(0, len(seeds), CHUNK)]
    found: list[_Found] = []
    for part in _parts(task, chunks, min(workers, len(chunks))):
        found += part
        if progress is not None:
            progress(len(found), len(seeds))
    return found


def _parts(
    task: Callable[[list[np.random.SeedSequence]], list[_Found]],
    chunks: list[list[np.random.SeedSequence]],
    workers: int,
) -> Iterator[list[_Found]]:
    if workers == 1:
        for chunk in chunks:
            with _one_thread():
                part = task(chunk)
            yield part
        return
    # sums over threads differ in the last digit with their number; memory-mapped arrays are spared the workers
    with parallel_config(backend="loky", inner_max_num_threads=1):
        pool = Parallel(n_jobs=workers, return_as="generator", max_nbytes=None)
        yield from pool(delayed(task)(chunk) for chunk in chunks)


def _one_thread() -> AbstractContextManager[Any]:
    if find_spec("threadpoolctl") is None:
        return nullcontext()
    limits: AbstractContextManager[Any] = import_module("threadpoolctl").threadpool_limits(limits=1)
    return limits


def _refits(problem: Problem, vector: Vector, seeds: list[np.random.SeedSequence]) -> list[_Found]:
    """Parameters of the refit to each draw, or why there is none."""
    refitter = Refitter(problem, vector)

    def one(rng: np.random.Generator) -> Vector:
        refit = refitter.refit(simulate_counts(problem, vector, rng))
        return parameter_values(problem.layout, refit.vector)

    return [_or_reason(one, seed) for seed in seeds]


def _ratios(
    null: tuple[Problem, Vector], full: tuple[Problem, Vector], seeds: list[np.random.SeedSequence]
) -> list[_Found]:
    """Likelihood ratio of two models for draws from the first, (1,) each, or why there is none."""
    small, large = Refitter(*null), Refitter(*full)

    def one(rng: np.random.Generator) -> Vector:
        y = simulate_counts(*null, rng)
        return np.array([2.0 * (large.refit(y).loglik - small.refit(y).loglik)])

    return [_or_reason(one, seed) for seed in seeds]


def _or_reason(one: Callable[[np.random.Generator], Vector], seed: np.random.SeedSequence) -> _Found:
    try:
        return one(np.random.default_rng(seed))
    except FitError as error:
        return str(error)


def _sorted_out(found: list[_Found], width: int) -> tuple[Matrix, tuple[tuple[int, str], ...]]:
    """The draws that were fitted, (B, width), and the failures."""
    failures = tuple((number, one) for number, one in enumerate(found, 1) if isinstance(one, str))
    if len(failures) == len(found):
        reasons = listed(sorted({reason for _, reason in failures}), shown=3)
        raise FitError(f"None of the {len(found)} draws could be fitted ({reasons}). Simplify the model.")
    return np.array([one for one in found if not isinstance(one, str)]).reshape(-1, width), failures


def _tested(statistic: float, found: list[_Found], draws: int) -> BootstrapTest:
    values, failures = _sorted_out(found, 1)
    drawn = np.maximum(values[:, 0], 0.0)
    # refits end within about 1e-6 of their maxima, so ties at zero count as ties
    p = (1.0 + np.count_nonzero(drawn >= statistic - 1e-5)) / (1.0 + drawn.size)
    return BootstrapTest(statistic, float(p), drawn, draws, failures)


def _named(value: Any) -> dict[str, float]:
    if isinstance(value, pd.Series):
        return {str(name): float(one) for name, one in value.items()}
    if isinstance(value, Mapping):
        return {str(name): float(one) for name, one in value.items()}
    return {"statistic": float(value)}


def _without_effect(problem: Problem, vector: Vector, target: Target) -> tuple[Problem, Vector]:
    """The problem without one random effect, and parameters near its maximum."""
    at = unpack(problem.layout, vector)
    term, scale = problem.terms[target.term], at.scales[target.term]
    kept = [effect for effect in range(term.width) if effect != target.effect]
    terms, scales = list(problem.terms), list(at.scales)
    if kept:
        terms[target.term] = Term(term.codes, np.ascontiguousarray(term.Z[:, kept]), term.correlated, term.name)
        scales[target.term] = np.diag(np.sqrt(np.diag(scale @ scale.T))[kept])
    else:
        del terms[target.term], scales[target.term]
    null = replace(problem, terms=tuple(terms))
    return null, pack(null.layout, Parameters(at.beta, tuple(scales), at.alpha, at.zero))

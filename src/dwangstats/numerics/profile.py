"""Profile likelihood: where the signed root statistic of one parameter reaches a cutoff.

The other parameters are maximised anew at every value tried, from where a straight line through the last two maxima
points.  The slope of the profile is the score of the held parameter, so Newton steps on the root cost nothing more.
(Bates and Watts 1988, Nonlinear Regression Analysis, section 6.1, for the signed root; Cox and Snell for the rest.)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.errors import FitError
from dwangstats.numerics.likelihood import Likelihood, Problem, Search, Top, ascend, make_search, standardised
from dwangstats.numerics.mixed.parameters import Layout, Parameters, pack, unpack
from dwangstats.numerics.mixed.structure import Term

ROUGH = 1e-4
"""Slope in standard errors at which a constrained climb stops; the profile is then exact to about 1e-8."""

CLOSE = 1e-5
"""Error of the signed root at an end, in standard errors of the parameter."""

HIGHER = 1e-5
"""Log likelihood above that of the given fit that shows that it is no maximum."""

FLAT = 1e-3
"""Rise of the signed root over a doubling of the distance below which an end is taken to be infinite."""

TRIALS = 60


@dataclass(frozen=True, slots=True)
class Target:
    """The parameter to be profiled.

    Attributes
    ----------
    kind : {"beta", "zero", "sd", "correlation", "alpha"}
    place : int
        Column of X or of zero_design, for "beta" and "zero".
    term, effect, other : int
        Random term and its effect, for "sd"; and a second effect, for "correlation".
    """

    kind: Literal["beta", "zero", "sd", "correlation", "alpha"]
    place: int = 0
    term: int = 0
    effect: int = 0
    other: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """Ends of a profile likelihood interval.

    Attributes
    ----------
    estimate, lower, upper : float
        On the scale of the parameter itself: a standard deviation, not its log.
    at_zero : float
        Twice the log likelihood lost at a standard deviation or dispersion of zero; NaN for other parameters.
    refits, evaluations : int
        Constrained maxima found; evaluations of likelihood and gradient for them.
    """

    estimate: float
    lower: float
    upper: float
    at_zero: float
    refits: int
    evaluations: int


def profile(problem: Problem, vector: Vector, target: Target, cutoff: float) -> Profile:
    """Values of a parameter at which twice the profile log likelihood lies `cutoff` below the maximum.

    Parameters
    ----------
    problem : Problem
    vector : Vector
        (p,) maximum of the likelihood.
    target : Target
    cutoff : float
        > 0, such as 3.84 for 95 percent.

    Returns
    -------
    Profile
        The lower end of a standard deviation or dispersion is 0 where the profile there is within the cutoff; an end
        that is never reached is infinite, or -1 or 1 for a correlation.

    Raises
    ------
    FitError
        If a higher likelihood is found than at `vector`.
    """
    path = _Path(problem, vector, target)
    root = float(np.sqrt(cutoff))
    one_sided = target.kind in ("sd", "alpha")
    at_zero = path.drop(0.0) if one_sided else float("nan")
    lower = 0.0 if one_sided and at_zero <= cutoff else _end(path, root, -1.0)
    upper = _end(path, root, 1.0)
    return Profile(path.estimate, lower, upper, at_zero, path.refits, path.evaluations)


def drop_at_zero(problem: Problem, vector: Vector, target: Target) -> float:
    """Twice the log likelihood lost where a standard deviation (with its correlations) or dispersion is set to zero."""
    return _Path(problem, vector, target).drop(0.0)


@dataclass(frozen=True, slots=True)
class _Slice:
    """Vectors with the held parameter at one value: base + matrix w, floors of w, and d vector / d held at w."""

    base: Vector
    matrix: Matrix
    kept: tuple[int, ...]
    along: Callable[[Vector], Vector]


class _Path:
    """Constrained maxima along one parameter, each begun where the last ones point."""

    def __init__(self, problem: Problem, vector: Vector, target: Target) -> None:
        arranged, start, self.held = _arrange(problem, vector, target)
        self.target, self.layout = target, arranged.layout
        self.likelihood = Likelihood(arranged)
        self.search = make_search(self.likelihood, start)
        self.estimate = _value(target, self.layout, self.held, start)
        self.top = self.likelihood(start)[0]
        self.step = self._first_step()
        self.low, self.high = _range(target)
        self.refits = 0
        self._seen = [(self.estimate, self._to_inner(start))]

    @property
    def evaluations(self) -> int:
        return self.likelihood.evaluations

    def drop(self, value: float) -> float:
        return self.root(value)[0] ** 2

    def root(self, value: float) -> tuple[float, float]:
        """Signed root statistic without its sign, and its derivative in the held parameter."""
        cut = self._slice(value)
        found = self._constrained(value, cut)
        gap = self.top - found.value
        if gap < -HIGHER * max(1.0, 1e-6 * abs(self.top)):
            raise FitError(
                f"the log likelihood is {-gap:.2g} higher at another value of the profiled parameter than at the fit, "
                "so the fit is no maximum. Fit again with other starting values or a simpler model."
            )
        root = float(np.sqrt(max(2.0 * gap, 0.0)))
        slope = float(self._full_gradient @ cut.along(found.vector))
        return root, -slope / root if root > 0.0 else 0.0

    def _constrained(self, value: float, cut: _Slice) -> Top:
        if not cut.kept:
            loglik, self._full_gradient = self.likelihood(cut.base)
            return Top(np.zeros(0), loglik, np.zeros(0), 0.0)

        def objective(inner: Vector) -> tuple[float, Vector]:
            found, gradient = self.likelihood(cut.base + cut.matrix @ inner)
            self._full_gradient = gradient
            return found, cut.matrix.T @ gradient

        kept = list(cut.kept)
        whole = self.search
        scales = {
            kept.index(place): tuple(kept.index(other) for other in below if other in kept)
            for place, below in whole.scales.items()
            if place in kept
        }
        search = Search(objective, whole.transform[np.ix_(kept, kept)], whole.floors[kept], whole.usual[kept], scales)
        guess = self._guess(value)[kept]
        floor = np.where(np.isfinite(search.floors), 0.2 * self._seen[-1][1][kept], -np.inf)
        found = ascend(search, np.maximum(guess, floor), rough=ROUGH)
        self.refits += 1
        inner = self._seen[-1][1].copy()
        inner[kept] = found.vector
        self._seen = [self._seen[0], (value, inner)]
        return found

    def _guess(self, value: float) -> Vector:
        """Along the tangent first, then along the line from the estimate through the last maximum."""
        (start, from_start), (last, at_last) = self._seen[0], self._seen[-1]
        if last != start and (value - start) * (last - start) > 0.0:
            return from_start + (at_last - from_start) * (value - start) / (last - start)
        column = self.search.transform[:, self.held]
        if self.target.kind not in ("beta", "zero"):
            return from_start
        return np.asarray(from_start + column / column[self.held] * (value - start), dtype=np.float64)

    def _first_step(self) -> float:
        if self.target.kind == "correlation":
            return 0.2
        return float(self.search.transform[self.held, self.held])

    def _to_inner(self, vector: Vector) -> Vector:
        """For a correlation the second effect's two entries become its standard deviation; (p,) in all cases."""
        inner = vector.copy()
        if self.target.kind == "correlation":
            inner[self.held + 1] = float(np.hypot(vector[self.held], vector[self.held + 1]))
        return inner

    def _slice(self, value: float) -> _Slice:
        p, held = self.layout.size, self.held
        drop, base = {held}, np.zeros(p)
        matrix = np.eye(p)
        unit = np.zeros(p)
        unit[held] = 1.0
        along = _constant(unit)
        if self.target.kind == "correlation":
            base[held] = 0.0
            rest = float(np.sqrt(max(1.0 - value**2, 0.0)))
            matrix[held, held + 1], matrix[held + 1, held + 1] = value, rest
            where = held + 1

            def along(inner: Vector) -> Vector:
                turn = np.zeros(p)
                sd = float(inner[kept.index(where)])
                turn[held], turn[where] = sd, -sd * value / max(rest, 1e-8)
                return turn

        else:
            base[held] = value
        if self.target.kind == "sd" and value == 0.0 and self.layout.correlated[self.target.term]:
            # without variance there is no covariance: the rest of the first column of the scale vanishes with it
            drop |= _first_column(self.layout, self.target.term)
        kept = [place for place in range(p) if place not in drop]
        return _Slice(base, matrix[:, kept], tuple(kept), along)


def _constant(vector: Vector) -> Callable[[Vector], Vector]:
    return lambda _: vector


def _end(path: _Path, root: float, side: float) -> float:
    """Where the root statistic reaches `root` on one side: Newton steps kept within a bracket."""
    limit = path.high if side > 0.0 else path.low
    inside, outside = path.estimate, float("nan")
    value = _within(path.estimate + side * root * path.step, inside, limit)
    best, before = (float("inf"), value), 0.0
    for _ in range(TRIALS):
        found, slope = path.root(value)
        if abs(found - root) < best[0]:
            best = (abs(found - root), value)
        if abs(found - root) < CLOSE:
            return value
        if found < root:
            far = abs(value - path.estimate) > 100.0 * path.step
            if np.isnan(outside) and (_at(value, limit) or (far and found - before < FLAT)):
                return limit
            inside, before = value, found
        else:
            outside = value
        if abs(outside - inside) < 1e-12 * (1.0 + abs(inside)):
            break
        value = _next(path.estimate, value, found, slope, root, inside, outside, side, limit)
    return best[1]


def _next(
    estimate: float,
    value: float,
    found: float,
    slope: float,
    root: float,
    inside: float,
    outside: float,
    side: float,
    limit: float,
) -> float:
    """Newton step if it stays in the bracket, else its middle; without a bracket no more than twice as far."""
    newton = value + (root - found) / slope if slope * side > 0.0 else float("nan")
    if np.isnan(outside):
        far = estimate + 2.0 * (value - estimate)
        if np.isnan(newton) or abs(newton - estimate) > abs(far - estimate):
            newton = far
        return _within(newton, inside, limit)
    if not min(inside, outside) < newton < max(inside, outside):
        return 0.5 * (inside + outside)
    return newton


def _within(value: float, inside: float, limit: float) -> float:
    """The value, or nine tenths of the way to the limit if it lies beyond."""
    if np.isinf(limit) or abs(value - inside) < abs(limit - inside):
        return value
    return inside + 0.9 * (limit - inside)


def _at(value: float, limit: float) -> bool:
    return abs(value - limit) < 1e-9


def _range(target: Target) -> tuple[float, float]:
    if target.kind == "correlation":
        return -1.0, 1.0
    return (0.0 if target.kind in ("sd", "alpha") else -np.inf), np.inf


def _arrange(problem: Problem, vector: Vector, target: Target) -> tuple[Problem, Vector, int]:
    """The problem over standardised columns in which the target is one coordinate, its vector, and that coordinate.

    A coefficient is made the last of its block; effects of a random term are put in another order, so that the
    standard deviation of the first is the first entry of the lower-triangular scale.
    """
    if target.kind in ("sd", "correlation") and problem.terms[target.term].correlated:
        problem, vector = _reordered(problem, vector, target)
    last = target.place if target.kind == "beta" else None
    last_zero = target.place if target.kind == "zero" else None
    inner, back = standardised(problem, last=last, last_zero=last_zero, kept=_kept(problem, target))
    return inner, np.asarray(np.linalg.solve(back, vector), dtype=np.float64), _coordinate(inner, target)


def _kept(problem: Problem, target: Target) -> dict[int, int]:
    """Leading effects of the target's term whose entries of the scale are those of the effects themselves."""
    if target.kind == "correlation":
        return {target.term: 2}
    if target.kind != "sd":
        return {}
    return {target.term: 1 if problem.terms[target.term].correlated else target.effect + 1}


def _coordinate(problem: Problem, target: Target) -> int:
    layout = problem.layout
    if target.kind == "beta":
        return layout.fixed - 1
    if target.kind == "zero":
        return layout.size - 1
    if target.kind == "alpha":
        return layout.bounds[2]
    first = 0 if problem.terms[target.term].correlated else target.effect
    entry = (target.term, first, first) if target.kind == "sd" else (target.term, 1, 0)
    return layout.fixed + layout.entries.index(entry)


def _reordered(problem: Problem, vector: Vector, target: Target) -> tuple[Problem, Vector]:
    layout, t = problem.layout, target.term
    term = problem.terms[t]
    front = [target.effect] if target.kind == "sd" else [target.effect, target.other]
    order = front + [e for e in range(term.width) if e not in front]
    at = unpack(layout, vector)
    moved = Term(term.codes, np.ascontiguousarray(term.Z[:, order]), True, term.name)
    scales = tuple(_triangular(L[order]) if s == t else L for s, L in enumerate(at.scales))
    terms = tuple(moved if s == t else other for s, other in enumerate(problem.terms))
    return replace(problem, terms=terms), pack(layout, Parameters(at.beta, scales, at.alpha, at.zero))


def _triangular(root: Matrix) -> Matrix:
    """Lower-triangular L with L L' = R R' and no negative diagonal, also where R is singular."""
    lower = np.asarray(np.linalg.qr(root.T, mode="r"), dtype=np.float64).T
    return np.asarray(lower * np.where(np.diag(lower) < 0.0, -1.0, 1.0), dtype=np.float64)


def _first_column(layout: Layout, term: int) -> set[int]:
    return {layout.fixed + p for p, (t, i, j) in enumerate(layout.entries) if t == term and j == 0}


def _value(target: Target, layout: Layout, held: int, vector: Vector) -> float:
    if target.kind != "correlation":
        return float(vector[held])
    size = float(np.hypot(vector[held], vector[held + 1]))
    return float(vector[held]) / size if size > 0.0 else 0.0

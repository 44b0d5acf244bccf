"""Data and structure of a registration model on arrays, and where each parameter stands in the vector.

Group g is a provider. Its log rate is X beta + offset + u_g, its logit completeness W alpha + v_g, with
u = su (rho zv + sqrt(1 - rho^2) zu), v = sv zv and zu, zv independent standard normal. A count is registered with
mean exp(log rate) times completeness; audits, linked lists and controls add their own terms.
"""

from dataclasses import dataclass, field

import numpy as np

from dwangstats._types import Codes, FamilyName, Matrix, Vector
from dwangstats.errors import DomainError


@dataclass(frozen=True, slots=True, eq=False)
class CountRows:
    """Registered counts.

    Attributes
    ----------
    X : Matrix
        (n, k) design of the log rate.
    W : Matrix
        (n, m) design of the logit completeness.
    y : Vector
        (n,) registered counts.
    offset : Vector
        (n,) log exposure and other known parts of the log rate.
    group : Codes
        (n,) group of each row.
    """

    X: Matrix
    W: Matrix
    y: Vector
    offset: Vector
    group: Codes

    def __post_init__(self) -> None:
        _check_lengths("count rows", self.y.size, X=self.X, W=self.W, offset=self.offset, group=self.group)
        _check_counts("y", self.y)
        _check_finite("count rows", X=self.X, W=self.W, offset=self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class AuditRows:
    """True events found in another way, and how many of them were registered.

    Attributes
    ----------
    W : Matrix
        (a, m) design of the logit completeness.
    group : Codes
        (a,) group of each row.
    found, registered : Vector
        (a,) events found, and those of them that were registered.
    icc : float
        Intra-class correlation of the beta-binomial, in [0, 1); 0 is the binomial.
    """

    W: Matrix
    group: Codes
    found: Vector
    registered: Vector
    icc: float = 0.0

    def __post_init__(self) -> None:
        _check_lengths("audit rows", self.found.size, W=self.W, group=self.group, registered=self.registered)
        _check_counts("found", self.found)
        _check_counts("registered", self.registered)
        _check_finite("audit rows", W=self.W)
        above = np.flatnonzero(self.registered > self.found)
        if above.size:
            raise DomainError(f"registered exceeds found in {above.size} audit rows (first: row {above[0]})")
        if not 0.0 <= self.icc < 1.0:
            raise DomainError(f"the intra-class correlation of an audit must lie in [0, 1), got {self.icc:g}")


@dataclass(frozen=True, slots=True, eq=False)
class LinkedRows:
    """Count rows of which every event is known to stand in the register, in another register, or in both.

    Attributes
    ----------
    row : Codes
        (l,) place among the count rows, each at most once.
    both, register_only, other_only : Vector
        (l,) events; both + register_only is the count of the row.
    W2 : Matrix
        (l, m2) design of the logit completeness of the other register.
    odds_ratio : float
        Odds ratio of standing in the two registers, > 0; 1 is independence.
    """

    row: Codes
    both: Vector
    register_only: Vector
    other_only: Vector
    W2: Matrix
    odds_ratio: float = 1.0

    def __post_init__(self) -> None:
        others = {"register_only": self.register_only, "other_only": self.other_only}
        _check_lengths("linked rows", self.row.size, both=self.both, W2=self.W2, **others)
        for name, values in {"both": self.both, **others}.items():
            _check_counts(name, values)
        _check_finite("linked rows", W2=self.W2)
        if np.unique(self.row).size < self.row.size:
            raise DomainError("a count row is linked more than once")
        if not 0.0 < self.odds_ratio < np.inf:
            raise DomainError(f"the odds ratio of two registers must be a positive number, got {self.odds_ratio:g}")


@dataclass(frozen=True, slots=True, eq=False)
class ControlRows:
    """Counts that are registered completely, with the same trend up to `relax` and a level of their own per group.

    Attributes
    ----------
    X : Matrix
        (c, k) design of the log rate, as for the counts.
    relax : Matrix
        (c, d) design of the departure from that trend; d may be 0.
    offset : Vector
        (c,) log exposure.
    group : Codes
        (c,) group of each row.
    count : Vector
        (c,) counts; a group's total is conditioned on.
    """

    X: Matrix
    relax: Matrix
    offset: Vector
    group: Codes
    count: Vector

    def __post_init__(self) -> None:
        parts = {"X": self.X, "relax": self.relax, "offset": self.offset}
        _check_lengths("control rows", self.count.size, group=self.group, **parts)
        _check_counts("count", self.count)
        _check_finite("control rows", **parts)


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """Independent normal terms on linear combinations of the parameters: matrix theta ~ N(mean, sd^2).

    Attributes
    ----------
    matrix : Matrix
        (j, p) over the whole vector.
    mean, sd : Vector
        (j,) with sd > 0.
    source : {"prior", "relaxation"}
    """

    matrix: Matrix
    mean: Vector
    sd: Vector
    source: str = "prior"

    def __post_init__(self) -> None:
        _check_lengths("gaussian terms", self.mean.size, matrix=self.matrix, sd=self.sd)
        _check_finite("gaussian terms", matrix=self.matrix, mean=self.mean, sd=self.sd)
        if np.any(self.sd <= 0.0):
            raise DomainError(f"a normal term needs a positive standard deviation, got {float(self.sd.min()):g}")
        if self.source not in ("prior", "relaxation"):
            raise DomainError(f"unknown source '{self.source}' of a normal term; prior and relaxation are known")


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of the parameters in the vector, in this order; a part that the model lacks has length 0.

    Attributes
    ----------
    beta, alpha : coefficients of the log rate and of the logit completeness.
    gamma : coefficients of the logit completeness of the other register.
    delta : departures of the control's trend.
    su, sv : standard deviations of the provider effects on rate and registration.
    atanh_rho : inverse hyperbolic tangent of their correlation, when it is estimated.
    dispersion : alpha >= 0 of nb2 or nb1.
    silent_logit : logit of the probability that a provider registers nothing.
    """

    beta: slice
    alpha: slice
    gamma: slice
    delta: slice
    su: slice
    sv: slice
    atanh_rho: slice
    dispersion: slice
    silent_logit: slice

    @property
    def size(self) -> int:
        """Number of parameters p."""
        return int(self.silent_logit.stop)

    @property
    def floors(self) -> Vector:
        """(p,) lowest values: 0 for standard deviations and dispersion, minus infinity otherwise."""
        floors = np.full(self.size, -np.inf)
        for part in (self.su, self.sv, self.dispersion):
            floors[part] = 0.0
        return floors

    @property
    def labels(self) -> tuple[str, ...]:
        """(p,) short names, such as "rate:0" and "registration:1"."""
        many = (("rate", self.beta), ("registration", self.alpha), ("other", self.gamma), ("relaxation", self.delta))
        one = (
            ("sd rate", self.su),
            ("sd registration", self.sv),
            ("atanh rho", self.atanh_rho),
            ("dispersion", self.dispersion),
            ("silent logit", self.silent_logit),
        )
        names = [f"{name}:{i}" for name, part in many for i in range(part.stop - part.start)]
        return (*names, *(name for name, part in one if part.stop > part.start))


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ThinnedProblem:
    """A registration model on arrays.

    Attributes
    ----------
    family : {"poisson", "nb2", "nb1"}
        Of the true events. Thinned by p, nb2 keeps its dispersion and that of nb1 is multiplied by p.
    groups : int
        Number of groups G.
    counts : CountRows
    rate_effects, registration_effects : bool
        Whether u and v exist.
    rho : float or None
        Their correlation in (-1, 1); None is estimated.
    silent : bool
        Whether a provider may register nothing at all, with a probability that is estimated.
    audits : tuple of AuditRows
    linked : LinkedRows or None
    control : ControlRows or None
    gaussian : tuple of Gaussian
    """

    family: FamilyName
    groups: int
    counts: CountRows
    rate_effects: bool = True
    registration_effects: bool = True
    rho: float | None = 0.0
    silent: bool = False
    audits: tuple[AuditRows, ...] = ()
    linked: LinkedRows | None = None
    control: ControlRows | None = None
    gaussian: tuple[Gaussian, ...] = ()
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        if self.family not in ("poisson", "nb2", "nb1"):
            raise DomainError(f"unknown family '{self.family}'; the families are poisson, nb2 and nb1")
        if self.rho is not None and not -1.0 < self.rho < 1.0:
            raise DomainError(f"the correlation rho must lie between -1 and 1, got {self.rho:g}")
        self._check_groups()
        self._check_widths()
        self._check_linked()
        object.__setattr__(self, "layout", _make_layout(self))
        for term in self.gaussian:
            if term.matrix.shape[1] != self.layout.size:
                raise DomainError(f"normal terms on {term.matrix.shape[1]} parameters; there are {self.layout.size}")

    def _check_groups(self) -> None:
        codes = [self.counts.group, *(audit.group for audit in self.audits)]
        codes += [self.control.group] if self.control is not None else []
        for group in codes:
            if group.size and not (group.min() >= 0 and group.max() < self.groups):
                raise DomainError(
                    f"group numbers must lie in 0 .. {self.groups - 1}, got {group.min()} to {group.max()}"
                )

    def _check_widths(self) -> None:
        k, m = self.counts.X.shape[1], self.counts.W.shape[1]
        for audit in self.audits:
            if audit.W.shape[1] != m:
                raise DomainError(f"an audit has {audit.W.shape[1]} registration columns; the counts have {m}")
        if self.control is not None and self.control.X.shape[1] != k:
            raise DomainError(f"the control has {self.control.X.shape[1]} rate columns; the counts have {k}")

    def _check_linked(self) -> None:
        if self.linked is None or not self.linked.row.size:
            return
        row = self.linked.row
        if not (row.min() >= 0 and row.max() < self.counts.y.size):
            raise DomainError(f"linked rows must lie in 0 .. {self.counts.y.size - 1}, got {row.min()} to {row.max()}")
        wrong = np.flatnonzero(self.linked.both + self.linked.register_only != self.counts.y[row])
        if wrong.size:
            raise DomainError(
                f"both + register_only differs from the registered count in {wrong.size} of {row.size} linked rows "
                f"(first: linked row {wrong[0]})"
            )


def _make_layout(problem: ThinnedProblem) -> Layout:
    both = problem.rate_effects and problem.registration_effects
    lengths = (
        problem.counts.X.shape[1],
        problem.counts.W.shape[1],
        0 if problem.linked is None else problem.linked.W2.shape[1],
        0 if problem.control is None else problem.control.relax.shape[1],
        int(problem.rate_effects),
        int(problem.registration_effects),
        int(both and problem.rho is None),
        int(problem.family != "poisson"),
        int(problem.silent),
    )
    ends = np.cumsum(lengths).tolist()
    return Layout(*(slice(end - length, end) for end, length in zip(ends, lengths, strict=True)))


def _check_lengths(what: str, size: int, **arrays: Matrix | Codes) -> None:
    for name, array in arrays.items():
        if array.shape[0] != size:
            raise DomainError(f"{what}: {name} has {array.shape[0]} rows where {size} are expected")


def _check_counts(name: str, values: Vector) -> None:
    bad = np.flatnonzero(~((values >= 0.0) & (values == np.floor(values)) & np.isfinite(values)))
    if bad.size:
        raise DomainError(
            f"{name} must hold non-negative integers: {bad.size} of {values.size} do not "
            f"(first: row {bad[0]}, value {float(values[bad[0]]):g})"
        )


def _check_finite(what: str, **arrays: Matrix) -> None:
    for name, array in arrays.items():
        bad = np.count_nonzero(~np.isfinite(array))
        if bad:
            raise DomainError(f"{what}: {name} holds {bad} values that are not finite numbers")

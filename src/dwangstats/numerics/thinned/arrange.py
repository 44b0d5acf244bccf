"""A problem made ready for evaluation: rows sorted by group, constants taken, sources left out."""

from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import gammaln

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.audits import log_binomial
from dwangstats.numerics.thinned.problem import AuditRows, ControlRows, Gaussian, LinkedRows, ThinnedProblem
from dwangstats.numerics.thinned.rows import RowSet, make_rows

SOURCES = ("counts", "audit", "lists", "control", "prior", "relaxation")
"""What a term of the log likelihood may come from."""


@dataclass(frozen=True, slots=True, eq=False)
class LinkedPart:
    """Linked rows.

    Attributes
    ----------
    place, cell : Codes
        (l,) place among the sorted rows, and cell of its own.
    both, register_only, other_only : Vector
        (l,)
    W2 : Matrix
        (l, m2)
    odds_ratio : float
    ones : csr_array
        (G, l) sums over groups.
    constant : Vector
        (G,) sum of the log multinomial coefficients.
    """

    place: Codes
    cell: Codes
    both: Vector
    register_only: Vector
    other_only: Vector
    W2: Matrix
    odds_ratio: float
    ones: csr_array
    constant: Vector


@dataclass(frozen=True, slots=True, eq=False)
class AuditPart:
    """An audit with its sums over groups (G, a) and the log binomial coefficients by group (G,)."""

    rows: AuditRows
    ones: csr_array
    constant: Vector


@dataclass(frozen=True, slots=True, eq=False)
class ControlPart:
    """Control rows sorted by group, with sums over groups (G, c), totals and log multinomial coefficients (G,)."""

    rows: ControlRows
    ones: csr_array
    total: Vector
    constant: Vector


@dataclass(frozen=True, slots=True, eq=False)
class SilentPart:
    """Groups that may have registered nothing.

    Attributes
    ----------
    possible : ndarray of bool
        (G,) no registered event, neither in the counts nor in an audit.
    rows : RowSet
        Linked rows of those groups: the other register goes on.
    W2 : Matrix
        (s, m2) design of the other register for those rows.
    """

    possible: NDArray[np.bool_]
    rows: RowSet
    W2: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """Everything that an evaluation needs and that does not depend on the parameters."""

    problem: ThinnedProblem
    rows: RowSet
    linked: LinkedPart | None
    audits: tuple[AuditPart, ...]
    control: ControlPart | None
    gaussian: tuple[Gaussian, ...]
    silent: SilentPart | None
    order: Codes


_KEPT: WeakKeyDictionary[ThinnedProblem, dict[frozenset[str], Arrangement]] = WeakKeyDictionary()


def arrange(problem: ThinnedProblem, sources: Iterable[str] | None = None) -> Arrangement:
    """Make a problem ready; the result is kept as long as the problem lives.

    Parameters
    ----------
    problem : ThinnedProblem
    sources : iterable of str, optional
        Those of `SOURCES` that count; all if None. Without "lists" a linked row is an ordinary one.

    Raises
    ------
    DomainError
        A source is unknown.
    """
    chosen = frozenset(SOURCES if sources is None else sources)
    unknown = sorted(chosen - set(SOURCES))
    if unknown:
        raise DomainError(f"unknown source '{unknown[0]}'; the sources are {', '.join(SOURCES)}")
    kept = _KEPT.setdefault(problem, {})
    if chosen not in kept:
        kept[chosen] = _arranged(problem, chosen)
    return kept[chosen]


def _arranged(problem: ThinnedProblem, sources: frozenset[str]) -> Arrangement:
    counts = problem.counts
    lists = problem.linked if "lists" in sources else None
    keep = np.full(counts.y.size, "counts" in sources)
    events = counts.y.astype(np.float64)
    if lists is not None:
        keep[lists.row] = True
        events[lists.row] += lists.other_only
    order = np.flatnonzero(keep)
    order = order[np.argsort(counts.group[order], kind="stable")]
    apart = np.zeros(counts.y.size, dtype=np.bool_)
    if lists is not None:
        apart[lists.row] = True
    rows = _chosen(problem, events, order, apart[order])
    linked = None if lists is None else _linked(problem, lists, order, rows)
    audits = tuple(_audit(audit, problem.groups) for audit in problem.audits) if "audit" in sources else ()
    control = None if problem.control is None or "control" not in sources else _control(problem.control, problem.groups)
    gaussian = tuple(term for term in problem.gaussian if term.source in sources)
    silent = _silent(problem, events, lists, "counts" in sources, audits) if problem.silent else None
    return Arrangement(problem, rows, linked, audits, control, gaussian, silent, order)


def _chosen(problem: ThinnedProblem, events: Vector, order: Codes, apart: NDArray[np.bool_]) -> RowSet:
    c = problem.counts
    return make_rows(c.X[order], c.W[order], c.offset[order], events[order], c.group[order], problem.groups, apart)


def sums_over(group: Codes, groups: int) -> csr_array:
    """(G, n) matrix that adds up rows, in any order, by group."""
    return csr_array((np.ones(group.size), (group, np.arange(group.size))), shape=(groups, group.size))


def _linked(problem: ThinnedProblem, lists: LinkedRows, order: Codes, rows: RowSet) -> LinkedPart:
    where = np.empty(problem.counts.y.size, dtype=np.intp)
    where[order] = np.arange(order.size)
    ones = sums_over(problem.counts.group[lists.row], problem.groups)
    cells = (lists.both, lists.register_only, lists.other_only)
    ways = gammaln(sum(cells) + 1.0) - sum(gammaln(cell + 1.0) for cell in cells)
    place = where[lists.row]
    return LinkedPart(place, rows.cells.of_row[place], *cells, lists.W2, lists.odds_ratio, ones, ones @ ways)


def _audit(rows: AuditRows, groups: int) -> AuditPart:
    ones = sums_over(rows.group, groups)
    return AuditPart(rows, ones, ones @ log_binomial(rows.found, rows.registered))


def _control(rows: ControlRows, groups: int) -> ControlPart:
    ones = sums_over(rows.group, groups)
    total = ones @ rows.count
    constant = gammaln(total + 1.0) - ones @ gammaln(rows.count + 1.0)
    return ControlPart(rows, ones, total, constant)


def _silent(
    problem: ThinnedProblem, events: Vector, lists: LinkedRows | None, counted: bool, audits: tuple[AuditPart, ...]
) -> SilentPart:
    counts, groups = problem.counts, problem.groups
    registered = np.zeros(groups)
    relevant = np.arange(counts.y.size) if counted else (lists.row if lists is not None else np.zeros(0, dtype=np.intp))
    np.add.at(registered, counts.group[relevant], counts.y[relevant])
    for audit in audits:
        registered += audit.ones @ audit.rows.registered
    possible = registered == 0.0
    rows, W2 = np.zeros(0, dtype=np.intp), np.zeros((0, 0 if problem.linked is None else problem.linked.W2.shape[1]))
    if lists is not None:
        inside = np.flatnonzero(possible[counts.group[lists.row]])
        inside = inside[np.argsort(counts.group[lists.row[inside]], kind="stable")]
        rows, W2 = lists.row[inside], lists.W2[inside]
    return SilentPart(possible, _chosen(problem, events, rows, np.ones(rows.size, dtype=np.bool_)), W2)

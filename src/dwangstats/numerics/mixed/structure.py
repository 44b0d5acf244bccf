"""Which random effects depend on which: a nested chain of terms with a small dense border.

Terms that are nested in one another (rows in locations in providers) form the chain, finest level
first; every other term (periods crossed with providers) goes to the border.  The precision matrix of
the effects is then bordered and block diagonal, and is never formed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.errors import DomainError

LARGEST_BORDER = 3000
"""Columns of the dense border above which a factorisation takes seconds."""


@dataclass(frozen=True, slots=True)
class Term:
    """One random term such as ``(1 | provider)`` or ``(time | provider)``.

    Attributes
    ----------
    codes : Codes
        (n,) group of each row, 0 .. G - 1, every number used.
    Z : Matrix
        (n, q) design of the term; a column of ones for an intercept.
    correlated : bool
        Whether the q effects of a group are correlated.
    name : str
        What messages and parameter names call it.
    turn : Matrix or None
        (q, q) times the scale in the parameter vector is that of the effects of Z; None stands for the identity.
    """

    codes: Codes
    Z: Matrix
    correlated: bool
    name: str
    turn: Matrix | None = None

    @property
    def width(self) -> int:
        """Effects per group."""
        return int(self.Z.shape[1])

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.codes.max()) + 1


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the effects of one term live.

    Attributes
    ----------
    level : int
        Level of the chain, or -1 for the border.
    start : int
        First column within the chain's columns, or within the border's columns.
    width, groups : int
        Effects per group; groups.
    order : Codes
        (groups,) position of each group of the term within its level or within the term's border.
    offset : int
        First element in the border's vector (0 for the chain).
    """

    level: int
    start: int
    width: int
    groups: int
    order: Codes
    offset: int


@dataclass(frozen=True, slots=True)
class Structure:
    """The chain and the border of a set of random terms.

    Attributes
    ----------
    order : Codes
        (m,) the row that stands at each place: rows are sorted by finest group.
    codes : Codes
        (m,) finest group of each row, non-decreasing; children of one parent have adjacent numbers.
    row_starts, row_counts : Codes
        (G,) first row and number of rows of each finest group.
    parents : tuple of Codes
        For each level but the last, (G_l,) the non-decreasing parent of each group.
    starts : tuple of Codes
        For each level but the last, (G_{l+1},) first child of each parent.
    sizes, widths : tuple of int
        Groups per level and effects per group per level, finest first.
    basis : tuple of Vector or None
        Distinct columns of the chain's design; None stands for ones.
    column : tuple of int
        For each of the d chain columns its place in `basis`.
    cross_index : tuple of Codes
        For each border column (m,) the element of the border vector that a row meets.
    cross_basis : tuple of Vector or None
        For each border column its design; None stands for ones.
    border : int
        Length of the border vector.
    placements : tuple of Placement
        One per term, in the order given.
    """

    order: Codes
    codes: Codes
    row_starts: Codes
    row_counts: Codes
    parents: tuple[Codes, ...]
    starts: tuple[Codes, ...]
    sizes: tuple[int, ...]
    widths: tuple[int, ...]
    basis: tuple[Vector | None, ...]
    column: tuple[int, ...]
    cross_index: tuple[Codes, ...]
    cross_basis: tuple[Vector | None, ...]
    border: int
    placements: tuple[Placement, ...]

    @property
    def depth(self) -> int:
        """Number of effects of the chain that meet one row."""
        return len(self.column)

    @property
    def separable(self) -> bool:
        """Whether the groups of the last level of the chain are independent."""
        return self.border == 0

    @property
    def scalar(self) -> bool:
        """Whether there is one effect per group and nothing else."""
        return self.border == 0 and self.widths == (1,)


def build_structure(terms: Sequence[Term]) -> Structure:
    """Order the terms into a chain and a border.

    Parameters
    ----------
    terms : sequence of Term
        At least one; all with the same number of rows.

    Returns
    -------
    Structure
        The chain has as many effects as the nesting allows.

    Raises
    ------
    DomainError
        If a group number is unused, or the border would be longer than `LARGEST_BORDER`.
    """
    _check_codes(terms)
    chain = _longest_chain(terms)
    crossed = [t for t in range(len(terms)) if not any(t in level for level in chain)]
    border = sum(terms[t].groups * terms[t].width for t in crossed)
    if border > LARGEST_BORDER:
        names = ", ".join(f"'{terms[t].name}'" for t in crossed)
        raise DomainError(
            f"the crossed random terms {names} have {border} effects in all and at most {LARGEST_BORDER} are offered. "
            "Put the crossed factor with the fewest groups in as fixed effects, or use coarser groups."
        )
    codes, parents, ranks = _chain_codes([terms[level[0]].codes for level in chain])
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    columns = [terms[t].Z[order, j] for level in chain for t in level for j in range(terms[t].width)]
    basis, column = _distinct_columns(columns)
    placed = _place_chain(terms, chain, ranks)
    cross_index, cross_basis = _place_border(terms, crossed, order, placed)
    row_starts = np.flatnonzero(np.diff(codes, prepend=-1))
    return Structure(
        order=order,
        codes=codes,
        row_starts=row_starts,
        row_counts=np.diff(row_starts, append=codes.size),
        parents=parents,
        starts=tuple(np.flatnonzero(np.diff(p, prepend=-1)) for p in parents),
        sizes=tuple(terms[level[0]].groups for level in chain),
        widths=tuple(sum(terms[t].width for t in level) for level in chain),
        basis=basis,
        column=column,
        cross_index=cross_index,
        cross_basis=cross_basis,
        border=border,
        placements=tuple(placed[t] for t in range(len(terms))),
    )


def nested_in(fine: Codes, coarse: Codes) -> Codes | None:
    """Parent of each fine group if every fine group lies in one coarse group, else None."""
    parent = np.zeros(int(fine.max()) + 1, dtype=np.intp)
    parent[fine] = coarse
    return parent if np.array_equal(parent[fine], coarse) else None


def _check_codes(terms: Sequence[Term]) -> None:
    for term in terms:
        unused = np.flatnonzero(np.bincount(term.codes, minlength=term.groups) == 0)
        if unused.size:
            raise DomainError(
                f"random term '{term.name}': {unused.size} of {term.groups} group numbers have no rows "
                f"(first: {int(unused[0])}). Number the groups 0, 1, ... without gaps."
            )


def _longest_chain(terms: Sequence[Term]) -> list[list[int]]:
    """Levels, finest first, each a list of terms with the same groups."""
    order = sorted(range(len(terms)), key=lambda t: -terms[t].groups)
    nested = {(a, b): nested_in(terms[a].codes, terms[b].codes) is not None for a, b in combinations(order, 2)}
    best: tuple[int, ...] = ()
    weight = -1
    for size in range(1, len(order) + 1):
        for subset in combinations(order, size):
            total = sum(terms[t].groups * terms[t].width for t in subset)
            if total > weight and all(nested[pair] for pair in combinations(subset, 2)):
                best, weight = subset, total
    levels: list[list[int]] = []
    for t in best:
        if levels and terms[levels[-1][0]].groups == terms[t].groups:
            levels[-1].append(t)
        else:
            levels.append([t])
    return levels


def _chain_codes(codes: list[Codes]) -> tuple[Codes, tuple[Codes, ...], list[Codes]]:
    """Renumber the groups of each level so that children of one parent are adjacent.

    Returns the finest code of each row, the parents, and per level the new number of each old group.
    """
    count = int(codes[0].max()) + 1
    first = np.zeros(count, dtype=np.intp)
    first[codes[0]] = np.arange(codes[0].size)
    ancestry = [level[first] for level in codes]
    order = np.lexsort([_first_rows(level)[own] for level, own in zip(codes, ancestry, strict=True)])
    ranks, new = [], []
    for level, ancestors in zip(codes, ancestry, strict=True):
        sorted_groups = ancestors[order]
        heads = sorted_groups[np.flatnonzero(np.diff(sorted_groups, prepend=-1))]
        rank = np.empty(int(level.max()) + 1, dtype=np.intp)
        rank[heads] = np.arange(heads.size)
        ranks.append(rank)
        new.append(rank[sorted_groups])
    parents = []
    for fine, coarse in pairwise(new):
        parents.append(coarse[np.flatnonzero(np.diff(fine, prepend=-1))])
    return ranks[0][codes[0]], tuple(parents), ranks


def _first_rows(codes: Codes) -> Codes:
    """First row of each group: groups in this order leave rows that stand together where they are."""
    first = np.empty(int(codes.max()) + 1, dtype=np.intp)
    first[codes[::-1]] = np.arange(codes.size - 1, -1, -1)
    return first


def _distinct_columns(columns: list[Vector]) -> tuple[tuple[Vector | None, ...], tuple[int, ...]]:
    kept: list[Vector] = []
    place = []
    for column in columns:
        match = next((k for k, other in enumerate(kept) if np.array_equal(other, column)), None)
        if match is None:
            match = len(kept)
            kept.append(np.ascontiguousarray(column, dtype=np.float64))
        place.append(match)
    return tuple(_unless_ones(column) for column in kept), tuple(place)


def _unless_ones(column: Vector) -> Vector | None:
    return None if bool(np.all(column == 1.0)) else np.ascontiguousarray(column, dtype=np.float64)


def _place_chain(terms: Sequence[Term], chain: list[list[int]], ranks: list[Codes]) -> dict[int, Placement]:
    placed = {}
    start = 0
    for number, level in enumerate(chain):
        for t in level:
            same = nested_in(terms[t].codes, terms[level[0]].codes)
            order = ranks[number][same] if same is not None else ranks[number]
            placed[t] = Placement(number, start, terms[t].width, terms[t].groups, order, 0)
            start += terms[t].width
    return placed


def _place_border(
    terms: Sequence[Term], crossed: list[int], order: Codes, placed: dict[int, Placement]
) -> tuple[tuple[Codes, ...], tuple[Vector | None, ...]]:
    """Add the border's terms to `placed`; return per border column its index and its design."""
    index: list[Codes] = []
    basis: list[Vector | None] = []
    offset = 0
    for t in crossed:
        term = terms[t]
        placed[t] = Placement(-1, len(index), term.width, term.groups, np.arange(term.groups), offset)
        for j in range(term.width):
            index.append(offset + term.codes[order] * term.width + j)
            basis.append(_unless_ones(term.Z[order, j]))
        offset += term.groups * term.width
    return tuple(index), tuple(basis)

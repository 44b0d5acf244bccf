"""The parameter vector (beta, scale entries, dispersion, zero coefficients) and its natural scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Matrix, Vector
from dwangstats.numerics.mixed.structure import Term

NO_ZEROS = -30.0
"""Logit at which a probability of extra zeros is zero to double precision beside a log likelihood."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each parameter stands in the vector.

    Attributes
    ----------
    fixed, zero : int
        Number of coefficients of the counts and of the extra zeros.
    dispersed : bool
        Whether there is a dispersion.
    widths : tuple of int
        Effects per group of each term.
    correlated : tuple of bool
        Whether the whole lower triangle of a term's scale is free, or its diagonal only.
    names : tuple of str
        Names of the terms.
    constant_zero : bool
        Whether the probability of an extra zero is one number, which may be zero.
    """

    fixed: int
    zero: int
    dispersed: bool
    widths: tuple[int, ...]
    correlated: tuple[bool, ...]
    names: tuple[str, ...]
    constant_zero: bool

    @property
    def entries(self) -> tuple[tuple[int, int, int], ...]:
        """(term, row, column) of each scale entry in the vector."""
        return tuple(
            (t, i, j)
            for t, (q, full) in enumerate(zip(self.widths, self.correlated, strict=True))
            for i in range(q)
            for j in range(i + 1)
            if full or i == j
        )

    @property
    def bounds(self) -> tuple[int, ...]:
        """First positions of beta, scale, dispersion, zero coefficients, and the length."""
        scale = self.fixed + len(self.entries)
        zero = scale + int(self.dispersed)
        return 0, self.fixed, scale, zero, zero + self.zero

    @property
    def size(self) -> int:
        """Length of the vector."""
        return self.bounds[-1]

    @property
    def floors(self) -> Vector:
        """Lower bounds: zero for the diagonal of a scale and the dispersion, `NO_ZEROS` for one logit."""
        floors = np.full(self.size, -np.inf)
        for place, (_, i, j) in enumerate(self.entries):
            if i == j:
                floors[self.fixed + place] = 0.0
        if self.dispersed:
            floors[self.bounds[2]] = 0.0
        if self.constant_zero:
            floors[self.bounds[3]] = NO_ZEROS
        return floors

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each parameter of the vector."""
        return (
            *(f"beta[{i}]" for i in range(self.fixed)),
            *(f"scale {self.names[t]}[{i},{j}]" for t, i, j in self.entries),
            *(["alpha"] if self.dispersed else []),
            *(f"zero[{i}]" for i in range(self.zero)),
        )


@dataclass(frozen=True, slots=True)
class Parameters:
    """The vector taken apart: beta (k,), scales (q, q) per term, alpha, zero coefficients (kz,)."""

    beta: Vector
    scales: tuple[Matrix, ...]
    alpha: float
    zero: Vector


def make_layout(
    fixed: int, terms: Sequence[Term], *, dispersed: bool, zero: int, constant_zero: bool = False
) -> Layout:
    """Layout for a model."""
    return Layout(
        fixed,
        zero,
        dispersed,
        tuple(t.width for t in terms),
        tuple(t.correlated and t.width > 1 for t in terms),
        tuple(t.name for t in terms),
        constant_zero,
    )


def unpack(layout: Layout, vector: Vector) -> Parameters:
    """Take the vector apart."""
    beta, scale, alpha, zero = (vector[a:b] for a, b in pairwise(layout.bounds))
    blocks = [np.zeros((q, q)) for q in layout.widths]
    for value, (t, i, j) in zip(scale, layout.entries, strict=True):
        blocks[t][i, j] = value
    return Parameters(beta, tuple(blocks), float(alpha[0]) if alpha.size else 0.0, zero)


def pack(layout: Layout, parameters: Parameters) -> Vector:
    """Inverse of `unpack`; also collects gradients."""
    scale = [parameters.scales[t][i, j] for t, i, j in layout.entries]
    alpha = [parameters.alpha] if layout.dispersed else []
    return np.concatenate([parameters.beta, scale, alpha, parameters.zero]).astype(np.float64)


def scale_columns(layout: Layout) -> dict[int, tuple[int, ...]]:
    """Place of each diagonal entry of the scales, with the places of the entries below it in its column."""
    place = {entry: layout.fixed + number for number, entry in enumerate(layout.entries)}
    return {
        place[t, i, i]: tuple(where for (u, row, column), where in place.items() if u == t and column == i and row > i)
        for t, i, j in layout.entries
        if i == j
    }


def scale_change(layout: Layout, bases: Sequence[Matrix]) -> Matrix:
    """Matrix from the entries of scales L to those of K L, for a lower-triangular (q, q) matrix K per term."""
    entries = layout.entries
    change = np.zeros((len(entries), len(entries)))
    for to, (t, i, j) in enumerate(entries):
        for at, (u, m, column) in enumerate(entries):
            if u == t and column == j:
                change[to, at] = bases[t][i, m]
    return change


def singular_terms(layout: Layout, vector: Vector) -> tuple[bool, ...]:
    """Whether the scale of each term has a zero on its diagonal, so that log standard deviations fail."""
    scales = unpack(layout, vector).scales
    return tuple(bool(np.any(np.diag(scale) == 0.0)) for scale in scales)


def natural_labels(layout: Layout, singular: Sequence[bool]) -> tuple[str, ...]:
    """Names on the natural scale; the terms marked singular keep their scale entries."""
    labels = list(layout.labels)
    for place, (t, i, j) in enumerate(layout.entries):
        if not singular[t]:
            name = layout.names[t]
            labels[layout.fixed + place] = f"log sd {name}[{i}]" if i == j else f"atanh correlation {name}[{i},{j}]"
    return tuple(labels)


def to_natural(layout: Layout, vector: Vector, singular: Sequence[bool]) -> Vector:
    """Log standard deviations and inverse hyperbolic tangents of correlations instead of scale entries."""
    return _natural(layout, vector.astype(np.complex128), singular).real


def natural_jacobian(layout: Layout, vector: Vector, singular: Sequence[bool]) -> Matrix:
    """Derivative of `to_natural`, (p, p): rows natural, columns as in the vector. Complex steps: no cancellation."""
    step = 1e-30
    columns = []
    for place in range(layout.size):
        moved = vector.astype(np.complex128)
        moved[place] += 1j * step
        columns.append(_natural(layout, moved, singular).imag / step)
    return np.stack(columns, axis=1)


def _natural(layout: Layout, vector: NDArray[np.complex128], singular: Sequence[bool]) -> NDArray[np.complex128]:
    result = vector.copy()
    blocks = [np.zeros((q, q), dtype=np.complex128) for q in layout.widths]
    for place, (t, i, j) in enumerate(layout.entries):
        blocks[t][i, j] = vector[layout.fixed + place]
    for place, (t, i, j) in enumerate(layout.entries):
        if singular[t]:
            continue
        covariance = blocks[t] @ blocks[t].T
        value = 0.5 * np.log(covariance[i, i])
        if i != j:
            value = np.arctanh(covariance[i, j] / np.sqrt(covariance[i, i] * covariance[j, j]))
        result[layout.fixed + place] = value
    return result

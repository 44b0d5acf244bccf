"""Draws of random effects that go with draws of the coefficients."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.sparse.csgraph import connected_components

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.errors import FitError
from dwangstats.models.mixed import MixedResult
from dwangstats.models.prediction import random_offset
from dwangstats.numerics.families import derivatives

NOT_PROPER = (
    "The random effects have no proper distribution at their modes (the curvature is not positive definite), so no "
    "draws of them can be made. Look at the certificate of the fit; simplify the random terms."
)


def draw_effects(result: MixedResult, beta: Matrix, rng: np.random.Generator) -> tuple[NDArray[np.float64], ...]:
    """Random effects given the counts, for draws of the coefficients.

    Normal around modes that move with the coefficients, by the joint curvature of the log likelihood in coefficients
    and effects; standard deviations and dispersion at their estimates. The mean lies below the mode by the skewness of
    the posterior, to the first order (Tierney, Kass and Kadane 1989, J. Am. Stat. Assoc. 84, 710-716), without which
    the mean of exp(effect) would be too large.

    Parameters
    ----------
    result : MixedResult
    beta : (D, k) array
        Coefficients.
    rng : Generator

    Returns
    -------
    tuple of (D, G, q) arrays
        Per random term.

    Raises
    ------
    FitError
        If the curvature in the effects is not positive definite at the modes.
    """
    design, fit = result.design, result.fit
    eta = design.X @ fit.beta + design.log_exposure + design.offset + random_offset(design, fit.modes)
    slopes = derivatives(result.family, design.y, eta, fit.alpha, order=3)
    weight, skew = -slopes.d2_eta, slopes.d3_eta
    Z = _standard_design(result)
    information = (Z.T @ Z.multiply(weight[:, None])).tocsc() + sparse.eye_array(Z.shape[1], format="csc")
    pull = Z.T @ (design.X * weight[:, None])
    away, draws = beta - fit.beta, beta.shape[0]
    if information.nnz == Z.shape[1]:
        return _on_scale(result, _independent(Z, information.diagonal(), pull, skew, away, rng))
    moves = np.zeros((draws, Z.shape[1]))
    for block in _blocks(information):
        root = _root(information[block][:, block].toarray())
        inside = Z[:, block]
        rows = np.unique(inside.indices)
        local = inside[rows].toarray()
        leverage = np.square(solve_triangular(root, local.T, lower=True)).sum(axis=0)
        shift = 0.5 * cho_solve((root, True), local.T @ (skew[rows] * leverage))
        follow = -cho_solve((root, True), pull[block])
        noise = solve_triangular(root, rng.standard_normal((len(block), draws)), lower=True, trans="T")
        moves[:, block] = shift + away @ follow.T + noise.T
    return _on_scale(result, moves)


def _independent(
    Z: sparse.csc_array, precision: Vector, pull: Matrix, skew: Vector, away: Matrix, rng: np.random.Generator
) -> Matrix:
    """Moves (D, G) of effects that do not depend on each other given the counts: one effect per provider."""
    if not bool((precision > 0.0).all()):
        raise FitError(NOT_PROPER)
    shift = 0.5 * (Z.power(3).T @ skew) / precision**2
    noise = rng.standard_normal((away.shape[0], precision.size)) / np.sqrt(precision)
    return np.asarray(shift - away @ (pull / precision[:, None]).T + noise, dtype=np.float64)


def _standard_design(result: MixedResult) -> sparse.csc_array:
    """Design (n, sum of G q) of effects with unit variance: Z times the scale of the term."""
    design, blocks = result.design, []
    for term, scale in zip(design.random, result.fit.scales, strict=True):
        local = term.columns.X @ scale
        n, q = local.shape
        columns = term.codes[:, None] * q + np.arange(q)
        rows = np.broadcast_to(np.arange(n)[:, None], (n, q))
        shape = (n, len(term.labels) * q)
        blocks.append(sparse.coo_array((local.ravel(), (rows.ravel(), columns.ravel())), shape=shape))
    return sparse.hstack(blocks, format="csc")


def _blocks(information: sparse.csc_array) -> Sequence[Codes]:
    """Effects that depend on each other given the counts: those of one provider, or all where terms cross."""
    count, labels = connected_components(information, directed=False)
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, count)))


def _root(information: Matrix) -> Matrix:
    try:
        return np.asarray(cholesky(information, lower=True), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise FitError(NOT_PROPER) from error


def _on_scale(result: MixedResult, moves: Matrix) -> tuple[NDArray[np.float64], ...]:
    """Effects (D, G, q) per term from moves of the standard ones."""
    found, first = [], 0
    for modes, scale in zip(result.fit.modes, result.fit.scales, strict=True):
        last = first + modes.size
        local: NDArray[np.float64] = moves[:, first:last].reshape(-1, *modes.shape) @ scale.T
        found.append(modes + local)
        first = last
    return tuple(found)

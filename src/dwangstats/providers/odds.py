"""Odds that a provider is silent somewhere, given how many are before looking.

Before looking a provider reports normally with probability 1 - prior. Otherwise it is silent in exactly one set of its
periods, each with a probability proportional to its weight (`dwangstats.providers.stretches`), so that all sets
together have the prior. With silence in Z its other periods are as usual, so the odds of any silence at all are

    prior / (1 - prior) * sum over the sets Z of zeros of w(Z) P(Y outside Z) / P(Y), sum over all sets of w = 1.

All 2^k - 1 sets of k zeros are summed, none is picked: given the effect the sum over sets of one size is an elementary
symmetric polynomial in the probabilities of the zeros. What was declared to be nothing is not silence, in any set.
"""

from math import exp, log

import numpy as np

from dwangstats._types import Codes, Matrix, Vector
from dwangstats.providers.integral import (
    NODES,
    ProviderRows,
    log_integrals,
    log_integrands,
    node_places,
)
from dwangstats.providers.silence import Cells, FittedModel, Judgement, provider_rows, rows_in
from dwangstats.providers.stretches import log_weight, log_weight_apart, total_weight, zero_runs


def log_odds(cells: Cells, fitted: FittedModel, judgement: Judgement, prior: float) -> Vector:
    """Log odds of silence in any period against none, (G,).

    Parameters
    ----------
    cells : Cells
    fitted : FittedModel
    judgement : Judgement
        Of which the declared zeros that are unlikely say nothing about their provider.
    prior : float
        Share of the providers with any silence before looking, between 0 and 1.

    Returns
    -------
    (G,) array
        Minus infinity without an undeclared zero, NaN without a delivery.
    """
    open_to = [mine[~cells.declared_zero[mine]] for mine in cells.of_provider]
    asked = [g for g, mine in enumerate(open_to) if cells.open_zero[mine].any()]
    result = np.array([-np.inf if mine.size else np.nan for mine in cells.of_provider])
    if not asked:
        return result
    known = [mine[~judgement.unlikely[mine]] for mine in cells.of_provider]
    rest = provider_rows(cells, fitted, [known[g][~cells.open_zero[known[g]]] for g in asked])
    normal = log_integrals(provider_rows(cells, fitted, [known[g] for g in asked]), fitted.effect)
    # the set of all zeros has this part of the sum at least, so that nothing further out counts
    least = np.array([log_weight(np.flatnonzero(cells.open_zero[open_to[g]]), open_to[g].size) for g in asked])
    places = node_places(rest, fitted.effect, further=-least)
    heights = log_integrands(rest, fitted.effect, 0.0, places)
    for case, g in enumerate(asked):
        zero = cells.open_zero[open_to[g]]
        empty = [_log_zero(cells, fitted, cell, places[:, case]) for cell in open_to[g][zero]]
        total = heights[:, case] + np.log(_sum_over_sets(np.exp(np.array(empty)), zero))
        silent = _log_integral(total, places[:, case]) - log(total_weight(zero.size))
        result[g] = log(prior) - np.log1p(-prior) + silent - normal[case]
    return result


def _log_zero(cells: Cells, fitted: FittedModel, cell: int, u: Vector) -> Vector:
    """Log probability of no registration in a cell at the effects u, (NODES,)."""
    rows = rows_in(cells, np.array([cell], dtype=np.intp))
    alone = ProviderRows(np.zeros(rows.size), fitted.eta[rows], np.zeros(rows.size, dtype=np.intp), 1)
    return np.asarray(log_integrands(alone, fitted.effect, 0.0, u[:, None])[:, 0] + 0.5 * u**2)


def _sum_over_sets(empty: Matrix, zero: np.ndarray) -> Vector:
    """Sum over the sets of zeros of their weight times the probability of the zeros outside, (NODES,).

    Parameters
    ----------
    empty : (k, NODES) array
        Probability of each zero if the provider is not silent there.
    zero : (T,) array of bool
        Which of the periods the k zeros are.
    """
    periods, count = zero.size, empty.shape[0]
    # polynomial in t of the product of (probability + t): the coefficient of t^size sums over the sets of that size
    sums: Matrix = np.zeros((count + 1, NODES))
    sums[0] = 1.0
    for one in empty:
        sums[1:] = sums[1:] * one + sums[:-1]
        sums[0] *= one
    total: Vector = np.zeros(NODES)
    for size in range(1, count + 1):
        total += exp(log_weight_apart(size, periods)) * sums[size]
    for within in _stretches(zero):
        # sets in one stretch have a larger weight than those that are not
        size, members = within.size, np.isin(np.flatnonzero(zero), within)
        more = exp(log_weight(within, periods)) - exp(log_weight_apart(size, periods))
        total += more * np.prod(empty[~members], axis=0)
    return total


def _stretches(zero: np.ndarray) -> list[Codes]:
    """Every set of zeros that follow on each other, as places."""
    return [
        run[first:end] for run in zero_runs(zero) for first in range(run.size) for end in range(first + 1, run.size + 1)
    ]


def _log_integral(heights: Vector, places: Vector) -> float:
    top = float(heights.max())
    width = (places[-1] - places[0]) / (NODES - 1)
    return top + log(float(np.exp(heights - top).sum() * width)) - 0.5 * log(2.0 * np.pi)

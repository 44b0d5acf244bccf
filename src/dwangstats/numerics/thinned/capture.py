"""Standing in one of two registers or in both: Plackett probabilities and their derivatives in the two logits."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, xlogy

from dwangstats._types import Matrix, Vector

HIGHEST_LOGIT = 300.0
"""Logits beyond this are cut off: no probability then differs from 0 or 1 in a float, and reciprocals stay finite."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Rows by places (l, K) at which the first logit is taken.

    Attributes
    ----------
    log_seen : log of q, the probability of standing in at least one register.
    seen_first, seen_second : its derivatives in the first and second logit.
    log_cells : log probability of the three observed cells given that total, without the multinomial constant.
    cells_first, cells_second : its derivatives.
    """

    log_seen: Matrix
    seen_first: Matrix
    seen_second: Matrix
    log_cells: Matrix
    cells_first: Matrix
    cells_second: Matrix


def capture(
    first: Matrix, second: Vector, both: Vector, first_only: Vector, second_only: Vector, odds_ratio: float
) -> Capture:
    """Two registers with a fixed odds ratio (Plackett 1965, J. Am. Stat. Assoc. 60, 516).

    Each of the four cells is computed as a Plackett probability itself, so that none comes from a subtraction.

    Parameters
    ----------
    first : (l, K) array
        Logit of standing in the first register.
    second : (l,) array
        Logit of standing in the second.
    both, first_only, second_only : (l,) arrays
        Counts.
    odds_ratio : float
    """
    z1 = np.clip(first, -HIGHEST_LOGIT, HIGHEST_LOGIT)
    z2 = np.broadcast_to(np.clip(second, -HIGHEST_LOGIT, HIGHEST_LOGIT)[:, None], z1.shape)
    x, a, y, b = expit(z1), expit(-z1), expit(z2), expit(-z2)
    c11, c10 = _plackett(x, y, odds_ratio), _plackett(x, b, 1.0 / odds_ratio)
    c01, c00 = _plackett(a, y, 1.0 / odds_ratio), _plackett(a, b, odds_ratio)
    seen = c11 + c10 + c01
    total = 1.0 / c11 + 1.0 / c10 + 1.0 / c01 + 1.0 / c00
    h11, h10, h01, h00 = (1.0 / c / total for c in (c11, c10, c01, c00))
    move1, move2 = x * a, y * b
    n11, n10, n01 = both[:, None], first_only[:, None], second_only[:, None]
    n = n11 + n10 + n01
    seen1, seen2 = move1 * (h11 + h01) / seen, move2 * (h11 + h10) / seen
    cells1 = move1 * ((h00 + h10) * (n11 / c11 - n01 / c01) + (h11 + h01) * n10 / c10) - n * seen1
    cells2 = move2 * ((h00 + h01) * (n11 / c11 - n10 / c10) + (h11 + h10) * n01 / c01) - n * seen2
    value = xlogy(n11, c11) + xlogy(n10, c10) + xlogy(n01, c01) - n * np.log(seen)
    return Capture(np.log(seen), seen1, seen2, value, cells1, cells2)


def _plackett(x: Matrix, y: Matrix, odds_ratio: float) -> Matrix:
    """Probability of both events with margins x, y; the form without cancellation on either side of s = 0."""
    if odds_ratio == 1.0:
        return np.asarray(x * y, dtype=np.float64)
    s = 1.0 + (odds_ratio - 1.0) * (x + y)
    root = np.sqrt(np.maximum(s * s - 4.0 * odds_ratio * (odds_ratio - 1.0) * x * y, 0.0))
    plus = 2.0 * odds_ratio * x * y / np.where(s >= 0.0, s + root, 1.0)
    minus = (s - root) / (2.0 * (odds_ratio - 1.0))
    return np.asarray(np.where(s >= 0.0, plus, minus), dtype=np.float64)

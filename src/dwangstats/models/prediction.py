"""Mean counts under a mixed model: at the groups' own effects, at effects of zero, or averaged over groups."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import expit

from dwangstats._types import Matrix, Vector
from dwangstats.design.design import Design, to_pandas
from dwangstats.errors import DomainError

RandomPart: TypeAlias = Literal["conditional", "zero", "integrated"]


def mean_counts(
    design: Design,
    beta: Vector,
    zero_beta: Vector,
    modes: Sequence[Matrix],
    covariances: Sequence[Matrix],
    *,
    new: Any = None,
    exposure: float | None = None,
    random: RandomPart = "conditional",
) -> pd.Series:
    """Mean count of each row.

    Parameters
    ----------
    design : Design
    beta, zero_beta : (k,) and (kz,) arrays
    modes, covariances : sequences of (G, q) and (q, q) arrays
        Per random term the modes of the effects, and their covariance over groups.
    new, exposure, random
        As for `MixedResult.predict`.

    Returns
    -------
    Series
        By the index of the rows.

    Raises
    ------
    DomainError
        For an exposure that is not positive, or another ``random``.
    DataError
        With ``random="conditional"`` for groups without fitted rows.
    """
    if random not in ("conditional", "zero", "integrated"):
        raise DomainError(f"random must be 'conditional', 'zero' or 'integrated', got {random!s}")
    rows = design.frame if new is None else to_pandas(new)
    X, offset = (design.X, design.offset) if new is None else (design.matrix(rows), design.offset_of(rows))
    eta = X @ beta + offset + _log_exposure(design, rows, exposure, fitted=new is None)
    if random != "zero" and design.random:
        eta = eta + _random_part(design, rows, modes, covariances, random, fitted=new is None)
    mean = np.exp(eta) * (1.0 - extra_zeros(design, zero_beta, None if new is None else rows))
    return pd.Series(mean, index=rows.index, name="mean")


def extra_zeros(design: Design, zero_beta: Vector, new: pd.DataFrame | None = None) -> Vector:
    """Probability of an extra zero in each row; zeros for a model without that part."""
    if design.zero is None:
        return np.zeros(len(design.frame if new is None else new))
    return np.asarray(expit(design.zero_matrix(new) @ zero_beta), dtype=np.float64)


def random_offset(design: Design, effects: Sequence[Matrix]) -> Vector:
    """Sum of the random terms in the fitted rows (n,), for effects (G, q) per term."""
    total = np.zeros(design.y.size)
    for term, values in zip(design.random, effects, strict=True):
        total += np.einsum("ij,ij->i", term.columns.X, values[term.codes])
    return total


def _log_exposure(design: Design, rows: pd.DataFrame, exposure: float | None, *, fitted: bool) -> Vector:
    if exposure is None:
        return design.log_exposure if fitted else design.log_exposure_of(rows)
    if not (np.isfinite(exposure) and exposure > 0.0):
        raise DomainError(f"exposure must be a positive number, got {exposure:g}")
    return np.full(len(rows), np.log(exposure))


def _random_part(
    design: Design,
    rows: pd.DataFrame,
    modes: Sequence[Matrix],
    covariances: Sequence[Matrix],
    random: RandomPart,
    *,
    fitted: bool,
) -> Vector:
    """Z'b at the modes, or the log of E exp(z'b) = exp(z' Sigma z / 2) over normal effects."""
    matrices = [term.columns.X for term in design.random] if fitted else design.random_matrices(rows)
    total = np.zeros(len(rows))
    for term, Z, effects, covariance in zip(design.random, matrices, modes, covariances, strict=True):
        if random == "integrated":
            total += 0.5 * np.einsum("ij,jk,ik->i", Z, covariance, Z)
            continue
        codes = term.codes if fitted else term.locate(rows)
        term.refuse_unseen(rows, codes)
        total += np.einsum("ij,ij->i", Z, effects[codes])
    return total

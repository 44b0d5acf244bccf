"""Covariances of all parameters of a mixed model: from the information, and robust to clusters."""

import numpy as np

from dwangstats._types import Codes, FamilyName, Matrix
from dwangstats.design.design import Design
from dwangstats.errors import DomainError
from dwangstats.models.parameters import terms_of
from dwangstats.numerics.mixed.fit import MixedFit
from dwangstats.numerics.mixed.groups import group_parts


def information_inverse(fit: MixedFit) -> Matrix:
    """Inverse of the observed information over the free parameters, (p, p); zero for those at their boundary.

    NaN throughout where the information is singular.
    """
    free = fit.free
    result = np.zeros((free.size, free.size))
    unit = np.sqrt(np.abs(np.diag(fit.information)))
    unit[unit == 0.0] = 1.0
    scaled = fit.information / np.outer(unit, unit)
    if scaled.size and np.linalg.cond(scaled) > 1e15:
        return np.full_like(result, np.nan)
    result[np.ix_(free, free)] = np.linalg.inv(scaled) / np.outer(unit, unit)
    return result


def group_sandwich(design: Design, family: FamilyName, fit: MixedFit, codes: Codes, clusters: int, name: str) -> Matrix:
    """Cluster-robust covariance of all parameters on the natural scale, (p, p).

    Parameters
    ----------
    design, family, fit
        Of the model.
    codes : (n,) array
        Cluster of each row.
    clusters : int
        Number of clusters, >= 2.
    name : str
        What the clusters are called in messages.

    Raises
    ------
    DomainError
        With crossed random terms, or if rows of one group are in several clusters.
    """
    if not design.random:
        raise DomainError("A robust covariance for extra zeros without random terms is not offered; add (1 | group).")
    parts = group_parts(
        design.X,
        design.y,
        design.log_exposure + design.offset,
        terms_of(design),
        family,
        fit.vector,
        zero_X=None if design.zero is None else design.zero.X,
        nodes=fit.nodes,
    )
    top = next(term for term in design.random if term.name == parts.term)
    cluster_of = np.zeros(len(top.labels), dtype=np.intp)
    cluster_of[top.codes] = codes
    split = np.unique(top.codes[cluster_of[top.codes] != codes])
    if split.size:
        raise DomainError(
            f"{split.size} of {len(top.labels)} groups of {top.name} (first: {top.labels[int(split[0])]}) have rows in "
            f"several clusters ({name}). Rows of one group share a random effect, so a cluster must hold the group "
            f"whole: cluster by {top.name}, or by something it lies in."
        )
    scores = np.zeros((clusters, fit.vector.size))
    np.add.at(scores, cluster_of, parts.scores)
    scores[:, ~fit.free] = 0.0
    # A product with its own transpose: no variance comes out below 0 by rounding.
    influence = scores @ information_inverse(fit)
    return np.asarray(influence.T @ influence * clusters / (clusters - 1.0), dtype=np.float64)

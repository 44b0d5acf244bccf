"""Covariance of coefficients: from the information, and robust to correlation within clusters (CR1, CR2).

CR2 is bias-reduced linearisation (Bell & McCaffrey 2002, Survey Methodology 28; Pustejovsky & Tipton 2018, Journal
of Business & Economic Statistics 36) on rows standardised by their working weight w: rows sqrt(w) x, residuals
u / sqrt(w). With U the standardised design in orthonormal coordinates, the adjustment (I - U_g U_g')^(-1/2) of cluster
g acts through the k x k matrix U_g'U_g alone, so a cluster of any size costs one k x k eigenproblem.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from dwangstats._types import Codes, CovarianceKind, Matrix, Vector
from dwangstats.errors import DomainError, FitError

# An eigenvalue of U_g'U_g this close to 1 is a coefficient that one cluster determines alone.
_LEVERAGE_ONE = 1e-9
_BLOCK = 8192


def model_covariance(information: Matrix) -> Matrix:
    """Inverse of an information matrix.

    Parameters
    ----------
    information : (p, p) array
        Symmetric.

    Returns
    -------
    (p, p) array

    Raises
    ------
    FitError
        The information is not positive definite.
    """
    diagonal = np.diag(information)
    if not (np.isfinite(information).all() and (diagonal > 0.0).all()):
        raise FitError(_NOT_DETERMINED)
    unit = np.sqrt(diagonal)
    try:
        half = np.linalg.cholesky(information / np.outer(unit, unit))
    except np.linalg.LinAlgError as error:
        raise FitError(_NOT_DETERMINED) from error
    root = solve_triangular(half, np.diag(1.0 / unit), lower=True)
    return np.asarray(root.T @ root, dtype=np.float64)


def column_lengths(X: Matrix) -> Vector:
    """Euclidean length of each column of X, (k,); 1 for a column of zeros."""
    top = np.maximum(X.max(axis=0), -X.min(axis=0))
    top[top == 0.0] = 1.0
    # Squares of other columns neither overflow nor vanish.
    extreme = bool((top > 1e100).any() or (top < 1e-100).any())
    rows = X / top if extreme else X
    lengths: Vector = np.sqrt(np.einsum("ij,ij->j", rows, rows))
    lengths[lengths == 0.0] = 1.0
    return lengths * top if extreme else lengths


def weighted_gram(X: Matrix, weight: Vector, unit: Vector | None = None) -> Matrix:
    """X'WX, with the columns of X divided by `unit` if given, (k, k).

    It goes in blocks of rows whose weighted copy stays in the processor's cache.
    """
    total = np.zeros((X.shape[1], X.shape[1]))
    for start in range(0, X.shape[0], _BLOCK):
        rows = X[start : start + _BLOCK] if unit is None else X[start : start + _BLOCK] / unit
        total += rows.T @ (rows * weight[start : start + _BLOCK, None])
    return total


_NOT_DETERMINED = (
    "The information matrix is not positive definite: some combination of coefficients is not determined by these "
    "rows. Use a simpler formula."
)


def cluster_covariance(
    kind: CovarianceKind, X: Matrix, working_weight: Vector, score_residual: Vector, clusters: Codes
) -> Matrix:
    """Covariance of beta that allows any correlation within clusters.

    Parameters
    ----------
    kind : {"CR1", "CR2", "model"}
        CR1 has the factor G/(G-1) (n-1)/(n-k), as statsmodels and Stata; CR2 has none. "model" is (X'WX)^-1.
    X : (n, k) array
        Design matrix with independent columns.
    working_weight : (n,) array
        mu^2 / variance of each row, >= 0; X'WX is the bread.
    score_residual : (n,) array
        d log f / d eta of each row at the estimate.
    clusters : (n,) array
        Cluster number of each row.

    Returns
    -------
    (k, k) array

    Raises
    ------
    DomainError
        Fewer than two clusters.
    FitError
        X'WX is singular.
    """
    design = _Clusters.of(X, working_weight, clusters)
    if kind == "model":
        return design.back @ design.back.T
    _need_two(design.count)
    sums = design.sums(design.U * design.standardised(score_residual)[:, None])
    if kind == "CR2":
        sums = design.adjust(sums)
    meat = design.back @ sums.T
    n, k = X.shape
    return meat @ meat.T * (1.0 if kind == "CR2" else _small_sample(design.count, n, k))


def sandwich_covariance(covariance: Matrix, scores: Matrix, clusters: Codes) -> Matrix:
    """CR1 covariance of all parameters of a likelihood, dispersion included.

    Parameters
    ----------
    covariance : (p, p) array
        Inverse of the observed information.
    scores : (n, p) array
        Each row's contribution to the score.
    clusters : (n,) array
        Cluster number of each row.

    Returns
    -------
    (p, p) array
        With the factor G/(G-1) (n-1)/(n-p), as statsmodels for its discrete models.

    Raises
    ------
    DomainError
        Fewer than two clusters.
    """
    order, starts = _segments(clusters)
    _need_two(starts.size)
    meat = covariance @ np.add.reduceat(scores[order], starts, axis=0).T
    return np.asarray(meat @ meat.T * _small_sample(starts.size, *scores.shape), dtype=np.float64)


def satterthwaite_df(contrast: Vector, X: Matrix, working_weight: Vector, clusters: Codes) -> float:
    """Degrees of freedom of the t statistic of contrast'beta with its CR2 variance; see `satterthwaite_dfs`."""
    return float(satterthwaite_dfs(contrast[None, :], X, working_weight, clusters)[0])


def satterthwaite_dfs(contrasts: Matrix, X: Matrix, working_weight: Vector, clusters: Codes) -> Vector:
    """Bell-McCaffrey degrees of freedom: twice the squared mean over the variance of the CR2 variance estimator.

    Mean and variance are those under independent rows with the working variances.

    Parameters
    ----------
    contrasts : (m, k) array
        One contrast of the coefficients per row, none of them all 0.
    X, working_weight, clusters
        As in `cluster_covariance`.

    Returns
    -------
    (m,) array
        Between 0 and the number of clusters; NaN where the CR2 variance is identically 0, which happens when every
        coefficient in the contrast is determined by one cluster alone.

    Raises
    ------
    DomainError
        Fewer than two clusters, or contrasts of another length than k.
    """
    if contrasts.shape[1] != X.shape[1]:
        raise DomainError(f"a contrast has {contrasts.shape[1]} numbers and the design {X.shape[1]} columns")
    design = _Clusters.of(X, working_weight, clusters)
    _need_two(design.count)
    return np.array([design.degrees_of_freedom(design.back.T @ contrast) for contrast in contrasts])


def lone_shares(
    contrasts: Matrix, X: Matrix, working_weight: Vector, clusters: Codes
) -> tuple[Vector, NDArray[np.int64]]:
    """Share of the model variance of each contrast'beta that single clusters determine alone, and how many do.

    A direction in which only the rows of one cluster move has leverage 1: its residuals are 0 whatever the data, so a
    cluster-robust variance takes it as known exactly. The level of a cluster that has its own dummy is of that kind.

    Parameters
    ----------
    contrasts : (m, k) array
        One contrast of the coefficients per row, none of them all 0.
    X, working_weight, clusters
        As in `cluster_covariance`.

    Returns
    -------
    shares : (m,) array
        In [0, 1]; 0 where a cluster-robust variance means what it says.
    clusters : (m,) array
        Number of clusters that hold more than 1e-8 of the variance alone.
    """
    design = _Clusters.of(X, working_weight, clusters)
    directions = contrasts @ design.back
    alone = 1.0 - design.leverage <= _LEVERAGE_ONE
    along = np.einsum("gij,mi->mgj", design.axes, directions) ** 2 * alone
    per_cluster = along.sum(axis=2) / np.sum(directions**2, axis=1, keepdims=True)
    return per_cluster.sum(axis=1), np.count_nonzero(per_cluster > 1e-8, axis=1)


def _need_two(count: int) -> None:
    if count < 2:
        raise DomainError(f"a cluster-robust covariance needs at least two clusters, these rows have {count}")


def _small_sample(clusters: int, n: int, p: int) -> float:
    if n <= p:
        raise DomainError(f"a cluster-robust covariance needs more rows than parameters, got {n} rows and {p}")
    return clusters / (clusters - 1.0) * (n - 1.0) / (n - p)


def _segments(clusters: Codes) -> tuple[Codes, Codes]:
    """An order of the rows in which clusters are contiguous, and where each begins."""
    order = np.argsort(clusters, kind="stable")
    change = np.flatnonzero(np.diff(clusters[order])) + 1
    return order, np.concatenate((np.zeros(min(1, order.size), dtype=np.intp), change))


@dataclass(frozen=True, slots=True)
class _Clusters:
    """Standardised design with orthonormal columns U (rows sorted by cluster) and spectra of each U_g'U_g.

    `back` (k, k) has back back' = (X'WX)^-1; U = sqrt(W) X back.
    """

    U: Matrix
    back: Matrix
    root_weight: Vector
    order: Codes
    starts: Codes
    leverage: Matrix
    axes: Matrix

    @classmethod
    def of(cls, X: Matrix, working_weight: Vector, clusters: Codes) -> "_Clusters":
        order, starts = _segments(clusters)
        root_weight = np.sqrt(working_weight[order])
        U, back = _orthonormal(X[order] * root_weight[:, None])
        ends = np.append(starts[1:], order.size)
        grams = np.stack([U[a:b].T @ U[a:b] for a, b in zip(starts, ends, strict=True)])
        leverage, axes = np.linalg.eigh(grams)
        return cls(U, back, root_weight, order, starts, leverage, axes)

    @property
    def count(self) -> int:
        return int(self.starts.size)

    def standardised(self, score_residual: Vector) -> Vector:
        """Score residual over the root of the working weight; 0 where the weight is 0, that is where the mean is."""
        result = np.zeros(self.order.size)
        np.divide(score_residual[self.order], self.root_weight, out=result, where=self.root_weight > 0.0)
        return result

    def sums(self, rows: Matrix) -> Matrix:
        return np.asarray(np.add.reduceat(rows, self.starts, axis=0), dtype=np.float64)

    def factors(self) -> Matrix:
        """(1 - leverage)^(-1/2) per cluster and axis, 0 (Moore-Penrose) where the leverage is 1, (G, k)."""
        rest = 1.0 - self.leverage
        free = rest > _LEVERAGE_ONE
        return np.where(free, 1.0 / np.sqrt(np.where(free, rest, 1.0)), 0.0)

    def adjust(self, sums: Matrix) -> Matrix:
        along = np.einsum("gij,gi->gj", self.axes, sums) * self.factors()
        return np.asarray(np.einsum("gij,gj->gi", self.axes, along), dtype=np.float64)

    def degrees_of_freedom(self, direction: Vector) -> float:
        """For the contrast with back' contrast = direction.

        The variance estimator is a sum of G squares; their covariance is diag(length) - inner inner' before squaring.
        """
        along = np.einsum("gij,i->gj", self.axes, direction) * self.factors()
        leverage = np.clip(self.leverage, 0.0, None)
        length = (leverage * along * along).sum(axis=1)
        inner = np.einsum("gij,gj->gi", self.axes, leverage * along)
        own = (inner * inner).sum(axis=1)
        mean = float((length - own).sum())
        shared = inner.T @ inner
        spread = float((length * length - 2.0 * length * own).sum() + (shared * shared).sum())
        if mean <= 1e-12 * float(direction @ direction):
            return float("nan")
        return mean * mean / spread


def _orthonormal(rows: Matrix) -> tuple[Matrix, Matrix]:
    """U with orthonormal columns and `back` with U = rows back."""
    if not np.isfinite(rows).all():
        raise FitError(_NOT_DETERMINED)
    length = column_lengths(rows)
    U, factor = np.linalg.qr(rows / length)
    size = np.abs(np.diag(factor))
    if size.min() < 1e-11:
        raise FitError(_NOT_DETERMINED)
    back = solve_triangular(factor, np.eye(size.size)) / length[:, None]
    return np.asarray(U, dtype=np.float64), np.asarray(back, dtype=np.float64)

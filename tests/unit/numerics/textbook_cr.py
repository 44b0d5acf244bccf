"""Cluster-robust covariances as the papers write them: dense n x n matrices, explicit roots, no shortcuts.

Bell and McCaffrey (2002), Survey Methodology 28(2): bias-reduced linearisation and its degrees of freedom.
Pustejovsky and Tipton (2018), Journal of Business & Economic Statistics 36(4): any number of coefficients, working
covariances, and the Moore-Penrose root where a cluster has leverage one.

A count model with log link is a weighted regression at its maximum. Rows are standardised by the working weight w
(1 / working variance of the working response): Z = sqrt(w) X, e = score residual / sqrt(w). In these rows the working
covariance is the identity, H = Z (Z'Z)^-1 Z' is symmetric, and CR2 is

    M [ sum_g  Z_g' A_g e_g e_g' A_g Z_g ] M,   M = (Z'Z)^-1,   A_g = (I - H_gg)^(+1/2).
"""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Codes, Matrix, Vector

# I - H_gg has eigenvalues in [0, 1]; a true zero (leverage one) comes out below 1e-13 for the small n of these tests.
LEVERAGE_ONE = 1e-10


@dataclass(frozen=True, slots=True)
class StandardisedRows:
    """Rows in which the working covariance is the identity."""

    Z: Matrix
    e: Vector
    clusters: Codes

    @classmethod
    def of(cls, X: Matrix, weight: Vector, score_residual: Vector, clusters: Codes) -> "StandardisedRows":
        root = np.sqrt(weight)
        return cls(X * root[:, None], score_residual / root, clusters)

    @property
    def bread(self) -> Matrix:
        """M = (Z'Z)^-1."""
        return np.asarray(np.linalg.inv(self.Z.T @ self.Z), dtype=np.float64)

    @property
    def hat(self) -> Matrix:
        """H = Z M Z', (n, n)."""
        return self.Z @ self.bread @ self.Z.T

    @property
    def members(self) -> list[Codes]:
        """Row numbers of each cluster."""
        return [np.flatnonzero(self.clusters == g) for g in np.unique(self.clusters)]


def inverse_root(matrix: Matrix) -> Matrix:
    """Symmetric Moore-Penrose inverse square root."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > LEVERAGE_ONE
    inverse = np.where(kept, 1.0 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return np.asarray((vectors * inverse) @ vectors.T)


def cr0(rows: StandardisedRows) -> Matrix:
    """Sandwich without correction."""
    meat = sum(np.outer(rows.Z[g].T @ rows.e[g], rows.Z[g].T @ rows.e[g]) for g in rows.members)
    return np.asarray(rows.bread @ meat @ rows.bread)


def cr1(rows: StandardisedRows) -> Matrix:
    """Sandwich times G/(G-1) (n-1)/(n-k)."""
    n, k = rows.Z.shape
    G = len(rows.members)
    return np.asarray(cr0(rows) * G / (G - 1) * (n - 1) / (n - k))


def adjustments(rows: StandardisedRows) -> list[Matrix]:
    """A_g of every cluster."""
    H = rows.hat
    return [inverse_root(np.eye(g.size) - H[np.ix_(g, g)]) for g in rows.members]


def cr2(rows: StandardisedRows) -> Matrix:
    """Bias-reduced linearisation."""
    meat = np.zeros((rows.Z.shape[1],) * 2)
    for g, A in zip(rows.members, adjustments(rows), strict=True):
        score = rows.Z[g].T @ A @ rows.e[g]
        meat += np.outer(score, score)
    return np.asarray(rows.bread @ meat @ rows.bread)


def satterthwaite(rows: StandardisedRows, contrast: Vector) -> float:
    """Degrees of freedom of contrast' beta under the working covariance (Bell and McCaffrey 2002, section 4).

    The variance estimate is sum_g (p_g' e_g)^2 with p_g = A_g Z_g M c; with e = (I - H) z it is a quadratic form in
    independent z, whose first two moments are those of a chi-square with (sum lambda)^2 / sum lambda^2 degrees.
    """
    n = rows.Z.shape[0]
    residual_maker = np.eye(n) - rows.hat
    columns = []
    for g, A in zip(rows.members, adjustments(rows), strict=True):
        p = np.zeros(n)
        p[g] = A @ rows.Z[g] @ rows.bread @ contrast
        columns.append(residual_maker @ p)
    eigenvalues = np.linalg.eigvalsh(np.column_stack(columns).T @ np.column_stack(columns))
    return float(eigenvalues.sum() ** 2 / np.sum(eigenvalues**2))


def poisson_mle(X: Matrix, y: Vector, offset: Vector) -> Vector:
    """Maximum likelihood by Newton steps to a standstill, from the log of (y + 1/2)."""
    beta = np.linalg.lstsq(X, np.log(y + 0.5) - offset, rcond=None)[0]
    for _ in range(60):
        mu = np.exp(X @ beta + offset)
        beta = beta + np.linalg.solve(X.T @ (mu[:, None] * X), X.T @ (y - mu))
    return np.asarray(beta)

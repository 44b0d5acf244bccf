"""Who is right where two programs differ: a third likelihood, written in numpy with dense matrices.

Poisson counts with random intercepts. The Laplace log likelihood is evaluated at both solutions, which shows which one
is higher; standard errors are those of its own Hessian by Richardson differences at the maximum it finds by itself from
the better of both. Slow and plain on purpose; nothing of the package is used but its formulas.

    python arbiter.py [REAL]   prints one line per disagreement; without REAL only those on the synthetic registers
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.special import gammaln

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT / "tests"))

from parity.mixed import (  # noqa: E402
    MixedReference,
    canonical,
    copied_references,
    fit_here,
    public_rows,
    synthetic_references,
    synthetic_rows,
)

Vector = np.ndarray
DISPUTED = ("owls_poisson_laplace", "mmmec_nested_poisson_laplace", "gt_nested_poisson_laplace")


class DenseLaplace:
    """Laplace log likelihood of a Poisson model with random intercepts, all matrices dense."""

    def __init__(self, X: Vector, y: Vector, offset: Vector, groups: list[Vector]) -> None:
        self.X, self.y, self.offset = X, y, offset
        self.blocks = [np.eye(int(codes.max()) + 1)[codes] for codes in groups]
        self.constant = float(gammaln(y + 1.0).sum())

    def __call__(self, parameters: Vector) -> float:
        """Log likelihood at (beta, log standard deviations)."""
        k = self.X.shape[1]
        sds = np.exp(parameters[k:])
        Z = np.hstack([sd * block for sd, block in zip(sds, self.blocks, strict=True)])
        fixed = self.X @ parameters[:k] + self.offset
        u = np.zeros(Z.shape[1])
        for _ in range(100):
            mu = np.exp(fixed + Z @ u)
            curvature = Z.T @ (mu[:, None] * Z) + np.eye(u.size)
            step = np.linalg.solve(curvature, Z.T @ (self.y - mu) - u)
            step *= min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
            u = u + step
            if np.abs(step).max() < 1e-12:
                break
        eta = fixed + Z @ u
        mu = np.exp(eta)
        _, logdet = np.linalg.slogdet(Z.T @ (mu[:, None] * Z) + np.eye(u.size))
        return float(self.y @ eta - mu.sum() - self.constant - 0.5 * u @ u - 0.5 * logdet)


def gradient(f: Callable[[Vector], float], at: Vector, step: Vector) -> Vector:
    """Six-point central differences."""
    weights = {1: 45.0, 2: -9.0, 3: 1.0}
    result = np.zeros_like(at)
    for i in range(at.size):
        move = np.where(np.arange(at.size) == i, step, 0.0)
        result[i] = sum(w * (f(at + d * move) - f(at - d * move)) for d, w in weights.items()) / (60.0 * step[i])
    return result


def hessian(f: Callable[[Vector], float], at: Vector, step: Vector) -> Vector:
    """Central differences of second order, extrapolated once from steps h and h/2."""

    def plain(h: Vector) -> Vector:
        centre, size = f(at), at.size
        moves = np.diag(h)
        result = np.zeros((size, size))
        for i in range(size):
            result[i, i] = (f(at + moves[i]) - 2.0 * centre + f(at - moves[i])) / h[i] ** 2
            for j in range(i):
                both, cross = moves[i] + moves[j], moves[i] - moves[j]
                value = (f(at + both) - f(at + cross) - f(at - cross) + f(at - both)) / (4.0 * h[i] * h[j])
                result[i, j] = result[j, i] = value
        return result

    return (4.0 * plain(step / 2.0) - plain(step)) / 3.0


def settle(reference: MixedReference, real: Path) -> str:
    """One line on one disagreement."""
    ours = fit_here(reference, public_rows(reference, real))
    design = ours.design
    likelihood = DenseLaplace(
        design.X, design.y, design.log_exposure + design.offset, [term.codes for term in ours.terms]
    )
    keys = list(ours.random_sd)
    names = list(ours.params.index)
    theirs = reference.fixed[[canonical(name) for name in names]]
    r_point = np.concatenate([theirs.to_numpy(), np.log([reference.sd[key] for key in keys])])
    our_point = np.concatenate([ours.params.to_numpy(), np.log(list(ours.random_sd.values()))])
    values = likelihood(r_point), likelihood(our_point)
    line = f"{reference.id}: log likelihood {values[0]:.8f} at R's estimates, {values[1]:.8f} at ours"
    if design.y.size * len(ours.random_effects) > 100_000:
        return line
    step = 0.05 * np.concatenate([ours.bse.to_numpy(), np.full(len(keys), 1.0)])
    top = our_point
    for _ in range(3):
        H = hessian(likelihood, top, step)
        top = top - np.linalg.solve(H, gradient(likelihood, top, 0.2 * step))
    se = np.sqrt(np.diag(np.linalg.inv(-hessian(likelihood, top, step))))[: len(names)]
    away_r = np.abs(reference.fixed_se[theirs.index].to_numpy() / se - 1.0).max()
    away_ours = np.abs(ours.bse.to_numpy() / se - 1.0).max()
    return f"{line}; standard errors off by {away_r:.1e} (R) and {away_ours:.1e} (ours)"


def settle_synthetic(reference: MixedReference) -> str | None:
    """One line where lme4 and glmmTMB differ by more than 1e-4 of log likelihood, at both and at our estimates."""
    second = reference.raw.get("second_opinion")
    if second is None or reference.quadrature not in {None, 1} or abs(second["loglik"] - reference.loglik) < 1e-4:
        return None
    ours = fit_here(reference, synthetic_rows(reference))
    design, keys = ours.design, list(ours.random_sd)
    if any("[" in key for key in keys):
        return f"{reference.id}: slopes, not settled here"
    codes = [term.codes for term in ours.terms]
    likelihood = DenseLaplace(design.X, design.y, design.log_exposure + design.offset, codes)
    lme4 = [second["fixed"][name]["estimate"] for name in ours.params.index]
    points = {
        "lme4": np.concatenate([lme4, np.log([second["random_sd"][key] for key in keys])]),
        "glmmTMB": np.concatenate([reference.fixed[ours.params.index], np.log([reference.sd[key] for key in keys])]),
        "this package": np.concatenate([ours.params, np.log([ours.random_sd[key] for key in keys])]),
    }
    values = ", ".join(f"{likelihood(point):.8f} ({who})" for who, point in points.items())
    return f"{reference.id}: log likelihood {values}"


def main() -> None:
    """Settle the disagreements in the README."""
    for reference in synthetic_references():
        line = settle_synthetic(reference)
        if line is not None:
            print(line, flush=True)
    for reference in copied_references() if len(sys.argv) > 1 else ():
        if reference.id in DISPUTED:
            print(settle(reference, Path(sys.argv[1])), flush=True)


if __name__ == "__main__":
    main()

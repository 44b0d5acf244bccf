"""Small data with random effects, and the marginal likelihood of one scalar term by brute force."""

import numpy as np
import pandas as pd
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import logsumexp
from scipy.stats import poisson


def visits(seed: int = 11, groups: int = 30, rows: int = 8, sd: float = 0.5, slope: float = 0.0) -> pd.DataFrame:
    """Counts of providers over time with random intercepts, and random slopes if asked for."""
    rng = np.random.default_rng(seed)
    n = groups * rows
    frame = pd.DataFrame(
        {
            "provider": np.repeat([f"p{i:02d}" for i in range(groups)], rows),
            "time": np.tile(np.arange(rows) / rows, groups),
            "setting": rng.choice(["closed", "open"], n),
            "bed_days": rng.uniform(200.0, 2000.0, n),
        }
    )
    frame["year"] = 2021 + (frame["time"] >= 0.5).astype(int)
    level = np.repeat(rng.normal(0.0, sd, groups), rows)
    tilt = np.repeat(rng.normal(0.0, slope, groups), rows)
    mean = 0.005 * frame["bed_days"] * np.exp(level + (0.3 + tilt) * frame["time"])
    return frame.assign(events=rng.poisson(mean))


def brute_force_loglik(y: np.ndarray, eta: np.ndarray, codes: np.ndarray, sd: float) -> np.ndarray:
    """Marginal Poisson log likelihood of each group by 200-node quadrature that is not adaptive."""
    nodes, weights = hermegauss(200)
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights / np.sqrt(2.0 * np.pi))
    rows = poisson.logpmf(y[:, None], np.exp(eta[:, None] + sd * nodes))
    by_group = np.zeros((codes.max() + 1, nodes.size))
    np.add.at(by_group, codes, rows)
    return np.asarray(logsumexp(by_group + log_weights, axis=1))

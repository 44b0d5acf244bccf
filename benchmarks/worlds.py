"""Data of the benchmarks: counts per row with provider, location and period effects of known size."""

import numpy as np
import pandas as pd

PERIODS = 12
COVARIATES = ("x1", "x2", "x3", "x4", "x5")


def make(structure: str, rows: int, groups: int, seed: int = 1) -> pd.DataFrame:
    """Rows with y, exposure e, five covariates, time, provider, location and period.

    Parameters
    ----------
    structure : str
        A cell of `peers.CELLS`; decides which effects are drawn.
    rows, groups : int
        Number of rows and of providers.
    seed : int
        The same seed gives the same rows.
    """
    rng = np.random.default_rng([seed, rows, groups])
    provider = np.repeat(np.arange(groups), -(-rows // groups))[:rows]
    location = provider * 4 + rng.integers(0, 4, rows)
    period = np.arange(rows) % PERIODS
    X = rng.normal(size=(rows, len(COVARIATES)))
    exposure = rng.lognormal(0.0, 0.5, rows)
    time = period / PERIODS - 0.5
    eta = 0.6 + X @ np.array([0.2, -0.1, 0.05, 0.1, -0.2]) + np.log(exposure)
    eta += rng.normal(0.0, 0.5, groups)[provider]
    if "nested" in structure:
        eta += rng.normal(0.0, 0.3, groups * 4)[location]
    if "crossed" in structure:
        eta += rng.normal(0.0, 0.2, PERIODS)[period]
    if "slope" in structure:
        eta += rng.normal(0.0, 0.4, groups)[provider] * time
    mean = np.exp(eta)
    y = rng.poisson(mean * rng.gamma(2.0, 0.5, rows)) if "nb2" in structure else rng.poisson(mean)
    frame = pd.DataFrame(X, columns=list(COVARIATES))
    return frame.assign(
        y=y,
        e=exposure,
        time=time,
        provider=provider.astype(str),
        location=location.astype(str),
        period=period.astype(str),
    )

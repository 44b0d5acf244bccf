"""Registered rates per period: what the register shows, with intervals that respect providers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from dwangstats._types import Vector
from dwangstats.data.panels.intervals import refuse_intervals
from dwangstats.data.panels.panel import Panel
from dwangstats.numerics.covariance import cluster_covariance, satterthwaite_df

PER = 1000.0
"""Rates are per this many units of exposure (bed-days)."""


@dataclass(frozen=True, slots=True)
class PooledRate:
    """Events per unit of exposure over all providers, with an interval clustered by provider.

    ``lower`` and ``upper`` are missing (NaN) where there is one provider only: one cluster says
    nothing about how much providers differ.
    """

    rate: float
    lower: float
    upper: float


def pooled_rate(events: Vector, exposure: Vector, clusters: np.ndarray, level: float = 0.95) -> PooledRate:
    """Pooled rate sum(events) / sum(exposure) with a cluster-robust interval.

    The rate is the maximum-likelihood estimate of an intercept-only Poisson model. The interval is
    symmetric on the log scale, with the larger of the CR2 and the Poisson variance (providers that are
    by chance more alike than chance allows say nothing) and Satterthwaite's degrees of freedom, which
    are few where few providers hold most of the exposure. With no events at all it is the exact Poisson
    interval, from zero to -log(1 - level) / exposure (one-sided).

    Parameters
    ----------
    events : (n,) array
        Registered events, >= 0.
    exposure : (n,) array
        Exposure, > 0, in bed-days.
    clusters : (n,) array
        Provider of each row.
    level : float
        Confidence level, in (0, 1).

    References
    ----------
    Bell, R. M. and McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression
    with multi-stage samples. Survey Methodology 28, 169-181.
    """
    total, days = float(events.sum()), float(exposure.sum())
    rate = total / days
    names, codes = np.unique(clusters, return_inverse=True)
    n_clusters = names.size
    if total == 0.0:
        return PooledRate(0.0, 0.0, -np.log1p(-level) / days)
    if n_clusters < 2:
        return PooledRate(rate, np.nan, np.nan)
    mean = rate * exposure
    ones = np.ones((events.size, 1))
    variance = cluster_covariance("CR2", ones, mean, events - mean, codes)[0, 0]
    freedom = satterthwaite_df(np.ones(1), ones, mean, codes)
    half_width = stats.t.isf(0.5 - level / 2, freedom) * np.sqrt(max(variance, 1.0 / total))
    return PooledRate(rate, rate * np.exp(-half_width), rate * np.exp(half_width))


def registered_rates(panel: Panel, level: float = 0.95) -> pd.DataFrame:
    """Registered rate per 1,000 bed-days by form and period, over the delivered rows.

    Parameters
    ----------
    panel : Panel
        Provider by period counts; rows that were not delivered do not enter.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    DataFrame
        One row per form and period with the columns form, period, year, events, bed_days, rate,
        lower, upper; the last three per 1,000 bed-days.

    Raises
    ------
    DataError
        If counts are known to an interval only.
    """
    refuse_intervals(panel.frame, "A registered rate")
    rows = []
    for (form, period), cell in panel.observed.groupby(["form", "period"], sort=True):
        exposure = cell["bed_days"].to_numpy(float)
        events = cell["events"].to_numpy(float)
        pooled = pooled_rate(events, exposure, cell["provider"].to_numpy(), level)
        rows.append(
            {
                "form": form,
                "period": period,
                "year": int(cell["year"].iloc[0]),
                "events": float(events.sum()),
                "bed_days": float(exposure.sum()),
                "rate": PER * pooled.rate,
                "lower": PER * pooled.lower,
                "upper": PER * pooled.upper,
            }
        )
    columns = ["form", "period", "year", "events", "bed_days", "rate", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns)

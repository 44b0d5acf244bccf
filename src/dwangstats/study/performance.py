"""Bias, spread and coverage of estimates over replicates, each with its Monte Carlo standard error."""

import math
from dataclasses import dataclass

import numpy as np

from dwangstats._types import Vector


@dataclass(frozen=True, slots=True)
class Performance:
    """Performance of one estimator of one quantity (Morris, White and Crowther 2019, table 6).

    Attributes
    ----------
    replicates : int
        Replicates that gave an estimate.
    bias, bias_error : float
        Mean of estimate - truth, and its Monte Carlo standard error.
    median_error : float
        Median of estimate - truth.
    empirical_sd, empirical_sd_error : float
        Standard deviation of estimate - truth, and its Monte Carlo standard error.
    mean_se : float
        Root mean square of the reported standard errors; NaN where none was reported.
    coverage, coverage_error : float
        Share of the intervals that hold the truth, and its Monte Carlo standard error.
    mean_width : float
        Mean length of the intervals that have ends.
    """

    replicates: int
    bias: float
    bias_error: float
    median_error: float
    empirical_sd: float
    empirical_sd_error: float
    mean_se: float
    coverage: float
    coverage_error: float
    mean_width: float


def performance(truth: Vector, estimate: Vector, lower: Vector, upper: Vector, standard_error: Vector) -> Performance:
    """Measures over replicates in which an estimate was given; all arrays (n,).

    Parameters
    ----------
    truth, estimate : (n,) arrays
        The truth may differ between replicates, as that of a prediction does.
    lower, upper : (n,) arrays
        Ends of the intervals; may be infinite.
    standard_error : (n,) array
        NaN where none is reported.

    Returns
    -------
    Performance
        Fields are NaN without, or with a single, replicate.
    """
    n = estimate.size
    error = estimate - truth
    sd = float(np.std(error, ddof=1)) if n > 1 else math.nan
    held = (lower <= truth) & (truth <= upper)
    coverage = float(np.mean(held)) if n else math.nan
    width = (upper - lower)[np.isfinite(upper - lower)]
    known = standard_error[np.isfinite(standard_error)]
    return Performance(
        replicates=n,
        bias=float(np.mean(error)) if n else math.nan,
        bias_error=sd / math.sqrt(n) if n else math.nan,
        median_error=float(np.median(error)) if n else math.nan,
        empirical_sd=sd,
        empirical_sd_error=sd / math.sqrt(2.0 * (n - 1)) if n > 1 else math.nan,
        mean_se=float(np.sqrt(np.mean(known**2))) if known.size else math.nan,
        coverage=coverage,
        coverage_error=math.sqrt(coverage * (1.0 - coverage) / n) if n else math.nan,
        mean_width=float(np.mean(width)) if width.size else math.nan,
    )

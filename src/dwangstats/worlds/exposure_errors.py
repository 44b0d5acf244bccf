"""Layer 2b: errors in the table of bed-days, each with its row in the truth table."""

import numpy as np
import pandas as pd

from dwangstats.data.register.periods import parse_period
from dwangstats.worlds.planted import ErrorParameters, planted_at_places

#: What the bed-days of a provider-quarter are multiplied by.
TENFOLD, HOURS = 10, 24


def plant_exposure_errors(
    exposure: pd.DataFrame, plan: ErrorParameters, rng: np.random.Generator
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Give some provider-quarters no bed-days, capacity for occupancy, a factor 10, or hours for days.

    All locations of a provider have the error of its quarter; no quarter has two.

    Parameters
    ----------
    exposure : DataFrame
        The right table, by location and quarter.

    Returns
    -------
    exposure : DataFrame
        The same rows; bed_days and mean_occupancy may be missing.
    planted : list of DataFrame
        Truth tables of XM, XC, X10 and X24, one row per location and quarter.
    """
    cell = pd.MultiIndex.from_frame(exposure[["provider_id", "period"]])
    codes, cells = pd.factorize(cell)
    drawn = rng.random(len(cells))[codes]
    edges = np.cumsum([plan.bed_days_missing, plan.bed_days_capacity, plan.bed_days_tenfold, plan.bed_days_hours])
    kind = np.searchsorted(edges, drawn, side="right")
    days = exposure["period"].map({text: parse_period(text).days for text in exposure["period"].unique()})
    right = exposure["bed_days"].astype("Int64")
    full = (exposure["capacity"] * days).astype("Int64")
    bed_days = right.mask(kind == 0).mask(kind == 1, full).mask(kind == 2, TENFOLD * right)
    occupancy = exposure["mean_occupancy"].mask(kind == 0).mask(kind == 1, exposure["capacity"].astype("float64"))
    changed = exposure.assign(bed_days=bed_days.mask(kind == 3, HOURS * right), mean_occupancy=occupancy)
    names = (("XM", "missing"), ("XC", "capacity for occupancy"), ("X10", "times 10"), ("X24", "hours for days"))
    return changed, [_note(code, exposure.loc[kind == i], detail) for i, (code, detail) in enumerate(names)]


def _note(code: str, rows: pd.DataFrame, detail: str) -> pd.DataFrame:
    return planted_at_places(
        code,
        "exposure",
        "changed",
        provider_id=rows["provider_id"].to_numpy(dtype=object),
        location_id=rows["location_id"].to_numpy(dtype=object),
        period=rows["period"].to_numpy(dtype=object),
        detail=[detail] * len(rows),
    )

"""Bed-days that are missing, or in another unit than days in occupied beds."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from dwangstats.data.checks.rule import has
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import parse_period

#: what hours for days, and a misplaced decimal mark, multiply bed-days by.
HOURS, TENFOLD = 24.0, 10.0
#: a factor belongs to the nearer of the two: this is half way between them, on the log scale.
NEARER: Final = float(np.sqrt(HOURS / TENFOLD))
#: chance that any row at all is called a jump when every place only varies as the others do.
LEVEL: Final = 0.05
#: no smaller jump is worth a question.
LEAST_JUMP: Final = 1.5
#: with fewer known periods a place has no median of its own.
LEAST_PERIODS: Final = 3
#: robust standard deviations.
OUT_OF_STEP: Final = 2.0

COLUMNS: Final = ("provider_id", "location_id", "period", "bed_days", "usual", "ratio")


def bed_days_missing(tables: Tables) -> pd.DataFrame:
    """Places and periods without bed-days (XM).

    Returns
    -------
    DataFrame
        provider_id, location_id, period, bed_days, usual (what is usual at the place, in bed-days of this period),
        ratio (bed_days to usual); the index is the row in exposure.
    """
    rows = measured(tables)
    return rows.loc[rows["bed_days"].isna(), list(COLUMNS)]


def capacity_given(tables: Tables) -> pd.DataFrame:
    """Places and periods in which bed-days are exactly capacity times days, out of step with the periods around (XC).

    A ward that is truly full looks the same. A row is marked when all places of the provider that have a capacity are
    exactly full in the period (who fills in the capacity does so throughout), and when its occupancy lies further above
    the mean of the last known and the next known period than two robust standard deviations of that difference at the
    place: by chance that is so for one in forty-four of the rows that are truly full. Columns as for
    `bed_days_missing`.
    """
    rows = measured(tables)
    full = (rows["bed_days"] - rows["days"] * rows["capacity"]).abs() < 0.5
    silent = rows["capacity"].isna() | rows["bed_days"].isna()
    throughout = (full | silent).groupby([rows["provider_id"], rows["period"]]).transform("all")
    return rows.loc[full & throughout & (_above_neighbours(rows, full) > OUT_OF_STEP), list(COLUMNS)]


def tenfold(tables: Tables) -> pd.DataFrame:
    """Bed-days about ten times more, or fewer, than is usual at the place: a misplaced decimal mark (X10).

    Nearer to ten than to twenty-four, on the log scale; the same width on the other side. Columns as for
    `bed_days_missing`.
    """
    rows = measured(tables)
    near = _near(rows["ratio"], TENFOLD) | _near(1.0 / rows["ratio"], TENFOLD)
    return rows.loc[near, list(COLUMNS)]


def hours_given(tables: Tables) -> pd.DataFrame:
    """Bed-days about twenty-four times more than is usual at the place: hours in place of days (X24)."""
    rows = measured(tables)
    return rows.loc[_near(rows["ratio"], HOURS), list(COLUMNS)]


def jump(tables: Tables, *, level: float = LEVEL) -> pd.DataFrame:
    """Bed-days further from what is usual at the place than any row would be by chance.

    The log ratio to the place's own median, over the spread of those ratios in the whole register (median absolute
    deviation), beyond the normal quantile with Bonferroni's correction for the number of rows, and at least a factor
    1.5. Bed-days vary less evenly than a normal distribution does, so that what is marked is a question and not an
    error. Columns as for `bed_days_missing`, and p (after correction).

    Parameters
    ----------
    tables : Tables
    level : float
        Family-wise level.
    """
    rows = measured(tables)
    size = np.abs(np.log(rows["ratio"].to_numpy(dtype=np.float64)))
    known = np.isfinite(size)
    spread = 1.4826 * float(np.median(size[known])) if known.any() else np.nan
    p = np.minimum(1.0, 2.0 * norm.sf(size / max(spread, 1e-12)) * int(known.sum()))
    far = known & (p <= level) & (size >= np.log(LEAST_JUMP))
    found: pd.DataFrame = rows.assign(p=p).loc[far, [*COLUMNS, "p"]]
    return found


def measured(tables: Tables) -> pd.DataFrame:
    """Each row of exposure beside what is usual at the same place.

    Usual is the capacity of the row times the median occupancy of the place, where every row of the place has a
    capacity, and the place's median bed-days per day otherwise. More than one and a half times the capacity is no
    occupancy, and does not count for the median. A place with fewer than three known periods has the median occupancy
    of the register, if it has a capacity, and nothing to be held against if not.

    Returns
    -------
    DataFrame
        provider_id, location_id (empty without), period, days, capacity, bed_days, usual (bed-days), ratio (missing
        where bed-days are missing or not above zero); the index is the row in exposure.
    """
    frame = tables.exposure
    if not has(frame, "provider_id", "period", "bed_days"):
        return pd.DataFrame(columns=[*COLUMNS, "days", "capacity"], dtype="float64")
    frame = frame.dropna(subset=["provider_id", "period"])
    nothing = pd.Series(np.nan, index=frame.index)
    days = frame["period"].map({text: float(parse_period(text).days) for text in frame["period"].unique()})
    rows = pd.DataFrame(
        {
            "provider_id": frame["provider_id"],
            "location_id": frame["location_id"].fillna("") if "location_id" in frame.columns else "",
            "period": frame["period"],
            "days": days.astype("float64"),
            "capacity": pd.to_numeric(frame["capacity"]).astype("float64") if "capacity" in frame.columns else nothing,
            "bed_days": pd.to_numeric(frame["bed_days"]).astype("float64"),
        }
    )
    rows["usual"] = _usual(rows)
    sound = np.isfinite(rows["bed_days"]) & (rows["bed_days"] > 0.0) & (rows["usual"] > 0.0)
    rows["ratio"] = (rows["bed_days"] / rows["usual"]).where(sound)
    return rows


def _near(ratio: "pd.Series[float]", factor: float) -> NDArray[np.bool_]:
    """Whether a ratio is within half the way from ten to twenty-four of a factor, on the log scale."""
    distance = np.abs(np.log(ratio.to_numpy(dtype=np.float64)) - np.log(factor))
    return np.asarray(distance < np.log(NEARER), dtype=np.bool_)


def _above_neighbours(rows: pd.DataFrame, full: "pd.Series[bool]") -> "pd.Series[float]":
    """Occupancy less the mean of the periods around, over its spread at the place in periods that are not full."""
    ordered = rows.sort_values(["provider_id", "location_id", "period"], kind="stable")
    place = [ordered["provider_id"], ordered["location_id"]]
    share = ordered["bed_days"] / (ordered["days"] * ordered["capacity"])
    share = share.where((share > 0.0) & (share < NEARER))
    before = share.groupby(place).ffill().groupby(place).shift(1)
    after = share.groupby(place).bfill().groupby(place).shift(-1)
    step = share - pd.concat([before, after], axis=1).mean(axis=1)
    usual = step.where(~full.reindex(ordered.index)).abs().groupby(place)
    spread = (1.4826 * usual.transform("median")).where(usual.transform("count") >= LEAST_PERIODS)
    return (step / spread.clip(lower=1e-9)).reindex(rows.index)


def _usual(rows: pd.DataFrame) -> "pd.Series[float]":
    place = [rows["provider_id"], rows["location_id"]]
    beds = (rows["bed_days"] / rows["days"]).where(rows["bed_days"] > 0.0)
    beds = beds.where(np.isfinite(beds))
    capacity = rows["capacity"].where(rows["capacity"] > 0.0)
    share = beds / capacity
    share = share.where(share < NEARER)
    has_capacity = capacity.notna().groupby(place).transform("all")
    own_share = share.groupby(place).transform("median").where(_enough(share, place), share.median())
    own_beds = beds.groupby(place).transform("median").where(_enough(beds, place))
    return ((own_share * capacity).where(has_capacity, own_beds) * rows["days"]).astype("float64")


def _enough(values: "pd.Series[float]", place: list["pd.Series[str]"]) -> "pd.Series[bool]":
    return values.groupby(place).transform("count") >= LEAST_PERIODS

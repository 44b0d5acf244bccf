"""Bed-days of a provider in a period, and whether every part of them is known."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import PeriodKind
from dwangstats.data.bsn import without_bsn
from dwangstats.data.panels import reasons
from dwangstats.data.register.periods import convert_periods, parse_period, period_kind, periods_between
from dwangstats.errors import DataError

Mask: TypeAlias = NDArray[np.bool_]
_CELL = ["provider", "location", "part"]


def provider_exposure(
    exposure: pd.DataFrame, locations: pd.DataFrame | None, by: PeriodKind, covariates: Sequence[str] = ()
) -> pd.DataFrame:
    """Bed-days per provider and period, summed over locations and over the parts of the period.

    A period is complete when every part of it (both quarters of a half-year) is there for every location of the
    provider. A location that the table `locations` says was not open throughout a part need not be there; one that it
    says was open must be, if the location has bed-days at any time.

    Parameters
    ----------
    exposure : DataFrame
        provider_id, period, bed_days; optional location_id.
    locations : DataFrame, optional
        provider_id, location_id; optional opened (first day), closed (last day). Blank means open.
    by : {"month", "quarter", "half-year", "year"}
        Period asked for, not finer than the periods in ``exposure``.
    covariates : sequence of str
        Columns of ``exposure`` to keep.

    Returns
    -------
    DataFrame
        provider, period, bed_days (days; missing when not complete), reason (why the provider-period cannot be used,
        empty when it can), and the covariates; sorted by provider and period.

    Raises
    ------
    DataError
        If a covariate is not constant within a provider and period.
    """
    cells = _cells(exposure, by)
    key = ["provider", "period"]
    groups = cells.assign(blank=cells["bed_days"].isna()).groupby(key, sort=True)
    total = groups.agg(bed_days=("bed_days", "sum"), blank=("blank", "any"))
    partial = total.index.isin(pd.MultiIndex.from_frame(_missing_cells(cells, locations)[key]))
    blank = total.pop("blank").to_numpy(dtype=bool)
    total["reason"] = np.select(
        [blank, partial, total["bed_days"] == 0],
        [reasons.BED_DAYS_MISSING, reasons.BED_DAYS_PARTIAL, reasons.CLOSED],
        default="",
    )
    total["reason"] = total["reason"].astype("str")
    total.loc[partial | blank, "bed_days"] = np.nan
    return total.reset_index().join(constant_within(exposure, cells[key], covariates), on=key)


def constant_within(rows: pd.DataFrame, key: pd.DataFrame, covariates: Sequence[str]) -> pd.DataFrame:
    """The one value of each covariate within each group.

    Parameters
    ----------
    rows : DataFrame, (n,)
        With the covariates as columns.
    key : DataFrame, (n,), same index
        Columns that name the group.
    covariates : sequence of str

    Returns
    -------
    DataFrame
        The covariates, indexed by the group.

    Raises
    ------
    DataError
        For every covariate that has two values (missing counts as a value) within a group.
    """
    names = list(covariates)
    joined = pd.concat([key, rows[names]], axis=1)
    groups = joined.groupby(list(key.columns), sort=True)
    problems = []
    for name in names:
        distinct = joined[[*key.columns, name]].drop_duplicates().groupby(list(key.columns), sort=True).size()
        varying = distinct > 1
        if varying.any():
            shown = without_bsn(", ".join(" ".join(map(str, group)) for group in varying.index[varying][:5]))
            problems.append(
                f"Covariate '{name}' has more than one value in {int(varying.sum())} of {len(varying)} "
                f"provider-periods (first: {shown}). Give one value per provider and period, or leave it out."
            )
    if problems:
        raise DataError(problems)
    return groups[names].first(skipna=False)


def _cells(exposure: pd.DataFrame, by: PeriodKind) -> pd.DataFrame:
    location = exposure["location_id"].fillna("") if "location_id" in exposure.columns else ""
    return pd.DataFrame(
        {
            "provider": exposure["provider_id"],
            "location": location,
            "part": exposure["period"],
            "period": convert_periods(exposure["period"], by),
            "bed_days": pd.to_numeric(exposure["bed_days"]).astype("float64"),
        },
        index=exposure.index,
    )


def _missing_cells(cells: pd.DataFrame, locations: pd.DataFrame | None) -> pd.DataFrame:
    """Location-parts that should be there and are not: provider, location, period, part."""
    parts = _parts(cells)
    seen = cells[["provider", "location", "period"]].drop_duplicates().merge(parts, on="period")
    expected = seen
    if locations is not None and len(locations):
        opening = _open_throughout(locations, parts)
        there = cells[["provider", "period"]].drop_duplicates()
        with_beds = cells[["provider", "location"]].drop_duplicates()
        listed = with_beds.merge(there, on="provider").merge(parts, on="period")
        unexplained = _look_up(seen, opening, silent=True)
        known_open = _look_up(listed, opening, silent=False)
        expected = pd.concat([seen.loc[unexplained], listed.loc[known_open]])
    present = pd.MultiIndex.from_frame(cells[_CELL])
    return expected.loc[~pd.MultiIndex.from_frame(expected[_CELL]).isin(present)].drop_duplicates()


def _parts(cells: pd.DataFrame) -> pd.DataFrame:
    """Every part of every period asked for: period, part."""
    kinds = {period_kind(text) for text in cells["part"].unique()}
    rows = []
    for text in cells["period"].unique():
        period = parse_period(text)
        months = (f"{period.year:04d}-{period.first_month:02d}", f"{period.year:04d}-{period.last_month:02d}")
        for kind in kinds:
            first, last = convert_periods(months, kind)
            rows += [(text, part) for part in periods_between(first, last)]
    return pd.DataFrame(rows, columns=["period", "part"], dtype="str")


def _open_throughout(locations: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    """Whether each listed location was open throughout each part; with location "" whether any of the provider was."""
    listed = pd.DataFrame(
        {
            "provider": locations["provider_id"],
            "location": locations["location_id"],
            "opened": pd.to_datetime(locations["opened"]) if "opened" in locations.columns else pd.NaT,
            "closed": pd.to_datetime(locations["closed"]) if "closed" in locations.columns else pd.NaT,
        }
    ).drop_duplicates(["provider", "location"])
    periods = [parse_period(text) for text in parts["part"].unique()]
    ends = pd.DataFrame(
        {
            "part": pd.Series([str(p) for p in periods], dtype="str"),
            "begin": pd.to_datetime([p.begin for p in periods]),
            "last": pd.to_datetime([p.end for p in periods]) - pd.Timedelta(days=1),
        }
    )
    cells = listed.merge(ends, how="cross")
    before = cells["opened"].isna() | (cells["opened"] <= cells["begin"])
    after = cells["closed"].isna() | (cells["closed"] >= cells["last"])
    cells["open"] = before & after
    whole = cells.groupby(["provider", "part"])["open"].agg("any").reset_index().assign(location="")
    columns = [*_CELL, "open"]
    return pd.concat([cells[columns], whole[columns]], ignore_index=True)


def _look_up(cells: pd.DataFrame, opening: pd.DataFrame, *, silent: bool) -> Mask:
    """Whether each cell was open throughout; ``silent`` where the table of locations does not say."""
    found = opening.set_index(_CELL)["open"].astype("boolean").reindex(pd.MultiIndex.from_frame(cells[_CELL]))
    return found.fillna(silent).to_numpy(dtype=bool)

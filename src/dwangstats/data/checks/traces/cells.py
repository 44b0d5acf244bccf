"""Registrations of each provider by period and form, as far as they were delivered: what the place checks look at."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Matrix
from dwangstats.data.checks.rule import has
from dwangstats.data.checks.traces.blocks import standing_block
from dwangstats.data.deliveries.standing import half_years_of, standing_deliveries, with_delivery
from dwangstats.data.reading.aggregate import analysis_form, count_registrations
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import convert_periods, parse_period, period_kind, periods_between, sort_periods

#: bed-days that are this many times more or fewer than a provider's own median are in another unit, not other care.
ANOTHER_UNIT: Final = 5.0
#: came before the laws of 2020; what a provider registered under it goes with what it registered after.
OLD_LAW: Final = "BOPZ"


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Counts by provider, quarter and form under one law (and the old one before it).

    Attributes
    ----------
    law : str, empty where no table names one
    providers (P,), quarters (T,), forms (F,) : tuples of str
    counts : (P, T, F) registrations that are not planned, of the version that counts.
    known : (P, T) registrations of the half-year were delivered and accepted. A half-year with nothing to report is
        not among them: it says that there was nothing, not that there was less.
    exposure : (P, T) occupied beds, > 0, in which a location weighs by its own registrations per bed, so that the
        opening or closing of a quiet ward moves nothing; the location's own median where bed-days are missing or in
        another unit, and one throughout for a provider without any.
    """

    law: str
    providers: tuple[str, ...]
    quarters: tuple[str, ...]
    forms: tuple[str, ...]
    counts: NDArray[np.float64]
    known: NDArray[np.bool_]
    exposure: Matrix


def register_cells(tables: Tables) -> list[Cells]:
    """One set of cells per law under which registrations were delivered; none without registrations.

    Standing daily blocks are left out: hundreds of rows that stand for one arrangement are no change of level.
    """
    frame = tables.registrations
    if not has(frame, "provider_id", "begin") or frame.empty:
        return []
    counts = count_registrations(frame.loc[~standing_block(tables)])
    counts = counts.loc[counts["month"].notna() & ~counts["planned"].fillna(False).astype(bool)]
    counts = counts.assign(form=analysis_form(counts))
    counts = counts.loc[counts["form"].notna() & counts["provider_id"].notna()]
    named = bool(counts["law"].notna().any())
    deliveries = tables.deliveries if has(tables.deliveries, "provider_id", "period", "status") else None
    if named:
        counts, deliveries = _with_heirs(counts, deliveries)
    laws: list[str | None] = sorted(counts["law"].dropna().unique()) if named else [None]
    found = [_of_law(counts, deliveries, law) for law in laws]
    beds = occupied_beds(tables)
    return [replace(cells, exposure=_exposure(beds, cells)) for cells in found if cells is not None]


def occupied_beds(tables: Tables) -> pd.DataFrame:
    """Occupied beds (bed-days per day) of each location in each period.

    Returns
    -------
    DataFrame
        provider_id, location_id (empty where none is given), period, beds (the location's own median where missing or
        in another unit; missing for a location without any), weight (its registrations per bed relative to those of
        its provider; one where that cannot be known). No rows without the table exposure.
    """
    names = ["provider_id", "location_id", "period", "beds", "weight"]
    exposure, registrations = tables.exposure, tables.registrations
    if not has(exposure, "provider_id", "period", "bed_days"):
        return pd.DataFrame(columns=names)
    rows = exposure.dropna(subset=["provider_id", "period"])
    days = rows["period"].map({text: float(parse_period(text).days) for text in rows["period"].unique()})
    location = rows["location_id"].fillna("") if "location_id" in rows.columns else ""
    beds = pd.to_numeric(rows["bed_days"]).astype("float64") / days.astype("float64")
    frame = pd.DataFrame({"provider_id": rows["provider_id"], "location_id": location, "period": rows["period"]})
    usual = beds.groupby([frame["provider_id"], frame["location_id"]]).transform("median")
    right = beds.between(usual / ANOTHER_UNIT, usual * ANOTHER_UNIT)
    frame["beds"] = beds.where(right, usual)
    return frame.join(_weights(frame, registrations), on=["provider_id", "location_id"])[names]


def _weights(frame: pd.DataFrame, registrations: pd.DataFrame | None) -> "pd.Series[float]":
    """Registrations per bed of each location relative to its provider; one where nothing is registered by location."""
    place = ["provider_id", "location_id"]
    total = frame.groupby(place)["beds"].sum().to_frame()
    total["n"] = registrations.dropna(subset=place).groupby(place).size() if has(registrations, *place) else np.nan
    by_provider = total.groupby(level=0)[["beds", "n"]].transform("sum")
    relative = ((total["n"].fillna(0.0) + 0.5) / total["beds"]) / ((by_provider["n"] + 0.5) / by_provider["beds"])
    known = (by_provider["n"] > 0) & np.isfinite(relative)
    return relative.where(known, 1.0).rename("weight")


def _with_heirs(counts: pd.DataFrame, deliveries: pd.DataFrame | None) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Both with the old law replaced by the law under which the provider registered most since."""
    since = counts.loc[(counts["law"] != OLD_LAW) & counts["law"].notna()]
    total = since.groupby(["provider_id", "law"])["registrations"].sum().reset_index()
    heir = total.sort_values("registrations", kind="stable").drop_duplicates("provider_id", keep="last")
    law_of = heir.set_index("provider_id")["law"]

    def renamed(frame: pd.DataFrame) -> pd.DataFrame:
        old = frame["law"] == OLD_LAW
        later = frame["provider_id"].map(law_of).fillna(OLD_LAW)
        return frame.assign(law=frame["law"].mask(old, later))

    if deliveries is None or "law" not in deliveries.columns:
        return renamed(counts), deliveries
    return renamed(counts), renamed(deliveries)


def _of_law(counts: pd.DataFrame, deliveries: pd.DataFrame | None, law: str | None) -> Cells | None:
    """The cells under one law, with an exposure of one; None without a delivered registration."""
    mine = counts if law is None else counts.loc[counts["law"] == law]
    if deliveries is None:
        halves = {text: half_years_of(text)[0] for text in mine["month"].unique()}
        half_years = pd.DataFrame({"provider": mine["provider_id"], "period": mine["month"].map(halves)})
        half_years = half_years.drop_duplicates().assign(status="accepted", version=np.nan)
    else:
        half_years = standing_deliveries(deliveries, law).dropna(subset=["provider", "period"])
    half_years = half_years.loc[[period_kind(text) == "half-year" for text in half_years["period"]]]
    half_years = half_years.loc[(half_years["status"] == "accepted").to_numpy(dtype=bool)]
    mine = with_delivery(mine, half_years)
    other = (mine["superseded"] | mine["not_taken_in"]).astype(bool)
    mine = mine.loc[((mine["status"] == "accepted") & ~other).to_numpy(dtype=bool)]
    if mine.empty:
        return None
    quarters = _quarters(half_years["period"])
    providers = tuple(sorted(half_years["provider"].unique()))
    forms = tuple(sorted(mine["form"].unique()))
    shape = len(providers), len(quarters), len(forms)
    mine = mine.assign(quarter=convert_periods(mine["month"], "quarter"))
    place = [pd.Index(providers), pd.Index(quarters), pd.Index(forms)]
    where = [axis.get_indexer(mine[name]) for axis, name in zip(place, ("provider_id", "quarter", "form"), strict=True)]
    cube = np.zeros(shape)
    np.add.at(cube, tuple(where), mine["registrations"].to_numpy(dtype=np.float64))
    return Cells(
        law=law or "",
        providers=providers,
        quarters=quarters,
        forms=forms,
        counts=cube,
        known=_known(half_years, place[0], place[1]),
        exposure=np.ones(shape[:2]),
    )


def _quarters(half_years: "pd.Series[str]") -> tuple[str, ...]:
    ordered = sort_periods(half_years)
    first, last = parse_period(ordered[0]), parse_period(ordered[-1])
    return periods_between(f"{first.year}-Q{2 * first.number - 1}", f"{last.year}-Q{2 * last.number}")


def _known(half_years: pd.DataFrame, providers: pd.Index, quarters: pd.Index) -> NDArray[np.bool_]:
    known = np.zeros((len(providers), len(quarters)), dtype=np.bool_)
    row = providers.get_indexer(pd.Index(half_years["provider"]))
    for half in (1, 2):
        texts = [f"{p.year}-Q{2 * p.number - 2 + half}" for p in map(parse_period, half_years["period"])]
        known[row, quarters.get_indexer(pd.Index(texts))] = True
    return known


def _exposure(beds: pd.DataFrame, cells: Cells) -> Matrix:
    """Weighted occupied beds by provider and quarter; a longer period stands for each of its quarters."""
    found = np.full(cells.known.shape, np.nan)
    known = {text: parse_period(text) for text in beds["period"].unique()}
    providers = pd.Index(cells.providers)
    weighted = beds.assign(beds=beds["beds"] * beds["weight"])
    for quarter, column in zip(cells.quarters, found.T, strict=True):
        asked = parse_period(quarter)
        near = [text for text, period in known.items() if asked.contains(period) or period.contains(asked)]
        part = weighted.loc[weighted["period"].isin(near)]
        mean = part.groupby(["provider_id", "location_id"])["beds"].mean().groupby(level=0).sum(min_count=1)
        column[:] = np.asarray(mean.reindex(providers), dtype=np.float64)
    nothing = np.isnan(found).all(axis=1, keepdims=True)
    usual = np.nanmedian(np.where(nothing, 1.0, found), axis=1, keepdims=True)
    usual = np.where(usual > 0.0, usual, 1.0)
    return np.where(np.isfinite(found) & (found > 0.0), found, usual)

"""Rules for bed-days: a number that can be a count of days, in beds that exist, in step with the place's own past."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Language, PeriodKind
from dwangstats.data.checks.rule import Mask, Rule, has, numbers, some
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import PERIOD_KINDS, parse_period, period_kind

#: bed-days up to this multiple of the capacity are a number of beds, not of days, in a period of 28 days or more.
BEDS_NOT_DAYS = 1.2
#: occupancy above this share of the capacity is more than over-full wards explain.
FULL = 1.1
#: a factor of ten or twenty-four, with room for real change, away from the median of the place itself.
JUMP = 8.0
#: more days in one row than all people of the largest prison systems and hospitals together spend in a year.
MOST_DAYS = 1e10

NEGATIVE = Rule(
    "negative-bed-days",
    "error",
    "In {count} van de {of} rijen van {table} is het aantal bezette beddagen negatief ({where}).",
    "The number of occupied bed-days is negative in {count} of {of} rows of {table} ({where}).",
    "Verbeter het aantal bij de bron.",
    "Correct the number at the source.",
)
INFINITE = Rule(
    "infinite-bed-days",
    "error",
    "In {count} van de {of} rijen van {table} is het aantal bezette beddagen oneindig ({where}).",
    "The number of occupied bed-days is infinite in {count} of {of} rows of {table} ({where}).",
    "Vervang de waarde door het aantal, of laat haar leeg als het niet bekend is.",
    "Replace the value by the number, or leave it empty when the number is not known.",
)
TOO_LARGE = Rule(
    "implausible-bed-days",
    "error",
    "In {count} van de {of} rijen van {table} zijn er meer dan 10 miljard bezette beddagen ({where}).",
    "In {count} of {of} rows of {table} there are over 10 thousand million occupied bed-days ({where}).",
    "Vervang de waarde door het aantal dagen; een code voor onbekend hoort leeg te zijn.",
    "Replace the value by the number of days; a code for unknown should be left empty.",
)
MISSING = Rule(
    "missing-bed-days",
    "warning",
    "In {count} van de {of} rijen van {table} ontbreekt het aantal bezette beddagen ({where}).",
    "The number of occupied bed-days is missing in {count} of {of} rows of {table} ({where}).",
    "Vul het aantal aan; tot die tijd telt de aanbieder in die periode niet mee.",
    "Fill in the number; until then the provider is left out in that period.",
)
ZERO = Rule(
    "zero-bed-days",
    "warning",
    "In {count} van de {of} rijen van {table} is het aantal bezette beddagen nul ({where}).",
    "The number of occupied bed-days is zero in {count} of {of} rows of {table} ({where}).",
    "Een gesloten afdeling heeft geen cijfer per beddag; de rij telt niet mee. Controleer of de afdeling dicht was.",
    "A closed unit has no rate; the row is set aside. Check that the unit was closed.",
)
CAPACITY = Rule(
    "capacity-for-bed-days",
    "error",
    "In {count} van de {of} rijen van {table} staat bij bezette beddagen een aantal bedden ({where}): "
    "niet meer dan 1,2 keer de capaciteit, of gelijk aan de capaciteit of de gemiddelde bezetting.",
    "In {count} of {of} rows of {table} the occupied bed-days are a number of beds ({where}): at most "
    "1.2 times the capacity, or equal to the capacity or to the mean occupancy.",
    "Vul dagen in: gemiddelde bezetting maal het aantal dagen van de periode.",
    "Give days: mean occupancy times the number of days in the period.",
)
OVERFULL = Rule(
    "bed-days-above-capacity",
    "warning",
    "In {count} van de {of} rijen van {table} zijn er meer dan 1,1 keer zo veel bezette beddagen als de capaciteit "
    "toelaat ({where}).",
    "In {count} of {of} rows of {table} there are over 1.1 times as many occupied bed-days as the capacity allows "
    "({where}).",
    "Controleer de capaciteit en of de beddagen in dagen zijn opgegeven en niet in uren.",
    "Check the capacity, and that bed-days are given in days and not in hours.",
)
JUMPING = Rule(
    "bed-days-jump",
    "warning",
    "In {count} van de {of} rijen van {table} ligt het aantal beddagen per dag meer dan een factor 8 van wat "
    "op dezelfde plaats gewoon is ({where}; aanbieders: {providers}).",
    "In {count} of {of} rows of {table} the bed-days per day lie more than a factor 8 from what is usual "
    "at the same place ({where}; providers: {providers}).",
    "Een factor 10 wijst op een verschoven komma, een factor 24 op uren in plaats van dagen; controleer de rijen.",
    "A factor of 10 points to a misplaced decimal mark, a factor of 24 to hours instead of days; check the rows.",
)
TOO_COARSE = Rule(
    "exposure-too-coarse",
    "error",
    "De beddagen staan per {given}; daaruit is geen cijfer per {asked} te maken ({count} van de {of} rijen).",
    "Bed-days are given per {given}; no figure per {asked} can be made from them ({count} of {of} rows).",
    "Vraag om perioden die minstens zo lang zijn, of lever de beddagen per {asked} aan.",
    "Ask for periods at least as long, or give the bed-days per {asked}.",
)
FINER = Rule(
    "exposure-finer",
    "info",
    "De beddagen staan per {given} en worden opgeteld tot een cijfer per {asked} ({count} rijen).",
    "Bed-days are given per {given} and are added up to a figure per {asked} ({count} rows).",
    "Er is niets te doen; een periode telt alleen mee als elk deel ervan bekend is.",
    "There is nothing to do; a period counts only when every part of it is known.",
)
UNLISTED = Rule(
    "location-not-listed",
    "warning",
    "In {count} van de {of} rijen van exposure staat een locatie die niet in de tabel locations voorkomt ({where}).",
    "In {count} of {of} rows of exposure the location is not in the table locations ({where}).",
    "Voeg de locatie toe met de datum van opening en sluiting, of verbeter het nummer.",
    "Add the location with the dates of opening and closing, or correct its number.",
)

_KIND_NL: dict[PeriodKind, str] = {"month": "maand", "quarter": "kwartaal", "half-year": "halfjaar", "year": "jaar"}


def kind_in_words(kind: PeriodKind) -> dict[Language, str]:
    """The kind of period as a word, in both languages."""
    return {"nl": _KIND_NL[kind], "en": kind}


def exposure_findings(tables: Tables, by: PeriodKind | None) -> Iterator[Finding]:
    """Findings about the table `exposure`.

    Parameters
    ----------
    tables : Tables
    by : {"month", "quarter", "half-year", "year"} or None
        Period that the analysis asks for; None when it is not yet known.
    """
    frame = tables.exposure
    if frame is None or frame.empty:
        return
    yield from bed_day_findings("exposure", frame)
    if has(frame, "bed_days", "period"):
        beds_given = _is_number_of_beds(frame) & ~_opened_or_closed_within(frame, tables.locations)
        yield from CAPACITY.broken_in("exposure", frame, beds_given)
        yield from OVERFULL.broken_in("exposure", frame, _is_overfull(frame))
        yield from jump_findings("exposure", frame, ["provider_id", "location_id"])
        yield from _period_findings(frame, by)
    yield from _unlisted_locations(frame, tables.locations)


def bed_day_findings(table: str, frame: pd.DataFrame, concerned: Mask | None = None) -> Iterator[Finding]:
    """Findings about bed-days as numbers: negative, infinite, impossibly large, missing, zero.

    Parameters
    ----------
    table : str
    frame : DataFrame with bed_days
    concerned : (rows,) bool, optional
        Rows for which bed-days are needed; all when left out.
    """
    if not has(frame, "bed_days"):
        return
    days = numbers(frame, "bed_days")
    needed = np.ones(len(frame), dtype=bool) if concerned is None else concerned
    yield from NEGATIVE.broken_in(table, frame, days < 0)
    yield from INFINITE.broken_in(table, frame, np.isinf(days))
    yield from TOO_LARGE.broken_in(table, frame, np.isfinite(days) & (days > MOST_DAYS))
    yield from MISSING.broken_in(table, frame, np.isnan(days) & needed)
    yield from ZERO.broken_in(table, frame, (days == 0) & needed)


def jump_findings(table: str, frame: pd.DataFrame, place: list[str]) -> Iterator[Finding]:
    """Finding about bed-days per day that lie far from what is usual at the same place.

    Usual is the median over the periods; of two periods each is held against the other.
    """
    place = [name for name in place if name in frame.columns]
    if not has(frame, "bed_days", "period") or not place:
        return
    per_day = numbers(frame, "bed_days") / days_of(frame)
    usable = np.isfinite(per_day) & (per_day > 0)
    values = pd.Series(np.where(usable, per_day, np.nan), index=frame.index)
    groups = values.groupby([frame[name] for name in place], dropna=False)
    known = groups.transform("count").to_numpy()
    usual = np.where(known == 2, groups.transform("sum").to_numpy() - per_day, groups.transform("median").to_numpy())
    ratio = np.divide(per_day, usual, out=np.ones_like(per_day), where=usable & (known >= 2) & (usual > 0))
    far = (ratio > JUMP) | (ratio < 1 / JUMP)
    yield from JUMPING.broken_in(table, frame, far, providers=some(frame.loc[far, place[0]]))


def days_of(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Length in days of the period of each row, (rows,); NaN where the period is missing."""
    known = {text: float(parse_period(text).days) for text in frame["period"].dropna().unique()}
    return frame["period"].map(known).to_numpy(dtype=np.float64, na_value=np.nan)


def _is_number_of_beds(frame: pd.DataFrame) -> Mask:
    days = numbers(frame, "bed_days")
    capacity, occupied = numbers(frame, "capacity"), numbers(frame, "mean_occupancy")
    long_enough = days_of(frame) >= 28
    few = (days <= BEDS_NOT_DAYS * capacity) & long_enough
    same = (days == capacity) | np.isclose(days, occupied, rtol=1e-9, atol=0.0)
    beds: Mask = (few | same) & (days > 0)
    return beds


def _is_overfull(frame: pd.DataFrame) -> Mask:
    possible = numbers(frame, "capacity") * days_of(frame)
    days = numbers(frame, "bed_days")
    return np.isfinite(days) & (days > FULL * possible)


def _opened_or_closed_within(frame: pd.DataFrame, locations: pd.DataFrame | None) -> Mask:
    """Rows whose location opened or closed during the period, so that few bed-days can be right."""
    key = ["provider_id", "location_id"]
    if locations is None or not has(frame, *key) or not has(locations, *key):
        return np.zeros(len(frame), dtype=bool)
    listed = locations.drop_duplicates(key).set_index(key)
    places = pd.MultiIndex.from_frame(frame[key])
    periods = {text: parse_period(text) for text in frame["period"].dropna().unique()}
    begin = pd.to_datetime(frame["period"].map({t: pd.Timestamp(p.begin) for t, p in periods.items()})).to_numpy()
    end = pd.to_datetime(frame["period"].map({t: pd.Timestamp(p.end) for t, p in periods.items()})).to_numpy()
    within = np.zeros(len(frame), dtype=bool)
    if "opened" in listed.columns:
        opened = pd.to_datetime(listed["opened"]).reindex(places).to_numpy()
        within |= (opened > begin) & (opened < end)
    if "closed" in listed.columns:
        closed = pd.to_datetime(listed["closed"]).reindex(places).to_numpy()
        within |= (closed >= begin) & (closed < end - np.timedelta64(1, "D"))
    return within


def _period_findings(frame: pd.DataFrame, by: PeriodKind | None) -> Iterator[Finding]:
    if by is None:
        return
    kinds = {text: period_kind(text) for text in frame["period"].dropna().unique()}
    place = frame["period"].map({t: float(PERIOD_KINDS.index(k)) for t, k in kinds.items()})
    step = place.to_numpy(dtype=np.float64, na_value=np.nan) - PERIOD_KINDS.index(by)
    for rule, mask in ((TOO_COARSE, step > 0), (FINER, step < 0)):
        given = sorted({kinds[text] for text in frame.loc[mask, "period"].unique()}, key=PERIOD_KINDS.index)
        words = [kind_in_words(kind) for kind in given]
        named = {"nl": ", ".join(w["nl"] for w in words), "en": ", ".join(w["en"] for w in words)}
        yield from rule.broken_in("exposure", frame, mask, given=named, asked=kind_in_words(by))


def _unlisted_locations(frame: pd.DataFrame, locations: pd.DataFrame | None) -> Iterator[Finding]:
    key = ["provider_id", "location_id"]
    if locations is None or locations.empty or not has(frame, *key) or not has(locations, *key):
        return
    listed = pd.MultiIndex.from_frame(locations[key])
    unlisted = ~pd.MultiIndex.from_frame(frame[key]).isin(listed) & frame["location_id"].notna().to_numpy()
    yield from UNLISTED.broken_in("exposure", frame, unlisted)

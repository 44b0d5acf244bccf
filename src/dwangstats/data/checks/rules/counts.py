"""Rules for ready counts."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats.data.checks.rule import Mask, Rule, has, numbers
from dwangstats.data.checks.rules.exposure import bed_day_findings, jump_findings
from dwangstats.data.config.analysis import BlankEvents
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables

#: more registrations than the whole country holds in decades stand for a code or a sum, not for a count.
MOST_EVENTS = 1e8
#: one event per bed per hour.
HIGHEST_RATE = 24.0

BLANK = Rule(
    "missing-events",
    "error",
    "In {count} van de {of} rijen van {table} ontbreekt het aantal, zonder dat delivered=false zegt dat er niet is "
    "aangeleverd ({where}).",
    "In {count} of {of} rows of {table} the count is missing, and delivered=false does not say that "
    "nothing was delivered ({where}).",
    'Een leeg veld is geen nul. Betekent leeg dat er niet is aangeleverd, zeg dan blank_events = "not '
    'delivered"; anders '
    "het aantal invullen.",
    'A blank is not a zero. If blank means that nothing was delivered, say blank_events = "not '
    'delivered"; otherwise fill '
    "in the count.",
)
NEGATIVE = Rule(
    "negative-events",
    "error",
    "In {count} van de {of} rijen van {table} is het aantal gebeurtenissen negatief ({where}).",
    "The number of events is negative in {count} of {of} rows of {table} ({where}).",
    "Verbeter het aantal bij de bron; codes als -1 voor onbekend horen leeg te zijn.",
    "Correct the number at the source; a code such as -1 for unknown should be left empty.",
)
FRACTIONAL = Rule(
    "fractional-events",
    "error",
    "In {count} van de {of} rijen van {table} is het aantal gebeurtenissen geen geheel getal ({where}).",
    "The number of events is not a whole number in {count} of {of} rows of {table} ({where}).",
    "Geef aantallen; uren, gemiddelden en cijfers per 1.000 beddagen zijn geen aantallen.",
    "Give counts; hours, averages and rates per 1,000 bed-days are not counts.",
)
TOO_MANY = Rule(
    "implausible-events",
    "error",
    "In {count} van de {of} rijen van {table} zijn er meer dan 100 miljoen gebeurtenissen, of meer dan "
    "24.000 per 1.000 beddagen ({where}).",
    "In {count} of {of} rows of {table} there are over 100 million events, or over 24,000 per 1,000 "
    "bed-days ({where}).",
    "Controleer of aantal en beddagen niet verwisseld zijn en of de beddagen in dagen zijn opgegeven.",
    "Check that events and bed-days were not swapped, and that bed-days are given in days.",
)
UNDELIVERED_EVENTS = Rule(
    "events-not-delivered",
    "info",
    "In {count} van de {of} rijen van {table} staat een aantal terwijl delivered=false zegt dat er niet "
    "is aangeleverd ({where}).",
    "In {count} of {of} rows of {table} there is a count although delivered=false says that nothing was "
    "delivered ({where}).",
    "De aantallen tellen niet mee; zet delivered op true als zij goed zijn.",
    "The counts are set aside; put delivered to true if they are right.",
)
EVENTS_WITHOUT_DAYS = Rule(
    "events-without-bed-days",
    "error",
    "In {count} van de {of} rijen van {table} staan gebeurtenissen terwijl het aantal bezette beddagen nul is "
    "({where}).",
    "In {count} of {of} rows of {table} there are events although the number of occupied bed-days is zero ({where}).",
    "Vul de beddagen in; zonder blootstelling zouden deze gebeurtenissen nergens meetellen.",
    "Fill in the bed-days; without exposure these events would count nowhere.",
)
HALF = Rule(
    "half-an-interval",
    "error",
    "In {count} van de {of} rijen van {table} staat van een interval alleen de ondergrens of alleen de bovengrens "
    "({where}).",
    "In {count} of {of} rows of {table} only one of the two bounds of an interval is given ({where}).",
    "Geef beide grenzen; is er geen bovengrens, schrijf dan inf.",
    "Give both bounds; where there is no upper bound write inf.",
)
REVERSED = Rule(
    "reversed-interval",
    "error",
    "In {count} van de {of} rijen van {table} ligt de ondergrens van het aantal boven de bovengrens ({where}).",
    "The lower bound of the count lies above the upper bound in {count} of {of} rows of {table} ({where}).",
    "Verbeter de grenzen; misschien zijn de kolommen verwisseld.",
    "Correct the bounds; perhaps the columns were swapped.",
)
OUTSIDE = Rule(
    "events-outside-interval",
    "error",
    "In {count} van de {of} rijen van {table} ligt het aantal buiten zijn eigen grenzen ({where}).",
    "The count lies outside its own bounds in {count} of {of} rows of {table} ({where}).",
    "Een gepubliceerd aantal ligt tussen de grenzen waarvan het is afgerond; verbeter het aantal of de grenzen.",
    "A published count lies between the bounds from which it was rounded; correct the count or the bounds.",
)
ONLY_ZEROS = Rule(
    "only-zeros",
    "warning",
    "Alle {of} aantallen in {table} zijn nul.",
    "All {of} counts in {table} are zero.",
    "Controleer of een leeg veld als nul is ingevuld; zonder een enkele gebeurtenis is er geen verhouding te schatten.",
    "Check whether blanks were filled in as zeros; without a single event no ratio can be estimated.",
)


def ready_count_findings(tables: Tables, blank_events: BlankEvents = "error") -> Iterator[Finding]:
    """Findings about the table `panel`: ready counts with their bed-days."""
    frame = tables.panel
    if frame is None or frame.empty or not has(frame, "events", "bed_days"):
        return
    lower, upper = numbers(frame, "lower"), numbers(frame, "upper")
    bounded = ~np.isnan(lower) & ~np.isnan(upper)
    # Of an interval the least count is what is certain.
    events = np.where(bounded, lower, numbers(frame, "events"))
    refused = delivered_false(frame)
    blank = np.isnan(events)
    undeclared = blank & ~refused if blank_events == "error" else blank & delivered_true(frame)
    yield from BLANK.broken_in("panel", frame, undeclared)
    yield from _interval_findings(frame, lower, upper)
    yield from _count_findings(frame, events)
    yield from UNDELIVERED_EVENTS.broken_in("panel", frame, ~blank & refused)
    counted = ~blank & ~refused
    yield from EVENTS_WITHOUT_DAYS.broken_in("panel", frame, counted & (events > 0) & (numbers(frame, "bed_days") == 0))
    yield from bed_day_findings("panel", frame, counted)
    yield from jump_findings("panel", frame, ["provider", "location", "form", "law"])
    if counted.any() and not events[counted].any() and not (upper > lower)[counted].any():
        yield from ONLY_ZEROS.counted("panel", int(counted.sum()), int(counted.sum()))


def delivered_false(panel: pd.DataFrame) -> Mask:
    """Rows of ready counts that say that nothing was delivered."""
    return _says(panel, False)


def delivered_true(panel: pd.DataFrame) -> Mask:
    """Rows of ready counts that say that there was a delivery."""
    return _says(panel, True)


def _says(panel: pd.DataFrame, answer: bool) -> Mask:
    if "delivered" not in panel.columns:
        return np.zeros(len(panel), dtype=bool)
    said = panel["delivered"].astype("boolean")
    return (said == answer).fillna(False).to_numpy(dtype=bool)


def _interval_findings(
    frame: pd.DataFrame, lower: NDArray[np.float64], upper: NDArray[np.float64]
) -> Iterator[Finding]:
    shown = numbers(frame, "events")
    yield from HALF.broken_in("panel", frame, np.isnan(lower) != np.isnan(upper))
    yield from REVERSED.broken_in("panel", frame, lower > upper)
    yield from OUTSIDE.broken_in("panel", frame, (lower <= upper) & ((shown < lower) | (shown > upper)))


def _count_findings(frame: pd.DataFrame, events: NDArray[np.float64]) -> Iterator[Finding]:
    days = numbers(frame, "bed_days")
    finite = np.isfinite(events)
    whole = np.zeros(len(frame), dtype=bool)
    whole[finite] = events[finite] == np.floor(events[finite])
    yield from NEGATIVE.broken_in("panel", frame, events < 0)
    yield from FRACTIONAL.broken_in("panel", frame, finite & ~whole)
    too_many = (events > MOST_EVENTS) | ((days > 0) & (events / HIGHEST_RATE > days))
    yield from TOO_MANY.broken_in("panel", frame, too_many)

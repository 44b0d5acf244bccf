"""Rules for ready counts."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dwangstats.data.config import BlankEvents
from dwangstats.data.findings import Finding
from dwangstats.data.read import Tables
from dwangstats.data.rules.exposure import bed_day_findings, jump_findings
from dwangstats.data.rules.rule import Mask, Rule, has, numbers

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
    events = numbers(frame, "events")
    refused = delivered_false(frame)
    blank = np.isnan(events)
    undeclared = blank & ~refused if blank_events == "error" else blank & delivered_true(frame)
    yield from BLANK.broken_in("panel", frame, undeclared)
    yield from _count_findings(frame)
    yield from UNDELIVERED_EVENTS.broken_in("panel", frame, ~blank & refused)
    counted = ~blank & ~refused
    yield from EVENTS_WITHOUT_DAYS.broken_in("panel", frame, counted & (events > 0) & (numbers(frame, "bed_days") == 0))
    yield from bed_day_findings("panel", frame, counted)
    yield from jump_findings("panel", frame, ["provider", "location", "form", "law"])
    if counted.any() and not events[counted].any():
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


def _count_findings(frame: pd.DataFrame) -> Iterator[Finding]:
    events, days = numbers(frame, "events"), numbers(frame, "bed_days")
    finite = np.isfinite(events)
    whole = np.zeros(len(frame), dtype=bool)
    whole[finite] = events[finite] == np.floor(events[finite])
    yield from NEGATIVE.broken_in("panel", frame, events < 0)
    yield from FRACTIONAL.broken_in("panel", frame, finite & ~whole)
    too_many = (events > MOST_EVENTS) | ((days > 0) & (events / HIGHEST_RATE > days))
    yield from TOO_MANY.broken_in("panel", frame, too_many)

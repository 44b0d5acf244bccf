"""The order in which tables are prepared: first what was known on a date, then repairs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from dwangstats.data.reading.read import Tables

_ADVICE: Final = (
    "Take the vintage first, repair that, and leave as_of out afterwards: known = dw.known_on(tables, date).tables, "
    "then dw.repair(known, names).tables."
)


def order_problems(tables: Tables, moment: datetime | None, covariates: Sequence[str] = ()) -> list[str]:
    """Why tables that were repaired or scored cannot be counted as they were known at a moment.

    A repair and a score look at the rows that are there, and a later version of a delivery has other rows. What was
    known earlier would be repaired, or judged, by what came in afterwards.

    Parameters
    ----------
    tables : Tables
    moment : datetime or None
        The last moment that counts; None for everything that came in.
    covariates : sequence of str
        Columns of exposure that are asked for.
    """
    repaired = _repaired_before(tables, moment) or _gone_after_repair(tables)
    return [*repaired, *_scored_otherwise(tables, moment, covariates)]


def _repaired_before(tables: Tables, moment: datetime | None) -> list[str]:
    if moment is None or not tables.repairs:
        return []
    return [
        f"as_of goes before a repair: {_names(tables)} looked at every version that ever came in, so that what was "
        f"known on {moment:%Y-%m-%d} would be repaired by what was not known then. {_ADVICE}"
    ]


def _gone_after_repair(tables: Tables) -> list[str]:
    """The removed registrations are accounted for beside those that the last repair kept, and beside no others."""
    kept = tables.repairs[0].kept if tables.repairs else None
    if kept is None or tables.registrations is None:
        return []
    kept -= sum(made.removed for made in tables.repairs[1:])
    if len(tables.registrations) == kept:
        return []
    return [
        f"After the repair {_names(tables)} there were {kept} registrations, and now there are "
        f"{len(tables.registrations)}: rows were selected, or added, that the repair looked at in another company. "
        f"{_ADVICE}"
    ]


def _names(tables: Tables) -> str:
    return ", ".join(dict.fromkeys(made.name for made in tables.repairs))


def _scored_otherwise(tables: Tables, moment: datetime | None, covariates: Sequence[str]) -> list[str]:
    scored = tables.scored
    if scored is None or scored.known_on == moment:
        return []
    named = ", ".join(name for name in covariates if name in scored.columns)
    if not named:
        return []
    if moment is None:
        return [
            f"{named}: the quality score is what was known on {scored.known_on:%Y-%m-%d}, and the counts are of "
            "everything that came in. Give the same as_of here, or leave it out of dw.with_quality."
        ]
    score = "of everything that came in" if scored.known_on is None else f"what was known on {scored.known_on:%Y-%m-%d}"
    return [
        f"{named}: the quality score is {score}, and the counts are what was known on {moment:%Y-%m-%d}. "
        "Ask for the score of the same date: dw.with_quality(tables, as_of=date)."
    ]

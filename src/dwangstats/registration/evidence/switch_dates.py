"""Dates at which providers changed the system they register with."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from dwangstats._types import Vector
from dwangstats.data.digest import frame_digest
from dwangstats.data.panels.panel import Panel
from dwangstats.data.reading.convert import as_text, convert_column
from dwangstats.data.reading.files import read_frame
from dwangstats.data.register.periods import parse_period
from dwangstats.design.rows import raise_problems
from dwangstats.errors import DataError, DomainError
from dwangstats.registration.columns import columns_with
from dwangstats.registration.context import (
    Contribution,
    Draft,
    EvidenceCheck,
    EvidenceContext,
    EvidenceName,
    FittedParts,
)
from dwangstats.registration.evidence.exclusion import direct_effect, exclusion_checks, with_direct_effect
from dwangstats.registration.evidence.reading import complaint
from dwangstats.registration.evidence.words import said

AFTER_SWITCH = "after_switch"
"""Column of the panel: the share of the period that lies after the switch."""

DATE_COLUMNS = ("ehr_migrated_on", "date")
TABLE = "switch dates"
NEVER = np.array(["NaT"], dtype="datetime64[D]")


@dataclass(frozen=True, eq=False)
class SwitchDates:
    """Dates of a change in how a provider registers, such as another record system.

    The panel gets a column ``after_switch``: 0 before the date, 1 after it, and in the period of the date the share of
    its days that lies after it. It enters the registration formula and stays out of the rate formula, so that a jump at
    the date counts as completeness. A provider without a date never switched. Where the dates are of locations and the
    panel is of providers, the column is the mean over the locations.

    Parameters
    ----------
    dates : mapping of provider to date, or any frame
        A frame has provider_id (and location_id) and the dates in ``ehr_migrated_on`` or ``date``: the table of
        locations will do.
    ramp : int
        Further periods over which the change settles, the column rising in a straight line; 0 is a jump.
    direct_effect_sd : float
        Standard deviation of an effect of the switch itself on the log rate; 0 allows none.

    Raises
    ------
    DataError
        With every unreadable date, missing provider and duplicate.
    DomainError
        If a setting is outside its domain.
    """

    dates: Any
    ramp: int = field(default=0, kw_only=True)
    direct_effect_sd: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if self.ramp != int(self.ramp) or self.ramp < 0:
            raise DomainError(f"ramp is a number of periods, 0 or more, got {self.ramp:g}")
        if not 0.0 <= self.direct_effect_sd < np.inf:
            raise DomainError(f"direct_effect_sd must be 0 or a positive number, got {self.direct_effect_sd:g}")
        object.__setattr__(self, "dates", _read(self.dates))

    @property
    def name(self) -> EvidenceName:
        """Kind of the evidence."""
        return "switch dates"

    @property
    def words(self) -> str:
        """What an estimate rests on."""
        return f"switch dates of {self._switched} providers"

    @property
    def digest(self) -> str:
        """Text that changes with every setting and date."""
        return f"switch dates {self.ramp} {self.direct_effect_sd!r} {frame_digest(self.dates)}"

    @property
    def description(self) -> str:
        """One line for the summary."""
        text = f"{self._switched} providers switched"
        text += f", settling over {self.ramp} further periods" if self.ramp else ""
        limit = f", direct effect on the log rate N(0, {self.direct_effect_sd:g}^2)" if self.direct_effect_sd else ""
        return text + limit

    def changed(self, **settings: Any) -> "SwitchDates":
        """The same dates with another ramp or direct_effect_sd."""
        return replace(self, **settings)

    def prepare(self, draft: Draft) -> Draft:
        """The draft with the column, in the registration formula."""
        raise_problems(_strangers(self.dates, draft.panel))
        values = after_switch(self.dates, draft.panel, self.ramp)
        delivered = draft.panel.frame["delivered"].to_numpy(dtype=bool)
        if not np.ptp(values[delivered]) > 0.0:
            raise DataError(
                f"{TABLE}: no date lies within the delivered periods of its provider, so nothing changes at a switch. "
                "Leave this evidence out, or check the dates."
            )
        draft = draft.with_column(AFTER_SWITCH, values)
        draft = replace(draft, registration=f"{draft.registration} + {AFTER_SWITCH}")
        return with_direct_effect(draft, [AFTER_SWITCH]) if self.direct_effect_sd > 0.0 else draft

    def rows(self, context: EvidenceContext) -> Contribution:
        """No rows: the evidence is what the rate leaves out."""
        excluded = columns_with(context.registration, [AFTER_SWITCH])
        sd = self.direct_effect_sd
        gaussian = tuple(direct_effect(context, [AFTER_SWITCH], sd)) if sd else ()
        return Contribution(excluded=excluded, gaussian=gaussian)

    def checks(self, context: FittedParts) -> tuple[EvidenceCheck, ...]:
        """Whether the dates differ between providers, and whether the switch moves the rate as well."""
        return (self._staggered(context), *exclusion_checks(context, self.name, [AFTER_SWITCH], self.direct_effect_sd))

    @property
    def _switched(self) -> int:
        return int(self.dates.loc[self.dates["date"].notna(), "provider_id"].nunique())

    def _staggered(self, context: FittedParts) -> EvidenceCheck:
        """All at one moment cannot be told from anything else that happened then."""
        frame = context.rate.frame
        begun = frame.loc[frame[AFTER_SWITCH] > 0.0].groupby("provider")["period"].min()
        ever = frame["provider"].nunique() - begun.index.nunique()
        moments = begun[begun.isin(sorted(frame["period"].unique())[1:])].nunique()
        passed = moments > 1 or ever > 0
        message = said(
            "De overgangen vallen in {moments} perioden; {never} aanbieders gingen niet over."
            + ("" if passed else " Alles wat toen verder veranderde telt mee als registratie."),
            "The switches fall in {moments} periods; {never} providers did not switch."
            + ("" if passed else " Whatever else changed then counts as registration."),
            moments=str(moments),
            never=str(ever),
        )
        return EvidenceCheck(self.name, "switches at different moments", passed, float(moments), message)


def after_switch(dates: pd.DataFrame, panel: Panel, ramp: int) -> Vector:
    """Share of each row of the panel's frame that lies after the switch, (n,), in [0, 1].

    Parameters
    ----------
    dates : DataFrame
        provider_id, date, and location_id where the dates are of locations.
    panel : Panel
    ramp : int
        Further periods over which the share rises.
    """
    frame = panel.frame
    by_location = "location_id" in dates.columns and "location" in frame.columns
    places = frame["provider"] if not by_location else frame["provider"] + "\x1f" + frame["location"]
    keys = dates["provider_id"] if not by_location else dates["provider_id"] + "\x1f" + dates["location_id"]
    moments = {key: group.to_numpy(dtype="datetime64[D]") for key, group in dates["date"].groupby(keys)}
    ends = {text: (np.datetime64(parse_period(text).end), parse_period(text).days) for text in panel.periods}
    known: dict[tuple[str, str], float] = {}
    for place, period in set(zip(places, frame["period"], strict=True)):
        end, days = ends[period]
        dates_here = moments.get(place, NEVER)
        since = np.where(np.isnat(dates_here), 0.0, (end - dates_here).astype(np.float64))
        share = np.clip(since / (days * (1 + ramp)), 0.0, 1.0)
        known[place, period] = float(share.mean())
    return np.array([known[pair] for pair in zip(places, frame["period"], strict=True)])


def _read(dates: Any) -> pd.DataFrame:
    """provider_id, [location_id], date; the index is the number of the row."""
    if isinstance(dates, Mapping):
        dates = pd.DataFrame({"provider_id": list(dates), "date": list(dates.values())})
    raw = read_frame(TABLE, dates).frame
    column = next((name for name in DATE_COLUMNS if name in raw.columns), None)
    if column is None or "provider_id" not in raw.columns:
        raise DataError(f"{TABLE}: give provider_id and one of {', '.join(DATE_COLUMNS)} as columns.")
    found = convert_column(raw[column], "date")
    table = pd.DataFrame({"provider_id": as_text(raw["provider_id"]), "date": found.values}, index=raw.index)
    if "location_id" in raw.columns:
        table.insert(1, "location_id", as_text(raw["location_id"]))
    trouble = [rows for rule, rows in found.trouble.items() if rule != "time-zone"]
    unread = np.logical_or.reduce([np.zeros(len(raw), dtype=bool), *trouble])
    advice = "Write dates as 2022-07-01."
    problems = complaint(TABLE, raw.index, unread, f"{column} is not a date that can be read", advice)
    missing = table["provider_id"].isna().to_numpy()
    problems += complaint(TABLE, raw.index, missing, "provider_id is missing", "Fill it in.")
    twice = table.duplicated(list(table.columns[:-1])).to_numpy()
    problems += complaint(TABLE, raw.index, twice, "the same provider (or location) occurs before", "Keep one date.")
    raise_problems(problems)
    return table


def _strangers(dates: pd.DataFrame, panel: Panel) -> list[str]:
    strange = (dates["date"].notna() & ~dates["provider_id"].isin(panel.providers)).to_numpy()
    first = ", ".join(dates.loc[strange, "provider_id"].astype(str)[:3])
    advice = "Only providers of the panel can switch: leave these rows out, or correct the ids."
    return complaint(TABLE, dates.index, strange, f"provider_id is not in the panel (first: {first})", advice)

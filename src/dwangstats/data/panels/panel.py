"""The panel: registrations and bed-days per provider, period and form, what was delivered and what was set aside."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, get_args

import numpy as np
import pandas as pd

from dwangstats._types import PeriodKind
from dwangstats.data.bsn import without_bsn
from dwangstats.data.checks.check import check_input
from dwangstats.data.config.analysis import BlankEvents
from dwangstats.data.deliveries.vintage import known_on, moment_of
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.panels import reasons
from dwangstats.data.panels.counting import panel_from_registrations, question_problems
from dwangstats.data.panels.episodes import gap_problem
from dwangstats.data.panels.intervals import (
    Bounds,
    Coarse,
    Ties,
    is_interval,
    least_counts,
    refuse_intervals,
    without_idle_bounds,
)
from dwangstats.data.panels.layout import (
    ALL_FORMS,
    IDENTITY,
    MEASURES,
    RESERVED,
    PanelParts,
    Question,
    undelivered_rows,
)
from dwangstats.data.panels.named import tables_from_columns
from dwangstats.data.panels.ready import panel_from_counts, ready_problems
from dwangstats.data.panels.sum_forms import sum_over_forms
from dwangstats.data.reading.counted import Counted, needs_rows
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import DEFINITIONS, Definition
from dwangstats.data.register.periods import PERIOD_KINDS
from dwangstats.data.repairs.order import order_problems
from dwangstats.errors import DataError, InternalError

DEFAULT_UNIT = "bed-days"


@dataclass(frozen=True, slots=True)
class Panel:
    """Registrations and exposure per provider, period and form.

    Attributes
    ----------
    frame : DataFrame
        provider, [location], [law], period ("2021-H1"), year (int), time (middle of the period, decimal years), form,
        events (registrations; missing where nothing was delivered), bed_days (days; above zero where delivered),
        delivered (bool), then the covariates. One row per provider (and location), period and form, sorted by these.
        Where counts were rounded or suppressed also lower and upper, the bounds of every delivered count (upper may be
        inf); events is missing where they differ.
    unit : str
        What one unit of exposure is.
    by : {"month", "quarter", "half-year", "year"}
        Kind of the periods.
    fingerprint : str
        sha256 over the input and the arguments.
    set_aside : DataFrame
        what, reason, count. "registrations" that are in no delivered row, and "rows" (a provider, or location, in a
        period, counted once over forms) that have no measured rate. A count known to an interval only is in it with its
        lower bound, as at least so many registrations.
    registrations_read : int or None
        Registrations in the input, intervals by their lower bounds: those in delivered rows and those set aside add up
        to it. Those that a repair removed are among both.
    delivery_status : DataFrame
        provider, period, status (accepted, rejected, not_delivered, nothing_to_report, unknown; at a date also
        not_yet_due and not_kept), for every provider in every period.

    Raises
    ------
    InternalError
        If a registration is neither in a delivered row nor set aside, or a row is not what is said above.
    """

    frame: pd.DataFrame
    unit: str
    by: PeriodKind
    fingerprint: str
    set_aside: pd.DataFrame
    registrations_read: int | None
    delivery_status: pd.DataFrame

    def __post_init__(self) -> None:
        _verify_rows(self.frame)
        counted = int(least_counts(self.frame)[self.frame["delivered"].to_numpy()].sum())
        apart = reasons.registrations_in(self.set_aside)
        if self.registrations_read is not None and counted + apart != self.registrations_read:
            raise InternalError(
                f"{self.registrations_read} registrations were read; {counted} are in the panel and {apart} set aside"
            )

    @classmethod
    def from_frame(
        cls,
        df: Any,
        *,
        provider: str,
        period: str | Mapping[str, str],
        events: str | None = None,
        exposure: str,
        location: str | None = None,
        form: str | None = None,
        law: str | None = None,
        delivered: str | None = None,
        covariates: str | Sequence[str] = (),
        unit: str = DEFAULT_UNIT,
        blank_events: BlankEvents = "error",
        lower: str | None = None,
        upper: str | None = None,
        rounded_to: int | None = None,
        ties: Ties = "up",
        suppressed: Mapping[str, Bounds] | None = None,
    ) -> "Panel":
        """Make a panel of a frame of ready counts.

        Parameters
        ----------
        df : pandas, polars or any frame that narwhals takes
            One row per provider (or location), period and form.
        provider, events, exposure : str
            Names of its columns. Counts are whole and not negative; exposure is in days of ``unit``. ``events`` may be
            left out where ``lower`` and ``upper`` hold all that is known.
        period : str or mapping
            A column of periods ("2021", "2021-H1", "2021-Q3", "2021-05"), or the columns of its parts:
            ``{"year": ..., "month": ...}`` or ``{"year": ..., "quarter": ...}``.
        location, form, law, delivered : str, optional
            Names of columns. Without ``delivered`` a row with a count was delivered.
        covariates : str or sequence of str
            Columns to keep; one value per provider (and location) and period.
        unit : str
            What one unit of exposure is.
        blank_events : {"error", "not delivered"}
            What a blank count means. It never means zero.
        lower, upper : str, optional
            Columns with the least and greatest possible count, both included; "inf" for no upper bound. Where both are
            blank the count is exact.
        rounded_to : int, optional
            All counts shown as numbers are multiples of this to which they were rounded: with 5 a 10 is 8 to 12.
        ties : {"up", "down", "even"}
            Where counts halfway went; see `dwangstats.data.panels.intervals.interval_of_rounded`.
        suppressed : mapping of text to (lower, upper), optional
            Texts in place of counts and what they stand for: ``{"<5": (0, 4)}``, or ``(1, 4)`` where a zero is shown as
            0; ``{"100+": (100, math.inf)}``. Together with ``rounded_to`` a count that is shown was not suppressed.

        Raises
        ------
        DataError
            With every problem found in the frame.

        Notes
        -----
        How counts were made coarse is never guessed. A count between two different bounds is fitted as the probability
        of that interval (`RateModel` with fixed effects); what cannot carry intervals refuses the panel.
        """
        columns = {"provider": provider, "location": location, "law": law, "form": form}
        columns |= {"events": events, "bed_days": exposure, "delivered": delivered, "lower": lower, "upper": upper}
        named = {ours: theirs for ours, theirs in columns.items() if theirs is not None}
        covariates = _several(covariates)
        _refuse(_covariate_names(covariates))
        tables = tables_from_columns(df, named, period, covariates, Coarse(rounded_to, ties, suppressed))
        return build_panel(tables, covariates=covariates, unit=unit, blank_events=blank_events)

    @property
    def observed(self) -> pd.DataFrame:
        """The delivered rows, a copy."""
        return self.frame.loc[self.frame["delivered"]].reset_index(drop=True)

    @property
    def providers(self) -> tuple[str, ...]:
        """Providers with a row, in order."""
        return tuple(sorted(self.frame["provider"].unique()))

    @property
    def periods(self) -> tuple[str, ...]:
        """Periods with a row, in order of time."""
        return tuple(sorted(self.frame["period"].unique()))

    @property
    def forms(self) -> tuple[str, ...]:
        """Forms with a row, in order."""
        return tuple(sorted(self.frame["form"].unique()))

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates."""
        return tuple(str(name) for name in self.frame.columns if name not in RESERVED)

    @property
    def has_intervals(self) -> bool:
        """Whether counts of delivered rows are known only to lie in an interval."""
        return bool(is_interval(self.frame).any())

    def for_form(self, form: str) -> "Panel":
        """The panel of one form, or with "all" of the sum over its forms.

        A sum is measured only where every form of the panel is there and delivered; otherwise the row counts as not
        delivered.

        Raises
        ------
        DataError
            If the panel has no such form; for "all", if the forms of a row have different bed-days, or counts are
            intervals: which sums are how likely then depends on the parts.
        """
        if form not in self.forms and form != ALL_FORMS:
            raise DataError(
                f"There is no form '{form}' in the panel; it has {', '.join(self.forms)}, and '{ALL_FORMS}' for their "
                f"sum.{did_you_mean(form, self.forms)}"
            )
        if self.forms == (form,):
            return self
        if form in self.forms:
            others = self.frame["form"] != form
            lost = _least(self.frame.loc[others & self.frame["delivered"]])
            return self._with(self.frame.loc[~others], [("registrations", reasons.OTHER_FORM, lost)], "form", form)
        refuse_intervals(self.frame, "The sum over forms")
        frame, lost = sum_over_forms(self.frame)
        return self._with(frame, [("registrations", reasons.FORM_MISSING, lost)], "form", form)

    def restrict(self, providers: Iterable[str]) -> "Panel":
        """The panel of some of its providers.

        Raises
        ------
        DataError
            If a provider is not in the panel, or none is left.
        """
        wanted = {str(name) for name in providers}
        strangers = sorted(wanted - set(self.providers))
        if strangers or not wanted:
            shown = without_bsn(", ".join(strangers[:5]))
            said = f"{len(strangers)} of {len(wanted)} providers are not in the panel (first: {shown})."
            raise DataError(said if strangers else "No provider is left; name at least one provider of the panel.")
        return self._keep("provider", wanted, reasons.NOT_SELECTED)

    def during(self, periods: Iterable[str]) -> "Panel":
        """The panel of some of its periods.

        Raises
        ------
        DataError
            If a period is not in the panel, or none is left.
        """
        wanted = {str(period) for period in periods}
        strangers = sorted(wanted - set(self.periods))
        if strangers or not wanted:
            first = ", ".join(strangers[:5])
            said = f"{len(strangers)} of {len(wanted)} periods are not in the panel (first: {first})."
            raise DataError(said if strangers else "No period is left; name at least one period of the panel.")
        return self._keep("period", wanted, reasons.NOT_COMPARED)

    def _keep(self, column: str, wanted: set[str], reason: str) -> "Panel":
        """The panel of the rows with one of the wanted values; what goes is counted under a reason."""
        inside = self.frame[column].isin(wanted)
        if bool(inside.all()):
            return self
        dropped = self.frame.loc[~inside & self.frame["delivered"]]
        place = [name for name in IDENTITY if name in dropped.columns and name != "form"]
        entries: list[tuple[reasons.What, str, int]] = [
            ("registrations", reason, _least(dropped)),
            ("rows", reason, len(dropped[place].drop_duplicates())),
        ]
        status = self.delivery_status.loc[self.delivery_status[column].isin(wanted)].reset_index(drop=True)
        return replace(self, delivery_status=status)._with(
            self.frame.loc[inside], entries, f"{column}s", *sorted(wanted)
        )

    def _with(self, frame: pd.DataFrame, entries: Iterable[tuple[reasons.What, str, int]], *arguments: str) -> "Panel":
        """The panel with other rows; rows without a delivery are counted anew."""
        again = (self.set_aside["what"] == "rows") & self.set_aside["reason"].isin(reasons.OF_STATUS.values())
        without = undelivered_rows(frame, self.delivery_status)
        return replace(
            self,
            frame=without_idle_bounds(frame).reset_index(drop=True),
            set_aside=reasons.extend(self.set_aside.loc[~again], [*entries, *without]),
            fingerprint=_fingerprint(self.fingerprint, list(arguments)),
        )


def build_panel(
    tables: Tables,
    *,
    form: str | Sequence[str] | None = None,
    definition: Definition = "D2",
    by: PeriodKind = "half-year",
    law: str | None = None,
    planned: bool | None = None,
    covariates: str | Sequence[str] = (),
    unit: str = DEFAULT_UNIT,
    blank_events: BlankEvents = "error",
    gap_hours: float | None = None,
    as_of: str | date | datetime | None = None,
) -> Panel:
    """Count the registrations of delivered provider-periods over their bed-days.

    A missing row is never a zero: a provider-period that was not delivered is in the panel without events; one that was
    delivered without a registration of a form is a zero. Every registration is counted once or set aside with a reason.

    Parameters
    ----------
    tables : Tables
        With registrations and exposure (and, to know the zeros, deliveries), or with ready counts in ``panel``, which
        then make the panel on their own and keep their own periods; ``by`` and ``definition`` do not apply to them.
    form : str or sequence of str, optional
        Forms to count, each in its own rows; all that occur when left out.
    definition : {"D1", "D2", "D3", "D4"}
        What counts as seclusion.
    by : {"month", "quarter", "half-year", "year"}
        Period of the panel. Deliveries are half-years: the half-year around a month decides, and both halves of a year.
    law : str, optional
        Needed when the tables hold several laws.
    planned : bool, optional
        Planned only (True) or unplanned only (False); needed when the registrations hold both.
    covariates : str or sequence of str
        Columns of exposure (or of the ready counts), with one value per provider and period.
    unit : str
        What one unit of exposure is.
    blank_events : {"error", "not delivered"}
        What a blank count in ready counts means.
    gap_hours : float, optional
        Count interventions in place of registrations: those of one client and form with interruptions of at most this
        many hours are one, counted where it begins (`dwangstats.data.panels.episodes`). 24 is the rule of Dutch
        registers.
    as_of : date or text such as "2024-10-08", optional
        Count what was known on this date (`dwangstats.data.deliveries.vintage`); what arrived later is set aside.
        Bed-days have no versions and are those of today. Not of tables that were repaired, and not beside a quality
        score of another date: take `dwangstats.known_on` first and repair that.

    Raises
    ------
    DataError
        With every error that `check` finds, and every reason why the question cannot be answered.
    """
    forms = None if form is None else _several(form)
    question = Question(forms or None, definition, by, law, planned, _several(covariates), gap_hours)
    later = 0
    moment = None if as_of is None else moment_of(as_of)
    _refuse(needs_rows(tables.counted, [] if as_of is None else ["as_of"]))
    _refuse(order_problems(tables, moment, question.covariates))
    # What is wrong is named as it stands in the files, before a date or a choice leaves rows out.
    period = by if by in PERIOD_KINDS and tables.panel is None else None
    report = check_input(tables, by=period, blank_events=blank_events)
    _refuse([*_argument_problems(question, blank_events), *report.problems(), *_table_problems(tables, question)])
    if as_of is not None:
        vintage = known_on(tables, as_of)
        tables, later = vintage.tables, vintage.later_registrations
        _refuse(_nothing_yet(tables, later, as_of))
        _refuse(_table_problems(tables, question))
    parts = _parts(tables, question)
    arguments: list[Any] = [forms, definition, by, law, planned, question.covariates, unit, blank_events]
    arguments += [str(given) for given in (gap_hours, as_of) if given is not None]
    arguments += [[made.name, made.rows, made.removed] for made in tables.repairs]
    removed = 0 if tables.panel is not None else sum(made.removed for made in tables.repairs)
    without: list[tuple[reasons.What, str, int]] = [
        ("registrations", reasons.NOT_YET, later),
        ("registrations", reasons.REMOVED_BY_REPAIR, removed),
    ]
    return Panel(
        frame=parts.frame,
        unit=unit,
        by=parts.by,
        fingerprint=_fingerprint(tables.fingerprint, arguments),
        set_aside=reasons.extend(parts.set_aside, without),
        registrations_read=None if parts.registrations_read is None else parts.registrations_read + later + removed,
        delivery_status=parts.delivery_status,
    )


def _nothing_yet(tables: Tables, later: int, as_of: str | date | datetime) -> list[str]:
    if tables.registrations is None or len(tables.registrations):
        return []
    return [f"On {as_of} nothing had been received: all {later} registrations arrived later. Choose a later date."]


def _parts(tables: Tables, question: Question) -> PanelParts:
    if tables.panel is not None:
        return panel_from_counts(tables.panel, question)
    registrations = tables.registrations if tables.counted is None else tables.counted
    if registrations is None or tables.exposure is None:
        raise InternalError("a panel was asked for without registrations or without exposure")
    return panel_from_registrations(registrations, tables.exposure, tables.locations, tables.deliveries, question)


def _argument_problems(question: Question, blank_events: str) -> list[str]:
    choices = (
        ("by", question.by, PERIOD_KINDS),
        ("definition", question.definition, DEFINITIONS),
        ("blank_events", blank_events, get_args(BlankEvents)),
    )
    problems = [
        f"{name}='{given}' is not offered; choose one of {', '.join(offered)}."
        for name, given, offered in choices
        if given not in offered
    ]
    return problems + _covariate_names(question.covariates)


def _table_problems(tables: Tables, question: Question) -> list[str]:
    if tables.panel is not None:
        problems = ready_problems(tables.panel, question)
        if question.gap_hours is not None:
            problems.append("gap_hours does not apply to ready counts; leave it out.")
        return problems + _absent_covariates("panel", tables.panel, question.covariates)
    registrations = tables.registrations if tables.counted is None else tables.counted
    absent = [
        name for name, table in (("registrations", registrations), ("exposure", tables.exposure)) if table is None
    ]
    if registrations is None or tables.exposure is None:
        return [
            f"A panel needs the tables registrations and exposure, or ready counts in panel; {name} is missing."
            for name in absent
        ]
    problems = question_problems(registrations, tables.deliveries, question)
    problems += _episode_problems(registrations, question)
    return problems + _absent_covariates("exposure", tables.exposure, question.covariates)


def _episode_problems(registrations: pd.DataFrame | Counted, question: Question) -> list[str]:
    """What keeps registrations from being joined to interventions."""
    if question.gap_hours is None:
        return []
    wrong = gap_problem(question.gap_hours)
    if wrong:
        return [f"{wrong}."]
    if "client_id" not in registrations.columns:
        return [
            "gap_hours joins the registrations of one client to interventions, and there is no column client_id. "
            "Give pseudonyms, or leave gap_hours out to count registrations."
        ]
    return []


def _covariate_names(covariates: Sequence[str]) -> list[str]:
    return [
        f"'{name}' cannot be a covariate: the panel has a column of that name already. Rename the column, or use the "
        "panel's own."
        for name in covariates
        if name in RESERVED
    ]


def _absent_covariates(table: str, frame: pd.DataFrame, covariates: Sequence[str]) -> list[str]:
    return [
        f"Covariate '{name}' is not a column of {table}.{did_you_mean(name, map(str, frame.columns))}"
        for name in covariates
        if name not in frame.columns and name not in RESERVED
    ]


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several, each once."""
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise DataError([without_bsn(problem) for problem in problems])


def _fingerprint(source: str, arguments: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps([source, *arguments]).encode()).hexdigest()


def _least(frame: pd.DataFrame) -> int:
    """Registrations in delivered rows, of intervals at least so many."""
    return int(np.nansum(least_counts(frame)))


def _verify_rows(frame: pd.DataFrame) -> None:
    key = [name for name in IDENTITY if name in frame.columns]
    delivered = frame["delivered"].to_numpy(dtype=bool)
    events, days, wide = frame["events"].to_numpy(), frame["bed_days"].to_numpy(), is_interval(frame)
    least = least_counts(frame)
    sound = {
        "has its columns": {"provider", "period", "form", "year", "time", *MEASURES} <= set(frame.columns),
        "names each row once": not frame.duplicated(key).any(),
        "has whole counts where delivered": bool(
            (np.isfinite(least) & (least >= 0) & (least == np.floor(least)))[delivered].all()
        ),
        "has no counts where not delivered": bool(np.isnan(events[~delivered]).all() and not wide[~delivered].any()),
        "has no counts where they are intervals": bool(np.isnan(events[wide]).all()),
        "has bed-days where delivered": bool((np.isfinite(days) & (days > 0))[delivered].all()),
    }
    broken = [name for name, holds in sound.items() if not holds]
    if broken:
        raise InternalError(f"not true of a panel: it {'; it '.join(broken)}")

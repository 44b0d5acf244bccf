"""A control outcome: something that follows the same trend and is registered completely."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from dwangstats._types import Matrix, Vector
from dwangstats.data.digest import frame_digest
from dwangstats.data.register.periods import can_convert, convert_period, parse_period, sort_periods
from dwangstats.data.register.schema import CONTROLS
from dwangstats.design.rows import raise_problems
from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.problem import ControlRows
from dwangstats.registration.context import (
    Contribution,
    Draft,
    EvidenceCheck,
    EvidenceContext,
    EvidenceName,
    FittedParts,
    GaussianTerm,
)
from dwangstats.registration.evidence.compare import freed_trend
from dwangstats.registration.evidence.matching import Matched, match
from dwangstats.registration.evidence.reading import complaint, read_evidence
from dwangstats.registration.evidence.words import said

TREND = "parallel trend of the control"

LEAST_P = 0.05
"""Below it the gain of a trend of its own is more than chance."""


@dataclass(frozen=True, eq=False)
class ControlOutcome:
    """Counts that are registered completely and are assumed to follow the trend of the events.

    The control count of a provider has its own level and the rate columns of the events: what the registered counts
    do more or less than the controls is then a change of completeness. The level of completeness it cannot tell.

    Parameters
    ----------
    frame : any frame
        provider_id, period, control_count.
    trend_sd : float
        How far the control may leave the trend, as the standard deviation of a log ratio in each period but the first;
        0 is strictly parallel.
    exposure : bool
        Whether the control counts go with the same bed-days; False compares the counts themselves.

    Raises
    ------
    DataError
        With every missing, negative or unreadable value, and all duplicates.
    DomainError
        If trend_sd is negative.

    Notes
    -----
    Where the panel has several rows for a provider and period (locations, forms), the control follows their columns
    averaged over bed-days. That is exact for columns that do not differ within a provider and period.
    """

    frame: Any
    trend_sd: float = field(default=0.0, kw_only=True)
    exposure: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if not 0.0 <= self.trend_sd < np.inf:
            raise DomainError(f"trend_sd must be 0 or a positive number, got {self.trend_sd:g}")
        table, problems = read_evidence(self.frame, CONTROLS)
        raise_problems(problems)
        object.__setattr__(self, "frame", table)

    @property
    def name(self) -> EvidenceName:
        """Kind of the evidence."""
        return "control outcome"

    @property
    def words(self) -> str:
        """What an estimate rests on."""
        return "a control outcome"

    @property
    def digest(self) -> str:
        """Text that changes with every setting and number."""
        return f"control outcome {self.trend_sd!r} {self.exposure} {frame_digest(self.frame)}"

    @property
    def description(self) -> str:
        """One line for the summary."""
        count, providers = int(self.frame["control_count"].sum()), self.frame["provider_id"].nunique()
        trend = "strictly parallel" if self.trend_sd == 0.0 else f"parallel up to N(0, {self.trend_sd:g}^2) per period"
        return f"{count} events of the control outcome at {providers} providers; trend {trend}"

    def changed(self, **settings: Any) -> "ControlOutcome":
        """The same counts with another trend_sd or exposure."""
        return replace(self, **settings)

    def prepare(self, draft: Draft) -> Draft:
        """Nothing is added."""
        return draft

    def rows(self, context: EvidenceContext) -> Contribution:
        """Counts by provider and period, with the rate columns of the panel."""
        built = self._built(context)
        names = built.trend_names if self.trend_sd > 0.0 else ()
        control = ControlRows(
            X=built.X,
            relax=built.trend if names else built.trend[:, :0],
            offset=built.offset,
            group=context.groups_of(built.table["provider_id"]),
            count=built.table["control_count"].to_numpy(dtype=np.float64),
        )
        gaussian = tuple(self._relaxation(len(names)))
        return Contribution(
            control=control,
            trend_names=names,
            gaussian=gaussian,
            notes=_notes(built.without_days),
            used=replace(self, frame=built.table),
        )

    def checks(self, context: FittedParts) -> tuple[EvidenceCheck, ...]:
        """Whether the control keeps to the trend, where other evidence can tell."""
        if self.trend_sd > 0.0:
            return ()
        if not context.evidence_named("audit", "second source"):
            message = said(
                "Of de controle-uitkomst dezelfde trend volgt kan zonder audit of tweede bron niet worden "
                "nagegaan; laat met trend_sd zien wat ervan afhangt.",
                "Without an audit or a second source nothing can test whether the control follows the same trend; "
                "show with trend_sd what hangs on it.",
            )
            return (EvidenceCheck(self.name, TREND, None, float("nan"), message),)
        built = self._built(EvidenceContext(context.panel, context.rate, context.registration))
        p, shifts = freed_trend(context, built.trend)
        message = said(
            "Met een eigen trend wijkt de controle-uitkomst hoogstens {most} af (op de logschaal); p = {p} dat dit "
            "toeval is.",
            "With a trend of its own the control departs by at most {most} on the log scale; p = {p} that this is "
            "chance.",
            most=float(np.max(np.abs(shifts), initial=0.0)),
            p=p,
        )
        return (EvidenceCheck(self.name, TREND, None if np.isnan(p) else p >= LEAST_P, p, message),)

    def _relaxation(self, width: int) -> Iterator[GaussianTerm]:
        if width:
            yield GaussianTerm(
                "control trend", np.eye(width), np.zeros(width), np.full(width, self.trend_sd), "relaxation"
            )

    def _built(self, context: EvidenceContext) -> "_Built":
        """Rows with bed-days, their columns, and the columns of a trend of their own."""
        raise_problems(_wrong_lengths(self.frame, context))
        matched = match(self.frame, context.panel, CONTROLS.name, ("control_count",), forms=False)
        raise_problems(matched.problems)
        days = _bed_days(matched, context) if self.exposure else np.ones(len(matched.table))
        usable = days > 0.0
        if not usable.any():
            raise_problems([f"{CONTROLS.name}: no row has bed-days in the panel. Give exposure=False to do without."])
        kept = [place for place, inside in zip(matched.places, usable, strict=True) if inside]
        table = matched.table.loc[usable]
        periods = sort_periods(table["period"])
        trend = (table["period"].to_numpy(dtype=object)[:, None] == np.array(periods[1:], dtype=object)).astype(float)
        return _Built(table, _averaged(kept, context), np.log(days[usable]), periods[1:], trend, int((~usable).sum()))


@dataclass(frozen=True, slots=True, eq=False)
class _Built:
    """Control counts with their numeric columns; ``without_days`` rows had no bed-days."""

    table: pd.DataFrame
    X: Matrix
    offset: Vector
    trend_names: tuple[str, ...]
    trend: Matrix
    without_days: int


def _wrong_lengths(table: pd.DataFrame, context: EvidenceContext) -> list[str]:
    """Periods longer than the panel's, and provider-periods of which a part is absent."""
    by = context.panel.by
    longer = ~table["period"].map({t: can_convert(t, by) for t in table["period"].unique()}).to_numpy(dtype=bool)
    problems = complaint(
        CONTROLS.name,
        table.index,
        longer,
        f"the period is longer than the panel's ({by})",
        "Give the counts per period of the panel, or build the panel with longer periods.",
    )
    if problems:
        return problems
    parts = table.assign(whole=[convert_period(t, by) for t in table["period"]])
    months = parts["period"].map({t: _months(t) for t in parts["period"].unique()})
    covered = months.groupby([parts["provider_id"], parts["whole"]]).transform("sum")
    short = (covered != parts["whole"].map({t: _months(t) for t in parts["whole"].unique()})).to_numpy()
    return complaint(
        CONTROLS.name,
        table.index,
        short,
        f"the rows of a provider do not cover a whole {by}",
        "A part of a count is no count: add the months that are missing, or leave the whole period out.",
    )


def _months(text: str) -> int:
    period = parse_period(text)
    return period.last_month - period.first_month + 1


def _bed_days(matched: Matched, context: EvidenceContext) -> Vector:
    """Bed-days of each row over its locations, those of one form; 0 where one is missing."""
    frame = context.panel.frame
    days, forms = frame["bed_days"].to_numpy(), frame["form"].to_numpy()
    totals = [float(days[place][forms[place] == forms[place[0]]].sum()) for place in matched.places]
    return np.asarray(np.nan_to_num(totals), dtype=np.float64)


def _averaged(places: Sequence[np.ndarray], context: EvidenceContext) -> Matrix:
    """Rate columns of each row, averaged over its panel rows by bed-days."""
    used = np.unique(np.concatenate(places))
    frame = context.panel.frame.iloc[used]
    X, days = context.rate.matrix(frame), np.nan_to_num(frame["bed_days"].to_numpy())
    rows = []
    for place in places:
        at = np.searchsorted(used, place)
        weight = days[at] if days[at].sum() > 0.0 else np.ones(at.size)
        rows.append(np.average(X[at], axis=0, weights=weight))
    return np.array(rows, dtype=np.float64)


def _notes(without_days: int) -> tuple[EvidenceCheck, ...]:
    if not without_days:
        return ()
    message = said(
        "{n} rijen van de controle-uitkomst hebben geen ligdagen in het panel en zijn niet gebruikt.",
        "{n} rows of the control outcome have no bed-days in the panel and were not used.",
        n=str(without_days),
    )
    return (EvidenceCheck("control outcome", "rows without bed-days", True, float(without_days), message),)

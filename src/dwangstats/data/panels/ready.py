"""From ready counts to a panel: the table `panel`, or any frame whose columns are named."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats.data.nearest import did_you_mean
from dwangstats.data.panels import reasons
from dwangstats.data.panels.exposure import constant_within
from dwangstats.data.panels.intervals import is_interval, least_counts, without_idle_bounds
from dwangstats.data.panels.layout import (
    ALL_FORMS,
    BOUNDS,
    IDENTITY,
    PanelParts,
    Question,
    arrange,
    status_grid,
    undelivered_rows,
)
from dwangstats.data.register.codes import named_laws
from dwangstats.data.register.periods import period_kind


def panel_from_counts(counts: pd.DataFrame, question: Question) -> PanelParts:
    """Make a panel of ready counts.

    The periods stay as they are. A row says that it was delivered in its column delivered; where that is silent, by
    having a count. A count with two different bounds is known to that interval only and has no events; in sums of what
    was set aside it counts with its lower bound, as at least so many.

    Parameters
    ----------
    counts : DataFrame
        provider, period, events, bed_days; optional location, law, form, delivered, lower and upper, covariates.
    question : Question
        forms and law select rows; definition, by and planned cannot be applied to ready counts.
    """
    rows = _rows(counts)
    events = np.nan_to_num(least_counts(rows))
    reason = _reasons(rows, question)
    asked = ~np.isin(reason, (reasons.OTHER_LAW, reasons.LAW_UNKNOWN, reasons.OTHER_FORM))
    unusable = asked & (reason != "")
    kept = (reason == "") | (unusable & ~rows["delivered"].to_numpy() & (reason != reasons.CLOSED))
    place = [name for name in IDENTITY if name in rows.columns and name != "form"]
    key = rows.loc[asked, [name for name in place if name != "law"]]
    constant_within(counts.loc[asked], key, question.covariates)
    frame = arrange(rows.loc[kept].join(counts[list(question.covariates)]), question.covariates)
    frame["events"] = frame["events"].where(frame["delivered"])
    frame = without_idle_bounds(frame)
    status = _status(rows.loc[asked])
    undelivered = asked & ~rows["delivered"].to_numpy() & (events > 0)
    apart = np.where(undelivered & (reason != reasons.CLOSED), reasons.NOT_DELIVERED, reason)
    removed = rows.loc[unusable & ~kept, place].assign(reason=reason[unusable & ~kept]).drop_duplicates()
    entries = reasons.ledger(
        [
            *(("registrations", str(r), int(events[apart == r].sum())) for r in np.unique(apart[apart != ""])),
            *(("rows", str(r), int(count)) for r, count in removed["reason"].value_counts().items()),
        ]
    )
    entries = reasons.extend(entries, undelivered_rows(frame, status))
    return PanelParts(frame, period_kind(str(rows["period"].iloc[0])), entries, status, int(events.sum()))


def ready_problems(counts: pd.DataFrame, question: Question) -> list[str]:
    """What keeps the question from being answered with ready counts, one sentence each."""
    problems = []
    laws = sorted(set(counts["law"].fillna("unknown"))) if "law" in counts.columns else []
    if question.law is None and len(laws) > 1:
        problems.append(
            f"The counts fall under {len(laws)} laws ({named_laws(laws)}), which are never added up silently. "
            f'Choose one, for example law="{laws[0]}".'
        )
    if question.law is not None and laws and question.law not in laws:
        problems.append(f"No count falls under the law '{question.law}'; the counts fall under {named_laws(laws)}.")
    forms = sorted(set(counts["form"].dropna())) if "form" in counts.columns else [ALL_FORMS]
    problems += [
        f"There is no form '{form}' in the counts; they have {', '.join(forms)}.{did_you_mean(form, forms)}"
        for form in question.forms or ()
        if form not in forms
    ]
    if question.planned is not None:
        problems.append("planned= cannot be applied to ready counts; count the planned or unplanned measures first.")
    return problems


def _rows(counts: pd.DataFrame) -> pd.DataFrame:
    """The columns that name and measure a row, with what is silent filled in."""
    rows = counts[[name for name in (*IDENTITY, "events", "bed_days") if name in counts.columns]].copy()
    for name in ("events", "bed_days"):
        rows[name] = pd.to_numeric(rows[name]).astype("Float64").astype("float64")
    if set(BOUNDS) <= set(counts.columns):
        rows = _with_bounds(rows, counts)
    for name, silent in (("location", ""), ("law", "unknown")):
        if name in rows.columns:
            rows[name] = rows[name].fillna(silent)
    rows["form"] = rows["form"].fillna("unknown") if "form" in rows.columns else ALL_FORMS
    counted = rows["events"].notna() | pd.Series(is_interval(rows), index=rows.index)
    said = counts["delivered"].astype("boolean") if "delivered" in counts.columns else counted
    rows["delivered"] = said.fillna(counted).astype(bool)
    return rows


def _with_bounds(rows: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Rows with lower and upper: of intervals their bounds, and no events; elsewhere the count twice."""
    lower, upper = (pd.to_numeric(counts[name]).astype("Float64").astype("float64") for name in BOUNDS)
    events = lower.where(lower == upper, rows["events"]).mask(lower < upper)
    given = lower.notna() & upper.notna()
    return rows.assign(events=events, lower=lower.where(given, events), upper=upper.where(given, events))


def _reasons(rows: pd.DataFrame, question: Question) -> NDArray[np.object_]:
    """Why each row is not in the panel as a measured one; "" when it is, or when it just was not delivered."""
    reason: NDArray[np.object_] = np.full(len(rows), "", dtype=object)
    days = rows["bed_days"].to_numpy()
    reason[np.isnan(days)] = reasons.BED_DAYS_MISSING
    reason[days == 0] = reasons.CLOSED
    if question.forms is not None:
        reason[~rows["form"].isin(question.forms).to_numpy()] = reasons.OTHER_FORM
    if question.law is not None and "law" in rows.columns:
        law = rows["law"].to_numpy(dtype=object)
        reason[law != question.law] = reasons.OTHER_LAW
        reason[(law == "unknown") & (law != question.law)] = reasons.LAW_UNKNOWN
    return reason


def _status(rows: pd.DataFrame) -> pd.DataFrame:
    every = rows.groupby(["provider", "period"])["delivered"].all()
    status = every.map({True: "accepted", False: "not_delivered"}).rename("status")
    return status_grid(status.reset_index())

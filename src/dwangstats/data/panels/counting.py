"""From the tables of a register to a panel: every registration is counted in a row or set aside with a reason."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import PeriodKind
from dwangstats.data.deliveries.standing import (
    DELIVERED,
    is_delivered,
    standing_deliveries,
    status_from_registrations,
    status_of,
    with_contents,
    with_delivery,
)
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.panels import reasons
from dwangstats.data.panels.episodes import find_episodes
from dwangstats.data.panels.exposure import provider_exposure
from dwangstats.data.panels.layout import PanelParts, Question, arrange, status_grid, undelivered_rows
from dwangstats.data.reading.aggregate import LEAD_MONTH, analysis_form, count_registrations
from dwangstats.data.reading.counted import Counted, needs_rows
from dwangstats.data.register.codes import FORMS, LAWS, named_laws
from dwangstats.data.register.periods import convert_periods, parse_period, periods_between
from dwangstats.errors import DataError, InternalError

_PLACE = ["provider", "period"]


def panel_from_registrations(
    registrations: pd.DataFrame | Counted,
    exposure: pd.DataFrame,
    locations: pd.DataFrame | None,
    deliveries: pd.DataFrame | None,
    question: Question,
) -> PanelParts:
    """Count registrations per provider, period and form, over the bed-days of the provider.

    A provider-period that was delivered and has no registration of a form is a zero; one that was not delivered is in
    the panel without events. Without a table of deliveries a half-year with any registration under the law counts as
    delivered, and every other one as unknown.

    Raises
    ------
    DataError
        If nothing remains to be counted, or a covariate varies within a provider and period.
    """
    law = chosen_law(registrations, deliveries, question.law)
    counts = _counts(registrations, law)
    read = int(counts["registrations"].sum())
    half_years = _half_years(counts, deliveries, law)
    if question.gap_hours is not None:
        counts = _counts(continuing(_in_memory(registrations), half_years, law, question), law)
    counts = _selected(with_delivery(counts, half_years), question)
    forms = question.forms or tuple(sorted(set(counts.loc[counts["reason"] == "", "form"])))
    if not forms:
        raise DataError("No registration is left to count under this law and this choice of planned or unplanned.")
    places = _places(exposure, locations, half_years, question)
    counts = _placed(counts, places, question.by)
    rows = _rows(places, counts, forms)
    if law is not None:
        rows = rows.assign(law=law)
    frame = arrange(rows, question.covariates)
    status = _status(places, half_years if deliveries is not None else half_years.iloc[:0], question.by)
    apart = _set_aside(counts, places, half_years, question.by)
    apart = reasons.extend(apart, undelivered_rows(frame, status))
    return PanelParts(frame, question.by, apart, status, read)


def chosen_law(registrations: pd.DataFrame | Counted, deliveries: pd.DataFrame | None, law: str | None) -> str | None:
    """The law that is counted: the one asked for, or the only one that occurs; None when no table names a law."""
    if law is not None:
        return law
    laws = _laws_in(registrations) or _laws_in(deliveries)
    return laws[0] if len(laws) == 1 and laws[0] != "unknown" else None


def question_problems(
    registrations: pd.DataFrame | Counted, deliveries: pd.DataFrame | None, question: Question
) -> list[str]:
    """What keeps the question from being answered with these tables, one sentence each."""
    problems = []
    laws = _laws_in(registrations)
    law = question.law
    if law is not None and law not in LAWS:
        problems.append(f"There is no law '{law}'; choose one of {', '.join(LAWS)}.{did_you_mean(law, LAWS)}")
    elif law is not None and laws and law not in laws:
        problems.append(
            f"No registration falls under the law '{law}'; the registrations fall under {named_laws(laws)}."
        )
    elif law is None and len(laws or _laws_in(deliveries)) > 1:
        found = laws or _laws_in(deliveries)
        problems.append(
            f"The tables fall under {len(found)} laws ({named_laws(found)}), which are never added up silently. "
            f'Choose one, for example law="{found[0]}".'
        )
    problems += _delivery_problems(deliveries, chosen_law(registrations, deliveries, law))
    problems += [
        f"There is no form '{form}'; choose from {', '.join(FORMS)}.{did_you_mean(form, FORMS)}"
        for form in question.forms or ()
        if form not in FORMS
    ]
    if isinstance(registrations, Counted) and question.gap_hours is not None:
        problems += needs_rows(registrations, ["gap_hours"])
    return problems + _planned_problems(registrations, law, question.planned)


def _laws_in(table: pd.DataFrame | Counted | None) -> list[str]:
    if table is None or "law" not in table.columns:
        return []
    table = table.cells if isinstance(table, Counted) else table
    return sorted(table["law"].fillna("unknown").astype("str").unique())


def _delivery_problems(deliveries: pd.DataFrame | None, law: str | None) -> list[str]:
    laws = _laws_in(deliveries)
    if law is None or law not in LAWS or not laws or not {law, "unknown"}.isdisjoint(laws):
        return []
    return [
        f"No delivery falls under the law '{law}'; the deliveries fall under {named_laws(laws)}, so that nothing would "
        "count as delivered. Correct the column law of deliveries, or choose another law."
    ]


def _planned_problems(registrations: pd.DataFrame | Counted, law: str | None, planned: bool | None) -> list[str]:
    if "planned" not in registrations.columns:
        absent = "planned= was given, but the registrations have no column planned. Leave it out, or add the column."
        return [] if planned is None else [absent]
    counts = registrations.counts if isinstance(registrations, Counted) else count_registrations(registrations)
    if law is not None and "law" in registrations.columns:
        counts = counts.loc[counts["law"].fillna("unknown") == law]
    of = counts["registrations"].groupby(counts["planned"].astype("object").fillna("blank")).sum()
    yes, no, blank = (int(of.get(answer, 0)) for answer in (True, False, "blank"))
    if planned is None and max(yes, no, blank) < yes + no + blank:
        return [
            f"The registrations hold {yes} planned and {no} unplanned measures and {blank} that do not say it, which "
            "are never added up silently. Choose planned=True or planned=False; what is blank is then set aside."
        ]
    return []


def _counts(registrations: pd.DataFrame | Counted, law: str | None) -> pd.DataFrame:
    """Registrations per cell as `count_registrations` gives them, with a reason where they fall under another law."""
    counts = registrations.counts if isinstance(registrations, Counted) else count_registrations(registrations)
    reason = pd.Series("", index=counts.index, dtype=object)
    if law is not None and "law" in registrations.columns:
        under = counts["law"].fillna("unknown")
        reason[under != law] = reasons.OTHER_LAW
        reason[(under == "unknown") & (under != law)] = reasons.LAW_UNKNOWN
    return counts.assign(reason=reason)


def continuing(
    registrations: pd.DataFrame, half_years: pd.DataFrame, law: str | None, question: Question
) -> pd.DataFrame:
    """Registrations with the columns continues and lead_month: they belong to an intervention that began earlier.

    Only registrations that the question asks for and that were taken in can lead or continue anything: those of the
    law, of the forms, planned or not as asked, in the version that counts of a half-year that was delivered. Ones that
    cannot be placed in time lead nothing and continue nothing.

    Parameters
    ----------
    half_years : DataFrame
        Status and version of every half-year, as `with_contents` gives them.

    Returns
    -------
    DataFrame
        ``registrations`` with continues (bool), and lead_month (the month in which the intervention began, as text;
        missing where continues is False).
    """
    rows = registrations.loc[_asked_for(registrations, half_years, law, question)]
    labels = find_episodes(rows, gap_hours=question.gap_hours or 0.0, definition=question.definition).labels
    continues = (labels["kind"] != "unusable") & ~labels["leads"]
    leads = labels["leads"]
    began = pd.Series(_months(rows.loc[leads]).to_numpy(), index=labels.loc[leads, "intervention"].to_numpy())
    lead_month = labels["intervention"].map(began).where(continues)
    return registrations.assign(
        continues=continues.reindex(registrations.index, fill_value=False),
        lead_month=lead_month.reindex(registrations.index),
    )


def _asked_for(
    registrations: pd.DataFrame, half_years: pd.DataFrame, law: str | None, question: Question
) -> NDArray[np.bool_]:
    """Registrations that the question asks for, in the version that counts of a delivered half-year, (n,)."""
    asked = np.ones(len(registrations), dtype=np.bool_)
    if law is not None and "law" in registrations.columns:
        asked &= (registrations["law"].fillna("unknown") == law).to_numpy(dtype=np.bool_)
    if question.planned is not None:
        asked &= registrations["planned"].eq(question.planned).fillna(False).to_numpy(dtype=np.bool_)
    if question.forms is not None:
        asked &= np.isin(analysis_form(registrations, question.definition).astype("str"), question.forms)
    dated = pd.DataFrame({"provider_id": registrations["provider_id"], "month": _months(registrations)}).assign(
        delivery_version=registrations.get("delivery_version", np.nan)
    )
    known = with_delivery(dated, half_years)
    taken_in = is_delivered(known["status"]) & ~known["superseded"] & ~known["not_taken_in"]
    return np.asarray(asked & taken_in.to_numpy(dtype=np.bool_), dtype=np.bool_)


def _months(registrations: pd.DataFrame) -> "pd.Series[str]":
    return pd.Series(registrations["begin"].dt.strftime("%Y-%m"), dtype="str")


def _in_memory(registrations: pd.DataFrame | Counted) -> pd.DataFrame:
    if isinstance(registrations, Counted):
        raise InternalError("gap_hours was asked of registrations that were counted in their engine")
    return registrations


def _half_years(counts: pd.DataFrame, deliveries: pd.DataFrame | None, law: str | None) -> pd.DataFrame:
    if deliveries is not None:
        return with_contents(standing_deliveries(deliveries, law), counts.loc[counts["reason"] == ""])
    inside = counts.loc[counts["reason"] == "", ["provider_id", "month"]].dropna().drop_duplicates()
    return status_from_registrations(inside.assign(half_year=convert_periods(inside["month"], "half-year")))


def _selected(counts: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Counts with their form, and with a reason where the question leaves them out."""
    counts = counts.assign(form=analysis_form(counts, question.definition))
    if question.planned is not None:
        other = reasons.UNPLANNED if question.planned else reasons.PLANNED
        _give_reason(counts, counts["planned"].isna(), reasons.PLANNED_UNKNOWN)
        _give_reason(counts, counts["planned"].ne(question.planned).fillna(False), other)
    _give_reason(counts, counts["superseded"], reasons.EARLIER_VERSION)
    _give_reason(counts, counts["not_taken_in"], reasons.REFUSED_VERSION)
    _give_reason(counts, counts["continues"], reasons.CONTINUES)
    if question.forms is not None:
        _give_reason(counts, ~counts["form"].isin(question.forms), reasons.OTHER_FORM)
    return counts


def _give_reason(counts: pd.DataFrame, where: "pd.Series[bool]", reason: str) -> None:
    """Write a reason where there is none yet: the first reason found is the one that is told."""
    counts.loc[where.astype(bool) & (counts["reason"] == ""), "reason"] = reason


def _places(
    exposure: pd.DataFrame, locations: pd.DataFrame | None, half_years: pd.DataFrame, question: Question
) -> pd.DataFrame:
    """Provider-periods with bed-days: why they cannot be used, their delivery status, and whether they are kept."""
    places = provider_exposure(exposure, locations, question.by, question.covariates)
    places = places.assign(status=status_of(places[_PLACE], half_years))
    delivered = is_delivered(places["status"]).to_numpy()
    usable = (places["reason"] == "").to_numpy()
    closed = (places["reason"] == reasons.CLOSED).to_numpy()
    return places.assign(delivered=delivered, kept=usable | (~delivered & ~closed))


def _placed(counts: pd.DataFrame, places: pd.DataFrame, by: PeriodKind) -> pd.DataFrame:
    """Counts with their period, and with a reason where there is no usable provider-period for them."""
    months = counts["month"].dropna().unique()
    counts = counts.rename(columns={"provider_id": "provider", "status": "half_year_status"})
    counts["period"] = counts["month"].map(dict(zip(months, convert_periods(months, by), strict=True))).astype("str")
    known = places[[*_PLACE, "status", "reason"]].rename(columns={"reason": "exposure_reason"})
    placed = counts.merge(known, on=_PLACE, how="left", validate="many_to_one")
    _give_reason(placed, placed["status"].isna(), reasons.NO_BED_DAYS)
    _give_reason(placed, placed["exposure_reason"] == reasons.CLOSED, reasons.CLOSED)
    undelivered = placed["status"].isin(reasons.OF_STATUS)
    _give_reason(placed, undelivered & placed["half_year_status"].isin(DELIVERED), reasons.YEAR_INCOMPLETE)
    for status, reason in reasons.OF_STATUS.items():
        _give_reason(placed, placed["status"] == status, reason)
    for reason in (reasons.BED_DAYS_MISSING, reasons.BED_DAYS_PARTIAL):
        _give_reason(placed, placed["exposure_reason"] == reason, reason)
    placed.loc[_led_from_elsewhere(placed, places, by), "reason"] = reasons.CONTINUES_APART
    return placed


def _led_from_elsewhere(placed: pd.DataFrame, places: pd.DataFrame, by: PeriodKind) -> NDArray[np.bool_]:
    """Cells that continue an intervention which began in a provider-period in which nothing is counted, (n,)."""
    continues = (placed["reason"] == reasons.CONTINUES).to_numpy(dtype=np.bool_)
    if not continues.any():
        return continues
    months = placed.loc[continues, LEAD_MONTH]
    known = months.unique()
    began = placed.loc[continues, ["provider"]].assign(
        period=months.map(dict(zip(known, convert_periods(known, by), strict=True)))
    )
    counted = pd.MultiIndex.from_frame(places.loc[places["delivered"] & (places["reason"] == ""), _PLACE])
    apart = np.zeros(len(placed), dtype=np.bool_)
    apart[continues] = ~pd.MultiIndex.from_frame(began).isin(counted)
    return apart


def _rows(places: pd.DataFrame, counts: pd.DataFrame, forms: tuple[str, ...]) -> pd.DataFrame:
    """One row per kept provider-period and form."""
    kept = places.loc[places["kept"]].drop(columns=["reason", "status", "kept"])
    rows = kept.merge(pd.DataFrame({"form": list(forms)}, dtype="str"), how="cross")
    inside = counts.loc[counts["reason"] == ""].astype({"form": "str"})
    events = inside.groupby([*_PLACE, "form"], as_index=False)["registrations"].sum()
    rows = rows.merge(events, on=[*_PLACE, "form"], how="left", validate="one_to_one")
    counted = rows["registrations"].astype("float64").fillna(0.0)
    lost = int(events["registrations"].sum()) - int(counted.sum())
    if lost or bool((counted[~rows["delivered"]] > 0).any()):
        raise InternalError(f"{lost} registrations found no row of the panel, or a row without delivery has some")
    return rows.assign(events=np.where(rows["delivered"], counted, np.nan)).drop(columns="registrations")


def _status(places: pd.DataFrame, half_years: pd.DataFrame, by: PeriodKind) -> pd.DataFrame:
    """Delivery status of every provider that has bed-days or deliveries, in every period with bed-days."""
    known = places[[*_PLACE, "status"]]
    periods = set(places["period"])
    other = _delivery_places(half_years, by)
    other = other.loc[other["period"].isin(periods)].merge(known[_PLACE], on=_PLACE, how="left", indicator=True)
    other = other.loc[other["_merge"] == "left_only", _PLACE].reset_index(drop=True)
    return status_grid(pd.concat([known, other.assign(status=status_of(other, half_years))], ignore_index=True))


def _delivery_places(half_years: pd.DataFrame, by: PeriodKind) -> pd.DataFrame:
    """Provider-periods of the kind asked for that a table of half-years says something about."""
    inside: dict[str, tuple[str, ...]] = {}
    for text in half_years["period"].unique():
        half = parse_period(text)
        months = (f"{half.year:04d}-{half.first_month:02d}", f"{half.year:04d}-{half.last_month:02d}")
        inside[text] = periods_between(*convert_periods(months, by))
    pairs = half_years[["provider", "period"]].assign(period=half_years["period"].map(inside))
    return pairs.explode("period").astype("str").drop_duplicates().reset_index(drop=True)


def _set_aside(counts: pd.DataFrame, places: pd.DataFrame, half_years: pd.DataFrame, by: PeriodKind) -> pd.DataFrame:
    apart = counts.loc[counts["reason"] != ""].groupby("reason")["registrations"].sum()
    unusable = places.loc[~places["kept"], "reason"].value_counts()
    delivered = half_years.loc[is_delivered(half_years["status"]).to_numpy()]
    pairs = _delivery_places(delivered, by)
    exposed = pd.MultiIndex.from_frame(places[_PLACE])
    without_days = int((~pd.MultiIndex.from_frame(pairs).isin(exposed)).sum())
    return reasons.ledger(
        [
            *(("registrations", str(reason), int(count)) for reason, count in apart.items()),
            *(("rows", str(reason), int(count)) for reason, count in unusable.items()),
            ("rows", reasons.NO_BED_DAYS, without_days),
        ]
    )

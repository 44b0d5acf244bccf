"""Rules for accepted half-years: the version that counts is in the file, and a zero is not a file left behind."""

from collections.abc import Iterator

import pandas as pd

from dwangstats._types import Language
from dwangstats.data.checks.rule import Rule, has, numbers, some
from dwangstats.data.deliveries.standing import half_years_of, last_deliveries
from dwangstats.data.findings import Finding
from dwangstats.data.reading.aggregate import count_registrations
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import LAWS
from dwangstats.data.register.periods import period_kind

_CELL = ["provider", "period"]
_VERSION: dict[Language, str] = {"nl": "versie", "en": "version"}

VERSION_ABSENT = Rule(
    "version-not-in-file",
    "error",
    "Van {count} van de {of} goedgekeurde halfjaren ontbreekt de versie die telt in de registraties; er staat alleen "
    "een andere versie: {names}.",
    "For {count} of {of} accepted half-years the registrations lack the version that counts; only another version is "
    "there: {names}.",
    "Voeg de registraties van die versie toe. Bevatte zij er geen, geef de aanlevering dan de status "
    "nothing_to_report.",
    "Add the registrations of that version. If it held none, give the delivery the status nothing_to_report.",
)
VERSION_UNKNOWN = Rule(
    "version-not-delivered",
    "error",
    "Van {count} van de {of} halfjaren met een bekende aanlevering zijn er registraties uit een latere versie dan de "
    "laatste in de tabel deliveries: {names}.",
    "For {count} of {of} half-years with a known delivery there are registrations from a later version than the last "
    "one in the table deliveries: {names}.",
    "Voeg die versie met haar status toe aan deliveries, of verwijder haar registraties; nu zouden twee versies worden "
    "opgeteld.",
    "Add that version with its status to deliveries, or remove its registrations; as it is two versions would be added "
    "up.",
)
SILENT = Rule(
    "accepted-without-registrations",
    "warning",
    "Van {count} van de {of} goedgekeurde halfjaren is er geen enkele registratie, van welke vorm ook: {names}. Zij "
    "tellen als nul.",
    "For {count} of {of} accepted half-years there is not one registration of any form: {names}. They count as zero.",
    "Controleer of het bestand met registraties volledig is. Was er werkelijk niets, geef dan de status "
    "nothing_to_report; kwam er niets binnen, not_delivered.",
    "Check that the file of registrations is complete. If there really was nothing, give the status "
    "nothing_to_report; if nothing came in, not_delivered.",
)


def accepted_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about the registrations that belong to each delivery, under each law that can be counted."""
    registrations, deliveries = tables.registrations, tables.deliveries
    if not has(registrations, "provider_id", "begin") or registrations.empty:
        return
    if not has(deliveries, "provider_id", "period", "status") or deliveries.empty:
        return
    known = _half_years(registrations, deliveries)
    if known.empty:
        return
    accepted = known.loc[known["status"] == "accepted"]
    absent = accepted.loc[(accepted["registrations"] > 0) & (accepted["counted"] == 0)]
    yield from VERSION_ABSENT.counted("registrations", len(absent), len(accepted), names=_named(absent, "version"))
    later = known.loc[known["later"] > 0]
    yield from VERSION_UNKNOWN.counted("registrations", len(later), len(known), names=_named(later, "highest"))
    silent = accepted.loc[(accepted["registrations"] == 0) & _with_bed_days(accepted, tables.exposure)]
    yield from SILENT.counted("registrations", len(silent), len(accepted), names=_named(silent))


def _half_years(registrations: pd.DataFrame, deliveries: pd.DataFrame) -> pd.DataFrame:
    """One row per provider, half-year and law with a delivery.

    provider, period, status, version, law (text, empty where only one law can be meant), registrations, counted (of the
    version that counts, or of none in particular), later (of a later version), highest (version registered).
    """
    counts = count_registrations(registrations)
    months = {text: half_years_of(text)[0] for text in counts["month"].dropna().unique()}
    counts = counts.assign(provider=counts["provider_id"], period=counts["month"].map(months).astype("str"))
    laws = _laws(registrations, deliveries)
    parts = [_with_registrations(last_deliveries(deliveries, law), _under(counts, registrations, law)) for law in laws]
    shown = [law if law is not None and len(laws) > 1 else "" for law in laws]
    return pd.concat([part.assign(law=law) for part, law in zip(parts, shown, strict=True)], ignore_index=True)


def _laws(registrations: pd.DataFrame, deliveries: pd.DataFrame) -> list[str | None]:
    """Laws under which registrations can be counted; None when no table names one."""
    table = registrations if has(registrations, "law") else deliveries
    named = set(table["law"].dropna().unique()) & set(LAWS) if has(table, "law") else set()
    return [*sorted(map(str, named))] or [None]


def _under(counts: pd.DataFrame, registrations: pd.DataFrame, law: str | None) -> pd.DataFrame:
    return counts if law is None or not has(registrations, "law") else counts.loc[counts["law"] == law]


def _with_registrations(last: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    last = last.dropna(subset=_CELL)
    last = last.loc[[period_kind(text) == "half-year" for text in last["period"]]]
    rows = counts.merge(last[[*_CELL, "version"]], on=_CELL, how="inner", validate="many_to_one")
    other = (rows["delivery_version"] != rows["version"]) & rows["delivery_version"].notna() & rows["version"].notna()
    later = rows["delivery_version"] > rows["version"]
    rows = rows.assign(
        counted=rows["registrations"].where(~other, 0), later=rows["registrations"].where(later, 0)
    ).rename(columns={"delivery_version": "highest"})
    groups = rows.groupby(_CELL)
    total = groups[["registrations", "counted", "later"]].sum().join(groups["highest"].max())
    joined = last.merge(total.reset_index(), on=_CELL, how="left", validate="one_to_one")
    return joined.fillna({"registrations": 0, "counted": 0, "later": 0})


def _with_bed_days(cells: pd.DataFrame, exposure: pd.DataFrame | None) -> "pd.Series[bool]":
    """Whether each half-year has bed-days, without which it would not count as zero."""
    if not has(exposure, "provider_id", "period", "bed_days"):
        return pd.Series(True, index=cells.index)
    open_rows = exposure.loc[numbers(exposure, "bed_days") > 0, ["provider_id", "period"]].dropna().drop_duplicates()
    halves = {text: half_years_of(text) for text in open_rows["period"].unique()}
    open_rows = open_rows.assign(period=open_rows["period"].map(halves)).explode("period")
    inside = pd.MultiIndex.from_frame(cells[_CELL]).isin(pd.MultiIndex.from_frame(open_rows))
    return pd.Series(inside, index=cells.index)


def _named(cells: pd.DataFrame, version: str | None = None) -> dict[Language, str]:
    """The first five cells in both languages: provider, half-year, and law and version where they tell them apart."""
    rows = cells[["provider", "period", "law"]].itertuples(index=False, name=None)
    places = [" ".join(filter(None, row)) for row in rows]
    if version is None:
        return dict.fromkeys(_VERSION, some(places))
    found: dict[Language, str] = {}
    for language, word in _VERSION.items():
        found[language] = some(f"{p} ({word} {v:.0f})" for p, v in zip(places, cells[version], strict=True))
    return found

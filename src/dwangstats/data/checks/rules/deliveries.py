"""Rules for deliveries: a status that exists, half-years, dates in their order, and bed-days to go with them."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from dwangstats.data.checks.rule import Mask, Rule, has, numbers, some
from dwangstats.data.deliveries.standing import NOT_KEPT, NOT_YET_DUE, half_years_of, law_of_deliveries, standing_rows
from dwangstats.data.findings import Finding
from dwangstats.data.reading.aggregate import count_registrations
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import parse_period, period_kind
from dwangstats.data.register.schema import DELIVERY_STATUS

_HALF_YEAR = ["provider_id", "law", "period"]

UNKNOWN_STATUS = Rule(
    "unknown-status",
    "error",
    "In {count} van de {of} aanleveringen staat een status die niet bestaat: {names} ({where}).",
    "In {count} of {of} deliveries the status does not exist: {names} ({where}).",
    "Gebruik " + ", ".join(DELIVERY_STATUS) + ".",
    "Use " + ", ".join(DELIVERY_STATUS) + ".",
)
NOT_HALF_YEAR = Rule(
    "delivery-not-half-year",
    "error",
    "In {count} van de {of} aanleveringen is de periode geen halfjaar ({where}).",
    "In {count} of {of} deliveries the period is not a half-year ({where}).",
    "Schrijf perioden als 2021-H1; over elk halfjaar wordt apart aangeleverd.",
    "Write periods as 2021-H1; every half-year is delivered on its own.",
)
BEFORE_END = Rule(
    "delivery-before-end",
    "warning",
    "Bij {count} van de {of} aanleveringen ligt de ontvangst vóór het einde van het halfjaar ({where}).",
    "For {count} of {of} deliveries the moment of receipt lies before the half-year ended ({where}).",
    "Controleer received_at en de periode; een overzicht van een halfjaar dat nog loopt is niet volledig.",
    "Check received_at and the period; an overview of a half-year that has not ended is not complete.",
)
DUE_BEFORE_END = Rule(
    "due-before-end",
    "warning",
    "Bij {count} van de {of} aanleveringen ligt de uiterste datum vóór het einde van het halfjaar ({where}).",
    "For {count} of {of} deliveries the due date lies before the half-year ended ({where}).",
    "Verbeter due_on, of laat die leeg; dan geldt de kalender (12 augustus en 12 februari).",
    "Correct due_on, or leave it blank; then the calendar holds (12 August and 12 February).",
)
VERSION_ORDER = Rule(
    "versions-out-of-order",
    "warning",
    "Bij {count} van de {of} aanleveringen is een hogere versie eerder ontvangen dan een lagere versie van hetzelfde "
    "halfjaar ({where}; aanbieders: {names}).",
    "For {count} of {of} deliveries a higher version arrived before a lower version of the same half-year ({where}; "
    "providers: {names}).",
    "Controleer version en received_at; de hoogste goedgekeurde versie telt, en wat op een peildatum bekend was "
    "volgt uit de ontvangst.",
    "Check version and received_at; the highest accepted version counts, and what was known on a date follows from "
    "the receipt.",
)
NOTHING_RECEIVED = Rule(
    "not-delivered-yet-received",
    "warning",
    "Bij {count} van de {of} aanleveringen staat de status not_delivered, en ook een moment van ontvangst ({where}).",
    "For {count} of {of} deliveries the status is not_delivered, and there is a moment of receipt ({where}).",
    "Geef de status accepted of rejected als er iets is ontvangen, of laat received_at leeg.",
    "Give the status accepted or rejected if something was received, or leave received_at blank.",
)
NO_EXPOSURE = Rule(
    "delivery-without-exposure",
    "warning",
    "Bij {count} van de {of} aanleveringen zijn van die aanbieder over dat halfjaar geen beddagen bekend ({where}; "
    "aanbieders: {names}).",
    "For {count} of {of} deliveries no bed-days are known of that provider in that half-year ({where}; "
    "providers: {names}).",
    "Voeg de beddagen toe; tot die tijd telt de aanbieder in die periode niet mee.",
    "Add the bed-days; until then the provider is left out in that period.",
)
NO_DELIVERY = Rule(
    "exposure-without-delivery",
    "info",
    "Van {count} van de {of} aanbieder-halfjaren met beddagen is geen aanlevering bekend (aanbieders: {names}).",
    "For {count} of {of} provider-half-years with bed-days no delivery is known (providers: {names}).",
    "Zij tellen niet mee en krijgen geen nul; voeg de status toe als die bekend is.",
    "They are left out and do not get a zero; add the status if it is known.",
)
CORRECTION_REFUSED = Rule(
    "correction-refused",
    "warning",
    "Van {count} van de {of} aanleveringen is een verbetering afgekeurd nadat een versie was goedgekeurd ({where}; "
    "aanbieders: {names}).",
    "Of {count} of {of} deliveries a correction was refused after a version had been accepted ({where}; providers: "
    "{names}).",
    "De goedgekeurde versie blijft tellen; vraag de aanbieder wat er verbeterd moest worden.",
    "The accepted version goes on counting; ask the provider what there was to correct.",
)
EARLIER_NOT_KEPT = Rule(
    "earlier-version-not-kept",
    "info",
    "Van {count} van de {of} goedgekeurde versies zijn er geen registraties, en wel van een latere versie van "
    "hetzelfde halfjaar ({where}; aanbieders: {names}).",
    "Of {count} of {of} accepted versions there are no registrations, while there are of a later version of the same "
    "half-year ({where}; providers: {names}).",
    "Op een peildatum waarop zo'n versie gold is het halfjaar niet bekend; bewaar de registraties van elke versie.",
    "On a date on which such a version held the half-year is not known; keep the registrations of every version.",
)
NO_TABLE = Rule(
    "no-deliveries-table",
    "warning",
    "Er is geen tabel met aanleveringen, dus een halfjaar zonder registraties geldt als onbekend en niet als nul.",
    "There is no table of deliveries, so a half-year without registrations is unknown and not zero.",
    "Voeg de tabel deliveries toe, zodat een echte nul van een ontbrekende aanlevering te onderscheiden is.",
    "Add the table deliveries, so that a real zero can be told from a missing delivery.",
)


def delivery_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about the table `deliveries`, alone and beside exposure."""
    frame = tables.deliveries
    if frame is None:
        if tables.registrations is not None and len(tables.registrations):
            yield from NO_TABLE.counted("deliveries", 1, 1)
        return
    if frame.empty:
        return
    if has(frame, "status"):
        unknown = (
            frame["status"].notna() & ~frame["status"].isin([*DELIVERY_STATUS, NOT_YET_DUE, NOT_KEPT])
        ).to_numpy()
        yield from UNKNOWN_STATUS.broken_in("deliveries", frame, unknown, names=some(frame.loc[unknown, "status"]))
    if has(frame, "period"):
        kinds = {text: period_kind(text) for text in frame["period"].dropna().unique()}
        other = (frame["period"].notna() & (frame["period"].map(kinds) != "half-year")).to_numpy()
        yield from NOT_HALF_YEAR.broken_in("deliveries", frame, other)
        yield from _dates(frame)
    if has(frame, "provider_id", "period") and has(tables.exposure, "provider_id", "period"):
        yield from _beside_exposure(frame, tables.exposure)
    if has(frame, "provider_id", "period", "status", "version"):
        yield from _corrections(frame, tables.registrations)


def _corrections(frame: pd.DataFrame, registrations: pd.DataFrame | None) -> Iterator[Finding]:
    """Corrections that were refused, and accepted versions whose registrations were not kept."""
    sent = _in_order(frame)
    stands = standing_rows(sent, _HALF_YEAR) & (sent["status"] == "accepted")
    since = stands.groupby([sent[name] for name in _HALF_YEAR]).cummax()
    refused = _mask(frame, sent.loc[since & (sent["status"] == "rejected"), "row"])
    yield from CORRECTION_REFUSED.broken_in(
        "deliveries", frame, refused, names=some(frame.loc[refused, "provider_id"].dropna())
    )
    if not has(registrations, "provider_id", "begin", "delivery_version"):
        return
    counts = count_registrations(registrations)
    cells = counts.dropna(subset=["month", "delivery_version"])[["provider_id", "law", "month", "delivery_version"]]
    halves = {text: half_years_of(text)[0] for text in cells["month"].unique()}
    cells = cells.assign(period=cells["month"].map(halves), under=cells["law"].fillna(""))
    accepted = sent.loc[(sent["status"] == "accepted") & sent["version"].notna()]
    pairs = accepted.merge(cells.drop(columns="law"), on=["provider_id", "period"], validate="many_to_many")
    pairs = pairs.loc[(pairs["law"] == pairs["under"]) | (pairs["law"] == "") | (pairs["under"] == "")]
    pairs = pairs.assign(
        own=pairs["delivery_version"] == pairs["version"], later=pairs["delivery_version"] > pairs["version"]
    )
    found = pairs.groupby("row")[["own", "later"]].any()
    lost = _mask(frame, found.index[found["later"] & ~found["own"]])
    yield from EARLIER_NOT_KEPT.counted(
        "deliveries",
        int(lost.sum()),
        int((frame["status"] == "accepted").sum()),
        rows=frame.index[lost],
        names=some(frame.loc[lost, "provider_id"].dropna()),
    )


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that name a half-year, in the order in which the versions of it were sent; row is their position."""
    rows = frame[["provider_id", "period", "status"]].assign(
        law=law_of_deliveries(frame),
        version=numbers(frame, "version"),
        received=frame["received_at"] if has(frame, "received_at") else np.nan,
        row=range(len(frame)),
    )
    rows = rows.dropna(subset=["provider_id", "period", "status"])
    return rows.sort_values([*_HALF_YEAR, "version", "received"], na_position="first", kind="stable")


def _mask(frame: pd.DataFrame, rows: "Iterable[int]") -> Mask:
    return np.isin(np.arange(len(frame)), list(rows))


def _dates(frame: pd.DataFrame) -> Iterator[Finding]:
    """Moments and versions that cannot be in this order."""
    texts = frame["period"].dropna().unique()
    ended = frame["period"].map({text: pd.Timestamp(parse_period(text).end) for text in texts}).astype("datetime64[us]")
    for column, rule in (("received_at", BEFORE_END), ("due_on", DUE_BEFORE_END)):
        if has(frame, column):
            yield from rule.broken_in("deliveries", frame, (frame[column] < ended).to_numpy(dtype=bool))
    if has(frame, "received_at", "status"):
        said = (frame["status"] == "not_delivered") & frame["received_at"].notna()
        yield from NOTHING_RECEIVED.broken_in("deliveries", frame, said.to_numpy(dtype=bool))
    if has(frame, "received_at", "version", "provider_id"):
        swapped = _overtaken(frame)
        yield from VERSION_ORDER.broken_in(
            "deliveries", frame, swapped, names=some(frame.loc[swapped, "provider_id"].dropna())
        )


def _overtaken(frame: pd.DataFrame) -> Mask:
    """Versions that arrived before a lower version of the same half-year."""
    key = [name for name in ("provider_id", "law", "period") if name in frame.columns]
    rows = (
        frame[key]
        .fillna("")
        .assign(version=numbers(frame, "version"), received=frame["received_at"], position=range(len(frame)))
    )
    rows = rows.dropna(subset=["version", "received"]).sort_values([*key, "version"], kind="stable")
    latest = rows.groupby(key)["received"].cummax()
    mask = pd.Series(False, index=range(len(frame)))
    mask.loc[rows.loc[rows["received"] < latest, "position"]] = True
    return mask.to_numpy(dtype=bool)


def _beside_exposure(frame: pd.DataFrame, exposure: pd.DataFrame) -> Iterator[Finding]:
    """Pairs of provider and half-year that stand in one table and not in the other."""
    halves = {text: half_years_of(text) for text in exposure["period"].dropna().unique()}
    exposed = exposure[["provider_id", "period"]].dropna().drop_duplicates()
    exposed = exposed.assign(period=exposed["period"].map(halves)).explode("period").drop_duplicates()
    with_days = pd.MultiIndex.from_frame(exposed)
    pairs = pd.MultiIndex.from_frame(frame[["provider_id", "period"]])
    complete = frame[["provider_id", "period"]].notna().all(axis=1).to_numpy()
    alone = ~pairs.isin(with_days) & complete
    yield from NO_EXPOSURE.broken_in("deliveries", frame, alone, names=some(frame.loc[alone, "provider_id"]))
    silent = exposed.loc[~with_days.isin(pairs), "provider_id"]
    yield from NO_DELIVERY.counted("deliveries", len(silent), len(exposed), names=some(silent))

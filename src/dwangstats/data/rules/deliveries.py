"""Rules for deliveries: a status that exists, half-years, and bed-days to go with them."""

from collections.abc import Iterator

import pandas as pd

from dwangstats.data.deliveries import half_years_of
from dwangstats.data.findings import Finding
from dwangstats.data.periods import period_kind
from dwangstats.data.read import Tables
from dwangstats.data.rules.rule import Rule, has, some
from dwangstats.data.schema import DELIVERY_STATUS

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
        unknown = (frame["status"].notna() & ~frame["status"].isin(DELIVERY_STATUS)).to_numpy()
        yield from UNKNOWN_STATUS.broken_in("deliveries", frame, unknown, names=some(frame.loc[unknown, "status"]))
    if has(frame, "period"):
        kinds = {text: period_kind(text) for text in frame["period"].dropna().unique()}
        other = (frame["period"].notna() & (frame["period"].map(kinds) != "half-year")).to_numpy()
        yield from NOT_HALF_YEAR.broken_in("deliveries", frame, other)
    if has(frame, "provider_id", "period") and has(tables.exposure, "provider_id", "period"):
        yield from _beside_exposure(frame, tables.exposure)


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

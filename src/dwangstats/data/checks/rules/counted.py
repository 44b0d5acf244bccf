"""Rules for registrations that were counted in their engine: those that can be held against counts.

The rules and their words are those of registrations in memory, without numbers of rows; what needs rows is named.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dwangstats.data.checks.rule import Mask, Rule, has, some
from dwangstats.data.checks.rules import columns, laws, registrations
from dwangstats.data.deliveries.standing import DELIVERED, last_half_year_end, standing_deliveries, with_delivery
from dwangstats.data.findings import Finding
from dwangstats.data.reading.aggregate import analysis_form
from dwangstats.data.reading.counted import Counted
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import LAWS, codes_in_law
from dwangstats.data.register.schema import REGISTRATIONS

_TABLE = REGISTRATIONS.name

IN_ENGINE = Rule(
    "rows-in-engine",
    "warning",
    "De {of} registraties zijn geteld in {engine} en niet rij voor rij gelezen. Regels over losse rijen (open einden, "
    "dubbele metingen, rijnummers) zijn niet toegepast.",
    "The {of} registrations were counted in {engine} and not read row by row. Rules about single rows (open ends, "
    "repeated measures, row numbers) were not applied.",
    'Lees ze met rows="memory" als het geheugen er is, of controleer een deel van de rijen apart.',
    'Read them with rows="memory" if the memory is there, or check part of the rows on its own.',
)


def counted_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about registrations in an engine, alone and beside exposure and deliveries; counted in registrations."""
    counted = tables.counted
    if counted is None:
        return
    cells = counted.known
    total = counted.registrations
    yield from IN_ENGINE.counted(_TABLE, total, total, engine=counted.engine)
    yield from _missing(cells)
    yield from _repeated(counted, tables)
    yield from _dates(cells, tables.deliveries)
    yield from _laws(cells)
    yield from _forms(cells)
    yield from _planned(cells)
    if has(tables.exposure, "provider_id"):
        absent = (cells["provider_id"].notna() & ~cells["provider_id"].isin(tables.exposure["provider_id"])).to_numpy()
        yield from _broken(registrations.NO_EXPOSURE, cells, absent, names=some(cells.loc[absent, "provider_id"]))
    if has(tables.deliveries, "provider_id", "period", "status"):
        yield from _deliveries(counted, tables.deliveries)


def one_row_per_cell(tables: Tables) -> Tables:
    """The tables with one registration for each cell that was counted, at the beginning of its month.

    For rules that only ask whether there is a registration; tables with rows are given back as they are.
    """
    if tables.counted is None:
        return tables
    cells = tables.counted.known
    kept = [name for name in cells.columns if REGISTRATIONS.column(name) is not None]
    rows = cells[kept].assign(begin=pd.to_datetime(cells["month"], format="%Y-%m"))
    return replace(tables, registrations=rows, counted=None)


def _broken(rule: Rule, cells: pd.DataFrame, mask: Mask, **values: Any) -> list[Finding]:
    count, of = int(cells.loc[mask, "registrations"].sum()), int(cells["registrations"].sum())
    return _without_rows(rule).counted(_TABLE, count, of, **values)


def _without_rows(rule: Rule) -> Rule:
    nl, en = (text.replace(" ({where})", "").replace("; {where})", ")") for text in (rule.nl, rule.en))
    return replace(rule, nl=nl, en=en)


def _missing(cells: pd.DataFrame) -> Iterator[Finding]:
    yield from _broken(columns.MISSING, cells, cells["provider_id"].isna().to_numpy(), column="provider_id")
    yield from _broken(columns.MISSING, cells, ~cells["begins"].to_numpy(dtype=bool), column="begin")


def _repeated(counted: Counted, tables: Tables) -> Iterator[Finding]:
    versions = "delivery_version" in counted.columns and has(tables.deliveries, "version")
    repeated = counted.repeated_in_version if versions else counted.repeated
    key = "registration_id + delivery_version" if versions else "registration_id"
    yield from _without_rows(columns.DUPLICATE).counted(_TABLE, repeated, counted.registrations, key=key)


def _dates(cells: pd.DataFrame, deliveries: pd.DataFrame | None) -> Iterator[Finding]:
    yield from _broken(registrations.END_BEFORE_BEGIN, cells, cells["ends_before"].to_numpy(dtype=bool))
    outside = (cells["begins"] & cells["month"].isna()).to_numpy(dtype=bool)
    yield from _broken(registrations.BEGIN_OUTSIDE, cells, outside)
    begin = pd.to_datetime(cells["month"], format="%Y-%m")
    yield from _broken(registrations.BEGIN_LONG_AGO, cells, (begin < registrations.EARLIEST).to_numpy(dtype=bool))
    latest = _latest(deliveries)
    if latest is not None:
        late = (begin > latest).to_numpy(dtype=bool)
        yield from _broken(registrations.BEGIN_IN_FUTURE, cells, late, moment=latest.date().isoformat())


def _latest(deliveries: pd.DataFrame | None) -> pd.Timestamp | None:
    received = deliveries["received_at"].max() if has(deliveries, "received_at") else pd.NaT
    if not pd.isna(received):
        return pd.Timestamp(received)
    return last_half_year_end(deliveries) if has(deliveries, "period") else None


def _laws(cells: pd.DataFrame) -> Iterator[Finding]:
    if not has(cells, "law"):
        return
    law = cells["law"]
    yield from _broken(registrations.UNKNOWN_LAW, cells, (law.notna() & ~law.isin(LAWS)).to_numpy())
    silent = (law.fillna("unknown") == "unknown").to_numpy(dtype=bool)
    if not silent.all():
        share = f"{100 * cells.loc[silent, 'registrations'].sum() / cells['registrations'].sum():.1f}"
        words = {"nl": share.replace(".", ","), "en": share}
        yield from _broken(registrations.LAW_MISSING, cells, silent, share=words)
    present = sorted(set(law.fillna("unknown").unique()) & set(LAWS))
    if len(present) > 1:
        names = ", ".join(present)
        yield from registrations.SEVERAL_LAWS.counted(_TABLE, len(present), len(present), names=names, first=present[0])


def _forms(cells: pd.DataFrame) -> Iterator[Finding]:
    nothing = np.zeros(len(cells), dtype=bool)
    coded = cells["intervention_code"].notna().to_numpy() if has(cells, "intervention_code") else nothing
    named = cells["form"].notna().to_numpy() if has(cells, "form") else nothing
    yield from _broken(registrations.NO_FORM, cells, ~coded & ~named)
    found = pd.notna(analysis_form(cells))
    yield from _broken(registrations.UNKNOWN_CODE, cells, coded & ~found)
    yield from _broken(registrations.UNKNOWN_FORM, cells, named & ~coded & ~found)
    if has(cells, "law", "intervention_code"):
        outside = _outside_law(cells) & found
        names = some(cells.loc[outside, "intervention_code"])
        yield from _broken(laws.OUTSIDE_LAW, cells, outside, names=names)


def _outside_law(cells: pd.DataFrame) -> Mask:
    outside = np.zeros(len(cells), dtype=bool)
    for law in set(cells["law"].dropna().unique()) & set(LAWS):
        inside = codes_in_law(law)
        if inside is not None:
            strange = cells["intervention_code"].notna() & ~cells["intervention_code"].isin(inside)
            outside |= (strange & (cells["law"] == law)).to_numpy()
    return outside


def _planned(cells: pd.DataFrame) -> Iterator[Finding]:
    if not has(cells, "planned"):
        return
    weight, answer = cells["registrations"], cells["planned"].astype("boolean")
    blank = int(weight[answer.isna()].sum())
    yes = int(weight[answer.fillna(value=False)].sum())
    total = int(weight.sum())
    no = total - yes - blank
    if max(yes, no, blank) < total:
        rule = registrations.MIXED_PLANNED
        yield from rule.counted(_TABLE, yes or blank, total, yes=yes, no=no, blank=blank)


def _deliveries(counted: Counted, deliveries: pd.DataFrame) -> Iterator[Finding]:
    counts = counted.counts
    named = "law" in counted.columns
    parts = [
        with_delivery(counts.loc[counts["law"] == law] if named else counts, standing_deliveries(deliveries, law))
        for law in (counts["law"].dropna().unique() if named else [None])
    ]
    if not parts:
        return
    known = pd.concat(parts, ignore_index=True)
    empty_handed = known.loc[(known["status"] == "nothing_to_report") & ~known["superseded"]]
    refused = known.loc[~known["status"].isin(DELIVERED) & known["half_year"].notna()]
    for rule, part in (
        (registrations.NOTHING_TO_REPORT, empty_handed),
        (registrations.NOT_ACCEPTED, refused),
        (registrations.SUPERSEDED, known.loc[known["superseded"]]),
    ):
        names = some(part["provider_id"].str.cat(part["half_year"], sep=" ", na_rep="?"))
        count = int(part["registrations"].sum())
        yield from _without_rows(rule).counted(_TABLE, count, counted.registrations, names=names)

"""Layers 7 to 9: from counts to the tables of a register, with the errors, the evidence and the versions asked for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dwangstats._types import Matrix
from dwangstats.data.reading.read import Tables, read_tables
from dwangstats.worlds.admissions import Admissions, admission_rows
from dwangstats.worlds.context import ContextParameters, funding_lapse, under_old_law
from dwangstats.worlds.counts import Counts
from dwangstats.worlds.deliveries import deliveries_table, delivery_status, planted_deliveries
from dwangstats.worlds.events import Cube
from dwangstats.worlds.evidence import Happened, audits_table, controls_table, second_source_table
from dwangstats.worlds.exposure import exposure_table
from dwangstats.worlds.exposure_errors import plant_exposure_errors
from dwangstats.worlds.lapses import (
    Lapses,
    PatternParameters,
    both,
    draw_error_lapses,
    draw_patterns,
    no_lapses,
)
from dwangstats.worlds.network import locations_table
from dwangstats.worlds.parameters import EvidenceParameters
from dwangstats.worlds.planted import ErrorParameters, join_planted
from dwangstats.worlds.planting import Site, plant_errors
from dwangstats.worlds.records import draw_registrations
from dwangstats.worlds.stage import Stage
from dwangstats.worlds.versions import VersionParameters, with_versions


@dataclass(frozen=True, slots=True)
class Layers:
    """What a register has beside correct registrations in one version; None for a layer that is left out."""

    evidence: EvidenceParameters
    errors: ErrorParameters | None = None
    patterns: PatternParameters | None = None
    versions: VersionParameters | None = None
    context: ContextParameters | None = None


def lapses_of(stage: Stage, layers: Layers) -> Lapses:
    """What errors and reporting patterns leave of completeness."""
    network, calendar, forms = stage.network, stage.calendar, stage.sector.form_names
    lapses = no_lapses(network.kind.size, calendar, len(forms))
    if layers.errors is not None:
        lapses = draw_error_lapses(network.provider_ids, forms, calendar, layers.errors, stage.streams.lapses)
    if layers.patterns is not None:
        pattern = draw_patterns(network.provider_ids, forms, calendar, layers.patterns, stage.streams.patterns)
        lapses = both(lapses, pattern)
    if layers.context is not None:
        lapses = both(lapses, funding_lapse(network, forms, calendar, layers.context))
    return lapses


def build_register(
    stage: Stage,
    means: Cube,
    chance: Cube,
    counts: Counts,
    admissions: Admissions | None,
    lapses: Lapses,
    layers: Layers,
) -> tuple[Tables, pd.DataFrame]:
    """The tables, and the truth table of what is wrong with them.

    Parameters
    ----------
    means, counts : (L, T, F)
    chance : (P, T, F) completeness, lapses included.
    """
    written = stage.to_providers(counts.registered).sum(axis=2)
    if admissions is not None:
        written = written + stage.to_providers(admissions.registered[:, :, None])[:, :, 0]
    status = delivery_status(stage.deliveries, _by_half_year(written), lapses.undeclared)
    registrations = draw_registrations(
        stage.sector, stage.network, stage.calendar, stage.deliveries, counts.registered, stage.streams.records
    )
    deliveries = deliveries_table(stage.sector, stage.network, stage.calendar, stage.deliveries, status)
    exposure = exposure_table(stage.network, stage.exposure, stage.calendar)
    locations = locations_table(stage.sector, stage.network, stage.calendar)
    planted = [*lapses.planted]
    if layers.errors is not None:
        if admissions is not None:
            planted.append(admissions.planted)
            rows = admission_rows(admissions, stage, registrations, stage.streams.admissions)
            registrations = pd.concat([registrations, rows], ignore_index=True)
        site = Site(stage.network, stage.calendar, lapses.migration_year)
        registrations, notes = plant_errors(registrations, site, layers.errors, stage.streams.planting)
        exposure, faults = plant_exposure_errors(exposure, layers.errors, stage.streams.exposure_errors)
        locations = locations.assign(ehr_migrated_on=lapses.migrated_on[stage.network.provider].astype("datetime64[s]"))
        planted += [*notes, *faults, *planted_deliveries(deliveries)]
    if layers.context is not None:
        registrations, deliveries = under_old_law(registrations, deliveries)
    if layers.versions is not None:
        registrations, deliveries = with_versions(
            registrations, deliveries, stage.sector, layers.versions, stage.streams.versions
        )
    tables = read_tables(
        registrations=registrations,
        exposure=exposure,
        locations=locations,
        deliveries=deliveries,
        **_evidence(stage, means, chance, counts, layers.evidence),
    )
    return tables, join_planted(planted)


def _evidence(stage: Stage, means: Cube, chance: Cube, counts: Counts, plan: EvidenceParameters) -> dict[str, Any]:
    # Standing measures are planned, and nobody finds them as events in a file or in a second source.
    forms = [i for i, name in enumerate(stage.sector.form_names) if name not in stage.sector.standing_forms]
    happened = Happened(
        providers=tuple(stage.network.provider_ids.tolist()),
        forms=tuple(stage.sector.form_names[i] for i in forms),
        calendar=stage.calendar,
        true=stage.to_providers(counts.true)[:, :, forms],
        registered=stage.to_providers(counts.registered)[:, :, forms],
        expected=stage.to_providers(means)[:, :, forms],
        completeness=chance[:, :, forms],
        quality=stage.background.shift.mean(axis=1),
        delivered=stage.deliveries.correct,
    )
    return {
        "audits": audits_table(happened, plan, stage.streams.audit),
        "second_source": second_source_table(happened, plan, stage.streams.second_source),
        "controls": controls_table(happened, plan, stage.streams.controls),
    }


def _by_half_year(written: Matrix) -> Matrix:
    """Registrations by provider and quarter (P, T) summed to half-years (P, H)."""
    providers, quarters = written.shape
    return np.asarray(written.reshape(providers, quarters // 2, 2).sum(axis=2))

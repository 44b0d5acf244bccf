"""A synthetic register of closed youth care (JeugdzorgPlus): planned and unplanned seclusion, locations that close."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from dwangstats._types import Matrix
from dwangstats.data.reading.read import Tables, read_tables
from dwangstats.worlds.counts import Counts
from dwangstats.worlds.deliveries import Deliveries, deliveries_table, delivery_status, planted_deliveries
from dwangstats.worlds.events import Cube, by_provider
from dwangstats.worlds.exposure import Exposure, exposure_table
from dwangstats.worlds.exposure_errors import plant_exposure_errors
from dwangstats.worlds.lapses import no_lapses
from dwangstats.worlds.months import Months
from dwangstats.worlds.network import Network, locations_table
from dwangstats.worlds.parameters import SizeName, WorldName
from dwangstats.worlds.planted import ErrorParameters, join_planted
from dwangstats.worlds.planting import Site, plant_errors
from dwangstats.worlds.records import draw_registrations
from dwangstats.worlds.result import World
from dwangstats.worlds.streams import Streams, open_streams, seed_numbers
from dwangstats.worlds.versions import VersionParameters, with_versions
from dwangstats.worlds.youth_events import (
    YouthBackground,
    YouthPath,
    calibrate_youth_path,
    draw_youth_background,
    draw_youth_counts,
    planned_means,
    published_totals,
    starting_youth_path,
    youth_completeness,
    youth_means,
)
from dwangstats.worlds.youth_parameters import KINDS, SCENARIOS, SECTOR, SIZES, STAGES, YEARS, YOUTH
from dwangstats.worlds.youth_places import (
    draw_youth_deliveries,
    draw_youth_exposure,
    draw_youth_network,
    youth_capacity,
)


def make_youth(
    name: WorldName,
    size: SizeName,
    sequence: np.random.SeedSequence,
    calibrate: bool,
    errors: ErrorParameters | None,
    versions: VersionParameters | None,
) -> World:
    """Make a synthetic register of closed youth care, by month from October 2019 to December 2024.

    The three worlds show the same stages: 1,613 unplanned seclusions registered in stage 3 (September 2020 to February
    2021), 61 % fewer than in stage 2 (October 2019 to March 2020) with mean occupancy taken into account. In
    "real-only" events fell by as much, in "mixed" they halved and completeness fell too, in "registration-only" nothing
    changed but completeness. Parameters are those of `dwangstats.worlds.make`.
    """
    scenario, plan, streams, calendar = SCENARIOS[name], YOUTH, open_streams(sequence), Months(YEARS)
    slope = streams.registration.standard_normal(SIZES[size].locations)
    network = draw_youth_network(SIZES[size], plan, calendar, slope, streams.network)
    capacity = youth_capacity(SIZES[size], network, calendar)
    exposure = draw_youth_exposure(capacity, plan, calendar, streams.exposure)
    background = draw_youth_background(network, exposure, calendar, plan, slope, streams.events)
    path, totals = starting_youth_path(scenario, plan), None
    if calibrate:
        totals = published_totals(background, SIZES[size])
        path = calibrate_youth_path(background, scenario, path, totals)
    planned = planned_means(network, exposure, calendar, plan, streams.patterns)
    means = np.stack([youth_means(background, path), planned], axis=2)
    unplanned = youth_completeness(background, path)
    chance = np.stack([unplanned, np.full_like(unplanned, plan.planned_completeness)], axis=2)
    counts = draw_youth_counts(means, chance[network.provider], background, totals, streams.counts)
    deliveries = draw_youth_deliveries(network.kind.size, plan, calendar, streams.deliveries)
    frames, notes = _frames(network, exposure, capacity, calendar, deliveries, counts, errors, versions, streams)
    return World(
        name=name,
        size=size,
        seed=seed_numbers(sequence),
        parameters=_parameters(name, size, calibrate, path, errors, versions),
        tables=_read(frames),
        truth=_truth(network, exposure, calendar, deliveries, means, chance, counts),
        figures=_figures(background, means, counts, deliveries),
        planted=join_planted(notes),
    )


def _frames(
    network: Network,
    exposure: Exposure,
    capacity: Matrix,
    calendar: Months,
    deliveries: Deliveries,
    counts: Counts,
    errors: ErrorParameters | None,
    versions: VersionParameters | None,
    streams: Streams,
) -> tuple[dict[str, pd.DataFrame], list[pd.DataFrame]]:
    """The tables, and the truth tables of what is wrong with them."""
    written = by_provider(counts.registered, network.provider, network.kind.size).sum(axis=2)
    status = delivery_status(deliveries, _by_half_year(written, calendar))
    registrations = _registrations(network, calendar, deliveries, counts.registered, streams)
    frames = {
        "registrations": registrations,
        "exposure": _exposure_table(network, exposure, capacity, calendar),
        "locations": locations_table(SECTOR, network, calendar),
        "deliveries": _of_open_providers(
            deliveries_table(SECTOR, network, calendar, deliveries, status), network, exposure, calendar
        ),
    }
    notes: list[pd.DataFrame] = []
    if errors is not None:
        site = Site(network, calendar, no_lapses(network.kind.size, calendar, 1).migration_year)
        frames["registrations"], in_rows = plant_errors(registrations, site, errors, streams.planting)
        frames["exposure"], faults = plant_exposure_errors(frames["exposure"], errors, streams.exposure_errors)
        notes = [*in_rows, *faults, *planted_deliveries(frames["deliveries"])]
    if versions is not None:
        frames["registrations"], frames["deliveries"] = with_versions(
            frames["registrations"], frames["deliveries"], SECTOR, versions, streams.versions
        )
    return frames, notes


def _of_open_providers(
    deliveries: pd.DataFrame, network: Network, exposure: Exposure, calendar: Months
) -> pd.DataFrame:
    """The deliveries of half-years in which a provider had youths."""
    days = by_provider(exposure.bed_days[:, :, None], network.provider, network.kind.size).sum(axis=2)
    return deliveries.loc[_by_half_year(days, calendar).ravel() > 0.0].reset_index(drop=True)


def _registrations(
    network: Network, calendar: Months, deliveries: Deliveries, registered: Cube, streams: Streams
) -> pd.DataFrame:
    """Unplanned ones per youth, and planned ones per group: on the hour, for one hour, without a youth."""
    parts = []
    for i, kind in enumerate(KINDS):
        mine = np.zeros_like(registered)
        mine[:, :, i] = registered[:, :, i]
        rows = draw_registrations(SECTOR, network, calendar, deliveries, mine, streams.records)
        rows = rows.assign(planned=kind == "planned", client_id=rows["client_id"].astype("str"))
        if kind == "planned":
            begin = rows["begin"].dt.normalize() + pd.Timedelta(hours=13)
            rows = rows.assign(client_id=None, begin=begin, end=begin + pd.Timedelta(hours=1))
        parts.append(rows)
    both = pd.concat([part.astype({"client_id": "str"}) for part in parts], ignore_index=True)
    both = both.sort_values(["provider_id", "begin", "location_id", "planned"], kind="stable").reset_index(drop=True)
    return both.assign(
        registration_id=[f"r{i + 1:06d}" for i in range(len(both))],
        client_id=both["client_id"].where(~both["planned"]),
    )


def _exposure_table(network: Network, exposure: Exposure, capacity: Matrix, calendar: Months) -> pd.DataFrame:
    """By location and month, with the stage of the letter that the month is in ("other" outside both)."""
    frame = exposure_table(network, exposure, calendar)
    location, month = np.nonzero(exposure.bed_days > 0)
    stage = np.full(len(calendar.starts), "other", dtype=object)
    for label, (first, last) in STAGES.items():
        stage[calendar.between(first, last)] = label
    return frame.assign(capacity=capacity[location, month].astype(np.int64), stage=stage[month])


def _truth(
    network: Network,
    exposure: Exposure,
    calendar: Months,
    deliveries: Deliveries,
    means: Cube,
    chance: Cube,
    counts: Counts,
) -> pd.DataFrame:
    names = [network.provider_ids.tolist(), calendar.quarters, list(KINDS)]
    index = pd.MultiIndex.from_product(names, names=["provider_id", "period", "form"])
    total = [by_provider(cube, network.provider, network.kind.size) for cube in (counts.true, counts.registered, means)]
    days = by_provider(exposure.bed_days[:, :, None], network.provider, network.kind.size)
    frame: pd.DataFrame = index.to_frame(index=False)
    delivered = deliveries.correct[:, calendar.half_year][:, :, None]
    return frame.assign(
        true_events=total[0].ravel().astype(np.int64),
        registered_events=total[1].ravel().astype(np.int64),
        completeness=chance.ravel(),
        expected_rate=(1000.0 * total[2] / np.where(days > 0.0, days, np.nan)).ravel(),
        delivered=np.broadcast_to(delivered, chance.shape).ravel(),
    )


def _figures(background: YouthBackground, means: Cube, counts: Counts, deliveries: Deliveries) -> dict[str, Any]:
    """Unplanned events of both stages, and their change by mean occupancy, by youth-days and as a count."""
    calendar = background.calendar
    series = {
        "registered": counts.registered[:, :, 0].sum(axis=0),
        "true": counts.true[:, :, 0].sum(axis=0),
        "expected_true": means[:, :, 0].sum(axis=0),
    }
    stages = {
        label: {name: round(float(values[stage].sum()), 3) for name, values in series.items()}
        | {"mean_occupancy": round(occupancy, 2), "days": float(calendar.days[stage].sum())}
        for label, stage, occupancy in zip(STAGES, background.stages, background.occupancy, strict=True)
    }
    before, after = stages["2"], stages["3"]
    occupied, days = (after[q] / before[q] for q in ("mean_occupancy", "days"))
    change = {
        name: {
            "adjusted": round(after[name] / before[name] / occupied - 1.0, 6),
            "per_youth_day": round(after[name] / before[name] / occupied / days - 1.0, 6),
            "count": round(after[name] / before[name] - 1.0, 6),
        }
        for name in series
    }
    shown = deliveries.correct[:, calendar.half_year][background.provider][:, :, None]
    return {"stages": stages, "change": change, "rows": int((counts.registered * shown).sum())}


def _parameters(
    name: WorldName,
    size: SizeName,
    calibrated: bool,
    path: YouthPath,
    errors: ErrorParameters | None,
    versions: VersionParameters | None,
) -> dict[str, Any]:
    extra = {"errors": errors, "versions": versions}
    return {
        "sector": asdict(SECTOR),
        "youth": asdict(YOUTH),
        "size": asdict(SIZES[size]),
        "scenario": asdict(SCENARIOS[name]),
        **{key: asdict(plan) for key, plan in extra.items() if plan is not None},
        "calibrated": calibrated,
        "path": {
            "rate": dict(zip(STAGES, np.round(1000.0 * np.exp(path.log_rate), 6).tolist(), strict=True)),
            "completeness": dict(zip(STAGES, np.round(expit(path.logit_mean), 6).tolist(), strict=True)),
        },
    }


def _by_half_year(written: Matrix, calendar: Months) -> Matrix:
    halves = range(len(calendar.half_years))
    return np.stack([written[:, calendar.half_year == half].sum(axis=1) for half in halves], axis=1)


def _read(frames: dict[str, pd.DataFrame]) -> Tables:
    return read_tables(
        registrations=frames["registrations"],
        exposure=frames["exposure"],
        locations=frames["locations"],
        deliveries=frames["deliveries"],
    )

"""A synthetic register with known truth: `make` goes through the layers from providers to tables."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from dwangstats._types import Matrix
from dwangstats.data.read import Tables, read_tables
from dwangstats.errors import DomainError, InternalError
from dwangstats.worlds.calibration import Background, calibrate_path
from dwangstats.worlds.counts import Counts, draw_counts
from dwangstats.worlds.deliveries import Deliveries, deliveries_table, delivery_status, draw_deliveries
from dwangstats.worlds.events import Cube, by_provider, draw_event_means
from dwangstats.worlds.exposure import Exposure, draw_exposure, exposure_table
from dwangstats.worlds.headline import growth_figures, kept_figures
from dwangstats.worlds.network import Network, draw_network, locations_table
from dwangstats.worlds.parameters import (
    AFTER,
    BEFORE,
    NAMES,
    SCENARIOS,
    SIZES,
    WVGGZ,
    YEARS,
    Scenario,
    Sector,
    SizeName,
    WorldName,
)
from dwangstats.worlds.quarters import Calendar
from dwangstats.worlds.records import draw_registrations
from dwangstats.worlds.registration import Path, completeness, draw_quality_shift, growth_factor, starting_path
from dwangstats.worlds.streams import Seed, open_streams, seed_numbers, seed_sequence


@dataclass(frozen=True, slots=True, repr=False)
class World:
    """A synthetic register and the truth behind it.

    Attributes
    ----------
    name, size : str
    seed : tuple of int
        The integer given as seed; for a SeedSequence or Generator its entropy and spawn key.
    parameters : mapping
        Everything the world was made from: sector, size, scenario, calibrated, and under "path" the growth of the
        rate and the mean completeness by form, after calibration.
    tables : Tables
        What an analyst would get: registrations, exposure, locations, deliveries.
    truth : DataFrame
        provider_id, period (quarter), form, true_events, registered_events (written down, delivered or not),
        completeness (probability that an event is registered), expected_rate (expected true events per 1,000
        bed-days given provider effects and frailty; missing without bed-days), delivered (the registrations of this
        half-year are in the register).
    figures : mapping
        "growth" by group of forms, providers ("complete", "all") and kind ("true", "registered", "expected_true",
        "expected_registered"); "kept", the share that providers with three correct years hold of providers, bed_days,
        registrations (in the register) and registrations_written (delivered or not); "rows", registrations in the
        register.
    """

    name: str
    size: str
    seed: tuple[int, ...]
    parameters: Mapping[str, Any]
    tables: Tables
    truth: pd.DataFrame
    figures: Mapping[str, Any]

    def __post_init__(self) -> None:
        over = int((self.truth["registered_events"] > self.truth["true_events"]).sum())
        if over:
            raise InternalError(f"{over} of {len(self.truth)} rows of the truth have more registrations than events")
        outside = int((~self.truth["completeness"].between(0.0, 1.0, inclusive="neither")).sum())
        if outside:
            raise InternalError(f"{outside} of {len(self.truth)} completeness values are not between 0 and 1")

    def __repr__(self) -> str:
        growth = self.figures["growth"]["all"]["complete"]
        return (
            f"World('{self.name}', size='{self.size}', seed={'/'.join(map(str, self.seed))}): "
            f"{self.figures['rows']} registrations; growth {BEFORE} to {AFTER} among providers with three correct "
            f"years: registered {100 * growth['registered']:+.1f} %, true {100 * growth['true']:+.1f} %"
        )


def make(name: WorldName, size: SizeName = "small", rng: Seed = 1, calibrate: bool = True) -> World:
    """Make a synthetic register of compulsory mental health care (Wvggz), 2021 to 2023, with known truth.

    The three worlds give the same published figures (registrations +30 %, seclusions +15 % among the three quarters
    of providers with three correct years) from three truths: registration got better ("registration-only"), both
    ("mixed"), or there was more ("real-only"). Worlds with the same size and seed share providers, exposure, provider
    effects, registration quality and deliveries.

    Parameters
    ----------
    name : {"registration-only", "mixed", "real-only"}
    size : {"tiny", "small", "national"}
        8, 24 or 80 providers.
    rng : int, numpy.random.SeedSequence or numpy.random.Generator
        An int or a SeedSequence always gives the same world; a Generator is spawned from.
    calibrate : bool
        True: one number per form group is solved so that the *expected* growth of registrations, given the drawn
        providers, is the published one (see `dwangstats.worlds.calibration`). False: the parameters of the scenario
        are used as they are, the population from which simulation studies sample.

    Returns
    -------
    World

    Raises
    ------
    DomainError
        If name, size or rng is none of those, or the drawn providers cannot be calibrated.
    """
    _known("world", name, NAMES)
    _known("size", size, tuple(SIZES))
    scenario, sequence = SCENARIOS[name], seed_sequence(rng)
    stage = _set_stage(WVGGZ, size, sequence)
    path = starting_path(WVGGZ, scenario)
    if calibrate:
        path = calibrate_path(stage.background, scenario, path)
    means = stage.means * growth_factor(path, stage.calendar)
    chance = completeness(path, WVGGZ.attenuation, stage.background.shift, stage.calendar)
    counts = draw_counts(means, chance[stage.network.provider], stage.counts)
    return World(
        name=name,
        size=size,
        seed=seed_numbers(sequence),
        parameters=_parameters(WVGGZ, size, scenario, calibrate, path),
        tables=_tables(stage, counts),
        truth=_truth(stage, means, chance, counts),
        figures=_figures(stage, means, chance, counts),
    )


@dataclass(frozen=True, slots=True)
class _Stage:
    """All that worlds with the same seed share, and the two streams that are left."""

    sector: Sector
    calendar: Calendar
    network: Network
    exposure: Exposure
    deliveries: Deliveries
    means: Cube
    background: Background
    counts: np.random.Generator
    records: np.random.Generator

    def to_providers(self, cube: Cube) -> Cube:
        return by_provider(cube, self.network.provider, self.network.kind.size)


def _set_stage(sector: Sector, size: str, sequence: np.random.SeedSequence) -> _Stage:
    streams, calendar = open_streams(sequence), Calendar(YEARS)
    network = draw_network(sector, SIZES[size], calendar, streams.network)
    exposure = draw_exposure(sector, network, calendar, streams.exposure)
    means = draw_event_means(sector, network, exposure, calendar, streams.events)
    deliveries = draw_deliveries(sector, network, calendar, streams.deliveries)
    background = Background(
        base=by_provider(means, network.provider, network.kind.size),
        shift=draw_quality_shift(sector, network, streams.registration),
        attenuation=sector.attenuation,
        complete=deliveries.complete,
        calendar=calendar,
        seclusion=np.array([name == "seclusion" for name in sector.form_names]),
    )
    return _Stage(sector, calendar, network, exposure, deliveries, means, background, streams.counts, streams.records)


def _tables(stage: _Stage, counts: Counts) -> Tables:
    per_half = _by_half_year(stage.to_providers(counts.registered))
    status = delivery_status(stage.deliveries, per_half)
    return read_tables(
        registrations=draw_registrations(
            stage.sector, stage.network, stage.calendar, stage.deliveries, counts.registered, stage.records
        ),
        exposure=exposure_table(stage.network, stage.exposure, stage.calendar),
        locations=locations_table(stage.sector, stage.network, stage.calendar),
        deliveries=deliveries_table(stage.sector, stage.network, stage.calendar, stage.deliveries, status),
    )


def _truth(stage: _Stage, means: Cube, chance: Cube, counts: Counts) -> pd.DataFrame:
    names = [stage.network.provider_ids.tolist(), stage.calendar.quarters, list(stage.sector.form_names)]
    index = pd.MultiIndex.from_product(names, names=["provider_id", "period", "form"])
    bed_days = _provider_bed_days(stage)[:, :, None]
    known = np.where(bed_days > 0.0, bed_days, np.nan)
    shape = chance.shape
    frame: pd.DataFrame = index.to_frame(index=False)
    frame["true_events"] = stage.to_providers(counts.true).ravel().astype(np.int64)
    frame["registered_events"] = stage.to_providers(counts.registered).ravel().astype(np.int64)
    frame["completeness"] = chance.ravel()
    frame["expected_rate"] = (1000.0 * stage.to_providers(means) / known).ravel()
    frame["delivered"] = np.broadcast_to(_delivered(stage)[:, :, None], shape).ravel()
    return frame


def _figures(stage: _Stage, means: Cube, chance: Cube, counts: Counts) -> dict[str, Any]:
    expected = stage.to_providers(means)
    registered = stage.to_providers(counts.registered)
    cubes = {
        "true": stage.to_providers(counts.true),
        "registered": registered,
        "expected_true": expected,
        "expected_registered": expected * chance,
    }
    written = registered.sum(axis=2)
    delivered = written * _delivered(stage)
    complete = stage.deliveries.complete
    amounts = {
        "bed_days": _provider_bed_days(stage).sum(axis=1),
        "registrations": delivered.sum(axis=1),
        "registrations_written": written.sum(axis=1),
    }
    return {
        "growth": growth_figures(stage.sector.form_names, stage.calendar, complete, cubes),
        "kept": kept_figures(complete, amounts),
        "rows": int(delivered.sum()),
    }


def _parameters(sector: Sector, size: str, scenario: Scenario, calibrated: bool, path: Path) -> dict[str, Any]:
    solved = {
        "rate_growth": np.expm1(path.log_growth),
        "completeness_before": expit(path.logit_before),
        "completeness_after": expit(path.logit_after),
    }
    return {
        "sector": asdict(sector),
        "size": asdict(SIZES[size]),
        "scenario": asdict(scenario),
        "calibrated": calibrated,
        "path": {
            quantity: dict(zip(sector.form_names, np.round(values, 6).tolist(), strict=True))
            for quantity, values in solved.items()
        },
    }


def _provider_bed_days(stage: _Stage) -> Matrix:
    return stage.to_providers(stage.exposure.bed_days[:, :, None])[:, :, 0]


def _delivered(stage: _Stage) -> NDArray[np.bool_]:
    return np.asarray(stage.deliveries.correct[:, stage.calendar.half_year])


def _by_half_year(cube: Cube) -> Matrix:
    providers, quarters, forms = cube.shape
    return np.asarray(cube.reshape(providers, quarters // 2, 2 * forms).sum(axis=2))


def _known(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DomainError(f"there is no {what} '{value}'; choose one of {', '.join(choices)}")

"""A synthetic register with known truth: `make` goes through the layers from providers to tables."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
import pandas as pd
from scipy.special import expit

from dwangstats.errors import DomainError
from dwangstats.worlds.admissions import draw_admissions
from dwangstats.worlds.calibration import PUBLISHED, calibrate_path
from dwangstats.worlds.context import ContextParameters
from dwangstats.worlds.counts import draw_counts
from dwangstats.worlds.lapses import PatternParameters, thin_registered
from dwangstats.worlds.parameters import (
    EVIDENCE,
    NAMES,
    SCENARIOS,
    SIZES,
    WVGGZ,
    EvidenceParameters,
    Scenario,
    Sector,
    SectorName,
    Size,
    SizeName,
    WorldName,
)
from dwangstats.worlds.planted import ErrorParameters
from dwangstats.worlds.register import Layers, build_register, lapses_of
from dwangstats.worlds.registration import Path, completeness, growth_factor, starting_path
from dwangstats.worlds.result import World
from dwangstats.worlds.stage import set_stage
from dwangstats.worlds.streams import Seed, seed_numbers, seed_sequence
from dwangstats.worlds.truth import headline_figures, truth_frame, truth_of_admissions
from dwangstats.worlds.versions import VERSIONS, VersionParameters
from dwangstats.worlds.wzd_parameters import PUBLISHED_GROWTH_WZD, WZD, WZD_SCENARIOS, WZD_SIZES
from dwangstats.worlds.youth import make_youth

__all__ = ["World", "make"]


def make(
    name: WorldName,
    size: SizeName = "small",
    rng: Seed = 1,
    calibrate: bool = True,
    evidence: EvidenceParameters = EVIDENCE,
    *,
    sector: SectorName = "wvggz",
    errors: ErrorParameters | None = None,
    patterns: PatternParameters | None = None,
    versions: bool | VersionParameters = False,
    context: ContextParameters | None = None,
) -> World:
    """Make a synthetic register of forced care with known truth.

    A register of compulsory mental health care (Wvggz), 2021 to 2023, unless `sector` says otherwise. The three worlds
    give the same published figures (registrations +30 %, seclusions +15 % among the three quarters of providers with
    three correct years) from three truths: registration got better ("registration-only"), both
    ("mixed"), or there was more ("real-only"). Worlds with the same size and seed share providers, exposure, provider
    effects, registration quality and deliveries.

    Parameters
    ----------
    name : {"registration-only", "mixed", "real-only"}
    size : {"tiny", "small", "national"}
        8, 24 or 80 providers (Wvggz); 8, 60 or 350 (Wzd); 6 locations, or all 19 of closed youth care.
    rng : int, numpy.random.SeedSequence or numpy.random.Generator
        An int or a SeedSequence always gives the same world; a Generator is spawned from.
    calibrate : bool
        True: one number per form group is solved so that the *expected* growth of registrations, given the drawn
        providers, is the published one (see `dwangstats.worlds.calibration`). False: the parameters of the scenario
        are used as they are, the population from which simulation studies sample.
    evidence : EvidenceParameters
        The audit, the second source and the control outcomes; they change nothing in the other tables.
    sector : {"wvggz", "wzd", "youth"}
        "wzd": involuntary care for people with dementia or an intellectual disability (Wzd), 2021 to 2023, standing
        measures planned and the others not; registrations +18.6 %. "youth": closed youth care (JeugdzorgPlus) by month,
        October 2019 to December 2024, see `dwangstats.worlds.youth.make_youth`; it has no evidence and no patterns.
    errors : ErrorParameters, optional
        Plant errors of registration and of bed-days; `World.planted` names each. Calibration comes before them, so that
        they move the growth away from the published one.
    patterns : PatternParameters, optional
        Let some providers be silent always, at first, at the end, or now and then.
    versions : bool or VersionParameters
        True: with every version of each delivery; the last one is the register without versions. Parameters say what
        earlier versions are like, and whether late files came in one round.
    context : ContextParameters, optional
        Begin in 2019, under the old law; with corona, the new funding system of 2022 and security levels.

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
    _known("sector", sector, get_args(SectorName))
    plan = versions if isinstance(versions, VersionParameters) else VERSIONS if versions else None
    layers = Layers(evidence, errors, patterns, plan, context)
    if sector == "youth":
        if patterns is not None or context is not None:
            raise DomainError(
                "a world of closed youth care has its own corona months and duty to register, and every institution "
                "registers; leave out patterns= and context="
            )
        return make_youth(name, size, seed_sequence(rng), calibrate, errors, layers.versions)
    return _make_register(name, size, sector, seed_sequence(rng), calibrate, layers)


def _make_register(
    name: WorldName,
    size: SizeName,
    sector_name: SectorName,
    sequence: np.random.SeedSequence,
    calibrate: bool,
    layers: Layers,
) -> World:
    plan = PLANS[sector_name]
    scenario, sector = plan.scenarios[name], plan.sector
    stage = set_stage(sector, plan.sizes[size], sequence, layers.context)
    path = starting_path(sector, scenario)
    if calibrate:
        path = calibrate_path(stage.background, scenario, path, plan.published)
    means = stage.means * growth_factor(path, stage.calendar)
    chance = completeness(path, sector.attenuation, stage.background.shift, stage.calendar)
    counts = draw_counts(means, chance[stage.network.provider], stage.streams.counts)
    lapses = lapses_of(stage, layers)
    chance = chance * lapses.factor
    counts = thin_registered(counts, lapses.factor[stage.network.provider], stage.streams.thinning)
    admissions = None
    if sector_name == "wvggz" and layers.errors is not None and layers.errors.forced_admissions > 0.0:
        left = lapses.factor.min(axis=2)
        admissions = draw_admissions(stage, left, layers.errors, stage.streams.admissions)
    tables, planted = build_register(stage, means, chance, counts, admissions, lapses, layers)
    truth = truth_frame(stage, means, chance, counts)
    if admissions is not None:
        truth = pd.concat([truth, truth_of_admissions(stage, admissions)], ignore_index=True)
    return World(
        name=name,
        size=size,
        seed=seed_numbers(sequence),
        parameters=_parameters(sector, plan.sizes[size], scenario, layers, calibrate, path),
        tables=tables,
        truth=truth,
        figures=headline_figures(stage, means, chance, counts),
        planted=planted,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a sector is made from: its sizes and scenarios, and the published growth of its registrations."""

    sector: Sector
    sizes: Mapping[SizeName, Size]
    scenarios: Mapping[WorldName, Scenario]
    published: tuple[float, float]


PLANS = MappingProxyType(
    {
        "wvggz": _Plan(WVGGZ, SIZES, SCENARIOS, PUBLISHED),
        "wzd": _Plan(WZD, WZD_SIZES, WZD_SCENARIOS, (PUBLISHED_GROWTH_WZD, PUBLISHED_GROWTH_WZD)),
    }
)


def _parameters(
    sector: Sector, size: Size, scenario: Scenario, layers: Layers, calibrated: bool, path: Path
) -> dict[str, Any]:
    solved = {
        "rate_growth": np.expm1(path.log_growth),
        "completeness_before": expit(path.logit_before),
        "completeness_after": expit(path.logit_after),
    }
    return {
        "sector": asdict(sector),
        "size": asdict(size),
        "scenario": asdict(scenario),
        "evidence": asdict(layers.evidence),
        **{name: asdict(plan) for name, plan in _extra(layers).items()},
        "calibrated": calibrated,
        "path": {
            quantity: dict(zip(sector.form_names, np.round(values, 6).tolist(), strict=True))
            for quantity, values in solved.items()
        },
    }


def _extra(layers: Layers) -> dict[str, Any]:
    """The layers that a world may be without, and that it has."""
    plans = {name: getattr(layers, name) for name in ("errors", "patterns", "versions", "context")}
    return {name: plan for name, plan in plans.items() if plan is not None}


def _known(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DomainError(f"there is no {what} '{value}'; choose one of {', '.join(choices)}")

"""A synthetic register with known truth: `make` goes through the layers from providers to tables."""

from dataclasses import asdict
from typing import Any, get_args

import numpy as np
import pandas as pd
from scipy.special import expit

from dwangstats.errors import DomainError
from dwangstats.worlds.admissions import draw_admissions
from dwangstats.worlds.calibration import calibrate_path
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
from dwangstats.worlds.versions import VERSIONS
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
    versions: bool = False,
) -> World:
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
    evidence : EvidenceParameters
        The audit, the second source and the control outcomes; they change nothing in the other tables.
    errors : ErrorParameters, optional
        Plant errors of registration and of bed-days; `World.planted` names each. Calibration comes before them, so that
        they move the growth away from the published one.
    patterns : PatternParameters, optional
        Let some providers be silent always, at first, at the end, or now and then.
    versions : bool
        True: with every version of each delivery; the last one is the register without versions.

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
    layers = Layers(evidence, errors, patterns, VERSIONS if versions else None)
    if sector == "youth":
        if patterns is not None:
            raise DomainError("every institution of closed youth care registers, so there are no patterns= to draw")
        return make_youth(name, size, seed_sequence(rng), calibrate, errors, layers.versions)
    return _make_register(name, size, seed_sequence(rng), calibrate, layers)


def _make_register(
    name: WorldName, size: SizeName, sequence: np.random.SeedSequence, calibrate: bool, layers: Layers
) -> World:
    scenario = SCENARIOS[name]
    stage = set_stage(WVGGZ, SIZES[size], sequence)
    path = starting_path(WVGGZ, scenario)
    if calibrate:
        path = calibrate_path(stage.background, scenario, path)
    means = stage.means * growth_factor(path, stage.calendar)
    chance = completeness(path, WVGGZ.attenuation, stage.background.shift, stage.calendar)
    counts = draw_counts(means, chance[stage.network.provider], stage.streams.counts)
    lapses = lapses_of(stage, layers)
    chance = chance * lapses.factor
    counts = thin_registered(counts, lapses.factor[stage.network.provider], stage.streams.thinning)
    admissions = None
    if layers.errors is not None and layers.errors.forced_admissions > 0.0:
        admissions = draw_admissions(
            stage.sector, stage.network, stage.exposure, stage.calendar, lapses.factor.min(axis=2), layers.errors,
            stage.streams.admissions,
        )  # fmt: skip
    tables, planted = build_register(stage, means, chance, counts, admissions, lapses, layers)
    truth = truth_frame(stage, means, chance, counts)
    if admissions is not None:
        truth = pd.concat([truth, truth_of_admissions(stage, admissions)], ignore_index=True)
    return World(
        name=name,
        size=size,
        seed=seed_numbers(sequence),
        parameters=_parameters(WVGGZ, size, scenario, layers, calibrate, path),
        tables=tables,
        truth=truth,
        figures=headline_figures(stage, means, chance, counts),
        planted=planted,
    )


def _parameters(
    sector: Sector, size: SizeName, scenario: Scenario, layers: Layers, calibrated: bool, path: Path
) -> dict[str, Any]:
    solved = {
        "rate_growth": np.expm1(path.log_growth),
        "completeness_before": expit(path.logit_before),
        "completeness_after": expit(path.logit_after),
    }
    return {
        "sector": asdict(sector),
        "size": asdict(SIZES[size]),
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
    plans = {"errors": layers.errors, "patterns": layers.patterns, "versions": layers.versions}
    return {name: plan for name, plan in plans.items() if plan is not None}


def _known(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DomainError(f"there is no {what} '{value}'; choose one of {', '.join(choices)}")

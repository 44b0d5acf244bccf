"""How much each kind of evidence tells about the change in events: the analyses that the study compares."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import norm

from dwangstats.change.cells import match_cells
from dwangstats.change.decomposition import decompose_change
from dwangstats.change.parts import MOVED, REAL, REGISTRATION, CellValues, divide
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import FitError
from dwangstats.numerics.thinned.ascent import Likelihood
from dwangstats.numerics.thinned.fit import hessian
from dwangstats.numerics.thinned.start import starting_vector
from dwangstats.registration.evidence.audit import Audit
from dwangstats.registration.evidence.indicator import Indicator
from dwangstats.registration.evidence.prior import CompletenessPrior
from dwangstats.registration.model import RegistrationModel
from dwangstats.registration.ratios import rate_ratio
from dwangstats.registration.results import RegistrationResult
from dwangstats.registration.under import under_registration
from dwangstats.study.study import Analysis, Answer
from dwangstats.worlds.thinned import ThinnedDesign, ThinnedPanel, draw_thinned

PRIOR_SD: Final = 0.4
PRIOR_PROBABILITY: Final = 0.90
DRAWS: Final = 400
FIXED_NODES: Final = (15, 7)
MOST_STEPS: Final = 100
QUANTITIES: Final = ("log rate ratio", "logit completeness")

TIME: Final = "center(time)"
YEARS: Final = (2021, 2023)
WITH_QUALITY: Final = 0.8

DESIGNS: Final[Mapping[str, ThinnedDesign]] = {
    "plain": ThinnedDesign(),
    "quality": ThinnedDesign(quality_effect=WITH_QUALITY),
    "violated": ThinnedDesign(quality_effect=WITH_QUALITY, quality_on_rate=0.1),
}
"""Panels of 60 providers and 12 quarters: completeness 0.77 in the middle, rising by 0.8 on the logit scale."""


def drawer(name: str) -> Callable[[np.random.Generator], ThinnedPanel]:
    """The draw of one of the `DESIGNS`."""
    return partial(draw_thinned, DESIGNS[name])


def evidence_analyses(name: str) -> dict[str, Analysis]:
    """The analyses of the panels of one of the `DESIGNS`, by the evidence that they use."""
    found: dict[str, Mapping[str, Mapping[str, Any]]] = {
        "plain": {
            "counts only": {},
            "counts only, shown all the same": {"unidentified": True},
            "audit": {"audit": True, "predict": True},
            "prior, right": {"prior": 0.77},
            "prior, right, shown all the same": {"prior": 0.77, "unidentified": True},
            "prior, right, shown all the same, started at the truth": {
                "prior": 0.77,
                "unidentified": True,
                "start_at_truth": True,
            },
            "prior, wrong": {"prior": 0.90},
            "prior, wrong, shown all the same": {"prior": 0.90, "unidentified": True},
        },
        "quality": {
            "quality indicator": {"quality": True, "predict": True},
            "quality indicator and audit": {"quality": True, "audit": True, "predict": True},
        },
        "violated": {"quality indicator, exclusion violated": {"quality": True}},
    }
    return {label: partial(analyse, design=DESIGNS[name], **options) for label, options in found[name].items()}


def analyse(
    panel: ThinnedPanel,
    rng: np.random.Generator,
    *,
    design: ThinnedDesign,
    audit: bool = False,
    quality: bool = False,
    prior: float | None = None,
    unidentified: bool = False,
    start_at_truth: bool = False,
    predict: bool = False,
) -> Sequence[Answer]:
    """Log adjusted rate ratio, logit completeness, unregistered events and the parts of the change.

    Parameters
    ----------
    panel : ThinnedPanel
    rng : numpy.random.Generator
        For predictions.
    design : ThinnedDesign
        What the panel was drawn from; only the truth is read from it.
    audit, quality : bool
        Evidence to use.
    prior : float, optional
        Middle of a prior of completeness.
    unidentified : bool
        Give the first two from the top of the likelihood that is found first, without ledger and certificate: what a
        program prints that refuses nothing.
    start_at_truth : bool
        Begin that climb at the true rates and completeness, which nobody knows outside a simulation.
    predict : bool
        Give the last two as well.

    Raises
    ------
    IdentificationError
        If the evidence does not identify the change.
    FitError
        If the fit is not certified.
    """
    model = RegistrationModel(
        rate=f"events ~ {TIME} + (1 | provider)",
        registration=f"~ {TIME}{' + quality' if quality else ''} + (1 | provider)",
        panel=panel_of(panel),
        family="poisson",
        evidence=_evidence(panel, audit=audit, quality=quality, prior=prior),
        rho="prior",
    )
    if unidentified:
        return _unasked(model, design, start_at_truth=start_at_truth)
    result = model.fit()
    answers = [_log_ratio(result, design), _level(result, design)]
    return [*answers, _unregistered(result, panel, rng), *_parts(result, panel, rng)] if predict else answers


def panel_of(panel: ThinnedPanel) -> Panel:
    """The counts as a panel, with the quality score as covariate; its rows are in the order of the counts."""
    return Panel.from_frame(
        panel.counts, provider="provider", period="period", events="events", exposure="bed_days", covariates="quality"
    )


def _evidence(panel: ThinnedPanel, *, audit: bool, quality: bool, prior: float | None) -> list[Any]:
    evidence: list[Any] = []
    if audit:
        evidence.append(Audit(panel.audits))
    if quality:
        evidence.append(Indicator("quality"))
    if prior is not None:
        reach = norm.isf((1.0 - PRIOR_PROBABILITY) / 2.0) * PRIOR_SD
        low, high = expit(logit(prior) - reach), expit(logit(prior) + reach)
        evidence.append(CompletenessPrior(float(low), float(high), probability=PRIOR_PROBABILITY))
    return evidence


def _span(result: RegistrationResult) -> tuple[float, float]:
    times = result.panel.observed["time"]
    return float(times.min()), float(times.max())


def _unasked(model: RegistrationModel, design: ThinnedDesign, *, start_at_truth: bool) -> list[Answer]:
    """Wald intervals at the maximum that a plain climb finds, as printed by a program that asks no further.

    Raises
    ------
    FitError
        The information is not positive definite, so that there is not even a standard error.
    """
    problem, names = model.assembled.problem, model.assembled.names
    likelihood = Likelihood(problem, FIXED_NODES)
    times = model.panel.observed["time"]
    span = float(times.max() - times.min())
    start = starting_vector(likelihood.arrangement)
    if start_at_truth:
        start[names.index(f"rate:{TIME}")] = math.log(design.rate_ratio) / span
        start[names.index(f"registration:{TIME}")] = design.completeness_slope / span
    climbed = minimize(
        lambda vector: tuple(-part for part in likelihood(vector)),
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(floor, None) for floor in problem.layout.floors],
        options={"maxiter": MOST_STEPS},
    ).x
    free = climbed > problem.layout.floors
    information = hessian(problem, climbed, free, nodes=FIXED_NODES)
    if np.linalg.eigvalsh(information)[0] <= 0.0:
        raise FitError("the information is not positive definite")
    errors = np.zeros(climbed.size)
    errors[free] = np.sqrt(np.diag(np.linalg.inv(information)))
    truths = {f"rate:{TIME}": math.log(design.rate_ratio), "registration:Intercept": float(logit(design.completeness))}
    answers = []
    for (name, truth), quantity, scale in zip(truths.items(), QUANTITIES, (span, 1.0), strict=True):
        place = names.index(name)
        value, error = scale * float(climbed[place]), scale * float(errors[place])
        arm = float(norm.isf(0.025)) * error
        answers.append(Answer(quantity, truth, value, value - arm, value + arm, error))
    return answers


def _log_ratio(result: RegistrationResult, design: ThinnedDesign) -> Answer:
    """Log ratio of the rates of events, last quarter over first, with its profile interval."""
    first, last = _span(result)
    found = rate_ratio(result, "time", before=first, after=last, scale="adjusted")
    return Answer(
        QUANTITIES[0],
        truth=math.log(design.rate_ratio),
        estimate=math.log(found.estimate),
        lower=math.log(found.lower) if found.lower > 0.0 else -math.inf,
        upper=math.log(found.upper),
        standard_error=float(result.bse[f"rate:{TIME}"]) * (last - first),
    )


def _level(result: RegistrationResult, design: ThinnedDesign) -> Answer:
    """Logit completeness of a middling provider at the middle of the period."""
    name = "registration:Intercept"
    value, error = float(result.params[name]), float(result.bse[name])
    arm = float(norm.isf(0.025)) * error
    return Answer(QUANTITIES[1], float(logit(design.completeness)), value, value - arm, value + arm, error)


def _unregistered(result: RegistrationResult, panel: ThinnedPanel, rng: np.random.Generator) -> Answer:
    total = under_registration(result, rng=rng, draws=DRAWS).total
    return Answer("unregistered events", float(panel.unregistered), total.estimate, total.lower, total.upper)


def _parts(result: RegistrationResult, panel: ThinnedPanel, rng: np.random.Generator) -> list[Answer]:
    """Registration and real change between the first and the last year, in registrations."""
    before, after = YEARS
    found = decompose_change(result, variable="year", before=before, after=after, rng=rng, draws=DRAWS)
    truth = true_parts(panel)
    return [
        Answer(part, truth[part], found.parts[part].estimate, found.parts[part].lower, found.parts[part].upper)
        for part in (REGISTRATION, REAL)
    ]


def true_parts(panel: ThinnedPanel) -> dict[str, float]:
    """The parts of the expected change between the first and the last year under the true rates and completeness."""
    rows = panel.counts.assign(year=panel.counts["period"].str[:4].astype(int))
    cells = match_cells(
        pd.DataFrame(rows), rows["bed_days"].to_numpy(dtype=np.float64), "year", before=YEARS[0], after=YEARS[1]
    )
    ends = (cells.before, cells.after)
    log_rate = np.log(np.array([[panel.rate[rows] for rows in ends]] * 2))[:, :, None, :]
    values = CellValues(
        log_rate=log_rate,
        completeness=np.array([panel.completeness[rows] for rows in ends])[:, None, :],
        leaving=np.zeros((1, 0)),
        entering=np.zeros((1, 0)),
    )
    return dict(zip(MOVED, divide(values, cells, "counts")[:, 0].tolist(), strict=True))

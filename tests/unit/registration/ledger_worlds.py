"""Registers with known completeness, small enough to fit in a moment, and evidence drawn from their events."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.special import expit

from dwangstats.data.panels.panel import Panel
from dwangstats.registration.evidence.audit import Audit
from dwangstats.registration.evidence.control import ControlOutcome
from dwangstats.registration.evidence.indicator import Indicator
from dwangstats.registration.evidence.prior import CompletenessPrior
from dwangstats.registration.evidence.second_source import SecondSource
from dwangstats.registration.model import RegistrationModel
from dwangstats.registration.results import RegistrationResult

YEARS = (2021, 2022)
RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"
LOG_RATIO = 0.10
"""Real change of the rate."""


@cache
def register(seed: int = 1, providers: int = 30, quality: float = 0.0, level: float = 0.9) -> pd.DataFrame:
    """Provider x half-year: events (registered), true, p, bed_days and a quality score."""
    rng = np.random.default_rng(seed)
    u, v = 0.4 * rng.normal(size=providers), 0.5 * rng.normal(size=providers)
    rows = []
    for g in range(providers):
        for year in YEARS:
            for half in (1, 2):
                late, score = year - YEARS[0], rng.normal()
                p = float(expit(level + 0.6 * late + v[g] + quality * score))
                days = 2000.0 * float(np.exp(0.3 * rng.normal()))
                true = int(rng.poisson(days * 0.02 * np.exp(LOG_RATIO * late + u[g])))
                rows.append((f"P{g:02d}", f"{year}-H{half}", year, int(rng.binomial(true, p)), days, true, p, score))
    names = ["provider", "period", "year", "events", "bed_days", "true", "p", "quality"]
    return pd.DataFrame(rows, columns=names)


def audit_of(
    frame: pd.DataFrame, *, providers: int = 15, found: int = 20, years: tuple[int, ...] = YEARS, seed: int = 2
) -> Audit:
    """An audit that finds the same number of events everywhere."""
    rng = np.random.default_rng(seed)
    rows = frame[frame["provider"].isin(sorted(frame["provider"].unique())[:providers]) & frame["year"].isin(years)]
    table = pd.DataFrame(
        {
            "provider_id": rows["provider"],
            "period": rows["period"],
            "n_found": found,
            "n_registered": rng.binomial(found, rows["p"]),
        }
    )
    return Audit(table)


def control_of(frame: pd.DataFrame, seed: int = 3) -> ControlOutcome:
    """Counts that follow the true trend, half as many as the events, completely registered."""
    rng = np.random.default_rng(seed)
    mean = frame["bed_days"] * 0.01 * np.exp(LOG_RATIO * (frame["year"] - YEARS[0]))
    table = pd.DataFrame(
        {"provider_id": frame["provider"], "period": frame["period"], "control_count": rng.poisson(mean)}
    )
    return ControlOutcome(table)


def second_source_of(frame: pd.DataFrame, seed: int = 4) -> SecondSource:
    """Another register that holds 60% of the events, independently."""
    rng = np.random.default_rng(seed)
    both = rng.binomial(frame["events"], 0.6)
    other = rng.binomial(frame["true"] - frame["events"], 0.6)
    table = pd.DataFrame(
        {
            "provider_id": frame["provider"],
            "period": frame["period"],
            "both": both,
            "register_only": frame["events"] - both,
            "other_only": other,
        }
    )
    return SecondSource(table)


def model(frame: pd.DataFrame, *evidence: object, **settings: object) -> RegistrationModel:
    """A Poisson model of the register with its usual formulas."""
    panel = Panel.from_frame(
        frame, provider="provider", period="period", events="events", exposure="bed_days", covariates=("quality",)
    )
    arguments = {"rate": RATE, "registration": REGISTRATION, "family": "poisson"} | settings
    return RegistrationModel(panel=panel, evidence=list(evidence), **arguments)


@cache
def fitted(kind: str) -> RegistrationResult:
    """Fits that several tests look at."""
    frame = register()
    wide, weak = CompletenessPrior(0.57, 0.95), audit_of(frame, providers=5, found=2, seed=5)
    evidence = {
        "audit": (audit_of(frame),),
        "audit of one year": (audit_of(frame, years=(2021,)),),
        "prior": (wide,),
        "prior and weak audit": (wide, weak),
        "control": (control_of(frame),),
        "second source": (second_source_of(frame),),
        "audit and second source": (audit_of(frame), second_source_of(frame)),
        "nothing": (),
    }
    return model(frame, *evidence[kind]).fit()


@cache
def with_indicator(*, level: float = 2.0) -> RegistrationResult:
    """A quality score moves completeness and not the rate."""
    frame = register(quality=0.9, level=level)
    return model(frame, Indicator("quality"), registration="~ C(year) + quality + (1 | provider)").fit()

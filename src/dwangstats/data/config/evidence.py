"""The section [evidence] of the analysis file: what says something about completeness beside the counts."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from dwangstats.data.config.section import Section

MOST_DRAWS = 1_000_000
#: evidence with a table: the table, and the setting that means nothing without it.
_TABLES = {
    "audit": ("audits", "icc"),
    "second_source": ("second_source", "odds_ratio"),
    "control": ("controls", "trend_sd"),
}


@dataclass(frozen=True, slots=True)
class EvidenceConfig:
    """What says something about completeness beside the counts, and how it is used.

    Attributes
    ----------
    audit, second_source, control : bool
        Whether the table audits, second_source or controls is evidence.
    icc : float
        Intraclass correlation of being registered within an audited row, in [0, 1).
    odds_ratio : float
        Odds ratio of standing in both registers, > 0; 1: they take no notice of each other.
    trend_sd : float
        Standard deviation of the difference in log trend between control outcome and events, >= 0.
    prior : (low, high) or None
        Completeness that is thought to lie between these with a probability of 0.90; in the file completeness_prior.
    rate, registration : str or None
        Right-hand sides of the two formulas; None: made from the model of the file.
    rho : float
        Correlation of the provider effects on rate and registration, in (-1, 1).
    draws, seed : int
        Simulation draws, and the seed they start from.
    """

    audit: bool = False
    icc: float = 0.0
    second_source: bool = False
    odds_ratio: float = 1.0
    control: bool = False
    trend_sd: float = 0.0
    prior: tuple[float, float] | None = None
    rate: str | None = None
    registration: str | None = None
    rho: float = 0.0
    draws: int = 2000
    seed: int = 1


def evidence_config(section: Section, holds: Callable[[str], bool]) -> EvidenceConfig:
    """The section [evidence], checked; problems are noted in the section.

    Parameters
    ----------
    section : Section
    holds : callable
        Whether a table of that name is there.
    """
    before = len(section.problems)
    config = EvidenceConfig(
        audit=section.flag("audit", False),
        icc=section.number("icc", 0.0),
        second_source=section.flag("second_source", False),
        odds_ratio=section.number("odds_ratio", 1.0),
        control=section.flag("control", False),
        trend_sd=section.number("trend_sd", 0.0),
        prior=section.pair("completeness_prior"),
        rate=_right_side(section, "rate"),
        registration=_right_side(section, "registration"),
        rho=section.number("rho", 0.0),
        draws=section.whole("draws", 2000),
        seed=section.whole("seed", 1),
    )
    section.refuse_unknown(("rate", "registration"))
    _check_values(section, config)
    _check_tables(section, config, holds)
    some = config.prior is not None or any(getattr(config, key) for key in _TABLES)
    if not some and len(section.problems) == before:
        section.problems.append(
            f"[{section.name}] names no evidence: say audit = true, second_source = true or control = true, give a "
            "completeness_prior such as [0.6, 0.95], or leave the section out."
        )
    return config


def _check_values(section: Section, config: EvidenceConfig) -> None:
    section.require(0.0 <= config.icc < 1.0, "icc", f"is {config.icc:g}; it must be at least 0 and below 1, as 0.05")
    section.require(
        0.0 < config.odds_ratio < math.inf, "odds_ratio", f"is {config.odds_ratio:g}; it must be a positive number"
    )
    section.require(
        0.0 <= config.trend_sd < math.inf, "trend_sd", f"is {config.trend_sd:g}; it must be a number of at least 0"
    )
    section.require(-1.0 < config.rho < 1.0, "rho", f"is {config.rho:g}; it must lie between -1 and 1")
    section.require(
        1 <= config.draws <= MOST_DRAWS, "draws", f"is {config.draws}; it must be a whole number from 1 to {MOST_DRAWS}"
    )
    section.require(config.seed >= 0, "seed", f"is {config.seed}; it must be a whole number of at least 0")
    if config.prior is not None:
        low, high = config.prior
        section.require(
            0.0 < low < high < 1.0, "completeness_prior", f"is [{low:g}, {high:g}]; it needs 0 < low < high < 1"
        )


def _check_tables(section: Section, config: EvidenceConfig, holds: Callable[[str], bool]) -> None:
    """Evidence has its table, and a setting has its evidence."""
    for key, (table, setting) in _TABLES.items():
        if getattr(config, key):
            section.require(
                holds(table), key, f'is true, but there is no table {table}; add {table} = "{table}.csv" to [tables]'
            )
        elif section.has(setting):
            section.require(False, setting, f"belongs to {key}; write {key} = true, or leave it out")


def _right_side(section: Section, key: str) -> str | None:
    """The right-hand side of a formula, or None when absent."""
    if not section.has(key):
        return None
    formula = section.text(key, "1").strip().removeprefix("~").strip()
    section.require(bool(formula), key, 'is empty; write for example "C(year) + (1 | provider)"')
    section.require("~" not in formula, key, "is the right-hand side only; leave out what stands before ~")
    return formula

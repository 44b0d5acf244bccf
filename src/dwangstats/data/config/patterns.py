"""The section [patterns] of the analysis file: how the zeros of each provider are judged."""

from dataclasses import dataclass
from typing import get_args

from dwangstats._types import ZeroFamily
from dwangstats.data.config.section import Section


@dataclass(frozen=True, slots=True)
class PatternsConfig:
    """How it is judged whether a provider that registered nothing is silent.

    Attributes
    ----------
    nothing : float
        Share of periods, in [0, 1), in which a provider that reports normally has nothing to register.
    level : float
        Expected share of providers that reported normally among those with silence, between 0 and 1.
    prior_silent : float or None
        Share of providers that are silent in any period, before looking, between 0 and 1; None: no odds of silence.
    family : {"nb2", "poisson"}
        Distribution of the counts.
    """

    nothing: float = 0.0
    level: float = 0.05
    prior_silent: float | None = None
    family: ZeroFamily = "nb2"


def patterns_config(section: Section) -> PatternsConfig:
    """The section [patterns], checked; problems are noted in the section."""
    config = PatternsConfig(
        nothing=section.number("nothing", 0.0),
        level=section.number("level", 0.05),
        prior_silent=section.number("prior_silent", 0.5) if section.has("prior_silent") else None,
        family=section.choice("family", get_args(ZeroFamily), "nb2"),
    )
    section.refuse_unknown(("prior_silent",))
    section.require(
        0.0 <= config.nothing < 1.0,
        "nothing",
        f"is {config.nothing:g}; it is the share of periods with truly nothing to register, at least 0 and below 1",
    )
    section.require(0.0 < config.level < 1.0, "level", f"is {config.level:g}; it must lie between 0 and 1, as 0.05")
    section.require(
        config.prior_silent is None or 0.0 < config.prior_silent < 1.0,
        "prior_silent",
        f"is {config.prior_silent or 0.0:g}; it must lie between 0 and 1, or be left out for no odds of silence",
    )
    return config

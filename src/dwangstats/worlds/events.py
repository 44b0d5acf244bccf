"""Layer 3: the expected number of true events, before the world says how they grow."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Codes, Vector
from dwangstats.worlds.exposure import Exposure
from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import Sector
from dwangstats.worlds.quarters import Calendar

Cube: TypeAlias = NDArray[np.float64]
"""Three axes: location or provider, quarter, form."""


def draw_event_means(
    sector: Sector, network: Network, exposure: Exposure, calendar: Calendar, rng: np.random.Generator
) -> Cube:
    """Expected events by location, quarter and form (L, T, F) at the rates of the year before.

    The mean is bed-days x rate of the provider's kind x ward factor x season x provider effects x frailty. The
    provider effects (level, slope, year) are lognormal with mean one, so that a rate in the parameters is the mean
    over providers. The frailty is gamma with mean one and variance ``1 / negative_binomial_size``: a Poisson draw
    around these means is a negative binomial draw around the means without frailty.
    """
    rate = np.array([f.rates for f in sector.forms]).T[network.kind] / 1000.0
    season = np.array(sector.season)[calendar.season]
    provider = _provider_effects(sector, network, calendar, rng)
    shape = (*exposure.bed_days.shape, len(sector.forms))
    frailty = rng.gamma(sector.negative_binomial_size, 1.0 / sector.negative_binomial_size, size=shape)
    active = _has_events(sector, network, calendar, rng)
    at_provider = rate[:, None, :] * season[:, None] * provider * active[:, :, None]
    ward = _ward_factor(sector, network)
    return np.asarray((exposure.bed_days * ward[:, None])[:, :, None] * at_provider[network.provider] * frailty)


def by_provider(cube: Cube, provider: Codes, providers: int) -> Cube:
    """Sum over the locations of each provider: (L, T, F) to (P, T, F)."""
    out = np.zeros((providers, *cube.shape[1:]))
    np.add.at(out, provider, cube)
    return out


def _provider_effects(sector: Sector, network: Network, calendar: Calendar, rng: np.random.Generator) -> Cube:
    providers, forms, years = network.kind.size, len(sector.forms), len(calendar.years)
    level = _correlated(rng, (providers, 1, forms), sector.form_correlation)
    slope = _correlated(rng, (providers, 1, forms), sector.form_correlation)
    yearly = _correlated(rng, (providers, years, forms), sector.form_correlation)
    centred = (calendar.time - calendar.time.mean())[None, :, None]
    year = calendar.year - calendar.years[0]
    return np.asarray(
        _mean_one(level, sector.provider_sd)
        * _mean_one(slope, sector.provider_slope_sd * np.abs(centred), np.sign(centred))
        * _mean_one(yearly[:, year, :], sector.provider_year_sd)
    )


def _correlated(rng: np.random.Generator, shape: tuple[int, int, int], correlation: float) -> Cube:
    """Standard normal numbers with the given correlation along the last axis."""
    shared = rng.standard_normal((*shape[:-1], 1))
    own = rng.standard_normal(shape)
    return np.asarray(np.sqrt(correlation) * shared + np.sqrt(1.0 - correlation) * own)


def _mean_one(normal: Cube, sd: float | Cube, sign: float | Cube = 1.0) -> Cube:
    return np.asarray(np.exp(sign * sd * normal - 0.5 * np.square(sd)))


def _ward_factor(sector: Sector, network: Network) -> Vector:
    """Rate of each location relative to its provider; the mean over the provider's beds is one."""
    raw = np.array([s.rate_factor for s in sector.settings])[network.setting]
    beds = np.bincount(network.provider, weights=network.capacity)
    weighted = np.bincount(network.provider, weights=network.capacity * raw)
    return np.asarray(raw * (beds / weighted)[network.provider])


def _has_events(sector: Sector, network: Network, calendar: Calendar, rng: np.random.Generator) -> NDArray[np.bool_]:
    """False in half-years in which a provider truly has nothing to report, axes (P, T)."""
    share = np.array([k.true_zero_share for k in sector.kinds])[network.kind]
    nothing = rng.random((share.size, int(calendar.half_year.max()) + 1)) < share[:, None]
    return ~nothing[:, calendar.half_year]

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import gammaln

from dwangstats.change.effects import draw_effects
from dwangstats.models.rate import RateModel

#: 20,000 draws: the mean of a standard normal number has a standard error of 0.007, its variance one of 0.01.
DRAWS = 20_000


def visits(groups: int, rows: int, mean: float, seed: int = 1, locations: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    provider = np.repeat(np.arange(groups), rows)
    location = np.tile(np.arange(rows) % locations, groups)
    effect = rng.normal(0.0, 0.5, groups)[provider] + rng.normal(0.0, 0.3, (groups, locations))[provider, location]
    time_ = np.tile(np.arange(rows) // locations, groups).astype(float)
    return pd.DataFrame(
        {
            "provider": [f"p{g:03d}" for g in provider],
            "location": [f"w{k}" for k in location],
            "time": time_,
            "events": rng.poisson(mean * np.exp(effect + 0.05 * time_)),
        }
    )


def posterior_moments(result: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of exp(b) for every provider by a fine grid, at the estimates."""
    grid = np.linspace(-4.0, 4.0, 4001)
    fit, design = result.fit, result.design
    eta = design.X @ fit.beta
    codes = design.random[0].codes
    sd = float(fit.scales[0][0, 0])
    log_density = np.zeros((codes.max() + 1, grid.size)) - 0.5 * (grid / sd) ** 2
    mu = np.exp(eta[:, None] + grid)
    if result.family == "poisson":
        rows = design.y[:, None] * (eta[:, None] + grid) - mu
    else:
        a = fit.alpha
        rows = design.y[:, None] * np.log(a * mu) - (design.y[:, None] + 1.0 / a) * np.log1p(a * mu)
        rows = rows + gammaln(design.y + 1.0 / a)[:, None]
    np.add.at(log_density, codes, rows)
    weight = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    mean = weight @ np.exp(grid)
    return mean, weight @ np.exp(2.0 * grid) - mean**2


@pytest.mark.parametrize(("family", "mean"), [("poisson", 1.0), ("poisson", 20.0), ("nb2", 8.0)])
def test_draws_have_the_moments_of_the_posterior(family: Any, mean: float) -> None:
    frame = visits(12, 6, mean)
    if family == "nb2":
        rng = np.random.default_rng(3)
        frame["events"] = rng.poisson(frame["events"] * rng.gamma(4.0, 0.25, len(frame)))
    result: Any = RateModel("events ~ time + (1 | provider)", frame, family=family).fit()
    beta = np.tile(result.fit.beta, (DRAWS, 1))
    (drawn,) = draw_effects(result, beta, np.random.default_rng(1))
    expected, variance = posterior_moments(result)
    multiplier = np.exp(drawn[:, :, 0])
    # The posterior is not normal; to the first order its mean is, and with 6 events a provider the rest is 2%.
    assert_allclose(multiplier.mean(axis=0), expected, rtol=0.02)
    assert_allclose(multiplier.std(axis=0), np.sqrt(variance), rtol=0.12)


def test_effects_move_against_the_coefficients() -> None:
    """A higher intercept leaves lower effects, so that what a provider registered stays what it was."""
    result: Any = RateModel("events ~ time + (1 | provider)", visits(10, 6, 30.0)).fit()
    beta = np.tile(result.fit.beta, (DRAWS, 1))
    beta[:, 0] += 0.2
    (moved,) = draw_effects(result, beta, np.random.default_rng(1))
    (still,) = draw_effects(result, np.tile(result.fit.beta, (DRAWS, 1)), np.random.default_rng(1))
    # With some 180 events a provider the prior takes back 2%.
    assert_allclose((moved - still).mean(axis=0), -0.2, rtol=0.1)


def test_locations_within_providers_are_drawn_together() -> None:
    result: Any = RateModel("events ~ time + (1 | provider/location)", visits(15, 8, 6.0, locations=2)).fit()
    beta = np.tile(result.fit.beta, (DRAWS, 1))
    provider, location = draw_effects(result, beta, np.random.default_rng(2))
    assert provider.shape == (DRAWS, 15, 1)
    assert location.shape == (DRAWS, 30, 1)
    first = result.design.random[1].codes[np.flatnonzero(result.design.random[0].codes == 0)[0]]
    # What both determine is their sum; each alone is known less well, so they are negatively correlated.
    assert np.corrcoef(provider[:, 0, 0], location[:, first, 0])[0, 1] < -0.1


def test_effects_without_spread_stay_zero() -> None:
    frame = visits(12, 6, 5.0)
    frame["events"] = np.tile([4, 5, 6, 5, 4, 6], 12)
    result: Any = RateModel("events ~ time + (1 | provider)", frame).fit()
    assert result.random_sd["provider"] == 0.0
    (drawn,) = draw_effects(result, np.tile(result.fit.beta, (50, 1)), np.random.default_rng(1))
    assert (drawn == 0.0).all()


def test_four_hundred_providers_take_a_second() -> None:
    result: Any = RateModel("events ~ time + (1 | provider)", visits(400, 4, 5.0)).fit()
    begin = time.process_time()
    draw_effects(result, np.tile(result.fit.beta, (2000, 1)), np.random.default_rng(1))
    assert time.process_time() - begin < 3.0

"""Calibration: the published growth is expected exactly, whatever was drawn; what cannot be reached is said."""

from dataclasses import replace

import numpy as np
import pytest

from dwangstats.errors import DomainError
from dwangstats.worlds.calibration import Background, calibrate_path, expected_totals
from dwangstats.worlds.parameters import SCENARIOS, WVGGZ
from dwangstats.worlds.quarters import Calendar
from dwangstats.worlds.registration import Path, completeness, starting_path

# brentq stops at 1e-12 in the shift; growth moves with the shift by a factor of order one.
SOLVED = 1e-9


def background(calendar: Calendar, seed: int) -> Background:
    rng = np.random.default_rng(seed)
    providers, forms = 20, len(WVGGZ.forms)
    base = rng.gamma(2.0, 10.0, size=(providers, 1, forms)) * rng.gamma(8.0, 0.125, size=(providers, 12, forms))
    return Background(
        base=base,
        shift=0.75 * rng.standard_normal((providers, forms)),
        attenuation=WVGGZ.attenuation,
        complete=rng.random(providers) < 0.75,
        calendar=calendar,
        seclusion=np.array([name == "seclusion" for name in WVGGZ.form_names]),
    )


def growth(world: Background, path: Path, *, registered: bool) -> tuple[float, float]:
    totals = expected_totals(world, path, registered=registered)
    return float(totals[1].sum() / totals[0].sum() - 1.0), float(totals[1, 0] / totals[0, 0] - 1.0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", SCENARIOS)
def test_expected_registered_growth_is_the_published_one(name, seed, calendar: Calendar):
    world = background(calendar, seed)
    path = calibrate_path(world, SCENARIOS[name], starting_path(WVGGZ, SCENARIOS[name]))
    assert growth(world, path, registered=True) == pytest.approx((0.30, 0.15), abs=SOLVED)
    chance = completeness(path, world.attenuation, world.shift, calendar)
    assert np.all((chance > 0.0) & (chance < 1.0))


@pytest.mark.parametrize(("name", "expected"), [("registration-only", (0.0, 0.02)), ("mixed", (0.09, 0.08))])
def test_true_growth_is_the_scenarios(name, expected, calendar: Calendar):
    world = background(calendar, 7)
    path = calibrate_path(world, SCENARIOS[name], starting_path(WVGGZ, SCENARIOS[name]))
    assert growth(world, path, registered=False) == pytest.approx(expected, abs=SOLVED)


def test_only_the_free_numbers_move(calendar: Calendar):
    world = background(calendar, 8)
    start = starting_path(WVGGZ, SCENARIOS["real-only"])
    path = calibrate_path(world, SCENARIOS["real-only"], start)
    np.testing.assert_array_equal(path.logit_after, start.logit_after)
    moved = path.log_growth - start.log_growth
    assert len(set(np.round(moved[1:], 12))) == 1
    start = starting_path(WVGGZ, SCENARIOS["mixed"])
    path = calibrate_path(world, SCENARIOS["mixed"], start)
    np.testing.assert_array_equal(path.logit_before, start.logit_before)
    assert len(set(np.round((path.logit_after - start.logit_after)[1:], 12))) == 1


def test_says_when_nothing_is_left_to_calibrate_on(calendar: Calendar):
    world = replace(background(calendar, 9), complete=np.zeros(20, dtype=bool))
    with pytest.raises(DomainError, match="no expected events among the providers with three correct years"):
        calibrate_path(world, SCENARIOS["mixed"], starting_path(WVGGZ, SCENARIOS["mixed"]))


def test_says_when_a_growth_cannot_be_reached(calendar: Calendar):
    scenario = replace(SCENARIOS["mixed"], completeness_before=(0.999,) * 5, count_growth_all=0.0)
    with pytest.raises(DomainError, match=r"a growth of \+15 % cannot be reached"):
        calibrate_path(background(calendar, 10), scenario, starting_path(WVGGZ, scenario))

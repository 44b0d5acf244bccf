import numpy as np
import pandas as pd
import pytest

from dwangstats.errors import DomainError, FitError
from dwangstats.models.bootstrap import bootstrap, bootstrap_test, variance_test
from dwangstats.models.mixed import MixedResult
from dwangstats.models.problem import problem_of
from dwangstats.models.rate import RateModel
from dwangstats.numerics.resample import simulate_counts


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    provider, time = np.repeat(np.arange(20), 6), np.tile(np.arange(6) / 5.0, 20)
    x, days = rng.normal(size=120), rng.uniform(50, 150, 120).round()
    mean = 0.05 * days * np.exp(0.2 * x + 0.5 * rng.normal(size=20)[provider])
    return pd.DataFrame({"provider": provider, "time": time, "x": x, "days": days, "events": rng.poisson(mean)})


@pytest.fixture(scope="module")
def result(panel: pd.DataFrame) -> MixedResult:
    fitted = RateModel("events ~ x + (1 | provider)", panel, exposure="days", quadrature=1).fit()
    assert isinstance(fitted, MixedResult)
    return fitted


def test_same_bytes_on_one_and_two_workers(result: MixedResult) -> None:
    one, two = (bootstrap(result, draws=30, rng=5, workers=workers) for workers in (1, 2))
    assert one.draws.to_numpy().tobytes() == two.draws.to_numpy().tobytes()


def test_draws_spread_as_standard_errors_say(result: MixedResult) -> None:
    found = bootstrap(result, draws=199, rng=1)
    assert list(found.draws.columns) == list(result.parameter_names)
    pd.testing.assert_series_equal(found.estimate, result.parameters)
    # 199 draws: a standard deviation is known to 5%, a mean to 7% of it
    np.testing.assert_allclose(found.standard_errors["x"], result.bse["x"], rtol=0.2)
    assert abs(found.bias["x"]) < 0.3 * result.bse["x"]
    # with 20 providers the standard deviation comes out some 5% low
    assert -0.2 < found.bias["sd provider"] / result.random_sd["provider"] < 0.05
    interval = found.interval(0.9)
    inside = (interval["lower"] < found.estimate) & (found.estimate < interval["upper"])
    assert inside.all()


@pytest.mark.parametrize(
    ("formula", "family", "zero"),
    [
        ("events ~ x", "poisson", None),
        ("events ~ x", "nb2", None),
        ("events ~ x + (1 | provider)", "nb1", None),
        ("events ~ x + (time | provider)", "poisson", None),
        ("events ~ x + (1 | provider)", "poisson", "~ x"),
    ],
)
def test_a_draw_is_a_fit_to_simulated_counts(panel: pd.DataFrame, formula: str, family: str, zero: str | None) -> None:
    if zero is not None:
        panel = panel.assign(events=panel["events"].where(np.random.default_rng(2).random(120) > 0.3, 0))
    result = RateModel(formula, panel, family=family, exposure="days", zero=zero).fit()
    found = bootstrap(result, draws=2, rng=4)
    fitted = problem_of(result)
    seed = np.random.SeedSequence(4).spawn(2)[1]
    counts = simulate_counts(fitted.problem, fitted.vector, np.random.default_rng(seed))
    again = RateModel(formula, panel.assign(events=counts), family=family, exposure="days", zero=zero).fit(force=True)
    expected = problem_of(again)
    loose = np.sqrt(np.diag(np.linalg.inv(fitted.information)))[:2]
    # refits stop a thousandth of a standard error from their maximum, in the metric of the fit
    np.testing.assert_allclose(found.draws.loc[2].iloc[:2], expected.vector[:2], atol=0.02 * float(loose.max()))


def test_other_seeds_give_other_draws(result: MixedResult) -> None:
    generator = np.random.default_rng(3)
    first, second = (bootstrap(result, draws=3, rng=generator).draws for _ in range(2))
    again = bootstrap(result, draws=3, rng=np.random.default_rng(3)).draws
    pd.testing.assert_frame_equal(first, again)
    assert not np.any(first.to_numpy() == second.to_numpy())


def test_statistic_and_progress(result: MixedResult) -> None:
    steps: list[tuple[int, int]] = []
    found = bootstrap(
        result, lambda p: {"ratio": np.exp(p["x"])}, draws=60, rng=1, progress=lambda done, of: steps.append((done, of))
    )
    assert steps == [(25, 60), (50, 60), (60, 60)]
    assert found.estimate["ratio"] == pytest.approx(np.exp(result.params["x"]))
    plain = bootstrap(result, draws=60, rng=1)
    np.testing.assert_array_equal(found.draws["ratio"], np.exp(plain.draws["x"]))
    np.testing.assert_allclose(found.interval(0.5), np.exp(plain.interval(0.5).loc[["x"]]), rtol=0.02)


def test_failed_draws_are_counted_and_said() -> None:
    rare = pd.DataFrame({"events": [1, 0, 1, 0, 0, 0]})
    found = bootstrap(RateModel("events ~ 1", rare).fit(), draws=80, rng=1)
    # a draw of six counts with two events expected has none with probability exp(-2)
    assert 3 <= found.failed <= 22
    assert len(found.draws) == 80 - found.failed
    assert f"{found.failed} failed (first: no events in this draw)" in str(found)
    numbers = {number for number, _ in found.failures}
    assert numbers.isdisjoint(found.draws.index)


def test_interval_needs_enough_draws(result: MixedResult) -> None:
    found = bootstrap(result, draws=19, rng=1)
    ordered = np.sort(found.draws["x"])
    assert tuple(found.interval(0.9).loc["x"]) == pytest.approx((ordered[0], ordered[-1]))
    with pytest.raises(DomainError, match="at least 39"):
        found.interval(0.95)
    with pytest.raises(DomainError, match="level"):
        found.interval(1.0)


def test_variance_test_sees_variance_and_none(result: MixedResult) -> None:
    assert variance_test(result, "provider", draws=39, rng=1).p == pytest.approx(1 / 40)
    rng = np.random.default_rng(8)
    even = pd.DataFrame({"provider": np.repeat(np.arange(20), 6), "events": rng.poisson(6.0, 120)})
    found = variance_test(RateModel("events ~ 1 + (1 | provider)", even).fit(), "provider", draws=39, rng=1)
    assert found.p > 0.1
    # about half of the draws have a variance of exactly zero, a little more with 20 groups (Self and Liang 1987)
    assert 10 <= np.count_nonzero(found.statistics < 1e-4) <= 34


def test_bootstrap_test_is_the_variance_test_of_the_dropped_effect(panel: pd.DataFrame, result: MixedResult) -> None:
    larger = RateModel("events ~ x + (time | provider)", panel, exposure="days").fit()
    two = bootstrap_test(result, larger, draws=15, rng=2)
    one = variance_test(larger, "provider[time]", draws=15, rng=2)
    assert two.statistic == pytest.approx(one.statistic, abs=1e-4)
    # the two null fits end within 1e-4 standard errors of each other, which moves few counts if any
    assert np.count_nonzero(np.abs(two.statistics - one.statistics) < 1e-3) >= 12
    assert "bootstrap p" in str(two)


def test_conf_int_takes_the_bootstrap(result: MixedResult) -> None:
    expected = bootstrap(result, draws=39, rng=9).interval(0.9).loc[["Intercept", "x"]]
    pd.testing.assert_frame_equal(result.conf_int(0.9, "bootstrap", draws=39, rng=9), expected)


def test_refusals(panel: pd.DataFrame, result: MixedResult) -> None:
    with pytest.raises(DomainError, match="draws"):
        bootstrap(result, draws=0, rng=1)
    with pytest.raises(DomainError, match="workers"):
        bootstrap(result, draws=1, rng=1, workers=0)
    with pytest.raises(DomainError, match="not the standard deviation"):
        variance_test(result, "x", draws=1, rng=1)
    with pytest.raises(DomainError, match="not nested"):
        bootstrap_test(result, RateModel("events ~ time + x", panel, exposure="days").fit(), draws=1, rng=1)
    nearly_empty = pd.DataFrame({"events": [1, 0]})
    with pytest.raises(FitError, match="None of the 1 draws"):
        bootstrap(RateModel("events ~ 1", nearly_empty).fit(), draws=1, rng=_seed_without_events())


def _seed_without_events() -> int:
    """A seed whose first draw from two counts of mean one half has no events."""
    for seed in range(100):
        child = np.random.SeedSequence(seed).spawn(1)[0]
        if not np.random.default_rng(child).poisson([0.5, 0.5]).any():
            return seed
    raise AssertionError("no such seed among a hundred")

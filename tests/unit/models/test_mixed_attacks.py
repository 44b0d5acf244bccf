"""What a reader of a mixed fit is told, against computations that share no code with the package."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit, gammaln
from scipy.stats import chi2
from scipy.stats import t as student

import dwangstats as dw
from dwangstats.errors import DataError, DomainError
from dwangstats.models.bootstrap import Bootstrap
from dwangstats.models.compare import compare, leave_one_out, likelihood_ratio
from dwangstats.models.mixed import MixedResult
from dwangstats.models.profile import profile_parameter
from dwangstats.models.results import RateResult
from unit.models.mixed_worlds import visits

CORRELATION = "correlation provider[Intercept, time]"


def fitted(formula: str, frame: pd.DataFrame, **options: Any) -> MixedResult:
    result = dw.RateModel(formula, frame, exposure="bed_days", **options).fit()
    assert isinstance(result, MixedResult)
    assert result.certificate.converged
    return result


def poisson_laplace(frame: pd.DataFrame, beta: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Laplace's approximation for (1 + time | provider), per provider and term by term: no code of the package."""
    found = []
    for _, rows in frame.groupby("provider", sort=True):
        y = rows["events"].to_numpy(dtype=float)
        Z = np.column_stack([np.ones(len(rows)), rows["time"]])
        eta, ZL = Z @ beta + np.log(rows["bed_days"].to_numpy()), Z @ root
        u = np.zeros(2)

        def joint(u: np.ndarray, y: np.ndarray = y, eta: np.ndarray = eta, ZL: np.ndarray = ZL) -> float:
            log_mean = eta + ZL @ u
            return float(np.sum(y * log_mean - np.exp(log_mean) - gammaln(y + 1.0)) - 0.5 * u @ u)

        for _ in range(50):
            mean = np.exp(eta + ZL @ u)
            H = np.eye(2) + ZL.T @ (ZL * mean[:, None])
            step = np.linalg.solve(H, ZL.T @ (y - mean) - u)
            while joint(u + step) < joint(u) - 1e-12:
                step /= 2.0
            u = u + step
            if np.max(np.abs(step)) < 1e-11:
                break
        H = np.eye(2) + ZL.T @ (ZL * np.exp(eta + ZL @ u)[:, None])
        found.append(joint(u) - 0.5 * np.linalg.slogdet(H)[1])
    return np.array(found)


def root_of(first: float, correlation: float, second: float) -> np.ndarray:
    rest = np.sqrt(max(1.0 - correlation**2, 0.0))
    return np.array([[first, 0.0], [second * correlation, second * rest]])


@pytest.fixture(scope="module")
def on_the_edge() -> pd.DataFrame:
    """Fourteen providers whose correlation of level and trend is estimated as 1."""
    return visits(seed=0, groups=14, rows=6, sd=0.4)


@pytest.mark.parametrize("name", ["sd provider", "sd provider[time]", CORRELATION])
def test_ends_of_a_profile_where_the_correlation_is_one(on_the_edge: pd.DataFrame, name: str) -> None:
    result = fitted("events ~ time + (1 + time | provider)", on_the_edge)
    values = result.parameters
    assert values[CORRELATION] == pytest.approx(1.0)
    names = ["sd provider", CORRELATION, "sd provider[time]"]
    kept = [other for other in names if other != name]

    def constrained(at: float) -> float:
        def loss(w: np.ndarray) -> float:
            held = {name: at} | dict(zip(kept, w[2:], strict=True))
            held = {key: np.sin(v) if key == CORRELATION and key != name else v for key, v in held.items()}
            return -float(poisson_laplace(on_the_edge, w[:2], root_of(*(held[key] for key in names))).sum())

        tops = []
        for sign in (1.0, -1.0):
            other = [sign * 1.2 if key == CORRELATION else max(values[key], 0.1) for key in kept]
            tops.append(-minimize(loss, [*values.iloc[:2], *other], method="BFGS", options={"gtol": 1e-3}).fun)
        return float(max(tops))

    # gtol 1e-3 with curvatures of order 10 leaves 1e-7 of log likelihood
    found = profile_parameter(result, name)
    cutoff = chi2.ppf(0.95, 1)
    drop = {end: 2.0 * (result.llf - constrained(end)) for end in {found.lower, found.upper}}
    for end, lost in drop.items():
        if end in (0.0, 1.0, -1.0):
            assert lost < cutoff
        else:
            assert lost == pytest.approx(cutoff, abs=1e-3)


def test_p_value_of_a_variance_is_that_of_the_fit_without_it() -> None:
    frame = visits(seed=2, groups=20, rows=8, sd=0.4)
    result = fitted("events ~ time + (1 + time | provider)", frame)
    table = result.variance_components().set_index("effect")
    for effect, formula in (("Intercept", "(0 + time | provider)"), ("time", "(1 | provider)")):
        without = fitted(f"events ~ time + {formula}", frame, quadrature=1)
        lost = 2.0 * (result.llf - without.llf)
        expected = 0.5 * chi2.sf(lost, 1) + 0.5 * chi2.sf(lost, 2)
        # both fits end within 1e-8 of their maxima
        assert table.loc[effect, "p_boundary"] == pytest.approx(expected, rel=1e-5)


def test_a_parameter_at_zero_has_no_evidence_against_zero() -> None:
    # rounding leaves a drop of 1e-11 instead of 0 here; half a chi-square there would be 0.5
    result = fitted("events ~ time + (1 + time | provider)", visits(seed=0, groups=20, rows=8, sd=0.4), family="nb2")
    assert result.dispersion == 0.0
    assert profile_parameter(result, "dispersion").p_boundary == 1.0
    flat = fitted("events ~ time + (1 | provider)", visits(seed=22, sd=0.0))
    assert flat.random_sd["provider"] == 0.0
    assert flat.variance_components()["p_boundary"].tolist() == [1.0]


def test_sandwich_of_a_slope_model_from_scores_by_hand() -> None:
    frame = visits(seed=2, groups=16, rows=8, sd=0.5, slope=0.6)
    frame["region"] = (frame["provider"].str[1:].astype(int) % 6).astype(str)
    result = fitted("events ~ time + (1 + time | provider)", frame)
    p = result.parameters.to_numpy()
    center = np.array([p[0], p[1], np.log(p[2]), np.arctanh(p[3]), np.log(p[4])])
    assert result.natural_names[2:] == ("log sd provider", f"atanh {CORRELATION}", "log sd provider[time]")
    region = frame.groupby("provider")["region"].first()

    def by_region(w: np.ndarray) -> np.ndarray:
        values = poisson_laplace(frame, w[:2], root_of(np.exp(w[2]), np.tanh(w[3]), np.exp(w[4])))
        return pd.Series(values, index=region.index).groupby(region).sum().to_numpy()

    def scores(w: np.ndarray) -> np.ndarray:
        steps = 1e-4 * np.eye(5)
        return np.column_stack([(by_region(w + e) - by_region(w - e)) / 2e-4 for e in steps])

    own = scores(center)
    hessian = np.column_stack([(scores(center + e) - scores(center - e)).sum(axis=0) / 2e-3 for e in 1e-3 * np.eye(5)])
    inverse = np.linalg.inv(-0.5 * (hessian + hessian.T))
    expected = inverse @ own.T @ own @ inverse * 6 / 5
    robust = result.robust("CR1", "region")
    # central differences of differences with steps of 1e-3 and 1e-4 have errors of 1e-5 of the larger entries
    np.testing.assert_allclose(np.sqrt(np.diag(robust.cov_parameters())), np.sqrt(np.diag(expected)), rtol=1e-3)


def test_a_provider_with_its_own_column_gets_no_robust_interval() -> None:
    """Its score is 0 whatever the data, so the sandwich has 0.10 where the model has 0.43."""
    frame = visits(seed=5, groups=20, rows=8)
    frame["own"] = (frame["provider"] == "p03").astype(float)
    result = fitted("events ~ time + own + (1 | provider)", frame)
    robust = result.robust("CR1")
    assert robust.bse["own"] < 0.3 * result.bse["own"]
    assert robust.conf_int().loc["own"].isna().all()
    assert np.isnan(robust.pvalues["own"])
    assert robust.conf_int().loc[["Intercept", "time"]].notna().all(axis=None)
    line = next(line for line in robust.summary().splitlines() if line.startswith("own"))
    assert line.split()[4:7] == ["-", "-", "-"]  # p, lower, upper


def test_extra_zeros_of_one_provider_get_no_robust_standard_error() -> None:
    rng = np.random.default_rng(8)
    frame = visits(seed=5, groups=12, rows=8)
    frame["own"] = (frame["provider"] == "p03").astype(float)
    silent = rng.random(len(frame)) < np.where(frame["own"] == 1.0, 0.5, 0.25)
    frame["events"] = frame["events"].where(~silent, 0)
    result = fitted("events ~ time + (1 | provider)", frame, zero="~ own")
    assert result.zero_params["se"].notna().all()
    assert result.robust("CR1").zero_params["se"].isna().tolist() == [False, True]


def test_standard_deviation_after_robust_is_by_t() -> None:
    result = fitted("events ~ time + (1 | provider)", visits(seed=5, groups=12, rows=8)).robust("CR1")
    found = result.variance_components(method="wald", test=False)
    place = result.natural_names.index("log sd provider")
    se = np.sqrt(result.cov_parameters().to_numpy()[place, place])
    assert np.log(found["upper"][0] / found["sd"][0]) == pytest.approx(student.isf(0.025, 11) * se, rel=1e-12)


def test_what_trusts_the_model_is_refused_after_robust() -> None:
    frame = visits(seed=5, groups=12, rows=8)
    for formula in ("events ~ time + (1 | provider)", "events ~ time"):
        robust = dw.RateModel(formula, frame, exposure="bed_days").fit().robust("CR1", "provider")
        with pytest.raises(DomainError, match="bootstrap trusts the model"):
            robust.conf_int(method="bootstrap", draws=39, rng=1)
        with pytest.raises(DomainError, match="profile likelihood trusts the model"):
            robust.conf_int(method="profile")


def test_profile_interval_without_random_terms_by_refits() -> None:
    frame = visits(seed=5, groups=12, rows=8)
    result = dw.RateModel("events ~ setting + time", frame, exposure="bed_days", family="nb2").fit()
    assert isinstance(result, RateResult)
    ends = result.conf_int(0.9, method="profile").loc["time"]
    for end in ends.to_numpy():
        held = frame.assign(held=end * frame["time"])
        other = dw.RateModel("events ~ setting + offset(held)", held, exposure="bed_days", family="nb2").fit()
        # an end is right to 1e-5 standard errors of the signed root
        assert 2.0 * (result.llf - other.llf) == pytest.approx(chi2.ppf(0.9, 1), abs=1e-4)
    with pytest.raises(DomainError, match="'wald', 'profile' or 'bootstrap'"):
        result.conf_int(method="exact")  # type: ignore[arg-type]


def test_rows_without_a_cluster_are_not_left_out_in_silence() -> None:
    frame = visits(seed=5, groups=12, rows=8)
    frame["region"] = np.where(frame["provider"] < "p06", "a", "b")
    frame.loc[frame["provider"] == "p03", "region"] = None
    result = fitted("events ~ time + (1 | provider)", frame)
    with pytest.raises(DataError, match="region is missing in 8 of 96 rows"):
        leave_one_out(result, "region")


def test_a_provider_column_of_one_value_is_not_the_default_cluster() -> None:
    frame = visits(seed=5, groups=12, rows=8).rename(columns={"provider": "ward"})
    whole = leave_one_out(fitted("events ~ time + (1 | ward)", frame))
    for useless in ("same", np.nan):
        result = fitted("events ~ time + (1 | ward)", frame.assign(provider=useless))
        pd.testing.assert_series_equal(leave_one_out(result), whole)


def test_models_with_and_without_extra_zeros_have_different_names() -> None:
    rng = np.random.default_rng(8)
    frame = visits(seed=5, groups=16, rows=8)
    frame = frame.assign(events=np.where(rng.random(len(frame)) < 0.25, 0, frame["events"]))
    zeros = (None, "~ 1", "~ setting")
    results = [dw.RateModel("events ~ time", frame, exposure="bed_days", zero=zero).fit() for zero in zeros]
    table = compare(*results)
    assert table["name"].tolist() == [
        "poisson 'events ~ time'",
        "poisson 'events ~ time' zero '~ 1'",
        "poisson 'events ~ time' zero '~ setting'",
    ]
    assert table["df"].tolist() == ["", "half 0, half 1", "1"]
    assert likelihood_ratio(*results[:2]).p == pytest.approx(0.5 * chi2.sf(table["statistic"][1], 1))


def test_other_counts_are_checked() -> None:
    frame = visits(seed=5, groups=12, rows=8)
    result = fitted("events ~ time + (1 | provider)", frame)
    y = frame["events"].to_numpy(dtype=float)
    wrongs = ((y[:5], "each of the 96 rows"), (-y, "whole numbers"), (y + 0.5, "whole"), (y * np.nan, "96 are not"))
    for wrong, text in wrongs:
        with pytest.raises(DataError, match=text):
            result.refit(wrong)
    with pytest.raises(DomainError, match="start must have 3 parameters"):
        result.refit(start=np.zeros(2))


@pytest.mark.parametrize("start", [0.0, 1e-6, 1e-4, 1e-2, 3.0])
def test_a_refit_does_not_stop_beside_zero(start: float) -> None:
    """The likelihood is even in a standard deviation, hence flat beside 0, here 2.8 below its maximum."""
    result = fitted("events ~ time + (1 | provider)", visits(seed=3, groups=20, rows=6, sd=0.2), family="nb2")
    place = result.parameter_names.index("sd provider")
    begin = result.fit.vector.copy()
    begin[place] = start
    found = result.refit(start=begin)
    # a refit stops at a slope of 1e-3 standard errors
    assert found.loglik == pytest.approx(result.llf, abs=1e-5)
    assert found.vector[place] == pytest.approx(result.random_sd["provider"], rel=0.01)


def test_a_method_that_does_not_exist_is_not_taken_for_another() -> None:
    result = fitted("events ~ time + (1 | provider)", visits(seed=5, groups=12, rows=8))
    with pytest.raises(DomainError, match="'profile' or 'wald', got bootstrap"):
        result.variance_components(method="bootstrap")  # type: ignore[arg-type]


def test_population_average_with_slopes_zeros_offset_and_unseen_groups() -> None:
    rng = np.random.default_rng(4)
    frame = visits(seed=2, groups=25, rows=8, slope=0.5)
    frame = frame.assign(
        events=np.where(rng.random(len(frame)) < 0.25, 0, frame["events"]), shift=rng.normal(0.0, 0.3, len(frame))
    )
    result = fitted("events ~ time + offset(shift) + (1 + time | provider)", frame, zero="~ setting")
    new = frame.iloc[:6].assign(provider="not seen")
    found = result.predict(new, exposure=1000.0, random="integrated").to_numpy()
    values, zeros = result.parameters, result.zero_params["estimate"]
    draws = 400_000
    root = root_of(*values.loc[["sd provider", CORRELATION, "sd provider[time]"]])
    effects = rng.standard_normal((draws, 2)) @ root.T
    for row, value in zip(new.to_dict("records"), found, strict=True):
        eta = values["Intercept"] + values["time"] * row["time"] + row["shift"] + np.log(1000.0)
        share = expit(zeros["Intercept"] + zeros["setting[T.open]"] * (row["setting"] == "open"))
        means = (1.0 - share) * np.exp(eta + effects[:, 0] + effects[:, 1] * row["time"])
        # five Monte Carlo standard errors
        assert abs(value - means.mean()) < 5.0 * means.std() / np.sqrt(draws)


def test_infinite_draws_are_not_dropped_and_few_draws_give_no_interval() -> None:
    draws = pd.DataFrame({"a": np.arange(1.0, 40.0), "b": np.arange(1.0, 40.0), "c": np.arange(1.0, 40.0)})
    draws.loc[30:, "b"] = np.inf
    draws.loc[30:, "c"] = np.nan
    ends = Bootstrap(draws.mean(), draws, 39, ()).interval(0.95)
    assert ends.loc["a"].tolist() == [1.0, 39.0]
    assert ends.loc["b"].tolist() == [1.0, np.inf]
    assert ends.loc["c"].isna().all()

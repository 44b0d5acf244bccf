import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from scipy.stats import t as student

import dwangstats as dw
from dwangstats.errors import DomainError, FitError, IdentificationError
from dwangstats.models.rate import RateModel
from dwangstats.models.ratios import rate_ratio
from dwangstats.models.results import RateResult

#: exp, a difference of two log sums over 240 rows and a matrix product.
ROUNDING = 1e-11


@pytest.fixture(scope="module")
def plain(wards: pd.DataFrame) -> RateResult:
    return RateModel("events ~ C(year) + setting + x", wards, exposure="bed_days").fit()


@pytest.fixture(scope="module")
def crossed(wards: pd.DataFrame) -> RateResult:
    return RateModel("events ~ C(year) * setting + x", wards, exposure="bed_days").fit()


def test_without_interactions_it_is_exp_of_the_coefficient(plain: RateResult) -> None:
    found = rate_ratio(plain, "year", before=2021, after=2023)
    name = "C(year)[T.2023]"
    assert found.estimate == pytest.approx(np.exp(plain.params[name]), rel=ROUNDING)
    lower, upper = np.exp(plain.conf_int().loc[name])
    assert (found.lower, found.upper) == pytest.approx((lower, upper), rel=ROUNDING)
    assert (found.level, found.scale, found.identified_by) == (0.95, "registered", "registrations alone")
    assert found.unit == "ratio of registered rates per bed_day"


def test_between_two_values_that_are_not_the_reference(plain: RateResult) -> None:
    found = rate_ratio(plain, "year", before=2022, after=2023, level=0.9)
    beta, V = plain.params, plain.cov_params()
    a, b = "C(year)[T.2023]", "C(year)[T.2022]"
    se = np.sqrt(V.loc[a, a] + V.loc[b, b] - 2 * V.loc[a, b])
    assert found.estimate == pytest.approx(np.exp(beta[a] - beta[b]), rel=ROUNDING)
    assert found.upper == pytest.approx(np.exp(beta[a] - beta[b] + norm.isf(0.05) * se), rel=ROUNDING)


def test_with_interactions_it_is_standardised(crossed: RateResult, wards: pd.DataFrame) -> None:
    found = rate_ratio(crossed, "year", before=2021, after=2023)
    by_hand = [crossed.predict(wards.assign(year=year)).sum() for year in (2023, 2021)]
    assert found.estimate == pytest.approx(by_hand[0] / by_hand[1], rel=ROUNDING)


def test_delta_method_against_numerical_derivatives(crossed: RateResult, wards: pd.DataFrame) -> None:
    X1, X0 = (crossed.design.matrix(wards.assign(year=year)) for year in (2023, 2021))
    exposure = wards["bed_days"].to_numpy()

    def log_ratio(beta: np.ndarray) -> float:
        return float(np.log(exposure @ np.exp(X1 @ beta)) - np.log(exposure @ np.exp(X0 @ beta)))

    beta, step = crossed.params.to_numpy(), 1e-5
    gradient = np.array([(log_ratio(beta + step * e) - log_ratio(beta - step * e)) / (2 * step) for e in np.eye(7)])
    se = np.sqrt(gradient @ crossed.cov_params().to_numpy() @ gradient)
    found = rate_ratio(crossed, "year", before=2021, after=2023)
    # Central differences with step 1e-5: step^2 of truncation, 1e-11 of rounding.
    assert np.log(found.upper / found.estimate) / norm.isf(0.025) == pytest.approx(se, rel=1e-7)


def test_swapping_the_periods_inverts(crossed: RateResult) -> None:
    forth = rate_ratio(crossed, "year", before=2021, after=2023)
    back = rate_ratio(crossed, "year", before=2023, after=2021)
    assert back.estimate == pytest.approx(1 / forth.estimate, rel=ROUNDING)
    assert (back.lower, back.upper) == pytest.approx((1 / forth.upper, 1 / forth.lower), rel=ROUNDING)


@pytest.mark.parametrize("kind", ["CR1", "CR2"])
def test_robust_interval_uses_t(kind: str, plain: RateResult) -> None:
    robust = plain.robust(kind)  # type: ignore[arg-type]
    name = "C(year)[T.2023]"
    found = rate_ratio(robust, "year", before=2021, after=2023)
    df = robust.degrees_of_freedom[name]
    arm = student.isf(0.025, df) * robust.bse[name]
    assert found.upper == pytest.approx(np.exp(robust.params[name] + arm), rel=1e-9)
    assert (df == 19.0) == (kind == "CR1")


def test_a_number_inside_its_range(plain: RateResult) -> None:
    found = rate_ratio(plain, "x", before=0, after=1.5)
    assert found.estimate == pytest.approx(np.exp(1.5 * plain.params["x"]), rel=ROUNDING)


def test_values_as_written(plain: RateResult, wards: pd.DataFrame) -> None:
    assert rate_ratio(plain, "year", before="2021", after=2023) == rate_ratio(plain, "year", before=2021, after=2023)
    assert rate_ratio(plain, "setting", before="closed", after="open").estimate > 1.0
    halves = wards.assign(period=wards["year"].astype(str) + "-H1")
    result = RateModel("events ~ period", halves, exposure="bed_days").fit()
    assert rate_ratio(result, "period", before="2021-H1", after="2022-H1").estimate > 0.0


def test_the_unit_of_a_panel(wards: pd.DataFrame) -> None:
    rows = wards.groupby(["provider", "year"], as_index=False)[["events", "bed_days"]].sum()
    panel = dw.Panel.from_frame(
        rows, provider="provider", period="year", events="events", exposure="bed_days", unit="bed-days"
    )
    found = rate_ratio(RateModel("C(year)", panel).fit(), "year", before=2021, after=2022)
    assert found.unit == "ratio of registered rates per bed-day"


def test_same_value_twice_is_one_exactly(plain: RateResult) -> None:
    found = rate_ratio(plain, "year", before=2022, after=2022)
    assert (found.lower, found.estimate, found.upper) == (1.0, 1.0, 1.0)


def test_offsets_stay(wards: pd.DataFrame) -> None:
    one = RateModel("events ~ C(year) + offset(log(bed_days))", wards).fit()
    two = RateModel("events ~ C(year)", wards, exposure="bed_days").fit()
    ratios = [rate_ratio(result, "year", before=2021, after=2023).estimate for result in (one, two)]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-10)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"before": 2020}, "year has no value 2020 among the fitted rows. Observed: 2021, 2022, 2023"),
        ({"variable": "ward"}, "ward is not in the formula"),
        ({"variable": "x", "before": "a"}, "give a number, not a"),
        ({"variable": "x", "before": 0, "after": 99}, "99 is outside"),
        ({"scale": "true"}, "'registered' or 'adjusted'"),
        ({"level": 95}, "between 0 and 1"),
    ],
)
def test_questions_without_an_answer(arguments: dict[str, object], words: str, plain: RateResult) -> None:
    given = {"variable": "year", "before": 2021, "after": 2023, **arguments}
    with pytest.raises(DomainError, match=words):
        rate_ratio(plain, **given)  # type: ignore[arg-type]


def test_adjusted_is_not_identified(plain: RateResult) -> None:
    with pytest.raises(IdentificationError, match="audit") as caught:
        rate_ratio(plain, "year", before=2021, after=2023, scale="adjusted")
    assert "bounds()" in str(caught.value)


def test_a_failed_fit_has_no_ratio(plain: RateResult) -> None:
    broken = dataclasses.replace(plain, certificate=dataclasses.replace(plain.certificate, converged=False))
    with pytest.raises(FitError, match="not certified"):
        rate_ratio(broken, "year", before=2021, after=2023)


@pytest.mark.parametrize("kind", ["CR1", "CR2"])
def test_a_ratio_that_rests_on_one_cluster_is_refused(kind: str, wards: pd.DataFrame) -> None:
    lone = wards.assign(new=(wards["provider"] == "p00").astype(int))
    result = RateModel("events ~ C(new)", lone, exposure="bed_days").fit()
    assert rate_ratio(result, "new", before=0, after=1).lower > 0.0
    with pytest.raises(DomainError, match=r"9\d% of what is known about this ratio is determined by one cluster alone"):
        rate_ratio(result.robust(kind), "new", before=0, after=1)  # type: ignore[arg-type]


def test_two_clusters_that_are_the_two_values_are_refused(wards: pd.DataFrame) -> None:
    result = RateModel("events ~ setting", wards, exposure="bed_days").fit().robust("CR2", cluster="setting")
    with pytest.raises(DomainError, match=r"100% of what is known .* by 2 clusters, each alone"):
        rate_ratio(result, "setting", before="closed", after="open")


def test_providers_with_a_level_of_their_own_may_share_the_years(wards: pd.DataFrame) -> None:
    result = RateModel("events ~ C(year) + provider", wards, exposure="bed_days").fit().robust("CR2")
    found = rate_ratio(result, "year", before=2021, after=2023)
    assert found.lower < found.estimate < found.upper


def test_a_variable_that_one_cluster_determines_in_the_extra_zeros_gets_no_robust_interval() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(12), 40)
    alone = (group == 3).astype(float)
    zero = rng.random(480) < np.where(alone == 1.0, 0.7, 0.2)
    counts = np.where(zero, 0, rng.poisson(np.exp(0.8 + rng.normal(0.0, 0.3, 12)[group])))
    frame = pd.DataFrame({"y": counts, "g": group.astype(str), "x": np.tile([0, 1], 240), "alone": alone})
    shared = dw.RateModel("y ~ 1 + (1 | g)", frame, zero="~ x").fit().robust("CR1", cluster="g")
    ratio = dw.rate_ratio(shared, "x", before=0, after=1)
    assert ratio.lower < ratio.estimate < ratio.upper
    lone = dw.RateModel("y ~ x + (1 | g)", frame, zero="~ alone").fit().robust("CR1", cluster="g")
    with pytest.raises(DomainError, match="determined by one cluster alone"):
        dw.rate_ratio(lone, "alone", before=0, after=1)

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

from dwangstats.errors import DomainError
from dwangstats.models.mixed import MixedResult
from dwangstats.models.rate import RateModel
from unit.models.mixed_worlds import visits


def fit(formula: str, frame: pd.DataFrame, **options: object) -> MixedResult:
    result = RateModel(formula, frame, exposure="bed_days", **options).fit()  # type: ignore[arg-type]
    assert isinstance(result, MixedResult)
    return result


@pytest.fixture(scope="module")
def simple() -> MixedResult:
    return fit("events ~ time + (1 | provider)", visits())


@pytest.fixture(scope="module")
def nested() -> MixedResult:
    return fit("events ~ time + (time | provider/setting)", visits(slope=0.5))


def mode(y: float, expected: float, sd: float) -> float:
    """Root of y - expected exp(b) - b / sd^2."""
    return float(brentq(lambda b: y - expected * np.exp(b) - b / sd**2, -20.0, 20.0, xtol=1e-14))


def modes(result: MixedResult, beta: np.ndarray, sd: float) -> np.ndarray:
    design, codes = result.design, result.design.random[0].codes
    expected = np.bincount(codes, weights=np.exp(design.X @ beta + design.log_exposure))
    observed = np.bincount(codes, weights=design.y)
    return np.array([mode(y, e, sd) for y, e in zip(observed, expected, strict=True)])


def test_modes_and_conditional_spread(simple: MixedResult) -> None:
    beta, sd = simple.params.to_numpy(), simple.random_sd["provider"]
    effects = simple.random_effects
    assert list(effects.columns) == ["estimate", "sd", "sd_total"]
    assert list(effects.index) == [f"p{i:02d}" for i in range(30)]
    np.testing.assert_allclose(effects["estimate"], modes(simple, beta, sd), atol=1e-9)
    design, codes = simple.design, simple.design.random[0].codes
    mean = np.exp(design.X @ beta + design.log_exposure + effects["estimate"].to_numpy()[codes])
    np.testing.assert_allclose(effects["sd"] ** -2, np.bincount(codes, weights=mean) + sd**-2, rtol=1e-8)


def test_uncertainty_of_the_parameters_adds_by_the_delta_method(simple: MixedResult) -> None:
    at = np.r_[simple.params.to_numpy(), np.log(simple.random_sd["provider"])]

    def found(vector: np.ndarray) -> np.ndarray:
        return modes(simple, vector[:-1], float(np.exp(vector[-1])))

    jacobian = np.column_stack([(found(at + s) - found(at - s)) / 2e-5 for s in 1e-5 * np.eye(at.size)])
    added = np.einsum("gi,ij,gj->g", jacobian, simple.cov_parameters().to_numpy(), jacobian)
    effects = simple.random_effects
    # Central differences on both sides.
    np.testing.assert_allclose(effects["sd_total"] ** 2 - effects["sd"] ** 2, added, rtol=1e-5)


def test_index_of_several_terms_and_effects(nested: MixedResult) -> None:
    effects = nested.random_effects
    assert effects.index.names == ["term", "effect", "group"]
    assert len(effects) == 2 * 30 + 2 * 60
    for term, values in zip(nested.design.random, nested.fit.modes, strict=True):
        for i, effect in enumerate(term.effects):
            np.testing.assert_array_equal(effects.loc[(term.name, effect), "estimate"], values[:, i])
    assert (effects["sd_total"] >= effects["sd"]).all()
    assert ("provider:setting", "time", "p03/open") in effects.index


def test_modes_move_with_the_parameters_in_every_structure() -> None:
    result = fit("events ~ time + (1 | provider/setting) + (1 | year)", visits())
    effects = result.random_effects
    # The crossed and the coarse effects are confounded with the intercept, so its uncertainty dominates theirs.
    assert (effects.loc["provider", "sd_total"] >= effects.loc["provider", "sd"]).all()
    assert np.isfinite(effects).all(axis=None)


def test_variance_components(simple: MixedResult) -> None:
    table = simple.variance_components()
    assert list(table.columns) == ["term", "effect", "sd", "lower", "upper", "p_boundary"]
    row = table.iloc[0]
    assert (row["term"], row["effect"]) == ("provider", "Intercept")
    assert row["lower"] < row["sd"] < row["upper"]
    assert row["p_boundary"] < 1e-10
    wald = simple.variance_components(method="wald").iloc[0]
    assert wald["lower"] == pytest.approx(row["lower"], rel=0.1)
    assert wald["p_boundary"] == pytest.approx(row["p_boundary"], rel=1e-3)
    assert np.isnan(simple.variance_components(method="wald", test=False)["p_boundary"].iloc[0])


def test_p_value_of_one_variance_is_half_a_chi_square(simple: MixedResult) -> None:
    frame = visits(seed=4, sd=0.05)
    result = fit("events ~ time + (1 | provider)", frame)
    plain = RateModel("events ~ time", frame, exposure="bed_days").fit()
    from scipy.stats import chi2

    expected = 0.5 * chi2.sf(2.0 * (result.llf - plain.llf), 1) if result.random_sd["provider"] > 0.0 else 1.0
    assert result.variance_components()["p_boundary"].iloc[0] == pytest.approx(expected, rel=1e-4)


def test_level_is_checked(simple: MixedResult) -> None:
    with pytest.raises(DomainError, match="level"):
        simple.variance_components(level=0.0)

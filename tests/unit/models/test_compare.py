import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, poisson

from dwangstats.errors import DataError, DomainError
from dwangstats.models.compare import compare, leave_one_out, likelihood_ratio
from dwangstats.models.mixed import MixedResult
from dwangstats.models.problem import problem_of
from dwangstats.models.rate import RateModel
from dwangstats.models.results import RateResult
from dwangstats.numerics.likelihood import Likelihood

Result = RateResult | MixedResult


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(21)
    provider, period = np.repeat(np.arange(12), 8), np.tile(np.arange(8), 12)
    x, days = rng.normal(size=96), rng.uniform(50, 150, 96).round()
    mean = 0.05 * days * np.exp(0.2 * x + 0.4 * rng.normal(size=12)[provider]) * rng.gamma(5.0, 0.2, 96)
    frame = pd.DataFrame({"provider": [f"p{p:02d}" for p in provider], "period": period, "time": period / 7.0})
    location = [f"{p}-{i}" for p, i in zip(provider, period % 2, strict=True)]
    return frame.assign(location=location, x=x, days=days, region=provider % 3, events=rng.poisson(mean))


def fit(panel: pd.DataFrame, right: str, family: str = "poisson", **options: object) -> Result:
    return RateModel(f"events ~ {right}", panel, family=family, exposure="days", **options).fit()


def test_fixed_effects_are_chi_square(panel: pd.DataFrame) -> None:
    small, large = fit(panel, "x"), fit(panel, "x + C(region)")
    found = likelihood_ratio(small, large)
    assert found.statistic == pytest.approx(2.0 * (large.llf - small.llf))
    assert (found.added, found.at_boundary, found.reference, found.bound) == (2, 0, "2", False)
    assert found.p == pytest.approx(chi2.sf(found.statistic, 2))


@pytest.mark.parametrize(
    ("small", "large", "reference", "bound"),
    [
        (("x",), ("x + (1 | provider)",), "half 0, half 1", False),
        (("x",), ("x", "nb2"), "half 0, half 1", False),
        (("x + (1 | provider)", "poisson", 1), ("x + (time | provider)",), "half 1, half 2", False),
        (("x + (1 | provider)", "poisson", 1), ("x + (time || provider)",), "half 0, half 1", False),
        (("x + (time || provider)",), ("x + (time | provider)",), "1", False),
        (("x + (1 | provider)", "poisson", 1), ("x + (1 | provider/location)",), "half 0, half 1", False),
        (("x",), ("x + (1 | provider/location)",), "half 1, half 2", True),
        (("1",), ("x + (1 | provider)", "nb1"), "half 2, half 3", True),
    ],
)
def test_reference_distributions(panel: pd.DataFrame, small: tuple, large: tuple, reference: str, bound: bool) -> None:
    results = [
        fit(panel, right, *rest[:1], **({"quadrature": rest[1]} if rest[1:] else {})) for right, *rest in (small, large)
    ]
    found = likelihood_ratio(*results)
    assert (found.reference, found.bound) == (reference, bound)
    assert ("at most" in str(found)) == bound


def test_other_coding_of_the_same_columns_is_nested(panel: pd.DataFrame) -> None:
    found = likelihood_ratio(fit(panel, "C(region, contr.sum)"), fit(panel, "0 + C(region) + x"))
    assert found.added == 1


def test_refusals_say_why(panel: pd.DataFrame) -> None:
    one = fit(panel, "x")
    quadrature, laplace = fit(panel, "x + (1 | provider)"), fit(panel, "x + (time | provider)")
    for small, large, why in (
        (one, fit(panel, "time + C(region)"), "its columns x are no combination"),
        (fit(panel, "x", "nb1"), fit(panel, "x + time", "nb2"), "nb1 is no special case of nb2"),
        (quadrature, laplace, "11 quadrature nodes.*Laplace.*quadrature=1"),
        (quadrature, fit(panel, "x + time + (1 | location)"), "random term of provider"),
        (one, RateModel("events ~ x + time", panel).fit(), "exposures or offsets differ"),
        (one, one, "same parameters"),
        (one.robust("CR1"), quadrature, "CR1.*before robust"),
        (one, fit(panel.iloc[:90], "x + time"), "96 rows.*90"),
        (one, fit(panel.assign(events=panel["events"] + (panel.index == 4)), "x + time"), "counts differ in 1 of 96"),
    ):
        with pytest.raises(DomainError, match=why):
            likelihood_ratio(small, large)


def test_table(panel: pd.DataFrame) -> None:
    results = [
        fit(panel, right, family)
        for right, family in (
            ("x + (1 | provider)", "nb2"),
            ("x", "poisson"),
            ("x", "nb2"),
            ("x + (1 | provider)", "poisson"),
        )
    ]
    table = compare(*results)
    assert list(table["parameters"]) == [3 - 1, 3, 3, 4]
    assert table["name"].iloc[0] == "poisson 'events ~ x'"
    assert list(table["df"]) == ["", *["half 0, half 1"] * 3]
    assert list(table["against"].iloc[1:]) == [table["name"].iloc[i] for i in (0, 0, 2)]
    assert "not nested" in table["note"].iloc[2]
    best = table.set_index("name")["loo"]
    assert best["poisson 'events ~ x'"] == best.min()
    np.testing.assert_allclose(table["aic"], 2 * table["parameters"] - 2 * table["llf"])
    assert (table["loo"] < table["llf"]).all()


def test_table_notes(panel: pd.DataFrame) -> None:
    table = compare(fit(panel, "C(provider)"), fit(panel, "1"), fit(panel, "1 + (1 | provider) + (1 | period)"))
    note = table.set_index("parameters")["note"]
    assert "without p00 no estimate exists" in note[12]
    assert "crossed" in note[3]
    assert "upper bound" in note[3]
    assert table["loo"].isna().tolist() == [False, True, True]
    with pytest.raises(DomainError, match="two results"):
        compare(fit(panel, "1"))
    with pytest.raises(DataError, match="no column hospital"):
        compare(fit(panel, "1"), fit(panel, "x"), cluster="hospital")


def test_score_of_fixed_effects_is_that_of_true_refits(panel: pd.DataFrame) -> None:
    result = fit(panel, "x + time")
    found = leave_one_out(result)
    for name, rows in panel.groupby("provider"):
        without = fit(panel[panel["provider"] != name], "x + time")
        expected = poisson.logpmf(rows["events"], without.predict(rows)).sum()
        # one Newton step of less than half a standard error
        assert found[name] == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("right", "family"),
    [("x + (1 | provider)", "poisson"), ("x + (1 | provider)", "nb2"), ("x + (1 | provider/location)", "poisson")],
)
def test_score_of_mixed_models_is_that_of_true_refits(panel: pd.DataFrame, right: str, family: str) -> None:
    result = fit(panel, right, family)
    found = leave_one_out(result, "provider")
    problem = problem_of(result).problem
    gaps = []
    for name in found.index[::3]:
        out = (panel["provider"] == name).to_numpy()
        without = fit(panel[~out], right, family, quadrature=problem.nodes)
        gaps.append(found[name] - Likelihood(problem.rows(out))(problem_of(without).vector)[0])
    # one Newton step of less than half a standard error; longer ones are refitted
    assert len(gaps) == 4
    assert np.abs(gaps).max() < 0.05


def test_groups_that_lie_in_several_clusters_are_refused(panel: pd.DataFrame) -> None:
    with pytest.raises(DomainError, match="more than one cluster"):
        leave_one_out(fit(panel, "x + (1 | provider)"), "period")
    with pytest.raises(DomainError, match="one cluster"):
        leave_one_out(fit(panel.assign(all=1), "x"), "all")

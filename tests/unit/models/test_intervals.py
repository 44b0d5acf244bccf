"""Rate models of panels with rounded and suppressed counts."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import dwangstats as dw
from dwangstats.errors import DataError, DomainError, FitError, FormulaError
from dwangstats.models.compare import leave_one_out
from dwangstats.numerics.censored import interval_derivatives
from dwangstats.numerics.resample import draw_counts

NAMES: dict[str, Any] = {"provider": "provider", "period": "year", "exposure": "days"}
FAMILIES = ("poisson", "nb2", "nb1")


@pytest.fixture(scope="module")
def counts() -> pd.DataFrame:
    """25 providers in six years, about ten events a year, NB2 with dispersion 0.3."""
    rng = np.random.default_rng(3)
    provider, year = np.repeat([f"p{i:02d}" for i in range(25)], 6), np.tile(np.arange(2018, 2024), 25)
    days = rng.uniform(2000.0, 20000.0, provider.size).round()
    events = draw_counts("nb2", np.log(days) - 7.2 + 0.15 * (year - 2018), 0.3, rng)
    return pd.DataFrame({"provider": provider, "year": year, "n": events.astype(int), "days": days})


@pytest.fixture(scope="module")
def rounded(counts: pd.DataFrame) -> dw.Panel:
    coarse = counts.assign(n=(5 * np.floor((counts["n"] + 2.5) / 5)).astype(int))
    return dw.Panel.from_frame(coarse, events="n", rounded_to=5, **NAMES)


@pytest.fixture(scope="module")
def hidden(counts: pd.DataFrame) -> dw.Panel:
    texts = counts["n"].astype(str).mask(counts["n"] < 5, "<5").mask(counts["n"] >= 30, "30+")
    return dw.Panel.from_frame(
        counts.assign(n=texts), events="n", suppressed={"<5": (0, 4), "30+": (30, np.inf)}, **NAMES
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_intervals_without_width_are_the_exact_fit(counts: pd.DataFrame, family: Any) -> None:
    exact = dw.RateModel("events ~ time", dw.Panel.from_frame(counts, events="n", **NAMES), family=family).fit()
    met = counts.assign(also=counts["n"])
    panel = dw.Panel.from_frame(met, events="n", lower="n", upper="also", **NAMES)
    same = dw.RateModel("events ~ time", panel, family=family).fit()
    assert_array_equal(same.params, exact.params)
    assert_array_equal(same.cov_params(), exact.cov_params())
    assert same.llf == exact.llf


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("which", ["rounded", "hidden"])
def test_fits_are_certified_and_near_those_of_exact_counts(
    counts: pd.DataFrame, family: Any, which: str, request: pytest.FixtureRequest
) -> None:
    panel = request.getfixturevalue(which)
    exact = dw.RateModel("events ~ time", dw.Panel.from_frame(counts, events="n", **NAMES), family=family).fit()
    fit = dw.RateModel("events ~ time", panel, family=family).fit()
    assert fit.certificate.converged
    assert [name for name, *_ in fit.certificate.checks][-1] == "restart gap"
    # A probability of several counts is larger than that of the one that was drawn.
    assert fit.llf > exact.llf
    # The dispersion is estimated anew and may come out a little smaller.
    assert fit.bse["time"] > 0.95 * exact.bse["time"]
    # A poisson that does not hold is pulled by what lies beyond 30, so only the fitting families are held to it.
    if family != "poisson":
        assert abs(fit.params["time"] - exact.params["time"]) < exact.bse["time"]
    wide = int((panel.frame["lower"] < panel.frame["upper"]).sum())
    assert f"150, {wide} of them with a count known to an interval only" in fit.summary()
    ratio = dw.rate_ratio(fit, "time", before=2018.5, after=2020.5)
    assert_allclose(ratio.estimate, np.exp(2.0 * fit.params["time"]), rtol=1e-10)
    assert np.isnan(fit.design.y[(panel.frame["lower"] < panel.frame["upper"]).to_numpy()]).all()


def test_the_clustered_covariance_is_the_sandwich_of_interval_scores(rounded: dw.Panel) -> None:
    fit = dw.RateModel("events ~ C(year)", rounded, family="nb2").fit().robust("CR1")
    design, k = fit.design, len(fit.design.names)
    lower, upper = (rounded.frame[name].to_numpy() for name in ("lower", "upper"))
    wanted, groups = joint_sandwich(design.X, lower, upper, fit.fit.eta, fit.dispersion, rounded.frame["provider"])
    assert_allclose(fit.cov_params(), wanted[:k, :k], rtol=1e-8)
    assert (fit.degrees_of_freedom == groups - 1).all()


def joint_sandwich(
    X: np.ndarray, lower: np.ndarray, upper: np.ndarray, eta: np.ndarray, alpha: float, provider: pd.Series
) -> tuple[np.ndarray, int]:
    """CR1 of (beta, alpha) of NB2: observed information about sums of scores; and the number of clusters."""
    at = interval_derivatives("nb2", lower, upper, eta, alpha, with_alpha=True)
    cross = -X.T @ at.d_eta_alpha
    corner = np.array([[-at.d2_alpha.sum()]])
    bread = np.linalg.inv(np.block([[X.T @ (X * -at.d2_eta[:, None]), cross[:, None]], [cross[None, :], corner]]))
    sums = pd.DataFrame(np.column_stack((X * at.d_eta[:, None], at.d_alpha))).groupby(provider).sum().to_numpy()
    groups, n, p = len(sums), len(lower), bread.shape[0]
    return bread @ sums.T @ sums @ bread * groups / (groups - 1) * (n - 1) / (n - p), groups


def selected(how: str, seed: int, alpha: float = 1.0) -> dw.Panel:
    """Shown counts are selected ones: 40 providers, six independent years, high ones as "10+" or small ones as "<5"."""
    rng = np.random.default_rng(seed)
    high = np.repeat(np.arange(40) % 2, 6).astype(float)
    mean = (8.0 if how == "10+" else 4.0) * np.exp(0.3 * high)
    n = pd.Series(rng.negative_binomial(1.0 / alpha, 1.0 / (1.0 + alpha * mean)) if alpha else rng.poisson(mean))
    texts = n.astype(str).mask(n >= 10, "10+") if how == "10+" else n.astype(str).mask(n < 5, "<5")
    frame = pd.DataFrame({"provider": np.repeat([f"p{g:02d}" for g in range(40)], 6), "days": 100.0, "high": high})
    frame["year"] = np.tile(np.arange(2015, 2021), 40)
    bounds = {"10+": (10, np.inf)} if how == "10+" else {"<5": (0, 4)}
    return dw.Panel.from_frame(frame.assign(n=texts), events="n", suppressed=bounds, covariates="high", **NAMES)


@pytest.mark.parametrize("how", ["10+", "<5"])
def test_selected_counts_are_no_bread_of_expected_information(how: str) -> None:
    # Rows are independent, so both estimate the same; one of 40 clusters varies by about 12 %, their mean of 5 by 6 %.
    ratios = []
    for seed in range(5):
        fit = dw.RateModel("events ~ high", selected(how, seed), family="nb2").fit()
        ratios.append(fit.robust("CR1").bse["high"] / fit.bse["high"])
    assert 0.82 < np.mean(ratios) < 1.15


def test_the_bread_is_right_without_a_dispersion_too() -> None:
    fit = dw.RateModel("events ~ high", selected("<5", 3, alpha=0.0)).fit()
    assert 0.75 < fit.robust("CR1").bse["high"] / fit.bse["high"] < 1.3
    edge = dw.RateModel("events ~ high", selected("<5", 2, alpha=0.0), family="nb2").fit()
    assert edge.fit.boundary
    poisson = dw.RateModel("events ~ high", selected("<5", 2, alpha=0.0)).fit()
    assert_allclose(edge.robust("CR1").bse, poisson.robust("CR1").bse, rtol=1e-6)


def test_a_coefficient_of_one_cluster_gets_no_robust_interval(rounded: dw.Panel) -> None:
    fit = dw.RateModel("events ~ C(provider)", rounded, family="nb2").fit().robust("CR1")
    assert fit.conf_int().isna().all(axis=None)


@pytest.mark.parametrize("how", ["10+", "<5"])
def test_a_poisson_fit_of_counts_that_vary_more_says_so(how: str) -> None:
    fit = dw.RateModel("events ~ high", selected(how, 5)).fit()
    assert fit.certificate.converged
    (doubt,) = fit.certificate.doubts
    assert "the counts vary more than poisson" in doubt
    assert "which no covariance mends; fit family='nb2' or 'nb1'" in doubt
    for text in (fit.summary(), fit.robust("CR1").summary()):
        assert f"IN DOUBT: {doubt}" in text
    assert dw.RateModel("events ~ high", selected(how, 5), family="nb2").fit().certificate.doubts == ()


def test_poisson_counts_and_exact_counts_are_not_doubted(counts: pd.DataFrame) -> None:
    # The test errs to the low side: at 1 % less than one set in a hundred is doubted.
    doubted = [
        bool(dw.RateModel("events ~ high", selected("<5", s, alpha=0.0)).fit().certificate.doubts) for s in range(6)
    ]
    assert not any(doubted)
    exact = dw.RateModel("events ~ time", dw.Panel.from_frame(counts, events="n", **NAMES)).fit()
    assert exact.certificate.doubts == ()


def test_the_advice_for_random_terms_names_the_family(rounded: dw.Panel) -> None:
    with pytest.raises(FormulaError) as refusal:
        dw.RateModel("events ~ time + (1 | provider)", rounded)
    said = str(refusal.value)
    assert "leave the term out and take family='nb2'" in said
    assert "Poisson will not do" in said


def test_the_frame_of_a_panel_with_intervals_is_refused_in_its_place(hidden: dw.Panel) -> None:
    frame, count = hidden.observed, int(hidden.observed["events"].isna().sum())
    polars = pl.DataFrame({name: frame[name].to_numpy() for name in ("events", "bed_days", "lower", "upper")})
    for cut in (
        frame,
        frame.fillna({"events": 2.0}),
        frame[["events", "bed_days", "lower", "upper"]],
        polars,
    ):
        with pytest.raises(DataError, match=f"{count} of 150 counts are known to an interval only") as refusal:
            dw.RateModel("events ~ 1", cut, exposure="bed_days")
        said = str(refusal.value)
        assert "Pass the Panel itself" in said
        assert "never filled in and its row never left out" in said
        assert "Fill it" not in said
    with pytest.raises(DataError, match=f"none of its {150 - count} rows has one. Pass the Panel itself"):
        dw.RateModel("events ~ 1", frame.dropna(subset=["events"]), exposure="bed_days")
    chosen = frame.dropna(subset=["events"]).drop(columns=["lower", "upper"])
    assert dw.RateModel("events ~ 1", chosen, exposure="bed_days").design.y.size == 150 - count
    # Columns of these names in another frame, beside counts that are there, are the user's own.
    own = chosen[["events", "bed_days"]].assign(lower=0.0, upper=9.0)
    assert dw.RateModel("events ~ 1", own, exposure="bed_days").design.y.size == 150 - count
    with pytest.raises(DataError, match="Fill it or leave these rows out"):
        dw.RateModel("events ~ 1", own.assign(events=[np.nan, *own["events"][1:]]).drop(columns="lower"))


def test_what_needs_more_than_intervals_say_is_refused(rounded: dw.Panel) -> None:
    fit = dw.RateModel("events ~ time", rounded, family="nb2").fit()
    with pytest.raises(DomainError, match=r"bias reduction of CR2 \(use kind=\"CR1\"\)"):
        fit.robust("CR2")
    with pytest.raises(DomainError, match="expected information"):
        fit.cov_params("expected")
    with pytest.raises(DomainError, match="how drawn counts would have been shown"):
        fit.conf_int(method="bootstrap", rng=1)
    with pytest.raises(DomainError, match="how drawn counts would have been shown"):
        dw.bootstrap(fit, draws=10, rng=1)
    with pytest.raises(DataError, match="A change divided into parts needs exact counts, and 150 of 150"):
        dw.decompose_change(fit, variable="time", before=2018.5, after=2020.5, rng=1)
    with pytest.raises(DataError, match="A registration model needs exact counts"):
        dw.RegistrationModel(rate="events ~ time", registration="~ time", panel=rounded)


@pytest.mark.parametrize(
    ("formula", "options", "said"),
    [
        ("events ~ time + (1 | provider)", {}, r"random terms. Use fixed effects, such as C\(provider\)"),
        ("events ~ time", {"zero": "~ 1"}, r"extra zeros \(zero=\)"),
        ("events ~ upper", {}, "upper is what the model explains"),
        ("events ~ time + offset(lower)", {}, "lower is what the model explains"),
    ],
)
def test_models_without_a_likelihood_of_intervals_are_refused(
    rounded: dw.Panel, formula: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(FormulaError, match=said):
        dw.RateModel(formula, rounded, **options)


def test_a_group_that_is_hidden_throughout_has_no_finite_rate(counts: pd.DataFrame) -> None:
    texts = counts["n"].astype(str).mask(counts["provider"] == "p03", "<5")
    panel = dw.Panel.from_frame(counts.assign(n=texts), events="n", suppressed={"<5": (0, 4)}, **NAMES)
    with pytest.raises(
        FitError, match=r"6 of 150 rows .* whose counts are all 0 or may be, set apart by C\(provider\)"
    ):
        dw.RateModel("events ~ C(provider)", panel).fit()
    shown = dw.Panel.from_frame(counts.assign(n=texts), events="n", suppressed={"<5": (1, 4)}, **NAMES)
    assert dw.RateModel("events ~ C(provider)", shown).fit().certificate.converged
    top = counts["n"].astype(str).mask(counts["provider"] == "p03", "5+")
    above = dw.Panel.from_frame(counts.assign(n=top), events="n", suppressed={"5+": (5, np.inf)}, **NAMES)
    with pytest.raises(FitError, match=r"have no upper bound, set apart by .* all the way to infinity"):
        dw.RateModel("events ~ C(provider)", above).fit()
    mixed = counts["n"].astype(str).mask(counts["provider"] == "p03", "5+").mask(counts["provider"] == "p04", "<5")
    both = dw.Panel.from_frame(
        counts.assign(n=mixed), events="n", suppressed={"5+": (5, np.inf), "<5": (0, 4)}, **NAMES
    )
    with pytest.raises(FitError, match="set apart by"):
        dw.RateModel("events ~ C(provider)", both).fit()
    nothing = dw.Panel.from_frame(counts.assign(n="<5"), events="n", suppressed={"<5": (0, 4)}, **NAMES)
    with pytest.raises(FitError, match="All 150 counts are 0 or may be, by their intervals"):
        dw.RateModel("events ~ 1", nothing).fit()


def test_profiles_comparisons_and_leaving_out_use_the_intervals(rounded: dw.Panel, hidden: dw.Panel) -> None:
    fit = dw.RateModel("events ~ time", rounded, family="nb2").fit()
    profile, wald = fit.conf_int(method="profile").loc["time"], fit.conf_int().loc["time"]
    # 150 rows: the likelihood is nearly quadratic.
    assert_allclose(profile, wald, atol=0.1 * fit.bse["time"])
    dispersion = dw.profile_interval(fit, "dispersion")
    assert 0.0 < dispersion.lower < fit.dispersion < dispersion.upper
    constant = dw.RateModel("events ~ 1", rounded, family="nb2").fit()
    table = dw.compare(constant, fit)
    assert_allclose(table["statistic"].iloc[1], 2.0 * (fit.llf - constant.llf), rtol=1e-10)
    assert np.isfinite(table["loo"]).all()
    scores = leave_one_out(fit)
    one = scores.index[0]
    rest = dw.RateModel("events ~ time", rounded.restrict(set(rounded.providers) - {one}), family="nb2").fit()
    rows = (rounded.frame["provider"] == one).to_numpy()
    eta = fit.design.X[rows] @ rest.params.to_numpy() + fit.design.log_exposure[rows]
    lower, upper = (rounded.frame.loc[rows, name].to_numpy() for name in ("lower", "upper"))
    direct = interval_derivatives("nb2", lower, upper, eta, rest.dispersion).loglik.sum()
    # One Newton step from the fit to all rows, against the fit itself.
    assert_allclose(scores[one], direct, atol=0.02)
    with pytest.raises(DomainError, match="the counts differ in"):
        dw.compare(fit, dw.RateModel("events ~ 1", hidden, family="nb2").fit())


def test_units_of_exposure_and_columns_change_nothing(counts: pd.DataFrame, rounded: dw.Panel) -> None:
    fit = dw.RateModel("events ~ time", rounded, family="nb2").fit()
    moved = dw.RateModel("events ~ I(1000 * (time - 2020))", rounded, family="nb2").fit()
    assert_allclose(moved.llf, fit.llf, rtol=1e-12)
    assert_allclose(1000.0 * moved.params.iloc[1], fit.params.iloc[1], rtol=1e-7)
    order = np.random.default_rng(1).permutation(len(counts))
    coarse = counts.assign(n=(5 * np.floor((counts["n"] + 2.5) / 5)).astype(int)).iloc[order]
    again = dw.RateModel(
        "events ~ time", dw.Panel.from_frame(coarse, events="n", rounded_to=5, **NAMES), family="nb2"
    ).fit()
    assert_array_equal(again.params, fit.params)

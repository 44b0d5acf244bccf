"""What must hold of the registration model whatever the numbers: identities, invariances and ends of the range."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import dwangstats as dw
from dwangstats.numerics.thinned.likelihood import evaluate
from reference_registration import (
    Case,
    Register,
    Theta,
    Truth,
    draw_audit,
    draw_counts,
    draw_register,
    log_pmf,
    marginal_law,
    random_case,
)
from registration_bridge import as_problem, as_vector

RATE = "events ~ C(year) + (1 | provider)"
REGISTRATION = "~ C(year) + (1 | provider)"

#: Of standard errors. Both fits end within about 1e-4 standard errors of the same maximum; sums in another order.
IN_STANDARD_ERRORS = 1e-3

MANY = (61, 31)
FAMILIES = ("poisson", "nb2", "nb1")
few = settings(max_examples=6)


def panel_of(frame: pd.DataFrame, *covariates: str) -> dw.Panel:
    return dw.Panel.from_frame(
        frame, provider="provider", period="period", events="events", exposure="bed_days", covariates=covariates
    )


def fit(
    frame: pd.DataFrame,
    audit: pd.DataFrame,
    *,
    rate: str = RATE,
    registration: str = REGISTRATION,
    family: str = "poisson",
    covariates: tuple[str, ...] = (),
) -> dw.RegistrationResult:
    return dw.RegistrationModel(
        rate=rate,
        registration=registration,
        panel=panel_of(frame, *covariates),
        family=family,
        evidence=[dw.Audit(audit)],
    ).fit()


@cache
def audited(seed: int, providers: int = 14) -> tuple[Register, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    register = draw_register(Truth(providers=providers, years=(2021, 2022)), rng)
    return register, draw_audit(register, rng, providers=6, found=20)


@cache
def fitted(seed: int) -> dw.RegistrationResult:
    register, audit = audited(seed)
    return fit(register.frame, audit)


# ---- identities of the likelihood -------------------------------------------------------------------------------


def reflected(theta: Theta) -> Theta:
    """(beta + alpha, -alpha) with effects (u + v, -v); the columns of W are the first columns of X."""
    beta = theta.beta.copy()
    beta[: theta.alpha.size] += theta.alpha
    su = np.sqrt(theta.su**2 + theta.sv**2 + 2 * theta.rho * theta.su * theta.sv)
    rho = 0.0 if su == 0 else -(theta.rho * theta.su + theta.sv) / su
    return replace(theta, beta=beta, alpha=-theta.alpha, su=float(su), rho=float(rho))


@few
@given(
    seed=st.integers(0, 10**6),
    family=st.sampled_from(["poisson", "nb2"]),
    effects=st.booleans(),
    rho=st.sampled_from([-0.7, 0.0, 0.5]),
)
def test_reflection(seed: int, family: str, effects: bool, rho: float) -> None:
    case, theta = random_case(family, np.random.default_rng(seed), effects=effects)
    theta = replace(theta, rho=rho if effects else 0.0)
    mirror = reflected(theta)
    if not effects:
        mirror = replace(mirror, su=0.0, sv=0.0, rho=0.0)
    one = as_problem(case, effects=(effects, effects), rho=None if effects else 0.0)
    here = evaluate(one, as_vector(one, theta), nodes=MANY).value
    there = evaluate(one, as_vector(one, mirror), nodes=MANY).value
    # Without effects the two sums are the same but for rounding; with them both quadratures have converged to 1e-6.
    assert here == pytest.approx(there, abs=2e-6 if effects else 1e-10)


def test_audits_break_the_reflection() -> None:
    case, theta = random_case("poisson", np.random.default_rng(4), audit=True)
    problem = as_problem(case)
    here = evaluate(problem, as_vector(problem, theta), nodes=MANY).value
    there = evaluate(problem, as_vector(problem, reflected(theta)), nodes=MANY).value
    assert here - there > 1.0


def one_row(family: str, mean: float, p: float, alpha: float, y: int) -> float:
    one = np.ones((1, 1))
    case = Case(family, 1, one, one, np.array([float(y)]), np.zeros(1), np.zeros(1, dtype=np.intp))
    theta = Theta(
        beta=np.array([np.log(mean)]),
        alpha=np.array([np.log(p / (1 - p))]),
        gamma=np.zeros(0),
        delta=np.zeros(0),
        dispersion=alpha,
    )
    problem = as_problem(case, effects=(False, False), rho=0.0)
    return evaluate(problem, as_vector(problem, theta)).value


@few
@given(
    family=st.sampled_from(FAMILIES),
    mean=st.floats(0.3, 40.0),
    p=st.floats(0.05, 0.98),
    alpha=st.floats(0.02, 2.0),
)
def test_thinning_is_closed(family: str, mean: float, p: float, alpha: float) -> None:
    """The probability of y registered is the sum over all true numbers N of P(N) P(y | N)."""
    law = marginal_law(family, mean, p, 0.0 if family == "poisson" else alpha, largest=4000, upto=12)
    found = [np.exp(one_row(family, mean, p, alpha, y)) for y in range(13)]
    np.testing.assert_allclose(found, law, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("family", FAMILIES)
def test_thinning_by_simulation(family: str) -> None:
    """True events drawn, each registered or not by its own coin; a chi-square test against the likelihood of a row."""
    mean, p, alpha = 9.0, 0.6, 0.5
    rng = np.random.default_rng(20)
    true = draw_counts(family, np.full(40_000, mean), alpha, rng)
    owner = np.repeat(np.arange(true.size), true)
    seen = np.bincount(owner[rng.uniform(size=owner.size) < p], minlength=true.size)
    expected = np.array([np.exp(one_row(family, mean, p, alpha, y)) for y in range(60)])
    last = int(np.flatnonzero(expected * true.size >= 5).max())
    observed = np.bincount(np.minimum(seen, last), minlength=last + 1)[: last + 1]
    expected = np.append(expected[:last], 1 - expected[:last].sum()) * true.size
    # The seed is fixed: the test says that this draw is no rarer than one in a thousand.
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def test_the_reference_agrees_on_the_thinned_family() -> None:
    """NB1 has alpha p after thinning and NB2 keeps alpha; the wrong rule is far away."""
    y = np.arange(30.0)
    nb1 = marginal_law("nb1", 9.0, 0.6, 0.5, largest=4000, upto=29)
    np.testing.assert_allclose(nb1, np.exp(log_pmf("nb1", y, np.asarray(5.4), 0.3)), atol=1e-12)
    assert np.abs(nb1 - np.exp(log_pmf("nb1", y, np.asarray(5.4), 0.5))).max() > 1e-3


# ---- the ends of the range --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "family"), [("events ~ C(year)", "poisson"), (RATE, "poisson"), (RATE, "nb2")])
def test_completeness_of_one_is_the_rate_model(rate: str, family: str) -> None:
    register, audit = audited(3)
    everything = audit.assign(n_registered=audit["n_found"])
    result = fit(register.frame, everything, rate=rate, registration="~ 1", family=family)
    plain = dw.RateModel(rate, panel_of(register.frame), family=family).fit()
    assert result.certificate.converged, str(result.certificate)
    for name in plain.params.index:
        ours = f"rate:{name}"
        # p is 1 but for what is left of exp(-logit); a rate moves as much.
        assert result.params[ours] == pytest.approx(plain.params[name], abs=0.002 * plain.bse[name] + 1e-6), ours
        assert result.bse[ours] == pytest.approx(plain.bse[name], rel=5e-3), ours
    assert result.llf == pytest.approx(plain.llf, abs=1e-3)
    ratio = dw.rate_ratio(result, "year", before=2021, after=2022, scale="adjusted").estimate
    registered = dw.rate_ratio(plain, "year", before=2021, after=2022).estimate
    assert ratio == pytest.approx(registered, rel=1e-4)


@few
@given(seed=st.integers(0, 10**6))
def test_bounds_contain_the_estimate(seed: int) -> None:
    """Without provider effects the adjusted ratio is the registered one times p0 / p1, inside the bounds of min p."""
    rng = np.random.default_rng(seed)
    register = draw_register(Truth(providers=8, years=(2021, 2022), su=0.0, sv=0.0), rng)
    result = fit(
        register.frame, draw_audit(register, rng, providers=6), rate="events ~ C(year)", registration="~ C(year)"
    )
    registered = dw.rate_ratio(result.registered, "year", before=2021, after=2022).estimate
    adjusted = dw.rate_ratio(result, "year", before=2021, after=2022, scale="adjusted").estimate
    by_year = dw.completeness(result, by="year").set_index("year")["completeness"]
    p0, p1 = by_year.loc[2021], by_year.loc[2022]
    assert adjusted == pytest.approx(registered * p0 / p1, rel=1e-4)
    possible = dw.bounds(rate_ratio=registered, completeness_before=(min(p0, p1), 1.0))
    assert possible.lower * (1 - 1e-6) <= adjusted <= possible.upper * (1 + 1e-6)
    # The end L R itself is reached where p0 = L and p1 = 1.
    assert possible.lower == pytest.approx(registered * min(p0, p1), rel=1e-9)


# ---- decomposition ----------------------------------------------------------------------------------------------


@few
@given(seed=st.integers(0, 3), per=st.sampled_from(["counts", "rate"]))
def test_parts_sum_to_the_observed_change(seed: int, per: str) -> None:
    result = fitted(seed)
    change = dw.decompose_change(result, variable="year", before=2021, after=2022, rng=1, draws=200, per=per)
    sums = result.panel.observed.groupby("year")[["events", "bed_days"]].sum()
    each = sums["events"] if per == "counts" else 1000 * sums["events"] / sums["bed_days"]
    observed = each.loc[2022] - each.loc[2021]
    assert change.observed.estimate == pytest.approx(observed, rel=1e-12, abs=1e-9)
    total = sum(part.estimate for part in change.parts.values())
    assert total == pytest.approx(observed, abs=1e-9 * max(1.0, each.max()))


@few
@given(seed=st.integers(0, 3))
def test_parts_change_sign_with_the_periods(seed: int) -> None:
    one = dw.decompose_change(fitted(seed), variable="year", before=2021, after=2022, rng=1, draws=200)
    two = dw.decompose_change(fitted(seed), variable="year", before=2022, after=2021, rng=1, draws=200)
    assert set(one.parts) == set(two.parts)
    for name, part in one.parts.items():
        other = two.parts[name]
        assert other.estimate == pytest.approx(-part.estimate, abs=1e-7), name
        assert other.lower == pytest.approx(-part.upper, abs=1e-7), name
        assert other.upper == pytest.approx(-part.lower, abs=1e-7), name


# ---- the same facts written down in another way -----------------------------------------------------------------


def assert_same(one: dw.RegistrationResult, two: dw.RegistrationResult, shift: float = 0.0) -> None:
    moved = two.params[one.params.index] - one.params
    moved["rate:Intercept"] -= shift
    assert (moved.abs() <= IN_STANDARD_ERRORS * one.bse).all(), moved / one.bse
    np.testing.assert_allclose(two.bse[one.bse.index], one.bse, rtol=5e-3)
    assert two.llf == pytest.approx(one.llf, abs=1e-5)


@few
@given(seed=st.integers(0, 2), order=st.integers(0, 10**6))
def test_order_of_rows(seed: int, order: int) -> None:
    register, audit = audited(seed)
    shuffled = fit(register.frame.sample(frac=1.0, random_state=order), audit.sample(frac=1.0, random_state=order))
    assert_same(fitted(seed), shuffled)


@few
@given(seed=st.integers(0, 2), order=st.integers(0, 10**6))
def test_names_of_providers(seed: int, order: int) -> None:
    register, audit = audited(seed)
    names = sorted(register.v)
    other = dict(zip(names, np.random.default_rng(order).permutation([f"other {n}" for n in names]), strict=True))
    frame = register.frame.assign(provider=register.frame["provider"].map(other))
    renamed = fit(frame, audit.assign(provider_id=audit["provider_id"].map(other)))
    one = fitted(seed)
    assert_same(one, renamed)
    by_name = dw.completeness(one, by="provider").set_index("provider")["completeness"]
    by_other = dw.completeness(renamed, by="provider").set_index("provider")["completeness"]
    np.testing.assert_allclose(by_other[by_name.index.map(other)], by_name, rtol=1e-3)


@few
@given(seed=st.integers(0, 2), factor=st.sampled_from([1e-3, 0.5, 24.0, 1e4]))
def test_unit_of_exposure(seed: int, factor: float) -> None:
    register, audit = audited(seed)
    scaled = fit(register.frame.assign(bed_days=register.frame["bed_days"] * factor), audit)
    assert_same(fitted(seed), scaled, shift=-np.log(factor))


@few
@given(seed=st.integers(0, 2))
def test_an_audit_that_found_nothing_says_nothing(seed: int) -> None:
    register, audit = audited(seed)
    rest = register.frame.loc[~register.frame["provider"].isin(audit["provider_id"]), ["provider", "period"]]
    empty = rest.rename(columns={"provider": "provider_id"}).assign(n_found=0, n_registered=0)
    assert_same(fitted(seed), fit(register.frame, pd.concat([audit, empty], ignore_index=True)))


def test_a_column_in_another_unit() -> None:
    """Coefficients of a covariate in both parts scale back; the likelihood and the ratio do not move."""
    register, audit = audited(1)
    rate, registration = "events ~ C(year) + (1 | provider)", "~ C(year) + quality + (1 | provider)"
    one = fit(register.frame, audit, rate=rate, registration=registration, covariates=("quality",))
    frame = register.frame.assign(quality=register.frame["quality"] * 250 + 1000)
    two = fit(frame, audit, rate=rate, registration=registration, covariates=("quality",))
    name = "registration:quality"
    assert two.llf == pytest.approx(one.llf, abs=1e-5)
    assert 250 * two.params[name] == pytest.approx(one.params[name], abs=IN_STANDARD_ERRORS * one.bse[name])
    assert 250 * two.bse[name] == pytest.approx(one.bse[name], rel=5e-3)

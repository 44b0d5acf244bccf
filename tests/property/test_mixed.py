"""A mixed model does not care how the same facts are written down, and meets the plain models at its ends."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dwangstats._types import FamilyName
from dwangstats.models.mixed import MixedResult
from dwangstats.models.rate import RateModel
from dwangstats.models.results import RateResult
from dwangstats.numerics.likelihood import Likelihood, Problem
from dwangstats.numerics.mixed.structure import Term

#: In standard errors. Newton steps end at a scaled gradient of 1e-12, where the differences of its Hessian and the sums
#: in another order leave about 1e-6.
IN_STANDARD_ERRORS = 1e-4

#: Relative, of standard errors: the Hessian is taken up to 3e-3 standard errors beside the maximum.
OF_SPREAD = 1e-3
FORMULA = "events ~ C(year) + x + (1 | provider)"
few = settings(max_examples=12)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    providers, repeats = draw(st.integers(6, 15)), draw(st.integers(2, 4))
    frame = pd.DataFrame(
        [(f"p{i:02d}", 2021 + year) for i in range(providers) for year in (0, 1) for _ in range(repeats)],
        columns=["provider", "year"],
    )
    n = len(frame)
    frame = frame.assign(x=rng.normal(size=n), bed_days=np.exp(rng.uniform(5.0, 8.0, size=n)))
    level = rng.normal(0.0, draw(st.sampled_from([0.1, 0.5, 1.0])), providers)
    rate = draw(st.sampled_from([0.003, 0.05])) * np.exp(level[frame["provider"].str[1:].astype(int)])
    frame["events"] = rng.poisson(rate * frame["bed_days"])
    assume((frame.groupby("year")["events"].agg(lambda y: (y > 0).sum()) >= 3).all())
    return frame


def fit(frame: pd.DataFrame, formula: str = FORMULA, family: FamilyName = "poisson") -> MixedResult:
    result = RateModel(formula, frame, family=family, exposure="bed_days").fit()
    assert isinstance(result, MixedResult)
    assert result.certificate.converged, str(result.certificate)
    return result


def assert_same(one: MixedResult, two: MixedResult) -> None:
    assert ((one.params - two.params).abs() <= IN_STANDARD_ERRORS * one.bse).all()
    np.testing.assert_allclose(two.bse, one.bse, rtol=OF_SPREAD)
    np.testing.assert_allclose(list(two.random_sd.values()), list(one.random_sd.values()), rtol=1e-5, atol=1e-6)


@few
@given(frame=tables(), seed=st.integers(0, 10**6))
def test_permutation_of_rows(frame: pd.DataFrame, seed: int) -> None:
    one, two = fit(frame), fit(frame.sample(frac=1.0, random_state=seed))
    assert_same(one, two)
    assert two.llf == pytest.approx(one.llf, rel=1e-11)
    pd.testing.assert_frame_equal(two.random_effects, one.random_effects, rtol=OF_SPREAD, atol=1e-6)


@few
@given(frame=tables(), factor=st.floats(1e-4, 1e4))
def test_exposure_in_another_unit_moves_the_intercept_alone(frame: pd.DataFrame, factor: float) -> None:
    one, two = fit(frame), fit(frame.assign(bed_days=frame["bed_days"] * factor))
    shift = two.params - one.params
    shift["Intercept"] += np.log(factor)
    assert (shift.abs() <= IN_STANDARD_ERRORS * one.bse).all()
    assert two.random_sd["provider"] == pytest.approx(one.random_sd["provider"], rel=1e-5, abs=1e-6)
    assert two.llf == pytest.approx(one.llf, rel=1e-11)


@few
@given(frame=tables(), seed=st.integers(0, 10**6), kind=st.sampled_from(["text", "number", "category"]))
def test_other_names_of_providers(frame: pd.DataFrame, seed: int, kind: str) -> None:
    names = frame["provider"].unique()
    places = np.random.default_rng(seed).permutation(names.size)
    new = [f"q{i:03d}" for i in places] if kind != "number" else [int(i) * 7 for i in places]
    renamed = dict(zip(names, new, strict=True))
    ids = frame["provider"].map(renamed)
    one, two = fit(frame), fit(frame.assign(provider=pd.Categorical(ids) if kind == "category" else ids))
    assert_same(one, two)
    ours = one.random_effects["estimate"]
    theirs = two.random_effects.loc[[renamed[name] for name in ours.index], "estimate"]
    np.testing.assert_allclose(theirs, ours, atol=1e-5)


@few
@given(frame=tables(), share=st.floats(0.05, 0.95), row=st.integers(0, 20))
def test_one_row_split_in_two(frame: pd.DataFrame, share: float, row: int) -> None:
    """Poisson counts of two parts of a period say together what the whole says."""
    chosen = frame.index[row % len(frame)]
    first, second = frame.loc[[chosen]].copy(), frame.loc[[chosen]].copy()
    events = int(frame.loc[chosen, "events"])
    first["events"], second["events"] = events // 2, events - events // 2
    first["bed_days"] *= share
    second["bed_days"] *= 1.0 - share
    cut = pd.concat([frame.drop(index=chosen), first, second], ignore_index=True)
    assert_same(fit(frame), fit(cut))


@few
@given(frame=tables(), family=st.sampled_from(["poisson", "nb2", "nb1"]))
def test_a_standard_deviation_of_zero_is_the_plain_model(frame: pd.DataFrame, family: FamilyName) -> None:
    plain = RateModel("events ~ C(year) + x", frame, family=family, exposure="bed_days").fit()
    assert isinstance(plain, RateResult)
    vector = [*plain.params, 0.0, *([] if family == "poisson" else [plain.dispersion])]
    design = plain.design
    codes = pd.factorize(frame["provider"])[0].astype(np.intp)
    term = Term(codes, np.ones((len(frame), 1)), correlated=False, name="provider")
    for nodes in (1, 11):
        problem = Problem(design.X, design.y, design.log_exposure, (term,), family, nodes=nodes)
        assert Likelihood(problem)(np.array(vector))[0] == pytest.approx(plain.llf, rel=1e-10)


@few
@given(frame=tables(), family=st.sampled_from(["nb2", "nb1"]))
def test_a_dispersion_of_zero_is_poisson(frame: pd.DataFrame, family: FamilyName) -> None:
    poisson = fit(frame)
    problem = Problem(
        poisson.design.X, poisson.design.y, poisson.design.log_exposure, poisson.terms, family, nodes=poisson.nodes
    )
    vector = np.append(poisson.fit.vector, 0.0)
    value, gradient = Likelihood(problem)(vector)
    assert value == pytest.approx(poisson.llf, rel=1e-10)
    full = fit(frame, family=family)
    assert full.llf >= poisson.llf - 1e-7
    if full.dispersion == 0.0:
        assert gradient[-1] <= 1e-3
        assert ((full.params - poisson.params).abs() <= IN_STANDARD_ERRORS * poisson.bse).all()


@few
@given(frame=tables())
def test_a_random_effect_that_repeats_another_adds_nothing(frame: pd.DataFrame) -> None:
    """Locations that are their providers: the two variances are one, and the likelihood knows it."""
    one = fit(frame, "events ~ C(year) + x + (1 | provider)")
    coarse = RateModel("events ~ C(year) + x + (1 | provider)", frame, exposure="bed_days", quadrature=1).fit()
    assert one.llf == pytest.approx(coarse.fit.loglik, abs=0.5)

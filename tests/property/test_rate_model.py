"""The rate model does not care how the same facts are written down."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dwangstats.models.rate import RateModel
from dwangstats.models.ratios import rate_ratio
from dwangstats.models.results import RateResult

#: In standard errors; Newton stops at a scaled gradient of 1e-10 at worst, which is 1e-5 of them.
IN_STANDARD_ERRORS = 1e-5
FORMULA = "events ~ C(year) * x"
few = settings(max_examples=20)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    providers, repeats = draw(st.integers(4, 9)), draw(st.integers(2, 3))
    frame = pd.DataFrame(
        [(f"p{i}", 2021 + year) for i in range(providers) for year in (0, 1) for _ in range(repeats)],
        columns=["provider", "year"],
    )
    n = len(frame)
    frame = frame.assign(x=rng.normal(size=n), bed_days=np.exp(rng.uniform(5.0, 8.0, size=n)))
    rate = draw(st.sampled_from([0.003, 0.05])) * np.exp(rng.normal(0.0, 0.4, size=n))
    frame["events"] = rng.poisson(rate * frame["bed_days"])
    assume((frame.groupby("year")["events"].agg(lambda y: (y > 0).sum()) >= 3).all())
    return frame


def fit(frame: pd.DataFrame) -> RateResult:
    return RateModel(FORMULA, frame, exposure="bed_days").fit()


def assert_same_params(one: RateResult, two: RateResult) -> None:
    assert ((one.params - two.params).abs() <= IN_STANDARD_ERRORS * one.bse).all()
    np.testing.assert_allclose(two.bse, one.bse, rtol=1e-4)


@few
@given(frame=tables(), seed=st.integers(0, 10**6))
def test_permutation_of_rows(frame: pd.DataFrame, seed: int) -> None:
    one, two = fit(frame), fit(frame.sample(frac=1.0, random_state=seed))
    assert_same_params(one, two)
    first, second = (rate_ratio(r.robust("CR2"), "year", before=2021, after=2022) for r in (one, two))
    assert np.log(second.upper / first.upper) == pytest.approx(0.0, abs=1e-4 * np.log(first.upper / first.lower))


@few
@given(frame=tables(), factor=st.floats(1e-4, 1e4))
def test_exposure_in_another_unit_moves_the_intercept_alone(frame: pd.DataFrame, factor: float) -> None:
    one, two = fit(frame), fit(frame.assign(bed_days=frame["bed_days"] * factor))
    shift = two.params - one.params
    shift["Intercept"] += np.log(factor)
    assert (shift.abs() <= IN_STANDARD_ERRORS * one.bse).all()
    ratios = [rate_ratio(r, "year", before=2021, after=2022).estimate for r in (one, two)]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-4)


@few
@given(frame=tables(), parts=st.integers(2, 4))
def test_rows_cut_in_equal_parts(frame: pd.DataFrame, parts: int) -> None:
    whole = frame.assign(events=frame["events"] * parts)
    cut = pd.concat([frame.assign(bed_days=frame["bed_days"] / parts)] * parts, ignore_index=True)
    assert_same_params(fit(whole), fit(cut))


@few
@given(frame=tables(), seed=st.integers(0, 10**6))
def test_other_names_of_providers(frame: pd.DataFrame, seed: int) -> None:
    names = frame["provider"].unique()
    renamed = dict(
        zip(names, np.random.default_rng(seed).permutation([f"q{i}" for i in range(names.size)]), strict=True)
    )
    one, two = (fit(f).robust("CR2") for f in (frame, frame.assign(provider=frame["provider"].map(renamed))))
    # Only the order in which clusters are added differs.
    np.testing.assert_allclose(two.cov_params(), one.cov_params(), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(two.degrees_of_freedom, one.degrees_of_freedom, rtol=1e-7)


@few
@given(frame=tables())
def test_certificate_holds(frame: pd.DataFrame) -> None:
    for family in ("poisson", "nb2", "nb1"):
        result = RateModel(FORMULA, frame, family=family, exposure="bed_days").fit()  # type: ignore[arg-type]
        assert result.certificate.converged, str(result.certificate)

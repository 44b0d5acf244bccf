from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dwangstats.errors import FitError
from dwangstats.models import mixed_certificate
from dwangstats.models.mixed import MixedResult
from dwangstats.models.mixed_certificate import Verdict, certify_mixed
from dwangstats.models.rate import RateModel
from unit.models.mixed_worlds import visits


@pytest.fixture(scope="module")
def result() -> MixedResult:
    found = RateModel("events ~ time + (1 | provider)", visits(), exposure="bed_days").fit()
    assert isinstance(found, MixedResult)
    return found


def verdict(result: MixedResult, **changes: object) -> Verdict:
    return certify_mixed(result.design, result.family, replace(result.fit, **changes))  # type: ignore[arg-type]


def failed(found: Verdict) -> set[str]:
    return {name for name, *_, passed in found.certificate.checks if not passed}


def test_a_maximum_passes_everything(result: MixedResult) -> None:
    names = [name for name, *_ in result.certificate.checks]
    assert names == [
        "scaled gradient",
        "smallest eigenvalue",
        "log likelihood repeated",
        "inner residual",
        "quadrature error",
        "restart gap",
    ]
    assert result.certificate.converged
    assert result.certificate.boundary == ()
    assert verdict(result).better is None


def test_a_point_beside_the_maximum_fails_and_the_restart_finds_better(result: MixedResult) -> None:
    vector = result.fit.vector + 0.1 * np.array([result.bse.iloc[0], 0.0, 0.0])
    found = verdict(result, vector=vector, loglik=result.fit.loglik - 0.004)
    assert not found.certificate.converged
    assert {"scaled gradient", "restart gap"} <= failed(found)
    assert found.better is not None
    # The restart ends within 1e-4 standard errors.
    np.testing.assert_allclose(found.better, result.fit.vector, rtol=1e-4)


def test_a_log_likelihood_that_does_not_repeat_fails(result: MixedResult) -> None:
    assert "log likelihood repeated" in failed(verdict(result, loglik=result.fit.loglik + 0.1))


def test_modes_that_were_not_found_fail(result: MixedResult) -> None:
    assert failed(verdict(result, inner_residual=1e-3)) == {"inner residual"}
    assert failed(verdict(result, definite=False)) == {"inner residual"}


def test_no_curvature_fails(result: MixedResult) -> None:
    assert failed(verdict(result, smallest_eigenvalue=0.0)) == {"smallest eigenvalue"}


def test_large_data_have_no_restart(result: MixedResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed_certificate, "RESTART_ROWS", 100)
    found = verdict(result).certificate
    assert found.restart_gap is None
    assert found.converged
    assert "restart gap" not in [name for name, *_ in found.checks]


def test_too_few_nodes_are_said_and_the_numbers_withheld() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"provider": np.repeat(np.arange(300), 2)})
    frame["events"] = rng.poisson(0.2 * np.exp(np.repeat(rng.normal(0.0, 2.0, 300), 2)))
    coarse = RateModel("events ~ 1 + (1 | provider)", frame, quadrature=3).fit()
    assert "quadrature error" in {name for name, *_, passed in coarse.certificate.checks if not passed}
    assert "FAILED" in coarse.summary().splitlines()[0]
    with pytest.raises(FitError, match="quadrature error"):
        _ = coarse.params
    assert RateModel("events ~ 1 + (1 | provider)", frame).fit().certificate.converged


def test_boundary_is_named_and_its_slope_checked() -> None:
    frame = visits(sd=0.0, seed=2)
    found = RateModel("events ~ time + (1 | provider)", frame, exposure="bed_days", family="nb2").fit()
    assert found.certificate.converged, str(found.certificate)
    assert "boundary slope" in [name for name, *_ in found.certificate.checks]
    assert set(found.certificate.boundary) <= {"sd provider", "dispersion"}
    assert found.certificate.boundary

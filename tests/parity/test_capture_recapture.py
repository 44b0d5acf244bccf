"""Log-linear models of linked lists against R's glm on published capture-recapture data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from dwangstats.registration.lists import MultipleLists, multiple_lists

pytestmark = pytest.mark.real_data

#: The reference prints 10 digits, and R's glm stops at a relative change of the deviance of 1e-8; worst seen 2e-7.
RTOL = 1e-6
#: The reference's 95 % intervals are 1.96 standard errors wide to each side, not 1.959964.
LEVEL = float(2.0 * norm.cdf(1.96) - 1.0)
EXPECTED = {
    ("hiv_rome", "independent lists"),
    ("hiv_rome", "all pairwise interactions"),
    ("uk_modern_slavery", "independent lists"),
    ("uk_modern_slavery_5", "independent lists"),
}


@pytest.fixture(scope="module")
def reference(real_data: Path) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(
        (real_data / "reference" / "capture_recapture.json").read_text(encoding="utf-8")
    )
    return {name: part for name, part in stored.items() if isinstance(part, dict) and "fits" in part}


def test_the_reference_is_complete(reference: dict[str, Any]) -> None:
    assert {(name, fit["model"]) for name, part in reference.items() for fit in part["fits"]} == EXPECTED


@pytest.fixture(params=sorted(EXPECTED), ids=" ".join)
def both(request, reference: dict[str, Any], real_data: Path) -> tuple[MultipleLists, dict[str, Any]]:
    """Our fit and R's."""
    name, model = request.param
    part = reference[name]
    (fit,) = (fit for fit in part["fits"] if fit["model"] == model)
    frame = pd.read_csv(real_data / part["data_file"])
    interactions = "pairs" if model == "all pairwise interactions" else ()
    return multiple_lists(frame, part["lists"], interactions, level=LEVEL), fit


def test_cells_and_cases(both: tuple[MultipleLists, dict[str, Any]]) -> None:
    ours, fit = both
    assert (ours.observed, ours.cells, ours.df_residual) == (fit["observed"], fit["cells"], fit["df_residual"])
    assert ours.existence.status == "exists"


def test_coefficients_and_standard_errors(both: tuple[MultipleLists, dict[str, Any]]) -> None:
    ours, fit = both
    theirs = pd.DataFrame(fit["coefficients"]).T.rename(index={"(Intercept)": "Intercept"})
    assert set(ours.coefficients.index) == set(theirs.index)
    for column in ("estimate", "se"):
        np.testing.assert_allclose(ours.coefficients.loc[theirs.index, column], theirs[column], rtol=RTOL)


def test_likelihood_aic_and_deviance(both: tuple[MultipleLists, dict[str, Any]]) -> None:
    ours, fit = both
    assert ours.loglik == pytest.approx(fit["logLik_full"], rel=RTOL)
    assert ours.aic == pytest.approx(fit["AIC"], rel=RTOL)
    assert ours.deviance == pytest.approx(fit["deviance"], rel=RTOL)


def test_unseen_total_and_interval(both: tuple[MultipleLists, dict[str, Any]]) -> None:
    ours, fit = both
    assert ours.unseen.estimate == pytest.approx(fit["unseen_estimate"], rel=RTOL)
    assert ours.total.estimate == pytest.approx(fit["N_hat"], rel=RTOL)
    assert (ours.total.lower, ours.total.upper) == pytest.approx(fit["N_ci95_lognormal_unseen"], rel=RTOL)
    assert ours.registered_share.estimate == pytest.approx(fit["registered_share"], rel=RTOL)

"""Registration models against published data with known answers (simulated and cervical data of R's pogit).

The numbers for `simul1` and `simul2` were computed once with an independent prototype (Poisson, analytic gradients,
nested quadrature 15 x 5) and printed with five decimals; those for the cervical data are a closed form, stored with
R 4.2.2. Tolerance 1e-4: the printed digits, and the quadrature of the prototype.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln

from dwangstats.numerics.thinned.fit import fit_thinned
from dwangstats.numerics.thinned.likelihood import evaluate
from dwangstats.numerics.thinned.problem import AuditRows, CountRows, ThinnedProblem
from dwangstats.numerics.thinned.profile import profile_contrast

PRINTED = 1e-4
FOLDER = "pogit_underreporting"
COUNTRIES = ["Belgium", "England", "France", "Italy"]


def read(real_data: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(real_data / "data" / FOLDER / f"{name}.csv")


def simulated(data: pd.DataFrame, *, effects: bool, rho: float | None = 0.0, audit: bool = True) -> ThinnedProblem:
    X = data[[f"X.{i}" for i in range(5)]].to_numpy(float)
    group = data["cID"].to_numpy() - 1 if effects else np.arange(len(data))
    counts = CountRows(X, X, data["y"].to_numpy(float), np.log(data["E"].to_numpy(float)), group)
    audits = (AuditRows(X, group, data["m"].to_numpy(float), data["v"].to_numpy(float)),) if audit else ()
    return ThinnedProblem("poisson", int(group.max()) + 1, counts, effects, effects, rho, audits=audits)


def log_ways(data: pd.DataFrame) -> float:
    m, v = data["m"], data["v"]
    return float((gammaln(m + 1) - gammaln(v + 1) - gammaln(m - v + 1)).sum())


@pytest.mark.real_data
def test_simul1_with_validation(real_data: Path) -> None:
    fit = fit_thinned(simulated(read(real_data, "simul1"), effects=False))
    expected = [0.7347, 0.5467, -2.0316, 0.0289, 0.0074, 2.2807, -1.9153, -0.1234, -0.2047, 0.1910]
    assert fit.vector == pytest.approx(expected, abs=PRINTED)
    assert fit.loglik == pytest.approx(-86.88883, abs=PRINTED)
    errors = np.sqrt(np.diag(np.linalg.inv(fit.information)))
    assert errors[[0, 5]] == pytest.approx([0.0657, 0.2960], abs=PRINTED)
    assert fit.boundary == ()


@pytest.mark.real_data
def test_simul1_counts_alone_cannot_tell_two_mirrored_points_apart(real_data: Path) -> None:
    """log rate and logit share their columns, so (beta + alpha, -alpha) is as likely (Papadopoulos & Santos Silva).

    The published value is that of the counts at the estimates with validation, not their own maximum: that lies at
    -50.24656, where completeness tends to 1 in some rows.
    """
    data = read(real_data, "simul1")
    problem = simulated(data, effects=False, audit=False)
    fit = fit_thinned(simulated(data, effects=False))
    beta, alpha = fit.vector[:5], fit.vector[5:]
    here = evaluate(problem, fit.vector).value
    there = evaluate(problem, np.concatenate((beta + alpha, -alpha))).value
    assert here == pytest.approx(there, abs=1e-9)
    assert here == pytest.approx(-52.39155, abs=PRINTED)
    assert here < fit_thinned(problem).loglik


@pytest.mark.real_data
@pytest.mark.parametrize(("rho", "loglik"), [(0.0, -11066.79734), (None, -11066.10065)])
def test_simul2_with_provider_effects_in_both_parts(real_data: Path, rho: float | None, loglik: float) -> None:
    data = read(real_data, "simul2")
    fit = fit_thinned(simulated(data, effects=True, rho=rho))
    # The printed log likelihoods leave the binomial coefficients of the validation samples out.
    assert fit.loglik - log_ways(data) == pytest.approx(loglik, abs=PRINTED)
    assert abs(fit.quadrature_error) < 1e-4
    assert fit.scaled_gradient < 1e-8
    if rho == 0.0:
        rate = [0.74722, 0.10630, 0.08669, 0.00534, 0.00234]
        registration = [2.20390, -0.26095, 0.03914, -0.33457, -0.00966]
        assert fit.vector == pytest.approx([*rate, *registration, 0.09951, 0.26376], abs=PRINTED)


def cervical(real_data: Path, reference: str) -> ThinnedProblem:
    """Country and age in the rate; a completeness per country, coded against a reference country."""
    counts, audit = read(real_data, "cervical"), read(real_data, "cervical_validation")
    ages = sorted(counts["agegroup"].unique())[1:]
    X = np.column_stack(
        [counts["country"] == name for name in COUNTRIES] + [counts["agegroup"] == age for age in ages]
    ).astype(float)

    def completeness(frame: pd.DataFrame) -> np.ndarray:
        others = [frame["country"] == name for name in COUNTRIES if name != reference]
        return np.column_stack([np.ones(len(frame)), *others]).astype(float)

    codes = {name: i for i, name in enumerate(COUNTRIES)}
    y, exposure = counts["y"].to_numpy(float), np.log(counts["E"].to_numpy(float))
    rows = CountRows(X, completeness(counts), y, exposure, counts["country"].map(codes).to_numpy())
    found, registered = audit["m"].to_numpy(float), audit["v"].to_numpy(float)
    audits = (AuditRows(completeness(audit), audit["country"].map(codes).to_numpy(), found, registered),)
    return ThinnedProblem("poisson", 4, rows, False, False, audits=audits)


def stored(real_data: Path) -> dict:
    document = json.loads((real_data / "reference" / f"{FOLDER}.json").read_text())
    fits = document if isinstance(document, list) else document.get("fits", [document])
    return next(fit for fit in fits if fit["id"] == "cervical_validation_ml")


@pytest.mark.real_data
@pytest.mark.parametrize("reference", ["Belgium", "England"])
def test_cervical_deaths_with_england_at_complete_registration(real_data: Path, reference: str) -> None:
    answer = stored(real_data)
    fit = fit_thinned(cervical(real_data, reference))
    loglik = answer["logLik_full_poisson_part"] + answer["logLik_full_binomial_part"]
    assert fit.loglik == pytest.approx(loglik, abs=1e-6)
    corrected = [answer["corrected_country_coefficients"][name] for name in COUNTRIES]
    assert fit.vector[:4] == pytest.approx([c["estimate"] for c in corrected], abs=1e-5)
    errors = np.sqrt(np.diag(np.linalg.inv(fit.information)))
    assert errors[:4] == pytest.approx([c["se"] for c in corrected], rel=1e-3)
    place = int(np.flatnonzero(~fit.free)[0]) - 7
    assert fit.boundary == (f"registration:{place}=1",)
    others = [name for name in COUNTRIES if name != reference]
    logit = fit.vector[7] + np.array([0.0, *fit.vector[8:]])
    shares = dict(zip([reference, *others], 1.0 / (1.0 + np.exp(-logit)), strict=True))
    for name in COUNTRIES:
        assert shares[name] == pytest.approx(answer["reporting_probability"][name]["estimate"], abs=1e-5)
    assert shares["England"] == 1.0


@pytest.mark.real_data
@pytest.mark.parametrize("reference", ["Belgium", "England"])
def test_the_profile_of_a_complete_registration_is_one_sided(real_data: Path, reference: str) -> None:
    """The audit of England found all 50: 50 log p >= -1.9207 bounds p from below, in closed form."""
    problem = cervical(real_data, reference)
    fit = fit_thinned(problem, restart=False)
    england = np.zeros(problem.layout.size)
    england[7] = 1.0
    if reference == "Belgium":
        england[8] = 1.0
    lower, upper, _ = profile_contrast(problem, fit, england)
    limit = np.exp(-0.5 * 3.841458820694124 / 50.0)
    assert lower == pytest.approx(np.log(limit / (1.0 - limit)), abs=1e-4)
    assert upper == np.inf
    belgium = np.zeros(problem.layout.size)
    belgium[7] = 1.0
    if reference == "England":
        belgium[8] = 1.0
    lower, upper, _ = profile_contrast(problem, fit, belgium)
    # Closed form as well: the binomial profile of 43 of 50.
    for end in (lower, upper):
        p = 1.0 / (1.0 + np.exp(-end))
        drop = 43 * np.log(0.86 / p) + 7 * np.log(0.14 / (1.0 - p))
        assert 2.0 * drop == pytest.approx(3.841458820694124, abs=1e-3)

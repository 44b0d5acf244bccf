"""Mixed models on the synthetic registers against R: glmmTMB for Laplace, quadrature written out in R for exact fits.

Tolerances. The references carry 15 digits and were polished by Newton steps below 1e-7, so what is tolerated is ours.
Estimates stop within 1e-6 standard errors of the maximum; standard errors were measured within 1e-5 of R's and may
differ by the 1e-3 that is promised. validation/mixed/README.md has the worst that was measured for each quantity, and
why.
"""

import hashlib

import numpy as np
import pytest

from parity.mixed import (
    SCRIPTS,
    MixedReference,
    document,
    fit_here,
    gaps,
    named_as,
    panels,
    synthetic_references,
    synthetic_rows,
    too_far,
)

FITS = synthetic_references()
each_fit = pytest.mark.parametrize("reference", FITS, ids=lambda fit: fit.id)

TOLERANCES = {
    "loglik": 1e-6,
    "beta": 1e-5,
    "zero": 1e-5,
    "log_sd": 1e-5,
    "atanh": 1e-5,
    "log_alpha": 1e-6,
    "modes": 1e-6,
    "beta_se": 1e-3,
    "zero_se": 1e-3,
    "log_sd_se": 1e-3,
    "atanh_se": 1e-3,
    "alpha_se": 1e-3,
    "mode_sd": 1e-5,
}

#: What 25 nodes miss of a log likelihood with 61: 2.1e-6 where the standard deviation is 1.5 and groups are empty.
NODES_25 = {"loglik": 1e-5}

#: The fitter takes 11 nodes as enough where four more change the log likelihood by less than 1e-4.
DEFAULT_NODES = {"loglik": 1e-4, "log_sd": 1e-4, "modes": 1e-4, "beta": 1e-4, "mode_sd": 1e-4}

EXPECTED = {
    "Intercept t setting[T.closed_long_stay] setting[T.forensic] setting[T.open] setting[T.paaz] | | provider": (
        "ri_laplace_poisson ri_laplace_nb2 ri_laplace_nb1 ri_exact_poisson_default ri_exact_nb2_default "
        "ri_exact_nb1_default ri_exact_poisson_25 ri_exact_nb1_25 boundary_crossed_nb2 boundary_nested_poisson"
    ),
    "Intercept t setting[T.closed_long_stay] setting[T.forensic] setting[T.open] setting[T.paaz] | | location": (
        "ri_exact_nb2_25_locations"
    ),
    "Intercept t | | location": "ri_exact_poisson_locations",
    "Intercept t | | provider": "ri_exact_nb2_half_years",
    (
        "Intercept t setting[T.closed_long_stay] setting[T.forensic] setting[T.open] setting[T.paaz] | Intercept | "
        "provider"
    ): "ri_exact_zip_25 zip_ri zinb2_ri zinb1_ri",
    "Intercept t | | provider provider:location": "nested_poisson nested_nb2 nested_nb1",
    (
        "Intercept t form[T.other] form[T.other_locking_in] form[T.restraint] form[T.seclusion] | | provider "
        "provider:form"
    ): "nested_forms_poisson nested_forms_nb2 nested_forms_nb1",
    (
        "Intercept t setting[T.closed_long_stay] setting[T.forensic] setting[T.open] setting[T.paaz] | | provider "
        "provider[t]"
    ): "slope_poisson slope_nb2 slope_nb1 slope_nb2_locking_in uncorrelated_poisson uncorrelated_nb2 uncorrelated_nb1",
    "Intercept t | | provider provider[t]": "slope_poisson_half_years",
    (
        "Intercept t form[T.other] form[T.other_locking_in] form[T.restraint] form[T.seclusion] form[T.other]:t "
        "form[T.other_locking_in]:t form[T.restraint]:t form[T.seclusion]:t | | provider provider[t]"
    ): "slope_poisson_interaction",
    "Intercept t setting[T.closed_long_stay] setting[T.forensic] setting[T.open] setting[T.paaz] | | period provider": (
        "crossed_poisson crossed_nb1"
    ),
    "Intercept t | | period provider": "crossed_poisson_half_years",
    "Intercept t | | form provider": "crossed_forms_nb2",
    (
        "Intercept t form[T.other] form[T.other_locking_in] form[T.restraint] form[T.seclusion] | | period provider "
        "provider:form"
    ): "crossed_nested_forms_poisson",
    "Intercept t | | period provider provider:location provider[t]": "combined_poisson combined_nb2",
    (
        "Intercept t form[T.other] form[T.other_locking_in] form[T.restraint] form[T.seclusion] | | period provider "
        "provider:form provider[t]"
    ): "combined_forms_poisson combined_forms_nb1",
    (
        "Intercept t setting[T.closed_long_stay] setting[T.forensic] setting[T.open] setting[T.paaz] | Intercept t | "
        "provider"
    ): "zip_trend",
    (
        "Intercept t setting[T.closed_long_stay] setting[T.forensic] setting[T.open] setting[T.paaz] | Intercept | "
        "provider provider[t]"
    ): "zip_slope",
    "Intercept t | Intercept | provider provider:location": "zip_nested",
}


def by_register() -> dict[str, set[str]]:
    """Ids by the register on which they were fitted."""
    registers: dict[str, set[str]] = {}
    for fit in FITS:
        registers.setdefault(fit.source.rsplit("_", maxsplit=1)[0], set()).add(fit.id)
    return registers


def tolerances_for(reference: MixedReference) -> dict[str, float]:
    if reference.software != "quadrature in R":
        return TOLERANCES
    return TOLERANCES | (DEFAULT_NODES if reference.quadrature is None else NODES_25)


def test_the_reference_did_not_shrink() -> None:
    assert named_as(FITS) == EXPECTED
    assert len(FITS) == 44
    for fit in FITS:
        numbers = [fit.fixed, fit.fixed_se, fit.zero, fit.zero_se, fit.modes["mode"], fit.modes["sd"]]
        assert all(np.isfinite(values).all() for values in numbers), fit.id
        assert set(fit.modes["key"]) == set(fit.sd) == set(fit.log_sd_se), fit.id
        assert (fit.alpha is None) == (fit.family == "poisson"), fit.id
    assert {len(ids) >= 8 for ids in by_register().values()} == {True}
    assert {fit.family for fit in FITS} == {"poisson", "nb2", "nb1"}
    assert sum(fit.zero_formula is not None for fit in FITS) == 7
    assert sum(bool(fit.gone) for fit in FITS) == 2


def test_the_reference_was_made_by_the_scripts_that_are_here() -> None:
    stored = document("mixed_synthetic.json")
    for script, digest in stored["scripts"].items():
        text = (SCRIPTS / script).read_bytes()
        assert hashlib.sha256(text).hexdigest() == digest, f"{script} changed: {stored['remake']}"
    assert {"R", "glmmTMB", "TMB", "lme4", "numDeriv"} <= set(stored["software"])


def test_the_reference_was_made_on_the_registers_that_are_here() -> None:
    stored = document("mixed_synthetic.json")
    assert {name: hashlib.sha256(text.encode()).hexdigest() for name, text in panels().items()} == stored["panels"], (
        f"the panels of data/synthetic are not those of the reference: {stored['remake']}"
    )


@each_fit
def test_the_reference_is_a_maximum(reference: MixedReference) -> None:
    assert reference.raw["newton_step"] < 1e-7
    assert reference.raw["smallest_eigenvalue"] > 0.02
    if reference.software == "quadrature in R":
        # 61 against 123 nodes: the reference is exact to what is compared.
        assert reference.raw["loglik_with_twice_the_nodes"] == pytest.approx(reference.loglik, abs=1e-8, rel=0.0)
    if reference.gone:
        assert reference.raw["gain_of_dropped_term"] < 1e-6


@each_fit
def test_two_r_packages_agree(reference: MixedReference) -> None:
    # glmer stops where its optimiser stops; lme4's quadrature has 25 nodes.
    if "second_opinion" not in reference.raw:
        assert reference.family != "poisson" or reference.zero_formula is not None
        return
    second = reference.raw["second_opinion"]
    assert second["loglik"] == pytest.approx(reference.loglik, abs=1e-4, rel=0.0)
    for name, value in reference.raw["fixed"].items():
        assert second["fixed"][name]["estimate"] == pytest.approx(value["estimate"], abs=0.002 * value["se"], rel=0.0)


@each_fit
def test_agreement(reference: MixedReference) -> None:
    result = fit_here(reference, synthetic_rows(reference))
    assert result.certificate.converged, str(result.certificate)
    assert too_far(gaps(reference, result), tolerances_for(reference)) == {}
    for key in reference.gone:
        assert result.random_sd[key] == 0.0
    # AIC counts a variance at zero too.
    parameters = reference.n_parameters + len(reference.gone)
    assert result.aic == pytest.approx(-2.0 * result.llf + 2.0 * parameters, rel=1e-12)

"""Mixed models on the synthetic registers against R: glmmTMB for Laplace, quadrature written out in R for exact fits.

Tolerances. The references carry 15 digits and were polished by Newton steps below 1e-7, so what is tolerated is ours.
Estimates stop within 1e-6 standard errors of the maximum; standard errors come from a Hessian made within 0.003
standard errors of it, which the third derivative turns into a few 1e-4 of their size. Exact fits here use 11 or 25
nodes and the reference 61. The worst that was measured stands behind each number; validation/mixed/README.md says
where and why.
"""

import hashlib
import importlib.util
from typing import Any

import numpy as np
import pytest

from parity.mixed import (
    PANELS,
    PROJECT,
    MixedReference,
    document,
    fit_here,
    gaps,
    named_as,
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

#: Of the log likelihood with the default of 11 nodes, which the fitter takes as enough below 1e-4 for four more.
DEFAULT_NODES = 1e-4

#: glmer ends below the maximum that glmmTMB and this package find.
GLMER_STOPS_SHORT = {"nested_forms_poisson"}

EXPECTED = {}


def by_register() -> dict[str, set[str]]:
    """Ids by the register on which they were fitted."""
    registers: dict[str, set[str]] = {}
    for fit in FITS:
        registers.setdefault(fit.source.rsplit("_", maxsplit=1)[0], set()).add(fit.id)
    return registers


def tolerances_for(reference: MixedReference) -> dict[str, float]:
    if reference.software == "quadrature in R" and reference.quadrature is None:
        return TOLERANCES | {"loglik": DEFAULT_NODES, "log_sd": 1e-4, "modes": 1e-4, "beta": 1e-4, "mode_sd": 1e-4}
    return TOLERANCES


def panels_script() -> Any:
    """validation/mixed/panels.py, which is not part of the package."""
    spec = importlib.util.spec_from_file_location("panels", PROJECT / "validation" / "mixed" / "panels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_did_not_shrink() -> None:
    assert named_as(FITS) == EXPECTED
    assert len(FITS) == 43
    for fit in FITS:
        numbers = [fit.fixed, fit.fixed_se, fit.zero, fit.zero_se, fit.modes["mode"], fit.modes["sd"]]
        assert all(np.isfinite(values).all() for values in numbers), fit.id
        assert set(fit.modes["key"]) == set(fit.sd) == set(fit.log_sd_se), fit.id
        assert (fit.alpha is None) == (fit.family == "poisson"), fit.id
    assert {len(ids) >= 8 for ids in by_register().values()} == {True}
    assert {fit.family for fit in FITS} == {"poisson", "nb2", "nb1"}
    assert sum(fit.zero_formula is not None for fit in FITS) == 6
    assert sum(bool(fit.gone) for fit in FITS) == 2


def test_the_reference_was_made_by_the_scripts_that_are_here() -> None:
    stored = document("mixed_synthetic.json")
    for script, digest in stored["scripts"].items():
        text = (PROJECT / "validation" / "mixed" / script).read_bytes()
        assert hashlib.sha256(text).hexdigest() == digest, f"{script} changed: {stored['remake']}"
    assert {"R", "glmmTMB", "TMB", "lme4", "numDeriv"} <= set(stored["software"])


def test_the_reference_was_made_on_the_registers_that_are_here() -> None:
    stored = document("mixed_synthetic.json")
    texts = panels_script().make_panels()
    assert set(texts) == set(stored["panels"]) == {path.name for path in PANELS.glob("*.csv")}
    for name, text in texts.items():
        assert hashlib.sha256(text.encode()).hexdigest() == stored["panels"][name], f"{name}: {stored['remake']}"
        assert (PANELS / name).read_text(encoding="utf-8") == text, f"{name}: {stored['remake']}"


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
    short = reference.loglik - second["loglik"]
    assert short > -1e-4
    if reference.id in GLMER_STOPS_SHORT:
        assert 1e-4 < short < 0.01
        return
    assert short < 1e-4
    for name, value in reference.raw["fixed"].items():
        assert second["fixed"][name]["estimate"] == pytest.approx(value["estimate"], abs=0.01 * value["se"], rel=0.0)


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

"""Mixed models on public data against R: 42 fits copied from the real-data folder, and those of validation/mixed.

Tolerances. A copied number was printed with 10 significant digits, 5e-7 of a log likelihood of 5,000 and 5e-6 of one
of 10,000. glmmTMB fits and exact fits were polished by Newton steps; glmer stops where its optimiser stops, about
1e-6 from the maximum, and its standard errors are finite differences that were measured up to 0.15 % off: on
the same data glmmTMB and this package agree (validation/mixed/README.md). The other standard errors were measured
within 2e-5 and may differ by the 1e-3 that is promised.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from dwangstats.errors import FitError
from parity.mixed import (
    SCRIPTS,
    MixedReference,
    copied_references,
    document,
    fit_here,
    gaps,
    named_as,
    public_rows,
    remade_references,
    too_far,
)

COPIED = copied_references()
REMADE = remade_references()
FITS = [*COPIED, *REMADE]
each_fit = pytest.mark.parametrize("reference", FITS, ids=lambda fit: fit.id)
each_copied = pytest.mark.parametrize("reference", COPIED, ids=lambda fit: fit.id)

TOLERANCES = {
    "loglik": 1e-5,
    "beta": 1e-5,
    "zero": 1e-5,
    "log_sd": 1e-6,
    "atanh": 1e-6,
    "log_alpha": 1e-6,
    "modes": 1e-6,
    "beta_se": 1e-3,
    "zero_se": 1e-3,
    "log_sd_se": 1e-3,
    "atanh_se": 1e-3,
    "alpha_se": 1e-3,
    "mode_sd": 1e-6,
}

#: glmer: log likelihood 2.3e-5 low in the worst case, which moves estimates by 0.002 standard errors at most.
GLMER = {"loglik": 1e-4, "beta": 1e-4, "log_sd": 2e-5, "atanh": 1e-5, "modes": 1e-5, "mode_sd": 2e-5, "beta_se": 5e-3}

#: Where R's optimiser was left on a flat stretch (a slope variance of 5e-5, extra zeros running to none).
BOUNDARY = {"beta": 1e-4}

#: Coefficients of the extra zeros that run to minus infinity: no maximum, and the certificate must say so.
NO_MAXIMUM = {"sal_zinb2_tmb"}

EXPECTED_COPIED = {
    "Intercept lbase trt[T.progabide] lage V4 lbase:trt[T.progabide] | | subject": (
        "epil_ri_poisson_laplace epil_ri_poisson_agq25 epil_ri_poisson_tmb epil_ri_nb2_tmb epil_ri_nb1_tmb "
        "epil_ri_poisson_exact epil_ri_nb2_exact"
    ),
    "Intercept Base trt[T.progabide] Age Visit Base:trt[T.progabide] | | subject subject[Visit]": (
        "epil_slope_poisson_laplace epil_slope_nb2_tmb"
    ),
    "Intercept YEAR[T.96] YEAR[T.97] h100 | | BROOD INDEX LOCATION": (
        "gt_nested_poisson_laplace gt_nested_poisson_tmb"
    ),
    "Intercept YEAR[T.96] YEAR[T.97] h100 | | BROOD LOCATION": "gt_nested_nb2_tmb",
    "Intercept YEAR[T.96] YEAR[T.97] h100 | | BROOD": "gt_brood_poisson_laplace gt_brood_poisson_agq25",
    "Intercept FoodTreatment[T.Satiated] SexParent[T.Male] FoodTreatment[T.Satiated]:SexParent[T.Male] | | Nest": (
        "owls_poisson_laplace owls_poisson_agq25 owls_nb1_tmb owls_nb2_tmb owls_nb2_exact"
    ),
    (
        "Intercept FoodTreatment[T.Satiated] SexParent[T.Male] FoodTreatment[T.Satiated]:SexParent[T.Male] | "
        "Intercept | Nest"
    ): "owls_zip_tmb owls_zinb1_tmb owls_zinb2_tmb",
    "Intercept mined[T.no] | Intercept mined[T.no] | site": "sal_zip_tmb",
    (
        "Intercept spp[T.PR] spp[T.DM] spp[T.EC-A] spp[T.EC-L] spp[T.DES-L] spp[T.DF] mined[T.no] "
        "mined[T.no]:spp[T.PR] mined[T.no]:spp[T.DM] mined[T.no]:spp[T.EC-A] mined[T.no]:spp[T.EC-L] "
        "mined[T.no]:spp[T.DES-L] mined[T.no]:spp[T.DF] | Intercept spp[T.PR] spp[T.DM] spp[T.EC-A] spp[T.EC-L] "
        "spp[T.DES-L] spp[T.DF] mined[T.no] mined[T.no]:spp[T.PR] mined[T.no]:spp[T.DM] mined[T.no]:spp[T.EC-A] "
        "mined[T.no]:spp[T.EC-L] mined[T.no]:spp[T.DES-L] mined[T.no]:spp[T.DF] | site"
    ): "sal_zinb2_tmb",
    (
        "Intercept spp[T.PR] spp[T.DM] spp[T.EC-A] spp[T.EC-L] spp[T.DES-L] spp[T.DF] mined[T.no] "
        "mined[T.no]:spp[T.PR] mined[T.no]:spp[T.DM] mined[T.no]:spp[T.EC-A] mined[T.no]:spp[T.EC-L] "
        "mined[T.no]:spp[T.DES-L] mined[T.no]:spp[T.DF] | | site"
    ): "sal_nb2_tmb",
    "Intercept uvb | | region": "mmmec_ri_poisson_laplace mmmec_ri_poisson_agq25 mmmec_ri_nb2_tmb mmmec_ri_nb2_exact",
    "Intercept uvb | | nation region": "mmmec_nested_poisson_laplace mmmec_nested_nb1_tmb",
    "Intercept uvb | | nation nation[uvb]": "mmmec_slope_poisson_laplace",
    "Intercept t | | facility": "upipa_ri_poisson_laplace upipa_ri_poisson_agq25 upipa_ri_nb2_tmb",
    "Intercept t | | facility facility[t]": "upipa_slope_poisson_laplace",
    "Intercept t | | facility unit_id": "upipa_nested_poisson_tmb",
    "Intercept t | | institution": "cdcr_ri_poisson_laplace cdcr_ri_poisson_agq25 cdcr_ri_nb2_tmb cdcr_ri_nb1_tmb",
    "Intercept t | | institution institution[t]": "cdcr_slope_nb2_tmb",
}

EXPECTED_REMADE = {
    "Intercept Base trt[T.progabide] Age Visit Base:trt[T.progabide] | | subject subject[Visit]": (
        "epil_uncorrelated_poisson"
    ),
    "Intercept lbase trt[T.progabide] lage V4 lbase:trt[T.progabide] | | subject": "epil_ri_nb1_exact",
    "Intercept lbase trt[T.progabide] lage lbase:trt[T.progabide] | | subject": "epil_ri_nb2_no_v4",
    "Intercept FoodTreatment[T.Satiated] SexParent[T.Male] FoodTreatment[T.Satiated]:SexParent[T.Male] | | Nest": (
        "owls_ri_poisson owls_nb1_exact"
    ),
    (
        "Intercept FoodTreatment[T.Satiated] SexParent[T.Male] FoodTreatment[T.Satiated]:SexParent[T.Male] | "
        "Intercept | Nest"
    ): "owls_zip_exact",
    (
        "Intercept FoodTreatment[T.Satiated] SexParent[T.Male] FoodTreatment[T.Satiated]:SexParent[T.Male] | "
        "Intercept FoodTreatment[T.Satiated] | Nest"
    ): "owls_zip_treatment owls_zinb2_treatment",
    "Intercept mined[T.no] | | site": "sal_nb2_exact",
    "Intercept mined[T.no] | | site spp": "sal_crossed_nb2",
    "Intercept mined[T.no] | Intercept mined[T.no] | site spp": "sal_crossed_zip",
    "Intercept YEAR[T.96] YEAR[T.97] | | LOCATION": "gt_location_poisson_exact",
    "Intercept YEAR[T.96] YEAR[T.97] h100 | | BROOD LOCATION": "gt_nested_nb1",
}


def tolerances_for(reference: MixedReference) -> dict[str, float]:
    tolerances = TOLERANCES | (GLMER if reference.software == "lme4::glmer" else {})
    return tolerances | (BOUNDARY if reference.boundary else {})


def test_the_reference_did_not_shrink() -> None:
    assert named_as(COPIED) == EXPECTED_COPIED
    assert named_as(REMADE) == EXPECTED_REMADE
    assert (len(COPIED), len(REMADE)) == (42, 13)
    for fit in FITS:
        assert np.isfinite(fit.fixed).all()
        assert (fit.fixed_se > 0).all()
        assert np.isfinite(fit.modes["mode"]).all()
        assert len(fit.modes) >= 8 * len(fit.sd)
        assert (fit.alpha is None) == (fit.family == "poisson")
    assert {fit.id for fit in FITS if fit.boundary} == {"epil_slope_nb2_tmb", "sal_zinb2_tmb"}


def test_the_reference_names_its_software() -> None:
    stored = document("mixed_public.json")
    for fit in stored["copied"]:
        assert fit["software"]["R"] == "4.2.2"
        assert fit["digits"] == "10 significant digits"
    for script, digest in stored["remade"]["scripts"].items():
        text = (SCRIPTS / script).read_bytes()
        assert hashlib.sha256(text).hexdigest() == digest, f"{script} changed: {stored['remake']}"
    assert {"R", "glmmTMB", "TMB", "lme4", "numDeriv"} <= set(stored["remade"]["software"])


@pytest.mark.real_data
@each_copied
def test_the_copy_is_that_of_the_real_data_folder(reference: MixedReference, real_data: Path) -> None:
    name = reference.raw["reference_file"]
    originals = json.loads((real_data / "reference" / name).read_text(encoding="utf-8"))
    original = next(fit for fit in originals["fits"] if fit["id"] == reference.id)
    assert {key: reference.raw[key] for key in original} == original


@pytest.mark.real_data
@each_fit
def test_agreement(reference: MixedReference, real_data: Path) -> None:
    result = fit_here(reference, public_rows(reference, real_data), force=reference.id in NO_MAXIMUM)
    assert result.certificate.converged == (reference.id not in NO_MAXIMUM), str(result.certificate)
    assert too_far(gaps(reference, result), tolerances_for(reference)) == {}


@pytest.mark.real_data
@pytest.mark.parametrize("reference", [fit for fit in COPIED if fit.id in NO_MAXIMUM], ids=lambda fit: fit.id)
def test_a_fit_without_a_maximum_is_not_shown(reference: MixedReference, real_data: Path) -> None:
    result = fit_here(reference, public_rows(reference, real_data))
    with pytest.raises(FitError):
        _ = result.params
    assert "FAILED" in result.summary()

"""Parity with lme4, glmmTMB and a 61-node quadrature on real data that stand beside the project."""

import json
import re
from itertools import starmap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dwangstats.numerics.mixed.fit import MixedFit, fit_mixed
from dwangstats.numerics.mixed.structure import Term

pytestmark = pytest.mark.real_data

RESPONSE = {
    "epil": "y",
    "gt": "TICKS",
    "owls": "SiblingNegotiation",
    "sal": "count",
    "mmmec": "deaths",
    "upipa": "restrained",
    "cdcr": "use_of_force",
}
GROUP_OF_EXACT = {"epil": "subject", "owls": "Nest", "mmmec": "region"}
OFFSET = {
    "none": lambda d: np.zeros(len(d)),
    "log(BroodSize)": lambda d: np.log(d["BroodSize"]),
    "log(expected)": lambda d: np.log(d["expected"]),
    "log(residents_index_day)": lambda d: np.log(d["residents_index_day"]),
    "log(inmate_days/100000)": lambda d: np.log(d["inmate_days"] / 1e5),
}
FAMILY = {"poisson": "poisson", "nbinom2": "nb2", "nbinom1": "nb1"}
FITS = {
    "epil": (
        "ri_poisson_laplace ri_poisson_agq25 ri_poisson_tmb ri_nb2_tmb ri_nb1_tmb slope_poisson_laplace slope_nb2_tmb "
        "ri_poisson_exact ri_nb2_exact"
    ),
    "grouseticks": (
        "nested_poisson_laplace nested_poisson_tmb nested_nb2_tmb brood_poisson_laplace brood_poisson_agq25"
    ),
    "owls": "poisson_laplace poisson_agq25 nb1_tmb nb2_tmb zip_tmb zinb1_tmb zinb2_tmb nb2_exact",
    "salamanders": "zip_tmb zinb2_tmb nb2_tmb",
    "mmmec": (
        "ri_poisson_laplace ri_poisson_agq25 nested_poisson_laplace ri_nb2_tmb nested_nb1_tmb slope_poisson_laplace "
        "ri_nb2_exact"
    ),
    "upipa_restraint": "ri_poisson_laplace ri_poisson_agq25 slope_poisson_laplace ri_nb2_tmb nested_poisson_tmb",
    "cdcr_use_of_force": "ri_poisson_laplace ri_poisson_agq25 ri_nb2_tmb ri_nb1_tmb slope_nb2_tmb",
}
PREFIX = {"grouseticks": "gt", "salamanders": "sal", "upipa_restraint": "upipa", "cdcr_use_of_force": "cdcr"}
CASES = [(name, f"{PREFIX.get(name, name)}_{fit}") for name, fits in FITS.items() for fit in fits.split()]

#: A coefficient or zero coefficient may differ by 1e-4 or 0.002 SE, whichever is larger.
ATOL, SE_SHARE = 1e-4, 0.002
#: lme4's Hessian is by finite differences: README of the reference data, up to 0.5 %; glmmTMB's and ours 0.1 %.
SE_RTOL = {"lme4::glmer": 5e-3}


def reference(folder: Path, name: str) -> dict[str, dict]:
    fits = json.loads((folder / "reference" / f"{name}.json").read_text())["fits"]
    return {fit["id"]: fit for fit in fits}


def frame(folder: Path, fit: dict) -> pd.DataFrame:
    """The data with the derived columns that the reference fits use."""
    data = pd.read_csv(folder / fit["data_file"])
    key = fit["id"].split("_")[0]
    if key == "epil":
        data["trtprogabide"] = (data["trt"] == "progabide").astype(float)
    elif key == "gt":
        data["YEAR96"], data["YEAR97"] = (data["YEAR"] == 96).astype(float), (data["YEAR"] == 97).astype(float)
        data["h100"] = data["cHEIGHT"] / 100.0
    elif key == "owls":
        data["FoodTreatmentSatiated"] = (data["FoodTreatment"] == "Satiated").astype(float)
        data["SexParentMale"] = (data["SexParent"] == "Male").astype(float)
    elif key == "sal":
        data["minedno"] = (data["mined"] == "no").astype(float)
        for species in ("PR", "DM", "EC-A", "EC-L", "DES-L", "DF"):
            data[f"spp{species}"] = (data["spp"] == species).astype(float)
    elif key == "upipa":
        data = data[data["restrained"].notna()].copy()
        data["t"] = data["year"] + (data["month"] - 0.5) / 12.0 - 2021.0
        data["unit_id"] = data["facility"].astype(str) + ":" + data["unit"].astype(str)
    elif key == "cdcr":
        data["t"] = data["year"] + (data["month"] - 0.5) / 12.0 - 2016.0
    return data


def column(data: pd.DataFrame, name: str) -> np.ndarray:
    if name == "(Intercept)":
        return np.ones(len(data))
    return np.prod([data[part].to_numpy(float) for part in name.split(":")], axis=0)


def random_terms(data: pd.DataFrame, fit: dict) -> tuple[tuple[Term, ...], tuple[list[str], ...]]:
    """Terms, and per term the labels of its groups."""
    bars = re.findall(r"\(([^()|]+)\|([^()]+)\)", fit["formula"])
    if not bars:
        bars = [("1", GROUP_OF_EXACT[fit["id"].split("_")[0]])]
    terms, labels = [], []
    for left, group in bars:
        codes, levels = pd.factorize(data[group.strip()].astype(str), sort=True)
        slopes = [part.strip() for part in left.split("+") if part.strip() != "1"]
        Z = np.column_stack([np.ones(len(data)), *(data[s].to_numpy(float) for s in slopes)])
        terms.append(Term(codes.astype(np.intp), Z, True, group.strip()))
        labels.append(list(levels))
    return tuple(terms), tuple(labels)


def run(folder: Path, fit: dict) -> tuple[MixedFit, tuple[Term, ...], tuple[list[str], ...]]:
    data = frame(folder, fit)
    terms, labels = random_terms(data, fit)
    X = np.column_stack([column(data, name) for name in fit["fixed_effects"]])
    zero = fit.get("zero_inflation")
    zero_X = None if zero is None else np.column_stack([column(data, name) for name in zero["coefficients"]])
    nodes = 25 if "agq25" in fit["id"] else 61 if fit["id"].endswith("exact") else 1
    y = data[RESPONSE[fit["id"].split("_")[0]]].to_numpy(float)
    offset = np.asarray(OFFSET[fit["offset"]](data), dtype=float)
    found = fit_mixed(X, y, offset, terms, FAMILY[fit["family"].split()[0]], zero_X=zero_X, nodes=nodes)
    return found, terms, labels


def assert_coefficients(got: np.ndarray, errors: np.ndarray, expected: list[dict], rtol: float) -> None:
    estimate = np.array([e["estimate"] for e in expected])
    se = np.array([e["se"] for e in expected])
    assert np.all(np.abs(got - estimate) <= np.maximum(ATOL, SE_SHARE * se))
    np.testing.assert_allclose(errors, se, rtol=rtol)


def reference_sds(effects: dict, term: Term) -> list[float]:
    return [effects["sd"]] if isinstance(effects.get("sd"), float) else list(effects[term.name]["sd"].values())


def assert_modes(fit: dict, found: MixedFit, terms: tuple[Term, ...], labels: tuple[list[str], ...]) -> None:
    stored = fit["conditional_modes_first_10"]
    for term, names, modes in zip(terms, labels, found.modes, strict=True):
        for entry in stored if isinstance(stored, list) else stored[term.name]:
            mode = entry["mode"]
            expected = list(mode.values()) if isinstance(mode, dict) else [mode]
            np.testing.assert_allclose(modes[names.index(entry["group"])], expected, atol=1e-4)


def test_every_reference_fit_has_a_case(real_data: Path) -> None:
    stored = {
        (name, fit["id"])
        for name in FITS
        for fit in reference(real_data, name).values()
        if fit.get("random_effects") is not None
    }
    assert stored == set(CASES)


@pytest.mark.parametrize("case", CASES, ids=list(starmap(lambda _, fit: fit, CASES)))
def test_fit_equals_the_reference(real_data: Path, case: tuple[str, str]) -> None:
    fit = reference(real_data, case[0])[case[1]]
    found, terms, labels = run(real_data, fit)
    boundary = "BOUNDARY" in fit["note"]
    assert found.loglik == pytest.approx(fit["logLik_full"], abs=1e-4)
    assert found.scaled_gradient < 1e-8
    errors = np.full(len(found.names), np.nan)
    errors[found.free] = np.sqrt(np.diag(np.linalg.inv(found.information)))
    rtol = SE_RTOL.get(fit["model"], 1e-3)
    k = found.beta.size
    assert_coefficients(found.beta, errors[:k], list(fit["fixed_effects"].values()), rtol)
    if boundary:
        return
    zero = fit.get("zero_inflation")
    if zero is not None:
        assert_coefficients(found.zero_beta, errors[-found.zero_beta.size :], list(zero["coefficients"].values()), rtol)
    for term, covariance in zip(terms, found.covariances, strict=True):
        expected = np.log(reference_sds(fit["random_effects"], term))
        np.testing.assert_allclose(0.5 * np.log(np.diag(covariance)), expected, atol=1e-3)
        if "correlation" in fit["random_effects"].get(term.name, {}):
            got = covariance[1, 0] / np.sqrt(covariance[0, 0] * covariance[1, 1])
            assert got == pytest.approx(fit["random_effects"][term.name]["correlation"], abs=1e-3)
    if "dispersion" in fit:
        size = fit["dispersion"]["estimate"]
        assert np.log(found.alpha) == pytest.approx(np.log(size if found_is_nb1(fit) else 1.0 / size), abs=1e-3)
        place = found.names.index("alpha")
        assert errors[place] / found.alpha == pytest.approx(fit["dispersion"]["log_se"], rel=1e-3)
    assert_modes(fit, found, terms, labels)


def found_is_nb1(fit: dict) -> bool:
    """Whether the reference states the dispersion as phi of NB1 rather than as theta of NB2."""
    return fit["dispersion"]["name"] == "phi"

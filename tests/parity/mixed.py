"""Reference fits of mixed models in one shape, whichever side wrote them, and how far a fit of ours is from them."""

import importlib.util
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import dwangstats as dw
from dwangstats._types import FamilyName
from parity.reference import canonical

FOLDER = Path(__file__).parent / "reference"
PROJECT = Path(__file__).parents[2]
SCRIPTS = PROJECT / "validation" / "mixed"

# R glues a level to its factor; the factors of the copied fits with their levels, the baseline first.
FACTORS = {
    "trt": ("placebo", "progabide"),
    "FoodTreatment": ("Deprived", "Satiated"),
    "SexParent": ("Female", "Male"),
    "mined": ("yes", "no"),
    "spp": ("GP", "PR", "DM", "EC-A", "EC-L", "DES-L", "DF"),
    "YEAR": ("95", "96", "97"),
}
INTERCEPT = "(Intercept)"


@dataclass(frozen=True, slots=True)
class MixedReference:
    """One fit made with R under our names.

    Attributes
    ----------
    fixed, fixed_se, zero, zero_se : Series
        Coefficients of the counts and of the extra zeros.
    sd, log_sd_se : mapping
        By "provider" or "provider[t]"; no standard errors where R gave none.
    correlation, atanh_se : mapping
        By the name of the slope, "provider[t]".
    modes : DataFrame
        key, group, mode, sd (parameters held fixed; missing where R added their uncertainty).
    boundary : bool
        Variances and zero part are not determined.
    gone : tuple of str
        Standard deviations that are zero.
    """

    id: str
    source: str
    software: str
    formula: str
    exposure: str | None
    family: FamilyName
    zero_formula: str | None
    quadrature: int | None
    nobs: int
    n_parameters: int
    loglik: float
    fixed: pd.Series
    fixed_se: pd.Series
    zero: pd.Series
    zero_se: pd.Series
    sd: Mapping[str, float]
    log_sd_se: Mapping[str, float]
    correlation: Mapping[str, float]
    atanh_se: Mapping[str, float]
    alpha: float | None
    alpha_se: float | None
    modes: pd.DataFrame
    boundary: bool = False
    gone: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def document(name: str) -> dict[str, Any]:
    """A stored reference file as it is."""
    found: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


def synthetic_references() -> list[MixedReference]:
    """Fits on the panels of the synthetic registers."""
    return [_ours(fit, source=fit["panel"], exposure="bed_days") for fit in document("mixed_synthetic.json")["fits"]]


def remade_references() -> list[MixedReference]:
    """Fits that this project made on textbook sets."""
    fits = document("mixed_public.json")["remade"]["fits"]
    return [_ours(fit, source=fit["data_file"], exposure=fit.get("exposure")) for fit in fits]


def copied_references() -> list[MixedReference]:
    """Fits that were copied from the real-data folder."""
    return [_copied(fit) for fit in document("mixed_public.json")["copied"]]


def _ours(fit: Mapping[str, Any], *, source: str, exposure: str | None) -> MixedReference:
    fixed, fixed_se = _coefficients(fit["fixed"])
    zero, zero_se = _coefficients(fit.get("zero_coefficients", {}))
    alpha = fit.get("alpha", {})
    correlation = fit["random_correlation"] or {}
    dropped = fit.get("without")
    return MixedReference(
        id=fit["id"],
        source=source,
        software="quadrature in R" if fit["method"] == "exact" else "glmmTMB",
        formula=fit["formula"],
        exposure=exposure,
        family=fit["family"],
        zero_formula=fit.get("zero"),
        quadrature=fit.get("quadrature"),
        nobs=fit["n_obs"],
        n_parameters=fit["n_parameters"],
        loglik=fit["loglik"],
        fixed=fixed,
        fixed_se=fixed_se,
        zero=zero,
        zero_se=zero_se,
        sd=fit["random_sd"],
        log_sd_se=fit["log_sd_se"],
        correlation={key: value["estimate"] for key, value in correlation.items()},
        atanh_se={key: value["atanh_se"] for key, value in correlation.items()},
        alpha=alpha.get("estimate"),
        alpha_se=alpha.get("se"),
        modes=pd.concat([pd.DataFrame(modes).assign(key=key) for key, modes in fit["modes"].items()]),
        gone=() if dropped is None else (dropped.split("|")[1].strip(" )"),),
        raw=fit,
    )


def _coefficients(named: Mapping[str, Mapping[str, float]]) -> tuple[pd.Series, pd.Series]:
    names = [canonical(name) for name in named]
    return (
        pd.Series([value["estimate"] for value in named.values()], index=names, dtype=np.float64),
        pd.Series([value["se"] for value in named.values()], index=names, dtype=np.float64),
    )


def _copied(fit: Mapping[str, Any]) -> MixedReference:
    fixed, fixed_se = _coefficients({_our_name(name): value for name, value in fit["fixed_effects"].items()})
    inflation = fit.get("zero_inflation", {}).get("coefficients", {})
    zero, zero_se = _coefficients({_our_name(name): value for name, value in inflation.items()})
    sd, correlation, log_sd_se = _copied_variances(fit)
    alpha, alpha_se = _copied_dispersion(fit)
    return MixedReference(
        id=fit["id"],
        source=fit["data_file"],
        software=fit["model"].split(" (")[0],
        formula=fit["formula_here"],
        exposure=fit["exposure_here"],
        family=fit["family_here"],
        zero_formula=fit["zero_here"],
        quadrature=fit["quadrature_here"],
        nobs=fit["n_obs"],
        n_parameters=fit["n_parameters"],
        loglik=fit["logLik_full"],
        fixed=fixed,
        fixed_se=fixed_se,
        zero=zero,
        zero_se=zero_se,
        sd=sd,
        log_sd_se=log_sd_se,
        correlation=correlation,
        atanh_se={},
        alpha=alpha,
        alpha_se=alpha_se,
        modes=_copied_modes(fit),
        boundary=fit["boundary_here"],
        raw=fit,
    )


def _our_name(r_name: str) -> str:
    return "Intercept" if r_name == INTERCEPT else ":".join(_our_part(part) for part in r_name.split(":"))


def _our_part(part: str) -> str:
    for factor, levels in FACTORS.items():
        if part.removeprefix(factor) in levels and part != factor:
            return f"{factor}[T.{part.removeprefix(factor)}]"
    return part


def _key(group: str, effect: str) -> str:
    return group if effect == INTERCEPT else f"{group}[{effect}]"


def _only_group(fit: Mapping[str, Any]) -> str:
    text: str = fit["formula_here"]
    return text.rsplit("|", maxsplit=1)[1].strip(" )")


def _copied_variances(fit: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Standard deviations, correlations and standard errors of the logs; the last only where R gave them."""
    random = fit["random_effects"]
    if "log_sd" in random:
        group = _only_group(fit)
        return {group: random["sd"]}, {}, {group: random["log_sd_se"]}
    sd = {_key(group, effect): value for group, about in random.items() for effect, value in about["sd"].items()}
    correlation = {
        _key(group, list(about["sd"])[1]): about["correlation"]
        for group, about in random.items()
        if "correlation" in about
    }
    return sd, correlation, {}


def _copied_dispersion(fit: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Alpha and its standard error: 1 / theta for nb2, phi for nb1; both from the logs."""
    about = fit.get("dispersion")
    if about is None:
        return None, None
    alpha = 1.0 / about["estimate"] if fit["family_here"] == "nb2" else about["estimate"]
    return alpha, alpha * about["log_se"]


def _copied_modes(fit: Mapping[str, Any]) -> pd.DataFrame:
    """Modes with the standard deviation that holds the parameters fixed, where there is one."""
    listed = fit["conditional_modes_first_10"]
    if isinstance(listed, list):
        rows = [(_only_group(fit), one["group"], one["mode"], one["sd"]) for one in listed]
        return pd.DataFrame(rows, columns=["key", "group", "mode", "sd"])
    fixed_here = fit["model"] == "lme4::glmer"
    apart = fit.get("conditional_sd_parameters_fixed_first_10", {})
    rows = [
        (_key(group, effect), one["group"], mode, one["sd"][effect] if fixed_here else apart.get(one["group"], np.nan))
        for group, entries in listed.items()
        for one in entries
        for effect, mode in one["mode"].items()
    ]
    return pd.DataFrame(rows, columns=["key", "group", "mode", "sd"])


# ---- rows ----------------------------------------------------------------------------------------------------------


@cache
def panels() -> Mapping[str, str]:
    """Text of every panel, made from data/synthetic by the script that makes them for R."""
    spec = importlib.util.spec_from_file_location("panels", SCRIPTS / "panels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    texts: Mapping[str, str] = module.make_panels()
    return texts


def synthetic_rows(reference: MixedReference) -> pd.DataFrame:
    """The rows of a fit on a synthetic register."""
    text = io.StringIO(panels()[reference.source])
    rows = pd.read_csv(text, dtype={"provider": str, "location": str, "period": str})
    form = reference.raw["form"]
    return rows if form == "all" else rows[rows["form"] == form].reset_index(drop=True)


def public_rows(reference: MixedReference, real_data: Path) -> pd.DataFrame:
    """The rows of a fit on public data, with the derived columns that its note describes."""
    rows = pd.read_csv(real_data / reference.source, dtype=dict.fromkeys(["YEAR", "BROOD", "LOCATION", "INDEX"], str))
    name = Path(reference.source).parent.name
    rows = DERIVE[name](rows) if name in DERIVE else rows
    present = {factor: levels for factor, levels in FACTORS.items() if factor in rows.columns}
    return rows.assign(**{name: pd.Categorical(rows[name], levels) for name, levels in present.items()})


def _ticks(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(h100=rows["cHEIGHT"] / 100.0)


def _facility_months(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[rows["restrained"].notna()].reset_index(drop=True)
    unit = rows["facility"].astype(str) + ":" + rows["unit"].astype(str)
    return rows.assign(t=rows["year"] + (rows["month"] - 0.5) / 12 - 2021, unit_id=unit)


def _prison_months(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(t=rows["year"] + (rows["month"] - 0.5) / 12 - 2016, e=rows["inmate_days"] / 100_000)


#: What is done with the rows of a set before they are fitted.
DERIVE = {"grouseticks": _ticks, "upipa_restraint": _facility_months, "cdcr_use_of_force": _prison_months}


def named_as(fits: list[MixedReference]) -> dict[str, str]:
    """Ids by the names of their numbers: "coefficients | coefficients of the extra zeros | standard deviations"."""
    ids: dict[str, list[str]] = {}
    for fit in fits:
        names = " | ".join(" ".join(part) for part in (fit.fixed.index, fit.zero.index, sorted(fit.sd))).replace(
            "|  |", "| |"
        )
        ids.setdefault(names, []).append(fit.id)
    return {names: " ".join(of) for names, of in ids.items()}


def fit_here(reference: MixedReference, rows: pd.DataFrame, *, force: bool = False) -> Any:
    """Our fit of the same model, through the public names only."""
    model = dw.RateModel(
        reference.formula,
        rows,
        family=reference.family,
        exposure=reference.exposure,
        zero=reference.zero_formula,
        quadrature=reference.quadrature,
    )
    return model.fit(force=force)


def too_far(found: Mapping[str, float], tolerances: Mapping[str, float]) -> dict[str, str]:
    """The quantities that are further apart than they may be."""
    return {
        name: f"{gap:.2e} apart, {tolerances[name]:.0e} allowed"
        for name, gap in found.items()
        if not gap <= tolerances[name]
    }


# ---- how far apart -------------------------------------------------------------------------------------------------


def gaps(reference: MixedReference, result: Any) -> dict[str, float]:
    """Largest difference per quantity.

    In standard errors for beta and zero (coefficients of the counts and of the extra zeros); absolute for loglik,
    log_sd, atanh (of correlations), log_alpha and modes; relative for standard errors and conditional standard
    deviations (beta_se, zero_se, log_sd_se, atanh_se, alpha_se, mode_sd).
    """
    found = {"loglik": abs(result.llf - reference.loglik)}
    assert result.nobs == reference.nobs
    beta = result.params.rename(canonical)
    found |= _coefficient_gaps("beta", beta, result.bse.rename(canonical), reference.fixed, reference.fixed_se)
    if reference.boundary:
        return found
    if len(reference.zero):
        zero = result.zero_params.rename(canonical)
        found |= _coefficient_gaps("zero", zero["estimate"], zero["se"], reference.zero, reference.zero_se)
    found["log_sd"] = max(float(abs(np.log(result.random_sd[key] / sd))) for key, sd in reference.sd.items())
    if reference.correlation:
        ours = {_slope(name): value for name, value in result.random_correlation.items()}
        found["atanh"] = max(abs(np.arctanh(ours[key]) - np.arctanh(r)) for key, r in reference.correlation.items())
    if reference.alpha is not None:
        found["log_alpha"] = abs(np.log(result.dispersion / reference.alpha))
    if reference.alpha_se is not None:
        found["alpha_se"] = abs(result.dispersion_se / reference.alpha_se - 1.0)
    return found | _variance_se_gaps(reference, result) | _mode_gaps(reference, result)


def _coefficient_gaps(
    name: str, ours: pd.Series, ours_se: pd.Series, theirs: pd.Series, theirs_se: pd.Series
) -> dict[str, float]:
    assert set(ours.index) == set(theirs.index)
    away = (ours[theirs.index] - theirs).abs() / theirs_se
    return {name: float(away.max()), f"{name}_se": float((ours_se[theirs.index] / theirs_se - 1.0).abs().max())}


def _slope(name: str) -> str:
    """The name of a correlation, provider[Intercept, t], as that of its slope, provider[t]."""
    group, effects = name.rstrip("]").split("[")
    return f"{group}[{effects.split(', ')[1]}]"


def _variance_se_gaps(reference: MixedReference, result: Any) -> dict[str, float]:
    spread = result.cov_parameters()
    se = pd.Series(np.sqrt(np.diag(spread)), index=spread.index)
    found = {}
    if reference.log_sd_se:
        found["log_sd_se"] = max(abs(se[f"log sd {key}"] / value - 1.0) for key, value in reference.log_sd_se.items())
    if reference.atanh_se:
        ours = {_slope(name.removeprefix("atanh correlation ")): se[name] for name in se.index if "atanh" in name}
        found["atanh_se"] = max(abs(ours[key] / value - 1.0) for key, value in reference.atanh_se.items())
    return found


def _mode_gaps(reference: MixedReference, result: Any) -> dict[str, float]:
    ours = _effects_by_key(result, reference)
    assert set(reference.modes["key"]) <= {key for key, _ in ours.index}
    ours = ours.loc[list(zip(reference.modes["key"], reference.modes["group"].astype(str), strict=True))]
    away = np.abs(ours["estimate"].to_numpy() - reference.modes["mode"].to_numpy())
    found = {"modes": float(away.max())}
    relative = np.abs(ours["sd"].to_numpy() / reference.modes["sd"].to_numpy(dtype=np.float64) - 1.0)
    return found if np.isnan(relative).all() else found | {"mode_sd": float(np.nanmax(relative))}


def _effects_by_key(result: Any, reference: MixedReference) -> pd.DataFrame:
    """Our random effects indexed by (key, group) in the reference's words."""
    effects = result.random_effects
    if not isinstance(effects.index, pd.MultiIndex):
        (key,) = reference.sd
        keys = [(key, str(group)) for group in effects.index]
    else:
        keys = [
            (term if effect == "Intercept" else f"{term}[{effect}]", str(group))
            for term, effect, group in effects.index
        ]
    return effects.set_axis(pd.MultiIndex.from_tuples(keys))

"""Reference fits made with R, the frames they were made on, and R's coefficient names in our words."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dwangstats._types import FamilyName

STORED = Path(__file__).parent / "reference" / "fixed_effects.json"

# R glues a factor level to the name of its factor; every factor of the reference fits is listed with its levels,
# the baseline first.
FACTORS = {
    "institution": ("CCI", "COR", "HDSP", "KVSP", "LAC", "PBSP", "SAC", "SVSP"),
    "Eth": ("A", "N"),
    "Sex": ("F", "M"),
    "Age": ("F0", "F1", "F2", "F3"),
    "Lrn": ("AL", "SL"),
    "trt": ("placebo", "progabide"),
    "m": tuple(str(month) for month in range(1, 13)),
}


@dataclass(frozen=True, slots=True)
class ReferenceFit:
    """One fit made with R: our formula for it, and R's numbers under our coefficient names."""

    id: str
    reference_file: str
    data_file: str
    formula: str
    exposure: str | None
    family: FamilyName
    n_obs: int
    n_parameters: int
    estimates: pd.Series
    standard_errors: pd.Series
    loglik: float
    aic: float
    alpha: float
    digits: int


def stored_document() -> dict[str, Any]:
    """The stored reference file as it is."""
    document: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return document


def reference_fits() -> list[ReferenceFit]:
    """All stored fits."""
    return [_read_fit(fit) for fit in stored_document()["fits"]]


def _read_fit(fit: dict[str, Any]) -> ReferenceFit:
    effects = {our_name(name): value for name, value in fit["fixed_effects"].items()}
    return ReferenceFit(
        id=fit["id"],
        reference_file=fit["reference_file"],
        data_file=fit["data_file"],
        formula=fit["formula_here"],
        exposure=fit["exposure_here"],
        family=fit["family_here"],
        n_obs=fit["n_obs"],
        n_parameters=fit["n_parameters"],
        estimates=pd.Series({name: value["estimate"] for name, value in effects.items()}),
        standard_errors=pd.Series({name: value["se"] for name, value in effects.items()}),
        loglik=fit["logLik_full"],
        aic=fit["AIC"],
        alpha=fit["dispersion"]["alpha"] if "dispersion" in fit else 0.0,
        digits=int(fit["digits"].split()[0]),
    )


def our_name(r_name: str) -> str:
    """Formulaic's name for one of R's coefficients; the order of the parts of an interaction does not matter.

    >>> our_name("lbase:trtprogabide")
    'lbase:trt[T.progabide]'
    >>> our_name("SexF:AgeF1")
    'Age[T.F1]:Sex[F]'
    """
    if r_name == "(Intercept)":
        return "Intercept"
    parts = r_name.split(":")
    full_rank = [] if len(parts) == 1 else ["Sex"]  # quine's Sex / (...): each sex has its own effects
    return canonical(":".join(_our_part(part, full_rank) for part in parts))


def canonical(name: str) -> str:
    """The name of an interaction with its parts in alphabetical order."""
    return ":".join(sorted(name.split(":")))


def _our_part(part: str, full_rank: list[str]) -> str:
    for factor, levels in FACTORS.items():
        level = part.removeprefix(factor)
        if level != part and level in levels:
            return f"{factor}[{level}]" if factor in full_rank else f"{factor}[T.{level}]"
    if not re.fullmatch(r"\w+", part):
        raise ValueError(f"no rule for the coefficient name {part!r}")
    return part


def frame_of(fit: ReferenceFit, real_data: Path) -> pd.DataFrame:
    """The rows the fit was made on, with the derived columns its note describes."""
    rows = pd.read_csv(real_data / fit.data_file)
    derive = {
        "cdcr_use_of_force.json": _prison_months,
        "seatbelts.json": _road_months,
        "quine.json": _unchanged,
        "epil.json": _unchanged,
    }
    return derive[fit.reference_file](rows)


def _unchanged(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def _prison_months(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(t=rows["year"] + (rows["month"] - 0.5) / 12 - 2016, e=rows["inmate_days"] / 100_000)


def _road_months(rows: pd.DataFrame) -> pd.DataFrame:
    months = pd.Categorical(rows["month"].astype(str), categories=FACTORS["m"])
    return rows.assign(t=(np.arange(1, len(rows) + 1) - 96.5) / 12, m=months)

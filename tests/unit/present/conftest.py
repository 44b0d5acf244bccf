"""A report's contents as the main job would hand them over: numbers of a plausible size, made without any model."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dwangstats.present.contents import ReportContents

FORMS = ("seclusion", "other_locking_in", "medication", "restraint", "other", "admission")
LEVEL = {"seclusion": 0.7, "other_locking_in": 2.1, "medication": 3.4, "restraint": 1.2, "other": 1.9, "admission": 0.5}
GROWTH = {
    "seclusion": 1.15,
    "other_locking_in": 1.31,
    "medication": 1.38,
    "restraint": 0.93,
    "other": 1.22,
    "admission": 2.4,
}
HALF_YEARS = ("2021-H1", "2021-H2", "2022-H1", "2022-H2", "2023-H1", "2023-H2")

Maker = Callable[..., ReportContents]


@pytest.fixture
def make_contents() -> Maker:
    return contents_of


def contents_of(
    language: str = "nl",
    *,
    forms: tuple[str, ...] = FORMS,
    n_providers: int = 60,
    periods: tuple[str, ...] = HALF_YEARS,
    selections: tuple[str, ...] = ("complete", "delivered"),
    all_forms: float = 1.30,
    half_width: float = 0.066,
    compared: bool = True,
    completeness: tuple[float, float] | None = (0.7, 1.0),
    monotone: bool = True,
    with_deliveries: bool = True,
    evidence: bool = False,
    **changes: Any,
) -> ReportContents:
    """Contents with every frame filled; arguments take parts away or turn them round."""
    rng = np.random.default_rng(7)
    shown = ("all", *forms) if len(forms) > 1 else forms
    growth = {form: GROWTH.get(form, 1.1) for form in forms} | {"all": all_forms}
    ratios = _ratios(shown, selections, growth, half_width) if compared else _ratios((), (), growth, half_width)
    headline = ratios[ratios["headline"]]
    contents = ReportContents(
        language=language,  # type: ignore[arg-type]
        title="Verplichte zorg 2021-2023" if language == "nl" else "Compulsory care 2021-2023",
        question={
            "law": "WVGGZ",
            "by": "half-year",
            "unit": "bed-days",
            "before": 2021 if compared else None,
            "after": 2023 if compared else None,
            "formula": "C(year)",
            "family": "poisson",
            "cluster": "provider",
            "covariance": "CR2",
            "level": 0.95,
            "selection": selections[0],
            "deliveries_known": True,
            "completeness_before": completeness,
            "monotone": monotone,
        },
        findings=_findings(language),
        coverage=pd.DataFrame(
            {
                "quantity": ["providers", "bed_days", "registrations"],
                "kept": [0.75 * n_providers, 1_924_331.0, 14_206.0],
                "total": [float(n_providers), 2_371_008.0, 17_119.0],
                "share": [0.75, 1_924_331 / 2_371_008, 14_206 / 17_119],
            }
        ),
        deliveries=_deliveries(rng, n_providers if with_deliveries else 0, periods),
        set_aside=pd.DataFrame(
            {
                "what": ["registrations", "registrations", "rows"],
                "reason": ["nothing delivered", "a reason nobody knows", "bed-days missing"],
                "count": [1204, 17, 3],
            }
        ),
        rates=_rates(rng, shown, selections, periods, growth),
        ratios=ratios,
        coefficients=_coefficients(ratios),
        fit_statistics=_fit_statistics(ratios),
        bounds=_bounds(headline, completeness, monotone),
        tipping=_tipping(headline),
        audit_sizes=_audit_sizes(),
        sources=pd.DataFrame(
            {
                "table": ["registrations", "exposure", "deliveries"],
                "file": ["registraties.csv", "beddagen.csv", "aanleveringen.csv"],
                "rows": [17119, 1080, 391],
                "sha256": ["3f1a" * 16, "97bc" * 16, "c0de" * 16],
            }
        ),
        versions={"python": "3.11.2", "dwangstats": "0.1.0", "numpy": "2.4.1", "pandas": "3.1.1"},
        fingerprint="ab12" * 16,
    )
    if evidence:
        contents = replace(contents, **adjusted_frames(language, shown))
    return replace(contents, **changes)


def _rates(
    rng: np.random.Generator,
    forms: tuple[str, ...],
    selections: tuple[str, ...],
    periods: tuple[str, ...],
    growth: dict[str, float],
) -> pd.DataFrame:
    rows = []
    for form in forms:
        level = sum(LEVEL.values()) if form == "all" else LEVEL.get(form, 0.9)
        for selection in selections:
            share = 0.8 if selection == "complete" else 1.0
            for number, period in enumerate(periods):
                part = number / max(len(periods) - 1, 1)
                rate = level * growth[form] ** (1.25 * part) * math.exp(rng.normal(0.0, 0.02)) * (1.1 - 0.1 * share)
                days = 395_000.0 * share * (1.0 + 0.01 * number)
                spread = math.exp(0.08 + 0.1 * (1.0 - share))
                rows.append(
                    {
                        "form": form,
                        "selection": selection,
                        "period": period,
                        "year": int(period[:4]),
                        "events": float(round(rate * days / 1000.0)),
                        "bed_days": days,
                        "rate": rate,
                        "lower": rate / spread,
                        "upper": rate * spread,
                    }
                )
    columns = ["form", "selection", "period", "year", "events", "bed_days", "rate", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns)


def _ratios(
    forms: tuple[str, ...], selections: tuple[str, ...], growth: dict[str, float], half_width: float
) -> pd.DataFrame:
    rows = []
    for form in forms:
        level = sum(LEVEL.values()) if form == "all" else LEVEL.get(form, 0.9)
        for selection in selections:
            for family in ("poisson", "nb2"):
                for covariance, wider in (("CR2", 1.0), ("CR1", 0.93), ("model", 0.2)):
                    ratio = growth[form] ** (1.0 if selection == "complete" else 0.85)
                    ratio *= 1.012 if family == "nb2" else 1.0
                    reach = math.exp(wider * half_width * (1.0 if form == "all" else 1.6))
                    before = round(level * (640.0 if selection == "complete" else 790.0))
                    rows.append(
                        {
                            "form": form,
                            "selection": selection,
                            "family": family,
                            "covariance": covariance,
                            "estimate": ratio,
                            "lower": ratio / reach,
                            "upper": ratio * reach,
                            "level": 0.95,
                            "degrees_of_freedom": 31.42 if covariance == "CR2" else 44.0,
                            "providers": 45 if selection == "complete" else 60,
                            "events_before": float(before),
                            "events_after": float(round(before * ratio * 0.985)),
                            "bed_days_before": 640_210.0,
                            "bed_days_after": 630_744.5,
                            "count_ratio": round(before * ratio * 0.985) / before,
                            "headline": (selection, family, covariance) == (selections[0], "poisson", "CR2"),
                        }
                    )
    columns = (
        "form selection family covariance estimate lower upper level degrees_of_freedom providers events_before "
        "events_after bed_days_before bed_days_after count_ratio headline"
    )
    frame = pd.DataFrame(rows, columns=columns.split())
    return frame.astype({"headline": bool})


def _coefficients(ratios: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in ratios.to_dict("records"):
        for name, value in (("Intercept", -4.61), ("C(year)[T.2023]", math.log(row["estimate"]))):
            error = math.log(row["upper"] / row["lower"]) / 4.0
            keys = {key: row[key] for key in ("form", "selection", "family", "covariance")}
            ends = {"lower": value - 2.0 * error, "upper": value + 2.0 * error}
            rows.append(keys | {"name": name, "estimate": value, "standard_error": error} | ends)
    columns = ["form", "selection", "family", "covariance", "name", "estimate", "standard_error", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns)


def _fit_statistics(ratios: pd.DataFrame) -> pd.DataFrame:
    chosen = ratios.drop_duplicates(["form", "selection", "family"])
    poisson = chosen["family"].eq("poisson")
    return pd.DataFrame(
        {
            "form": chosen["form"],
            "selection": chosen["selection"],
            "family": chosen["family"],
            "rows": 270,
            "log_likelihood": np.where(poisson, -10_412.37, -1_633.02),
            "aic": np.where(poisson, 20_830.7, 3_274.0),
            "dispersion": np.where(poisson, 0.0, 0.4127),
            "converged": True,
            "boundary": "",
        }
    ).reset_index(drop=True)


def _bounds(headline: pd.DataFrame, limits: tuple[float, float] | None, monotone: bool) -> pd.DataFrame:
    columns = [
        "form",
        "rate_ratio",
        "completeness_low",
        "completeness_high",
        "monotone",
        "lower",
        "upper",
        "interval_lower",
        "interval_upper",
    ]
    rows = []
    for row in headline.to_dict("records") if limits is not None else []:
        low, high = limits or (1.0, 1.0)
        lower = row["estimate"] * low
        upper = row["estimate"] * (1.0 if monotone else high / low)
        reach = (row["upper"] / row["estimate"]) ** 0.84
        rows.append((row["form"], row["estimate"], low, high, monotone, lower, upper, lower / reach, upper * reach))
    return pd.DataFrame(rows, columns=columns)


def _tipping(headline: pd.DataFrame) -> pd.DataFrame:
    columns = ["form", "rate_ratio", "completeness_before", "lower", "upper", "direction"]
    rows = []
    for row in headline.to_dict("records"):
        ratio = row["estimate"]
        if ratio > 1.0:
            ends = (1.0 / row["upper"], min(1.0 / row["lower"], 1.0))
            rows.append((row["form"], ratio, 1.0 / ratio, *ends, "rise"))
        else:
            rows.append((row["form"], ratio, math.nan, row["lower"], min(row["upper"], 1.0), "fall"))
    return pd.DataFrame(rows, columns=columns)


def _audit_sizes() -> pd.DataFrame:
    rows = [
        (completeness, error, icc, 25, math.ceil((1 - completeness) / (completeness * error**2) * (1 + 24 * icc)))
        for error in (0.05, 0.10)
        for completeness in (0.6, 0.75, 0.9)
        for icc in (0.05,)
    ]
    return pd.DataFrame(rows, columns=["completeness", "standard_error", "icc", "events_per_provider", "events"])


def _deliveries(rng: np.random.Generator, n_providers: int, periods: tuple[str, ...]) -> pd.DataFrame:
    statuses = ["accepted", "rejected", "not_delivered", "nothing_to_report", "unknown"]
    rows = []
    for number in range(n_providers):
        provider = f"ZA{number + 1:03d}"
        complete = number % 4 != 0
        for period in periods:
            status = "accepted" if complete else rng.choice(statuses, p=[0.5, 0.2, 0.15, 0.1, 0.05])
            rows.append((provider, period, str(status)))
    return pd.DataFrame(rows, columns=["provider", "period", "status"])


def _findings(language: str) -> pd.DataFrame:
    nl = language == "nl"
    rows = [
        (
            "end-missing",
            "warning",
            "registrations",
            212,
            17119,
            "14, 88, 391, 1022, 1409, ...",
            "Bij 212 separaties ontbreekt het einde." if nl else "The end is missing for 212 seclusions.",
            "Vraag de zorgaanbieder of de separatie nog loopt." if nl else "Ask the provider whether it is still open.",
        ),
        (
            "delimiter-found",
            "info",
            "exposure",
            0,
            1080,
            "",
            "Het scheidingsteken is een puntkomma." if nl else "The delimiter is a semicolon.",
            "Er hoeft niets te gebeuren." if nl else "Nothing needs to be done.",
        ),
    ]
    return pd.DataFrame(rows, columns=["rule", "severity", "table", "count", "of", "rows", "message", "action"])


@pytest.fixture(scope="session")
def contents_for_module() -> Maker:
    return contents_of


def adjusted_frames(language: str, forms: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """What an audit adds: of +3,000 registrations 1,900 are registration, 900 real."""
    words = "een dossieronderzoek van 1.000 toepassingen" if language == "nl" else "an audit of 1,000 events"
    parts = {
        "bed-days": (-60.0, -60.0, -60.0),
        "composition: mix": (40.0, 20.0, 60.0),
        "composition: entry and exit": (0.0, 0.0, 0.0),
        "registration": (1900.0, 1200.4, 2600.0),
        "real": (900.0, -150.0, 1800.0),
        "residual": (220.0, 100.0, 340.0),
        "observed change": (3000.0, 3000.0, 3000.0),
    }
    ends = ["estimate", "lower", "upper"]
    return {
        "adjusted": pd.DataFrame(
            {
                "form": forms,
                "estimate": 1.09,
                "lower": 0.98,
                "upper": 1.21,
                "level": 0.95,
                "registered": 1.31,
                "change_verdict": "data-identified",
                "level_verdict": "data-identified",
                "evidence": words,
                "refusal": "",
            }
        ),
        "decomposition": pd.DataFrame(
            [(form, part, *values, values[0] / 3000.0) for form in forms for part, values in parts.items()],
            columns=["form", "part", *ends, "share"],
        ).assign(in_model=True),
        "completeness": pd.DataFrame(
            [
                (form, year, value, value - 0.04, value + 0.04)
                for form in forms
                for year, value in ((2021, 0.71), (2023, 0.85))
            ],
            columns=["form", "value", *ends],
        ),
        "unregistered": pd.DataFrame(
            [
                (form, year, 9_000, value, value - 400.0, value + 500.0)
                for form in forms
                for year, value in ((2021, 3_700.0), (2023, 1_600.0))
            ],
            columns=["form", "value", "registered", *ends],
        ),
        "ledger": pd.DataFrame(
            [
                (form, target, source, share)
                for form in forms
                for target in ("level", "change")
                for source, share in (("audit", 0.97), ("counts", 0.03))
            ],
            columns=["form", "target", "source", "share"],
        ),
        "evidence_checks": pd.DataFrame(
            {"form": forms, "evidence": words, "name": "audited like the others", "passed": True, "message": "–"}
        ),
        "profiles": pd.DataFrame(
            [
                (form, value, 40.0 * (value - 0.77) ** 2, 1.0 + value / 9.0)
                for form in forms
                for value in (0.5, 0.77, 0.9)
            ],
            columns=["form", "completeness", "deviance", "adjusted_ratio"],
        ),
    }

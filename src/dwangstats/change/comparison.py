"""The registered change between two periods, form by form, under every family and covariance."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from dwangstats._types import CovarianceKind, FamilyName, Vector
from dwangstats.data.panel import Panel
from dwangstats.design.formula import split_formula
from dwangstats.errors import DomainError, FitError
from dwangstats.estimate import Estimate
from dwangstats.models.rate import RateModel
from dwangstats.models.ratios import log_ratio_contrast, rate_ratio
from dwangstats.models.results import RateResult

Selection: TypeAlias = Literal["complete", "delivered"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared, and how.

    Attributes
    ----------
    variable : str
        Column whose two values are compared, usually "year".
    before, after : object
        The two values.
    formula : str
        Right-hand side of the rate model, for example "C(year)".
    family : {"poisson", "nb2", "nb1"}
        Family of the headline; the others of `FAMILIES` are shown beside it.
    cluster : str
        Column whose groups the covariance respects.
    covariance : {"model", "CR1", "CR2"}
        Covariance of the headline.
    level : float
        Confidence level.
    """

    variable: str
    before: Any
    after: Any
    formula: str
    family: FamilyName = "poisson"
    cluster: str = "provider"
    covariance: CovarianceKind = "CR2"
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Refusal:
    """A form for which no rate ratio is given, and the sentence that says why."""

    form: str
    selection: str
    family: FamilyName
    reason: str
    covariance: str = ""


@dataclass(frozen=True, slots=True)
class FormComparison:
    """All that was fitted for one form and one selection of providers."""

    form: str
    selection: str
    fits: Mapping[FamilyName, RateResult]
    estimates: Mapping[tuple[FamilyName, CovarianceKind], Estimate]
    ratios: pd.DataFrame
    coefficients: pd.DataFrame
    fit_statistics: pd.DataFrame
    refusals: tuple[Refusal, ...]


PERIOD_COLUMNS = ("year", "time", "period")
FAMILIES: tuple[FamilyName, ...] = ("poisson", "nb2")
COVARIANCES: tuple[CovarianceKind, ...] = ("CR2", "CR1", "model")


def compare_form(panel: Panel, question: Question, form: str, selection: str) -> FormComparison:
    """Registered rate ratio of one form, by family and covariance.

    Parameters
    ----------
    panel : Panel
        Rows of one form (`Panel.for_form`), for the providers of one selection.
    question : Question
        What is compared, and how.
    form, selection : str
        Labels of the rows that are returned.

    Returns
    -------
    FormComparison
        A family that cannot be fitted is a `Refusal` with its reason, never a silent gap.

    Raises
    ------
    FormulaError, DomainError
        If the question itself cannot be understood, which no other form would mend.
    """
    estimates: dict[tuple[FamilyName, CovarianceKind], Estimate] = {}
    fits: dict[FamilyName, RateResult] = {}
    ratios: list[dict[str, Any]] = []
    coefficients: list[dict[str, Any]] = []
    statistics: list[dict[str, Any]] = []
    refusals: list[Refusal] = []
    _check(question, panel)
    for family in _families(question):
        try:
            fit = RateModel(question.formula, panel, family=family).fit()
            estimates[family, "model"] = _ratio(fit, question)
        except FitError as error:
            refusals.append(Refusal(form, selection, family, str(error)))
            continue
        fits[family] = fit
        contrast = _contrast(fit, question)
        statistics.append(_statistics_row(fit, form, selection))
        for kind, variant in _covariances(fit, panel, question):
            coefficients.extend(_coefficient_rows(variant, question.level, form, selection, kind))
            try:
                estimates[family, kind] = _ratio(variant, question)
            except DomainError as error:
                refusals.append(Refusal(form, selection, family, str(error), kind))
                continue
            row = _ratio_row(panel, question, variant, estimates[family, kind], form, selection)
            ratios.append({**row, "degrees_of_freedom": variant.contrast_df(contrast)})
    headline, reason = _headline(estimates, question)
    if reason:
        refusals.append(Refusal(form, selection, question.family, reason, question.covariance))
    for row in ratios:
        row["headline"] = (row["family"], row["covariance"]) == headline
    return FormComparison(
        form=form,
        selection=selection,
        fits=fits,
        estimates=estimates,
        ratios=pd.DataFrame(ratios),
        coefficients=pd.DataFrame(coefficients),
        fit_statistics=pd.DataFrame(statistics),
        refusals=tuple(refusals),
    )


def _families(question: Question) -> tuple[FamilyName, ...]:
    return (question.family, *(f for f in FAMILIES if f != question.family))


def _check(question: Question, panel: Panel) -> None:
    """Refuse a comparison of one period column while another is held still: they cannot move apart."""
    if question.variable not in PERIOD_COLUMNS:
        return
    named = split_formula(question.formula).fixed
    others = [name for name in PERIOD_COLUMNS if name != question.variable and re.search(rf"\b{name}\b", named)]
    if others:
        raise DomainError(
            f"The formula {question.formula} holds {' and '.join(others)} beside {question.variable}. They move "
            f"together in the {len(panel.periods)} periods, so a ratio for {question.variable} with the rest held "
            "still answers no question. Keep one column of time in the formula, and compare its values."
        )


def _headline(
    estimates: Mapping[tuple[FamilyName, CovarianceKind], Estimate], question: Question
) -> tuple[tuple[FamilyName, CovarianceKind] | None, str]:
    """The estimate that the text quotes, and why it is another than asked for.

    A clustered interval may by chance be narrower than the one in which nothing but chance in the counts plays a part,
    most easily with few providers. Then the wider one is quoted.
    """
    plain: tuple[FamilyName, CovarianceKind] = (question.family, "model")
    asked: tuple[FamilyName, CovarianceKind] = (question.family, question.covariance)
    if plain not in estimates:
        return None, ""
    if asked not in estimates:
        return plain, "The clustered interval is not given, so the interval of the model is quoted."
    if _width(estimates[asked]) < _width(estimates[plain]):
        return plain, (
            "Between providers the change varies less than chance in the counts alone would make it vary, so the "
            "clustered interval is too narrow and the interval of the model is quoted."
        )
    return asked, ""


def _width(estimate: Estimate) -> float:
    """Length of the interval on the log scale."""
    if estimate.lower <= 0.0 or math.isinf(estimate.upper):
        return math.inf
    return math.log(estimate.upper) - math.log(estimate.lower)


def _several_clusters(panel: Panel, question: Question) -> bool:
    return len(panel.observed[question.cluster].unique()) > 1


def _covariances(fit: RateResult, panel: Panel, question: Question) -> Iterator[tuple[CovarianceKind, RateResult]]:
    for kind in COVARIANCES:
        if kind == "model":
            yield kind, fit
        elif _several_clusters(panel, question):
            yield kind, fit.robust(kind, cluster=question.cluster)


def _ratio(fit: RateResult, question: Question) -> Estimate:
    return rate_ratio(fit, question.variable, before=question.before, after=question.after, level=question.level)


def _contrast(fit: RateResult, question: Question) -> Vector:
    return log_ratio_contrast(fit, question.variable, before=question.before, after=question.after)[1]


def _ratio_row(
    panel: Panel,
    question: Question,
    fit: RateResult,
    estimate: Estimate,
    form: str,
    selection: str,
) -> dict[str, Any]:
    events_before, days_before = _totals(panel, question.variable, question.before)
    events_after, days_after = _totals(panel, question.variable, question.after)
    return {
        "form": form,
        "selection": selection,
        "family": fit.family,
        "covariance": fit.cov_type,
        "estimate": estimate.estimate,
        "lower": estimate.lower,
        "upper": estimate.upper,
        "level": estimate.level,
        "providers": len(panel.observed["provider"].unique()),
        "events_before": events_before,
        "events_after": events_after,
        "bed_days_before": days_before,
        "bed_days_after": days_after,
        "count_ratio": events_after / events_before if events_before else np.nan,
    }


def _totals(panel: Panel, variable: str, value: Any) -> tuple[float, float]:
    """Events and exposure of the rows that hold `value`; missing where no row does.

    A value of the continuous `time` stands for the calendar year it lies in.
    """
    rows = panel.observed
    if variable == "time":
        variable, value = "year", math.floor(value)
    rows = rows[rows[variable] == value] if variable in rows else rows.iloc[:0]
    if rows.empty:
        return np.nan, np.nan
    return float(rows["events"].sum()), float(rows["bed_days"].sum())


def _statistics_row(fit: RateResult, form: str, selection: str) -> dict[str, Any]:
    return {
        "form": form,
        "selection": selection,
        "family": fit.family,
        "rows": fit.nobs,
        "log_likelihood": fit.llf,
        "aic": fit.aic,
        "dispersion": fit.dispersion,
        "converged": fit.certificate.converged,
        "boundary": ", ".join(fit.certificate.boundary),
    }


def _coefficient_rows(
    fit: RateResult, level: float, form: str, selection: str, kind: CovarianceKind
) -> list[dict[str, Any]]:
    interval = fit.conf_int(level)
    return [
        {
            "form": form,
            "selection": selection,
            "family": fit.family,
            "covariance": kind,
            "name": name,
            "estimate": fit.params[name],
            "standard_error": fit.bse[name],
            "lower": interval.loc[name].iloc[0],
            "upper": interval.loc[name].iloc[1],
        }
        for name in fit.params.index
    ]

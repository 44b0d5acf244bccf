"""The registered change between two periods, form by form, under every family and covariance."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from dwangstats._types import CovarianceKind, FamilyName, Vector
from dwangstats.change.possible import possible_columns, possible_total
from dwangstats.change.refusals import (
    NOT_GIVEN,
    TOO_NARROW,
    Reason,
    Refusal,
    no_interval,
    not_fitted,
    other_headline,
)
from dwangstats.data.panels.intervals import is_interval
from dwangstats.data.panels.panel import Panel
from dwangstats.design.formula import split_formula
from dwangstats.errors import DataError, DomainError, FitError
from dwangstats.estimate import Estimate
from dwangstats.models.mixed import MixedResult
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
    quality : tuple of str
        Covariates of the panel that measure how well a provider registers, for the model with provider effects.
    """

    variable: str
    before: Any
    after: Any
    formula: str
    family: FamilyName = "poisson"
    cluster: str = "provider"
    covariance: CovarianceKind = "CR2"
    level: float = 0.95
    quality: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormComparison:
    """All that was fitted for one form and one selection of providers."""

    form: str
    selection: str
    fits: Mapping[str, RateResult | MixedResult]
    estimates: Mapping[tuple[str, CovarianceKind], Estimate]
    ratios: pd.DataFrame
    coefficients: pd.DataFrame
    fit_statistics: pd.DataFrame
    refusals: tuple[Refusal, ...]


PERIOD_COLUMNS = ("year", "time", "period")
FAMILIES: tuple[FamilyName, ...] = ("poisson", "nb2")
PROVIDER_EFFECTS = "nb2_provider"
"""Label of the NB2 model in which every provider has a level of its own, drawn from one distribution."""
FEWEST_PROVIDERS = 5
"""Providers below which a spread of their levels is not estimated."""


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
    DataError
        If counts are known to an interval only, and the question asks for a family or covariance that does not hold
        then.

    Notes
    -----
    Counts known to an interval only are fitted as such, by the family that was asked for and no other. Poisson is
    refused: it moves the ratio where counts vary more than it says, and NB2 holds it as its own end. There is no
    likelihood of intervals with a level for every provider, and no CR2.
    """
    estimates: dict[tuple[str, CovarianceKind], Estimate] = {}
    fits: dict[str, RateResult | MixedResult] = {}
    ratios: list[dict[str, Any]] = []
    coefficients: list[dict[str, Any]] = []
    statistics: list[dict[str, Any]] = []
    refusals: list[Refusal] = []
    _check_intervals(question, panel)
    _check_formula(question, panel)
    _check_seasons(question, panel)
    for label, formula, family in _models(question, panel):
        place = {"form": form, "selection": selection, "family": label}
        try:
            fit = RateModel(formula, panel, family=family).fit()
            estimates[label, "model"] = _ratio(fit, question)
        except FitError as error:
            refusals.append(not_fitted(form, selection, label, error))
            continue
        fits[label] = fit
        contrast = _contrast(fit, question)
        statistics.append({**place, **_statistics_row(fit)})
        for kind, variant in _covariances(fit, panel, question):
            coefficients.extend({**place, **row} for row in _coefficient_rows(variant, question.level, kind))
            try:
                estimates[label, kind] = _ratio(variant, question)
            except DomainError as error:
                refusals.append(no_interval(form, selection, label, kind, error))
                continue
            row = _ratio_row(panel, question, variant, estimates[label, kind])
            ratios.append({**place, **row, "degrees_of_freedom": variant.contrast_df(contrast)})
    headline, reason = _headline(estimates, question)
    if reason is not None:
        refusals.append(other_headline(form, selection, question.family, question.covariance, reason))
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


def _models(question: Question, panel: Panel) -> Iterator[tuple[str, str, FamilyName]]:
    """Label, formula and family of each model: as asked, its other families, and with a level for every provider.

    In the last a dummy for each provider gives way to a random level, and the indicators of registration quality enter
    twice: as deviation within a provider, and as difference between providers.
    """
    yield question.family, question.formula, question.family
    if panel.has_intervals:
        return
    for family in FAMILIES:
        if family != question.family:
            yield family, question.formula, family
    shared = re.sub(r"\s*\+\s*C\(provider\)", "", question.formula)
    parsed = split_formula(shared)
    if parsed.random or "provider" in parsed.names() or len(panel.observed["provider"].unique()) < FEWEST_PROVIDERS:
        return
    quality = "".join(f" + within({name}, provider) + between({name}, provider)" for name in question.quality)
    yield PROVIDER_EFFECTS, f"{shared}{quality} + (1 | provider)", "nb2"


def _check_intervals(question: Question, panel: Panel) -> None:
    """Refuse Poisson and CR2 where counts are intervals; what holds then is named, and never chosen silently."""
    if not panel.has_intervals:
        return
    wrong = [
        f"{name} = {given!r} {why}"
        for name, given, refused, why in (
            ("family", question.family, "poisson", "moves the ratio itself where counts vary more than it says"),
            ("covariance", question.covariance, "CR2", "needs exact counts"),
        )
        if given == refused
    ]
    if wrong:
        wide = is_interval(panel.frame)
        raise DataError(
            f"{int(wide.sum())} of {int(panel.frame['delivered'].sum())} delivered counts are known only to lie in an "
            f"interval (rounded or suppressed). With intervals {', and '.join(wrong)}. Write under [model]: "
            "family = 'nb2' (of which Poisson is the end without extra variation) and covariance = 'CR1'."
        )


def _check_formula(question: Question, panel: Panel) -> None:
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


def _check_seasons(question: Question, panel: Panel) -> None:
    """Refuse to compare two years of which one has halves, quarters or months that the other lacks."""
    if question.variable != "year" or panel.by == "year":
        return
    rows = panel.observed
    parts = {
        value: {str(period).split("-", 1)[1] for period in rows.loc[rows["year"] == value, "period"]}
        for value in (question.before, question.after)
    }
    before, after = parts[question.before], parts[question.after]
    if before and after and before != after:
        lacking = [
            f"{year} lacks {', '.join(sorted(missing))}"
            for year, missing in ((question.before, after - before), (question.after, before - after))
            if missing
        ]
        raise DomainError(
            f"The two years do not hold the same parts: {'; '.join(lacking)}. A season would be printed as a change. "
            'Compare two periods of the same season (variable = "period"), or leave out what one year lacks.'
        )


def _headline(
    estimates: Mapping[tuple[str, CovarianceKind], Estimate], question: Question
) -> tuple[tuple[str, CovarianceKind] | None, Reason | None]:
    """The estimate that the text quotes, and why it is another than asked for.

    A clustered interval may by chance be narrower than the one in which nothing but chance in the counts plays a part,
    most easily with few providers. Then the wider one is quoted.
    """
    plain: tuple[str, CovarianceKind] = (question.family, "model")
    asked: tuple[str, CovarianceKind] = (question.family, question.covariance)
    if plain not in estimates:
        return None, None
    if asked not in estimates:
        return plain, NOT_GIVEN
    if _width(estimates[asked]) < _width(estimates[plain]):
        return plain, TOO_NARROW
    return asked, None


def _width(estimate: Estimate) -> float:
    """Length of the interval on the log scale."""
    if estimate.lower <= 0.0 or math.isinf(estimate.upper):
        return math.inf
    return math.log(estimate.upper) - math.log(estimate.lower)


def _several_clusters(panel: Panel, question: Question) -> bool:
    return len(panel.observed[question.cluster].unique()) > 1


def _covariances(
    fit: RateResult | MixedResult, panel: Panel, question: Question
) -> Iterator[tuple[CovarianceKind, RateResult | MixedResult]]:
    """The fit with each covariance; CR2 is not offered with random effects."""
    if _several_clusters(panel, question):
        if not isinstance(fit, MixedResult) and not panel.has_intervals:
            yield "CR2", fit.robust("CR2", cluster=question.cluster)
        yield "CR1", fit.robust("CR1", cluster=question.cluster)
    yield "model", fit


def _ratio(fit: RateResult | MixedResult, question: Question) -> Estimate:
    return rate_ratio(fit, question.variable, before=question.before, after=question.after, level=question.level)


def _contrast(fit: RateResult | MixedResult, question: Question) -> Vector:
    return log_ratio_contrast(fit, question.variable, before=question.before, after=question.after)[1]


def _ratio_row(
    panel: Panel,
    question: Question,
    fit: RateResult | MixedResult,
    estimate: Estimate,
) -> dict[str, Any]:
    before, days_before = _totals(panel, question.variable, question.before)
    after, days_after = _totals(panel, question.variable, question.after)
    counts = possible_columns("events_before", *before) | possible_columns("events_after", *after)
    events_before, events_after = counts.pop("events_before"), counts.pop("events_after")
    return {
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
        **(counts if panel.has_intervals else {}),
    }


def _totals(panel: Panel, variable: str, value: Any) -> tuple[tuple[float, float], float]:
    """Least and most events, and exposure, of the rows that hold `value`; missing where no row does.

    A value of the continuous `time` stands for the calendar year it lies in.
    """
    rows = panel.observed
    if variable == "time":
        variable, value = "year", math.floor(value)
    rows = rows[rows[variable] == value] if variable in rows else rows.iloc[:0]
    if rows.empty:
        return (np.nan, np.nan), np.nan
    return possible_total(rows), float(rows["bed_days"].sum())


def _statistics_row(fit: RateResult | MixedResult) -> dict[str, Any]:
    return {
        "rows": fit.nobs,
        "log_likelihood": fit.llf,
        "aic": fit.aic,
        "dispersion": fit.dispersion,
        "provider_sd": fit.random_sd.get("provider", np.nan),
        "converged": fit.certificate.converged,
        "boundary": ", ".join(fit.certificate.boundary),
    }


def _coefficient_rows(fit: RateResult | MixedResult, level: float, kind: CovarianceKind) -> list[dict[str, Any]]:
    """Coefficients with their intervals; no standard error where one cluster alone determines a coefficient."""
    interval = fit.conf_int(level).set_axis(["lower", "upper"], axis=1)
    rows = interval.assign(estimate=fit.params, standard_error=fit.bse.where(interval["lower"].notna()))
    ordered = rows[["estimate", "standard_error", "lower", "upper"]]
    named = ordered.rename_axis("name").reset_index().to_dict("records")
    return [{"covariance": kind, **{str(key): value for key, value in row.items()}} for row in named]

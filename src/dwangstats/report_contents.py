"""From the finished results of the main job to what a report shows: frames, findings and the facts of the question."""

import math
from hashlib import sha256
from typing import Any

import pandas as pd

from dwangstats.change.adjustment import FormAdjustment
from dwangstats.change.comparison import FormComparison
from dwangstats.change.possible import possible_coverage, possible_rates
from dwangstats.data.checks.check import CheckReport
from dwangstats.data.config.analysis import AnalysisConfig
from dwangstats.data.deliveries.standing import NOT_YET_DUE
from dwangstats.data.findings import Finding, findings_frame
from dwangstats.data.panels.intervals import is_interval
from dwangstats.data.panels.panel import Panel
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import can_convert, convert_period, sort_periods
from dwangstats.estimate import Estimate
from dwangstats.present.adjusted_contents import adjusted_contents, evidence_findings
from dwangstats.present.contents import ReportContents
from dwangstats.present.count_findings import few_providers, intervals_among, periods_not_due, providers_waiting
from dwangstats.present.pattern_contents import pattern_contents, pattern_findings
from dwangstats.present.refusals import refusal_findings
from dwangstats.providers.asked import AskedPatterns
from dwangstats.registration.bounds import bounds, tipping_point
from dwangstats.registration.planning import audit_size

ALL_FORMS = "all"
AUDIT_COMPLETENESS = (0.60, 0.75, 0.90)
AUDIT_STANDARD_ERRORS = (0.05, 0.10)
AUDIT_ICC = 0.05


def forms_of(panel: Panel) -> tuple[str, ...]:
    """The forms, with their sum before them unless some counts are intervals, which do not add up to one."""
    return (ALL_FORMS, *panel.forms) if len(panel.forms) > 1 and not panel.has_intervals else tuple(panel.forms)


def report_contents(
    config: AnalysisConfig,
    tables: Tables,
    checks: CheckReport,
    panel: Panel,
    selections: dict[str, tuple[str, ...]],
    comparisons: tuple[FormComparison, ...],
    adjustments: tuple[FormAdjustment, ...],
    patterns: AskedPatterns | None,
    versions: dict[str, str],
) -> ReportContents:
    """What the report shows of finished results; the parameters are those of `dwangstats.analysis.Analysis`.

    Parameters
    ----------
    selections : dict of str to tuple of str
        Providers of each selection, the one of the headline first.
    versions : dict of str to str
        Of this package and of the libraries under it.
    """
    headline = _headline_estimates(comparisons, config)
    chosen = selections[config.selection.rule]
    in_one_period = _providers_in_one_period(panel.restrict(chosen), headline, config)
    shared = "C(provider)" not in config.model.formula
    findings = [
        *checks.findings,
        *(few_providers(len(chosen), exact=not panel.has_intervals) if comparisons and shared else ()),
        *pattern_findings(patterns),
        *intervals_among(*_interval_counts(panel), forms=len(panel.forms)),
        *_periods_left_out(tables, panel, config),
        *_waiting(panel, config),
        *refusal_findings(comparisons),
        *evidence_findings(adjustments),
    ]
    return ReportContents(
        language=config.language,
        title=config.title,
        question=_question(config, tables, panel, in_one_period),
        findings=findings_frame(findings, config.language),
        coverage=possible_coverage(panel, chosen),
        deliveries=panel.delivery_status,
        set_aside=panel.set_aside,
        rates=_rates(panel, selections, config),
        ratios=_stack(comparisons, "ratios"),
        coefficients=_stack(comparisons, "coefficients"),
        fit_statistics=_stack(comparisons, "fit_statistics"),
        bounds=_bounds(headline, config),
        tipping=_tipping(headline),
        audit_sizes=_audit_sizes(),
        sources=pd.DataFrame(
            [(s.table, s.file, s.rows, s.sha256) for s in tables.sources], columns=["table", "file", "rows", "sha256"]
        ),
        versions=versions,
        fingerprint=_fingerprint(config, tables),
        **adjusted_contents(adjustments, config.compare.variable if config.compare else "", config.language),
        **pattern_contents(patterns, config.language),
    )


def _headline_estimates(comparisons: tuple[FormComparison, ...], config: AnalysisConfig) -> dict[str, Estimate]:
    """The rate ratio that the text quotes, by form."""
    found = {}
    for comparison in comparisons:
        if comparison.selection != config.selection.rule or comparison.ratios.empty:
            continue
        row = comparison.ratios[comparison.ratios["headline"]]
        if not row.empty:
            found[comparison.form] = comparison.estimates[row["family"].iloc[0], row["covariance"].iloc[0]]
    return found


def _question(config: AnalysisConfig, tables: Tables, panel: Panel, in_one_period: int | None) -> dict[str, Any]:
    compare, limits = config.compare, config.bounds
    return {
        "law": config.panel.law,
        "by": panel.by,
        "unit": panel.unit,
        "definition": config.panel.definition,
        "variable": None if compare is None else compare.variable,
        "before": None if compare is None else _moment(compare.variable, compare.before),
        "after": None if compare is None else _moment(compare.variable, compare.after),
        "formula": config.model.formula,
        "family": config.model.family,
        "cluster": config.model.cluster,
        "covariance": config.model.covariance,
        "level": config.model.level,
        "selection": config.selection.rule,
        "providers_in_one_period": in_one_period,
        "deliveries_known": tables.panel is None and tables.deliveries is not None,
        "as_of": config.panel.as_of,
        "gap_hours": config.panel.gap_hours,
        "intervals": _intervals(tables, panel, config),
        "completeness_before": None if limits is None else list(limits.completeness_before),
        "completeness_after": None if limits is None else limits.completeness_after and list(limits.completeness_after),
        "monotone": None if limits is None else limits.monotone,
    }


def _intervals(tables: Tables, panel: Panel, config: AnalysisConfig) -> dict[str, Any] | None:
    """How many counts are known to an interval only, and why; None where the input has none of them."""
    if tables.panel is None or not is_interval(tables.panel).any():
        return None
    said = config.panel
    return {
        "counts": int(is_interval(panel.frame).sum()),
        "of": int(panel.frame["delivered"].sum()),
        "rounded_to": said.rounded_to,
        "ties": said.ties if said.rounded_to is not None else None,
        "suppressed": said.resolved_suppressed,
    }


def _moment(variable: str, value: float | str) -> float | str:
    """A value of the continuous `time` as a number of years, also where the file has a whole year."""
    return float(value) if variable == "time" else value


def _providers_in_one_period(panel: Panel, headline: dict[str, Estimate], config: AnalysisConfig) -> int | None:
    """Providers of the headline with delivered rows in only one of the two periods; None without a comparison.

    A value of `time` stands for the calendar year it lies in.
    """
    if config.compare is None or not headline:
        return None
    variable, values = config.compare.variable, (config.compare.before, config.compare.after)
    rows = panel.for_form(next(iter(headline))).observed
    if variable == "time":
        variable, values = "year", (math.floor(float(values[0])), math.floor(float(values[1])))
    before, after = (set(rows.loc[rows[variable] == value, "provider"]) for value in values)
    return len(before ^ after)


def _rates(panel: Panel, selections: dict[str, tuple[str, ...]], config: AnalysisConfig) -> pd.DataFrame:
    frames = []
    for rule, providers in selections.items():
        chosen = panel.restrict(providers)
        frames.append(possible_rates(chosen, config.model.level).assign(selection=rule))
        if ALL_FORMS in forms_of(panel):
            total = possible_rates(chosen.for_form(ALL_FORMS), config.model.level)
            frames.append(total.assign(selection=rule))
    return pd.concat(frames, ignore_index=True)


def _stack(comparisons: tuple[FormComparison, ...], name: str) -> pd.DataFrame:
    frames = [getattr(c, name) for c in comparisons if not getattr(c, name).empty]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _bounds(headline: dict[str, Estimate], config: AnalysisConfig) -> pd.DataFrame:
    if config.bounds is None:
        return pd.DataFrame()
    rows = []
    for form, estimate in headline.items():
        band = bounds(
            rate_ratio=estimate,
            completeness_before=config.bounds.completeness_before,
            completeness_after=config.bounds.completeness_after,
            monotone=config.bounds.monotone,
            level=config.model.level,
        )
        rows.append(
            {
                "form": form,
                "rate_ratio": band.rate_ratio,
                "completeness_low": band.completeness_before[0],
                "completeness_high": band.completeness_before[1],
                "monotone": band.monotone,
                "lower": band.lower,
                "upper": band.upper,
                "interval_lower": band.interval_lower,
                "interval_upper": band.interval_upper,
            }
        )
    return pd.DataFrame(rows)


def _tipping(headline: dict[str, Estimate]) -> pd.DataFrame:
    return pd.concat(
        [tipping_point(rate_ratio=estimate).to_frame().assign(form=form) for form, estimate in headline.items()]
        or [pd.DataFrame()],
        ignore_index=True,
    )


def _audit_sizes() -> pd.DataFrame:
    plans = [
        audit_size(completeness=completeness, se=se, icc=AUDIT_ICC)
        for completeness in AUDIT_COMPLETENESS
        for se in AUDIT_STANDARD_ERRORS
    ]
    return pd.concat([plan.to_frame() for plan in plans], ignore_index=True)


def _fingerprint(config: AnalysisConfig, tables: Tables) -> str:
    return sha256(f"{tables.fingerprint}\n{config.resolved}".encode()).hexdigest()


def _interval_counts(panel: Panel) -> tuple[int, int]:
    """Delivered counts that are known to an interval only, and delivered counts."""
    return int(is_interval(panel.frame).sum()), int(panel.frame["delivered"].sum())


def _waiting(panel: Panel, config: AnalysisConfig) -> tuple[Finding, ...]:
    """That some providers did not have to deliver a period that is counted."""
    status = panel.delivery_status
    rows = status.loc[(status["status"] == NOT_YET_DUE) & status["period"].isin(panel.periods)]
    as_of = config.panel.as_of
    return () if as_of is None else providers_waiting(rows["provider"].unique().tolist(), len(panel.providers), as_of)


def _periods_left_out(tables: Tables, panel: Panel, config: AnalysisConfig) -> tuple[Finding, ...]:
    """That periods were left out because not all of them was due on the date."""
    exposure, as_of = tables.exposure, config.panel.as_of
    if as_of is None or exposure is None:
        return ()
    every = {text for text in exposure["period"].dropna() if can_convert(text, panel.by)}
    periods = sort_periods({convert_period(text, panel.by) for text in every})
    return periods_not_due([period for period in periods if period > panel.periods[-1]], len(periods), as_of)

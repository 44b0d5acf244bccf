"""What a report shows: finished frames and sentences' numbers, nothing left to compute."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import pandas as pd

from dwangstats._types import Language

CountedAs: TypeAlias = Literal["registrations", "interventions"]


@dataclass(frozen=True, slots=True)
class ReportContents:
    """Finished results of the main job, as tidy frames.

    Attributes
    ----------
    language : {"nl", "en"}
    title : str
    question : dict
        law, by, unit, before, after (as written in the analysis file), formula, family, cluster,
        covariance, level, selection, completeness_before (low, high), monotone; deliveries_known (bool: a deliveries
        table said what was delivered correctly), providers_in_one_period (providers of the headline with counts in only
        one of the two periods, or None); as_of (date of which the counts are what was known, as text, or None);
        gap_hours (longest interruption within an intervention where interventions were counted, or None); intervals
        (counts, of, rounded_to, ties, suppressed: how many delivered counts are known to an interval only, and why; or
        None).
    findings : DataFrame
        rule, severity, table, count, of, rows, message, action (one row per finding of `check`).
    coverage : DataFrame
        quantity (providers, bed_days, registrations), kept, total, share. Where counts are known to an interval only a
        number that is not certain is missing, here and in rates and ratios, and stands between that of the same name
        with _lowest and that with _highest.
    deliveries : DataFrame
        provider, period, status (accepted, rejected, not_delivered, nothing_to_report, not_yet_due, not_kept,
        unknown).
    set_aside : DataFrame
        what (rows, registrations), reason, count.
    rates : DataFrame
        form, selection (complete, delivered), period, year, events, bed_days, rate, lower, upper;
        rate and its interval per 1,000 bed-days.
    ratios : DataFrame
        form, selection, family, covariance, estimate, lower, upper, level, degrees_of_freedom, providers,
        events_before, events_after, bed_days_before, bed_days_after, count_ratio, headline (bool).
        One row per form, selection, family and covariance; ``headline`` marks the one the text quotes.
    coefficients : DataFrame
        form, selection, family, covariance, name, estimate, standard_error, lower, upper.
    fit_statistics : DataFrame
        form, selection, family, rows, log_likelihood, aic, dispersion, converged, boundary.
    bounds : DataFrame
        form, rate_ratio, completeness_low, completeness_high, monotone, lower, upper,
        interval_lower, interval_upper.
    tipping : DataFrame
        form, rate_ratio, completeness_before, lower, upper, direction ("rise" or "fall").
    audit_sizes : DataFrame
        completeness, standard_error, icc, events_per_provider, events.
    sources : DataFrame
        table, file (name only), rows, sha256.
    versions : mapping
        package name to version.
    fingerprint : str
        sha256 of the input and of the analysis file.
    adjusted : DataFrame
        What evidence on completeness adds, one row per form for which it was asked: form, estimate, lower, upper, level
        (ratio of rates of events; missing where it is not known), registered (ratio of registered rates of the same
        model), change_verdict, level_verdict, evidence (in words), refusal (why there is no estimate; empty if there
        is).
    decomposition : DataFrame
        form, part, estimate, lower, upper, share, in_model; the parts add up to the row "observed change".
    completeness : DataFrame
        form, value (of the compared variable), estimate, lower, upper.
    unregistered : DataFrame
        form, value, registered, estimate, lower, upper; a prediction of counts.
    ledger : DataFrame
        form, target (level, change), source, share of the information.
    evidence_checks : DataFrame
        form, evidence, name, passed, message.
    profiles : DataFrame
        form, completeness, deviance, adjusted_ratio: the likelihood along the mean completeness, of the first form.
    patterns : DataFrame
        One row per provider, as in `ReportingPatterns.table`; without columns where not asked for or refused.
    pattern_periods : DataFrame
        One row per provider and period, as in `ReportingPatterns.periods`.
    pattern_summary : mapping
        Empty where reporting patterns were not asked for. Else level, nothing, prior_silent, family; refusal (why zeros
        cannot be judged, in words; empty if they were); and where they were: numbers of providers, judged (delivered a
        usable period), silent, blind (of which nothing can be said), selected (of the headline), silent_selected,
        blind_selected.
    """

    language: Language
    title: str
    question: Mapping[str, Any]
    findings: pd.DataFrame
    coverage: pd.DataFrame
    deliveries: pd.DataFrame
    set_aside: pd.DataFrame
    rates: pd.DataFrame
    ratios: pd.DataFrame
    coefficients: pd.DataFrame
    fit_statistics: pd.DataFrame
    bounds: pd.DataFrame
    tipping: pd.DataFrame
    audit_sizes: pd.DataFrame
    sources: pd.DataFrame
    versions: Mapping[str, str]
    fingerprint: str
    adjusted: pd.DataFrame = field(default_factory=pd.DataFrame)
    decomposition: pd.DataFrame = field(default_factory=pd.DataFrame)
    completeness: pd.DataFrame = field(default_factory=pd.DataFrame)
    unregistered: pd.DataFrame = field(default_factory=pd.DataFrame)
    ledger: pd.DataFrame = field(default_factory=pd.DataFrame)
    evidence_checks: pd.DataFrame = field(default_factory=pd.DataFrame)
    profiles: pd.DataFrame = field(default_factory=pd.DataFrame)
    patterns: pd.DataFrame = field(default_factory=pd.DataFrame)
    pattern_periods: pd.DataFrame = field(default_factory=pd.DataFrame)
    pattern_summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counted(self) -> CountedAs:
        """What one count is."""
        return "registrations" if self.question.get("gap_hours") is None else "interventions"

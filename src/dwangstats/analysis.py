"""The main job: from an analysis file to a report.

Reads like a table of contents: read, repair, check, count, select, compare, judge the zeros, bound, present.
"""

import importlib.metadata
import math
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from dwangstats import __version__
from dwangstats._types import Language, Progress
from dwangstats.change.adjustment import FormAdjustment, Given, adjust_form
from dwangstats.change.comparison import FormComparison, Question, compare_form
from dwangstats.change.possible import possible_coverage, possible_rates
from dwangstats.change.selection import complete_deliverers
from dwangstats.data.checks.check import CheckReport
from dwangstats.data.checks.switches import check_as_asked
from dwangstats.data.config.analysis import AnalysisConfig, load_config
from dwangstats.data.deliveries.standing import NOT_YET_DUE
from dwangstats.data.findings import Finding, findings_frame
from dwangstats.data.panels.intervals import is_interval
from dwangstats.data.panels.panel import Panel, build_panel
from dwangstats.data.quality.score import quality_score, with_quality
from dwangstats.data.reading.read import Tables, read_tables
from dwangstats.data.register.periods import can_convert, convert_period, sort_periods
from dwangstats.data.repairs.repair import Repaired, repair
from dwangstats.errors import DataError, InternalError, MissingExtraError
from dwangstats.estimate import Estimate
from dwangstats.present.adjusted_contents import adjusted_contents, evidence_findings
from dwangstats.present.contents import ReportContents
from dwangstats.present.pattern_contents import pattern_contents, pattern_findings
from dwangstats.present.refusals import refusal_findings
from dwangstats.providers.asked import AskedPatterns, ask_patterns
from dwangstats.registration.bounds import bounds, tipping_point
from dwangstats.registration.planning import audit_size

ALL_FORMS = "all"
AUDIT_COMPLETENESS = (0.60, 0.75, 0.90)
AUDIT_STANDARD_ERRORS = (0.05, 0.10)
AUDIT_ICC = 0.05
ENOUGH_PROVIDERS = 20
PACKAGES = ("numpy", "scipy", "pandas", "formulaic", "narwhals", "matplotlib")


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything the main job made, from the checked input to what the report shows.

    Attributes
    ----------
    config : AnalysisConfig
        The analysis file, complete with its defaults.
    checks : CheckReport
        Findings on the input.
    panel : Panel
        All provider-periods, delivered or not.
    comparisons : tuple of FormComparison
        Fits and rate ratios by form and selection; empty when no comparison was asked.
    adjustments : tuple of FormAdjustment
        What evidence on completeness adds, by form; empty when the analysis file names no evidence.
    contents : ReportContents
        Finished frames for the report.
    repaired : Repaired or None
        What the repairs that the analysis file asks for did; None when it asks for none.
    patterns : AskedPatterns or None
        Which providers are silent, or why that cannot be said; None when the analysis file has no [patterns].
    """

    config: AnalysisConfig
    checks: CheckReport
    panel: Panel
    comparisons: tuple[FormComparison, ...]
    adjustments: tuple[FormAdjustment, ...]
    contents: ReportContents
    repaired: Repaired | None = None
    patterns: AskedPatterns | None = None


def analyse(source: str | Path, *, language: Language | None = None, progress: Progress | None = None) -> Analysis:
    """Run the main job without writing anything.

    Parameters
    ----------
    source : str or Path
        The analysis file (dwangstats.toml).
    language : {"nl", "en"}, optional
        Language of messages and report; the file's own when left out.
    progress : callable, optional
        Called with (steps done, steps in all).

    Raises
    ------
    ConfigError
        If the analysis file cannot be understood.
    DataError
        If the tables have errors; all of them are listed. Or if a repair or the quality score, asked for in the file,
        lacks its table.
    DomainError
        If the file switches off a rule that does not exist.
    """
    config = load_config(source)
    if language is not None:
        config = replace(config, language=language)
    as_read = read_tables(source)
    repaired = repair(as_read, config.repairs.apply) if config.repairs.apply else None
    tables = as_read if repaired is None else repaired.tables
    checks = check_as_asked(tables, config)
    checks.raise_for_errors(config.language)
    tables = _with_quality(tables, as_read, config)
    panel = _panel(tables, config)
    selections = _selections(panel, config)
    comparisons = tuple(_comparisons(panel, selections, config, progress))
    adjustments = tuple(_adjustments(panel, selections[config.selection.rule], tables, config))
    patterns = _patterns(_registrations(panel, tables, config), selections[config.selection.rule], config)
    contents = _contents(config, tables, checks, panel, selections, comparisons, adjustments, patterns)
    return Analysis(config, checks, panel, comparisons, adjustments, contents, repaired, patterns)


def write_report(
    source: str | Path,
    out: str | Path,
    *,
    language: Language | None = None,
    progress: Progress | None = None,
) -> Path:
    """Run the main job and write report.html, figures, tables and results.json.

    Parameters
    ----------
    source : str or Path
        The analysis file (dwangstats.toml).
    out : str or Path
        Folder to write to; made when it is not there.
    language : {"nl", "en"}, optional
        Language of the report; the file's own when left out.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    Path
        The page, report.html.
    """
    try:
        from dwangstats.present.report import render
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f'The report needs {error.name}, which is not installed: pip install "dwangstats[report]"'
        ) from error
    contents = analyse(source, language=language, progress=progress).contents
    return render(contents, Path(out), progress)


def _with_quality(tables: Tables, as_read: Tables, config: AnalysisConfig) -> Tables:
    """The tables with the quality score that the file asks for, of the register as it was before repairs.

    With counts as known on a date the score is of that date too; of repaired tables there is none.
    """
    asked, as_of = config.quality, config.panel.as_of
    if asked is None:
        return tables
    if as_of is not None:
        return with_quality(tables, asked.by, parts=asked.parts, as_of=as_of)
    return with_quality(tables, asked.by, scores=quality_score(as_read, asked.by, parts=asked.parts))


def _panel(tables: Tables, config: AnalysisConfig) -> Panel:
    """The panel that the file asks for; of what was known on a date, the periods of which anything was due by then."""
    wanted = config.panel
    panel = build_panel(
        tables,
        form=list(wanted.forms) or None,
        definition=wanted.definition,
        by=wanted.by,
        law=wanted.law,
        planned=wanted.planned,
        covariates=wanted.covariates,
        unit=wanted.unit,
        blank_events=wanted.blank_events,
        gap_hours=wanted.gap_hours,
        as_of=wanted.as_of,
    )
    later = _not_due(panel)
    return panel if len(later) in (0, len(panel.periods)) else panel.during(set(panel.periods) - set(later))


def _not_due(panel: Panel) -> tuple[str, ...]:
    """Periods that no provider had delivered, or had to deliver, on the date."""
    waiting = (panel.delivery_status["status"] == NOT_YET_DUE).groupby(panel.delivery_status["period"]).all()
    return tuple(period for period in panel.periods if waiting.get(period, False))


def _selections(panel: Panel, config: AnalysisConfig) -> dict[str, tuple[str, ...]]:
    """Providers of each selection, the one of the headline first.

    A selection that keeps nobody, or the same providers as the headline, has no rows of its own; the coverage says so.
    """
    delivered = tuple(sorted(panel.observed["provider"].unique()))
    found = {"complete": complete_deliverers(panel), "delivered": delivered}
    order = sorted(found, key=lambda rule: rule != config.selection.rule)
    if not found[config.selection.rule]:
        raise DataError(
            f"No provider meets the selection '{config.selection.rule}': none of {len(panel.providers)} delivered in "
            f"all of {len(panel.periods)} periods, or none delivered at all{_known_on(config)}. "
            'Write [selection] rule = "delivered" to use every delivered period, and look at the deliveries.'
        )
    if found["complete"] == delivered:
        order = order[:1]
    return {rule: found[rule] for rule in order if found[rule]}


def _known_on(config: AnalysisConfig) -> str:
    return "" if config.panel.as_of is None else f", as known on {config.panel.as_of}"


def _forms(panel: Panel) -> tuple[str, ...]:
    """The forms, with their sum before them unless some counts are intervals, which do not add up to one."""
    return (ALL_FORMS, *panel.forms) if len(panel.forms) > 1 and not panel.has_intervals else tuple(panel.forms)


def _comparisons(
    panel: Panel, selections: dict[str, tuple[str, ...]], config: AnalysisConfig, progress: Progress | None
) -> Iterator[FormComparison]:
    if config.compare is None:
        return
    question = _compared_question(config)
    steps = [(form, rule, providers) for form in _forms(panel) for rule, providers in selections.items()]
    for done, (form, rule, providers) in enumerate(steps):
        if progress is not None:
            progress(done, len(steps))
        yield compare_form(panel.restrict(providers).for_form(form), question, form, rule)
    if progress is not None:
        progress(len(steps), len(steps))


def _adjustments(
    panel: Panel, providers: tuple[str, ...], tables: Tables, config: AnalysisConfig
) -> Iterator[FormAdjustment]:
    """What the evidence of the analysis file says, by form, for the providers of the headline."""
    asked = config.evidence
    if config.compare is None or asked is None:
        return
    given = Given(
        audits=tables.audits if asked.audit else None,
        second_source=tables.second_source if asked.second_source else None,
        controls=tables.controls if asked.control else None,
        icc=asked.icc,
        odds_ratio=asked.odds_ratio,
        trend_sd=asked.trend_sd,
        rho=asked.rho,
        prior=asked.prior,
        rate=asked.rate,
        registration=asked.registration,
        draws=asked.draws,
        seed=asked.seed,
        forms=tuple(panel.forms),
    )
    question, chosen = _compared_question(config), panel.restrict(providers)
    for form in _forms(panel):
        yield adjust_form(chosen.for_form(form), question, given, form)


def _registrations(panel: Panel, tables: Tables, config: AnalysisConfig) -> Panel:
    """The panel of registrations: silence is having none, and a period may hold only the rest of an intervention."""
    if config.patterns is None or config.panel.gap_hours is None:
        return panel
    return _panel(tables, replace(config, panel=replace(config.panel, gap_hours=None)))


def _patterns(panel: Panel, providers: tuple[str, ...], config: AnalysisConfig) -> AskedPatterns | None:
    """The reporting patterns of all providers of the panel, where the analysis file asks for them."""
    asked = config.patterns
    if asked is None:
        return None
    return ask_patterns(
        panel,
        providers,
        family=asked.family,
        level=asked.level,
        nothing=asked.nothing,
        prior_silent=asked.prior_silent,
    )


def _compared_question(config: AnalysisConfig) -> Question:
    if config.compare is None:
        raise InternalError("the question of a comparison was asked of an analysis without one")
    return Question(
        variable=config.compare.variable,
        before=config.compare.before,
        after=config.compare.after,
        formula=config.model.formula,
        family=config.model.family,
        cluster=config.model.cluster,
        covariance=config.model.covariance,
        level=config.model.level,
        quality=config.model.quality,
    )


def _contents(
    config: AnalysisConfig,
    tables: Tables,
    checks: CheckReport,
    panel: Panel,
    selections: dict[str, tuple[str, ...]],
    comparisons: tuple[FormComparison, ...],
    adjustments: tuple[FormAdjustment, ...],
    patterns: AskedPatterns | None,
) -> ReportContents:
    headline = _headline_estimates(comparisons, config)
    chosen = selections[config.selection.rule]
    few = _few_providers_finding(chosen) if comparisons else ()
    in_one_period = _providers_in_one_period(panel.restrict(chosen), headline, config)
    findings = [
        *checks.findings,
        *few,
        *pattern_findings(patterns),
        *_interval_findings(panel),
        *_not_due_findings(tables, panel, config),
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
        versions=_versions(),
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
        if ALL_FORMS in _forms(panel):
            total = possible_rates(chosen.for_form(ALL_FORMS), config.model.level)
            frames.append(total.assign(selection=rule))
    return pd.concat(frames, ignore_index=True)


def _stack(comparisons: tuple[FormComparison, ...], name: str) -> pd.DataFrame:
    frames = [getattr(c, name) for c in comparisons if not getattr(c, name).empty]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _few_providers_finding(providers: tuple[str, ...]) -> tuple[Finding, ...]:
    """A warning where clustered intervals are known to be too narrow; measured in tests/simulation."""
    count = len(providers)
    if not 2 <= count < ENOUGH_PROVIDERS:
        return ()
    message: dict[Language, str] = {
        "nl": f"De vergelijking rust op {count} zorgaanbieders. Bij 10 ongelijke aanbieders dekte een 95%-interval in "
        "simulaties 90 tot 92%, bij 20 93%, bij 40 93 tot 95%.",
        "en": f"The comparison rests on {count} providers. With 10 unequal providers a 95% interval covered 90 to 92% "
        "in simulations, with 20 93%, with 40 93 to 95%.",
    }
    action: dict[Language, str] = {
        "nl": "Lees de intervallen als iets te smal, of neem C(provider) op in de formule: dan was het 94 tot 95%.",
        "en": "Read the intervals as a little too narrow, or add C(provider) to the formula: then it was 94 to 95%.",
    }
    return (Finding("few-providers", "warning", "panel", count, count, (), message, action),)


def _not_due_findings(tables: Tables, panel: Panel, config: AnalysisConfig) -> tuple[Finding, ...]:
    """That periods were left out of which nothing was known, or due, on the date."""
    exposure, as_of = tables.exposure, config.panel.as_of
    if as_of is None or exposure is None:
        return ()
    every = {text for text in exposure["period"].dropna() if can_convert(text, panel.by)}
    periods = sort_periods({convert_period(text, panel.by) for text in every})
    later = [period for period in periods if period > panel.periods[-1]]
    if not later:
        return ()
    first, date = later[0], as_of.replace("T", " ")
    message: dict[Language, str] = {
        "nl": f"{len(later)} van de {len(periods)} perioden (vanaf {first}) zijn weggelaten: op {date} was daarover "
        "nog niets aangeleverd en was de termijn niet verstreken.",
        "en": f"{len(later)} of {len(periods)} periods (from {first}) are left out: on {date} nothing had been "
        "delivered about them and their due date had not passed.",
    }
    action: dict[Language, str] = {
        "nl": "Er hoeft niets te gebeuren; neem een latere datum bij as_of om deze perioden mee te tellen.",
        "en": "Nothing needs to be done; take a later date as as_of to count these periods.",
    }
    return (Finding("periods-not-due", "info", "", 0, 0, (), message, action),)


def _interval_findings(panel: Panel) -> tuple[Finding, ...]:
    """That some counts are not exact, and what is not given therefore."""
    wide, of = int(is_interval(panel.frame).sum()), int(panel.frame["delivered"].sum())
    if not wide:
        return ()
    no_sum = (
        ("; een som over de vormen is er niet", "; there is no sum over the forms")
        if len(panel.forms) > 1
        else ("", "")
    )
    message: dict[Language, str] = {
        "nl": f"Van {wide} van de {of} aantallen is alleen bekend tussen welke grenzen zij liggen (afgerond of "
        "onderdrukt). Totalen en aandelen staan daarom als het laagste en het hoogste dat kan; het model met een eigen "
        f"niveau per zorgaanbieder en CR2 zijn er niet{no_sum[0]}.",
        "en": f"{wide} of {of} counts are known only to lie in an interval (rounded or suppressed). Totals and shares "
        "are therefore given as the least and the most that is possible; the model with a level for every provider and "
        f"CR2 are not given{no_sum[1]}.",
    }
    action: dict[Language, str] = {
        "nl": "Vraag de bron om de precieze aantallen als dit te grof is.",
        "en": "Ask the source for the exact counts where this is too coarse.",
    }
    return (Finding("counts-in-intervals", "info", "panel", wide, of, (), message, action),)


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


def _versions() -> dict[str, str]:
    installed = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"dwangstats": __version__, "python": platform.python_version(), **installed}


def _fingerprint(config: AnalysisConfig, tables: Tables) -> str:
    return sha256(f"{tables.fingerprint}\n{config.resolved}".encode()).hexdigest()

"""The main job: from an analysis file to a report.

Reads like a table of contents: read, repair, check, count, select, compare, judge the zeros, bound, present.
"""

import importlib.metadata
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dwangstats import __version__
from dwangstats._types import Language, Progress
from dwangstats.change.adjustment import FormAdjustment, Given, adjust_form
from dwangstats.change.comparison import FormComparison, Question, compare_form
from dwangstats.change.selection import complete_deliverers
from dwangstats.data.checks.check import CheckReport
from dwangstats.data.checks.switches import check_as_asked
from dwangstats.data.config.analysis import AnalysisConfig, load_config
from dwangstats.data.deliveries.standing import NOT_YET_DUE
from dwangstats.data.panels.panel import Panel, build_panel
from dwangstats.data.quality.score import quality_score, with_quality
from dwangstats.data.reading.read import Tables, read_tables
from dwangstats.data.repairs.repair import Repaired, repair
from dwangstats.errors import DataError, InternalError, MissingExtraError
from dwangstats.present.contents import ReportContents
from dwangstats.providers.asked import AskedPatterns, ask_patterns
from dwangstats.providers.of_any_kind import of_any_kind
from dwangstats.report_contents import forms_of, report_contents

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
    patterns = _patterns(_everything(panel, tables, config), selections[config.selection.rule], config)
    contents = report_contents(
        config, tables, checks, panel, selections, comparisons, adjustments, patterns, _versions()
    )
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
    """The panel that the file asks for; of what was known on a date, the periods that were due by then."""
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
    """Periods that most providers had neither delivered nor had to deliver on the date."""
    waiting = (panel.delivery_status["status"] == NOT_YET_DUE).groupby(panel.delivery_status["period"]).mean()
    return tuple(period for period in panel.periods if waiting.get(period, 0.0) > 0.5)


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


def _comparisons(
    panel: Panel, selections: dict[str, tuple[str, ...]], config: AnalysisConfig, progress: Progress | None
) -> Iterator[FormComparison]:
    if config.compare is None:
        return
    question = _compared_question(config)
    steps = [(form, rule, providers) for form in forms_of(panel) for rule, providers in selections.items()]
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
    for form in forms_of(panel):
        yield adjust_form(chosen.for_form(form), question, given, form)


def _everything(panel: Panel, tables: Tables, config: AnalysisConfig) -> Panel:
    """The panel of anything that was registered: every form, planned or not, in registrations; silence is having none.

    Of ready counts nothing more is known than the panel has, but for other forms.
    """
    if config.patterns is None or (tables.panel is not None and not config.panel.forms):
        return panel
    every = replace(config.panel, gap_hours=None, forms=(), planned=None, covariates=())
    return _panel(of_any_kind(tables), replace(config, panel=every))


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


def _versions() -> dict[str, str]:
    installed = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"dwangstats": __version__, "python": platform.python_version(), **installed}

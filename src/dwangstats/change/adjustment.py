"""What evidence on completeness says about the change of one form: adjusted ratio, parts, unregistered events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from dwangstats._types import Language, RateScale
from dwangstats.change.comparison import Question
from dwangstats.change.decomposition import ChangeDecomposition, decompose_change
from dwangstats.data.panels.layout import ALL_FORMS
from dwangstats.data.panels.panel import Panel
from dwangstats.data.register.periods import can_convert, contains, convert_period
from dwangstats.errors import DataError, DwangstatsError, FitError, IdentificationError
from dwangstats.estimate import Estimate
from dwangstats.registration.completeness import completeness
from dwangstats.registration.context import Evidence
from dwangstats.registration.evidence.audit import Audit
from dwangstats.registration.evidence.control import ControlOutcome
from dwangstats.registration.evidence.prior import CompletenessPrior
from dwangstats.registration.evidence.second_source import SecondSource
from dwangstats.registration.model import RegistrationModel
from dwangstats.registration.ratios import rate_ratio
from dwangstats.registration.results import RegistrationResult
from dwangstats.registration.under import under_registration

PROVIDERS: Final = "(1 | provider)"
EXACT_COUNTS: Final[Mapping[Language, str]] = {
    "nl": "het model van toepassing en registratie vraagt precieze aantallen, en deze zijn afgerond of onderdrukt.",
    "en": "the model of events and registration needs exact counts, and these were rounded or suppressed.",
}
"""Why counts known to an interval only are not divided over registration and real change."""

PERIOD_VARIABLES: Final = ("year", "period")
"""Variables of which only the two compared values are modelled: what lies between carries no evidence of its own."""


@dataclass(frozen=True, slots=True)
class Given:
    """The evidence of an analysis, as tables and settings.

    Attributes
    ----------
    audits, second_source, controls : DataFrame or None
    icc, odds_ratio, trend_sd, rho : float
    prior : (low, high) or None
        Ends between which completeness lies with 90 percent probability.
    rate, registration : str or None
        Right-hand sides; None takes the formula of the question.
    draws, seed : int
    forms : tuple of str
        Forms that the sum over all forms adds up; evidence by form must be about each of them.
    """

    audits: pd.DataFrame | None = None
    second_source: pd.DataFrame | None = None
    controls: pd.DataFrame | None = None
    icc: float = 0.0
    odds_ratio: float = 1.0
    trend_sd: float = 0.0
    rho: float = 0.0
    prior: tuple[float, float] | None = None
    rate: str | None = None
    registration: str | None = None
    draws: int = 2_000
    seed: int = 1
    forms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FormAdjustment:
    """What evidence adds to the comparison of one form.

    Attributes
    ----------
    form : str
    evidence : tuple of Evidence
        What concerns this form at these providers in these periods; empty where nothing does.
    result : RegistrationResult or None
        None where the model could not be fitted.
    ratio : Estimate or None
        Ratio of the rates of events; None where the evidence does not tell.
    registered : Estimate or None
        Ratio of registered rates under the same model.
    decomposition : ChangeDecomposition or None
    completeness, unregistered : DataFrame
        By the compared variable; empty where the level of completeness is not known.
    refusal : DwangstatsError or None
        Why there is no ratio.
    """

    form: str
    evidence: tuple[Evidence, ...]
    result: RegistrationResult | None
    ratio: Estimate | None
    registered: Estimate | None
    decomposition: ChangeDecomposition | None
    completeness: pd.DataFrame
    unregistered: pd.DataFrame
    refusal: DwangstatsError | None


def adjust_form(panel: Panel, question: Question, given: Given, form: str) -> FormAdjustment:
    """Fit the registration model to one form, with the evidence that concerns its providers and periods.

    Parameters
    ----------
    panel : Panel
        Rows of one form, for the providers of the headline.
    question : Question
    given : Given
    form : str

    Returns
    -------
    FormAdjustment
        A model that cannot be fitted, or evidence that does not tell, is a refusal with its reason.

    Raises
    ------
    FormulaError
        If a formula of the analysis cannot be understood.
    """
    panel = compared(panel, question)
    evidence: tuple[Evidence, ...] = ()
    result = None
    try:
        evidence = tuple(evidence_for(panel, given, form))
        if panel.has_intervals:
            raise DataError(EXACT_COUNTS["en"])
        result = _fitted(panel, question, given, evidence)
        ratio = _ratio(result, question, "adjusted")
    except (DataError, FitError, IdentificationError) as error:
        return FormAdjustment(form, evidence, result, None, None, None, pd.DataFrame(), pd.DataFrame(), error)
    return _answered(result, evidence, ratio, question, given, form)


def _ratio(result: RegistrationResult, question: Question, scale: RateScale) -> Estimate:
    return rate_ratio(
        result,
        question.variable,
        before=question.before,
        after=question.after,
        scale=scale,
        level=question.level,
    )


def _fitted(panel: Panel, question: Question, given: Given, evidence: tuple[Evidence, ...]) -> RegistrationResult:
    return RegistrationModel(
        rate=f"events ~ {with_providers(given.rate or question.formula)}",
        registration=f"~ {with_providers(given.registration or question.formula)}",
        panel=panel,
        family="nb2",
        evidence=evidence,
        rho=given.rho,
    ).fit()


def with_providers(formula: str) -> str:
    """A right-hand side with effects of the providers, where it has no random term of its own."""
    return formula if "|" in formula else f"{formula} + {PROVIDERS}"


def compared(panel: Panel, question: Question) -> Panel:
    """The panel of the two compared periods; of all periods where time is continuous."""
    if question.variable not in PERIOD_VARIABLES:
        return panel
    rows = panel.frame[question.variable].isin([question.before, question.after])
    return panel.during(panel.frame.loc[rows, "period"].unique())


def evidence_for(panel: Panel, given: Given, form: str) -> Iterator[Evidence]:
    """The evidence on a form at the providers and in the periods of the panel.

    Raises
    ------
    DataError
        If nothing of a table concerns them.
    """
    if given.audits is not None:
        yield Audit(_concerning(given.audits, panel, form, "audits", given.forms), icc=given.icc)
    if given.second_source is not None:
        rows = _concerning(given.second_source, panel, form, "second_source", given.forms)
        yield SecondSource(rows, odds_ratio=given.odds_ratio)
    if given.controls is not None:
        yield ControlOutcome(_concerning(given.controls, panel, form, "controls", given.forms), trend_sd=given.trend_sd)
    if given.prior is not None:
        yield CompletenessPrior(*given.prior)


def _concerning(frame: pd.DataFrame, panel: Panel, form: str, table: str, forms: tuple[str, ...] = ()) -> pd.DataFrame:
    """Rows of evidence on a form at providers and in periods of the panel; forms added up for all forms."""
    inside = frame["period"].map({text: _overlaps(text, panel) for text in frame["period"].dropna().unique()})
    rows = frame[frame["provider_id"].isin(panel.providers) & inside.fillna(False).astype(bool)]
    if "form" in rows and not rows["form"].isna().all():
        rows = _of_form(rows, form, table, forms)
    elif form != ALL_FORMS and table != "controls":
        rows = rows.iloc[:0]
    if rows.empty:
        raise DataError(
            f"No row of {table} concerns {form} at the {len(panel.providers)} providers and in the "
            f"{len(panel.periods)} periods that are compared."
        )
    return rows


def _overlaps(period: str, panel: Panel) -> bool:
    """Whether a period of a table is one of the panel's, lies in one, or holds some."""
    if can_convert(period, panel.by):
        return convert_period(period, panel.by) in panel.periods
    return any(contains(period, inner) for inner in panel.periods)


def _of_form(rows: pd.DataFrame, form: str, table: str, forms: tuple[str, ...]) -> pd.DataFrame:
    if form != ALL_FORMS:
        return rows[rows["form"] == form]
    rows = rows[rows["form"].isna() | rows["form"].isin(forms or rows["form"].unique())]
    absent = [] if rows["form"].isna().any() else [name for name in forms if not (rows["form"] == name).any()]
    if absent:
        raise DataError(
            f"{table} is about some of the forms only: no row concerns {', '.join(absent)}, so it says nothing about "
            "all forms together."
        )
    counts = [name for name in rows.columns if name.startswith("n_") or name in ("both", "register_only", "other_only")]
    kept = [name for name in ("provider_id", "period", "design") if name in rows]
    return rows.groupby(kept, sort=False, as_index=False, dropna=False)[counts].sum()


def _answered(
    result: RegistrationResult,
    evidence: tuple[Evidence, ...],
    ratio: Estimate,
    question: Question,
    given: Given,
    form: str,
) -> FormAdjustment:
    nothing = pd.DataFrame()
    known, missed = nothing, nothing
    if result.identification.passed("level"):
        known = completeness(result, by=question.variable, level=question.level, rng=given.seed)
        missed = under_registration(
            result, by=question.variable, rng=given.seed, draws=given.draws, level=question.level
        ).table
    parts = None
    if question.variable in PERIOD_VARIABLES:
        parts = decompose_change(
            result,
            variable=question.variable,
            before=question.before,
            after=question.after,
            rng=given.seed,
            draws=given.draws,
            level=question.level,
        )
    registered = _ratio(result, question, "registered")
    return FormAdjustment(form, evidence, result, ratio, registered, parts, known, missed, None)

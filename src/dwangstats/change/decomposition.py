"""How much of a registered change is bed-days, composition, case-mix, registration, and how much is real."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from dwangstats._types import Matrix
from dwangstats.change.band import Assumption, Band, no_band, real_band
from dwangstats.change.cells import Cells, match_cells, observed_value
from dwangstats.change.decomposition_words import (
    LANGUAGES,
    Sentence,
    accounting_note,
    joined,
    separated_verdict,
    unseparated_verdict,
)
from dwangstats.change.divided import (
    ALONE,
    Divided,
    Question,
    divide_change,
    estimates_of,
    registered_in_blocks,
    with_registered_rate,
)
from dwangstats.change.moved import has_case_mix, has_mix, time_columns
from dwangstats.change.parts import (
    BED_DAYS,
    CASE_MIX,
    ENTRY,
    MIX,
    REAL,
    REGISTERED,
    REGISTRATION,
    RESIDUAL,
    Per,
)
from dwangstats.change.rate_cells import rate_cells
from dwangstats.change.registration_cells import registration_cells
from dwangstats.data.panels.intervals import refuse_intervals
from dwangstats.design.design import Design
from dwangstats.design.formula import split_formula
from dwangstats.errors import InternalError
from dwangstats.estimate import Estimate
from dwangstats.models.mixed import MixedResult
from dwangstats.models.ratios import rate_ratio
from dwangstats.models.results import RateResult
from dwangstats.registration.bounds import Limits, TippingPoint, tipping_point
from dwangstats.registration.gate import certified_parts
from dwangstats.registration.identification import Identification, identify
from dwangstats.registration.randomness import Random, generator
from dwangstats.registration.results import RegistrationResult

ROUNDING = 1e-9
"""Registrations by which the parts may miss the change."""


@dataclass(frozen=True, slots=True, eq=False)
class ChangeDecomposition:
    """A registered change in parts that add up to it, at the estimates and in every draw.

    Attributes
    ----------
    variable : str
        Column whose two values are compared.
    before, after : object
        The two values.
    per : {"counts", "rate"}
        Whether the change is one of registrations or of registrations per 1,000 bed-days.
    level : float
        Confidence level of all intervals.
    observed : Estimate
        The registered change. Its interval is that of the fitted change, moved to the observed one.
    parts : mapping of str to Estimate
        In order: bed-days, composition: mix, composition: entry and exit, case-mix, registration and real (or, where
        they cannot be separated, registered rate), residual.
    in_model : mapping of str to bool
        False for a part that the model does not have and that is therefore exactly 0.
    draws : (parts, D) array
        Parts in every draw.
    lmdi : DataFrame
        part, estimate: LMDI-I of the same parts at the estimates, a check.
    separated : bool
        Whether the evidence separates registration from real change.
    band : DataFrame
        part (registration, real), lower, upper, interval_lower, interval_upper, completeness_low, completeness_high,
        monotone; without rows where the parts are separated or no limits on completeness were given.
    identified_by : str
        What the division rests on.
    verdict, note : mapping of language to str
        The answer in a sentence; and what belongs under every table of it.
    """

    variable: str
    before: Any
    after: Any
    per: Per
    level: float
    observed: Estimate
    parts: Mapping[str, Estimate]
    in_model: Mapping[str, bool]
    draws: Matrix
    lmdi: pd.DataFrame
    separated: bool
    band: pd.DataFrame
    identified_by: str
    verdict: Sentence
    note: Sentence

    def __post_init__(self) -> None:
        values = np.array([part.estimate for part in self.parts.values()])
        gap = abs(float(values.sum()) - self.observed.estimate)
        gaps = np.abs(self.draws.sum(axis=0) - self.observed.estimate)
        largest = max(1.0, float(np.abs(self.draws).max(initial=0.0)), float(np.abs(values).max()))
        # A float has some 16 digits: beyond 100,000 events the last of them is more than the promise.
        allowed = ROUNDING * max(1.0, 1e-5 * largest)
        if gap > allowed or float(gaps.max(initial=0.0)) > allowed:
            raise InternalError(f"the parts miss the change by {gap:.3g}, in a draw by {float(gaps.max()):.3g}")

    @property
    def table(self) -> pd.DataFrame:
        """One row per part: part, estimate, lower, upper, share, in_model.

        The share of the observed change is given only where the interval of that change excludes 0.
        """
        total = self.observed
        clear = total.lower > 0.0 or total.upper < 0.0
        rows = [
            (name, part.estimate, part.lower, part.upper, part.estimate / total.estimate if clear else np.nan)
            for name, part in self.parts.items()
        ]
        frame = pd.DataFrame(rows, columns=["part", "estimate", "lower", "upper", "share"])
        return frame.assign(in_model=[self.in_model[name] for name in self.parts])

    def to_frame(self) -> pd.DataFrame:
        """`table`, with a last row for the observed change."""
        total = self.observed
        last = {"part": "observed change", "estimate": total.estimate, "lower": total.lower, "upper": total.upper}
        share = np.nan if self.table["share"].isna().all() else 1.0
        return pd.concat([self.table, pd.DataFrame([{**last, "share": share, "in_model": True}])], ignore_index=True)

    def __str__(self) -> str:
        return f"{self.verdict['en']}\n\n{self.to_frame().to_string(index=False)}\n\n{self.note['en']}"


def decompose_change(
    result: RateResult | MixedResult | RegistrationResult,
    *,
    variable: str = "year",
    before: Any,
    after: Any,
    rng: Random,
    draws: int = 2000,
    level: float = 0.95,
    per: Per = "counts",
    completeness_before: Limits | None = None,
    monotone: bool = False,
) -> ChangeDecomposition:
    """Divide the change of the registrations between two periods over what changed.

    Rows are matched within provider, location, law and form at the same place in the year (H1 with H1). In the matched
    cells the registrations expected are bed-days x share of the bed-days x rate of events x completeness; each part is
    the exact Shapley value of one of these factors, so that nothing depends on an order and nothing is left over. Cells
    that were counted in one period alone are entry and exit. What the model does not fit is the residual: the parts add
    up to the observed change, in every draw of the parameters and random effects too.

    Parameters
    ----------
    result : RateResult, MixedResult or RegistrationResult
        A registration model separates registration from real change where its evidence does; in all other cases the
        two are one part, the registered rate, with a band for the real part if ``completeness_before`` is given.
    variable : str
        Column that tells the periods apart: "year", "period".
    before, after : object
        Its two values.
    rng : int, SeedSequence or Generator
        Source of the draws; the same number gives the same intervals.
    draws : int
        Number of draws for the intervals, at least 100.
    level : float
        Confidence level, in (0.5, 1).
    per : {"counts", "rate"}
        Divide the change of registrations, or of registrations per 1,000 bed-days, in which bed-days play no part.
    completeness_before : (low, high), optional
        Limits on completeness before, as for `bounds`; used where the parts cannot be separated.
    monotone : bool
        Assume with it that completeness did not fall.

    Returns
    -------
    ChangeDecomposition

    Raises
    ------
    DomainError
        If an argument is outside its domain, or the model is one that is not divided.
    DataError
        If the rows of the two periods cannot be matched, or counts are known to an interval only.
    FitError
        If the certificate of the fit failed.

    Notes
    -----
    Das Gupta (1993, U.S. Census Bureau, P23-186) for products of factors; Shorrocks (2013, J. Econ. Inequal. 11,
    99-126) for the Shapley value as a way to divide. With cells of one period alone C = B sum m r p + U, B and m the
    bed-days and shares of the matched cells, so that a provider that only delivered in one period moves neither the
    bed-days nor the real part; this is also the limit of LMDI-I. A poisson fit with the compared years as categories
    meets the registrations of both; a negative binomial one lets large counts weigh less, and its residual shows that.
    """
    question = Question(variable, before, after, per, level)
    question.check(draws)
    random = generator(rng)
    assumption = None if completeness_before is None else Assumption(completeness_before, monotone)
    if not isinstance(result, RegistrationResult):
        return _registered_change(result, _observed(question, result.design), random, draws, assumption)
    if result.parts is None:
        registered = result.registered
        return _registered_change(registered, _observed(question, registered.design), random, draws, assumption)
    question = _observed(question, result.parts.rate)
    ledger = identify(result.parts, compare=(variable, question.before, question.after))
    if ledger.passed("change"):
        return _separated_change(result, ledger, question, random, draws)
    found = _registered_change(result.registered, question, random, draws, assumption)
    return replace(found, note=joined(found.note, _ledger_sentence(ledger)))


def _observed(question: Question, design: Design) -> Question:
    """The question with its values as the rows have them."""
    q, frame = question, design.frame
    before, after = (observed_value(frame, q.variable, value) for value in (q.before, q.after))
    return replace(q, before=before, after=after, unit=design.unit)


def _ledger_sentence(ledger: Identification) -> Sentence:
    return {language: ledger.sentence("change", language) for language in LANGUAGES}


def _separated_change(
    result: RegistrationResult, ledger: Identification, question: Question, rng: np.random.Generator, draws: int
) -> ChangeDecomposition:
    """The division by a registration model whose evidence tells registration from real change."""
    q, fitted = question, certified_parts(result)
    cells = _cells(fitted.rate, q)
    asked = split_formula(result.model.rate).names("fixed", "random", "offset")
    source = registration_cells(fitted, cells, q.variable, asked, rng, draws)
    in_model = _in_model(fitted.rate, source.columns, q.per)
    in_model[REGISTRATION] = source.registration_moves
    in_model[MIX] = in_model[MIX] or fitted.problem.rate_effects or has_mix(fitted.registration, source.columns)
    divided = divide_change(source, cells, fitted.problem.counts.y, q, in_model)
    by = ledger.identified_by("change")
    parts = estimates_of(divided, q, {REGISTRATION: ("adjusted", by), REAL: ("adjusted", by)})
    verdict, basis = (
        separated_verdict(divided.observed, parts[REGISTRATION], parts[REAL], q.per, q.unit),
        _ledger_sentence(ledger),
    )
    if ledger.verdicts["change"] != "data-identified":
        verdict = joined(verdict, basis)
    found = _packed(divided, q, cells, parts, no_band(), verdict, separated=True, identified_by=by)
    return replace(found, note=joined(found.note, basis))


def _registered_change(
    result: RateResult | MixedResult,
    question: Question,
    rng: np.random.Generator,
    draws: int,
    assumption: Assumption | None,
) -> ChangeDecomposition:
    """The division by a rate model: registration and real change are one part."""
    q, design = question, result.design
    refuse_intervals(design.frame, "A change divided into parts")
    cells = _cells(design, q)
    columns = time_columns(design.frame, q.variable)
    source = rate_cells(result, cells, q.variable, columns, rng, draws, before=q.before, after=q.after)
    in_model = _in_model(design, columns, q.per)
    divided = with_registered_rate(divide_change(source, cells, design.y, q, {**in_model, REGISTRATION: False}))
    band = no_band()
    if assumption is not None:
        band = real_band(assumption, lambda ratio: registered_in_blocks(source, cells, q.per, ratio), q.level)
    parts = estimates_of(divided, q, {REGISTERED: ("registered", ALONE)})
    verdict = unseparated_verdict(
        divided.observed, parts[REGISTERED], q.per, q.unit, q.before, band=band.real, tipping=_tipping(result, q)
    )
    return _packed(divided, q, cells, parts, band, verdict, separated=False, identified_by=ALONE)


def _cells(design: Design, question: Question) -> Cells:
    q = question
    return match_cells(design.frame, np.exp(design.log_exposure), q.variable, before=q.before, after=q.after)


def _in_model(design: Design, columns: tuple[str, ...], per: Per) -> dict[str, bool]:
    """Which parts of the rate can differ from zero."""
    used = set(design.formula.names("fixed", "random", "offset"))
    return {
        BED_DAYS: per == "counts",
        MIX: has_mix(design, columns),
        ENTRY: True,
        CASE_MIX: has_case_mix(design, columns),
        REGISTRATION: True,
        REAL: bool(used & set(columns)),
        RESIDUAL: True,
    }


def _tipping(result: RateResult | MixedResult, question: Question) -> TippingPoint | None:
    """Completeness before at which the registered rate is registration alone; None where the rate does not move."""
    q = question
    if q.variable not in result.design.variables:
        return None
    ratio = rate_ratio(result, q.variable, before=q.before, after=q.after, level=q.level)
    # On very few degrees of freedom an end of the interval has no number; the tipping point itself has.
    return tipping_point(rate_ratio=ratio if ratio.lower > 0.0 and ratio.upper < np.inf else ratio.estimate)


def _packed(
    divided: Divided,
    question: Question,
    cells: Cells,
    parts: dict[str, Estimate],
    band: Band,
    verdict: Sentence,
    *,
    separated: bool,
    identified_by: str,
) -> ChangeDecomposition:
    q = question
    absent = tuple(part for part, inside in divided.in_model.items() if not inside)
    return ChangeDecomposition(
        variable=q.variable,
        before=q.before,
        after=q.after,
        per=q.per,
        level=q.level,
        observed=divided.observed,
        parts=parts,
        in_model=divided.in_model,
        draws=np.stack([values[1:] for values in divided.parts.values()]),
        lmdi=pd.DataFrame({"part": list(divided.lmdi), "estimate": list(divided.lmdi.values())}),
        separated=separated,
        band=band.frame,
        identified_by=identified_by,
        verdict=verdict,
        note=accounting_note(cells, q.per, q.unit, absent, q.before, q.after),
    )

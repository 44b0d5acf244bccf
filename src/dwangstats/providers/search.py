"""The search for silence: a rate model without the silent stretches, and the stretches that are silent under it."""

from dataclasses import dataclass, replace
from typing import TypeAlias, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import ZeroFamily
from dwangstats.data.panels.intervals import refuse_intervals
from dwangstats.data.panels.panel import Panel
from dwangstats.design.design import Design
from dwangstats.errors import DataError, DomainError, FitError, FormulaError
from dwangstats.models.infinite import refuse_infinite
from dwangstats.models.mixed import MixedResult
from dwangstats.models.rate import RateModel
from dwangstats.providers.empty_periods import EmptyPeriodRates, EmptyPeriodStart, fit_empty_periods
from dwangstats.providers.integral import EffectModel
from dwangstats.providers.silence import Cells, FittedModel, Judgement, judge, suspect_cells

Rates: TypeAlias = MixedResult | EmptyPeriodRates
RANDOM = "(1 | provider)"

SUSPECT = 0.05
"""Share of the providers that report normally which may lose zeros in the fit: few enough to bias nothing."""


@dataclass(frozen=True, slots=True)
class Search:
    """Where the search for silence ended.

    Attributes
    ----------
    rates : MixedResult or EmptyPeriodRates
        The rate model, fitted without suspect zeros; the latter with a share of empty periods above 0.
    cells : Cells
        Delivered provider-periods, in the order of `delivered_cells`.
    fitted : FittedModel
    judgement : Judgement
    left_out : (C,) array of bool
        Cells with suspect zeros, which were not fitted.
    fits : int
        How many models were fitted on the way.
    """

    rates: Rates
    cells: Cells
    fitted: FittedModel
    judgement: Judgement
    left_out: NDArray[np.bool_]
    fits: int


def find_silence(panel: Panel, formula: str, family: ZeroFamily, level: float, nothing: float) -> Search:
    """Fit and look by turns until the zeros left out of the fit are those that are suspect under it; then judge.

    The first fit leaves out every zero, so that no silence widens the spread between providers until it looks usual. It
    overestimates rates, which only makes zeros look more suspect; what is not suspect even so goes back, the model is
    fitted again, and so on. What is left out only shrinks, so the search ends. Suspect is what has a probability below
    `SUSPECT` by itself; the number of providers counts only in the judgement. The share of empty periods is part of the
    model from the first fit to the judgement: empty periods that go back into a fit without it would widen the
    distribution of counts until no zero is suspect.

    Parameters
    ----------
    panel : Panel
        Of one form and one law.
    formula : str
        With one random term, (1 | provider).
    family : {"poisson", "nb2"}
    level : float
        See `judge`.
    nothing : float
        See `EffectModel`.

    Raises
    ------
    DomainError
        For another family.
    DataError
        If the panel holds several forms or laws.
    FormulaError
        If the formula cannot be read or has other random terms.
    FitError
        If a model on the way has no finite maximum, or the last one is not certified.
    """
    _check(panel, formula, family)
    cells = make_cells(panel)
    left_out, fits = cells.zero, 1
    rates: Rates = _first_fit(panel, formula, family, left_out[cells.row_cell])
    while True:
        fitted = _fitted(rates, panel, nothing)
        staying = left_out & suspect_cells(cells, fitted, SUSPECT)
        if np.array_equal(staying, left_out):
            break
        left_out = staying
        rates = _next_fit(panel, formula, family, left_out[cells.row_cell], rates, nothing)
        fits += 1
    if not rates.certificate.converged:
        raise FitError(
            f"The rate model {formula} is not certified, so no zero is judged by it ({rates.certificate}). Simplify "
            "the formula or look at the data."
        )
    return Search(rates, cells, fitted, judge(cells, fitted, level), left_out, fits)


def delivered_cells(panel: Panel) -> pd.DataFrame:
    """Delivered provider-periods in order of provider and time: provider, period, events, bed_days."""
    together = panel.observed.groupby(["provider", "period"], sort=True)[["events", "bed_days"]].sum()
    return together.reset_index()


def all_providers(panel: Panel) -> tuple[str, ...]:
    """Providers with a row or with a delivery that is known of, in order."""
    return tuple(sorted({*panel.providers, *panel.delivery_status["provider"]}))


def make_cells(panel: Panel) -> Cells:
    """The delivered rows of a panel as arrays; providers are numbered in the order of `all_providers`."""
    observed, together, names = panel.observed, delivered_cells(panel), pd.Index(all_providers(panel))
    keys = pd.MultiIndex.from_frame(together[["provider", "period"]])
    rows = pd.MultiIndex.from_frame(observed[["provider", "period"]])
    return Cells(
        provider=names.get_indexer(pd.Index(together["provider"])).astype(np.intp),
        providers=names.size,
        zero=together["events"].to_numpy() == 0.0,
        row_cell=keys.get_indexer(rows).astype(np.intp),
        y=observed["events"].to_numpy(dtype=np.float64),
        declared=_declared(panel, keys),
    )


def _declared(panel: Panel, places: pd.MultiIndex) -> NDArray[np.bool_]:
    """Which provider-periods were delivered as "nothing to report"."""
    said = panel.delivery_status.loc[panel.delivery_status["status"] == "nothing_to_report", ["provider", "period"]]
    return np.asarray(places.isin(pd.MultiIndex.from_frame(said)), dtype=bool)


def _check(panel: Panel, formula: str, family: ZeroFamily) -> None:
    """Everything that can be wrong before a fit."""
    if family not in get_args(ZeroFamily):
        raise DomainError(f"family must be one of {', '.join(get_args(ZeroFamily))} to judge zeros by, got {family!s}")
    for stratum, advice in (("form", "Take panel.for_form('all'), or one form."), ("law", "Take one law.")):
        values = sorted(panel.frame[stratum].dropna().unique()) if stratum in panel.frame else []
        if len(values) > 1:
            raise DataError(
                f"Reporting patterns are of one {stratum} and the panel holds {len(values)}: {', '.join(values)}. "
                f"{advice}"
            )
    refuse_intervals(panel.frame, "A reporting pattern")
    design = RateModel(formula, panel, family=family).design
    _check_random(design)
    refuse_infinite(design)


def _check_random(design: Design) -> None:
    simple = len(design.random) == 1 and design.random[0].groups == ("provider",)
    if not simple or not np.all(design.random[0].columns.X == 1.0) or design.random[0].columns.X.shape[1] != 1:
        raise FormulaError(
            f"Silence is judged by a rate model with one random term, {RANDOM}, which is integrated out exactly. "
            f"Got {design.formula.text}; put the other differences between providers into the fixed part."
        )


def _first_fit(panel: Panel, formula: str, family: ZeroFamily, left_out: NDArray[np.bool_]) -> MixedResult:
    """The rate model without any delivered row that is left out, all of which are zeros.

    Without a zero the share of empty periods is a constant of the likelihood, whatever it is.
    """
    rates = _model(panel, formula, family, left_out).fit()
    if not isinstance(rates, MixedResult):
        raise FormulaError(f"Silence is judged by a rate model with {RANDOM}; got {formula}.")
    return rates


def _next_fit(
    panel: Panel, formula: str, family: ZeroFamily, left_out: NDArray[np.bool_], before: Rates, nothing: float
) -> Rates:
    """The same with some zeros back; with a share of empty periods the search begins where the last one ended."""
    if nothing == 0.0:
        return _first_fit(panel, formula, family, left_out)
    start = EmptyPeriodStart(before.params.to_numpy(), before.random_sd["provider"], before.dispersion)
    return fit_empty_periods(_model(panel, formula, family, left_out).design, family, nothing, start)


def _model(panel: Panel, formula: str, family: ZeroFamily, left_out: NDArray[np.bool_]) -> RateModel:
    frame = panel.frame.drop(columns=["lower", "upper"], errors="ignore")
    rows = np.flatnonzero(frame["delivered"].to_numpy())[left_out]
    frame.loc[frame.index[rows], "events"] = np.nan
    frame.loc[frame.index[rows], "delivered"] = False
    return RateModel(formula, replace(panel, frame=frame), family=family)


def _fitted(rates: Rates, panel: Panel, nothing: float) -> FittedModel:
    design, observed = rates.design, panel.observed
    beta = rates.params.to_numpy()
    eta = design.matrix(observed) @ beta + design.offset_of(observed) + design.log_exposure_of(observed)
    return FittedModel(eta, EffectModel(rates.family, rates.dispersion, rates.random_sd["provider"], nothing))

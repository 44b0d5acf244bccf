"""What the answer would have been under other assumptions: refits, one assumption at a time or all combinations."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Literal, TypeAlias

import pandas as pd

from dwangstats.errors import DomainError, FitError
from dwangstats.registration.completeness import completeness
from dwangstats.registration.model import RegistrationModel
from dwangstats.registration.ratios import rate_ratio
from dwangstats.registration.results import RegistrationResult

Quantity: TypeAlias = Literal["rate_ratio", "level"]
Setting: TypeAlias = Mapping[str, float]

ASSUMPTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "rho": (),
    "odds_ratio": (("second source", "odds_ratio"),),
    "prior_shift": (("prior", "shift"),),
    "direct_effect_sd": (("indicator", "direct_effect_sd"), ("switch dates", "direct_effect_sd")),
    "trend_sd": (("control outcome", "trend_sd"),),
    "icc": (("audit", "icc"),),
    "selection_sd": (("audit", "selection_sd"),),
}
"""Each assumption, and the settings of the evidence that it changes."""

NO_FIT = "no fit"


def sensitivity(
    model: RegistrationModel | RegistrationResult,
    variable: str | None = None,
    *,
    over: Mapping[str, Sequence[float]],
    before: Any = None,
    after: Any = None,
    quantity: Quantity = "rate_ratio",
    grid: bool = False,
    level: float = 0.95,
) -> pd.DataFrame:
    """Fit again under other assumptions and show what becomes of the answer.

    Parameters
    ----------
    model : RegistrationModel or RegistrationResult
    variable, before, after
        Comparison for the adjusted rate ratio, as in `rate_ratio`; not needed for "level".
    over : mapping of str to sequence of float
        Values to try of "rho" (correlation of the providers' effects), "odds_ratio" (dependence of two sources),
        "prior_shift" (added to the prior mean on the logit scale), "direct_effect_sd" (how far an indicator or a switch
        may move the rate itself), "trend_sd" (departure of the control outcome's trend), "icc" and "selection_sd" (of
        audits).
    quantity : {"rate_ratio", "level"}
        The adjusted rate ratio, or the event-weighted completeness over all rows.
    grid : bool
        All combinations; by default one assumption at a time, the others as they are.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        One row per refit. One at a time: ``assumption``, ``value``, ``estimate``, ``lower``, ``upper``, ``verdict``;
        the first row is the model as it is. Grid: a column per assumption instead of the first two. Numbers are missing
        where the verdict forbids them or the model could not be fitted ("no fit").

    Raises
    ------
    DomainError
        If an assumption is unknown, has no values, or the model has no evidence that it belongs to.
    """
    base = model.model if isinstance(model, RegistrationResult) else model
    _check(base, over, quantity, variable)
    ask = _Question(variable, before, after, quantity, level)
    if grid:
        return pd.DataFrame([{**setting, **ask.answer(base, setting)} for setting in _combinations(over)])
    given = model if isinstance(model, RegistrationResult) else None
    rows = [{"assumption": "as given", "value": math.nan, **ask.answer(base, {}, given)}]
    for assumption, values in over.items():
        rows += [
            {"assumption": assumption, "value": float(value), **ask.answer(base, {assumption: float(value)})}
            for value in values
        ]
    return pd.DataFrame(rows)


class _Question:
    """The number that is asked of every refit."""

    def __init__(self, variable: str | None, before: Any, after: Any, quantity: Quantity, level: float) -> None:
        self.variable, self.before, self.after = variable, before, after
        self.quantity, self.level = quantity, level

    def answer(
        self, base: RegistrationModel, setting: Setting, result: RegistrationResult | None = None
    ) -> dict[str, Any]:
        """Estimate, lower, upper and verdict under a setting."""
        nothing = {"estimate": math.nan, "lower": math.nan, "upper": math.nan}
        try:
            found = changed_model(base, setting).fit(allow_unidentified=True) if result is None else result
            verdict, passed = self._verdict(found)
            shown = self._numbers(found) if passed else nothing
        except FitError:
            return {**nothing, "verdict": NO_FIT}
        return {**shown, "verdict": verdict}

    def _verdict(self, result: RegistrationResult) -> tuple[str, bool]:
        if self.quantity == "level" or self.variable is None:
            return result.identification.verdict, result.identification.passed("level")
        ledger = result.identification.comparing(self.variable, self.before, self.after)
        return ledger.verdicts["change"], ledger.passed("change")

    def _numbers(self, result: RegistrationResult) -> dict[str, float]:
        if self.quantity == "level" or self.variable is None:
            row = completeness(result, level=self.level).iloc[0]
            return {"estimate": float(row["completeness"]), "lower": float(row["lower"]), "upper": float(row["upper"])}
        ratio = rate_ratio(
            result, self.variable, before=self.before, after=self.after, scale="adjusted", level=self.level
        )
        return {"estimate": ratio.estimate, "lower": ratio.lower, "upper": ratio.upper}


def changed_model(model: RegistrationModel, setting: Setting) -> RegistrationModel:
    """The model under other assumptions.

    Parameters
    ----------
    model : RegistrationModel
    setting : mapping of str to float
        Values of some of `ASSUMPTIONS`.
    """
    evidence = list(model.evidence)
    for assumption, value in setting.items():
        for name, field in ASSUMPTIONS[assumption]:
            evidence = [one.changed(**{field: value}) if one.name == name else one for one in evidence]
    changed = model.changed(evidence=tuple(evidence))
    return changed.changed(rho=setting["rho"]) if "rho" in setting else changed


def _combinations(over: Mapping[str, Sequence[float]]) -> Iterator[dict[str, float]]:
    for values in product(*over.values()):
        yield {name: float(value) for name, value in zip(over, values, strict=True)}


def _check(model: RegistrationModel, over: Mapping[str, Sequence[float]], quantity: str, variable: str | None) -> None:
    present = {one.name for one in model.evidence}
    problems = []
    for assumption, values in over.items():
        if assumption not in ASSUMPTIONS:
            problems.append(f"unknown assumption {assumption}; there are {', '.join(ASSUMPTIONS)}")
            continue
        needed = [name for name, _ in ASSUMPTIONS[assumption]]
        if needed and not present & set(needed):
            problems.append(f"{assumption} belongs to evidence of the kind {' or '.join(needed)}, which is not given")
        if not len(values):
            problems.append(f"{assumption} has no values to try")
    if not over:
        problems.append("over is empty: name at least one assumption with values, for example {'rho': [-0.5, 0.5]}")
    if quantity not in ("rate_ratio", "level"):
        problems.append(f"quantity must be 'rate_ratio' or 'level', got {quantity!s}")
    if quantity == "rate_ratio" and variable is None:
        problems.append("a rate ratio needs variable, before and after")
    if problems:
        raise DomainError("; ".join(problems) + ".")

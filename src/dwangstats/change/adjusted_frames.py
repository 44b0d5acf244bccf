"""Adjustments as tidy frames, one row per form and number."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dwangstats._types import Language
from dwangstats.change.adjustment import EXACT_COUNTS, FormAdjustment

_ENDS = ["estimate", "lower", "upper"]


def adjusted_frame(adjustments: Sequence[FormAdjustment], evidence: dict[str, str], language: Language) -> pd.DataFrame:
    """form, estimate, lower, upper, level, registered, change_verdict, level_verdict, evidence, refusal.

    Parameters
    ----------
    adjustments : sequence of FormAdjustment
    evidence : dict of str to str
        What each form's numbers rest on, in words.
    language : {"nl", "en"}
        Of the refusals.
    """
    return pd.DataFrame([_adjusted(one, evidence[one.form], language) for one in adjustments])


def decomposition_frame(adjustments: Sequence[FormAdjustment]) -> pd.DataFrame:
    """form, part, estimate, lower, upper, share, in_model; the last row of a form is the change itself."""
    return _stacked(
        [
            one.decomposition.to_frame().assign(form=one.form)
            for one in adjustments
            if one.decomposition is not None and one.decomposition.separated
        ]
    )


def completeness_frame(adjustments: Sequence[FormAdjustment], variable: str) -> pd.DataFrame:
    """form, value, estimate, lower, upper."""
    names = {variable: "value", "completeness": "estimate"}
    return _stacked(
        [
            one.completeness.rename(columns=names)[["value", *_ENDS]].assign(form=one.form)
            for one in adjustments
            if not one.completeness.empty
        ]
    )


def unregistered_frame(adjustments: Sequence[FormAdjustment], variable: str) -> pd.DataFrame:
    """form, value, registered, estimate, lower, upper."""
    names = {variable: "value", "unregistered": "estimate"}
    return _stacked(
        [
            one.unregistered.rename(columns=names)[["value", "registered", *_ENDS]].assign(form=one.form)
            for one in adjustments
            if not one.unregistered.empty
        ]
    )


def ledger_frame(adjustments: Sequence[FormAdjustment]) -> pd.DataFrame:
    """form, target, source, information, share."""
    return _stacked(
        [one.result.identification.ledger.assign(form=one.form) for one in adjustments if one.result is not None]
    )


def checks_frame(adjustments: Sequence[FormAdjustment], language: Language) -> pd.DataFrame:
    """form, evidence, name, passed (missing where nothing can test it), value, message."""
    rows = [
        {
            "form": one.form,
            "evidence": check.evidence,
            "name": check.name,
            "passed": check.passed,
            "value": check.value,
            "message": check.message[language],
        }
        for one in adjustments
        if one.result is not None
        for check in one.result.evidence_checks
    ]
    return pd.DataFrame(rows)


def profile_frame(adjustments: Sequence[FormAdjustment]) -> pd.DataFrame:
    """form, completeness, deviance, adjusted_ratio."""
    return _stacked(
        [one.result.identification.profile.assign(form=one.form) for one in adjustments if one.result is not None]
    )


def _adjusted(one: FormAdjustment, evidence: str, language: Language) -> dict[str, object]:
    ratio, result = one.ratio, one.result
    verdicts = {"change": "bounds only", "level": "bounds only"} if result is None else result.identification.verdicts
    return {
        "form": one.form,
        "estimate": np.nan if ratio is None else ratio.estimate,
        "lower": np.nan if ratio is None else ratio.lower,
        "upper": np.nan if ratio is None else ratio.upper,
        "level": np.nan if ratio is None else ratio.level,
        "registered": np.nan if one.registered is None else one.registered.estimate,
        "change_verdict": verdicts["change"],
        "level_verdict": verdicts["level"],
        "evidence": evidence,
        "refusal": _refusal(one, language),
    }


def _refusal(one: FormAdjustment, language: Language) -> str:
    if one.refusal is None:
        return ""
    if one.result is None:
        return EXACT_COUNTS[language] if str(one.refusal) == EXACT_COUNTS["en"] else str(one.refusal)
    found = one.result.identification
    return " ".join([found.sentence("change", language), *found.advice_in(language, "change")])


def _stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    if not frames:
        return pd.DataFrame()
    found = pd.concat(frames, ignore_index=True)
    return found[["form", *(name for name in found.columns if name != "form")]]

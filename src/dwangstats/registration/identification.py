"""What the data and the evidence can tell about completeness, and where that knowledge comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from dwangstats._types import Language, Vector
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DomainError, IdentificationError
from dwangstats.registration.advice import advice_sentences
from dwangstats.registration.context import FittedParts
from dwangstats.registration.directions import weakest_directions
from dwangstats.registration.flatness import (
    CLOSE,
    OVERLAP_FLAG,
    completeness_profile,
    prior_table,
    reflected_loglik,
)
from dwangstats.registration.knowledge import ABOVE, CEILING, FEWEST, LEAST_INFORMATION, Assessment, Knowledge, gather
from dwangstats.registration.ledger import Shares, Verdict
from dwangstats.registration.sources import EXCLUSION, FORMULA
from dwangstats.registration.targets import (
    CHANGE,
    LEVEL,
    change_target,
    compared_by_default,
    level_target,
)
from dwangstats.registration.words import share_words, verdict_sentence, words

SOURCE_OF: Mapping[str, str] = {"indicator": EXCLUSION, "switch dates": EXCLUSION}
"""Sources of the ledger that are not called as their evidence."""

NAMED_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Identification:
    """Where what is known about completeness comes from, for its level and for its change.

    Attributes
    ----------
    parts : FittedParts or None
        The fitted model; None where no evidence was given and nothing was fitted.
    assessments : mapping of str to Assessment
        "level": the event-weighted mean logit of completeness. "change": the log ratio of completeness between the
        compared rows, which is what turns a registered ratio into an adjusted one.
    compared : (variable, before, after) or None
        What the change is between.
    knowledge : Knowledge or None
        Information by source; None where nothing was fitted.
    """

    parts: FittedParts | None
    assessments: Mapping[str, Assessment]
    compared: tuple[str, Any, Any] | None
    knowledge: Knowledge | None = None

    @property
    def verdict(self) -> Verdict:
        """Verdict on the level."""
        return self.verdicts[LEVEL]

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """Verdict on "level" and on "change"."""
        return {name: self.assessments[name].verdict for name in (LEVEL, CHANGE)}

    def passed(self, target: str) -> bool:
        """Whether numbers that depend on the target may be shown: data-identified, or prior-driven and labelled so.

        Raises
        ------
        DomainError
            If the target is not "level" or "change".
        """
        if target not in self.assessments:
            raise DomainError(f"target must be 'level' or 'change', got {target!s}")
        return self.assessments[target].passed

    def comparing(self, variable: str, before: Any, after: Any) -> "Identification":
        """The same ledger with another comparison as its change.

        Raises
        ------
        DomainError
            If the panel has no such variable.
        """
        compared = (variable, before, after)
        if self.knowledge is None or self.parts is None or self.compared == compared:
            return self
        target = change_target(self.parts, self.knowledge.fit.vector, *compared)
        level = self.assessments[LEVEL]
        # The formula says that completeness was the same; that is as good as the rest of the model.
        said = Assessment(target, Shares(float("inf"), {FORMULA: 1.0}), level.verdict)
        change = said if target.by_formula else self.knowledge.assess(target)
        return replace(self, assessments={LEVEL: level, CHANGE: change}, compared=compared)

    @cached_property
    def row_verdicts(self) -> NDArray[np.str_]:
        """Verdict on the completeness of each fitted row; empty where nothing was fitted."""
        return np.zeros(0, dtype="<U20") if self.knowledge is None else self.knowledge.row_verdicts()

    def require(self, target: str, what: str) -> None:
        """Refuse what depends on a target that is not identified.

        Parameters
        ----------
        target : {"level", "change"}
        what : str
            The number that was asked for, for the message.

        Raises
        ------
        IdentificationError
            With what is missing, which evidence would help and how much of it.
        """
        if not self.passed(target):
            raise IdentificationError(
                " ".join([f"No {what}: {self.sentence(target, 'en')}", *self.advice_in("en", target)])
            )

    def identified_by(self, target: str) -> str:
        """What a number that depends on the target rests on, in words, for `Estimate.identified_by`.

        Evidence that brings at least 1% of the information on the target is named, and the verdict where it is another
        than "data-identified".
        """
        assessment = self.assessments[target]
        if self.parts is None or assessment.target is None:
            return assessment.verdict
        if assessment.target.by_formula:
            return f"the registration formula (no change of completeness); level: {self.identified_by(LEVEL)}"
        share = assessment.shares.share
        named = [
            one.words for one in self.parts.evidence if share.get(SOURCE_OF.get(one.name, one.name), 0.0) >= NAMED_SHARE
        ]
        text = " and ".join(dict.fromkeys(named)) or "the form of the model"
        return text if assessment.verdict == "data-identified" else f"{text} ({assessment.verdict})"

    @property
    def ledger(self) -> pd.DataFrame:
        """Columns target, source, information and share; the shares of a target add up to 1."""
        rows = [row for assessment in self.assessments.values() for row in assessment.rows()]
        return pd.DataFrame(rows, columns=["target", "source", "information", "share"])

    @cached_property
    def directions(self) -> pd.DataFrame:
        """The directions about which least is known, in words; empty where nothing was fitted."""
        if self.parts is None:
            return pd.DataFrame(columns=["information", "se", "direction", "condition"])
        return weakest_directions(self.parts.problem, self.parts.fit, self.parts.names)

    @cached_property
    def profile(self) -> pd.DataFrame:
        """Profile likelihood of the level of completeness from 0.3 to 0.99; computed when first asked for.

        Columns ``completeness``, ``deviance`` (twice the log likelihood lost) and ``adjusted_ratio`` (of the compared
        values, at that completeness). Empty where nothing was fitted.
        """
        level = self.assessments[LEVEL].target
        if self.parts is None or level is None:
            return pd.DataFrame(columns=["completeness", "deviance", "adjusted_ratio"])
        return completeness_profile(
            self.parts.problem, self.parts.fit, level, _ratio_contrast(self.parts, self.compared)
        )

    @cached_property
    def priors(self) -> pd.DataFrame:
        """Each prior against its posterior: medians, overlap, and conflict with the rest in standard deviations."""
        if self.parts is None:
            return pd.DataFrame(columns=["prior", "posterior", "overlap", "conflict"])
        return prior_table(self.parts.problem, self.parts.fit, _covariance(self.parts))

    @property
    def overlap(self) -> float | None:
        """Largest overlap of a prior with its posterior (1: nothing learned beyond the prior); None without a prior."""
        return None if self.priors.empty else float(self.priors["overlap"].max())

    @cached_property
    def reflection(self) -> float | None:
        """Log likelihood lost where rate and completeness have changed places; None where the model has no such point.

        Within 2 units the counts and the evidence cannot tell the two apart.
        """
        if self.parts is None:
            return None
        mirrored = reflected_loglik(self.parts.problem, self.parts.fit)
        return None if mirrored is None else float(self.parts.fit.loglik) - mirrored

    @property
    def completeness(self) -> float | None:
        """Middle of the fitted level of completeness, whatever its verdict; None where nothing was fitted."""
        level = self.assessments[LEVEL].target
        return None if level is None else float(expit(level.estimate))

    @property
    def advice(self) -> tuple[str, ...]:
        """Which evidence would help, and how much of it; empty where both targets passed."""
        return self.advice_in("en")

    def advice_in(self, language: Language, target: str | None = None) -> tuple[str, ...]:
        """The advice in a language, for one target or for those that did not pass."""
        wanted = [target] if target else [name for name in (LEVEL, CHANGE) if not self.passed(name)]
        known = self.completeness if self.passed(LEVEL) else None
        return (*self._freer_formulas(wanted, language), *advice_sentences(tuple(wanted), known, language))

    def _freer_formulas(self, wanted: Sequence[str], language: Language) -> tuple[str, ...]:
        """Where the evidence would do by itself and the counts speak louder through the formulas: free these."""
        for name in wanted:
            shares = self.assessments[name].shares
            alone = shares.external * shares.total
            if not self.passed(name) and alone >= LEAST_INFORMATION[name]:
                return (words("freer", language, error=f"{alone**-0.5:.2g}", form=f"{shares.total**-0.5:.2g}"),)
        return ()

    def sentence(self, target: str, language: Language = "en") -> str:
        """The verdict on one target, with where its information comes from."""
        assessment = self.assessments[target]
        said = verdict_sentence(
            target,
            assessment.verdict,
            share_words(assessment.shares.share, language),
            language,
            by_formula=assessment.target is not None and assessment.target.by_formula,
            fitted=self.parts is not None,
        )
        if assessment.passed or self.knowledge is None:
            return said
        excluded = assessment.shares.share.get(EXCLUSION, 0.0) >= NAMED_SHARE
        if excluded and EXCLUSION not in assessment.shares.allowed:
            said += " " + words("ceiling", language, ceiling=round(100.0 * CEILING), support=round(100.0 * ABOVE))
        if self.knowledge.few_providers:
            said += " " + words("few providers", language, fewest=FEWEST)
        return said

    def sentences(self, language: Language = "en") -> tuple[str, ...]:
        """What the ledger says, in words: verdicts, then every warning."""
        found = [self.sentence(LEVEL, language), self.sentence(CHANGE, language)]
        flat = self.directions
        if not flat.empty and not (self.passed(LEVEL) and self.passed(CHANGE)):
            found.append(words("direction", language, direction=str(flat["direction"].iloc[0])))
        if self.overlap is not None and self.overlap > OVERLAP_FLAG:
            found.append(words("overlap", language, overlap=round(100.0 * self.overlap)))
        for conflict in self.priors["conflict"].to_list():
            if abs(conflict) > 2.0:
                found.append(words("conflict", language, distance=f"{abs(conflict):.1f}"))
        if self.reflection is not None and self.reflection < CLOSE:
            found.append(words("reflection", language, distance=f"{self.reflection:.1f}"))
        return tuple(found)

    def __str__(self) -> str:
        return "\n".join([*self.sentences("en"), *self.advice])


def identify(parts: FittedParts, *, compare: tuple[str, Any, Any] | None = None) -> Identification:
    """Ask of a fitted registration model where its knowledge of completeness comes from.

    The verdicts rest on information alone: no kind of evidence is trusted or distrusted for what it is called. One rule
    is added for what is kept out of the rate (indicators, switch dates): it may speak on the level only where the
    fitted completeness is 0.9 or more for a hundredth of the events and a column takes more than two values, as it
    shows ratios, and only the bend towards the ceiling at 1 turns ratios into a level.

    Parameters
    ----------
    parts : FittedParts
    compare : (variable, before, after), optional
        What the change is between; the first and the last year by default (period where there is one year).

    Returns
    -------
    Identification

    Raises
    ------
    DomainError
        If the panel has no such variable.
    """
    knowledge = gather(parts)
    level = knowledge.assess(level_target(parts.problem, knowledge.fit.vector))
    nothing = Assessment(None, Shares(0.0, {}), "bounds only")
    bare = Identification(parts, {LEVEL: level, CHANGE: nothing}, None, knowledge)
    compared = compared_by_default(parts) if compare is None else compare
    return bare if compared is None else bare.comparing(*compared)


def not_fitted(panel: Panel) -> Identification:
    """The ledger of a model without evidence: nothing was fitted, and only bounds can be given.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    Identification
    """
    nothing = Assessment(None, Shares(0.0, {}), "bounds only")
    years = sorted(panel.observed["year"].unique().tolist())
    compared = ("year", years[0], years[-1]) if len(years) > 1 else None
    return Identification(None, {LEVEL: nothing, CHANGE: nothing}, compared)


def _ratio_contrast(parts: FittedParts, compared: tuple[str, Any, Any] | None) -> Vector | None:
    """Contrast of the log ratio of rates of the compared values; None where the rate formula does not have them."""
    if compared is None or compared[0] not in parts.rate.variables:
        return None
    variable, before, after = compared
    frame = parts.rate.frame.iloc[:1]
    contrast = np.zeros(parts.fit.vector.size)
    high, low = (parts.rate.matrix(frame.assign(**{variable: value})) for value in (after, before))
    contrast[parts.problem.layout.beta] = (high - low)[0]
    return contrast


def _covariance(parts: FittedParts) -> np.ndarray:
    free = parts.fit.free
    covariance = np.zeros((free.size, free.size))
    covariance[np.ix_(free, free)] = np.linalg.pinv(parts.fit.information, hermitian=True)
    return covariance

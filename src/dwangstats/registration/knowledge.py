"""Verdicts on targets, and the information of a fitted model on which they rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dwangstats._types import Vector
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.registration.context import FittedParts
from dwangstats.registration.interior import interior
from dwangstats.registration.ledger import PASSING, Shares, Verdict, attribute, verdict_of, verdicts_of_rows
from dwangstats.registration.sources import AUDIT, EXCLUSION, LISTS, Sources, information_by_source
from dwangstats.registration.targets import CHANGE, LEVEL, Target, event_weights

LEAST_INFORMATION: Mapping[str, float] = {LEVEL: 0.44, CHANGE: 1.0}
"""Information below which only bounds are given: a standard error of 1.5 on the logit of completeness (0.8 could be
0.17 or 0.99), or of 1 on the log ratio (a factor 7 either way)."""

ENOUGH: Mapping[str, float] = {LEVEL: 4.0, CHANGE: 100.0}
"""Information with which evidence suffices whatever the counts say: a standard error of 0.5 on the logit of
completeness (0.8 could be 0.6 or 0.91), or of 0.10 on the log ratio, for which audits are planned."""

FEWEST = 4
"""Providers that an audit or a second source must hold, where providers differ, to say something about the others."""

CEILING = 0.9
"""Fitted completeness from which indicators can tell the level: nothing else shows them where 1 is."""

STILL = 0.1
"""Where the other registration columns move by less than this in all, the change is one along the excluded columns."""

SUPPORT = 0.05
"""Share of the events with which a value of an indicator counts; two such values show one ratio and no curve."""

ABOVE = 0.01
"""Share of the events above the ceiling, of several providers, that shows it: one strange value does not."""


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """One target with its information and its verdict.

    Attributes
    ----------
    target : Target or None
        None where nothing was fitted.
    shares : Shares
    verdict : Verdict
    """

    target: Target | None
    shares: Shares
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Whether numbers that depend on the target may be shown."""
        return self.verdict in PASSING

    def rows(self) -> list[dict[str, Any]]:
        """Rows of the ledger."""
        share = self.shares.share
        name = "" if self.target is None else self.target.name
        return [
            {"target": name, "source": source, "information": information, "share": share[source]}
            for source, information in self.shares.information.items()
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """A fitted model with its information by source.

    Attributes
    ----------
    parts : FittedParts
    fit : ThinnedFit
        Where the information was taken: the fit, or a point inside where completeness ran to 1.
    sources : Sources
    excluded : tuple of int
        Registration columns that are kept out of the rate.
    exclusion_on_level : bool
        Whether these may speak on the level of completeness, and not only on ratios along themselves.
    """

    parts: FittedParts
    fit: ThinnedFit
    sources: Sources
    excluded: tuple[int, ...]
    exclusion_on_level: bool

    def assess(self, target: Target) -> Assessment:
        """Information and verdict of one target."""
        barred = self.barred - ({EXCLUSION} if self._along_excluded(target) else set())
        shares = attribute(self.sources, target.contrast, self.fit.free, barred=barred)
        evidence = bool(self.parts.evidence)
        return Assessment(
            target,
            shares,
            verdict_of(
                shares,
                least=LEAST_INFORMATION[target.name],
                enough=ENOUGH[target.name],
                has_evidence=evidence,
            ),
        )

    @property
    def barred(self) -> frozenset[str]:
        """Sources that may not speak on the level of completeness."""
        few = {AUDIT, LISTS} if self.few_providers else set()
        return frozenset(few if self.exclusion_on_level else {*few, EXCLUSION})

    @property
    def few_providers(self) -> bool:
        """Whether audits and lists are of too few providers to know how much providers differ.

        With one or two the spread is taken from the form of the model, most often as 0, and these speak for all.
        """
        problem = self.parts.problem
        seen = set() if problem.linked is None else set(problem.counts.group[problem.linked.row].tolist())
        for audit in problem.audits:
            seen |= set(audit.group[audit.found > 0.0].tolist())
        return bool(seen) and problem.registration_effects and len(seen) < min(FEWEST, problem.groups)

    def _along_excluded(self, target: Target) -> bool:
        """Whether a target is a ratio of completeness along the excluded columns, the others staying where they are."""
        return target.moved is not None and float(np.abs(np.delete(target.moved, self.excluded)).sum()) < STILL

    def row_verdicts(self) -> NDArray[np.str_]:
        """Verdict on the completeness of each fitted row, (n,)."""
        problem = self.parts.problem
        if not self.parts.evidence:
            return np.full(problem.counts.y.size, "bounds only")
        return verdicts_of_rows(
            self.sources,
            problem.counts.W,
            problem.layout.alpha,
            self.fit.free,
            least=LEAST_INFORMATION[LEVEL],
            enough=ENOUGH[LEVEL],
            barred=self.barred,
        )


def gather(parts: FittedParts) -> Knowledge:
    """The information of a fitted model by source.

    Parameters
    ----------
    parts : FittedParts

    Returns
    -------
    Knowledge
    """
    excluded = tuple(sorted({column for columns in parts.excluded.values() for column in columns}))
    fit = interior(parts.problem, parts.fit)
    sources = information_by_source(parts.problem, fit, excluded)
    return Knowledge(parts, fit, sources, excluded, bool(excluded) and _shows_ceiling(parts, excluded))


def _shows_ceiling(parts: FittedParts, excluded: tuple[int, ...]) -> bool:
    """Whether excluded columns can show where completeness is 1: it comes near it, along more than one step."""
    problem, vector = parts.problem, parts.fit.vector
    weights = event_weights(problem, vector)
    high = expit(problem.counts.W @ vector[problem.layout.alpha]) >= CEILING
    providers = np.unique(problem.counts.group[high]).size
    if float(weights[high].sum()) < ABOVE or providers < min(FEWEST, problem.groups):
        return False
    return any(_supported_values(problem.counts.W[:, column], weights) > 2 for column in excluded)


def _supported_values(column: Vector, weights: Vector) -> int:
    """Values of a column that hold at least a twentieth of the events, counted by tenths of its range where many."""
    low, high = float(column.min()), float(column.max())
    tenths = np.floor(10.0 * (column - low) / max(high - low, np.finfo(float).tiny)).astype(np.intp)
    return int((np.bincount(tenths, weights=weights) >= SUPPORT).sum())

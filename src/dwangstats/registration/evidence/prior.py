"""A prior on completeness: what experts hold likely before the data are seen."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from dwangstats._types import Language, Vector
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.register.periods import contains
from dwangstats.design.rows import listed, raise_problems
from dwangstats.errors import DomainError
from dwangstats.estimate import Estimate
from dwangstats.registration.context import (
    Contribution,
    Draft,
    EvidenceCheck,
    EvidenceContext,
    EvidenceName,
    FittedParts,
    GaussianTerm,
)
from dwangstats.registration.elicitation import Elicited, elicit, logit_normal
from dwangstats.registration.evidence.compare import Pooled, listed_completeness, pooled_completeness
from dwangstats.registration.evidence.words import percent, said

LEAST_TAIL = 0.05
"""Two-sided tail probability below which other evidence contradicts a prior."""


@dataclass(frozen=True, eq=False)
class CompletenessPrior:
    """The completeness lies between ``low`` and ``high`` with this probability; normal on the logit scale.

    It is about a middling provider (random effect 0) and the mean logit over the rows, weighted by their registered
    events. Several priors may be given, each about a form or a period.

    Parameters
    ----------
    low, high : float
        The quantiles (1 - probability) / 2 and (1 + probability) / 2, 0 < low < high < 1.
    probability : float
        In (0, 1).
    form, period : str, optional
        Rows that it is about; a period may hold several of the panel's, as "2021" does of half-years.
    shift : float
        Added to the mean of the logit, to see what depends on the prior.

    Raises
    ------
    DomainError
        If a number is outside its domain.
    """

    low: float
    high: float
    probability: float = field(default=0.90, kw_only=True)
    form: str | None = field(default=None, kw_only=True)
    period: str | None = field(default=None, kw_only=True)
    shift: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        logit_normal(self.low, self.high, self.probability)
        if not np.isfinite(self.shift):
            raise DomainError(f"shift must be a finite number, got {self.shift:g}")

    @property
    def name(self) -> EvidenceName:
        """Kind of the evidence."""
        return "prior"

    @property
    def words(self) -> str:
        """What an estimate rests on."""
        return "a prior on completeness"

    @property
    def digest(self) -> str:
        """Text that changes with every setting."""
        return f"prior {self.mean!r} {self.sd!r} {self.form} {self.period}"

    @property
    def description(self) -> str:
        """One line for the summary."""
        about = "".join(f", {kind} {value}" for kind, value in (("form", self.form), ("period", self.period)) if value)
        shifted = f", shifted by {self.shift:g}" if self.shift else ""
        return (
            f"completeness {self.low:g} to {self.high:g} with probability {self.probability:g}{about}{shifted}: "
            f"logit ~ N({self.mean:.3g}, {self.sd:.3g}^2)"
        )

    @property
    def mean(self) -> float:
        """Mean of the logit of completeness."""
        return logit_normal(self.low, self.high, self.probability)[0] + self.shift

    @property
    def sd(self) -> float:
        """Standard deviation of the logit of completeness."""
        return logit_normal(self.low, self.high, self.probability)[1]

    def density(self, completeness: Any) -> Vector:
        """Density at these values of completeness, in (0, 1)."""
        p = np.asarray(completeness, dtype=np.float64)
        return np.asarray(norm.pdf(logit(p), self.mean, self.sd) / (p * (1.0 - p)), dtype=np.float64)

    def implied(self, *, rate_ratio: float | Estimate | None = None) -> Elicited:
        """What the prior says before anything is fitted; see `dwangstats.elicit`."""
        arm = float(norm.isf((1.0 - self.probability) / 2.0)) * self.sd
        low, high = float(expit(self.mean - arm)), float(expit(self.mean + arm))
        return elicit(low, high, probability=self.probability, rate_ratio=rate_ratio)

    def changed(self, **settings: Any) -> "CompletenessPrior":
        """The same prior with other settings, for example shift=0.5."""
        return replace(self, **settings)

    def prepare(self, draft: Draft) -> Draft:
        """Nothing is added."""
        return draft

    def rows(self, context: EvidenceContext) -> Contribution:
        """One normal term on the mean logit completeness of its rows."""
        raise_problems(self._problems(context))
        inside = self._inside(context.rate.frame)
        weight = np.where(inside, context.rate.y, 0.0)
        weight = weight if weight.sum() > 0.0 else inside.astype(np.float64)
        row = (weight @ context.registration.X / weight.sum())[None, :]
        return Contribution(
            gaussian=(GaussianTerm("registration", row, np.array([self.mean]), np.array([self.sd]), "prior"),)
        )

    def checks(self, context: FittedParts) -> tuple[EvidenceCheck, ...]:
        """Whether an audit or a second source contradicts the prior."""
        sources = (("audit", self._audited(context)), ("second source", self._linked(context)))
        return tuple(self._against(name, found) for name, found in sources if found is not None)

    def _against(self, source: str, found: Pooled) -> EvidenceCheck:
        z = (found.logit - self.mean) / float(np.hypot(self.sd, found.se))
        tail = float(2.0 * norm.sf(abs(z)))
        passed = tail >= LEAST_TAIL
        nl = "{source}: volledigheid {p}, onder het vooraf gegeven {low} tot {high} een tweezijdige kans van {tail}."
        en = "The {source} gives a completeness of {p}, a two-sided tail of {tail} under the prior {low} to {high}."
        if not passed:
            nl += " De twee spreken elkaar tegen; het model middelt ze, maar een van beide is waarschijnlijk fout."
            en += " The two contradict each other; the model averages them, but one of the two is probably wrong."
        names = {"audit": "Audit", "second source": "Tweede bron"}
        numbers = {"p": percent(found.completeness), "low": percent(self.low), "high": percent(self.high)}
        message: dict[Language, str] = {
            "nl": said(nl, en, source=names[source], tail=tail, **numbers)["nl"],
            "en": said(nl, en, source=source, tail=tail, **numbers)["en"],
        }
        return EvidenceCheck(self.name, f"prior against the {source}", passed, tail, message)

    def _audited(self, context: FittedParts) -> Pooled | None:
        """Audited completeness in the rows that the prior is about."""
        wanted = context.registration.matrix(context.rate.frame.loc[self._inside(context.rate.frame)])
        rows = {row.tobytes() for row in np.ascontiguousarray(wanted)}
        found, registered, group = [], [], []
        for audit in context.problem.audits:
            about = self.form is None and self.period is None
            mine = np.array([about or row.tobytes() in rows for row in np.ascontiguousarray(audit.W)], dtype=bool)
            found.append(audit.found[mine])
            registered.append(audit.registered[mine])
            group.append(audit.group[mine])
        if not found or not sum(part.size for part in found):
            return None
        return pooled_completeness(np.concatenate(found), np.concatenate(registered), np.concatenate(group))

    def _linked(self, context: FittedParts) -> Pooled | None:
        linked = context.problem.linked
        if linked is None:
            return None
        mine = self._inside(context.rate.frame)[linked.row]
        if not mine.any():
            return None
        cells = np.column_stack([linked.both, linked.register_only, linked.other_only])[mine]
        return listed_completeness(cells, linked.odds_ratio, context.problem.counts.group[linked.row][mine])

    def _inside(self, frame: Any) -> np.ndarray:
        inside = np.ones(len(frame), dtype=bool)
        if self.form is not None:
            inside &= (frame["form"] == self.form).to_numpy()
        if self.period is not None:
            held = {text: text == self.period or contains(self.period, text) for text in frame["period"].unique()}
            inside &= frame["period"].map(held).to_numpy(dtype=bool)
        return inside

    def _problems(self, context: EvidenceContext) -> list[str]:
        panel = context.panel
        problems = []
        if self.form is not None and self.form not in panel.forms:
            hint = did_you_mean(self.form, panel.forms)
            problems.append(f"prior: the panel has no form {self.form}; it has {', '.join(panel.forms)}.{hint}")
        elif not self._inside(context.rate.frame).any():
            about = f"{self.period}" + (f" and form {self.form}" if self.form else "")
            problems.append(f"prior: no delivered row lies in {about}. The panel has {listed(panel.periods, 6)}.")
        return problems

"""Audits: events found without looking at the register, and how many of them had been registered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from dwangstats._types import Language
from dwangstats.data.digest import frame_digest
from dwangstats.data.register.schema import AUDIT_DESIGNS, AUDITS
from dwangstats.design.rows import raise_problems, rows_text
from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.problem import AuditRows
from dwangstats.registration.columns import columns_with
from dwangstats.registration.context import (
    Contribution,
    Draft,
    EvidenceCheck,
    EvidenceContext,
    EvidenceName,
    FittedParts,
    GaussianTerm,
)
from dwangstats.registration.evidence.compare import relative_rate
from dwangstats.registration.evidence.matching import Matched, match, set_aside
from dwangstats.registration.evidence.reading import complaint, read_evidence
from dwangstats.registration.evidence.silence import apparently_silent, expected_counts
from dwangstats.registration.evidence.words import said

AuditDesign: TypeAlias = Literal["random", "targeted"]

TARGETED = "targeted_audit"
"""Column of the panel: 1 for a provider that was audited because of what was expected there."""

SELECTION = "audited providers against the others"

MAX_Z = 2.576
"""A z value beyond it happens by chance once in a hundred audits."""


@dataclass(frozen=True, eq=False)
class Audit:
    """Events found in the files themselves, of which it is known how many the register has.

    The auditor finds events without looking at the register; n_registered of the n_found events are in it. Then
    n_registered is binomial, or beta-binomial with intraclass correlation ``icc`` where registering goes by ward or
    by shift, with the completeness of that provider in that period.

    Parameters
    ----------
    frame : any frame
        provider_id, period, n_found, n_registered; optional form and design ("random" or "targeted").
    icc : float
        Intraclass correlation of being registered within one provider and period, in [0, 1).
    design : {"random", "targeted"}, optional
        How the audited providers were chosen, for all rows; default the column design, else "random". "targeted":
        the audited providers' logit completeness may differ from the others' by N(0, selection_sd^2).
    selection_sd : float
        Standard deviation of that difference, > 0.

    Raises
    ------
    DataError
        With every missing, negative or unreadable value, every n_registered above n_found, and all duplicates.
    DomainError
        If a setting is outside its domain.
    """

    frame: Any
    icc: float = field(default=0.0, kw_only=True)
    design: AuditDesign | None = field(default=None, kw_only=True)
    selection_sd: float = field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        if not 0.0 <= self.icc < 1.0:
            raise DomainError(f"icc must lie in [0, 1), got {self.icc:g}")
        if self.design is not None and self.design not in AUDIT_DESIGNS:
            raise DomainError(f"design must be one of {', '.join(AUDIT_DESIGNS)}, got {self.design!s}")
        if not 0.0 < self.selection_sd < np.inf:
            raise DomainError(f"selection_sd must be positive, got {self.selection_sd:g}")
        object.__setattr__(self, "frame", _read(self.frame, self.design))

    @property
    def name(self) -> EvidenceName:
        """Kind of the evidence."""
        return "audit"

    @property
    def words(self) -> str:
        """What an estimate rests on."""
        return f"an audit of {int(self.frame['n_found'].sum()):,} events"

    @property
    def digest(self) -> str:
        """Text that changes with every setting and number."""
        return f"audit {self.icc!r} {self.selection_sd!r} {frame_digest(self.frame)}"

    @property
    def description(self) -> str:
        """One line for the summary."""
        found, registered = int(self.frame["n_found"].sum()), int(self.frame["n_registered"].sum())
        providers = self.frame["provider_id"].nunique()
        text = f"{found} events found at {providers} providers, {registered} of them registered"
        text += f", icc {self.icc:g}" if self.icc > 0.0 else ""
        targeted = self.frame.loc[self.frame["design"] == "targeted", "provider_id"].nunique()
        shift = f", {targeted} providers targeted: their logit completeness shifted by N(0, {self.selection_sd:g}^2)"
        return text + (shift if targeted else "")

    def changed(self, **settings: Any) -> "Audit":
        """The same audit with another icc or selection_sd."""
        return replace(self, **settings)

    def prepare(self, draft: Draft) -> Draft:
        """A column that marks targeted providers, where there are other providers to differ from."""
        targeted = self._targeted(draft.panel.providers)
        if not targeted:
            return draft
        marked = draft.panel.frame["provider"].isin(targeted).to_numpy().astype(np.float64)
        draft = draft.with_column(TARGETED, marked)
        return replace(draft, registration=f"{draft.registration} + {TARGETED}")

    def rows(self, context: EvidenceContext) -> Contribution:
        """Binomial rows with the registration columns of the audited provider and period."""
        matched = match(self.frame, context.panel, AUDITS.name, ("n_found", "n_registered"))
        raise_problems(matched.problems)
        frame = context.panel.frame
        used = np.unique(np.concatenate(matched.places))
        W = context.registration.matrix(frame.iloc[used])
        first = np.array([np.searchsorted(used, place[0]) for place in matched.places], dtype=np.intp)
        raise_problems(_uneven(matched, used, W))
        rows = AuditRows(
            W=W[first],
            group=context.groups_of(matched.table["provider_id"]),
            found=matched.table["n_found"].to_numpy(dtype=np.float64),
            registered=matched.table["n_registered"].to_numpy(dtype=np.float64),
            icc=self.icc,
        )
        gaussian = tuple(self._shift(context))
        mine = replace(self, frame=matched.table)
        return Contribution(audits=(rows,), gaussian=gaussian, notes=set_aside(self.name, matched), used=mine)

    def checks(self, context: FittedParts) -> tuple[EvidenceCheck, ...]:
        """Whether the audited providers register as much as the others do."""
        return (self._selection(context),)

    def _targeted(self, providers: tuple[str, ...]) -> frozenset[str]:
        """Providers that were chosen, empty where all were: then nothing was chosen."""
        chosen = frozenset(self.frame.loc[self.frame["design"] == "targeted", "provider_id"])
        return frozenset() if chosen >= frozenset(providers) else chosen & frozenset(providers)

    def _shift(self, context: EvidenceContext) -> Iterator[GaussianTerm]:
        places = columns_with(context.registration, [TARGETED])
        for place in places if self._targeted(context.providers) else ():
            row = np.zeros((1, context.registration.X.shape[1]))
            row[0, place] = 1.0
            yield GaussianTerm("registration", row, np.zeros(1), np.array([self.selection_sd]), "relaxation")

    def _selection(self, context: FittedParts) -> EvidenceCheck:
        audited = np.isin(np.asarray(context.providers, dtype=object), self.frame["provider_id"].unique())
        counts = context.problem.counts
        # Of who registered nothing it is not the completeness that differs from the audited providers'.
        expected = expected_counts(context, columns_with(context.registration, [TARGETED]))
        expected = np.where(apparently_silent(context)[counts.group], 0.0, expected)
        found = relative_rate(counts.y, expected, counts.group, audited)
        targeted = bool((self.frame["design"] == "targeted").any())
        if found is None:
            message = said(
                "Bijna alle of bijna geen zorgaanbieders zijn onderzocht; vergelijken met de andere kan niet.",
                "Nearly all or nearly none of the providers were audited, so they cannot be compared with the others.",
            )
            return EvidenceCheck(self.name, SELECTION, None, float("nan"), message)
        ratio, z = found
        passed = abs(z) <= MAX_Z or targeted
        message = _selection_words(ratio, z, passed=passed, targeted=targeted)
        return EvidenceCheck(self.name, SELECTION, passed, z, message)


def _selection_words(ratio: float, z: float, *, passed: bool, targeted: bool) -> Mapping[Language, str]:
    nl = "De onderzochte aanbieders registreren, afgezet tegen het model, {ratio} keer zo veel als de andere (z = {z})."
    en = "Set against the model, the audited providers register {ratio} times as much as the others (z = {z})."
    if targeted and abs(z) > MAX_Z:
        nl += " Zij zijn gericht gekozen en mogen in het model afwijken."
        en += " They were targeted, and the model lets them differ."
    elif not passed:
        nl += ' Zijn zij gekozen omdat zij goed of slecht registreren? Geef dan design="targeted".'
        en += ' Were they chosen because they register well or badly? Then give design="targeted".'
    return said(nl, en, ratio=ratio, z=z)


def _read(frame: Any, design: AuditDesign | None) -> pd.DataFrame:
    table, problems = read_evidence(frame, AUDITS)
    found, registered = table["n_found"], table["n_registered"]
    above = (registered > found).to_numpy(dtype=bool, na_value=False)
    problems += complaint(
        AUDITS.name,
        table.index,
        above,
        "n_registered is larger than n_found",
        "Of the events that were found at most all can be registered.",
    )
    given = table["design"] if "design" in table.columns else pd.Series(None, index=table.index, dtype=object)
    strange = (given.notna() & ~given.isin(AUDIT_DESIGNS)).to_numpy()
    problems += complaint(AUDITS.name, table.index, strange, "design is not random or targeted", "Write one of these.")
    raise_problems(problems)
    chosen = given.astype(object).where(given.notna(), "random") if design is None else design
    kept = table.assign(design=chosen)
    looked = (kept["n_found"] > 0).to_numpy()
    if not looked.any():
        raise_problems([f"{AUDITS.name}: n_found is 0 in every row; an audit that found nothing says nothing."])
    return kept


def _uneven(matched: Matched, used: np.ndarray, W: np.ndarray) -> list[str]:
    """Audit rows over several panel rows whose completeness the formula lets differ."""
    bad = []
    for place in matched.places:
        mine = W[np.searchsorted(used, place)]
        bad.append(bool((mine != mine[:1]).any()))
    rows = np.flatnonzero(bad)
    if not rows.size:
        return []
    return [
        f"{AUDITS.name}: {rows.size} rows ({rows_text(matched.table.index, rows)}) are about several rows of the panel "
        "(locations or periods) to which the registration formula gives a different completeness. Split these audits, "
        "or take the columns that differ within them out of the registration formula."
    ]

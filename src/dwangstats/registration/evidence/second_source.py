"""A second register of the same events, linked event by event."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from dwangstats.data.digest import frame_digest
from dwangstats.data.register.schema import SECOND_SOURCE
from dwangstats.design.rows import raise_problems
from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.problem import LinkedRows
from dwangstats.registration.columns import fixed_columns
from dwangstats.registration.context import (
    Contribution,
    Draft,
    EvidenceCheck,
    EvidenceContext,
    EvidenceName,
    FittedParts,
)
from dwangstats.registration.evidence.audit import MAX_Z
from dwangstats.registration.evidence.compare import (
    Pooled,
    implied_odds_ratio,
    listed_completeness,
    pooled_completeness,
)
from dwangstats.registration.evidence.matching import Matched, match, set_aside
from dwangstats.registration.evidence.reading import complaint, read_evidence
from dwangstats.registration.evidence.words import percent, said

CELLS = ("both", "register_only", "other_only")
CURVE = (1.0, 1.5, 2.0, 3.0)
"""Odds ratios at which the completeness is shown."""


@dataclass(frozen=True, eq=False)
class SecondSource:
    """Events in this register, in another one, and in both.

    The other register finds events with a probability of its own; who is missing in both follows from an assumed odds
    ratio of standing in the two. Two lists cannot tell that odds ratio: 1 is independence, above 1 the same events
    are missed by both and the completeness is lower than independence says.

    Parameters
    ----------
    frame : any frame
        provider_id, period, both, register_only, other_only; optional form. both + register_only is the count in the
        panel.
    odds_ratio : float
        Odds ratio of standing in the two registers, > 0.
    formula : str
        Fixed terms of the logit of the other register's completeness.

    Raises
    ------
    DataError
        With every missing, negative or unreadable value, and all duplicates.
    DomainError
        If the odds ratio is not a positive number.
    """

    frame: Any
    odds_ratio: float = field(default=1.0, kw_only=True)
    formula: str = field(default="~ 1", kw_only=True)

    def __post_init__(self) -> None:
        if not 0.0 < self.odds_ratio < np.inf:
            raise DomainError(f"odds_ratio must be a positive number, got {self.odds_ratio:g}")
        table, problems = read_evidence(self.frame, SECOND_SOURCE)
        raise_problems(problems or _copied(table))
        object.__setattr__(self, "frame", table)

    @property
    def name(self) -> EvidenceName:
        """Kind of the evidence."""
        return "second source"

    @property
    def words(self) -> str:
        """What an estimate rests on."""
        return f"a second source at odds ratio {self.odds_ratio:g}"

    @property
    def digest(self) -> str:
        """Text that changes with every setting and number."""
        return f"second source {self.odds_ratio!r} {self.formula} {frame_digest(self.frame)}"

    @property
    def description(self) -> str:
        """One line for the summary."""
        both, register, other = (int(self.frame[name].sum()) for name in CELLS)
        return (
            f"{both} events in both registers, {register} in this one only, {other} in the other only; "
            f"odds ratio {self.odds_ratio:g} assumed; other register {self.formula}"
        )

    def changed(self, **settings: Any) -> "SecondSource":
        """The same lists with another odds ratio or formula."""
        return replace(self, **settings)

    def prepare(self, draft: Draft) -> Draft:
        """Nothing is added."""
        return draft

    def rows(self, context: EvidenceContext) -> Contribution:
        """Linked rows, one for each panel row of the table."""
        matched = match(self.frame, context.panel, SECOND_SOURCE.name, CELLS)
        raise_problems(matched.problems)
        raise_problems(_several(matched))
        matched, absent = _delivered(matched, context)
        row = context.row_of[np.array([place[0] for place in matched.places], dtype=np.intp)]
        raise_problems(_other_counts(matched, context, row))
        columns = fixed_columns(self.formula, context.rate.frame.iloc[row], of="the other register")
        both, register, other = (matched.table[name].to_numpy(dtype=np.float64) for name in CELLS)
        linked = LinkedRows(row, both, register, other, columns.X, self.odds_ratio)
        notes = (*set_aside(self.name, matched), *_without_delivery(absent))
        used = replace(self, frame=matched.table)
        return Contribution(linked=linked, other_names=columns.names, notes=notes, used=used)

    def checks(self, context: FittedParts) -> tuple[EvidenceCheck, ...]:
        """Whether the assumed odds ratio agrees with an audit; else how much hangs on it."""
        linked = context.problem.linked
        if linked is None:
            return ()
        cells = np.column_stack([linked.both, linked.register_only, linked.other_only])
        cluster = context.problem.counts.group[linked.row]
        here = listed_completeness(cells, self.odds_ratio, cluster)
        audits = context.problem.audits
        audit = None
        if audits:
            found, registered, group = (
                np.concatenate([getattr(rows, name) for rows in audits]) for name in ("found", "registered", "group")
            )
            audit = pooled_completeness(found, registered, group)
        if here is None or audit is None:
            return (self._curve(cells, cluster),)
        return (self._against_audit(cells, here, audit),)

    def _against_audit(self, cells: np.ndarray, here: Pooled, audit: Pooled) -> EvidenceCheck:
        z = here.z_against(audit)
        passed = abs(z) <= MAX_Z
        nl = "Bij odds ratio {psi} geven de lijsten een volledigheid van {lists}, de audit {audit} (z = {z})."
        en = "At odds ratio {psi} the lists give a completeness of {lists}, the audit {audit} (z = {z})."
        implied = implied_odds_ratio(cells, audit.completeness)
        if not passed:
            nl += " De registers zijn niet zo onafhankelijk als aangenomen; bij de audit past odds ratio {implied}."
            en += " The two registers are not as independent as assumed; the audit fits an odds ratio of {implied}."
        message = said(
            nl,
            en,
            psi=self.odds_ratio,
            lists=percent(here.completeness),
            audit=percent(audit.completeness),
            z=z,
            implied=implied,
        )
        return EvidenceCheck(self.name, "lists against the audit", passed, z, message)

    def _curve(self, cells: np.ndarray, cluster: np.ndarray) -> EvidenceCheck:
        points = [(psi, listed_completeness(cells, psi, cluster)) for psi in CURVE]
        shown = ", ".join(f"{percent(found.completeness)} ({psi:g})" for psi, found in points if found is not None)
        message = said(
            "Of de twee registers onafhankelijk zijn kan met twee lijsten niet worden nagegaan. Volledigheid (bij odds "
            "ratio): {shown}.",
            "Two lists cannot tell whether the two registers are independent. Completeness (at odds ratio): {shown}.",
            shown=shown or "-",
        )
        return EvidenceCheck(self.name, "dependence of the two registers", None, self.odds_ratio, message)


def _copied(table: pd.DataFrame) -> list[str]:
    """A list that differs nowhere from the register."""
    if not len(table) or table[["register_only", "other_only"]].to_numpy(dtype=np.float64).any():
        return []
    return [
        f"{SECOND_SOURCE.name}: in all {len(table)} rows both registers hold exactly the same events. A copy of the "
        "register cannot tell what the register misses; give a source that was filled without it."
    ]


def _several(matched: Matched) -> list[str]:
    several = np.array([place.size > 1 for place in matched.places], dtype=bool)
    return complaint(
        SECOND_SOURCE.name,
        matched.table.index,
        several,
        "a row is about several rows of the panel (locations or periods)",
        "Linked counts belong to one row each: split them, or build the panel at the level of this table.",
    )


def _delivered(matched: Matched, context: EvidenceContext) -> tuple[Matched, int]:
    """Rows whose panel row was delivered whole, and how many were not; only delivered counts can be linked."""
    inside = np.array([context.row_of[place[0]] >= 0 for place in matched.places], dtype=bool)
    if not inside.any():
        raise_problems([f"{SECOND_SOURCE.name}: no row is about a provider and period that was delivered."])
    places = tuple(place for place, kept in zip(matched.places, inside, strict=True) if kept)
    return replace(matched, table=matched.table.loc[inside], places=places), int((~inside).sum())


def _without_delivery(absent: int) -> tuple[EvidenceCheck, ...]:
    if not absent:
        return ()
    message = said(
        "{n} rijen gaan over een periode die in het panel niet (geheel) is aangeleverd en zijn niet gebruikt.",
        "{n} rows are about a period that was not delivered (whole) in the panel and were not used.",
        n=str(absent),
    )
    return (EvidenceCheck("second source", "rows without a delivery", True, float(absent), message),)


def _other_counts(matched: Matched, context: EvidenceContext, row: np.ndarray) -> list[str]:
    linked = (matched.table["both"] + matched.table["register_only"]).to_numpy(dtype=np.float64)
    counted = context.rate.y[row]
    bad = linked != counted
    first = np.flatnonzero(bad)[:1]
    shown = f" (first: {linked[first[0]]:g} against {counted[first[0]]:g})" if first.size else ""
    return complaint(
        SECOND_SOURCE.name,
        matched.table.index,
        bad,
        f"both + register_only differs from the events in the panel{shown}",
        "Link the same events that the panel counts: the same form, period, law and delivery.",
    )

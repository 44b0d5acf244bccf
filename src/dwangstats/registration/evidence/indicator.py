"""Indicators of data quality: columns that change what is registered and not what happens."""

from typing import Any

import numpy as np

from dwangstats.design.formula import split_formula
from dwangstats.errors import DomainError, FormulaError
from dwangstats.registration.columns import columns_with
from dwangstats.registration.context import (
    Contribution,
    Draft,
    EvidenceCheck,
    EvidenceContext,
    EvidenceName,
    FittedParts,
)
from dwangstats.registration.evidence.exclusion import direct_effect, exclusion_checks, with_direct_effect


class Indicator:
    """Columns of the registration formula that are kept out of the rate formula by assumption.

    Late deliveries, rejected records, missing end times: where such an indicator moves within a provider and what is
    registered moves with it, that is taken as a change of completeness. It is wrong where the indicator goes with a
    change in events too (a reorganisation); a ``direct_effect_sd`` above 0 lets it, within limits.

    Parameters
    ----------
    *columns : str
        Columns of the panel that stand in the registration formula and not in the rate formula.
    direct_effect_sd : float
        Standard deviation of the effect of one unit of a column on the log rate, around 0; 0 allows none. See Conley,
        Hansen and Rossi (2012), Review of Economics and Statistics 94, 260-272.

    Raises
    ------
    DomainError
        Without a column, or if direct_effect_sd is negative.
    """

    __slots__ = ("columns", "direct_effect_sd")

    columns: tuple[str, ...]
    direct_effect_sd: float

    def __init__(self, *columns: str, direct_effect_sd: float = 0.0) -> None:
        if not columns:
            raise DomainError("Indicator takes at least one column of the panel, for example Indicator('late_share').")
        if not 0.0 <= direct_effect_sd < np.inf:
            raise DomainError(f"direct_effect_sd must be 0 or a positive number, got {direct_effect_sd:g}")
        object.__setattr__(self, "columns", tuple(dict.fromkeys(columns)))
        object.__setattr__(self, "direct_effect_sd", float(direct_effect_sd))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Indicator is frozen; use changed({name}=...)")

    def __repr__(self) -> str:
        return f"Indicator({', '.join(map(repr, self.columns))}, direct_effect_sd={self.direct_effect_sd:g})"

    @property
    def name(self) -> EvidenceName:
        """Kind of the evidence."""
        return "indicator"

    @property
    def words(self) -> str:
        """What an estimate rests on."""
        return f"the exclusion of {', '.join(self.columns)} from the rate"

    @property
    def digest(self) -> str:
        """Text that changes with every setting."""
        return f"indicator {self.columns} {self.direct_effect_sd!r}"

    @property
    def description(self) -> str:
        """One line for the summary."""
        limit = f", direct effect on the log rate N(0, {self.direct_effect_sd:g}^2)" if self.direct_effect_sd else ""
        return f"{', '.join(self.columns)} moves completeness and not the rate{limit}"

    def changed(self, **settings: Any) -> "Indicator":
        """The same columns with another direct_effect_sd."""
        return Indicator(*self.columns, **({"direct_effect_sd": self.direct_effect_sd} | settings))

    def prepare(self, draft: Draft) -> Draft:
        """The rate formula with the columns, where a direct effect is allowed; refuses columns out of place."""
        rate, registration = split_formula(draft.rate).names(), split_formula(draft.registration).names("fixed")
        both = [name for name in self.columns if name in rate]
        absent = [name for name in self.columns if name not in registration]
        if both:
            raise FormulaError(
                f"{', '.join(both)} is given as an indicator of completeness and stands in the rate formula as well. "
                f"Take it out there; direct_effect_sd lets it move the rate within limits.\n    {draft.rate}"
            )
        if absent:
            raise FormulaError(
                f"{', '.join(absent)} is given as an indicator of completeness and does not stand in the registration "
                f"formula.\n    {draft.registration}"
            )
        return with_direct_effect(draft, self.columns) if self.direct_effect_sd > 0.0 else draft

    def rows(self, context: EvidenceContext) -> Contribution:
        """No rows: the evidence is what the rate leaves out."""
        excluded = columns_with(context.registration, self.columns)
        gaussian = tuple(direct_effect(context, self.columns, self.direct_effect_sd)) if self.direct_effect_sd else ()
        return Contribution(excluded=excluded, gaussian=gaussian)

    def checks(self, context: FittedParts) -> tuple[EvidenceCheck, ...]:
        """Whether each column moves the rate as well, where other evidence can tell."""
        return exclusion_checks(context, self.name, self.columns, self.direct_effect_sd)

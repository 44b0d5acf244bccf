"""What evidence sees of a model, what it gives to it, and what a fitted model consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import pandas as pd

from dwangstats._types import Codes, Language, Matrix, Vector
from dwangstats.data.panels.panel import Panel
from dwangstats.design.design import Design
from dwangstats.errors import FormulaError
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.problem import AuditRows, ControlRows, LinkedRows, ThinnedProblem

EvidenceName: TypeAlias = Literal["audit", "second source", "control outcome", "indicator", "switch dates", "prior"]
Part: TypeAlias = Literal["rate", "registration", "control trend"]


@dataclass(frozen=True, slots=True)
class EvidenceCheck:
    """One look at whether the evidence can be right.

    Attributes
    ----------
    evidence : str
        Which evidence, for example "audit".
    name : str
        What was looked at.
    passed : bool or None
        None where nothing in the data or the other evidence can test it; never a pass.
    value : float
        The number that decided: a probability, a z value or a count; NaN where there is none.
    message : mapping of language to str
        One or two sentences in "nl" and "en"; provider ids may occur, clients never.
    """

    evidence: str
    name: str
    passed: bool | None
    value: float
    message: Mapping[Language, str]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A model before it has columns: evidence may add a column to the panel, or a term to a formula.

    Attributes
    ----------
    panel : Panel
    rate, registration : str
        Formulas.
    """

    panel: Panel
    rate: str
    registration: str

    def with_column(self, name: str, values: Vector) -> "Draft":
        """The draft with a column for every row of the panel's frame.

        Raises
        ------
        FormulaError
            If the panel has a column of that name.
        """
        if name in self.panel.frame.columns:
            raise FormulaError(
                f"The panel has a column {name} already, which this evidence makes itself. Rename yours."
            )
        return replace(self, panel=replace(self.panel, frame=self.panel.frame.assign(**{name: values})))


@dataclass(frozen=True, slots=True, eq=False)
class GaussianTerm:
    """Normal density of linear combinations of the parameters of one part: matrix theta ~ N(mean, sd^2).

    Attributes
    ----------
    part : {"rate", "registration", "control trend"}
    matrix : (j, k) array
        Over the coefficients of that part.
    mean, sd : (j,) arrays
    source : {"prior", "relaxation"}
    """

    part: Part
    matrix: Matrix
    mean: Vector
    sd: Vector
    source: Literal["prior", "relaxation"]


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """Numeric rows that one piece of evidence adds to the likelihood.

    Attributes
    ----------
    audits : tuple of AuditRows
    linked : LinkedRows or None
    other_names : tuple of str
        Names of the coefficients of the other register.
    control : ControlRows or None
    trend_names : tuple of str
        Names of the columns by which the control outcome may leave the parallel trend.
    gaussian : tuple of GaussianTerm
    excluded : tuple of int
        Columns of the registration design that are kept out of the rate by assumption.
    notes : tuple of EvidenceCheck
        What was set aside while matching.
    used : Evidence or None
        The evidence with only the rows that are about this panel, where that is less than was given.
    """

    audits: tuple[AuditRows, ...] = ()
    linked: LinkedRows | None = None
    other_names: tuple[str, ...] = ()
    control: ControlRows | None = None
    trend_names: tuple[str, ...] = ()
    gaussian: tuple[GaussianTerm, ...] = ()
    excluded: tuple[int, ...] = ()
    notes: tuple[EvidenceCheck, ...] = ()
    used: "Evidence | None" = None


@dataclass(frozen=True, eq=False)
class EvidenceContext:
    """A model with its columns, before evidence adds rows.

    Attributes
    ----------
    panel : Panel
        With the columns that evidence added.
    rate, registration : Design
        Of the delivered rows.
    """

    panel: Panel
    rate: Design
    registration: Design

    @cached_property
    def providers(self) -> tuple[str, ...]:
        """Providers of the panel; their place is the group number."""
        return self.panel.providers

    @cached_property
    def row_of(self) -> Codes:
        """Place among the delivered rows of each row of the panel's frame, -1 for one without a delivery."""
        delivered = self.panel.frame["delivered"].to_numpy(dtype=bool)
        return np.where(delivered, np.cumsum(delivered) - 1, -1).astype(np.intp)

    def groups_of(self, providers: "pd.Series[str] | np.ndarray") -> Codes:
        """Group number of each provider; -1 for one that is not in the panel."""
        places = pd.Index(self.providers).get_indexer(pd.Index(np.asarray(providers, dtype=object)))
        return np.asarray(places, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class FittedParts:
    """A fitted registration model as its parts.

    Attributes
    ----------
    panel : Panel
        With the columns that evidence added.
    rate, registration : Design
        Their rows are the count rows of the problem, in the same order.
    problem : ThinnedProblem
    fit : ThinnedFit
    names : tuple of str
        (p,) name of each parameter: "rate:...", "registration:...", "other register:...", "control trend:...",
        "sd rate", "sd registration", "atanh rho", "dispersion", "silent logit".
    providers : tuple of str
        Name of each group.
    evidence : tuple of Evidence
        With the rows that are about this panel.
    excluded : mapping of str to tuple of int
        For "indicator" and "switch dates" the columns of the registration design that the rate leaves out by
        assumption.
    """

    panel: Panel
    rate: Design
    registration: Design
    problem: ThinnedProblem
    fit: ThinnedFit
    names: tuple[str, ...]
    providers: tuple[str, ...]
    evidence: "tuple[Evidence, ...]"
    excluded: Mapping[str, tuple[int, ...]]

    def evidence_named(self, *names: str) -> "tuple[Evidence, ...]":
        """The evidence of these kinds."""
        return tuple(one for one in self.evidence if one.name in names)


class Evidence(Protocol):
    """Knowledge about completeness from outside the counts."""

    @property
    def name(self) -> EvidenceName:
        """Kind of the evidence."""

    @property
    def words(self) -> str:
        """What an estimate rests on, for example "an audit of 1,000 events"."""

    @property
    def digest(self) -> str:
        """Text that changes with every setting and every number of the evidence."""

    @property
    def description(self) -> str:
        """One line for the summary: what was given, with its settings."""

    def changed(self, **settings: Any) -> "Evidence":
        """A copy with other settings."""

    def prepare(self, draft: Draft) -> Draft:
        """The draft with what this evidence adds to panel and formulas."""

    def rows(self, context: EvidenceContext) -> Contribution:
        """Numeric rows; DataError with everything that is wrong."""

    def checks(self, context: FittedParts) -> tuple[EvidenceCheck, ...]:
        """What the fitted model and the other evidence say about this evidence."""

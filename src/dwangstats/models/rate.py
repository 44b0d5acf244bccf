"""Rates of registered events: Poisson and negative binomial regression with an exposure."""

from typing import Any, Final, get_args

from dwangstats._types import FamilyName, Vector
from dwangstats.design.design import Design, build_design, rows_text
from dwangstats.design.formula import RandomTerm, split_formula
from dwangstats.errors import DomainError, FitError, FormulaError
from dwangstats.models.certificate import certify
from dwangstats.models.results import Covariance, RateResult
from dwangstats.numerics.glm import CountFit, empty_direction, fit_counts


class RateModel:
    """Model of the rate of registered events: log E(count) = X b + log(exposure) + offsets.

    Parameters
    ----------
    formula : str
        As for `dwangstats.design.formula.split_formula`; random terms are understood but not fitted yet.
    data : Panel or any frame
        Of a `Panel` the delivered rows are fitted, with ``events`` and ``bed_days``. Of another frame the left side
        of the formula names the counts.
    family : {"poisson", "nb2", "nb1"}
        Variance mu, mu + alpha mu^2 or mu (1 + alpha).
    exposure : str, optional
        Column with the exposure, > 0; the log is taken inside. Default bed_days for a panel, 1 for another frame.
    zero, quadrature : None
        Not offered in this version.

    Raises
    ------
    FormulaError, DataError, DomainError
        Everything wrong with formula, data and options is said here, before any fit.

    Attributes
    ----------
    family : str
    design : Design
        The rows and columns that `fit` will use.
    """

    def __init__(
        self,
        formula: str,
        data: Any,
        *,
        family: FamilyName = "poisson",
        exposure: str | None = None,
        zero: None = None,
        quadrature: None = None,
    ) -> None:
        _check_options(family, zero, quadrature)
        parsed = split_formula(formula)
        _refuse_random(parsed.random)
        self.family: Final = family
        self.design: Final[Design] = build_design(parsed, data, exposure=exposure)

    def fit(self, *, force: bool = False) -> RateResult:
        """Maximum likelihood fit.

        Parameters
        ----------
        force : bool
            Show the numbers even if the certificate fails; the summary still says FAILED.

        Returns
        -------
        RateResult

        Raises
        ------
        FitError
            If the likelihood has no finite maximum, for example where a group has no events.
        """
        design = self.design
        offset = design.log_exposure + design.offset
        fit = _fitted(design, offset, self.family)
        k = len(design.names)
        return RateResult(
            family=self.family,
            design=design,
            fit=fit,
            certificate=certify(fit, design.X, design.y, offset, self.family),
            covariance=Covariance("model", fit.covariance[:k, :k]),
            force=force,
        )

    def __repr__(self) -> str:
        return f"<RateModel {self.family} '{self.design.formula.text}', {self.design.y.size} rows, not fitted>"


def _check_options(family: FamilyName, zero: object, quadrature: object) -> None:
    if family not in get_args(FamilyName):
        raise DomainError(f"family must be one of {', '.join(get_args(FamilyName))}, got {family!s}")
    if zero is not None:
        raise DomainError("zero= (a part for extra zeros) is not offered in this version; leave it out.")
    if quadrature is not None:
        raise DomainError("quadrature= belongs to random terms, which are not fitted in this version; leave it out.")


def _refuse_random(terms: tuple[RandomTerm, ...]) -> None:
    if terms:
        written = ", ".join(f"({term.effects} | {':'.join(term.groups)})" for term in terms)
        raise FormulaError(
            f"Random terms are understood but not fitted in this version: {written}. Leave them out and let the "
            "standard errors follow the groups: fit().robust('CR2', cluster='provider')."
        )


def _fitted(design: Design, offset: Vector, family: FamilyName) -> CountFit:
    """The fit; a coefficient at infinity is said in names instead of positions."""
    try:
        return fit_counts(design.X, design.y, offset, family)
    except FitError as error:
        empty = empty_direction(design.X, design.y) if design.y.any() else None
        if empty is None:
            raise
        names = ", ".join(design.names[i] for i in empty.columns)
        where = f"{len(empty.rows)} of {design.y.size} rows ({rows_text(design.frame.index, empty.rows)})"
        raise FitError(
            f"{where} form a group without any event, set apart by {names}: its rate is 0 and its coefficient minus "
            "infinity. Combine that group with another, or leave its rows out and say so."
        ) from error

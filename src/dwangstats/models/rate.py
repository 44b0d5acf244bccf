"""Rates of registered events: Poisson and negative binomial regression with an exposure."""

from typing import Any, Final, get_args

from dwangstats._types import FamilyName, Vector
from dwangstats.design.design import Design, build_design
from dwangstats.errors import DomainError, FitError, FormulaError
from dwangstats.models.certificate import certify
from dwangstats.models.fitted import Covariance
from dwangstats.models.infinite import refuse_infinite
from dwangstats.models.mixed import MixedResult
from dwangstats.models.mixed_fit import fit_mixed_model
from dwangstats.models.results import RateResult
from dwangstats.numerics.glm import CountFit, fit_counts


class RateModel:
    """Model of the rate of registered events: log E(count) = X b + Z u + log(exposure) + offsets.

    Parameters
    ----------
    formula : str
        As for `dwangstats.design.formula.split_formula`, with or without random terms.
    data : Panel or any frame
        Of a `Panel` the delivered rows are fitted, with ``events`` and ``bed_days``; a count known to an interval only
        (rounded or suppressed) as the probability of that interval. Of another frame the left side of the formula names
        the counts.
    family : {"poisson", "nb2", "nb1"}
        Variance mu, mu + alpha mu^2 or mu (1 + alpha).
    exposure : str, optional
        Column with the exposure, > 0; the log is taken inside. Default bed_days for a panel, 1 for another frame.
    zero : str, optional
        Formula of the logit of the probability of an extra zero, for example "~ 1" or "~ setting".
    quadrature : int, optional
        Nodes for the integral over one random term with one effect per group; 1 is Laplace. Default 11 there, or more
        where that is not exact, and 1 for every other structure.

    Raises
    ------
    FormulaError, DataError, DomainError
        Everything wrong with formula, data and options is said here, before any fit. Random terms and extra zeros are
        refused for a panel with intervals: the likelihood of their integral is not offered.

    Notes
    -----
    With exact counts the coefficients of "poisson" and "nb2" are those of the mean whatever the distribution. With
    intervals they are not: the family then says which counts inside an interval are how likely, so it has to fit. A
    cluster-robust covariance does not protect against another one. The certificate of a poisson fit says so where the
    counts vary more than poisson (``certificate.doubts``).

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
        zero: str | None = None,
        quadrature: int | None = None,
    ) -> None:
        if family not in get_args(FamilyName):
            raise DomainError(f"family must be one of {', '.join(get_args(FamilyName))}, got {family!s}")
        self.family: Final = family
        self.design: Final[Design] = build_design(formula, data, exposure=exposure, zero=zero, intervals=True)
        self.quadrature: Final = quadrature
        _check_intervals(self.design)
        _check_quadrature(self.design, quadrature)

    def fit(self, *, force: bool = False) -> RateResult | MixedResult:
        """Maximum likelihood fit.

        Parameters
        ----------
        force : bool
            Show the numbers even if the certificate fails; the summary still says FAILED.

        Returns
        -------
        RateResult or MixedResult
            MixedResult with random terms or extra zeros.

        Raises
        ------
        FitError
            If the likelihood has no finite maximum, for example where a group has no events.
        """
        design = self.design
        if design.random or design.zero is not None:
            return fit_mixed_model(design, self.family, quadrature=self.quadrature, force=force)
        offset = design.log_exposure + design.offset
        fit = _fitted(design, offset, self.family)
        k = len(design.names)
        return RateResult(
            family=self.family,
            design=design,
            fit=fit,
            certificate=certify(fit, design.X, design.y, offset, self.family, design.intervals),
            covariance=Covariance("model", fit.covariance[:k, :k]),
            force=force,
        )

    def __repr__(self) -> str:
        return f"<RateModel {self.family} '{self.design.formula.text}', {self.design.y.size} rows, not fitted>"


def _check_intervals(design: Design) -> None:
    known = design.intervals
    if known is None or not (design.random or design.zero is not None):
        return
    what = "random terms" if design.random else "extra zeros (zero=)"
    raise FormulaError(
        f"{int(known.wide.sum())} of {known.lower.size} counts are known to an interval only (rounded or suppressed), "
        f"and there is no likelihood of intervals with {what}. Use fixed effects, such as C(provider) in the formula, "
        "or leave the term out and take family='nb2', whose dispersion has to stand in for it, with "
        ".fit().robust('CR1', cluster='provider'). Poisson will not do: with intervals, counts that vary more than "
        f"poisson move the coefficients, and no covariance mends that.\n    {design.formula.text}"
    )


def _check_quadrature(design: Design, quadrature: int | None) -> None:
    if quadrature is None:
        return
    if not design.random:
        raise DomainError("quadrature= belongs to random terms, and the formula has none; leave it out.")
    scalar = len(design.random) == 1 and len(design.random[0].effects) == 1
    if quadrature < 1 or (quadrature > 1 and not scalar):
        raise DomainError(
            f"quadrature={quadrature} was asked for. Several nodes are offered for one random term with one effect per "
            "group, such as (1 | provider); other structures are fitted by Laplace, quadrature=1."
        )


def _fitted(design: Design, offset: Vector, family: FamilyName) -> CountFit:
    """The fit; a coefficient at infinity is said in names instead of positions."""
    try:
        return fit_counts(design.X, design.y, offset, family, design.intervals)
    except FitError:
        refuse_infinite(design)
        raise

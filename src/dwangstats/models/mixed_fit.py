"""From a design with random terms or extra zeros to a certified result."""

import numpy as np
from scipy.special import expit

from dwangstats._types import FamilyName, Vector
from dwangstats.design.design import Design
from dwangstats.errors import FitError
from dwangstats.models.infinite import refuse_infinite
from dwangstats.models.mixed import MixedResult
from dwangstats.models.mixed_certificate import certify_mixed
from dwangstats.models.mixed_covariance import information_inverse
from dwangstats.models.parameters import terms_of
from dwangstats.models.results import Covariance
from dwangstats.numerics.inflated import fit_inflated
from dwangstats.numerics.mixed.fit import Arranged, MixedFit, fit_arranged

NO_EXTRA_ZEROS = 1e-5
"""Largest share of extra zeros in any row below which there are none: the likelihood rises towards a share of 0."""


def fit_mixed_model(
    design: Design, family: FamilyName, *, quadrature: int | None = None, force: bool = False
) -> MixedResult:
    """Fit by maximum marginal likelihood, and certify.

    Parameters
    ----------
    design : Design
        With random terms, a part for extra zeros, or both.
    family : {"poisson", "nb2", "nb1"}
    quadrature : int, optional
        Nodes, see `RateModel`.
    force : bool
        Show the numbers even if the certificate fails.

    Raises
    ------
    FitError
        If a coefficient runs off to infinity, or the data show no extra zeros.
    """
    refuse_infinite(design)
    fit, arranged = _fitted(design, family, quadrature, None)
    _refuse_no_extra_zeros(design, fit)
    verdict = certify_mixed(design, family, fit, arranged)
    if verdict.better is not None:
        fit, arranged = _fitted(design, family, quadrature, verdict.better)
        verdict = certify_mixed(design, family, fit, arranged)
    covariance = information_inverse(fit)
    k = len(design.names)
    return MixedResult(
        family=family,
        design=design,
        fit=fit,
        certificate=verdict.certificate,
        covariance=Covariance("model", covariance[:k, :k]),
        parameter_covariance=covariance,
        force=force,
    )


def _fitted(
    design: Design, family: FamilyName, quadrature: int | None, start: Vector | None
) -> tuple[MixedFit, Arranged | None]:
    offset = design.log_exposure + design.offset
    if design.random:
        zero_X = None if design.zero is None else design.zero.X
        found = fit_arranged(
            design.X, design.y, offset, terms_of(design), family, zero_X=zero_X, nodes=quadrature, start=start
        )
        return found.fit, found
    if design.zero is None:
        raise FitError("a design without random terms and without extra zeros has no mixed model")
    return fit_inflated(design.X, design.y, offset, family, design.zero.X, start=start), None


def _refuse_no_extra_zeros(design: Design, fit: MixedFit) -> None:
    if design.zero is None:
        return
    share = float(expit(design.zero.X @ fit.zero_beta).max())
    if not np.isfinite(share) or share < NO_EXTRA_ZEROS:
        zeros = int(np.count_nonzero(design.y == 0.0))
        raise FitError(
            f"The data show no extra zeros: {zeros} of {design.y.size} counts are 0, no more than the "
            "counts themselves explain, and the share of extra zeros tends to 0. Leave zero= out."
        )

"""Cases of the slow reference written in the package's own arrays, so that both compute the same thing."""

import numpy as np
from scipy.special import logit

from dwangstats.numerics.thinned.problem import (
    AuditRows,
    ControlRows,
    CountRows,
    Gaussian,
    LinkedRows,
    ThinnedProblem,
)
from reference_registration import Array, Case, Theta


def as_problem(
    case: Case,
    *,
    effects: tuple[bool, bool] = (True, True),
    rho: float | None = None,
    silent: bool = False,
    gaussian: tuple[Gaussian, ...] = (),
) -> ThinnedProblem:
    """The same rows and evidence as a problem of the package."""
    linked, control = case.linked, case.control
    return ThinnedProblem(
        family=case.family,
        groups=case.groups,
        counts=CountRows(X=case.X, W=case.W, y=case.y, offset=case.offset, group=case.group),
        rate_effects=effects[0],
        registration_effects=effects[1],
        rho=rho,
        silent=silent,
        audits=tuple(
            AuditRows(W=a.W, group=a.group, found=a.found, registered=a.registered, icc=a.icc) for a in case.audits
        ),
        linked=None
        if linked is None
        else LinkedRows(
            row=linked.row,
            both=linked.both,
            register_only=linked.register_only,
            other_only=linked.other_only,
            W2=linked.W2,
            odds_ratio=linked.odds_ratio,
        ),
        control=None
        if control is None
        else ControlRows(
            X=control.X, relax=control.relax, offset=control.offset, group=control.group, count=control.count
        ),
        gaussian=gaussian,
    )


def as_vector(problem: ThinnedProblem, theta: Theta) -> Array:
    """Parameters in the order of the package."""
    layout = problem.layout
    parts = {
        "beta": theta.beta,
        "alpha": theta.alpha,
        "gamma": theta.gamma,
        "delta": theta.delta,
        "su": [theta.su],
        "sv": [theta.sv],
        "atanh_rho": [np.arctanh(theta.rho)],
        "dispersion": [theta.dispersion],
        "silent_logit": [logit(theta.silent)] if theta.silent > 0 else [0.0],
    }
    places = {name: getattr(layout, name) for name in parts}
    vector = np.zeros(max(place.stop for place in places.values()))
    for name, place in places.items():
        if place.stop > place.start:
            vector[place] = parts[name]
    return vector

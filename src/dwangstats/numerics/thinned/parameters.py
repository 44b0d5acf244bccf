"""The parameter vector taken apart."""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Vector
from dwangstats.numerics.thinned.problem import ThinnedProblem


@dataclass(frozen=True, slots=True)
class Parameters:
    """One point of the parameter space.

    Attributes
    ----------
    beta, alpha, gamma, delta : Vector
        Coefficients, see `problem.Layout`.
    su, sv : float
        Standard deviations of the effects; 0 for an effect that the model lacks.
    rho, rest : float
        Correlation of the effects and sqrt(1 - rho^2).
    dispersion : float
        0 for poisson.
    log_silent, log_normal : float
        Log probability that a provider registers nothing, and that it registers; (-inf, 0) without silence.
    """

    beta: Vector
    alpha: Vector
    gamma: Vector
    delta: Vector
    su: float
    sv: float
    rho: float
    rest: float
    dispersion: float
    log_silent: float
    log_normal: float


def unpack(problem: ThinnedProblem, vector: Vector) -> Parameters:
    """Take a vector (p,) apart."""
    layout = problem.layout
    silent = vector[layout.silent_logit]
    both = problem.rate_effects and problem.registration_effects
    if problem.rho is None and both:
        angle = float(vector[layout.atanh_rho][0])
        rho, rest = float(np.tanh(angle)), float(1.0 / np.cosh(np.clip(angle, -300.0, 300.0)))
    else:
        rho = float(problem.rho or 0.0) if both else 0.0
        rest = float(np.sqrt(1.0 - rho * rho))
    return Parameters(
        vector[layout.beta],
        vector[layout.alpha],
        vector[layout.gamma],
        vector[layout.delta],
        _single(vector[layout.su]),
        _single(vector[layout.sv]),
        rho,
        rest,
        _single(vector[layout.dispersion]),
        -float(np.logaddexp(0.0, -silent[0])) if silent.size else -np.inf,
        -float(np.logaddexp(0.0, silent[0])) if silent.size else 0.0,
    )


def _single(part: Vector) -> float:
    return float(part[0]) if part.size else 0.0

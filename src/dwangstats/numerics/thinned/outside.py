"""Terms that do not depend on the provider effects: controls given their totals, and normal terms."""

import numpy as np

from dwangstats._types import Vector
from dwangstats.numerics.saddle import HALF_LOG_2PI
from dwangstats.numerics.thinned.arrange import ControlPart
from dwangstats.numerics.thinned.parameters import Parameters
from dwangstats.numerics.thinned.problem import Gaussian, Layout


def control_part(layout: Layout, control: ControlPart, at: Parameters, gradient: Vector) -> Vector:
    """Log multinomial probability of each group's controls given their total (G,); adds to the gradient."""
    rows = control.rows
    eta = rows.X @ at.beta + rows.relax @ at.delta + rows.offset
    top = np.full(control.total.size, -np.inf)
    np.maximum.at(top, rows.group, eta)
    top = np.where(np.isfinite(top), top, 0.0)
    mass = np.exp(eta - top[rows.group])
    total = control.ones @ mass
    shared = np.log(np.where(total > 0.0, total, 1.0)) + top
    score = rows.count - (control.total / np.where(total > 0.0, total, 1.0))[rows.group] * mass
    gradient[layout.beta] += rows.X.T @ score
    gradient[layout.delta] += rows.relax.T @ score
    value = control.constant + control.ones @ (rows.count * eta) - control.total * shared
    return np.asarray(value, dtype=np.float64)


def gaussian_part(terms: tuple[Gaussian, ...], vector: Vector, gradient: Vector) -> float:
    """Log density of the normal terms; adds to the gradient."""
    value = 0.0
    for term in terms:
        z = (term.matrix @ vector - term.mean) / term.sd
        gradient -= term.matrix.T @ (z / term.sd)
        value -= float((0.5 * z * z + np.log(term.sd) + HALF_LOG_2PI).sum())
    return value

"""How much the uncertainty of the parameters adds to that of the random effects."""

from collections.abc import Sequence

import numpy as np

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.design.design import Design
from dwangstats.models.parameters import mixed_problem
from dwangstats.numerics.likelihood import Problem, vector_information
from dwangstats.numerics.mixed.blocks import Effects
from dwangstats.numerics.mixed.fit import MixedFit
from dwangstats.numerics.mixed.model import Model, evaluate_parts, make_model
from dwangstats.numerics.mixed.parameters import unpack
from dwangstats.numerics.mixed.scale import make_scale, scale_effects

STEP = 1e-3
"""Move of each parameter in its standard errors; the modes are smooth, a central difference errs by its square."""


def parameter_spread(design: Design, family: FamilyName, fit: MixedFit) -> tuple[Matrix, ...]:
    """Variance of the modes over the sampling of the parameters, by the delta method: (G, q) per term.

    With J the derivative of the modes in the free parameters and V their covariance, diag(J V J') (Booth and Hobert
    1998, J. Am. Stat. Assoc. 93, 262-272, equation 8).
    """
    if not design.random:
        return ()
    problem = mixed_problem(design, family, fit.nodes)
    model = _model(problem)
    root = _covariance_root(vector_information(problem, fit.vector, fit.information, fit.free))
    free = np.flatnonzero(fit.free)
    totals = [np.zeros_like(modes) for modes in fit.modes]
    start: Effects | None = None
    for direction in root.T:
        move = np.zeros(fit.vector.size)
        move[free] = STEP * direction
        ahead, start = _modes(model, fit.vector + move, start)
        behind, start = _modes(model, fit.vector - move, start)
        changes = [((a - b) / (2.0 * STEP)) ** 2 for a, b in zip(ahead, behind, strict=True)]
        totals = [total + change for total, change in zip(totals, changes, strict=True)]
    return tuple(totals)


def _model(problem: Problem) -> Model:
    """Modes do not depend on the nodes."""
    p = problem
    return make_model(p.X, p.y, p.offset, p.terms, p.family, p.zero_design, nodes=1)


def _covariance_root(information: Matrix) -> Matrix:
    """R with R R' the inverse of the information; NaN where it is singular."""
    unit = np.sqrt(np.abs(np.diag(information)))
    unit[unit == 0.0] = 1.0
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(unit, unit))
    inverse = np.where(eigenvalues > 1e-14, 1.0 / np.sqrt(np.maximum(eigenvalues, 1e-300)), np.nan)
    return np.asarray(vectors * inverse / unit[:, None], dtype=np.float64)


def _modes(model: Model, vector: Vector, start: Effects | None) -> tuple[list[Matrix], Effects]:
    """Modes (G, q) of each term at other parameters, in the order of its groups."""
    found = evaluate_parts(model, vector, start).modes.effects
    structure = model.structure
    chain, border = scale_effects(structure, make_scale(structure, unpack(model.layout, vector).scales), found)
    heads = _first_rows(structure.parents, structure.sizes)
    modes: list[Matrix] = []
    for place in structure.placements:
        if place.level < 0:
            at = place.offset + np.arange(place.groups * place.width).reshape(-1, place.width)
            modes.append(border[at])
        else:
            modes.append(chain[place.start : place.start + place.width][:, heads[place.level][place.order]].T)
    return modes, found


def _first_rows(parents: Sequence[np.ndarray], sizes: Sequence[int]) -> list[np.ndarray]:
    """For each level of the chain one finest group inside each of its groups."""
    inside = np.arange(sizes[0])
    heads = [inside]
    for parent, size in zip(parents, sizes[1:], strict=True):
        inside = parent[inside]
        head = np.zeros(size, dtype=np.intp)
        head[inside] = np.arange(sizes[0])
        heads.append(head)
    return heads

import numpy as np
import pytest

from dwangstats.numerics.mixed.blocks import Effects, factorise, gather, selected_inverse, solve, spread
from dwangstats.numerics.mixed.scale import make_scale, sandwich, scale_effects, scaled_gather
from dwangstats.numerics.mixed.structure import build_structure
from dwangstats.numerics.mixed.sums import (
    Products,
    group_sums,
    linear_predictor,
    row_variances,
    weighted_products,
)

#: Everything here is linear algebra of condition below 1e4 in double precision.
RTOL = 1e-10


@pytest.fixture
def case(panel, structure_name, dense_z):
    """Structure, scale, weights, and the dense Z L with rows in the structure's order."""
    rng = np.random.default_rng(5)
    terms = panel.terms(structure_name)
    structure = build_structure(terms)
    blocks = tuple(np.tril(rng.normal(size=(t.width, t.width))) for t in terms)
    big = [np.kron(np.eye(t.groups), block) for t, block in zip(terms, blocks, strict=True)]
    Z = dense_z(terms)[structure.order]
    scaled = np.zeros((Z.shape[1], Z.shape[1]))
    at = 0
    for block in big:
        scaled[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    weights = rng.gamma(2.0, 1.0, panel.y.size)
    return structure, terms, make_scale(structure, blocks), weights, Z, Z @ scaled


def to_dense(structure, terms, effects: Effects) -> np.ndarray:
    """Effects in the order of the dense Z's columns."""
    parts = []
    columns = [np.cumsum((0, *structure.widths))[placement.level] for placement in structure.placements]
    for term, placement, first in zip(terms, structure.placements, columns, strict=True):
        if placement.level < 0:
            parts.append(effects.border[placement.offset : placement.offset + term.groups * term.width])
        else:
            start = placement.start - first
            parts.append(effects.levels[placement.level][start : start + term.width, placement.order].T.ravel())
    return np.concatenate(parts)


def random_effects(structure, seed: int = 1) -> Effects:
    rng = np.random.default_rng(seed)
    levels = tuple(rng.normal(size=(q, G)) for q, G in zip(structure.widths, structure.sizes, strict=True))
    return Effects(levels, rng.normal(size=structure.border))


def test_predictor_is_the_dense_product(case) -> None:
    structure, terms, scale, _, _, ZL = case
    u = random_effects(structure)
    got = linear_predictor(structure, *scale_effects(structure, scale, u))
    np.testing.assert_allclose(got, ZL @ to_dense(structure, terms, u), rtol=RTOL, atol=RTOL)


def test_sums_are_the_transposed_product(case) -> None:
    structure, terms, scale, weights, _, ZL = case
    got = scaled_gather(structure, scale, *group_sums(structure, weights))
    np.testing.assert_allclose(to_dense(structure, terms, got), ZL.T @ weights, rtol=RTOL, atol=RTOL)


def test_gather_is_the_transpose_of_spread(panel) -> None:
    structure = build_structure(panel.terms("nested"))
    u = random_effects(structure)
    w = np.random.default_rng(2).normal(size=(structure.depth, structure.sizes[0]))
    left = float(np.vdot(spread(structure, u), w))
    assert left == pytest.approx(gather(structure, w, np.zeros(0)).dot(u), rel=RTOL)


def test_factor_solve_and_inverse_agree_with_dense_algebra(case) -> None:
    structure, terms, scale, weights, _, ZL = case
    H = np.eye(ZL.shape[1]) + ZL.T @ (ZL * weights[:, None])
    factor = factorise(structure, sandwich(scale, weighted_products(structure, weights)))
    assert factor is not None
    assert factor.logdet == pytest.approx(np.linalg.slogdet(H)[1], rel=RTOL)
    right = random_effects(structure)
    expected = np.linalg.solve(H, to_dense(structure, terms, right))
    np.testing.assert_allclose(to_dense(structure, terms, solve(structure, factor, right)), expected, rtol=1e-8)
    variances = row_variances(structure, sandwich(scale.transposed(), selected_inverse(structure, factor)))
    np.testing.assert_allclose(variances, np.einsum("ij,ji->i", ZL, np.linalg.solve(H, ZL.T)), rtol=1e-8)


def test_indefinite_matrix_has_no_factor(panel, structure_name) -> None:
    structure = build_structure(panel.terms(structure_name))
    products = weighted_products(structure, -np.ones(panel.y.size))
    assert factorise(structure, Products(products.chain, products.cross, products.border)) is None

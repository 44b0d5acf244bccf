import numpy as np
import pytest

from dwangstats.numerics.mixed.parameters import (
    make_layout,
    natural_jacobian,
    natural_labels,
    pack,
    singular_terms,
    to_natural,
    unpack,
)


@pytest.fixture
def layout(panel):
    return make_layout(2, panel.terms("three effects"), dispersed=True, zero=2)


def test_pack_and_unpack_are_inverse(layout) -> None:
    vector = np.arange(1.0, layout.size + 1.0)
    np.testing.assert_array_equal(pack(layout, unpack(layout, vector)), vector)
    assert layout.size == 2 + 6 + 3 + 1 + 2
    assert len(layout.labels) == layout.size


def test_floors_are_diagonals_and_dispersion(layout) -> None:
    held = [label for label, floor in zip(layout.labels, layout.floors, strict=True) if floor == 0.0]
    assert held == [
        "scale provider[0,0]",
        "scale provider[1,1]",
        "scale provider[2,2]",
        "scale location[0,0]",
        "scale location[1,1]",
        "alpha",
    ]


def test_natural_scale_is_that_of_the_covariance(layout) -> None:
    rng = np.random.default_rng(1)
    vector = rng.uniform(0.2, 1.0, layout.size)
    inside = (False, False)
    natural = dict(zip(natural_labels(layout, inside), to_natural(layout, vector, inside), strict=True))
    L = unpack(layout, vector).scales[0]
    covariance = L @ L.T
    assert natural["log sd provider[2]"] == pytest.approx(0.5 * np.log(covariance[2, 2]))
    correlation = covariance[2, 1] / np.sqrt(covariance[1, 1] * covariance[2, 2])
    assert np.tanh(natural["atanh correlation provider[2,1]"]) == pytest.approx(correlation)


def test_jacobian_is_the_derivative(layout) -> None:
    vector = np.random.default_rng(2).uniform(0.2, 1.0, layout.size)
    step = 1e-6
    numeric = np.stack(
        [
            (
                to_natural(layout, vector + step * e, (False, True))
                - to_natural(layout, vector - step * e, (False, True))
            )
            / (2.0 * step)
            for e in np.eye(layout.size)
        ],
        axis=1,
    )
    np.testing.assert_allclose(natural_jacobian(layout, vector, (False, True)), numeric, atol=1e-8)


def test_a_term_at_its_boundary_keeps_its_scale_entries(layout) -> None:
    vector = np.full(layout.size, 0.5)
    vector[layout.fixed + 6] = 0.0
    assert singular_terms(layout, vector) == (False, True)
    labels = natural_labels(layout, singular_terms(layout, vector))
    assert "scale location[0,0]" in labels
    assert "log sd provider[0]" in labels

import numpy as np
import pytest

from dwangstats.errors import DomainError
from dwangstats.numerics.mixed.structure import LARGEST_BORDER, Term, build_structure, nested_in


def ones(codes: np.ndarray, name: str = "g") -> Term:
    return Term(codes.astype(np.intp), np.ones((codes.size, 1)), True, name)


def test_nesting_is_found_whatever_the_numbers(panel) -> None:
    parent = nested_in(panel.location, panel.provider)
    assert parent is not None
    np.testing.assert_array_equal(parent[panel.location], panel.provider)
    assert nested_in(panel.provider, panel.location) is None


@pytest.mark.parametrize(
    ("name", "sizes", "widths", "border"),
    [
        ("intercept", (15,), (1,), 0),
        ("nested", (45, 15), (1, 1), 0),
        ("uncorrelated", (15,), (2,), 0),
        ("two terms one factor", (15,), (2,), 0),
        ("crossed", (15,), (1,), 10),
        ("slopes crossed", (15,), (2,), 20),
        ("all", (45, 15), (1, 2), 10),
    ],
)
def test_chain_and_border(panel, name, sizes, widths, border) -> None:
    found = build_structure(panel.terms(name))
    assert (found.sizes, found.widths, found.border) == (sizes, widths, border)
    assert found.separable == (border == 0)


def test_rows_are_sorted_and_children_adjacent(panel) -> None:
    found = build_structure(panel.terms("nested"))
    assert np.all(np.diff(found.codes) >= 0)
    assert np.all(np.diff(found.parents[0]) >= 0)
    provider = panel.provider[found.order]
    np.testing.assert_array_equal(found.placements[0].order[provider], found.parents[0][found.codes])


def test_observation_level_effect_is_a_level(panel) -> None:
    rows = ones(np.arange(panel.y.size), "row")
    assert build_structure((*panel.terms("nested"), rows)).sizes == (300, 45, 15)


def test_unused_group_number_is_refused() -> None:
    with pytest.raises(DomainError, match=r"'g': 1 of 4 group numbers have no rows \(first: 2\)"):
        build_structure([ones(np.array([0, 1, 3, 3]))])


def test_two_large_crossed_factors_are_refused() -> None:
    n = 2 * LARGEST_BORDER + 2
    first, second = np.arange(n) // 2, np.arange(n) % (LARGEST_BORDER + 1)
    with pytest.raises(DomainError, match=f"'b' have {LARGEST_BORDER + 1} effects"):
        build_structure([ones(first, "a"), ones(second, "b"), ones(np.arange(n) // 2, "c")])

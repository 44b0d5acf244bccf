import numpy as np
import pytest

from dwangstats.numerics.mixed.cells import find_cells
from dwangstats.numerics.mixed.model import evaluate, make_model
from dwangstats.numerics.mixed.structure import Term


def doubled(panel, name: str):
    """Every row twice, so that cells are worthwhile for every structure."""
    twice = np.concatenate((np.arange(panel.y.size),) * 4)
    terms = tuple(Term(t.codes[twice], t.Z[twice], t.correlated, t.name) for t in panel.terms(name))
    return panel.X[twice], panel.y[twice], panel.offset[twice], terms


@pytest.mark.parametrize("name", ["intercept", "nested", "slope", "crossed", "all"])
def test_poisson_cells_leave_value_and_gradient(panel, name) -> None:
    X, y, offset, terms = doubled(panel, name)
    collapsed = make_model(X, y, offset, terms, "poisson", None, 1)
    # NB1 with dispersion zero is Poisson, row by row.
    full = make_model(X, y, offset, terms, "nb1", None, 1)
    assert collapsed.cells is not None
    assert full.cells is None
    entries = len(collapsed.layout.entries)
    vector = np.concatenate(([0.2, 0.1], np.linspace(0.2, 0.5, entries)))
    a, b = evaluate(collapsed, vector), evaluate(full, np.append(vector, 0.0))
    assert a.value == pytest.approx(b.value, abs=1e-8)
    np.testing.assert_allclose(a.gradient, b.gradient[:-1], rtol=1e-8, atol=1e-8)


def test_intercepts_collapse_to_groups(panel) -> None:
    found = find_cells(panel.terms("intercept"))
    assert found is not None
    assert found[1][0].codes.size == 15


def test_rows_of_their_own_are_not_collapsed(panel) -> None:
    assert find_cells(panel.terms("three effects")) is None

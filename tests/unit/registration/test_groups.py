"""Cells of tables."""

import numpy as np
import pandas as pd
import pytest

from dwangstats.errors import DomainError
from dwangstats.registration.groups import make_cells

FRAME = pd.DataFrame(
    {"provider": ["b", "a", "b", "a"], "year": [2021, 2021, 2022, 2021], "hole": [1.0, None, 1.0, 2.0]}
)


def test_cells_are_sorted_and_sum_their_rows() -> None:
    cells = make_cells(FRAME, ["provider", "year"])
    assert cells.keys.to_dict("list") == {"provider": ["a", "b", "b"], "year": [2021, 2021, 2022]}
    values = np.array([[1.0, 10.0, 100.0, 1000.0], [1.0, 1.0, 1.0, 1.0]])
    assert cells.sum(values).tolist() == [[1010.0, 1.0, 100.0], [2.0, 1.0, 1.0]]


def test_no_columns_make_one_cell() -> None:
    cells = make_cells(FRAME, None)
    assert cells.size == 1
    assert cells.sum(np.ones((2, 4))).tolist() == [[4.0], [4.0]]


def test_unknown_and_incomplete_columns_are_refused_together() -> None:
    with pytest.raises(DomainError) as refusal:
        make_cells(FRAME, ["yeer", "hole"])
    assert "no column yeer" in str(refusal.value)
    assert "hole is missing in 1 of 4 rows" in str(refusal.value)

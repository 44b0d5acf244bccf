"""Headline figures, by hand."""

import math

import numpy as np
import pytest

from dwangstats.worlds.headline import growth_figures, kept_figures
from dwangstats.worlds.quarters import Calendar

COMPLETE = np.array([True, False])


def yearly(calendar: Calendar, first: list[list[float]], last: list[list[float]]) -> np.ndarray:
    """Provider x quarter x form, with the given totals in 2021 and 2023 (and nothing in 2022)."""
    cube = np.zeros((2, len(calendar.starts), 2))
    cube[:, 1, :] = first
    cube[:, -1, :] = last
    return cube


def test_growth_by_hand(calendar: Calendar):
    cube = yearly(calendar, [[10, 30], [5, 0]], [[12, 40], [0, 0]])
    out = growth_figures(("seclusion", "other"), calendar, COMPLETE, {"true": cube})
    assert out["seclusion"]["complete"]["true"] == pytest.approx(0.2)
    assert out["all"]["complete"]["true"] == pytest.approx(52 / 40 - 1)
    assert out["seclusion"]["all"]["true"] == pytest.approx(12 / 15 - 1)
    assert out["other"]["all"]["true"] == pytest.approx(1 / 3, abs=1e-6)


def test_growth_from_nothing_is_not_a_number(calendar: Calendar):
    cube = yearly(calendar, [[0, 1], [0, 1]], [[3, 1], [0, 1]])
    out = growth_figures(("seclusion", "other"), calendar, COMPLETE, {"true": cube})
    assert math.isnan(out["seclusion"]["all"]["true"])
    assert out["other"]["all"]["true"] == 0.0


def test_kept_by_hand():
    assert kept_figures(COMPLETE, {"bed_days": np.array([30.0, 10.0])}) == {"providers": 0.5, "bed_days": 0.75}

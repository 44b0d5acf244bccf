"""Fits of the reference models by this package, each made once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import dwangstats as dw
from parity.reference import frame_of, reference_fits


@pytest.fixture(scope="session")
def fit_here(real_data: Path) -> Callable[[str], Any]:
    """Fit the model of a reference id on the real rows, through the public names only."""
    by_id = {fit.id: fit for fit in reference_fits()}

    @cache
    def fit(reference_id: str) -> Any:
        reference = by_id[reference_id]
        frame = frame_of(reference, real_data)
        return dw.RateModel(reference.formula, frame, family=reference.family, exposure=reference.exposure).fit()

    return fit

"""Registers that the tests of the specification share."""

import pandas as pd
import pytest

import dwangstats as dw
from specification.hand_made import Register, deliveries, exposure, half_years, quarters


@pytest.fixture
def register() -> Register:
    """An empty register."""
    return Register()


@pytest.fixture
def quiet() -> Register:
    """Three providers with 40 ordinary seclusions each, over the first half of 2023, at irregular moments."""
    made = Register()
    for seed, provider in enumerate("ABC"):
        made.background(provider, 40, seed=seed + 1)
    return made


@pytest.fixture(scope="session")
def beds() -> pd.DataFrame:
    """Bed-days of three providers in the quarters of three years."""
    return exposure("ABC", quarters(2021, 2023))


@pytest.fixture(scope="session")
def quiet_tables() -> dw.Tables:
    """Five providers, 2022 and 2023, everything delivered in time, nothing wrong."""
    made = Register()
    for seed, provider in enumerate("ABCDE"):
        made.background(provider, 80, seed=seed + 20, first="2022-01-02", days=720)
    return made.tables(
        exposure=exposure("ABCDE", half_years(2022, 2023)), deliveries=deliveries("ABCDE", half_years(2022, 2023))
    )

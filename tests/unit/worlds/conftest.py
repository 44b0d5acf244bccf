"""A population of providers large enough that the spread of what the layers draw can be seen."""

import numpy as np
import pytest

from dwangstats.worlds.exposure import Exposure, draw_exposure
from dwangstats.worlds.network import Network, draw_network
from dwangstats.worlds.parameters import WVGGZ, YEARS, Size
from dwangstats.worlds.quarters import Calendar

MANY = Size(providers=3000, beds_per_provider=125.0, locations=(3, 5))


@pytest.fixture(scope="session")
def calendar() -> Calendar:
    return Calendar(YEARS)


@pytest.fixture(scope="session")
def network(calendar: Calendar) -> Network:
    return draw_network(WVGGZ, MANY, calendar, np.random.default_rng(101))


@pytest.fixture(scope="session")
def exposure(network: Network, calendar: Calendar) -> Exposure:
    return draw_exposure(WVGGZ, network, calendar, np.random.default_rng(102))

from collections.abc import Callable

import numpy as np
import pytest

from dwangstats.numerics.mixed.structure import Term

N, PROVIDERS, LOCATIONS, PERIODS = 300, 15, 45, 10


class Panel:
    """Rows in no particular order: locations in providers, crossed with periods."""

    def __init__(self, seed: int = 3) -> None:
        rng = np.random.default_rng(seed)
        self.provider = rng.permutation(PROVIDERS)[np.repeat(np.arange(PROVIDERS), 20)]
        self.location = rng.permutation(LOCATIONS)[np.repeat(np.arange(LOCATIONS), [5, 7, 8] * PROVIDERS)]
        self.period = rng.permutation(np.tile(np.arange(PERIODS), N // PERIODS))
        self.time = (self.period - 4.5) / 5.0
        self.x = rng.normal(size=N)
        shuffled = rng.permutation(N)
        for name in ("provider", "location", "period", "time", "x"):
            setattr(self, name, getattr(self, name)[shuffled])
        self.X = np.column_stack((np.ones(N), self.x))
        self.zero_X = np.column_stack((np.ones(N), rng.normal(size=N)))
        self.offset = 0.3 * rng.normal(size=N)
        effect = 0.5 * rng.normal(size=PROVIDERS)[self.provider]
        mean = np.exp(0.5 + 0.3 * self.x + self.offset + effect) * rng.gamma(2.0, 0.5, N)
        self.y = rng.poisson(mean).astype(float)
        self.with_zeros = np.where(rng.random(N) < 0.3, 0.0, self.y)

    def terms(self, name: str) -> tuple[Term, ...]:
        """Random terms by the name of the structure."""
        ones, slope = np.ones((N, 1)), np.column_stack((np.ones(N), self.time))
        both = np.column_stack((np.ones(N), self.time, self.x))
        provider, location, period = (c.astype(np.intp) for c in (self.provider, self.location, self.period))
        found = {
            "intercept": [Term(provider, ones, True, "provider")],
            "only slope": [Term(provider, self.time[:, None], True, "provider")],
            "nested": [Term(provider, ones, True, "provider"), Term(location, ones, True, "location")],
            "slope": [Term(provider, slope, True, "provider")],
            "uncorrelated": [Term(provider, slope, False, "provider")],
            "two terms one factor": [
                Term(provider, ones, True, "provider"),
                Term(provider, self.time[:, None], True, "time"),
            ],
            "crossed": [Term(provider, ones, True, "provider"), Term(period, ones, True, "period")],
            "slopes crossed": [Term(provider, slope, True, "provider"), Term(period, self.X, True, "period")],
            "all": [
                Term(provider, slope, True, "provider"),
                Term(location, ones, True, "location"),
                Term(period, ones, True, "period"),
            ],
            "three effects": [Term(provider, both, True, "provider"), Term(location, self.X, True, "location")],
        }
        return tuple(found[name])


STRUCTURES = (
    "intercept",
    "only slope",
    "nested",
    "slope",
    "uncorrelated",
    "two terms one factor",
    "crossed",
    "slopes crossed",
    "all",
    "three effects",
)


@pytest.fixture(scope="session")
def panel() -> Panel:
    return Panel()


@pytest.fixture(params=STRUCTURES)
def structure_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def dense_z() -> Callable[[tuple[Term, ...]], np.ndarray]:
    """Z as a matrix: the effects of the terms in the order given, group by group."""

    def build(terms: tuple[Term, ...]) -> np.ndarray:
        blocks = []
        for term in terms:
            block = np.zeros((term.codes.size, term.groups * term.width))
            for j in range(term.width):
                block[np.arange(term.codes.size), term.codes * term.width + j] = term.Z[:, j]
            blocks.append(block)
        return np.concatenate(blocks, axis=1)

    return build

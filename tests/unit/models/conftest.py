import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def wards() -> pd.DataFrame:
    """240 rows of 20 providers in three years; counts differ more than Poisson counts do."""
    rng = np.random.default_rng(20250107)
    n = 240
    frame = pd.DataFrame(
        {
            "provider": [f"p{i % 20:02d}" for i in range(n)],
            "year": 2021 + np.arange(n) // 80,
            "setting": rng.choice(["closed", "open"], size=n),
            "x": rng.normal(size=n).round(3),
            "bed_days": rng.uniform(500, 5000, size=n).round(),
        }
    )
    rate = 0.01 * np.exp(0.15 * (frame["year"] - 2021) + 0.3 * (frame["setting"] == "open") + 0.1 * frame["x"])
    return frame.assign(events=rng.poisson(rate * frame["bed_days"] * rng.gamma(8.0, 1 / 8.0, size=n)))


@pytest.fixture(scope="session")
def even(wards: pd.DataFrame) -> pd.DataFrame:
    """Counts that differ less than Poisson counts do."""
    return wards.assign(events=np.round(0.01 * wards["bed_days"]).astype(int))

"""Small registers with a known truth, made by numpy alone."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

import dwangstats as dw

MakeRegister = Callable[..., pd.DataFrame]


def _register(
    seed: int = 1,
    *,
    providers: int = 40,
    years: tuple[int, ...] = (2021, 2022),
    rate: float = 0.01,
    growth: float = 0.1,
    completeness: float = 0.7,
    improvement: float = 0.4,
    quality_effect: float = 0.0,
    su: float = 0.4,
    sv: float = 0.5,
) -> pd.DataFrame:
    """provider, period (half-years), bed_days, true (events), events (of those registered), quality, p."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        [(f"P{g:02d}", f"{year}-H{half}", year) for g in range(providers) for year in years for half in (1, 2)],
        columns=["provider", "period", "calendar"],
    )
    g = pd.factorize(frame["provider"])[0]
    since = frame["calendar"].to_numpy() - years[0]
    u, v = rng.normal(0.0, su, providers), rng.normal(0.0, sv, providers)
    quality = rng.normal(size=len(frame))
    days = rng.uniform(2000.0, 8000.0, len(frame)).round()
    p = expit(logit(completeness) + improvement * since + quality_effect * quality + v[g])
    true = rng.poisson(days * rate * np.exp(growth * since + u[g]))
    made = {"bed_days": days, "true": true, "events": rng.binomial(true, p), "quality": quality, "p": p}
    return frame.assign(**made).drop(columns="calendar")


def _audit(register: pd.DataFrame, seed: int = 2, *, providers: int = 15, found: int = 25) -> pd.DataFrame:
    """An audit that draws events of the first providers without looking at the register."""
    rng = np.random.default_rng(seed)
    rows = register[register["provider"].isin(sorted(register["provider"].unique())[:providers])]
    n = np.minimum(found, rows["true"].to_numpy())
    m = rng.hypergeometric(rows["events"].to_numpy(), (rows["true"] - rows["events"]).to_numpy(), n)
    return pd.DataFrame(
        {
            "provider_id": rows["provider"].to_numpy(),
            "period": rows["period"].to_numpy(),
            "n_found": n,
            "n_registered": m,
        }
    )


def _second(register: pd.DataFrame, seed: int = 3, *, completeness: float = 0.6) -> pd.DataFrame:
    """A second register that captures events independently of the first."""
    rng = np.random.default_rng(seed)
    both = rng.binomial(register["events"], completeness)
    return pd.DataFrame(
        {
            "provider_id": register["provider"],
            "period": register["period"],
            "both": both,
            "register_only": register["events"] - both,
            "other_only": rng.binomial(register["true"] - register["events"], completeness),
        }
    )


def _panel(register: pd.DataFrame, **options: object) -> dw.Panel:
    covariates = [name for name in ("quality",) if name in register]
    names = {"provider": "provider", "period": "period", "events": "events", "exposure": "bed_days"}
    return dw.Panel.from_frame(register, **({**names, "covariates": covariates} | options))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def make_register() -> MakeRegister:
    return _register


@pytest.fixture(scope="session")
def make_audit() -> MakeRegister:
    return _audit


@pytest.fixture(scope="session")
def make_second() -> MakeRegister:
    return _second


@pytest.fixture(scope="session")
def make_panel() -> Callable[..., dw.Panel]:
    return _panel


@pytest.fixture(scope="session")
def register() -> pd.DataFrame:
    return _register()


@pytest.fixture(scope="session")
def audit_table(register: pd.DataFrame) -> pd.DataFrame:
    return _audit(register)


@pytest.fixture(scope="session")
def panel(register: pd.DataFrame) -> dw.Panel:
    return _panel(register)

"""Panels of providers that report normally, and of some that do not."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from dwangstats.data.panels.panel import Panel

HALF_YEARS = ("2021-H1", "2021-H2", "2022-H1", "2022-H2", "2023-H1", "2023-H2")


def make_panel(counts: np.ndarray, days: np.ndarray | float = 1000.0, *, delivered: np.ndarray | None = None) -> Panel:
    """A panel of counts (providers, half-years) with bed-days of the same shape, or the same for all."""
    providers, periods = counts.shape
    frame = pd.DataFrame(
        {
            "provider": np.repeat([f"p{number:02d}" for number in range(providers)], periods),
            "period": np.tile(HALF_YEARS[:periods], providers),
            "events": counts.ravel().astype(float),
            "days": np.broadcast_to(days, counts.shape).ravel(),
            "delivered": True if delivered is None else delivered.ravel(),
        }
    )
    frame.loc[~frame["delivered"], "events"] = np.nan
    return Panel.from_frame(
        frame, provider="provider", period="period", events="events", exposure="days", delivered="delivered"
    )


def normal_counts(
    rng: np.random.Generator, providers: int, *, mean: float = 20.0, sd: float = 0.8, alpha: float = 0.05
) -> np.ndarray:
    """Counts (providers, 6) of providers that report normally, at equal bed-days."""
    level = mean * np.exp(sd * rng.standard_normal((providers, 1)))
    rates = level * (rng.gamma(1.0 / alpha, alpha, size=(providers, 6)) if alpha > 0.0 else np.ones((providers, 6)))
    return rng.poisson(rates)


def declare_nothing(panel: Panel, places: Iterable[tuple[str, str]]) -> Panel:
    """The panel in which some (provider, period) were delivered as nothing to report."""
    status = panel.delivery_status
    chosen = pd.MultiIndex.from_frame(status[["provider", "period"]]).isin(list(places))
    return replace(panel, delivery_status=status.assign(status=status["status"].mask(chosen, "nothing_to_report")))

"""Do 95 % intervals for the year rate ratio hold the truth 95 % of the time when providers differ?

Data: 10 or 40 providers, half-years of 2021 to 2023, exposure over a factor of about five between providers. Log rates
differ between providers (SD 0.7) and each provider has its own change per year (SD 0.15); counts are negative binomial
(dispersion 0.1) around that. The marginal rate ratio 2023 / 2021 is exp(0.2): both years have the same distribution of
provider effects. A Poisson model is right about the mean and wrong about everything else; CR2 with Satterthwaite
degrees of freedom must repair that, the Poisson interval cannot.

With a level per provider the promise (93 to 97 %) holds with 10 providers. With years alone and 10 providers it does
not, because one or two large providers decide the ratio and the degrees of freedom do not know it: a dense textbook
computation apart from this package covered 0.921 in 1,500 replicates (CR1 0.909; with provider levels 0.943 and 0.927;
with 40 providers and years alone 0.945 in 800). That shortfall is asserted here, so that it cannot be forgotten.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import dwangstats as dw

REPLICATES = 400
PROMISED = (0.93, 0.97)
SHORT_OF_THE_PROMISE = 0.921
TRUE_LOG_RATIO = 0.2
YEARS = (2021, 2022, 2023)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Share of the intervals that hold the truth."""

    held: int
    of: int

    @property
    def share(self) -> float:
        return self.held / self.of

    @property
    def band(self) -> tuple[float, float]:
        """99 % Clopper-Pearson interval: what this many replicates say about the coverage."""
        interval = stats.binomtest(self.held, self.of).proportion_ci(confidence_level=0.99, method="exact")
        return float(interval.low), float(interval.high)

    def __str__(self) -> str:
        return f"{self.share:.3f} (99% Monte Carlo band {self.band[0]:.3f} to {self.band[1]:.3f}, {self.of} replicates)"


def draw_panel(providers: int, rng: np.random.Generator) -> pd.DataFrame:
    periods = [(year, half) for year in YEARS for half in (1, 2)]
    level = rng.normal(0.0, 0.7, size=providers)
    drift = rng.normal(0.0, 0.15, size=(providers, len(YEARS)))
    size = np.exp(rng.normal(9.0, 0.5, size=providers))
    rows = []
    for year, half in periods:
        t = YEARS.index(year)
        bed_days = size * np.exp(rng.normal(0.0, 0.05, size=providers))
        mean = bed_days * np.exp(-6.0 + TRUE_LOG_RATIO * t / 2 + level + drift[:, t])
        events = rng.poisson(mean * rng.gamma(10.0, 0.1, size=providers))
        rows.append(
            pd.DataFrame(
                {"provider": np.arange(providers).astype(str), "year": year, "half": half, "events": events}
            ).assign(bed_days=bed_days)
        )
    return pd.concat(rows, ignore_index=True)


def ratio_holds_truth(result: Any) -> bool:
    ratio = dw.rate_ratio(result, "year", before=YEARS[0], after=YEARS[-1])
    return bool(ratio.lower <= np.exp(TRUE_LOG_RATIO) <= ratio.upper)


def coefficient_holds_truth(result: Any) -> bool:
    """The same question asked of the coefficient, which is the log of the ratio here and quicker to get."""
    lower, upper = np.asarray(result.conf_int(level=0.95))[list(result.params.index).index(f"C(year)[T.{YEARS[-1]}]")]
    return bool(lower <= TRUE_LOG_RATIO <= upper)


def run(formula: str, providers: int, seed: int) -> dict[str, Coverage]:
    held = {"poisson": 0, "CR1": 0, "CR2": 0}
    for child in np.random.SeedSequence(seed).spawn(REPLICATES):
        frame = draw_panel(providers, np.random.default_rng(child))
        fit = dw.RateModel(formula, frame, exposure="bed_days").fit()
        held["poisson"] += coefficient_holds_truth(fit)
        held["CR1"] += coefficient_holds_truth(fit.robust("CR1", cluster="provider"))
        held["CR2"] += ratio_holds_truth(fit.robust("CR2", cluster="provider"))
    return {kind: Coverage(count, REPLICATES) for kind, count in held.items()}


def measure(formula: str, providers: int, seed: int, capsys: pytest.CaptureFixture[str]) -> dict[str, Coverage]:
    coverage = run(formula, providers, seed)
    with capsys.disabled():
        for kind, measured in coverage.items():
            print(f"\ncoverage of 95% intervals, {providers} providers, {formula}, {kind}: {measured}", end="")  # noqa: T201
    return coverage


@pytest.mark.slow
@pytest.mark.parametrize(
    ("formula", "providers", "seed"),
    [("events ~ C(year) + C(provider)", 10, 1311), ("events ~ C(year)", 40, 1340)],
)
def test_cr2_intervals_keep_the_promise(
    formula: str, providers: int, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    coverage = measure(formula, providers, seed, capsys)
    # The promise is refuted when the band of what was measured lies outside it altogether.
    low, high = coverage["CR2"].band
    assert low <= PROMISED[1]
    assert high >= PROMISED[0]
    assert_poisson_is_far_too_narrow(coverage)


@pytest.mark.slow
def test_with_ten_unequal_providers_and_years_alone_cr2_falls_short(capsys: pytest.CaptureFixture[str]) -> None:
    coverage = measure("events ~ C(year)", 10, 1310, capsys)
    low, high = coverage["CR2"].band
    assert low <= SHORT_OF_THE_PROMISE <= high
    assert high < PROMISED[1]
    assert coverage["CR1"].share <= coverage["CR2"].share
    assert_poisson_is_far_too_narrow(coverage)


def assert_poisson_is_far_too_narrow(coverage: dict[str, Coverage]) -> None:
    assert coverage["poisson"].band[1] < 0.75
    assert coverage["poisson"].share < coverage["CR2"].share - 0.25

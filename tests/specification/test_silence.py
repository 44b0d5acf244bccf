"""P(silence if it reported normally) against another quadrature, and the pattern of providers made by hand."""

from typing import Literal

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import dwangstats as dw
from specification.hand_made import half_years

PERIODS = half_years(2020, 2024)
ORDINARY = [f"P{i:02d}" for i in range(30)]
Family = Literal["poisson", "nb2"]


def counts(family: Family) -> pd.DataFrame:
    """Thirty providers with an effect of log-sd 0.5 and about 40 registrations per half-year, all delivered."""
    rng = np.random.default_rng(8)
    rows = []
    for i, provider in enumerate(ORDINARY):
        effect = 0.5 * rng.standard_normal()
        beds = 4000.0 + 150.0 * i
        for t, period in enumerate(PERIODS):
            mean = 0.008 * beds * np.exp(effect + 0.03 * t)
            draw = rng.poisson(mean) if family == "poisson" else rng.negative_binomial(10, 1.0 / (1.0 + mean / 10.0))
            rows.append((provider, period, int(draw), beds, True))
    return pd.DataFrame(rows, columns=["provider", "period", "events", "bed_days", "delivered"])


def provider(name: str, events: list[float | None], beds: float = 5000.0) -> pd.DataFrame:
    """One provider with given counts; None was not delivered."""
    return pd.DataFrame(
        {
            "provider": name,
            "period": PERIODS,
            "events": [np.nan if e is None else float(e) for e in events],
            "bed_days": beds,
            "delivered": [e is not None for e in events],
        }
    )


def panel_of(*frames: pd.DataFrame) -> dw.Panel:
    frame = pd.concat(frames, ignore_index=True)
    return dw.Panel.from_frame(
        frame,
        provider="provider",
        period="period",
        events="events",
        exposure="bed_days",
        delivered="delivered",
        blank_events="not delivered",
    )


MADE: dict[str, list[float | None]] = {
    "complete": [38, 41, 35, 44, 40, 39, 45, 37, 42, 41],
    "partial": [38, None, None, 44, 40, None, 45, 37, None, 41],
    "joiner": [0, 0, 0, 0, 40, 39, 45, 37, 42, 41],
    "leaver": [38, 41, 35, 44, 40, 39, 45, 0, 0, 0],
    "flickering": [38, 0, 35, 44, 0, 39, 0, 37, 42, 41],
    "silent": [0] * 10,
    "undelivered": [None] * 10,
    "silent and not delivered": [0, 0, None, 0, 0, 0, None, 0, 0, 0],
    "joiner with a gap": [0, 0, None, 0, 40, 39, 45, 37, 42, 41],
}


@pytest.fixture(scope="module", params=["poisson", "nb2"])
def patterns(request: pytest.FixtureRequest) -> dw.ReportingPatterns:
    family: Family = request.param
    made = [provider(name, events) for name, events in MADE.items()]
    small = provider("small and truly zero", [0, 1, 0, 0, 2, 0, 0, 1, 0, 0], beds=60.0)
    empty = provider("too small to tell", [0] * 10, beds=12.0)
    return dw.reporting_patterns(panel_of(counts(family), *made, small, empty), family=family)


def test_patterns_of_providers_made_by_hand(patterns: dw.ReportingPatterns) -> None:
    found = patterns.table.set_index("provider")["pattern"]
    expected = {
        name: name for name in ("complete", "partial", "joiner", "leaver", "flickering", "silent", "undelivered")
    }
    expected |= {
        "silent and not delivered": "silent",
        "joiner with a gap": "joiner",
        "small and truly zero": "complete",
        "too small to tell": "zero",
    }
    assert {name: found[name] for name in expected} == expected
    # Ordinary providers report throughout; at a false discovery rate of 5 % of nine silent ones at most one is wrong.
    assert (found[ORDINARY] == "complete").sum() >= len(ORDINARY) - 1


def test_zeros_are_never_made_of_missing_rows(patterns: dw.ReportingPatterns) -> None:
    table = patterns.table.set_index("provider")
    for name, events in MADE.items():
        known = [e for e in events if e is not None]
        assert table.loc[name, "periods"] == len(PERIODS)
        assert table.loc[name, "delivered"] == len(known), name
        assert table.loc[name, "zero"] == sum(e == 0 for e in known), name
        assert table.loc[name, "with_registrations"] == sum(e > 0 for e in known), name
        assert table.loc[name, "events"] == sum(known), name
    states = patterns.periods.set_index(["provider", "period"])
    for name, events in MADE.items():
        for period, e in zip(PERIODS, events, strict=True):
            row = states.loc[(name, period)]
            if e is None:
                assert row["state"] == "absent"
                assert np.isnan(row["events"])
                assert np.isnan(row["p_silence"])
            else:
                assert row["events"] == e
                assert row["state"] in ({"registrations"} if e > 0 else {"zero", "silent"})


def test_a_half_year_without_a_row_is_no_zero() -> None:
    frame = counts("poisson")
    gone = frame[(frame["provider"] == "P03") & frame["period"].isin(["2021-H1", "2021-H2"])]
    patterns = dw.reporting_patterns(panel_of(frame.drop(index=gone.index)), family="poisson")
    row = patterns.table.set_index("provider").loc["P03"]
    assert row["zero"] == 0
    assert row["delivered"] == len(PERIODS) - 2
    states = patterns.periods.set_index(["provider", "period"])["state"]
    assert states.get(("P03", "2021-H1"), "absent") == "absent"


def test_silent_stretches_are_named(patterns: dw.ReportingPatterns) -> None:
    table = patterns.table.set_index("provider")
    assert table.loc["joiner", ["silent", "first_silent", "last_silent"]].tolist() == [4, "2020-H1", "2021-H2"]
    assert table.loc["leaver", ["silent", "first_silent", "last_silent"]].tolist() == [3, "2023-H2", "2024-H2"]
    assert table.loc["flickering", ["silent", "first_silent", "last_silent"]].tolist() == [3, "2020-H2", "2023-H1"]
    assert table.loc["complete", "silent"] == 0
    assert table.loc["small and truly zero", "silent"] == 0


def mean_at_no_effect(patterns: dw.ReportingPatterns, name: str) -> "pd.Series[float]":
    """Expected registrations of a provider with effect 0, from the coefficients alone."""
    fit = patterns.rates
    params = fit.params
    rows = patterns.periods[patterns.periods["provider"] == name].set_index("period")
    eta = {}
    for period in PERIODS:
        own = [value for key, value in params.items() if period in str(key)]
        assert len(own) <= 1
        eta[period] = float(params["Intercept"]) + (float(own[0]) if own else 0.0)
    return np.exp(pd.Series(eta)) * rows["bed_days"].reindex(PERIODS).astype(float)


def my_log_p(patterns: dw.ReportingPatterns, name: str, silent: list[str]) -> float:
    """log P(zeros in the silent periods | counts in the others), the effect integrated out by 6,001 trapezoids."""
    mean = mean_at_no_effect(patterns, name)
    (sd,) = (float(s) for s in np.ravel(list(dict(patterns.rates.random_sd).values())))
    alpha = float(patterns.rates.dispersion or 0.0)
    states = patterns.periods[(patterns.periods["provider"] == name) & patterns.periods["delivered"]].set_index(
        "period"
    )
    others = [p for p in states.index if p not in silent and states.loc[p, "state"] != "silent"]

    def log_integrand(rows: list[str], u: np.ndarray) -> np.ndarray:
        mu = mean[rows].to_numpy() * np.exp(sd * u[:, None])
        y = states.loc[rows, "events"].to_numpy(dtype=float)
        if alpha == 0.0:
            rowwise = stats.poisson.logpmf(y, mu)
        else:
            rowwise = stats.nbinom.logpmf(y, 1.0 / alpha, 1.0 / (1.0 + alpha * mu))
        return np.asarray(rowwise.sum(axis=1) + stats.norm.logpdf(u))

    def log_integral(rows: list[str]) -> float:
        coarse = np.linspace(-40.0, 12.0, 1041)
        centre = coarse[log_integrand(rows, coarse).argmax()]
        fine = np.linspace(centre - 9.0, centre + 9.0, 6001)
        values = log_integrand(rows, fine)
        return float(special.logsumexp(values) + np.log(fine[1] - fine[0]))

    return log_integral(others + silent) - (log_integral(others) if others else 0.0)


@pytest.mark.parametrize(
    ("name", "silent"),
    [
        ("joiner", [0, 1, 2, 3]),
        ("leaver", [7, 8, 9]),
        ("silent", list(range(10))),
        ("silent and not delivered", [0, 1, 3, 4, 5, 7, 8, 9]),
        ("joiner with a gap", [0, 1, 3]),
        ("flickering", [1, 4, 6]),
    ],
)
def test_the_probability_of_silence_is_the_integral_over_the_effect(
    patterns: dw.ReportingPatterns, name: str, silent: list[int]
) -> None:
    row = patterns.table.set_index("provider").loc[name]
    expected = my_log_p(patterns, name, [PERIODS[i] for i in silent])
    # Trapezoids over a smooth peak of 18 standard deviations are exact to rounding; log p goes down to -1e2.
    assert row["log_p_silence"] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert row["p_silence"] == pytest.approx(np.exp(expected), rel=1e-4)


def test_zeros_of_a_small_provider_have_an_ordinary_probability(patterns: dw.ReportingPatterns) -> None:
    states = patterns.periods[patterns.periods["provider"] == "small and truly zero"].set_index("period")
    stretch = ["2021-H1", "2021-H2"]  # zeros between a 1 (2020-H2) and a 2 (2022-H1)
    assert states.loc[stretch, "state"].tolist() == ["zero", "zero"]
    expected = my_log_p(patterns, "small and truly zero", stretch)
    zeros = [p for p in PERIODS if states.loc[p, "events"] == 0 and p not in stretch]
    assert zeros  # the other zeros are among the periods that are given
    for period in stretch:
        assert states.loc[period, "log_p_silence"] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert states.loc[stretch, "p_silence"].between(0.01, 1.0).all()


def test_the_table_of_deliveries_tells_nothing_to_report_from_silence() -> None:
    frame = counts("poisson")
    zero = provider("said so", [40, 38, 41, 0, 0, 39, 40, 44, 38, 40])
    patterns = dw.reporting_patterns(panel_of(frame, zero), family="poisson")
    row = patterns.table.set_index("provider").loc["said so"]
    assert row["zero"] == 2
    assert row["silent"] == 2


def test_odds_need_a_prior_share_of_silent_providers() -> None:
    panel = panel_of(counts("poisson"), provider("silent", [0] * 10))
    without = dw.reporting_patterns(panel, family="poisson")
    assert not {"log_odds", "probability_silent"} & set(without.table.columns)
    low, high = (dw.reporting_patterns(panel, family="poisson", prior_silent=p) for p in (0.02, 0.2))
    rows = [p.table.set_index("provider").loc["silent"] for p in (low, high)]
    # The prior is that of any silence, and a quarter of it that of silence from beginning to end: the odds are at least
    # those of that set alone, prior odds times a quarter over its probability, and at most those of a prior all on it.
    parts = [
        row["log_odds"] - special.logit(p) + row["log_p_silence"] for row, p in zip(rows, (0.02, 0.2), strict=True)
    ]
    assert parts[0] == pytest.approx(parts[1], abs=1e-9)
    assert np.log(0.25) <= parts[0] < np.log(0.25) + 0.1
    ordinary = high.table[high.table["zero"] == 0]
    assert (ordinary["probability_silent"].fillna(0.0) == 0.0).all()


@pytest.mark.parametrize("arguments", [{"level": 0.0}, {"level": 1.0}, {"nothing": 1.0}, {"prior_silent": 1.0}])
def test_arguments_outside_their_range_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(dw.DomainError):
        dw.reporting_patterns(panel_of(counts("poisson")), family="poisson", **arguments)


def test_names_and_order_of_providers_do_not_matter() -> None:
    frame = pd.concat([counts("poisson"), provider("joiner", MADE["joiner"])], ignore_index=True)
    one = dw.reporting_patterns(panel_of(frame), family="poisson").table
    names = {name: f"Z{i:03d}" for i, name in enumerate(sorted(frame["provider"].unique(), reverse=True))}
    turned = frame.assign(provider=frame["provider"].map(names)).iloc[::-1].reset_index(drop=True)
    other = dw.reporting_patterns(panel_of(turned), family="poisson").table
    expected = one.assign(provider=one["provider"].map(names)).sort_values("provider").reset_index(drop=True)
    pd.testing.assert_frame_equal(other, expected, rtol=1e-5, atol=1e-6)

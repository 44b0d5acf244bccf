"""Rounded and suppressed counts: the likelihood is the sum over the interval, and no middle is ever a count."""

import math
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

import dwangstats as dw
from dwangstats.data.panels.intervals import interval_of_rounded, interval_of_suppressed
from dwangstats.numerics.censored import interval_derivatives, interval_loglik

Family = Literal["poisson", "nb2", "nb1"]
FAMILIES: tuple[Family, ...] = ("poisson", "nb2", "nb1")


def log_pmf(family: Family, y: np.ndarray, mean: "float | np.ndarray", alpha: float) -> np.ndarray:
    """Log probability of counts, by scipy.stats."""
    if family == "poisson" or alpha == 0.0:
        return np.asarray(stats.poisson.logpmf(y, mean))
    size = 1.0 / alpha if family == "nb2" else mean / alpha
    return np.asarray(stats.nbinom.logpmf(y, size, size / (size + mean)))


def brute(family: Family, lower: float, upper: float, mean: float, alpha: float) -> float:
    """Log of the sum over the members; an infinite interval up to where nothing is left."""
    spread = math.sqrt(mean * (1.0 + alpha * max(mean, 1.0)))
    last = upper if math.isfinite(upper) else math.ceil(max(lower, mean) + 200.0 * spread + 2000.0)
    return float(special.logsumexp(log_pmf(family, np.arange(lower, last + 1.0), mean, alpha)))


INTERVALS = [
    (0, 4),
    (1, 4),
    (0, 0),
    (8, 12),
    (3, 7),
    (98, 102),
    (0, 2),
    (100, math.inf),
    (1, math.inf),
    (0, 9),
    (30, 300),
]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("alpha", [0.0, 0.05, 0.8, 3.0])
@pytest.mark.parametrize("mean", [0.02, 1.3, 9.5, 104.0])
def test_the_likelihood_is_the_sum_over_the_interval(family: Family, alpha: float, mean: float) -> None:
    lower = np.array([a for a, _ in INTERVALS], dtype=float)
    upper = np.array([b for _, b in INTERVALS], dtype=float)
    eta = np.full(len(INTERVALS), math.log(mean))
    expected = [brute(family, a, b, mean, alpha) for a, b in INTERVALS]
    np.testing.assert_allclose(interval_loglik(family, lower, upper, eta, alpha), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_derivatives_are_those_of_the_sum(family: Family) -> None:
    alpha, step = 0.4, 1e-4
    for mean in (0.7, 6.0, 40.0):
        for a, b in ((0, 4), (8, 12), (3, 60), (1, math.inf)):

            def at(shift: float, more: float = 0.0, a: int = a, b: float = b, mean: float = mean) -> float:
                return brute(family, a, b, mean * math.exp(shift), alpha + more)

            one = np.ones(1)
            d = interval_derivatives(family, a * one, b * one, math.log(mean) * one, alpha, with_alpha=True)
            # Central differences: error of order step^2 and rounding 1e-15 / step (^2 for the second).
            assert d.d_eta[0] == pytest.approx((at(step) - at(-step)) / (2 * step), rel=1e-5, abs=1e-6)
            assert d.d2_eta[0] == pytest.approx((at(step) - 2 * at(0.0) + at(-step)) / step**2, rel=1e-3, abs=1e-4)
            assert d.d_alpha[0] == pytest.approx((at(0.0, step) - at(0.0, -step)) / (2 * step), rel=1e-5, abs=1e-6)


# From published texts to intervals


@pytest.mark.parametrize("base", [2, 3, 5, 10])
@pytest.mark.parametrize("ties", ["up", "down", "even"])
def test_every_count_lies_in_the_interval_it_is_rounded_to_and_in_no_other(
    base: int, ties: Literal["up", "down", "even"]
) -> None:
    def shown(count: int) -> int:
        whole, rest = divmod(count, base)
        tie = {"up": True, "down": False, "even": whole % 2 == 1}[ties]
        return base * (whole + (tie if 2 * rest == base else 2 * rest > base))

    values = np.arange(0, 20 * base, base)
    lower, upper = interval_of_rounded(values, base, ties=ties)
    for count in range(19 * base):
        inside = (lower <= count) & (count <= upper)
        assert values[inside].tolist() == [shown(count)]
    assert lower[0] == 0


def test_the_examples_of_the_documentation() -> None:
    lower, upper = interval_of_rounded(np.array([0.0, 10.0]), 5)
    assert (lower.tolist(), upper.tolist()) == ([0, 8], [2, 12])
    assert interval_of_suppressed(5) == (0, 4)
    assert interval_of_suppressed(10, zero_shown=True) == (1, 9)
    with pytest.raises(dw.DomainError):
        interval_of_rounded(7, 5)
    with pytest.raises(dw.DomainError):
        interval_of_suppressed(0)


def rows(n: int = 40) -> pd.DataFrame:
    """Counts of ten providers over four years, small enough to be suppressed now and then."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"provider": [f"P{i % 10}" for i in range(n)], "year": [2020 + i // 10 for i in range(n)]})
    frame["bed_days"] = 900.0 + 137.0 * (frame.index % 10) + 11.0 * (frame["year"] - 2020)
    mean = 0.008 * frame["bed_days"] * np.exp(0.15 * (frame["year"] - 2020))
    frame["events"] = rng.negative_binomial(4, 1.0 / (1.0 + mean / 4.0)).astype(float)
    frame["late"] = (frame["year"] >= 2022).astype(float)
    return frame


def interval_panel(frame: pd.DataFrame, width: int, **other: object) -> dw.Panel:
    """Every count known to a block of `width` values only."""
    made = frame.assign(period=frame["year"].astype(str))
    made["lower"] = made["events"] // width * width
    made["upper"] = made["lower"] + width - 1
    columns = {"provider": "provider", "period": "period", "exposure": "bed_days", "covariates": ["late"]}
    return dw.Panel.from_frame(made.drop(columns="events"), lower="lower", upper="upper", **columns, **other)


def exact_panel(frame: pd.DataFrame) -> dw.Panel:
    made = frame.assign(period=frame["year"].astype(str))
    return dw.Panel.from_frame(
        made, provider="provider", period="period", events="events", exposure="bed_days", covariates=["late"]
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_bounds_that_are_equal_give_the_exact_fit(family: Family) -> None:
    exact = dw.RateModel("events ~ late", exact_panel(rows()), family=family).fit()
    equal = dw.RateModel("events ~ late", interval_panel(rows(), 1), family=family).fit()
    pd.testing.assert_series_equal(equal.params, exact.params, rtol=1e-7)
    pd.testing.assert_series_equal(equal.bse, exact.bse, rtol=1e-6)
    assert equal.llf == pytest.approx(exact.llf, abs=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("width", [4, 10])
def test_the_fit_maximises_the_brute_likelihood(family: Family, width: int) -> None:
    frame = rows()
    fit = dw.RateModel("events ~ late", interval_panel(frame, width), family=family).fit()
    lower = (frame["events"] // width * width).to_numpy()

    def minus(theta: np.ndarray) -> float:
        mean = frame["bed_days"].to_numpy() * np.exp(theta[0] + theta[1] * frame["late"].to_numpy())
        alpha = math.exp(theta[2]) if family != "poisson" else 0.0
        members = log_pmf(family, lower[:, None] + np.arange(width), mean[:, None], alpha)
        return -float(special.logsumexp(members, axis=1).sum())

    start = np.array([math.log(0.008), 0.2, math.log(0.3)])[: 2 if family == "poisson" else 3]
    best = optimize.minimize(minus, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    assert fit.llf == pytest.approx(-best.fun, abs=1e-6)
    np.testing.assert_allclose(fit.params[["Intercept", "late"]], best.x[:2], atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_information_never_rises_when_intervals_widen(family: Family) -> None:
    # Nested blocks: 1, 2, 4, 8, 16 values; each is a union of the ones before. Expected information falls with every
    # union; so the negative Hessian, summed over all counts that a row can take, may not grow.
    mean, alpha = 6.3, 0.4
    y = np.arange(0.0, 400.0)
    probability = np.exp(log_pmf(family, y, mean, alpha))
    information = []
    for width in (1, 2, 4, 8, 16, 32):
        a = y // width * width
        d = interval_derivatives(family, a, a + width - 1, np.full(y.size, math.log(mean)), alpha)
        information.append(float(probability @ d.d_eta**2))
        # Both forms of Fisher's information: the mean square of the score, and minus the mean second derivative.
        assert -float(probability @ d.d2_eta) == pytest.approx(information[-1], rel=1e-8)
    assert all(np.diff(information) < 0)


def test_standard_errors_grow_when_intervals_widen() -> None:
    errors = [
        dw.RateModel("events ~ late", interval_panel(rows(), width), family="poisson").fit().bse["late"]
        for width in (1, 4, 8, 16)
    ]
    assert all(np.diff(errors) > 0)


# No middle, ever


@pytest.fixture(scope="module")
def published() -> dw.Panel:
    """Half-years of which small counts are published as "<5"; two forms."""
    frame = rows().assign(form="seclusion")
    other = rows().assign(form="restraint", events=lambda f: f["events"] + 3)
    both = pd.concat([frame, other], ignore_index=True)
    both["period"] = both["year"].astype(str)
    both["shown"] = [f"{e:.0f}" if e >= 5 else "<5" for e in both["events"]]
    return dw.Panel.from_frame(
        both,
        provider="provider",
        period="period",
        form="form",
        events="shown",
        exposure="bed_days",
        covariates=["late"],
        suppressed={"<5": (0, 4)},
    )


def test_a_suppressed_count_is_missing_with_bounds(published: dw.Panel) -> None:
    frame = published.frame
    hidden = frame["events"].isna()
    assert published.has_intervals
    assert hidden.any()
    assert (frame.loc[hidden, "lower"] == 0).all()
    assert (frame.loc[hidden, "upper"] == 4).all()
    shown = frame[~hidden]
    assert (shown["lower"] == shown["events"]).all()
    assert (shown["upper"] == shown["events"]).all()
    assert frame["delivered"].all()


def test_a_text_is_never_guessed() -> None:
    frame = rows().assign(period="2021", shown="<5")
    frame["provider"] = [f"Q{i}" for i in range(len(frame))]
    with pytest.raises(dw.DataError):
        dw.Panel.from_frame(frame, provider="provider", period="period", events="shown", exposure="bed_days")


def test_a_count_that_was_not_delivered_has_no_interval() -> None:
    frame = rows().assign(period=lambda f: f["year"].astype(str), delivered=lambda f: f.index != 3)
    frame["shown"] = [None if i == 3 else ("<5" if e < 5 else f"{e:.0f}") for i, e in enumerate(frame["events"])]
    panel = dw.Panel.from_frame(
        frame,
        provider="provider",
        period="period",
        events="shown",
        exposure="bed_days",
        delivered="delivered",
        suppressed={"<5": (0, 4)},
        blank_events="not delivered",
    )
    row = panel.frame[~panel.frame["delivered"]]
    assert len(row) == 1
    assert row[["events", "lower", "upper"]].isna().all(axis=None)
    assert len(panel.observed) == len(frame) - 1


def no_middle(frame: pd.DataFrame) -> bool:
    """Whether no number of events stands where only an interval is known."""
    return bool(frame.loc[frame["lower"] < frame["upper"], "events"].isna().all())


def test_a_form_of_a_panel_keeps_its_intervals(published: dw.Panel) -> None:
    part = published.for_form("seclusion")
    assert part.has_intervals
    assert no_middle(part.frame)


def test_the_sum_over_forms_refuses_intervals(published: dw.Panel) -> None:
    with pytest.raises(dw.DataError, match=r"interval|known"):
        published.for_form("all")


@pytest.mark.parametrize("cut", ["restrict", "during"])
def test_a_part_of_a_panel_keeps_its_intervals(published: dw.Panel, cut: str) -> None:
    part = published.restrict(published.providers[:5]) if cut == "restrict" else published.during(["2020", "2021"])
    assert part.has_intervals
    assert no_middle(part.frame)


def test_what_cannot_carry_intervals_refuses_them(published: dw.Panel) -> None:
    panel = published.for_form("seclusion")
    with pytest.raises(dw.DwangstatsError):
        dw.RegistrationModel(rate="events ~ late", registration="~ 1", panel=panel).fit()
    with pytest.raises(dw.DwangstatsError):
        dw.selection_coverage(panel, panel.providers[:3])
    with pytest.raises(dw.DwangstatsError):
        dw.reporting_patterns(panel)
    fit = dw.RateModel("events ~ C(year)", panel, family="nb2").fit()
    with pytest.raises(dw.DwangstatsError):
        dw.decompose_change(fit, before=2020, after=2023, rng=1)


def test_random_terms_refuse_intervals_and_say_so(published: dw.Panel) -> None:
    with pytest.raises(dw.FormulaError):
        dw.RateModel("events ~ late + (1 | provider)", published.for_form("seclusion"), family="nb2")


def test_totals_of_a_panel_are_bounds_not_middles(published: dw.Panel) -> None:
    share = dw.coverage(published.for_form("seclusion"))
    counted = share[share["quantity"] == "registrations"]
    assert counted["covered"].isna().any()
    frame = published.for_form("seclusion").frame
    for _, row in counted.iterrows():
        part = frame if row["period"] == "all" else frame[frame["period"] == row["period"]]
        if (part["lower"] < part["upper"]).any():
            assert np.isnan(row["covered"])
    assert published.registrations_read == frame_total(published.frame)


def frame_total(frame: pd.DataFrame) -> float:
    """At least so many registrations."""
    return float(frame["lower"].sum())


def test_rounded_counts_are_intervals_of_all_shown_numbers() -> None:
    frame = rows().assign(period=lambda f: f["year"].astype(str))
    frame["shown"] = 5 * np.round(frame["events"] / 5)
    panel = dw.Panel.from_frame(
        frame, provider="provider", period="period", events="shown", exposure="bed_days", rounded_to=5
    )
    made = panel.frame.merge(frame.assign(period=frame["year"].astype(str)), on=["provider", "period"])
    assert (made["lower"] <= made["events_y"]).all()
    assert (made["events_y"] <= made["upper"]).all()
    assert no_middle(panel.frame)
    assert (panel.frame["lower"] >= 0).all()


def test_bounds_that_cannot_be_are_refused() -> None:
    frame = rows().assign(period=lambda f: f["year"].astype(str), lower=3.0, upper=2.0)
    with pytest.raises(dw.DataError):
        dw.Panel.from_frame(
            frame.drop(columns="events"),
            provider="provider",
            period="period",
            exposure="bed_days",
            lower="lower",
            upper="upper",
        )
    with pytest.raises(dw.DataError):
        dw.Panel.from_frame(
            frame.assign(lower=0.0, upper=frame["events"] - 1),
            provider="provider",
            period="period",
            events="events",
            exposure="bed_days",
            lower="lower",
            upper="upper",
        )

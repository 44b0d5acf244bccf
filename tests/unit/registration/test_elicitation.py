import numpy as np
import pytest

import dwangstats as dw


def test_quantiles_are_those_that_were_stated() -> None:
    table = dw.elicit(0.57, 0.95).table
    assert table.loc[0.05, "completeness"] == pytest.approx(0.57)
    assert table.loc[0.95, "completeness"] == pytest.approx(0.95)
    assert np.allclose(table["events_per_registration"], 1.0 / table["completeness"])
    assert list(table.columns) == ["completeness", "events_per_registration"]


def test_another_probability_moves_the_tails() -> None:
    table = dw.elicit(0.5, 0.9, probability=0.5).table
    assert table.loc[0.25, "completeness"] == pytest.approx(0.5)
    assert table.loc[0.75, "completeness"] == pytest.approx(0.9)


def test_ratios_of_real_rates() -> None:
    table = dw.elicit(0.57, 0.95, rate_ratio=1.3).table
    assert np.allclose(table["ratio_if_same"], 1.3)
    assert np.allclose(table["ratio_if_complete_after"], 1.3 * table["completeness"])
    # Two independent periods are exchangeable, so the log of the ratio is symmetric around that of the registered one;
    # the grid's quantiles err by less than one step of 1/401.
    logs = np.log(table["ratio_if_unrelated"] / 1.3)
    assert np.allclose(logs, -logs.to_numpy()[::-1], atol=1e-9)
    rng = np.random.default_rng(1)
    logits = dw.CompletenessPrior(0.57, 0.95).mean + dw.CompletenessPrior(0.57, 0.95).sd * rng.normal(size=(2, 400_000))
    p = 1.0 / (1.0 + np.exp(-logits))
    # Monte Carlo error of a 5% quantile with 400,000 draws is about 0.002 here, the grid's is as large.
    assert np.log(1.3 * np.quantile(p[0] / p[1], 0.05)) == pytest.approx(
        np.log(table["ratio_if_unrelated"].iloc[0]), abs=0.005
    )


def test_an_estimate_counts_by_its_number() -> None:
    ratio = dw.Estimate(1.3, 1.1, 1.5, 0.95, "registered", "ratio", "registrations alone")
    assert dw.elicit(0.57, 0.95, rate_ratio=ratio).rate_ratio == 1.3
    adjusted = dw.Estimate(1.3, 1.1, 1.5, 0.95, "adjusted", "ratio", "an audit")
    with pytest.raises(dw.DomainError, match="adjusted scale"):
        dw.elicit(0.57, 0.95, rate_ratio=adjusted)


@pytest.mark.parametrize("ratio", [0.0, -1.0, np.inf, np.nan])
def test_ratios_that_are_none(ratio: float) -> None:
    with pytest.raises(dw.DomainError):
        dw.elicit(0.57, 0.95, rate_ratio=ratio)


def test_sentences() -> None:
    found = dw.elicit(0.5, 0.8, rate_ratio=1.3)
    assert found.sentence("en").startswith(
        "With probability 90% between 50% and 80% of what happens is registered: 25 to 100"
    )
    assert "van wat gebeurt geregistreerd" in found.sentence("nl")
    assert "1,30" in found.sentence("nl")
    assert "0.65 to 1.04 if the later period is complete" in str(found)
    with pytest.raises(dw.DomainError):
        found.sentence("fr")  # type: ignore[arg-type]

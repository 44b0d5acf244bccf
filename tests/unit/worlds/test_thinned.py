"""Panels drawn from the registration model: spread, margins and truth."""

import numpy as np
import pytest
from scipy.special import expit, logit

from dwangstats.errors import DomainError
from dwangstats.worlds.thinned import ThinnedDesign, draw_thinned


def test_the_truth_and_the_counts_agree() -> None:
    design = ThinnedDesign(providers=400, audited_providers=200)
    panel = draw_thinned(design, np.random.default_rng(1))
    events, counts = panel.true_events, panel.counts["events"].to_numpy(dtype=float)
    assert counts.size == 400 * 12
    assert (counts <= events).all()
    # Sums of 190,000 events: four standard errors of a Poisson and of a binomial total.
    mean = panel.rate * panel.counts["bed_days"].to_numpy()
    assert abs(events.sum() - mean.sum()) < 4.0 * np.sqrt(mean.sum())
    chance = panel.completeness
    assert abs(counts.sum() - (events * chance).sum()) < 4.0 * np.sqrt((events * chance * (1 - chance)).sum())
    assert panel.unregistered == events.sum() - counts.sum()
    assert counts.mean() == pytest.approx(design.mean_registered, rel=0.15)


def test_provider_effects_have_their_spread_and_correlation() -> None:
    design = ThinnedDesign(providers=4_000, audited_providers=10)
    panel = draw_thinned(design, np.random.default_rng(2))
    first = panel.counts["tau"].to_numpy() == -0.5
    u = np.log(panel.rate[first])
    v = logit(panel.completeness[first])
    # Four standard errors of a standard deviation and of a correlation over 4,000 providers.
    assert np.std(u) == pytest.approx(0.4, abs=4 * 0.4 / np.sqrt(8_000))
    assert np.std(v) == pytest.approx(0.6, abs=4 * 0.6 / np.sqrt(8_000))
    assert np.corrcoef(u, v)[0, 1] == pytest.approx(-0.3, abs=4 / np.sqrt(4_000))
    assert np.mean(v) == pytest.approx(logit(0.77) - 0.4, abs=4 * 0.6 / np.sqrt(4_000))


def test_the_ratio_over_the_period_is_the_one_asked_for() -> None:
    panel = draw_thinned(ThinnedDesign(rate_ratio=1.25), np.random.default_rng(3))
    tau = panel.counts["tau"].to_numpy()
    assert np.allclose(panel.rate[tau == 0.5] / panel.rate[tau == -0.5], 1.25)


def test_the_quality_score_moves_registration_and_the_rate_only_if_told() -> None:
    for effect in (0.0, 0.1):
        design = ThinnedDesign(quality_effect=0.8, quality_on_rate=effect, registration_sd=0.0, rate_sd=0.0)
        panel = draw_thinned(design, np.random.default_rng(4))
        quality, tau = panel.counts["quality"].to_numpy(), panel.counts["tau"].to_numpy()
        assert np.allclose(panel.completeness, expit(logit(0.77) + 0.8 * tau + 0.8 * quality))
        slope = np.polyfit(quality, np.log(panel.rate) - np.log(1.10) * tau, 1)[0]
        assert slope == pytest.approx(effect, abs=1e-9)


def test_an_audit_finds_what_there_is_and_agrees_with_completeness() -> None:
    found = registered = expected = 0.0
    for seed in range(20):
        panel = draw_thinned(ThinnedDesign(), np.random.default_rng(seed))
        assert panel.audits["n_found"].sum() <= 1_000
        assert (panel.audits["n_registered"] <= panel.audits["n_found"]).all()
        keyed = panel.counts.assign(completeness=panel.completeness).set_index(["provider", "period"])["completeness"]
        at = keyed.loc[list(zip(panel.audits["provider_id"], panel.audits["period"], strict=True))].to_numpy()
        found += panel.audits["n_found"].sum()
        registered += panel.audits["n_registered"].sum()
        expected += (at * panel.audits["n_found"]).sum()
    # Less than 20 x 1,000: some cells hold fewer than 25 events, and then all of them are looked up.
    assert found > 18_000
    assert abs(registered - expected) < 4.0 * np.sqrt(found * 0.77 * 0.23)


@pytest.mark.parametrize(
    "change", [{"providers": 1}, {"completeness": 1.0}, {"correlation": -1.0}, {"dispersion": -0.1}]
)
def test_an_impossible_design_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(DomainError):
        ThinnedDesign().with_(**change)

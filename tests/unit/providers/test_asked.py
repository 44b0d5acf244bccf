"""Patterns as an analysis asks for them: what is found is what `reporting_patterns` finds, and what cannot be said."""

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.panels.panel import Panel
from dwangstats.errors import FitError
from dwangstats.providers.asked import PatternsRefused, ask_patterns
from dwangstats.providers.patterns import reporting_patterns
from unit.providers.reporters import make_panel, normal_counts


@pytest.fixture
def counts() -> np.ndarray:
    found = normal_counts(np.random.default_rng(3), 25, alpha=0.0) + 1
    found[0], found[1] = 0, [0, 0, 40, 40, 40, 40]
    return found


def test_it_finds_what_reporting_patterns_finds(counts: np.ndarray) -> None:
    panel = make_panel(counts)
    asked = ask_patterns(panel, ("p00", "p05"), level=0.05)
    assert asked.refused is None
    assert asked.found is not None
    direct = reporting_patterns(panel.for_form("all"))
    pd.testing.assert_frame_equal(asked.found.table, direct.table)
    assert asked.found.fingerprint == direct.fingerprint


def test_all_providers_are_judged_and_those_of_the_headline_named(counts: np.ndarray) -> None:
    asked = ask_patterns(make_panel(counts), ("p00", "p05"))
    assert asked.silent_selected["provider"].tolist() == ["p00"]
    summary = asked.summary
    assert (summary["providers"], summary["judged"]) == (25, 25)
    assert (summary["silent"], summary["silent_selected"], summary["selected"]) == (2, 1, 2)
    assert (summary["blind"], summary["blind_selected"]) == (0, 0)


def test_those_of_whom_nothing_can_be_said_are_counted_and_the_undelivered_are_not_judged(counts: np.ndarray) -> None:
    days = np.full(counts.shape, 1000.0)
    counts[2], days[2] = 0, 2.0
    delivered = np.ones(counts.shape, dtype=bool)
    delivered[3] = False
    summary = ask_patterns(make_panel(counts, days, delivered=delivered), ("p02", "p04")).summary
    assert (summary["providers"], summary["judged"]) == (25, 24)
    assert (summary["blind"], summary["blind_selected"]) == (1, 1)


def test_the_forms_are_taken_together() -> None:
    one, other = normal_counts(np.random.default_rng(4), 12) + 1, normal_counts(np.random.default_rng(5), 12) + 1
    one[0], other[1] = 0, 0
    frame = pd.concat([make_panel(part).frame.assign(form=form) for part, form in ((one, "a"), (other, "b"))])
    panel = Panel.from_frame(
        frame, provider="provider", period="period", form="form", events="events", exposure="bed_days"
    )
    asked = ask_patterns(panel, panel.providers)
    assert asked.found is not None
    assert asked.summary["silent"] == 0


def refusal(panel: Panel) -> PatternsRefused:
    asked = ask_patterns(panel, panel.providers, nothing=0.1)
    assert asked.found is None
    assert asked.silent_selected.empty
    assert set(asked.summary) == {"level", "nothing", "prior_silent", "family"}
    assert asked.refused is not None
    return asked.refused


def test_a_period_without_any_registration_is_refused_by_name(counts: np.ndarray) -> None:
    counts[:, 2] = 0
    assert refusal(make_panel(counts)) == PatternsRefused("empty_periods", ("2022-H1",))


def test_nothing_delivered_is_refused(counts: np.ndarray) -> None:
    none = np.zeros(counts.shape, dtype=bool)
    assert refusal(make_panel(counts, delivered=none)).cause == "nothing_delivered"


def test_a_single_registering_provider_is_refused(counts: np.ndarray) -> None:
    counts[1:] = 0
    counts[0] = 5
    assert refusal(make_panel(counts)).cause == "one_provider"


def test_rounded_counts_are_refused(counts: np.ndarray) -> None:
    frame = make_panel(5 * (counts // 5)).frame
    panel = Panel.from_frame(
        pd.concat([frame.assign(form="a"), frame.assign(form="b")]),
        provider="provider",
        period="period",
        form="form",
        events="events",
        exposure="bed_days",
        rounded_to=5,
    )
    assert refusal(panel).cause == "intervals"


def test_a_model_that_is_not_fitted_is_refused_with_its_message(
    counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise FitError("The rate model is not certified.")

    monkeypatch.setattr("dwangstats.providers.asked.reporting_patterns", fail)
    assert refusal(make_panel(counts)) == PatternsRefused("model", reason="The rate model is not certified.")


def test_a_wrong_setting_is_the_user_s_and_is_not_swallowed(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="nothing must be a share"):
        ask_patterns(make_panel(counts), ("p00",), nothing=1.0)

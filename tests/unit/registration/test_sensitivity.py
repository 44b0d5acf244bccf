"""Refits under other assumptions."""

import numpy as np
import pytest

from dwangstats.errors import DomainError
from dwangstats.registration.ratios import rate_ratio
from dwangstats.registration.sensitivity import changed_model, sensitivity
from unit.registration.ledger_worlds import audit_of, control_of, fitted, model, register

COMPARED = {"before": 2021, "after": 2022}


def test_one_at_a_time_begins_with_the_model_as_it_is() -> None:
    result = fitted("audit")
    found = sensitivity(result, "year", **COMPARED, over={"rho": [0.5], "icc": [0.0, 0.1]})
    assert found["assumption"].tolist() == ["as given", "rho", "icc", "icc"]
    given = rate_ratio(result, "year", **COMPARED, scale="adjusted")
    assert found.loc[0, "estimate"] == given.estimate
    assert found.loc[2, "estimate"] == pytest.approx(given.estimate, rel=1e-5)
    wider = np.log(found["upper"] / found["lower"])
    # Events of one provider that are registered together count for less.
    assert wider[3] > 1.05 * wider[2]
    assert set(found["verdict"]) == {"data-identified"}


def test_a_grid_has_a_row_per_combination() -> None:
    frame = register()
    given = model(frame, audit_of(frame), registration="~ C(year)")
    found = sensitivity(given, over={"icc": [0.0, 0.05], "rho": [0.0]}, quantity="level", grid=True)
    assert found[["icc", "rho"]].to_numpy().tolist() == [[0.0, 0.0], [0.05, 0.0]]
    assert found["estimate"].between(0.6, 0.9).all()


def test_a_looser_control_outcome_widens_the_interval_until_it_says_nothing() -> None:
    frame = register()
    given = model(frame, control_of(frame), registration="~ C(year)", rate="events ~ C(year)")
    found = sensitivity(given, "year", **COMPARED, over={"trend_sd": [0.05, 5.0]})
    width = np.log(found["upper"] / found["lower"])
    assert width[1] > width[0]
    assert found.loc[2, "verdict"] != "data-identified"
    assert np.isnan(found.loc[2, "estimate"])


def test_changed_model_changes_the_evidence_it_belongs_to() -> None:
    frame = register()
    given = model(frame, audit_of(frame), control_of(frame))
    other = changed_model(given, {"trend_sd": 0.2, "rho": -0.3})
    assert other.rho == -0.3
    assert other.evidence[0] is given.evidence[0]
    assert other.evidence[1] is not given.evidence[1]


def test_impossible_questions_are_refused_together() -> None:
    with pytest.raises(DomainError) as refusal:
        sensitivity(fitted("audit"), over={"odds_ratio": [2.0], "weather": [1.0], "rho": []})
    text = str(refusal.value)
    for part in ("second source", "unknown assumption weather", "rho has no values", "variable, before and after"):
        assert part in text

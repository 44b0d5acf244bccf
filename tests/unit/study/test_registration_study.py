"""The study of evidence: its truth, its refusals, and that its committed result is what the script makes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dwangstats.change.parts import REAL, REGISTRATION
from dwangstats.errors import IdentificationError
from dwangstats.study.registration import DESIGNS, QUANTITIES, drawer, evidence_analyses, true_parts
from dwangstats.worlds.thinned import ThinnedDesign, draw_thinned

STUDY = Path(__file__).parents[3] / "validation" / "registration" / "study.json"
PROMISED = (0.93, 0.97)
VALID = ("audit", "quality indicator", "quality indicator and audit")
QUANTITIES_EACH = {*QUANTITIES, "unregistered events", REGISTRATION, REAL}


def test_true_parts_add_up_to_the_expected_change() -> None:
    panel = draw_thinned(ThinnedDesign(), np.random.default_rng(1))
    expected = panel.rate * panel.counts["bed_days"].to_numpy() * panel.completeness
    year = panel.counts["period"].str[:4]
    parts = true_parts(panel)
    assert sum(parts.values()) == pytest.approx(expected[year == "2023"].sum() - expected[year == "2021"].sum())
    assert parts[REGISTRATION] > 0.0
    assert parts[REAL] > 0.0


def test_without_completeness_changes_all_is_real() -> None:
    panel = draw_thinned(ThinnedDesign(completeness_slope=0.0), np.random.default_rng(1))
    assert true_parts(panel)[REGISTRATION] == pytest.approx(0.0, abs=1e-9)


def test_counts_only_are_refused_and_an_audit_answers() -> None:
    rng = np.random.default_rng(3)
    panel = drawer("plain")(rng)
    analyses = evidence_analyses("plain")
    with pytest.raises(IdentificationError):
        analyses["counts only"](panel, rng)
    answers = {answer.quantity: answer for answer in analyses["audit"](panel, rng)}
    assert set(answers) == {*QUANTITIES, "unregistered events", REGISTRATION, REAL}
    ratio = answers[QUANTITIES[0]]
    assert ratio.lower < ratio.estimate < ratio.upper
    assert abs(ratio.estimate - ratio.truth) < 4.0 * ratio.standard_error


def test_the_committed_study_is_whole() -> None:
    """500 panels a row; counts alone are refused; valid evidence covers as promised within two Monte Carlo errors."""
    found = json.loads(STUDY.read_text(encoding="utf-8"))
    rows = pd.DataFrame(found["rows"])
    assert found["replicates"] >= 500
    assert set(rows["analysis"]) == {name for design in DESIGNS for name in evidence_analyses(design)}
    totals = rows[["replicates", "refused", "failed"]].sum(axis=1)
    assert (totals == found["replicates"]).all()
    alone = rows[rows["analysis"] == "counts only"]
    assert alone["refused"].tolist() == [found["replicates"]]
    for name in VALID:
        assert set(rows.loc[rows["analysis"] == name, "quantity"]) == QUANTITIES_EACH
    valid = rows[rows["analysis"].isin(VALID) & (rows["quantity"] != QUANTITIES[1])]
    assert (valid["coverage"] + 2.0 * valid["coverage_error"] >= PROMISED[0]).all(), valid[["quantity", "coverage"]]
    assert (valid["coverage"] - 2.0 * valid["coverage_error"] <= PROMISED[1]).all(), valid[["quantity", "coverage"]]

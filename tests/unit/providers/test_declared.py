"""What was declared as nothing to report is never silence, and stands beside how surprising it is."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import dwangstats as dw
from dwangstats.providers.patterns import ReportingPatterns, reporting_patterns
from unit.providers.reporters import HALF_YEARS, declare_nothing, make_panel, normal_counts

RATE = "events ~ 1 + (1 | provider)"


def counts_with_zeros() -> np.ndarray:
    """Thirty large providers of which 0 has two zeros, 1 has two of the same, 2 and 3 have nothing at all."""
    counts = normal_counts(np.random.default_rng(31), 30, mean=30.0) + 1
    counts[1] = counts[0]
    counts[0:2, 2:4] = 0
    counts[2:4] = 0
    return counts


@pytest.fixture(scope="module")
def found() -> ReportingPatterns:
    panel = make_panel(counts_with_zeros())
    places = [("p00", "2022-H1"), ("p00", "2022-H2"), *(("p02", period) for period in HALF_YEARS)]
    return reporting_patterns(declare_nothing(panel, places), RATE, prior_silent=0.1)


def test_the_same_zeros_are_silence_without_a_word_and_a_question_with_one(found: ReportingPatterns) -> None:
    table = found.table.set_index("provider")
    assert table["pattern"].tolist()[:4] == ["complete", "flickering", "declared", "silent"]
    assert table["silent"].tolist()[:4] == [0, 2, 0, 6]
    assert table["declared_nothing"].tolist()[:4] == [2, 0, 6, 0]
    assert table["declared_unlikely"].tolist()[:4] == [2, 0, 6, 0]
    assert (table["with_registrations"] + table["zero"] == table["delivered"]).all()
    states = found.periods.set_index("provider")["state"]
    assert set(states["p02"]) == {"declared"}
    assert not found.periods["state"].eq("silent")[found.periods["status"] == "nothing_to_report"].any()


def test_how_surprising_it_is_stands_beside_it(found: ReportingPatterns) -> None:
    table, periods = found.table.set_index("provider"), found.periods.set_index(["provider", "period"])
    assert_allclose(table["log_p_declared"]["p00"], table["log_p_silence"]["p01"], rtol=1e-12)
    assert_allclose(table["log_p_declared"]["p02"], table["log_p_silence"]["p03"], rtol=1e-12)
    assert_allclose(periods["log_p_silence"]["p00", "2022-H1"], table["log_p_declared"]["p00"], rtol=1e-12)
    assert_allclose(periods["expected"]["p02", "2021-H1"], periods["expected"]["p03", "2021-H1"], rtol=1e-12)
    assert table["log_p_silence"][["p00", "p02"]].isna().all()
    assert table["p_adjusted"][["p00", "p02"]].eq(1.0).all()
    assert table["probability_silent"][["p00", "p02"]].eq(0.0).all()
    text = found.summary()
    assert 'Declared "nothing to report": 8 periods, none of them called silence; 8 are unlikely' in text
    assert "p02: 2021-H1, expected" in text


def test_a_declared_nothing_as_its_size_allows_is_no_question() -> None:
    counts, days = counts_with_zeros(), np.full((30, 6), 1000.0)
    days[2:4] = 1.0
    panel = declare_nothing(make_panel(counts, days), [("p02", period) for period in HALF_YEARS])
    table = reporting_patterns(panel, RATE).table.set_index("provider")
    assert table["pattern"]["p02"] == table["pattern"]["p03"] == "zero"
    assert table["declared_unlikely"]["p02"] == 0
    assert -1.0 < table["log_p_declared"]["p02"] < 0.0


def test_silence_beside_a_declared_nothing_is_still_found() -> None:
    counts = counts_with_zeros()
    counts[0, 5] = 0
    panel = declare_nothing(make_panel(counts), [("p00", "2022-H1"), ("p00", "2022-H2")])
    states = reporting_patterns(panel, RATE).periods.query("provider == 'p00'")["state"].tolist()
    assert states == ["registrations"] * 2 + ["declared"] * 2 + ["registrations", "silent"]


@pytest.mark.parametrize(("sector", "seed"), [("wvggz", 4), ("wzd", 1)])
def test_worlds_in_which_nobody_is_silent_have_nobody_named(sector: str, seed: int) -> None:
    world = dw.worlds.make("mixed", "small", seed, calibrate=False, sector=sector)  # type: ignore[arg-type]
    panel = dw.build_panel(world.tables, planned=False if sector == "wzd" else None)
    found = reporting_patterns(panel.for_form("all"))
    assert found.periods["state"].eq("declared").any()
    assert not found.periods["state"].eq("silent").any()
    assert found.table["declared_unlikely"].sum() > 0


def test_where_no_silence_could_be_told_it_says_so() -> None:
    counts = normal_counts(np.random.default_rng(5), 30, mean=10.0) + 1
    days = np.full((30, 6), 1000.0)
    counts[0], days[0] = 0, 1.0
    found = reporting_patterns(make_panel(counts, days), RATE)
    detectable = found.table.set_index("provider")["detectable"]
    assert not detectable["p00"]
    assert detectable.drop("p00").all()
    assert "Of 1 providers nothing can be said" in found.summary()
    # 30 providers, a quarter of the level for the set of all periods
    limit = np.log(0.25 * 0.05 / 30)
    assert (found.table["detectable"] == (found.table["log_p_throughout"] <= limit)).all()


def test_a_provider_without_a_delivery_has_no_state_but_absent() -> None:
    delivered = np.ones((30, 6), dtype=bool)
    delivered[4] = False
    found = reporting_patterns(make_panel(counts_with_zeros(), delivered=delivered), RATE)
    row = found.table.set_index("provider").loc["p04"]
    assert row["pattern"] == "undelivered"
    assert pd.isna(row["log_p_throughout"])
    assert not row["detectable"]

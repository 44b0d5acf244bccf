"""Unregistered events: coherent totals, means as expected, intervals that hold the truth."""

import numpy as np
import pytest

from dwangstats.errors import DomainError, IdentificationError, InternalError
from dwangstats.registration.expected import expected_rows
from dwangstats.registration.under import UnderRegistration, under_registration
from unit.registration.ledger_worlds import fitted, model, register


def test_totals_do_not_depend_on_the_grouping() -> None:
    result = fitted("audit")
    whole = under_registration(result, rng=7, draws=1000)
    for by in ("provider", "year", ["provider", "period"]):
        parts = under_registration(result, by=by, rng=7, draws=1000)
        assert parts.total == whole.total
        assert parts.draws.sum(axis=1).tolist() == whole.draws[:, 0].tolist()
        assert parts.table["unregistered"].sum() == pytest.approx(whole.total.estimate, rel=1e-12)
        assert parts.table["registered"].sum() == register()["events"].sum()


def test_means_are_the_expected_events_that_are_not_registered() -> None:
    result = fitted("audit")
    found = under_registration(result, by="provider", rng=1, draws=4000)
    events, registered = expected_rows(result.problem, result.fit)
    missing = np.bincount(result.problem.counts.group, weights=events - registered)
    # The draws add the uncertainty of the parameters, which moves the mean of a curved function a little.
    assert found.table["unregistered"].sum() == pytest.approx(missing.sum(), rel=0.03)
    assert found.table["unregistered"].to_numpy() == pytest.approx(missing, rel=0.12, abs=1.0)


@pytest.mark.parametrize("kind", ["audit", "second source"])
def test_intervals_hold_the_truth(kind: str) -> None:
    frame = register()
    found = under_registration(fitted(kind), by="provider", rng=2, draws=2000)
    true = int((frame["true"] - frame["events"]).sum())
    assert found.total.lower <= true <= found.total.upper
    by_provider = (frame["true"] - frame["events"]).groupby(frame["provider"]).sum()
    table = found.table.set_index("provider")
    inside = (table["lower"] <= by_provider) & (by_provider <= table["upper"])
    # 30 providers: fewer than 25 of 30 has probability 0.003 at a coverage of 0.95.
    assert inside.sum() >= 25


def test_a_second_source_leaves_less_in_the_dark() -> None:
    plain = under_registration(fitted("audit"), rng=3, draws=1000).total
    linked = under_registration(fitted("second source"), rng=3, draws=1000).total
    assert linked.upper - linked.lower < plain.upper - plain.lower
    other_only = fitted("second source").problem.linked
    assert other_only is not None
    assert linked.lower >= other_only.other_only.sum()


def test_numbers_of_an_unaudited_year_are_withheld() -> None:
    result = fitted("audit of one year")
    with pytest.raises(IdentificationError, match="unregistered"):
        under_registration(result, by="year", rng=1, draws=200)
    allowed = model(register(), *result.model.evidence).fit(allow_unidentified=True)
    table = under_registration(allowed, by="year", rng=1, draws=200).table.set_index("year")
    assert table.loc[2021, "verdict"] == "data-identified"
    assert table.loc[2022, "verdict"] == "functional form only"
    assert table["unregistered"].notna().all()


def test_counts_alone_are_refused_with_what_would_help() -> None:
    with pytest.raises(IdentificationError) as refusal:
        under_registration(fitted("nothing"), rng=1)
    assert "134" in str(refusal.value)
    assert "audit" in str(refusal.value)


def test_seed_draws_and_level_are_checked() -> None:
    result = fitted("audit")
    with pytest.raises(DomainError, match="rng"):
        under_registration(result, rng=-1)
    with pytest.raises(DomainError, match="draws"):
        under_registration(result, rng=1, draws=10)
    with pytest.raises(DomainError, match="level"):
        under_registration(result, rng=1, level=95.0)


def test_parts_that_miss_their_total_cannot_be_made() -> None:
    found = under_registration(fitted("audit"), by="year", rng=1, draws=200)
    with pytest.raises(InternalError, match="miss their total"):
        UnderRegistration(found.total, found.table, found.draws + 1.0)

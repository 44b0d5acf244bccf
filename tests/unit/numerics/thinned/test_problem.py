"""The layout of the parameter vector, and what cannot be a problem."""

from dataclasses import replace

import numpy as np
import pytest

from dwangstats.errors import DomainError
from dwangstats.numerics.thinned.problem import AuditRows, CountRows, Gaussian, LinkedRows, ThinnedProblem
from unit.numerics.thinned.thinned_worlds import make_problem


def test_the_full_layout() -> None:
    problem = make_problem(1, family="nb1", rho=None, linked=3.0, control=True, silent=True)
    layout = problem.layout
    assert layout.labels == (
        "rate:0",
        "rate:1",
        "registration:0",
        "registration:1",
        "registration:2",
        "other:0",
        "other:1",
        "relaxation:0",
        "sd rate",
        "sd registration",
        "atanh rho",
        "dispersion",
        "silent logit",
    )
    assert layout.size == 13
    floored = [label for label, floor in zip(layout.labels, layout.floors, strict=True) if floor == 0.0]
    assert floored == ["sd rate", "sd registration", "dispersion"]


def test_absent_parts_have_no_place() -> None:
    layout = make_problem(1, effects="rate", rho=None).layout
    assert layout.labels == ("rate:0", "rate:1", "registration:0", "registration:1", "registration:2", "sd rate")
    assert [part.stop - part.start for part in (layout.gamma, layout.sv, layout.atanh_rho, layout.dispersion)] == [
        0
    ] * 4


ONES, GROUP = np.ones((3, 1)), np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"y": np.array([1.0, -1.0, 2.5])},
            r"y must hold non-negative integers: 2 of 3 do not \(first: row 1, value -1\)",
        ),
        ({"offset": np.zeros(2)}, "count rows: offset has 2 rows where 3 are expected"),
        ({"X": np.full((3, 1), np.nan)}, "count rows: X holds 3 values that are not finite numbers"),
    ],
)
def test_count_rows_are_checked(change: dict, message: str) -> None:
    rows = {"X": ONES, "W": ONES, "y": np.ones(3), "offset": np.zeros(3), "group": GROUP}
    with pytest.raises(DomainError, match=message):
        CountRows(**{**rows, **change})


def test_audits_and_lists_are_checked() -> None:
    with pytest.raises(DomainError, match=r"registered exceeds found in 1 audit rows \(first: row 2\)"):
        AuditRows(ONES, GROUP, np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 2.0]))
    with pytest.raises(DomainError, match=r"must lie in \[0, 1\), got 1"):
        AuditRows(ONES, GROUP, np.ones(3), np.ones(3), 1.0)
    with pytest.raises(DomainError, match="linked more than once"):
        LinkedRows(np.array([0, 0]), np.ones(2), np.ones(2), np.ones(2), np.ones((2, 1)))
    with pytest.raises(DomainError, match="odds ratio of two registers must be a positive number, got 0"):
        LinkedRows(np.array([0]), np.ones(1), np.ones(1), np.ones(1), np.ones((1, 1)), 0.0)
    with pytest.raises(DomainError, match="positive standard deviation, got 0"):
        Gaussian(ONES.T, np.zeros(1), np.zeros(1))


def test_the_parts_must_fit_together() -> None:
    problem = make_problem(1, linked=1.0)
    counts = problem.counts
    with pytest.raises(DomainError, match=r"group numbers must lie in 0 \.\. 2, got 0 to 5"):
        replace(problem, groups=3)
    with pytest.raises(DomainError, match="rho must lie between -1 and 1, got 1"):
        replace(problem, rho=1.0)
    with pytest.raises(DomainError, match="unknown family 'gamma'"):
        replace(problem, family="gamma")
    with pytest.raises(DomainError, match="normal terms on 2 parameters; there are 9"):
        replace(problem, gaussian=(Gaussian(np.ones((1, 2)), np.zeros(1), np.ones(1)),))
    with pytest.raises(DomainError, match=r"differs from the registered count in \d+ of 12 linked rows"):
        replace(problem, counts=replace(counts, y=counts.y + 1.0))
    with pytest.raises(DomainError, match="an audit has 1 registration columns; the counts have 3"):
        replace(problem, audits=(AuditRows(ONES, GROUP, np.ones(3), np.ones(3)),))


def test_a_problem_without_effects_has_no_scales() -> None:
    counts = CountRows(ONES, ONES, np.ones(3), np.zeros(3), GROUP)
    assert ThinnedProblem("poisson", 2, counts, False, False).layout.size == 2

"""Arithmetic of the ledger: shares, verdicts, Shapley values, and information after elimination."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from dwangstats.registration.ledger import (
    Shares,
    attribute,
    information_on,
    shapley_value,
    verdict_of,
    verdicts_of_rows,
)
from dwangstats.registration.sources import AUDIT, EXCLUSION, FORM, PRIOR, Sources, apart

FREE = np.ones(2, dtype=bool)
FIRST, LAST = np.array([1.0, 0.0]), np.array([0.0, 1.0])
BOTH = np.array([1.0, -1.0])


def on(*diagonal: float) -> np.ndarray:
    return np.diag(np.array(diagonal))


def two_years(**parts: np.ndarray) -> Sources:
    """Completeness in two years, with next to no background."""
    names = {"form": FORM, "audit": AUDIT, "prior": PRIOR, "exclusion": EXCLUSION}
    given = {names[name]: matrix for name, matrix in parts.items()}
    return Sources(on(1e-6, 1e-6), {FORM: on(0.0, 0.0)} | given)


def verdict(sources: Sources, contrast: np.ndarray, **settings: Any) -> str:
    return verdict_of(attribute(sources, contrast, FREE, **settings), least=0.5, has_evidence=True)


def test_parallel_sources_have_shares_as_their_information() -> None:
    shares = attribute(two_years(form=on(1.0, 0.0), audit=on(3.0, 0.0)), FIRST, FREE)
    assert shares.total == pytest.approx(4.0, rel=1e-5)
    assert shares.share[AUDIT] == pytest.approx(0.75, rel=1e-5)
    assert sum(shares.share.values()) == pytest.approx(1.0, abs=1e-15)
    assert sum(shares.information.values()) == pytest.approx(shares.total, rel=1e-12)


def test_of_sources_that_need_each_other_none_has_more_than_half() -> None:
    # One year by audit, the other by the form of the model: a tight audit does not make the change known.
    sources = two_years(form=on(0.0, 4.0), audit=on(400.0, 0.0))
    shares = attribute(sources, BOTH, FREE)
    assert shares.total == pytest.approx(1.0 / (1.0 / 400.0 + 1.0 / 4.0), rel=1e-5)
    assert shares.share[AUDIT] == pytest.approx(0.5, abs=1e-4)
    assert shares.external == pytest.approx(0.0, abs=1e-4)
    assert verdict(sources, BOTH) == "functional form only"
    assert verdict(sources, FIRST) == "data-identified"
    # Nor does a sharp form of the model with a weak audit.
    assert verdict(two_years(form=on(0.0, 400.0), audit=on(4.0, 0.0)), BOTH) == "functional form only"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"form": on(1.0, 0.0), "audit": on(9.0, 0.0)}, "data-identified"),
        ({"form": on(1.0, 0.0), "prior": on(9.0, 0.0)}, "prior-driven"),
        ({"form": on(2.0, 0.0), "audit": on(4.0, 0.0), "prior": on(4.0, 0.0)}, "prior-driven"),
        ({"form": on(9.0, 0.0), "audit": on(1.0, 0.0)}, "functional form only"),
        ({"form": on(1.0, 0.0), "exclusion": on(9.0, 0.0)}, "data-identified"),
        ({"audit": on(0.3, 0.0)}, "bounds only"),
    ],
)
def test_verdict_goes_by_what_is_left_without_form_and_priors(parts: dict[str, np.ndarray], expected: str) -> None:
    assert verdict(two_years(**parts), FIRST) == expected


def test_an_exclusion_that_may_not_speak_is_form() -> None:
    sources = two_years(form=on(1.0, 0.0), exclusion=on(9.0, 0.0))
    assert verdict(sources, FIRST, barred=(EXCLUSION,)) == "functional form only"


def test_without_evidence_only_bounds_remain() -> None:
    assert verdict_of(Shares(50.0, {FORM: 50.0}), least=1.0, has_evidence=False) == "bounds only"


def test_a_source_that_takes_information_away_has_no_share() -> None:
    shares = Shares(10.0, {FORM: -2.0, AUDIT: 9.0, PRIOR: 3.0})
    assert shares.share[FORM] == 0.0
    assert shares.share[AUDIT] == pytest.approx(0.75)


def test_rows_get_the_verdict_of_their_own_completeness() -> None:
    sources = two_years(form=on(0.0, 2.0), audit=on(5.0, 0.0))
    W = np.eye(2)
    found = verdicts_of_rows(sources, W, slice(0, 2), FREE, least=0.5, enough=np.inf)
    assert found.tolist() == ["data-identified", "functional form only"]


def test_shapley_values_are_means_over_orders_and_add_up() -> None:
    players = ["a", "b", "c"]
    rng = np.random.default_rng(1)
    worth = {tuple(p for i, p in enumerate(players) if mask >> i & 1): float(rng.normal()) for mask in range(8)}
    values = {p: shapley_value(p, players, worth) for p in players}
    assert sum(values.values()) == pytest.approx(worth[("a", "b", "c")] - worth[()], abs=1e-12)
    by_order = dict.fromkeys(players, 0.0)
    for order in permutations(players):
        for i, player in enumerate(order):
            joined = tuple(p for p in players if p in order[: i + 1])
            earlier = tuple(p for p in players if p in order[:i])
            by_order[player] += (worth[joined] - worth[earlier]) / 6.0
    assert values == pytest.approx(by_order, abs=1e-12)


def test_information_is_what_a_schur_complement_leaves() -> None:
    rng = np.random.default_rng(2)
    root = rng.normal(size=(5, 5))
    information = root @ root.T
    contrast = np.eye(5)[0]
    rest = information[1:, 1:]
    schur = information[0, 0] - information[0, 1:] @ np.linalg.solve(rest, information[1:, 0])
    assert information_on(information, contrast) == pytest.approx(schur, rel=1e-9)
    link, own = apart(information, np.array([True, False, False, False, False]))
    assert own[0, 0] == pytest.approx(schur, rel=1e-9)
    assert link + own == pytest.approx(information, abs=1e-9)


def test_the_link_says_nothing_by_itself_also_where_the_rest_does_not_curve_down() -> None:
    information = np.array([[3.0, 1.0, 2.0], [1.0, -0.5, 0.0], [2.0, 0.0, 4.0]])
    link, own = apart(information, np.array([True, False, False]))
    assert np.linalg.eigvalsh(link).min() > -1e-12
    assert own[0, 0] == pytest.approx(3.0 - 2.0 * 2.0 / 4.0)
    assert information_on(link, np.array([1.0, 0.0, 0.0])) < 1e-9


def test_a_contrast_in_a_flat_direction_has_no_information() -> None:
    information = np.array([[2.0, -2.0], [-2.0, 2.0]])
    assert information_on(information, FIRST) < 1e-9
    # The difference of the two is known with information 2 although neither is.
    assert information_on(information, BOTH) == pytest.approx(2.0, rel=1e-9)
    assert information_on(information, np.zeros(2)) == 0.0
    assert LAST @ information @ FIRST == -2.0


def test_evidence_that_is_enough_by_itself_is_not_refused_for_more_counts() -> None:
    """The audit leaves four tenths of the information; whether it passes must not hang on what the counts add."""
    shares = attribute(two_years(form=on(6.0, 0.0), audit=on(4.0, 0.0)), FIRST, FREE)
    assert verdict_of(shares, least=0.5, has_evidence=True) == "functional form only"
    assert verdict_of(shares, least=0.5, enough=4.0, has_evidence=True) == "data-identified"
    # Where the form would shrink the error by more than half it decides, whatever the audit says.
    much = attribute(two_years(form=on(60.0, 0.0), audit=on(4.0, 0.0)), FIRST, FREE)
    assert verdict_of(much, least=0.5, enough=4.0, has_evidence=True) == "functional form only"


@pytest.mark.parametrize("barred", [(), (AUDIT,)])
def test_rows_and_targets_have_the_same_rule(barred: tuple[str, ...]) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        parts = [
            np.outer(v, v) + np.diag(w) for v, w in zip(rng.normal(size=(3, 2)), rng.uniform(0, 2, (3, 2)), strict=True)
        ]
        sources = two_years(form=parts[0], audit=parts[1], prior=parts[2])
        W = rng.normal(size=(5, 2))
        rows = verdicts_of_rows(sources, W, slice(0, 2), FREE, least=0.5, enough=1.5, barred=barred)
        single = [
            verdict_of(attribute(sources, row, FREE, barred=barred), least=0.5, enough=1.5, has_evidence=True)
            for row in W
        ]
        assert rows.tolist() == single

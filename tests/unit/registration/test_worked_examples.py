"""Every number on the page of worked examples is computed, and the claims of the letters are on it."""

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from dwangstats.registration.bounds import bounds, tipping_point

PAGE = Path(__file__).parents[3] / "docs" / "worked-examples.md"

#: Fewer would mean that numbers left the page, or that it is no longer read.
EXAMPLES = 20

# Products of a few floats.
ARITHMETIC = 1e-12


def page() -> doctest.DocTest:
    text = re.sub(r"^```.*$", "", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)


def test_the_numbers_on_the_page_are_those_of_the_package() -> None:
    examples = page()
    said: list[str] = []
    outcome = doctest.DocTestRunner(verbose=False).run(examples, out=said.append)
    assert outcome.failed == 0, "".join(said)
    assert outcome.attempted >= EXAMPLES


@pytest.mark.parametrize(
    ("claim", "ratio", "number"),
    [
        ("at most 77% in\n2021", 1.30, 0.77),
        ("at most 87% in 2021", 1.15, 0.87),
        ("at most 39% of what it was", 0.39, 0.39),
    ],
)
def test_the_prose_names_the_tipping_points(claim: str, ratio: float, number: float) -> None:
    assert claim in PAGE.read_text(encoding="utf-8")
    point = tipping_point(rate_ratio=ratio)
    found = point.completeness_before if ratio > 1.0 else point.completeness_after_factor
    assert found is not None
    assert round(found, 2) == number


@pytest.mark.parametrize(("before", "least"), [(0.80, 0.04), (0.90, 0.17)])
def test_a_more_complete_register_leaves_a_real_rise(before: float, least: float) -> None:
    found = bounds(rate_ratio=1.30, completeness_before=(before, 1.0)).lower
    assert found - 1.0 == pytest.approx(1.30 * before - 1.0, rel=ARITHMETIC)
    assert round(found - 1.0, 2) == least


def test_closed_youth_care_with_a_register_that_got_worse() -> None:
    found = bounds(rate_ratio=0.39, completeness_before=(0.90, 0.90), completeness_after=(0.50, 0.50))
    np.testing.assert_allclose([found.lower, found.upper], 0.39 * 0.90 / 0.50, rtol=ARITHMETIC)
    assert round(1.0 - found.lower, 2) == 0.30


def test_missing_six_of_ten_and_more_than_three_of_four() -> None:
    factor = tipping_point(rate_ratio=0.39).completeness_after_factor
    assert factor is not None
    assert 1.0 - 1.0 * factor == pytest.approx(0.61, abs=1e-12)
    assert 1.0 - 0.60 * factor > 0.75

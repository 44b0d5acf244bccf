import numpy as np
import pandas as pd
import pytest

from dwangstats.design.design import build_design
from dwangstats.design.random import GroupedTerm
from dwangstats.errors import DataError, FormulaError


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "provider": ["b", "a", "b", "c", "a", "c"],
            "location": ["y", "x", "x", "x", "y", "x"],
            "time": [0.0, 0.0, 1.0, 1.0, 2.0, 3.0],
            "events": [1, 0, 3, 2, 4, 1],
        }
    )


def term(text: str, frame: pd.DataFrame | None = None) -> GroupedTerm:
    return build_design(f"events ~ 1 + {text}", table() if frame is None else frame).random[0]


def test_groups_are_numbered_by_sorted_label() -> None:
    found = term("(1 | provider)")
    assert list(found.labels) == ["a", "b", "c"]
    np.testing.assert_array_equal(found.codes, [1, 0, 1, 2, 0, 2])
    np.testing.assert_array_equal(found.columns.X, np.ones((6, 1)))
    assert found.sd_names == ("provider",)


@pytest.mark.parametrize(
    "labels",
    [
        pd.Categorical(["b", "a", "b", "c", "a", "c"], categories=["c", "unused", "b", "a"]),
        [20, 1, 20, 300, 1, 300],
        pd.array(["b", "a", "b", "c", "a", "c"], dtype="string"),
        [("b", 1), ("a", 1), ("b", 1), ("c", 1), ("a", 1), ("c", 1)],
    ],
)
def test_labels_of_any_kind_give_the_same_groups(labels: object) -> None:
    found = term("(1 | provider)", table().assign(provider=labels))
    np.testing.assert_array_equal(found.codes, [1, 0, 1, 2, 0, 2])


def test_labels_of_several_kinds_are_sorted_by_their_text() -> None:
    found = term("(1 | provider)", table().assign(provider=[2, "10", 2, 3, "10", 3]))
    assert list(found.labels) == ["10", 2, 3]


def test_nested_terms() -> None:
    outer, inner = build_design("events ~ 1 + (1 | provider/location)", table()).random
    assert (outer.name, inner.name) == ("provider", "provider:location")
    assert list(inner.labels) == ["a/x", "a/y", "b/x", "b/y", "c/x"]
    np.testing.assert_array_equal(inner.codes, [3, 0, 2, 4, 1, 4])


def test_slopes_and_their_names() -> None:
    found = term("(time | provider)")
    np.testing.assert_array_equal(found.columns.X, np.column_stack([np.ones(6), table()["time"]]))
    assert found.sd_names == ("provider", "provider[time]")
    assert found.correlated
    assert not term("(time || provider)").correlated
    assert term("(0 + time | provider)").sd_names == ("provider[time]",)


def test_new_rows_find_their_groups() -> None:
    _, inner = build_design("events ~ 1 + (1 | provider/location)", table()).random
    new = pd.DataFrame({"provider": ["c", "c", "z", "a"], "location": ["x", "y", "x", "y"]})
    np.testing.assert_array_equal(inner.locate(new), [4, -1, -1, 1])
    with pytest.raises(DataError, match=r"2 of 4 rows \(rows 1, 2\) belong to groups of provider:location .* c/y, z/x"):
        inner.refuse_unseen(new, inner.locate(new))


def test_new_rows_without_the_column_or_a_label() -> None:
    found = term("(1 | provider)")
    with pytest.raises(DataError, match="no column provider"):
        found.locate(pd.DataFrame({"x": [1]}))
    with pytest.raises(DataError, match="provider is missing in 1 of 2 rows"):
        found.locate(pd.DataFrame({"provider": ["a", None]}))


def test_missing_labels_are_an_error_in_the_data() -> None:
    frame = table().assign(provider=["b", None, "b", "c", None, "c"])
    with pytest.raises(DataError, match=r"provider is missing in 2 of 6 rows \(rows 1, 4\)"):
        term("(1 | provider)", frame)


def test_one_group_says_nothing_about_differences() -> None:
    with pytest.raises(DataError, match="All 6 rows are in one group of provider"):
        term("(1 | provider)", table().assign(provider="a"))


@pytest.mark.parametrize("text", ["(1 | provider) + (1 | provider)", "(time | provider) + (0 + time | provider)"])
def test_the_same_effect_twice(text: str) -> None:
    with pytest.raises(FormulaError, match="the same random effect twice"):
        build_design(f"events ~ 1 + {text}", table())


def test_intercept_and_slope_in_two_terms_are_uncorrelated_effects() -> None:
    first, second = build_design("events ~ 1 + (1 | provider) + (0 + time | provider)", table()).random
    assert first.sd_names + second.sd_names == ("provider", "provider[time]")


def test_effects_that_cannot_be_told_apart() -> None:
    with pytest.raises(FormulaError, match="double follows from time"):
        term("(time + double | provider)", table().assign(double=lambda f: 2.0 * f["time"]))


def test_fingerprint_knows_the_groups() -> None:
    one = build_design("events ~ 1 + (1 | provider)", table()).fingerprint
    other = build_design("events ~ 1 + (1 | provider)", table().assign(provider=list("aabbcc"))).fingerprint
    assert one != other


@pytest.mark.parametrize("zero", ["events ~ 1", "~ 1 + (1 | provider)", "~ offset(time)"])
def test_formula_of_extra_zeros_has_fixed_terms_only(zero: str) -> None:
    with pytest.raises(FormulaError, match="fixed terms only"):
        build_design("events ~ 1", table(), zero=zero)


def test_design_of_extra_zeros() -> None:
    design = build_design("events ~ 1", table(), zero="~ location")
    np.testing.assert_array_equal(design.zero_matrix(), np.column_stack([np.ones(6), [1, 0, 0, 0, 1, 0]]))
    np.testing.assert_array_equal(design.zero_matrix(pd.DataFrame({"location": ["y"]})), [[1.0, 1.0]])
    assert build_design("events ~ 1", table()).zero_matrix(table()).shape == (6, 0)
    with pytest.raises(DataError, match="location is missing"):
        build_design("events ~ 1", table().assign(location=None), zero="~ location")

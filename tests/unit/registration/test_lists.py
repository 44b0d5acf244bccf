"""Linked lists: closed forms, cells restored, estimates that do not exist, and numbers that nothing determines."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from dwangstats.errors import DataError, DomainError, IdentificationError
from dwangstats.registration.lists import (
    ListComparison,
    MultipleLists,
    compare_lists,
    list_existence,
    multiple_lists,
    two_list_estimate,
    unseen_interval,
)

ABC = ("a", "b", "c")


def frame_of(counts: dict[str, int]) -> pd.DataFrame:
    """Rows from marks such as {"101": 7}."""
    rows = [[*map(int, marks), count] for marks, count in counts.items()]
    lists = list("abcdef"[: len(next(iter(counts)))])
    return pd.DataFrame(rows, columns=[*lists, "count"])


FULL = {"111": 4, "110": 11, "101": 9, "011": 13, "100": 40, "010": 60, "001": 52}


# --- two lists


def test_chapman_by_hand() -> None:
    result = two_list_estimate(40, 20, 10)
    assert result.total.estimate == pytest.approx(61 * 51 / 41 - 1, rel=1e-14)
    assert result.unseen.estimate == pytest.approx(200 / 41, rel=1e-14)
    assert result.completeness_first.estimate == pytest.approx(60 / result.total.estimate, rel=1e-14)
    assert result.completeness_second.estimate == pytest.approx(50 / result.total.estimate, rel=1e-14)
    assert (result.unseen.identified_by, result.unseen.scale) == ("2 linked lists", "adjusted")


@pytest.mark.parametrize("odds_ratio", [0.5, 1.0, 2.5])
def test_without_chapman_the_odds_ratio_of_the_completed_table_is_the_one_assumed(odds_ratio: float) -> None:
    result = two_list_estimate(400, 200, 100, odds_ratio=odds_ratio, chapman=False)
    assert 400 * result.unseen.estimate / (200 * 100) == pytest.approx(odds_ratio, rel=1e-14)


def test_the_curve_rises_with_dependence_and_holds_the_answer() -> None:
    result = two_list_estimate(40, 20, 10)
    curve = result.curve
    assert curve["odds_ratio"].iloc[[0, -1]].tolist() == [1.0, 3.0]
    for column, sign in (("unseen", 1), ("unseen_lower", 1), ("unseen_upper", 1), ("completeness_first", -1)):
        assert (sign * np.diff(curve[column]) > 0).all()
    first = curve.iloc[0]
    assert (first["unseen"], first["unseen_lower"], first["unseen_upper"]) == (
        result.unseen.estimate,
        result.unseen.lower,
        result.unseen.upper,
    )
    assert two_list_estimate(40, 20, 10, odds_ratios=(2.0,)).curve["odds_ratio"].tolist() == [2.0]


def test_the_result_says_what_independence_means() -> None:
    assert "at least this" in two_list_estimate(40, 20, 10).sentence
    assert "odds ratio of 2 was assumed" in str(two_list_estimate(40, 20, 10, odds_ratio=2.0))
    assert "unseen: 4.878" in str(two_list_estimate(40, 20, 10))


@pytest.mark.parametrize("odds_ratio", [0.5, 1.0, 2.0])
def test_the_interval_ends_where_the_completed_table_stops_to_fit(odds_ratio: float) -> None:
    lower, upper = unseen_interval(40, 20, 10, odds_ratio, 0.95)
    limit = norm.ppf(0.975) ** 2
    for unseen in (lower, upper):
        observed = np.array([[40.0, 20.0], [10.0, unseen]])
        assert deviance_by_search(observed, odds_ratio) == pytest.approx(limit, rel=1e-7)


def deviance_by_search(observed: np.ndarray, odds_ratio: float) -> float:
    """Least deviance over tables with the margins of the data and the odds ratio, by bisection."""
    sign = np.array([[-1.0, 1.0], [1.0, -1.0]])
    low, high = -min(observed[0, 1], observed[1, 0]), min(observed[0, 0], observed[1, 1])
    for _ in range(200):
        middle = 0.5 * (low + high)
        fitted = observed + middle * sign
        if fitted[0, 0] * fitted[1, 1] > odds_ratio * fitted[0, 1] * fitted[1, 0]:
            low = middle
        else:
            high = middle
    fitted = observed + low * sign
    return float(2.0 * np.sum(observed * np.log(observed / fitted)))


def test_large_counts_agree_with_the_delta_method() -> None:
    cells = (40_000, 20_000, 10_000)
    lower, upper = unseen_interval(*cells, 1.0, 0.95)
    unseen = 20_000 * 10_000 / 40_000
    # Variance of the log of the count itself: its own scatter comes on top of that of the three cells.
    sd = math.sqrt(sum(1.0 / n for n in cells) + 1.0 / unseen)
    half = norm.ppf(0.975) * sd
    # The next term is of the order of the half-width squared, 0.1 %.
    assert math.log(upper / unseen) == pytest.approx(half, rel=0.01)
    assert math.log(unseen / lower) == pytest.approx(half, rel=0.01)


@pytest.mark.parametrize(("both", "first", "second"), [(0, 20, 10), (0, 1, 1)])
def test_without_overlap_there_is_no_upper_end(both: int, first: int, second: int) -> None:
    result = two_list_estimate(both, first, second)
    assert result.unseen.upper == math.inf
    assert result.completeness_first.lower == 0.0
    assert result.unseen.estimate == first * second
    with pytest.raises(DomainError, match="no event stands in both registers"):
        two_list_estimate(both, first, second, chapman=False)


def test_a_register_within_the_other_leaves_nothing_unseen_but_an_upper_end() -> None:
    for cells in ((30, 0, 10), (30, 0, 0)):
        result = two_list_estimate(*cells)
        assert (result.unseen.estimate, result.unseen.lower) == (0.0, 0.0)
        assert 0.0 < result.unseen.upper < 5.0
    assert two_list_estimate(30, 0, 0).completeness_first.estimate == 1.0


def test_the_interval_covers_the_count_of_small_populations() -> None:
    rng = np.random.default_rng(20)
    hits = []
    for _ in range(1500):
        on = rng.random((60, 2)) < (0.6, 0.5)
        both, first, second = (
            int(np.sum(on[:, 0] & on[:, 1])),
            *(int(np.sum(on[:, i] & ~on[:, 1 - i])) for i in (0, 1)),
        )
        lower, upper = unseen_interval(both, first, second, 1.0, 0.95)
        hits.append(lower <= 60 - both - first - second <= upper)
    # Four standard errors of 1,500 draws at 95 % are 2.3 points.
    assert np.mean(hits) == pytest.approx(0.95, abs=0.023)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((-1, 2, 3), {}, "both must be a whole number of at least 0, got -1"),
        ((1, 2.5, 3), {}, "first_only must be a whole number"),
        ((1, 2, math.nan), {}, "second_only must be a whole number"),
        ((0, 0, 3), {}, "the first register holds no events"),
        ((0, 3, 0), {}, "the second register holds no events"),
        ((4, 2, 3), {"odds_ratio": 0.0}, "an odds ratio must be a positive number, got 0"),
        ((4, 2, 3), {"odds_ratios": (1.0, -2.0)}, "an odds ratio must be a positive number, got -2"),
        ((4, 2, 3), {"level": 1.0}, "level must lie between 0 and 1, got 1"),
    ],
)
def test_two_lists_refuse_what_has_no_answer(arguments: tuple, options: dict, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        two_list_estimate(*arguments, **options)


# --- several lists


def test_two_lists_as_a_log_linear_model_are_the_closed_form() -> None:
    result = multiple_lists(frame_of({"11": 40, "10": 20, "01": 10}), ("a", "b"))
    assert result.unseen.estimate == pytest.approx(5.0, rel=1e-12)
    half = norm.ppf(0.975) * math.sqrt(1 / 40 + 1 / 20 + 1 / 10)
    assert result.unseen.lower == pytest.approx(5.0 * math.exp(-half), rel=1e-10)
    assert result.unseen.upper == pytest.approx(5.0 * math.exp(half), rel=1e-10)
    assert result.df_residual == 0
    assert result.deviance == pytest.approx(0.0, abs=1e-10)
    assert result.unseen.identified_by == "2 linked lists"


def test_three_lists_with_all_pairs_are_the_closed_form() -> None:
    result = multiple_lists(frame_of(FULL), ABC, "pairs")
    n = {marks: float(count) for marks, count in FULL.items()}
    closed = n["111"] * n["100"] * n["010"] * n["001"] / (n["110"] * n["101"] * n["011"])
    assert result.unseen.estimate == pytest.approx(closed, rel=1e-10)
    sd = math.sqrt(sum(1.0 / count for count in n.values()))
    assert math.log(result.unseen.upper / closed) == pytest.approx(norm.ppf(0.975) * sd, rel=1e-9)
    assert result.coefficients.loc["a:b", "estimate"] == pytest.approx(
        math.log(n["110"] * closed / (n["100"] * n["010"])), rel=1e-9
    )
    assert result.name == "a:b + a:c + b:c"
    assert result.existence.status == "exists"


def test_one_pair_of_three_lists_is_two_lists_after_merging() -> None:
    # With a and b free to interact, c is independent of the list "a or b".
    result = multiple_lists(frame_of(FULL), ABC, [("b", "a")])
    either = FULL["111"] + FULL["101"] + FULL["011"], FULL["110"] + FULL["100"] + FULL["010"], FULL["001"]
    assert result.unseen.estimate == pytest.approx(either[1] * either[2] / either[0], rel=1e-10)
    assert result.interactions == (("a", "b"),)


def test_cells_left_out_count_zero_and_order_does_not_matter() -> None:
    sparse = {"1110": 3, "1001": 2, "0110": 6, "1000": 30, "0100": 20, "0010": 25, "0001": 9}
    lists = ("a", "b", "c", "d")
    full = {marks: sparse.get(marks, 0) for marks in map("".join, product("10", repeat=4)) if "1" in marks}
    one, other = (multiple_lists(frame_of(cells), lists) for cells in (sparse, full))
    shuffled = frame_of(full).sample(frac=1.0, random_state=3)[["count", "c", "a", "d", "b"]]
    again = multiple_lists(shuffled, lists)
    for result in (other, again):
        assert result.unseen == one.unseen
        assert result.aic == one.aic
    assert one.cells == 15
    assert one.observed == sum(sparse.values())
    # A row for nobody is allowed when it counts nobody.
    assert multiple_lists(frame_of({**sparse, "0000": 0}), lists).unseen == one.unseen


def test_completeness_of_each_list_and_of_all_together() -> None:
    result = multiple_lists(frame_of(FULL), ABC)
    total = result.total
    assert total.estimate == pytest.approx(result.observed + result.unseen.estimate)
    assert result.registered_share.estimate == pytest.approx(result.observed / total.estimate)
    assert result.registered_share.lower == pytest.approx(result.observed / total.upper)
    a = result.completeness.loc["a"]
    assert a["on_list"] == 64
    assert a["completeness"] == pytest.approx(64 / total.estimate)
    assert a["lower"] < a["completeness"] < a["upper"]


def test_an_interaction_between_lists_that_never_meet_goes_to_minus_infinity() -> None:
    counts = {"1011": 5, "0111": 6, "1001": 7, "0101": 9, "0011": 8, "1010": 4, "0110": 5} | {
        "1000": 40,
        "0100": 50,
        "0010": 30,
        "0001": 35,
    }
    lists = ("a", "b", "c", "d")
    result = multiple_lists(frame_of(counts), lists, [("a", "b")])
    assert result.existence.status == "at the boundary"
    assert result.coefficients.loc["a:b", "estimate"] == -math.inf
    assert np.isfinite(result.coefficients["estimate"].drop("a:b")).all()
    assert math.isnan(result.coefficients.loc["a:b", "se"])
    # The four cells with both a and b expect nothing; the others are a model of their own.
    assert int((~result.existence.support).sum()) == 4
    assert result.df_residual == 11 - 5
    assert "a:b" in str(result)
    nearly = multiple_lists(frame_of({**counts, "1100": 1}), lists, [("a", "b")])
    assert nearly.existence.status == "exists"
    assert result.unseen.estimate == pytest.approx(nearly.unseen.estimate, rel=0.05)


def test_three_lists_with_all_pairs_and_an_empty_overlap_determine_nothing() -> None:
    counts = {**FULL, "110": 0}
    with pytest.raises(IdentificationError, match="does not determine how many cases are on no list") as caught:
        multiple_lists(frame_of(counts), ABC, "pairs")
    assert "zero in 1 of 7 combinations" in str(caught.value)
    with pytest.raises(IdentificationError, match="Lists that share no case: a and b"):
        multiple_lists(frame_of({**counts, "111": 0}), ABC, "pairs")


def test_lists_without_any_overlap_determine_nothing() -> None:
    counts = {"100": 5, "010": 6, "001": 7}
    with pytest.raises(IdentificationError):
        multiple_lists(frame_of(counts), ABC)
    table = compare_lists(frame_of(counts), ABC).table
    assert set(table["status"]) == {"not identified"}
    assert table[["unseen", "lower", "upper", "total"]].isna().all(axis=None)


def by_brute_force(X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """Support and whether the intercept is determined, from fits with tiny counts of different sizes in every cell."""
    fits = []
    for tiny in (1e-4, 1e-8, 1e-8):
        target = y + tiny * rng.uniform(0.2, 5.0, size=y.size)
        beta = np.zeros(X.shape[1])
        beta[0] = np.log(target.mean())
        for _ in range(300):
            mean = np.exp(X @ beta)
            step = np.linalg.lstsq(X.T @ (mean[:, None] * X), X.T @ (target - mean), rcond=None)[0]
            beta += step / max(1.0, np.abs(step).max())
        fits.append((np.exp(X @ beta), beta[0]))
    support = fits[1][0] > 0.01 * fits[0][0]
    # Where only the tiny counts set the intercept it differs between them, and by much more than their size.
    intercepts = [intercept for _, intercept in fits]
    return support, bool(np.ptp(intercepts) < 0.01)


def test_support_and_identification_agree_with_brute_force() -> None:
    rng = np.random.default_rng(11)
    cells = np.array(list(product((1.0, 0.0), repeat=4))[:-1])
    pairs = [(0, 1), (0, 2), (2, 3), (1, 3)]
    seen: set[str] = set()
    for _ in range(60):
        chosen = [pair for pair in pairs if rng.random() < 0.6]
        X = np.column_stack([np.ones(15), cells, *(cells[:, i] * cells[:, j] for i, j in chosen)])
        y = rng.poisson(rng.choice([0.0, 0.4, 8.0], size=15)).astype(float)
        if not y.any():
            continue
        existence = list_existence(X, y)
        support, determined = by_brute_force(X, y, rng)
        np.testing.assert_array_equal(existence.support, support)
        assert (existence.status != "not identified") == determined
        assert (existence.status == "exists") == (support.all() and np.linalg.matrix_rank(X) == X.shape[1])
        seen.add(existence.status)
    assert seen == {"exists", "at the boundary", "not identified"}


def test_existence_does_not_depend_on_the_size_of_the_counts() -> None:
    X = np.column_stack([np.ones(7), np.array(list(product((1.0, 0.0), repeat=3))[:-1])])
    y = np.array([0.0, 1.0, 0.0, 1e9, 1.0, 1e9, 1e9])
    small, large = list_existence(X, np.minimum(y, 1.0)), list_existence(X, y)
    assert small.status == large.status
    np.testing.assert_array_equal(small.support, large.support)


def test_models_beside_each_other() -> None:
    comparison = compare_lists(frame_of(FULL), ABC)
    assert isinstance(comparison, ListComparison)
    table = comparison.table.set_index("model")
    assert list(table.index) == ["independent lists", "a:b", "a:c", "b:c"]
    for model, pairs in (("independent lists", ()), ("a:c", [("a", "c")])):
        alone = multiple_lists(frame_of(FULL), ABC, pairs)
        assert isinstance(alone, MultipleLists)
        row = table.loc[model]
        assert (row["unseen"], row["lower"], row["upper"]) == (
            alone.unseen.estimate,
            alone.unseen.lower,
            alone.unseen.upper,
        )
        assert row["aic"] == pytest.approx(2 * row["parameters"] - 2 * alone.loglik)
    assert table["aic_difference"].min() == 0.0
    assert "3 linked lists" in str(comparison)
    further = compare_lists(frame_of(FULL), ABC, interactions=[("a", "b")]).table
    assert further["model"].tolist() == ["a:b", "a:b + a:c", "a:b + b:c"]


def test_a_larger_interaction_needs_the_smaller_ones() -> None:
    counts = {marks: 3 + i for i, marks in enumerate(map("".join, product("10", repeat=4))) if "1" in marks}
    lists = ("a", "b", "c", "d")
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    assert multiple_lists(frame_of(counts), lists, [*pairs, ("c", "b", "a")]).name.endswith("a:b:c")
    with pytest.raises(DomainError, match="the interaction a:b:c needs b:c as well"):
        multiple_lists(frame_of(counts), lists, [*pairs[:2], ("a", "b", "c")])


@pytest.mark.parametrize(
    ("interactions", "message"),
    [
        ([("a", "x")], "an interaction names at least two different lists of a, b, c, got a, x"),
        ([("a",)], "at least two different lists"),
        (["a"], "at least two different lists"),
        ([("a", "a")], "at least two different lists"),
        ([("a", "b", "c")], "all 3 lists cannot interact"),
        ("all", "interactions must be 'pairs' or a list"),
    ],
)
def test_interactions_that_are_not_offered(interactions: object, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        multiple_lists(frame_of(FULL), ABC, interactions)  # type: ignore[arg-type]


def test_two_lists_cannot_interact() -> None:
    for interactions in ([("a", "b")], "pairs"):
        with pytest.raises(DomainError, match="use two_list_estimate"):
            multiple_lists(frame_of({"11": 4, "10": 2, "01": 1}), ("a", "b"), interactions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"a": [2, 1, 1, 0, 1, 0, 0]}, "In 1 of 7 rows a list column is not 0 or 1 (row 1). Write 1"),
        (
            {"count": [1, -1, 2, 2, 2.5, np.nan, 3]},
            "In 3 of 7 rows count is not a whole number of at least 0 (row 2, 5, 6)",
        ),
        ({"c": [0] * 7}, "In 3 of 7 rows the combination is there twice (row 2, 5, 6)"),
        ({"b": [0] * 7, "a": [0] * 7}, "cases are on no list (row 2, 5, 6)"),
        ({"count": [0] * 7}, "None of the 7 rows has a case"),
    ],
)
def test_rows_that_cannot_be_used_are_named(change: dict[str, list[float]], problem: str) -> None:
    with pytest.raises(DataError) as caught:
        multiple_lists(frame_of(FULL).assign(**change), ABC)
    assert problem in str(caught.value)


def test_columns_and_lists_that_cannot_be_used() -> None:
    frame = frame_of(FULL)
    with pytest.raises(DataError, match="no column d, n; it has a, b, c, count"):
        multiple_lists(frame, ("a", "d"), count="n")
    with pytest.raises(DomainError, match="name 2 to 12 lists, got 1"):
        multiple_lists(frame, ("a",))
    with pytest.raises(DomainError, match="named twice"):
        multiple_lists(frame, ("a", "a", "b"))
    for call in (multiple_lists, compare_lists):
        with pytest.raises(DomainError, match="level must lie between 0 and 1"):
            call(frame, ABC, level=0.0)


def test_the_lognormal_interval_covers_the_expected_number() -> None:
    rng = np.random.default_rng(8)
    chances = np.array([0.5, 0.4, 0.3])
    cells = np.array(list(product((1.0, 0.0), repeat=3))[:-1])
    mean = 400.0 * np.prod(np.where(cells == 1.0, chances, 1.0 - chances), axis=1)
    unseen = 400.0 * np.prod(1.0 - chances)
    hits = []
    for _ in range(300):
        frame = pd.DataFrame(cells.astype(int), columns=list(ABC)).assign(count=rng.poisson(mean))
        found = multiple_lists(frame, ABC).unseen
        hits.append(found.lower <= unseen <= found.upper)
    # Four standard errors of 300 draws at 95 % are 5 points.
    assert np.mean(hits) == pytest.approx(0.95, abs=0.05)

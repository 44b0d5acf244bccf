import numpy as np
import pandas as pd
import polars as pl
import pytest

from dwangstats.data.panels.panel import Panel
from dwangstats.design.design import build_design, to_pandas
from dwangstats.design.rows import listed, rows_text
from dwangstats.errors import DataError, FormulaError


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "provider": ["p1", "p1", "p2", "p2", "p3", "p3"],
            "year": [2021, 2022, 2021, 2022, 2021, 2023],
            "setting": ["open", "closed", "open", "closed", "closed", "open"],
            "x": [0.5, 1.0, -1.0, 2.0, 0.0, 3.0],
            "beds": [10.0, 20.0, 10.0, 40.0, 5.0, 8.0],
            "events": [1, 0, 3, 2, 4, 1],
        }
    )


def test_arrays_and_names() -> None:
    frame = table()
    design = build_design("events ~ C(year) + x + offset(x)", frame, exposure="beds")
    assert design.names == ("Intercept", "C(year)[T.2022]", "C(year)[T.2023]", "x")
    np.testing.assert_array_equal(design.X[:, 1], frame["year"] == 2022)
    np.testing.assert_array_equal(design.y, frame["events"])
    np.testing.assert_array_equal(design.log_exposure, np.log(frame["beds"]))
    np.testing.assert_array_equal(design.offset, frame["x"])
    assert design.levels == {"year": (2021, 2022, 2023)}
    assert design.variables == ("year", "x")
    assert (design.response, design.exposure, design.unit, design.one_unit) == ("events", "beds", "beds", "bed")


def test_without_exposure_each_row_counts_as_one() -> None:
    design = build_design("events ~ 1", table())
    np.testing.assert_array_equal(design.log_exposure, np.zeros(6))
    assert design.unit == "rows"


def test_log_offset_equals_exposure() -> None:
    design = build_design("events ~ x + offset(log(beds))", table())
    np.testing.assert_array_equal(design.offset, np.log(table()["beds"]))
    np.testing.assert_array_equal(design.offset_of(table().head(2)), np.log([10.0, 20.0]))


def test_names_of_interactions_and_contrasts() -> None:
    design = build_design("events ~ setting*x + C(year, contr.treatment(base=2022))", table())
    assert "setting[T.open]:x" in design.names
    assert "C(year, contr.treatment(base=2022))[T.2021]" in design.names


def test_column_in_backticks() -> None:
    frame = table().rename(columns={"x": "mean age", "events": "n events"})
    design = build_design("`n events` ~ `mean age`", frame)
    assert design.names == ("Intercept", "mean age")


def test_polars_and_pandas_give_the_same_arrays() -> None:
    frame = table()
    one = build_design("events ~ C(year) + setting", frame, exposure="beds")
    eager = pl.DataFrame(frame.to_dict("list"))
    for other in (eager, eager.lazy(), eager.with_columns(pl.col("setting").cast(pl.Categorical))):
        two = build_design("events ~ C(year) + setting", other, exposure="beds")
        assert two.names == one.names
        np.testing.assert_array_equal(two.X, one.X)
        assert two.fingerprint == one.fingerprint


def test_not_a_frame() -> None:
    with pytest.raises(DataError, match="got list"):
        to_pandas([1, 2, 3])


def test_the_callers_frame_stays_his() -> None:
    frame = table()
    design = build_design("events ~ x", frame)
    frame.loc[0, "x"] = 99.0
    assert design.frame.loc[0, "x"] == 0.5


def test_replay_keeps_contrasts_and_transformations() -> None:
    design = build_design("events ~ C(year) + scale(x)", table())
    np.testing.assert_allclose(design.matrix(table()), design.X, rtol=1e-15)
    one = design.matrix(table().iloc[[3]])
    np.testing.assert_allclose(one[0], design.X[3], rtol=1e-15)


def test_unused_categories_are_no_columns_and_order_is_kept() -> None:
    kind = pd.CategoricalDtype(["open", "closed", "never"], ordered=True)
    design = build_design("events ~ setting", table().astype({"setting": kind}))
    assert design.names == ("Intercept", "setting[T.closed]")
    assert design.levels["setting"] == ("open", "closed")


def test_unseen_level_names_level_and_column() -> None:
    design = build_design("events ~ C(year) + setting", table())
    new = table().assign(setting=["open"] * 5 + ["locked"], year=[2021] * 5 + [2030])
    with pytest.raises(DataError) as caught:
        design.matrix(new)
    text = str(caught.value)
    assert "setting has values that were not among the fitted rows: locked (row 5)" in text
    assert "year has values that were not among the fitted rows: 2030 (row 5)" in text
    assert len(caught.value.problems) == 2


def test_new_rows_without_a_column() -> None:
    design = build_design("events ~ x", table(), exposure="beds")
    with pytest.raises(FormulaError, match="no column x"):
        design.matrix(table().drop(columns="x"))
    with pytest.raises(DataError, match="no column beds"):
        design.log_exposure_of(table().drop(columns="beds"))


def test_unknown_columns_are_marked_with_a_suggestion() -> None:
    with pytest.raises(FormulaError) as caught:
        build_design("events ~ C(yaer) + zzz", table())
    text = str(caught.value)
    assert "no column yaer. Did you mean 'year'?" in text
    assert "events ~ C(>>yaer<<) + zzz" in text
    assert "no column zzz. Columns: provider, year" in text


def test_persons_are_no_term() -> None:
    with pytest.raises(FormulaError, match="names persons"):
        build_design("events ~ client_id", table().assign(client_id="c1"))


def test_missing_values_are_named_not_dropped() -> None:
    frame = table().astype({"events": "Int64"})
    frame.loc[[1, 4], "events"] = pd.NA
    frame.loc[2, "setting"] = None
    frame.loc[3, "beds"] = np.nan
    with pytest.raises(DataError) as caught:
        build_design("events ~ setting", frame, exposure="beds")
    problems = caught.value.problems
    assert len(problems) == 3
    assert problems[0].startswith("events is missing in 2 of 6 rows (rows 1, 4)")
    assert problems[1].startswith("setting is missing in 1 of 6 rows (row 2)")
    assert "a fit drops no rows" in problems[2]


@pytest.mark.parametrize("bad", [-1.0, 1.5, np.inf])
def test_counts_are_counts(bad: float) -> None:
    with pytest.raises(DataError, match=r"events must be a whole number of at least 0: 1 of 6 rows are not \(row 2;"):
        build_design("events ~ x", table().assign(events=[1, 0, bad, 2, 4, 1]))


def test_counts_are_numbers() -> None:
    with pytest.raises(DataError, match="provider must hold counts"):
        build_design("provider ~ x", table())


@pytest.mark.parametrize("bad", [0.0, -2.0, np.inf])
def test_exposure_is_positive_and_finite(bad: float) -> None:
    frame = table().assign(beds=[10.0, bad, 10.0, bad, 5.0, 8.0])
    with pytest.raises(DataError, match=r"beds must be positive and finite: 2 of 6 rows are not \(rows 1, 3;"):
        build_design("events ~ x", frame, exposure="beds")
    with pytest.raises(DataError, match="beds must be positive"):
        build_design("events ~ x + offset(log(beds))", frame)


def test_exposure_and_offset_are_numbers() -> None:
    with pytest.raises(DataError, match="setting must be a number"):
        build_design("events ~ x", table(), exposure="setting")
    with pytest.raises(DataError, match="setting must be a number"):
        build_design("events ~ x + offset(setting)", table())
    with pytest.raises(DataError, match="x must be finite"):
        build_design("events ~ 1 + offset(x)", table().assign(x=np.inf))


def test_unknown_exposure() -> None:
    with pytest.raises(DataError, match=r"no column bed for the exposure\. Did you mean 'beds'"):
        build_design("events ~ x", table(), exposure="bed")


def test_no_rows() -> None:
    with pytest.raises(DataError, match="no rows"):
        build_design("events ~ x", table().head(0))


def test_transformation_that_gives_no_number_names_rows() -> None:
    with pytest.raises(DataError, match=r"log\(x\) is not a finite number in 2 of 6 rows \(rows 2, 4\)"):
        build_design("events ~ log(x)", table())


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("events ~ C(year) + year", "year follows from Intercept, C(year)[T.2022], C(year)[T.2023]"),
        ("events ~ x + I(2 * x)", "I(2 * x) follows from x"),
        ("events ~ C(year):setting", "is 0 in every row"),
        ("events ~ 0", "leaves no coefficient"),
        ("events ~ provider:", "formulaic cannot read"),
        ("events ~ bs(x, knot=3)", "formulaic cannot read"),
        ("x + 1", "no left side"),
    ],
)
def test_formulas_that_cannot_be_fitted(formula: str, words: str) -> None:
    with pytest.raises(FormulaError) as caught:
        build_design(formula, table())
    assert words in str(caught.value)
    assert "\x1b" not in str(caught.value)


def panel() -> Panel:
    frame = table().assign(period=[2021, 2022, 2021, 2022, 2021, 2023])
    return Panel.from_frame(
        frame, provider="provider", period="period", events="events", exposure="beds", covariates=["x"]
    )


@pytest.mark.parametrize("formula", ["C(year)", "~ C(year)", "events ~ C(year)"])
def test_a_panel_knows_response_and_exposure(formula: str) -> None:
    made = panel()
    design = build_design(formula, made)
    assert (design.response, design.exposure, design.unit, design.one_unit) == (
        "events",
        "bed_days",
        "bed-days",
        "bed-day",
    )
    assert design.fingerprint == made.fingerprint
    np.testing.assert_array_equal(design.log_exposure, np.log(made.observed["bed_days"].to_numpy(dtype=float)))


def test_a_panel_refuses_another_response() -> None:
    with pytest.raises(FormulaError, match=">>x<< ~ 1"):
        build_design("x ~ 1", panel())


def test_another_exposure_of_a_panel() -> None:
    made = panel()
    frame = table().assign(x=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    made = Panel.from_frame(
        frame, provider="provider", period="year", events="events", exposure="beds", covariates=["x"]
    )
    design = build_design("~ 1", made, exposure="x")
    assert (design.exposure, design.unit) == ("x", "x")


def test_forms_are_not_pooled_in_silence() -> None:
    frame = pd.concat([table().assign(form="seclusion"), table().assign(form="medication")])
    made = Panel.from_frame(frame, provider="provider", period="year", events="events", exposure="beds", form="form")
    with pytest.raises(FormulaError, match="2 values of form \\(medication, seclusion\\)"):
        build_design("C(year)", made)
    assert "form[T.seclusion]" in build_design("C(year) + form", made).names
    assert build_design("C(year)", made.for_form("seclusion")).y.size == 6


def test_fingerprint_follows_the_content() -> None:
    one = build_design("events ~ x", table(), exposure="beds").fingerprint
    assert one == build_design("events ~ x", table(), exposure="beds").fingerprint
    assert one != build_design("events ~ x", table()).fingerprint
    assert one != build_design("events ~ x", table().assign(events=1), exposure="beds").fingerprint
    assert len(one) == 64


def test_rows_text() -> None:
    index = pd.Index([11, 12, 13, 14, 15, 16, 17])
    assert rows_text(index, [0]) == "row 11"
    assert rows_text(index, [0, 2]) == "rows 11, 13"
    assert rows_text(index, np.arange(7)) == "rows 11, 12, 13, 14, 15 and 2 more"


def test_listed() -> None:
    assert listed([1, 2]) == "1, 2"
    assert listed(list(range(30)), shown=3) == "0, 1, 2, ..."


@pytest.mark.parametrize(
    "formula", ["events ~ C(year) + events", "events ~ scale(events)", "events ~ 1 + (events | provider)"]
)
def test_counts_do_not_explain_themselves(formula: str) -> None:
    frame = pd.DataFrame({"events": [1, 2, 3, 4], "year": [1, 1, 2, 2], "provider": list("abab"), "days": [5.0] * 4})
    with pytest.raises(FormulaError, match="what the model explains"):
        build_design(formula, frame, exposure="days")


def test_exposure_counts_once() -> None:
    frame = pd.DataFrame({"events": [1, 2, 3, 4], "year": [1, 1, 2, 2], "days": [5.0] * 4})
    with pytest.raises(FormulaError, match="twice"):
        build_design("events ~ C(year) + offset(log(days))", frame, exposure="days")
    assert build_design("events ~ C(year) + log(days)", frame.assign(days=[1.0, 2, 3, 5]), exposure="days").X.shape == (
        4,
        3,
    )

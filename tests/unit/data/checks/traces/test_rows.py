"""What the traces share: which rows count, which last, who is who; against slow and plain ways to say the same."""

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.checks.traces.rows import (
    day_only,
    first_of_each,
    group_numbers,
    half_years,
    lasting_rows,
    law_names,
    locking_rows,
    measure_numbers,
    moments,
    position_in,
    standing_rows,
)
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import code_list
from dwangstats.data.register.periods import period_of


def test_acts_have_no_duration_and_the_rest_lasts():
    codes = code_list("interventions")
    frame = pd.DataFrame({"intervention_code": codes["code"]})
    acts = codes.loc[~lasting_rows(frame), "letter"]
    assert set(acts) == {"a", "e", "f", "g", "j"}
    assert set(codes.loc[lasting_rows(frame), "letter"]).isdisjoint(set(acts))
    assert set(codes.loc[locking_rows(frame), "letter"]) == {"c", "k"}


def test_the_form_speaks_where_there_is_no_code():
    frame = pd.DataFrame(
        {
            "intervention_code": [None, None, None, "121511000146100", "124061000146109", "strange"],
            "form": ["seclusion", "medication", "other", "seclusion", "medication", "seclusion"],
        }
    )
    assert lasting_rows(frame).tolist() == [True, False, False, False, True, False]
    assert lasting_rows(frame[["form"]]).tolist() == [True, False, False, True, False, True]
    assert not lasting_rows(frame[[]]).any()


def test_group_numbers_are_those_of_a_table_of_combinations():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.integers(0, 4, size=(200, 3)).astype(object), columns=list("abc")).astype("str")
    frame = frame.mask(rng.random(frame.shape) < 0.1)
    number = group_numbers(frame["a"], frame["b"], frame["c"])
    whole = frame.notna().all(axis=1).to_numpy()
    assert np.array_equal(number < 0, ~whole)
    by_pandas = frame.loc[whole].groupby(list("abc"), sort=False).ngroup().to_numpy()
    assert np.array_equal(number[whole], by_pandas)
    heads = first_of_each(number)
    assert np.array_equal(number[heads], np.arange(heads.size))
    assert all((number[:head] != group).all() for group, head in enumerate(heads))


def test_a_missing_group_number_stays_missing():
    assert group_numbers(np.array([3, -1, 3, 0]), pd.Series(["x", "x", None, "x"])).tolist() == [0, -1, -1, 1]
    assert group_numbers(pd.Series([], dtype="str")).tolist() == []


def test_position_in_a_small_table_takes_the_first_and_skips_what_is_missing():
    table = pd.DataFrame({"p": ["a", "a", "b", "a", None], "l": ["1", "2", "1", "1", "1"]})
    frame = pd.DataFrame({"p": ["b", "a", "c", "a", None, "a"], "l": ["1", "2", "1", None, "1", "1"]})
    assert position_in(table, frame, "p", "l").tolist() == [2, 1, -1, -1, -1, 0]
    assert position_in(table.iloc[:0], frame, "p", "l").tolist() == [-1] * 6


def test_half_years_are_those_of_the_calendar():
    days = pd.Series(
        pd.to_datetime(
            ["1969-12-31 23:59:00", "2020-06-30 23:59:59", "2020-07-01 00:00:00", "2021-01-01 00:00:00", None]
        )
    )
    numbers = half_years(days.to_numpy(dtype="datetime64[us]"))
    texts = [f"{code // 2}-H{code % 2 + 1}" for code in numbers[1:4]]
    assert texts == period_of(days, "half-year").tolist()[1:4]
    assert numbers[0] == 2 * 1969 + 1
    assert numbers[4] == -1


def test_measures_are_told_apart_by_code_and_without_a_code_by_form():
    frame = pd.DataFrame({"intervention_code": ["1", None, "2", None, None], "form": ["x", "x", "x", "y", None]})
    number = measure_numbers(frame)
    assert number[4] == -1
    assert len(set(number[:4])) == 4


def test_a_law_that_is_not_known_is_no_law():
    assert law_names(pd.DataFrame({"law": ["WZD", "unknown", None, "wet"]})).tolist() == ["WZD", "", "", ""]


def test_a_day_is_a_begin_and_end_at_midnight():
    frame = pd.DataFrame(
        {
            "begin": pd.to_datetime(["2021-01-01 00:00"] * 3 + ["2021-01-01 10:00"]),
            "end": pd.to_datetime(["2021-01-02 00:00", None, "2021-01-01 10:00", "2021-01-02 00:00"]),
        }
    )
    assert day_only(frame).tolist() == [True, True, False, False]


@pytest.mark.parametrize("empty", [[None, None], [pd.NaT, pd.NaT], [np.nan, np.nan]])
def test_a_column_without_any_moment(empty):
    assert np.isnat(moments(pd.DataFrame({"end": empty}), "end")).all()
    assert np.isnat(moments(pd.DataFrame({"begin": [1, 2]}), "end")).all()


def versions(**changed):
    registrations = pd.DataFrame(
        {
            "provider_id": ["a", "a", "a", "b", "a", "a"],
            "law": ["WVGGZ", "WVGGZ", "WZD", "WVGGZ", "WVGGZ", None],
            "begin": pd.to_datetime(["2021-02-01"] * 4 + ["2021-08-01", "2021-02-01"]),
            "delivery_version": [1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
        }
    )
    deliveries = pd.DataFrame(
        {
            "provider_id": ["a", "a", "a", "b"],
            "law": ["WVGGZ", "WVGGZ", "WZD", "WVGGZ"],
            "period": ["2021-H1"] * 4,
            "version": [1.0, 2.0, 1.0, 1.0],
            "status": ["accepted"] * 4,
        }
    )
    return Tables(registrations=registrations.assign(**changed), deliveries=deliveries)


def test_only_the_last_version_of_a_delivery_stands():
    # The law of the last row is not given, so that any last version of the provider may be its own.
    assert standing_rows(versions()).tolist() == [False, True, True, True, True, False]
    assert standing_rows(versions(delivery_version=np.nan)).all()
    assert standing_rows(Tables(registrations=versions().registrations)).all()

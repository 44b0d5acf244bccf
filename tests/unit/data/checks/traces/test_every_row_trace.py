"""Of every trace over rows: it says nothing it cannot know, in any order of rows, on any table."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.checks.traces import blocks, breaks, doubles, gone, late_ends, laws, open_ends, resolution, rooms
from dwangstats.data.reading.read import Tables
from dwangstats.worlds.planted import ErrorParameters

TRACES = (
    open_ends.never_closed,
    open_ends.filled_end,
    late_ends.closed_late,
    late_ends.end_elsewhere,
    doubles.same_source,
    doubles.same_moment,
    gone.without_location,
    rooms.unspecified,
    rooms.often_unspecified,
    rooms.room_against_ward,
    laws.outside_law,
    blocks.standing_block,
    resolution.date_only,
    breaks.cut_up,
)


@pytest.fixture(scope="module")
def world():
    return worlds.make("mixed", "tiny", 3, errors=ErrorParameters(), calibrate=False)


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.__name__)
def test_a_mask_over_the_rows(world, trace):
    mask = trace(world.tables)
    assert mask.dtype == np.bool_
    assert mask.shape == (len(world.tables.registrations),)


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.__name__)
def test_nothing_without_rows_or_columns(world, trace):
    rows = world.tables.registrations
    assert trace(Tables()).shape == (0,)
    assert trace(replace(world.tables, registrations=rows.iloc[:0])).shape == (0,)
    bare = Tables(registrations=rows[["provider_id", "begin"]])
    if trace is not resolution.date_only:
        assert not trace(bare).any()
    for column in rows.columns:
        assert trace(replace(world.tables, registrations=rows.drop(columns=column))).shape == (len(rows),)


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.__name__)
def test_a_column_without_any_value_says_nothing_and_breaks_nothing(world, trace):
    rows = world.tables.registrations
    for column in rows.columns:
        blank = rows[column].where(np.zeros(len(rows), dtype=bool))
        for values in (blank, blank.astype(object)):
            mask = trace(replace(world.tables, registrations=rows.assign(**{column: values})))
            assert mask.shape == (len(rows),)


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.__name__)
def test_the_order_of_rows_does_not_matter(world, trace):
    """Rows that begin in the same minute have their order kept: of equal doubles the later row is marked."""
    rows = world.tables.registrations
    order = np.random.default_rng(4).permutation(len(rows))
    order = order[np.argsort(rows["begin"].to_numpy()[order], kind="stable")]
    first = rows.sort_values("begin", kind="stable")
    shuffled = rows.iloc[order]
    counts = [pd.Series(trace(replace(world.tables, registrations=frame)), frame.index) for frame in (first, shuffled)]
    tied = rows.duplicated("begin", keep=False)
    untied = tied.index[~tied]
    assert counts[0].loc[untied].equals(counts[1].loc[untied])
    assert counts[0].sum() == counts[1].sum()


def test_no_trace_marks_the_missing_end_of_an_act(world):
    rows = world.tables.registrations
    acts = ["121511000146100", "121531000146107", "29211000146105", "123881000146109", "62407006", "121541000146104"]
    old = rows.assign(begin=rows["begin"] - pd.Timedelta(days=3650), end=pd.NaT, intervention_code=acts[0])
    for code in acts:
        tables = replace(world.tables, registrations=old.assign(intervention_code=code))
        assert not open_ends.never_closed(tables).any()


def test_a_register_without_errors_has_next_to_no_signs():
    """Ten registers of about 2,300 rows: at most one row in 5,000, over all traces but that of rooms left out."""
    found = rows = 0
    for seed in range(200, 210):
        tables = worlds.make("mixed", "tiny", seed, calibrate=False).tables
        rows += len(tables.registrations)
        found += sum(int(trace(tables).sum()) for trace in TRACES if trace is not rooms.unspecified)
    assert rows > 15_000
    assert found <= rows / 5_000

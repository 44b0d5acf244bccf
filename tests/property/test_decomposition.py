"""A divided change adds up, turns round with time, and does not depend on how its cells are written down."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dwangstats.change.cells import Cells, match_cells
from dwangstats.change.parts import (
    BED_DAYS,
    CASE_MIX,
    ENTRY,
    MIX,
    MOVED,
    REAL,
    REGISTRATION,
    CellValues,
    Per,
    divide,
    divide_by_lmdi,
    divide_registered,
    fitted_change,
)

#: The promise is 1e-9 of a registration; these panels hold up to some 1e5 of them.
PROMISE = 1e-9

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25)  # a frame is built for each
pers = st.sampled_from(["counts", "rate"])


def make_rows(rng: np.random.Generator, providers: int) -> pd.DataFrame:
    """Providers in one or both of two years, with half-years and forms that may be missing."""
    grid = pd.MultiIndex.from_product(
        [[f"p{i}" for i in range(providers)], [2021, 2023], ["H1", "H2"], ["seclusion", "medication"]],
        names=["provider", "year", "half", "form"],
    ).to_frame(index=False)
    keep = (rng.random(len(grid)) < 0.8) | (grid["provider"] == "p0")
    rows = grid[keep].reset_index(drop=True)
    place = rows.groupby(["provider", "year", "half"]).ngroup()
    days = rng.uniform(50.0, 5000.0, place.max() + 1)[place]
    return rows.assign(period=rows["year"].astype(str) + "-" + rows["half"], bed_days=days)


def make_values(rng: np.random.Generator, cells: Cells, draws: int = 3) -> CellValues:
    matched = cells.before.size
    return CellValues(
        log_rate=rng.normal(-3.0, 0.7, (2, 2, draws, matched)),
        completeness=rng.uniform(0.05, 1.0, (2, draws, matched)),
        leaving=rng.uniform(0.0, 0.2, (draws, cells.leaving.size)),
        entering=rng.uniform(0.0, 0.2, (draws, cells.entering.size)),
    )


def make(seed: int, providers: int = 4) -> tuple[pd.DataFrame, Cells, CellValues]:
    rng = np.random.default_rng(seed)
    rows = make_rows(rng, providers)
    cells = match(rows, 2021, 2023)
    return rows, cells, make_values(rng, cells)


def match(rows: pd.DataFrame, before: Any, after: Any) -> Cells:
    return match_cells(rows, rows["bed_days"].to_numpy(), "year", before=before, after=after)


@few
@given(seed=seeds, per=pers)
def test_the_parts_add_up_to_the_fitted_change_in_every_draw(seed: int, per: Per) -> None:
    _, cells, values = make(seed)
    assert_allclose(divide(values, cells, per).sum(axis=0), fitted_change(values, cells, per), atol=PROMISE)


@few
@given(seed=seeds, per=pers)
def test_time_turned_round_turns_the_signs(seed: int, per: Per) -> None:
    rows, cells, values = make(seed)
    back = match(rows, 2023, 2021)
    # The cells of the other direction come in the order of the other year.
    order = np.array([int(np.flatnonzero(cells.after == row)[0]) for row in back.before])
    turned = CellValues(
        values.log_rate[::-1, ::-1][..., order],
        values.completeness[::-1][..., order],
        values.entering[:, [int(np.flatnonzero(cells.entering == row)[0]) for row in back.leaving]],
        values.leaving[:, [int(np.flatnonzero(cells.leaving == row)[0]) for row in back.entering]],
    )
    assert_allclose(divide(turned, back, per), -divide(values, cells, per), atol=PROMISE)


@few
@given(seed=seeds, per=pers)
def test_the_order_of_the_rows_is_nothing(seed: int, per: Per) -> None:
    rows, cells, values = make(seed)
    mixed = rows.sample(frac=1.0, random_state=seed)
    other = match(mixed.reset_index(drop=True), 2021, 2023)
    names = mixed.index.to_numpy()

    def place(wanted: np.ndarray, among: np.ndarray) -> list[int]:
        return [int(np.flatnonzero(among == names[row])[0]) for row in wanted]

    moved = CellValues(
        values.log_rate[..., place(other.before, cells.before)],
        values.completeness[..., place(other.before, cells.before)],
        values.leaving[:, place(other.leaving, cells.leaving)],
        values.entering[:, place(other.entering, cells.entering)],
    )
    assert_allclose(divide(moved, other, per), divide(values, cells, per), atol=PROMISE)


@few
@given(seed=seeds, per=pers)
def test_a_part_that_does_not_change_is_zero(seed: int, per: Per) -> None:
    _, cells, values = make(seed)
    still: dict[str, Callable[[], CellValues]] = {
        CASE_MIX: lambda: CellValues(
            np.stack([values.log_rate[0]] * 2), values.completeness, values.leaving, values.entering
        ),
        REAL: lambda: CellValues(
            np.stack([values.log_rate[:, 0]] * 2, axis=1), values.completeness, values.leaving, values.entering
        ),
        REGISTRATION: lambda: CellValues(
            values.log_rate, np.stack([values.completeness[0]] * 2), values.leaving, values.entering
        ),
    }
    for part, unchanged in still.items():
        assert (divide(unchanged(), cells, per)[MOVED.index(part)] == 0.0).all()
    if per == "rate":
        assert (divide(values, cells, per)[MOVED.index(BED_DAYS)] == 0.0).all()


@few
@given(seed=seeds, per=pers)
def test_shifts_between_cells_of_one_rate_are_nothing(seed: int, per: Per) -> None:
    rows, _, _ = make(seed)
    cells = match(rows[rows["form"] == "seclusion"].reset_index(drop=True), 2021, 2023)
    values = make_values(np.random.default_rng(seed), cells)
    flat = CellValues(
        np.zeros_like(values.log_rate),
        values.completeness[:, :, :1] * np.ones(cells.before.size),
        values.leaving,
        values.entering,
    )
    assert_allclose(divide(flat, cells, per)[MOVED.index(MIX)], 0.0, atol=PROMISE)


@few
@given(seed=seeds)
def test_entry_and_exit_of_counts_are_the_registrations_of_those_who_come_less_those_who_go(seed: int) -> None:
    _, cells, values = make(seed)
    come = values.entering @ cells.exposure[cells.entering]
    go = values.leaving @ cells.exposure[cells.leaving]
    assert_allclose(divide(values, cells, "counts")[MOVED.index(ENTRY)], come - go, atol=PROMISE)


@few
@given(seed=seeds, per=pers)
def test_lmdi_adds_up_to_the_same_change(seed: int, per: Per) -> None:
    _, cells, values = make(seed)
    found = divide_by_lmdi(values, cells, per)
    assert sum(found.values()) == pytest.approx(fitted_change(values, cells, per)[0], abs=PROMISE)


@few
@given(seed=seeds, per=pers, log_ratio=st.floats(-1.0, 1.0))
def test_what_is_assumed_of_completeness_moves_only_registration_and_real(
    seed: int, per: Per, log_ratio: float
) -> None:
    _, cells, values = make(seed)
    registered = CellValues(values.log_rate, np.ones_like(values.completeness), values.leaving, values.entering)
    plain = divide(registered, cells, per)
    split = divide_registered(registered, cells, per, log_ratio)
    shared = [k for k, part in enumerate(MOVED) if part not in (REGISTRATION, REAL)]
    assert_allclose(split[shared], plain[shared], atol=PROMISE)
    real, registration = split[MOVED.index(REAL)], split[MOVED.index(REGISTRATION)]
    assert_allclose(real + registration, plain[MOVED.index(REAL)], atol=PROMISE)
    further = divide_registered(registered, cells, per, log_ratio + 0.1)[MOVED.index(REAL)]
    assert (further < real).all()


@few
@given(seed=seeds)
def test_exposure_in_other_units_changes_nothing_but_the_rate(seed: int) -> None:
    rows, cells, values = make(seed)
    hours = match_cells(rows, 24.0 * rows["bed_days"].to_numpy(), "year", before=2021, after=2023)
    per_hour = CellValues(
        values.log_rate - np.log(24.0), values.completeness, values.leaving / 24.0, values.entering / 24.0
    )
    assert_allclose(divide(per_hour, hours, "counts"), divide(values, cells, "counts"), atol=PROMISE)

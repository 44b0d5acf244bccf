"""The cells of linked lists: every combination that can be observed, with its count."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Matrix, Vector
from dwangstats.errors import DataError, DomainError

MOST_LISTS = 12
"""More lists have more combinations than the linear program of the existence check is meant for."""


@dataclass(frozen=True, slots=True)
class ListCells:
    """All 2^k - 1 combinations of k lists in which a case can be observed.

    Attributes
    ----------
    lists : tuple of str, (k,)
    on : (n, k) array
        1.0 where the combination is on the list.
    counts : (n,) array
        Cases with exactly that combination; zero where the data leave it out.
    """

    lists: tuple[str, ...]
    on: Matrix
    counts: Vector


def read_cells(frame: pd.DataFrame, lists: tuple[str, ...], count: str) -> ListCells:
    """Cells of a frame with one row per combination; combinations that are left out count zero.

    Raises
    ------
    DomainError
        Fewer than two lists, more than twelve, or a list named twice.
    DataError
        All problems with the rows together.
    """
    if not 2 <= len(lists) <= MOST_LISTS:
        raise DomainError(f"name 2 to {MOST_LISTS} lists, got {len(lists)}")
    if len({*lists, count}) <= len(lists):
        raise DomainError("a column is named twice among the lists and the count")
    absent = [name for name in (*lists, count) if name not in frame.columns]
    if absent:
        raise DataError(f"the frame has no column {', '.join(absent)}; it has {', '.join(map(str, frame.columns))}")
    on, counts = _numbers(frame[list(lists)]), _numbers(frame[[count]])[:, 0]
    problems = _problems(on, counts, count)
    if problems:
        raise DataError(problems)
    combinations = np.array(list(product((1.0, 0.0), repeat=len(lists)))[:-1])
    # Combinations run down from all ones, so a row read as a binary number says its place.
    place = combinations.shape[0] - (on @ (2.0 ** np.arange(len(lists))[::-1])).astype(np.intp)
    somewhere = on.any(axis=1)
    full = np.zeros(combinations.shape[0])
    full[place[somewhere]] = counts[somewhere]
    return ListCells(lists, combinations, full)


def _numbers(frame: pd.DataFrame) -> Matrix:
    columns = [pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan) for name in frame]
    return np.column_stack(columns)


def _problems(on: Matrix, counts: Vector, count: str) -> list[str]:
    no_mark = ~np.isin(on, (0.0, 1.0)).all(axis=1)
    no_count = ~(counts >= 0.0) | (counts != np.floor(counts)) | np.isinf(counts)
    again = pd.DataFrame(on).duplicated().to_numpy() & ~no_mark
    nowhere = ~on.any(axis=1) & (counts > 0.0)
    found = [
        (no_mark, "a list column is not 0 or 1", "Write 1 for on the list and 0 for not."),
        (no_count, f"{count} is not a whole number of at least 0", "Give counts."),
        (again, "the combination is there twice", "Give one row per combination, its cases added up."),
        (nowhere, "cases are on no list", "Nobody can observe these; leave the row out."),
    ]
    problems = [
        f"In {int(bad.sum())} of {counts.size} rows {what} ({_where(bad)}). {todo}"
        for bad, what, todo in found
        if bad.any()
    ]
    if not problems and not counts.any():
        problems.append(f"None of the {counts.size} rows has a case; there is nothing to estimate from.")
    return problems


def _where(bad: NDArray[np.bool_]) -> str:
    rows = np.flatnonzero(bad)[:5] + 1
    return f"row {', '.join(map(str, rows.tolist()))}" + (" and on" if bad.sum() > rows.size else "")

"""Cells of a table: which rows are added up together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from dwangstats._types import Codes, Matrix
from dwangstats.data.nearest import did_you_mean
from dwangstats.errors import DomainError


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows grouped by some of their columns.

    Attributes
    ----------
    keys : DataFrame
        One row per cell, sorted, with the columns that were asked for; without columns for one cell of all rows.
    code : (n,) array
        Cell of each row.
    """

    keys: pd.DataFrame
    code: Codes

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.keys)

    def sum(self, values: Matrix) -> Matrix:
        """Sums over the rows of each cell: (d, n) to (d, cells)."""
        n = self.code.size
        indicator = csr_array((np.ones(n), (self.code, np.arange(n))), shape=(self.size, n))
        return np.asarray((indicator @ values.T).T, dtype=np.float64)


def make_cells(frame: pd.DataFrame, by: str | Sequence[str] | None) -> Cells:
    """Group rows by columns.

    Parameters
    ----------
    frame : DataFrame
    by : str, sequence of str or None
        Columns; None puts all rows into one cell.

    Returns
    -------
    Cells

    Raises
    ------
    DomainError
        If a column is not there, or has missing values.
    """
    names = [] if by is None else [by] if isinstance(by, str) else list(by)
    known = [str(name) for name in frame.columns]
    problems = [
        f"The panel has no column {name} to group by.{did_you_mean(name, known)}" for name in names if name not in known
    ]
    problems += [
        f"{name} is missing in {int(frame[name].isna().sum())} of {len(frame)} rows, so these belong to no group. "
        "Fill it or group by another column."
        for name in names
        if name in known and frame[name].isna().any()
    ]
    if problems:
        raise DomainError(" ".join(problems))
    if not names:
        return Cells(pd.DataFrame(index=pd.RangeIndex(1)), np.zeros(len(frame), dtype=np.intp))
    grouped = frame.groupby(names, sort=True, observed=True)
    keys = grouped.size().index.to_frame(index=False)
    return Cells(keys, grouped.ngroup().to_numpy().astype(np.intp))

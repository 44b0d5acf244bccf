"""Words for rows and values in messages, and the one way in which a list of problems is raised."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dwangstats.errors import DataError


def rows_text(index: pd.Index, positions: Sequence[int] | np.ndarray, shown: int = 5) -> str:
    """The first of the rows at these positions, by their label in the index, as "rows 3, 8, 9 and 4 more"."""
    labels = [str(label) for label in index[np.asarray(positions)[:shown]]]
    more = len(positions) - len(labels)
    return f"row{'s' if more or len(labels) > 1 else ''} {', '.join(labels)}" + (f" and {more} more" if more else "")


def listed(values: Sequence[Any], shown: int = 20) -> str:
    """Values as text with commas, the first of them if there are many."""
    return ", ".join(str(value) for value in values[:shown]) + (", ..." if len(values) > shown else "")


def raise_problems(problems: Sequence[str]) -> None:
    """Raise a DataError with all problems, if there are any."""
    if problems:
        raise DataError(problems)


def missing_values(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """One sentence for each of the columns in which values are missing."""
    problems = []
    for name in names:
        bad = np.flatnonzero(frame[name].isna().to_numpy())
        if bad.size:
            problems.append(
                f"{name} is missing in {bad.size} of {len(frame)} rows ({rows_text(frame.index, bad)}). Fill it "
                "or leave these rows out yourself; a fit drops no rows."
            )
    return problems

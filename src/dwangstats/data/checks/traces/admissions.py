"""Forced admissions that are not registered because they are taken for granted (E15)."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import poisson

from dwangstats._types import Matrix, Vector
from dwangstats.data.checks.rule import has
from dwangstats.data.checks.traces.cells import Cells, register_cells
from dwangstats.data.checks.traces.movement import LEAST_EXPECTED, LEAST_PROVIDERS, q_values
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import contains

#: share of providers that are marked by chance, of all that are marked.
LEVEL: Final = 0.05
#: a provider registers "next to none" below this part of what is usual: an assumption about how far patients, wards
#: and ordinary under-registration lie apart.
NEXT_TO_NONE: Final = 1.0 / 3.0
FORM: Final = "admission"

COLUMNS: Final = ("provider_id", "law", "period", "registered", "expected", "ratio", "p", "q")


def taken_for_granted(tables: Tables, *, level: float = LEVEL, cells: Sequence[Cells] | None = None) -> pd.DataFrame:
    """Providers that register next to no forced admissions, given how many people they admit (E15).

    Court orders would be the thing to compare with; they are in no table. What is compared is the number of
    registrations of form j per admission to wards that are not open, with the median over the providers that register
    any. A provider is marked when its count is too low even for a third of that (Poisson, one-sided), which leaves
    room for other patients and for ordinary under-registration.

    Parameters
    ----------
    tables : Tables
        With exposure.admissions; locations.setting, where given, says which wards are open.
    level : float
        False discovery rate over the providers (Benjamini and Hochberg, 1995).
    cells : sequence of Cells, optional
        `register_cells` of the same tables, where they were already counted.

    Returns
    -------
    DataFrame
        One row per known quarter of a marked provider: provider_id, law, period, registered, expected (both over all
        known quarters; expected at the median), ratio, p, q. No rows where nobody registers the form, where fewer than
        five providers do, or without admissions.
    """
    parts = []
    for part in register_cells(tables) if cells is None else cells:
        admitted = _admitted(tables, part) if FORM in part.forms else None
        if admitted is None:
            continue
        registered = np.where(part.known, part.counts[:, :, part.forms.index(FORM)], 0.0).sum(axis=1)
        base = np.where(part.known, admitted, 0.0).sum(axis=1)
        parts.append(_marked(part, registered, base, level))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(COLUMNS))


def _marked(cells: Cells, registered: Vector, base: Vector, level: float) -> pd.DataFrame:
    some = (registered > 0) & (base > 0)
    if int(some.sum()) < LEAST_PROVIDERS:
        return pd.DataFrame(columns=list(COLUMNS))
    usual = float(np.median(registered[some] / base[some]))
    expected = usual * base
    p = np.where(
        NEXT_TO_NONE * expected >= LEAST_EXPECTED / 2.0, poisson.cdf(registered, NEXT_TO_NONE * expected), np.nan
    )
    q = q_values(p)
    rows = [
        {
            "provider_id": cells.providers[i],
            "law": cells.law,
            "period": cells.quarters[quarter],
            "registered": float(registered[i]),
            "expected": float(expected[i]),
            "ratio": float(registered[i] / expected[i]),
            "p": float(p[i]),
            "q": float(q[i]),
        }
        for i in np.flatnonzero(q <= level).tolist()
        for quarter in np.flatnonzero(cells.known[i]).tolist()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _admitted(tables: Tables, cells: Cells) -> Matrix | None:
    """Admissions to wards that are not open, by provider and quarter (P, T); None when no table has them."""
    exposure = tables.exposure
    if not has(exposure, "provider_id", "period", "admissions"):
        return None
    rows = exposure.loc[exposure["period"].notna() & exposure["admissions"].notna() & ~_is_open(exposure, tables)]
    found = np.zeros(cells.known.shape)
    numbers = pd.to_numeric(rows["admissions"]).astype("float64")
    for quarter, column in zip(cells.quarters, found.T, strict=True):
        inside = {text: contains(quarter, text) for text in rows["period"].unique()}
        mine = rows["period"].map(inside).to_numpy(dtype=bool)
        total = numbers[mine].groupby(rows.loc[mine, "provider_id"]).sum()
        column[:] = np.asarray(total.reindex(pd.Index(cells.providers)).fillna(0.0), dtype=np.float64)
    return found if found.any() else None


def _is_open(exposure: pd.DataFrame, tables: Tables) -> "pd.Series[bool]":
    """Rows of wards of which the setting says that they are open; nobody is admitted there by force."""
    key = ["provider_id", "location_id"]
    locations = tables.locations
    if locations is None or not {*key, "setting"} <= set(locations.columns) or "location_id" not in exposure.columns:
        return pd.Series(False, index=exposure.index)
    words = locations.drop_duplicates(key).set_index(key)["setting"].astype("str").str.casefold()
    opened = words.str.contains(r"\bopen\b", regex=True) & ~words.str.contains("half", regex=False)
    found = opened.reindex(pd.MultiIndex.from_frame(exposure[key])).fillna(False)
    return pd.Series(found.to_numpy(dtype=bool), index=exposure.index)

"""Rows of matched cells with the case-mix of one period and the time of another."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dwangstats._types import Matrix, Vector
from dwangstats.change.cells import TIME_COLUMNS, Cells
from dwangstats.data.panels.layout import IDENTITY
from dwangstats.design.design import Design


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Rows at which a linear predictor is wanted.

    Attributes
    ----------
    rows : DataFrame
        The rows themselves.
    X : (m, k) array
        Fixed part.
    offset : (m,) array
        Offset terms of the formula, without the exposure.
    """

    rows: pd.DataFrame
    X: Matrix
    offset: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where rates are needed: matched[s][t] with the case-mix of period s and the time of period t; and the others."""

    matched: tuple[tuple[Place, Place], tuple[Place, Place]]
    leaving: Place
    entering: Place


def time_columns(frame: pd.DataFrame, variable: str, also: Iterable[str] = ()) -> tuple[str, ...]:
    """Columns that move with time: the compared one, year, period, time and those given."""
    return tuple(name for name in dict.fromkeys([variable, *TIME_COLUMNS, *also]) if name in frame.columns)


def places_of(design: Design, cells: Cells, columns: tuple[str, ...]) -> Places:
    """Rows, and their part of the design, at which a division needs the rate.

    Parameters
    ----------
    design : Design
        Of the rate.
    cells : Cells
        Of its rows.
    columns : tuple of str
        Columns that move with time; all others are case-mix.
    """
    ends = (cells.before, cells.after)
    by_case_mix = []
    for s in ends:
        rows = design.frame.iloc[s].reset_index(drop=True)
        moved = [rows.assign(**{name: design.frame[name].to_numpy()[t] for name in columns}) for t in ends]
        by_case_mix.append((_place(design, _typed(moved[0], design)), _place(design, _typed(moved[1], design))))
    alone = (design.frame.iloc[rows].reset_index(drop=True) for rows in (cells.leaving, cells.entering))
    leaving, entering = (_place(design, rows) for rows in alone)
    return Places((by_case_mix[0], by_case_mix[1]), leaving, entering)


def has_case_mix(design: Design, columns: tuple[str, ...]) -> bool:
    """Whether the rate depends on anything that is neither time nor who the row is."""
    groups = {name for term in design.formula.random for name in term.groups}
    used = {*design.formula.names("fixed", "offset"), *(set(design.formula.names("random")) - groups)}
    return bool(used - set(columns) - set(IDENTITY))


def has_mix(design: Design, columns: tuple[str, ...]) -> bool:
    """Whether the rate differs between the cells of one period: between providers, locations, or by case-mix."""
    return bool(set(design.formula.names("fixed", "random", "offset")) - set(columns))


def _typed(rows: pd.DataFrame, design: Design) -> pd.DataFrame:
    """The rows with the column types of the fitted ones, so that categories stay categories."""
    kinds = {name: kind for name, kind in design.frame.dtypes.items() if rows[name].dtype != kind}
    return rows.astype(kinds) if kinds else rows


def _place(design: Design, rows: pd.DataFrame) -> Place:
    if rows.empty:
        return Place(rows, np.zeros((0, design.X.shape[1])), np.zeros(0))
    return Place(rows, design.matrix(rows), design.offset_of(rows))

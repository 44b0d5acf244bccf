"""Columns with names from one formulaic formula, and the same columns for new rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor

from dwangstats._types import Matrix
from dwangstats.design.rows import listed, raise_problems, rows_text
from dwangstats.design.transforms import TRANSFORMS
from dwangstats.errors import DataError, FormulaError
from dwangstats.numerics.degenerate import column_dependencies


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A formula without random terms or offsets, applied to rows.

    Attributes
    ----------
    X : (n, k) array
    names : tuple of str
        formulaic's names of the k columns.
    spec : formulaic.ModelSpec
        Contrasts and transformations as they were, for replay on new rows.
    levels : mapping of str to tuple
        Observed values of each column that enters as categories.
    """

    X: Matrix
    names: tuple[str, ...]
    spec: ModelSpec
    levels: Mapping[str, tuple[Any, ...]]

    def replay(self, rows: pd.DataFrame) -> Matrix:
        """The columns for new rows, (m, k).

        Parameters
        ----------
        rows : DataFrame
            Has the columns of the formula, without missing values.

        Raises
        ------
        DataError
            If a category or a group was not among the fitted rows, or a transformation is not finite.
        """
        raise_problems(_unseen(rows, self.levels))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            X = np.asarray(self.spec.get_model_matrix(rows, context=dict(TRANSFORMS)), dtype=np.float64)
        return _finite(X, self.names, rows.index)


def build_columns(formula: str, frame: pd.DataFrame, *, text: str) -> Columns:
    """Columns that can be told apart, for a formula on rows without missing values.

    Parameters
    ----------
    formula : str
        Right side for formulaic.
    frame : DataFrame
    text : str
        The whole formula as written, for messages.

    Returns
    -------
    Columns

    Raises
    ------
    FormulaError
        If formulaic cannot read it, no column is left, or the columns cannot be told apart on these rows.
    DataError
        If a transformation is not finite.
    """
    try:
        # A row where a transformation gives nan or inf is named by _finite; numpy's warning could not name it.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            matrix = Formula(formula).get_model_matrix(
                frame, context=dict(TRANSFORMS), output="numpy", na_action="ignore"
            )
    except FormulaicError as error:
        plain = " ".join(re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]", "", str(error)).split())
        raise FormulaError(f"formulaic cannot read {formula}: {plain}") from error
    if matrix.shape[1] == 0:
        raise FormulaError(f"The formula {text} leaves no coefficient to estimate. Write ~ 1 for a constant.")
    spec = matrix.model_spec
    names = tuple(spec.column_names)
    X = _finite(np.asarray(matrix, dtype=np.float64), names, frame.index)
    _check_columns_differ(X, names)
    return Columns(X, names, spec, _levels(spec, frame))


def _finite(X: Matrix, names: Sequence[str], index: pd.Index) -> Matrix:
    if not np.isfinite(X).all():
        bad = np.flatnonzero(~np.isfinite(X).all(axis=1))
        columns = [name for name, column in zip(names, X.T, strict=True) if not np.isfinite(column).all()]
        grouped = any(f"{name}(" in column for name in TRANSFORMS for column in columns)
        cause = "A group without fitted rows has no mean." if grouped else "The log of 0 is a usual cause."
        raise DataError(
            f"{', '.join(columns)} is not a finite number in {bad.size} of {len(index)} rows "
            f"({rows_text(index, bad)}). {cause}"
        )
    return X


def _levels(spec: ModelSpec, frame: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """Observed values, in order, of the columns inside categorical factors."""
    kinds = {expression: kind for expression, (kind, _) in spec.encoder_state.items()}
    inside = {
        str(variable)
        for factor, variables in spec.factor_variables.items()
        if kinds.get(str(factor.expr)) is Factor.Kind.CATEGORICAL
        for variable in variables
        if str(variable) in frame.columns
    }
    return {name: _observed(frame[name]) for name in frame.columns if name in inside}


def _observed(column: pd.Series) -> tuple[Any, ...]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return tuple(column.cat.categories)
    return tuple(np.sort(column.unique()).tolist())


def _unseen(frame: pd.DataFrame, levels: Mapping[str, tuple[Any, ...]]) -> list[str]:
    problems = []
    for name, known in levels.items():
        bad = ~frame[name].isin(known).to_numpy()
        if bad.any():
            new = listed(frame.loc[bad, name].unique().tolist(), shown=5)
            where = rows_text(frame.index, np.flatnonzero(bad))
            problems.append(
                f"{name} has values that were not among the fitted rows: {new} ({where}). Fitted were: {listed(known)}."
            )
    return problems


def _check_columns_differ(X: Matrix, names: tuple[str, ...]) -> None:
    sentences = [
        f"{names[i]} follows from {', '.join(names[j] for j in others)}" if others else f"{names[i]} is 0 in every row"
        for i, others in column_dependencies(X).items()
    ]
    if sentences:
        raise FormulaError(
            f"On these {X.shape[0]} rows not all coefficients can be told apart: {'; '.join(sentences)}. "
            "Leave a term out or combine levels."
        )

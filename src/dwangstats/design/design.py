"""From a formula and a frame to arrays with names, and back again for new rows.

Everything is checked here, once: columns exist, nothing is missing, counts are counts, exposure is
positive, columns can be told apart. The models below see arrays that mean something.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec
from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor

from dwangstats._types import Matrix, Vector
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.panel import Panel
from dwangstats.design.formula import ParsedFormula, mark, split_formula
from dwangstats.errors import DataError, FormulaError
from dwangstats.numerics.glm import column_dependencies

PANEL_RESPONSE = "events"
PANEL_EXPOSURE = "bed_days"
PANEL_STRATA = ("form", "law")
PERSON_COLUMNS = ("client_id", "bsn")


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A formula applied to rows: n rows, k coefficients.

    Attributes
    ----------
    X : (n, k) array
        Columns of the fixed part.
    names : tuple of str
        formulaic's names of the k columns.
    y : (n,) array
        Counts.
    log_exposure : (n,) array
        Log of the exposure; zeros without one.
    offset : (n,) array
        Sum of the offset terms of the formula; zeros without them.
    model_spec : formulaic.ModelSpec
        Contrasts and transformations as they were, for replay on new rows.
    formula : ParsedFormula
    response : str
        Column of the counts.
    exposure : str or None
        Column of the exposure.
    unit : str
        What the exposure is counted in, for example "bed-days"; "rows" without one.
    frame : DataFrame
        The rows, all columns.
    levels : mapping of str to tuple
        Observed values of each column that enters as categories.
    source : str or None
        Fingerprint of the panel; None for another frame.
    """

    X: Matrix
    names: tuple[str, ...]
    y: Vector
    log_exposure: Vector
    offset: Vector
    model_spec: ModelSpec
    formula: ParsedFormula
    response: str
    exposure: str | None
    unit: str
    frame: pd.DataFrame
    levels: Mapping[str, tuple[Any, ...]]
    source: str | None

    @property
    def fingerprint(self) -> str:
        """sha256 of the data: of the panel, or of the arrays made from another frame."""
        return self.source or _fingerprint(self.names, self.X, self.y, self.log_exposure + self.offset)

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns of the fixed part."""
        return self.formula.names("fixed")

    @property
    def one_unit(self) -> str:
        """The unit of exposure in the singular, for "per bed-day"."""
        return self.unit.removesuffix("s")

    def matrix(self, frame: Any) -> Matrix:
        """Columns of the fixed part for new rows, with the contrasts and transformations of the fitted ones.

        Parameters
        ----------
        frame : any frame
            Has the columns of the fixed part.

        Returns
        -------
        (m, k) array

        Raises
        ------
        FormulaError
            If a column is absent.
        DataError
            If a value is missing, or is a category that was not among the fitted rows.
        """
        rows = to_pandas(frame)
        _check_columns(self.formula, rows, self.variables)
        _raise(_missing(rows, self.variables))
        _raise(_unseen(rows, self.levels))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            X = np.asarray(self.model_spec.get_model_matrix(rows, context={}), dtype=np.float64)
        return _finite(X, self.names, rows.index)

    def offset_of(self, frame: Any) -> Vector:
        """Sum of the offset terms for new rows, (m,); zeros without offset terms."""
        rows = to_pandas(frame)
        _check_columns(self.formula, rows, self.formula.names("offset"))
        return _offsets(self.formula, rows)

    def log_exposure_of(self, frame: Any) -> Vector:
        """Log of the exposure for new rows, (m,); zeros for a model without exposure."""
        rows = to_pandas(frame)
        if self.exposure is not None and self.exposure not in rows:
            raise DataError(f"The new rows have no column {self.exposure}. Add it, or give exposure= as a number.")
        return _log_exposure(rows, self.exposure)


def build_design(formula: str | ParsedFormula, data: Any, *, exposure: str | None = None) -> Design:
    """Arrays with names for a formula on a panel or a frame.

    Parameters
    ----------
    formula : str or ParsedFormula
        See `split_formula`. On a `Panel` the left side is ``events`` or left out; on a frame it names the counts.
    data : Panel or any frame
        Of a panel the delivered rows are used. Frames are pandas, polars or whatever narwhals takes.
    exposure : str, optional
        Column with the exposure, > 0; the log is taken here. Default ``bed_days`` for a panel, 1 for a frame.

    Returns
    -------
    Design

    Raises
    ------
    FormulaError
        If the formula cannot be read, names a column that is not there, pools forms or laws of a panel, or has
        columns that cannot be told apart on these rows.
    DataError
        If values are missing, counts are no counts, or an exposure is not positive; all problems, with their rows.
        Rows are never dropped.
    """
    parsed = formula if isinstance(formula, ParsedFormula) else split_formula(formula)
    frame = data.observed if isinstance(data, Panel) else to_pandas(data)
    response, exposure, unit = _roles(parsed, data, frame, exposure)
    _check_columns(parsed, frame, parsed.names())
    _check_values(parsed, frame, response, exposure)
    frame = _without_unused_categories(frame, parsed.names("fixed"))
    X, spec = _fixed_part(parsed, frame)
    names = tuple(spec.column_names)
    _check_columns_differ(X, names)
    return Design(
        X=X,
        names=names,
        y=_numbers(frame[response]),
        log_exposure=_log_exposure(frame, exposure),
        offset=_offsets(parsed, frame),
        model_spec=spec,
        formula=parsed,
        response=response,
        exposure=exposure,
        unit=unit,
        frame=frame,
        levels=_levels(spec, frame),
        source=data.fingerprint if isinstance(data, Panel) else None,
    )


def to_pandas(data: Any) -> pd.DataFrame:
    """A pandas copy of any frame that narwhals reads; no pyarrow needed.

    Raises
    ------
    DataError
        If it is not a frame.
    """
    if isinstance(data, pd.DataFrame):
        return data.copy()
    try:
        frame = nw.from_native(data)
    except TypeError as error:
        raise DataError(f"data must be a Panel or a frame (pandas, polars, ...), got {type(data).__name__}") from error
    rows = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return pd.DataFrame({name: rows[name].to_numpy() for name in rows.columns})


def rows_text(index: pd.Index, positions: Sequence[int] | np.ndarray, shown: int = 5) -> str:
    """The first of the rows at these positions, by their label in the index, as "rows 3, 8, 9 and 4 more"."""
    labels = [str(label) for label in index[np.asarray(positions)[:shown]]]
    more = len(positions) - len(labels)
    return f"row{'s' if more or len(labels) > 1 else ''} {', '.join(labels)}" + (f" and {more} more" if more else "")


def listed(values: Sequence[Any], shown: int = 20) -> str:
    """Values as text with commas, the first of them if there are many."""
    return ", ".join(str(value) for value in values[:shown]) + (", ..." if len(values) > shown else "")


def _roles(parsed: ParsedFormula, data: Any, frame: pd.DataFrame, exposure: str | None) -> tuple[str, str | None, str]:
    """Which columns are the response and the exposure, and the unit of the exposure."""
    if isinstance(data, Panel):
        if parsed.response not in (None, PANEL_RESPONSE):
            raise FormulaError(
                f"On a panel the left side is {PANEL_RESPONSE} or left out, got {parsed.response}.\n"
                f"    {_marked(parsed, str(parsed.response))}"
            )
        _check_strata(parsed, frame)
        return PANEL_RESPONSE, exposure or PANEL_EXPOSURE, data.unit if exposure is None else exposure
    if parsed.response is None:
        raise FormulaError(
            f"The formula has no left side. On a frame it names the counts, for example events ~ {parsed.fixed}"
        )
    return parsed.response, exposure, "rows" if exposure is None else exposure


def _check_strata(parsed: ParsedFormula, frame: pd.DataFrame) -> None:
    """Rows of several forms or laws repeat the same exposure, so they are never pooled in silence."""
    for stratum in PANEL_STRATA:
        values = sorted(str(value) for value in frame[stratum].dropna().unique()) if stratum in frame else []
        if len(values) > 1 and stratum not in parsed.names():
            raise FormulaError(
                f"The panel holds {len(values)} values of {stratum} ({', '.join(values)}) and they are not pooled in "
                f"silence. Choose one before the fit, or put {stratum} in the formula."
            )


def _check_columns(parsed: ParsedFormula, frame: pd.DataFrame, names: Sequence[str]) -> None:
    problems = [f"{name} names persons and has no place in a formula." for name in names if name in PERSON_COLUMNS]
    for name in names:
        if name not in frame.columns:
            columns = [str(column) for column in frame.columns]
            hint = did_you_mean(name, columns) or f" Columns: {', '.join(columns)}."
            problems.append(f"The data have no column {name}.{hint}\n    {_marked(parsed, name)}")
    if problems:
        raise FormulaError("\n".join(problems))


def _marked(parsed: ParsedFormula, name: str) -> str:
    use = next(use for use in parsed.columns if use.name == name)
    return mark(parsed.text, use.start, use.end)


def _check_values(parsed: ParsedFormula, frame: pd.DataFrame, response: str, exposure: str | None) -> None:
    if exposure is not None and exposure not in frame.columns:
        hint = did_you_mean(exposure, [str(column) for column in frame.columns])
        raise DataError(f"The data have no column {exposure} for the exposure.{hint}")
    if frame.empty:
        raise DataError("The data have no rows to fit.")
    used = dict.fromkeys([response, *parsed.names(), *([] if exposure is None else [exposure])])
    problems = _missing(frame, list(used))
    if not problems:
        problems = _not_counts(frame[response]) + ([] if exposure is None else _not_positive(frame[exposure]))
        for name in parsed.names("offset"):
            problems += _not_positive(frame[name]) if f"log({name})" in parsed.offsets else _not_finite(frame[name])
    _raise(problems)


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise DataError(problems)


def _missing(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    problems = []
    for name in names:
        bad = np.flatnonzero(frame[name].isna().to_numpy())
        if bad.size:
            problems.append(
                f"{name} is missing in {bad.size} of {len(frame)} rows ({rows_text(frame.index, bad)}). Fill it "
                "or leave these rows out yourself; a fit drops no rows."
            )
    return problems


def _not_counts(column: pd.Series) -> list[str]:
    if not pd.api.types.is_numeric_dtype(column):
        return [f"{column.name} must hold counts, its type is {column.dtype}."]
    y = _numbers(column)
    bad = ~np.isfinite(y) | (y < 0.0) | (y != np.rint(np.where(np.isfinite(y), y, 0.0)))
    return _complaint(column, bad, "must be a whole number of at least 0", "Counts are whole; rates are made inside.")


def _not_positive(column: pd.Series) -> list[str]:
    if not pd.api.types.is_numeric_dtype(column):
        return [f"{column.name} must be a number, its type is {column.dtype}."]
    values = _numbers(column)
    bad = ~(np.isfinite(values) & (values > 0.0))
    return _complaint(column, bad, "must be positive and finite", "Without exposure there is no rate: leave them out.")


def _not_finite(column: pd.Series) -> list[str]:
    if not pd.api.types.is_numeric_dtype(column):
        return [f"{column.name} must be a number, its type is {column.dtype}."]
    return _complaint(column, ~np.isfinite(_numbers(column)), "must be finite", "Correct the value.")


def _complaint(column: pd.Series, bad: np.ndarray, must: str, advice: str) -> list[str]:
    rows = np.flatnonzero(bad)
    if not rows.size:
        return []
    first = float(_numbers(column)[rows[0]])
    where = f"{rows.size} of {column.size} rows are not ({rows_text(column.index, rows)}; first value {first:g})"
    return [f"{column.name} {must}: {where}. {advice}"]


def _numbers(column: pd.Series) -> Vector:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _without_unused_categories(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Categories without a row would be columns of zeros."""
    typed = [name for name in names if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.assign(**{name: frame[name].cat.remove_unused_categories() for name in typed})


def _fixed_part(parsed: ParsedFormula, frame: pd.DataFrame) -> tuple[Matrix, ModelSpec]:
    try:
        # A row where a transformation gives nan or inf is named by _finite; numpy's warning could not name it.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            matrix = Formula(parsed.fixed).get_model_matrix(frame, context={}, output="numpy", na_action="ignore")
    except FormulaicError as error:
        plain = " ".join(re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]", "", str(error)).split())
        raise FormulaError(f"formulaic cannot read the fixed part {parsed.fixed}: {plain}") from error
    if matrix.shape[1] == 0:
        raise FormulaError(f"The formula {parsed.text} leaves no coefficient to estimate. Write ~ 1 for a constant.")
    spec = matrix.model_spec
    return _finite(np.asarray(matrix, dtype=np.float64), spec.column_names, frame.index), spec


def _finite(X: Matrix, names: Sequence[str], index: pd.Index) -> Matrix:
    if not np.isfinite(X).all():
        bad = np.flatnonzero(~np.isfinite(X).all(axis=1))
        columns = [name for name, column in zip(names, X.T, strict=True) if not np.isfinite(column).all()]
        raise DataError(
            f"{', '.join(columns)} is not a finite number in {bad.size} of {len(index)} rows "
            f"({rows_text(index, bad)}). The log of 0 is a usual cause."
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


def _log_exposure(frame: pd.DataFrame, exposure: str | None) -> Vector:
    if exposure is None:
        return np.zeros(len(frame))
    _raise(_not_positive(frame[exposure]))
    return np.log(_numbers(frame[exposure]))


def _offsets(parsed: ParsedFormula, frame: pd.DataFrame) -> Vector:
    total = np.zeros(len(frame))
    for term in parsed.offsets:
        logged = term.startswith("log(")
        column = frame[term[4:-1] if logged else term]
        _raise(_not_positive(column) if logged else _not_finite(column))
        total += np.log(_numbers(column)) if logged else _numbers(column)
    return total


def _fingerprint(names: tuple[str, ...], *arrays: np.ndarray) -> str:
    digest = hashlib.sha256("\n".join(names).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

"""From a formula and a frame to arrays with names, and back again for new rows.

Everything is checked here, once: columns exist, nothing is missing, counts are counts, exposure is
positive, columns can be told apart. The models below see arrays that mean something.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from formulaic import ModelSpec

from dwangstats._types import Matrix, Vector
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.panels.intervals import is_interval, refuse_cut_intervals, refuse_intervals
from dwangstats.data.panels.layout import BOUNDS
from dwangstats.data.panels.panel import Panel
from dwangstats.design.columns import Columns, build_columns
from dwangstats.design.formula import ParsedFormula, mark, split_formula
from dwangstats.design.random import GroupedTerm, build_random
from dwangstats.design.rows import missing_values, raise_problems, rows_text
from dwangstats.errors import DataError, FormulaError
from dwangstats.numerics.intervals import Intervals

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
    columns : Columns
        The same with its names, contrasts and transformations.
    y : (n,) array
        Counts; NaN where one is known to an interval only.
    log_exposure : (n,) array
        Log of the exposure; zeros without one.
    offset : (n,) array
        Sum of the offset terms of the formula; zeros without them.
    formula : ParsedFormula
    response : str
        Column of the counts.
    exposure : str or None
        Column of the exposure.
    unit : str
        What the exposure is counted in, for example "bed-days"; "rows" without one.
    frame : DataFrame
        The rows, all columns.
    source : str or None
        Fingerprint of the panel; None for another frame.
    random : tuple of GroupedTerm
        Random terms, in the order of the formula.
    zero : Columns or None
        Design of the logit of an extra zero.
    zero_formula : ParsedFormula or None
    intervals : Intervals or None
        Bounds of all counts, where some are known to an interval only.
    """

    X: Matrix
    columns: Columns
    y: Vector
    log_exposure: Vector
    offset: Vector
    formula: ParsedFormula
    response: str
    exposure: str | None
    unit: str
    frame: pd.DataFrame
    source: str | None
    random: tuple[GroupedTerm, ...] = ()
    zero: Columns | None = None
    zero_formula: ParsedFormula | None = None
    intervals: Intervals | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Formulaic's names of the k columns."""
        return self.columns.names

    @property
    def model_spec(self) -> ModelSpec:
        """Contrasts and transformations of the fixed part as they were."""
        return self.columns.spec

    @property
    def levels(self) -> Mapping[str, tuple[Any, ...]]:
        """Observed values of each column that enters the fixed part as categories."""
        return self.columns.levels

    @property
    def fingerprint(self) -> str:
        """sha256 of the data: of the panel, or of the arrays made from another frame."""
        if self.source:
            return self.source
        parts = [self.X, self.y, self.log_exposure + self.offset]
        for term in self.random:
            parts += [term.codes.astype(np.float64), term.columns.X]
        return _fingerprint(self.names, *parts, *([] if self.zero is None else [self.zero.X]))

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
        raise_problems(missing_values(rows, self.variables))
        return self.columns.replay(rows)

    def random_matrices(self, frame: Any) -> tuple[Matrix, ...]:
        """Designs of the random terms for new rows, (m, q) each; refusals as for `matrix`."""
        rows = to_pandas(frame)
        used = self.formula.names("random")
        _check_columns(self.formula, rows, used)
        raise_problems(missing_values(rows, used))
        return tuple(term.columns.replay(rows) for term in self.random)

    def zero_matrix(self, frame: Any = None) -> Matrix:
        """Design of the extra zeros, (m, kz): of the fitted rows, or of new ones with refusals as for `matrix`."""
        if self.zero is None or self.zero_formula is None:
            return np.zeros((self.y.size if frame is None else len(to_pandas(frame)), 0))
        if frame is None:
            return self.zero.X
        rows = to_pandas(frame)
        _check_columns(self.zero_formula, rows, self.zero_formula.names())
        raise_problems(missing_values(rows, self.zero_formula.names()))
        return self.zero.replay(rows)

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


def build_design(
    formula: str | ParsedFormula,
    data: Any,
    *,
    exposure: str | None = None,
    zero: str | None = None,
    intervals: bool = False,
) -> Design:
    """Arrays with names for a formula on a panel or a frame.

    Parameters
    ----------
    formula : str or ParsedFormula
        See `split_formula`. On a `Panel` the left side is ``events`` or left out; on a frame it names the counts.
    data : Panel or any frame
        Of a panel the delivered rows are used. Frames are pandas, polars or whatever narwhals takes.
    exposure : str, optional
        Column with the exposure, > 0; the log is taken here. Default ``bed_days`` for a panel, 1 for a frame.
    zero : str, optional
        Formula of the logit of the probability of an extra zero, for example "~ setting".
    intervals : bool
        Whether counts of a panel that are known to an interval only are taken, for a model whose likelihood has them.

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
        Rows are never dropped. Also if all rows are in one group of a random term, for intervals not asked for, and
        for the frame of a panel with intervals in place of the panel.
    """
    parsed = formula if isinstance(formula, ParsedFormula) else split_formula(formula)
    frame = data.observed if isinstance(data, Panel) else to_pandas(data)
    response, exposure, unit = _roles(parsed, data, frame, exposure)
    known = _intervals(data, frame) if intervals else None
    if known is None and isinstance(data, Panel):
        refuse_intervals(frame, "This model")
    if not isinstance(data, Panel):
        refuse_cut_intervals(frame, response)
    _check_columns(parsed, frame, parsed.names())
    _check_roles(parsed, (response, *BOUNDS) if known else (response,), exposure)
    counts = frame if known is None else frame.assign(**{response: known.lower})
    _check_values(parsed, counts, response, exposure)
    zero_parsed = None if zero is None else _zero_formula(zero, frame)
    used = dict.fromkeys([*parsed.names(), *(zero_parsed.names() if zero_parsed else ())])
    frame = _without_unused_categories(frame, list(used))
    columns = build_columns(parsed.fixed, frame, text=parsed.text)
    return Design(
        X=columns.X,
        columns=columns,
        y=_numbers(frame[response]),
        log_exposure=_log_exposure(frame, exposure),
        offset=_offsets(parsed, frame),
        formula=parsed,
        response=response,
        exposure=exposure,
        unit=unit,
        frame=frame,
        source=data.fingerprint if isinstance(data, Panel) else None,
        random=build_random(parsed, frame),
        zero=None if zero_parsed is None else build_columns(zero_parsed.fixed, frame, text=zero_parsed.text),
        zero_formula=zero_parsed,
        intervals=known,
    )


def _intervals(data: Any, frame: pd.DataFrame) -> Intervals | None:
    """Bounds of the counts of a panel's rows, where some are not exact."""
    if not (isinstance(data, Panel) and is_interval(frame).any()):
        return None
    return Intervals(*(_numbers(frame[name]) for name in BOUNDS))


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


def _zero_formula(zero: str, frame: pd.DataFrame) -> ParsedFormula:
    """The formula of the extra zeros: fixed terms only, on columns that are there and complete."""
    parsed = split_formula(zero)
    if parsed.response is not None or parsed.random or parsed.offsets:
        raise FormulaError(
            f"zero={zero!r} is the formula of the share of extra zeros. It has fixed terms only, no left side, no "
            "random terms and no offset: for example zero='~ 1' or zero='~ setting'."
        )
    _check_columns(parsed, frame, parsed.names())
    raise_problems(missing_values(frame, parsed.names()))
    return parsed


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


def _check_roles(parsed: ParsedFormula, responses: Sequence[str], exposure: str | None) -> None:
    """The counts (and their bounds) cannot explain themselves, and the exposure enters once."""
    used = [name for name in responses if name in parsed.names("fixed", "random", "offset")]
    if used:
        raise FormulaError(
            f"{used[0]} is what the model explains, so it cannot stand on the right side as well.\n    {parsed.text}"
        )
    if exposure is not None and exposure in parsed.names("offset"):
        raise FormulaError(
            f"{exposure} is the exposure already; as an offset it would count twice. Leave offset({exposure}) out.\n"
            f"    {_marked(parsed, exposure)}"
        )


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
    problems = missing_values(frame, list(used))
    if not problems:
        problems = _not_counts(frame[response]) + ([] if exposure is None else _not_positive(frame[exposure]))
        for name in parsed.names("offset"):
            problems += _not_positive(frame[name]) if f"log({name})" in parsed.offsets else _not_finite(frame[name])
    raise_problems(problems)


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


def _log_exposure(frame: pd.DataFrame, exposure: str | None) -> Vector:
    if exposure is None:
        return np.zeros(len(frame))
    raise_problems(_not_positive(frame[exposure]))
    return np.log(_numbers(frame[exposure]))


def _offsets(parsed: ParsedFormula, frame: pd.DataFrame) -> Vector:
    total = np.zeros(len(frame))
    for term in parsed.offsets:
        logged = term.startswith("log(")
        column = frame[term[4:-1] if logged else term]
        raise_problems(_not_positive(column) if logged else _not_finite(column))
        total += np.log(_numbers(column)) if logged else _numbers(column)
    return total


def _fingerprint(names: tuple[str, ...], *arrays: np.ndarray) -> str:
    digest = hashlib.sha256("\n".join(names).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

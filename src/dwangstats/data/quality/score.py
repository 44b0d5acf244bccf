"""How well each provider kept its register in each period, from the register itself.

The score says how the registrations that are there were made, not how many are not there. Whether the two go together
is an assumption, or a thing to be measured by an audit; `Indicator("quality_score")` uses it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final, get_args

import numpy as np
import pandas as pd

from dwangstats._types import Matrix, PeriodKind, Vector
from dwangstats.data.config.checks import QUALITY_PARTS, QualityPart
from dwangstats.data.deliveries.vintage import known_on, moment_of
from dwangstats.data.nearest import did_you_mean
from dwangstats.data.quality.parts import FILE_PARTS, PLACE, ROW_PARTS, delivered_files, row_counts, rows_by_place
from dwangstats.data.reading.read import Scored, Tables
from dwangstats.data.register.periods import can_convert, convert_periods
from dwangstats.data.repairs.order import order_problems
from dwangstats.errors import DataError, DomainError

SCORE: Final = "quality_score"


def quality_score(
    tables: Tables,
    by: PeriodKind = "half-year",
    *,
    parts: Sequence[QualityPart] = QUALITY_PARTS,
    as_of: str | date | datetime | None = None,
) -> pd.DataFrame:
    """Shares of what is visibly wrong, and one score, per provider and period.

    Parameters
    ----------
    tables : Tables
        With registrations, deliveries or both. Take them as they were read: a repair takes away what the score is
        made of.
    by : {"month", "quarter", "half-year", "year"}
        Period of the score. A month or quarter has the delivery of its half-year, a year those of both.
    parts : sequence of str
        What the score is made of; all when left out. All columns are given in any case.
    as_of : date or text such as "2024-10-08", optional
        The score of what was known on this date (`dwangstats.known_on`), also what the register as a whole is compared
        with. Without it the score is made of everything that came in, corrections of years later too.

    Returns
    -------
    DataFrame
        provider_id; period; n (registrations of the last version); then, higher is worse and missing where there was
        nothing to look at: missing_ends (lasting measures never closed, or with an end that an export filled in, of all
        lasting ones), unspecified_codes (of measures of locking in, those without the kind of room), days_late (days
        from the due date to the first accepted file), rejected_files (of all files), doubles (of all registrations),
        heaped_ends (of the ends of lasting measures that have a time, those on the hour); then quality_score. One row
        per provider and period with at least one number; sorted by these.

    Notes
    -----
    For a share s of m registrations, with mean p over the register and standard deviation tau between provider-periods
    beyond chance, a part of the score is ``-tau (s - p) / (tau^2 + p (1 - p) / m)``: the best linear prediction of its
    own deviation in units of tau, so that few registrations say little. tau^2 is the estimate of moments of DerSimonian
    and Laird (Controlled Clinical Trials 1986, 7, 177-188) with weights m; where it is zero the part is zero. Of the
    deliveries the parts are minus the standardised ``log(1 + days_late)`` and rejected_files.

    The score is the sum of the parts that were measured there, brought to mean 0 and standard deviation 1 over the
    provider-periods; higher is better. A part that was not measured adds nothing, as one of few registrations adds
    little. The score is comparable within one register only. Where no part was measured it is missing: it is never
    filled.

    Raises
    ------
    DomainError
        If by or a part is unknown, or the date cannot be read.
    DataError
        If there are neither registrations nor deliveries; for as_of, if it is not known when something arrived, or the
        tables were repaired.
    """
    _refuse(tables, by, parts)
    if as_of is not None:
        tables = _known_on(tables, as_of)
    rows = rows_by_place(tables, by)
    counts = {part: row_counts(rows, part) for part in ROW_PARTS}
    files = delivered_files(tables, by)
    index = rows.places.union(pd.MultiIndex.from_frame(files.index.to_frame()))
    n = pd.Series(np.bincount(rows.number, minlength=len(rows.places)), index=rows.places)
    files = files.reindex(index)
    shown: dict[QualityPart, Vector] = {part: _floats(files[part]) for part in FILE_PARTS}
    worse: dict[QualityPart, Vector] = {
        "days_late": standardised(np.log1p(shown["days_late"])),
        "rejected_files": standardised(shown["rejected_files"]),
    }
    for part, table in counts.items():
        found, of = (_floats(table[name].reindex(index)) for name in ("found", "of"))
        shown[part], worse[part] = found / of, predicted_deviation(found, of)
    score = standardised(-sum_of_measured(np.column_stack([worse[part] for part in parts])))
    frame = pd.DataFrame({"n": n.reindex(index, fill_value=0).astype("int64")}, index=index)
    frame = frame.assign(**{part: shown[part] for part in QUALITY_PARTS}, **{SCORE: score})
    return frame.sort_index().reset_index().astype({"provider_id": "str", "period": "str"})


def with_quality(
    tables: Tables,
    by: PeriodKind = "half-year",
    *,
    parts: Sequence[QualityPart] = QUALITY_PARTS,
    scores: pd.DataFrame | None = None,
    as_of: str | date | datetime | None = None,
) -> Tables:
    """The tables with the columns of `quality_score` in the table of bed-days, to be named as covariates.

    Parameters
    ----------
    tables : Tables
        With exposure.
    by, parts
        As in `quality_score`. The panel can have the same period or a finer one: a coarser one would have several
        scores in one row.
    scores : DataFrame, optional
        What `quality_score` gave, to be used in place of a new computation: the scores of the tables as they were
        before a repair.
    as_of : date or text such as "2024-10-08", optional
        The score of what was known on this date, for a panel with the same ``as_of``: `build_panel` puts no counts
        beside a score of another date. Only the score is of that date; the tables stay as they are.

    Returns
    -------
    Tables
        Every row of exposure has the values of its provider and period, or is missing there. Nothing is filled: a
        model refuses rows of which the score is missing.

    Raises
    ------
    DomainError
        If by or a part is unknown, the date cannot be read, or both scores and as_of are given.
    DataError
        If there is no exposure, it has one of these columns already, or its periods are coarser than ``by``.
    """
    if scores is not None and as_of is not None:
        raise DomainError("scores are of the date on which they were asked for; give as_of, or scores, and not both.")
    exposure = tables.exposure
    if exposure is None:
        raise DataError("The quality score goes into the table exposure, which is not there.")
    if scores is None:
        scores = quality_score(tables, by, parts=parts, as_of=as_of)
    names = [*QUALITY_PARTS, SCORE]
    taken = [name for name in names if name in exposure.columns]
    coarse = [text for text in exposure["period"].dropna().unique() if not can_convert(text, by)]
    if taken:
        raise DataError(f"The table exposure has columns {', '.join(taken)} already; rename them or leave them out.")
    if coarse:
        raise DataError(
            f"A quality score per {by} cannot stand in rows of a longer period: {len(coarse)} periods of exposure "
            f"(first: {coarse[0]}) are longer. Ask for a longer period."
        )
    known = exposure["period"].notna()
    periods = pd.Series(convert_periods(exposure.loc[known, "period"], by), index=exposure.index[known])
    places = pd.MultiIndex.from_arrays([exposure["provider_id"], periods.reindex(exposure.index)], names=PLACE)
    found = scores.set_index(PLACE)[names].reindex(places).set_axis(exposure.index)
    scored = Scored(tuple(names), None if as_of is None else moment_of(as_of))
    return replace(tables, exposure=pd.concat([exposure, found], axis=1), scored=scored)


def predicted_deviation(found: Vector, of: Vector) -> Vector:
    """Best linear prediction of how much more than the mean each place has, in standard deviations between places.

    Parameters
    ----------
    found, of : (n,)
        So many of so many; NaN where nothing was looked at.

    Returns
    -------
    (n,)
        NaN where nothing was looked at; zero everywhere where the places differ no more than chance explains.
    """
    deviation = np.where(np.isnan(of), np.nan, 0.0)
    known = of > 0.0
    k, m = found[known], of[known]
    total = float(m.sum())
    spread = total - float((m**2).sum()) / total if total else 0.0
    if spread <= 0.0:
        return deviation
    mean = float(k.sum()) / total
    chance = mean * (1.0 - mean) * total / (total - 1.0)
    scatter = float((m * (k / m - mean) ** 2).sum())
    between = (scatter - (m.size - 1) * chance) / spread
    # What chance explains exactly leaves rounding behind.
    if between > 1e-12 * scatter:
        deviation[known] = np.sqrt(between) * (k / m - mean) / (between + chance / m)
    return deviation


def standardised(values: Vector) -> Vector:
    """Values with mean 0 and standard deviation 1 over those that are known; 0 where they do not differ."""
    known = np.isfinite(values)
    if not known.any():
        return values
    centred = values - values[known].mean()
    scale = float(np.sqrt((centred[known] ** 2).mean()))
    # Equal values differ by rounding alone.
    differ = scale > 1e-12 * max(1.0, float(np.abs(values[known]).max()))
    return _floats(centred / scale if differ else 0.0 * centred)


def sum_of_measured(parts: Matrix) -> Vector:
    """Sum over the columns that are known in each row, (n,); NaN where none is."""
    known = np.isfinite(parts)
    return _floats(np.where(known.any(axis=1), np.where(known, parts, 0.0).sum(axis=1), np.nan))


def _known_on(tables: Tables, as_of: str | date | datetime) -> Tables:
    problems = order_problems(tables, moment_of(as_of))
    if problems:
        raise DataError(problems)
    return known_on(tables, as_of).tables


def _refuse(tables: Tables, by: str, parts: Sequence[str]) -> None:
    if by not in get_args(PeriodKind):
        raise DomainError(f"by='{by}' is not offered; choose one of {', '.join(get_args(PeriodKind))}.")
    for part in parts:
        if part not in QUALITY_PARTS:
            raise DomainError(
                f"there is no part '{part}' of the quality score; choose from {', '.join(QUALITY_PARTS)}."
                f"{did_you_mean(part, QUALITY_PARTS)}"
            )
    if not parts:
        raise DomainError("a quality score needs at least one part; leave parts out for all of them.")
    if tables.counted is not None:
        raise DataError(
            f"The quality score looks at single registrations, and these were only counted in {tables.counted.engine}. "
            'Read them with rows="memory".'
        )
    if tables.registrations is None and tables.deliveries is None:
        raise DataError(
            "The quality score is made of registrations and deliveries; neither table is there. Ready counts do not "
            "show how they were registered."
        )


def _floats(values: Any) -> Vector:
    return np.asarray(values, dtype=np.float64)

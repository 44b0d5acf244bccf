"""Arithmetic of a divided change: from values of cells to parts, for one draw or thousands.

Write B for the bed-days of the matched cells, m for their shares of B, r for the rate of events, p for completeness.
The registrations expected in a period are

    B * sum over matched cells of m r p  +  U,

U those in cells of that period alone. A part is moved from before to after by taking its factor from the other period.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Matrix, Vector
from dwangstats.change.cells import Cells
from dwangstats.errors import InternalError
from dwangstats.numerics.lmdi import lmdi
from dwangstats.numerics.shapley import product_totals, shapley

Per: TypeAlias = Literal["counts", "rate"]
PER_1000 = 1000.0

BED_DAYS, MIX, ENTRY, CASE_MIX, REGISTRATION, REAL, RESIDUAL, REGISTERED = (
    "bed-days",
    "composition: mix",
    "composition: entry and exit",
    "case-mix",
    "registration",
    "real",
    "residual",
    "registered rate",
)
MOVED = (BED_DAYS, MIX, ENTRY, CASE_MIX, REGISTRATION, REAL)
"""Parts in the order of the axes; the residual follows."""


@dataclass(frozen=True, slots=True, eq=False)
class CellValues:
    """Rates and completeness of cells in D draws.

    Attributes
    ----------
    log_rate : (2, 2, D, M) array
        Log of the expected events per unit of exposure in the matched cells, with the case-mix (first axis) and all
        that is real (second axis) of the period before or after. Without completeness: of the expected registrations.
    completeness : (2, D, M) array
        Probability that an event is registered, before and after; ones without a model for it.
    leaving : (D, L) array
        Expected registrations per unit of exposure in the cells of the period before alone.
    entering : (D, N) array
        The same for the period after alone.
    """

    log_rate: NDArray[np.float64]
    completeness: NDArray[np.float64]
    leaving: Matrix
    entering: Matrix

    def __post_init__(self) -> None:
        draws, matched = self.log_rate.shape[-2:]
        shapes = (self.log_rate.shape[:2], self.completeness.shape, self.leaving.shape[0], self.entering.shape[0])
        if shapes != ((2, 2), (2, draws, matched), draws, draws):
            raise InternalError(f"values of {matched} cells in {draws} draws do not fit together: {shapes}")


def divide(values: CellValues, cells: Cells, per: Per) -> Matrix:
    """Shapley values of the six parts that move, in every draw.

    Parameters
    ----------
    values : CellValues
        D draws.
    cells : Cells
    per : {"counts", "rate"}
        Divide the change of registrations, or of registrations per 1,000 bed-days.

    Returns
    -------
    (6, D) array
        In the order of `MOVED`; they add up to the fitted change.
    """
    return shapley(_totals(values, cells, per), len(MOVED))


def divide_registered(values: CellValues, cells: Cells, per: Per, log_completeness_ratio: float) -> Matrix:
    """The same when completeness is not known but changed everywhere by one factor.

    The registered rate is one part of the game between the parts; what is registration and what is real divide that
    part by the mean of both orders (Owen 1977, in Mathematical Economics and Game Theory, 76-88), so that it stays the
    same whatever the factor.

    Parameters
    ----------
    values : CellValues
        Of registered rates: completeness is not used.
    cells, per
        As for `divide`.
    log_completeness_ratio : float
        log(p1 / p0).

    Returns
    -------
    (6, D) array
        In the order of `MOVED`.
    """
    shift = np.array([0.0, -log_completeness_ratio]).reshape(1, 2, 1, 1)
    factor = np.exp(np.array([0.0, log_completeness_ratio])).reshape(2, 1, 1) * np.ones_like(values.completeness)
    split = CellValues(values.log_rate + shift, factor, values.leaving, values.entering)
    # The registrations of cells of one period alone do not depend on what is assumed about the factor.
    totals = _totals(split, cells, per)
    others = len(MOVED) - 1
    registration = shapley(totals.mean(axis=MOVED.index(REAL)), others)
    real = shapley(totals.mean(axis=MOVED.index(REGISTRATION)), others)
    both = np.stack([totals[:, :, :, :, 0, 0], totals[:, :, :, :, 1, 1]], axis=4)
    shared = shapley(both, others)[:4]
    return np.concatenate([shared, registration[4:], real[4:]])


def fitted_change(values: CellValues, cells: Cells, per: Per) -> Vector:
    """Expected change of registrations, or of their number per 1,000 bed-days, (D,)."""
    ends = []
    for t, rows in enumerate((cells.before, cells.after)):
        registered = np.exp(values.log_rate[t, t]) * values.completeness[t]
        inside = registered @ cells.exposure[rows]
        alone, at = (values.leaving, cells.leaving) if t == 0 else (values.entering, cells.entering)
        ends.append((inside + alone @ cells.exposure[at]) * _per(cells, per)[t])
    return np.asarray(ends[1] - ends[0], dtype=np.float64)


def observed_change(counts: Vector, cells: Cells, per: Per) -> float:
    """Change of the registrations themselves; ``counts`` (n,) of all rows."""
    first = counts[cells.before].sum() + counts[cells.leaving].sum()
    last = counts[cells.after].sum() + counts[cells.entering].sum()
    scale = _per(cells, per)
    return float(last * scale[1] - first * scale[0])


def divide_by_lmdi(values: CellValues, cells: Cells, per: Per) -> Mapping[str, float]:
    """LMDI-I of the first draw: each part of `MOVED` by name.

    A cell of one period alone counts wholly as entry or exit, the limit of LMDI as an exposure goes to zero. Where
    case-mix and time interact, a log ratio is the mean of both orders.
    """
    rate, p = values.log_rate[:, :, 0], values.completeness[:, 0]
    shares, (bed_days, inside) = _shares(cells), _scales(cells, per)
    ones = np.ones(shares.shape[1])
    logs = {
        BED_DAYS: np.log(bed_days[1] / bed_days[0]) * ones,
        MIX: np.log(shares[1] / shares[0]),
        ENTRY: np.log(inside[1] / inside[0]) * ones,
        CASE_MIX: 0.5 * (rate[1, 0] - rate[0, 0] + rate[1, 1] - rate[0, 1]),
        REGISTRATION: _log_ratio(p),
        REAL: 0.5 * (rate[0, 1] - rate[0, 0] + rate[1, 1] - rate[1, 0]),
    }
    before = bed_days[0] * inside[0] * shares[0] * np.exp(rate[0, 0]) * p[0]
    found = dict(zip(logs, lmdi(before, np.stack(list(logs.values()))).tolist(), strict=True))
    alone = _alone(values, cells, per)[:, 0]
    found[ENTRY] += float(alone[1] - alone[0])
    return found


def _log_ratio(completeness: Matrix) -> Vector:
    """Log of completeness after over before, (M,); 0 for a provider that registers nothing in either period."""
    silent = (completeness <= 0.0).any(axis=0)
    return np.asarray(np.where(silent, 0.0, np.diff(np.log(np.where(silent, 1.0, completeness)), axis=0)[0]))


def _totals(values: CellValues, cells: Cells, per: Per) -> NDArray[np.float64]:
    """C at every subset of the parts, (2,) * 6 + (D,)."""
    bed_days, inside = _scales(cells, per)
    rate = np.exp(values.log_rate)
    factors = [
        bed_days.reshape(2, 1, 1, 1, 1, 1, 1, 1),
        _shares(cells).reshape(1, 2, 1, 1, 1, 1, 1, -1),
        inside.reshape(1, 1, 2, 1, 1, 1, 1, 1),
        rate.reshape(1, 1, 1, 2, 1, 2, *rate.shape[-2:]),
        values.completeness.reshape(1, 1, 1, 1, 2, 1, *rate.shape[-2:]),
    ]
    alone = _alone(values, cells, per).reshape(1, 1, 2, 1, 1, 1, -1)
    return product_totals(factors, len(MOVED)) + alone


def _shares(cells: Cells) -> Matrix:
    """Share of the matched bed-days in each matched cell, before and after, (2, M)."""
    days = [cells.exposure[cells.before], cells.exposure[cells.after]]
    return np.stack([part / total for part, total in zip(days, cells.matched_bed_days, strict=True)])


def _scales(cells: Cells, per: Per) -> tuple[Vector, Vector]:
    """What a sum over shares is multiplied by, moved by the bed-days and by entry and exit, (2,) each."""
    matched, total = np.array(cells.matched_bed_days), np.array(cells.bed_days)
    return (matched, np.ones(2)) if per == "counts" else (np.ones(2), PER_1000 * matched / total)


def _alone(values: CellValues, cells: Cells, per: Per) -> Matrix:
    """Expected registrations in cells of one period alone, (2, D)."""
    scale = _per(cells, per)
    leaving = scale[0] * (values.leaving @ cells.exposure[cells.leaving])
    return np.stack([leaving, scale[1] * (values.entering @ cells.exposure[cells.entering])])


def _per(cells: Cells, per: Per) -> tuple[float, float]:
    if per == "counts":
        return 1.0, 1.0
    return PER_1000 / cells.bed_days[0], PER_1000 / cells.bed_days[1]

"""Parts of a change at the estimates and in every draw, whatever the model behind them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, get_args

import numpy as np

from dwangstats._types import Matrix, Vector
from dwangstats.change.cells import Cells
from dwangstats.change.parts import (
    MOVED,
    REAL,
    REGISTERED,
    REGISTRATION,
    RESIDUAL,
    CellValues,
    Per,
    divide,
    divide_by_lmdi,
    divide_registered,
    observed_change,
)
from dwangstats.errors import DomainError
from dwangstats.estimate import Estimate

ALONE = "registrations alone"
FEWEST_DRAWS = 100
BLOCK = 2_000_000
"""Most numbers of one kind held at once, 16 MB of floats: the draws are done in blocks."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is divided."""

    variable: str
    before: Any
    after: Any
    per: Per
    level: float
    unit: str = "bed-days"

    def check(self, draws: int) -> None:
        """DomainError if an argument has no meaning."""
        if self.per not in get_args(Per):
            raise DomainError(f"per must be 'counts' or 'rate', got {self.per!s}")
        if not 0.5 < self.level < 1.0:
            raise DomainError(f"level must lie between 0.5 and 1, got {self.level:g}")
        if draws < FEWEST_DRAWS:
            raise DomainError(f"draws must be at least {FEWEST_DRAWS} for an interval, got {draws}")


class Source(Protocol):
    """Where the values of the cells come from; draw 0 is the estimate."""

    @property
    def draws(self) -> int:
        """Number of draws, the estimate included."""

    def values(self, inside: slice) -> CellValues:
        """Values in some of the draws."""


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """Everything of a division but its words.

    Attributes
    ----------
    observed : Estimate
    parts : mapping of str to (1 + D,) array
        The estimate and the draws of each part, the residual included.
    in_model : mapping of str to bool
    lmdi : mapping of str to float
    """

    observed: Estimate
    parts: Mapping[str, Vector]
    in_model: Mapping[str, bool]
    lmdi: Mapping[str, float]


def divide_change(
    source: Source, cells: Cells, counts: Vector, question: Question, in_model: dict[str, bool]
) -> Divided:
    """Parts in every draw, the absent ones exactly zero and the residual taking what the model does not fit."""
    q = question
    moved = in_blocks(source, cells, lambda values: divide(values, cells, q.per))
    for k, part in enumerate(MOVED):
        if not in_model[part]:
            moved[k] = 0.0
    fitted = moved.sum(axis=0)
    change = observed_change(counts, cells, q.per)
    parts = {**dict(zip(MOVED, moved, strict=True)), RESIDUAL: change - fitted}
    lmdi = dict(divide_by_lmdi(source.values(slice(0, 1)), cells, q.per))
    lmdi[RESIDUAL] = change - sum(lmdi.values())
    # The chance in the change is that of the fitted change: the residual has none of its own.
    low, high = np.quantile(fitted[1:] - fitted[0], _tails(q.level)).tolist()
    unit = "registrations" if q.per == "counts" else f"registrations per 1,000 {q.unit}"
    ends = (min(change, change + low), max(change, change + high))
    observed = Estimate(change, *ends, q.level, "registered", unit, ALONE)
    return Divided(observed, parts, in_model, lmdi)


def in_blocks(source: Source, cells: Cells, function: Callable[[CellValues], Matrix]) -> Matrix:
    """A function of the values of all draws, (6, 1 + D), in bounded memory."""
    step = max(1, BLOCK // max(1, 4 * cells.before.size + cells.leaving.size + cells.entering.size))
    starts = range(0, source.draws, step)
    return np.concatenate([function(source.values(slice(first, first + step))) for first in starts], axis=1)


def registered_in_blocks(source: Source, cells: Cells, per: Per, log_ratio: float) -> Matrix:
    """The division in every draw if completeness changed everywhere by one factor, see `divide_registered`."""
    return in_blocks(source, cells, lambda values: divide_registered(values, cells, per, log_ratio))


def with_registered_rate(divided: Divided) -> Divided:
    """Registration and real change as the one part that a register shows of them."""

    def joined(values: Mapping[str, Any], last: Any) -> dict[str, Any]:
        kept = {part: value for part, value in values.items() if part not in (REGISTRATION, REAL, RESIDUAL)}
        return {**kept, REGISTERED: last, RESIDUAL: values[RESIDUAL]}

    parts = divided.parts
    return Divided(
        observed=divided.observed,
        parts=joined(parts, parts[REGISTRATION] + parts[REAL]),
        in_model=joined(divided.in_model, divided.in_model[REAL]),
        lmdi=joined(divided.lmdi, divided.lmdi[REGISTRATION] + divided.lmdi[REAL]),
    )


def estimates_of(divided: Divided, question: Question, basis: Mapping[str, tuple[str, str]]) -> dict[str, Estimate]:
    """Each part with its interval; ``basis``: scale and identification where they are not those of the register."""
    found = {}
    for part, values in divided.parts.items():
        middle = float(values[0])
        low, high = np.quantile(values[1:], _tails(question.level)).tolist()
        scale, identified_by = basis.get(part, ("registered", ALONE))
        ends = (min(low, middle), max(high, middle))
        found[part] = Estimate(middle, *ends, question.level, scale, divided.observed.unit, identified_by)
    return found


def _tails(level: float) -> tuple[float, float]:
    return (1.0 - level) / 2.0, (1.0 + level) / 2.0

"""How many events were not registered, with prediction intervals that add up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dwangstats._types import Matrix, Vector
from dwangstats.errors import DomainError, InternalError
from dwangstats.estimate import Estimate
from dwangstats.registration.draws import DEFAULT_DRAWS, JointDraws, joint_draws
from dwangstats.registration.gate import certified_parts, identified_parts, shown, verdict_by_cell
from dwangstats.registration.groups import Cells, make_cells
from dwangstats.registration.predictive import draw_unregistered, missed_rows
from dwangstats.registration.randomness import Random, generator
from dwangstats.registration.results import RegistrationResult
from dwangstats.registration.targets import event_weights


@dataclass(frozen=True, slots=True, eq=False)
class UnderRegistration:
    """Events that were not registered, in delivered rows.

    Attributes
    ----------
    total : Estimate
        Over all delivered rows; a prediction interval of a count.
    table : DataFrame
        One row per group: its columns, ``registered``, ``unregistered`` (mean), ``lower``, ``upper``, ``completeness``
        (registered over registered and unregistered together), and ``verdict``. Numbers of a group on whose
        completeness the evidence does not speak (a year without an audit, say) are missing.
    draws : (D, cells) array
        Unregistered events of each group in each draw; their sum over groups is the draw of the total. Sums, ratios and
        differences of groups get their intervals from these, never from the limits in the table.
    """

    total: Estimate
    table: pd.DataFrame
    draws: Matrix

    def __post_init__(self) -> None:
        gap = abs(float(self.draws.mean(axis=0).sum()) - self.total.estimate)
        # Means of the same whole numbers in another order of summation.
        if gap > 1e-9 * max(1.0, self.total.estimate):
            raise InternalError(f"the groups' unregistered events miss their total by {gap:.3g}")

    def __str__(self) -> str:
        return f"unregistered events: {self.total}"


def under_registration(
    result: RegistrationResult,
    by: str | Sequence[str] | None = None,
    *,
    rng: Random,
    draws: int = DEFAULT_DRAWS,
    level: float = 0.95,
) -> UnderRegistration:
    """Predict the number of events that happened and were not registered.

    In each draw parameters and provider effects are drawn together, and then the unregistered events of each row given
    what was registered there (see `draw_unregistered`). Rows that were not delivered are not part of it: nothing was
    registered there because nothing was sent.

    Parameters
    ----------
    result : RegistrationResult
    by : str or sequence of str, optional
        Columns of the panel: "provider", "year", ["provider", "period"]. One row for all by default.
    rng : int, SeedSequence or Generator
        The same number gives the same bytes, and the same total for every ``by``.
    draws : int
        Number of draws, at least 100.
    level : float
        Level of the prediction intervals, in (0, 1).

    Returns
    -------
    UnderRegistration

    Raises
    ------
    IdentificationError
        If the level of completeness is not identified, see `Identification`.
    FitError
        If the certificate of the fit failed.
    DomainError
        If an argument is outside its domain.
    """
    _check(draws, level)
    parts = identified_parts(result, "level", "number of unregistered events")
    cells = make_cells(parts.rate.frame, by)
    source = generator(rng)
    joint = joint_draws(parts.problem, parts.fit, source, draws)
    counts = _counts_by_cell(joint, cells, source)
    totals = counts.sum(axis=1)
    return UnderRegistration(
        total=_estimate(totals, level, result.identification.identified_by("level")),
        table=_table(result, cells, counts, level),
        draws=counts,
    )


def _counts_by_cell(joint: JointDraws, cells: Cells, rng: np.random.Generator) -> Matrix:
    problem = joint.problem
    rows = problem.counts
    found = np.empty((joint.size, cells.size))
    for block in joint.blocks(rows.y.size):
        log_mean = joint.log_rate(block, rows.X, rows.offset, rows.group)
        p = joint.completeness(block, rows.W, rows.group)
        missed = missed_rows(p, rows.y, problem.linked, joint.theta[block, problem.layout.gamma])
        drawn = draw_unregistered(problem.family, log_mean, missed, joint.dispersion(block), rng)
        found[block] = cells.sum(drawn)
    return found


def _table(result: RegistrationResult, cells: Cells, counts: Matrix, level: float) -> pd.DataFrame:
    parts = certified_parts(result)
    known = cells.sum(parts.problem.counts.y[None, :])[0]
    mean = counts.mean(axis=0)
    lower, upper = np.quantile(counts, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    events = known + mean
    verdict = verdict_by_cell(result, cells, event_weights(parts.problem, parts.fit.vector))
    allowed = shown(result, verdict)
    return cells.keys.assign(
        registered=known,
        unregistered=np.where(allowed, mean, np.nan),
        lower=np.where(allowed, np.minimum(lower, mean), np.nan),
        upper=np.where(allowed, np.maximum(upper, mean), np.nan),
        completeness=np.where(allowed & (events > 0.0), known / np.where(events > 0.0, events, 1.0), np.nan),
        verdict=verdict,
    )


def _estimate(totals: Vector, level: float, identified_by: str) -> Estimate:
    mean = float(totals.mean())
    lower, upper = np.quantile(totals, [(1.0 - level) / 2.0, (1.0 + level) / 2.0]).tolist()
    return Estimate(
        estimate=mean,
        lower=min(lower, mean),
        upper=max(upper, mean),
        level=level,
        scale="adjusted",
        unit="events not registered in delivered periods (prediction interval)",
        identified_by=identified_by,
    )


def _check(draws: int, level: float) -> None:
    if draws < 100:
        raise DomainError(f"draws must be at least 100 for an interval, got {draws}")
    if not 0.0 < level < 1.0:
        raise DomainError(f"level must lie between 0 and 1, got {level:g}")

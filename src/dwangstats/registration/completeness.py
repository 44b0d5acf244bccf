"""Completeness of the register by group, with intervals from joint draws."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from dwangstats._types import Codes, Matrix
from dwangstats.errors import DomainError
from dwangstats.registration.draws import JointDraws, joint_draws
from dwangstats.registration.expected import expected_rows
from dwangstats.registration.gate import certified_parts, identified_parts, shown, verdict_by_cell
from dwangstats.registration.groups import Cells, make_cells
from dwangstats.registration.randomness import Random, generator
from dwangstats.registration.results import RegistrationResult

Weights: TypeAlias = Literal["events", "providers"]

DRAWS = 2000

FIXED_SEED = 20211
"""Seed of the draws where none is given: the same fit then always prints the same interval."""


def completeness(
    result: RegistrationResult,
    by: str | Sequence[str] | None = None,
    *,
    weights: Weights = "events",
    rng: Random = FIXED_SEED,
    draws: int = DRAWS,
    level: float = 0.95,
) -> pd.DataFrame:
    """Probability that an event is registered, by group.

    With "events" it is expected registrations over expected events, sum(E lambda p) / sum(E lambda): the share of
    events that reaches the register. With "providers" it is the plain mean of that share over providers, in which a
    small provider counts as much as a large one. Both take the providers' own effects from their distribution given the
    data: at the fitted parameters for the estimate, in joint draws with the parameters for the interval, which lies
    between quantiles of the draws.

    Parameters
    ----------
    result : RegistrationResult
    by : str or sequence of str, optional
        Columns of the panel: "provider", "period", "year", ["provider", "year"]. One row for all by default.
    weights : {"events", "providers"}
    rng : int, SeedSequence or Generator
        A fixed seed by default, so that the same fit always gives the same table.
    draws : int
        Number of draws, at least 100.
    level : float

    Returns
    -------
    DataFrame
        The columns of ``by``, then ``completeness``, ``lower``, ``upper``, ``level``, ``verdict``, ``identified_by``.
        Numbers of a group on whose level the evidence does not speak (a year without an audit, say) are missing.

    Raises
    ------
    IdentificationError
        If the level of completeness is not identified, see `Identification`; with ``by`` if it is in no group.
    FitError
        If the certificate of the fit failed.
    DomainError
        If an argument is outside its domain.
    """
    _check(weights, draws, level)
    if by is None or result.parts is None:
        identified_parts(result, "level", "completeness")
    parts = certified_parts(result)
    cells = make_cells(parts.rate.frame, by)
    events, registered = expected_rows(parts.problem, parts.fit)
    verdict = verdict_by_cell(result, cells, events)
    allowed = shown(result, verdict)
    if not allowed.any():
        identified_parts(result, "level", "completeness of any group")
    joint = joint_draws(parts.problem, parts.fit, generator(rng), draws)
    found = _shares(joint, cells)
    estimate = _ratio(cells.sum(registered[None, :]), cells.sum(events[None, :]))[0]
    if weights == "providers":
        pairs, outer = _provider_pairs(cells, parts.problem.counts.group)
        found = _means(_shares(joint, pairs), outer, cells.size)
        estimate = _means(_ratio(pairs.sum(registered[None, :]), pairs.sum(events[None, :])), outer, cells.size)[0]
    lower, upper = np.quantile(found, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    return cells.keys.assign(
        completeness=np.where(allowed, estimate, np.nan),
        lower=np.where(allowed, np.minimum(lower, estimate), np.nan),
        upper=np.where(allowed, np.maximum(upper, estimate), np.nan),
        level=level,
        verdict=verdict,
        identified_by=result.identification.identified_by("level"),
    )


def _shares(joint: JointDraws, cells: Cells) -> Matrix:
    """Expected registrations over expected events in each draw and cell, (D, cells)."""
    rows = joint.problem.counts
    found = np.empty((joint.size, cells.size))
    for block in joint.blocks(rows.y.size):
        log_events = joint.log_rate(block, rows.X, rows.offset, rows.group)
        # One factor per draw leaves every share as it is and keeps exp within its range.
        events = np.exp(log_events - log_events.max(axis=1, keepdims=True))
        registered = events * joint.completeness(block, rows.W, rows.group)
        found[block] = _ratio(cells.sum(registered), cells.sum(events))
    return found


def _ratio(registered: Matrix, events: Matrix) -> Matrix:
    return np.asarray(registered / np.maximum(events, np.finfo(float).tiny), dtype=np.float64)


def _provider_pairs(cells: Cells, provider: Codes) -> tuple[Cells, Codes]:
    """Cells by provider, and to which cell each of them belongs."""
    inner = make_cells(pd.DataFrame({"cell": cells.code, "provider": provider}), ["cell", "provider"])
    return inner, inner.keys["cell"].to_numpy().astype(np.intp)


def _means(values: Matrix, outer: Codes, size: int) -> Matrix:
    """Plain mean over the providers of each cell: (d, pairs) to (d, cells)."""
    members = np.bincount(outer, minlength=size)
    return np.stack([np.bincount(outer, weights=row, minlength=size) / members for row in values])


def _check(weights: str, draws: int, level: float) -> None:
    if weights not in ("events", "providers"):
        raise DomainError(f"weights must be 'events' or 'providers', got {weights!s}")
    if draws < 100:
        raise DomainError(f"draws must be at least 100 for an interval, got {draws}")
    if not 0.0 < level < 1.0:
        raise DomainError(f"level must lie between 0 and 1, got {level:g}")

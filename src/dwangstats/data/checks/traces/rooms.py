"""E7: the room of a seclusion not specified, or one that does not go with the ward.

A wrong room of the kind that the ward also has leaves no trace.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom, poisson

from dwangstats._types import Codes, Vector
from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces.chance import LEVEL, beyond_others
from dwangstats.data.checks.traces.rows import coded, group_numbers, locking_rows, no_rows, position_in, standing_rows
from dwangstats.data.reading.read import Tables

#: "Separeren van patiënt": locked in, and the room is not said.
NOT_SPECIFIED: Final = "90278001"
#: A room that a kind of ward has is used there at least this often, compared with the other kinds.
RARE: Final = 0.1
#: Leaving out the room is more than a slip where it happens more than once in ten times.
TOLERATED: Final = 0.1


def unspecified(tables: Tables) -> Mask:
    """Registrations of locking in with the code that does not say in which room.

    Parameters
    ----------
    tables : Tables
        registrations with intervention_code.

    Returns
    -------
    (rows,) bool
    """
    frame = tables.registrations
    if not has(frame, "intervention_code"):
        return no_rows(frame)
    return coded(frame, NOT_SPECIFIED) & standing_rows(tables)


def often_unspecified(tables: Tables) -> Mask:
    """Registrations without a room at providers that leave it out more than the others, or more than one in ten times.

    Parameters
    ----------
    tables : Tables
        registrations with provider_id and intervention_code.

    Returns
    -------
    (rows,) bool
        Rows of `unspecified`; both signs are beyond chance, over all providers together (`LEVEL`).
    """
    frame, vague = tables.registrations, unspecified(tables)
    if not has(frame, "provider_id", "intervention_code") or not vague.any():
        return no_rows(frame)
    provider = group_numbers(frame["provider_id"])
    usable = locking_rows(frame) & standing_rows(tables) & (provider >= 0)
    size = max(int(provider.max(initial=-1)) + 1, 1)
    rows, seen = (np.bincount(provider[mask], minlength=size).astype(np.float64) for mask in (usable, usable & vague))
    others = rows.sum() - rows
    ratio = np.divide(rows, others, out=np.zeros(size), where=others > 0.0)
    more = (others > 0.0) & beyond_others(seen, seen.sum() - seen, ratio, size)
    many = (seen > TOLERATED * rows) & (binom.sf(seen - 1.0, rows, TOLERATED) < LEVEL / size)
    return np.asarray(vague & np.append(more | many, False)[provider], dtype=np.bool_)


def room_against_ward(tables: Tables) -> Mask:
    """Registrations in a kind of room that their kind of ward does not seem to have.

    No list says which rooms a ward has; the register itself does. A room is strange at a kind of ward when it is used
    there less than a tenth as often as at the other kinds, and that cannot be chance (`LEVEL`, for all kinds of rooms
    and wards together).

    Parameters
    ----------
    tables : Tables
        registrations with provider_id, location_id and intervention_code; locations with setting.

    Returns
    -------
    (rows,) bool
        All False where the kind of ward is not known.
    """
    frame, locations = tables.registrations, tables.locations
    if not has(frame, "provider_id", "location_id", "intervention_code") or frame.empty:
        return no_rows(frame)
    if not has(locations, "provider_id", "location_id", "setting"):
        return no_rows(frame)
    ward = _ward_of(frame, locations)
    usable = (ward >= 0) & locking_rows(frame) & ~coded(frame, NOT_SPECIFIED) & standing_rows(tables)
    rows = np.flatnonzero(usable)
    room = group_numbers(frame["intervention_code"].iloc[rows])
    mask = no_rows(frame)
    if rows.size:
        strange = _strange(ward[rows], room)
        mask[rows] = strange[ward[rows], room]
    return mask


def _ward_of(frame: pd.DataFrame, locations: pd.DataFrame) -> Codes:
    """Number of the kind of ward of each row, -1 where it is not known."""
    kind = np.append(group_numbers(locations["setting"]), -1)
    return kind[position_in(locations, frame, "provider_id", "location_id")]


def _strange(ward: Codes, room: Codes) -> NDArray[np.bool_]:
    """Which rooms (columns) are strange at which kinds of ward (rows)."""
    counts = np.zeros((int(ward.max()) + 1, int(room.max()) + 1))
    np.add.at(counts, (ward, room), 1.0)
    elsewhere: Vector = counts.sum(axis=0, keepdims=True) - counts
    others = elsewhere.sum(axis=1, keepdims=True)
    usual = np.divide(elsewhere, others, out=np.zeros_like(counts), where=others > 0.0)
    expected = counts.sum(axis=1, keepdims=True) * usual
    rare = poisson.cdf(counts, expected) < LEVEL / counts.size
    return np.asarray((counts > 0.0) & (counts < RARE * expected) & rare, dtype=np.bool_)

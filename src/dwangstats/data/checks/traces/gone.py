"""E6: measures that drop out of an export because they hang on no location.

What was not exported at all ("if needed" measures without an application, a wrong or old law) leaves no row to mark.
"""

import numpy as np

from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces.rows import no_rows, position_in, standing_rows
from dwangstats.data.reading.read import Tables


def without_location(tables: Tables) -> Mask:
    """Registrations without a location, or with one that the table of locations does not know at their provider.

    Parameters
    ----------
    tables : Tables
        registrations with location_id; locations where they are known.

    Returns
    -------
    (rows,) bool
        All False where no registration at all has a location: then the register is kept by provider.
    """
    frame, locations = tables.registrations, tables.locations
    if not has(frame, "provider_id", "location_id") or not frame["location_id"].notna().any():
        return no_rows(frame)
    missing = frame["location_id"].isna().to_numpy(dtype=np.bool_)
    if has(locations, "provider_id", "location_id") and len(locations):
        missing = missing | (position_in(locations, frame, "provider_id", "location_id") < 0)
    return missing & standing_rows(tables)

"""E8: registered under the wrong law, where one location has clients of both.

A registration that is wholly copied to the other law, status and all, leaves no trace.
"""

from typing import Final

import numpy as np
import pandas as pd

from dwangstats.data.checks.rule import Mask, has
from dwangstats.data.checks.traces.rows import coded, law_names, no_rows, position_in, standing_rows
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import LAWS, codes_in_law, law_of_status

#: Laws of which it is listed at which locations they are carried out.
LISTED: Final = ("WVGGZ", "WZD", "JEUGDWET_H6")


def outside_law(tables: Tables) -> Mask:
    """Registrations that contradict their own law: by code, by legal status, or by location.

    Parameters
    ----------
    tables : Tables
        registrations with law.

    Returns
    -------
    (rows,) bool
        Any of `code_outside_law`, `status_outside_law` and `location_outside_law`.
    """
    return code_outside_law(tables) | status_outside_law(tables) | location_outside_law(tables)


def code_outside_law(tables: Tables) -> Mask:
    """Registrations with a code that is not in the list of their law, such as an extra secured room under the Wzd."""
    frame = tables.registrations
    if not has(frame, "law", "intervention_code"):
        return no_rows(frame)
    law, outside = law_names(frame), no_rows(frame)
    for name in LAWS:
        inside = codes_in_law(name)
        mine = law == name
        if inside is not None and mine.any():
            outside |= mine & frame["intervention_code"].notna().to_numpy(dtype=np.bool_) & ~coded(frame, *inside)
    return outside & standing_rows(tables)


def status_outside_law(tables: Tables) -> Mask:
    """Registrations with a legal status that exists under another law only."""
    frame = tables.registrations
    if not has(frame, "law", "legal_status"):
        return no_rows(frame)
    number, distinct = pd.factorize(frame["legal_status"])
    of_status = law_of_status(list(distinct))
    named = np.append([name or "" for name in of_status], "").astype(object)[number]
    law = law_names(frame)
    return np.asarray((named != "") & (law != "") & (named != law), dtype=np.bool_) & standing_rows(tables)


def location_outside_law(tables: Tables) -> Mask:
    """Registrations at a location that is known to have other laws only, in the column laws of locations.

    Only under `LISTED`: what was registered under a law before them, or beside them, is in no list of locations.
    """
    frame, locations = tables.registrations, tables.locations
    if not has(frame, "law", "provider_id", "location_id") or not has(locations, "provider_id", "location_id", "laws"):
        return no_rows(frame)
    named = law_names(frame)
    rows = frame[["provider_id", "location_id"]].assign(law=named)
    told = locations.loc[locations["laws"].notna()]
    listed = told.assign(law=told["laws"].str.findall(r"\w+")).explode("law")
    known = (position_in(told, rows, "provider_id", "location_id") >= 0) & np.isin(named, LISTED)
    there = position_in(listed, rows, "provider_id", "location_id", "law") >= 0
    return np.asarray(known & ~there, dtype=np.bool_) & standing_rows(tables)

"""Layer 3b: forced admissions (form j of the Wvggz), a form that some providers take for granted and never register."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from dwangstats._types import Matrix
from dwangstats.worlds.lapses import rounded_up
from dwangstats.worlds.planted import ErrorParameters, planted_at_places
from dwangstats.worlds.quarters import Calendar
from dwangstats.worlds.stage import Stage

CODE: Final = "121541000146104"
FORM: Final = "admission"
CLOSED: Final = ("closed_acute", "closed_long_stay", "forensic", "paaz")
#: Standard deviation between providers of logit completeness, around one half: an assumption.
COMPLETENESS_SD: Final = 1.3
#: As often on an authorisation as on a crisis measure: an assumption.
STATUSES: Final = ("ZM", "CM")


@dataclass(frozen=True, slots=True)
class Admissions:
    """Forced admissions by location and quarter (L, T), and completeness by provider and quarter (P, T).

    Attributes
    ----------
    expected, true, registered : (L, T)
    completeness : (P, T)
    planted : DataFrame
        Provider-quarters in which admissions are taken for granted (E15).
    """

    expected: Matrix
    true: Matrix
    registered: Matrix
    completeness: Matrix
    planted: pd.DataFrame


def draw_admissions(stage: Stage, factor: Matrix, plan: ErrorParameters, rng: np.random.Generator) -> Admissions:
    """Draw which admissions to closed wards are forced, and which of those are registered.

    Parameters
    ----------
    factor : (P, T)
        What lapses leave of the completeness of any form.
    """
    sector, network, calendar = stage.sector, stage.network, stage.calendar
    providers = network.kind.size
    taken = rng.permutation(providers)[: rounded_up(plan.admissions_unregistered, providers)]
    usual = expit(COMPLETENESS_SD * rng.standard_normal(providers))
    level = usual.copy()
    level[taken] *= plan.admissions_factor
    completeness = level[:, None] * factor
    closed = np.isin(np.array([s.name for s in sector.settings])[network.setting], CLOSED)
    share = np.where(closed, plan.forced_admissions, 0.0)[:, None]
    expected = share * stage.exposure.admissions
    true = rng.binomial(stage.exposure.admissions.astype(np.int64), share)
    registered = rng.binomial(true, completeness[network.provider])
    place, quarter = (axis.ravel() for axis in np.indices((taken.size, len(calendar.starts))))
    note = planted_at_places(
        "E15",
        "registrations",
        "lowered",
        provider_id=network.provider_ids[np.sort(taken)][place].astype(object),
        period=np.array(calendar.quarters, dtype=object)[quarter],
        detail=[f"completeness of {FORM} x {plan.admissions_factor:.2f}"] * place.size,
    )
    return Admissions(expected, true.astype(np.float64), registered.astype(np.float64), completeness, note)


def admission_rows(
    admissions: Admissions, stage: Stage, registrations: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Registrations of forced admissions in delivered half-years, with the columns of ``registrations``.

    An admission is a point in time, of a client who has no other registration; numbers come after those in use.
    """
    network, calendar, deliveries = stage.network, stage.calendar, stage.deliveries
    shown = np.where(stage.delivered[network.provider], admissions.registered, 0.0)
    location, quarter = np.nonzero(shown)
    times = shown[location, quarter].astype(np.intp)
    location, quarter = np.repeat(location, times), np.repeat(quarter, times)
    provider, half = network.provider[location], calendar.half_year[quarter]
    clients = pd.to_numeric(registrations["client_id"].str[1:]).max() if len(registrations) else 0
    first = len(registrations) + 1
    return pd.DataFrame(
        {
            "registration_id": [f"r{first + i:06d}" for i in range(location.size)],
            "provider_id": network.provider_ids[provider],
            "location_id": network.location_ids[location],
            "client_id": [f"c{int(clients) + 1 + i:06d}" for i in range(location.size)],
            "law": "WVGGZ",
            "intervention_code": CODE,
            "legal_status": rng.choice(np.array(STATUSES), size=location.size),
            "begin": _moments(calendar, quarter, rng),
            "end": np.full(location.size, np.datetime64("NaT"), dtype="datetime64[s]"),
            "received_at": deliveries.received_at[provider, half].astype("datetime64[s]"),
            "delivery_version": deliveries.version[provider, half].astype(np.int64),
        }
    )


def _moments(calendar: Calendar, quarter: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.datetime64]:
    day = np.floor(rng.random(quarter.size) * calendar.days[quarter]).astype(np.int64)
    minute = rng.integers(0, 1440, size=quarter.size)
    first = calendar.starts.to_numpy().astype("datetime64[m]")[quarter]
    return np.asarray((first + (1440 * day + minute).astype("timedelta64[m]")).astype("datetime64[s]"))

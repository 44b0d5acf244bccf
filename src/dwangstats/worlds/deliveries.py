"""Layer 5: who delivered what, as known in October 2024."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from dwangstats._types import Codes, Matrix
from dwangstats.worlds.network import Network
from dwangstats.worlds.parameters import BEFORE, Sector
from dwangstats.worlds.planted import planted_at_places
from dwangstats.worlds.quarters import Calendar

#: The vintage: nothing arrives later.
KNOWN_ON = pd.Timestamp("2024-10-08")
OPENED_AT, CLOSED_AT = 8 * 60, 18 * 60


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Deliveries by provider and half-year, axes (P, H).

    Attributes
    ----------
    complete : (P,) every half-year correct.
    correct : correct in the vintage.
    sent : a file was sent, correct or not.
    version : version of the last file.
    received_at : moment of the last file, to the minute.
    reason : number of the reject reason in the sector.
    """

    complete: NDArray[np.bool_]
    correct: NDArray[np.bool_]
    sent: NDArray[np.bool_]
    version: Codes
    received_at: NDArray[np.datetime64]
    reason: Codes


def draw_deliveries(sector: Sector, network: Network, calendar: Calendar, rng: np.random.Generator) -> Deliveries:
    """Draw deliveries; better registration quality makes three correct years, and being on time, more likely.

    Lateness and the number of versions therefore say something about registration quality without saying anything
    about events.
    """
    shape = (network.kind.size, len(calendar.half_years))
    complete = rng.random(shape[0]) < expit(sector.selection_intercept + sector.selection_quality * network.quality)
    correct = _correct(sector, complete, shape, calendar.half_years.index(f"{BEFORE}-H1"), rng)
    reasons = [share for _, share in sector.reject_reasons]
    on_time = rng.random(shape) < expit(
        logit(np.array(sector.on_time_by_half_year)) + sector.selection_quality * network.quality[:, None]
    )
    sent = correct | (rng.random(shape) < sector.rejected_share)
    return Deliveries(
        complete=complete,
        correct=correct,
        sent=sent,
        version=np.where(on_time, 1, 1 + rng.poisson(sector.extra_versions, size=shape)).astype(np.intp),
        received_at=_received(sector, calendar, on_time, rng),
        reason=rng.choice(len(reasons), size=shape, p=reasons).astype(np.intp),
    )


def delivery_status(
    deliveries: Deliveries, registered: Matrix, empty_file: NDArray[np.bool_] | None = None
) -> NDArray[np.str_]:
    """Status by provider and half-year (P, H), given the number of registrations (P, H).

    A provider without registrations sends nothing: a correct half-year is then "nothing_to_report", an incorrect
    one "not_delivered". Who sends an empty file (P,) in place of that declaration has an "accepted" one.
    """
    empty = registered == 0
    declares = empty if empty_file is None else empty & ~empty_file[:, None]
    correct = np.where(declares, "nothing_to_report", "accepted")
    incorrect = np.where(deliveries.sent & ~empty, "rejected", "not_delivered")
    return np.where(deliveries.correct, correct, incorrect)


def deliveries_table(
    sector: Sector, network: Network, calendar: Calendar, deliveries: Deliveries, status: NDArray[np.str_]
) -> pd.DataFrame:
    """The table ``deliveries``: one row per provider and half-year, the last version known in the vintage."""
    providers, halves = status.shape
    flat = status.ravel()
    arrived = np.isin(flat, ("accepted", "rejected"))
    reasons = np.array([name for name, _ in sector.reject_reasons], dtype=object)[deliveries.reason.ravel()]
    return pd.DataFrame(
        {
            "provider_id": np.repeat(network.provider_ids, halves),
            "law": sector.law,
            "period": np.tile(np.array(calendar.half_years), providers),
            "version": pd.Series(deliveries.version.ravel(), dtype="Int64").where(arrived),
            "due_on": np.tile(calendar.due_on.to_numpy(), providers),
            "received_at": pd.Series(deliveries.received_at.ravel()).where(arrived),
            "status": flat,
            "reject_reason": pd.Series(reasons).where(flat == "rejected"),
        }
    )


def planted_deliveries(deliveries: pd.DataFrame) -> list[pd.DataFrame]:
    """Truth tables of half-years that are not in the register (E10) and of files refused for their form (E11)."""
    absent = deliveries.loc[deliveries["status"].isin(["not_delivered", "rejected"])]
    refused = deliveries.loc[deliveries["reject_reason"] == "schema"]
    return [
        planted_at_places(
            error,
            "deliveries",
            "absent",
            provider_id=rows["provider_id"].to_numpy(dtype=object),
            period=rows["period"].to_numpy(dtype=object),
            detail=rows["reject_reason"].fillna(rows["status"]).to_numpy(dtype=object),
        )
        for error, rows in (("E10", absent), ("E11", refused))
    ]


def _correct(
    sector: Sector, complete: NDArray[np.bool_], shape: tuple[int, int], first: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Correct half-years: all of a complete provider, and of the others so many that the yearly shares hold.

    Of the others at least one is incorrect among the half-years from number ``first`` on.
    """
    share_complete = float(expit(sector.selection_intercept))
    fails = np.minimum((1.0 - np.repeat(sector.correct_by_year, 2)) / (1.0 - share_complete), 1.0)
    failed = rng.random(shape) < fails
    failed[~failed[:, first:].any(axis=1), first] = True
    return np.asarray(complete[:, None] | ~failed)


def _received(
    sector: Sector, calendar: Calendar, on_time: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.datetime64]:
    early = -rng.uniform(1.0, 10.0, size=on_time.shape)
    late = sector.late_median_days * np.exp(sector.late_log_sd * rng.standard_normal(on_time.shape))
    days = np.floor(np.where(on_time, early, late)).astype("timedelta64[D]")
    due = calendar.due_on.to_numpy().astype("datetime64[D]")
    day = np.minimum(due + days, np.datetime64(KNOWN_ON.date()) - np.timedelta64(1, "D"))
    minute = rng.integers(OPENED_AT, CLOSED_AT, size=on_time.shape).astype("timedelta64[m]")
    return np.asarray(day.astype("datetime64[m]") + minute)

"""Layer 9: the versions of a delivery that came before the last one.

A half-year that was late may have been sent before: refused, or accepted with registrations missing and with ends that
were filled in later. The last version is the register of the other layers, unchanged; what was published on an earlier
date follows from the versions that had arrived by then. With a round of corrections the same last versions arrive
later, and nothing else about them changes.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from dwangstats.data.register.periods import period_of
from dwangstats.errors import DomainError
from dwangstats.worlds.deliveries import CLOSED_AT, KNOWN_ON, OPENED_AT
from dwangstats.worlds.parameters import Sector

#: The first version of a file that was late is sent at most this many days before the due date.
EARLIEST_DAYS = 10


@dataclass(frozen=True, slots=True)
class VersionParameters:
    """What earlier versions are like; no figure on versions was published, all three are assumptions.

    Attributes
    ----------
    rejected_share : float
        Of earlier versions that came after the due date; one that came before it was always refused, because the
        half-year would have been correct at the deadline otherwise.
    complete_share : float
        Share of the registrations of the last version that are in a first version, in (0, 1]. What a version misses is
        half of what the version before it missed.
    open_share : float
        Share of the ends that a first version does not have yet; halved in the same way.
    corrected_from : str or None
        Day on which a round of corrections begins: files of half-years that were due before it, and that were late,
        are accepted on that day or after it and not earlier. None for no such round. In mid 2022 29 of about 80
        providers (Wvggz) had delivered the first half of 2021 correctly and 20 the second half (inspectorate, picture
        of 2021), and in October 2024 three quarters had three correct years: most files over 2021 came after mid 2022.
    """

    rejected_share: float = 0.6
    complete_share: float = 0.85
    open_share: float = 0.03
    corrected_from: str | None = None

    def __post_init__(self) -> None:
        for name in ("rejected_share", "complete_share", "open_share"):
            value = getattr(self, name)
            if not (0.0 < value <= 1.0 if name == "complete_share" else 0.0 <= value <= 1.0):
                raise DomainError(f"{name} must be a share, got {value:g}")
        if self.corrected_from is not None and not _day(self.corrected_from) < KNOWN_ON.normalize():
            raise DomainError(f"corrected_from must lie before {KNOWN_ON.date()}, got {self.corrected_from}")

    def missing(self, version: pd.Series) -> pd.Series:
        """Share of the registrations that a version lacks."""
        return (1.0 - self.complete_share) * 0.5 ** (version.astype("float64") - 1.0)

    def unclosed(self, version: pd.Series) -> pd.Series:
        """Share of the ends that a version lacks."""
        return self.open_share * 0.5 ** (version.astype("float64") - 1.0)


def _day(text: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(date.fromisoformat(text))
    except ValueError as error:
        raise DomainError(f"corrected_from must be a day such as 2022-07-01, got {text}") from error


VERSIONS = VersionParameters()


def with_versions(
    registrations: pd.DataFrame,
    deliveries: pd.DataFrame,
    sector: Sector,
    plan: VersionParameters,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Registrations and deliveries of every version.

    Parameters
    ----------
    registrations, deliveries : DataFrame
        Of the last version.
    sector : Sector
        For its reject reasons.
    plan : VersionParameters
    rng : numpy.random.Generator

    Returns
    -------
    registrations, deliveries : DataFrame
        The rows that were given (with a round of corrections they arrive later), in their order, and before each the
        same row in earlier versions. A registration has one registration_id in all versions, and is in every version
        after the first that has it.
    """
    if plan.corrected_from is not None:
        registrations, deliveries = _corrected_later(registrations, deliveries, _day(plan.corrected_from), rng)
    earlier = _earlier_deliveries(deliveries, sector, plan, rng)
    rows = _earlier_registrations(registrations, earlier, plan, rng)
    return (
        _interleaved(registrations, rows, "delivery_version"),
        _interleaved(deliveries, earlier, "version"),
    )


def _corrected_later(
    registrations: pd.DataFrame, deliveries: pd.DataFrame, begins: pd.Timestamp, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same last versions; accepted ones that were late and came before the round arrive in its half year."""
    received, past_due = deliveries["received_at"], deliveries["due_on"] + pd.Timedelta(days=1)
    moved = (deliveries["status"] == "accepted") & (received >= past_due) & (received < begins)
    longest = min(183, (KNOWN_ON - begins).days - 1)
    day = begins + pd.to_timedelta(rng.integers(0, max(longest, 1), size=len(deliveries)), unit="D")
    minute = pd.to_timedelta(rng.integers(OPENED_AT, CLOSED_AT, size=len(deliveries)), unit="min")
    later = pd.Series(day + minute, index=deliveries.index).astype(received.dtype)
    arrives = deliveries.assign(received_at=received.mask(moved, later))
    keys = pd.DataFrame(
        {"provider_id": registrations["provider_id"], "period": period_of(registrations["begin"], "half-year")}
    )
    found = keys.merge(arrives[["provider_id", "period", "received_at"]], how="left", validate="many_to_one")
    moment = pd.Series(found["received_at"].to_numpy(), index=registrations.index)
    return registrations.assign(received_at=moment.astype(registrations["received_at"].dtype)), arrives


def _earlier_deliveries(
    deliveries: pd.DataFrame, sector: Sector, plan: VersionParameters, rng: np.random.Generator
) -> pd.DataFrame:
    """Versions 1 to V - 1 of every delivery with V versions; the index is the row of the last version."""
    before = deliveries["version"].astype("Int64").fillna(1).to_numpy(dtype=np.int64) - 1
    rows = deliveries.loc[np.repeat(deliveries.index.to_numpy(), before)]
    if rows.empty:
        return rows
    number = rows.groupby(level=0).cumcount() + 1
    received = _moments(rows, rng)
    last_rejected = (rows["status"] == "rejected").to_numpy()
    in_time = received < (rows["due_on"] + pd.Timedelta(days=1)).to_numpy()
    refused = last_rejected | in_time | (rng.random(len(rows)) < plan.rejected_share)
    if plan.corrected_from is not None:
        refused |= received < np.datetime64(_day(plan.corrected_from))
    names, shares = zip(*sector.reject_reasons, strict=True)
    reasons = pd.Series(rng.choice(np.array(names, dtype=object), size=len(rows), p=shares), index=rows.index)
    return rows.assign(
        version=number.astype("Int64"),
        received_at=received,
        status=np.where(refused, "rejected", "accepted"),
        reject_reason=reasons.where(refused),
    )


def _moments(rows: pd.DataFrame, rng: np.random.Generator) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    """Moments in office hours before the last version, in order within each delivery."""
    first = rows["due_on"].to_numpy().astype("datetime64[D]") - np.timedelta64(EARLIEST_DAYS, "D")
    days = (rows["received_at"].to_numpy().astype("datetime64[D]") - first).astype(np.int64)
    day = first + np.floor(rng.random(len(rows)) * days).astype(np.int64).astype("timedelta64[D]")
    minute = rng.integers(OPENED_AT, CLOSED_AT, size=len(rows)).astype("timedelta64[m]")
    drawn = pd.Series(day.astype("datetime64[m]") + minute).astype("datetime64[s]")
    group = pd.Series(rows.index.to_numpy())
    order = np.lexsort((drawn.to_numpy(), group.to_numpy()))
    return np.asarray(drawn.to_numpy()[order])


def _earlier_registrations(
    registrations: pd.DataFrame, earlier: pd.DataFrame, plan: VersionParameters, rng: np.random.Generator
) -> pd.DataFrame:
    enters, closes = rng.random((2, len(registrations)))
    files = earlier.loc[earlier["status"] == "accepted", ["provider_id", "period", "version", "received_at"]]
    wanted = pd.DataFrame(
        {
            "row": registrations.index,
            "provider_id": registrations["provider_id"].to_numpy(),
            "period": period_of(registrations["begin"], "half-year").to_numpy(),
            "enters": enters,
            "closes": closes,
        }
    )
    found = wanted.merge(files, on=["provider_id", "period"], how="inner")
    found = found.loc[found["enters"] >= plan.missing(found["version"])]
    rows = registrations.loc[found["row"]]
    closed = (found["closes"] >= plan.unclosed(found["version"])).to_numpy()
    return rows.assign(
        end=rows["end"].where(closed),
        received_at=found["received_at"].to_numpy(),
        delivery_version=found["version"].astype("int64").to_numpy(),
    )


def _interleaved(last: pd.DataFrame, earlier: pd.DataFrame, version: str) -> pd.DataFrame:
    """Both together: by row of the last version, then by version; the types of the last version."""
    if earlier.empty:
        return last
    both = pd.concat([earlier.astype(last.dtypes.to_dict()), last])
    position = both.index.to_numpy()
    number = both[version].astype("Int64").fillna(0).to_numpy(dtype=np.int64)
    return both.iloc[np.lexsort((number, position))].reset_index(drop=True)

"""What was delivered: the version that counts per half-year, and whether a period can be counted at all.

A file that is refused is not taken in. So an accepted version stands until another one is accepted, or it is said that
there was nothing to report; a refused correction changes nothing in what is counted. A refused file after the statement
that there was nothing to report does take that statement back: who sends a file has something to report.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import pandas as pd

from dwangstats._types import PeriodKind
from dwangstats.data.register.periods import convert_period, parse_period, periods_between
from dwangstats.errors import InternalError

Status: TypeAlias = Literal[
    "accepted", "rejected", "not_delivered", "nothing_to_report", "unknown", "not_yet_due", "not_kept"
]

DELIVERED: tuple[Status, ...] = ("accepted", "nothing_to_report")

NOT_YET_DUE: Status = "not_yet_due"
"""Nothing had arrived on a date, and the due date had not passed."""

NOT_KEPT: Status = "not_kept"
"""A version was accepted, and its registrations are not in the table, while those of another version are."""

#: of two half-years in one year the status that stands further to the front is the status of the year.
_WORST_FIRST: tuple[Status, ...] = (
    "not_delivered",
    "rejected",
    "unknown",
    "not_kept",
    "not_yet_due",
    "accepted",
    "nothing_to_report",
)
_PLACE = ["provider", "period"]


def last_deliveries(deliveries: pd.DataFrame, law: str | None = None) -> pd.DataFrame:
    """The version that was sent last, accepted or not, per provider and half-year.

    Parameters
    ----------
    deliveries : DataFrame
        Table of deliveries; version and received_at decide which is last, in that order.
    law : str, optional
        Keep deliveries under this law and those that name no law. One that names no law is a version of the same
        delivery, unless the half-year has deliveries under several laws: then one that names the law goes before it.

    Returns
    -------
    DataFrame
        provider, period, status, version (float, missing when not given); one row per provider and half-year.
    """
    last = _versions(deliveries, law).drop_duplicates(_PLACE, keep="last")
    return last[[*_PLACE, "status", "version"]].reset_index(drop=True)


def standing_deliveries(deliveries: pd.DataFrame, law: str | None = None) -> pd.DataFrame:
    """The version that counts per provider and half-year: what `standing_rows` says, else as `last_deliveries`."""
    versions = _versions(deliveries, law)
    stands = versions.loc[standing_rows(versions, _PLACE)]
    return stands[[*_PLACE, "status", "version"]].reset_index(drop=True)


def standing_rows(versions: pd.DataFrame, key: Sequence[str]) -> "pd.Series[bool]":
    """Which version of each half-year counts: the last one that was accepted.

    Where nothing was accepted, or it was said later that there was nothing to report, the last row counts.

    Parameters
    ----------
    versions : DataFrame, (n,)
        The columns of ``key``, and status; the versions of one half-year in the order in which they were sent.
    key : sequence of str
        Columns that name a half-year of a provider.

    Returns
    -------
    Series of bool, (n,), index of ``versions``
        True in one row per half-year.
    """
    place = [versions[name].to_numpy() for name in key]
    position = pd.Series(range(len(versions)), dtype="float64")
    said = versions["status"].reset_index(drop=True)

    def latest(among: "pd.Series[bool]") -> "pd.Series[float]":
        return position.where(among).groupby(place, dropna=False).transform("max")

    accepted = latest(said.isin(["accepted", NOT_KEPT]))
    taken_in = latest(said.isin([*DELIVERED, NOT_KEPT]))
    stands = accepted.where(accepted == taken_in, latest(said.isna() | said.notna()))
    return pd.Series((position == stands).to_numpy(), index=versions.index)


def law_of_deliveries(deliveries: pd.DataFrame) -> "pd.Series[str]":
    """Law of every row; one that names none is of the only law that other rows of its provider and half-year name.

    Returns
    -------
    Series of str, (n,), index of ``deliveries``
        Empty where no law can be told.
    """
    if "law" not in deliveries.columns:
        return pd.Series("", index=deliveries.index, dtype="str")
    law = deliveries["law"].astype("object").where(deliveries["law"].notna(), None)
    others = law.groupby([deliveries["provider_id"], deliveries["period"]], dropna=False)
    only = others.transform("first").where(others.transform("nunique") == 1)
    return law.where(law.notna(), only).fillna("").astype("str")


def only_laws(deliveries: pd.DataFrame) -> "pd.Series[str]":
    """Law by provider and half-year, of those delivered under one law only: registrations of any law came with it."""
    named = deliveries[["provider_id", "period"]].assign(law=law_of_deliveries(deliveries))
    pairs = named.loc[named["law"] != ""].drop_duplicates()
    single = pairs.loc[~pairs.duplicated(["provider_id", "period"], keep=False)]
    return single.set_index(["provider_id", "period"])["law"]


def _versions(deliveries: pd.DataFrame, law: str | None) -> pd.DataFrame:
    """Versions under a law in the order in which they were sent, those of one half-year together."""
    frame = deliveries
    if law is not None and "law" in frame.columns:
        frame = frame.loc[(frame["law"] == law) | frame["law"].isna()]
    known = law_of_deliveries(deliveries).reindex(frame.index) if frame.index.is_unique else law_of_deliveries(frame)
    versions = pd.DataFrame(
        {
            "provider": frame["provider_id"],
            "period": frame["period"],
            "status": frame["status"],
            "named": known == law if law is not None else known != "",
            "version": _number(frame, "version"),
            "received": _moment(frame, "received_at"),
        }
    )
    versions = versions.sort_values([*_PLACE, "version", "received"], na_position="first", kind="stable")
    named = versions.groupby(_PLACE, dropna=False)["named"].transform("any")
    return versions.loc[versions["named"] | ~named].drop(columns="named")


def status_from_registrations(counts: pd.DataFrame) -> pd.DataFrame:
    """Delivery status when nobody wrote down what was delivered: a half-year with any registration was delivered.

    Parameters
    ----------
    counts : DataFrame
        provider_id, half_year, registrations > 0.

    Returns
    -------
    DataFrame
        provider, period, status ("accepted" throughout), version (missing). A half-year that is not there is unknown.
    """
    known = counts.loc[counts["half_year"].notna(), ["provider_id", "half_year"]].drop_duplicates()
    known.columns = pd.Index(["provider", "period"])
    return known.assign(status="accepted", version=float("nan")).reset_index(drop=True)


def with_delivery(counts: pd.DataFrame, half_years: pd.DataFrame) -> pd.DataFrame:
    """Counts of registrations with the delivery they belong to.

    Parameters
    ----------
    counts : DataFrame
        As `count_registrations` gives them.
    half_years : DataFrame
        As `standing_deliveries` gives them (or `last_deliveries`).

    Returns
    -------
    DataFrame, one row per row of ``counts`` and in their order
        With half_year, status ("unknown" where no delivery is known), superseded: the registration is from an earlier
        version of the delivery than the one that counts; and not_taken_in: it is from a later one.
    """
    months = {text: half_years_of(text)[0] for text in counts["month"].dropna().unique()}
    known = half_years.rename(columns={"provider": "provider_id", "period": "half_year", "version": "last_version"})
    joined = counts.assign(half_year=counts["month"].map(months).astype("str"))
    joined = joined.merge(known, on=["provider_id", "half_year"], how="left", validate="many_to_one")
    joined["status"] = joined["status"].fillna("unknown")
    joined["superseded"] = joined["delivery_version"] < joined["last_version"]
    joined["not_taken_in"] = joined["delivery_version"] > joined["last_version"]
    return joined.drop(columns="last_version")


def with_contents(half_years: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Half-years with the status "not_kept" where only registrations of a refused correction are in the table.

    Parameters
    ----------
    half_years : DataFrame
        As `standing_deliveries` gives them.
    counts : DataFrame
        Counts of registrations, of one law.
    """
    known = with_delivery(counts, half_years)
    known = known.assign(current=~(known["superseded"] | known["not_taken_in"]).astype(bool))
    cells = known.groupby(["provider_id", "half_year"], as_index=False)[["current", "not_taken_in"]].any()
    without = cells.loc[cells["not_taken_in"] & ~cells["current"], ["provider_id", "half_year"]]
    lost = pd.MultiIndex.from_frame(half_years[_PLACE]).isin(pd.MultiIndex.from_frame(without))
    lost &= (half_years["status"] == "accepted").to_numpy(dtype=bool)
    return half_years.assign(status=half_years["status"].mask(lost, NOT_KEPT))


def status_of(pairs: pd.DataFrame, half_years: pd.DataFrame) -> "pd.Series[str]":
    """Delivery status of each provider-period.

    A month or quarter has the status of the half-year that contains it; a year was delivered when both halves were.

    Parameters
    ----------
    pairs : DataFrame, (n,)
        provider, period; the periods of one kind.
    half_years : DataFrame
        provider, period (half-years), status; one row per provider and half-year.

    Returns
    -------
    Series of str, (n,), index of ``pairs``
        accepted, rejected, not_delivered, nothing_to_report, not_yet_due, not_kept; "unknown" where no delivery is
        known.
    """
    halves = {text: half_years_of(text) for text in pairs["period"].unique()}
    parts = pairs.assign(row=range(len(pairs)), half=pairs["period"].map(halves)).explode("half")
    known = half_years.rename(columns={"period": "half"})[["provider", "half", "status"]]
    joined = parts.merge(known, on=["provider", "half"], how="left", validate="many_to_one")
    rank = {status: place for place, status in enumerate(_WORST_FIRST)}
    worst = joined["status"].fillna("unknown").map(rank).groupby(joined["row"]).min()
    if len(worst) != len(pairs) or bool(worst.isna().any()):
        raise InternalError(f"delivery status found for {worst.notna().sum()} of {len(pairs)} provider-periods")
    names = worst.sort_index().map(dict(enumerate(_WORST_FIRST)))
    return pd.Series(names.to_numpy(dtype=object), index=pairs.index, name="status", dtype="str")


def half_years_of(period: str) -> tuple[str, ...]:
    """The half-years that decide on a period: the one that contains it, or both halves of a year."""
    kind: PeriodKind = parse_period(period).kind
    if kind == "year":
        return periods_between(f"{period}-H1", f"{period}-H2")
    return (convert_period(period, "half-year"),)


def is_delivered(status: Iterable[str]) -> "pd.Series[bool]":
    """Whether each status says that the counts are known, zero included."""
    return pd.Series(list(status), dtype="str").isin(DELIVERED)


def last_half_year_end(deliveries: pd.DataFrame) -> pd.Timestamp | None:
    """First moment after the last half-year in the table; None when it names none."""
    ends = [parse_period(text).end for text in deliveries["period"].dropna().unique()]
    return pd.Timestamp(max(ends)) if ends else None


def _number(frame: pd.DataFrame, name: str) -> "pd.Series[float]":
    if name not in frame.columns:
        return pd.Series(float("nan"), index=frame.index)
    return pd.to_numeric(frame[name]).astype("Float64").astype("float64")


def _moment(frame: pd.DataFrame, name: str) -> "pd.Series[pd.Timestamp]":
    if name not in frame.columns:
        return pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]")
    return pd.to_datetime(frame[name])

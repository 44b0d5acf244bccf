"""Persons with several client numbers (E16): the little that can be seen of them inside a register."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln

from dwangstats._types import Matrix, Vector
from dwangstats.data.checks.rule import has
from dwangstats.data.checks.traces.movement import Tests, judged, q_values
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.periods import FIRST_YEAR, LAST_YEAR, parse_period, period_of, sort_periods

#: share of what is marked that is expected to be chance.
LEVEL: Final = 0.05
#: from this day the citizen service number is in the delivery (Stb. 2021, 468), and persons can be linked.
LINKED_FROM: Final = pd.Timestamp(2021, 11, 1)
#: fewer registrations in a half-year say nothing about clients.
LEAST_REGISTRATIONS: Final = 20

COLUMNS: Final = ("provider_id", "period", "registrations", "numbers", "expected", "ratio", "p", "q")


def several_numbers(tables: Tables, *, level: float = LEVEL) -> pd.DataFrame:
    """Half-years before linkage with more client numbers than their registrations would have afterwards (E16).

    Client numbers say nothing about who is who. What can be seen is the number of clients among a number of
    registrations: both half-years are thinned to as many registrations as the smaller one has (rarefaction; Hurlbert
    1971), so that a growing number of registrations does not count as fewer clients. The half-years after linkage, each
    against the others, say how much that ratio varies by itself. A few clients with two numbers stay far below that.

    Parameters
    ----------
    tables : Tables
    level : float
        False discovery rate over providers and half-years; one-sided.

    Returns
    -------
    DataFrame
        provider_id, period (half-year that ended before November 2021), registrations, numbers, expected (numbers if
        as afterwards), ratio, p, q. Client numbers are counted and never shown.
    """
    frame = tables.registrations
    if not has(frame, "provider_id", "client_id", "begin"):
        return pd.DataFrame(columns=list(COLUMNS))
    known = frame["provider_id"].notna() & frame["client_id"].notna()
    known &= frame["begin"].dt.year.between(FIRST_YEAR, LAST_YEAR)
    rows = frame.loc[known, ["provider_id", "client_id"]]
    rows = rows.assign(period=period_of(frame.loc[rows.index, "begin"], "half-year"))
    if "delivery_version" in frame.columns:
        version = frame.loc[rows.index, "delivery_version"]
        last = version.groupby([rows["provider_id"], rows["period"]]).transform("max")
        rows = rows.loc[version.isna() | (version == last)]
    counts = rows.groupby(["provider_id", "period", "client_id"]).size()
    periods = sort_periods(rows["period"].unique())
    early = np.array([pd.Timestamp(parse_period(text).end) <= LINKED_FROM for text in periods], dtype=np.bool_)
    late = np.array([pd.Timestamp(parse_period(text).begin) >= LINKED_FROM for text in periods], dtype=np.bool_)
    providers = sorted(rows["provider_id"].unique())
    log_ratio, information = _compared(counts, providers, periods, late)
    usable = np.isfinite(log_ratio) & (early | late)
    alike = np.ones((*usable.shape, 1))
    tests = judged(log_ratio * np.sqrt(information), information, np.exp(log_ratio), usable, alike)
    p = np.where(early, 1.0 - tests.p_of_fall, np.nan)
    return _marked(counts, providers, periods, tests, p, level)


def clients_among(per_client: Vector, drawn: int) -> float:
    """Expected number of clients among some of the registrations, drawn without replacement (Hurlbert 1971, eq. 2).

    Parameters
    ----------
    per_client : (n,) registrations of each client, whole numbers of at least 1.
    drawn : int
        At most the sum of ``per_client``.
    """
    whole = float(per_client.sum())
    others = whole - per_client
    possible = others >= drawn
    left = others[possible]
    log_absent = gammaln(left + 1.0) - gammaln(left - drawn + 1.0) - gammaln(whole + 1.0) + gammaln(whole - drawn + 1.0)
    return float(per_client.size - np.exp(log_absent).sum())


def _compared(
    counts: "pd.Series[int]", providers: list[str], periods: tuple[str, ...], late: NDArray[np.bool_]
) -> tuple[Matrix, Matrix]:
    """Mean log ratio of clients to those of the later half-years, and what it is based on, both (P, H)."""
    shape = len(providers), len(periods)
    log_ratio, information = np.full(shape, np.nan), np.zeros(shape)
    for i, provider in enumerate(providers):
        mine = counts.xs(provider, level="provider_id")
        cells = [_cell(mine, text) for text in periods]
        enough = np.array([cell.sum() >= LEAST_REGISTRATIONS for cell in cells])
        for h in np.flatnonzero(enough).tolist():
            against = [k for k in np.flatnonzero(enough & late).tolist() if k != h]
            if not against:
                continue
            sizes = [int(min(cells[h].sum(), cells[k].sum())) for k in against]
            ratios = [
                np.log(clients_among(cells[h], m) / clients_among(cells[k], m))
                for k, m in zip(against, sizes, strict=True)
            ]
            log_ratio[i, h] = float(np.mean(ratios))
            information[i, h] = float(np.mean(sizes)) / (1.0 + 1.0 / len(against))
    return log_ratio, information


def _cell(mine: "pd.Series[int]", period: str) -> Vector:
    if period not in mine.index.get_level_values(0):
        return np.zeros(0)
    return np.asarray(mine.loc[period], dtype=np.float64)


def _marked(
    counts: "pd.Series[int]", providers: list[str], periods: tuple[str, ...], tests: Tests, p: Matrix, level: float
) -> pd.DataFrame:
    q = q_values(p)
    rows = []
    for i, h in zip(*np.nonzero(q <= level), strict=True):
        cell = _cell(counts.xs(providers[i], level="provider_id"), periods[h])
        ratio = float(tests.ratio[i, h])
        rows.append(
            {
                "provider_id": providers[i],
                "period": periods[h],
                "registrations": int(cell.sum()),
                "numbers": cell.size,
                "expected": cell.size / ratio,
                "ratio": ratio,
                "p": float(p[i, h]),
                "q": float(q[i, h]),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))

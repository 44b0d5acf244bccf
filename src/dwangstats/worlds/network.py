"""Layer 1: providers and their locations."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Codes, Vector
from dwangstats.worlds.parameters import Sector, Size
from dwangstats.worlds.quarters import Calendar


@dataclass(frozen=True, slots=True)
class Network:
    """Providers (axis P) and their locations (axis L).

    Attributes
    ----------
    provider_ids (P,), location_ids (L,) : str
    kind : (P,) number of the provider's kind in the sector.
    quality : (P,) standard normal registration quality.
    vendor : (P,) supplier of the electronic health record.
    provider : (L,) number of the location's provider.
    setting : (L,) number of the location's setting in the sector.
    security : (L,) security level.
    capacity : (L,) beds, whole numbers of at least 1.
    first, last : (L,) number of the first and the last quarter in which the location is open.
    """

    provider_ids: NDArray[np.str_]
    kind: Codes
    quality: Vector
    vendor: NDArray[np.str_]
    location_ids: NDArray[np.str_]
    provider: Codes
    setting: Codes
    security: NDArray[np.str_]
    capacity: Vector
    first: Codes
    last: Codes


def draw_network(sector: Sector, size: Size, calendar: Calendar, rng: np.random.Generator) -> Network:
    """Draw providers and locations.

    Provider sizes are lognormal around the median of their kind and scaled to ``size.beds_per_provider`` on average.
    """
    kind = _apportion(size.providers, [k.share for k in sector.kinds])
    beds = _provider_beds(sector, size, kind, rng)
    low, high = size.locations
    count = np.minimum(rng.integers(low, high + 1, size=size.providers), np.maximum(beds // 2, 1).astype(np.intp))
    provider = np.repeat(np.arange(size.providers, dtype=np.intp), count)
    order = np.arange(provider.size, dtype=np.intp) - np.repeat(np.cumsum(count) - count, count)
    setting = _settings(sector, kind[provider], order, rng)
    width = len(str(size.providers))
    first, last = _opening(sector, calendar, order, rng)
    names, shares = zip(*sector.vendors, strict=True)
    return Network(
        provider_ids=np.array([f"p{i + 1:0{width}d}" for i in range(size.providers)]),
        kind=kind,
        quality=rng.standard_normal(size.providers),
        vendor=rng.choice(np.array(names), size=size.providers, p=shares),
        location_ids=np.array([f"p{p + 1:0{width}d}-{o + 1}" for p, o in zip(provider, order, strict=True)]),
        provider=provider,
        setting=setting,
        security=np.array([rng.choice(np.array(sector.settings[s].security_levels)) for s in setting]),
        capacity=_split_beds(beds, provider, rng),
        first=first,
        last=last,
    )


def locations_table(sector: Sector, network: Network, calendar: Calendar) -> pd.DataFrame:
    """The table ``locations``; opened and closed are empty outside the years of the world."""
    end = calendar.starts + pd.to_timedelta(calendar.days - 1, unit="D")
    opened = pd.Series(calendar.starts[network.first]).where(network.first > 0)
    closed = pd.Series(end[network.last]).where(network.last < len(calendar.starts) - 1)
    return pd.DataFrame(
        {
            "provider_id": network.provider_ids[network.provider],
            "location_id": network.location_ids,
            "setting": np.array([s.name for s in sector.settings])[network.setting],
            "security_level": network.security,
            "laws": sector.law,
            "opened": opened,
            "closed": closed,
            "ehr_vendor": network.vendor[network.provider],
        }
    )


def _apportion(total: int, shares: list[float]) -> Codes:
    """Kind number of each provider: whole numbers nearest to the shares (largest remainders), in blocks."""
    exact = np.array(shares) * total / sum(shares)
    count = np.floor(exact).astype(np.intp)
    extra = np.argsort(count - exact, kind="stable")[: total - int(count.sum())]
    count[extra] += 1
    return np.repeat(np.arange(len(shares), dtype=np.intp), count)


def _provider_beds(sector: Sector, size: Size, kind: Codes, rng: np.random.Generator) -> Vector:
    median = np.array([k.median_beds for k in sector.kinds])[kind]
    beds = median * np.exp(sector.beds_log_sd * rng.standard_normal(kind.size))
    return np.asarray(np.maximum(np.rint(beds * size.beds_per_provider / beds.mean()), 2.0))


def _settings(sector: Sector, kind: Codes, order: Codes, rng: np.random.Generator) -> Codes:
    number = {s.name: i for i, s in enumerate(sector.settings)}
    drawn = rng.random(kind.size)
    out = np.empty(kind.size, dtype=np.intp)
    for i, (k, o, u) in enumerate(zip(kind, order, drawn, strict=True)):
        options = sector.kinds[k]
        pick = 0 if o == 0 else int(np.searchsorted(np.cumsum(options.setting_shares), u))
        out[i] = number[options.settings[min(pick, len(options.settings) - 1)]]
    return out


def _split_beds(beds: Vector, provider: Codes, rng: np.random.Generator) -> Vector:
    """Beds of each location: one each, the rest shared out at random, whole numbers that add up to the provider."""
    weight = rng.gamma(4.0, size=provider.size)
    out = np.ones(provider.size)
    for p in range(beds.size):
        mine = np.flatnonzero(provider == p)
        share = weight[mine] / weight[mine].sum() * (beds[p] - mine.size)
        edges = np.rint(np.cumsum(share))
        out[mine] += np.diff(edges, prepend=0.0)
    return out


def _opening(sector: Sector, calendar: Calendar, order: Codes, rng: np.random.Generator) -> tuple[Codes, Codes]:
    quarters = len(calendar.starts)
    fate, moment = rng.random(order.size), rng.integers(1, quarters, size=order.size)
    opens = (order > 0) & (fate < sector.opened_share)
    closes = (order > 0) & (fate > 1.0 - sector.closed_share)
    first = np.where(opens, moment, 0).astype(np.intp)
    last = np.where(closes, moment - 1, quarters - 1).astype(np.intp)
    return first, last

"""What worlds with the same sector, size and seed share, whatever their truth: everything before the counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Matrix
from dwangstats.worlds.calibration import Background
from dwangstats.worlds.context import ContextParameters, rate_factor, shocked_exposure, stretched
from dwangstats.worlds.deliveries import Deliveries, draw_deliveries
from dwangstats.worlds.events import Cube, by_provider, draw_event_means
from dwangstats.worlds.exposure import Exposure, draw_exposure
from dwangstats.worlds.network import Network, draw_network
from dwangstats.worlds.parameters import YEARS, Sector, Size
from dwangstats.worlds.quarters import Calendar
from dwangstats.worlds.registration import draw_quality_shift
from dwangstats.worlds.streams import Streams, open_streams


@dataclass(frozen=True, slots=True)
class Stage:
    """Providers, exposure, deliveries and expected events without growth, and the streams that are left."""

    sector: Sector
    calendar: Calendar
    network: Network
    exposure: Exposure
    deliveries: Deliveries
    means: Cube
    background: Background
    streams: Streams

    def to_providers(self, cube: Cube) -> Cube:
        """Sum over the locations of each provider: (L, T, F) to (P, T, F)."""
        return by_provider(cube, self.network.provider, self.network.kind.size)

    @property
    def provider_bed_days(self) -> Matrix:
        """Occupied bed-days by provider and quarter (P, T)."""
        return self.to_providers(self.exposure.bed_days[:, :, None])[:, :, 0]

    @property
    def delivered(self) -> NDArray[np.bool_]:
        """Whether the half-year of a quarter is in the register (P, T)."""
        return np.asarray(self.deliveries.correct[:, self.calendar.half_year])


def set_stage(
    sector: Sector, size: Size, sequence: np.random.SeedSequence, context: ContextParameters | None = None
) -> Stage:
    """Draw the layers before the counts, each from its own stream."""
    streams, calendar = open_streams(sequence), Calendar(context.years if context is not None else YEARS)
    if context is not None:
        sector = stretched(sector, context)
    network = draw_network(sector, size, calendar, streams.network)
    exposure = draw_exposure(sector, network, calendar, streams.exposure)
    if context is not None:
        exposure = shocked_exposure(exposure, network, calendar, context)
    means = draw_event_means(sector, network, exposure, calendar, streams.events)
    if context is not None:
        means = means * rate_factor(network, sector.form_names, calendar, context)
    deliveries = draw_deliveries(sector, network, calendar, streams.deliveries)
    background = Background(
        base=by_provider(means, network.provider, network.kind.size),
        shift=draw_quality_shift(sector, network, streams.registration),
        attenuation=sector.attenuation,
        complete=deliveries.complete,
        calendar=calendar,
        seclusion=np.array([name == sector.calibrated_form for name in sector.form_names]),
    )
    return Stage(sector, calendar, network, exposure, deliveries, means, background, streams)

"""What a world is: the tables an analyst would get, and the truth behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dwangstats.data.reading.read import Tables
from dwangstats.errors import InternalError
from dwangstats.worlds.parameters import AFTER, BEFORE


@dataclass(frozen=True, slots=True, repr=False)
class World:
    """A synthetic register and the truth behind it.

    Attributes
    ----------
    name, size : str
    seed : tuple of int
        The integer given as seed; for a SeedSequence or Generator its entropy and spawn key.
    parameters : mapping
        Everything the world was made from: sector, size, scenario, evidence, calibrated, and under "path" the growth
        of the rate and the mean completeness by form, after calibration.
    tables : Tables
        What an analyst would get: registrations, exposure, locations, deliveries; and, as far as the world has it,
        evidence from the same true events: audits, second_source, controls.
    truth : DataFrame
        provider_id, period (quarter), form, true_events, registered_events (written down, delivered or not),
        completeness (probability that an event is registered; 0 only where the provider is silent), expected_rate
        (expected true events per 1,000 bed-days given provider effects and frailty; missing without bed-days),
        delivered (the registrations of this half-year are in the register).
    figures : mapping
        "growth" by group of forms, providers ("complete", "all") and kind ("true", "registered", "expected_true",
        "expected_registered"); "kept", the share that providers with three correct years hold of providers, bed_days,
        registrations (in the register) and registrations_written (delivered or not); "rows", registrations in the
        register before errors are planted and without earlier versions.
    planted : DataFrame
        Every planted error, and every quarter in which a provider is silent: error (its code, or "pattern"), table,
        effect ("changed", "added", "lowered", "silent", "absent"), registration_id, provider_id, location_id, period
        and detail; see `dwangstats.worlds.planted`. No rows in a world without errors.
    """

    name: str
    size: str
    seed: tuple[int, ...]
    parameters: Mapping[str, Any]
    tables: Tables
    truth: pd.DataFrame
    figures: Mapping[str, Any]
    planted: pd.DataFrame

    def __post_init__(self) -> None:
        over = int((self.truth["registered_events"] > self.truth["true_events"]).sum())
        if over:
            raise InternalError(f"{over} of {len(self.truth)} rows of the truth have more registrations than events")
        outside = int((~self.truth["completeness"].between(0.0, 1.0, inclusive="left")).sum())
        if outside:
            raise InternalError(f"{outside} of {len(self.truth)} completeness values are not between 0 and 1")

    def __repr__(self) -> str:
        start = f"World('{self.name}', size='{self.size}', seed={'/'.join(map(str, self.seed))}): "
        if "stages" in self.figures:
            change = self.figures["change"]
            return (
                f"{start}{self.figures['rows']} registrations; unplanned ones from stage 2 to 3, by mean occupancy: "
                f"registered {100 * change['registered']['adjusted']:+.1f} %, "
                f"true {100 * change['true']['adjusted']:+.1f} %"
            )
        growth = self.figures["growth"]["all"]["complete"]
        return (
            f"{start}{self.figures['rows']} registrations; growth {BEFORE} to {AFTER} among providers with "
            f"three correct years: registered {100 * growth['registered']:+.1f} %, true {100 * growth['true']:+.1f} %"
        )

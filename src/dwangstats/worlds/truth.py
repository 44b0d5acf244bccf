"""The truth behind a register, and its headline figures."""

from typing import Any

import numpy as np
import pandas as pd

from dwangstats._types import Matrix
from dwangstats.worlds.admissions import FORM, Admissions
from dwangstats.worlds.counts import Counts
from dwangstats.worlds.events import Cube
from dwangstats.worlds.headline import growth_figures, kept_figures
from dwangstats.worlds.stage import Stage


def truth_frame(stage: Stage, means: Cube, chance: Cube, counts: Counts) -> pd.DataFrame:
    """One row per provider, quarter and form.

    Parameters
    ----------
    means : (L, T, F) expected events.
    chance : (P, T, F) probability that an event is registered.
    counts : Counts
    """
    forms = stage.sector.form_names
    true, registered = stage.to_providers(counts.true), stage.to_providers(counts.registered)
    return _frame(stage, forms, true, registered, chance, stage.to_providers(means))


def truth_of_admissions(stage: Stage, admissions: Admissions) -> pd.DataFrame:
    """The same for forced admissions."""
    cubes = [
        stage.to_providers(cube[:, :, None]) for cube in (admissions.true, admissions.registered, admissions.expected)
    ]
    return _frame(stage, (FORM,), cubes[0], cubes[1], admissions.completeness[:, :, None], cubes[2])


def headline_figures(stage: Stage, means: Cube, chance: Cube, counts: Counts) -> dict[str, Any]:
    """Growth, what the providers with three correct years hold, and the number of registrations."""
    expected = stage.to_providers(means)
    registered = stage.to_providers(counts.registered)
    cubes = {
        "true": stage.to_providers(counts.true),
        "registered": registered,
        "expected_true": expected,
        "expected_registered": expected * chance,
    }
    written: Matrix = registered.sum(axis=2)
    delivered = written * stage.delivered
    complete = stage.deliveries.complete
    amounts = {
        "bed_days": stage.provider_bed_days.sum(axis=1),
        "registrations": delivered.sum(axis=1),
        "registrations_written": written.sum(axis=1),
    }
    return {
        "growth": growth_figures(stage.sector.form_names, stage.calendar, complete, cubes),
        "kept": kept_figures(complete, amounts),
        "rows": int(delivered.sum()),
    }


def _frame(
    stage: Stage, forms: tuple[str, ...], true: Cube, registered: Cube, chance: Cube, expected: Cube
) -> pd.DataFrame:
    names = [stage.network.provider_ids.tolist(), stage.calendar.quarters, list(forms)]
    index = pd.MultiIndex.from_product(names, names=["provider_id", "period", "form"])
    bed_days = stage.provider_bed_days[:, :, None]
    known = np.where(bed_days > 0.0, bed_days, np.nan)
    frame: pd.DataFrame = index.to_frame(index=False)
    frame["true_events"] = true.ravel().astype(np.int64)
    frame["registered_events"] = registered.ravel().astype(np.int64)
    frame["completeness"] = chance.ravel()
    frame["expected_rate"] = (1000.0 * expected / known).ravel()
    frame["delivered"] = np.broadcast_to(stage.delivered[:, :, None], chance.shape).ravel()
    return frame

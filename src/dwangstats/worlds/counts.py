"""Layer 6: the counts, registered and not."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import poisson

from dwangstats.worlds.events import Cube


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts by location, quarter and form (L, T, F): events, and those of them that were registered."""

    true: Cube
    registered: Cube


def draw_counts(means: Cube, completeness: Cube, rng: np.random.Generator) -> Counts:
    """Poisson events, each registered with its own probability.

    Registered and unregistered events of a thinned Poisson count are independent Poisson counts with means
    ``means * completeness`` and ``means * (1 - completeness)``, so that registered events are never more than all
    events. Both are read off the quantile function at uniform numbers that do not depend on the means: where two
    worlds expect the same registrations they draw the same registrations.

    Parameters
    ----------
    means : (L, T, F) expected events, >= 0.
    completeness : (L, T, F) in (0, 1).
    """
    chance_registered, chance_missed = rng.random(means.shape), rng.random(means.shape)
    registered = _poisson_quantile(chance_registered, means * completeness)
    missed = _poisson_quantile(chance_missed, means * (1.0 - completeness))
    return Counts(true=registered + missed, registered=registered)


def _poisson_quantile(chance: Cube, mean: Cube) -> Cube:
    out = np.zeros_like(mean)
    some = mean > 0.0
    out[some] = poisson.ppf(chance[some], mean[some])
    return out

"""Providers that registered nothing although those that register would not have."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from dwangstats._types import Vector
from dwangstats.design.rows import listed
from dwangstats.registration.context import EvidenceCheck, FittedParts
from dwangstats.registration.evidence.words import said

LEAST_PROBABILITY = 1e-3
"""A provider that registers as the others do is silent less often than this."""

FEWEST = 3
"""Registering providers that a spread takes."""

TITLE = "providers that registered nothing"


def silent_providers(context: FittedParts) -> tuple[EvidenceCheck, ...]:
    """Name providers whose delivered rows are all zero with a probability below 0.001 among those that register.

    Parameters
    ----------
    context : FittedParts

    Returns
    -------
    tuple of EvidenceCheck
        One, or none where every provider registered something.
    """
    zero, chance = _chances(context)
    if not zero.size:
        return ()
    named = zero[chance < LEAST_PROBABILITY]
    names = listed([context.providers[i] for i in named])
    if not named.size:
        message = said(
            "{zero} aanbieders registreerden niets; dat past bij hun omvang.",
            "{zero} providers registered nothing, as their size allows.",
            zero=str(zero.size),
        )
    elif context.problem.silent:
        message = said(
            "{names} registreerden niets en het model telt hen deels als zwijgend (silent=True).",
            "{names} registered nothing, and the model counts them as silent in part (silent=True).",
            names=names,
        )
    else:
        message = said(
            "{names} registreerden niets; bij gewoon registreren is die kans kleiner dan 0,001. Zwijgen zij? Zet de "
            "levering op not_delivered of gebruik silent=True.",
            "{names} registered nothing, which has a probability below 0.001 if they register as others do. Are they "
            "silent? Mark the delivery as not_delivered or use silent=True.",
            names=names,
        )
    passed = not named.size or context.problem.silent
    return (EvidenceCheck("counts", TITLE, passed, float(chance.min()), message),)


def apparently_silent(context: FittedParts) -> NDArray[np.bool_]:
    """Which providers registered nothing where one that registers would have, (G,)."""
    zero, chance = _chances(context)
    found = np.zeros(len(context.providers), dtype=bool)
    found[zero[chance < LEAST_PROBABILITY]] = True
    return found


def expected_counts(context: FittedParts, held_at_zero: tuple[int, ...] = ()) -> Vector:
    """Registered counts that the columns of both formulas let expect, without provider effects, (n,).

    Parameters
    ----------
    context : FittedParts
    held_at_zero : tuple of int
        Registration columns that are left out.
    """
    counts, vector, layout = context.problem.counts, context.fit.vector, context.problem.layout
    alpha = vector[layout.alpha].copy()
    alpha[list(held_at_zero)] = 0.0
    eta = counts.X @ vector[layout.beta] + counts.offset
    return np.asarray(np.exp(eta + log_expit(counts.W @ alpha)), dtype=np.float64)


def _chances(context: FittedParts) -> tuple[NDArray[np.intp], Vector]:
    """Providers whose delivered rows are all zero, and how likely that is among those that register.

    The level and the spread are those of the providers that registered anything, and the spread is a gamma: a model
    fitted with silent providers among the rest has widened its own until their zeros look usual.
    """
    group, size = context.problem.counts.group, len(context.providers)
    events, expected = (
        np.bincount(group, weights=weights, minlength=size)
        for weights in (context.problem.counts.y, expected_counts(context))
    )
    zero = np.flatnonzero((expected > 0.0) & (events == 0.0))
    y, e = events[events > 0.0], expected[events > 0.0]
    if y.size < FEWEST:
        return zero, np.ones(zero.size)
    level = float(y.sum() / e.sum())
    mean = level * e
    beyond = float(np.sum((y - mean) ** 2 - mean)) * y.size / (y.size - 1)
    spread = max(beyond / float(mean @ mean), 1e-9)
    return zero, np.asarray(np.exp(-np.log1p(spread * level * expected[zero]) / spread), dtype=np.float64)

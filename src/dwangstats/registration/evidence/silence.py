"""Providers that registered nothing although the model expects them to."""

import numpy as np

from dwangstats.design.rows import listed
from dwangstats.numerics.thinned.likelihood import evaluate
from dwangstats.registration.context import EvidenceCheck, FittedParts
from dwangstats.registration.evidence.words import said

LEAST_PROBABILITY = 1e-3
"""A provider that registers as the others do is silent less often than this."""

TITLE = "providers that registered nothing"


def silent_providers(context: FittedParts) -> tuple[EvidenceCheck, ...]:
    """Name providers whose delivered rows are all zero with a probability below 0.001 under the fitted model.

    The probability is that of zeros in all rows of the provider, averaged over its random effects. Where every count is
    zero this is the likelihood of the provider's counts.
    """
    counts = context.problem.counts
    size = len(context.providers)
    rows = np.bincount(counts.group, minlength=size)
    events = np.bincount(counts.group, weights=counts.y, minlength=size)
    zero = np.flatnonzero((rows > 0) & (events == 0.0))
    if not zero.size:
        return ()
    found = evaluate(context.problem, context.fit.vector, nodes=context.fit.nodes, sources=("counts",))
    chance = np.exp(found.by_group[zero])
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

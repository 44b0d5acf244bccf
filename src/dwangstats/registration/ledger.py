"""Which source makes a target known: what it adds to the information, and what would be left without it.

The information on a target c'theta, after eliminating everything else, is J = 1 / (c' I^-1 c). With a part of the
sources I is smaller and so is J; where every one of two sources is needed, J is 0 without either. Shares are Shapley
values of J over the sources: exact, adding up to J, and never giving more than half to a source that is worth nothing
without another. The verdict goes by the share of evidence, and by what is left: by J without the form of the model.
More counts never turn evidence that is precise enough by itself into a refusal.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Matrix, Vector
from dwangstats.registration.sources import EXTERNAL, FORM, PRIOR, Sources, floored_inverse

Verdict: TypeAlias = Literal["data-identified", "prior-driven", "functional form only", "bounds only"]

PASSING: tuple[Verdict, ...] = ("data-identified", "prior-driven")

HALF = 0.5
"""Share of the information that evidence must hold."""

QUARTER = 0.25
"""Part of the information that must be left without the form of the model: the standard error then at most doubles."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Information on one target, split over its sources.

    Attributes
    ----------
    total : float
        J, the information after eliminating everything else; 1 / sqrt(J) is the standard error.
    information : mapping of str to float
        Shapley value of each source; they add up to J. "functional form" is what the counts say without any evidence,
        "exclusion" what they say because indicators or switch dates are kept out of the rate.
    external, with_priors : float
        Part of J that is left with evidence from data alone, and with evidence and priors: both without the form of the
        model.
    allowed : tuple of str
        Sources that are evidence from data on this target.
    """

    total: float
    information: Mapping[str, float]
    external: float = 0.0
    with_priors: float = 0.0
    allowed: tuple[str, ...] = ()

    @property
    def share(self) -> Mapping[str, float]:
        """Shares of the sources, which add up to 1; a source that takes information away has none."""
        positive = {source: max(value, 0.0) for source, value in self.information.items()}
        total = sum(positive.values())
        return {source: value / total if total > 0.0 else 0.0 for source, value in positive.items()}


def attribute(sources: Sources, contrast: Vector, free: NDArray[np.bool_], *, barred: Collection[str] = ()) -> Shares:
    """Split the information on a contrast over the sources.

    Parameters
    ----------
    sources : Sources
    contrast : (p,) array
    free : (p,) array of bool
    barred : collection of str
        Sources that are no evidence on this target, but part of the form of the model.

    Returns
    -------
    Shares
    """
    names = list(sources.parts)
    worth = {subset: float(values[0]) for subset, values in _worth(sources, contrast[free][None, :]).items()}
    total = worth[tuple(names)]
    if total <= 0.0:
        return Shares(0.0, dict.fromkeys(names, 0.0))
    allowed, with_priors = _evidence_among(names, barred)
    information = {name: shapley_value(name, names, worth) for name in names}
    # What remains without any source is the vague background; it is an assumption of the model too.
    information[FORM] += worth[()]
    return Shares(
        total=total,
        information=information,
        external=worth[tuple(allowed)] / total,
        with_priors=worth[tuple(with_priors)] / total,
        allowed=tuple(allowed),
    )


def information_on(information: Matrix, contrast: Vector) -> float:
    """Information on contrast' theta after eliminating the rest, 1 / (c' I^-1 c).

    Parameters
    ----------
    information : (f, f) array
    contrast : (f,) array

    Returns
    -------
    float
        Next to 0 in a direction in which nothing is known; 0 for a contrast of zeros.
    """
    return float(_information_rows(floored_inverse(information), contrast[None, :])[0])


def verdict_of(shares: Shares, *, least: float, has_evidence: bool, enough: float = math.inf) -> Verdict:
    """What a target rests on.

    Parameters
    ----------
    shares : Shares
    least : float
        Information below which nothing worth showing is known about the target.
    has_evidence : bool
        Whether anything but the counts is there.
    enough : float
        Information with which evidence from data need not hold half of the whole.

    Returns
    -------
    {"data-identified", "prior-driven", "functional form only", "bounds only"}
        Data from outside the counts that hold half of the information, or enough by themselves, and that leave a
        quarter of it without the form of the model and priors; else the same share with priors; else the form of the
        model decides. Without evidence, or with next to no information, only bounds remain.
    """
    if not has_evidence or shares.total < least:
        return "bounds only"
    share = shares.share
    held = sum(share.get(name, 0.0) for name in shares.allowed)
    suffices = held >= HALF or shares.external * shares.total >= enough
    if suffices and shares.external >= QUARTER:
        return "data-identified"
    passes = held + share.get(PRIOR, 0.0) >= HALF and shares.with_priors >= QUARTER
    return "prior-driven" if passes else "functional form only"


def verdicts_of_rows(
    sources: Sources,
    W: Matrix,
    alpha: slice,
    free: NDArray[np.bool_],
    *,
    least: float,
    enough: float,
    barred: Collection[str] = (),
) -> NDArray[np.str_]:
    """Verdict on the logit of completeness of each row, as `verdict_of` with evidence.

    Parameters
    ----------
    sources : Sources
    W : (n, m) array
        Registration columns of the rows.
    alpha : slice
        Their place among the parameters.
    free : (p,) array of bool
    least, enough : float
    barred : collection of str

    Returns
    -------
    (n,) array of str
    """
    contrasts = np.zeros((W.shape[0], free.size))
    contrasts[:, alpha] = W
    worth = _worth(sources, contrasts[:, free])
    names = list(sources.parts)
    allowed, with_priors = _evidence_among(names, barred)
    information = {name: shapley_value(name, names, worth) for name in names}
    positive = {name: np.maximum(value, 0.0) for name, value in information.items()}
    positive[FORM] = np.maximum(information[FORM] + worth[()], 0.0)
    whole = sum(positive.values())
    total = worth[tuple(names)]

    def holds(among: Sequence[str]) -> Any:
        return sum((positive[name] for name in among), np.zeros(total.size)) >= HALF * whole

    external = worth[tuple(allowed)]
    verdict = np.full(W.shape[0], "functional form only", dtype="<U20")
    verdict[holds(with_priors) & (worth[tuple(with_priors)] >= QUARTER * total)] = "prior-driven"
    verdict[(holds(allowed) | (external >= enough)) & (external >= QUARTER * total)] = "data-identified"
    verdict[total < least] = "bounds only"
    return verdict


def shapley_value(name: str, players: Sequence[str], worth: Mapping[tuple[str, ...], Any]) -> Any:
    """Shapley value of one player.

    Parameters
    ----------
    name : str
    players : sequence of str
    worth : mapping of tuple of str to float or array
        Of each subset of the players, written in the order of ``players``.

    Returns
    -------
    float or array
        Mean gain over all orders in which the players can join.
    """
    others = [player for player in players if player != name]
    value: Any = 0.0
    for size in range(len(others) + 1):
        weight = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(players))
        for subset in combinations(others, size):
            joined = tuple(player for player in players if player in (*subset, name))
            value += weight * (worth[joined] - worth[subset])
    return value


def _evidence_among(names: Sequence[str], barred: Collection[str]) -> tuple[list[str], list[str]]:
    """Sources that are evidence from data, and these with priors."""
    allowed = [name for name in names if name in EXTERNAL and name not in barred]
    return allowed, [name for name in names if name in allowed or name == PRIOR]


def _worth(sources: Sources, contrasts: Matrix) -> dict[tuple[str, ...], Vector]:
    """Information on each contrast, (r, f), with every set of sources, (r,)."""
    names = list(sources.parts)
    return {
        subset: _information_rows(floored_inverse(sources.together(subset)), contrasts)
        for size in range(len(names) + 1)
        for subset in combinations(names, size)
    }


def _information_rows(covariance: Matrix, contrasts: Matrix) -> Vector:
    """1 / c' V c of each row c; 0 for a row of zeros."""
    variance = np.sum((contrasts @ covariance) * contrasts, axis=1)
    known = contrasts.any(axis=1)
    return np.asarray(np.where(known, 1.0 / np.where(known, variance, 1.0), 0.0), dtype=np.float64)

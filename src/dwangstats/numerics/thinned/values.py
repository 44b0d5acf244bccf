"""What a kernel takes and gives: probabilities of being seen, values at nodes, and weighted derivatives."""

from dataclasses import dataclass

import numpy as np

from dwangstats._types import Matrix, Vector


@dataclass(frozen=True, slots=True)
class Seen:
    """Being seen, by cells and places (C, K).

    Attributes
    ----------
    log, probability : Matrix
        Both, because either may be the one that a float can still tell from its limit.
    """

    log: Matrix
    probability: Matrix


@dataclass(frozen=True, slots=True)
class Values:
    """The u-dependent part of the log density of each group at nodes u (G, K, J).

    Attributes
    ----------
    value : Matrix
        (G, K, J) the part itself.
    slope, dispersion : Matrix or None
        (G, K, J) its derivative in u, and that of all of the log density in the dispersion, as far as they are known
        before the weights of the nodes.
    """

    value: Matrix
    slope: Matrix | None
    dispersion: Matrix | None

    def weighted_slope(self, weight: Matrix) -> Matrix:
        """The slope times weights (G, K, J)."""
        if self.slope is None:
            raise ValueError("the slope is not known before the weights")
        return np.asarray(weight * self.slope, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Scores:
    """Derivatives of the log density, weighted over the nodes.

    Attributes
    ----------
    eta : Vector
        (n,) in each row's log rate, summed over all nodes.
    seen : Matrix
        (C, K) in each cell's log probability of being seen, summed over the inner nodes.
    slope : Matrix
        (G, K, J) in u, times the weight of the node.
    dispersion : float
        In the dispersion, summed over everything; 0 for poisson.
    """

    eta: Vector
    seen: Matrix
    slope: Matrix
    dispersion: float

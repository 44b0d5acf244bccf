"""Likelihood and gradient of one model, asked for again and again at neighbouring parameters."""

import numpy as np

from dwangstats._types import Vector
from dwangstats.errors import FitError
from dwangstats.numerics.mixed.blocks import Effects, Factor, zeros
from dwangstats.numerics.mixed.model import Evaluation, Model, evaluate


class WarmObjective:
    """Begins each search for the modes at the last ones, with the last factor, and counts.

    Parameters
    ----------
    model : Model

    Attributes
    ----------
    model : Model
        May be replaced by another with the same structure.
    effects : Effects
        The last modes.
    evaluations : int
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.effects: Effects = zeros(model.structure)
        self.evaluations = 0
        self._factor: Factor | None = None
        self._last: tuple[Model, Vector, Evaluation] | None = None
        # Where the conditional density has several modes, a search that begins at the origin each time keeps to one.
        self._warm = True

    def restart(self, *, warm: bool) -> None:
        """Forget the modes, and for cold searches go on forgetting them."""
        self.effects, self._factor, self._warm = zeros(self.model.structure), None, warm
        self._last = None

    def full(self, vector: Vector) -> Evaluation:
        """Value, gradient and modes at a vector (p,)."""
        if self._last is not None and self._last[0] is self.model and np.array_equal(self._last[1], vector):
            return self._last[2]
        start, factor = (self.effects, self._factor) if self._warm else (None, None)
        found = evaluate(self.model, vector, start, factor)
        self.evaluations += 1
        if np.isfinite(found.value):
            self.effects, self._factor = found.modes.effects, found.modes.factor
        self._last = self.model, vector.copy(), found
        return found

    def __call__(self, vector: Vector) -> tuple[float, Vector]:
        """Value and gradient; minus infinity where the modes cannot be found."""
        try:
            found = self.full(vector)
        except FitError:
            return -np.inf, np.zeros_like(vector)
        return found.value, found.gradient

"""Registered rates of cells from a rate model: at the estimates, and in draws of everything that was estimated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Codes, Matrix
from dwangstats.change.cells import Cells
from dwangstats.change.effects import draw_effects
from dwangstats.change.moved import Place, Places, places_of
from dwangstats.change.parts import CellValues
from dwangstats.design.design import Design
from dwangstats.errors import DomainError
from dwangstats.models.mixed import MixedResult
from dwangstats.models.ratios import log_ratio_contrast
from dwangstats.models.results import RateResult

Effects = tuple[NDArray[np.float64], ...]


@dataclass(frozen=True, slots=True, eq=False)
class RateCells:
    """Rates of the cells of a rate model; draw 0 is the estimate itself.

    Attributes
    ----------
    places : Places
    design : Design
    beta : (1 + D, k) array
    effects : tuple of (1 + D, G, q) arrays
        Per random term.
    """

    places: Places
    design: Design
    beta: Matrix
    effects: Effects

    @property
    def draws(self) -> int:
        """Number of draws, the estimate included."""
        return int(self.beta.shape[0])

    def values(self, inside: slice) -> CellValues:
        """Rates in some of the draws; completeness is 1."""
        matched = [[log_rates(self, place, inside) for place in row] for row in self.places.matched]
        log_rate = np.array(matched)
        leaving, entering = (np.exp(log_rates(self, p, inside)) for p in (self.places.leaving, self.places.entering))
        return CellValues(log_rate, np.ones((2, *log_rate.shape[-2:])), leaving, entering)


def rate_cells(
    result: RateResult | MixedResult,
    cells: Cells,
    variable: str,
    columns: tuple[str, ...],
    rng: np.random.Generator,
    draws: int,
    **compared: Any,
) -> RateCells:
    """Draw the coefficients, and the random effects that go with them.

    Coefficients are normal around their estimates with the covariance of the result; after `RateResult.robust` they are
    multivariate t with the degrees of freedom of the rate ratio that is compared.

    Parameters
    ----------
    result : RateResult or MixedResult
    cells : Cells
    variable : str
    columns : tuple of str
        Columns that move with time.
    rng : Generator
    draws : int
        D.
    **compared
        before, after.

    Raises
    ------
    DomainError
        For a model with extra zeros, or a robust covariance in which one cluster alone determines a coefficient.
    """
    design = result.design
    _refuse(result)
    noise = rng.standard_normal((draws, len(design.names))) @ _root(result.cov_params().to_numpy()).T
    df = _degrees_of_freedom(result, variable, compared)
    if np.isfinite(df):
        noise /= np.sqrt(rng.chisquare(df, (draws, 1)) / df)
    estimate = result.params.to_numpy()
    beta = np.concatenate([estimate[None], estimate + noise])
    effects: Effects = ()
    if isinstance(result, MixedResult) and design.random:
        drawn = draw_effects(result, beta[1:], rng)
        effects = tuple(np.concatenate([m[None], d]) for m, d in zip(result.fit.modes, drawn, strict=True))
    return RateCells(places_of(design, cells, columns), design, beta, effects)


def log_rates(source: RateCells, place: Place, inside: slice) -> Matrix:
    """Log of the rate per unit of exposure at a place, (draws inside, m)."""
    found = source.beta[inside] @ place.X.T + place.offset
    if place.rows.empty or not source.effects:
        return np.asarray(found, dtype=np.float64)
    for effects, codes, Z in zip(source.effects, *located(source.design, place), strict=True):
        for column in range(Z.shape[1]):
            found += effects[inside][:, codes, column] * Z[:, column]
    return np.asarray(found, dtype=np.float64)


def located(design: Design, place: Place) -> tuple[Sequence[Codes], Sequence[Matrix]]:
    """Group and effect design of every row of a place, per random term."""
    codes = []
    for term in design.random:
        found = term.locate(place.rows)
        term.refuse_unseen(place.rows, found)
        codes.append(found)
    return codes, design.random_matrices(place.rows)


def _refuse(result: RateResult | MixedResult) -> None:
    if result.design.zero is not None:
        raise DomainError(
            "A model with extra zeros (zero=...) has two parts that move with time, and its change is not divided. Fit "
            "the rate without zero=; the negative binomial families allow for many zeros."
        )
    lone = result.covariance.lone
    if lone is not None and lone.any():
        raise DomainError(
            f"{int(lone.sum())} of {lone.size} coefficients are determined by one cluster alone, so the robust "
            "covariance says nothing about them. Divide the change with the model's own covariance, or with random "
            "effects in place of one coefficient per provider."
        )


def _degrees_of_freedom(result: RateResult | MixedResult, variable: str, compared: dict[str, Any]) -> float:
    if variable not in result.design.variables or result.covariance.codes is None:
        return float("inf")
    _, contrast = log_ratio_contrast(result, variable, **compared)
    return result.contrast_df(contrast)


def _root(covariance: Matrix) -> Matrix:
    """R with R R' the covariance, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)), dtype=np.float64)

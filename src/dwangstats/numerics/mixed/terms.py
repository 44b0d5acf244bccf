"""What a row contributes: its log density and the derivatives that a marginal likelihood needs."""

from dataclasses import dataclass

from dwangstats._types import Vector


@dataclass(frozen=True, slots=True)
class Nuisance:
    """Derivatives with respect to a row's further parameter (the dispersion, or the logit of an extra zero).

    Attributes
    ----------
    value, slope, curvature : Vector
        (m,) derivative of the log density, of its first and of its second derivative in eta.
    """

    value: Vector
    slope: Vector
    curvature: Vector


@dataclass(frozen=True, slots=True)
class RowTerms:
    """Log density of each row and its derivatives in eta.

    Attributes
    ----------
    loglik, slope, weight, third : Vector
        (m,) log f, d log f, minus d2 log f, d3 log f.
    dispersion, zero : Nuisance or None
        Derivatives in the dispersion and in the logit of an extra zero, where the model has them.
    """

    loglik: Vector
    slope: Vector
    weight: Vector
    third: Vector
    dispersion: Nuisance | None = None
    zero: Nuisance | None = None

    def moved(self, change: Vector) -> "RowTerms":
        """The same after a small change (m,) of the log means, by the next terms of the Taylor series."""
        half = 0.5 * change
        curve = self.weight - half * self.third
        dispersion, zero = (
            None
            if nuisance is None
            else Nuisance(
                nuisance.value + change * (nuisance.slope + half * nuisance.curvature),
                nuisance.slope + change * nuisance.curvature,
                nuisance.curvature,
            )
            for nuisance in (self.dispersion, self.zero)
        )
        return RowTerms(
            self.loglik + change * (self.slope - half * self.weight),
            self.slope - change * curve,
            self.weight - change * self.third,
            self.third,
            dispersion,
            zero,
        )


@dataclass(frozen=True, slots=True)
class RowValues:
    """Log density of each row with first derivatives only, (m,) each.

    Attributes
    ----------
    loglik, slope : Vector
        log f and its derivative in eta.
    dispersion, zero : Vector or None
        Derivatives in the dispersion and in the logit of an extra zero, where the model has them.
    """

    loglik: Vector
    slope: Vector
    dispersion: Vector | None
    zero: Vector | None

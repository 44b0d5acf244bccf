"""What every fitted rate model has: its data, coefficients with their covariance, intervals and tests."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from dwangstats._types import Codes, CovarianceKind, FamilyName, Matrix, Vector
from dwangstats.design.design import Design
from dwangstats.errors import DomainError, FitError
from dwangstats.models.certificate import Certificate
from dwangstats.numerics.covariance import lone_shares
from dwangstats.numerics.glm import CountFit
from dwangstats.numerics.mixed.fit import MixedFit

IntervalMethod = Literal["wald", "profile", "bootstrap"]

MAX_LONE_SHARE = 0.05
"""Share of a variance that single clusters may determine alone; more makes a robust interval too narrow."""

VARIANCES: Mapping[FamilyName, str] = {"poisson": "mu", "nb2": "mu + alpha mu^2", "nb1": "mu (1 + alpha)"}


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """Covariance of the coefficients and where it comes from.

    Attributes
    ----------
    kind : {"model", "CR1", "CR2"}
        From the information of the model, or cluster-robust.
    matrix : (k, k) array
    cluster : str
        What the clusters are; empty for "model".
    codes : (n,) array or None
        Cluster number of each row.
    clusters : int
        Number of clusters; 0 for "model".
    df : (k,) array or None
        Degrees of freedom of each coefficient; None where they are infinite.
    lone : (k,) array of bool or None
        Coefficients of which more than `MAX_LONE_SHARE` of the variance rests on clusters that determine it alone, such
        as the level of a provider with its own dummy. Their standard error is far too small, so they get no interval
        and no p-value.
    """

    kind: CovarianceKind
    matrix: Matrix
    cluster: str = ""
    codes: Codes | None = None
    clusters: int = 0
    df: Vector | None = None
    lone: NDArray[np.bool_] | None = None


def lone_columns(X: Matrix, weight: Vector, codes: Codes) -> NDArray[np.bool_]:
    """Which columns of a design (n, k) are determined by single clusters; see `Covariance.lone`.

    Parameters
    ----------
    X : (n, k) array
    weight : (n,) array
        Working weight of each row.
    codes : (n,) array
        Cluster of each row.
    """
    shares, _ = lone_shares(np.eye(X.shape[1]), X, weight, codes)
    return np.asarray(shares > MAX_LONE_SHARE)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FittedRates(ABC):
    """What `RateResult` and `MixedResult` have in common; names follow statsmodels.

    Everything that is a number of the fit raises `FitError` while the certificate has failed, unless the model was
    fitted with ``fit(force=True)``.
    """

    family: FamilyName
    design: Design
    fit: CountFit | MixedFit
    certificate: Certificate
    covariance: Covariance
    force: bool = field(default=False, kw_only=True)

    @property
    def formula(self) -> str:
        """The formula as written."""
        return self.design.formula.text

    @property
    def fingerprint(self) -> str:
        """sha256 of the data."""
        return self.design.fingerprint

    @property
    def nobs(self) -> int:
        """Number of rows."""
        return int(self.design.y.size)

    @property
    def cov_type(self) -> CovarianceKind:
        """Kind of the covariance: "model", "CR1" or, without random terms, "CR2"."""
        return self.covariance.kind

    @property
    def params(self) -> pd.Series:
        """Coefficients on the log scale, by formulaic's names."""
        self._require_convergence()
        return self._series(self.fit.beta, "estimate")

    @property
    def bse(self) -> pd.Series:
        """Standard errors of the coefficients."""
        return self._series(np.sqrt(np.diag(self._covariance_matrix())), "standard_error")

    @property
    def degrees_of_freedom(self) -> pd.Series:
        """Degrees of freedom of each coefficient: infinite, G - 1 (CR1) or Satterthwaite's (CR2)."""
        df = self.covariance.df
        return self._series(np.full(len(self.design.names), np.inf) if df is None else df, "degrees_of_freedom")

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p-values that a coefficient is 0, by the t (or normal) distribution's right tail.

        NaN where one cluster alone determines the coefficient, see `Covariance`.
        """
        t = np.abs(self.params.to_numpy()) / self._spread()
        return self._series(2.0 * student.sf(t, self.degrees_of_freedom.to_numpy()), "p")

    @property
    def llf(self) -> float:
        """Log likelihood, with all constants; the marginal one where there are random effects."""
        self._require_convergence()
        return self.fit.loglik

    @property
    def aic(self) -> float:
        """-2 log likelihood + 2 parameters; standard deviations, correlations and dispersion count, also at 0."""
        return -2.0 * self.llf + 2.0 * self._size

    @property
    def bic(self) -> float:
        """-2 log likelihood + log(rows) parameters."""
        return float(-2.0 * self.llf + np.log(self.nobs) * self._size)

    @property
    def dispersion(self) -> float:
        """Alpha: variance mu + alpha mu^2 (nb2) or mu (1 + alpha) (nb1), given any random effects; 0 for poisson."""
        self._require_convergence()
        return self.fit.alpha

    def conf_int(
        self,
        level: float = 0.95,
        method: IntervalMethod = "wald",
        *,
        draws: int = 999,
        rng: np.random.Generator | int | None = None,
        workers: int = 1,
    ) -> pd.DataFrame:
        """Intervals of the coefficients, columns ``lower`` and ``upper``.

        Parameters
        ----------
        level : float
        method : {"wald", "profile", "bootstrap"}
            By standard errors, with the t (or normal) of the p-values; by profile likelihood; or by parametric
            bootstrap. The last two trust the model and are refused after ``robust``.
        draws, rng, workers
            For the bootstrap; ``rng`` must be given then.

        Returns
        -------
        DataFrame
            With "wald" NaN where one cluster alone determines the coefficient, see `Covariance`.

        Raises
        ------
        DomainError
            If ``level`` is not between 0 and 1, for another method, or for one that knows nothing of clusters.
        """
        check_level(level)
        self._require_convergence()
        names = list(self.design.names)
        if method == "wald":
            arm = student.isf((1.0 - level) / 2.0, self.degrees_of_freedom.to_numpy()) * self._spread()
            estimate = self.params.to_numpy()
            return pd.DataFrame({"lower": estimate - arm, "upper": estimate + arm}, index=names)
        if method == "profile":
            from dwangstats.models.profile import profile_interval

            ends = [profile_interval(self, name, level) for name in names]
            return pd.DataFrame([tuple(pair) for pair in ends], index=names, columns=["lower", "upper"])
        if method != "bootstrap":
            raise DomainError(f"method must be 'wald', 'profile' or 'bootstrap', got {method!s}")
        from dwangstats.models.bootstrap import bootstrap

        if rng is None:
            raise DomainError("a bootstrap draws at random: give rng=, a number or a numpy Generator")
        if self.cov_type != "model":
            raise DomainError(
                f"A parametric bootstrap trusts the model and knows nothing of clusters, and this result has a "
                f"{self.cov_type} covariance. Draw from the result before robust(), or use method='wald' of this one."
            )
        return bootstrap(self, draws=draws, rng=rng, workers=workers).interval(level).loc[names]

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """One row per coefficient: estimate, se, df, p, lower, upper, and ratio = exp(estimate)."""
        columns = {"estimate": self.params, "se": self.bse, "df": self.degrees_of_freedom, "p": self.pvalues}
        return pd.DataFrame({**columns, **self.conf_int(level), "ratio": np.exp(self.params)})

    @abstractmethod
    def summary(self) -> str:
        """The fit as text."""

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        state = "converged" if self.certificate.converged else "FAILED"
        kind = type(self).__name__
        return f"<{kind} {self.family} '{self.formula}', {self.nobs} rows, {self.cov_type} covariance, {state}>"

    @property
    def _size(self) -> int:
        """Number of parameters."""
        return len(self.design.names) + (self.family != "poisson")

    @property
    def _advice(self) -> str:
        """What to do where the certificate failed."""
        return "Simplify the formula or look at the data"

    def _require_convergence(self) -> None:
        if not (self.certificate.converged or self.force):
            raise FitError(
                f"The fit of {self.formula} is not certified, so its numbers are withheld ({self.certificate}). "
                f"{self._advice}; fit(force=True) shows the numbers all the same."
            )

    def _covariance_matrix(self) -> Matrix:
        self._require_convergence()
        return self.covariance.matrix

    def _series(self, values: Vector, name: str) -> pd.Series:
        return pd.Series(values, index=list(self.design.names), name=name)

    def _spread(self) -> Vector:
        """Standard errors that may carry an interval; NaN for the others."""
        lone = self.covariance.lone
        return self.bse.to_numpy() if lone is None else np.where(lone, np.nan, self.bse.to_numpy())


def check_level(level: float) -> None:
    """DomainError for a confidence level that is not between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise DomainError(f"level must lie between 0 and 1, got {level:g}")

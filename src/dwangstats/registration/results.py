"""The result of a registration model: what is known about rates and completeness, and what that rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DomainError, FitError, IdentificationError
from dwangstats.models.certificate import Certificate
from dwangstats.models.mixed import MixedResult
from dwangstats.models.rate import RateModel
from dwangstats.models.results import RateResult
from dwangstats.numerics.thinned.fit import ThinnedFit
from dwangstats.numerics.thinned.posterior import posterior
from dwangstats.numerics.thinned.problem import ThinnedProblem
from dwangstats.registration.context import EvidenceCheck, FittedParts
from dwangstats.registration.identification import Identification, identify, not_fitted
from dwangstats.registration.summary import registration_summary_text

if TYPE_CHECKING:
    from dwangstats.registration.model import RegistrationModel


@dataclass(frozen=True, eq=False, repr=False)
class RegistrationResult:
    """A fitted registration model.

    Everything that depends on completeness raises `IdentificationError` unless the ledger passes for it, or the model
    was fitted with ``allow_unidentified=True``; and `FitError` while the certificate has failed, unless it was fitted
    with ``force=True``. The registered rates (`registered`) need neither.

    Attributes
    ----------
    model : RegistrationModel
    parts : FittedParts or None
        Designs, arrays and fit; None where no evidence was given and nothing was fitted.
    certificate : Certificate or None
        Whether the fit converged, and how that was checked; None without a fit.
    evidence_checks : tuple of EvidenceCheck
        Looks at whether the evidence can be right.
    allow_unidentified, force : bool
        As given to ``fit``.
    """

    model: "RegistrationModel"
    parts: FittedParts | None
    certificate: Certificate | None
    evidence_checks: tuple[EvidenceCheck, ...] = ()
    allow_unidentified: bool = False
    force: bool = False

    @cached_property
    def identification(self) -> Identification:
        """Where what is known about completeness comes from, with its verdicts."""
        return not_fitted(self.model.panel) if self.parts is None else identify(self.parts)

    @cached_property
    def registered(self) -> RateResult | MixedResult:
        """The rate formula fitted to the registered counts: registered rates, without any completeness."""
        return RateModel(self.model.rate, self.model.panel, family=self.model.family).fit(force=self.force)

    @property
    def panel(self) -> Panel:
        """The panel, with the columns that evidence added."""
        return self.model.assembled.context.panel

    @property
    def family(self) -> FamilyName:
        """Family of the events."""
        return self.model.family

    @property
    def fingerprint(self) -> str:
        """sha256 of the panel and of all evidence."""
        return self.model.fingerprint

    @property
    def nobs(self) -> int:
        """Number of delivered rows."""
        return int(self.model.assembled.problem.counts.y.size)

    @property
    def problem(self) -> ThinnedProblem:
        """The model as arrays."""
        return self._fitted.problem

    @property
    def fit(self) -> ThinnedFit:
        """The fit as arrays."""
        return self._fitted.fit

    @property
    def converged(self) -> bool:
        """Whether there is a fit and its certificate passed."""
        return self.certificate is not None and self.certificate.converged

    def require(self, target: str = "level", what: str = "estimate of completeness") -> None:
        """Refuse what depends on completeness unless it is known.

        Parameters
        ----------
        target : {"level", "change"}
        what : str
            The number that was asked for, for the message.

        Raises
        ------
        IdentificationError
            If the ledger does not pass for the target, unless ``allow_unidentified=True``.
        FitError
            If the certificate failed, unless ``force=True``.
        """
        if not self.allow_unidentified or self.parts is None:
            self.identification.require(target, what)
        if not (self.converged or self.force):
            raise FitError(
                f"The fit is not certified, so its numbers are withheld ({self.certificate}). Simplify the formulas or "
                "look at the data; fit(force=True) shows the numbers all the same."
            )

    @property
    def params(self) -> pd.Series:
        """Coefficients: "rate:..." on the log of the rate of events, "registration:..." on the logit of completeness.

        With evidence also "other register:..." (logit) and "control trend:..." (log).
        """
        self.require("level", "coefficients")
        return self._series(self.fit.vector[: self._coefficients], "estimate")

    @property
    def bse(self) -> pd.Series:
        """Standard errors of the coefficients; NaN for one that is held at its boundary (completeness 1)."""
        variance = np.diag(self.cov_params().to_numpy())
        free = np.asarray(self.fit.free[: self._coefficients], dtype=bool)
        return self._series(np.where(free, np.sqrt(variance), np.nan), "standard_error")

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided normal p-values that a coefficient is 0; NaN for one that is held at its boundary."""
        return self._series(2.0 * norm.sf(np.abs(self.params.to_numpy() / self.bse.to_numpy())), "p")

    def cov_params(self) -> pd.DataFrame:
        """Covariance of the coefficients, from the observed information over all parameters; 0 for held ones."""
        self.require("level", "covariance")
        k, names = self._coefficients, self._names
        return pd.DataFrame(self.covariance[:k, :k], index=names, columns=names)

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Normal intervals of the coefficients, columns ``lower`` and ``upper``; NaN for held ones.

        For what is asked of them (`rate_ratio`, `completeness`) take those functions: they go by the likelihood itself.

        Raises
        ------
        DomainError
            If ``level`` is not between 0 and 1.
        """
        if not 0.0 < level < 1.0:
            raise DomainError(f"level must lie between 0 and 1, got {level:g}")
        arm = float(norm.isf((1.0 - level) / 2.0)) * self.bse.to_numpy()
        estimate = self.params.to_numpy()
        return pd.DataFrame({"lower": estimate - arm, "upper": estimate + arm}, index=self._names)

    @cached_property
    def covariance(self) -> Matrix:
        """Covariance of the whole vector, (p, p), 0 for parameters at their boundary; see `parameter_names`."""
        free = np.flatnonzero(self.fit.free)
        matrix = np.zeros((self.fit.vector.size, self.fit.vector.size))
        matrix[np.ix_(free, free)] = _inverse(self.fit.information)
        return matrix

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """(p,) names of the whole vector: the coefficients, then standard deviations, correlation and dispersion."""
        return self._fitted.names

    @property
    def llf(self) -> float:
        """Log likelihood of counts and evidence, with all constants and the log density of the priors."""
        self._require_fit()
        return float(self.fit.loglik)

    @property
    def aic(self) -> float:
        """-2 log likelihood + 2 parameters; standard deviations, correlation and dispersion count, also at 0."""
        return -2.0 * self.llf + 2.0 * float(self.fit.vector.size)

    @property
    def bic(self) -> float:
        """-2 log likelihood + log(rows) parameters."""
        return float(-2.0 * self.llf + np.log(self.nobs) * self.fit.vector.size)

    @property
    def dispersion(self) -> float:
        """Alpha of the events: variance mu + alpha mu^2 (nb2) or mu (1 + alpha) (nb1); 0 for poisson."""
        self._require_fit()
        return self._one("dispersion", 0.0)

    @property
    def random_sd(self) -> Mapping[str, float]:
        """Standard deviations of the provider effects, "rate" and "registration"; 0 where there is no such effect."""
        self.require("level", "standard deviations of provider effects")
        return {"rate": self._one("sd rate", 0.0), "registration": self._one("sd registration", 0.0)}

    @property
    def rho(self) -> float:
        """Correlation of the provider effects: as fixed, or as estimated."""
        if self.problem.rho is not None:
            return self.problem.rho
        self.require("level", "correlation of provider effects")
        return float(np.tanh(self._one("atanh rho", 0.0)))

    @property
    def random_effects(self) -> pd.DataFrame:
        """Provider effects given counts and evidence, the parameters held at their estimates.

        Returns
        -------
        DataFrame
            By provider: rate_estimate, rate_sd (log), registration_estimate, registration_sd (logit).
        """
        self.require("level", "provider effects")
        found = posterior(self.problem, self.fit.vector, nodes=self.fit.nodes)
        rate, rate_sd = _moments(found.u, found.weight)
        registration, registration_sd = _moments(found.v[:, :, None], found.weight)
        columns = {
            "rate_estimate": rate,
            "rate_sd": rate_sd,
            "registration_estimate": registration,
            "registration_sd": registration_sd,
        }
        return pd.DataFrame(columns, index=pd.Index(self._fitted.providers, name="provider"))

    def linear(self, vector: Vector | None = None) -> tuple[Vector, Vector]:
        """Linear predictors of the delivered rows at provider effects of 0.

        Parameters
        ----------
        vector : (p,) array, optional
            Parameters; the fitted ones by default.

        Returns
        -------
        eta : (n,) array
            Log of the expected number of events: X b + log exposure + offsets.
        zeta : (n,) array
            Logit of completeness: W a.
        """
        theta = self.fit.vector if vector is None else vector
        counts, layout = self.problem.counts, self.problem.layout
        return counts.X @ theta[layout.beta] + counts.offset, counts.W @ theta[layout.alpha]

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """One row per coefficient: estimate, se, p, lower, upper."""
        columns = {"estimate": self.params, "se": self.bse, "p": self.pvalues}
        return pd.DataFrame({**columns, **self.conf_int(level)})

    def summary(self) -> str:
        """The fit as text: model, evidence, identification, failed checks, coefficients, certificate; no clock."""
        return registration_summary_text(self)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        given = ", ".join(one.name for one in self.model.evidence) or "none"
        state = "not fitted" if self.parts is None else "converged" if self.converged else "FAILED"
        verdict = self.identification.verdict
        return f"<RegistrationResult {self.family}, {self.nobs} rows, evidence: {given}, level {verdict}, {state}>"

    @property
    def _fitted(self) -> FittedParts:
        if self.parts is None:
            raise IdentificationError(
                "No evidence was given, so no registration model was fitted. " + " ".join(self.identification.advice)
            )
        return self.parts

    @property
    def _coefficients(self) -> int:
        return int(self.problem.layout.delta.stop)

    @property
    def _names(self) -> list[str]:
        return list(self._fitted.names[: self._coefficients])

    def _require_fit(self) -> None:
        """The certificate alone: for numbers of the fit that do not depend on completeness being known."""
        if not (self._fitted is None or self.converged or self.force):
            raise FitError(f"The fit is not certified, so its numbers are withheld ({self.certificate}).")

    def _one(self, name: str, absent: float) -> float:
        names = self._fitted.names
        return float(self.fit.vector[names.index(name)]) if name in names else absent

    def _series(self, values: Vector, name: str) -> pd.Series:
        return pd.Series(values, index=self._names, name=name)


def _inverse(information: Matrix) -> Matrix:
    """Inverse of the information; NaN where it is not positive definite."""
    unit = np.sqrt(np.abs(np.diag(information)))
    unit[unit == 0.0] = 1.0
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(unit, unit))
    inverse = np.where(eigenvalues > 1e-14, 1.0 / np.maximum(eigenvalues, 1e-300), np.nan)
    return np.asarray((vectors * inverse) @ vectors.T / np.outer(unit, unit), dtype=np.float64)


def _moments(values: np.ndarray, weight: np.ndarray) -> tuple[Vector, Vector]:
    """Mean and standard deviation over the nodes of each group, (G,) each."""
    mean = np.sum(weight * values, axis=(1, 2))
    square = np.sum(weight * (values - mean[:, None, None]) ** 2, axis=(1, 2))
    return mean, np.sqrt(square)

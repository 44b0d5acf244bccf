"""The result of a rate model: coefficients with their covariance, and the certificate they rest on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from dwangstats._types import Matrix, Vector
from dwangstats.design.design import Design, to_pandas
from dwangstats.errors import DomainError
from dwangstats.models.clusters import cluster_codes
from dwangstats.models.fitted import MAX_LONE_SHARE, VARIANCES, Covariance, FittedRates, lone_columns
from dwangstats.models.summary import summary_text
from dwangstats.numerics.covariance import (
    cluster_covariance,
    sandwich_covariance,
    satterthwaite_df,
    satterthwaite_dfs,
)
from dwangstats.numerics.glm import CountFit, score_rows
from dwangstats.numerics.intervals import count_derivatives, working_weight

__all__ = ["MAX_LONE_SHARE", "VARIANCES", "Covariance", "RateResult", "exposure_text"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RateResult(FittedRates):
    """A fitted rate model; names follow statsmodels.

    Everything that is a number of the fit raises `FitError` while the certificate has failed, unless the model was
    fitted with ``fit(force=True)``.

    Attributes
    ----------
    family : {"poisson", "nb2", "nb1"}
    design : Design
        The rows and columns that were fitted.
    fit : CountFit
        Arrays from the fitter.
    certificate : Certificate
        Whether it converged, and how that was checked.
    covariance : Covariance
    force : bool
        True if the numbers are shown even where the certificate failed.
    """

    fit: CountFit

    @property
    def dispersion_se(self) -> float:
        """Standard error of alpha from the observed information; NaN for poisson and at the boundary alpha = 0."""
        self._require_convergence()
        return float("nan") if self.family == "poisson" or self.fit.boundary else self._alpha_se()

    @property
    def random_sd(self) -> Mapping[str, float]:
        """Standard deviations of random terms: none, this model has only fixed effects; see `MixedResult`."""
        return {}

    @property
    def working_weight(self) -> Vector:
        """mu^2 / variance of each row, (n,); with intervals the observed information of each row on its log mean."""
        return working_weight(self.family, self.fit.eta, self.fit.alpha, self.design.intervals)

    @property
    def fittedvalues(self) -> pd.Series:
        """Mean count of each row, at its own exposure."""
        return self.predict()

    def cov_params(self, kind: Literal["observed", "expected"] | None = None) -> pd.DataFrame:
        """Covariance of the coefficients.

        Parameters
        ----------
        kind : {"observed", "expected"}, optional
            From the observed information (dispersion estimated along) or the expected one (dispersion held fixed).
            Default: the covariance of this result, robust after `robust`, else observed.

        Raises
        ------
        DomainError
            For another kind, and for "expected" where counts are intervals.
        """
        self._require_convergence()
        k = len(self.design.names)
        if kind is None:
            matrix = self.covariance.matrix
        elif kind == "observed":
            matrix = self.fit.covariance[:k, :k]
        elif kind == "expected":
            self._refuse_intervals('The expected information (use kind="observed")')
            matrix = self.fit.expected_covariance
        else:
            raise DomainError(f"kind must be 'observed' or 'expected', got {kind!s}")
        return pd.DataFrame(matrix, index=list(self.design.names), columns=list(self.design.names))

    def contrast_df(self, contrast: Vector) -> float:
        """Degrees of freedom for one linear combination of the coefficients, given as a (k,) array.

        Infinite for the model's covariance; NaN for CR2 where one cluster alone determines the combination.
        """
        codes = self.covariance.codes
        if codes is None:
            return float("inf")
        if self.covariance.kind == "CR1":
            return float(self.covariance.clusters - 1)
        return satterthwaite_df(contrast, self.design.X, self.working_weight, codes)

    def predict(self, new: Any = None, *, exposure: float | None = None) -> pd.Series:
        """Mean count of registered events.

        Parameters
        ----------
        new : any frame, optional
            Rows to predict; the fitted rows by default.
        exposure : float, optional
            One exposure for all rows, > 0: 1000 gives rates per 1,000. Default: the rows' own.

        Returns
        -------
        Series
            By the index of the rows.
        """
        beta = self.params.to_numpy()
        design = self.design
        rows = design.frame if new is None else to_pandas(new)
        X, offset = (design.X, design.offset) if new is None else (design.matrix(rows), design.offset_of(rows))
        if exposure is None:
            log_exposure = design.log_exposure if new is None else design.log_exposure_of(rows)
        elif np.isfinite(exposure) and exposure > 0.0:
            log_exposure = np.full(len(rows), np.log(exposure))
        else:
            raise DomainError(f"exposure must be a positive number, got {exposure:g}")
        return pd.Series(np.exp(X @ beta + offset + log_exposure), index=rows.index, name="mean")

    def robust(self, kind: Literal["CR1", "CR2"], cluster: str | np.ndarray | pd.Series = "provider") -> "RateResult":
        """The same fit with a cluster-robust covariance.

        Rows of one cluster may depend on each other in any way; clusters are independent. "CR1" is the usual
        sandwich times G / (G - 1) * (n - 1) / (n - k), with t on G - 1 degrees of freedom (as Stata and statsmodels);
        "CR2" is bias-reduced linearisation with Satterthwaite degrees of freedom (Bell and McCaffrey 2002, Survey
        Methodology 28, 169-181; Pustejovsky and Tipton 2018, J. Bus. Econ. Stat. 36, 672-683), the one to take with
        few or unequal clusters. The dispersion is held at its estimate.

        With intervals CR1 is that of all parameters, dispersion included: the inverse of their observed information
        about the sums of their scores, times G / (G - 1) * (n - 1) / (n - p). Coefficients and dispersion are not
        orthogonal then, and an exact count among intervals is a selected one, so the expected information is not
        that of its row. No covariance mends a wrong family, which with intervals moves the coefficients themselves.

        Parameters
        ----------
        kind : {"CR1", "CR2"}
        cluster : str or (n,) array
            Column of the data, or a label for each row.

        Returns
        -------
        RateResult

        Raises
        ------
        DataError
            If the column does not exist, a label is missing, or the array has another length.
        DomainError
            For another kind, or with one cluster; for "CR2" where counts are intervals.
        """
        if kind not in ("CR1", "CR2"):
            raise DomainError(f"kind must be 'CR1' or 'CR2', got {kind!s}")
        if kind == "CR2":
            self._refuse_intervals('The bias reduction of CR2 (use kind="CR1")')
        self._require_convergence()
        name, codes, clusters = cluster_codes(self.design.frame, cluster)
        k = len(self.design.names)
        if self.design.intervals is None:
            matrix = cluster_covariance(kind, self.design.X, self.working_weight, self._residual(), codes)
        else:
            matrix = sandwich_covariance(self.fit.covariance, self._scores(), codes)[:k, :k]
        df = np.full(k, clusters - 1.0)
        if kind == "CR2":
            df = satterthwaite_dfs(np.eye(k), self.design.X, self.working_weight, codes)
        lone = lone_columns(self.design.X, self.working_weight, codes)
        return replace(self, covariance=Covariance(kind, matrix, name, codes, clusters, df, lone))

    def summary(self) -> str:
        """The fit as text: facts, coefficients, certificate, version and fingerprint."""
        withheld = not (self.certificate.converged or self.force)
        return summary_text(
            title=f"Rate model: {self.design.response} per {self.design.one_unit}",
            facts=self._facts(),
            table=None if withheld else self.table(),
            certificate=self.certificate,
            fingerprint=self.fingerprint,
        )

    def _residual(self) -> Vector:
        """Derivative of each row's log density to its log mean, (n,)."""
        return count_derivatives(self.family, self.design.y, self.fit.eta, self.fit.alpha, order=1).d_eta

    def _scores(self) -> Matrix:
        """Score of each row of the parameters that are inside their range, (n, p)."""
        design, fit = self.design, self.fit
        inside = fit.information.shape[0] > fit.beta.size
        known = design.intervals
        return score_rows(design.X, design.y, fit.eta, self.family, fit.alpha, with_alpha=inside, intervals=known)

    def _refuse_intervals(self, what: str) -> None:
        known = self.design.intervals
        if known is not None:
            raise DomainError(
                f"{what} needs what each row tells on average, and for the {int(known.wide.sum())} of {self.nobs} "
                "counts known to an interval only that depends on how all other counts would have been shown."
            )

    def _alpha_se(self) -> float:
        return float(np.sqrt(self.fit.covariance[-1, -1]))

    def _facts(self) -> list[tuple[str, str]]:
        fit, design = self.fit, self.design
        facts = [
            ("family", f"{self.family}, variance {VARIANCES[self.family]}"),
            ("formula", self.formula),
            ("rows", f"{self.nobs}{self._intervals_text()}"),
            ("exposure", exposure_text(design)),
            ("log likelihood", f"{fit.loglik:.4f}"),
            ("AIC", f"{-2.0 * fit.loglik + 2.0 * self._size:.4f}"),
        ]
        if self.family != "poisson":
            note = "at the boundary: equal to poisson" if fit.boundary else f"se {self._alpha_se():.3g}"
            facts.append(("dispersion alpha", f"{fit.alpha:.5g} ({note})"))
        return [*facts, ("covariance", self._covariance_text())]

    def _intervals_text(self) -> str:
        known = self.design.intervals
        return "" if known is None else f", {int(known.wide.sum())} of them with a count known to an interval only"

    def _covariance_text(self) -> str:
        if self.covariance.kind == "model":
            return "model (observed information), normal"
        reference = "t with G - 1 degrees of freedom" if self.cov_type == "CR1" else "t with Satterthwaite's df"
        return f"{self.cov_type}, {self.covariance.clusters} clusters by {self.covariance.cluster}, {reference}"


def exposure_text(design: Design) -> str:
    """Which column is the exposure, and its unit."""
    if design.exposure is None:
        return "none, each row counts as 1"
    return design.exposure if design.unit == design.exposure else f"{design.exposure} (in {design.unit})"

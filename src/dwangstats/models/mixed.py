"""The result of a rate model with random effects or extra zeros."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from dwangstats._types import Matrix, Vector
from dwangstats.design.design import Design
from dwangstats.errors import DataError, DomainError
from dwangstats.models.clusters import cluster_codes
from dwangstats.models.fitted import Covariance, FittedRates, check_level, lone_columns
from dwangstats.models.mixed_covariance import group_sandwich, information_inverse
from dwangstats.models.mixed_summary import mixed_summary_text
from dwangstats.models.parameters import mixed_problem, natural_names, parameter_names, reported, terms_of
from dwangstats.models.prediction import RandomPart, extra_zeros, mean_counts, random_offset
from dwangstats.models.random import effects_frame, random_correlations, random_sds, variance_table
from dwangstats.numerics.families import expected_weight
from dwangstats.numerics.mixed.fit import MixedFit
from dwangstats.numerics.mixed.structure import Term
from dwangstats.numerics.resample import Refit, Refitter, draw_counts, simulate_counts

FAR = 10.0
"""Standard deviations from 0 at which a column makes a slope and its intercept indistinguishable."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MixedResult(FittedRates):
    """A fitted rate model with random effects, extra zeros or both; every name of `RateResult` means the same here.

    Everything that is a number of the fit raises `FitError` while the certificate has failed, unless the model was
    fitted with ``fit(force=True)``.

    Attributes
    ----------
    family : {"poisson", "nb2", "nb1"}
    design : Design
        The rows and columns that were fitted, with the random terms and the part for extra zeros.
    fit : MixedFit
        Arrays from the fitter.
    certificate : Certificate
        Whether it converged, and how that was checked.
    covariance : Covariance
        Of the coefficients.
    parameter_covariance : (p, p) array
        Of all parameters on the scale of `natural_names`; zero for those at their boundary.
    force : bool
        True if the numbers are shown even where the certificate failed.
    """

    fit: MixedFit
    parameter_covariance: Matrix

    @property
    def nodes(self) -> int:
        """Quadrature nodes; 1 is Laplace."""
        return self.fit.nodes

    @property
    def terms(self) -> tuple[Term, ...]:
        """Random terms as arrays for the fitter."""
        return terms_of(self.design)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of all parameters, in the order of the fitter's vector."""
        return parameter_names(self.design, self.family)

    @property
    def natural_names(self) -> tuple[str, ...]:
        """Names of all parameters on the scale of `parameter_covariance`: logs of standard deviations and so on."""
        singular = [bool(np.any(np.diag(scale) == 0.0)) for scale in self.fit.scales]
        return natural_names(self.design, self.family, singular)

    @property
    def parameters(self) -> pd.Series:
        """All parameters on the scale on which they are reported, by `parameter_names`."""
        self._require_convergence()
        return reported(self.design, self.family, self.fit.vector)

    @property
    def dispersion_se(self) -> float:
        """Standard error of alpha; NaN for poisson and at the boundary alpha = 0."""
        self._require_convergence()
        place = self.fit.vector.size - self.fit.zero_beta.size - 1
        if self.family == "poisson" or not self.fit.free[place]:
            return float("nan")
        return float(np.sqrt(self.parameter_covariance[place, place]))

    @property
    def zero_params(self) -> pd.DataFrame:
        """Coefficients of the logit of an extra zero, columns estimate and se; no rows without that part.

        After `robust` no standard error where one cluster alone determines the coefficient.
        """
        self._require_convergence()
        names = [] if self.design.zero is None else list(self.design.zero.names)
        first = self.fit.vector.size - len(names)
        se = np.sqrt(np.diag(self.parameter_covariance)[first:])
        codes, zero = self.covariance.codes, self.design.zero
        if codes is not None and zero is not None:
            se = np.where(lone_columns(zero.X, np.ones(self.nobs), codes), np.nan, se)
        return pd.DataFrame({"estimate": self.fit.zero_beta, "se": se}, index=names)

    @property
    def random_sd(self) -> Mapping[str, float]:
        """Standard deviations of the random effects: "provider", or "provider[time]" for a slope."""
        self._require_convergence()
        return random_sds(self.design, self.fit)

    @property
    def random_correlation(self) -> Mapping[str, float]:
        """Correlations "provider[Intercept, time]"; NaN where an effect does not vary."""
        self._require_convergence()
        return random_correlations(self.design, self.fit)

    @property
    def random_effects(self) -> pd.DataFrame:
        """Conditional modes of the random effects.

        Returns
        -------
        DataFrame
            Columns ``estimate``; ``sd``, the conditional standard deviation with the parameters held at their
            estimates; ``sd_total``, which adds the uncertainty of the parameters by the delta method (Booth and
            Hobert 1998, J. Am. Stat. Assoc. 93, 262-272). Indexed by group for one random term with one effect, else
            by (term, effect, group).
        """
        self._require_convergence()
        return effects_frame(self.design, self.family, self.fit)

    @property
    def working_weight(self) -> Vector:
        """mu^2 / variance of each row at the modes of the random effects, (n,)."""
        return expected_weight(self.family, self._conditional_eta(), self.fit.alpha)

    @property
    def fittedvalues(self) -> pd.Series:
        """Mean count of each row at its own exposure and at the modes of its groups' effects."""
        return self.predict()

    def variance_components(
        self, level: float = 0.95, method: Literal["profile", "wald"] = "profile", *, test: bool = True
    ) -> pd.DataFrame:
        """Standard deviations of the random effects with intervals and tests.

        Parameters
        ----------
        level : float
        method : {"profile", "wald"}
            Profile likelihood, or by standard errors on the log of the standard deviation (none at the boundary):
            normal, or t after `robust`.
        test : bool
            False leaves the p-values out with "wald", where they take one more fit each and are refused after `robust`.

        Returns
        -------
        DataFrame
            Columns term, effect, sd, lower, upper, p_boundary: the p-value that the term's variance is 0, from the
            likelihood ratio and half chi-square with 0 and half with 1 degree of freedom (Self and Liang 1987, J. Am.
            Stat. Assoc. 82, 605-610). For an effect that comes with correlations the mixture is of q - 1 and q.

        Raises
        ------
        DomainError
            If ``level`` is not between 0 and 1, for another method, or where the likelihood is asked after `robust`.
        """
        self._require_convergence()
        check_level(level)
        if method not in ("profile", "wald"):
            raise DomainError(f"method must be 'profile' or 'wald', got {method!s}")
        return variance_table(self, level, method, test=test)

    def cov_params(self, kind: Literal["observed"] | None = None) -> pd.DataFrame:
        """Covariance of the coefficients.

        Parameters
        ----------
        kind : {"observed"}, optional
            From the observed information over all parameters. Default: the covariance of this result, robust after
            `robust`. An expected information has no closed form here.
        """
        self._require_convergence()
        k = len(self.design.names)
        if kind is None:
            matrix = self.covariance.matrix
        elif kind == "observed":
            matrix = information_inverse(self.fit)[:k, :k]
        else:
            raise DomainError(f"kind must be 'observed' for a mixed model, got {kind!s}")
        return pd.DataFrame(matrix, index=list(self.design.names), columns=list(self.design.names))

    def mean_covariance(self, kind: Literal["observed"] | None = None) -> Matrix:
        """Covariance of the coefficients and, after them, of those of the extra zeros; ``kind`` as in `cov_params`."""
        self._require_convergence()
        whole = self.parameter_covariance if kind is None else information_inverse(self.fit)
        k, size = self.fit.beta.size, self.fit.vector.size
        at = np.r_[0:k, size - self.fit.zero_beta.size : size]
        return np.asarray(whole[np.ix_(at, at)], dtype=np.float64)

    def cov_parameters(self) -> pd.DataFrame:
        """Covariance of all parameters, on the scale of `natural_names`; zero for those at their boundary."""
        self._require_convergence()
        names = list(self.natural_names)
        return pd.DataFrame(self.parameter_covariance, index=names, columns=names)

    def contrast_df(self, contrast: Vector) -> float:
        """Degrees of freedom of one linear combination of the coefficients, a (k,) array: infinite, or G - 1."""
        return float("inf") if self.covariance.codes is None else float(self.covariance.clusters - 1)

    def predict(
        self, new: Any = None, *, exposure: float | None = None, random: RandomPart = "conditional"
    ) -> pd.Series:
        """Mean count of registered events.

        Parameters
        ----------
        new : any frame, optional
            Rows to predict; the fitted rows by default.
        exposure : float, optional
            One exposure for all rows, > 0: 1000 gives rates per 1,000. Default: the rows' own.
        random : {"conditional", "zero", "integrated"}
            At the modes of the effects of the rows' own groups; at effects of zero, the rate of a middling group; or
            averaged over groups, E exp(z'b) = exp(z' Sigma z / 2).

        Returns
        -------
        Series
            By the index of the rows. With extra zeros the mean includes them.

        Raises
        ------
        DataError
            With "conditional" if a group was not among the fitted rows; it is never set to zero in silence.
        """
        self._require_convergence()
        fit = self.fit
        return mean_counts(
            self.design,
            fit.beta,
            fit.zero_beta,
            fit.modes,
            fit.covariances,
            new=new,
            exposure=exposure,
            random=random,
        )

    def simulate(self, rng: np.random.Generator | int, *, random: Literal["new", "conditional"] = "new") -> pd.Series:
        """New counts for the fitted rows, at their own exposure.

        Parameters
        ----------
        rng : Generator or int
        random : {"new", "conditional"}
            Draw the random effects too, or keep them at their modes.
        """
        self._require_convergence()
        if random not in ("new", "conditional"):
            raise DomainError(f"random must be 'new' or 'conditional', got {random!s}")
        generator, fit = np.random.default_rng(rng), self.fit
        problem = mixed_problem(self.design, self.family, self.nodes)
        if random == "new":
            counts = simulate_counts(problem, fit.vector, generator)
        else:
            counts = draw_counts(self.family, self._conditional_eta(), fit.alpha, generator)
            extra = generator.random(counts.size) < extra_zeros(self.design, fit.zero_beta)
            counts = np.where(extra, 0.0, counts)
        return pd.Series(counts, index=self.design.frame.index, name=self.design.response)

    def refit(self, y: Vector | pd.Series | None = None, start: Vector | None = None) -> Refit:
        """The same model to other counts, or from another start, without the Hessian of a first fit.

        Parameters
        ----------
        y : (n,) array, optional
            Other counts for the same rows.
        start : (p,) array, optional
            Where to begin, as ``fit.vector``.

        Returns
        -------
        Refit
            ``loglik``, and ``vector`` as the fitter has it.

        Raises
        ------
        DataError
            If ``y`` does not hold a count for each row.
        DomainError
            If ``start`` has another length than ``fit.vector``.
        FitError
            If there are no events, or the search does not end at a maximum.
        """
        problem = mixed_problem(self.design, self.family, self.nodes)
        begin = None if start is None else np.asarray(start, dtype=np.float64)
        if begin is not None and begin.shape != self.fit.vector.shape:
            raise DomainError(f"start must have {self.fit.vector.size} parameters, its shape is {begin.shape}")
        # the metric is that of the fit: far from a maximum curvatures say nothing about its width
        refitter = Refitter(problem, self.fit.vector)
        return refitter.refit(self.design.y if y is None else _counts(y, self.nobs), begin)

    def robust(self, kind: Literal["CR1"] = "CR1", cluster: str | np.ndarray | pd.Series = "provider") -> "MixedResult":
        """The same fit with a cluster-robust covariance of all parameters.

        The sandwich H^-1 (sum of s s') H^-1 G / (G - 1) over the clusters' contributions s to the score of the
        marginal likelihood, with t on G - 1 degrees of freedom. A coefficient that one cluster determines alone has a
        score of 0 there whatever the data, so it gets no interval and no p-value.

        Parameters
        ----------
        kind : {"CR1"}
            CR2 is not defined for this likelihood; with few clusters take the bootstrap.
        cluster : str or (n,) array
            Column of the data, or a label for each row. Each cluster holds the groups of the coarsest random term
            whole.

        Raises
        ------
        DataError
            If the column does not exist, a label is missing, or the array has another length.
        DomainError
            For another kind, with one cluster, if a group is in several clusters, or with crossed random terms.
        """
        self._require_convergence()
        if kind != "CR1":
            raise DomainError(
                f"kind must be 'CR1' for a mixed model, got {kind!s}. With few clusters take conf_int('bootstrap')."
            )
        name, codes, clusters = cluster_codes(self.design.frame, cluster)
        matrix = group_sandwich(self.design, self.family, self.fit, codes, clusters, name)
        k = len(self.design.names)
        lone = lone_columns(self.design.X, self.working_weight, codes)
        covariance = Covariance("CR1", matrix[:k, :k], name, codes, clusters, np.full(k, clusters - 1.0), lone)
        return replace(self, covariance=covariance, parameter_covariance=matrix)

    def summary(self) -> str:
        """The fit as text: facts, coefficients, random effects, certificate, version and fingerprint."""
        withheld = not (self.certificate.converged or self.force)
        return mixed_summary_text(self, withheld=withheld)

    def _conditional_eta(self) -> Vector:
        """Log mean of each row at the modes of the random effects, without the extra zeros."""
        design = self.design
        return design.X @ self.fit.beta + design.log_exposure + design.offset + random_offset(design, self.fit.modes)

    @property
    def _size(self) -> int:
        return int(self.fit.vector.size)

    @property
    def _advice(self) -> str:
        return f"{_far_from_zero(self.design)}Simplify the random terms or look at the data"


def _counts(y: Vector | pd.Series, rows: int) -> Vector:
    """Other counts for the fitted rows, checked."""
    counts = np.asarray(y, dtype=np.float64)
    if counts.shape != (rows,):
        raise DataError(f"y must have one count for each of the {rows} rows, its shape is {counts.shape}")
    bad = ~(np.isfinite(counts) & (counts >= 0.0) & (counts == np.rint(np.where(np.isfinite(counts), counts, 0.0))))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise DataError(f"y must hold whole numbers of at least 0; {int(bad.sum())} are not (first: position {first})")
    return counts


def _far_from_zero(design: Design) -> str:
    """Advice where an uncorrelated slope is on a column far from 0; correlated terms are centred within the fit."""
    found = [
        f"{term.name} by {effect}"
        for term in design.random
        for effect, column in zip(term.effects, term.columns.X.T, strict=True)
        if not term.correlated and 0.0 < FAR * float(np.std(column)) < abs(float(np.mean(column)))
    ]
    if not found:
        return ""
    return (
        f"The random slope of {', '.join(found)} is on a column far from 0 and uncorrelated with the intercept, which "
        "lies far outside the data: write center(x) for x in the random term, or (x | g) with a correlation. "
    )

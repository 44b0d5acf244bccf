"""The registration model: counts are what happened times what was registered of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from dwangstats._types import FamilyName, Vector
from dwangstats.data.panels.intervals import refuse_intervals
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DataError, DomainError
from dwangstats.models.infinite import refuse_infinite
from dwangstats.numerics.thinned.ascent import Likelihood
from dwangstats.numerics.thinned.edges import away_from_edges
from dwangstats.numerics.thinned.fit import ThinnedFit, fit_thinned
from dwangstats.numerics.thinned.problem import ThinnedProblem
from dwangstats.registration.assembly import Assembled, assemble
from dwangstats.registration.certificate import MAX_SCALED_GRADIENT, certify_thinned, settle_flat
from dwangstats.registration.context import Evidence, EvidenceCheck, FittedParts
from dwangstats.registration.evidence.silence import silent_providers
from dwangstats.registration.results import RegistrationResult

Rho: TypeAlias = float | Literal["prior", "free"]

MORE_NODES = ((25, 13), (41, 21))
"""Nodes over registration and rate effects that are tried where the usual ones are too few."""

BACK = 32.0
"""From the logit of 40 at which completeness is held to one of 8."""

EXACT_ENOUGH = 1e-4
"""Change of the log likelihood with four more nodes, a tenth of what the certificate allows."""

PROTOCOL = ("name", "words", "digest", "description", "prepare", "rows", "checks")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RegistrationModel:
    """Model of registered counts as events that happened, each registered with a probability: the completeness.

    registered count ~ family(exposure * rate * completeness), log rate = X b + u, logit completeness = W a + v, with
    normal effects u and v of the provider. Counts alone cannot tell the two apart (Papadopoulos and Santos Silva 2012,
    Econ. Lett. 117, 348-351); the evidence does, or the model refuses.

    Parameters
    ----------
    rate : str
        Formula of the rate of events, for example "events ~ C(year) + setting + (1 | provider)".
    registration : str
        Formula of the logit of completeness, for example "~ C(year) + (1 | provider)".
    panel : Panel
    family : {"nb2", "poisson", "nb1"}
        Of the events; registering a share of them keeps it (nb1 with the share of its dispersion).
    evidence : sequence
        `Audit`, `SecondSource`, `ControlOutcome`, `Indicator`, `SwitchDates`, `CompletenessPrior`. Without any, nothing
        that depends on completeness is fitted.
    rho : float, "prior" or "free"
        Correlation of the provider effects on rate and registration: a number in (-1, 1), estimated with
        atanh rho ~ N(0, 0.7^2), or estimated freely, which few panels can carry.
    silent : bool
        Let a provider register nothing at all with a probability that is estimated.
    nodes : (outer, inner) tuple of int, optional
        Quadrature nodes over registration and rate effects. By default 15 and 7 (poisson: 11), and more where the
        integral needs them.

    Raises
    ------
    FormulaError, DataError, DomainError
        Everything wrong with formulas, panel and evidence is said here, before any fit; all tables of evidence in one.

    Attributes
    ----------
    assembled : Assembled
        The arrays that `fit` will use.
    """

    rate: str
    registration: str
    panel: Panel
    family: FamilyName = "nb2"
    evidence: Sequence[Evidence] = ()
    rho: Rho = 0.0
    silent: bool = False
    nodes: tuple[int, int] | None = None
    assembled: Assembled = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.panel, Panel):
            raise DataError(f"panel must be a Panel, got {type(self.panel).__name__}; see Panel.from_frame.")
        refuse_intervals(self.panel.frame, "A registration model")
        if self.family not in get_args(FamilyName):
            raise DomainError(f"family must be one of {', '.join(get_args(FamilyName))}, got {self.family!s}")
        object.__setattr__(self, "evidence", _several(self.evidence))
        assembled = assemble(
            self.rate,
            self.registration,
            self.panel,
            self.family,
            self.evidence,
            _rho(self.rho),
            rho_prior=self.rho == "prior",
            silent=self.silent,
        )
        object.__setattr__(self, "assembled", assembled)

    def changed(self, **settings: Any) -> "RegistrationModel":
        """The same model with other settings, for example rho=0.5 or other evidence."""
        return replace(self, **settings)

    @property
    def fingerprint(self) -> str:
        """sha256 of the panel and of all evidence."""
        parts = [self.panel.fingerprint, *(one.digest for one in self.evidence)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def fit(self, *, allow_unidentified: bool = False, force: bool = False) -> RegistrationResult:
        """Maximum likelihood (with priors: the posterior mode).

        Parameters
        ----------
        allow_unidentified : bool
            Show numbers that nothing identifies; every table then carries the verdict. Without evidence the model is
            fitted on the counts alone, which is functional form and no knowledge.
        force : bool
            Show numbers even if the certificate fails; the summary still says FAILED.

        Returns
        -------
        RegistrationResult

        Raises
        ------
        FitError
            If the likelihood cannot be climbed at all, or a group of rows without any event puts a coefficient at minus
            infinity.
        """
        if not self.evidence and not allow_unidentified:
            return RegistrationResult(model=self, parts=None, certificate=None)
        assembled = self.assembled
        refuse_infinite(assembled.context.rate)
        fit = settle_flat(assembled.problem, _climbed(assembled.problem, self.nodes))
        context = assembled.context
        parts = FittedParts(
            panel=context.panel,
            rate=context.rate,
            registration=context.registration,
            problem=assembled.problem,
            fit=fit,
            names=assembled.names,
            providers=context.providers,
            evidence=assembled.evidence,
            excluded=assembled.excluded,
        )
        return RegistrationResult(
            model=self,
            parts=parts,
            certificate=certify_thinned(assembled.problem, fit, assembled.names),
            evidence_checks=(*assembled.notes, *_checks(parts)),
            allow_unidentified=allow_unidentified,
            force=force,
        )

    def __repr__(self) -> str:
        given = ", ".join(one.name for one in self.evidence) or "none"
        rows = self.assembled.problem.counts.y.size
        return f"<RegistrationModel {self.family}, {rows} rows, evidence: {given}, not fitted>"


def _climbed(problem: ThinnedProblem, nodes: tuple[int, int] | None) -> ThinnedFit:
    """The fit; unless the nodes were given, again with more of them while the integral is not exact enough."""
    fit = fit_thinned(problem, nodes=nodes)
    for more in MORE_NODES if nodes is None else ():
        if abs(fit.quadrature_error) <= EXACT_ENOUGH and fit.scaled_gradient <= MAX_SCALED_GRADIENT:
            break
        start = _before_the_edge(problem, fit)
        fit = replace(fit_thinned(problem, start=start, nodes=more, restart=False), restart_gap=fit.restart_gap)
    return fit


def _before_the_edge(problem: ThinnedProblem, fit: ThinnedFit) -> Vector:
    """The fitted parameters, a completeness that is held at 1 moved to a logit from where the fitter finds it again."""
    place = problem.layout.alpha
    start = fit.vector.copy()
    start[place] -= BACK * away_from_edges(Likelihood(problem, fit.nodes), fit.vector, ~fit.free)[place]
    return start


def _checks(parts: FittedParts) -> tuple[EvidenceCheck, ...]:
    return (*silent_providers(parts), *(check for one in parts.evidence for check in one.checks(parts)))


def _rho(rho: Rho) -> float | None:
    if isinstance(rho, str):
        if rho not in ("prior", "free"):
            raise DomainError(f"rho must be a number between -1 and 1, 'prior' or 'free', got {rho!s}")
        return None
    if not -1.0 < rho < 1.0:
        raise DomainError(f"rho must lie between -1 and 1, got {rho:g}")
    return float(rho)


def _several(evidence: Any) -> tuple[Evidence, ...]:
    """Evidence as a tuple; one piece may stand on its own."""
    given = (evidence,) if all(hasattr(evidence, name) for name in PROTOCOL) else tuple(evidence or ())
    strange = [type(one).__name__ for one in given if not all(hasattr(one, name) for name in PROTOCOL)]
    if strange:
        raise DomainError(
            f"evidence holds {', '.join(strange)}; give Audit(...), SecondSource(...), ControlOutcome(...), "
            "Indicator(...), SwitchDates(...) or CompletenessPrior(...)."
        )
    return given

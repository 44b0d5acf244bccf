"""How many events an audit must find to know completeness well enough."""

import math
from dataclasses import dataclass

import pandas as pd

from dwangstats.errors import DomainError

SMALLEST = 1e-6
"""Completeness and standard errors below this plan an audit of more events than happen."""

MOST_EVENTS = 1_000_000
"""Most events that one provider can be asked to audit."""


@dataclass(frozen=True, slots=True)
class AuditSize:
    """Size of an audit, per compared period.

    Attributes
    ----------
    completeness : float
        Completeness that is expected, in (0, 1].
    standard_error : float
        Standard error of the log of the adjusted rate that the audit is to bring.
    icc : float
        Intraclass correlation of being registered within a provider, in [0, 1].
    events_per_provider : int
        Events that are looked up at each provider.
    design_effect : float
        Factor by which clustering enlarges the audit, 1 + (m - 1) icc.
    events : int
        Events that the audit must find, whether they were registered or not, in each period.
    providers : int
        Providers to visit, rounded up.
    notes : tuple of str
        What to keep in mind with these numbers; often empty.
    """

    completeness: float
    standard_error: float
    icc: float
    events_per_provider: int
    design_effect: float
    events: int
    providers: int
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row: completeness, standard_error, icc, events_per_provider, design_effect, events, providers."""
        row = {
            "completeness": self.completeness,
            "standard_error": self.standard_error,
            "icc": self.icc,
            "events_per_provider": self.events_per_provider,
            "design_effect": self.design_effect,
            "events": self.events,
            "providers": self.providers,
        }
        return pd.DataFrame([row])

    def __str__(self) -> str:
        text = (
            f"{self.events} events at {self.providers} providers, per compared period "
            f"(completeness {self.completeness:g}, standard error {self.standard_error:g}, "
            f"design effect {self.design_effect:g})"
        )
        return " ".join([text, *self.notes])


def audit_size(*, completeness: float, se: float, icc: float = 0.0, events_per_provider: int = 25) -> AuditSize:
    """Events that an audit must find for a wanted standard error of the log adjusted rate.

    An audit finds n events independently of the register and sees which share p of them is registered; then
    Var(log p-hat) is about (1 - p) / (n p), so n = (1 - p) / (p se^2), times the design effect
    1 + (m - 1) icc of m events per provider (Kish 1965, Survey Sampling, section 5.4). The chance in the counts
    themselves, about one over the number of registrations, comes on top. For a ratio of two periods, each audited,
    the variances add.

    Parameters
    ----------
    completeness : float
        Expected completeness p, in (0, 1].
    se : float
        Wanted standard error of log completeness, which is that of the log adjusted rate, > 0; 0.05 is about 5%.
    icc : float
        Intraclass correlation within providers, in [0, 1].
    events_per_provider : int
        Events per provider m, >= 1.

    Returns
    -------
    AuditSize
        Per compared period.

    Raises
    ------
    DomainError
        If an argument is outside its domain.
    """
    _check(completeness, se, icc, events_per_provider)
    design_effect = 1.0 + (events_per_provider - 1) * icc
    exact = (1.0 - completeness) / (completeness * se**2) * design_effect
    events = _round_up(exact)
    return AuditSize(
        completeness=float(completeness),
        standard_error=float(se),
        icc=float(icc),
        events_per_provider=int(events_per_provider),
        design_effect=design_effect,
        events=events,
        providers=-(-events // int(events_per_provider)),
        notes=_notes(completeness, icc, events, events_per_provider),
    )


def _check(completeness: float, se: float, icc: float, events_per_provider: int) -> None:
    if not SMALLEST <= completeness <= 1.0:
        raise DomainError(f"completeness must lie in (0, 1] and be at least {SMALLEST:g}, got {completeness:g}")
    if not SMALLEST <= se < math.inf:
        raise DomainError(
            f"se must be a positive number of at least {SMALLEST:g} (0.05 is an error of about 5%), got {se:g}"
        )
    if not 0.0 <= icc <= 1.0:
        raise DomainError(f"icc must lie in [0, 1], got {icc:g}")
    if not 1 <= events_per_provider <= MOST_EVENTS:
        raise DomainError(f"events_per_provider must be a whole number from 1 to {MOST_EVENTS:,}")
    if events_per_provider != int(events_per_provider):
        raise DomainError(f"events_per_provider must be a whole number of at least 1, got {events_per_provider:g}")


def _round_up(events: float) -> int:
    """Next whole number, where 100.00000000000001 is still 100: the formula is exact, its rounding is not."""
    return math.ceil(events * (1.0 - 1e-12))


def _notes(completeness: float, icc: float, events: int, events_per_provider: int) -> tuple[str, ...]:
    notes = []
    if completeness == 1.0:
        notes.append(
            "A completeness of exactly 1 has no spread, so the formula asks for no events; it cannot be known to be 1 "
            "without an audit. Plan with the lowest completeness that is still plausible."
        )
    elif icc > 0.0 and events <= events_per_provider:
        notes.append(
            "One provider would do by the number of events, but one provider does not show how providers differ. "
            "Spread the events over more providers."
        )
    return tuple(notes)

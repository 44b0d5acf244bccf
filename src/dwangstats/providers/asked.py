"""Reporting patterns as an analysis asks for them: what was found, or why it cannot be said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pandas as pd

from dwangstats._types import ZeroFamily
from dwangstats.data.panels.layout import ALL_FORMS
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DataError, FitError
from dwangstats.providers.patterns import ReportingPatterns, reporting_patterns

Cause: TypeAlias = Literal["nothing_delivered", "intervals", "empty_periods", "one_provider", "model"]


@dataclass(frozen=True, slots=True)
class PatternsRefused:
    """Why the zeros of a panel cannot be judged.

    Attributes
    ----------
    cause : {"nothing_delivered", "intervals", "empty_periods", "one_provider", "model"}
        No period was delivered in all forms; counts are known only to lie in an interval; in some periods nobody
        registered anything; at most one provider registered anything; the model could not be fitted.
    periods : tuple of str
        The periods without any registration; empty for another cause.
    reason : str
        Message of the model, in English; empty for another cause.
    """

    cause: Cause
    periods: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class AskedPatterns:
    """The reporting patterns of all providers of a panel, beside the providers of the headline.

    Attributes
    ----------
    selected : tuple of str
        Providers of the headline.
    level, nothing : float
    prior_silent : float or None
    family : {"nb2", "poisson"}
    found : ReportingPatterns or None
        None where they were refused.
    refused : PatternsRefused or None
    """

    selected: tuple[str, ...]
    level: float
    nothing: float
    prior_silent: float | None
    family: ZeroFamily
    found: ReportingPatterns | None
    refused: PatternsRefused | None

    @property
    def silent_selected(self) -> pd.DataFrame:
        """Rows of the table of providers with silence that carry the headline, the surest first."""
        if self.found is None:
            return pd.DataFrame()
        table = self.found.table
        silent = table.loc[(table["silent"] > 0) & table["provider"].isin(self.selected)]
        return silent.sort_values(["log_p_adjusted", "provider"])

    @property
    def summary(self) -> Mapping[str, Any]:
        """Settings, and numbers of providers: judged, silent, of which nothing can be said, of the headline.

        Judged are those that delivered a usable period. Of a blind one not even silence from beginning to end would be
        named.
        """
        return {
            "level": self.level,
            "nothing": self.nothing,
            "prior_silent": self.prior_silent,
            "family": self.family,
            **(_counted(self.found.table, self.selected) if self.found is not None else {}),
        }


def ask_patterns(
    panel: Panel,
    selected: tuple[str, ...],
    *,
    family: ZeroFamily = "nb2",
    level: float = 0.05,
    nothing: float = 0.0,
    prior_silent: float | None = None,
) -> AskedPatterns:
    """Judge the zeros of a panel, or say why that cannot be done.

    Parameters
    ----------
    panel : Panel
        Of one law, with all its providers and all its forms, planned or not, in registrations (`of_any_kind`): who
        registered anything was not silent, whatever the question of the analysis is. The forms are taken together.
    selected : tuple of str
        Providers of the headline.
    family, level, nothing, prior_silent
        As in `reporting_patterns`.

    Returns
    -------
    AskedPatterns
        A panel that cannot be judged, or a model that cannot be fitted, is a refusal with its reason.
    """
    found: ReportingPatterns | None = None
    refused = PatternsRefused("intervals") if panel.has_intervals else None
    try:
        if refused is None:
            together = panel.for_form(ALL_FORMS)
            refused = _refused(together)
        if refused is None:
            found = reporting_patterns(together, family=family, level=level, nothing=nothing, prior_silent=prior_silent)
    except (DataError, FitError) as error:
        refused = PatternsRefused("model", reason=str(error))
    return AskedPatterns(selected, level, nothing, prior_silent, family, found, refused)


def _refused(panel: Panel) -> PatternsRefused | None:
    """What keeps every model from judging the zeros of this panel of exact counts."""
    observed = panel.observed
    if observed.empty:
        return PatternsRefused("nothing_delivered")
    by_period = observed.groupby("period", sort=True)["events"].sum()
    empty = tuple(map(str, by_period.index[by_period == 0.0]))
    if empty:
        return PatternsRefused("empty_periods", empty)
    registering = observed.loc[observed["events"] > 0.0, "provider"].nunique()
    return PatternsRefused("one_provider") if registering < 2 else None


def _counted(table: pd.DataFrame, selected: tuple[str, ...]) -> dict[str, int]:
    silent, judged = table["silent"] > 0, table["delivered"] > 0
    blind = judged & ~table["detectable"] & ~silent
    chosen = table["provider"].isin(selected)
    return {
        "providers": len(table),
        "judged": int(judged.sum()),
        "silent": int(silent.sum()),
        "blind": int(blind.sum()),
        "selected": len(selected),
        "silent_selected": int((silent & chosen).sum()),
        "blind_selected": int((blind & chosen).sum()),
    }

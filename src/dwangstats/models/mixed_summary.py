"""A fit with random effects or extra zeros as text."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dwangstats.models.fitted import VARIANCES
from dwangstats.models.results import exposure_text
from dwangstats.models.summary import summary_text, table_text

if TYPE_CHECKING:
    from dwangstats.models.mixed import MixedResult


def mixed_summary_text(result: "MixedResult", *, withheld: bool) -> str:
    """Facts, coefficients, random effects, extra zeros, certificate, version and fingerprint.

    Parameters
    ----------
    result : MixedResult
    withheld : bool
        Leave all estimates out.
    """
    design = result.design
    return summary_text(
        title=f"Mixed rate model: {design.response} per {design.one_unit}",
        facts=_facts(result, withheld=withheld),
        table=None if withheld else result.table(),
        certificate=result.certificate,
        fingerprint=result.fingerprint,
        sections=() if withheld else _sections(result),
    )


def _facts(result: "MixedResult", *, withheld: bool) -> list[tuple[str, str]]:
    fit, design = result.fit, result.design
    facts = [
        ("family", f"{result.family}, variance given the effects {VARIANCES[result.family]}"),
        ("formula", result.formula),
        ("rows", f"{result.nobs}"),
        ("groups", "; ".join(f"{term.name} {len(term.labels)}" for term in design.random) or "none"),
        ("exposure", exposure_text(design)),
    ]
    if design.zero_formula is not None:
        facts.append(("extra zeros", design.zero_formula.text))
    if design.random:
        how = "Laplace" if fit.nodes == 1 else f"adaptive quadrature, {fit.nodes} nodes"
        facts.append(("likelihood", how))
    if withheld:
        return facts
    facts += [
        ("log likelihood", f"{fit.loglik:.4f}"),
        ("AIC", f"{-2.0 * fit.loglik + 2.0 * fit.vector.size:.4f}"),
    ]
    if result.family != "poisson":
        at_end = np.isnan(result.dispersion_se)
        note = "at the boundary: equal to poisson" if at_end else f"se {result.dispersion_se:.3g}"
        facts.append(("dispersion alpha", f"{fit.alpha:.5g} ({note})"))
    return [*facts, ("covariance", _covariance(result))]


def _covariance(result: "MixedResult") -> str:
    if result.covariance.kind == "model":
        return "model (observed information over all parameters), normal"
    return f"CR1, {result.covariance.clusters} clusters by {result.covariance.cluster}, t with G - 1 degrees of freedom"


def _sections(result: "MixedResult") -> list[str]:
    sections = []
    if result.design.random:
        sections.append(table_text(_deviations(result)))
    if result.design.zero is not None:
        sections.append("Logit of the probability of an extra zero\n" + table_text(result.zero_params))
    return sections


def _deviations(result: "MixedResult") -> pd.DataFrame:
    """Standard deviations and correlations of the random effects, with Wald intervals."""
    table = result.variance_components(method="wald", test=False).drop(columns="p_boundary")
    rows = table.set_index(pd.Index(list(result.random_sd))).drop(columns=["term", "effect"])
    rows.index = pd.Index([f"sd {name}" for name in rows.index])
    for name, value in result.random_correlation.items():
        rows.loc[f"correlation {name}"] = [value, np.nan, np.nan]
    return rows.rename(columns={"sd": "estimate"})

"""Tables of random effects and of their variances."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.stats import t as student

from dwangstats._types import FamilyName
from dwangstats.design.design import Design
from dwangstats.models.effects import parameter_spread
from dwangstats.models.parameters import correlation
from dwangstats.numerics.mixed.fit import MixedFit

if TYPE_CHECKING:
    from dwangstats.models.mixed import MixedResult


def random_sds(design: Design, fit: MixedFit) -> Mapping[str, float]:
    """Standard deviation of each random effect by its name."""
    return {
        name: float(np.sqrt(covariance[i, i]))
        for term, covariance in zip(design.random, fit.covariances, strict=True)
        for i, name in enumerate(term.sd_names)
    }


def random_correlations(design: Design, fit: MixedFit) -> Mapping[str, float]:
    """Correlation of each pair of correlated effects, "provider[Intercept, time]"."""
    return {
        f"{term.name}[{term.effects[j]}, {term.effects[i]}]": correlation(covariance, i, j)
        for term, covariance in zip(design.random, fit.covariances, strict=True)
        if term.correlated
        for i in range(len(term.effects))
        for j in range(i)
    }


def effects_frame(design: Design, family: FamilyName, fit: MixedFit) -> pd.DataFrame:
    """Modes of the random effects with their standard deviations; see `MixedResult.random_effects`."""
    added = parameter_spread(design, family, fit)
    single = len(design.random) == 1 and len(design.random[0].effects) == 1
    frames = []
    for term, modes, covariances, more in zip(design.random, fit.modes, fit.mode_covariances, added, strict=True):
        for i, effect in enumerate(term.effects):
            variance = covariances[:, i, i]
            columns = {"estimate": modes[:, i], "sd": np.sqrt(variance), "sd_total": np.sqrt(variance + more[:, i])}
            index = term.labels if single else _index(term.name, effect, term.labels)
            frames.append(pd.DataFrame(columns, index=index))
    if not frames:
        return pd.DataFrame(columns=["estimate", "sd", "sd_total"], dtype=np.float64)
    return pd.concat(frames)


def _index(term: str, effect: str, labels: pd.Index) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays(
        [[term] * len(labels), [effect] * len(labels), labels.to_numpy()], names=["term", "effect", "group"]
    )


def variance_table(
    result: "MixedResult", level: float, method: Literal["profile", "wald"], *, test: bool
) -> pd.DataFrame:
    """Standard deviations with intervals and tests; see `MixedResult.variance_components`."""
    from dwangstats.models.profile import boundary_test, profile_parameter

    rows = []
    for term in result.design.random:
        for effect, name in zip(term.effects, term.sd_names, strict=True):
            if method == "profile":
                found = profile_parameter(result, f"sd {name}", level)
                lower, upper, p = found.lower, found.upper, found.p_boundary
            else:
                lower, upper = _wald(result, f"sd {name}", level)
                p = boundary_test(result, f"sd {name}") if test else float("nan")
            rows.append((term.name, effect, result.random_sd[name], lower, upper, p))
    return pd.DataFrame(rows, columns=["term", "effect", "sd", "lower", "upper", "p_boundary"])


def _wald(result: "MixedResult", name: str, level: float) -> tuple[float, float]:
    """Interval by the standard error on the log scale, normal or t after `robust`; NaN for a term at the boundary."""
    place = result.parameter_names.index(name)
    if not result.natural_names[place].startswith("log "):
        return float("nan"), float("nan")
    df = np.inf if result.covariance.codes is None else result.covariance.clusters - 1.0
    arm = float(student.isf((1.0 - level) / 2.0, df) * np.sqrt(result.parameter_covariance[place, place]))
    sd = float(result.parameters.iloc[place])
    return sd * float(np.exp(-arm)), sd * float(np.exp(arm))

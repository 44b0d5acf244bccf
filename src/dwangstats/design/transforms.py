"""Formula transforms that look at groups: ``within(x, provider)`` and ``between(x, provider)``.

A covariate that differs between providers and over time mixes two questions. Its deviation from the provider's own
mean answers the one (what happens where it changes), the mean itself the other (how providers differ); see Neuhaus
and Kalbfleisch (1998), Biometrics 54, 638-645. The means are those of the fitted rows, each row counting once, and
are kept for new rows.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from formulaic.transforms import stateful_transform


def _group_means(x: Any, groups: Any, state: dict[str, Any]) -> pd.Series:
    """Mean of each row's group by the fitted rows, (n,); NaN for a group that was not fitted."""
    labels = pd.Series(np.asarray(groups, dtype=object))
    values = pd.Series(np.asarray(x, dtype=np.float64))
    if "means" not in state:
        state["means"] = values.groupby(labels).mean()
    return labels.map(state["means"]).astype(np.float64)


def _within(x: Any, groups: Any, _state: dict[str, Any]) -> pd.Series:
    means = _group_means(x, groups, _state)
    return pd.Series(np.asarray(x, dtype=np.float64) - means.to_numpy(), index=getattr(x, "index", None))


def _between(x: Any, groups: Any, _state: dict[str, Any]) -> pd.Series:
    return pd.Series(_group_means(x, groups, _state).to_numpy(), index=getattr(x, "index", None))


TRANSFORMS: Mapping[str, Any] = MappingProxyType(
    {"within": stateful_transform(_within), "between": stateful_transform(_between)}
)
"""What a formula may call beside formulaic's own functions."""

"""All parameters of a mixed model by name, on the scale on which they are reported.

The fitter's vector holds coefficients, entries of the random terms' scale matrices L (covariance L L'), the
dispersion and the coefficients of the extra zeros. Reported are standard deviations and correlations instead of
the entries of L.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dwangstats._types import FamilyName, Matrix, Vector
from dwangstats.design.design import Design
from dwangstats.numerics.likelihood import Problem
from dwangstats.numerics.mixed.parameters import Layout, make_layout, unpack
from dwangstats.numerics.mixed.structure import Term

DISPERSION = "dispersion"


def mixed_problem(design: Design, family: FamilyName, nodes: int) -> Problem:
    """A model with random terms or extra zeros as arrays, for `Likelihood`."""
    zero_X = None if design.zero is None else design.zero.X
    offset = design.log_exposure + design.offset
    return Problem(design.X, design.y, offset, terms_of(design), family, zero_X, nodes)


def layout_of(design: Design, family: FamilyName) -> Layout:
    """Where each parameter stands in the fitter's vector."""
    zero = 0 if design.zero is None else len(design.zero.names)
    return make_layout(len(design.names), terms_of(design), dispersed=family != "poisson", zero=zero)


def terms_of(design: Design) -> tuple[Term, ...]:
    """Random terms as arrays for the fitter."""
    return tuple(term.term for term in design.random)


def parameter_names(design: Design, family: FamilyName) -> tuple[str, ...]:
    """Name of each parameter, in the order of the fitter's vector.

    Returns
    -------
    tuple of str
        formulaic's names of the coefficients, "sd provider", "sd provider[time]",
        "correlation provider[Intercept, time]", "dispersion", and "zero Intercept" for the extra zeros.
    """
    scales = []
    for t, i, j in layout_of(design, family).entries:
        term = design.random[t]
        if i == j:
            scales.append(f"sd {term.sd_names[i]}")
        else:
            scales.append(f"correlation {term.name}[{term.effects[j]}, {term.effects[i]}]")
    zero = () if design.zero is None else tuple(f"zero {name}" for name in design.zero.names)
    return (*design.names, *scales, *(() if family == "poisson" else (DISPERSION,)), *zero)


def natural_names(design: Design, family: FamilyName, boundary: Sequence[bool]) -> tuple[str, ...]:
    """Names on the scale of the information: "log sd ..." and "atanh correlation ...".

    Parameters
    ----------
    design, family
        Of the model.
    boundary : sequence of bool
        Per random term whether a standard deviation is 0; such a term has no logs, "scale ..." names its entries.
    """
    names = list(parameter_names(design, family))
    layout = layout_of(design, family)
    for place, (t, i, j) in enumerate(layout.entries, start=layout.fixed):
        if boundary[t]:
            names[place] = f"scale {design.random[t].name}[{i},{j}]"
        else:
            names[place] = f"log {names[place]}" if i == j else f"atanh {names[place]}"
    return tuple(names)


def reported(design: Design, family: FamilyName, vector: Vector) -> pd.Series:
    """Values of all parameters by `parameter_names`; a correlation with an effect of variance 0 is NaN."""
    layout = layout_of(design, family)
    parts = unpack(layout, vector)
    covariances = [scale @ scale.T for scale in parts.scales]
    scales = [_reported(covariances[t], i, j) for t, i, j in layout.entries]
    dispersion = [] if family == "poisson" else [parts.alpha]
    values = np.concatenate([parts.beta, scales, dispersion, parts.zero])
    return pd.Series(values, index=list(parameter_names(design, family)), name="estimate")


def correlation(covariance: Matrix, i: int, j: int) -> float:
    """Correlation of two effects; NaN where one of them does not vary."""
    size = float(np.sqrt(covariance[i, i] * covariance[j, j]))
    return float(covariance[i, j]) / size if size > 0.0 else float("nan")


def _reported(covariance: Matrix, i: int, j: int) -> float:
    return float(np.sqrt(covariance[i, i])) if i == j else correlation(covariance, i, j)

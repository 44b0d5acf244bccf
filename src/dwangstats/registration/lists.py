"""Several linked registers: log-linear models of who stands on which list, and the cases on none.

`two_list_estimate` is for two lists, which cannot say how they depend on each other; `multiple_lists` for three or
more, with the interactions one chooses; `compare_lists` shows what each single pairwise interaction does to the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.special import xlogy
from scipy.stats import norm

from dwangstats._types import Matrix, Vector
from dwangstats.errors import DomainError, IdentificationError
from dwangstats.estimate import Estimate
from dwangstats.numerics.glm import CountFit, fit_counts
from dwangstats.registration.list_cells import ListCells, read_cells
from dwangstats.registration.lists_existence import Existence, ExistenceStatus, list_existence
from dwangstats.registration.two_lists import ODDS_RATIOS, TwoLists, two_list_estimate, unseen_interval

__all__ = [
    "ODDS_RATIOS",
    "Existence",
    "ExistenceStatus",
    "Interaction",
    "ListComparison",
    "MultipleLists",
    "TwoLists",
    "compare_lists",
    "list_existence",
    "multiple_lists",
    "two_list_estimate",
    "unseen_interval",
]

Interaction: TypeAlias = tuple[str, ...]
"""Names of the lists that interact, at least two."""

INDEPENDENT = "independent lists"


@dataclass(frozen=True, slots=True)
class MultipleLists:
    """A log-linear model of linked lists, and the number of cases on none of them.

    Attributes
    ----------
    lists : tuple of str
    interactions : tuple of tuple of str
    observed : int
        Cases on at least one list.
    cells : int
        Combinations of lists that can be observed, 2^k - 1; those that did not occur count zero.
    coefficients : DataFrame
        Estimate and standard error (se) by name; an estimate at infinity has no standard error.
    unseen, total : Estimate
        Expected number of cases on no list, and with the observed ones. The interval is normal on the log of the
        unseen number; the scatter of the count itself around its expectation is not in it.
    registered_share : Estimate
        Observed cases as a share of the total.
    completeness : DataFrame
        Per list: on_list (cases), completeness (share of the total), lower, upper.
    loglik, aic, deviance, df_residual : float
        Log likelihood with all constants; cells with an expected count of zero take no degree of freedom.
    existence : Existence
    """

    lists: tuple[str, ...]
    interactions: tuple[Interaction, ...]
    observed: int
    cells: int
    coefficients: pd.DataFrame
    unseen: Estimate
    total: Estimate
    registered_share: Estimate
    completeness: pd.DataFrame
    loglik: float
    aic: float
    deviance: float
    df_residual: int
    existence: Existence

    @property
    def name(self) -> str:
        """The interactions, such as "a:b + b:c", or "independent lists"."""
        return _model_name(self.interactions)

    def __str__(self) -> str:
        lines = [
            f"{len(self.lists)} linked lists ({', '.join(self.lists)}), {self.name}: {self.observed} cases observed",
            f"unseen: {self.unseen}",
            f"observed share: {self.registered_share}",
            f"AIC {self.aic:.2f}, deviance {self.deviance:.2f} on {self.df_residual} degrees of freedom",
        ]
        if self.existence.status == "at the boundary":
            infinite = ", ".join(map(str, self.coefficients.index[~np.isfinite(self.coefficients["estimate"])]))
            lines.append(f"Some expected counts are zero and some coefficients infinite ({infinite}).")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class ListComparison:
    """Models of linked lists beside each other.

    Attributes
    ----------
    table : DataFrame
        One row per model, the independent one first: model, status, parameters, aic, aic_difference (from the lowest),
        deviance, df_residual, unseen, lower, upper, total. Where the data do not determine the unseen number, it and
        its interval are missing.
    observed : int
    identified_by : str
    """

    table: pd.DataFrame
    observed: int
    identified_by: str

    def __str__(self) -> str:
        return f"{self.observed} cases observed, {self.identified_by}\n{self.table.to_string(index=False)}"


def multiple_lists(
    frame: pd.DataFrame,
    lists: Sequence[str],
    interactions: Sequence[Sequence[str]] | Literal["pairs"] = (),
    count: str = "count",
    *,
    level: float = 0.95,
) -> MultipleLists:
    """Estimate the number of cases on no list with a Poisson log-linear model (Fienberg 1972, Biometrika 59:591).

    log E(count of a combination) = intercept + a term per list it is on + a term per interaction it is in; the
    number on no list is exp(intercept). Combinations that are left out of the frame count zero and are restored.

    Parameters
    ----------
    frame : DataFrame
        One row per combination: a column per list (1 = on it, 0 = not) and a count.
    lists : sequence of str
        Columns of the lists, two to twelve.
    interactions : sequence of sequences of str, or "pairs"
        Lists that interact, as [("a", "b")]; "pairs" for all pairs. A larger interaction needs the smaller ones within
        it, and all lists together cannot interact: nothing would say how many are unseen.
    count : str
        Column of the counts.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    MultipleLists

    Raises
    ------
    DataError
        Columns that are absent, values that are no 0 or 1, counts that are no counts, combinations there twice, cases
        on no list, no cases; all problems together.
    DomainError
        Interactions that are not offered, a level outside (0, 1).
    IdentificationError
        If the observed cells do not determine the unseen number under this model.
    """
    cells = read_cells(frame, tuple(lists), count)
    chosen = _checked_interactions(cells.lists, interactions)
    _check_level(level)
    fitted = _fit(cells, chosen)
    if fitted.existence.status == "not identified":
        raise IdentificationError(_not_identified(cells, fitted))
    return _result(cells, fitted, level)


def compare_lists(
    frame: pd.DataFrame,
    lists: Sequence[str],
    count: str = "count",
    *,
    interactions: Sequence[Sequence[str]] = (),
    level: float = 0.95,
) -> ListComparison:
    """The independent model and every model with one pairwise interaction more.

    Parameters
    ----------
    frame, lists, count, level
        As in `multiple_lists`.
    interactions : sequence of sequences of str
        Interactions that every model has.

    Returns
    -------
    ListComparison
        AIC compares how models fit the observed cells; it says little about the cell that nobody observed.

    Raises
    ------
    DataError, DomainError
        As in `multiple_lists`.
    """
    cells = read_cells(frame, tuple(lists), count)
    base = _checked_interactions(cells.lists, interactions)
    _check_level(level)
    further = [pair for pair in combinations(cells.lists, 2) if pair not in base]
    rows = [_row(cells, chosen, level) for chosen in (base, *((*base, pair) for pair in further))]
    table = pd.DataFrame(rows)
    table.insert(4, "aic_difference", table["aic"] - table["aic"].min())
    return ListComparison(table, int(cells.counts.sum()), _identified_by(cells))


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A model fitted to the observable cells; all its parameters, infinite ones as well, count for the AIC."""

    interactions: tuple[Interaction, ...]
    names: list[str]
    existence: Existence
    fit: CountFit
    aic: float
    deviance: float
    df_residual: int


def _checked_interactions(
    lists: tuple[str, ...], interactions: Sequence[Sequence[str]] | Literal["pairs"]
) -> tuple[Interaction, ...]:
    """Interactions with their lists, and themselves, in the order of the lists."""
    if isinstance(interactions, str):
        if interactions != "pairs":
            raise DomainError(f"interactions must be 'pairs' or a list such as [('a', 'b')], got '{interactions}'")
        interactions = list(combinations(lists, 2))
    found = set()
    for given in interactions:
        members = (given,) if isinstance(given, str) else tuple(given)
        unknown = [name for name in members if name not in lists]
        if unknown or len(set(members)) < max(len(members), 2):
            raise DomainError(
                f"an interaction names at least two different lists of {', '.join(lists)}, got {', '.join(members)}"
            )
        if len(members) == len(lists) > 2 or len(lists) == 2:
            raise DomainError(
                f"all {len(lists)} lists cannot interact: the number on no list could then be anything. With two lists "
                "use two_list_estimate and its dependence curve."
            )
        found.add(tuple(sorted(members, key=lists.index)))
    for members in found:
        absent = [part for part in combinations(members, len(members) - 1) if len(part) > 1 and part not in found]
        if absent:
            wanted = ", ".join(":".join(part) for part in absent)
            raise DomainError(f"the interaction {':'.join(members)} needs {wanted} as well")
    return tuple(sorted(found, key=lambda members: (len(members), [lists.index(name) for name in members])))


def _design(cells: ListCells, interactions: tuple[Interaction, ...]) -> tuple[Matrix, list[str]]:
    place = {name: i for i, name in enumerate(cells.lists)}
    products = [cells.on[:, [place[name] for name in members]].prod(axis=1) for members in interactions]
    X = np.column_stack([np.ones(cells.counts.size), cells.on, *products])
    return X, ["Intercept", *cells.lists, *(":".join(members) for members in interactions)]


def _fit(cells: ListCells, interactions: tuple[Interaction, ...]) -> _Fitted:
    X, names = _design(cells, interactions)
    existence = list_existence(X, cells.counts)
    seen, y = existence.support, cells.counts
    fit = fit_counts(X[np.ix_(seen, existence.columns)], y[seen], np.zeros(int(seen.sum())), "poisson")
    mean = np.zeros(y.size)
    mean[seen] = np.exp(fit.eta)
    return _Fitted(
        interactions=interactions,
        names=names,
        existence=existence,
        fit=fit,
        aic=2.0 * len(names) - 2.0 * fit.loglik,
        deviance=_deviance(y, mean),
        df_residual=int(seen.sum()) - existence.columns.size,
    )


def _result(cells: ListCells, fitted: _Fitted, level: float) -> MultipleLists:
    observed = int(cells.counts.sum())
    by = _identified_by(cells)

    def adjusted(values: tuple[float, float, float], unit: str) -> Estimate:
        return Estimate(values[1], values[0], values[2], level, "adjusted", unit, by)

    low, unseen, high = _log_normal(fitted.fit, level)
    total = adjusted((observed + low, observed + unseen, observed + high), "cases")
    shares = (observed / total.upper, observed / total.estimate, observed / total.lower)
    return MultipleLists(
        lists=cells.lists,
        interactions=fitted.interactions,
        observed=observed,
        cells=cells.counts.size,
        coefficients=_coefficients(fitted),
        unseen=adjusted((low, unseen, high), "cases on no list"),
        total=total,
        registered_share=adjusted(shares, "share of cases on at least one list"),
        completeness=_completeness(cells, total),
        loglik=fitted.fit.loglik,
        aic=fitted.aic,
        deviance=fitted.deviance,
        df_residual=fitted.df_residual,
        existence=fitted.existence,
    )


def _row(cells: ListCells, interactions: tuple[Interaction, ...], level: float) -> dict[str, object]:
    # The fit to the observed cells is unique even where the unseen number is not.
    fitted = _fit(cells, interactions)
    known = fitted.existence.status != "not identified"
    lower, unseen, upper = _log_normal(fitted.fit, level) if known else (np.nan,) * 3
    return {
        "model": _model_name(interactions),
        "status": fitted.existence.status,
        "parameters": len(fitted.names),
        "aic": fitted.aic,
        "deviance": fitted.deviance,
        "df_residual": fitted.df_residual,
        "unseen": unseen,
        "lower": lower,
        "upper": upper,
        "total": unseen + float(cells.counts.sum()),
    }


def _log_normal(fit: CountFit, level: float) -> tuple[float, float, float]:
    """Lower end, value and upper end of exp(intercept)."""
    half = float(norm.ppf(0.5 + level / 2.0)) * float(np.sqrt(fit.covariance[0, 0]))
    middle = float(fit.beta[0])
    return float(np.exp(middle - half)), float(np.exp(middle)), float(np.exp(middle + half))


def _coefficients(fitted: _Fitted) -> pd.DataFrame:
    existence, names = fitted.existence, fitted.names
    estimate, error = np.zeros(len(names)), np.full(len(names), np.nan)
    estimate[existence.columns] = fitted.fit.beta
    error[existence.columns] = np.sqrt(np.diag(fitted.fit.covariance))
    finite = existence.limits == 0.0
    return pd.DataFrame(
        {"estimate": np.where(finite, estimate, existence.limits), "se": np.where(finite, error, np.nan)}, index=names
    )


def _completeness(cells: ListCells, total: Estimate) -> pd.DataFrame:
    on_list = cells.on.T @ cells.counts
    return pd.DataFrame(
        {
            "on_list": on_list.astype(np.int64),
            "completeness": on_list / total.estimate,
            "lower": on_list / total.upper,
            "upper": on_list / total.lower,
        },
        index=pd.Index(cells.lists, name="list"),
    )


def _deviance(y: Vector, mean: Vector) -> float:
    ratio = np.divide(y, mean, out=np.ones_like(y), where=y > 0.0)
    return float(2.0 * np.sum(xlogy(y, ratio) - (y - mean)))


def _not_identified(cells: ListCells, fitted: _Fitted) -> str:
    empty = int((~fitted.existence.support).sum())
    never = [
        f"{a} and {b}"
        for (i, a), (j, b) in combinations(enumerate(cells.lists), 2)
        if not np.any(cells.counts[(cells.on[:, i] == 1.0) & (cells.on[:, j] == 1.0)])
    ]
    overlap = f" Lists that share no case: {'; '.join(never[:5])}." if never else ""
    return (
        f"the model {_model_name(fitted.interactions)} does not determine how many cases are on no list: the expected "
        f"count is zero in {empty} of {cells.counts.size} combinations, and the others set no finite number.{overlap} "
        "Leave out interactions between lists that hardly overlap, or merge lists; compare_lists shows which single "
        "interactions can be estimated."
    )


def _model_name(interactions: tuple[Interaction, ...]) -> str:
    return " + ".join(":".join(members) for members in interactions) or INDEPENDENT


def _identified_by(cells: ListCells) -> str:
    return f"{len(cells.lists)} linked lists"


def _check_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise DomainError(f"level must lie between 0 and 1, got {level:g}")

"""Random terms on rows: which group each row belongs to, and which effects vary over groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dwangstats._types import Codes
from dwangstats.design.columns import Columns, build_columns
from dwangstats.design.formula import ParsedFormula, RandomTerm
from dwangstats.design.rows import listed, missing_values, raise_problems, rows_text
from dwangstats.errors import DataError, FormulaError
from dwangstats.numerics.mixed.structure import Term

INTERCEPT = "Intercept"


@dataclass(frozen=True, slots=True, eq=False)
class GroupedTerm:
    """One random term on the fitted rows: G groups, q effects per group.

    Attributes
    ----------
    name : str
        "provider", or "provider:location" for the locations within providers.
    groups : tuple of str
        Columns whose combination names a group.
    columns : Columns
        Design of the effects, (n, q).
    correlated : bool
        Whether the effects of a group are correlated.
    codes : (n,) array of int
        Group of each row, 0 .. G - 1, in the order of the labels.
    labels : Index
        (G,) label of each group; "p1/north" where several columns name it.
    levels : tuple of Index
        Distinct values of each of the columns, sorted.
    keys : (G,) array of int
        Combination of values that each group stands for, increasing.
    """

    name: str
    groups: tuple[str, ...]
    columns: Columns
    correlated: bool
    codes: Codes
    labels: pd.Index
    levels: tuple[pd.Index, ...]
    keys: Codes

    @property
    def effects(self) -> tuple[str, ...]:
        """Formulaic's names of the effects."""
        return self.columns.names

    @property
    def sd_names(self) -> tuple[str, ...]:
        """Name of each effect's standard deviation: "provider" for an intercept, "provider[time]" for a slope."""
        return tuple(self.name if effect == INTERCEPT else f"{self.name}[{effect}]" for effect in self.effects)

    @property
    def term(self) -> Term:
        """The term as arrays for the fitter."""
        return Term(self.codes, self.columns.X, self.correlated, self.name)

    def locate(self, rows: pd.DataFrame) -> Codes:
        """Group of each new row, (m,); -1 for a group without fitted rows.

        Raises
        ------
        DataError
            If a label is missing.
        """
        absent = [name for name in self.groups if name not in rows]
        if absent:
            raise DataError(f"The new rows have no column {', '.join(absent)}, which names the groups of {self.name}.")
        raise_problems(missing_values(rows, self.groups))
        places = [
            level.get_indexer(pd.Index(_values(rows[name])))
            for name, level in zip(self.groups, self.levels, strict=True)
        ]
        keys = _combined(places, self.levels)
        found = np.searchsorted(self.keys, keys).clip(max=self.keys.size - 1)
        known = (self.keys[found] == keys) & np.all([place >= 0 for place in places], axis=0)
        return np.where(known, found, -1).astype(np.intp)

    def refuse_unseen(self, rows: pd.DataFrame, codes: Codes) -> None:
        """DataError that names the rows whose group has no fitted rows."""
        bad = np.flatnonzero(codes < 0)
        if bad.size:
            labels = list(dict.fromkeys(_joined([_values(rows[name])[bad] for name in self.groups])))
            raise DataError(
                f"{bad.size} of {len(rows)} rows ({rows_text(rows.index, bad)}) belong to groups of {self.name} "
                f"without fitted rows: {listed(labels, shown=5)}. Their random effects are not known; predict with "
                "random='zero' or random='integrated', or leave these rows out."
            )


def build_random(parsed: ParsedFormula, frame: pd.DataFrame) -> tuple[GroupedTerm, ...]:
    """Random terms of a formula on rows without missing values, in the order of the formula.

    Raises
    ------
    FormulaError
        If an effect is written twice for the same groups, or the effects of a term cannot be told apart.
    DataError
        If all rows are in one group.
    """
    terms = tuple(_grouped(parsed, random, frame) for random in parsed.random)
    names = [name for term in terms for name in term.sd_names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FormulaError(
            f"The formula {parsed.text} has the same random effect twice: {', '.join(twice)}. Write (0 + x | g) for a "
            "slope without its intercept, or (x || g) for an uncorrelated one."
        )
    return terms


def _grouped(parsed: ParsedFormula, random: RandomTerm, frame: pd.DataFrame) -> GroupedTerm:
    name = ":".join(random.groups)
    found = [_numbered(frame[column]) for column in random.groups]
    places, levels = [place for place, _ in found], [level for _, level in found]
    keys, first, codes = _groups(places, levels)
    if keys.size < 2:
        raise DataError(
            f"All {len(frame)} rows are in one group of {name}, and one group says nothing about differences between "
            f"groups. Leave the random term ({random.effects} | {name}) out."
        )
    labels = _joined([level.to_numpy()[place[first]] for place, level in found])
    columns = build_columns(random.effects, frame, text=f"({random.effects} | {name}) in {parsed.text}")
    return GroupedTerm(
        name=name,
        groups=random.groups,
        columns=columns,
        correlated=random.correlated,
        codes=codes.astype(np.intp),
        labels=pd.Index(labels, name=name, tupleize_cols=False),
        levels=tuple(levels),
        keys=keys.astype(np.intp),
    )


def _values(column: pd.Series) -> np.ndarray:
    """Labels as they are; a category stands for its value."""
    return column.to_numpy(dtype=object) if isinstance(column.dtype, pd.CategoricalDtype) else column.to_numpy()


def _places(level: pd.Index, column: pd.Series) -> Codes:
    """Place of each label among the known ones, (n,); -1 for another."""
    return np.asarray(level.get_indexer(pd.Index(_values(column), tupleize_cols=False)), dtype=np.intp)


def _numbered(column: pd.Series) -> tuple[Codes, pd.Index]:
    """Number of each label, (n,), and the labels sorted; by their text where they are of several kinds."""
    seen, distinct = pd.factorize(column)
    labels = pd.Index(np.asarray(distinct, dtype=object), tupleize_cols=False).infer_objects()
    kinds = {type(label) for label in labels}
    order = np.argsort(labels) if len(kinds) == 1 else np.argsort([str(label) for label in labels])
    rank = np.empty(len(labels), dtype=np.intp)
    rank[order] = np.arange(len(labels))
    ordered: pd.Index = labels.take(order)
    return rank[seen], ordered


def _groups(places: Sequence[Codes], levels: Sequence[pd.Index]) -> tuple[Codes, Codes, Codes]:
    """Combinations of labels that occur, increasing; a row of each; and the group of each row."""
    if len(places) == 1:
        first = np.zeros(len(levels[0]), dtype=np.intp)
        first[places[0]] = np.arange(places[0].size)
        return np.arange(len(levels[0])), first, places[0]
    keys, first, codes = np.unique(_combined(places, levels), return_index=True, return_inverse=True)
    return keys, first, codes


def _combined(places: Sequence[np.ndarray], levels: Sequence[pd.Index]) -> Codes:
    """One number for each combination of places; meaningless where a place is -1."""
    key = np.zeros(places[0].size, dtype=np.intp)
    for place, level in zip(places, levels, strict=True):
        key = key * len(level) + place
    return key


def _joined(values: Sequence[np.ndarray]) -> list[object]:
    if len(values) == 1:
        return list(values[0])
    return ["/".join(str(value) for value in row) for row in zip(*values, strict=True)]

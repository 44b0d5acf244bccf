"""Code lists of forced care: SNOMED codes, forms of the law, definitions of seclusion, laws, legal status.

The lists are the CSV files in ``codelists``. Codes follow the zib VrijheidsbeperkendeInterventie v1.0 (2020), letters
art. 3:2 lid 2 Wvggz; the letter of a code is this package's own reading. Rows are joined on codes, never on labels:
in the published lists two labels are swapped between Dutch and English.

Every row has a version, and the first and last day on which it holds (blank: no such day). A code, a law or a
definition that changes gets another row with a higher version; the earlier row stays, with its last day. Functions
answer by the last version of each code, or with ``on=`` by what held on a date. Where no day is known the field is
blank. The days of laws are those of the acts (of the Jeugdwet by the decree in Stb. 2014, 443); the Bopz runs on
through 2020 for authorisations granted under it.
"""

import importlib.resources
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dwangstats._types import Language
from dwangstats.data.nearest import did_you_mean
from dwangstats.errors import DomainError

CodeList: TypeAlias = Literal["interventions", "letters", "forms", "definitions", "laws", "legal_status"]
Definition: TypeAlias = Literal["D1", "D2", "D3", "D4"]

CODE_LISTS: tuple[CodeList, ...] = ("interventions", "letters", "forms", "definitions", "laws", "legal_status")
FORMS = ("seclusion", "other_locking_in", "medication", "restraint", "other", "admission", "transport")
LAWS = ("WVGGZ", "WZD", "JEUGDWET_H6", "WFZ_BEGINSELENWET", "WGBO", "BOPZ", "unknown")
DEFINITIONS: tuple[Definition, ...] = ("D1", "D2", "D3", "D4")

Day: TypeAlias = str | date | datetime
"""A calendar day; of a moment the day counts."""

_LAWS_WITH_LIST = {"WVGGZ": "wvggz", "WZD": "wzd"}


def code_list(name: CodeList, on: Day | None = None) -> pd.DataFrame:
    """One code list as text columns, a fresh copy; its first column is the code, each code once.

    Parameters
    ----------
    name : {"interventions", "letters", "forms", "definitions", "laws", "legal_status"}
    on : date or text such as "2021-06-30", optional
        The codes that hold on this date, in the version of that date. Without it the last version of every code,
        withdrawn codes included.

    Raises
    ------
    DomainError
        If there is no such list, or the date cannot be read.
    """
    return last_versions(code_versions(name), on)


def code_versions(name: CodeList) -> pd.DataFrame:
    """One code list with every version of every code, as text columns, a fresh copy.

    Besides the code: version, valid_from and valid_until (days as "2020-01-01", both included; blank where there is
    none).

    Raises
    ------
    DomainError
        If there is no such list.
    """
    if name not in CODE_LISTS:
        raise DomainError(f"there is no code list '{name}'.{did_you_mean(name, CODE_LISTS)}")
    return _load(name).copy()


def last_versions(versions: pd.DataFrame, on: Day | None = None) -> pd.DataFrame:
    """Of every code the last version, or the last of those that hold on a date.

    Parameters
    ----------
    versions : DataFrame
        First column the code; version (a whole number as text), valid_from, valid_until.
    on : date or text, optional

    Raises
    ------
    DomainError
        If the date cannot be read.
    """
    rows = versions
    if on is not None:
        day = _day(on)
        until = rows["valid_until"].where(rows["valid_until"] != "", "9999-12-31")
        rows = rows.loc[(rows["valid_from"] <= day) & (day <= until)]
    code = str(rows.columns[0])
    last = rows.assign(number=rows["version"].astype("int64")).sort_values("number", kind="stable")
    kept = last.drop_duplicates(code, keep="last").index
    return rows.loc[rows.index.isin(kept)].reset_index(drop=True)


def holds(versions: pd.DataFrame, codes: pd.Series, moments: pd.Series) -> NDArray[np.bool_]:
    """Whether some version of each code holds at each moment, (n,).

    Parameters
    ----------
    versions : DataFrame
        First column the code; valid_from, valid_until.
    codes : Series of str, (n,)
    moments : Series of datetime64, (n,)

    Returns
    -------
    (n,) bool
        True as well where nothing can be said: the code is missing or not in the list, or the moment is missing.
    """
    name = str(versions.columns[0])
    said = codes.isin(versions[name]).to_numpy(dtype=np.bool_) & moments.notna().to_numpy(dtype=np.bool_)
    inside = ~said
    day = moments.dt.normalize()
    for code, first, last in versions[[name, "valid_from", "valid_until"]].itertuples(index=False, name=None):
        mine = said & (codes == code).fillna(False).to_numpy(dtype=np.bool_)
        after = day >= pd.Timestamp(first) if first else day.notna()
        before = day <= pd.Timestamp(last) if last else day.notna()
        inside |= mine & after.to_numpy(dtype=np.bool_) & before.to_numpy(dtype=np.bool_)
    return inside


def labels(language: Language, name: CodeList = "interventions") -> dict[str, str]:
    """Label of each code of a list, in Dutch ("nl") or English ("en"). For printing; never for joining."""
    table = code_list(name)
    return dict(zip(table.iloc[:, 0], table[f"label_{language}"], strict=True))


def seclusion_codes(definition: Definition = "D2", on: Day | None = None) -> frozenset[str]:
    """SNOMED codes that count as seclusion under a definition.

    The definitions are nested: D1 seclusion room; D2 also the extra secured room; D3 also the separation room and
    seclusion without a named room; D4 also the own room and the temporary stay. They are nested by construction: a
    code carries the first definition that it belongs to.

    Parameters
    ----------
    definition : {"D1", "D2", "D3", "D4"}
    on : date or text, optional
        By the code list of this date.

    Raises
    ------
    DomainError
        If the definition is not D1, D2, D3 or D4, or the date cannot be read.
    """
    if definition not in DEFINITIONS:
        raise DomainError(
            f"there is no definition of seclusion '{definition}'; choose one of {', '.join(DEFINITIONS)}."
        )
    table = code_list("interventions", on)
    inside = table["definition"].isin(DEFINITIONS[: DEFINITIONS.index(definition) + 1])
    return frozenset(table.loc[inside, "code"])


def codes_in_law(law: str, on: Day | None = None) -> frozenset[str] | None:
    """SNOMED codes in the list of a law; None for a law for which no list is published.

    Parameters
    ----------
    law : str
    on : date or text, optional
        By the code list of this date.

    Raises
    ------
    DomainError
        If the law is not one of `LAWS`, or the date cannot be read.
    """
    if law not in LAWS:
        raise DomainError(f"there is no law '{law}'; choose one of {', '.join(LAWS)}.{did_you_mean(law, LAWS)}")
    if law not in _LAWS_WITH_LIST:
        return None
    table = code_list("interventions", on)
    return frozenset(table.loc[table[_LAWS_WITH_LIST[law]] == "yes", "code"])


def form_of(
    codes: Sequence[Any] | pd.Series, definition: Definition = "D2", on: Day | None = None
) -> NDArray[np.object_]:
    """Form of analysis of each code.

    Parameters
    ----------
    codes : sequence of str, (n,)
        SNOMED codes; missing values allowed.
    definition : {"D1", "D2", "D3", "D4"}
        What counts as seclusion. Locking in outside the definition is "other_locking_in".
    on : date or text, optional
        By the code list of this date.

    Returns
    -------
    ndarray of object, (n,)
        Names from `FORMS`; None where the code is missing or unknown.

    Raises
    ------
    DomainError
        If the definition is not known, or the date cannot be read.
    """
    return _look_up(codes, _form_by_code(definition, on))


def letter_of(codes: Sequence[Any] | pd.Series) -> NDArray[np.object_]:
    """Letter of art. 3:2 lid 2 Wvggz of each code, "a" to "k", (n,); None where the code is missing or unknown."""
    table = code_list("interventions")
    return _look_up(codes, dict(zip(table["code"], table["letter"], strict=True)))


def law_of_status(status: Sequence[Any] | pd.Series) -> NDArray[np.object_]:
    """Law under which each legal status exists, (n,); None where it is missing, unknown or of several laws."""
    table = code_list("legal_status")
    return _look_up(status, {code: law for code, law in zip(table["code"], table["law"], strict=True) if law})


@cache
def _load(name: CodeList) -> pd.DataFrame:
    file = importlib.resources.files("dwangstats.data.register").joinpath("codelists", f"{name}.csv")
    with file.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype=str, keep_default_na=False)


def _form_by_code(definition: Definition, on: Day | None) -> dict[str, str]:
    letters = code_list("letters", on)
    form_by_letter = dict(zip(letters["letter"], letters["form"], strict=True))
    table = code_list("interventions", on)
    secluded = seclusion_codes(definition, on)
    return {
        code: "seclusion" if code in secluded else "other_locking_in" if level else form_by_letter[letter]
        for code, letter, level in zip(table["code"], table["letter"], table["definition"], strict=True)
    }


def _day(on: Day) -> str:
    try:
        day = pd.Timestamp(on)
    except (TypeError, ValueError) as error:
        raise DomainError(f'on must be a date such as "2021-06-30", got {on!s}') from error
    if pd.isna(day):
        raise DomainError(f'on must be a date such as "2021-06-30", got {on!s}')
    return day.date().isoformat()


def _look_up(codes: Sequence[Any] | pd.Series, table: dict[str, str]) -> NDArray[np.object_]:
    position, distinct = pd.factorize(np.asarray(codes, dtype=object))
    found = np.array([table.get(str(code)) for code in distinct] + [None], dtype=object)
    return found[position]


def named_laws(laws: Sequence[str]) -> str:
    """Laws as they may be shown: what is not in the list may be anything, a person too."""
    known = [law for law in laws if law in LAWS]
    strange = len(laws) - len(known)
    return ", ".join([*known, *([f"{strange} that are not in the list"] if strange else [])])

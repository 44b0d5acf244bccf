"""Code lists of forced care: SNOMED codes, forms of the law, definitions of seclusion, laws, legal status.

The lists are the CSV files in ``codelists``. Codes follow the zib VrijheidsbeperkendeInterventie v1.0 (2020), letters
art. 3:2 lid 2 Wvggz; the letter of a code is this package's own reading. Rows are joined on codes, never on labels:
in the published lists two labels are swapped between Dutch and English.
"""

import importlib.resources
from collections.abc import Sequence
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

_LAWS_WITH_LIST = {"WVGGZ": "wvggz", "WZD": "wzd"}


def code_list(name: CodeList) -> pd.DataFrame:
    """One code list as text columns, a fresh copy; its first column is the code.

    Parameters
    ----------
    name : {"interventions", "letters", "forms", "definitions", "laws", "legal_status"}

    Raises
    ------
    DomainError
        If there is no such list.
    """
    if name not in CODE_LISTS:
        raise DomainError(f"there is no code list '{name}'.{did_you_mean(name, CODE_LISTS)}")
    return _load(name).copy()


def labels(language: Language, name: CodeList = "interventions") -> dict[str, str]:
    """Label of each code of a list, in Dutch ("nl") or English ("en"). For printing; never for joining."""
    table = code_list(name)
    return dict(zip(table.iloc[:, 0], table[f"label_{language}"], strict=True))


def seclusion_codes(definition: Definition = "D2") -> frozenset[str]:
    """SNOMED codes that count as seclusion under a definition.

    The definitions are nested: D1 seclusion room; D2 also the extra secured room; D3 also the separation room and
    seclusion without a named room; D4 also the own room and the temporary stay.

    Raises
    ------
    DomainError
        If the definition is not D1, D2, D3 or D4.
    """
    if definition not in DEFINITIONS:
        raise DomainError(
            f"there is no definition of seclusion '{definition}'; choose one of {', '.join(DEFINITIONS)}."
        )
    table = _load("interventions")
    inside = table["definition"].isin(DEFINITIONS[: DEFINITIONS.index(definition) + 1])
    return frozenset(table.loc[inside, "code"])


def codes_in_law(law: str) -> frozenset[str] | None:
    """SNOMED codes in the list of a law; None for a law for which no list is published.

    Raises
    ------
    DomainError
        If the law is not one of `LAWS`.
    """
    if law not in LAWS:
        raise DomainError(f"there is no law '{law}'; choose one of {', '.join(LAWS)}.{did_you_mean(law, LAWS)}")
    if law not in _LAWS_WITH_LIST:
        return None
    table = _load("interventions")
    return frozenset(table.loc[table[_LAWS_WITH_LIST[law]] == "yes", "code"])


def form_of(codes: Sequence[Any] | pd.Series, definition: Definition = "D2") -> NDArray[np.object_]:
    """Form of analysis of each code.

    Parameters
    ----------
    codes : sequence of str, (n,)
        SNOMED codes; missing values allowed.
    definition : {"D1", "D2", "D3", "D4"}
        What counts as seclusion. Locking in outside the definition is "other_locking_in".

    Returns
    -------
    ndarray of object, (n,)
        Names from `FORMS`; None where the code is missing or unknown.

    Raises
    ------
    DomainError
        If the definition is not known.
    """
    return _look_up(codes, _form_by_code(definition))


def letter_of(codes: Sequence[Any] | pd.Series) -> NDArray[np.object_]:
    """Letter of art. 3:2 lid 2 Wvggz of each code, "a" to "k", (n,); None where the code is missing or unknown."""
    table = _load("interventions")
    return _look_up(codes, dict(zip(table["code"], table["letter"], strict=True)))


def law_of_status(status: Sequence[Any] | pd.Series) -> NDArray[np.object_]:
    """Law under which each legal status exists, (n,); None where it is missing, unknown or of several laws."""
    table = _load("legal_status")
    return _look_up(status, {code: law for code, law in zip(table["code"], table["law"], strict=True) if law})


@cache
def _load(name: CodeList) -> pd.DataFrame:
    file = importlib.resources.files("dwangstats.data").joinpath("codelists", f"{name}.csv")
    with file.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype=str, keep_default_na=False)


def _form_by_code(definition: Definition) -> dict[str, str]:
    letters = _load("letters")
    form_by_letter = dict(zip(letters["letter"], letters["form"], strict=True))
    table = _load("interventions")
    secluded = seclusion_codes(definition)
    return {
        code: "seclusion" if code in secluded else "other_locking_in" if level else form_by_letter[letter]
        for code, letter, level in zip(table["code"], table["letter"], table["definition"], strict=True)
    }


def _look_up(codes: Sequence[Any] | pd.Series, table: dict[str, str]) -> NDArray[np.object_]:
    position, distinct = pd.factorize(np.asarray(codes, dtype=object))
    found = np.array([table.get(str(code)) for code in distinct] + [None], dtype=object)
    return found[position]

"""Refuse persons where organisations belong: what stands in a column that is shown must not be a client."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from dwangstats.data.reading.convert import TEXT_DTYPE

#: shorter ids, such as running numbers, may be those of a location as well.
ENOUGH_MARKS = 8

#: letters and six digits or more: a pseudonym, or a name with a day of birth.
_NAMES_ONE = re.compile(r"(?=.*[^\W\d_])(?:.*\d){6}", re.DOTALL)
_IDENTITIES = ("client_id", "registration_id")
#: columns of registrations whose values stand in messages or results.
_SHOWN = ("provider_id", "location_id", "law", "form")
#: tables that say which providers and locations there are, by the column of registrations.
LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "provider_id": ("exposure", "locations", "deliveries"),
    "location_id": ("exposure", "locations"),
}
#: from this many different places on, a register with more of them than of clients has swapped columns.
_MANY = 50


def may_name_a_person(text: str) -> bool:
    """Whether a text has the form of a pseudonym, so that it is not repeated where it was not expected."""
    return _NAMES_ONE.match(text) is not None


def names_of_columns(names: Sequence[str]) -> list[str]:
    """Names of columns as they may be shown: one with the form of a pseudonym is called by its place.

    Where the first line of a file is missing or damaged, values of a row stand in its place.
    """
    return [f"(column {place})" if may_name_a_person(name) else name for place, name in enumerate(names, start=1)]


def persons_elsewhere(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Columns that hold clients or registrations and are not meant for them, one sentence each; no value is quoted.

    Providers, locations, laws, forms, states and covariates are named in messages, tables and figures. An id of a
    client or a registration in one of those columns (columns that were swapped, a line that shifted) would be too.
    Ids of fewer than eight marks, such as running numbers, may be those of a provider as well; they are only found
    where no other table has that provider or location.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        Converted tables; without registrations, or without their ids, nothing can be found.

    Returns
    -------
    list of str
    """
    registrations = tables.get("registrations")
    if registrations is None:
        return []
    shown = {
        (table, column): _distinct(frame[column])
        for table, frame in tables.items()
        for column in frame.columns
        if _is_text(frame[column]) and (table != "registrations" or column in _SHOWN)
    }
    headers = {table: frozenset(map(str, frame.columns)) for table, frame in tables.items()}
    looked_for = frozenset().union(*shown.values(), *headers.values())
    persons = frozenset().union(
        *(
            _distinct(registrations.loc[registrations[name].isin(looked_for), name])
            for name in _IDENTITIES
            if name in registrations.columns
        )
    )
    return [
        *(
            _header_sentence(table, len(names & persons), len(names))
            for table, names in headers.items()
            if names & persons
        ),
        *(
            _column_sentence(table, column, len(values & persons), len(values))
            for (table, column), values in shown.items()
            if values & persons
        ),
        *(sentence for column in LISTS if (sentence := _misplaced(tables, registrations, column, persons))),
    ]


def _misplaced(
    tables: Mapping[str, pd.DataFrame], registrations: pd.DataFrame, column: str, found: frozenset[str]
) -> str | None:
    """That short ids of clients stand where places belong, or more places than clients; None where neither is so."""
    if not {column, "client_id"} <= set(registrations.columns):
        return None
    lists = [tables[name][column] for name in LISTS[column] if name in tables and column in tables[name].columns]
    places, clients = set(registrations[column].dropna()), set(registrations["client_id"].dropna())
    unlisted = places - set(pd.concat(lists)) if lists else set()
    persons = (unlisted & clients) - found
    if persons:
        return _column_sentence("registrations", column, len(persons), len(places))
    if column == "provider_id" and clients and len(places) >= max(_MANY, len(clients) + 1):
        return (
            f"registrations: column 'provider_id' has {len(places)} different values and column 'client_id' has "
            f"{len(clients)}. Were the columns swapped? Providers are named in messages and results; correct them."
        )
    return None


def _header_sentence(table: str, count: int, of: int) -> str:
    return (
        f"{table}: {count} of {of} columns have the id of a client or a registration as their name. The first line "
        "names the columns; remove those columns, or add the line that is missing."
    )


def _column_sentence(table: str, column: str, count: int, of: int) -> str:
    return (
        f"{table}: {count} of {of} different values of column '{column}' are ids of clients or registrations. Were "
        "columns swapped, or did a line shift? Such values would be shown; correct the column."
    )


def _is_text(values: "pd.Series[Any]") -> bool:
    return values.dtype == TEXT_DTYPE or isinstance(values.dtype, pd.CategoricalDtype)


def _distinct(values: "pd.Series[Any]") -> frozenset[str]:
    """Different values that are long enough to name one person."""
    distinct = values.dropna().unique().tolist()
    return frozenset(text for text in distinct if isinstance(text, str) and len(text) >= ENOUGH_MARKS)

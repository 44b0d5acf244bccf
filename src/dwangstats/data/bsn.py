"""Refuse citizen service numbers (BSN): they have no place in this package, whatever the column is called."""

import re
from collections.abc import Iterable

_NAMES = frozenset({"bsn", "burgerservicenummer", "sofinummer"})
_LEAST_VALUES = 5
_DIGITS = 9


def is_bsn_name(column: str) -> bool:
    """Whether a column name says that it holds citizen service numbers: "BSN", "client_bsn", "Burgerservicenummer"."""
    return not _NAMES.isdisjoint(re.split(r"[^a-z]+", column.casefold()))


def passes_eleven_test(number: str) -> bool:
    """Whether nine digits pass the eleven-test of the citizen service number; of random ones one in eleven does."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(weight * int(digit) for weight, digit in zip(weights, number, strict=True)) % 11 == 0


def looks_like_bsn(values: Iterable[str]) -> bool:
    """Whether values are probably citizen service numbers.

    They are when there are at least five different values of nine digits (points, spaces and hyphens do not count)
    and more than half of those pass the eleven-test. Five random ones do so with probability 0.006.
    """
    digits = {re.sub(r"[ .-]", "", value) for value in values if len(value) >= _DIGITS}
    nine = [text for text in digits if len(text) == _DIGITS and text.isascii() and text.isdigit()]
    passing = sum(passes_eleven_test(number) for number in nine)
    return len(nine) >= _LEAST_VALUES and 2 * passing > len(nine)

"""Refuse citizen service numbers (BSN): they have no place in this package, whatever the column is called."""

import re
from collections.abc import Iterable
from functools import cache

from dwangstats.data.register.codes import code_list

_NAMES = frozenset({"bsn", "burgerservicenummer", "sofinummer"})
_ENOUGH_VALUES = 5
_FEWEST_VALUES = 2
_NINE = re.compile(r"(?<![0-9])[0-9]{9}(?![0-9])")
_WRITTEN = re.compile(
    r"(?<![0-9])(?:[0-9]{9}|[0-9]{4}([ .-])[0-9]{2}\1[0-9]{3}|[0-9]{3}([ .-])[0-9]{3}\2[0-9]{3})(?![0-9])"
)
_EIGHT = re.compile(r"[0-9]{8}")
_FRACTION = re.compile(r"\.0+$")
_SEPARATOR = re.compile(r"[ .-]")


def is_bsn_name(column: str) -> bool:
    """Whether a column name says that it holds citizen service numbers: "BSN", "client_bsn", "Burgerservicenummer"."""
    return not _NAMES.isdisjoint(re.split(r"[^a-z]+", column.casefold()))


def passes_eleven_test(number: str) -> bool:
    """Whether nine digits pass the eleven-test of the citizen service number; of random ones one in eleven does."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(weight * int(digit) for weight, digit in zip(weights, number, strict=True)) % 11 == 0


def looks_like_bsn(values: Iterable[str]) -> bool:
    """Whether values are probably citizen service numbers.

    Numbers of nine digits are looked for anywhere in a value; points, spaces and hyphens do not count, nor does the .0
    of a spreadsheet. A value of eight digits may have lost its leading zero. Values are service numbers when

    - at least five different numbers were found and more than half of them pass the eleven-test (five random ones do
      with probability 0.006), with or without those of eight digits; or
    - most values hold a number of nine digits, there are two or more, and all pass (two random ones: 0.008).

    Codes of the package's own code lists are not looked at.
    """
    codes = _codes()
    texts = {_FRACTION.sub("", value) for value in values if len(value) >= 8} - codes
    nine = {number for text in texts if (number := _nine_digits(text)) is not None}
    eight = {f"0{text}" for text in texts if _EIGHT.fullmatch(text)}
    few = len(nine) >= _FEWEST_VALUES and 2 * len(nine) > len(texts) and _passing(nine) == len(nine)
    return few or _mostly_pass(nine) or _mostly_pass(nine | eight)


def only_bsn(values: Iterable[str]) -> bool:
    """Whether a number of nine digits occurs among the values, and each that does passes the eleven-test.

    Stricter than `looks_like_bsn`, for names that are shown in every result: a single number is enough.
    """
    codes = _codes()
    texts = (_FRACTION.sub("", value) for value in values if len(value) >= 9 and value not in codes)
    nine = {number for text in texts if (number := _nine_digits(text)) is not None}
    return bool(nine) and _passing(nine) == len(nine)


def without_bsn(text: str) -> str:
    """The text with asterisks for every number of nine digits that passes the eleven-test, also as 1234.56.789.

    For messages: one such number in a column of other ids is not refused, and must not be repeated. Numbers of eight
    digits are left, because organisations have those.
    """
    codes = _codes()

    def hidden(found: re.Match[str]) -> str:
        number = _SEPARATOR.sub("", found.group())
        return "*" * len(found.group()) if passes_eleven_test(number) and number not in codes else found.group()

    return _WRITTEN.sub(hidden, text)


def _nine_digits(text: str) -> str | None:
    found = _NINE.search(text) or _NINE.search(_SEPARATOR.sub("", text))
    return None if found is None else found.group()


def _mostly_pass(numbers: set[str]) -> bool:
    return len(numbers) >= _ENOUGH_VALUES and 2 * _passing(numbers) > len(numbers)


def _passing(numbers: set[str]) -> int:
    return sum(map(passes_eleven_test, numbers))


@cache
def _codes() -> frozenset[str]:
    return frozenset(code_list("interventions")["code"])

"""One section of an analysis file: typed questions to it, and the problems that its answers give."""

import math
from collections.abc import Iterable, Sequence
from datetime import date, time
from typing import Any, TypeVar

from dwangstats.data.nearest import did_you_mean
from dwangstats.data.register.clock import read_moment
from dwangstats.data.register.periods import FIRST_YEAR, LAST_YEAR

#: of a whole number; a larger one has no place in 64 bits.
_LARGEST = 2**63 - 1

Choice = TypeVar("Choice", bound=str)


class Section:
    """A TOML table that remembers which of its keys were asked for.

    A question to a key that is absent answers its default; a wrong answer adds a sentence to ``problems`` and also
    answers the default, so that all problems of a file are found in one reading.

    Parameters
    ----------
    name : str
        Dotted name, as in [columns.panel]; empty for the top of the file.
    content : object
        What stands there; anything but a table is a problem.
    problems : list of str
        Shared by all sections of one file; grows.
    given : bool
        Whether the section stands in the file at all.
    """

    def __init__(self, name: str, content: Any, problems: list[str], *, given: bool = True) -> None:
        self.name = name
        self.given = given
        self.problems = problems
        self._asked: set[str] = set()
        self._content: dict[str, Any] = content if isinstance(content, dict) else {}
        if not isinstance(content, dict):
            problems.append(f"[{name}] must be a section with keys, not {_kind(content)}.")

    def has(self, key: str) -> bool:
        """Whether the key stands in the section."""
        return key in self._content

    def has_table(self, key: str) -> bool:
        """Whether the key stands in the section and holds keys of its own."""
        return isinstance(self._content.get(key), dict)

    def seen(self, key: str) -> bool:
        """Whether the key was asked for."""
        return key in self._asked

    def section(self, key: str) -> "Section":
        """The section under this key; an empty one when it is absent."""
        self._asked.add(key)
        return Section(self._path(key), self._content.get(key, {}), self.problems, given=key in self._content)

    def text(self, key: str, default: str) -> str:
        """A text."""
        return str(self._typed(key, default, str, "a text in quotes"))

    def number(self, key: str, default: float) -> float:
        """A number."""
        return float(self._typed(key, default, (int, float), "a number"))

    def whole(self, key: str, default: int) -> int:
        """A whole number."""
        return int(self._typed(key, default, int, "a whole number without decimals"))

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        return bool(self._typed(key, default, bool, "true or false"))

    def optional_flag(self, key: str) -> bool | None:
        """True, false, or None when absent."""
        return self.flag(key, False) if self.has(key) else None

    def value(self, key: str) -> int | float | str:
        """A number or a text; "" when absent."""
        found: int | float | str = self._typed(key, "", (int, float, str), "a number or a text in quotes")
        return found

    def choice(self, key: str, choices: Sequence[Choice], default: Choice) -> Choice:
        """One of the choices."""
        return self._chosen(key, self.text(key, default), choices) or default

    def optional_choice(self, key: str, choices: Sequence[Choice]) -> Choice | None:
        """One of the choices, or None when absent."""
        return self._chosen(key, self.text(key, choices[0]), choices) if self.has(key) else None

    def texts(self, key: str, choices: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of different texts, all among the choices if there are any; empty when absent."""
        found = self._typed(key, [], list, "a list of texts")
        if not all(isinstance(item, str) for item in found):
            self.require(False, key, "must hold texts in quotes only")
            return ()
        self.require(len(set(found)) == len(found), key, "names something twice")
        for item in found if choices else ():
            self._chosen(key, item, choices)
        return tuple(found)

    def moment(self, key: str) -> str | None:
        """A date, or a date with a time, as a text such as "2024-10-08"; None when absent."""
        found = self._typed(key, "", (str, date), "a date, as 2024-10-08")
        if not self.has(key) or found == "":
            self.require(not self.has(key) or self._content[key] != "", key, "is empty; write a date, as 2024-10-08")
            return None
        try:
            moment = read_moment(found) if isinstance(found, str) else found
        except ValueError:
            self.require(False, key, f'is {found!r}; write a date as year-month-day, for example "2024-10-08"')
            return None
        zoned = getattr(moment, "tzinfo", None) is not None
        self.require(not zoned, key, "names a time zone; write Dutch clock time without one")
        fits = FIRST_YEAR <= moment.year <= LAST_YEAR
        self.require(fits, key, f"lies in the year {moment.year}; it must lie between {FIRST_YEAR} and {LAST_YEAR}")
        return None if zoned or not fits else moment.isoformat()

    def names(self) -> tuple[str, ...]:
        """The keys that stand in the section, in order."""
        return tuple(self._content)

    def pair(self, key: str, *, endless: bool = False) -> tuple[float, float] | None:
        """Two numbers, or None when absent; ``endless``: the second may be inf."""
        found = self._typed(key, [], list, "a list of two numbers")
        if not self.has(key):
            return None
        if len(found) != 2 or not all(isinstance(end, int | float) and not isinstance(end, bool) for end in found):
            self.require(False, key, "must be a list of two numbers, as [0.7, 1.0]")
            return None
        if any(abs(end) > _LARGEST for end in (found[:1] if endless and found[1] == math.inf else found)):
            self.require(False, key, "holds too large a number")
            return None
        return float(found[0]), float(found[1])

    def require(self, fine: bool, key: str, complaint: str) -> None:
        """Note a problem with a key unless all is fine."""
        if not fine:
            self.problems.append(f"{self._shown(key)} {complaint}.")

    def refuse_unknown(self, known: Iterable[str] = ()) -> None:
        """Note every key that was never asked for, with the nearest one that was."""
        choices = sorted({*self._asked, *known})
        for key in self._content:
            if key not in self._asked:
                hint = did_you_mean(key, choices) or f" Known here: {', '.join(choices)}."
                self.problems.append(f"{self._shown(key)} is not known.{hint}")

    def _typed(self, key: str, default: Any, kinds: type | tuple[type, ...], wanted: str) -> Any:
        self._asked.add(key)
        found = self._content.get(key, default)
        if isinstance(found, int) and abs(found) > _LARGEST:
            self.require(False, key, "is too large a number")
            return default
        if isinstance(found, kinds) and (kinds is bool or not isinstance(found, bool)):
            return found
        self.require(False, key, f"must be {wanted}, not {_kind(found)}")
        return default

    def _chosen(self, key: str, found: str, choices: Sequence[Choice]) -> Choice | None:
        for choice in choices:
            if choice == found:
                return choice
        listed = ", ".join(repr(choice) for choice in choices)
        hint = did_you_mean(found, choices)
        self.problems.append(f"{self._shown(key)} is {found!r}; it must be one of {listed}.{hint}")
        return None

    def _path(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def _shown(self, key: str) -> str:
        return f"'{key}' in [{self.name}]" if self.name else f"'{key}'"


def _kind(value: Any) -> str:
    names = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a section",
        time: "a time",
    }
    return names.get(type(value), "a date or time")

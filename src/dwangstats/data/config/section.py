"""One section of an analysis file: typed questions to it, and the problems that its answers give."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from dwangstats.data.nearest import did_you_mean

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

    def pair(self, key: str) -> tuple[float, float] | None:
        """Two numbers, or None when absent."""
        found = self._typed(key, [], list, "a list of two numbers")
        if not self.has(key):
            return None
        if len(found) != 2 or not all(isinstance(end, int | float) and not isinstance(end, bool) for end in found):
            self.require(False, key, "must be a list of two numbers, as [0.7, 1.0]")
            return None
        if max(abs(end) for end in found) > _LARGEST:
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
    }
    return names.get(type(value), "a date or time")

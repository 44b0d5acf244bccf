"""Words and numbers as a reader in one language expects them, all words from one catalogue."""

import importlib.resources
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import pandas as pd

from dwangstats._types import Language
from dwangstats.data.panels.reasons import REASONS
from dwangstats.data.register.periods import is_period, parse_period
from dwangstats.errors import InternalError, MissingExtraError
from dwangstats.present.contents import CountedAs

try:
    from babel import Locale
    from babel.dates import format_date
    from babel.numbers import format_decimal
except ImportError as error:
    raise MissingExtraError("Reports and figures need the extra 'report': pip install 'dwangstats[report]'") from error

LANGUAGES: tuple[Language, ...] = ("nl", "en")

MOST_WRITTEN_OUT = 1e15
"""Numbers of this size and more are written as a power of ten."""

_EMPHASIS = re.compile(r"\*\*(.+?)\*\*")


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every entry of the catalogue: key such as "form.seclusion" to its text by language."""
    text = importlib.resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return dict(_entries(tomllib.loads(text), ""))


def plain(text: str) -> str:
    """The text without its marks of emphasis."""
    return _EMPHASIS.sub(r"\1", text)


def split_emphasis(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is emphasised."""
    pieces = [(piece, place % 2 == 1) for place, piece in enumerate(_EMPHASIS.split(text))]
    return [(piece, strong) for piece, strong in pieces if piece]


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT or NA."""
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


@dataclass(frozen=True, slots=True)
class Labels:
    """Words, names and numbers in one language.

    Attributes
    ----------
    language : {"nl", "en"}
    counted : {"registrations", "interventions"}
        What one count is: texts that say so have their own entry under [interventions] of the catalogue.
    """

    language: Language
    counted: CountedAs = "registrations"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise InternalError(f"language '{self.language}' is not one of {', '.join(LANGUAGES)}")

    @property
    def locale(self) -> Locale:
        """Locale of the numbers and dates."""
        return Locale.parse(self.text("language.locale"))

    def text(self, key: str, /, **values: str) -> str:
        """The text of a key with its placeholders filled in.

        Raises
        ------
        InternalError
            If the key is unknown or a placeholder has no value: a word is missing in the catalogue.
        """
        entry = catalogue().get(f"{self.counted}.{key}", catalogue().get(key))
        if entry is None:
            raise InternalError(f"the catalogue has no text '{key}'")
        try:
            return entry[self.language].format(**values)
        except KeyError as error:
            raise InternalError(f"text '{key}' needs a value for {error}") from error

    def plural(self, key: str, number: int, /, **values: str) -> str:
        """The text of ``key_one`` or ``key_other``, whichever the number asks for; ``{count}`` is filled in."""
        form = "one" if self.locale.plural_form(abs(number)) == "one" else "other"
        return self.text(f"{key}_{form}", count=self.count(number), **values)

    def name(self, group: str, value: Any, /, **values: str) -> str:
        """Name of a value within a group of names, for example ("form", "seclusion").

        A value the catalogue does not know is shown as it was given; a missing one as a dash.
        """
        if is_missing(value) or value == "":
            return self.text("common.missing")
        key = f"{group}.{value}"
        return self.text(key, **values) if key in catalogue() else str(value)

    def title(self, group: str, value: Any, /, **values: str) -> str:
        """`name` with a capital, for the head of a row or a panel."""
        return capitalised(self.name(group, value, **values))

    def yes_no(self, value: Any) -> str:
        """Yes or no; a dash if missing."""
        return self.text("common.missing") if is_missing(value) else self.text("common.yes" if value else "common.no")

    def number(self, value: Any, decimals: int = 2) -> str:
        """A number with a fixed number of decimals; a dash if missing, a word if infinite, a power of ten if huge."""
        if is_missing(value):
            return self.text("common.missing")
        number = _as_float(value)
        if math.isinf(number):
            return self.text("common.open_end")
        if abs(number) >= MOST_WRITTEN_OUT:
            return self._power_of_ten(number)
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        rounded = round(number, decimals) or 0.0
        return _minus(format_decimal(rounded, format=pattern, locale=self.locale))

    def significant(self, value: Any, digits: int = 3) -> str:
        """A number with at least ``digits`` significant digits, for rates of any size."""
        if is_missing(value) or not math.isfinite(_as_float(value)) or float(value) == 0.0:
            return self.number(value, 0)
        decimals = digits - 1 - math.floor(math.log10(abs(float(value))))
        return self._power_of_ten(float(value)) if decimals > 8 else self.number(value, max(decimals, 0))

    def ratio(self, value: Any, decimals: int = 2) -> str:
        """A ratio with a fixed number of decimals, and three significant digits from 10 on: 1.30, 12.3, 234,000."""
        if is_missing(value) or not 10.0 <= abs(_as_float(value)) < math.inf:
            return self.number(value, decimals)
        rounded = float(f"{float(value):.3g}")
        return self.number(rounded, min(decimals, 1) if abs(rounded) < 100.0 else 0)

    def count(self, value: Any) -> str:
        """A whole number; with one decimal if it is not whole."""
        if is_missing(value) or math.isinf(_as_float(value)):
            return self.number(value)
        return self.number(value, 0 if float(value).is_integer() else 1)

    def percent(self, share: Any, decimals: int = 0) -> str:
        """A share as a percentage: 0.3 is "30%"."""
        if is_missing(share) or math.isinf(100.0 * _as_float(share)):
            return self.number(None if is_missing(share) else math.inf)
        return f"{self.number(100.0 * float(share), decimals)}%"

    def level(self, level: Any) -> str:
        """A confidence level as a percentage with all its digits: 0.95 is "95%", 0.999999 is "99.9999%"."""
        digits = "" if is_missing(level) else f"{100.0 * float(level):.12g}"
        return self.percent(level, len(digits.partition(".")[2]))

    def part(self, share: Any) -> str:
        """A share of a whole as a percentage that says 0% or 100% only where it is."""
        if is_missing(share) or not 0.0 < float(share) < 1.0:
            return self.percent(share)
        percentage = 100.0 * float(share)
        if percentage < 1.0:
            return f"{self.significant(percentage, 1)}%"
        decimals = -math.floor(math.log10(100.0 - percentage)) if round(percentage) == 100 else 0
        return self.percent(share, decimals)

    def signed_percent(self, share: Any, decimals: int = 0) -> str:
        """A change as a percentage with its sign: 0.3 is "+30%"."""
        text = self.percent(share, decimals)
        return f"+{text}" if not is_missing(share) and round(100.0 * _as_float(share), decimals) > 0 else text

    def range(self, low: str, high: str) -> str:
        """Two formatted ends as one range; a dash if both are missing."""
        missing = self.text("common.missing")
        return missing if low == high == missing else self.text("common.range", low=low, high=high)

    def possible(self, low: Any, high: Any, write: Callable[[Any], str]) -> str:
        """The least and the most that something can be: one number, a range, or "at least" without an upper end."""
        least, most = write(low), write(high)
        if least == most:
            return least
        return self.text("common.at_least", low=least) if math.isinf(_as_float(high)) else self.range(least, most)

    def date_long(self, moment: str) -> str:
        """A date as it stands in a sentence, "8 oktober 2024", with the time where one is given."""
        known = datetime.fromisoformat(moment)
        written = str(format_date(known.date(), "d MMMM y", locale=self.locale))
        return written if "T" not in moment else self.text("common.at_time", date=written, time=f"{known:%H:%M}")

    def with_range(self, estimate: str, low: str, high: str) -> str:
        """A formatted estimate with its formatted ends between brackets; without them if both are missing."""
        if low == high == self.text("common.missing"):
            return estimate
        return self.text("common.estimate_range", estimate=estimate, low=low, high=high)

    def list_of(self, items: Sequence[str]) -> str:
        """Items in one line, the last joined by "and"."""
        if len(items) < 2:
            return "".join(items)
        return self.text("common.last_of_list", first=", ".join(items[:-1]), last=items[-1])

    def period(self, period: Any) -> str:
        """A period for a table or an axis: 2021, 2021-H1, 2021-K3, mei 2021; 2021.5 in decimal years is medio 2021."""
        if isinstance(period, float) and not is_missing(period):
            return self._moment(period)
        text = "" if is_missing(period) else str(period)
        if not is_period(text):
            return text or self.text("common.missing")
        parsed = parse_period(text)
        if parsed.kind == "month":
            return self.month(parsed.year, parsed.number)
        return str(parsed.year) if parsed.kind == "year" else f"{parsed.year}-{self.part_of_year(text)}"

    def part_of_year(self, period: str) -> str:
        """The period within its year: H1, K3, mei; the year itself for a whole year."""
        parsed = parse_period(period)
        if parsed.kind == "year":
            return str(parsed.year)
        if parsed.kind == "month":
            return str(format_date(parsed.begin, "LLL", locale=self.locale)).removesuffix(".")
        if parsed.kind == "quarter":
            return self.text("period.quarter", number=str(parsed.number))
        return self.text(f"period.half_{parsed.number}")

    def period_long(self, period: Any) -> str:
        """A period as it stands in a sentence after "in"."""
        text = "" if is_missing(period) else str(period)
        if isinstance(period, float) and text:
            return self._moment(period)
        if not is_period(text):
            return self.text("period.other_long", text=text)
        parsed = parse_period(text)
        if parsed.kind == "half-year":
            return self.text(f"period.half_{parsed.number}_long", year=str(parsed.year))
        if parsed.kind == "quarter":
            return self.text("period.quarter_long", number=str(parsed.number), year=str(parsed.year))
        return self.period(text)

    def _moment(self, time: float) -> str:
        """The month a moment in decimal years lies in; a number that is no year is shown as a number."""
        if not 1000.0 <= time < 10_000.0:
            return self.number(time, 0 if time.is_integer() else 2)
        year, part = divmod(time, 1.0)
        if part == 0.5:
            return self.text("period.middle_of", year=f"{year:.0f}")
        return self.month(int(year), math.floor(12.0 * part) + 1)

    def _power_of_ten(self, number: float) -> str:
        mantissa, exponent = f"{number:.2e}".split("e")
        power = _minus(str(int(exponent)))
        return self.text("common.power_of_ten", mantissa=self.number(float(mantissa), 2), power=power)

    def month(self, year: int, month: int) -> str:
        """A month with its year, written out: "mei 2021"."""
        return str(format_date(date(year, month, 1), "MMMM y", locale=self.locale))

    def per_unit(self, unit: str) -> str:
        """Per one unit ("per occupied bed-day"), or per 1,000 of a unit the catalogue does not know."""
        key = f"per_unit.{unit}"
        return self.text(key) if key in catalogue() else self.text("per_unit.other", unit=unit)

    def reason(self, reason: str) -> str:
        """Why something was set aside; a reason nobody knows is shown as it was given."""
        return REASONS.get(reason, reason) if self.language == "nl" else reason

    def care(self, law: Any) -> str:
        """What forced care is called under the law."""
        key = f"care.{law}"
        return self.text(key if key in catalogue() else "care.other")


def capitalised(text: str) -> str:
    """The text with its first letter as a capital, the rest untouched."""
    return text[:1].upper() + text[1:]


def _entries(tree: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for name, branch in tree.items():
        key = f"{path}.{name}" if path else name
        if set(branch) <= set(LANGUAGES) and all(isinstance(text, str) for text in branch.values()):
            yield key, branch
        else:
            yield from _entries(branch, key)


def _as_float(value: Any) -> float:
    """The value as a float; infinite beyond the largest float."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _minus(text: str) -> str:
    """A minus sign instead of a leading hyphen."""
    return "\N{MINUS SIGN}" + text[1:] if text.startswith("-") else text

"""Numbers in sentences, in both languages."""

from collections.abc import Mapping
from types import MappingProxyType

from dwangstats._types import Language


def said(nl: str, en: str, **numbers: float | str) -> Mapping[Language, str]:
    """The two sentences with their numbers filled in; Dutch writes a comma.

    Parameters
    ----------
    nl, en : str
        Templates with {name}.
    **numbers : float or str
        Numbers are written with up to three digits, texts as they are.
    """
    return MappingProxyType({"nl": nl.format(**_all(numbers, "nl")), "en": en.format(**_all(numbers, "en"))})


def percent(share: float) -> str:
    """A share in whole percent, the same in both languages."""
    return f"{100.0 * share:.0f}%"


def written(value: float, language: Language) -> str:
    """A number with up to three digits."""
    plain = f"{value:.3g}"
    return plain.replace(".", ",") if language == "nl" else plain


def _all(numbers: Mapping[str, float | str], language: Language) -> dict[str, str]:
    return {name: value if isinstance(value, str) else written(value, language) for name, value in numbers.items()}

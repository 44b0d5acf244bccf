"""The known name that a wrong name was probably meant to be."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name nearest to a name, or None when none is near.

    Parameters
    ----------
    name : str
    known : iterable of str
    cutoff : float
        Least similarity (`difflib.SequenceMatcher.ratio`, 0 to 1) that counts as near; capitals do not count.
    """
    by_small: dict[str, str] = {}
    for candidate in known:
        by_small.setdefault(candidate.casefold(), candidate)
    found = difflib.get_close_matches(name.casefold(), list(by_small), n=1, cutoff=cutoff)
    return by_small[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest known name, or "" when none is near; begins with a space."""
    found = nearest(name, known)
    return "" if found is None else f" Did you mean '{found}'?"

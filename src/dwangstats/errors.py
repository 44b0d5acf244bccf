"""Everything this package raises on purpose has one root, `DwangstatsError`.

A message says what is wrong, how many times, where (the first rows), and what to do.
"""

from collections.abc import Sequence


class DwangstatsError(Exception):
    """Root of every error that dwangstats raises on purpose."""


class DataError(DwangstatsError, ValueError):
    """The input tables cannot be used as they are.

    Parameters
    ----------
    problems : str or sequence of str
        One sentence per problem, all of them, not only the first.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        count = len(self.problems)
        head = "" if count == 1 else f"{count} problems in the input:\n"
        super().__init__(head + "\n".join(self.problems if count == 1 else (f"- {p}" for p in self.problems)))


class ConfigError(DwangstatsError, ValueError):
    """The analysis file (dwangstats.toml) cannot be understood."""


class FormulaError(DwangstatsError, ValueError):
    """A model formula cannot be understood or is not offered."""


class DomainError(DwangstatsError, ValueError):
    """An argument lies outside the values for which the question has an answer."""


class FitError(DwangstatsError, ArithmeticError):
    """A model was not fitted to the point where its numbers mean something."""


class IdentificationError(DwangstatsError):
    """The data cannot tell this quantity; the message says which evidence could."""


class MissingExtraError(DwangstatsError, ImportError):
    """An optional part of dwangstats is asked for and not installed."""


class InternalError(DwangstatsError, AssertionError):
    """An identity that must always hold does not: a defect in dwangstats itself."""

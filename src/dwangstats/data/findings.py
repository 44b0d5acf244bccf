"""What reading and checking noticed: one finding per kind of trouble, in both languages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from dwangstats._types import Language, Severity
from dwangstats.data.bsn import without_bsn
from dwangstats.errors import InternalError

SHOWN_ROWS = 5
LANGUAGES: tuple[Language, ...] = ("nl", "en")
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of trouble (or one thing worth knowing) in one table.

    Attributes
    ----------
    rule : str
        Stable name of the rule, for example "not-a-count".
    severity : {"error", "warning", "info"}
        An error stops an analysis, a warning is printed with every result, an info is only said.
    table : str
        Name of the table; empty when the finding is about the input as a whole.
    count : int
        Number of rows (or columns, or files) concerned, >= 0.
    of : int
        Number of rows (or columns, or files) looked at, >= ``count``.
    rows : tuple of int
        Row numbers of at most the first five, counted from 1 under the header.
    message, action : mapping of language to str
        What is wrong, and what to do, in "nl" and "en". Never contains a client id; what may be a citizen service
        number is made unreadable.
    """

    rule: str
    severity: Severity
    table: str
    count: int
    of: int
    rows: tuple[int, ...]
    message: Mapping[Language, str]
    action: Mapping[Language, str]

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise InternalError(f"finding {self.rule}: severity '{self.severity}' is not one of {SEVERITIES}")
        if not 0 <= self.count <= self.of:
            raise InternalError(f"finding {self.rule}: {self.count} rows of {self.of} cannot be")
        if len(self.rows) > SHOWN_ROWS:
            raise InternalError(f"finding {self.rule}: shows {len(self.rows)} rows, at most {SHOWN_ROWS} are shown")
        silent = [code for code in LANGUAGES if not self.message.get(code) or not self.action.get(code)]
        if silent:
            raise InternalError(f"finding {self.rule}: no message or action in {', '.join(silent)}")
        for name in ("message", "action"):
            texts: Mapping[Language, str] = getattr(self, name)
            object.__setattr__(self, name, {code: without_bsn(text) for code, text in texts.items()})


def first_rows(rows: Iterable[int]) -> tuple[int, ...]:
    """The first five row numbers as plain integers, in the order given."""
    shown: list[int] = []
    for row in rows:
        if len(shown) == SHOWN_ROWS:
            break
        shown.append(int(row))
    return tuple(shown)


def findings_frame(findings: Sequence[Finding], language: Language = "en") -> pd.DataFrame:
    """One row per finding: rule, severity, table, count, of, rows (text), message, action."""
    columns = ("rule", "severity", "table", "count", "of", "rows", "message", "action")
    rows = [
        (f.rule, f.severity, f.table, f.count, f.of, _rows_text(f), f.message[language], f.action[language])
        for f in findings
    ]
    return pd.DataFrame(rows, columns=list(columns))


def _rows_text(finding: Finding) -> str:
    more = finding.count > len(finding.rows) > 0
    return ", ".join(str(row) for row in finding.rows) + (", ..." if more else "")

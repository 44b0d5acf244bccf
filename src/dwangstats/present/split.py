"""How much of the registered change is registration, how much real, how much undecided, and on what that rests."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from dwangstats.present.choose import Row, records
from dwangstats.present.contents import ReportContents
from dwangstats.present.labels import Labels, is_missing

PASSED = ("data-identified", "prior-driven")
"""Verdicts under which a quantity that depends on completeness is shown."""

OBSERVED = "observed change"
OWN_SENTENCE = ("registration", "real", OBSERVED)
"""Parts of the change that the text names; the others are added up."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the change, with its interval."""

    estimate: float
    lower: float
    upper: float

    @property
    def certain(self) -> float:
        """What the interval leaves no doubt about: its end nearest to zero, or 0 where it holds zero."""
        if self.lower > 0.0:
            return self.lower
        return min(self.upper, 0.0)


def adjusted_row(contents: ReportContents, form: str) -> Row | None:
    """The row of a form for which evidence was given; None without evidence."""
    if contents.adjusted.empty:
        return None
    return next((row for row in records(contents.adjusted) if row["form"] == form), None)


def is_split(contents: ReportContents, form: str) -> bool:
    """Whether registration and real change are told apart for a form."""
    row = adjusted_row(contents, form)
    return row is not None and not is_missing(row["estimate"])


def parts_sentences(contents: ReportContents, labels: Labels, form: str, applied: str, per_unit: str) -> Iterator[str]:
    """The parts of the change, what of them is certain, and how much is undecided.

    Parameters
    ----------
    contents : ReportContents
    labels : Labels
    form : str
    applied, per_unit : str
        What is applied, and per what, as they stand in a sentence.
    """
    parts = _parts(contents, form)
    if not set(OWN_SENTENCE) <= set(parts):
        return
    registration, real = parts["registration"], parts["real"]
    rest = sum(part.estimate for name, part in parts.items() if name not in OWN_SENTENCE)
    yield labels.text(
        "split.parts",
        total=_signed(labels, parts[OBSERVED].estimate),
        registration=_part(labels, registration),
        real=_part(labels, real),
        rest=_signed(labels, rest),
        applied=applied,
        per_unit=per_unit,
        unit=labels.name("unit", contents.question.get("unit", "bed-days")),
    )
    undecided = sum(abs(part.estimate - part.certain) for part in (registration, real))
    yield labels.text(
        f"split.certain_{_certain(registration, real)}",
        level=labels.level(contents.question.get("level")),
        registration=_at_least(labels, registration),
        real=_at_least(labels, real),
        undecided=labels.count(round(undecided)),
    )


def evidence_sentences(contents: ReportContents, labels: Labels, form: str) -> Iterator[str]:
    """The evidence behind the parts, and a warning where a check on it failed."""
    row = adjusted_row(contents, form)
    if row is None:
        return
    prior = "prior-driven" in (row["change_verdict"], row["level_verdict"])
    yield labels.text(f"split.rests_{'prior' if prior else 'data'}", evidence=str(row["evidence"]))
    failed = _failed_checks(contents, form)
    if failed:
        yield labels.plural("split.checks_failed", failed)


def level_sentences(contents: ReportContents, labels: Labels, form: str, before: str, after: str) -> Iterator[str]:
    """Completeness in both periods, and the events that went unregistered, where the level of completeness is known.

    Parameters
    ----------
    contents : ReportContents
    labels : Labels
    form : str
    before, after : str
        The periods as they stand in a sentence.
    """
    row = adjusted_row(contents, form)
    if row is not None and row["level_verdict"] in PASSED:
        yield _completeness(contents, labels, form, before, after)
        yield _unregistered(contents, labels, form, after)


def _parts(contents: ReportContents, form: str) -> dict[str, Part]:
    return {
        str(row["part"]): Part(float(row["estimate"]), float(row["lower"]), float(row["upper"]))
        for row in _of_form(contents.decomposition, form)
    }


def _certain(registration: Part, real: Part) -> str:
    known = (registration.certain != 0.0, real.certain != 0.0)
    return {(True, True): "both", (True, False): "registration", (False, True): "real", (False, False): "none"}[known]


def _at_least(labels: Labels, part: Part) -> str:
    """The certain amount of a part: never rounded to beyond what is certain."""
    size = math.floor(abs(part.certain)) * (1.0 if part.certain > 0.0 else -1.0)
    return labels.text("split.more" if size >= 0.0 else "split.less", size=_signed(labels, size))


def _part(labels: Labels, part: Part) -> str:
    low, high = (_signed(labels, end) for end in (part.lower, part.upper))
    return labels.text("split.part", estimate=_signed(labels, part.estimate), low=low, high=high)


def _signed(labels: Labels, value: float) -> str:
    """A whole number with its sign."""
    text = labels.count(float(round(value)))
    return f"+{text}" if round(value) > 0 else text


def _completeness(contents: ReportContents, labels: Labels, form: str, before: str, after: str) -> str:
    rows = {str(row["value"]): row for row in _of_form(contents.completeness, form)}
    first, last = (rows.get(str(contents.question.get(end))) for end in ("before", "after"))
    if first is None or last is None or is_missing(first["estimate"]) or is_missing(last["estimate"]):
        return ""
    return labels.text(
        "split.completeness",
        low=labels.part(first["estimate"]),
        low_range=labels.range(labels.part(first["lower"]), labels.part(first["upper"])),
        high=labels.part(last["estimate"]),
        high_range=labels.range(labels.part(last["lower"]), labels.part(last["upper"])),
        before=before,
        after=after,
    )


def _unregistered(contents: ReportContents, labels: Labels, form: str, after: str) -> str:
    wanted = str(contents.question.get("after"))
    row = next((row for row in _of_form(contents.unregistered, form) if str(row["value"]) == wanted), None)
    if row is None or is_missing(row["estimate"]):
        return ""
    return labels.text(
        "split.unregistered",
        after=after,
        registered=labels.count(row["registered"]),
        estimate=labels.count(round(float(row["estimate"]))),
        low=labels.count(round(float(row["lower"]))),
        high=labels.count(round(float(row["upper"]))),
    )


def _failed_checks(contents: ReportContents, form: str) -> int:
    rows = _of_form(contents.evidence_checks, form)
    return sum(not is_missing(row["passed"]) and not bool(row["passed"]) for row in rows)


def _of_form(frame: pd.DataFrame, form: str) -> list[Row]:
    return [] if frame.empty else records(frame[frame["form"] == form])

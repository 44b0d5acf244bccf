"""What was counted, in words: of which date, what makes one, and which counts are not exact."""

from collections.abc import Mapping
from typing import Any

from dwangstats.present.contents import ReportContents
from dwangstats.present.labels import Labels


def known_text(contents: ReportContents, labels: Labels) -> str:
    """Of which date the counts are what was known; empty where they are of everything that came in."""
    as_of = contents.question.get("as_of")
    return "" if as_of is None else labels.text("counting.known", date=labels.date_long(str(as_of)))


def counting_sentences(contents: ReportContents, labels: Labels) -> list[str]:
    """What a reader of the answer alone has to know of what was counted; nothing where there is nothing special."""
    known, date = _intervals(contents), known_text(contents, labels)
    sentences = [labels.text("counting.known_answer", known=date)] if date else []
    if contents.question.get("gap_hours") is not None:
        sentences.append(labels.text("counting.gap_answer", hours=labels.count(contents.question["gap_hours"])))
    if known is not None:
        counts, of = labels.count(known["counts"]), labels.count(known["of"])
        sentences.append(labels.text("counting.intervals_answer", counts=counts, of=of))
    return sentences


def counting_facts(contents: ReportContents, labels: Labels) -> list[tuple[str, str]]:
    """Terms and values on what was counted; what does not apply is left out."""
    question, known = contents.question, _intervals(contents)
    facts = [(labels.text("counting.known_term"), known_text(contents, labels))]
    if question.get("gap_hours") is not None:
        gap = labels.count(question["gap_hours"])
        facts.append((labels.text("counting.gap_term"), labels.text("counting.gap", hours=gap)))
    if known is not None:
        counts, of = labels.count(known["counts"]), labels.count(known["of"])
        facts.append((labels.text("counting.intervals_term"), labels.text("counting.intervals", counts=counts, of=of)))
    return [(term, value) for term, value in facts if value]


def counting_paragraphs(contents: ReportContents, labels: Labels, unit: str, *, compared: bool) -> list[str]:
    """Paragraphs on what was counted, for the methods.

    Parameters
    ----------
    contents : ReportContents
    labels : Labels
    unit : str
        Name of the exposure.
    compared : bool
        Whether a ratio was estimated.
    """
    question, known = contents.question, _intervals(contents)
    paragraphs = []
    if question.get("as_of") is not None:
        paragraphs.append(
            labels.text("counting.known_method", date=labels.date_long(str(question["as_of"])), unit=unit)
        )
    if question.get("gap_hours") is not None:
        paragraphs.append(labels.text("counting.gap_method", hours=labels.count(question["gap_hours"])))
        if not contents.adjusted.empty:
            paragraphs.append(labels.text("counting.gap_evidence"))
    if known is not None:
        words = {"counts": labels.count(known["counts"]), "of": labels.count(known["of"]), "how": _how(labels, known)}
        model = labels.text("counting.intervals_model") if compared else ""
        parts = (labels.text("counting.intervals_method", **words), model, labels.text("counting.totals", unit=unit))
        paragraphs.append(" ".join(part for part in parts if part))
    return paragraphs


def _intervals(contents: ReportContents) -> Mapping[str, Any] | None:
    known: Mapping[str, Any] | None = contents.question.get("intervals")
    return known if known and known["counts"] else None


def _how(labels: Labels, known: Mapping[str, Any]) -> str:
    """How counts were rounded and what stands for small ones, between brackets; empty where only bounds were given."""
    said = []
    base = known["rounded_to"]
    if base is not None:
        halfway = labels.text(f"counting.ties_{known['ties']}") if base % 2 == 0 else ""
        said.append(labels.text("counting.rounded", base=labels.count(base), halfway=halfway))
    for text, (low, high) in known["suppressed"].items():
        endless = high == "inf"
        key = "counting.hidden_open" if endless else "counting.hidden"
        most = "" if endless else labels.count(high)
        said.append(labels.text(key, text=text, low=labels.count(low), high=most))
    return labels.text("counting.how", how="; ".join(said)) if said else ""

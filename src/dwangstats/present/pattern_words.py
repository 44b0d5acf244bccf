"""What was found about silence in one sentence, with what it rests on."""

from collections.abc import Mapping
from typing import Any

from dwangstats.present.contents import ReportContents
from dwangstats.present.labels import Labels


def pattern_sentences(contents: ReportContents) -> list[str]:
    """What was found with its assumptions and what was judged, or why it cannot be said; what a prior means.

    Nothing where nobody asked.

    Parameters
    ----------
    contents : ReportContents
    """
    summary, labels = contents.pattern_summary, Labels(contents.language)
    if not summary:
        return []
    if summary["refusal"]:
        return [str(summary["refusal"])]
    blind, prior = summary["blind"], summary["prior_silent"]
    all_blind = blind == summary["judged"]
    of_blind = [labels.plural("silence.blind", blind)] if blind and not all_blind else []
    of_prior = (
        [] if prior is None or not summary["silent"] else [labels.text("silence.prior", prior=labels.level(prior))]
    )
    found = " ".join([_found(labels, summary, all_blind=all_blind), *of_blind])
    return [found, labels.text("silence.everything"), *of_prior]


def assumptions_text(labels: Labels, nothing: float) -> str:
    """What a statement on silence rests on, in words."""
    empty = labels.text("caption.patterns_never_empty")
    if nothing > 0.0:
        empty = labels.text("caption.patterns_empty", share=labels.level(nothing))
    return labels.text("silence.assumptions", empty=empty)


def _found(labels: Labels, summary: Mapping[str, Any], *, all_blind: bool) -> str:
    words = {
        "judged": labels.count(summary["judged"]),
        "level": labels.level(summary["level"]),
        "assumptions": assumptions_text(labels, float(summary["nothing"])),
    }
    if summary["silent"]:
        return labels.plural("silence.some", summary["silent"], **words)
    return labels.text("silence.all_blind" if all_blind else "silence.none", **words)

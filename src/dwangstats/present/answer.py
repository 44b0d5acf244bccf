"""The answer in one paragraph: what was registered, among whom, and what the register cannot tell."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dwangstats.present.cells import possible
from dwangstats.present.choose import (
    Row,
    bounds_row,
    forms_in_order,
    headline_rates,
    headline_ratios,
    headline_selection,
    records,
    tipping_row,
    tipping_value,
)
from dwangstats.present.contents import ReportContents
from dwangstats.present.counting_words import counting_sentences
from dwangstats.present.labels import Labels, capitalised, is_missing
from dwangstats.present.split import adjusted_row, evidence_sentences, is_split, level_sentences, parts_sentences

MULTIPLE_FROM = 3.0
"""Ratios from here on are told as "3 times", not as "200% higher"."""

COMPLETE = 1.0 - 1e-9
"""An upper margin from here on is that of complete registration: no completeness lies beyond it."""

MOST_TIMES = 1e6
"""Ratios from here on are told as "more than 1,000,000 times"."""


def answer(contents: ReportContents) -> str:
    """The answer as one paragraph, with ``**`` around what deserves emphasis.

    Parameters
    ----------
    contents : ReportContents
        Finished results; every number of the paragraph stands in them.

    Returns
    -------
    str
        Sentences joined by spaces.
    """
    labels = Labels(contents.language, contents.counted)
    sentences = _compared(contents, labels) if headline_ratios(contents) else _not_compared(contents, labels)
    return " ".join(sentence for sentence in sentences if sentence)


def settling(contents: ReportContents) -> str:
    """What would settle the question, with the size of an audit if that was worked out."""
    labels = Labels(contents.language, contents.counted)
    headline = headline_ratios(contents)
    key = "how" if headline else "how_one"
    if headline and is_split(contents, next(iter(headline))):
        key = "narrower"
    return " ".join(part for part in (labels.text(f"settle.{key}"), _audit_size(contents, labels)) if part)


def difference_range(
    labels: Labels, low: float, high: float, style: Literal["interval", "between"], decimals: int | None = None
) -> str:
    """Two ratios as one range in words: "22% to 39% higher", "from 3% lower to 12% higher", "between ...".

    Of two falls the smaller comes first. Ends that read the same are said once: "about 61% lower".
    """
    decimals = decimals_for(low, high) if decimals is None else decimals
    ends = [_size(labels, end, decimals) for end in (low, high)]
    if ends[0] == ends[1]:
        return labels.text(f"answer.about_{ends[0][0]}", size=ends[0][1])
    kinds = {kind for kind, _ in ends}
    if len(kinds) == 1 and not kinds & {"same", "open"}:
        kind = kinds.pop()
        first, last = reversed(ends) if kind == "lower" else ends
        return labels.text(f"answer.{style}_{kind}", low=first[1], high=last[1])
    first_text, last_text = (labels.text(f"answer.{kind}", size=size) for kind, size in ends)
    return labels.text(f"answer.{style}_mixed", low=first_text, high=last_text)


def decimals_for(*ratios: float) -> int:
    """Decimals of percentages so that none of these ratios looks like no change: 0, or 1 for small changes."""
    changes = [abs(100.0 * (ratio - 1.0)) for ratio in ratios if math.isfinite(ratio) and ratio != 1.0]
    return 1 if changes and (min(changes) < 1.0 or changes[0] < 5.0) else 0


@dataclass(frozen=True, slots=True)
class _Compared:
    """The two periods that are compared, as they stand in a sentence, and per what."""

    before: str
    after: str
    per_unit: str


def _compared(contents: ReportContents, labels: Labels) -> Iterator[str]:
    headline = headline_ratios(contents)
    periods = _Compared(
        before=labels.period_long(contents.question.get("before")),
        after=labels.period_long(contents.question.get("after")),
        per_unit=labels.per_unit(_unit(contents)),
    )
    first = next(iter(headline))
    second = "seclusion" if "seclusion" in headline and first != "seclusion" else None
    yield _rate(contents, labels, periods, first, "answer.rate")
    if is_split(contents, first):
        yield from _split(contents, labels, periods, first)
    if second is not None:
        yield _rate(contents, labels, periods, second, "answer.rate_second")
    yield _coverage(contents, labels)
    yield from counting_sentences(contents, labels)
    yield _comings_and_goings(contents, labels, headline[first])
    if is_split(contents, first):
        yield from level_sentences(contents, labels, first, periods.before, periods.after)
        return
    yield labels.text(f"answer.unknown_{_kind(headline[first])}", applied=_applied(contents, labels, first))
    yield _undecided(contents, labels, first)
    yield _tipping(contents, labels, periods, first, second)
    yield _bounds(contents, labels, periods, first, second)
    yield labels.text(f"answer.verdict_{_verdict(bounds_row(contents, first))}")


def _split(contents: ReportContents, labels: Labels, periods: _Compared, form: str) -> Iterator[str]:
    """What evidence on completeness tells: the ratio of events, the parts of the change, and what is undecided."""
    row = adjusted_row(contents, form)
    if row is None:
        return
    ratio, low, high = float(row["estimate"]), float(row["lower"]), float(row["upper"])
    decimals = decimals_for(ratio, low, high)
    kind, size = _size(labels, ratio, decimals)
    yield labels.text(
        "split.adjusted",
        after=periods.after,
        per_unit=periods.per_unit,
        difference=labels.text(f"answer.{_THAN[kind]}", size=size, before=periods.before),
        interval=labels.text(
            "answer.interval",
            level=labels.level(row["level"]),
            range=difference_range(labels, low, high, "interval", decimals),
        ),
        chance=labels.text("split.adjusted_chance") if low <= 1.0 <= high else "",
    )
    applied = _applied(contents, labels, form)
    yield from parts_sentences(contents, labels, form, applied, periods.per_unit)
    yield from evidence_sentences(contents, labels, form)


def _undecided(contents: ReportContents, labels: Labels, form: str) -> str:
    """That nothing of the change can be assigned: no evidence was given, or it does not tell."""
    row = adjusted_row(contents, form)
    if row is None:
        return labels.text(f"split.undecided_{_kind(headline_ratios(contents)[form])}")
    return labels.text("split.refused", evidence=str(row["evidence"]), reason=str(row["refusal"]))


def _not_compared(contents: ReportContents, labels: Labels) -> Iterator[str]:
    before, after = contents.question.get("before"), contents.question.get("after")
    if before is None or after is None:
        yield labels.text("answer.no_comparison")
    else:
        yield labels.text("answer.no_estimate", before=labels.period_long(before), after=labels.period_long(after))
    yield _levels(contents, labels)
    yield _coverage(contents, labels)
    yield from counting_sentences(contents, labels)
    yield labels.text("answer.level_unknown")


def _rate(contents: ReportContents, labels: Labels, periods: _Compared, form: str, key: str) -> str:
    row = headline_ratios(contents)[form]
    ratio, low, high = float(row["estimate"]), float(row["lower"]), float(row["upper"])
    decimals = decimals_for(ratio, low, high)
    kind, size = _size(labels, ratio, decimals)
    interval = labels.text(
        "answer.interval" if key == "answer.rate" else "answer.interval_second",
        level=labels.level(row["level"]),
        range=difference_range(labels, low, high, "interval", decimals),
    )
    counted = _counted(contents, labels, form)
    return labels.text(
        key,
        after=periods.after,
        counted=counted if key == "answer.rate" else capitalised(counted),
        per_unit=periods.per_unit,
        difference=labels.text(f"answer.{_THAN[kind]}", size=size, before=periods.before),
        interval=interval,
        chance=labels.text("answer.maybe_chance") if low <= 1.0 <= high else "",
        counts=_counts(contents, labels, row, "answer.counts" if key == "answer.rate" else "answer.counts_second"),
    )


def _counts(contents: ReportContents, labels: Labels, row: Row, key: str) -> str:
    """The registrations of both periods; those of a moment are those of its calendar year."""
    years = ""
    if contents.question.get("variable") == "time":
        before, after = (str(math.floor(float(contents.question[end]))) for end in ("before", "after"))
        if before == after:
            return ""
        years = labels.text("answer.counts_years", before=before, after=after)
    return labels.text(
        key,
        events_before=possible(labels, row, "events_before", labels.count),
        events_after=possible(labels, row, "events_after", labels.count),
        years=years,
        count_change=_count_change(labels, row["count_ratio"]),
    )


_THAN = {"higher": "higher_than", "lower": "lower_than", "times": "times_as", "same": "same_as"}
_MANY = {"higher": "more", "lower": "less", "times": "times_many", "same": "as_many"}


def _count_change(labels: Labels, ratio: float) -> str:
    if is_missing(ratio) or math.isinf(ratio):
        return ""
    kind, size = _size(labels, float(ratio), decimals_for(float(ratio)))
    return labels.text("answer.count_change", change=labels.text(f"answer.{_MANY[kind]}", size=size))


def _counted(contents: ReportContents, labels: Labels, form: str) -> str:
    care = labels.care(contents.question.get("law"))
    if form in ("all", "seclusion"):
        return labels.text(f"counted.{form}", care=care)
    return labels.text("counted.form", form=labels.name("form", form))


def _applied(contents: ReportContents, labels: Labels, form: str) -> str:
    key = form if form in ("all", "seclusion") else "form"
    care = labels.care(contents.question.get("law"))
    return labels.text(f"applied.{key}", care=care, form=labels.name("form", form))


def _coverage(contents: ReportContents, labels: Labels) -> str:
    parts = {row["quantity"]: row for row in records(contents.coverage)}
    providers = parts.get("providers")
    if providers is None or is_missing(providers["share"]):
        return ""
    unit = labels.name("unit", _unit(contents))
    known = "" if contents.question.get("deliveries_known", False) else "_counts"
    shares = {
        key: possible(labels, parts[quantity], "share", labels.percent)
        for quantity, key in (("bed_days", "bed_days"), ("registrations", f"registrations{known}"))
        if quantity in parts and not is_missing(parts[quantity].get("share_lowest", parts[quantity]["share"]))
    }
    weights = [labels.text(f"answer.coverage_{key}", share=share, unit=unit) for key, share in shares.items()]
    everyone = providers["kept"] == providers["total"]
    weight = labels.text("answer.coverage_weight", list=labels.list_of(weights)) if weights and not everyone else ""
    selection = "delivered" if headline_selection(contents) == "delivered" else "complete"
    return labels.text(
        f"answer.coverage_{'all_' if everyone else ''}{selection}{known}",
        kept=labels.count(providers["kept"]),
        total=labels.count(providers["total"]),
        share=labels.percent(providers["share"]),
        weight=weight,
    )


def _comings_and_goings(contents: ReportContents, labels: Labels, row: Row) -> str:
    number = contents.question.get("providers_in_one_period")
    if is_missing(number) or not number:
        return ""
    return labels.plural("answer.in_one_period", int(number), total=labels.count(row["providers"]))


def _tipping(contents: ReportContents, labels: Labels, periods: _Compared, first: str, second: str | None) -> str:
    row = tipping_row(contents, first)
    if row is None:
        return ""
    certain = "" if _kind(headline_ratios(contents)[first]) != "unclear" else "unclear_"
    return labels.text(
        f"answer.tipping_{certain}{row['direction']}",
        before=periods.before,
        after=periods.after,
        completeness=labels.part(tipping_value(row)),
        range=_tipping_range(labels, row),
        second=_tipping_second(contents, labels, row, second),
        conclusion=_tipping_conclusion(labels, periods, row),
    )


def _tipping_range(labels: Labels, row: Row) -> str:
    if is_missing(row["lower"]) or is_missing(row["upper"]):
        return ""
    low, high = float(row["lower"]), float(row["upper"])
    if round(100.0 * low) == 0 and high >= COMPLETE:
        return labels.text("answer.tipping_range_any")
    return labels.text("answer.tipping_range", low=labels.part(low), high=labels.part(high))


def _tipping_conclusion(labels: Labels, periods: _Compared, row: Row) -> str:
    """What follows beyond the tipping point: only past the upper end of its margin, and nothing if that is complete."""
    direction = row["direction"]
    if not is_missing(row["upper"]) and row["upper"] >= COMPLETE:
        return labels.text(f"answer.tipping_never_{direction}", before=periods.before, per_unit=periods.per_unit)
    limit = tipping_value(row) if is_missing(row["upper"]) else row["upper"]
    text = labels.text(f"answer.tipping_beyond_{direction}", limit=labels.part(limit), per_unit=periods.per_unit)
    return labels.text("answer.tipping_chance_aside", conclusion=text) if is_missing(row["upper"]) else text


def _tipping_second(contents: ReportContents, labels: Labels, first: Row, second: str | None) -> str:
    row = None if second is None else tipping_row(contents, second)
    if second is None or row is None or row["direction"] != first["direction"]:
        return ""
    return labels.text(
        "answer.tipping_second",
        form=labels.name("events", second),
        completeness=labels.part(tipping_value(row)),
    )


def _bounds(contents: ReportContents, labels: Labels, periods: _Compared, first: str, second: str | None) -> str:
    row = bounds_row(contents, first)
    if row is None:
        return ""
    other = None if second is None else bounds_row(contents, second)
    limits_after = contents.question.get("completeness_after")
    return labels.text(
        f"answer.bounds_{_assumption(contents, row)}",
        before=periods.before,
        after=periods.after,
        per_unit=periods.per_unit,
        range=_completeness(labels, float(row["completeness_low"]), float(row["completeness_high"])),
        range_after="" if limits_after is None else _completeness(labels, *limits_after),
        low=labels.percent(row["completeness_low"]),
        change=_between(labels, row),
        interval=_bounds_interval(labels, row),
        second=""
        if second is None or other is None
        else labels.text("answer.bounds_second", form=labels.name("events", second), change=_between(labels, other)),
    )


def _between(labels: Labels, row: Row) -> str:
    return difference_range(labels, float(row["lower"]), float(row["upper"]), "between")


def _bounds_interval(labels: Labels, row: Row) -> str:
    if is_missing(row["interval_lower"]) or is_missing(row["interval_upper"]):
        return ""
    low, high = float(row["interval_lower"]), float(row["interval_upper"])
    return labels.text("answer.bounds_interval", range=difference_range(labels, low, high, "interval"))


def _assumption(contents: ReportContents, row: Row) -> str:
    if contents.question.get("completeness_after") is not None:
        return "after_monotone" if row["monotone"] else "after_free"
    if row["monotone"]:
        return "monotone"
    return "both" if row["completeness_high"] >= 1.0 else "free"


def _completeness(labels: Labels, low: float, high: float) -> str:
    if low == high:
        return labels.text("answer.completeness_exactly", low=labels.percent(low))
    key = "answer.completeness_at_least" if high >= 1.0 else "answer.completeness_between"
    return labels.text(key, low=labels.percent(low), high=labels.percent(high))


def _verdict(row: Row | None) -> str:
    if row is None:
        return "plain"
    low = row["lower"] if is_missing(row["interval_lower"]) else row["interval_lower"]
    high = row["upper"] if is_missing(row["interval_upper"]) else row["interval_upper"]
    if low > 1.0:
        return "rise"
    return "fall" if high < 1.0 else "both"


def _levels(contents: ReportContents, labels: Labels) -> str:
    rates = headline_rates(contents)
    if rates.empty:
        return ""
    form = forms_in_order(rates["form"])[0]
    rows = records(rates[rates["form"] == form].sort_values("period"))
    first, last = rows[0], rows[-1]
    return labels.text(
        "answer.level_two" if len(rows) > 1 else "answer.level_one",
        first=labels.period_long(first["period"]),
        last=labels.period_long(last["period"]),
        rate_first=possible(labels, first, "rate", labels.significant),
        rate_last=possible(labels, last, "rate", labels.significant),
        interval_first=_level_interval(labels, first),
        interval_last=_level_interval(labels, last),
        care=labels.care(contents.question.get("law")) if form == "all" else labels.name("form", form),
        unit=labels.name("unit", _unit(contents)),
    )


def _level_interval(labels: Labels, row: Row) -> str:
    if is_missing(row["lower"]) or is_missing(row["upper"]):
        return ""
    return labels.text(
        "answer.level_interval", low=labels.significant(row["lower"]), high=labels.significant(row["upper"])
    )


def _audit_size(contents: ReportContents, labels: Labels) -> str:
    sizes = contents.audit_sizes
    if sizes.empty:
        return ""
    finest = records(sizes[sizes["standard_error"] == sizes["standard_error"].min()])
    by_size = sorted(finest, key=lambda row: float(row["events"]))
    completeness = sorted(float(row["completeness"]) for row in finest)
    return labels.text(
        "settle.size_range" if len(finest) > 1 else "settle.size_one",
        low=labels.count(by_size[0]["events"]),
        high=labels.count(by_size[-1]["events"]),
        completeness_low=labels.percent(completeness[0]),
        completeness_high=labels.percent(completeness[-1]),
        standard_error=labels.number(finest[0]["standard_error"]),
    )


def _kind(row: Row) -> str:
    if row["lower"] <= 1.0 <= row["upper"]:
        return "unclear"
    return "rise" if row["estimate"] > 1.0 else "fall"


def _size(labels: Labels, ratio: float, decimals: int) -> tuple[str, str]:
    """Kind of a change (higher, lower, times, same, open) and its size in words."""
    if math.isinf(ratio):
        return "open", ""
    change = round(100.0 * (ratio - 1.0), decimals)
    if ratio >= MULTIPLE_FROM:
        many = labels.text("answer.more_than", size=labels.number(MOST_TIMES, 0))
        return "times", many if ratio > MOST_TIMES else labels.ratio(ratio, 1)
    if ratio > 0.0 and change <= -100.0:
        return "lower", labels.text("answer.more_than", size=labels.percent(0.99))
    if change == 0.0:
        return "same", ""
    return ("higher" if change > 0.0 else "lower"), labels.percent(abs(change) / 100.0, decimals)


def _unit(contents: ReportContents) -> str:
    return str(contents.question.get("unit", "bed-days"))

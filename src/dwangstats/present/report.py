"""The report: one self-contained page, with its tables, figures and results beside it."""

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dwangstats._types import Progress
from dwangstats.data.register.codes import labels as labels_of
from dwangstats.errors import MissingExtraError
from dwangstats.present.adjusted_tables import adjusted_tables
from dwangstats.present.answer import answer, settling
from dwangstats.present.choose import headline_ratios, headline_selection, records
from dwangstats.present.contents import ReportContents
from dwangstats.present.counting_words import counting_facts, counting_paragraphs, known_text
from dwangstats.present.figures.canvas import ordered_periods
from dwangstats.present.illustrations import NAMES, Inline, draw_illustration, illustrations
from dwangstats.present.labels import Labels, capitalised, is_missing, split_emphasis
from dwangstats.present.pattern_tables import pattern_tables
from dwangstats.present.pattern_words import pattern_sentences
from dwangstats.present.publish import publish
from dwangstats.present.results_file import write_results
from dwangstats.present.tables import FRAMES, audit_table, display_tables, sources_table, write_tables

try:
    from jinja2 import Environment, StrictUndefined
except ImportError as error:
    raise MissingExtraError("Reports need the extra 'report': pip install 'dwangstats[report]'") from error

SEVERITIES = ("error", "warning", "info")
PATTERNS_FIGURE = "patterns"
"""The figure that stands in a section of its own."""


def render(contents: ReportContents, out_dir: Path, progress: Progress | None = None) -> Path:
    """Write the report: report.html, tables/*.csv, figures/*.svg and *.png, and results.json.

    The same contents give the same bytes. Files of an earlier report in the same folder are replaced.

    Parameters
    ----------
    contents : ReportContents
        Finished results; nothing is computed here.
    out_dir : Path
        Folder to write to; made if it is not there.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    DataError
        If the folder holds files and is not an earlier report.
    """
    known = [f"tables/{name}.csv" for name in FRAMES]
    known += [f"figures/{name}{suffix}" for name in NAMES for suffix in (".svg", ".png")]
    return publish(lambda folder: _write(contents, folder, progress or _say_nothing), Path(out_dir), known)


def _write(contents: ReportContents, folder: Path, report: Progress) -> None:
    """All files of the report; a failure here leaves an earlier report as it was."""
    shown = illustrations(contents)
    steps = len(shown) + 2
    for name in ("tables", "figures"):
        (folder / name).mkdir()
    report(0, steps)
    write_tables(contents, folder / "tables")
    write_results(contents, folder / "results.json")
    report(1, steps)
    drawn = []
    for done, illustration in enumerate(shown, start=2):
        drawn.append(draw_illustration(illustration, folder / "figures"))
        report(done, steps)
    (folder / "report.html").write_text(to_html(contents, drawn), encoding="utf-8", newline="\n")
    report(steps, steps)


def to_html(contents: ReportContents, figures: Sequence[Inline]) -> str:
    """The page as one string: style and figures inline, no script, no address outside its own folder."""
    labels = Labels(contents.language, contents.counted)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    template = environment.from_string(_package_text("report.html.j2"))
    of_patterns = [drawn for drawn in figures if drawn.illustration.name == PATTERNS_FIGURE]
    return template.render(
        t=labels.text,
        language=contents.language,
        css=_package_text("report.css"),
        title=contents.title,
        subtitle=_subtitle(contents, labels),
        answer=split_emphasis(answer(contents)),
        settling=split_emphasis(settling(contents)),
        audit=audit_table(contents),
        figures=[drawn for drawn in figures if drawn not in of_patterns],
        patterns=[split_emphasis(sentence) for sentence in pattern_sentences(contents)],
        pattern_tables=pattern_tables(contents),
        pattern_figures=of_patterns,
        tables=[*adjusted_tables(contents), *display_tables(contents)],
        failed_fits=_failed_fits(contents, labels),
        findings=_findings(contents, labels),
        findings_intro=_findings_intro(contents, labels),
        methods=_methods(contents, labels),
        facts=_facts(contents, labels),
        sources=sources_table(contents),
    )


@dataclass(frozen=True, slots=True)
class _Finding:
    """A finding of the checks in words."""

    severity: str
    severity_name: str
    message: str
    where: str
    action: str


def _subtitle(contents: ReportContents, labels: Labels) -> str:
    question = contents.question
    periods = [labels.period(period) for period in ordered_periods(list(contents.rates.get("period", [])))]
    span = labels.range(periods[0], periods[-1]) if len(periods) > 1 else "".join(periods)
    law = "" if is_missing(question.get("law")) else labels.name("law", question["law"])
    counted = labels.text("quantity.events") if contents.counted == "interventions" else ""
    parts = (law, span, labels.name("by", question.get("by")), counted, known_text(contents, labels))
    return " · ".join(part for part in parts if part)


def _findings(contents: ReportContents, labels: Labels) -> list[_Finding]:
    rows = records(contents.findings)
    rank = {severity: place for place, severity in enumerate(SEVERITIES)}
    rows.sort(key=lambda row: rank.get(str(row["severity"]), len(rank)))
    return [
        _Finding(
            severity=str(row["severity"]),
            severity_name=labels.name("severity", row["severity"]),
            message=str(row["message"]),
            where=_where(labels, row["table"], row["count"], row["of"], row["rows"]),
            action=labels.text("checks.action", action=str(row["action"])),
        )
        for row in rows
    ]


def _where(labels: Labels, table: Any, count: Any, of: Any, rows: Any) -> str:
    name = labels.title("table_name", table) if table else ""
    shown = ", ".join(str(row) for row in rows) if isinstance(rows, (list, tuple)) else str(rows or "")
    if not name and not shown:
        return ""
    parts = [name] if not count else [_count_in(labels, name, count, of)]
    if shown and not is_missing(rows):
        many = 1 if shown.isdigit() else 2
        parts.append(labels.text(f"checks.first_rows_{'one' if many == 1 else 'other'}", rows=shown))
    return "; ".join(part for part in parts if part)


def _count_in(labels: Labels, name: str, count: Any, of: Any) -> str:
    if is_missing(of):
        text = labels.text("checks.where_count", table=name, count=labels.count(count))
    else:
        text = labels.text("checks.where", table=name, count=labels.count(count), of=labels.count(of))
    return text if name else capitalised(text.removeprefix(": "))


def _findings_intro(contents: ReportContents, labels: Labels) -> str:
    count = len(contents.findings)
    return labels.plural("checks.intro", count) if count else labels.text("checks.clean")


def _failed_fits(contents: ReportContents, labels: Labels) -> str:
    if contents.fit_statistics.empty:
        return ""
    failed = int((~contents.fit_statistics["converged"].fillna(False).astype(bool)).sum())
    return labels.plural("checks.failed_fit", failed) if failed else ""


def _methods(contents: ReportContents, labels: Labels) -> list[str]:
    question = contents.question
    words = {
        "unit": labels.name("unit", question.get("unit", "bed-days")),
        "before": labels.period_long(question.get("before")),
        "after": labels.period_long(question.get("after")),
        "cluster": labels.name("cluster", question.get("cluster")),
    }
    paragraphs = [labels.text("methods.rates", **words)]
    headline = list(headline_ratios(contents).values())
    if headline:
        clustered = headline[0]["covariance"] != "model"
        paragraphs.append(labels.text("methods.ratio" if clustered else "methods.ratio_plain", **words))
        paragraphs.append(labels.text("methods.bounds", **words))
    if not contents.adjusted.empty:
        paragraphs.append(labels.text("methods.registration"))
    return paragraphs + counting_paragraphs(contents, labels, words["unit"], compared=bool(headline))


def _facts(contents: ReportContents, labels: Labels) -> list[tuple[str, str]]:
    """The choices of the analysis, as terms and values; what does not apply is left out."""
    question = contents.question
    before, after = labels.period(question.get("before")), labels.period(question.get("after"))
    compared = not is_missing(question.get("before")) and not is_missing(question.get("after"))
    facts = [
        ("law", labels.name("law", question.get("law") or "not_given")),
        ("definition", _definition(contents)),
        ("by", labels.name("by", question.get("by"))),
        ("unit", labels.name("unit", question.get("unit", "bed-days"))),
        ("selection", labels.name("selection", headline_selection(contents))),
        ("level", labels.level(question.get("level"))),
    ]
    if compared:
        facts += [("compared", labels.text("methods.compared_value", before=before, after=after))]
        facts += [("formula", str(question.get("formula")))]
        facts += [(key, labels.name(key, question.get(key))) for key in ("family", "covariance", "cluster")]
    rows = [*((labels.text(f"methods.{key}"), value) for key, value in facts), *counting_facts(contents, labels)]
    for key in ("completeness_before", "completeness_after") if compared else ():
        limits = question.get(key)
        if limits is not None:
            text = labels.range(labels.percent(limits[0]), labels.percent(limits[1]))
            rows.append((labels.text(f"methods.{key}", before=before, after=after), text))
    if compared and question.get("completeness_before") is not None:
        rows.append((labels.text("methods.monotone"), labels.yes_no(question.get("monotone"))))
    versions = ", ".join(f"{name} {version}" for name, version in sorted(contents.versions.items()))
    rows.append((labels.text("methods.versions"), versions))
    rows.append((labels.text("methods.fingerprint"), contents.fingerprint[:16]))
    return [(term, value) for term, value in rows if value]


def _definition(contents: ReportContents) -> str:
    definition = contents.question.get("definition")
    meaning = labels_of(contents.language, "definitions").get(str(definition), "")
    seclusion = not contents.rates.empty and "seclusion" in set(contents.rates["form"])
    return f"{definition}: {meaning}" if meaning and seclusion else ""


def _package_text(name: str) -> str:
    return importlib.resources.files("dwangstats.present").joinpath(name).read_text(encoding="utf-8")


def _say_nothing(done: int, steps: int) -> None:
    """Progress nobody asked for."""

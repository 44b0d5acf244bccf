"""The tables on completeness: the adjusted ratio, the parts of the change, what went unregistered, and the evidence."""

from collections.abc import Callable, Sequence

import pandas as pd

from dwangstats.present.cells import Cell, Column, DisplayTable, TableRow, ends_under, grouped, titled_columns
from dwangstats.present.choose import Row, forms_in_order, records
from dwangstats.present.contents import ReportContents
from dwangstats.present.labels import Labels, is_missing


def adjusted_tables(contents: ReportContents) -> list[DisplayTable]:
    """The tables for which there was evidence on completeness, in order; none without evidence."""
    labels = Labels(contents.language, contents.counted)
    makers: tuple[Callable[[ReportContents, Labels], DisplayTable], ...] = (
        _adjusted,
        _decomposition,
        _completeness,
        _unregistered,
        _ledger,
        _evidence_checks,
    )
    return [table for table in (make(contents, labels) for make in makers) if table.rows]


def _adjusted(contents: ReportContents, labels: Labels) -> DisplayTable:
    def line(row: Row) -> TableRow:
        estimate = Cell(labels.ratio(row["estimate"]), ends_under(labels, labels.ratio, row))
        words = [labels.name("verdict", row[key]) for key in ("change_verdict", "level_verdict")]
        texts = [labels.ratio(row["registered"]), *words, str(row["evidence"])]
        return TableRow((Cell(labels.title("form", row["form"])), estimate, *(Cell(text) for text in texts)))

    words = ("form", "change_verdict", "level_verdict", "evidence")
    heads = ("form", "adjusted_ratio", "registered_ratio", "change_verdict", "level_verdict", "evidence")
    rows = tuple(line(row) for row in _rows(contents.adjusted))
    return DisplayTable("adjusted", _caption(contents, labels, "adjusted"), titled_columns(labels, heads, words), rows)


def _decomposition(contents: ReportContents, labels: Labels) -> DisplayTable:
    def line(row: Row) -> TableRow:
        estimate = Cell(_whole(labels)(row["estimate"]), ends_under(labels, _whole(labels), row))
        share = "" if is_missing(row["share"]) else labels.percent(row["share"])
        return TableRow((Cell(labels.title("change_part", row["part"])), estimate, Cell(share)))

    columns = titled_columns(labels, ("part", "registrations_part", "share_of_change"), ("part",))
    return _by_form(contents, labels, "decomposition", columns, line)


def _completeness(contents: ReportContents, labels: Labels) -> DisplayTable:
    def line(row: Row) -> TableRow:
        estimate = Cell(labels.percent(row["estimate"], 1), ends_under(labels, lambda end: labels.percent(end, 1), row))
        return TableRow((Cell(labels.period(row["value"])), estimate))

    columns = titled_columns(labels, ("period", "completeness_interval"), ("period",))
    return _by_form(contents, labels, "completeness", columns, line)


def _unregistered(contents: ReportContents, labels: Labels) -> DisplayTable:
    def line(row: Row) -> TableRow:
        estimate = Cell(_whole(labels)(row["estimate"]), ends_under(labels, _whole(labels), row))
        return TableRow((Cell(labels.period(row["value"])), Cell(labels.count(row["registered"])), estimate))

    columns = titled_columns(labels, ("period", "registered", "unregistered"), ("period",))
    return _by_form(contents, labels, "unregistered", columns, line)


def _ledger(contents: ReportContents, labels: Labels) -> DisplayTable:
    def line(row: Row) -> TableRow:
        texts = (labels.name("evidence_source", row["source"]), labels.percent(row["share"], 1))
        return TableRow((Cell(labels.title("target", row["target"])), *(Cell(text) for text in texts)))

    columns = titled_columns(labels, ("quantity", "source", "share"), ("quantity", "source"))
    return _by_form(contents, labels, "ledger", columns, line)


def _evidence_checks(contents: ReportContents, labels: Labels) -> DisplayTable:
    def line(row: Row) -> TableRow:
        texts = (labels.yes_no(row["passed"]), str(row["message"]))
        return TableRow((Cell(str(row["evidence"])), *(Cell(text) for text in texts)))

    columns = titled_columns(labels, ("evidence", "passed", "message"), ("evidence", "passed", "message"))
    return _by_form(contents, labels, "evidence_checks", columns, line)


def _by_form(
    contents: ReportContents,
    labels: Labels,
    name: str,
    columns: tuple[Column, ...],
    line: Callable[[Row], TableRow],
) -> DisplayTable:
    frame: pd.DataFrame = getattr(contents, name)
    return DisplayTable(name, _caption(contents, labels, name), columns, grouped(labels, _rows(frame), line))


def _rows(frame: pd.DataFrame) -> Sequence[Row]:
    """Rows by form in the order of the catalogue."""
    if frame.empty:
        return []
    forms = forms_in_order(frame["form"])
    return sorted(records(frame), key=lambda row: forms.index(str(row["form"])))


def _caption(contents: ReportContents, labels: Labels, name: str) -> str:
    question = contents.question
    return labels.text(
        f"table.{name}",
        per_unit=labels.per_unit(str(question.get("unit", "bed-days"))),
        before=labels.period(question.get("before")),
        after=labels.period(question.get("after")),
    )


def _whole(labels: Labels) -> Callable[[float], str]:
    return lambda end: labels.text("common.missing") if is_missing(end) else labels.count(round(float(end)))

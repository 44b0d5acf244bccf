"""The tables of the report: display tables with formatted cells, and plain CSV files with every digit."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from dwangstats.present.cells import (
    Cell,
    Column,
    DisplayTable,
    TableRow,
    ends_under,
    grouped,
    percent_change,
    possible,
    text_row,
    titled_columns,
)
from dwangstats.present.choose import (
    SELECTIONS,
    Row,
    forms_in_order,
    headline_rates,
    headline_ratios,
    headline_selection,
    records,
    tipping_row,
    tipping_value,
)
from dwangstats.present.contents import ReportContents
from dwangstats.present.figures.canvas import ordered_periods
from dwangstats.present.figures.deliveries import STATUS_STYLE
from dwangstats.present.labels import Labels, is_missing

FRAMES = (
    "findings",
    "coverage",
    "deliveries",
    "set_aside",
    "rates",
    "ratios",
    "coefficients",
    "fit_statistics",
    "bounds",
    "tipping",
    "adjusted",
    "decomposition",
    "completeness",
    "unregistered",
    "ledger",
    "evidence_checks",
    "profiles",
    "patterns",
    "pattern_periods",
    "audit_sizes",
    "sources",
)
"""The frames of `ReportContents`, each of which becomes a CSV file of that name."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet takes a cell for a formula."""

_COUNTED = {"registrations": "events"}
"""Quantities that hold what was counted, which need not be registrations, by the key of their name."""

MOST_COLUMNS = 8
"""Periods beyond this number stand in rows, not in columns."""

MOST_ROWS = 24
"""Of more periods than this only the latest are shown; the CSV file holds them all."""


def write_tables(contents: ReportContents, folder: Path) -> list[Path]:
    """Write every frame as ``folder/<name>.csv``: UTF-8, decimal point, full precision, empty where missing.

    A frame without columns gives no file, and that of an earlier report goes. Text that a spreadsheet would take for a
    formula starts with an apostrophe; numbers are never touched.

    Parameters
    ----------
    contents : ReportContents
    folder : Path
        Existing folder.

    Returns
    -------
    list of Path
    """
    written = []
    for name in FRAMES:
        path = folder / f"{name}.csv"
        frame: pd.DataFrame = getattr(contents, name)
        if frame.columns.empty:
            path.unlink(missing_ok=True)
            continue
        frame.map(_plain_cell).to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
        written.append(path)
    return written


def display_tables(contents: ReportContents) -> list[DisplayTable]:
    """The tables of the report in order; a table without rows is left out."""
    labels = Labels(contents.language, contents.counted)
    makers: tuple[Callable[[ReportContents, Labels], DisplayTable], ...] = (
        _ratios,
        _bounds,
        _rates,
        _events,
        _coverage,
        _deliveries,
        _set_aside,
        _fit_statistics,
        _coefficients,
    )
    return [table for table in (make(contents, labels) for make in makers) if table.rows]


def audit_table(contents: ReportContents) -> DisplayTable:
    """Sizes of an audit that would settle the question."""
    labels = Labels(contents.language, contents.counted)
    with_providers = "providers" in contents.audit_sizes
    rows = []
    for row in records(contents.audit_sizes):
        texts = [
            labels.percent(row["completeness"]),
            labels.number(row["standard_error"]),
            labels.number(row["icc"]),
            labels.count(row["events_per_provider"]),
            labels.count(row["events"]),
        ]
        rows.append(text_row(*texts, *([labels.count(row["providers"])] if with_providers else [])))
    heads = ["completeness", "standard_error", "icc", "events_per_provider", "events_found"]
    columns = titled_columns(labels, [*heads, *["providers_to_visit"] * with_providers], words=("completeness",))
    return DisplayTable("audit_sizes", labels.text("table.audit_sizes"), columns, tuple(rows))


def sources_table(contents: ReportContents) -> DisplayTable:
    """The input files with the beginning of their checksums."""
    labels = Labels(contents.language, contents.counted)
    rows = [
        text_row(
            labels.name("table_name", row["table"]),
            str(row["file"]),
            labels.count(row["rows"]),
            str(row["sha256"])[:12],
        )
        for row in records(contents.sources)
    ]
    columns = titled_columns(labels, ("table", "file", "rows", "sha256"), words=("table", "file", "sha256"))
    return DisplayTable("sources", labels.text("table.sources"), columns, tuple(rows))


def _with_provider_effects(row: Row) -> bool:
    """Rows of a model with random effects, which has CR1 but no CR2."""
    return str(row["family"]).endswith("_provider")


def _ratios(contents: ReportContents, labels: Labels) -> DisplayTable:
    headline = headline_ratios(contents)
    shown = {str(row["covariance"]) for row in headline.values()}
    quoted = {_identity(row) for row in headline.values()}

    with_degrees = "degrees_of_freedom" in contents.ratios

    def line(row: Row) -> TableRow:
        numbers = [
            Cell(labels.ratio(row["estimate"]), ends_under(labels, labels.ratio, row)),
            Cell(labels.count(row["providers"])),
            Cell(possible(labels, row, "events_before", labels.count)),
            Cell(possible(labels, row, "events_after", labels.count)),
            Cell(percent_change(labels, row["count_ratio"])),
        ]
        if with_degrees:
            numbers.append(Cell(labels.number(row["degrees_of_freedom"], 1)))
        return TableRow((_model_cell(labels, row), *numbers), quoted=_identity(row) in quoted)

    rows = [
        row
        for row in _by_form_and_selection(contents.ratios)
        if row["covariance"] in shown or (_with_provider_effects(row) and row["covariance"] == "CR1")
    ]
    before, after = (labels.period(contents.question.get(key)) for key in ("before", "after"))
    columns = (
        Column(labels.text("column.model"), numeric=False),
        *titled_columns(labels, ("ratio_interval", "providers")),
        Column(labels.text("column.events_in", period=before)),
        Column(labels.text("column.events_in", period=after)),
        Column(labels.text("column.count_change")),
        *titled_columns(labels, ["degrees_of_freedom"] * with_degrees),
    )
    caption = _with_possible(contents, labels, labels.text("table.ratios", before=before, after=after))
    return DisplayTable("ratios", caption, columns, grouped(labels, rows, line))


def _bounds(contents: ReportContents, labels: Labels) -> DisplayTable:
    before, after = (labels.period(contents.question.get(key)) for key in ("before", "after"))
    rows = []
    for form in forms_in_order([*contents.bounds.get("form", []), *contents.tipping.get("form", [])]):
        bands: list[Row | None] = []
        if not contents.bounds.empty:
            bands.extend(records(contents.bounds[contents.bounds["form"] == form]))
        for band in bands or [None]:
            rows.append(
                text_row(labels.title("form", form), *_bound_cells(contents, labels, form, band, before, after))
            )
    columns = (
        *titled_columns(labels, ("form", "bounds", "bounds_interval", "tipping"), words=("form", "tipping")),
        Column(labels.text("column.completeness_assumed", before=before)),
        Column(labels.text("column.monotone"), numeric=False),
    )
    return DisplayTable("bounds", labels.text("table.bounds"), columns, tuple(rows))


def _bound_cells(
    contents: ReportContents, labels: Labels, form: str, band: Row | None, before: str, after: str
) -> tuple[str, ...]:
    missing = labels.text("common.missing")
    tipping = tipping_row(contents, form)
    words = missing
    if tipping is not None:
        completeness = labels.percent(tipping_value(tipping), 1)
        key = f"column.tipping_{tipping['direction']}"
        words = labels.text(key, before=before, after=after, completeness=completeness)
    if band is None:
        return (missing, missing, words, missing, missing)
    return (
        labels.range(labels.ratio(band["lower"]), labels.ratio(band["upper"])),
        labels.range(labels.ratio(band["interval_lower"]), labels.ratio(band["interval_upper"])),
        words,
        labels.range(labels.percent(band["completeness_low"]), labels.percent(band["completeness_high"])),
        labels.yes_no(band["monotone"]),
    )


def _rates(contents: ReportContents, labels: Labels) -> DisplayTable:
    def cell(row: Row) -> Cell:
        return Cell(possible(labels, row, "rate", labels.significant), ends_under(labels, labels.significant, row))

    return _by_period(contents, labels, "table.rates", cell)


def _events(contents: ReportContents, labels: Labels) -> DisplayTable:
    table = _by_period(
        contents, labels, "table.events", lambda row: Cell(possible(labels, row, "events", labels.count))
    )
    chosen = headline_rates(contents)
    days = chosen.drop_duplicates(["period", "bed_days"]).set_index("period")["bed_days"]
    periods = ordered_periods(list(chosen["period"]))
    if not periods or not days.index.is_unique or len(periods) > MOST_COLUMNS:
        return table
    cells = (labels.title("unit", _unit(contents)), *(labels.count(days[period]) for period in periods))
    return DisplayTable(table.name, table.caption, table.columns, (*table.rows, text_row(*cells)))


def _by_period(contents: ReportContents, labels: Labels, caption: str, cell: Callable[[Row], Cell]) -> DisplayTable:
    """Form by period for the selection of the text; with many periods, period by form and only the latest."""
    chosen = headline_rates(contents)
    forms, periods = forms_in_order(chosen["form"]), ordered_periods(list(chosen["period"]))
    text = labels.text(
        caption,
        unit=labels.name("unit", _unit(contents)),
        selection=labels.name("selection", headline_selection(contents)),
    )
    if len(periods) > MOST_ROWS:
        text = labels.text("table.latest", caption=text, count=labels.count(MOST_ROWS))
    text = _with_possible(contents, labels, text)
    cells = {(str(row["form"]), str(row["period"])): cell(row) for row in records(chosen)}
    empty = Cell(labels.text("common.missing"))
    form_heads = [labels.title("form", form) for form in forms]
    if len(periods) <= MOST_COLUMNS:
        corner, heads, sides = "column.form", [labels.period(period) for period in periods], form_heads
        body = [[cells.get((form, period), empty) for period in periods] for form in forms]
    else:
        latest = periods[-MOST_ROWS:]
        corner, heads, sides = "column.period", form_heads, [labels.period(period) for period in latest]
        body = [[cells.get((form, period), empty) for form in forms] for period in latest]
    columns = (Column(labels.text(corner), numeric=False), *(Column(head) for head in heads))
    rows = tuple(TableRow((Cell(side), *line)) for side, line in zip(sides, body, strict=True))
    return DisplayTable("rates", text, columns, rows)


def _coverage(contents: ReportContents, labels: Labels) -> DisplayTable:
    rows = [
        text_row(
            labels.title("unit", _unit(contents))
            if row["quantity"] == "bed_days"
            else labels.title("quantity", _COUNTED.get(row["quantity"], row["quantity"])),
            possible(labels, row, "kept", labels.count),
            possible(labels, row, "total", labels.count),
            possible(labels, row, "share", lambda share: labels.percent(share, 1)),
        )
        for row in records(contents.coverage)
    ]
    columns = titled_columns(labels, ("quantity", "kept", "total", "share"), words=("quantity",))
    caption = _with_possible(contents, labels, labels.text("table.coverage"))
    return DisplayTable("coverage", caption, columns, tuple(rows))


def _deliveries(contents: ReportContents, labels: Labels) -> DisplayTable:
    frame = contents.deliveries
    counts = frame.groupby(["period", "status"]).size()
    statuses = _present(frame["status"], STATUS_STYLE)
    periods = ordered_periods(list(frame["period"]))
    rows = [
        text_row(labels.period(period), *(labels.count(counts.get((period, status), 0)) for status in statuses))
        for period in periods[-MOST_ROWS:]
    ]
    heads = [Column(labels.name("status", status)) for status in statuses]
    columns = (Column(labels.text("column.period"), numeric=False), *heads)
    caption = labels.text("table.deliveries")
    if len(periods) > MOST_ROWS:
        caption = labels.text("table.latest", caption=caption, count=labels.count(MOST_ROWS))
    return DisplayTable("deliveries", caption, columns, tuple(rows))


def _set_aside(contents: ReportContents, labels: Labels) -> DisplayTable:
    # Of intervals that were set aside the least is known.
    unsure = contents.question.get("intervals") is not None
    rows = [
        text_row(
            labels.title("quantity", row["what"]),
            labels.reason(str(row["reason"])),
            labels.text("common.at_least", low=labels.count(row["count"]))
            if unsure and row["what"] == "registrations"
            else labels.count(row["count"]),
        )
        for row in records(contents.set_aside)
    ]
    columns = titled_columns(labels, ("what", "reason", "count"), words=("what", "reason"))
    return DisplayTable("set_aside", labels.text("table.set_aside"), columns, tuple(rows))


def _fit_statistics(contents: ReportContents, labels: Labels) -> DisplayTable:
    def line(row: Row) -> TableRow:
        texts = (
            labels.count(row["rows"]),
            labels.number(row["log_likelihood"]),
            labels.number(row["aic"], 1),
            labels.significant(row["dispersion"]),
            labels.yes_no(row["converged"]),
            _boundary(labels, row["boundary"]),
        )
        return TableRow((_model_cell(labels, row), *(Cell(text) for text in texts)))

    heads = ("model", "rows", "log_likelihood", "aic", "dispersion", "converged", "boundary")
    columns = titled_columns(labels, heads, words=("model", "converged", "boundary"))
    rows = grouped(labels, _by_form_and_selection(contents.fit_statistics), line)
    return DisplayTable("fit_statistics", labels.text("table.fit_statistics"), columns, rows)


def _coefficients(contents: ReportContents, labels: Labels) -> DisplayTable:
    def line(row: Row) -> TableRow:
        estimate = Cell(labels.number(row["estimate"], 3), ends_under(labels, lambda end: labels.number(end, 3), row))
        return TableRow((Cell(str(row["name"])), estimate, Cell(labels.number(row["standard_error"], 3))))

    quoted = {_identity(row) for row in headline_ratios(contents).values()}
    rows = [row for row in _by_form_and_selection(contents.coefficients) if _identity(row) in quoted]
    columns = titled_columns(labels, ("name", "estimate", "standard_error"), words=("name",))
    return DisplayTable("coefficients", labels.text("table.coefficients"), columns, grouped(labels, rows, line))


def _with_possible(contents: ReportContents, labels: Labels, caption: str) -> str:
    """A caption; where counts are known to an interval only also what a range without chance in it means."""
    known = contents.question.get("intervals")
    return f"{caption} {labels.text('table.possible')}" if known and known["counts"] else caption


def _by_form_and_selection(frame: pd.DataFrame) -> list[Row]:
    if frame.empty:
        return []
    forms = forms_in_order(frame["form"])
    selections = _present(frame["selection"], SELECTIONS)
    return sorted(
        records(frame), key=lambda row: (forms.index(str(row["form"])), selections.index(str(row["selection"])))
    )


def _present(values: Iterable[Any], order: Iterable[str]) -> list[str]:
    found = {str(value) for value in values}
    known = [value for value in order if value in found]
    return known + sorted(found - set(known))


def _identity(row: Row) -> tuple[str, ...]:
    return tuple(str(row[key]) for key in ("form", "selection", "family", "covariance"))


def _model_cell(labels: Labels, row: Row) -> Cell:
    return Cell(labels.title("selection", row["selection"]), labels.name("family", row["family"]))


def _boundary(labels: Labels, value: Any) -> str:
    if isinstance(value, bool):
        return labels.yes_no(value)
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(item) for item in value)
    return labels.text("common.no") if is_missing(value) or value == "" else str(value)


def _unit(contents: ReportContents) -> str:
    return str(contents.question.get("unit", "bed-days"))


def _plain_cell(value: Any) -> Any:
    """A cell of a CSV file; text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(item) for item in value)
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value

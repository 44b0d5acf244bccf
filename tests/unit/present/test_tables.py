import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from dwangstats.present.contents import ReportContents
from dwangstats.present.tables import FRAMES, DisplayTable, audit_table, display_tables, sources_table, write_tables

Maker = Callable[..., ReportContents]


def named(contents: ReportContents, start: str) -> DisplayTable:
    return next(table for table in display_tables(contents) if table.caption.startswith(start))


def texts(table: DisplayTable) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_csv_files_hold_every_digit(make_contents: Maker, tmp_path: Path) -> None:
    patterns = pd.DataFrame({"provider": ["p1", "p2"], "log_p_silence": [-3000.123456789, float("nan")]})
    contents = make_contents("nl", evidence=True, patterns=patterns, pattern_periods=patterns.assign(period="2021-H1"))
    written = write_tables(contents, tmp_path)
    assert [path.name for path in written] == [f"{name}.csv" for name in FRAMES]
    for name in FRAMES:
        frame: pd.DataFrame = getattr(contents, name)
        read = pd.read_csv(
            tmp_path / f"{name}.csv",
            keep_default_na=False,
            na_values={str(c): [""] for c in frame.select_dtypes("number")},
        )
        assert_frame_equal(read, frame.reset_index(drop=True), check_dtype=False, check_exact=True)


def test_csv_files_are_utf8_with_plain_line_ends(make_contents: Maker, tmp_path: Path) -> None:
    findings = make_contents("nl").findings.assign(message="geïsoleerd", rows=pd.Series([(1, 2), (3,)], dtype=object))
    write_tables(make_contents("nl", findings=findings), tmp_path)
    text = (tmp_path / "findings.csv").read_bytes().decode("utf-8")
    assert "\r" not in text
    assert "geïsoleerd" in text
    assert '"1, 2"' in text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_text_is_no_formula_in_a_spreadsheet(make_contents: Maker, tmp_path: Path, start: str) -> None:
    contents = make_contents("en", n_providers=4)
    nasty = start + 'HYPERLINK("x")'
    changed = make_contents(
        "en", deliveries=contents.deliveries.assign(provider=nasty), rates=contents.rates.assign(lower=-1.5, form=nasty)
    )
    write_tables(changed, tmp_path)
    read = pd.read_csv(tmp_path / "deliveries.csv")
    assert set(read["provider"]) == {"'" + nasty}
    rates = pd.read_csv(tmp_path / "rates.csv")
    assert set(rates["lower"]) == {-1.5}
    assert set(rates["form"]) == {"'" + nasty}


def test_a_ratio_beyond_measure_has_three_digits(make_contents: Maker) -> None:
    table = named(make_contents("en", ratios=make_contents("en").ratios.assign(upper=233_813.21)), "Registered change")
    assert table.rows[1].cells[1].detail.endswith("to 234,000")


def test_numbers_beyond_what_can_be_written_out_give_tables(make_contents: Maker) -> None:
    contents = make_contents("nl")
    rates = contents.rates.assign(bed_days=1e308, rate=1e-300, lower=1e-305, upper=1e-290)
    ratios = contents.ratios.assign(upper=1e300, count_ratio=1e308)
    cells = str(display_tables(make_contents("nl", rates=rates, ratios=ratios)))
    assert "1,00 × 10^308" in cells
    assert "nan" not in cells


def test_missing_numbers_are_empty_and_a_frame_without_columns_gives_no_file(
    make_contents: Maker, tmp_path: Path
) -> None:
    (tmp_path / "bounds.csv").write_text("old\n")
    write_tables(make_contents("nl", bounds=pd.DataFrame()), tmp_path)
    assert not (tmp_path / "bounds.csv").exists()
    tipping = pd.read_csv(io.StringIO((tmp_path / "tipping.csv").read_text()))
    assert tipping.loc[tipping["direction"] == "fall", "completeness_before"].isna().all()


def test_the_ratios_are_grouped_by_form_and_the_quoted_rows_are_marked(make_contents: Maker) -> None:
    table = named(make_contents("nl"), "Geregistreerde verandering")
    headings = [row.cells[0].text for row in table.rows if row.heading]
    assert headings[:3] == ["Alle vormen", "Separatie", "Andere vormen van insluiten"]
    quoted = [row for row in table.rows if row.quoted]
    assert len(quoted) == 7
    first = quoted[0].cells
    assert (first[0].text, first[0].detail) == ("Elke periode aangeleverd", "Poisson")
    assert (first[1].text, first[1].detail) == ("1,30", "1,22 tot 1,39")
    assert [cell.text for cell in first[2:]] == ["45", "6.272", "8.031", "+28,0%", "31,4"]
    assert len(table.columns) == len(first)


def test_ratios_without_degrees_of_freedom_have_no_empty_column(make_contents: Maker) -> None:
    contents = make_contents("en")
    table = named(make_contents("en", ratios=contents.ratios.drop(columns="degrees_of_freedom")), "Registered change")
    assert [column.head for column in table.columns][-1] == "change in number"


def test_rates_stand_by_form_and_period_for_the_selection_of_the_text(make_contents: Maker) -> None:
    contents = make_contents("en")
    table = named(contents, "Registered number per 1,000 occupied bed-days")
    assert [column.head for column in table.columns] == ["form", *contents.rates["period"].unique()]
    row = contents.rates.query("form == 'seclusion' and selection == 'complete' and period == '2021-H1'").iloc[0]
    cell = table.rows[1].cells[1]
    assert cell.text == f"{row['rate']:.3f}"
    assert cell.detail == f"{row['lower']:.3f} to {row['upper']:.3f}"


def test_many_periods_stand_in_rows_and_only_the_latest_are_shown(make_contents: Maker) -> None:
    months = tuple(f"{year}-{month:02d}" for year in (2021, 2022, 2023) for month in range(1, 13))
    table = named(make_contents("nl", forms=("seclusion",), periods=months), "Geregistreerd aantal per")
    assert len(table.rows) == 24
    assert table.rows[0].cells[0].text == "januari 2022"
    assert "De laatste 24 perioden" in table.caption


def test_bed_days_close_the_table_of_counts(make_contents: Maker) -> None:
    table = named(make_contents("nl"), "Aantal registraties")
    assert texts(table)[-1] == ["Bezette beddagen", "316.000", "319.160", "322.320", "325.480", "328.640", "331.800"]


def test_deliveries_add_up_to_the_providers(make_contents: Maker) -> None:
    table = named(make_contents("en"), "Deliveries by period")
    assert [column.head for column in table.columns] == [
        "period",
        "delivered correctly",
        "nothing to report",
        "rejected",
        "not delivered",
        "unknown",
    ]
    assert {sum(int(text) for text in line[1:]) for line in texts(table)} == {60}


def test_reasons_are_told_in_the_language_of_the_report(make_contents: Maker) -> None:
    lines = texts(named(make_contents("nl"), "Wat niet is meegeteld"))
    assert lines == [
        ["Registraties", "niets aangeleverd", "1.204"],
        ["Registraties", "a reason nobody knows", "17"],
        ["Rijen", "beddagen ontbreken", "3"],
    ]


def test_bounds_and_tipping_points_stand_together(make_contents: Maker) -> None:
    lines = texts(named(make_contents("nl"), "Grenzen"))
    assert lines[0][:2] == ["Alle vormen", "0,91 tot 1,30"]
    assert lines[0][3:] == ["volledigheid 2021 ≤ 76,9%", "70% tot 100%", "ja"]
    falls = [line for line in lines if line[0] == "Beperken van de bewegingsvrijheid"]
    assert falls[0][3] == "volledigheid 2023 ≤ 93,0% van 2021"
    without = texts(named(make_contents("nl", completeness=None), "Grenzen"))
    assert without[0] == ["Alle vormen", "–", "–", "volledigheid 2021 ≤ 76,9%", "–", "–"]


def test_an_empty_frame_gives_no_table(make_contents: Maker) -> None:
    contents = make_contents("en", compared=False, completeness=None, with_deliveries=False)
    assert [table.name for table in display_tables(contents)] == ["rates", "rates", "coverage", "set_aside"]


@pytest.mark.parametrize(
    ("boundary", "text"),
    [("", "no"), (False, "no"), (True, "yes"), (("alpha",), "alpha"), ("alpha", "alpha"), (None, "no")],
)
def test_the_boundary_of_a_fit_in_words(make_contents: Maker, boundary: object, text: str) -> None:
    statistics = make_contents("en").fit_statistics.head(1)
    statistics = statistics.assign(boundary=pd.Series([boundary], index=statistics.index, dtype=object))
    table = named(make_contents("en", fit_statistics=statistics), "How the models fit")
    assert table.rows[1].cells[-1].text == text


def test_side_tables(make_contents: Maker) -> None:
    contents = make_contents("en")
    assert texts(audit_table(contents))[0] == ["60%", "0.05", "0.05", "25", "587"]
    visits = make_contents("en", audit_sizes=contents.audit_sizes.assign(providers=np.arange(1, 7)))
    assert [cell.text for cell in audit_table(visits).rows[1].cells][-1] == "2"
    assert texts(sources_table(contents))[0] == ["Registrations", "registraties.csv", "17,119", "3f1a3f1a3f1a"]

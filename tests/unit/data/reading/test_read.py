"""Reading: what is accepted, what is refused with which words, and what is said."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from dwangstats.data.findings import findings_frame
from dwangstats.data.reading.read import Tables, read_tables
from dwangstats.errors import ConfigError, DataError, MissingExtraError

PANEL = "provider,period,events,bed_days\n"
GOOD = PANEL + "007,2021-H1,3,100.5\n008,2021-H2,0,200\n"
# Nine-digit numbers made to pass the eleven-test; they belong to nobody known here.
PASSING = ["111222333", "123456782", "100000009", "200000007", "300000005"]


def put(tmp_path, name, text, encoding="utf-8"):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return file


def panel_from(tmp_path, text, **options):
    return read_tables(put(tmp_path, "panel.csv", text), **options)


def refusal(source=None, **frames):
    with pytest.raises(DataError) as caught:
        read_tables(source, **frames)
    return str(caught.value)


def found(tables, rule):
    return [finding for finding in tables.reading if finding.rule == rule]


def test_a_good_file_is_converted_by_the_schema_and_nothing_is_said(tmp_path):
    tables = panel_from(tmp_path, GOOD)
    frame = tables.panel
    assert frame["provider"].tolist() == ["007", "008"]
    assert frame["period"].tolist() == ["2021-H1", "2021-H2"]
    assert frame["events"].tolist() == [3.0, 0.0]
    assert frame["bed_days"].tolist() == [100.5, 200.0]
    assert frame.index.tolist() == [1, 2]
    assert frame.index.name == "row"
    assert tables.reading == ()
    assert tables.registrations is None
    source = tables.sources[0]
    assert (source.table, source.file, source.rows) == ("panel", "panel.csv", 2)
    assert source.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()


def test_a_folder_gives_all_known_tables_and_names_the_files_it_left(tmp_path):
    put(tmp_path, "panel.csv", GOOD)
    put(tmp_path, "controls.csv", "provider_id,period,control_count\n007,2021,5\n")
    put(tmp_path, "truth.csv", "a\n1\n")
    put(tmp_path, "README.md", "text")
    steps = []
    tables = read_tables(tmp_path, progress=lambda done, total: steps.append((done, total)))
    assert list(tables.given) == ["controls", "panel"]
    assert [source.table for source in tables.sources] == ["controls", "panel"]
    assert steps == [(1, 2), (2, 2)]
    ignored = found(tables, "files-ignored")[0]
    assert (ignored.severity, ignored.count, ignored.of) == ("info", 1, 3)
    assert "truth.csv" in ignored.message["nl"]
    assert "README" not in ignored.message["nl"]


def test_blank_and_na_are_missing_and_no_error(tmp_path):
    text = "provider,location,period,events,bed_days,delivered\na, NA,2021,,NaN,nee\nb,x,2021,NA,5,JA\n"
    tables = panel_from(tmp_path, text)
    assert tables.panel["events"].isna().all()
    assert tables.panel["location"].isna().tolist() == [True, False]
    assert tables.panel["bed_days"].isna().tolist() == [True, False]
    assert tables.panel["delivered"].tolist() == [False, True]
    assert tables.reading == ()


@pytest.mark.parametrize("value", ["-1", "2.5", "<5", "1.000", "12 345", "1e3", "inf", "twaalf"])
def test_what_is_not_a_count_becomes_missing_and_is_listed(tmp_path, value):
    tables = panel_from(tmp_path, PANEL + f"a,2021,3,1\nb,2021,{value},1\nc,2021,12.0,1\n")
    assert tables.panel["events"].tolist()[::2] == [3.0, 12.0]
    assert np.isnan(tables.panel["events"].iloc[1])
    (finding,) = found(tables, "not-a-count")
    assert (finding.severity, finding.table, finding.count, finding.of, finding.rows) == ("error", "panel", 1, 3, (2,))
    assert f"'{value}'" in finding.message["en"]
    assert "'events'" in finding.message["nl"]


def test_rows_shown_are_rows_of_the_file_also_after_blank_lines(tmp_path):
    rows = ["a,2021,1,1", "", "b,2021,x,1", ",,,"] + [f"p{i},2021,y{i},1" for i in range(6)]
    tables = panel_from(tmp_path, PANEL + "\n".join(rows) + "\n\n\n")
    (finding,) = found(tables, "not-a-count")
    assert finding.rows == (3, 5, 6, 7, 8)
    assert (finding.count, finding.of) == (7, 8)
    assert found(tables, "empty-rows")[0].count == 1
    assert tables.panel.index.tolist() == [1, 3, 5, 6, 7, 8, 9, 10]


def test_a_wrong_value_of_a_registration_is_never_shown(tmp_path):
    header = "provider_id,client_id,begin,end\n"
    rows = f"a,secret-7,2021-01-01,{'z' * 500}\nb,secret-8,secret-7,2021-01-01\n"
    tables = read_tables(put(tmp_path, "registrations.csv", header + rows))
    begin, end = found(tables, "not-a-date")
    assert "1 of 2 values are not a date" in end.message["en"]
    assert "zzz" not in " ".join([*end.message.values(), *end.action.values()])
    assert (begin.rows, end.rows) == ((2,), (1,))
    assert "secret" not in " ".join([*begin.message.values(), *begin.action.values()])


def test_dates_iso_and_dutch_are_read_and_never_month_first(tmp_path):
    moments = ["2021-03-04", "04-03-2021", "4-3-2021 09:30", "2021-03-04T09:30:15.5", "9999-12-31 00:00"]
    rows = "".join(f"a,{moment}\n" for moment in moments)
    tables = read_tables(put(tmp_path, "registrations.csv", "provider_id,begin\n" + rows))
    assert tables.reading == ()
    assert [moment.isoformat() for moment in tables.registrations["begin"]] == [
        "2021-03-04T00:00:00",
        "2021-03-04T00:00:00",
        "2021-03-04T09:30:00",
        "2021-03-04T09:30:15.500000",
        "9999-12-31T00:00:00",
    ]


@pytest.mark.parametrize("value", ["03-25-2021", "2021-02-30", "44256", "2021-3-4", "04-03-21", "20210304", "2021-03"])
def test_what_is_not_a_date_is_listed(tmp_path, value):
    text = f"provider_id,begin\na,2021-01-01\na,{value}\n"
    tables = read_tables(put(tmp_path, "registrations.csv", text))
    assert found(tables, "not-a-date")[0].rows == (2,)
    assert tables.registrations["begin"].isna().tolist() == [False, True]


@pytest.mark.parametrize("value", ["03/04/2021", "2021/04/03", "3/4/21 10:00"])
def test_slash_dates_are_refused_with_the_reason(tmp_path, value):
    tables = read_tables(put(tmp_path, "registrations.csv", f"provider_id,begin\na,{value}\n"))
    (finding,) = found(tables, "slash-date")
    assert finding.severity == "error"
    assert "nobody can tell whether 3/4 is in March or in April" in finding.message["en"]
    assert found(tables, "not-a-date") == []


def test_a_time_with_a_zone_becomes_dutch_clock_time_and_is_said(tmp_path):
    text = "provider_id,begin\na,2021-06-30T22:30:00Z\nb,2021-01-01T10:00:00+01:00\nc,2021-01-01 10:00\n"
    tables = read_tables(put(tmp_path, "registrations.csv", text))
    assert tables.registrations["begin"].dt.strftime("%d %H:%M").tolist() == ["01 00:30", "01 10:00", "01 10:00"]
    assert found(tables, "time-zone")[0].count == 2


def test_a_time_of_day_in_a_column_of_dates_is_not_dropped_in_silence(tmp_path):
    text = "provider_id,location_id,opened\na,1,2021-01-01 00:00:00\na,2,2021-01-01 10:00\n"
    tables = read_tables(put(tmp_path, "locations.csv", text))
    assert found(tables, "not-a-date")[0].rows == (2,)
    assert tables.locations["opened"].notna().tolist() == [True, False]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_found_from_the_header_and_said(tmp_path, delimiter):
    tables = panel_from(tmp_path, GOOD.replace(",", delimiter))
    pd.testing.assert_frame_equal(tables.panel, panel_from(tmp_path, GOOD).panel)
    assert found(tables, "delimiter-found")[0].severity == "info"


def test_a_decimal_comma_needs_a_semicolon_or_a_declaration(tmp_path):
    tables = panel_from(tmp_path, "provider;period;events;bed_days\na;2021;3;100,5\nb;2021;4;200\n")
    assert tables.panel["bed_days"].tolist() == [100.5, 200.0]
    assert found(tables, "decimal-comma")[0].severity == "info"
    undeclared = panel_from(tmp_path, PANEL + 'a,2021,3,"100,5"\n')
    assert found(undeclared, "not-a-number")[0].rows == (1,)
    put(tmp_path, "dwangstats.toml", '[tables]\npanel = "panel.csv"\n[read]\ndecimal = ","\n')
    declared = read_tables(tmp_path / "dwangstats.toml")
    assert declared.panel["bed_days"].tolist() == [100.5]
    assert found(declared, "decimal-comma") == []


def test_a_point_that_may_be_of_thousands_is_an_error_until_declared(tmp_path):
    text = "provider;period;events;bed_days\na;2021;3;1.234\nb;2021;4;900\n"
    unclear = panel_from(tmp_path, text)
    assert found(unclear, "decimal-unclear")[0].rows == (1,)
    put(tmp_path, "dwangstats.toml", '[tables]\npanel = "panel.csv"\n[read]\ndecimal = "."\n')
    declared = read_tables(tmp_path / "dwangstats.toml")
    assert declared.panel["bed_days"].tolist() == [1.234, 900.0]
    with_comma = panel_from(tmp_path, text + "c;2021;5;1.234,5\n")
    assert found(with_comma, "not-a-number")[0].count == 2


def test_a_byte_order_mark_windows_lines_and_quoted_line_breaks_are_read(tmp_path):
    text = 'provider,period,events,bed_days,remark\r\n007,2021-H1,3,100.5,"two\r\nlines, and ""quotes"""\r\n'
    tables = panel_from(tmp_path, "\ufeff" + text)
    assert tables.panel["provider"].tolist() == ["007"]
    assert tables.panel["remark"].tolist() == ['two\nlines, and "quotes"']


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "panel.csv: the file is empty."),
        (b"\n\n", "panel.csv: the file is empty."),
        (PANEL.encode(), "a header and no rows under it"),
        (PANEL.encode() + b",,,\n", "a header and no rows under it"),
        (
            PANEL.encode() + b"a,2021,1\nb,2021,1,1\nc,2021,1,1,1\n",
            "2 of 3 rows do not have the 4 fields of the header (row 1 has 3, row 3 has 5)",
        ),
        (b"provider,period,events,events,bed_days\na,2021,1,1,1\n", "columns with the same name: events"),
        (PANEL.encode() + b'a,2021,1,"1\n', "a quote mark is opened and never closed"),
        (
            PANEL.encode() + b"a,2021,1,1\ncaf\xe9,2021,1,1\n",
            "line 3 is not UTF-8 (byte 0xe9 at place 4). Save the file as UTF-8",
        ),
        (GOOD.encode("utf-16"), "it may be UTF-16 or a workbook"),
        (b"provider,period,event,bed_days\na,2021,1,1\n", "the column 'events' is missing. Did you mean 'event'?"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_plain_words(tmp_path, content, words):
    assert words in refusal(put(tmp_path, "panel.csv", content))


def test_all_problems_of_all_tables_come_together(tmp_path):
    put(tmp_path, "panel.csv", "")
    put(tmp_path, "exposure.csv", "provider_id,period\na,2021\n")
    put(tmp_path, "dwangstats.toml", '[tables]\nfolder = "."\naudits = "nowhere.csv"\n')
    message = refusal(tmp_path / "dwangstats.toml")
    assert message.startswith("3 problems")
    for words in ("panel.csv: the file is empty", "'bed_days' is missing", "nowhere.csv: there is no such file"):
        assert words in message


@pytest.mark.parametrize("name", ["BSN", "bsn", "client_bsn", "Burgerservicenummer"])
def test_a_column_of_citizen_service_numbers_is_refused_by_its_name(tmp_path, name):
    message = refusal(put(tmp_path, "registrations.csv", f"provider_id,begin,{name}\na,2021-01-01,42\n"))
    assert f"'{name}'" in message
    assert "refused" in message


@pytest.mark.parametrize("column", ["client_id", "provider_id", "patientnummer"])
def test_values_that_pass_the_eleven_test_are_refused_and_not_shown(tmp_path, column):
    frame = pd.DataFrame({"provider_id": "a", "begin": "2021-01-01"}, index=range(5)).assign(**{column: PASSING})
    frame.to_csv(tmp_path / "registrations.csv", index=False)
    for message in (refusal(tmp_path), refusal(registrations=frame)):
        assert f"'{column}'" in message
        assert not any(number in message for number in PASSING)


def test_nine_digits_of_which_few_pass_the_eleven_test_are_not_refused():
    numbers = [f"{value:09d}" for value in range(300_000_000, 300_000_110)]
    frame = pd.DataFrame({"provider_id": numbers, "begin": "2021-01-01"})
    assert len(read_tables(registrations=frame).registrations) == 110


@pytest.mark.parametrize(
    "values",
    [
        [f"{number}.0" for number in PASSING],
        [f"P{number}" for number in PASSING],
        [f"{number[:4]}.{number[4:6]}.{number[6:]}" for number in PASSING],
        ["23456784", "12345672", "11122237", "34567896", "98765437"],
        PASSING[:2],
        [*PASSING[:2], "short", "other"],
    ],
)
def test_service_numbers_are_refused_in_any_guise(tmp_path, values):
    frame = pd.DataFrame({"provider_id": "a", "begin": "2021-01-01", "client_id": values})
    frame.to_csv(tmp_path / "registrations.csv", index=False)
    for message in (refusal(tmp_path), refusal(registrations=frame)):
        assert "'client_id' pass the eleven-test" in message
        assert not any(number in message for number in (*PASSING, *values[:2]))


@pytest.mark.parametrize(
    "values",
    [
        PASSING[:1],
        [PASSING[0], "300000001", "300000002"],
        ["225210009", "225309002"],
        ["12345671", "12345672", "12345673", "12345674", "12345675"],
    ],
)
def test_other_numbers_are_not_refused(values):
    frame = pd.DataFrame({"provider_id": "a", "begin": "2021-01-01", "intervention_code": values})
    assert read_tables(registrations=frame).registrations["intervention_code"].tolist() == values


def test_a_measurement_is_no_service_number():
    staff = [1112223.33, 1234567.82, 1000000.09, 2000000.07, 3000000.05]
    frame = pd.DataFrame({"provider": list("abcde"), "period": "2021", "events": 1, "bed_days": 9.0, "staff": staff})
    assert read_tables(panel=frame).panel["staff"].tolist() == staff


def test_a_service_number_in_a_header_is_not_repeated(tmp_path):
    message = refusal(put(tmp_path, "registrations.csv", "123456782,2021-01-01\n111222333,2021-01-02\n"))
    assert "none of its 2 columns has a name of the table registrations" in message
    assert "Is the first line a header?" in message
    assert "123456782" not in message


@pytest.mark.parametrize("line", ["sep=;\n", '"sep=;"\r\n', "SEP=;\n\n", "\ufeffsep=;\n"])
def test_the_line_of_a_spreadsheet_that_names_the_delimiter_is_no_header(tmp_path, line):
    tables = panel_from(tmp_path, line + GOOD.replace(",", ";").replace(".", ","))
    assert tables.panel["bed_days"].tolist() == [100.5, 200.0]
    assert tables.panel.index.tolist() == [1, 2]
    assert "separated by ;" in found(tables, "delimiter-found")[0].message["en"]


def test_codes_cut_by_a_spreadsheet_are_an_error(tmp_path):
    text = "provider_id,begin,intervention_code\na,2021-01-01,1.24061E+14\na,2021-01-01,124061000146109\n"
    tables = read_tables(put(tmp_path, "registrations.csv", text))
    (finding,) = found(tables, "shortened-code")
    assert finding.rows == (1,)
    assert tables.registrations["intervention_code"].tolist()[1] == "124061000146109"


def test_columns_outside_the_schema_are_kept_and_named(tmp_path):
    text = "provider,period,events,bed_days,staff,ward,region,lokation\na,2021,1,1,1.5,007,N,x\nb,2021,1,1,2,010,Z,y\n"
    tables = panel_from(tmp_path, text)
    assert tables.panel["staff"].tolist() == [1.5, 2.0]
    assert tables.panel["ward"].tolist() == ["007", "010"]
    assert tables.panel["region"].tolist() == ["N", "Z"]
    (finding,) = found(tables, "unknown-columns")
    assert (finding.severity, finding.count, finding.of) == ("info", 4, 8)
    assert "staff, ward, region, lokation" in finding.message["en"]
    (resembles,) = found(tables, "misspelt-column")
    assert resembles.severity == "warning"
    assert "'lokation' ('location')" in resembles.message["en"]


def test_columns_without_a_name_are_left_out_and_counted(tmp_path):
    tables = panel_from(tmp_path, '"",provider,period,events,bed_days,\n1,a,2021,1,1,\n')
    assert list(tables.panel.columns) == ["provider", "period", "events", "bed_days"]
    assert found(tables, "unnamed-columns")[0].count == 2


MAPPED = """
[tables]
panel = "incidents.csv"
[columns.panel]
provider = "prison"
events = "incidents"
bed_days = "days"
period = { year = "year", month = "month" }
"""


def test_mapped_names_and_joined_periods(tmp_path):
    put(tmp_path, "dwangstats.toml", MAPPED)
    put(tmp_path, "incidents.csv", "prison,year,month,incidents,days\nA,2021,5,1,10\nA,2021,12,2,20\nB,2021,,3,30\n")
    tables = read_tables(tmp_path / "dwangstats.toml")
    assert tables.panel["period"].tolist()[:2] == ["2021-05", "2021-12"]
    assert tables.panel["period"].isna().tolist() == [False, False, True]
    assert tables.panel["events"].tolist() == [1.0, 2.0, 3.0]
    assert "prison" not in tables.panel
    assert tables.panel["month"].tolist()[0] == 5
    assert found(tables, "unknown-columns") == []


@pytest.mark.parametrize(
    ("part", "values", "expected"),
    [("half", ["1", "H2"], ["2021-H1", "2021-H2"]), ("quarter", ["Q3", "4"], ["2021-Q3", "2021-Q4"])],
)
def test_halves_and_quarters_are_joined_too(tmp_path, part, values, expected):
    put(tmp_path, "dwangstats.toml", MAPPED.replace('month = "month"', f'{part} = "month"'))
    put(tmp_path, "incidents.csv", "prison,year,month,incidents,days\n" + "".join(f"A,2021,{v},1,1\n" for v in values))
    assert read_tables(tmp_path / "dwangstats.toml").panel["period"].tolist() == expected


def test_a_period_that_cannot_be_joined_is_listed(tmp_path):
    put(tmp_path, "dwangstats.toml", MAPPED)
    put(tmp_path, "incidents.csv", "prison,year,month,incidents,days\nA,2021,13,1,10\nA,2021,may,2,20\n")
    (finding,) = found(read_tables(tmp_path / "dwangstats.toml"), "not-a-period")
    assert finding.rows == (1, 2)
    assert "'2021-13'" in finding.message["en"]


def test_a_mapping_to_nothing_or_to_two_columns_is_refused(tmp_path):
    put(tmp_path, "dwangstats.toml", MAPPED)
    put(tmp_path, "incidents.csv", "prisons,provider,year,month,incidents,days\nA,A,2021,5,1,10\n")
    message = refusal(tmp_path / "dwangstats.toml")
    assert "the column 'prison', named in [columns.panel], is not in the file. Did you mean 'prisons'?" in message
    assert "the file has a column 'provider' too" in message


FRAME = pd.DataFrame(
    {"provider": ["007", "008"], "period": ["2021-H1", "2021-H2"], "events": [3, 0], "bed_days": [100.5, 200]}
)


@pytest.mark.parametrize(
    "frame",
    [FRAME, pl.from_dict(FRAME.to_dict("list")), pl.from_dict(FRAME.to_dict("list")).lazy(), FRAME.astype(str)],
    ids=["pandas", "polars", "polars-lazy", "text"],
)
def test_frames_give_the_same_tables_and_fingerprint_as_a_file(tmp_path, frame):
    from_file = panel_from(tmp_path, GOOD)
    tables = read_tables(panel=frame)
    pd.testing.assert_frame_equal(tables.panel, from_file.panel)
    assert tables.fingerprint == from_file.fingerprint
    assert tables.sources[0].file == "(frame)"
    assert len(tables.sources[0].sha256) == 64


def test_native_values_keep_their_meaning_and_wrong_ones_are_listed():
    frame = pl.DataFrame(
        {
            "provider_id": [17, None, 18],
            "begin": pd.to_datetime(["2021-01-01", "2021-01-02", "2021-01-03"]).to_list(),
            "planned": [True, None, False],
            "intervention_code": [124061000146109, None, 90278001],
            "delivery_version": [1.0, 1.5, None],
        }
    )
    tables = read_tables(registrations=frame)
    assert tables.registrations["provider_id"].tolist()[::2] == ["17", "18"]
    assert tables.registrations["intervention_code"].tolist()[0] == "124061000146109"
    assert tables.registrations["planned"].tolist()[::2] == [True, False]
    assert tables.registrations["begin"].dt.day.tolist() == [1, 2, 3]
    assert [(f.rule, f.rows) for f in tables.reading] == [("not-a-count", (2,))]


def test_the_given_frame_is_left_as_it_was():
    frame = FRAME.set_index(pd.Index([5, 5]))
    before = frame.copy(deep=True)
    assert read_tables(panel=frame).panel.index.tolist() == [1, 2]
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ({"registration": FRAME}, "there is no table 'registration'. Did you mean 'registrations'?"),
        ({"panel": {"provider": [1]}}, "panel: a dict is not a table"),
        ({"panel": FRAME.iloc[:0]}, "panel: the table has no rows"),
        ({"panel": pd.concat([FRAME, FRAME["events"]], axis=1)}, "panel: columns with the same name: events"),
        ({"panel": FRAME.T}, "panel: every column must have a text as its name"),
        ({}, "no table was given"),
        ({"panel": None}, "no table was given"),
    ],
)
def test_wrong_frames_are_refused(frames, words):
    assert words in refusal(**frames)


def test_wrong_sources_are_refused(tmp_path):
    assert "there is no folder or file" in refusal(tmp_path / "nowhere")
    put(tmp_path, "panels.csv", GOOD)
    assert "holds no table that is known. Did you mean 'panel'?" in refusal(tmp_path)
    assert "does not say which table it is. Did you mean 'panel'?" in refusal(tmp_path / "panels.csv")
    put(tmp_path, "panel.csv", GOOD)
    assert "given twice" in refusal(tmp_path, panel=FRAME)
    with pytest.raises(ConfigError, match="there is no analysis file"):
        read_tables(tmp_path / "x.toml")


def test_parquet_gives_what_csv_gives_and_two_files_for_one_table_are_refused(tmp_path):
    pytest.importorskip("pyarrow")
    FRAME.to_parquet(tmp_path / "panel.parquet")
    tables = read_tables(tmp_path)
    assert tables.fingerprint == read_tables(panel=FRAME).fingerprint
    assert tables.sources[0].file == "panel.parquet"
    put(tmp_path, "panel.csv", GOOD)
    assert "as CSV and as Parquet" in refusal(tmp_path)
    assert "not a Parquet file" in refusal(put(tmp_path, "audits.parquet", b"nonsense"))


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "dwangstats\[io\]"'):
        read_tables(put(tmp_path, "panel.parquet", b"PAR1"))


def test_the_fingerprint_follows_content_and_nothing_else(tmp_path):
    first = panel_from(tmp_path, GOOD).fingerprint
    assert panel_from(tmp_path, GOOD).fingerprint == first
    assert panel_from(tmp_path, GOOD.replace("\n", "\r\n")).fingerprint == first
    assert panel_from(tmp_path, GOOD.replace("100.5", "100.6")).fingerprint != first
    assert panel_from(tmp_path, GOOD.replace("008,2021-H2,0,200", "008,2021-H2,,200")).fingerprint != first
    assert Tables().fingerprint != first


def test_findings_print_in_both_languages(tmp_path):
    tables = panel_from(tmp_path, PANEL + "a,2021,x,1\nb,2021-13,y,z\n")
    dutch, english = findings_frame(tables.reading, "nl"), findings_frame(tables.reading, "en")
    assert dutch["rule"].tolist() == ["not-a-period", "not-a-count", "not-a-number"]
    assert english["rows"].tolist() == ["2", "1, 2", "2"]
    assert (dutch["message"] != english["message"]).all()
    assert not english.drop(columns="rows").isin([""]).any(axis=None)


@pytest.mark.parametrize("name", ["panel", "registrations"])
def test_a_law_that_only_the_analysis_file_names_is_said(tmp_path, name):
    text = {"panel": GOOD, "registrations": "provider_id,begin\na,2021-01-01\n"}[name]
    file = put(tmp_path, f"{name}.csv", text)
    config = put(tmp_path, "dwangstats.toml", '[panel]\nlaw = "WVGGZ"\n')
    (finding,) = read_tables(config).reading
    assert (finding.rule, finding.severity, finding.table) == ("law-from-analysis-file", "warning", name)
    assert (
        f"The law (WVGGZ) is taken from the analysis file and not from the data: the table {name} has no column"
        in (finding.message["en"])
    )
    assert finding.message["nl"].startswith("De wet (WVGGZ) komt uit het analysebestand en niet uit de gegevens")
    assert read_tables(file).reading == ()
    put(tmp_path, "dwangstats.toml", '[panel]\nby = "year"\n')
    assert read_tables(config).reading == ()


def test_a_law_that_the_data_name_is_theirs(tmp_path):
    put(tmp_path, "panel.csv", PANEL.replace("\n", ",law\n") + "a,2021,1,10,WVGGZ\n")
    assert read_tables(put(tmp_path, "dwangstats.toml", '[panel]\nlaw = "WVGGZ"\n')).reading == ()


def test_a_path_with_a_character_that_no_file_can_have_is_refused_in_a_sentence():
    with pytest.raises(DataError, match="holds the character NUL"):
        read_tables(panel=Path("a\0.csv"))

"""Rules over counts: what they find, and in how many registrations, is what the rules over rows find."""

import re

import duckdb
import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.checks.rules.accepted import accepted_findings
from dwangstats.data.checks.rules.columns import column_findings
from dwangstats.data.checks.rules.counted import counted_findings, one_row_per_cell
from dwangstats.data.checks.rules.providers import provider_findings
from dwangstats.data.checks.rules.registrations import registration_findings
from dwangstats.data.reading.read import Tables, read_tables

BROKEN = pd.DataFrame(
    {
        "registration_id": ["1", "2", "2", "3", "3", None, None, "7", "8"],
        "provider_id": ["a", "a", "a", None, "zz", "b", "b", "a", "A"],
        "law": ["WVGGZ", "WZD", "X", None, "unknown", "WVGGZ", "WVGGZ", "WVGGZ", "WVGGZ"],
        "form": [
            "isolation",
            "none",
            None,
            "isolation",
            "isolation",
            "seclusion",
            "seclusion",
            "isolation",
            "isolation",
        ],
        "intervention_code": [None, None, None, "1", None, None, None, None, None],
        "planned": ["ja", "nee", None, "ja", "ja", "ja", "ja", "ja", "ja"],
        "begin": [
            *("2021-01-05", "2021-01-06", "1850-01-01", "", "1980-01-01", "2021-08-01", "2029-01-01", "2021-02-01"),
            "2021-03-01",
        ],
        "end": ["2021-01-04", None, None, None, None, "2021-08-02", None, "2021-01-31", None],
        "delivery_version": ["1", "1", "2", "1", "1", "1", "1", "3", "1"],
    }
)
EXPOSURE = pd.DataFrame({"provider_id": ["a", "b", "c"], "period": ["2021-H1"] * 3, "bed_days": [100, 200, 300]})
DELIVERIES = pd.DataFrame(
    {
        "provider_id": ["a", "a", "b", "b", "c"],
        "period": ["2021-H1", "2021-H1", "2021-H1", "2021-H2", "2021-H1"],
        "version": [1, 2, 1, 1, 1],
        "status": ["rejected", "accepted", "accepted", "nothing_to_report", "accepted"],
        "received_at": ["2021-08-01", "2021-09-01", "2021-08-01", "2022-02-01", "2021-08-01"],
    }
)
KINDS = {
    *("missing-value", "duplicate-key", "end-before-begin", "begin-outside-calendar", "begin-long-ago"),
    *("begin-in-future", "unknown-law", "law-missing", "several-laws", "no-form", "unknown-code", "unknown-form"),
    *("planned-and-unplanned", "provider-without-exposure", "registrations-despite-nothing", "earlier-version"),
}


def both(rows: pd.DataFrame, **others: pd.DataFrame) -> tuple[Tables, Tables]:
    return tuple(
        read_tables(registrations=duckdb.from_df(rows), rows=where, **others) for where in ("memory", "engine")
    )


def of_rows(tables: Tables) -> dict[tuple[str, str], tuple[int, int]]:
    found = [f for f in column_findings(tables) if f.table == "registrations"]
    return {key(f.rule, f.message["en"]): (f.count, f.of) for f in [*found, *registration_findings(tables)]}


def of_counts(tables: Tables) -> dict[tuple[str, str], tuple[int, int]]:
    found = [f for f in counted_findings(tables) if f.rule != "rows-in-engine"]
    return {key(f.rule, f.message["en"]): (f.count, f.of) for f in found}


def key(rule: str, message: str) -> tuple[str, str]:
    return rule, re.sub(r"[ ;(]+row \d.*", "", message).rstrip(").")


@pytest.mark.parametrize("others", [{}, {"exposure": EXPOSURE}, {"exposure": EXPOSURE, "deliveries": DELIVERIES}])
def test_the_same_is_found_in_the_same_number_of_registrations(others: dict[str, pd.DataFrame]) -> None:
    in_memory, in_engine = both(BROKEN, **others)
    expected = of_rows(in_memory)
    assert of_counts(in_engine) == expected
    if len(others) == 2:
        assert {rule for rule, _ in expected} >= KINDS


def test_sentences_name_no_rows_and_say_that_rows_were_not_read() -> None:
    _, tables = both(BROKEN, exposure=EXPOSURE, deliveries=DELIVERIES)
    found = list(counted_findings(tables))
    assert found[0].rule == "rows-in-engine"
    assert "counted in duckdb and not read row by row" in found[0].message["en"]
    for finding in found:
        assert finding.rows == ()
        for text in (*finding.message.values(), *finding.action.values()):
            assert not re.search(r"[{}]|\(\)|\(rij|\(row|; *\)| \.|  ", text)


def test_rules_that_ask_whether_there_is_a_registration_find_the_same() -> None:
    for rows in (BROKEN, BROKEN.assign(delivery_version=None)):
        in_memory, in_engine = both(rows, exposure=EXPOSURE, deliveries=DELIVERIES)
        for rule in (accepted_findings, provider_findings):
            assert list(rule(one_row_per_cell(in_engine))) == list(rule(in_memory))
    assert one_row_per_cell(in_memory) is in_memory


def test_a_sound_register_gives_no_error() -> None:
    tables = worlds.make("mixed", "small", rng=np.random.default_rng(3), sector="wvggz").tables
    names = ("exposure", "deliveries", "locations")
    others = {name: getattr(tables, name) for name in names if getattr(tables, name) is not None}
    in_engine = read_tables(registrations=tables.registrations, rows="engine", **others)
    assert not [f for f in counted_findings(in_engine) if f.severity == "error"]
    assert of_counts(in_engine) == of_rows(tables)


def test_tables_in_memory_have_nothing_counted() -> None:
    assert list(counted_findings(read_tables(registrations=BROKEN))) == []

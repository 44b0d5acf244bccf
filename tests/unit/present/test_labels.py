import re
import string

import numpy as np
import pandas as pd
import pytest

from dwangstats.data.register.codes import FORMS, LAWS
from dwangstats.data.register.schema import DELIVERY_STATUS
from dwangstats.errors import InternalError
from dwangstats.present.labels import LANGUAGES, Labels, capitalised, catalogue, is_missing, plain, split_emphasis

MINUS = "\N{MINUS SIGN}"


def placeholders(text: str) -> list[str]:
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name is not None})


def test_every_entry_has_both_languages_and_the_same_placeholders() -> None:
    entries = catalogue()
    assert len(entries) > 250
    for key, entry in entries.items():
        assert set(entry) == set(LANGUAGES), key
        assert placeholders(entry["nl"]) == placeholders(entry["en"]), key
        assert entry["nl"].count("**") == entry["en"].count("**"), key
        assert entry["nl"].count("**") % 2 == 0, key


def test_plural_entries_come_in_pairs() -> None:
    keys = set(catalogue())
    assert {key[:-4] for key in keys if key.endswith("_one")} >= {"checks.intro", "alt.providers", "alt.periods"}
    for group in ("checks.intro", "checks.failed_fit", "alt.providers", "alt.periods"):
        assert {f"{group}_one", f"{group}_other"} <= keys


def test_no_text_calls_an_estimate_true() -> None:
    for key, entry in catalogue().items():
        assert not re.search(r"\btrue\b", entry["en"], flags=re.IGNORECASE), key
        assert not re.search(r"\b(ware|waar|echte?)\b", entry["nl"], flags=re.IGNORECASE), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_of_the_register_has_a_name(language: str) -> None:
    labels = Labels(language)  # type: ignore[arg-type]
    for group, values in (
        ("form", ("all", *FORMS)),
        ("law", LAWS),
        ("status", (*DELIVERY_STATUS, "unknown")),
        ("quantity", ("providers", "bed_days", "registrations", "rows")),
        ("selection", ("complete", "delivered")),
        ("family", ("poisson", "nb1", "nb2")),
        ("covariance", ("model", "CR1", "CR2")),
        ("severity", ("error", "warning", "info")),
    ):
        for value in values:
            assert f"{group}.{value}" in catalogue()
            assert labels.name(group, value)


def test_an_unknown_name_is_shown_as_given_and_a_missing_one_as_a_dash() -> None:
    labels = Labels("nl")
    assert labels.name("form", "spoedmaatregel") == "spoedmaatregel"
    assert labels.name("form", None) == labels.name("form", float("nan")) == labels.name("form", "") == "–"


def test_reasons_are_translated_and_unknown_ones_fall_back() -> None:
    assert Labels("nl").reason("delivery rejected") == "aanlevering afgekeurd"
    assert Labels("en").reason("delivery rejected") == "delivery rejected"
    assert Labels("nl").reason("nog nooit gezien") == "nog nooit gezien"


@pytest.mark.parametrize(
    ("language", "expected"),
    [("nl", ("1.234,57", "12,3%", "17.119", "0,635")), ("en", ("1,234.57", "12.3%", "17,119", "0.635"))],
)
def test_numbers_follow_the_language(language: str, expected: tuple[str, ...]) -> None:
    labels = Labels(language)  # type: ignore[arg-type]
    numbers = (
        labels.number(1234.567),
        labels.percent(0.123, 1),
        labels.count(np.float64(17119)),
        labels.significant(0.6351),
    )
    assert numbers == expected


def test_numbers_at_the_edge() -> None:
    labels = Labels("en")
    assert labels.number(np.nan) == labels.number(None) == labels.number(pd.NA) == "–"
    assert labels.number(np.inf) == labels.percent(np.inf) == labels.count(np.inf) == "unbounded"
    assert labels.number(-0.001) == "0.00"
    assert labels.number(-1.5, 1) == f"{MINUS}1.5"
    assert labels.count(2.5) == "2.5"
    assert labels.signed_percent(0.3) == "+30%"
    assert labels.signed_percent(-0.3) == f"{MINUS}30%"
    assert labels.signed_percent(0.0001) == "0%"
    assert labels.significant(0.0) == "0"
    assert labels.significant(123456.0) == "123,456"


@pytest.mark.parametrize("value", [1e15, 1e28, 1e30, 1e308, -1e308, 5e-324, 10**400, 10**28, np.float64(1e300)])
def test_no_number_is_too_large_or_too_small_to_write(value: float) -> None:
    labels = Labels("nl")
    for write in (labels.number, labels.count, labels.significant, labels.ratio, labels.percent, labels.signed_percent):
        assert len(write(value)) < 20
    assert labels.number(1.234e30) == "1,23 × 10^30"
    assert labels.significant(1.234e-30) == f"1,23 × 10^{MINUS}30"


@pytest.mark.parametrize(
    ("ratio", "decimals", "text"),
    [(1.3, 2, "1.30"), (5.2, 1, "5.2"), (12.345, 2, "12.3"), (99.96, 2, "100"), (233813.2, 1, "234,000")],
)
def test_a_ratio_has_no_more_than_three_digits_that_mean_something(ratio: float, decimals: int, text: str) -> None:
    assert Labels("en").ratio(ratio, decimals) == text


@pytest.mark.parametrize(("level", "text"), [(0.95, "95%"), (0.999, "99.9%"), (0.999999, "99.9999%"), (0.57, "57%")])
def test_a_level_keeps_its_digits(level: float, text: str) -> None:
    assert Labels("en").level(level) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.996, "99.6%"),
        (0.99984, "99.98%"),
        (0.77, "77%"),
        (0.004, "0.4%"),
        (4e-6, "0.0004%"),
    ],
)
def test_a_part_is_nothing_or_all_only_where_it_is(share: float, text: str) -> None:
    assert Labels("en").part(share) == text


@pytest.mark.parametrize(
    ("period", "nl", "en"),
    [
        ("2021", "2021", "2021"),
        (2021, "2021", "2021"),
        ("2021-H1", "de eerste helft van 2021", "the first half of 2021"),
        ("2021-Q3", "kwartaal 3 van 2021", "quarter 3 of 2021"),
        ("2021-05", "mei 2021", "May 2021"),
        (2022.5, "medio 2022", "mid-2022"),
        (2022.25, "april 2022", "April 2022"),
        (2022.7, "september 2022", "September 2022"),
        (2022.0, "januari 2022", "January 2022"),
        (0.7, "0,70", "0.70"),
        ("voor de wet", "“voor de wet”", "“voor de wet”"),
    ],
)
def test_periods_in_a_sentence(period: object, nl: str, en: str) -> None:
    assert Labels("nl").period_long(period) == nl
    assert Labels("en").period_long(period) == en


def test_periods_in_a_table() -> None:
    labels = Labels("nl")
    assert [labels.period(p) for p in ("2021-H2", "2021-Q3", "2021-05", 2021, "anders", None)] == [
        "2021-H2",
        "2021-K3",
        "mei 2021",
        "2021",
        "anders",
        "–",
    ]
    assert labels.part_of_year("2021-05") == "mei"


def test_units_the_catalogue_does_not_know_keep_their_name() -> None:
    assert Labels("nl").per_unit("bed-days") == "per bezette beddag"
    assert Labels("nl").per_unit("inmate-days") == "per 1.000 inmate-days"


def test_what_care_is_called_depends_on_the_law() -> None:
    labels = Labels("nl")
    assert [labels.care(law) for law in ("WVGGZ", "WZD", None)] == [
        "verplichte zorg",
        "onvrijwillige zorg",
        "gedwongen zorg",
    ]


def test_plural_lists_and_ranges() -> None:
    labels = Labels("nl")
    assert labels.plural("alt.providers", 1) == "1 zorgaanbieder"
    assert labels.plural("alt.providers", 80) == "80 zorgaanbieders"
    assert labels.list_of(["a", "b", "c"]) == "a, b en c"
    assert labels.list_of(["a"]) == "a"
    assert labels.range("–", "–") == "–"
    assert labels.with_range("1,30", "–", "–") == "1,30"


def test_a_missing_text_or_value_is_a_defect() -> None:
    labels = Labels("en")
    with pytest.raises(InternalError, match=r"no text 'answer\.nothing'"):
        labels.text("answer.nothing")
    with pytest.raises(InternalError, match="needs a value for 'low'"):
        labels.text("common.range", high="2")
    with pytest.raises(InternalError, match="language 'fr'"):
        Labels("fr")  # type: ignore[arg-type]


def test_emphasis_comes_apart_and_goes_away() -> None:
    text = "rise of **30%** and **no more**"
    assert plain(text) == "rise of 30% and no more"
    assert split_emphasis(text) == [("rise of ", False), ("30%", True), (" and ", False), ("no more", True)]


def test_only_scalars_can_be_missing() -> None:
    assert is_missing(pd.NaT)
    assert not is_missing([np.nan])
    assert not is_missing("")
    assert capitalised("de Wvggz") == "De Wvggz"

"""The version that counts: what holds between versions, and under which law."""

import pandas as pd
import pytest

from dwangstats.data.deliveries.standing import (
    last_deliveries,
    law_of_deliveries,
    standing_deliveries,
    standing_rows,
    status_of,
    with_contents,
)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (["accepted"], 0),
        (["accepted", "rejected"], 0),
        (["accepted", "rejected", "rejected"], 0),
        (["rejected", "accepted", "rejected"], 1),
        (["accepted", "rejected", "accepted"], 2),
        (["accepted", "not_delivered"], 0),
        (["accepted", "nothing_to_report"], 1),
        (["accepted", "nothing_to_report", "rejected"], 2),
        (["nothing_to_report", "rejected"], 1),
        (["nothing_to_report", "accepted", "rejected"], 1),
        (["rejected", "rejected"], 1),
        (["not_kept", "rejected"], 0),
    ],
)
def test_what_holds_between_versions(said: list[str], counts: int) -> None:
    frame = pd.DataFrame({"provider": "a", "status": said}, index=[7] * len(said))
    assert standing_rows(frame, ["provider"]).tolist() == [place == counts for place in range(len(said))]


def sent(*rows: tuple[str | None, float | None, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["law", "version", "status"])
    return frame.assign(provider_id="a", period="2022-H1", received_at=pd.NaT)


def test_the_last_version_and_the_one_that_counts_are_two_things() -> None:
    frame = sent(("WVGGZ", 2, "rejected"), ("WVGGZ", 1, "accepted"))
    assert last_deliveries(frame, "WVGGZ").to_numpy().tolist() == [["a", "2022-H1", "rejected", 2.0]]
    assert standing_deliveries(frame, "WVGGZ").to_numpy().tolist() == [["a", "2022-H1", "accepted", 1.0]]


def test_a_row_without_a_law() -> None:
    one = sent((None, 1, "accepted"), ("WVGGZ", 2, "rejected"))
    assert law_of_deliveries(one).tolist() == ["WVGGZ", "WVGGZ"]
    assert standing_deliveries(one, "WVGGZ")["version"].tolist() == [1]
    several = sent((None, 3, "accepted"), ("WVGGZ", 1, "rejected"), ("WZD", 1, "accepted"))
    assert law_of_deliveries(several).tolist() == ["", "WVGGZ", "WZD"]
    assert standing_deliveries(several, "WVGGZ")["status"].tolist() == ["rejected"]
    assert law_of_deliveries(several.drop(columns="law")).tolist() == ["", "", ""]


def test_where_only_a_refused_correction_was_kept_nothing_is_known() -> None:
    half_years = standing_deliveries(sent(("WVGGZ", 1, "accepted"), ("WVGGZ", 2, "rejected")))
    counts = pd.DataFrame({"provider_id": "a", "month": "2022-03", "delivery_version": [2.0], "registrations": [3]})
    assert with_contents(half_years, counts)["status"].tolist() == ["not_kept"]
    both = pd.concat([counts, counts.assign(delivery_version=1.0)])
    assert with_contents(half_years, both)["status"].tolist() == ["accepted"]
    assert with_contents(half_years, counts.iloc[:0])["status"].tolist() == ["accepted"]


def test_a_year_is_not_yet_due_while_a_half_is_not() -> None:
    half_years = pd.DataFrame(
        {"provider": "a", "period": ["2022-H1", "2022-H2"], "status": ["accepted", "not_yet_due"]}
    )
    assert status_of(pd.DataFrame({"provider": ["a"], "period": ["2022"]}), half_years).tolist() == ["not_yet_due"]

"""Registrations: when they begin, how long they last, whose they are."""

import numpy as np
import pandas as pd
import pytest

from dwangstats import worlds
from dwangstats.data.register.codes import form_of
from dwangstats.worlds.parameters import WVGGZ

FORENSIC_SECLUSION = 48.0


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    tables = worlds.make("mixed", "national", rng=11).tables
    setting = tables.locations.set_index("location_id")["setting"]
    frame = tables.registrations.copy()
    frame["setting"] = frame["location_id"].map(setting)
    frame["form"] = form_of(frame["intervention_code"])
    frame["hours"] = (frame["end"] - frame["begin"]).dt.total_seconds() / 3600.0
    return frame


def test_numbered_in_order_of_provider_and_begin(rows):
    assert rows["registration_id"].is_monotonic_increasing
    assert rows["registration_id"].is_unique
    pd.testing.assert_frame_equal(rows.sort_values(["provider_id", "begin"], kind="stable"), rows)


def test_ids_are_pseudonyms(rows):
    assert rows["client_id"].str.fullmatch(r"c\d{6}").all()
    assert len(rows[["client_id", "location_id"]].drop_duplicates()) == rows["client_id"].nunique()
    assert (rows["location_id"].str.rsplit("-", n=1).str[0] == rows["provider_id"]).all()


def test_times_are_to_the_minute_and_in_order(rows):
    for column in ("begin", "end", "received_at"):
        assert (rows[column].dropna().dt.second == 0).all()
    assert not (rows["end"] <= rows["begin"]).any()
    assert not (rows["end"] > rows["received_at"]).any()
    assert (rows["begin"] < rows["received_at"]).all()


def test_hours_of_the_day_follow_the_profile(rows):
    share = rows["begin"].dt.hour.value_counts(normalize=True).sort_index()
    expected = np.array(WVGGZ.hour_weights) / sum(WVGGZ.hour_weights)
    # 130,000 events: standard error of a share of 8 % is 0.0007.
    np.testing.assert_allclose(share, expected, atol=0.004)


def test_fewer_at_weekends(rows):
    share = (rows["begin"].dt.day_of_week >= 5).mean()
    assert share == pytest.approx(2 * 0.92 / (5 + 2 * 0.92), abs=0.005)


def test_codes_have_their_shares(rows):
    for form in WVGGZ.forms:
        share = rows.loc[rows["form"] == form.name, "intervention_code"].value_counts(normalize=True)
        for code in form.codes:
            assert share[code.code] == pytest.approx(code.share, abs=0.012)


def test_durations_have_their_medians(rows):
    # Cutting at the next begin of the same client and at 30 days takes a few per cent off the medians.
    for code in (c for f in WVGGZ.forms for c in f.codes):
        mine = rows[rows["intervention_code"] == code.code]
        usual = mine.loc[mine["setting"] != "forensic", "hours"]
        if code.duration is None:
            assert usual.isna().all()
        else:
            assert usual.notna().all()
            assert usual.median() == pytest.approx(code.duration.median_hours, rel=0.15)
    forensic = rows[(rows["form"] == "seclusion") & (rows["setting"] == "forensic")]
    assert forensic["hours"].median() == pytest.approx(FORENSIC_SECLUSION, rel=0.2)
    assert rows["hours"].max() <= WVGGZ.longest_hours


def test_spread_of_seclusion_durations(rows):
    hours = rows.loc[(rows["form"] == "seclusion") & (rows["setting"] != "forensic"), "hours"]
    assert np.log(hours).std() == pytest.approx(1.45, abs=0.1)


def test_a_tenth_of_the_clients_has_about_half_of_the_events(rows):
    events = rows["client_id"].value_counts()
    assert events.iloc[: len(events) // 10].sum() / len(rows) == pytest.approx(0.475, abs=0.05)


def test_seclusions_per_secluded_client(rows):
    secluded = rows[rows["form"] == "seclusion"]
    per_client = len(secluded) / secluded.groupby(secluded["begin"].dt.year)["client_id"].nunique().sum()
    # 2.3 is what the letters' counts imply.
    assert per_client == pytest.approx(2.1, abs=0.4)


def test_nobody_is_registered_twice_at_once(rows):
    assert not rows.duplicated(["client_id", "begin"]).any()
    lasting = rows[rows["end"].notna()].sort_values(["client_id", "form", "begin"])
    later = lasting.groupby(["client_id", "form"])["begin"].shift(-1)
    assert not (lasting["end"] > later).any()


def test_statuses_belong_to_clients(rows):
    assert len(rows[["client_id", "legal_status"]].drop_duplicates()) == rows["client_id"].nunique()
    share = rows.drop_duplicates("client_id")["legal_status"].value_counts(normalize=True)
    for status, expected in WVGGZ.legal_statuses:
        assert share[status] == pytest.approx(expected, abs=0.02)


def test_a_delivery_has_one_version_and_one_moment(rows):
    half = rows["begin"].dt.year.astype(str) + "-" + np.where(rows["begin"].dt.month <= 6, "H1", "H2")
    files = rows.groupby(["provider_id", half])[["received_at", "delivery_version"]].nunique()
    assert (files == 1).all().all()

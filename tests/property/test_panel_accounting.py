"""No registration is lost or made up, and a zero needs a delivery: over random registers.

A register here has up to four providers, two years of quarters, two laws, codes of four forms; bed-days may be missing,
zero or absent, deliveries of any status, in several versions, or absent altogether.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import dwangstats as dw
from dwangstats.data.panels.panel import Panel, build_panel
from dwangstats.data.register.periods import convert_period
from dwangstats.errors import DataError

PROVIDERS = ("1", "2", "3", "10")
QUARTERS = tuple(f"{year}-Q{quarter}" for year in (2021, 2022) for quarter in (1, 2, 3, 4))
HALF_YEARS = tuple(f"{year}-H{half}" for year in (2021, 2022) for half in (1, 2))
FORM_OF = {
    "124061000146109": "seclusion",
    "124051000146106": "other_locking_in",
    "29211000146105": "medication",
    "68894007": "restraint",
}
STATUS = ("accepted", "rejected", "not_delivered", "nothing_to_report")
KINDS = ("quarter", "half-year", "year")
BED_DAYS = st.sampled_from([900.0, 2500.0, 0.0, np.nan])

# A panel costs a tenth of a second: a share of the profile's examples.
some = settings(max_examples=max(10, settings().max_examples // 4))
few = settings(max_examples=max(10, settings().max_examples // 10))

Frames = dict[str, pd.DataFrame]


@st.composite
def registers(draw: st.DrawFn) -> Frames:
    """Tables that break no rule of severity error."""
    rows = draw(st.lists(st.tuples(*registration_columns()), min_size=1, max_size=25))
    registrations = pd.DataFrame(rows, columns=["provider_id", "begin", "law", "intervention_code"])
    registrations["registration_id"] = [f"r{i}" for i in range(len(rows))]
    places = st.tuples(st.sampled_from(PROVIDERS), st.sampled_from(("x", "y")), st.sampled_from(QUARTERS))
    cells = draw(st.dictionaries(places, BED_DAYS, min_size=1, max_size=40))
    exposure = pd.DataFrame(
        [(*place, days) for place, days in cells.items()], columns=["provider_id", "location_id", "period", "bed_days"]
    )
    frames = {"registrations": registrations, "exposure": exposure}
    if draw(st.booleans()):
        frames["deliveries"] = draw(deliveries(registrations))
    return frames


def registration_columns() -> tuple[st.SearchStrategy[Any], ...]:
    """Provider, begin, law and code of a registration, some outside the periods that have bed-days."""
    begins = st.datetimes(pd.Timestamp(2020, 11, 1).to_pydatetime(), pd.Timestamp(2023, 2, 1).to_pydatetime())
    laws = st.sampled_from(("WVGGZ", "WZD", None))
    return st.sampled_from((*PROVIDERS, "99")), begins, laws, st.sampled_from(tuple(FORM_OF))


@st.composite
def deliveries(draw: st.DrawFn, registrations: pd.DataFrame) -> pd.DataFrame:
    """Up to two versions per provider, law and half-year; never nothing to report where there are registrations."""
    key = st.tuples(
        st.sampled_from(PROVIDERS),
        st.sampled_from(("WVGGZ", "WZD")),
        st.sampled_from(HALF_YEARS),
        st.sampled_from((1, 2)),
    )
    drawn = draw(st.dictionaries(key, st.sampled_from(STATUS), min_size=1, max_size=40))
    table = pd.DataFrame(
        [(*key, status) for key, status in drawn.items()], columns=["provider_id", "law", "period", "version", "status"]
    )
    begin = registrations["begin"]
    halves = begin.dt.year.astype(str) + np.where(begin.dt.month <= 6, "-H1", "-H2")
    filled = set(zip(registrations["provider_id"], registrations["law"], halves, strict=True))
    keys = zip(table["provider_id"], table["law"], table["period"], strict=True)
    wrong = np.array([key in filled for key in keys]) & (table["status"] == "nothing_to_report").to_numpy()
    return table.assign(status=table["status"].mask(wrong, "rejected"))


def built(frames: Frames, by: Any) -> Panel:
    """The panel under the Wvggz, or a rejected example when that law has nothing to count, or no delivery."""
    assume(all((frames[name]["law"] == "WVGGZ").any() for name in ("registrations", "deliveries") if name in frames))
    return build_panel(dw.read_tables(**frames), law="WVGGZ", by=by)


def last_status(frames: Frames) -> dict[tuple[str, str], str]:
    """Status of the last version under the Wvggz, found row by row."""
    found: dict[tuple[str, str], str] = {}
    for row in frames["deliveries"].sort_values("version").itertuples():
        if row.law == "WVGGZ":
            found[str(row.provider_id), str(row.period)] = str(row.status)
    return found


@some
@given(frames=registers(), by=st.sampled_from(KINDS))
def test_every_registration_is_counted_once_or_set_aside_and_no_zero_is_made_up(frames: Frames, by: Any) -> None:
    panel = built(frames, by)
    assert_account(panel, len(frames["registrations"]))
    assert panel.registrations_read == len(frames["registrations"])
    assert_events(panel, frames["registrations"], by)
    frame = panel.frame
    assert frame.loc[~frame["delivered"], "events"].isna().all()
    assert frame.loc[frame["delivered"], "events"].notna().all()
    if "deliveries" in frames:
        assert_delivered(frame, last_status(frames))


def assert_account(panel: Panel, registrations: int) -> None:
    apart = panel.set_aside.loc[panel.set_aside["what"] == "registrations", "count"].sum()
    assert panel.observed["events"].sum() + apart == registrations
    assert (panel.set_aside["count"] > 0).all()


def assert_events(panel: Panel, rows: pd.DataFrame, by: Any) -> None:
    """Events of each measured row are the registrations of its cell, counted one by one."""
    rows = rows.loc[rows["law"] == "WVGGZ"]
    period = np.array([convert_period(f"{moment:%Y-%m}", by) for moment in rows["begin"]])
    form = np.array([FORM_OF[code] for code in rows["intervention_code"]])
    for row in panel.observed.itertuples():
        cell = (rows["provider_id"] == row.provider).to_numpy() & (period == row.period) & (form == row.form)
        assert row.events == cell.sum()


def assert_delivered(frame: pd.DataFrame, status: dict[tuple[str, str], str]) -> None:
    """A row is delivered when every half-year that decides on it was accepted or had nothing to report."""
    for row in frame.itertuples():
        halves = [half for half in HALF_YEARS if half == row.period or convert_period(half, "year") == row.period]
        halves = halves or [convert_period(str(row.period), "half-year")]
        sent = all(status.get((str(row.provider), half)) in {"accepted", "nothing_to_report"} for half in halves)
        assert row.delivered == sent


@few
@given(frames=registers(), by=st.sampled_from(KINDS), order=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(frames: Frames, by: str, order: Any) -> None:
    shuffled = {}
    for name, frame in frames.items():
        places = list(range(len(frame)))
        order.shuffle(places)
        shuffled[name] = frame.iloc[places]
    assert_same(built(frames, by), built(shuffled, by))


@few
@given(frames=registers(), by=st.sampled_from(KINDS))
def test_the_type_of_ids_does_not_matter(frames: Frames, by: str) -> None:
    whole = {name: frame.assign(provider_id=frame["provider_id"].astype(int)) for name, frame in frames.items()}
    floats = {name: frame.assign(provider_id=frame["provider_id"].astype(float)) for name, frame in frames.items()}
    for other in (whole, floats):
        assert_same(built(frames, by), built(other, by))


@few
@given(frames=registers(), by=st.sampled_from(KINDS), data=st.data())
def test_a_part_of_a_panel_keeps_the_account(frames: Frames, by: str, data: st.DataObject) -> None:
    panel = built(frames, by)
    assume(len(panel.frame) > 0)
    providers = data.draw(st.lists(st.sampled_from(panel.providers), min_size=1, unique=True))
    form = data.draw(st.sampled_from((*panel.forms, "all")))
    one_way, other_way = panel.restrict(providers).for_form(form), panel.for_form(form).restrict(providers)
    pd.testing.assert_frame_equal(one_way.frame, other_way.frame)
    assert one_way.providers == tuple(sorted(providers))
    for part in (one_way, other_way):
        assert_account(part, len(frames["registrations"]))


@few
@given(frames=registers())
def test_half_years_add_up_to_years(frames: Frames) -> None:
    halves, years = built(frames, "half-year").for_form("all").observed, built(frames, "year").for_form("all").observed
    summed = halves.groupby(["provider", "year"])[["events", "bed_days"]].sum()
    for row in years.itertuples():
        both = halves.loc[(halves["provider"] == row.provider) & (halves["year"] == row.year)]
        # A half-year in which the provider was closed has no row; its registrations then make the year differ.
        if len(both) == 2:
            assert tuple(summed.loc[(row.provider, row.year)]) == (row.events, row.bed_days)


@few
@given(frames=registers())
def test_laws_are_refused_together(frames: Frames) -> None:
    assume(len(frames["registrations"]["law"].unique()) > 1)
    with pytest.raises(DataError, match="never added up silently"):
        build_panel(dw.read_tables(**frames))


def assert_same(one: Panel, other: Panel) -> None:
    for name in ("frame", "set_aside", "delivery_status"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))

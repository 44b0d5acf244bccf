"""Two published totals from the same tables: what was known in mid 2022, and what was known in October 2024.

Published: of about 80 Wvggz providers 29 had delivered the first half of 2021 correctly in mid 2022 and 20 the second
half (inspectorate); in October 2024 three quarters had three correct years (letter of the state secretary).
"""

import re
from pathlib import Path

import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.panels.reasons import NOT_YET
from dwangstats.worlds.result import World

PAGE = (Path(__file__).parents[2] / "docs" / "deliveries.md").read_text(encoding="utf-8")
MID_2022, OCTOBER_2024 = "2022-06-30", "2024-10-08"
HALVES = ("2021-H1", "2021-H2")
TOTALS = {MID_2022: 15_182, OCTOBER_2024: 39_831}


@pytest.fixture(scope="module")
def world() -> World:
    return dw.worlds.make("mixed", "national", 1, versions=dw.worlds.VersionParameters(corrected_from="2022-07-01"))


@pytest.fixture(scope="module")
def panels(world: World) -> dict[str, dw.Panel]:
    return {day: dw.build_panel(world.tables, as_of=day) for day in TOTALS}


@pytest.fixture(scope="module")
def statuses(world: World) -> dict[str, pd.DataFrame]:
    return {day: dw.delivery_status(world.tables, as_of=day) for day in TOTALS}


def counted_by_hand(world: World, day: str) -> dict[str, int]:
    """Registrations of 2021 in the last version that had been accepted; row by row."""
    end = pd.Timestamp(day) + pd.Timedelta(days=1)
    last: dict[tuple[str, str], int] = {}
    deliveries = world.tables.deliveries.dropna(subset=["received_at"])
    for row in deliveries.itertuples():
        key = (row.provider_id, row.period)
        if row.received_at < end and row.status == "accepted" and row.version > last.get(key, 0):
            last[key] = int(row.version)
    total = dict.fromkeys(HALVES, 0)
    rows = world.tables.registrations
    begun = rows.loc[rows["begin"].dt.year == 2021, ["provider_id", "begin", "delivery_version"]]
    for provider, begin, version in begun.itertuples(index=False, name=None):
        half = HALVES[0] if begin.month <= 6 else HALVES[1]
        if last.get((provider, half)) == version:
            total[half] += 1
    return total


@pytest.mark.parametrize("day", [MID_2022, OCTOBER_2024])
def test_the_total_of_2021_as_it_was_known(day: str, world: World, panels: dict[str, dw.Panel]) -> None:
    rows = panels[day].during(HALVES).observed
    by_half = rows.groupby("period")["events"].sum().astype(int).to_dict()
    assert by_half == counted_by_hand(world, day)
    assert sum(by_half.values()) == TOTALS[day]


def test_the_deliveries_are_the_published_ones(statuses: dict[str, pd.DataFrame], panels: dict[str, dw.Panel]) -> None:
    then = statuses[MID_2022]
    correct = then[then["status"].isin(["delivered", "late"])].groupby("period")["provider"].nunique()
    assert correct.to_dict() == {"2021-H1": 29, "2021-H2": 20}
    assert then["provider"].nunique() == 80
    assert len(dw.complete_deliverers(panels[OCTOBER_2024])) == 60


def test_no_registration_is_lost_between_the_two_dates(world: World, panels: dict[str, dw.Panel]) -> None:
    for panel in panels.values():
        assert panel.registrations_read == len(world.tables.registrations)
    apart = {day: panel.set_aside.set_index("reason")["count"] for day, panel in panels.items()}
    assert apart[MID_2022][NOT_YET] > 100_000
    assert NOT_YET not in apart[OCTOBER_2024]
    assert panels[MID_2022].fingerprint != panels[OCTOBER_2024].fingerprint


def test_the_page_says_what_was_computed(statuses: dict[str, pd.DataFrame], panels: dict[str, dw.Panel]) -> None:
    for half in HALVES:
        for day, frame in statuses.items():
            n = frame.loc[frame["period"] == half, "status"].value_counts()
            events = panels[day].during([half]).observed["events"].sum()
            parts = (n.get(name, 0) for name in ("late", "rejected", "nothing_to_report", "missing"))
            row = f"| {day} | {n['delivered']} of 80 | {' | '.join(map(str, parts))} | {events:,.0f} |"
            assert row in PAGE
    rates = []
    for panel in panels.values():
        rows = panel.during(HALVES).for_form("all").observed
        rates.append(f"{1000 * rows['events'].sum() / rows['bed_days'].sum():.1f}")
    assert f"{' and '.join(rates)}: most of the difference" in PAGE.replace("\n", " ")
    assert all(f"{total:,} " in PAGE for total in TOTALS.values())


def test_the_page_says_what_is_covered(world: World) -> None:
    frame = dw.coverage(world.tables, as_of=OCTOBER_2024)
    whole = frame[frame["period"] == "all"].set_index(["deliverers", "quantity"])["share"]
    shown = {
        line.split("|")[1].split(",")[0].strip(): [float(x) for x in re.findall(r"([\d.]+) %", line)]
        for line in PAGE.splitlines()
        if re.match(r"\| (delivered|complete, six half-years) \| [\d.]+ %", line)
    }
    for deliverers in ("delivered", "complete"):
        shares = [round(100 * whole[deliverers, name], 1) for name in ("providers", "bed_days", "registrations")]
        assert shown[deliverers] == shares

"""The quality score: what must not move it, what must, and where there is nothing to measure."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from specification.hand_made import (
    ORAL_MEDICATION,
    ROOM_NOT_SPECIFIED,
    Register,
    deliveries,
    delivery,
    exposure,
    half_years,
    names_nobody,
)

PROVIDERS = "ABCDEFGH"
PERIODS = half_years(2022, 2022)
PARTS = ["missing_ends", "unspecified_codes", "days_late", "rejected_files", "doubles", "heaped_ends"]
RECEIVED = {"2022-H1": "2022-08-05T09:12", "2022-H2": "2023-02-05T09:12"}


def written_badly(frame: pd.DataFrame) -> pd.DataFrame:
    """Provider B leaves ends out, C the room, D enters twice, E closes on the hour; the others do it now and then."""
    made = frame.copy()
    number = made.groupby("provider_id").cumcount()
    often = {p: 3 if p in "BCDE" else 20 for p in PROVIDERS}
    every = made["provider_id"].map(often)
    hit = number % every == 0
    seldom = number % 20 == 7

    def who(provider: str) -> "pd.Series[bool]":
        return (made["provider_id"] == provider) & hit | (made["provider_id"] != provider) & seldom

    ends = made["begin"] + pd.Timedelta(days=1)
    made.loc[who("E"), "end"] = ends.dt.normalize() + pd.Timedelta(hours=10)
    made.loc[who("C"), "intervention_code"] = ROOM_NOT_SPECIFIED
    made.loc[who("B") & (made["begin"].dt.month.isin([1, 2, 3, 7, 8, 9])), "end"] = pd.NaT
    twice = made[who("D")].copy()
    twice["registration_id"] += "-again"
    return pd.concat([made, twice], ignore_index=True)


def files() -> pd.DataFrame:
    """Everything in time, but F always late and G refused first, then accepted in time."""
    frame = deliveries(PROVIDERS, PERIODS)
    late = {"2022-H1": "2022-10-20T09:12", "2022-H2": "2023-05-20T09:12"}
    mask = frame["provider_id"] == "F"
    frame.loc[mask, "received_at"] = frame.loc[mask, "period"].map(late)
    refused = frame[frame["provider_id"] == "G"].copy()
    refused["status"] = "rejected"
    refused["received_at"] = refused["period"].map({"2022-H1": "2022-07-20T10:00", "2022-H2": "2023-01-20T10:00"})
    frame.loc[frame["provider_id"] == "G", "version"] = 2
    return pd.concat([frame, refused], ignore_index=True)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Eight providers with 120 seclusions each in 2022."""
    made = Register()
    for seed, provider in enumerate(PROVIDERS):
        made.background(provider, 120, seed=seed + 50, first="2022-01-02", days=355)
    return written_badly(made.frame)


@pytest.fixture(scope="module")
def scores(rows: pd.DataFrame) -> pd.DataFrame:
    return dw.quality_score(dw.read_tables(registrations=rows, deliveries=files()))


def test_one_row_per_provider_and_period_with_all_parts(scores: pd.DataFrame) -> None:
    assert list(scores.columns) == ["provider_id", "period", "n", *PARTS, "quality_score"]
    assert list(zip(scores["provider_id"], scores["period"], strict=True)) == [
        (p, t) for p in PROVIDERS for t in PERIODS
    ]
    assert names_nobody(scores.to_csv())


def test_shares_are_counted_as_by_hand(rows: pd.DataFrame, scores: pd.DataFrame) -> None:
    frame = rows.assign(period=np.where(rows["begin"].dt.month <= 6, "2022-H1", "2022-H2"))
    by = frame.groupby(["provider_id", "period"])
    at = scores.set_index(["provider_id", "period"])
    pd.testing.assert_series_equal(at["n"], by.size(), check_names=False, check_dtype=False)
    unspecified = by["intervention_code"].apply(lambda c: float((c == ROOM_NOT_SPECIFIED).mean()))
    pd.testing.assert_series_equal(at["unspecified_codes"], unspecified, check_names=False)
    assert at["rejected_files"].to_dict() == {(p, t): 0.5 if p == "G" else 0.0 for p in PROVIDERS for t in PERIODS}
    # 12 August to 20 October 2022, 12 February to 20 May 2023: days after the due date.
    late = {("F", "2022-H1"): 69.0, ("F", "2022-H2"): 97.0}
    assert at["days_late"].to_dict() == {(p, t): late.get((p, t), 0.0) for p in PROVIDERS for t in PERIODS}


@pytest.mark.parametrize(
    ("part", "provider"),
    [
        ("missing_ends", "B"),
        ("unspecified_codes", "C"),
        ("doubles", "D"),
        ("heaped_ends", "E"),
        ("days_late", "F"),
        ("rejected_files", "G"),
    ],
)
def test_who_keeps_its_register_badly_has_the_lowest_score(rows: pd.DataFrame, part: str, provider: str) -> None:
    tables = dw.read_tables(registrations=rows, deliveries=files())
    score = dw.quality_score(tables, parts=[part])
    worst = score.loc[score["provider_id"] == provider]
    others = score.loc[score["provider_id"] != provider]
    assert worst[part].min() > others[part].max()
    assert worst["quality_score"].max() < others["quality_score"].min()


@pytest.mark.parametrize("part", PARTS)
def test_higher_is_better_for_each_part(rows: pd.DataFrame, part: str) -> None:
    score = dw.quality_score(dw.read_tables(registrations=rows, deliveries=files()), parts=[part])
    assert np.corrcoef(score[part], score["quality_score"])[0, 1] < -0.8


def test_the_providers_without_a_fault_score_above_those_with_one(scores: pd.DataFrame) -> None:
    mean = scores.groupby("provider_id")["quality_score"].mean()
    assert mean[["A", "H"]].min() > mean[list("BCDEFG")].max()


def test_the_score_has_mean_zero_and_standard_deviation_one(scores: pd.DataFrame) -> None:
    score = scores["quality_score"].to_numpy()
    assert score.mean() == pytest.approx(0.0, abs=1e-12)
    assert score.std() == pytest.approx(1.0, abs=0.05)  # dividing by n or by n - 1


def test_the_order_of_rows_does_not_matter(rows: pd.DataFrame, scores: pd.DataFrame) -> None:
    shuffled = rows.sample(frac=1.0, random_state=3).reset_index(drop=True)
    turned = files().iloc[::-1].reset_index(drop=True)
    again = dw.quality_score(dw.read_tables(registrations=shuffled, deliveries=turned))
    pd.testing.assert_frame_equal(again, scores, rtol=1e-12)


def renamed(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Other names for providers, locations with them."""
    made = frame.assign(provider_id=frame["provider_id"].map(names))
    return made.assign(location_id=made["provider_id"] + "1") if "location_id" in frame else made


def test_names_of_providers_do_not_matter(rows: pd.DataFrame, scores: pd.DataFrame) -> None:
    names = dict(zip(PROVIDERS, ("zorg 7", "Q", "99", "a", "Ω", "B", "0012", "x-y"), strict=True))
    again = dw.quality_score(dw.read_tables(registrations=renamed(rows, names), deliveries=renamed(files(), names)))
    expected = scores.assign(provider_id=scores["provider_id"].map(names))
    expected = expected.sort_values(["provider_id", "period"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(again, expected, rtol=1e-12)


def test_doubles_of_one_provider_leave_the_shares_of_the_others(rows: pd.DataFrame, scores: pd.DataFrame) -> None:
    more = rows[rows["provider_id"] == "A"].head(40).copy()
    more["registration_id"] += "-third"
    again = dw.quality_score(
        dw.read_tables(registrations=pd.concat([rows, more], ignore_index=True), deliveries=files())
    )
    shares = ["provider_id", "period", "n", *PARTS]
    pd.testing.assert_frame_equal(
        again.loc[again["provider_id"] != "A", shares], scores.loc[scores["provider_id"] != "A", shares]
    )
    before, after = (s.loc[s["provider_id"] == "A", "doubles"].mean() for s in (scores, again))
    assert after > before + 0.2


def test_a_copy_of_a_provider_has_the_same_score(rows: pd.DataFrame) -> None:
    copy = rows[rows["provider_id"] == "B"].assign(provider_id="B copy", location_id="B copy1")
    copy["registration_id"] += "-copy"
    copied = files()[files()["provider_id"] == "B"].assign(provider_id="B copy")
    score = dw.quality_score(
        dw.read_tables(
            registrations=pd.concat([rows, copy], ignore_index=True),
            deliveries=pd.concat([files(), copied], ignore_index=True),
        )
    ).set_index("provider_id")
    pd.testing.assert_frame_equal(
        score.loc["B"].reset_index(drop=True), score.loc["B copy"].reset_index(drop=True), rtol=1e-12
    )


# Nothing to measure


def test_a_provider_with_acts_only_has_no_share_of_missing_ends(rows: pd.DataFrame) -> None:
    acts = Register()
    for day in range(1, 25):
        acts.add(f"2022-02-{day:02d}T09:17", hours=None, provider="M", intervention_code=ORAL_MEDICATION)
    both = pd.concat([rows, acts.frame], ignore_index=True)
    both["registration_id"] = [f"regcanary-{i}" for i in range(len(both))]
    score = dw.quality_score(dw.read_tables(registrations=both, deliveries=files())).set_index("provider_id")
    only = score.loc[["M"]]
    assert only["n"].tolist() == [24]
    for part in ("missing_ends", "unspecified_codes", "heaped_ends", "days_late", "rejected_files"):
        assert only[part].isna().all(), part
    assert only["doubles"].tolist() == [0.0]


def test_what_was_not_measured_is_missing_and_not_zero(rows: pd.DataFrame) -> None:
    score = dw.quality_score(dw.read_tables(registrations=rows))
    assert score[["days_late", "rejected_files"]].isna().all(axis=None)
    without_codes = dw.quality_score(dw.read_tables(registrations=rows.drop(columns="client_id")), parts=["doubles"])
    assert len(without_codes) == len(score)


def test_no_score_where_no_part_was_measured(rows: pd.DataFrame) -> None:
    late = pd.DataFrame([delivery("Z", "2022-H1", "not_delivered")])
    tables = dw.read_tables(registrations=rows, deliveries=pd.concat([files(), late], ignore_index=True))
    score = dw.quality_score(tables)
    of_z = score[score["provider_id"] == "Z"]
    assert of_z["quality_score"].isna().all()
    assert of_z[PARTS].isna().all(axis=None)


def test_neither_registrations_nor_deliveries_is_refused() -> None:
    with pytest.raises(dw.DataError):
        dw.quality_score(dw.read_tables(exposure=exposure("AB", PERIODS)))


@pytest.mark.parametrize("arguments", [{"by": "week"}, {"parts": ["hunches"]}])
def test_wrong_arguments_are_refused(rows: pd.DataFrame, arguments: dict[str, object]) -> None:
    call: Callable[..., object] = dw.quality_score
    with pytest.raises(dw.DomainError):
        call(dw.read_tables(registrations=rows), **arguments)


# As columns of the bed-days


def test_with_quality_adds_columns_and_changes_no_row(rows: pd.DataFrame, scores: pd.DataFrame) -> None:
    beds = exposure(PROVIDERS + "Z", PERIODS)
    tables = dw.read_tables(registrations=rows, deliveries=files(), exposure=beds)
    with_score = dw.with_quality(tables)
    pd.testing.assert_frame_equal(with_score.exposure[list(tables.exposure.columns)], tables.exposure)
    known = scores.set_index(["provider_id", "period"])["quality_score"]
    columns = with_score.exposure[["provider_id", "period", "quality_score"]]
    for provider, period, value in columns.itertuples(index=False):
        if provider == "Z":
            assert np.isnan(value)
        else:
            assert value == pytest.approx(known[provider, period], rel=1e-12)
    assert "quality_score" not in tables.exposure


def test_the_score_is_a_covariate_of_the_panel(rows: pd.DataFrame, scores: pd.DataFrame) -> None:
    tables = dw.read_tables(registrations=rows, deliveries=files(), exposure=exposure(PROVIDERS, PERIODS))
    panel = dw.build_panel(dw.with_quality(tables), definition="D3", covariates=["quality_score", "missing_ends"])
    frame = panel.for_form("seclusion").frame if len(panel.forms) > 1 else panel.frame
    merged = frame.merge(
        scores, left_on=["provider", "period"], right_on=["provider_id", "period"], suffixes=("", "_s")
    )
    assert len(merged) == len(frame) == 16
    np.testing.assert_allclose(merged["quality_score"], merged["quality_score_s"], rtol=1e-12)


def test_columns_that_are_there_already_are_refused(rows: pd.DataFrame) -> None:
    tables = dw.read_tables(registrations=rows, deliveries=files(), exposure=exposure(PROVIDERS, PERIODS))
    with pytest.raises(dw.DataError):
        dw.with_quality(dw.with_quality(tables))


def test_a_score_from_before_a_repair_can_be_carried_along(rows: pd.DataFrame, scores: pd.DataFrame) -> None:
    tables = dw.read_tables(registrations=rows, deliveries=files(), exposure=exposure(PROVIDERS, PERIODS))
    mended = dw.repair(tables, ["drop-same-source-doubles"]).tables
    carried = dw.with_quality(mended, scores=scores).exposure
    at = carried[carried["provider_id"] == "D"].set_index("period")["quality_score"]
    expected = scores[scores["provider_id"] == "D"].set_index("period")["quality_score"]
    pd.testing.assert_series_equal(at.sort_index(), expected.sort_index(), check_names=False)

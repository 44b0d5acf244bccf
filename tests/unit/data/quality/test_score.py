"""The quality score: what it counts, what it leaves missing, and that it goes with completeness where that is known."""

from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest

import dwangstats as dw
from dwangstats.data.config.checks import QUALITY_PARTS
from dwangstats.data.quality.score import predicted_deviation, standardised, sum_of_measured
from dwangstats.errors import DataError, DomainError

SEPARATED, UNSPECIFIED, MEDICATION = "124061000146109", "90278001", "29211000146105"
REGISTRATIONS = ["provider_id", "client_id", "intervention_code", "begin", "end", "delivery_version", "source_id"]
KEPT_ROWS = [
    # provider a: eight registrations; one double from one source, one unspecified room, one never closed.
    ("a", "c1", SEPARATED, "2021-01-05 10:00", "2021-01-05 18:10", 1, "s1"),
    ("a", "c1", SEPARATED, "2021-01-05 10:00", "2021-01-05 18:10", 1, "s1"),
    ("a", "c2", UNSPECIFIED, "2021-02-05 10:00", "2021-02-05 16:00", 1, "s2"),
    ("a", "c3", SEPARATED, "2021-02-09 10:00", None, 1, "s3"),
    ("a", "c4", SEPARATED, "2021-03-09 11:00", "2021-03-09 14:25", 1, "s4"),
    ("a", "c5", MEDICATION, "2021-03-11 09:00", None, 1, "s5"),
    ("a", "c6", MEDICATION, "2021-03-12 09:00", None, 1, "s6"),
    ("a", "c7", MEDICATION, "2021-04-12 09:00", None, 1, "s7"),
    # provider b: medication only, in the second version; the first version does not count.
    ("b", "c8", SEPARATED, "2021-01-05 10:00", None, 1, "s8"),
    ("b", "c9", MEDICATION, "2021-01-06 10:00", None, 2, "s9"),
    # provider c: another half-year.
    ("c", "c10", SEPARATED, "2021-08-05 10:00", "2021-08-05 12:00", 1, "s10"),
]
DELIVERIES = [
    ("a", "2021-H1", 1, "2021-08-12", "2021-08-12 16:00", "accepted"),
    ("b", "2021-H1", 1, "2021-08-12", "2021-08-01 10:00", "rejected"),
    ("b", "2021-H1", 2, "2021-08-12", "2021-08-22 10:00", "accepted"),
    ("c", "2021-H1", None, "2021-08-12", None, "nothing_to_report"),
    ("c", "2021-H2", 1, "2022-02-12", "2022-02-01 10:00", "accepted"),
    ("d", "2021-H1", 1, "2021-08-12", "2021-09-01 10:00", "rejected"),
]


@cache
def small_world(seed: int, quality_effect: float = 0.4) -> dw.worlds.World:
    return dw.worlds.make("mixed", "small", seed, errors=dw.worlds.ErrorParameters(quality_effect=quality_effect))


def tables(**changes: object) -> dw.Tables:
    names = ["provider_id", "period", "version", "due_on", "received_at", "status"]
    exposure = [(p, f"2021-Q{q}", 900.0 + q) for p in "abcde" for q in (1, 2, 3, 4)]
    frames = {
        "registrations": pd.DataFrame(KEPT_ROWS, columns=REGISTRATIONS).assign(law="WVGGZ"),
        "deliveries": pd.DataFrame(DELIVERIES, columns=names).assign(law="WVGGZ"),
        "exposure": pd.DataFrame(exposure, columns=["provider_id", "period", "bed_days"]),
    }
    return dw.read_tables(**(frames | changes))


def scores(**settings: object) -> pd.DataFrame:
    return dw.quality_score(tables(), **settings).set_index(["provider_id", "period"])  # type: ignore[arg-type]


def test_the_shares_are_those_counted_by_hand() -> None:
    found = scores().loc[("a", "2021-H1")]
    assert found["n"] == 8
    assert found["missing_ends"] == pytest.approx(1 / 5)
    assert found["unspecified_codes"] == pytest.approx(1 / 5)
    assert found["doubles"] == pytest.approx(1 / 8)
    assert found["heaped_ends"] == pytest.approx(1 / 4)
    assert (found["days_late"], found["rejected_files"]) == (0.0, 0.0)


def test_where_there_was_nothing_to_look_at_there_is_no_number() -> None:
    found = scores()
    b = found.loc[("b", "2021-H1")]
    assert b["n"] == 1
    assert b[["missing_ends", "unspecified_codes", "heaped_ends"]].isna().all()
    assert (b["doubles"], b["days_late"], b["rejected_files"]) == (0.0, 10.0, 0.5)
    d = found.loc[("d", "2021-H1")]
    assert d["n"] == 0
    assert d["rejected_files"] == 1.0
    assert d.drop(["n", "rejected_files", "quality_score"]).isna().all()
    assert ("c", "2021-H1") not in found.index
    assert "e" not in found.index.get_level_values("provider_id")


def test_only_the_version_that_counts_is_looked_at() -> None:
    """Without registrations under another law (E8): of those no delivery says which version was the last."""
    plan = dw.worlds.ErrorParameters(wrong_law=0.0)
    last = dw.worlds.make("mixed", "tiny", 3, errors=plan).tables
    every = dw.worlds.make("mixed", "tiny", 3, errors=plan, versions=True).tables
    assert len(every.registrations) > len(last.registrations)
    names = ["n", "missing_ends", "unspecified_codes", "doubles", "heaped_ends"]
    one, other = (dw.quality_score(t).set_index(["provider_id", "period"])[names] for t in (last, every))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(("by", "periods"), [("year", 1), ("half-year", 2), ("quarter", 4), ("month", 12)])
def test_a_delivery_counts_in_every_period_of_its_half_year_and_in_its_year(by: str, periods: int) -> None:
    found = scores(by=by)
    late = found.xs("b")["days_late"].dropna()
    assert len(late) == max(1, periods // 2)
    assert (late == 10.0).all()
    assert found["n"].sum() == 10


def test_the_score_is_standardised_within_the_register_and_higher_is_better() -> None:
    world = small_world(1)
    found = dw.quality_score(world.tables)
    score = found["quality_score"]
    # 1e-9 is far above rounding in a mean of some hundred numbers.
    assert abs(score.mean()) < 1e-9
    assert abs(score.std(ddof=0) - 1.0) < 1e-9
    telling = []
    for part in QUALITY_PARTS:
        alone = dw.quality_score(world.tables, parts=[part])
        if alone["quality_score"].std() > 0.0:
            telling.append(part)
            assert alone["quality_score"].corr(alone[part]) < -0.5, part
    assert set(telling) >= {"unspecified_codes", "days_late", "rejected_files"}


def test_one_more_late_delivery_lowers_the_score_of_that_provider() -> None:
    later = tables(
        deliveries=tables().deliveries.assign(
            received_at=lambda d: d["received_at"].where(d["provider_id"] != "a", pd.Timestamp("2022-03-01"))
        )
    )
    before, after = (dw.quality_score(t, parts=["days_late"]) for t in (tables(), later))
    own = [t.loc[t["provider_id"] == "a", "quality_score"].item() for t in (before, after)]
    assert own[1] < own[0]


def test_parts_choose_what_the_score_is_made_of() -> None:
    found = scores(parts=["rejected_files"])["quality_score"]
    assert found.idxmin() == ("d", "2021-H1")
    assert found.loc[("a", "2021-H1")] == found.loc[("c", "2021-H2")] == found.max()
    assert scores(parts=["doubles"])["quality_score"].loc[("d", "2021-H1")] is not None
    assert np.isnan(scores(parts=["doubles"])["quality_score"].loc[("d", "2021-H1")])


def test_without_a_table_what_it_says_is_missing() -> None:
    frames = tables()
    only_rows = dw.quality_score(dw.Tables(registrations=frames.registrations))
    assert only_rows[["days_late", "rejected_files"]].isna().all(axis=None)
    assert only_rows["doubles"].notna().all()
    only_files = dw.quality_score(dw.Tables(deliveries=frames.deliveries))
    assert only_files["n"].eq(0).all()
    assert only_files[["missing_ends", "doubles", "heaped_ends", "unspecified_codes"]].isna().all(axis=None)
    assert only_files["days_late"].notna().any()
    with pytest.raises(DataError, match="neither table is there"):
        dw.quality_score(dw.Tables(exposure=frames.exposure))


def test_no_client_and_no_registration_is_in_the_scores() -> None:
    text = dw.quality_score(tables()).to_csv() + dw.with_quality(tables()).exposure.to_csv()
    assert not any(f"{letter}{number}" in text for letter in "cs" for number in range(1, 11))


def test_choices_that_are_not_offered() -> None:
    with pytest.raises(DomainError, match="by='week'"):
        dw.quality_score(tables(), by="week")  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="Did you mean 'doubles'"):
        dw.quality_score(tables(), parts=["double"])  # type: ignore[list-item]
    with pytest.raises(DomainError, match="at least one part"):
        dw.quality_score(tables(), parts=[])


def test_the_columns_stand_in_exposure_and_nothing_is_filled() -> None:
    given = tables()
    got = dw.with_quality(given)
    assert "quality_score" not in given.exposure.columns
    assert list(got.exposure.index) == list(given.exposure.index)
    both = got.exposure.set_index(["provider_id", "period"])
    found = scores()
    for period, half in (("2021-Q1", "2021-H1"), ("2021-Q2", "2021-H1")):
        assert both.loc[("a", period), "missing_ends"] == found.loc[("a", half), "missing_ends"]
        assert both.loc[("a", period), "quality_score"] == found.loc[("a", half), "quality_score"]
    assert both.loc[("a", "2021-Q3"), [*QUALITY_PARTS, "quality_score"]].isna().all()
    assert both.loc["e", "quality_score"].isna().all()
    assert given.fingerprint != got.fingerprint


def test_scores_of_another_moment_can_be_used() -> None:
    other = dw.quality_score(tables()).assign(quality_score=7.0)
    got = dw.with_quality(tables(), scores=other).exposure
    assert got["quality_score"].dropna().eq(7.0).all()


def test_what_keeps_the_columns_out() -> None:
    with pytest.raises(DataError, match="exposure, which is not there"):
        dw.with_quality(dw.Tables(registrations=tables().registrations))
    with pytest.raises(DataError, match="quality_score already"):
        dw.with_quality(tables(exposure=tables().exposure.assign(quality_score=1.0)))
    with pytest.raises(DataError, match="longer period"):
        dw.with_quality(tables(), by="month")


def test_few_registrations_say_little() -> None:
    found, of = np.array([0.0, 30.0, 3.0, 300.0, np.nan]), np.array([100.0, 100.0, 10.0, 1000.0, np.nan])
    deviation = predicted_deviation(found, of)
    assert np.isnan(deviation[4])
    assert deviation[0] < 0.0 < deviation[2] < deviation[1] < deviation[3]


def test_what_differs_by_chance_alone_gives_no_deviation() -> None:
    """Equal shares cannot differ beyond chance; nor can one registration per place."""
    assert (predicted_deviation(np.array([5.0, 50.0]), np.array([10.0, 100.0])) == 0.0).all()
    assert (predicted_deviation(np.array([0.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0])) == 0.0).all()
    assert (predicted_deviation(np.array([1.0]), np.array([10.0])) == 0.0).all()


def test_the_deviation_is_the_posterior_mean_where_places_and_counts_are_normal() -> None:
    """Against simulation: the regression of the true deviation (in units of tau) on the predicted one has slope one."""
    rng = np.random.default_rng(1)
    mean, tau, of = 0.2, 0.05, rng.integers(20, 400, size=20_000).astype(np.float64)
    truth = rng.normal(0.0, tau, size=of.size)
    found = rng.binomial(of.astype(np.int64), np.clip(mean + truth, 0.0, 1.0)).astype(np.float64)
    predicted = predicted_deviation(found, of)
    slope = np.polyfit(predicted, truth / tau, 1)[0]
    # Standard error of the slope with 20,000 places is about 0.006; the rest is the varying chance variance.
    assert abs(slope - 1.0) < 0.03


def test_standardised_and_summed() -> None:
    values = standardised(np.array([1.0, 3.0, np.nan]))
    assert values[:2] == pytest.approx([-1.0, 1.0])
    assert np.isnan(values[2])
    assert (standardised(np.array([0.1, 0.1, 0.1])) == 0.0).all()
    assert np.isnan(standardised(np.array([np.nan]))).all()
    total = sum_of_measured(np.array([[1.0, np.nan], [1.0, 2.0], [np.nan, np.nan]]))
    assert total[:2] == pytest.approx([1.0, 3.0])
    assert np.isnan(total[2])


#: Small worlds (24 providers). Over 20 seeds the correlation between the providers' mean score and their mean true
#: completeness was 0.51 on average (0.23 to 0.76 in single worlds), and over provider-periods 0.36; of the score of
#: the registrations alone 0.46, and -0.02 in worlds where errors have nothing to do with completeness (from -0.37 to
#: 0.42: the standard error of a mean over four such worlds is 0.10).
SEEDS = (1, 2, 3, 4)


def with_truth(world: dw.worlds.World, parts: tuple[str, ...]) -> pd.DataFrame:
    """Score and true completeness (mean over quarters and forms) of every provider-period of a world."""
    half = world.truth["period"].str[:5] + np.where(world.truth["period"].str[-1].isin(["1", "2"]), "H1", "H2")
    true = world.truth.loc[world.truth["form"] != "admission"].assign(period=half)
    complete = true.groupby(["provider_id", "period"])["completeness"].mean().rename("completeness").reset_index()
    scored = dw.quality_score(world.tables, parts=parts).dropna(subset="quality_score")  # type: ignore[arg-type]
    return scored.merge(complete, on=["provider_id", "period"])[["provider_id", "quality_score", "completeness"]]


def between_providers(frame: pd.DataFrame) -> float:
    mean = frame.groupby("provider_id")[["quality_score", "completeness"]].mean()
    return float(mean["quality_score"].corr(mean["completeness"]))


def test_the_score_goes_with_true_completeness() -> None:
    found = [with_truth(small_world(seed), QUALITY_PARTS) for seed in SEEDS]
    cells = [frame["quality_score"].corr(frame["completeness"]) for frame in found]
    assert np.mean([between_providers(frame) for frame in found]) > 0.4
    assert np.mean(cells) > 0.25
    assert min(cells) > 0.0


def test_where_errors_say_nothing_about_completeness_their_score_does_not_either() -> None:
    rows = ("missing_ends", "unspecified_codes", "doubles", "heaped_ends")
    telling, silent = (
        np.mean([between_providers(with_truth(small_world(seed, q), rows)) for seed in SEEDS]) for q in (0.4, 0.0)
    )
    assert telling > 0.3
    assert abs(silent) < 0.25


@pytest.fixture(scope="module")
def scored_panel() -> dw.Panel:
    """Seclusion at the providers of a small world that have a score wherever they delivered."""
    world = small_world(1)
    panel = dw.build_panel(dw.with_quality(world.tables), law="WVGGZ", form="seclusion", covariates=["quality_score"])
    without = panel.observed.loc[panel.observed["quality_score"].isna(), "provider"]
    return panel.restrict(sorted(set(panel.observed["provider"]) - set(without)))


def test_a_panel_takes_the_score_as_a_covariate(scored_panel: dw.Panel) -> None:
    assert scored_panel.covariates == ("quality_score",)
    assert len(scored_panel.providers) > 15
    assert scored_panel.observed["quality_score"].std() > 0.5


def test_a_model_refuses_rows_without_a_score() -> None:
    panel = dw.build_panel(dw.with_quality(tables(), parts=["doubles"]), law="WVGGZ", covariates="quality_score")
    assert panel.observed["quality_score"].isna().any()
    with pytest.raises(dw.DwangstatsError, match="quality_score"):
        dw.RateModel("events ~ quality_score", panel.for_form(panel.forms[0]))


def test_the_score_is_an_indicator_of_completeness(scored_panel: dw.Panel) -> None:
    """It moves completeness and not the rate; what level completeness has it cannot say, and the model says so."""
    model = dw.RegistrationModel(
        panel=scored_panel,
        rate="events ~ C(year) + (1 | provider)",
        registration="~ C(year) + quality_score",
        family="poisson",
        evidence=[dw.Indicator("quality_score")],
    )
    assembled = model.assembled
    names = [assembled.context.registration.names[i] for i in assembled.excluded["indicator"]]
    assert names == ["quality_score"]
    result = model.fit(allow_unidentified=True)
    assert np.isfinite(result.params["registration:quality_score"])
    with pytest.raises(dw.IdentificationError, match="bounds remain"):
        _ = model.fit().params


def two_versions() -> dw.Tables:
    """Provider A left half of its ends out of the file of 2021, and mended that in the file of 2023."""
    n = 40
    days = pd.Series(pd.date_range("2021-01-05 09:03", periods=n, freq="4D"))
    ends = days + pd.Timedelta(hours=5, minutes=11)

    def rows(provider: str, version: int, *, ends_missing: bool) -> pd.DataFrame:
        known = ends.where(days.index % 2 == 0) if ends_missing else ends
        clients = [f"{provider}{number}" for number in range(n)]
        frame = pd.DataFrame({"client_id": clients, "begin": days, "end": known})
        return frame.assign(provider_id=provider, delivery_version=version)

    parts = [
        rows("A", 1, ends_missing=True),
        *(rows(p, v, ends_missing=False) for p, v in (("A", 2), ("B", 1), ("C", 1))),
    ]
    deliveries = pd.DataFrame(
        {
            "provider_id": list("AABC"),
            "law": "WVGGZ",
            "period": "2021-H1",
            "version": [1, 2, 1, 1],
            "status": "accepted",
            "received_at": pd.to_datetime(["2021-08-01", "2023-09-01", "2021-08-01", "2021-08-01"]),
        }
    )
    return dw.read_tables(
        registrations=pd.concat(parts).astype({"delivery_version": "int64"}).assign(law="WVGGZ", form="seclusion"),
        deliveries=deliveries,
        exposure=pd.DataFrame({"provider_id": list("ABC"), "period": "2021-H1", "bed_days": 9000.0}),
    )


COVARIATES = ["missing_ends", "quality_score"]


def test_the_score_of_a_date_is_that_of_what_was_known_then() -> None:
    tables, day = two_versions(), "2021-12-31"
    then, now = dw.quality_score(tables, as_of=day), dw.quality_score(tables)
    assert then["missing_ends"].tolist() == [0.5, 0.0, 0.0]
    assert now["missing_ends"].tolist() == [0.0, 0.0, 0.0]
    pd.testing.assert_frame_equal(then, dw.quality_score(dw.known_on(tables, day).tables))
    panel = dw.build_panel(dw.with_quality(tables, as_of=day), as_of=date(2021, 12, 31), covariates=COVARIATES)
    assert panel.observed["missing_ends"].tolist() == [0.5, 0.0, 0.0]
    assert panel.observed["quality_score"].tolist() == then["quality_score"].tolist()
    assert panel.observed["quality_score"].iloc[0] < -1.0


def test_counts_of_a_date_are_not_put_beside_a_score_of_another() -> None:
    tables, day = two_versions(), "2021-12-31"
    today, then = dw.with_quality(tables), dw.with_quality(tables, as_of=day)
    of_scores = dw.with_quality(tables, scores=dw.quality_score(tables))
    for scored in (today, of_scores):
        with pytest.raises(DataError, match=r"missing_ends, quality_score.*with_quality\(tables, as_of="):
            dw.build_panel(scored, as_of=day, covariates=COVARIATES)
    with pytest.raises(DataError, match="known on 2021-12-31"):
        dw.build_panel(then, as_of="2022-12-31", covariates=COVARIATES)
    with pytest.raises(DataError, match="known on 2021-12-31"):
        dw.build_panel(then, covariates=COVARIATES)
    assert dw.build_panel(today, as_of=day).covariates == ()
    with pytest.raises(DomainError, match="scores"):
        dw.with_quality(tables, scores=dw.quality_score(tables), as_of=day)


def test_a_vintage_that_is_taken_first_has_its_own_score() -> None:
    known = dw.known_on(two_versions(), "2021-12-31").tables
    panel = dw.build_panel(dw.with_quality(known), covariates=COVARIATES)
    assert panel.observed["missing_ends"].tolist() == [0.5, 0.0, 0.0]

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from dwangstats.change.decomposition import ChangeDecomposition, decompose_change
from dwangstats.change.decomposition_words import amount
from dwangstats.data.panels.panel import Panel
from dwangstats.errors import DataError, DomainError, InternalError
from dwangstats.models.rate import RateModel
from dwangstats.models.results import RateResult

#: The promise.
EXACT = 1e-9

PARTS = ("bed-days", "composition: mix", "composition: entry and exit", "case-mix", "registered rate", "residual")


def rows(
    seed: int = 1, providers: int = 24, rise: float = 1.3, spread: float = 0.5, periods: tuple[str, ...] = ("H1", "H2")
) -> pd.DataFrame:
    """Ready counts of providers over 2021 and 2023 by part of the year."""
    rng = np.random.default_rng(seed)
    grid = pd.MultiIndex.from_product([[f"p{i:02d}" for i in range(providers)], [2021, 2023], periods]).to_frame()
    frame = grid.set_axis(["provider", "year", "half"], axis=1).reset_index(drop=True)
    level = rng.normal(0.0, spread, providers)[frame["provider"].str[1:].astype(int)]
    days = rng.uniform(1000.0, 6000.0, providers)[frame["provider"].str[1:].astype(int)]
    days = np.rint(days * rng.uniform(0.8, 1.25, len(frame)))
    quality = rng.uniform(0.0, 1.0, len(frame)).round(2)
    mean = 0.01 * days * np.exp(level + 0.4 * quality) * np.where(frame["year"] == 2023, rise, 1.0)
    return frame.assign(
        period=frame["year"].astype(str) + "-" + frame["half"],
        bed_days=days,
        complexity=quality,
        setting=np.where(level > 0.0, "closed", "open"),
        events=rng.poisson(mean),
    )


def panel_of(frame: pd.DataFrame) -> Panel:
    return Panel.from_frame(
        frame,
        provider="provider",
        period="period",
        events="events",
        exposure="bed_days",
        covariates=("complexity", "setting"),
    )


def fit(frame: pd.DataFrame, formula: str = "C(year) + (1 | provider)", family: Any = "poisson") -> Any:
    return RateModel(formula, panel_of(frame), family=family).fit()


def divide(result: Any, **settings: Any) -> ChangeDecomposition:
    return decompose_change(result, **{"before": 2021, "after": 2023, "rng": 1, "draws": 400, **settings})


@pytest.fixture(scope="module")
def mixed() -> Any:
    return fit(rows())


@pytest.fixture(scope="module")
def plain() -> RateResult:
    found = fit(rows(), "C(year)")
    assert isinstance(found, RateResult)
    return found


# ------------------------------------------------------------------------------------------------------- adding up


@pytest.mark.parametrize("per", ["counts", "rate"])
@pytest.mark.parametrize("formula", ["C(year)", "C(year) + (1 | provider)", "C(year) * complexity + (1 | provider)"])
def test_parts_add_up_to_what_was_registered(formula: str, per: str) -> None:
    frame = rows(seed=3)
    found = divide(fit(frame, formula), per=per)
    totals = frame.groupby("year")[["events", "bed_days"]].sum()
    change = totals["events"].diff().iloc[-1]
    if per == "rate":
        change = 1000.0 * (totals["events"] / totals["bed_days"]).diff().iloc[-1]
    assert tuple(found.parts) == PARTS
    assert found.observed.estimate == pytest.approx(change, abs=EXACT)
    assert found.table["estimate"].sum() == pytest.approx(change, abs=EXACT)
    assert_allclose(found.draws.sum(axis=0), change, atol=EXACT)
    assert found.lmdi["estimate"].sum() == pytest.approx(change, abs=EXACT)
    assert found.draws.shape == (6, 400)


def test_time_turned_round_turns_every_number_and_interval(mixed: Any) -> None:
    there, back = divide(mixed), divide(mixed, before=2023, after=2021)
    for part, estimate in there.parts.items():
        other = back.parts[part]
        assert_allclose(
            [other.estimate, other.lower, other.upper],
            [-estimate.estimate, -estimate.upper, -estimate.lower],
            atol=1e-6,
        )
    assert_allclose(back.draws, -there.draws, atol=EXACT)


def test_one_rate_for_all_gives_the_textbook_division(plain: RateResult) -> None:
    frame = rows()
    days = frame.groupby("year")["bed_days"].sum()
    rate = frame.groupby("year")["events"].sum() / days
    found = divide(plain)
    bed_days = (days[2023] - days[2021]) * (rate[2021] + rate[2023]) / 2.0
    registered = (rate[2023] - rate[2021]) * (days[2021] + days[2023]) / 2.0
    # The fit stops at a scaled gradient of 1e-10 or so.
    assert found.parts["bed-days"].estimate == pytest.approx(bed_days, abs=1e-6)
    assert found.parts["registered rate"].estimate == pytest.approx(registered, abs=1e-6)
    assert found.parts["residual"].estimate == pytest.approx(0.0, abs=1e-6)


def test_the_interval_of_the_registered_rate_is_that_of_the_rate_ratio(plain: RateResult) -> None:
    found = divide(plain, per="rate", draws=4000).parts["registered rate"]
    frame = rows()
    totals = frame.groupby("year")[["events", "bed_days"]].sum()
    rate = 1000.0 * totals["events"] / totals["bed_days"]
    se = math.sqrt(float((rate**2 / totals["events"]).sum()))
    # 4,000 draws: a quantile at 2.5% has a standard error of 0.04 of the standard error.
    assert (found.upper - found.lower) / (2.0 * 1.96 * se) == pytest.approx(1.0, abs=0.08)


def test_a_robust_covariance_is_used(plain: RateResult) -> None:
    model = divide(plain, draws=2000).parts["registered rate"]
    robust = divide(plain.robust("CR2"), draws=2000).parts["registered rate"]
    assert robust.estimate == pytest.approx(model.estimate, rel=1e-12)
    assert abs((robust.upper - robust.lower) / (model.upper - model.lower) - 1.0) > 0.1


def test_the_same_number_gives_the_same_draws(mixed: Any) -> None:
    assert np.array_equal(divide(mixed).draws, divide(mixed).draws)
    assert not np.array_equal(divide(mixed).draws, divide(mixed, rng=2).draws)


# ------------------------------------------------------------------------------------------------- what is not there


def test_absent_parts_are_exactly_zero_and_said(plain: RateResult) -> None:
    table = divide(plain).table.set_index("part")
    for part in ("composition: mix", "case-mix"):
        assert not table.loc[part, "in_model"]
        assert (table.loc[part, ["estimate", "lower", "upper"]] == 0.0).all()
    note = divide(plain).note
    assert "Not in the model" in note["en"]
    assert "case-mix" in note["en"]
    assert "Niet in het model" in note["nl"]


def test_bed_days_play_no_part_in_a_rate(mixed: Any) -> None:
    found = divide(mixed, per="rate")
    assert found.parts["bed-days"].estimate == 0.0
    assert not found.in_model["bed-days"]
    assert "bed-days plays no part" in found.note["en"]
    assert "aantal beddagen geen rol" in found.note["nl"]
    assert found.observed.unit == "registrations per 1,000 bed-days"
    assert "registraties per 1.000 beddagen" in found.verdict["nl"]


def test_another_exposure_has_its_own_name() -> None:
    panel = replace(panel_of(rows()), unit="person-days")
    found = divide(RateModel("C(year)", panel).fit(), per="rate")
    assert found.observed.unit == "registrations per 1,000 person-days"
    assert "per persoonsdag;" in found.verdict["nl"]


def test_case_mix_is_a_part_where_the_formula_has_it() -> None:
    frame = rows(seed=5)
    late = frame["year"] == 2023
    frame.loc[late, "complexity"] += 1.0
    rng = np.random.default_rng(1)
    frame["events"] = rng.poisson(0.02 * frame["bed_days"] * np.exp(0.5 * frame["complexity"]))
    found = divide(fit(frame, "C(year) + complexity", "nb2"))
    assert found.in_model["case-mix"]
    change = found.parts["case-mix"]
    # All of the rise beyond the bed-days comes from complexity: exp(0.5) - 1 of the registrations, or somewhat less.
    assert change.lower > 0.0
    assert change.estimate > found.parts["registered rate"].estimate


def test_shares_only_where_the_change_is_clear() -> None:
    clear = divide(fit(rows(rise=2.0), "C(year)"))
    assert clear.table["share"].sum() == pytest.approx(1.0, abs=1e-12)
    frame = rows(seed=11).sort_values(["year", "provider", "half"], ignore_index=True)
    half = len(frame) // 2
    frame.loc[half:, ["events", "bed_days"]] = frame.loc[: half - 1, ["events", "bed_days"]].to_numpy()
    frame.loc[len(frame) - 1, "events"] += 3
    none = divide(fit(frame, "C(year)"))
    assert none.observed.estimate == 3.0
    assert none.observed.lower < 0.0 < none.observed.upper
    assert none.table["share"].isna().all()


# ------------------------------------------------------------------------------------------------- coming and going


def test_a_provider_of_one_period_is_entry_or_exit_and_nothing_else() -> None:
    frame = rows(seed=7)
    gone = (frame["provider"] == "p03") & (frame["year"] == 2023)
    new = (frame["provider"] == "p04") & (frame["year"] == 2021)
    half = (frame["provider"] == "p05") & (frame["period"] == "2021-H2")
    kept = frame[~(gone | new | half)]
    result = fit(kept)
    found = divide(result)
    fitted = result.fittedvalues.to_numpy()
    rows_of = result.design.frame
    alone = rows_of["provider"].eq("p04") | (rows_of["provider"].eq("p05") & rows_of["period"].eq("2023-H2"))
    left = rows_of["provider"].eq("p03")
    expected = fitted[alone.to_numpy()].sum() - fitted[left.to_numpy()].sum()
    assert found.parts["composition: entry and exit"].estimate == pytest.approx(expected, rel=1e-9)
    assert "of 24 providers. Counted in 2021 alone: 1; in 2023 alone: 1;" in found.note["en"]
    assert "forms: 1." in found.note["en"]
    both = kept[~kept["provider"].isin(["p03", "p04"]) & ~(kept["provider"].eq("p05") & kept["half"].eq("H2"))]
    days = both.groupby("year")["bed_days"].sum()
    mean = found.parts["bed-days"].estimate / (days[2023] - days[2021])
    assert 0.01 < mean < 0.05


def test_undelivered_rows_are_not_zeros() -> None:
    frame = rows(seed=8).astype({"events": float})
    missing = frame["provider"].isin(["p00", "p01"]) & (frame["year"] == 2021)
    panel = Panel.from_frame(
        frame.assign(events=frame["events"].where(~missing)),
        provider="provider",
        period="period",
        events="events",
        exposure="bed_days",
        blank_events="not delivered",
    )
    found = divide(RateModel("C(year) + (1 | provider)", panel).fit())
    held = frame[~missing].groupby("year")["events"].sum()
    assert found.observed.estimate == held[2023] - held[2021]
    assert "in 2023 alone: 2;" in found.note["en"]


def test_halves_of_the_year_meet_their_own_kind() -> None:
    frame = rows(seed=9)
    only = frame[(frame["year"] == 2023) | (frame["half"] == "H1")]
    found = divide(fit(only, "C(year)"))
    late = only[(only["year"] == 2023) & (only["half"] == "H2")]
    rate = only[only["year"] == 2023]["events"].sum() / only[only["year"] == 2023]["bed_days"].sum()
    assert found.parts["composition: entry and exit"].estimate == pytest.approx(rate * late["bed_days"].sum(), rel=1e-6)


def test_text_stands_for_the_year_it_spells(mixed: Any) -> None:
    found = divide(mixed, before="2021", after="2023")
    assert (found.before, found.after) == (2021, 2023)
    assert np.array_equal(found.draws, divide(mixed).draws)


def test_two_periods_can_be_compared() -> None:
    frame = rows(seed=10)
    found = divide(fit(frame, "C(period) + (1 | provider)"), variable="period", before="2021-H1", after="2023-H2")
    totals = frame.groupby("period")["events"].sum()
    assert found.observed.estimate == totals["2023-H2"] - totals["2021-H1"]


def test_forms_share_their_bed_days() -> None:
    frame = pd.concat([rows(seed=1).assign(form="seclusion"), rows(seed=1).assign(form="medication")])
    panel = Panel.from_frame(
        frame, provider="provider", period="period", events="events", exposure="bed_days", form="form"
    )
    found = divide(RateModel("C(year) + form", panel).fit(), per="rate")
    once = frame[frame["form"] == "seclusion"].groupby("year")["bed_days"].sum()
    events = frame.groupby("year")["events"].sum()
    assert found.observed.estimate == pytest.approx(1000.0 * (events / once).diff().iloc[-1], abs=EXACT)


# ------------------------------------------------------------------------------------- registration or real, unknown


def test_without_evidence_the_two_are_one_part_and_the_verdict_says_so(mixed: Any) -> None:
    found = divide(mixed)
    assert not found.separated
    assert found.band.empty
    assert found.identified_by == "registrations alone"
    assert "cannot be separated by these data" in found.verdict["en"]
    assert "can come from better registration alone only if" in found.verdict["en"]
    assert "niet te scheiden" in found.verdict["nl"]
    assert "accounting, not cause and effect" in found.note["en"]
    assert "geen oorzaak en gevolg" in found.note["nl"]


@pytest.mark.parametrize("per", ["counts", "rate"])
def test_a_band_for_the_real_part(mixed: Any, per: str) -> None:
    found = divide(mixed, per=per, completeness_before=(0.7, 1.0))
    band = found.band.set_index("part")
    registered = found.parts["registered rate"].estimate
    # The two ends belong to each other: what is not registration is real.
    assert_allclose(band.loc["real", "lower"] + band.loc["registration", "upper"], registered, atol=1e-6)
    assert_allclose(band.loc["real", "upper"] + band.loc["registration", "lower"], registered, atol=1e-6)
    assert (band["interval_lower"] <= band["lower"]).all()
    assert (band["upper"] <= band["interval_upper"]).all()
    assert band.loc["real", "lower"] < registered < band.loc["real", "upper"]
    assert "between 70% and 100% in both periods" in found.verdict["en"]
    assert "tussen 70% en 100%" in found.verdict["nl"]


def test_completeness_that_did_not_fall_caps_the_real_part(mixed: Any) -> None:
    found = divide(mixed, completeness_before=(0.7, 1.0), monotone=True)
    band = found.band.set_index("part")
    assert band.loc["real", "upper"] == pytest.approx(found.parts["registered rate"].estimate, abs=1e-6)
    assert band.loc["registration", "lower"] == pytest.approx(0.0, abs=1e-9)
    assert "did not fall after" in found.verdict["en"]


def test_a_complete_register_leaves_no_band(mixed: Any) -> None:
    found = divide(mixed, completeness_before=(1.0, 1.0))
    assert_allclose(found.band[["lower", "upper"]].to_numpy()[0], 0.0, atol=1e-9)


def test_a_rate_that_does_not_move_with_time_has_no_tipping_point() -> None:
    found = divide(fit(rows(), "setting"))
    assert not found.in_model["registered rate"]
    assert "completeness_before" in found.verdict["en"]


# ----------------------------------------------------------------------------------------------------- identity, text


def test_a_division_that_does_not_add_up_cannot_be_made(mixed: Any) -> None:
    found = divide(mixed)
    more = replace(found.parts["residual"], estimate=found.parts["residual"].estimate + 1e-6)
    with pytest.raises(InternalError, match="miss the change"):
        replace(found, parts={**found.parts, "residual": more})
    with pytest.raises(InternalError, match="miss the change"):
        replace(found, draws=found.draws + 1e-6)


def test_the_frame_ends_with_the_change_itself(mixed: Any) -> None:
    frame = divide(mixed).to_frame()
    assert frame["part"].tolist() == [*PARTS, "observed change"]
    assert frame["estimate"].iloc[-1] == pytest.approx(frame["estimate"].iloc[:-1].sum(), abs=EXACT)
    assert "observed change" in str(divide(mixed))


@pytest.mark.parametrize(
    ("value", "per", "language", "signed", "text"),
    [
        (1234.4, "counts", "nl", True, "+1.234"),
        (-1234.6, "counts", "en", False, "−1,235"),
        (-0.3, "counts", "en", True, "0"),
        (0.126, "rate", "nl", True, "+0,13"),
        (0.001, "rate", "en", True, "0.00"),
    ],
)
def test_numbers_as_each_language_writes_them(value: float, per: Any, language: Any, signed: bool, text: str) -> None:
    assert amount(value, per, language, signed=signed) == text


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"per": "share"}, "per must be"),
        ({"level": 0.3}, "level must lie"),
        ({"draws": 10}, "draws must be at least 100"),
        ({"before": 2019}, "no value 2019"),
        ({"after": 2021}, "both 2021"),
        ({"variable": "setting", "before": "open"}, "no value 2023"),
        ({"variable": "jaar"}, "no column jaar"),
        ({"completeness_before": (0.0, 1.0)}, "limits on completeness"),
        ({"rng": None}, "rng must be"),
    ],
)
def test_questions_without_an_answer(plain: RateResult, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(DomainError, match=said):
        divide(plain, **settings)


def test_rows_that_cannot_be_matched() -> None:
    frame = rows()
    crossed = frame[(frame["provider"] < "p12") == (frame["year"] == 2021)]
    with pytest.raises(DataError, match="No provider has rows at both"):
        divide(fit(crossed, "C(year)"))
    result = RateModel("events ~ C(year)", frame.drop(columns="period"), exposure="bed_days").fit()
    with pytest.raises(DataError, match="repeat a combination of provider"):
        divide(result)
    nameless = RateModel("events ~ C(year)", frame.rename(columns={"provider": "unit"}), exposure="bed_days").fit()
    with pytest.raises(DataError, match="no column provider"):
        divide(nameless)


def test_models_that_are_not_divided() -> None:
    frame = rows(providers=40, spread=0.1)
    frame.loc[np.random.default_rng(1).random(len(frame)) < 0.4, "events"] = 0
    inflated = RateModel("events ~ C(year)", frame, exposure="bed_days", zero="~ 1").fit()
    with pytest.raises(DomainError, match="extra zeros"):
        divide(inflated)
    dummies = fit(rows(), "C(year) + provider").robust("CR1")
    with pytest.raises(DomainError, match="determined by one cluster alone"):
        divide(dummies)

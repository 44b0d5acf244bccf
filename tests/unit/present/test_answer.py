import math
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from dwangstats.present.answer import answer, decimals_for, difference_range, settling
from dwangstats.present.contents import ReportContents
from dwangstats.present.labels import Labels, plain

Maker = Callable[..., ReportContents]


def words(contents: ReportContents) -> str:
    return plain(answer(contents))


def test_the_registered_rise_with_interval_rates_and_counts(make_contents: Maker) -> None:
    text = words(make_contents("nl"))
    assert text.startswith(
        "In 2023 lag het aantal registraties van verplichte zorg per bezette beddag 30% hoger dan in 2021 "
        "(95%-betrouwbaarheidsinterval: 22% tot 39% hoger); in aantallen gaat het om 8.031 registraties tegenover "
        "6.272, 28% meer. Het aantal geregistreerde separaties per bezette beddag lag 15% hoger dan in 2021 "
        "(interval: 3% tot 28% hoger)"
    )


def test_among_whom(make_contents: Maker) -> None:
    text = words(make_contents("nl"))
    assert "alleen de 45 van de 60 zorgaanbieders (75%) die in elke periode correct aanleverden" in text
    assert "81% van de bezette beddagen en 83% van de aangeleverde registraties" in text


def test_what_is_not_known_is_said_plainly(make_contents: Maker) -> None:
    text = words(make_contents("nl"))
    assert "Niet bekend is of het aantal toepassingen van verplichte zorg zelf is gestegen" in text
    assert "hoogstens 77% van de toepassingen was geregistreerd, met een toevalsmarge van 72% tot 82%" in text
    assert "(voor separaties: 87%)" in text
    assert "minstens 70% was en daarna niet is gedaald" in text
    assert "tussen 9% lager en 30% hoger" in text
    assert text.endswith(
        "Zowel een stijging als een daling past dus bij deze cijfers: de registratie alleen kan dit niet beslissen."
    )


@pytest.mark.parametrize("language", ["nl", "en"])
def test_it_is_one_paragraph_without_empty_words(make_contents: Maker, language: str) -> None:
    text = words(make_contents(language))
    assert "\n" not in text
    assert "  " not in text
    for nothing in ("nan", "None", "inf ", "{", "}", "–"):
        assert nothing not in text


def test_a_fall_is_told_as_a_fall(make_contents: Maker) -> None:
    text = words(make_contents("en", all_forms=0.39, monotone=False))
    assert "was 61% lower than in 2021 (95% confidence interval: 58% to 63% lower)" in text
    assert "was used less often: fewer registrations" in text
    assert "had dropped to at most 39% of that in 2021, with a margin for chance of 37% to 42%" in text
    assert "at least 70% in both 2021 and 2023" in text
    assert "between 44% and 73% lower" in text
    assert text.endswith(
        "the number of events fell as well, but whether the assumption holds, the register alone cannot decide."
    )


def test_a_difference_that_may_be_chance_says_so(make_contents: Maker) -> None:
    text = words(make_contents("en", all_forms=1.04))
    assert (
        "4.0% higher than in 2021 (95% confidence interval: from 2.6% lower to 11.1% higher), a difference that" in text
    )
    assert "cannot be told from chance" in text
    assert "used more or less often" in text
    assert "Moreover, registration alone can account for this difference if at most 96%" in text
    fall = words(make_contents("nl", all_forms=0.97))
    assert "2,6% lager" not in fall
    assert "3,0% lager" in fall
    assert "was teruggelopen tot hoogstens 97%" in fall


def test_a_rise_that_survives_the_assumption_still_leaves_the_assumption(make_contents: Maker) -> None:
    text = words(make_contents("en", all_forms=1.6, completeness=(0.8, 1.0)))
    assert "between 28% and 60% higher" in text
    assert text.endswith(
        "the number of events rose as well, but whether the assumption holds, the register alone cannot decide."
    )


def test_a_change_of_more_than_threefold_is_told_in_times(make_contents: Maker) -> None:
    text = words(make_contents("nl", all_forms=5.2))
    assert "5,2 keer zo hoog als in 2021 (95%-betrouwbaarheidsinterval: 4,9 tot 5,6 keer zo hoog)" in text
    assert "5,1 keer zoveel" in text


def test_no_change_at_all(make_contents: Maker) -> None:
    text = words(make_contents("nl", all_forms=1.0))
    assert "vrijwel even hoog als in 2021" in text
    assert "van 6% lager tot 7% hoger" in text or "van 6,4% lager tot 6,8% hoger" in text


def test_one_form_only(make_contents: Maker) -> None:
    text = words(make_contents("nl", forms=("seclusion",)))
    assert text.startswith("In 2023 lag het aantal geregistreerde separaties per bezette beddag 15% hoger")
    assert "Niet bekend is of het aantal separaties zelf is gestegen" in text
    assert "voor separaties" not in text


def test_a_form_without_a_name_of_its_own(make_contents: Maker) -> None:
    text = words(make_contents("en", forms=("telefoonbeperking",)))
    assert "the number of registrations of telefoonbeperking per occupied bed-day" in text


def test_no_comparison_asked(make_contents: Maker) -> None:
    text = words(make_contents("nl", compared=False, completeness=None))
    assert text.startswith("Er is geen vergelijking tussen twee perioden gevraagd")
    assert (
        "In de eerste helft van 2021 ging het om 10,1 registraties van verplichte zorg per 1.000 bezette beddagen"
        in text
    )
    assert "in de tweede helft van 2023 om 13,9" in text
    assert "hoger" not in text
    assert text.endswith("de registratie alleen kan dat niet beslissen.")


def test_a_comparison_without_an_estimate(make_contents: Maker) -> None:
    asked = make_contents("en")
    bare = make_contents("en", ratios=pd.DataFrame(), bounds=pd.DataFrame(), tipping=pd.DataFrame())
    assert asked.question["before"] == bare.question["before"] == 2021
    assert "A comparison of 2023 with 2021 was asked for, but no estimate of it is available" in words(bare)


def test_without_an_assumption_there_are_no_bounds(make_contents: Maker) -> None:
    text = words(make_contents("en", completeness=None))
    assert "If we assume" not in text
    assert text.endswith("The register alone cannot decide.")


def test_everything_delivered_as_the_selection(make_contents: Maker) -> None:
    text = words(make_contents("en", selections=("delivered", "complete")))
    assert "This concerns everything that was delivered correctly, by 45 of 60 providers (75%)" in text


def test_all_providers(make_contents: Maker) -> None:
    coverage = pd.DataFrame(
        {"quantity": ["providers", "bed_days"], "kept": [8.0, 5.0], "total": [8.0, 5.0], "share": [1.0, 1.0]}
    )
    assert "all 8 providers: they delivered correctly in every period." in words(make_contents("en", coverage=coverage))


def test_an_unknown_share_is_left_out(make_contents: Maker) -> None:
    coverage = make_contents("en").coverage
    coverage.loc[coverage["quantity"] == "bed_days", "share"] = math.nan
    text = words(make_contents("en", coverage=coverage))
    assert "together 83% of the delivered registrations" in text
    assert "of the occupied bed-days" not in text


def test_counts_that_are_not_known(make_contents: Maker) -> None:
    ratios = make_contents("en").ratios.assign(events_before=0.0, count_ratio=math.nan)
    assert "8,031 registrations against 0." in words(make_contents("en", ratios=ratios))


def test_limits_on_completeness_in_both_periods(make_contents: Maker) -> None:
    question = {**make_contents("en").question, "completeness_before": [0.6, 0.9], "completeness_after": [0.8, 1.0]}
    text = words(make_contents("en", completeness=(0.6, 0.9), question=question))
    assert "between 60% and 90% in 2021, at least 80% in 2023, and did not fall in between" in text


def with_margin(contents: ReportContents, lower: float, upper: float) -> ReportContents:
    return replace(contents, tipping=contents.tipping.assign(lower=lower, upper=upper))


def test_a_rise_of_the_events_follows_only_beyond_the_margin(make_contents: Maker) -> None:
    dutch = words(make_contents("nl"))
    assert "was het meer dan 82%, dan is ook het aantal toepassingen per bezette beddag gestegen" in dutch
    english = words(with_margin(make_contents("en"), 0.57, 0.9931))
    assert "margin for chance of 57% to 99% (for seclusion" in english.replace("seclusions", "seclusion")
    assert "if it was more than 99%, the number of events per occupied bed-day rose as well" in english
    assert "if it was a larger part" not in english


def test_a_fall_of_the_events_follows_only_beyond_the_margin(make_contents: Maker) -> None:
    text = words(make_contents("en", all_forms=0.39))
    assert "at most 39% of that in 2021, with a margin for chance of 37% to 42%" in text
    assert "if it stayed above 42% of that, the number of events per occupied bed-day fell as well" in text


@pytest.mark.parametrize("upper", [1.0, 1.0 - 1e-12])
def test_a_margin_up_to_complete_settles_nothing(make_contents: Maker, upper: float) -> None:
    text = words(with_margin(make_contents("en"), 0.57, upper))
    assert "even complete registration in 2021 does not settle whether the number of events" in text
    assert "if it was more than" not in text
    dutch = words(with_margin(make_contents("nl"), 0.57, upper))
    assert "ook als de registratie in 2021 volledig was, staat door toeval niet vast" in dutch
    fall = words(with_margin(make_contents("en", all_forms=0.39), 0.2, upper))
    assert "even completeness that did not drop does not settle" in fall


def test_a_difference_that_may_be_chance_is_not_settled_by_complete_registration(make_contents: Maker) -> None:
    text = words(make_contents("en", all_forms=1.04))
    assert "even complete registration in 2021 does not settle" in text


def test_a_margin_that_allows_everything_is_said_in_words(make_contents: Maker) -> None:
    text = words(with_margin(make_contents("en"), 1e-6, 1.0))
    assert "with a margin for chance that allows any completeness" in text
    assert "0% to 100%" not in text


def test_a_margin_just_short_of_complete_is_not_rounded_up(make_contents: Maker) -> None:
    text = words(with_margin(make_contents("en"), 0.57, 0.99984))
    assert "57% to 99.98%" in text
    assert "if it was more than 99.98%" in text


def test_without_a_margin_chance_is_left_aside(make_contents: Maker) -> None:
    text = words(with_margin(make_contents("en"), math.nan, math.nan))
    assert "leaving chance aside: if it was more than 77%, the number of events" in text


@pytest.mark.parametrize("selection", ["complete", "delivered"])
@pytest.mark.parametrize("kept", [45.0, 60.0])
def test_nobody_delivered_correctly_where_nobody_said_so(make_contents: Maker, selection: str, kept: float) -> None:
    whole = make_contents("en", selections=(selection,))
    question = {**whole.question, "deliveries_known": False}
    coverage = whole.coverage.assign(kept=whole.coverage["kept"].where(whole.coverage["quantity"] != "providers", kept))
    text = words(make_contents("en", selections=(selection,), question=question, coverage=coverage))
    assert "delivered" not in text
    assert "the input does not say whether deliveries were correct" in text
    assert ("a count in every period" in text) == (selection == "complete")
    silent = {key: value for key, value in question.items() if key != "deliveries_known"}
    assert "correctly" not in words(make_contents("en", question=silent))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (None, ""),
        (0, ""),
        (1, "1 of these 45 providers has counts in only one of the two compared periods; its coming or going"),
        (7, "7 of these 45 providers have counts in only one of the two compared periods; their coming and going"),
    ],
)
def test_providers_that_come_and_go_are_counted(make_contents: Maker, number: int | None, said: str) -> None:
    question = {**make_contents("en").question, "providers_in_one_period": number}
    text = words(make_contents("en", question=question))
    assert said in text
    assert ("part of the change" in text) == bool(said)


def test_a_ratio_beyond_measure_has_three_digits(make_contents: Maker) -> None:
    contents = make_contents("en")
    ratios = contents.ratios.assign(upper=233_813.2, lower=1e-6)
    text = words(make_contents("en", ratios=ratios))
    assert "from more than 99% lower to 234,000 times as high" in text


def test_a_level_close_to_one_is_not_rounded_up(make_contents: Maker) -> None:
    text = words(make_contents("en", ratios=make_contents("en").ratios.assign(level=0.999999)))
    assert "99.9999% confidence interval" in text


def test_known_completeness_is_one_number(make_contents: Maker) -> None:
    contents = make_contents("nl", all_forms=0.39)
    bounds = contents.bounds.assign(lower=0.39, upper=0.39)
    text = words(make_contents("nl", all_forms=0.39, bounds=bounds))
    assert "ongeveer 61% lager" in text
    assert "ergens" not in text
    assert "tussen 61% en 61%" not in text


def test_a_moment_is_a_month_and_its_counts_are_of_a_year(make_contents: Maker) -> None:
    question = {**make_contents("en").question, "variable": "time", "before": 2021.2, "after": 2022.7}
    text = words(make_contents("en", question=question))
    assert text.startswith("In September 2022 the number of registrations")
    assert "than in March 2021" in text
    assert "8,031 registrations against 6,272 (all of 2022 and all of 2021), 28% more" in text
    within = words(make_contents("en", question={**question, "after": 2021.7}))
    assert "in counts" not in within


def test_the_size_of_an_audit(make_contents: Maker) -> None:
    text = plain(settling(make_contents("nl")))
    assert "98 tot 587 gevonden toepassingen" in text
    assert "(60% tot 90%)" in text
    one = make_contents("en").audit_sizes.iloc[[1]]
    assert "294 events found per period (at a completeness of 75%)" in plain(
        settling(make_contents("en", audit_sizes=one))
    )
    none = one.iloc[:0]
    assert "estimated" not in settling(make_contents("en", audit_sizes=none))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.389, 0.391, "about 61% lower"),
        (1.0, 1.0, "practically unchanged"),
        (2.0, 4.51e12, "from 100% higher to more than 1,000,000 times as high"),
        (1e-6, 233813.2, "from more than 99% lower to 234,000 times as high"),
        (1.22, 1.39, "22% to 39% higher"),
        (0.61, 0.88, "12% to 39% lower"),
        (0.97, 1.12, "from 3% lower to 12% higher"),
        (2.0, 4.0, "from 100% higher to 4.0 times as high"),
        (1.0, 1.2, "from unchanged to 20% higher"),
        (0.5, math.inf, "from 50% lower to unbounded"),
    ],
)
def test_ranges_in_words(low: float, high: float, expected: str) -> None:
    assert difference_range(Labels("en"), low, high, "interval", 0) == expected


def test_small_changes_get_a_decimal() -> None:
    assert decimals_for(1.30, 1.22, 1.39) == 0
    assert decimals_for(1.30, 1.004, 1.39) == 1
    assert decimals_for(1.04, 0.97, 1.11) == 1
    assert decimals_for(1.0) == 0

import numpy as np
import pandas as pd

from dwangstats.change.comparison import FormComparison
from dwangstats.change.refusals import NOT_GIVEN, TOO_NARROW, Refusal, no_interval, not_fitted, other_headline
from dwangstats.errors import DomainError, FitError
from dwangstats.present.refusals import refusal_findings


def compared(form: str, selection: str, *refusals: Refusal, quoted: bool = True) -> FormComparison:
    ratios = pd.DataFrame({"headline": [True]}) if quoted else pd.DataFrame()
    empty = pd.DataFrame()
    return FormComparison(form, selection, {}, {}, ratios, empty, empty, refusals)


def without_fit(form: str, selection: str, rows: int) -> FormComparison:
    error = FitError(f"{rows} of 16 rows form a group without any event")
    return compared(
        form,
        selection,
        not_fitted(form, selection, "poisson", error),
        not_fitted(form, selection, "nb2", error),
        quoted=False,
    )


def test_nothing_refused_is_nothing_found() -> None:
    assert refusal_findings([compared("all", "complete")]) == []
    assert refusal_findings([]) == []


def test_one_cause_is_one_finding_with_forms_and_families() -> None:
    found = refusal_findings(
        [without_fit(form, rule, 8) for form in ("restraint", "medication") for rule in ("complete", "delivered")]
    )
    assert len(found) == 1
    assert (found[0].rule, found[0].severity) == ("no-estimate", "warning")
    assert (
        "restricting freedom of movement and medication, fluids and nutrition (delivered every period and everything "
        "delivered: Poisson and negative binomial (NB2))" in found[0].message["en"]
    )
    assert found[0].message["en"].count("8 of 16 rows") == 1


def test_dutch_is_dutch_and_the_message_of_the_model_stands_there_once() -> None:
    message = refusal_findings([without_fit("restraint", "complete", 8)])[0].message["nl"]
    assert message.startswith("Geen verhoudingsgetal voor beperken van de bewegingsvrijheid (elke periode aangeleverd")
    assert "het model kon niet worden geschat" in message
    assert message.count("form a group") == 1


def test_reasons_that_differ_in_their_numbers_are_one() -> None:
    found = refusal_findings([without_fit("restraint", "complete", 8), without_fit("medication", "complete", 4)])
    assert len(found) == 1
    assert "(numbers of restricting freedom of movement (delivered every period: Poisson))" in found[0].message["en"]
    assert "4 of 16" not in found[0].message["en"]


def test_a_family_missing_beside_the_headline_is_only_said() -> None:
    refusal = not_fitted("all", "complete", "nb2", FitError("not certified"))
    found = refusal_findings([compared("all", "complete", refusal)])
    assert [finding.severity for finding in found] == ["info"]
    assert "Do not read" not in found[0].action["en"]


def test_another_interval_than_asked_says_its_reason_and_not_that_there_is_no_ratio() -> None:
    error = DomainError("All 4 clusters (provider) moved in exact step")
    steps = [
        compared(
            form,
            "complete",
            no_interval(form, "complete", "poisson", "CR2", error),
            no_interval(form, "complete", "poisson", "CR1", error),
            other_headline(form, "complete", "poisson", "CR2", NOT_GIVEN),
        )
        for form in ("all", "seclusion", "restraint")
    ]
    warning, info = refusal_findings(steps)
    assert (warning.rule, warning.severity) == ("other-interval", "warning")
    assert "the text quotes the interval of the model" in warning.message["en"]
    assert "moved in exact step" in warning.message["en"]
    assert "No rate ratio" not in warning.message["en"]
    assert (info.rule, info.severity) == ("no-interval", "info")
    assert "has no rows with CR1 for" in info.message["en"]
    for finding in (warning, info):
        assert "alle vormen, separatie en beperken" in finding.message["nl"]
        assert "exact step" not in finding.message["nl"]
        assert "liepen precies gelijk op" in finding.message["nl"]


def test_a_covariance_that_is_not_quoted_is_no_warning() -> None:
    error = DomainError("All 4 clusters (provider) moved in exact step")
    steps = [
        compared(form, "complete", no_interval(form, "complete", "nb2", kind, error))
        for form in ("all", "seclusion")
        for kind in ("CR2", "CR1")
    ]
    (found,) = refusal_findings(steps)
    assert found.severity == "info"
    assert "CR2 and CR1" in found.message["en"]


def test_an_interval_that_is_too_narrow_is_explained_in_both_languages() -> None:
    (found,) = refusal_findings(
        [compared("all", "complete", other_headline("all", "complete", "poisson", "CR2", TOO_NARROW))]
    )
    assert "varies less than chance" in found.message["en"]
    assert "minder dan toeval" in found.message["nl"]
    assert found.count == found.of == 0
    assert not np.any(found.rows)

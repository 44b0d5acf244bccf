"""What the ledger says of registers with known completeness and each kind of evidence."""

import numpy as np
import pytest
from scipy.special import expit, logit

from dwangstats.errors import DomainError, IdentificationError
from dwangstats.registration.evidence.audit import Audit
from dwangstats.registration.evidence.prior import CompletenessPrior
from dwangstats.registration.identification import identify
from dwangstats.registration.ledger import information_on
from dwangstats.registration.sources import EXCLUSION, FORM, information_by_source
from unit.registration.ledger_worlds import REGISTRATION, YEARS, audit_of, fitted, model, register, with_indicator

CONSTANT = "~ 1 + (1 | provider)"


@pytest.mark.parametrize("kind", ["audit", "second source", "audit and second source"])
def test_evidence_in_both_years_identifies_level_and_change(kind: str) -> None:
    ledger = fitted(kind).identification
    assert ledger.verdicts == {"level": "data-identified", "change": "data-identified"}
    assert ledger.advice == ()
    ledger.require("level", "anything")


@pytest.mark.parametrize("kind", ["audit", "audit of one year", "control", "prior and weak audit", "second source"])
def test_shares_of_each_target_add_up_to_one(kind: str) -> None:
    for _, rows in fitted(kind).identification.ledger.groupby("target"):
        assert rows["share"].sum() == pytest.approx(1.0, abs=1e-12)
        assert (rows["share"] >= 0.0).all()


@pytest.mark.parametrize("kind", ["audit", "control", "audit and second source"])
def test_information_adds_up_to_what_elimination_leaves(kind: str) -> None:
    result = fitted(kind)
    ledger = result.identification
    for assessment in ledger.assessments.values():
        assert sum(assessment.shares.information.values()) == pytest.approx(assessment.shares.total, rel=1e-9)


def test_information_of_an_audit_is_one_over_the_variance_of_the_level() -> None:
    result = fitted("audit")
    level = result.identification.assessments["level"]
    assert level.target is not None
    variance = level.target.contrast @ result.covariance @ level.target.contrast
    # The ledger's background of a logit known to 3 adds 0.11 to an information of 44.
    assert level.shares.total == pytest.approx(1.0 / variance, rel=0.01)


def test_the_link_alone_says_nothing_about_completeness() -> None:
    result = fitted("audit")
    sources = information_by_source(result.problem, result.fit)
    level = result.identification.assessments["level"].target
    assert level is not None
    # The background: a standard deviation of 3 for the mean logit.
    contrast = level.contrast[result.fit.free]
    assert information_on(sources.link, contrast) == pytest.approx(1.0 / 9.0, rel=1e-6)
    whole = sources.link + sum(sources.parts.values())
    assert whole == pytest.approx(result.fit.information, abs=1e-6 * np.abs(result.fit.information).max())


def test_an_audit_of_one_year_does_not_identify_the_change() -> None:
    ledger = fitted("audit of one year").identification
    assert ledger.verdicts["change"] == "functional form only"
    with pytest.raises(IdentificationError, match="bounds"):
        ledger.require("change", "adjusted rate ratio")
    # The audited year itself is known, the other is not.
    rows = ledger.row_verdicts
    late = register()["year"].to_numpy() == YEARS[1]
    assert set(rows[~late]) == {"data-identified"}
    assert set(rows[late]) == {"functional form only"}


def test_a_formula_without_change_hands_the_level_on() -> None:
    frame = register()
    result = model(frame, audit_of(frame, years=(2021,)), registration=CONSTANT).fit()
    ledger = result.identification
    assert ledger.verdicts == {"level": "data-identified", "change": "data-identified"}
    assert "assumed" in ledger.sentence("change")
    assert ledger.identified_by("change").startswith("the registration formula")


def test_a_prior_alone_is_prior_driven_and_unlearned() -> None:
    result = model(register(), CompletenessPrior(0.57, 0.95), registration=CONSTANT).fit()
    ledger = result.identification
    assert ledger.verdict == "prior-driven"
    assert ledger.overlap == pytest.approx(1.0, abs=0.05)
    assert any("overlap" in sentence for sentence in ledger.sentences("en"))
    assert "prior-driven" in ledger.identified_by("level")


def test_a_prior_and_a_weak_audit_share_the_level() -> None:
    rows = fitted("prior and weak audit").identification.ledger.set_index(["target", "source"])["share"]
    assert rows["level", "prior"] > 0.1
    assert rows["level", "audit"] > 0.1


def test_a_contradicted_prior_is_said() -> None:
    frame = register()
    result = model(frame, CompletenessPrior(0.20, 0.30), audit_of(frame), registration=CONSTANT).fit()
    assert abs(result.identification.priors["conflict"].iloc[0]) > 2.0
    assert any("wrong" in sentence for sentence in result.identification.sentences("en"))


def test_a_control_outcome_identifies_the_change_and_not_the_level() -> None:
    ledger = fitted("control").identification
    assert ledger.verdicts["change"] == "data-identified"
    assert not ledger.passed("level")
    with pytest.raises(IdentificationError, match="audit"):
        ledger.require("level", "completeness")


def test_an_indicator_may_speak_on_the_level_only_where_it_shows_the_ceiling() -> None:
    high = with_indicator()
    assert high.identification.knowledge is not None
    assert high.identification.knowledge.exclusion_on_level
    shares = high.identification.assessments["change"].shares.share
    assert shares[EXCLUSION] > shares[FORM]
    low = with_indicator(level=-1.5)
    highest = expit(low.problem.counts.W @ low.fit.vector[low.problem.layout.alpha]).max()
    assert highest < 0.9
    assert not low.identification.passed("level")


def test_counts_alone_are_bounds_only_fitted_or_not() -> None:
    unfitted = fitted("nothing").identification
    assert unfitted.verdicts == {"level": "bounds only", "change": "bounds only"}
    assert unfitted.ledger.empty
    assert unfitted.profile.empty
    assert unfitted.directions.empty
    assert unfitted.reflection is None
    text = " ".join(unfitted.advice)
    assert "134" in text
    allowed = model(register()).fit(allow_unidentified=True, force=True).identification
    assert allowed.verdicts == {"level": "bounds only", "change": "bounds only"}
    assert set(allowed.row_verdicts) == {"bounds only"}


def test_an_audit_in_which_everything_was_registered_identifies_complete_registration() -> None:
    frame = register()
    given = audit_of(frame)
    complete = Audit(given.frame.assign(n_registered=given.frame["n_found"]))
    result = model(frame, complete).fit()
    assert result.fit.boundary
    assert result.identification.verdict == "data-identified"


def test_the_profile_of_completeness_is_lowest_at_the_estimate() -> None:
    ledger = fitted("audit").identification
    profile = ledger.profile
    assert ledger.completeness is not None
    assert (profile["deviance"] > -1e-3).all()
    nearest = (logit(profile["completeness"]) - logit(ledger.completeness)).abs().idxmin()
    assert profile["deviance"].idxmin() == nearest
    assert profile["deviance"].iloc[[0, -1]].min() > 3.84
    assert profile["adjusted_ratio"].between(0.5, 2.0).all()


def test_another_comparison_reuses_the_level() -> None:
    ledger = fitted("audit").identification
    by_period = ledger.comparing("period", "2021-H1", "2022-H2")
    assert by_period.assessments["level"] is ledger.assessments["level"]
    assert by_period.compared == ("period", "2021-H1", "2022-H2")
    assert by_period.passed("change")
    with pytest.raises(DomainError, match="no column"):
        ledger.comparing("yeer", 2021, 2022)
    assert identify(fitted("audit").parts, compare=("year", 2021, 2022)).verdicts == ledger.verdicts


def test_the_mirrored_point_is_as_likely_for_counts_and_not_for_an_audit() -> None:
    counts = model(register(), registration=REGISTRATION).fit(allow_unidentified=True, force=True).identification
    assert counts.reflection == pytest.approx(0.0, abs=0.05)
    audited = fitted("audit").identification.reflection
    assert audited is not None
    assert audited > 50.0


@pytest.mark.parametrize("language", ["nl", "en"])
def test_sentences_are_whole(language: str) -> None:
    for kind in ("audit", "control", "nothing"):
        for sentence in fitted(kind).identification.sentences(language):
            assert sentence.endswith(".")
            assert "{" not in sentence


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(DomainError, match="level"):
        fitted("audit").identification.passed("trend")

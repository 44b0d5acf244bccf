"""Completeness by group."""

import numpy as np
import pytest

from dwangstats.errors import DomainError, IdentificationError
from dwangstats.registration.completeness import completeness
from unit.registration.ledger_worlds import fitted, register


def test_event_weights_give_the_share_of_events_that_is_registered() -> None:
    frame = register()
    found = completeness(fitted("audit"), by="year").set_index("year")
    truth = frame.groupby("year")["events"].sum() / frame.groupby("year")["true"].sum()
    assert ((found["lower"] <= truth) & (truth <= found["upper"])).all()
    assert set(found["verdict"]) == {"data-identified"}
    assert found["identified_by"].str.contains("audit").all()


def test_provider_weights_give_the_mean_over_providers() -> None:
    result = fitted("audit")
    providers = completeness(result, by="provider", draws=400)
    whole = completeness(result, weights="providers", draws=400)
    assert whole["completeness"].iloc[0] == pytest.approx(providers["completeness"].mean(), rel=1e-9)
    assert whole["completeness"].iloc[0] != pytest.approx(completeness(result)["completeness"].iloc[0], rel=1e-6)


def test_an_audited_provider_is_known_better_than_an_unaudited_one() -> None:
    found = completeness(fitted("audit"), by="provider", draws=1000)
    width = (found["upper"] - found["lower"]).to_numpy()
    assert width[:15].mean() < 0.7 * width[15:].mean()


def test_the_same_fit_gives_the_same_table() -> None:
    result = fitted("audit")
    assert completeness(result, by="year", draws=200).equals(completeness(result, by="year", draws=200))
    other = completeness(result, by="year", draws=200, rng=np.random.default_rng(8))
    assert not completeness(result, by="year", draws=200).equals(other)


def test_a_control_outcome_does_not_give_a_level() -> None:
    with pytest.raises(IdentificationError, match="No completeness"):
        completeness(fitted("control"))


def test_arguments_are_checked() -> None:
    with pytest.raises(DomainError, match="weights"):
        completeness(fitted("audit"), weights="beds")
    with pytest.raises(DomainError, match="no column"):
        completeness(fitted("audit"), by="ward")


def test_a_year_that_nobody_audited_is_left_blank() -> None:
    result = fitted("audit of one year")
    found = completeness(result, by="year", draws=300).set_index("year")
    assert found.loc[2021, "verdict"] == "data-identified"
    assert found.loc[2021, "lower"] < found.loc[2021, "completeness"] < found.loc[2021, "upper"]
    assert found.loc[2022, "verdict"] == "functional form only"
    assert found.loc[2022, ["completeness", "lower", "upper"]].isna().all()
    with pytest.raises(IdentificationError):
        completeness(result)

"""A change divided by a registration model, on panels of which the truth is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, logit

from dwangstats.change.cells import match_cells
from dwangstats.change.decomposition import decompose_change
from dwangstats.change.parts import MOVED, REAL, REGISTRATION, CellValues, divide
from dwangstats.data.panels.panel import Panel
from dwangstats.registration.evidence.audit import Audit
from dwangstats.registration.evidence.prior import CompletenessPrior
from dwangstats.registration.model import RegistrationModel
from dwangstats.registration.results import RegistrationResult

EXACT = 1e-9
PARTS = (*MOVED, "residual")


class World:
    """Events, registrations and an audit of providers over 2021 and 2023, with known rates and completeness."""

    def __init__(self, seed: int, providers: int = 50) -> None:
        rng = np.random.default_rng(seed)
        grid = pd.MultiIndex.from_product([[f"p{i:02d}" for i in range(providers)], [2021, 2023], ["H1", "H2"]])
        rows = grid.to_frame().set_axis(["provider", "year", "half"], axis=1).reset_index(drop=True)
        at = rows["provider"].str[1:].astype(int).to_numpy()
        late = (rows["year"] == 2023).to_numpy()
        days = np.rint(rng.uniform(2000.0, 6000.0, providers)[at] * rng.uniform(0.9, 1.15, len(rows)))
        self.log_rate = np.log(0.012) + rng.normal(0.0, 0.4, providers)[at] + np.log(1.15) * late
        zeta = logit(0.60) + (logit(0.85) - logit(0.60)) * late + rng.normal(0.0, 0.3, providers)[at]
        self.completeness = expit(zeta)
        happened = rng.poisson(days * np.exp(self.log_rate))
        period = rows["year"].astype(str) + "-" + rows["half"]
        self.rows = rows.assign(period=period, bed_days=days, events=rng.binomial(happened, self.completeness))
        found = np.full(len(rows), 15)
        self.audits = pd.DataFrame(
            {
                "provider_id": rows["provider"],
                "period": period,
                "n_found": found,
                "n_registered": rng.binomial(found, self.completeness),
            }
        )

    def panel(self) -> Panel:
        return Panel.from_frame(self.rows, provider="provider", period="period", events="events", exposure="bed_days")

    def fit(self, *evidence: Any, registration: str = "~ C(year) + (1 | provider)", **settings: Any) -> Any:
        model = RegistrationModel(
            rate="C(year) + (1 | provider)",
            registration=registration,
            panel=self.panel(),
            family="poisson",
            evidence=evidence,
            **settings,
        )
        return model.fit()

    def truth(self) -> dict[str, float]:
        """The division of the expected registrations at the true rates and completeness."""
        cells = match_cells(self.rows, self.rows["bed_days"].to_numpy(), "year", before=2021, after=2023)
        ends = [cells.before, cells.after]
        log_rate = np.array([[self.log_rate[rows] for rows in ends]] * 2)[:, :, None]
        completeness = np.array([self.completeness[rows] for rows in ends])[:, None]
        values = CellValues(log_rate, completeness, np.zeros((1, 0)), np.zeros((1, 0)))
        return dict(zip(MOVED, divide(values, cells, "counts")[:, 0].tolist(), strict=True))


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=4)


@pytest.fixture(scope="module")
def audited(world: World) -> RegistrationResult:
    result = world.fit(Audit(world.audits))
    assert isinstance(result, RegistrationResult)
    return result


def divided(result: Any, **settings: Any) -> Any:
    return decompose_change(result, **{"before": 2021, "after": 2023, "rng": 1, "draws": 200, **settings})


@pytest.fixture(scope="module")
def found(audited: RegistrationResult) -> Any:
    return divided(audited, draws=1000)


@pytest.mark.parametrize("per", ["counts", "rate"])
def test_the_parts_add_up_in_every_draw(world: World, audited: RegistrationResult, per: str) -> None:
    found = divided(audited, per=per)
    totals = world.rows.groupby("year")[["events", "bed_days"]].sum()
    change = totals["events"].diff().iloc[-1]
    if per == "rate":
        change = 1000.0 * (totals["events"] / totals["bed_days"]).diff().iloc[-1]
    assert tuple(found.parts) == PARTS
    assert found.observed.estimate == pytest.approx(change, abs=EXACT)
    assert found.table["estimate"].sum() == pytest.approx(change, abs=EXACT)
    assert_allclose(found.draws.sum(axis=0), change, atol=EXACT)
    assert found.lmdi["estimate"].sum() == pytest.approx(change, abs=EXACT)


def test_an_audit_separates_registration_from_real_change(world: World, found: Any) -> None:
    truth = world.truth()
    assert found.separated
    assert found.band.empty
    assert "audit" in found.identified_by
    for part in (REGISTRATION, REAL):
        estimate = found.parts[part]
        assert estimate.scale == "adjusted"
        assert "audit" in estimate.identified_by
        # A wider interval than 95%: one world must not fail by chance, a wrong division is far off.
        half = (estimate.upper - estimate.lower) / 2.0
        assert abs(estimate.estimate - truth[part]) < 1.6 * half
        assert half < abs(found.observed.estimate)
    assert found.parts["registration"].lower > 0.0
    assert "is registration and" in found.verdict["en"]
    assert "komt" in found.verdict["nl"]
    assert "door registratie" in found.verdict["nl"]
    assert "is known from data outside the counts" in found.note["en"]
    assert "outside the counts" not in found.verdict["en"]


def test_the_estimate_lies_in_the_middle_of_the_draws(found: Any) -> None:
    for part, values in zip(found.parts.values(), found.draws, strict=True):
        spread = float(values.std())
        # The plug-in estimate differs from the mean over the posterior by its curvature, far less than its spread.
        assert abs(float(values.mean()) - part.estimate) <= 0.25 * spread


def test_lmdi_is_close(found: Any) -> None:
    lmdi = found.lmdi.set_index("part")["estimate"]
    change = abs(found.observed.estimate)
    assert_allclose(lmdi[list(PARTS)], [part.estimate for part in found.parts.values()], atol=0.05 * change)


def test_time_turned_round_turns_every_part(audited: RegistrationResult) -> None:
    there, back = divided(audited), divided(audited, before=2023, after=2021)
    assert_allclose(back.draws, -there.draws, atol=EXACT)
    assert_allclose(back.table["estimate"], -there.table["estimate"], atol=EXACT)


def test_completeness_that_the_formula_holds_still_is_no_part(world: World) -> None:
    found = divided(world.fit(Audit(world.audits), registration="~ 1 + (1 | provider)"))
    assert found.separated
    assert not found.in_model["registration"]
    assert found.parts["registration"].estimate == 0.0
    assert "registration" in found.note["en"].split("therefore zero:")[1]


def test_a_prior_alone_is_named_as_what_it_rests_on(world: World) -> None:
    priors = (CompletenessPrior(0.5, 0.7, period="2021"), CompletenessPrior(0.75, 0.92, period="2023"))
    found = divided(world.fit(*priors, registration="~ C(year)"))
    assert found.separated
    assert "prior" in found.identified_by
    assert "rests mainly on what was assumed beforehand" in found.verdict["en"]
    assert "berust vooral op wat vooraf is aangenomen" in found.verdict["nl"]


def test_a_ledger_that_does_not_pass_leaves_one_part(world: World) -> None:
    result = world.fit(Audit(world.audits.head(1)))
    assert not result.identification.passed("change")
    found = divided(result)
    assert not found.separated
    assert "registered rate" in found.parts
    assert result.identification.sentence("change", "en") in found.note["en"]


def test_without_evidence_there_is_one_part_and_a_band(world: World) -> None:
    found = divided(world.fit(), completeness_before=(0.5, 1.0), monotone=True)
    assert not found.separated
    assert "registered rate" in found.parts
    assert found.band["part"].tolist() == ["registration", "real"]
    truth = world.truth()
    band = found.band.set_index("part")
    assert band.loc["real", "lower"] < truth["real"] < band.loc["real", "upper"]


def test_providers_of_one_period_are_entry_and_exit(world: World) -> None:
    less = World(seed=4)
    gone = less.rows["provider"].isin(["p00", "p01"]) & (less.rows["year"] == 2023)
    less.rows = less.rows[~gone]
    less.audits = less.audits[~gone]
    result = less.fit(Audit(less.audits))
    found = divided(result)
    left = less.rows[less.rows["provider"].isin(["p00", "p01"])]["events"].sum()
    # The effects of two providers are shrunken, so their fitted registrations are near, not at, the counted ones.
    assert found.parts["composition: entry and exit"].estimate == pytest.approx(-left, rel=0.1)
    assert "in 2021 alone: 2;" in found.note["en"]
    assert_allclose(found.draws.sum(axis=0), found.observed.estimate, atol=EXACT)

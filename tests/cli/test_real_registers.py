"""The main job on the two real registers of examples/, through the command line, against R."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from cli.bad_inputs import ROOT, run_command
from parity.reference import reference_fits

pytestmark = pytest.mark.real_data

EXAMPLES = ("cdcr_use_of_force", "upipa_restraint")
REFERENCES = {fit.id: fit for fit in reference_fits()}
# Both maximise the same likelihood to the last digits; R prints ten.
RTOL_POISSON = 1e-8
# glm.nb alternates between beta and theta and stops when the deviance moves by less than 1e-8.
RTOL_NB = 1e-5
# The references measure exposure in 100,000 inmate-days; only the intercept sees the unit.
UNIT_SHIFT = np.log(1e5)


@pytest.fixture(scope="module")
def outputs(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of both examples, with their data path pointing at the real data that were found."""
    made = {}
    for name in EXAMPLES:
        folder = tmp_path_factory.mktemp(name)
        text = (ROOT / "examples" / name / "dwangstats.toml").read_text(encoding="utf-8")
        (folder / "dwangstats.toml").write_text(text.replace("../../../shared/real", str(real_data)), encoding="utf-8")
        outcome = run_command("analyse", str(folder / "dwangstats.toml"), "--out", str(folder / "out"))
        assert outcome.exit_code == 0, outcome.text
        made[name] = folder / "out"
    yield made
    for path in made.values():
        shutil.rmtree(path)


@pytest.mark.parametrize(
    ("family", "reference", "rtol"),
    [("poisson", "cdcr_glm_poisson_fixed", RTOL_POISSON), ("nb2", "cdcr_glm_nb_fixed", RTOL_NB)],
)
def test_cdcr_equals_r(outputs: dict[str, Path], family: str, reference: str, rtol: float) -> None:
    expected = REFERENCES[reference]
    results = json.loads((outputs["cdcr_use_of_force"] / "results.json").read_text(encoding="utf-8"))
    coefficients = pd.DataFrame(results["coefficients"])
    mine = coefficients[(coefficients["family"] == family) & (coefficients["covariance"] == "model")]
    mine = mine.set_index("name")
    names = {"t": "I(time - 2016)", **{n: n.replace("institution", "C(provider)") for n in expected.estimates.index}}
    names["t"] = "I(time - 2016)"
    assert len(mine) == len(expected.estimates)
    for name, value in expected.estimates.items():
        shift = UNIT_SHIFT if name == "Intercept" else 0.0
        assert_allclose(mine.loc[names[str(name)], "estimate"] + shift, value, rtol=rtol)
    if family == "poisson":
        for name, value in expected.standard_errors.items():
            assert_allclose(mine.loc[names[str(name)], "standard_error"], value, rtol=rtol)
    fit = next(f for f in results["fit_statistics"] if f["family"] == family)
    assert_allclose(fit["log_likelihood"], expected.loglik, rtol=rtol)
    assert_allclose(fit["aic"], expected.aic, rtol=rtol)


def test_cdcr_with_provider_effects_equals_glmmtmb(outputs: dict[str, Path], real_data: Path) -> None:
    reference = json.loads((real_data / "reference" / "cdcr_use_of_force.json").read_text(encoding="utf-8"))
    expected = next(fit for fit in reference["fits"] if fit["id"] == "cdcr_ri_nb2_tmb")
    results = json.loads((outputs["cdcr_use_of_force"] / "results.json").read_text(encoding="utf-8"))
    coefficients = pd.DataFrame(results["coefficients"])
    mine = coefficients[(coefficients["family"] == "nb2_provider") & (coefficients["covariance"] == "model")]
    slope = mine.set_index("name").loc["I(time - 2016)"]
    wanted = expected["fixed_effects"]["t"]
    # glmmTMB has Laplace only, ours is 11-node quadrature: with counts this large they differ by far less than 1e-4.
    assert_allclose(slope["estimate"], wanted["estimate"], atol=1e-4)
    assert_allclose(slope["standard_error"], wanted["se"], rtol=1e-3)


def test_upipa_says_which_rows_have_no_count(outputs: dict[str, Path]) -> None:
    results = json.loads((outputs["upipa_restraint"] / "results.json").read_text(encoding="utf-8"))
    assert sum(row["count"] for row in results["set_aside"] if row["what"] == "rows") == 419
    (poisson,) = {f["rows"] for f in results["fit_statistics"] if f["family"] == "poisson"}
    assert poisson == 2766


@pytest.mark.parametrize("name", EXAMPLES)
def test_report_names_no_folder_of_this_machine(outputs: dict[str, Path], name: str) -> None:
    page = (outputs[name] / "report.html").read_text(encoding="utf-8")
    assert str(outputs[name].parent) not in page
    assert "Use of force" in page or "residents" in page.lower()

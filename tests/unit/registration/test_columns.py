import numpy as np
import pytest

import dwangstats as dw
from dwangstats.registration.columns import columns_with, fixed_columns, rate_design, registration_design


def test_registration_columns_are_those_of_the_delivered_rows(panel: dw.Panel) -> None:
    design = registration_design("~ C(year) + quality + (1 | provider)", panel)
    assert design.names == ("Intercept", "C(year)[T.2022]", "quality")
    assert np.array_equal(design.X[:, 2], panel.observed["quality"])
    assert len(design.random) == 1


def test_they_replay_on_other_rows(panel: dw.Panel) -> None:
    design = registration_design("~ C(year)", panel)
    later = panel.observed.head(2).assign(year=2022)
    assert design.matrix(later).tolist() == [[1.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("events ~ C(year)", "no left side"),
        ("~ C(year) + offset(log(bed_days))", "takes no offset"),
        ("~ (year | provider)", "takes one random term"),
        ("~ (1 | provider) + (1 | period)", "takes one random term"),
        ("~ C(yaer)", "Did you mean 'year'"),
    ],
)
def test_formulas_that_are_refused(panel: dw.Panel, formula: str, says: str) -> None:
    with pytest.raises(dw.FormulaError, match=says):
        registration_design(formula, panel)


def test_the_rate_takes_the_provider_only(panel: dw.Panel) -> None:
    assert len(rate_design("events ~ C(year) + (1 | provider)", panel).random) == 1
    with pytest.raises(dw.FormulaError, match="rate formula of a registration model takes one random term"):
        rate_design("events ~ C(year) + (1 | provider/period)", panel)


def test_columns_with_a_variable_include_its_interactions(panel: dw.Panel) -> None:
    design = registration_design("~ C(year) * quality", panel)
    assert [design.names[i] for i in columns_with(design, ["quality"])] == ["quality", "C(year)[T.2022]:quality"]
    assert columns_with(design, ["bed_days"]) == ()


def test_fixed_columns_say_what_is_missing(panel: dw.Panel) -> None:
    frame = panel.observed
    assert fixed_columns("~ C(year)", frame, of="the other register").names == ("Intercept", "C(year)[T.2022]")
    with pytest.raises(dw.FormulaError, match="fixed terms only"):
        fixed_columns("~ (1 | provider)", frame, of="the other register")
    with pytest.raises(dw.DataError, match="missing in 1 of 160 rows"):
        fixed_columns(
            "~ quality", frame.assign(quality=frame["quality"].where(frame.index > 0)), of="the other register"
        )

"""The parameters are a coherent page: shares add up, codes belong to their forms, names agree."""

import pytest

from dwangstats.data.register.codes import codes_in_law, form_of, law_of_status
from dwangstats.worlds.parameters import NAMES, SCENARIOS, SIZES, WVGGZ, YEARS

# Shares are written in decimals; their sums carry only rounding of the last bit.
EXACT = 1e-12


@pytest.mark.parametrize("form", WVGGZ.forms, ids=lambda f: f.name)
def test_codes_are_in_the_law_and_mean_their_form(form):
    codes = [c.code for c in form.codes]
    assert set(codes) <= codes_in_law(WVGGZ.law)
    assert set(form_of(codes, definition="D2")) == {form.name}
    assert sum(c.share for c in form.codes) == pytest.approx(1.0, abs=EXACT)


def test_shares_add_up_to_one():
    for pairs in (WVGGZ.legal_statuses, WVGGZ.vendors, WVGGZ.reject_reasons):
        assert sum(share for _, share in pairs) == pytest.approx(1.0, abs=EXACT)
    assert sum(k.share for k in WVGGZ.kinds) == pytest.approx(1.0, abs=EXACT)
    for kind in WVGGZ.kinds:
        assert sum(kind.setting_shares) == pytest.approx(1.0, abs=EXACT)
        assert len(kind.setting_shares) == len(kind.settings)


def test_rows_line_up():
    settings = {s.name for s in WVGGZ.settings}
    assert all(set(kind.settings) <= settings for kind in WVGGZ.kinds)
    assert all(len(form.rates) == len(WVGGZ.kinds) for form in WVGGZ.forms)
    assert len(WVGGZ.hour_weights) == 24
    assert len(WVGGZ.season) == 4
    assert sum(WVGGZ.season) == pytest.approx(4.0, abs=EXACT)
    assert len(WVGGZ.correct_by_year) == len(YEARS)
    assert len(WVGGZ.on_time_by_half_year) == 2 * len(YEARS)


def test_statuses_belong_to_the_law():
    assert set(law_of_status([name for name, _ in WVGGZ.legal_statuses])) == {WVGGZ.law}


def test_names_are_the_scenarios():
    assert tuple(SCENARIOS) == NAMES
    assert set(SIZES) == {"tiny", "small", "national"}
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        for path in (scenario.completeness_before, scenario.completeness_after):
            assert len(path) == len(WVGGZ.forms)
            assert all(0.0 < p < 1.0 for p in path)


def test_completeness_is_constant_exactly_where_growth_is_free():
    for scenario in SCENARIOS.values():
        constant = scenario.completeness_before == scenario.completeness_after
        assert constant == (scenario.free == "growth") == (scenario.count_growth_all is None)


def test_other_shares_of_providers_with_nothing_to_report():
    # About 5 % of the half-years of all providers, as the design of the worlds asks.
    assert sum(k.share * k.true_zero_share for k in WVGGZ.kinds) == pytest.approx(0.05)

"""What is said about the counts of an analysis as a whole."""

from dwangstats.present.count_findings import few_providers, intervals_among, periods_not_due, providers_waiting


def test_few_providers_are_warned_of_and_the_advice_is_possible():
    (exact,) = few_providers(8, exact=True)
    (bounds,) = few_providers(8, exact=False)
    assert "C(provider)" in exact.action["nl"]
    assert "C(provider)" not in bounds.action["nl"] + bounds.action["en"]
    assert "with exact counts" in bounds.message["en"]
    assert not few_providers(1, exact=True)
    assert not few_providers(20, exact=True)


def test_a_sum_over_forms_is_missed_only_where_there_are_several():
    (one,) = intervals_among(3, 12, forms=1)
    (two,) = intervals_among(3, 12, forms=2)
    assert "som over de vormen" not in one.message["nl"]
    assert "som over de vormen" in two.message["nl"]
    assert (one.count, one.of) == (3, 12)
    assert not intervals_among(0, 12, forms=2)


def test_periods_and_providers_that_were_not_due():
    (one,) = periods_not_due(["2022"], 2, "2022-08-09")
    (two,) = periods_not_due(["2022-H1", "2022-H2"], 4, "2022-08-09T13:00:00")
    assert "1 van de 2 perioden (vanaf 2022) is weggelaten: op 9 augustus 2022" in one.message["nl"]
    assert "2 of 4 periods (from 2022-H1) are left out" in two.message["en"]
    assert "13:00" in two.message["nl"]
    (some,) = providers_waiting(["b", "a"], 10, "2022-08-09")
    assert "2 van de 10 zorgaanbieders (a en b)" in some.message["nl"]
    (many,) = providers_waiting([f"p{i:02d}" for i in range(12)], 20, "2022-08-09")
    assert "and 2 more" in many.message["en"]
    assert not periods_not_due([], 4, "2022-08-09")
    assert not providers_waiting([], 4, "2022-08-09")

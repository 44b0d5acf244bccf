import pytest

from dwangstats.errors import DomainError
from dwangstats.registration.planning import audit_size


@pytest.mark.parametrize(
    ("completeness", "se", "events"),
    # (1 - p) / (p se^2) by hand, rounded up: 266.7, 66.7, 133.3, 33.3, 44.4, 11.1.
    [(0.60, 0.05, 267), (0.60, 0.10, 67), (0.75, 0.05, 134), (0.75, 0.10, 34), (0.90, 0.05, 45), (0.90, 0.10, 12)],
)
def test_table_of_the_methods_page(completeness: float, se: float, events: int) -> None:
    assert audit_size(completeness=completeness, se=se).events == events


def test_whole_number_is_not_rounded_up() -> None:
    assert audit_size(completeness=0.5, se=0.1).events == 100


def test_clustering_enlarges_the_audit() -> None:
    size = audit_size(completeness=0.75, se=0.05, icc=0.05, events_per_provider=25)
    assert size.design_effect == pytest.approx(2.2, rel=1e-15)
    assert size.events == 294
    assert size.providers == 12
    assert size.standard_error == 0.05
    assert size.notes == ()
    assert str(size).startswith("294 events at 12 providers, per compared period")


def test_smaller_standard_error_asks_for_more() -> None:
    sizes = [audit_size(completeness=0.8, se=se).events for se in (0.2, 0.1, 0.05, 0.02)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == len(sizes)


def test_complete_registration_asks_for_nothing_and_says_so() -> None:
    size = audit_size(completeness=1.0, se=0.05)
    assert (size.events, size.providers) == (0, 0)
    assert "cannot be known to be 1" in str(size)


def test_one_provider_does_not_show_differences() -> None:
    size = audit_size(completeness=0.95, se=0.2, icc=0.1, events_per_provider=50)
    assert size.providers == 1
    assert "Spread the events" in size.notes[0]


def test_frame() -> None:
    frame = audit_size(completeness=0.75, se=0.05).to_frame()
    wanted = {"completeness", "standard_error", "icc", "events_per_provider", "events", "providers", "design_effect"}
    assert set(frame.columns) == wanted
    assert len(frame) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"completeness": 0.0}, "completeness"),
        ({"completeness": 1.1}, "completeness"),
        ({"completeness": float("nan")}, "completeness"),
        ({"se": 0.0}, "se must"),
        ({"se": float("inf")}, "se must"),
        ({"icc": -0.1}, "icc"),
        ({"icc": 1.1}, "icc"),
        ({"events_per_provider": 0}, "events_per_provider"),
        ({"events_per_provider": 2.5}, "events_per_provider"),
    ],
)
def test_outside_the_domain(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        audit_size(**{"completeness": 0.75, "se": 0.05, **arguments})  # type: ignore[arg-type]

import numpy as np
import pandas as pd
import pytest

from dwangstats.present.labels import Labels, catalogue
from dwangstats.present.pattern_tables import declared_table, patterns_table, probability_text, silence_table
from dwangstats.providers.patterns import PATTERNS, STATES

TABLE = pd.DataFrame(
    {
        "provider": ["p1", "p2", "p3", "p4"],
        "pattern": ["joiner", "complete", "silent", "zero"],
        "zero": [3, 1, 6, 6],
        "silent": [2, 0, 6, 0],
        "declared_nothing": [1, 0, 0, 2],
        "first_silent": ["2021-H1", None, "2021-H1", None],
        "last_silent": ["2021-H2", None, "2023-H2", None],
        "expected": [265.365, 2.0, 139.5, 0.8],
        "log_p_silence": [-3000.0, -1.2, -16.1, -0.7],
        "log_p_adjusted": [-2990.0, 0.0, -13.0, 0.0],
        "probability_silent": [1.0, 0.01, 0.98765, 0.12],
    }
)


def texts(row: object) -> list[str]:
    return [plain(cell.text) for cell in row.cells]  # type: ignore[attr-defined]


def plain(text: str) -> str:
    return text.replace("\N{NON-BREAKING HYPHEN}", "-")


def test_patterns_are_counted_in_their_order() -> None:
    table = patterns_table(TABLE, "en")
    assert [texts(row) for row in table.rows] == [
        ["Complete", "1"],
        ["Joined later", "1"],
        ["Silent", "1"],
        ["Nothing registered, not told to be silence", "1"],
    ]


def test_only_silence_is_listed_the_surest_first() -> None:
    table = silence_table(TABLE.drop(columns="probability_silent"), "nl")
    assert [texts(row) for row in table.rows] == [
        ["p1", "2021-H1", "3", "2", "1", "265,4", "1,3 × 10^−1303"],
        ["p3", "2021-H1", "6", "6", "0", "139,5", "1,0 × 10^−7"],
    ]
    assert [[plain(cell.detail) for cell in row.cells[:3]] for row in table.rows] == [
        ["later begonnen", "t/m 2021-H2", ""],
        ["zwijgt", "t/m 2023-H2", ""],
    ]
    assert len(table.columns) == 7


def test_a_declared_nothing_is_a_question_and_not_silence() -> None:
    periods = pd.DataFrame(
        {
            "provider": ["p1", "p2", "p3"],
            "period": ["2021-H1", "2021-H2", "2022-H1"],
            "unlikely": [True, False, True],
            "expected": [18.81, 0.4, 33.4],
            "log_p_silence": [-7.0, -0.4, -21.8],
        }
    )
    table = declared_table(periods, "en")
    assert [texts(row) for row in table.rows] == [
        ["p3", "2022-H1", "33.4", "3.4 × 10^−10"],
        ["p1", "2021-H1", "18.8", "0.00091"],
    ]
    assert "a question to the provider, not silence" in table.caption


def test_the_probability_of_silence_is_never_certain() -> None:
    table = silence_table(TABLE, "en")
    assert [texts(row)[-1] for row in table.rows] == [">99.9%", "98.8%"]
    doubtful = TABLE.assign(silent=1, probability_silent=0.0)
    assert texts(silence_table(doubtful, "en").rows[0])[-1] == "<0.1%"
    assert len(table.columns) == 8


def test_a_stretch_of_one_period_is_that_period() -> None:
    one = TABLE.iloc[:1].assign(last_silent="2021-H1")
    period = silence_table(one, "en").rows[0].cells[1]
    assert (period.text, period.detail) == ("2021\N{NON-BREAKING HYPHEN}H1", "")


@pytest.mark.parametrize(
    ("log_p", "text"),
    [
        (np.log(0.034), "0.034"),
        (0.0, "1.0"),
        (np.log(4.14e-9), "4.1 × 10^−9"),
        (np.nan, "–"),
        (-1e6, "3.3 × 10^−434295"),
    ],
)
def test_probabilities_of_any_size_are_written(log_p: float, text: str) -> None:
    assert probability_text(Labels("en"), log_p) == text


def test_no_probability_is_written_as_ten() -> None:
    labels = Labels("en")
    for log_p in np.linspace(-60.0, -9.3, 4001):
        assert not probability_text(labels, float(log_p)).startswith("10.0")


def test_every_pattern_and_state_has_a_name() -> None:
    for group, names in (("pattern", PATTERNS), ("reported", STATES)):
        assert all(f"{group}.{name}" in catalogue() for name in names)

"""Every bad input ends in a sentence: no traceback, no lost row, and the published table is what is printed today."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli import bad_inputs


def test_at_least_25_bad_inputs_with_distinct_names() -> None:
    names = [case.name for case in bad_inputs.CASES]
    assert len(names) >= 25
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("start", [bad_inputs.good_register, bad_inputs.good_panel], ids=["register", "panel"])
def test_the_good_input_is_good(start: Callable[[Path], None], tmp_path: Path) -> None:
    case = bad_inputs.Case("good", lambda folder: None, (), start)
    outcome = bad_inputs.run_case(case, tmp_path)
    assert outcome.exit_code == 0, outcome.text
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("case", bad_inputs.CASES, ids=lambda case: case.name)
def test_bad_input_ends_in_a_sentence(case: bad_inputs.Case, tmp_path: Path) -> None:
    outcome = bad_inputs.run_case(case, tmp_path)
    assert outcome.exit_code == case.exit_code, outcome.text
    assert "Traceback" not in outcome.text
    if case.exit_code:
        for word in case.says:
            assert word in outcome.text
        assert not (tmp_path / "out").exists()
    else:
        page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        for word in case.says:
            assert word in page


def test_the_published_table_has_a_row_for_every_case() -> None:
    rows = [line for line in bad_inputs.TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    names = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert names == ["bad input", "---", *(case.name for case in bad_inputs.CASES)]

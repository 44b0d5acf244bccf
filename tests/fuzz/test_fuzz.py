"""A slice of the fuzzing in every test run, and the promise of the committed run."""

import re
from pathlib import Path

import pytest

from fuzz import oracle
from fuzz.cases import KINDS, SHARES, run_case
from fuzz.run import README
from fuzz.values import CLIENT_MARK

# Hundredths of a second each, except for whole registers, which take a tenth.
CASES = {kind: 10 if kind in {"checks", "panel", "counts", "command"} else 60 for kind in KINDS}
#: outside the numbers of the committed run, so that both look at other cases.
FIRST = 1_000_000
#: cases of the committed run.
COMMITTED = 100_000


@pytest.mark.parametrize("kind", KINDS)
def test_no_case_ends_in_anything_but_a_table_or_a_sentence(kind: str, tmp_path: Path) -> None:
    outcomes = set()
    for number in range(FIRST, FIRST + CASES[kind]):
        result = run_case(kind, number, tmp_path)
        assert result.outcome != "finding", f"{kind} {number}: {result.what} in {result.where}"
        outcomes.add(result.outcome)
        for path in tmp_path.iterdir():
            path.unlink()
    assert "refused" in outcomes or kind == "command"
    assert "accepted" in outcomes, "cases that are all refused test nothing behind the first line of defence"


def test_a_case_is_made_from_its_number_alone(tmp_path: Path) -> None:
    written = []
    for name in ("once", "again"):
        folder = tmp_path / name
        folder.mkdir()
        run_case("csv-bytes", 7, folder)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    assert written[0]


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [(KeyError("x"), "finding"), (UserWarning("x"), "finding"), (oracle.BrokenPromiseError("x"), "finding")],
)
def test_what_is_not_a_sentence_is_a_finding(
    raised: Exception, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise raised

    monkeypatch.setitem(KINDS, "toml", broken)
    assert run_case("toml", 1, tmp_path).outcome == outcome


def test_a_named_client_breaks_a_promise() -> None:
    with pytest.raises(oracle.BrokenPromiseError, match="named"):
        oracle.names_nobody(f"row 3: {CLIENT_MARK}000017")


def test_the_committed_run_has_every_kind_and_no_finding() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    cells = [re.sub(r"\s*\|\s*", "|", line.strip("| ")).split("|") for line in lines if line.startswith("| ")]
    counts = {row[0]: [int(text.replace(",", "")) for text in row[2:6]] for row in cells[2:]}
    assert set(counts) == {*KINDS, "all"}
    assert counts["all"][0] >= COMMITTED
    assert all(accepted + refused == cases and found == 0 for cases, accepted, refused, found in counts.values())
    assert all(counts[kind][0] >= round(share * COMMITTED) for kind, share in SHARES.items())
    assert all(accepted > 0 for _, accepted, _, _ in counts.values())

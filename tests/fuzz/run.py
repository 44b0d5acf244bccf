"""Run many cases in one process and write what came of them: `python tests/fuzz/run.py 100000`.

One case again, with its traceback and its input left in a folder: `python tests/fuzz/run.py --case csv-bytes 1234`.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

FOLDER = Path(__file__).resolve().parent
sys.path.append(str(FOLDER.parent))

from fuzz.cases import KINDS, SHARES, run_case  # noqa: E402  needs the path above

README = FOLDER / "README.md"
TEXT = """# Fuzzing of readers, analysis files, checks and panels

`python tests/fuzz/run.py {asked}` makes {total:,} cases from their numbers (the same number is always the same case),
tries each in one process, writes this page and ends with an error when there is a finding. `tests/fuzz/test_fuzz.py`
runs a slice of other cases in every test run. One case again: `python tests/fuzz/run.py --case csv-bytes 1234`.

A case is *refused* when the package says in a sentence why the input cannot be used (an error of `dwangstats.errors`
other than InternalError). A *finding* is any other exception, any warning, or a broken promise:

- rows that went in are rows of the table, or were blank and said to be; a value that went in is in its column, or a
  finding of severity error counts it;
- every finding can be said in Dutch and English and points at rows that are there;
- registrations that went in are in delivered rows of the panel or set aside with a reason that exists; no count stands
  in a row that was not delivered; of ready counts of one form and law every row is in the panel or set aside;
- a key of an analysis file that does not exist is never passed over;
- no client and no registration is named in a message. (Persons in the columns of providers and locations are left out
  here: `tests/canaries` shows what is recognised.)

| kind | what | cases | accepted | refused | findings | seconds | slowest case, s |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
{rows}
| all | | {total:,} | {accepted:,} | {refused:,} | {findings:,} | {seconds:,.0f} | {slowest:.2f} |

{found}
"""


@dataclass
class Tally:
    """What came of the cases of one kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    found: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    seconds: float = 0.0
    slowest: float = 0.0


def tallied(kind: str, cases: int, folder: Path) -> Tally:
    """Try the first cases of a kind."""
    tally = Tally()
    for number in range(cases):
        _emptied(folder)
        begin = time.perf_counter()
        result = run_case(kind, number, folder)
        took = time.perf_counter() - begin
        tally.outcomes[result.outcome] += 1
        tally.seconds += took
        tally.slowest = max(tally.slowest, took)
        if result.outcome == "finding":
            tally.found.setdefault((result.what, result.where), []).append(number)
    return tally


def page(tallies: dict[str, Tally], asked: int) -> str:
    """The table of cases by kind, and the findings."""
    rows = []
    for kind, tally in tallies.items():
        what = (KINDS[kind].__doc__ or "").strip().rstrip(".")
        count = tally.outcomes
        rows.append(
            f"| {kind} | {what} | {count.total():,} | {count['accepted']:,} | {count['refused']:,} | "
            f"{count['finding']:,} | {tally.seconds:,.0f} | {tally.slowest:.2f} |"
        )
    total: Counter[str] = sum((tally.outcomes for tally in tallies.values()), Counter())
    return TEXT.format(
        asked=asked,
        rows="\n".join(rows),
        total=total.total(),
        accepted=total["accepted"],
        refused=total["refused"],
        findings=total["finding"],
        seconds=sum(tally.seconds for tally in tallies.values()),
        slowest=max(tally.slowest for tally in tallies.values()),
        found=_findings(tallies),
    )


def _findings(tallies: dict[str, Tally]) -> str:
    lines = [
        f"- {kind} (case {numbers[0]}, {len(numbers)} in all): `{what}` in {where}"
        for kind, tally in tallies.items()
        for (what, where), numbers in tally.found.items()
    ]
    return "\n".join(["Findings:", "", *lines]) if lines else "Findings: none."


def _emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def one(kind: str, number: int) -> None:
    """Try one case without catching anything; its input stays in a folder."""
    folder = Path(tempfile.mkdtemp())
    sys.stdout.write(f"input in {folder}\n")
    warnings.simplefilter("error")
    KINDS[kind](Random(f"{kind}-{number}"), folder)
    sys.stdout.write("accepted\n")


def main() -> None:
    """Run the cases that were asked for."""
    parser = argparse.ArgumentParser(description="Fuzzing of readers, analysis files, checks and panels.")
    parser.add_argument("cases", nargs="?", type=int, help="cases in all, shared out over the kinds")
    parser.add_argument("--case", nargs=2, metavar=("KIND", "NUMBER"), help="one case, not caught")
    asked = parser.parse_args()
    if asked.case:
        one(asked.case[0], int(asked.case[1]))
        return
    cases = asked.cases or 1000
    tallies = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, share in SHARES.items():
            tallies[kind] = tallied(kind, round(share * cases), Path(folder))
            sys.stdout.write(f"{kind} {dict(tallies[kind].outcomes)} {tallies[kind].seconds:.0f} s\n")
            sys.stdout.flush()
    README.write_text(page(tallies, cases), encoding="utf-8")
    sys.exit(any(tally.found for tally in tallies.values()))


if __name__ == "__main__":
    main()

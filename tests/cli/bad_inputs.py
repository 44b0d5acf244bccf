"""Some forty ways to get an input wrong, each as a folder that a user could have made.

A case starts from a good register and spoils one thing. `python tests/cli/bad_inputs.py` runs the command line on every
case and writes the table docs/bad-inputs.md.
"""

import contextlib
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dwangstats.cli import main

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "bad-inputs.md"

CONFIG = """title = "Test"
language = "en"
[tables]
folder = "."
[panel]
law = "WVGGZ"
by = "half-year"
[compare]
variable = "year"
before = 2021
after = 2022
"""
PERIODS = ("2021-H1", "2021-H2", "2022-H1", "2022-H2")
PROVIDERS = ("north", "east", "south", "west")
SECLUSION = "124061000146109"
MEDICATION = "29211000146105"


def good_register(folder: Path) -> None:
    """Four providers, four half-years, two forms; everything delivered."""
    registrations = ["registration_id,provider_id,client_id,law,intervention_code,begin,end"]
    exposure = ["provider_id,location_id,period,capacity,bed_days"]
    deliveries = ["provider_id,law,period,version,status"]
    number = 0
    for p, provider in enumerate(PROVIDERS):
        for t, period in enumerate(PERIODS):
            exposure.append(f"{provider},{provider}-1,{period},{50 + p},{8000 + 100 * p + 10 * t}")
            deliveries.append(f"{provider},WVGGZ,{period},1,accepted")
            month = 3 if period.endswith("H1") else 9
            for k in range(6 + 2 * p + t):
                number += 1
                code = SECLUSION if k % 3 else MEDICATION
                day = 1 + k
                begin, end = f"{period[:4]}-0{month}-{day:02d}T10:00", f"{period[:4]}-0{month}-{day:02d}T18:30"
                registrations.append(f"r{number},{provider},c{number % 17},WVGGZ,{code},{begin},{end}")
    (folder / "registrations.csv").write_text("\n".join(registrations) + "\n", encoding="utf-8")
    (folder / "exposure.csv").write_text("\n".join(exposure) + "\n", encoding="utf-8")
    (folder / "deliveries.csv").write_text("\n".join(deliveries) + "\n", encoding="utf-8")
    (folder / "dwangstats.toml").write_text(CONFIG, encoding="utf-8")


def good_panel(folder: Path) -> None:
    """The same as ready counts: provider, period, events, bed_days."""
    rows = ["provider,period,events,bed_days"]
    for p, provider in enumerate(PROVIDERS):
        rows += [f"{provider},{period},{6 + 2 * p + t},{8000 + 100 * p}" for t, period in enumerate(PERIODS)]
    (folder / "panel.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "dwangstats.toml").write_text(CONFIG.replace('law = "WVGGZ"\n', ""), encoding="utf-8")


@dataclass(frozen=True)
class Case:
    """One bad input: what is wrong, how the good input is spoiled, and what the message must say."""

    name: str
    spoil: Callable[[Path], None]
    says: tuple[str, ...]
    start: Callable[[Path], None] = good_register
    exit_code: int = 1


def edit(file: str, old: str, new: str, count: int = 1) -> Callable[[Path], None]:
    """Replace text in a file; the text must be there, so that no case spoils nothing."""

    def spoil(folder: Path) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise AssertionError(f"{file} does not contain {old!r}")
        path.write_text(text.replace(old, new, count), encoding="utf-8")

    return spoil


def append(file: str, line: str) -> Callable[[Path], None]:
    """Add a line to a file."""

    def spoil(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")

    return spoil


def delete(file: str) -> Callable[[Path], None]:
    """Remove a file."""
    return lambda folder: (folder / file).unlink()


def write(file: str, text: str | bytes) -> Callable[[Path], None]:
    """Write a file afresh."""

    def spoil(folder: Path) -> None:
        content = text if isinstance(text, bytes) else text.encode()
        (folder / file).write_bytes(content)

    return spoil


def map_lines(file: str, change: Callable[[int, str], str]) -> Callable[[Path], None]:
    """Rewrite every line of a file; line 0 is the header."""

    def spoil(folder: Path) -> None:
        path = folder / file
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(change(i, line) for i, line in enumerate(lines)) + "\n", encoding="utf-8")

    return spoil


def keep_lines(file: str, keep: Callable[[str], bool]) -> Callable[[Path], None]:
    """Keep the header and the lines for which `keep` holds."""

    def spoil(folder: Path) -> None:
        path = folder / file
        head, *lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join([head, *filter(keep, lines)]) + "\n", encoding="utf-8")

    return spoil


def _set_field(line: str, position: int, value: str) -> str:
    fields = line.split(",")
    fields[position] = value
    return ",".join(fields)


def _bsn_like(i: int, line: str) -> str:
    """Client ids that pass the eleven-test, made up by counting."""
    if i == 0:
        return line
    found = [n for n in range(123450000 + 400 * i, 123450400 + 400 * i) if _eleven(n)]
    return _set_field(line, 2, str(found[0]))


def _eleven(number: int) -> bool:
    digits = [int(d) for d in str(number)]
    return (sum(w * d for w, d in zip(range(9, 1, -1), digits[:8], strict=True)) - digits[8]) % 11 == 0


CASES = (
    Case("missing file", edit("dwangstats.toml", 'folder = "."', 'registrations = "nowhere.csv"'), ("nowhere.csv",)),
    Case("wrong column", edit("exposure.csv", "bed_days", "beddagen"), ("bed_days", "exposure")),
    Case("negative exposure", edit("exposure.csv", "50,8000", "50,-8000"), ("bed-days is negative", "row 1")),
    Case(
        "zero exposure with events",
        edit("panel.csv", "north,2021-H1,6,8000", "north,2021-H1,6,0"),
        ("bed-days", "row 1"),
        good_panel,
    ),
    Case("infinite exposure", edit("exposure.csv", "50,8000", "50,inf"), ("bed_days", "inf")),
    Case(
        "capacity instead of bed-days",
        map_lines("exposure.csv", lambda i, s: s if i == 0 else _set_field(s, 4, s.split(",")[3])),
        ("16 of 16 rows", "number of beds", "capacity"),
    ),
    Case("text in numbers", edit("exposure.csv", "50,8000", "50,unknown"), ("bed_days", "unknown")),
    Case("decimal comma in a comma file", edit("exposure.csv", "50,8000", '50,"8000,5"'), ("8000,5",)),
    Case(
        "duplicate provider-period",
        append("panel.csv", "north,2021-H1,6,8000"),
        ("provider + period", "row 17"),
        good_panel,
    ),
    Case(
        "duplicate registration",
        append("registrations.csv", "r1,north,c1,WVGGZ,124061000146109,2021-03-01T10:00,"),
        ("registration_id",),
    ),
    Case("unknown form code", edit("registrations.csv", SECLUSION, "999999999"), ("code list", "row 2")),
    Case(
        "unknown form asked",
        edit("dwangstats.toml", "[compare]", 'forms = ["seclusie"]\n[compare]'),
        ("seclusie", "seclusion"),
    ),
    Case(
        "mixed laws",
        lambda f: (edit("registrations.csv", "WVGGZ", "WZD")(f), edit("dwangstats.toml", 'law = "WVGGZ"\n', "")(f))[0],
        ("WVGGZ", "WZD"),
    ),
    Case("unknown law", edit("registrations.csv", "WVGGZ", "WVGZ"), ("law is not in the list", "row 1")),
    Case(
        "planned and unplanned mixed",
        map_lines("registrations.csv", lambda i, s: s + (",planned" if i == 0 else ",yes" if i % 2 else ",no")),
        ("planned",),
    ),
    Case(
        "date with slashes", edit("registrations.csv", "2021-03-01T10:00", "03/01/2021 10:00"), ("begin", "03/01/2021")
    ),
    Case(
        "date that does not exist",
        edit("registrations.csv", "2021-03-01T10:00", "2021-02-30T10:00"),
        ("begin", "2021-02-30"),
    ),
    Case("end before begin", edit("registrations.csv", "2021-03-01T18:30", "2020-03-01T18:30"), ("end", "begin")),
    Case("BSN column", map_lines("registrations.csv", lambda i, s: s + (",bsn" if i == 0 else f",{i}")), ("bsn",)),
    Case("values that pass the eleven-test", map_lines("registrations.csv", _bsn_like), ("client_id",)),
    Case("empty file", write("registrations.csv", ""), ("registrations.csv",)),
    Case("header only", keep_lines("exposure.csv", lambda _: False), ("exposure",)),
    Case(
        "all-zero counts",
        map_lines("panel.csv", lambda i, s: s if i == 0 else _set_field(s, 2, "0")),
        ("zero",),
        good_panel,
        exit_code=0,
    ),
    Case(
        "counts of a thousand million",
        edit("panel.csv", "north,2021-H1,6", "north,2021-H1,1000000000"),
        ("100 million", "row 1"),
        good_panel,
    ),
    Case("fractional counts", edit("panel.csv", "north,2021-H1,6", "north,2021-H1,6.5"), ("events", "6.5"), good_panel),
    Case("negative counts", edit("panel.csv", "north,2021-H1,6", "north,2021-H1,-6"), ("events", "-6"), good_panel),
    Case(
        "blank count",
        edit("panel.csv", "north,2021-H1,6", "north,2021-H1,"),
        ("blank", "not delivered", "row 1"),
        good_panel,
    ),
    Case(
        "one provider", keep_lines("panel.csv", lambda s: s.startswith("north")), ("provider",), good_panel, exit_code=0
    ),
    Case(
        "not UTF-8",
        write("exposure.csv", "provider_id,period,bed_days\nZuid-Limburg \xe9\xe9n,2021-H1,100\n".encode("latin-1")),
        ("exposure.csv", "UTF-8"),
    ),
    Case("duplicate header", edit("exposure.csv", "capacity", "bed_days"), ("bed_days",)),
    Case("ragged line", append("exposure.csv", "north,north-1,2021-H1"), ("exposure.csv",)),
    Case("period in words", edit("exposure.csv", "2021-H1", "first half 2021"), ("period", "first half 2021")),
    Case(
        "mixed period kinds", edit("panel.csv", "north,2021-H2", "north,2021-Q3"), ("half-year", "quarter"), good_panel
    ),
    Case("unknown delivery status", edit("deliveries.csv", "accepted", "ok"), ("status", "ok")),
    Case(
        "nothing to report, yet registrations",
        edit("deliveries.csv", "1,accepted", "1,nothing_to_report"),
        ("nothing to report", "north 2021-H1"),
    ),
    Case("no delivery accepted", lambda f: edit("deliveries.csv", "accepted", "rejected", -1)(f), ("delivered",)),
    Case(
        "provider without exposure",
        keep_lines("exposure.csv", lambda s: not s.startswith("west")),
        ("west",),
        exit_code=0,
    ),
    Case("not TOML", write("dwangstats.toml", "title = Test\n"), ("dwangstats.toml", "line 1")),
    Case("misspelt key", edit("dwangstats.toml", "[compare]", "[comapre]"), ("comapre", "compare")),
    Case("year that is not in the data", edit("dwangstats.toml", "after = 2022", "after = 2032"), ("2032",)),
    Case("formula with an unknown column", append("dwangstats.toml", '[model]\nformula = "C(yaer)"'), ("yaer", "year")),
    Case(
        "formula that does not parse",
        append("dwangstats.toml", '[model]\nformula = "C(year"'),
        ("never closed", "C>>(<<year"),
    ),
    Case("unknown group", append("dwangstats.toml", '[model]\nformula = "C(year) + (1 | clinic)"'), ("clinic",)),
    Case(
        "completeness above one",
        append("dwangstats.toml", "[bounds]\ncompleteness_before = [0.7, 1.2]"),
        ("completeness_before",),
    ),
    Case("a folder that is not there", lambda f: shutil.rmtree(f), ("dwangstats.toml",)),
)


@dataclass(frozen=True)
class Outcome:
    """What a user sees: exit code and everything printed."""

    exit_code: int
    text: str


def run_command(*arguments: str) -> Outcome:
    """Run the command line in this process as a user would type it."""
    out = io.StringIO()
    before = sys.argv
    sys.argv = ["dwangstats", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                main()
                code = 0
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 1 if stop.code else 0
    finally:
        sys.argv = before
    return Outcome(code, out.getvalue())


def run_case(case: Case, folder: Path) -> Outcome:
    """Make the folder of a case and analyse it."""
    place = folder / "input"
    place.mkdir()
    case.start(place)
    case.spoil(place)
    outcome = run_command("analyse", str(place / "dwangstats.toml"), "--out", str(folder / "out"))
    return Outcome(outcome.exit_code, outcome.text.replace(str(folder), "…"))


def render() -> str:
    """The table of messages, in Markdown."""
    lines = [
        "# What a user sees on bad input",
        "",
        "Made by `python tests/cli/bad_inputs.py`; every row is run by `tests/cli/test_bad_inputs.py`. Exit code 1:",
        "nothing is written and every problem is listed. Exit code 0: the report is made and says what was found.",
        "",
        "| bad input | exit code | message |",
        "| --- | --- | --- |",
    ]
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            outcome = run_case(case, Path(folder))
        message = re.sub(r"\s*\n\s*", "<br>", outcome.text.strip()).replace("|", "\\|")
        lines.append(f"| {case.name} | {outcome.exit_code} | {message} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(render(), encoding="utf-8")

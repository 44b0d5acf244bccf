"""No client, registration or citizen service number leaves the package: planted everywhere, looked for everywhere.

What is not promised: an id that stands in the column of providers or locations and in no column of clients or
registrations cannot be told from an organisation; words that the user writes in the analysis file (title, formula) come
back as written.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import dwangstats as dw
from canaries import plant
from cli.bad_inputs import run_command
from dwangstats.errors import DwangstatsError

BSN = plant.BSN[0]
DOTTED = tuple(f"{number[:4]}.{number[4:6]}.{number[6:]}" for number in plant.BSN)
PERSONS = tuple(plant.person(row) for row in range(40))
PLANTED = {"persons": PERSONS, "service numbers": plant.BSN, "service numbers with points": DOTTED}


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good register of persons."""
    folder = tmp_path_factory.mktemp("register")
    plant.register_with_persons(folder)
    return folder


@pytest.fixture
def copy(register: Path, tmp_path: Path) -> Path:
    """A copy of the register, to spoil."""
    return Path(shutil.copytree(register, tmp_path / "input"))


def said_in_memory(source: Path) -> bytes:
    """All that reading, checking and counting say about a folder or an analysis file."""
    said = []
    with plant.listening() as heard:
        try:
            tables = dw.read_tables(source)
            said += [repr(tables).encode(), repr(tables.sources).encode(), plant.shown(dw.check(tables))]
            said.append(plant.shown(dw.build_panel(tables, law="WVGGZ")))
        except DwangstatsError as error:
            said.append(plant.error_in_full(error))
    return b"\n".join([*said, heard.everything])


def said_by_the_package(source: Path) -> bytes:
    """The same, and what the command `check` prints, in both languages."""
    with plant.listening() as heard:
        printed = [run_command("check", str(source), "--language", code).text.encode() for code in ("nl", "en")]
    return b"\n".join([said_in_memory(source), *printed, heard.everything])


def report_of(config: Path, out: Path) -> bytes:
    """All that the main job writes and says."""
    with plant.listening() as heard:
        outcome = run_command("analyse", str(config), "--out", str(out))
    written = plant.written_in(out) if out.exists() else b""
    return b"\n".join([outcome.text.encode(), heard.everything, written])


def test_every_planted_number_is_a_service_number() -> None:
    assert all(plant.eleven(number) for number in plant.BSN)
    assert len(set(plant.BSN)) == len(plant.BSN)


def test_the_search_finds_what_is_planted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [PERSONS[0]], "b": [BSN]})
    assert plant.found_in(plant.shown(frame)) == [plant.PERSON, BSN]
    assert plant.found_in(f"number {DOTTED[1]}".encode()) == [plant.BSN[1]]
    figure, _ = plt.subplots()
    figure.savefig(tmp_path / "figure.png", metadata={"Comment": PERSONS[0], "Title": "é" + BSN})
    plt.close(figure)
    assert set(plant.found_in(plant.written_in(tmp_path))) == {plant.PERSON, BSN}
    with plant.listening() as heard:
        print(PERSONS[1])  # noqa: T201
    assert plant.found_in(heard.everything) == [plant.PERSON]
    cause = ValueError(BSN)
    cause.add_note(PERSONS[2])
    error = KeyError("x")
    error.__cause__ = cause
    assert plant.found_in(plant.error_in_full(error)) == [plant.PERSON, BSN]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_report_of_persons_names_none(language: str, register: Path, tmp_path: Path) -> None:
    config, out = register / "dwangstats.toml", tmp_path / "out"
    with plant.listening() as heard:
        outcome = run_command("analyse", str(config), "--out", str(out), "--language", language)
    assert outcome.exit_code == 0, outcome.text
    kinds = {path.suffix for path in out.rglob("*") if path.is_file()}
    assert {".html", ".csv", ".json", ".svg", ".png"} <= kinds
    assert plant.found_in(b"\n".join([outcome.text.encode(), heard.everything, plant.written_in(out)])) == []


def test_results_shown_and_pickled_name_nobody(register: Path) -> None:
    with plant.listening() as heard:
        analysis = dw.analyse(register / "dwangstats.toml")
        result = dw.RateModel("events ~ C(year) + C(form)", analysis.panel).fit()
        made = [analysis.checks, analysis.panel, analysis.comparisons, analysis.contents, result]
        made.append(dw.build_panel(dw.read_tables(register), law="WVGGZ", gap_hours=24.0))
        shown = [plant.shown(thing) for thing in made]
    assert plant.found_in(b"\n".join([*shown, heard.everything])) == []
    assert plant.found_in(repr(dw.read_tables(register)).encode()) == []


@pytest.mark.parametrize("rows", ["one row", "every row"])
@pytest.mark.parametrize(("table", "column"), plant.text_columns())
def test_planted_in_any_column_of_text_it_stays_there(
    table: str, column: str, rows: str, register: Path, tmp_path: Path
) -> None:
    for number, values in enumerate(PLANTED.values()):
        folder = Path(shutil.copytree(register, tmp_path / str(number)))
        planted(folder, table, column, values, every=rows == "every row")
        assert plant.found_in(said_in_memory(folder)) == []


@pytest.mark.parametrize("rows", ["one row", "every row"])
@pytest.mark.parametrize("kind", PLANTED)
def test_planted_in_all_columns_that_are_not_refused_it_stays_there(kind: str, rows: str, copy: Path) -> None:
    shown = {"provider_id", "location_id", "law", "form", "status", "period"}
    every = rows == "every row"
    for table, column in plant.other_columns() if kind == "persons" else []:
        if column not in shown:
            planted(copy, table, column, PLANTED[kind], every=every)
    for table, column in plant.text_columns():
        if column not in shown and (table == "registrations" or kind != "persons") and not every:
            planted(copy, table, column, PLANTED[kind], every=False)
    assert plant.found_in(said_by_the_package(copy)) == []


def planted(folder: Path, table: str, column: str, values: tuple[str, ...], *, every: bool) -> None:
    """Put canaries into the first row or every row of a column of a file."""
    plant.rewrite(
        folder,
        table,
        lambda frame: plant.put(frame, column, list(values), range(len(frame) if every else 1)),
    )


def _edited(folder: Path, old: str, new: str) -> None:
    path = folder / "dwangstats.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _an_ignored_file(folder: Path) -> None:
    (folder / f"export_{BSN}.csv").write_text("a\n1\n", encoding="utf-8")


def _a_table(folder: Path) -> None:
    (folder / "registrations.csv").rename(folder / f"reg {DOTTED[0]}.csv")
    _edited(folder, 'folder = "."', f'folder = "."\nregistrations = "reg {DOTTED[0]}.csv"')


def _a_missing_table(folder: Path) -> None:
    _edited(folder, 'folder = "."', f'folder = "."\nregistrations = "reg_{BSN}.csv"')


def _the_analysis_file(folder: Path) -> None:
    _edited(folder, 'title = "Test"\n', "")
    (folder / "dwangstats.toml").rename(folder / f"{BSN}.toml")


def _a_missing_analysis_file(folder: Path) -> None:
    (folder / "dwangstats.toml").rename(folder / "other.toml")
    (folder / f"{BSN}.txt").write_text("", encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [_an_ignored_file, _a_table, _a_missing_table, _the_analysis_file, _a_missing_analysis_file],
    ids=lambda name: name.__name__.strip("_").replace("_", " "),
)
def test_a_service_number_in_the_name_of_a_file_is_hidden(name: Callable[[Path], None], copy: Path) -> None:
    name(copy)
    config = next(iter(copy.glob(f"{BSN}.toml")), copy / "dwangstats.toml")
    config = config if config.exists() else copy / f"no_{BSN}.toml"
    assert plant.found_in(said_by_the_package(config)) == []
    assert plant.found_in(report_of(config, copy.parent / f"out_{BSN}")) == []


def _without_header(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").split("\n", 1)[1], encoding="utf-8")


def _without_header_and_a_name_twice(path: Path) -> None:
    _without_header(path)
    first, rest = path.read_text(encoding="utf-8").split("\n", 1)
    fields = first.split(",")
    path.write_text("\n".join([",".join([fields[0], fields[0], *fields[2:]]), rest]), encoding="utf-8")


def _changed(old: bytes, new: bytes) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new, 3))

    return change


DAMAGE: dict[str, Callable[[Path], None]] = {
    "no header": _without_header,
    "no header, a person twice": _without_header_and_a_name_twice,
    "header of a person": _changed(b"note", plant.person(3).encode()),
    "header of a service number": _changed(b"note", BSN.encode()),
    "not UTF-8": _changed(b"none", b"n\xe9ne"),
    "UTF-16": lambda path: path.write_text(path.read_text(encoding="utf-8"), encoding="utf-16"),
    "quote mark": _changed(b"none", b'"none'),
    "ragged": _changed(b",none", b",none,"),
    "codes and dates": _changed(b"T18:30", b"x"),
    "unknown codes": _changed(b"124061000146109", b"999"),
    "law swapped": _changed(b"client_id,law", b"law,client_id"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_of_persons_names_none(damage: str, copy: Path) -> None:
    DAMAGE[damage](copy / "registrations.csv")
    assert plant.found_in(said_by_the_package(copy)) == []


def test_frames_in_memory_are_held_to_the_same(register: Path) -> None:
    frames = {
        name: pd.read_csv(register / f"{name}.csv", dtype=str, keep_default_na=False)
        for name in ("registrations", "exposure", "deliveries")
    }
    frames["exposure"]["ward"] = PERSONS[:16]
    with pytest.raises(dw.DataError, match="'ward' are ids of clients") as caught:
        dw.read_tables(**frames)
    assert plant.found_in(plant.error_in_full(caught.value)) == []
    frames["exposure"]["ward"] = [int(number) for number in (plant.BSN * 3)[:16]]
    with pytest.raises(dw.DataError, match="citizen service numbers") as caught:
        dw.read_tables(**frames)
    assert plant.found_in(plant.error_in_full(caught.value)) == []


def test_a_traceback_of_reading_bytes_does_not_hold_the_file(copy: Path) -> None:
    """An error of Python about an encoding carries all the bytes, and its repr shows them."""
    path = copy / "registrations.csv"
    path.write_bytes(path.read_bytes().replace(b"none", b"n\xe9ne"))
    with pytest.raises(dw.DataError) as caught:
        dw.read_tables(copy)
    assert plant.found_in(plant.error_in_full(caught.value)) == []

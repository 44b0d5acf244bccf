"""The command line: check, analyse, simulate, audit-size.

Exit codes: 0 done, 1 the input has errors (all of them are listed), 2 the command was not understood.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

from dwangstats import __version__
from dwangstats._types import Language, Progress
from dwangstats.errors import DwangstatsError

try:
    import typer
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from threadpoolctl import threadpool_limits
except ImportError:  # the wheel alone, without the extra
    sys.exit('The command line needs the extra "cli": pip install "dwangstats[cli]"')

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Registered forced care went up; did forced care go up? Rates, registration, and what the data cannot tell.",
)
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
output = Console(highlight=False, markup=False, soft_wrap=True)


SUMMARY: dict[Language, tuple[tuple[str, str], ...]] = {
    "nl": (("fout", "fouten"), ("waarschuwing", "waarschuwingen"), ("mededeling", "mededelingen")),
    "en": (("error", "errors"), ("warning", "warnings"), ("note", "notes")),
}
"""One and several of what a check found, in the order of severity."""


class LanguageChoice(StrEnum):
    """Language of messages."""

    nl = "nl"
    en = "en"


class WorldChoice(StrEnum):
    """Worlds with known truth."""

    registration_only = "registration-only"
    mixed = "mixed"
    real_only = "real-only"


class SizeChoice(StrEnum):
    """Sizes of a world."""

    tiny = "tiny"
    small = "small"
    national = "national"


class SectorChoice(StrEnum):
    """Registers that can be simulated."""

    wvggz = "wvggz"
    wzd = "wzd"
    youth = "youth"


def main() -> None:
    """Run the command line; a user's bad input ends in sentences, not in a traceback."""
    try:
        # Small matrices are several times slower on many BLAS threads than on one.
        with threadpool_limits(1):
            app()
    except DwangstatsError as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))


def _shown(message: str) -> str:
    """A message in which a path may hold a citizen service number."""
    from dwangstats.data.bsn import without_bsn

    return without_bsn(message)


def _stop(message: str) -> NoReturn:
    errors.print(_shown(message))
    sys.exit(1)


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    """A progress bar on the error stream; nothing is drawn when that is not a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield update


def _version(show: bool) -> None:
    if show:
        output.print(f"dwangstats {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


@app.command()
def check(
    source: Annotated[Path, typer.Argument(help="A dwangstats.toml, or a folder with the tables.")],
    language: Annotated[LanguageChoice, typer.Option(help="Language of the messages.")] = LanguageChoice.en,
) -> None:
    """Check the tables: every finding with its count, its first rows and what to do.

    With an analysis file: after the repairs that it asks for, and without the rules that it switches off.
    """
    from dwangstats.data.checks.check import check as check_tables
    from dwangstats.data.checks.switches import check_as_asked
    from dwangstats.data.config.analysis import load_config
    from dwangstats.data.reading.read import read_tables
    from dwangstats.data.repairs.repair import repair

    chosen: Language = language.value
    with _bar("reading") as progress:
        tables = read_tables(source, progress=progress)
    if source.suffix == ".toml":
        config = load_config(source)
        report = check_as_asked(repair(tables, config.repairs.apply).tables, config)
    else:
        report = check_tables(tables)
    output.print(report.to_text(chosen))
    counts = len(report.errors), len(report.warnings), len(report.information)
    words = zip(counts, SUMMARY[chosen], strict=True)
    output.print(", ".join(f"{count} {one if count == 1 else several}" for count, (one, several) in words) + ".")
    if report.errors:
        raise typer.Exit(1)


@app.command()
def analyse(
    file: Annotated[Path, typer.Argument(help="The analysis file, dwangstats.toml.")],
    out: Annotated[Path, typer.Option(help="Folder for the report, figures, tables and results.json.")],
    language: Annotated[LanguageChoice | None, typer.Option(help="Language; default: the file's.")] = None,
) -> None:
    """Run the main job: check, panel, rates, ratios, bounds, report."""
    from dwangstats.analysis import write_report

    with _bar("analysing") as progress:
        report = write_report(file, out, language=None if language is None else language.value, progress=progress)
    output.print(_shown(f"The report lies in {report}"))


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    world: Annotated[WorldChoice, typer.Option(help="Which world.")] = WorldChoice.mixed,
    size: Annotated[SizeChoice, typer.Option(help="How large.")] = SizeChoice.small,
    seed: Annotated[int, typer.Option(min=0, help="Seed; the same seed gives the same bytes.")] = 1,
    sector: Annotated[SectorChoice, typer.Option(help="Which register.")] = SectorChoice.wvggz,
    planted: Annotated[bool, typer.Option("--errors", help="Plant errors; planted.csv names each.")] = False,
    versions: Annotated[bool, typer.Option("--versions", help="With every version of each delivery.")] = False,
    every: Annotated[bool, typer.Option("--all", help="All small worlds with their documented seed.")] = False,
) -> None:
    """Write a synthetic register with known truth."""
    from dwangstats import worlds

    if every and (sector is not SectorChoice.wvggz or planted or versions):
        raise typer.BadParameter("--all writes the documented worlds; leave out --sector, --errors and --versions.")
    with _bar("simulating"):
        if every:
            folders = worlds.regenerate(out)
        else:
            made = worlds.make(
                world.value,
                size=size.value,
                rng=seed,
                sector=sector.value,
                errors=worlds.ErrorParameters() if planted else None,
                versions=versions,
            )
            folders = (worlds.write(made, out),)
    for folder in folders:
        output.print(_shown(f"Written: {folder}"))


@app.command(name="audit-size")
def audit_size(
    completeness: Annotated[float, typer.Option(help="Expected share of events that is registered, in (0, 1].")],
    se: Annotated[float, typer.Option(help="Standard error wanted on the log of the adjusted rate, for example 0.05.")],
    icc: Annotated[float, typer.Option(help="Intraclass correlation of registration within providers, 0 to 1.")] = 0.0,
    events_per_provider: Annotated[int, typer.Option(help="Events audited per provider.")] = 25,
) -> None:
    """How many events an audit must find to know completeness well enough."""
    from dwangstats.registration.planning import audit_size as plan

    output.print(str(plan(completeness=completeness, se=se, icc=icc, events_per_provider=events_per_provider)))


if __name__ == "__main__":
    main()

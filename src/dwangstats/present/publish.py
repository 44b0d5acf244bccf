"""Put a finished report in its folder: whole or not at all, over an earlier report and over nothing else."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from dwangstats.data.bsn import without_bsn
from dwangstats.errors import DataError

MARK = "results.json"
"""A folder that holds this file and the page is taken for an earlier report."""

PAGE = "report.html"


def refuse_foreign(out_dir: Path) -> None:
    """Refuse a folder in which a report would be mixed with, or written over, what is not a report.

    Raises
    ------
    DataError
        If ``out_dir`` is a file, or holds files and is not an earlier report.
    """
    if out_dir.exists() and not out_dir.is_dir():
        raise DataError(
            f"The report cannot be written to {without_bsn(out_dir.name)}: that is a file. Name a folder with --out."
        )
    found = sorted(without_bsn(path.name) for path in out_dir.iterdir()) if out_dir.is_dir() else []
    if found and not ((out_dir / MARK).is_file() and (out_dir / PAGE).is_file()):
        raise DataError(
            f"The folder {without_bsn(out_dir.name)} holds {len(found)} other files or folders (first: "
            f"{', '.join(found[:3])}) and is not an earlier report. Nothing was written. "
            "Name an empty or a new folder with --out."
        )


def publish(write: Callable[[Path], None], out_dir: Path, known: Iterable[str]) -> Path:
    """Write a report beside its folder, then put it in the place of an earlier one.

    Parameters
    ----------
    write : callable
        Writes all files into the folder it is given.
    out_dir : Path
        Folder of the report; made if it is not there.
    known : iterable of str
        Files that a report can have, relative to its folder; those of an earlier report that this one lacks go.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    DataError
        As `refuse_foreign`.
    """
    refuse_foreign(out_dir)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    stage = out_dir.parent / f".{out_dir.name}.unfinished"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    try:
        write(stage)
        for name in known:
            (out_dir / name).unlink(missing_ok=True)
        shutil.copytree(stage, out_dir, dirs_exist_ok=True)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return out_dir / PAGE

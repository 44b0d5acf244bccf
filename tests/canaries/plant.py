"""Made-up persons put into a register, and the search for them in whatever comes out.

A canary is a client id, a registration id that looks like a person, or a citizen service number that passes the
eleven-test. All of them are made by counting.
"""

import base64
import contextlib
import io
import logging
import pickle
import re
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from cli.bad_inputs import good_register
from dwangstats.data.register.schema import SCHEMAS

PERSON = "Qzjansen"
"""Every planted client and registration starts with it."""
BSN = ("123456782", "111222333", "987654329", "400000003", "270000008", "150000005", "612048172")

_SEPARATORS = re.compile(rb"(?<=\d)[ .-](?=\d)")
_TEXT_KINDS = {"id", "text"}


def eleven(number: str) -> bool:
    """The eleven-test of the citizen service number, written out once more."""
    digits = [int(digit) for digit in number]
    return (sum(w * d for w, d in zip(range(9, 1, -1), digits[:8], strict=True)) - digits[8]) % 11 == 0


def person(number: int) -> str:
    """A client id as careless systems make them: a name, a day of birth, a number."""
    return f"{PERSON}-1961-04-{1 + number % 28:02d}-{number:04d}"


def register_with_persons(folder: Path) -> None:
    """A good register whose clients and registrations are persons, with locations and an audit beside it."""
    good_register(folder)
    rewrite(folder, "registrations", lambda frame: frame.assign(**_persons(frame)))
    (folder / "locations.csv").write_text(
        "provider_id,location_id,setting,security_level,laws,ehr_vendor\n"
        + "".join(f"{name},{name}-1,clinic,open,WVGGZ,vendor A\n" for name in ("north", "east", "south", "west")),
        encoding="utf-8",
    )
    rewrite(folder, "deliveries", lambda frame: frame.assign(reject_reason=""))
    rewrite(folder, "registrations", lambda frame: frame.assign(legal_status="", source_id="s1", note="none"))


def _persons(frame: pd.DataFrame) -> dict[str, list[str]]:
    rows = range(len(frame))
    return {"client_id": [person(row % 17) for row in rows], "registration_id": [person(1000 + row) for row in rows]}


def rewrite(folder: Path, table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change one file of the register; everything in it is text."""
    path = folder / f"{table}.csv"
    change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


def text_columns() -> list[tuple[str, str]]:
    """Every column of text of every table that the register of these tests has, and one outside the schema."""
    tables = ("registrations", "exposure", "deliveries", "locations")
    named = [(name, c.name) for name in tables for c in SCHEMAS[name].columns if c.kind in _TEXT_KINDS]
    return [*named, ("registrations", "note")]


def other_columns() -> list[tuple[str, str]]:
    """Every column of numbers, moments and periods, into which a shifted export may put a person."""
    tables = ("registrations", "exposure", "deliveries", "locations")
    return [(name, c.name) for name in tables for c in SCHEMAS[name].columns if c.kind not in _TEXT_KINDS]


def put(frame: pd.DataFrame, column: str, values: list[str], rows: range) -> pd.DataFrame:
    """The frame with values in some rows of a column, made if it is not there."""
    changed = frame.copy()
    if column not in changed.columns:
        changed[column] = ""
    place = changed.columns.get_loc(column)
    for step, row in enumerate(rows):
        changed.iloc[row, place] = values[step % len(values)]
    return changed


def found_in(said: bytes) -> list[str]:
    """The canaries in some bytes, also where a number is written with points or spaces, or text is packed."""
    joined = _SEPARATORS.sub(b"", said)
    numbers = [number for number in BSN if number.encode() in joined]
    names = [PERSON] if PERSON.lower().encode() in said.lower() else []
    return names + numbers


def written_in(folder: Path) -> bytes:
    """Everything in the files of a folder: names, bytes, and the texts that are packed inside pictures and pages."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(str(path.relative_to(folder)).encode())
        if path.is_file():
            data = path.read_bytes()
            parts += [data, *_packed(path.suffix, data)]
    return b"\n".join(parts)


def _packed(suffix: str, data: bytes) -> Iterator[bytes]:
    if suffix == ".png":
        yield from _png_texts(data)
    for found in re.findall(rb"base64,([A-Za-z0-9+/=]{16,})", data):
        yield base64.b64decode(found)


def _png_texts(data: bytes) -> Iterator[bytes]:
    """The text chunks of a PNG picture, unpacked."""
    place = 8
    while place < len(data):
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        chunk = data[place + 8 : place + 8 + size]
        if kind in {b"tEXt", b"eXIf"}:
            yield chunk
        if kind in {b"zTXt", b"iTXt"}:
            keyword, _, rest = chunk.partition(b"\x00")
            yield keyword + b" " + chunk
            with contextlib.suppress(zlib.error):
                yield zlib.decompress(rest[1:])
        place += 12 + size


def shown(thing: Any) -> bytes:
    """An object in every way in which it can be written down: repr, text, and pickle."""
    said = [repr(thing).encode(errors="replace"), str(thing).encode(errors="replace")]
    return b"\n".join([*said, pickle.dumps(thing)])


def error_in_full(error: BaseException) -> bytes:
    """An exception with its notes, its problems, its traceback, and the same of what lies behind it."""
    said = [*traceback.format_exception(error)]
    seen: BaseException | None = error
    while seen is not None:
        said += [repr(seen), str(seen), *getattr(seen, "__notes__", ()), *map(str, getattr(seen, "problems", ()))]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(said).encode(errors="replace")


class Heard(logging.Handler):
    """All that is logged, warned and printed while it listens."""

    def __init__(self) -> None:
        super().__init__(level=logging.DEBUG)
        self.lines: list[str] = []
        self.printed = io.StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()} {record.exc_info or ''}")

    @property
    def everything(self) -> bytes:
        return "\n".join([*self.lines, self.printed.getvalue()]).encode(errors="replace")


@contextlib.contextmanager
def listening() -> Iterator[Heard]:
    """Hear every log record at every level, every warning, and both streams."""
    heard, root = Heard(), logging.getLogger()
    level = root.level
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    try:
        with (
            warnings.catch_warnings(record=True) as warned,
            contextlib.redirect_stdout(heard.printed),
            contextlib.redirect_stderr(heard.printed),
        ):
            warnings.simplefilter("always")
            yield heard
        heard.lines += [str(warning.message) for warning in warned]
    finally:
        root.removeHandler(heard)
        root.setLevel(level)

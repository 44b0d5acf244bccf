"""The analysis file dwangstats.toml: what may stand in it, checked once, complete with its defaults."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from dwangstats._types import CovarianceKind, FamilyName, Language, PeriodKind
from dwangstats.data.bsn import without_bsn
from dwangstats.data.config.checks import (
    ChecksConfig,
    QualityConfig,
    RepairsConfig,
    checks_config,
    quality_config,
    repairs_config,
)
from dwangstats.data.config.coarse import Bounds, Coarse, Ties
from dwangstats.data.config.evidence import EvidenceConfig, evidence_config
from dwangstats.data.config.patterns import PatternsConfig, patterns_config
from dwangstats.data.config.section import Section
from dwangstats.data.register.clock import LONGEST_GAP
from dwangstats.data.register.codes import DEFINITIONS, FORMS, LAWS, Definition
from dwangstats.data.register.schema import SCHEMAS
from dwangstats.errors import ConfigError

BlankEvents: TypeAlias = Literal["error", "not delivered"]
SelectionRule: TypeAlias = Literal["complete", "delivered"]
PeriodParts: TypeAlias = Mapping[str, str]

__all__ = [
    "DELIMITERS",
    "PERIOD_PARTS",
    "TABLE_SUFFIXES",
    "AnalysisConfig",
    "BlankEvents",
    "BoundsConfig",
    "ChecksConfig",
    "ColumnMap",
    "CompareConfig",
    "EvidenceConfig",
    "ModelConfig",
    "PanelConfig",
    "PatternsConfig",
    "PeriodParts",
    "QualityConfig",
    "ReadConfig",
    "RepairsConfig",
    "SelectionConfig",
    "SelectionRule",
    "TablesConfig",
    "load_config",
]

PERIOD_PARTS = ("year", "half", "quarter", "month")
DELIMITERS = (",", ";", "\t", "|")
TABLE_SUFFIXES = (".csv", ".parquet")
"""Endings of the files that a folder of tables is read from."""
_SECTIONS = (
    "tables",
    "read",
    "columns",
    "checks",
    "repairs",
    "quality",
    "panel",
    "model",
    "compare",
    "selection",
    "bounds",
    "evidence",
    "patterns",
)


@dataclass(frozen=True, slots=True)
class TablesConfig:
    """Where the tables are: a folder, single files (which win over the folder), or both; as paths and as written."""

    folder: Path | None
    files: Mapping[str, Path]
    written: Mapping[str, str]

    def holds(self, table: str) -> bool:
        """Whether the table is named, or stands in the folder."""
        files = [] if self.folder is None else [self.folder / f"{table}{suffix}" for suffix in TABLE_SUFFIXES]
        return table in self.files or any(file.is_file() for file in files)


@dataclass(frozen=True, slots=True)
class ReadConfig:
    """How to read CSV files; None means found from the file and said."""

    delimiter: str | None = None
    decimal: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Names in one table: our name to their name, and the columns from which a period is joined."""

    names: Mapping[str, str] = field(default_factory=dict)
    period_parts: PeriodParts | None = None


@dataclass(frozen=True, slots=True)
class PanelConfig:
    """What is counted: law, forms (empty: all that occur), definition of seclusion, period and unit.

    Then the date of which it is known, the longest gap within an intervention, and how ready counts were rounded and
    suppressed, as `dwangstats.build_panel` and `Panel.from_frame` have them.
    """

    law: str | None = None
    forms: tuple[str, ...] = ()
    definition: Definition = "D2"
    by: PeriodKind = "half-year"
    unit: str = "bed-days"
    covariates: tuple[str, ...] = ()
    planned: bool | None = None
    blank_events: BlankEvents = "error"
    as_of: str | None = None
    gap_hours: float | None = None
    rounded_to: int | None = None
    ties: Ties = "up"
    suppressed: Mapping[str, Bounds] = field(default_factory=dict)

    @property
    def coarse(self) -> Coarse:
        """How ready counts were made coarse."""
        return Coarse(self.rounded_to, self.ties, self.suppressed)

    @property
    def resolved_suppressed(self) -> dict[str, list[float | str]]:
        """The bounds of suppressed counts as plain values for JSON: no upper bound is the text "inf"."""
        return {
            text: [end if math.isfinite(end) else "inf" for end in ends]
            for text, ends in sorted(self.suppressed.items())
        }


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The rate model.

    Right-hand side, family of the headline, covariance, its clusters, the confidence level, and the covariates that
    measure how well a provider registers.
    """

    formula: str = "C(year)"
    family: FamilyName = "poisson"
    cluster: str = "provider"
    covariance: CovarianceKind = "CR2"
    level: float = 0.95
    quality: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompareConfig:
    """The comparison: a variable of the model and its values before and after."""

    variable: str
    before: int | float | str
    after: int | float | str


@dataclass(frozen=True, slots=True)
class SelectionConfig:
    """Which providers carry the headline: those that delivered in every period, or all that delivered."""

    rule: SelectionRule = "complete"


@dataclass(frozen=True, slots=True)
class BoundsConfig:
    """Assumed range of completeness, ends in (0, 1], and whether registration only got better."""

    completeness_before: tuple[float, float]
    completeness_after: tuple[float, float] | None = None
    monotone: bool = False


@dataclass(frozen=True, slots=True)
class AnalysisConfig:
    """A checked analysis file.

    Attributes
    ----------
    file : str
        Name of the file, without its folder.
    title : str
    language : {"nl", "en"}
    tables, read, columns, panel, model, selection, checks, repairs
        One object per section of the file; what the file leaves out has its default.
    compare : CompareConfig or None
        None when the file has no [compare].
    bounds : BoundsConfig or None
        None when the file has no [bounds]: no range of completeness is assumed for anyone.
    evidence : EvidenceConfig or None
        None when the file has no [evidence]: nothing is said about completeness beyond bounds.
    quality : QualityConfig or None
        None when the file has no [quality]: no quality score is computed.
    patterns : PatternsConfig or None
        None when the file has no [patterns]: zeros are not judged.
    """

    file: str
    title: str
    language: Language
    tables: TablesConfig
    read: ReadConfig
    columns: Mapping[str, ColumnMap]
    panel: PanelConfig
    model: ModelConfig
    compare: CompareConfig | None
    selection: SelectionConfig
    bounds: BoundsConfig | None
    evidence: EvidenceConfig | None = None
    checks: ChecksConfig = field(default_factory=ChecksConfig)
    repairs: RepairsConfig = field(default_factory=RepairsConfig)
    quality: QualityConfig | None = None
    patterns: PatternsConfig | None = None

    @property
    def resolved(self) -> dict[str, Any]:
        """Every setting with its defaults filled in, as plain values for JSON; file names as written, none absolute."""
        return {
            "title": self.title,
            "language": self.language,
            "tables": dict(self.tables.written),
            "read": _plain(self.read),
            "columns": {table: _plain_columns(names) for table, names in sorted(self.columns.items())},
            "checks": _plain(self.checks),
            "repairs": _plain(self.repairs),
            "quality": None if self.quality is None else _plain(self.quality),
            "panel": {**_plain(self.panel), "suppressed": self.panel.resolved_suppressed},
            "model": _plain(self.model),
            "compare": None if self.compare is None else _plain(self.compare),
            "selection": _plain(self.selection),
            "bounds": None if self.bounds is None else _plain(self.bounds),
            "evidence": None if self.evidence is None else _plain(self.evidence),
            # absent without its section, so that the fingerprint of such a file is what it was
            **({} if self.patterns is None else {"patterns": _plain(self.patterns)}),
        }


def load_config(path: str | Path) -> AnalysisConfig:
    """Read and check an analysis file.

    Parameters
    ----------
    path : str or Path
        A TOML file. Paths in it are relative to the folder it stands in.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not TOML (with the line), or holds a key or value that is not known; all
        problems together.
    """
    path = Path(path)
    problems: list[str] = []
    top = Section("", _parse(path), problems)
    title = top.text("title", without_bsn(path.stem))
    language: Language = top.choice("language", get_args(Language), "nl")
    parts = {name: top.section(name) for name in _SECTIONS}
    panel = _panel(parts["panel"])
    tables = _tables(parts["tables"], path.parent)
    config = AnalysisConfig(
        file=without_bsn(path.name),
        title=title,
        language=language,
        tables=tables,
        read=_read(parts["read"]),
        columns=_columns(parts["columns"], panel.covariates),
        panel=panel,
        model=_model(parts["model"]),
        compare=_compare(parts["compare"]) if parts["compare"].given else None,
        selection=_selection(parts["selection"]),
        bounds=_bounds(parts["bounds"]) if parts["bounds"].given else None,
        evidence=evidence_config(parts["evidence"], tables.holds) if parts["evidence"].given else None,
        checks=checks_config(parts["checks"]),
        repairs=repairs_config(parts["repairs"]),
        quality=quality_config(parts["quality"]) if parts["quality"].given else None,
        patterns=patterns_config(parts["patterns"]) if parts["patterns"].given else None,
    )
    top.refuse_unknown()
    if problems:
        raise ConfigError("\n".join([f"{without_bsn(path.name)} cannot be used:", *(f"- {p}" for p in problems)]))
    return config


def _parse(path: Path) -> dict[str, Any]:
    name, place = without_bsn(path.name), without_bsn(str(path))
    if "\0" in place:
        raise ConfigError("the path of the analysis file holds the character NUL, which no name of a file can.")
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"there is no analysis file '{place}'.") from None
    except OSError as error:
        raise ConfigError(f"the analysis file '{place}' cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{name}: line {line} is not UTF-8. Save the file as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f'{name} is not valid TOML: {error}. Text values need quotes: law = "WVGGZ".') from error
    except (ValueError, RecursionError) as error:
        sentence = f"{name} cannot be read: a number in it is too long, or values are nested too deeply. Shorten it."
        raise ConfigError(sentence) from error


def _tables(section: Section, base: Path) -> TablesConfig:
    written = {name: section.text(name, "") for name in ("folder", *SCHEMAS) if section.has(name)}
    section.refuse_unknown(("folder", *SCHEMAS))
    for name, value in written.items():
        section.require(bool(value), name, "is empty; name a file or folder, relative to the analysis file")
        section.require("\0" not in value, name, "holds the character NUL, which no name of a file can")
    if not section.given:
        written = {"folder": "."}
    section.require(bool(written), "folder", "is missing: name a folder, or at least one table")
    files = {name: base / value for name, value in written.items() if name != "folder"}
    folder = base / written["folder"] if "folder" in written else None
    shown = {name: Path(value).name if Path(value).is_absolute() else value for name, value in written.items()}
    return TablesConfig(folder=folder, files=files, written=shown)


def _read(section: Section) -> ReadConfig:
    config = ReadConfig(
        delimiter=section.optional_choice("delimiter", DELIMITERS),
        decimal=section.optional_choice("decimal", (".", ",")),
    )
    section.refuse_unknown()
    section.require(config.delimiter is None or config.delimiter != config.decimal, "decimal", "is also the delimiter")
    return config


def _columns(section: Section, covariates: tuple[str, ...]) -> dict[str, ColumnMap]:
    maps = {table: _column_map(section.section(table), table, covariates) for table in SCHEMAS if section.has(table)}
    section.refuse_unknown(SCHEMAS)
    return maps


def _column_map(section: Section, table: str, covariates: tuple[str, ...]) -> ColumnMap:
    known = [column.name for column in SCHEMAS[table].columns]
    parts = _period_parts(section.section("period")) if "period" in known and section.has_table("period") else None
    names = {
        name: section.text(name, "") for name in (*known, *covariates) if section.has(name) and not section.seen(name)
    }
    section.refuse_unknown((*known, *covariates))
    for name, value in names.items():
        section.require(bool(value), name, "is empty; give the name of the column in the file")
    return ColumnMap(names=names, period_parts=parts)


def _period_parts(section: Section) -> dict[str, str]:
    parts = {name: section.text(name, "") for name in PERIOD_PARTS if section.has(name)}
    section.refuse_unknown(PERIOD_PARTS)
    section.require("year" in parts, "year", "is missing")
    section.require(len(parts) <= 2, "year", "goes with one of half, quarter and month, not with more")
    for name, value in parts.items():
        section.require(bool(value), name, "is empty; give the name of the column in the file")
    return parts


def _panel(section: Section) -> PanelConfig:
    config = PanelConfig(
        law=section.optional_choice("law", LAWS),
        forms=section.texts("forms", choices=FORMS),
        definition=section.choice("definition", DEFINITIONS, "D2"),
        by=section.choice("by", get_args(PeriodKind), "half-year"),
        unit=section.text("unit", "bed-days"),
        covariates=section.texts("covariates"),
        planned=section.optional_flag("planned"),
        blank_events=section.choice("blank_events", get_args(BlankEvents), "error"),
        as_of=section.moment("as_of"),
        gap_hours=section.number("gap_hours", 0.0) if section.has("gap_hours") else None,
        rounded_to=section.whole("rounded_to", 1) if section.has("rounded_to") else None,
        ties=section.choice("ties", get_args(Ties), "up"),
        suppressed=_suppressed(section.section("suppressed")),
    )
    section.refuse_unknown(f.name for f in fields(PanelConfig))
    gap, base = config.gap_hours, config.rounded_to
    fine = gap is None or 0.0 <= gap <= LONGEST_GAP
    section.require(fine, "gap_hours", f"is {gap}; it must be hours from 0 to {LONGEST_GAP:.0f} (a year)")
    section.require(base is None or base >= 1, "rounded_to", f"is {base}; it must be a whole number of at least 1")
    said = base is not None or not section.has("ties")
    section.require(said, "ties", "says where counts halfway were rounded to, and rounded_to is missing")
    return config


def _suppressed(section: Section) -> dict[str, Bounds]:
    """The texts that stand in place of counts, each with the least and the greatest count it can stand for."""
    found = {text: section.pair(text, endless=True) for text in section.names()}
    bounds = {text: ends for text, ends in found.items() if ends is not None}
    section.refuse_unknown()
    for text, (low, high) in bounds.items():
        whole = low.is_integer() and (high == math.inf or high.is_integer())
        shown = f"is [{low:g}, {high:g}]; give the least and the greatest count it stands for, as [0, 4] or [100, inf]"
        section.require(whole and 0.0 <= low <= high, text, shown)
        section.require(bool(text.strip()), text, "is blank, and a blank is a count that is missing; leave it out")
    return bounds


def _model(section: Section) -> ModelConfig:
    config = ModelConfig(
        formula=section.text("formula", "C(year)").strip().removeprefix("~").strip(),
        family=section.choice("family", get_args(FamilyName), "poisson"),
        cluster=section.text("cluster", "provider"),
        covariance=section.choice("covariance", get_args(CovarianceKind), "CR2"),
        level=section.number("level", 0.95),
        quality=section.texts("quality"),
    )
    section.refuse_unknown()
    section.require(bool(config.formula), "formula", 'is empty; write for example "C(year)"')
    section.require("~" not in config.formula, "formula", "is the right-hand side only; leave out what stands before ~")
    section.require(0.0 < config.level < 1.0, "level", f"is {config.level:g}; it must lie between 0 and 1, as 0.95")
    return config


def _compare(section: Section) -> CompareConfig:
    for name in ("variable", "before", "after"):
        section.require(section.has(name), name, "is missing")
    config = CompareConfig(
        variable=section.text("variable", ""), before=section.value("before"), after=section.value("after")
    )
    section.refuse_unknown()
    if section.has("before") and section.has("after"):
        same_kind = isinstance(config.before, str) == isinstance(config.after, str)
        section.require(same_kind, "after", "must be of the same kind as before: two numbers or two texts")
        section.require(config.before != config.after, "after", "equals before; a comparison needs two values")
        backwards = same_kind and config.variable in ("year", "time", "period") and config.before > config.after  # type: ignore[operator]
        section.require(not backwards, "after", "lies before 'before'; write the earlier period as before")
    return config


def _selection(section: Section) -> SelectionConfig:
    config = SelectionConfig(rule=section.choice("rule", get_args(SelectionRule), "complete"))
    section.refuse_unknown()
    return config


def _bounds(section: Section) -> BoundsConfig:
    section.require(section.has("completeness_before"), "completeness_before", "is missing, as [0.7, 1.0]")
    config = BoundsConfig(
        completeness_before=_share_range(section, "completeness_before") or (1.0, 1.0),
        completeness_after=_share_range(section, "completeness_after"),
        monotone=section.flag("monotone", False),
    )
    section.refuse_unknown()
    return config


def _share_range(section: Section, name: str) -> tuple[float, float] | None:
    ends = section.pair(name)
    if ends is not None:
        fits = 0.0 < ends[0] <= ends[1] <= 1.0
        section.require(fits, name, f"is [{ends[0]:g}, {ends[1]:g}]; it needs 0 < low <= high <= 1")
    return ends


def _plain(section: Any) -> dict[str, Any]:
    values = {f.name: getattr(section, f.name) for f in fields(section)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _plain_columns(columns: ColumnMap) -> dict[str, Any]:
    parts = {} if columns.period_parts is None else {"period": dict(columns.period_parts)}
    return {**columns.names, **parts}

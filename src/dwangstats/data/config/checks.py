"""The sections [checks], [repairs] and [quality] of the analysis file."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from dwangstats._types import PeriodKind
from dwangstats.data.config.section import Section

RepairName: TypeAlias = Literal[
    "drop-same-source-doubles",
    "drop-same-moment-doubles",
    "filled-ends-to-missing",
    "ends-elsewhere-to-missing",
    "tenfold-bed-days",
    "hours-to-bed-days",
    "capacity-to-missing",
    "capacity-times-usual-occupancy",
]
QualityPart: TypeAlias = Literal[
    "missing_ends",
    "unspecified_codes",
    "days_late",
    "rejected_files",
    "doubles",
    "heaped_ends",
]

REPAIRS: tuple[RepairName, ...] = get_args(RepairName)
"""Names of the repairs; of two that would touch the same row the first does."""
QUALITY_PARTS: tuple[QualityPart, ...] = get_args(QualityPart)
"""What the quality score is made of; each is a column of `quality_score`, higher is worse."""
EXCLUSIVE: tuple[tuple[RepairName, RepairName], ...] = (("capacity-to-missing", "capacity-times-usual-occupancy"),)
"""Repairs of the same rows, of which at most one can be asked."""


@dataclass(frozen=True, slots=True)
class ChecksConfig:
    """Rules whose findings are left out of the report; what stops an analysis goes on stopping it."""

    skip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RepairsConfig:
    """Repairs to make before anything is counted; none unless asked."""

    apply: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QualityConfig:
    """The quality score as columns of the table of bed-days: period it is computed over, and its parts."""

    by: PeriodKind = "half-year"
    parts: tuple[QualityPart, ...] = QUALITY_PARTS


def checks_config(section: Section) -> ChecksConfig:
    """The section [checks], checked; problems are noted in the section. `check` knows the names of the rules."""
    config = ChecksConfig(skip=section.texts("skip"))
    section.refuse_unknown()
    return config


def repairs_config(section: Section) -> RepairsConfig:
    """The section [repairs], checked; problems are noted in the section."""
    config = RepairsConfig(apply=section.texts("apply", choices=REPAIRS))
    section.refuse_unknown()
    for one, other in EXCLUSIVE:
        both = one in config.apply and other in config.apply
        section.require(not both, "apply", f"names {one} and {other}, which mend the same rows; choose one")
    return config


def quality_config(section: Section) -> QualityConfig:
    """The section [quality], checked; problems are noted in the section."""
    named = section.texts("parts", choices=QUALITY_PARTS)
    config = QualityConfig(
        by=section.choice("by", get_args(PeriodKind), "half-year"),
        parts=tuple(part for part in QUALITY_PARTS if part in named) if section.has("parts") else QUALITY_PARTS,
    )
    section.refuse_unknown()
    section.require(
        bool(named) or not section.has("parts"), "parts", "is empty; name at least one part, or leave it out for all"
    )
    return config

"""Synthetic registers with known truth."""

from dwangstats.worlds.context import ContextParameters
from dwangstats.worlds.folder import regenerate, write
from dwangstats.worlds.lapses import PatternParameters
from dwangstats.worlds.parameters import NAMES, EvidenceParameters
from dwangstats.worlds.planted import ErrorParameters
from dwangstats.worlds.result import World
from dwangstats.worlds.versions import VersionParameters
from dwangstats.worlds.world import make

__all__ = [
    "NAMES",
    "ContextParameters",
    "ErrorParameters",
    "EvidenceParameters",
    "PatternParameters",
    "VersionParameters",
    "World",
    "make",
    "regenerate",
    "write",
]

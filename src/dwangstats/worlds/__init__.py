"""Synthetic registers with known truth."""

from dwangstats.worlds.folder import regenerate, write
from dwangstats.worlds.parameters import NAMES
from dwangstats.worlds.world import World, make

__all__ = ["NAMES", "World", "make", "regenerate", "write"]

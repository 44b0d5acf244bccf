"""Analysis files: good ones, and what people and editors make of them."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from random import Random
from typing import Any

from dwangstats.data.config.checks import QUALITY_PARTS, REPAIRS
from dwangstats.data.register.schema import SCHEMAS
from fuzz import values
from fuzz.writers import mutated

Settings = dict[str, Any]

UNKNOWN_KEY = "zzq_no_such_key"

_COUNTED: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"as_of": "2022-08-15"},
    {"as_of": date(2022, 8, 15)},
    {"gap_hours": 24},
    {"rounded_to": 5, "ties": "even"},
    {"suppressed": {"<5": [0, 4]}},
    {"suppressed": {">100": [101, float("inf")]}},
)
"""How counts come about, beside the rest of [panel]; some of these go with tables of ready counts only."""


def good_settings(rng: Random) -> Settings:
    """Settings of which each is one that the documentation offers."""
    parts = {
        "title": "Test",
        "language": rng.choice(("nl", "en")),
        "tables": rng.choice(({"folder": "."}, {"panel": "panel.csv"}, {"folder": ".", "panel": "p.csv"})),
        "read": {"delimiter": rng.choice((",", ";")), "decimal": "."},
        "columns": {"panel": {"events": "n", "period": {"year": "y", "month": "m"}}, "exposure": {"bed_days": "d"}},
        "panel": {
            "law": rng.choice(("WVGGZ", "WZD")),
            "by": rng.choice(("month", "quarter", "half-year", "year")),
            "definition": rng.choice(("D1", "D2", "D3", "D4")),
            "forms": ["seclusion"],
            "covariates": ["ward"],
            "planned": True,
            "unit": "bed-days",
            "blank_events": rng.choice(("error", "not delivered")),
            **rng.choice(_COUNTED),
        },
        "model": {"formula": "C(year)", "family": "nb2", "cluster": "provider", "covariance": "CR2", "level": 0.9},
        "compare": {"variable": "year", "before": 2021, "after": 2022},
        "selection": {"rule": rng.choice(("complete", "delivered"))},
        "bounds": {"completeness_before": [0.7, 1.0], "monotone": True},
        "evidence": {"completeness_prior": [0.6, 0.95], "rho": 0.2, "draws": 100, "seed": 3},
        "checks": {"skip": [rng.choice(("earlier-version", "several-laws"))]},
        "repairs": {"apply": [rng.choice(REPAIRS)]},
        "quality": {"by": "half-year", "parts": list(QUALITY_PARTS[:2])},
        "patterns": {"nothing": 0.25, "level": 0.05, "family": rng.choice(("nb2", "poisson")), "prior_silent": 0.1},
    }
    return {name: part for name, part in parts.items() if rng.random() < 0.7}


def spoilt_settings(rng: Random, settings: Settings) -> Settings:
    """Settings after one to three accidents."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        path = _somewhere(rng, settings)
        kind = rng.random()
        if kind < 0.55:
            settings = _put(settings, path, strange(rng))
        elif kind < 0.7:
            settings = _put(settings, path, None)
        elif kind < 0.85:
            settings = _put(settings, (*path[:-1], values.near(rng, path[-1])), strange(rng))
        else:
            settings = _put(settings, (rng.choice((*_PLACES, *SCHEMAS)), "key"), strange(rng))
    return settings


def with_unknown_key(rng: Random, settings: Settings) -> Settings:
    """Settings with a key that does not exist, at the top or in a section; it may never be passed over in silence."""
    sections = [name for name, part in settings.items() if isinstance(part, dict)]
    section = rng.choice(("", *sections)) if sections else ""
    return _put(settings, (section, UNKNOWN_KEY) if section else (UNKNOWN_KEY,), strange(rng))


def strange(rng: Random, depth: int = 0) -> Any:
    """A value of any type that TOML has."""
    plain = (
        *(True, False, 0, 1, -1, 2021, 10**18, 10**400, 0.5, 1.0, -0.0, 1e308, float("inf"), float("nan")),
        *("", " ", ".", "nl", "C(year", "~ year", "1 | provider", "\x00", "a\x00b.csv", "x" * 5000, "..", "/", "~"),
        *(date(2021, 1, 1), datetime(2021, 1, 1, tzinfo=UTC), [], {}, ["a", "a"], [0.7, 1.0], [1.0, 0.2], [True, 1]),
        *([[1]], [{}], {"": ""}, {"year": "y"}, {"half": "h"}, {"year": "y", "half": "h", "month": "m"}),
    )
    kind = rng.random()
    if kind < 0.7:
        return rng.choice(plain)
    if kind < 0.85 or depth > 3:
        return values.hostile(rng)
    if kind < 0.93:
        return [strange(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(("a", "period", "year", "")): strange(rng, depth + 1) for _ in range(rng.randrange(3))}


def toml_bytes(rng: Random, settings: Mapping[str, Any]) -> bytes:
    """The settings as a file; one in four damaged in its bytes."""
    data = to_toml(settings).encode("utf-8", errors="replace")
    if rng.random() < 0.03:
        data = rng.choice((b"[" * 20000, b"a = " + b"[" * 20000, b"a = 1" + b"0" * 6000, b"a.b." * 500 + b"c = 1", b""))
    return mutated(rng, data) if rng.random() < 0.25 else data


def to_toml(settings: Mapping[str, Any]) -> str:
    """TOML text of nested settings."""
    lines = [f"{_key(name)} = {_value(part)}" for name, part in settings.items() if not isinstance(part, dict)]
    for name, part in settings.items():
        if isinstance(part, dict):
            lines.append(f"[{_key(name)}]")
            lines += [f"{_key(key)} = {_value(value)}" for key, value in part.items()]
    return "\n".join(lines) + "\n"


_PLACES = (
    *("tables", "read", "columns", "panel", "model", "compare", "selection", "bounds", "evidence", "checks"),
    *("repairs", "quality", "patterns"),
)


def _somewhere(rng: Random, settings: Settings) -> tuple[str, ...]:
    if not settings:
        return ("title",)
    path: tuple[str, ...] = (rng.choice(list(settings)),)
    inside = settings[path[0]]
    while isinstance(inside, dict) and inside and rng.random() < 0.9:
        key = rng.choice(list(inside))
        path, inside = (*path, key), inside[key]
    return path


def _put(settings: Settings, path: tuple[str, ...], value: Any) -> Settings:
    """Settings with another value at a path, or without it where the value is None."""
    first, rest = path[0], path[1:]
    if rest:
        inside = settings.get(first)
        return {**settings, first: _put(inside if isinstance(inside, dict) else {}, rest, value)}
    return {**{key: old for key, old in settings.items() if key != first}, **({} if value is None else {first: value})}


def _key(name: str) -> str:
    return name if name and all(c.isascii() and (c.isalnum() or c in "-_") for c in name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return value.isoformat() if isinstance(value, date) else str(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

"""Rules for days: a registration begins while its law, its code and the definition of locking in hold.

A begin that stands for "not known", from before 1990, has a rule of its own and is left alone here.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dwangstats.data.checks.rule import Mask, Rule, has, some
from dwangstats.data.checks.rules.registrations import EARLIEST
from dwangstats.data.findings import Finding
from dwangstats.data.reading.read import Tables
from dwangstats.data.register.codes import LAWS, code_versions, codes_in_law, holds

LAW_OUTSIDE = Rule(
    "law-not-in-force",
    "warning",
    "In {count} van de {of} registraties ligt het begin buiten de jaren waarin de wet gold: {names} ({where}).",
    "In {count} of {of} registrations the begin lies outside the years in which the law was in force: {names} "
    "({where}).",
    "Controleer de wet en de datum; vóór 2020 gold de Bopz, en wat daaronder is geregistreerd is geen Wvggz of Wzd.",
    "Check the law and the date; before 2020 the Bopz was in force, and what was registered under it is not Wvggz or "
    "Wzd.",
)
CODE_OUTSIDE = Rule(
    "code-not-valid",
    "warning",
    "In {count} van de {of} registraties ligt het begin op een dag waarop de code niet in de codelijst stond: {names} "
    "({where}).",
    "In {count} of {of} registrations the begin lies on a day on which the code was not in the code list: {names} "
    "({where}).",
    "Controleer de datum en de code. Is er later opnieuw gecodeerd, vergelijk dan niet over die dag heen zonder breuk.",
    "Check the date and the code. If it was coded anew later, do not compare across that day without a break.",
)
DEFINITION_OUTSIDE = Rule(
    "definition-not-valid",
    "warning",
    "In {count} van de {of} registraties van insluiten ligt het begin op een dag waarop een andere definitie gold "
    "({where}).",
    "In {count} of {of} registrations of locking in the begin lies on a day on which another definition held "
    "({where}).",
    "Tot 2020 telde elke gedwongen insluiting, daarna alleen bij verzet; vergelijk niet over 2020 heen zonder breuk.",
    "Until 2020 every forced locking-in counted, after that only against resistance; do not compare across 2020 "
    "without a break.",
)


def validity_findings(tables: Tables) -> Iterator[Finding]:
    """Findings about registrations that begin outside the days of their law, code or definition."""
    frame = tables.registrations
    if not has(frame, "begin") or frame.empty:
        return
    frame = frame.assign(begin=frame["begin"].where(frame["begin"] >= EARLIEST))
    laws = frame["law"].fillna("unknown") if has(frame, "law") else pd.Series("unknown", index=frame.index)
    law = _law_outside(frame, laws)
    yield from LAW_OUTSIDE.broken_in("registrations", frame, law, names=some(laws[law]))
    if not has(frame, "intervention_code"):
        return
    code = _code_outside(frame, laws) & ~law
    yield from CODE_OUTSIDE.broken_in(
        "registrations", frame, code, names=some(frame.loc[code, "intervention_code"].dropna())
    )
    definition = _definition_outside(frame, laws) & ~law
    locking = _of_locking_in(frame)
    yield from DEFINITION_OUTSIDE.broken_in("registrations", frame.loc[locking], definition[locking])


def _law_outside(frame: pd.DataFrame, laws: "pd.Series[str]") -> Mask:
    """Begins when the law of the row was not in force, nor ran on for what was granted under it."""
    table = code_versions("laws")
    last = table["runs_on_until"].where(table["runs_on_until"] != "", table["valid_until"])
    return ~holds(table.assign(valid_until=last), laws, frame["begin"])


def _code_outside(frame: pd.DataFrame, laws: "pd.Series[str]") -> Mask:
    """Begins when the code was not in the list; under a law without a list nothing can be said."""
    listed = [law for law in LAWS if law == "unknown" or codes_in_law(law) is not None]
    under = laws.isin(listed).to_numpy(dtype=np.bool_)
    return under & ~holds(code_versions("interventions"), frame["intervention_code"], frame["begin"])


def _definition_outside(frame: pd.DataFrame, laws: "pd.Series[str]") -> Mask:
    """Locking in that begins when the definition of its law did not hold."""
    table, levels = code_versions("definitions"), _level_by_code()
    level = frame["intervention_code"].map(levels)
    outside = np.zeros(len(frame), dtype=np.bool_)
    for together, versions in table.groupby("laws", sort=False):
        under = laws.isin(str(together).split()).to_numpy(dtype=np.bool_)
        outside |= under & ~holds(versions, level, frame["begin"])
    return outside


def _of_locking_in(frame: pd.DataFrame) -> Mask:
    return frame["intervention_code"].isin(list(_level_by_code())).to_numpy(dtype=np.bool_)


def _level_by_code() -> dict[str, str]:
    """Definition that each code of locking in belongs to first."""
    table = code_versions("interventions")
    return {code: level for code, level in zip(table["code"], table["definition"], strict=True) if level}

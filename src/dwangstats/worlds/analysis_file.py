"""The analysis file that goes with a world: the question that its sector is asked."""

from types import MappingProxyType
from typing import Final

from dwangstats.worlds.parameters import AFTER, BEFORE

TITLES: Final = MappingProxyType(
    {
        ("WVGGZ", "registration-only"): "Synthetisch register: alleen de registratie verbeterde",
        ("WVGGZ", "mixed"): "Synthetisch register: betere registratie en meer toepassingen",
        ("WVGGZ", "real-only"): "Synthetisch register: alleen het aantal toepassingen nam toe",
        ("WZD", "registration-only"): "Synthetisch register Wzd: alleen de registratie verbeterde",
        ("WZD", "mixed"): "Synthetisch register Wzd: betere registratie en meer toepassingen",
        ("WZD", "real-only"): "Synthetisch register Wzd: alleen het aantal toepassingen nam toe",
        ("JEUGDWET_H6", "registration-only"): "Synthetisch register gesloten jeugdhulp: alleen de registratie nam af",
        ("JEUGDWET_H6", "mixed"): "Synthetisch register gesloten jeugdhulp: minder toepassingen, minder registratie",
        ("JEUGDWET_H6", "real-only"): "Synthetisch register gesloten jeugdhulp: alleen het aantal toepassingen nam af",
    }
)

_ADULT: Final = f"""[panel]
law = "{{law}}"
forms = ["seclusion", "other_locking_in", "medication", "restraint", "other"]
definition = "D2"
by = "half-year"
unit = "bed-days"
{{planned}}
[model]
formula = "C(year)"
family = "poisson"
cluster = "provider"
covariance = "CR2"
level = 0.95

[compare]
variable = "year"
before = {BEFORE}
after = {AFTER}

[selection]
rule = "complete"

[bounds]
completeness_before = [0.7, 1.0]
monotone = true
"""

_YOUTH: Final = """[panel]
law = "{law}"
forms = ["other_locking_in"]
planned = false
by = "month"
unit = "youth-days"
covariates = ["stage"]

[model]
formula = "C(stage)"
family = "poisson"
cluster = "provider"
covariance = "CR2"
level = 0.95

[compare]
variable = "stage"
before = "2"
after = "3"

[selection]
rule = "delivered"

[bounds]
completeness_before = [0.5, 0.8]
"""


def analysis_file(header: str, name: str, law: str, tables: tuple[str, ...], nothing: float) -> str:
    """Text of a TOML file.

    Parameters
    ----------
    header : str
        First line, a comment.
    name, law : str
        Of the world.
    tables : tuple of str
        Tables that the file names; with "audits" the audit is evidence.
    nothing : float
        Share of the half-years that are truly empty in the world.
    """
    with_audit = "audits" in tables
    title = TITLES[law, name] + (", met dossieronderzoek" if with_audit else "")
    listed = "\n".join(f'{table} = "{table}.csv"' for table in tables)
    question = (_YOUTH if law == "JEUGDWET_H6" else _ADULT).format(
        law=law, planned="planned = false\n" if law == "WZD" else ""
    )
    evidence = "\n[evidence]\naudit = true\n" if with_audit else ""
    return f"""# {header}
title = "{title}"
language = "nl"

[tables]
{listed}

{question}
[patterns]
nothing = {nothing:g}
{evidence}"""

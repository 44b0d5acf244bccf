"""Evidence that is counted more than once: the information would count double."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from dwangstats.design.rows import listed
from dwangstats.errors import DataError, DomainError
from dwangstats.registration.context import Evidence, EvidenceCheck
from dwangstats.registration.evidence.audit import Audit
from dwangstats.registration.evidence.words import said

ONCE = ("second source", "control outcome", "switch dates")
"""Evidence of which a model takes one."""

OVERLAP = "audits of the same provider and period"


def refuse_twice(evidence: Sequence[Evidence]) -> None:
    """Refuse evidence that is there twice.

    Raises
    ------
    DomainError
        For two of a kind of which a model takes one.
    DataError
        For two pieces with the same settings and numbers.
    """
    many = [name for name, times in Counter(one.name for one in evidence).items() if times > 1 and name in ONCE]
    if many:
        raise DomainError(f"A model takes one {' and one '.join(many)}; put their rows in one table.")
    seen: dict[str, str] = {}
    for one in evidence:
        if one.digest in seen:
            raise DataError(f"The same {one.name} is given twice ({one.words}); it would count double. Give it once.")
        seen[one.digest] = one.name


def audited_twice(evidence: Sequence[Evidence]) -> tuple[EvidenceCheck, ...]:
    """Look for providers and periods that stand in more than one audit.

    Parameters
    ----------
    evidence : sequence of Evidence
        As used: with periods and forms of the panel.

    Returns
    -------
    tuple of EvidenceCheck
        One that failed where audits overlap, none where they do not.

    Raises
    ------
    DataError
        If they overlap with the same numbers: that is one audit, given twice.
    """
    tables = [one.frame for one in evidence if isinstance(one, Audit)]
    if len(tables) < 2:
        return ()
    rows = pd.concat([table.assign(audit=place) for place, table in enumerate(tables)], ignore_index=True)
    if "form" in rows.columns:
        rows["form"] = rows["form"].fillna("")
    key = [name for name in ("provider_id", "period", "form") if name in rows.columns]
    rows = rows[rows["n_found"] > 0]
    shared = rows[rows.groupby(key)["audit"].transform("nunique") > 1]
    if shared.empty:
        return ()
    places = shared[["provider_id", "period"]].drop_duplicates()
    named = listed([f"{provider} {period}" for provider, period in places.itertuples(index=False)], 3)
    if shared.duplicated([*key, "n_found", "n_registered"]).any():
        raise DataError(
            f"audits: {len(places)} combinations of provider and period stand in more than one audit, some with the "
            f"same numbers ({named}). The same events would count double: give them once, and add different events up "
            "in one row."
        )
    message = said(
        "{n} combinaties van aanbieder en periode staan in meer dan een audit ({named}). Gaan die over dezelfde "
        "gebeurtenissen, dan tellen ze dubbel; tel verschillende gebeurtenissen op in een rij.",
        "{n} combinations of provider and period stand in more than one audit ({named}). If these are about the same "
        "events they count double; add different events up in one row.",
        n=str(len(places)),
        named=named,
    )
    return (EvidenceCheck("audit", OVERLAP, False, float(len(places)), message),)

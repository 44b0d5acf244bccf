"""What is not counted, and why: a ledger in which every registration and every row ends up somewhere."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeAlias

import pandas as pd

from dwangstats._types import Language
from dwangstats.data.findings import LANGUAGES
from dwangstats.errors import DomainError

What: TypeAlias = Literal["rows", "registrations"]

OTHER_LAW = "registered under another law"
LAW_UNKNOWN = "law not known"
PLANNED = "planned"
UNPLANNED = "unplanned"
PLANNED_UNKNOWN = "not known whether planned"
EARLIER_VERSION = "from an earlier version of the delivery"
REFUSED_VERSION = "from a refused correction of the delivery"
OTHER_FORM = "another form"
FORM_MISSING = "not every form is known for this provider and period"
NO_BED_DAYS = "no bed-days known for this provider and period"
BED_DAYS_MISSING = "bed-days missing"
BED_DAYS_PARTIAL = "bed-days known for part of the period only"
CLOSED = "no occupied bed-days in the period"
REJECTED = "delivery rejected"
NOT_DELIVERED = "nothing delivered"
NOT_YET_DUE = "not yet due on the date"
NOT_KEPT = "registrations of the version that counts not kept"
DELIVERY_UNKNOWN = "no delivery known"
YEAR_INCOMPLETE = "the other half of the year was not delivered"
NOT_SELECTED = "provider not selected"
NOT_COMPARED = "period not compared"
CONTINUES = "continues an intervention that is counted"
CONTINUES_APART = "continues an intervention that began where nothing is counted"
NOT_YET = "not yet received on the date"
REMOVED_BY_REPAIR = "removed by a repair"

REASONS: dict[str, str] = {
    OTHER_LAW: "geregistreerd onder een andere wet",
    LAW_UNKNOWN: "wet niet bekend",
    PLANNED: "gepland",
    UNPLANNED: "ongepland",
    PLANNED_UNKNOWN: "niet bekend of het gepland was",
    EARLIER_VERSION: "uit een eerdere versie van de aanlevering",
    REFUSED_VERSION: "uit een afgekeurde verbetering van de aanlevering",
    OTHER_FORM: "een andere vorm",
    FORM_MISSING: "niet elke vorm is bekend van deze aanbieder in deze periode",
    NO_BED_DAYS: "geen beddagen bekend van deze aanbieder in deze periode",
    BED_DAYS_MISSING: "beddagen ontbreken",
    BED_DAYS_PARTIAL: "beddagen alleen bekend van een deel van de periode",
    CLOSED: "geen bezette beddagen in de periode",
    REJECTED: "aanlevering afgekeurd",
    NOT_DELIVERED: "niets aangeleverd",
    NOT_YET_DUE: "op de peildatum nog niet verwacht",
    NOT_KEPT: "registraties van de versie die telt niet bewaard",
    DELIVERY_UNKNOWN: "geen aanlevering bekend",
    YEAR_INCOMPLETE: "de andere helft van het jaar is niet aangeleverd",
    NOT_SELECTED: "aanbieder niet geselecteerd",
    NOT_COMPARED: "periode niet vergeleken",
    CONTINUES: "voortzetting van een interventie die al is geteld",
    CONTINUES_APART: "voortzetting van een interventie die begon waar niet wordt geteld",
    NOT_YET: "op de peildatum nog niet ontvangen",
    REMOVED_BY_REPAIR: "weggelaten bij een herstel",
}
"""Each reason in English, with the same reason in Dutch."""

OF_STATUS: dict[str, str] = {
    "rejected": REJECTED,
    "not_delivered": NOT_DELIVERED,
    "unknown": DELIVERY_UNKNOWN,
    "not_yet_due": NOT_YET_DUE,
    "not_kept": NOT_KEPT,
}
"""Why registrations under a delivery status are not counted."""

COLUMNS = ("what", "reason", "count")


def ledger(entries: Iterable[tuple[What, str, int]]) -> pd.DataFrame:
    """Entries added up by what and reason; zero counts are left out.

    Parameters
    ----------
    entries : (what, reason, count)
        ``what`` is "rows" (of the panel) or "registrations"; the reason one of `REASONS`.

    Returns
    -------
    DataFrame
        what, reason, count (int); rows before registrations, largest count first.
    """
    total: Counter[tuple[What, str]] = Counter()
    for what, reason, count in entries:
        total[what, reason] += count
    rows = [(what, reason, count) for (what, reason), count in total.items() if count]
    rows.sort(key=lambda row: (row[0] != "rows", -row[2], row[1]))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"what": "str", "reason": "str", "count": "int64"})


def extend(set_aside: pd.DataFrame, entries: Iterable[tuple[What, str, int]]) -> pd.DataFrame:
    """A ledger with more entries."""
    earlier = set_aside[list(COLUMNS)].itertuples(index=False, name=None)
    return ledger([*earlier, *entries])


def registrations_in(set_aside: pd.DataFrame) -> int:
    """Number of registrations in a ledger."""
    return int(set_aside.loc[set_aside["what"] == "registrations", "count"].sum())


def reasons_in(set_aside: pd.DataFrame, language: Language) -> pd.DataFrame:
    """A ledger with its reasons in Dutch ("nl") or English ("en"), a copy."""
    if language not in LANGUAGES:
        raise DomainError(f"there is no language '{language}'; choose one of {', '.join(LANGUAGES)}.")
    if language == "en":
        return set_aside.copy()
    return set_aside.assign(reason=set_aside["reason"].map(REASONS))

"""What is said about the reading of a table, in both languages."""

from collections.abc import Iterable
from dataclasses import dataclass

from dwangstats._types import Language, Severity
from dwangstats.data.findings import Finding, first_rows


@dataclass(frozen=True, slots=True)
class _Words:
    severity: Severity
    message_nl: str
    message_en: str
    action_nl: str
    action_en: str


_IN_COLUMN_NL = "Kolom '{column}': {count} van de {of} waarden "
_IN_COLUMN_EN = "Column '{column}': {count} of {of} values "
_CORRECT_NL = "Verbeter ze in het bestand; tot dan gelden ze als ontbrekend."
_CORRECT_EN = "Correct them in the file; until then they count as missing."

_INTERVALS: dict[Language, str] = {
    "nl": " Onderdrukte of afgeronde aantallen horen in de kolommen lower en upper, of bij suppressed en rounded_to "
    "onder [panel] in het analysebestand.",
    "en": " Suppressed or rounded counts belong in the columns lower and upper, or under suppressed and rounded_to in "
    "[panel] of the analysis file.",
}
"""What to do with events that are no whole number; other counts have no intervals."""

_RULES: dict[str, _Words] = {
    "not-a-count": _Words(
        "error",
        _IN_COLUMN_NL + "zijn geen geheel getal van 0 of meer{example}.",
        _IN_COLUMN_EN + "are not a whole number of 0 or more{example}.",
        "Verbeter ze in het bestand; schrijf aantallen zonder duizendtekens.",
        "Correct them in the file; write counts without marks of thousands.",
    ),
    "not-a-number": _Words(
        "error",
        _IN_COLUMN_NL + "zijn geen getal{example}.",
        _IN_COLUMN_EN + "are not a number{example}.",
        'Verbeter ze in het bestand, zonder duizendtekens, of zet het decimaalteken onder [read], zoals decimal = ",".',
        'Correct them in the file, without marks of thousands, or set the decimal mark under [read], as decimal = ",".',
    ),
    "not-a-date": _Words(
        "error",
        _IN_COLUMN_NL + "zijn geen datum (met tijd){example}.",
        _IN_COLUMN_EN + "are not a date (and time){example}.",
        "Schrijf 2021-03-31, 2021-03-31 14:05 of 31-03-2021. In een datumkolom staat geen tijd. " + _CORRECT_NL,
        "Write 2021-03-31, 2021-03-31 14:05 or 31-03-2021. A column of dates holds no time. " + _CORRECT_EN,
    ),
    "slash-date": _Words(
        "error",
        _IN_COLUMN_NL + "zijn een datum met schuine strepen{example}; niemand kan zien of 3/4 maart of april is.",
        _IN_COLUMN_EN + "are a date with slashes{example}; nobody can tell whether 3/4 is in March or in April.",
        "Schrijf 2021-03-31 of 31-03-2021.",
        "Write 2021-03-31 or 31-03-2021.",
    ),
    "not-a-period": _Words(
        "error",
        _IN_COLUMN_NL + "zijn geen periode{example}.",
        _IN_COLUMN_EN + "are not a period{example}.",
        "Schrijf 2021, 2021-H1, 2021-Q3 of 2021-05. " + _CORRECT_NL,
        "Write 2021, 2021-H1, 2021-Q3 or 2021-05. " + _CORRECT_EN,
    ),
    "not-yes-no": _Words(
        "error",
        _IN_COLUMN_NL + "zijn geen ja of nee{example}.",
        _IN_COLUMN_EN + "are not yes or no{example}.",
        "Schrijf ja of nee, true of false, 1 of 0. " + _CORRECT_NL,
        "Write yes or no, true or false, 1 or 0. " + _CORRECT_EN,
    ),
    "shortened-code": _Words(
        "error",
        _IN_COLUMN_NL + "zijn door een rekenblad afgekapt tot een getal met E+; de code zelf is verloren.",
        _IN_COLUMN_EN + "were cut by a spreadsheet to a number with E+; the code itself is lost.",
        "Exporteer de kolom opnieuw als tekst.",
        "Export the column again as text.",
    ),
    "time-zone": _Words(
        "info",
        _IN_COLUMN_NL + "hebben een tijdzone; ze zijn omgezet naar Nederlandse kloktijd.",
        _IN_COLUMN_EN + "carry a time zone; they were converted to Dutch clock time.",
        "Er hoeft niets te gebeuren als de zone klopt.",
        "Nothing needs to be done if the zone is right.",
    ),
    "decimal-comma": _Words(
        "info",
        "Getallen zijn gelezen met een decimale komma, omdat de velden met ; gescheiden zijn.",
        "Numbers were read with a decimal comma, because the fields are separated by ;.",
        'Zet het anders onder [read], zoals decimal = ".".',
        'Set it under [read] if that is wrong, as decimal = ".".',
    ),
    "decimal-unclear": _Words(
        "error",
        "{count} van de {of} getallen kunnen een decimale punt of een duizendpunt hebben{example}.",
        "{count} of {of} numbers may have a decimal point or a point of thousands{example}.",
        'Zet onder [read] wat de punt is: decimal = "." voor een decimale punt. Schrijf duizendtallen zonder punt.',
        'Say under [read] what the point is: decimal = "." for a decimal point. Write thousands without a point.',
    ),
    "delimiter-found": _Words(
        "info",
        "De velden zijn gescheiden door {example}; dat is gevonden in de eerste regel.",
        "The fields are separated by {example}; this was found from the header line.",
        "Er hoeft niets te gebeuren als dat klopt; zo niet, zet het scheidingsteken onder [read], als delimiter.",
        "Nothing needs to be done if that is right; if not, set it under [read], as delimiter.",
    ),
    "shown-though-hidden": _Words(
        "warning",
        "In kolom '{column}' staan {count} van de {of} aantallen als getal die volgens suppressed verborgen zijn: "
        "{example}.",
        "In column '{column}' {count} of {of} counts stand as numbers that suppressed says are hidden: {example}.",
        "Ga na waar de tekst voor staat; staat 0 als 0 in het bestand, laat het verborgen aantal dan bij 1 beginnen.",
        "Make sure what the text stands for; if a 0 is shown as 0, let the hidden count begin at 1.",
    ),
    "hidden-text-absent": _Words(
        "info",
        "Geen aantal staat als {example} in kolom '{column}', dat onder suppressed staat.",
        "No count stands as {example} in column '{column}', which suppressed names.",
        "Er hoeft niets te gebeuren als dat klopt; zo niet, schrijf de tekst zoals hij in het bestand staat.",
        "Nothing needs to be done if that is right; if not, write the text as it stands in the file.",
    ),
    "empty-rows": _Words(
        "info",
        "{count} rijen zonder enige waarde zijn weggelaten.",
        "{count} rows without any value were left out.",
        "Er hoeft niets te gebeuren.",
        "Nothing needs to be done.",
    ),
    "unnamed-columns": _Words(
        "info",
        "{count} kolommen zonder naam zijn weggelaten.",
        "{count} columns without a name were left out.",
        "Geef de kolom een naam als hij nodig is.",
        "Give the column a name if it is needed.",
    ),
    "law-from-analysis-file": _Words(
        "warning",
        "De wet ({example}) komt uit het analysebestand en niet uit de gegevens: de tabel {table} heeft geen kolom "
        "{column}.",
        "The law ({example}) is taken from the analysis file and not from the data: the table {table} has no column "
        "{column}.",
        "Voeg de kolom {column} toe, zodat dwang onder een andere wet niet meetelt; of ga na dat alles onder deze wet "
        "valt.",
        "Add the column {column}, so that coercion under another law is left out; or make sure that everything falls "
        "under this law.",
    ),
    "unknown-columns": _Words(
        "info",
        "Kolommen buiten het schema zijn onveranderd gehouden: {example}.",
        "Columns outside the schema were kept as they are: {example}.",
        "Er hoeft niets te gebeuren; ze kunnen als covariaat dienen. Wijs een kolom met een andere naam toe onder "
        "[columns.{table}].",
        "Nothing needs to be done; they can serve as covariates. Map a column that has another name under "
        "[columns.{table}].",
    ),
    "misspelt-column": _Words(
        "warning",
        "De kolom {example} lijkt op een naam uit het schema en is niet als zodanig gelezen.",
        "The column {example} resembles a name of the schema and was not read as such.",
        "Hernoem de kolom, of wijs hem toe onder [columns.{table}].",
        "Rename the column, or map it under [columns.{table}].",
    ),
    "files-ignored": _Words(
        "info",
        "Bestanden die geen bekende tabel zijn, zijn niet gelezen: {example}.",
        "Files that are no known table were not read: {example}.",
        "Er hoeft niets te gebeuren als dat klopt; zo niet, noem het bestand onder [tables].",
        "Nothing needs to be done if that is right; if not, name the file under [tables].",
    ),
}


def note(
    rule: str, table: str, *, count: int, of: int, rows: Iterable[int] = (), column: str = "", example: str = ""
) -> Finding:
    """The finding of a rule of reading, with its words filled in.

    Parameters
    ----------
    rule : str
    table : str
        Name of the table; "" for the input as a whole.
    count, of : int
        Rows (columns, files) concerned, and looked at.
    rows : iterable of int
        Row numbers; the first five are kept.
    column, example : str
        Filled into the words. An example must never be the identity of a client.
    """
    words = _RULES[rule]
    more = _INTERVALS if (rule, column) == ("not-a-count", "events") else {"nl": "", "en": ""}
    fill = {"count": count, "of": of, "column": column, "example": example, "table": table}
    return Finding(
        rule=rule,
        severity=words.severity,
        table=table,
        count=count,
        of=of,
        rows=first_rows(rows),
        message={"nl": words.message_nl.format(**fill), "en": words.message_en.format(**fill)},
        action={"nl": words.action_nl.format(**fill) + more["nl"], "en": words.action_en.format(**fill) + more["en"]},
    )

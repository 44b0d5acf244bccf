"""Values of cells: good ones by kind of column, and hostile ones that real files and careless exports hold."""

from random import Random

from dwangstats.data.register.codes import FORMS, LAWS
from dwangstats.data.register.schema import AUDIT_DESIGNS, DELIVERY_STATUS, Column

PROVIDERS = ("north", "east", "0123", "7", "Zuid-Oost", "08012345", "a b")
LOCATIONS = ("1", "2", "x-1", "Huis 4")
CODES = ("124061000146109", "124051000146106", "29211000146105", "68894007")
CLIENT_MARK = "Qzj"
"""Every made-up client and registration starts with this, so that a message that holds one is found."""

ANYTHING = (
    *("", " ", "\t", "NA", "NaN", "nan", "NULL", "None", "null", "-", "?", "n.v.t.", "#N/A", "#VERW!", "=1+1"),
    *("0", "-0", "1", "-1", "+3", "1.0", "1.00", "2.5", "2,5", "1.234", "1.234,5", "1,234.5", "1 000", "1_000"),
    *("1e5", "1E+15", "1.24061E+14", "1,24061E+14", "1e400", "-1e400", "inf", "-inf", "Infinity", "0x10", "9" * 40),
    *("9" * 400, "4.9e-324", "1.7976931348623157e308", "9007199254740993", "<5", "< 10", "5-10", "12%"),
    *("true", "false", "ja", "Nee", "WAAR", "y", "N", "2"),
    *("2021", "2021-H1", "2021-h2", "2021H1", "2021-H3", "2021-Q4", "2021Q5", "2021-13", "2021-00", "1899", "2200"),
    *("2021-03-31", "31-03-2021", "3/4/2021", "2021-02-29", "2020-02-29", "30-02-2021", "2021-1-1", "20210331"),
    *("2021-03-28T02:30", "2021-10-31T02:30", "2021-10-31T02:30+01:00", "2021-03-31T24:00", "2021-03-31T10:00Z"),
    *("0001-01-01T00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01", "9999-12-31T23:59:59.999999999"),
    *("2021-03-31 10:00:00,123456789", "2021-03-31T10:00+99:99", "1-1-0001", "1-1-9999", "2021-W01-1", "44286"),
    *("Éénzaam", "e\u0301", "\u200b", "\ufeff", "\u202eabc", "\u0663\u0664", "\uff11\uff12", "\u00b2", "\U0001f600"),
    *("\u0662\u0660\u0662\u0661-\u0660\u0661-\u0660\u0661", "\u00a0", "a\u2028b", "\x07", "\x1a", "{count}", "{", "%s"),
    *("'", "''", "`", "\\", "\\n", "a;b", "a,b", "a|b", "a\tb", 'say "no"', "two\nlines", "<script>", "&amp;", "[b]x"),
    *("all", "Totaal", "WVGGZ", "wvggz", "WZD", "seclusion", "accepted", "random", "x" * 3000, "../../etc", "C:\\tmp"),
)  # fmt: skip


def good(rng: Random, column: Column, period: str) -> str:
    """A value that the column may hold."""
    made = {
        "count": lambda: str(rng.choice((0, 1, 2, 5, 17, 230))),
        "number": lambda: _beds(rng, column),
        "date": lambda: _day(rng),
        "datetime": lambda: moment(rng),
        "yes-no": lambda: rng.choice(("yes", "no", "ja", "true", "0", "")),
        "period": lambda: period,
    }.get(column.kind, lambda: _named(rng, column))
    return made()


def moment(rng: Random) -> str:
    """A day, or a day and a time, in 2021 or 2022."""
    time = rng.choice(("", "T10:00", " 18:30", "T23:59:59", "T02:30+02:00"))
    return _day(rng, dutch=not time) + time


def hostile(rng: Random) -> str:
    """A value that some column will not like."""
    kind = rng.random()
    if kind < 0.8:
        return rng.choice(ANYTHING)
    if kind < 0.9:
        return "".join(chr(rng.choice((rng.randrange(32, 127), rng.randrange(160, 0x2FFF)))) for _ in range(6))
    return rng.choice(ANYTHING) + rng.choice(ANYTHING)


def near(rng: Random, text: str) -> str:
    """A text with one mark added, left out or changed."""
    place = rng.randrange(len(text) + 1)
    return rng.choice(
        (
            text[:place] + text[place + 1 :],
            text[:place] + rng.choice("abc_ 1X") + text[place:],
            text.upper(),
            text.capitalize(),
            f" {text} ",
            text.replace("_", " "),
        )
    )


def _day(rng: Random, *, dutch: bool = False) -> str:
    year, month, day = rng.choice((2021, 2022)), rng.randrange(1, 13), rng.randrange(1, 29)
    return f"{day}-{month}-{year}" if dutch and rng.random() < 0.3 else f"{year}-{month:02d}-{day:02d}"


def _beds(rng: Random, column: Column) -> str:
    """Bed-days, or beds of which so many can be occupied."""
    if column.name == "bed_days":
        return "0" if rng.random() < 0.02 else rng.choice(("900", "1200", "2500.5", "2500", "2700"))
    return rng.choice(("30", "40")) if column.name == "capacity" else "29.5"


def _named(rng: Random, column: Column) -> str:
    choices = {
        "provider_id": PROVIDERS,
        "provider": PROVIDERS,
        "location_id": LOCATIONS,
        "location": LOCATIONS,
        "law": (*LAWS, *("WVGGZ",) * 99),
        "form": FORMS,
        "intervention_code": CODES,
        "status": (*DELIVERY_STATUS[:3], *("accepted",) * 6),
        "design": AUDIT_DESIGNS,
    }
    if column.name in {"client_id", "registration_id"}:
        return f"{CLIENT_MARK}{rng.randrange(10**6):06d}"
    return rng.choice(choices.get(column.name, ("somatic", "A1", "", "vendor 2")))

"""Model formulas: what formulaic reads, and the lme4 terms and offsets that are lifted out before it.

    events ~ C(year) + setting + (1 | provider/location) + offset(log(beds))

is cut into a response, a fixed part for formulaic, random terms and offsets. Every refusal shows the
formula with the culprit between >> and << and says what is accepted.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

from dwangstats.data.nearest import did_you_mean
from dwangstats.errors import FormulaError

FormulaPart: TypeAlias = Literal["response", "fixed", "random", "offset"]

FUNCTIONS = frozenset(
    ["C", "I", "log", "log2", "log10", "exp", "center", "scale", "standardize", "poly", "bs", "cs", "cr", "cc"]
    + ["within", "between"]
    + [f"np.{name}" for name in ("log", "log1p", "log2", "log10", "exp", "expm1", "sqrt", "abs")]
    + [f"contr.{name}" for name in ("treatment", "SAS", "sum", "helmert", "diff", "poly")]
)
"""What a formula may call; anything else is refused, so that a formula from a file runs nothing unforeseen."""


MOST_POWER = 10
MOST_COLUMNS = 50


@dataclass(frozen=True, slots=True)
class RandomTerm:
    """One random term, ``(effects | groups)``.

    Attributes
    ----------
    effects : str
        Formula of the effects that vary, for example "1", "time" (with its intercept) or "0 + x".
    groups : tuple of str
        Columns whose combination names a group: ("provider",), or ("provider", "location") for the
        locations within providers. ``(1 | a/b)`` becomes two terms, ("a",) and ("a", "b").
    correlated : bool
        False where the term was written with two bars, ``(time || provider)``.
    """

    effects: str
    groups: tuple[str, ...]
    correlated: bool


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A column that a formula names: where it stands in the text, and in which part."""

    name: str
    start: int
    end: int
    part: FormulaPart


@dataclass(frozen=True, slots=True)
class ParsedFormula:
    """A formula cut into its parts.

    Attributes
    ----------
    text : str
        The formula as written.
    response : str or None
        Column on the left; None where there is no left side.
    fixed : str
        Right side for formulaic; "1" where only random terms or offsets are written.
    random : tuple of RandomTerm
    offsets : tuple of str
        Each "x" or "log(x)", x a column.
    columns : tuple of ColumnUse
        Every column named anywhere, in the order of the text.
    """

    text: str
    response: str | None
    fixed: str
    random: tuple[RandomTerm, ...]
    offsets: tuple[str, ...]
    columns: tuple[ColumnUse, ...]

    def names(self, *parts: FormulaPart) -> tuple[str, ...]:
        """Columns named in these parts (all parts when none is given), each once, in the order of the text."""
        wanted = (use.name for use in self.columns if not parts or use.part in parts)
        return tuple(dict.fromkeys(wanted))


def split_formula(text: str) -> ParsedFormula:
    """Cut a formula into response, fixed part, random terms and offsets.

    Parameters
    ----------
    text : str
        ``response ~ terms``, ``~ terms`` or ``terms``. Terms are formulaic's (``C(year)``, ``a:b``, ``a*b``,
        ``0 +``, ``bs(x, df=3)``, ...) with ``within(x, g)`` and ``between(x, g)``, the deviation from and the mean
        of x in each g; random terms as in lme4 (``(1 | g)``, ``(1 | g/h)``, ``(1 | g:h)``, ``(t | g)``,
        ``(t || g)``, ``(0 + x | g)``; Bates et al. 2015, J. Stat. Softw. 67(1), table 2); and ``offset(x)`` or
        ``offset(log(x))``. A column whose name is not a plain word stands in backticks.

    Returns
    -------
    ParsedFormula

    Raises
    ------
    FormulaError
        With the place of the fault marked.
    """
    tokens = _tokenize(text)
    _refuse_large_numbers(text, tokens)
    left, right = _sides(text, tokens)
    fixed: list[str] = []
    random: list[RandomTerm] = []
    offsets: list[str] = []
    columns = _response(text, left)
    response = columns[0].name if columns else None
    for sign, term in _signed_terms(text, right):
        if _is_random(text, term):
            _only_added(text, sign, term)
            random.extend(_random_terms(text, term))
            columns += _columns(text, term, "random")
        elif term[0].text == "offset":
            _only_added(text, sign, term)
            offsets.append(_offset(text, term))
            columns += _columns(text, term[2:-1], "offset")
        else:
            fixed.append(f"{sign.text if sign else '+'} {_source(text, term)}")
            columns += _columns(text, term, "fixed")
    return ParsedFormula(text, response, _join(fixed), tuple(random), tuple(offsets), tuple(columns))


def mark(text: str, start: int, end: int) -> str:
    """The text with the characters start to end between >> and <<."""
    return f"{text[:start]}>>{text[start:end]}<<{text[end:]}"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int
    depth: int


_TOKEN = re.compile(
    r"""(?P<space>\s+) | (?P<quoted>`[^`]+`) | (?P<string>'[^']*'|"[^"]*")
    | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*) | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<open>[(\[]) | (?P<close>[)\]]) | (?P<bar>\|\|?)
    | (?P<operator>%in%|\*\*|==|!=|<=|>=|[-~+*/:^=,<>])""",
    re.VERBOSE,
)
_CONSTANTS = frozenset(["True", "False", "None"])
_CLOSES = {"(": ")", "[": "]"}
_RANDOM_FORMS = "Accepted: (1 | g), (1 | g/h), (1 | g:h), (x | g), (x || g), (0 + x | g), g and h being columns."
_OFFSET_FORMS = "Accepted: offset(x) or offset(log(x)), x being a column, joined to the other terms with +."


def _refuse(text: str, start: int, end: int, sentence: str) -> NoReturn:
    raise FormulaError(f"{sentence}\n    {mark(text, start, end)}")


def _tokenize(text: str) -> list[_Token]:
    """Tokens without spaces; the depth of a bracket is that of what it encloses, less one."""
    tokens: list[_Token] = []
    opened: list[_Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            _refuse_character(text, position)
        kind = str(found.lastgroup)
        if kind == "close":
            _check_closing(text, found, opened)
            opened.pop()
        token = _Token(kind, found.group(), found.start(), found.end(), len(opened))
        if kind == "open":
            opened.append(token)
        if kind != "space":
            tokens.append(token)
        position = found.end()
    if opened:
        _refuse(text, opened[-1].start, opened[-1].end, "This bracket is never closed.")
    if not tokens:
        raise FormulaError("The formula is empty. Write for example events ~ C(year), or ~ 1 for a constant rate.")
    return tokens


def _refuse_large_numbers(text: str, tokens: Sequence[_Token]) -> None:
    """Powers of numbers and splines of a million columns would keep the machine busy for ever."""
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if before is None or after is None:
            continue
        if token.text in {"**", "^"} and before.kind != "close" and before.kind not in {"name", "quoted"}:
            _refuse(text, before.start, after.end, "A power of a number is not computed here; write the number itself.")
        if token.text in {"**", "^"} and (after.kind != "number" or float(after.text) > MOST_POWER):
            _refuse(text, token.start, after.end, f"A power is a number of at most {MOST_POWER}.")
        if (
            token.text == "="
            and before.text in {"df", "degree"}
            and after.kind == "number"
            and float(after.text) > MOST_COLUMNS
        ):
            _refuse(text, before.start, after.end, f"At most {MOST_COLUMNS} columns or degrees can be asked for.")


def _refuse_character(text: str, position: int) -> NoReturn:
    character = text[position]
    hints = {
        "`": "A column name in backticks has no closing backtick.",
        '"': "A text in quotes has no closing quote.",
        "'": "A text in quotes has no closing quote.",
        ".": "A dot is not a term here. Name the columns, one by one.",
        "{": "Braces are not accepted. Write I(x + 1) for arithmetic on a column.",
        "}": "Braces are not accepted. Write I(x + 1) for arithmetic on a column.",
    }
    fallback = "This character has no meaning in a formula. Put a column name that is not a plain word in backticks."
    _refuse(text, position, position + 1, hints.get(character, fallback))


def _check_closing(text: str, found: re.Match[str], opened: Sequence[_Token]) -> None:
    if not opened:
        _refuse(text, found.start(), found.end(), "This bracket closes nothing.")
    if _CLOSES[opened[-1].text] != found.group():
        _refuse(text, opened[-1].start, found.end(), "These two brackets do not match.")


def _sides(text: str, tokens: list[_Token]) -> tuple[list[_Token], list[_Token]]:
    tildes = [i for i, token in enumerate(tokens) if token.text == "~"]
    if not tildes:
        return [], tokens
    for i in tildes:
        if tokens[i].depth or i != tildes[0]:
            _refuse(text, tokens[i].start, tokens[i].end, "A formula has one ~, between the response and the terms.")
    left, right = tokens[: tildes[0]], tokens[tildes[0] + 1 :]
    if not right:
        where = tokens[tildes[0]]
        _refuse(text, where.start, where.end, "Nothing stands to the right of ~. Write ~ 1 for a constant rate.")
    return left, right


def _response(text: str, left: Sequence[_Token]) -> list[ColumnUse]:
    if not left:
        return []
    if len(left) > 1 or left[0].kind not in {"name", "quoted"}:
        _refuse(
            text,
            left[0].start,
            left[-1].end,
            "The left side must be one column of counts. The model takes the log itself; exposure= names the exposure.",
        )
    return _columns(text, left, "response")


def _signed_terms(text: str, tokens: Sequence[_Token]) -> Iterator[tuple[_Token | None, list[_Token]]]:
    """Terms between the plus and minus signs that stand outside all brackets, each with the sign before it."""
    sign: _Token | None = None
    term: list[_Token] = []
    for token in tokens:
        if token.depth == 0 and token.text in {"+", "-"}:
            if term:
                yield sign, term
            elif sign is not None:
                _refuse(text, sign.start, token.end, "A term is missing between these two signs.")
            sign, term = token, []
        else:
            term.append(token)
    if not term and sign is not None:
        _refuse(text, sign.start, sign.end, "A term is missing after this sign.")
    yield sign, term


def _is_random(text: str, term: Sequence[_Token]) -> bool:
    """True for a term in brackets with a bar; a bar anywhere else is refused."""
    bars = [token for token in term if token.kind == "bar"]
    if not bars:
        return False
    alone = term[0].text == "(" and term[-1].text == ")" and all(token.depth > 0 for token in term[1:-1])
    if not alone or len(bars) > 1 or bars[0].depth != 1:
        advice = "A bar belongs to one random term in brackets of its own, joined to the others with +."
        _refuse(text, bars[0].start, bars[0].end, f"{advice} {_RANDOM_FORMS}")
    return True


def _only_added(text: str, sign: _Token | None, term: Sequence[_Token]) -> None:
    if sign is not None and sign.text == "-":
        _refuse(text, sign.start, term[-1].end, "A random term or an offset can be added, not taken away.")


def _random_terms(text: str, term: Sequence[_Token]) -> list[RandomTerm]:
    bar = next(i for i, token in enumerate(term) if token.kind == "bar")
    effects, groups = term[1:bar], term[bar + 1 : -1]
    if not effects:
        _refuse(text, term[0].start, term[-1].end, f"Nothing stands before the bar. {_RANDOM_FORMS}")
    correlated = term[bar].text == "|"
    return [RandomTerm(_source(text, effects), path, correlated) for path in _group_paths(text, term, groups)]


def _group_paths(text: str, term: Sequence[_Token], groups: Sequence[_Token]) -> list[tuple[str, ...]]:
    columns, joints = groups[::2], {token.text for token in groups[1::2]}
    well_formed = len(groups) % 2 == 1 and all(token.kind in {"name", "quoted"} for token in columns)
    if not well_formed or joints not in (set(), {"/"}, {":"}):
        where = groups or term
        _refuse(text, where[0].start, where[-1].end, f"These groups cannot be read. {_RANDOM_FORMS}")
    names = tuple(token.text.strip("`") for token in columns)
    if joints == {"/"}:
        return [names[: i + 1] for i in range(len(names))]
    return [names]


def _offset(text: str, term: Sequence[_Token]) -> str:
    kinds = [token.text if token.kind in {"open", "close"} or i == 2 else token.kind for i, token in enumerate(term)]
    inner = term[2:-1]
    plain = len(inner) == 1 and inner[0].kind in {"name", "quoted"}
    logged = len(inner) == 4 and kinds[2:4] == ["log", "("] and inner[2].kind in {"name", "quoted"}
    if kinds[1:2] != ["("] or kinds[-1] != ")" or not (plain or logged):
        _refuse(text, term[0].start, term[-1].end, f"This offset cannot be read. {_OFFSET_FORMS}")
    column = inner[2 if logged else 0].text.strip("`")
    return f"log({column})" if logged else column


def _columns(text: str, tokens: Sequence[_Token], part: FormulaPart) -> list[ColumnUse]:
    """Columns among the tokens; unknown functions, misplaced offsets and dotted names are refused."""
    found = []
    for token, after in zip(tokens, [*(t.text for t in tokens[1:]), ""], strict=True):
        if token.kind == "quoted":
            found.append(ColumnUse(token.text.strip("`"), token.start, token.end, part))
        elif token.kind == "name" and _names_column(text, token, after):
            found.append(ColumnUse(token.text, token.start, token.end, part))
    return found


def _names_column(text: str, token: _Token, after: str) -> bool:
    if token.text == "offset" and after == "(":
        _refuse(text, token.start, token.end, f"An offset cannot stand inside another term. {_OFFSET_FORMS}")
    if after == "(":
        if token.text not in FUNCTIONS:
            _refuse(text, token.start, token.end, _unknown_function(token.text))
        return False
    if token.depth > 0 and (token.text in FUNCTIONS and "." in token.text):
        return False
    if "." in token.text:
        _refuse(text, token.start, token.end, "A column name with a dot stands in backticks.")
    return token.text not in _CONSTANTS and not (token.depth > 0 and after == "=")


def _unknown_function(name: str) -> str:
    known = sorted(FUNCTIONS)
    return f"There is no function {name} for formulas.{did_you_mean(name, known)} Accepted: {', '.join(known)}."


def _source(text: str, tokens: Sequence[_Token]) -> str:
    return " ".join(text[tokens[0].start : tokens[-1].end].split())


def _join(signed: Sequence[str]) -> str:
    return " ".join(signed).removeprefix("+ ") if signed else "1"

import pytest

from dwangstats.design.formula import RandomTerm, mark, split_formula
from dwangstats.errors import FormulaError


@pytest.mark.parametrize(
    ("text", "response", "fixed"),
    [
        ("events ~ C(year) + setting", "events", "C(year) + setting"),
        ("C(year)", None, "C(year)"),
        ("~ 0 + x", None, "0 + x"),
        ("y ~ -1 + x", "y", "- 1 + x"),
        ("y~a*b - a:b", "y", "a*b - a:b"),
        ("`my counts` ~ `a+b` + x", "my counts", "`a+b` + x"),
        ("y ~ (a + b)^2 + bs(x, df=3)", "y", "(a + b)^2 + bs(x, df=3)"),
        ("y ~ Sex / (Age + Eth * Lrn)", "y", "Sex / (Age + Eth * Lrn)"),
        ('y ~ C(year, contr.treatment(base=2021)) + C(s, levels=["a ~ b", "(1|c)"])', "y", None),
        ("y ~ a\n  +   b", "y", "a + b"),
    ],
)
def test_sides(text: str, response: str | None, fixed: str | None) -> None:
    parsed = split_formula(text)
    assert parsed.response == response
    assert parsed.fixed == (text.split(" ~ ", 1)[1] if fixed is None else fixed)
    assert parsed.random == ()
    assert parsed.offsets == ()


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("(1 | provider)", [("1", ("provider",), True)]),
        ("(1 | provider/location)", [("1", ("provider",), True), ("1", ("provider", "location"), True)]),
        ("(1 | provider:location)", [("1", ("provider", "location"), True)]),
        ("(time | provider)", [("time", ("provider",), True)]),
        ("(time||provider)", [("time", ("provider",), False)]),
        ("(0 + x | g)", [("0 + x", ("g",), True)]),
        ("(bs(x, df=3) | `a group`)", [("bs(x, df=3)", ("a group",), True)]),
        ("(1 | provider) + (1 | period)", [("1", ("provider",), True), ("1", ("period",), True)]),
        ("(1 | a/b/c)", [("1", ("a",), True), ("1", ("a", "b"), True), ("1", ("a", "b", "c"), True)]),
    ],
)
def test_random_terms(text: str, terms: list[tuple[str, tuple[str, ...], bool]]) -> None:
    parsed = split_formula(f"y ~ z + {text}")
    assert parsed.random == tuple(RandomTerm(*term) for term in terms)
    assert parsed.fixed == "z"


def test_only_random_terms_leave_a_constant() -> None:
    assert split_formula("y ~ (1 | g)").fixed == "1"


@pytest.mark.parametrize(
    ("term", "offset"),
    [("offset(x)", "x"), ("offset( log( x ) )", "log(x)"), ("offset(log(`bed days`))", "log(bed days)")],
)
def test_offsets(term: str, offset: str) -> None:
    parsed = split_formula(f"y ~ {term} + z")
    assert parsed.offsets == (offset,)
    assert parsed.fixed == "z"


def test_columns_by_part() -> None:
    parsed = split_formula("y ~ C(a) + log(b):a + (t | g/h) + offset(log(e)) + C(d, contr.sum, levels=[1, True])")
    assert parsed.names("response") == ("y",)
    assert parsed.names("fixed") == ("a", "b", "d")
    assert parsed.names("random") == ("t", "g", "h")
    assert parsed.names("offset") == ("e",)
    assert parsed.names() == ("y", "a", "b", "t", "g", "h", "e", "d")
    for use in parsed.columns:
        assert parsed.text[use.start : use.end] == use.name


@pytest.mark.parametrize(
    ("text", "marked", "words"),
    [
        ("y ~", "y >>~<<", "~ 1"),
        ("y ~ x ~ z", "y ~ x >>~<< z", "one ~"),
        ("log(y) ~ x", ">>log(y)<< ~ x", "one column"),
        ("y ~ x +", "y ~ x >>+<<", "missing"),
        ("y ~ x + - z", "y ~ x >>+ -<< z", "missing"),
        ("y ~ C(x", "y ~ C>>(<<x", "never closed"),
        ("y ~ x)", "y ~ x>>)<<", "closes nothing"),
        ("y ~ C(x]", "y ~ C>>(x]<<", "do not match"),
        ("y ~ `x", "y ~ >>`<<x", "backtick"),
        ("y ~ 'x", "y ~ >>'<<x", "quote"),
        ("y ~ .", "y ~ >>.<<", "Name the columns"),
        ("y ~ {x + 1}", "y ~ >>{<<x + 1}", "I(x + 1)"),
        ("y ~ x + €", "y ~ x + >>€<<", "backticks"),
        ("y ~ a.b", "y ~ >>a.b<<", "backticks"),
        ("y ~ 1 | g", "y ~ 1 >>|<< g", "(1 | g/h)"),
        ("y ~ x * (1 | g)", "y ~ x * (1 >>|<< g)", "brackets of its own"),
        ("y ~ (x + (1 | g))", "y ~ (x + (1 >>|<< g))", "brackets of its own"),
        ("y ~ (1 | g | h)", "y ~ (1 >>|<< g | h)", "brackets of its own"),
        ("y ~ x - (1 | g)", "y ~ x >>- (1 | g)<<", "added"),
        ("y ~ ( | g)", "y ~ >>( | g)<<", "before the bar"),
        ("y ~ (1 | )", "y ~ >>(1 | )<<", "cannot be read"),
        ("y ~ (1 | C(g))", "y ~ (1 | >>C(g)<<)", "cannot be read"),
        ("y ~ (1 | g/h:k)", "y ~ (1 | >>g/h:k<<)", "cannot be read"),
        ("y ~ offset(2 * x)", "y ~ >>offset(2 * x)<<", "offset(log(x))"),
        ("y ~ offset()", "y ~ >>offset()<<", "offset(log(x))"),
        ("y ~ offset", "y ~ >>offset<<", "offset(log(x))"),
        ("y ~ offset(x) * z", "y ~ >>offset(x) * z<<", "offset(log(x))"),
        ("y ~ z:offset(x)", "y ~ z:>>offset<<(x)", "offset(log(x))"),
        ("y ~ x - offset(z)", "y ~ x >>- offset(z)<<", "added"),
        ("y ~ Log(x)", "y ~ >>Log<<(x)", "Did you mean 'log'?"),
        ("y ~ x + __import__('os')", "y ~ x + >>__import__<<('os')", "no function"),
        ("y ~ np.load(x)", "y ~ >>np.load<<(x)", "no function"),
    ],
)
def test_refusals_point_at_the_place(text: str, marked: str, words: str) -> None:
    with pytest.raises(FormulaError) as caught:
        split_formula(text)
    assert marked in str(caught.value)
    assert words in str(caught.value)


def test_empty_formula_shows_what_to_write() -> None:
    with pytest.raises(FormulaError, match="empty"):
        split_formula("   ")


def test_mark() -> None:
    assert mark("abc", 1, 2) == "a>>b<<c"


@pytest.mark.parametrize(
    "formula",
    ["C(year) + I(9**9**9**9)", "I(10**10)", "I((2)**9**9**9)", "bs(x, df=1000000)", "poly(x, degree=99)", "I(x**99)"],
)
def test_arithmetic_that_never_ends_is_refused(formula: str) -> None:
    with pytest.raises(FormulaError, match=r">>"):
        split_formula(formula)


@pytest.mark.parametrize("formula", ["I(x**2)", "(a + b)**2", "bs(x, df=5)", "I(time - 2016)"])
def test_ordinary_powers_and_splines_are_read(formula: str) -> None:
    assert split_formula(formula).random == ()

"""The analysis file: complete with defaults, and every wrong key or value named, all at once."""

import json

import pytest

from dwangstats.data.config import load_config
from dwangstats.errors import ConfigError

FULL = """
title = "Gedwongen zorg"
language = "en"
[tables]
folder = "tables"
panel = "../x.csv"
[read]
delimiter = ";"
decimal = ","
[columns.panel]
provider = "institution"
period = { year = "jaar", month = "maand" }
source_period = "bron"
[panel]
law = "WVGGZ"
forms = ["seclusion", "medication"]
definition = "D3"
by = "quarter"
unit = "inmate-days"
covariates = ["source_period"]
planned = false
blank_events = "not delivered"
[model]
formula = "~ C(year) + setting"
family = "nb2"
cluster = "provider"
covariance = "CR1"
level = 0.9
[compare]
variable = "year"
before = 2021
after = 2023
[selection]
rule = "delivered"
[bounds]
completeness_before = [0.7, 1]
monotone = true
"""


def write(tmp_path, text):
    file = tmp_path / "dwangstats.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    return str(caught.value)


def test_every_setting_arrives(tmp_path):
    config = load_config(write(tmp_path, FULL))
    assert (config.title, config.language, config.file) == ("Gedwongen zorg", "en", "dwangstats.toml")
    assert config.tables.folder == tmp_path / "tables"
    assert config.tables.files == {"panel": tmp_path / "../x.csv"}
    assert (config.read.delimiter, config.read.decimal) == (";", ",")
    assert config.columns["panel"].names == {"provider": "institution", "source_period": "bron"}
    assert config.columns["panel"].period_parts == {"year": "jaar", "month": "maand"}
    assert config.panel.forms == ("seclusion", "medication")
    assert config.panel.planned is False
    assert config.panel.blank_events == "not delivered"
    assert config.model.formula == "C(year) + setting"
    assert (config.model.family, config.model.covariance, config.model.level) == ("nb2", "CR1", 0.9)
    assert (config.compare.before, config.compare.after) == (2021, 2023)
    assert config.selection.rule == "delivered"
    assert (config.bounds.completeness_before, config.bounds.monotone) == ((0.7, 1.0), True)


def test_an_empty_file_has_the_defaults_and_assumes_no_completeness(tmp_path):
    config = load_config(write(tmp_path, ""))
    assert config.title == "dwangstats"
    assert config.language == "nl"
    assert config.tables.folder == tmp_path
    assert (config.panel.by, config.panel.definition, config.panel.planned) == ("half-year", "D2", None)
    assert (config.model.family, config.model.covariance, config.model.level) == ("poisson", "CR2", 0.95)
    assert config.compare is None
    assert config.bounds is None


def test_what_is_echoed_is_plain_complete_and_names_no_folder_of_the_machine(tmp_path):
    text = FULL.replace('panel = "../x.csv"', f'panel = "{tmp_path.as_posix()}/secret/x.csv"')
    echoed = load_config(write(tmp_path, text)).resolved
    assert echoed["tables"] == {"folder": "tables", "panel": "x.csv"}
    assert echoed["model"]["cluster"] == "provider"
    assert echoed["columns"]["panel"]["period"] == {"year": "jaar", "month": "maand"}
    assert tmp_path.as_posix() not in json.dumps(echoed)
    assert load_config(write(tmp_path, "")).resolved["compare"] is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('langauge = "nl"', "'langauge' is not known. Did you mean 'language'?"),
        ('[modle]\nfamily = "nb2"', "'modle' is not known. Did you mean 'model'?"),
        ('[model]\nfamily = "nb3"', "'family' in [model] is 'nb3'; it must be one of 'poisson', 'nb2', 'nb1'."),
        ('[model]\nlevel = "0.95"', "'level' in [model] must be a number, not a text"),
        ("[model]\nlevel = 95", "'level' in [model] is 95; it must lie between 0 and 1"),
        ('[model]\nformula = "events ~ C(year)"', "is the right-hand side only"),
        ('[panel]\nforms = ["seclusoin"]', "Did you mean 'seclusion'?"),
        ('[panel]\nforms = "seclusion"', "'forms' in [panel] must be a list of texts, not a text"),
        ('[panel]\nforms = ["other", "other"]', "names something twice"),
        ('[panel]\nplanned = "no"', "'planned' in [panel] must be true or false, not a text"),
        ('[panel]\nlaw = "wvggz"', "Did you mean 'WVGGZ'?"),
        ("[panel]\nlaw = true", "'law' in [panel] must be a text in quotes, not true or false"),
        ('[tables]\npannel = "x.csv"', "'pannel' in [tables] is not known. Did you mean 'panel'?"),
        ("[tables]", "name a folder, or at least one table"),
        ('[columns.panel]\nevent = "x"', "'event' in [columns.panel] is not known. Did you mean 'events'?"),
        ('[columns.panel]\nperiod = { month = "m" }', "'year' in [columns.panel.period] is missing"),
        (
            '[columns.panel]\nperiod = { year = "y", month = "m", half = "h" }',
            "goes with one of half, quarter and month",
        ),
        ('[columns.locations]\nperiod = { year = "y" }', "'period' in [columns.locations] is not known"),
        ('[compare]\nvariable = "year"\nbefore = 2021', "'after' in [compare] is missing"),
        ('[compare]\nvariable = "year"\nbefore = 2021\nafter = 2021', "equals before"),
        ('[compare]\nvariable = "year"\nbefore = 2022\nafter = 2021', "'after' in [compare] lies before 'before'"),
        ('[compare]\nvariable = "period"\nbefore = "2021-H2"\nafter = "2021-H1"', "write the earlier period as before"),
        ('[compare]\nvariable = "year"\nbefore = 2021\nafter = "2023"', "two numbers or two texts"),
        ("[bounds]\ncompleteness_before = [0, 1]", "needs 0 < low <= high <= 1"),
        ("[bounds]\ncompleteness_before = 0.7", "must be a list of two numbers, not a number"),
        ("[bounds]\nmonotone = true", "'completeness_before' in [bounds] is missing"),
        ('[read]\ndelimiter = ","\ndecimal = ","', "'decimal' in [read] is also the delimiter"),
        ("model = 3", "[model] must be a section with keys, not a number"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_to_do(tmp_path, text, words):
    assert words in refusal(tmp_path, text)


def test_all_problems_come_together(tmp_path):
    message = refusal(tmp_path, 'titel = "x"\n[model]\nfamily = "nb3"\nlevel = 2\n[selection]\nrules = "complete"')
    assert message.count("\n- ") == 4
    for word in ("'titel'", "'nb3'", "'level'", "'rules'"):
        assert word in message


def test_a_syntax_error_names_the_line(tmp_path):
    assert "line 3" in refusal(tmp_path, 'title = "x"\n[panel]\nlaw = WVGGZ\n')


def test_a_missing_file_and_another_encoding_are_said_plainly(tmp_path):
    with pytest.raises(ConfigError, match="there is no analysis file"):
        load_config(tmp_path / "nowhere.toml")
    file = tmp_path / "latin.toml"
    file.write_bytes('# a\ntitle = "caf\u00e9"\n'.encode("latin-1"))
    with pytest.raises(ConfigError, match="line 2 is not UTF-8"):
        load_config(file)

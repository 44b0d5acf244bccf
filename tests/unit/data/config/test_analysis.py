"""The analysis file: complete with defaults, and every wrong key or value named, all at once."""

import json

import pytest

from dwangstats.data.config.analysis import EvidenceConfig, load_config
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


EVIDENCE = """
[tables]
folder = "tables"
audits = "a.csv"
[evidence]
audit = true
icc = 0.05
second_source = true
odds_ratio = 1.5
control = true
trend_sd = 0.02
completeness_prior = [0.6, 0.95]
rate = "~ C(year) + (1 | provider)"
registration = "C(year)"
rho = -0.3
draws = 500
seed = 7
"""


def test_every_kind_of_evidence_arrives(tmp_path):
    (tmp_path / "tables").mkdir()
    for name in ("second_source.csv", "controls.parquet"):
        (tmp_path / "tables" / name).touch()
    config = load_config(write(tmp_path, EVIDENCE))
    assert config.evidence == EvidenceConfig(
        audit=True,
        icc=0.05,
        second_source=True,
        odds_ratio=1.5,
        control=True,
        trend_sd=0.02,
        prior=(0.6, 0.95),
        rate="C(year) + (1 | provider)",
        registration="C(year)",
        rho=-0.3,
        draws=500,
        seed=7,
    )
    echoed = config.resolved["evidence"]
    assert echoed["prior"] == [0.6, 0.95]
    assert json.loads(json.dumps(echoed)) == echoed


def test_without_the_section_there_is_no_evidence(tmp_path):
    config = load_config(write(tmp_path, '[tables]\naudits = "a.csv"'))
    assert config.evidence is None
    assert config.resolved["evidence"] is None


def test_a_prior_is_evidence_without_a_table_and_the_rest_has_defaults(tmp_path):
    config = load_config(write(tmp_path, "[evidence]\ncompleteness_prior = [0.6, 0.95]"))
    assert config.evidence == EvidenceConfig(prior=(0.6, 0.95))


@pytest.mark.parametrize("key", ["audit", "second_source", "control"])
def test_evidence_without_its_table_is_refused(tmp_path, key):
    table = {"audit": "audits", "second_source": "second_source", "control": "controls"}[key]
    words = f"'{key}' in [evidence] is true, but there is no table {table}; add {table} = \"{table}.csv\" to [tables]."
    assert words in refusal(tmp_path, f"[evidence]\n{key} = true")
    (tmp_path / f"{table}.csv").touch()
    assert getattr(load_config(write(tmp_path, f"[evidence]\n{key} = true")).evidence, key) is True
    single = f'[tables]\npanel = "x.csv"\n[evidence]\n{key} = true'
    assert words in refusal(tmp_path, single)


PRIOR = "[evidence]\ncompleteness_prior = [0.6, 0.9]\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[evidence]", "[evidence] names no evidence: say audit = true"),
        ("[evidence]\naudit = false", "[evidence] names no evidence"),
        (PRIOR + "audits = true", "'audits' in [evidence] is not known. Did you mean 'audit'?"),
        (PRIOR + 'prior = "x"', "'prior' in [evidence] is not known."),
        ('[evidence]\naudit = "audits.csv"', "'audit' in [evidence] must be true or false, not a text."),
        (PRIOR + "icc = 0.1", "'icc' in [evidence] belongs to audit; write audit = true, or leave it out."),
        (PRIOR + "odds_ratio = 2", "'odds_ratio' in [evidence] belongs to second_source"),
        (PRIOR + "trend_sd = 0.1", "'trend_sd' in [evidence] belongs to control"),
        ("[evidence]\naudit = true\nicc = 1.0", "'icc' in [evidence] is 1; it must be at least 0 and below 1"),
        ("[evidence]\naudit = true\nicc = nan", "'icc' in [evidence] is nan"),
        ("[evidence]\nsecond_source = true\nodds_ratio = 0", "'odds_ratio' in [evidence] is 0; it must be a positive"),
        ("[evidence]\nsecond_source = true\nodds_ratio = inf", "'odds_ratio' in [evidence] is inf"),
        (
            "[evidence]\ncontrol = true\ntrend_sd = -1",
            "'trend_sd' in [evidence] is -1; it must be a number of",
        ),
        ("[evidence]\ncompleteness_prior = 0.8", "must be a list of two numbers, not a number"),
        ("[evidence]\ncompleteness_prior = [0.9, 0.6]", "is [0.9, 0.6]; it needs 0 < low < high < 1"),
        ("[evidence]\ncompleteness_prior = [0.5, 1.0]", "is [0.5, 1]; it needs 0 < low < high < 1"),
        (PRIOR + "rho = 1", "'rho' in [evidence] is 1; it must lie between -1 and 1"),
        (PRIOR + "draws = 0", "'draws' in [evidence] is 0; it must be a whole number from 1 to 1000000"),
        (PRIOR + "draws = 10.5", "'draws' in [evidence] must be a whole number without decimals, not a number"),
        (PRIOR + "seed = -1", "'seed' in [evidence] is -1; it must be a whole number of at least 0"),
        (PRIOR + 'rate = "events ~ 1"', "'rate' in [evidence] is the right-hand side only"),
        (PRIOR + 'registration = " ~ "', "'registration' in [evidence] is empty"),
        ("evidence = true", "[evidence] must be a section with keys, not true or false."),
    ],
)
def test_wrong_evidence_is_named_with_what_to_do(tmp_path, text, words):
    assert words in refusal(tmp_path, text)


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
        ('[tables]\nexposure = "a\\u0000.csv"', "'exposure' in [tables] holds the character NUL"),
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
    with pytest.raises(ConfigError, match="holds the character NUL"):
        load_config("a\0.toml")
    file = tmp_path / "latin.toml"
    file.write_bytes('# a\ntitle = "caf\u00e9"\n'.encode("latin-1"))
    with pytest.raises(ConfigError, match="line 2 is not UTF-8"):
        load_config(file)

"""The section [patterns] of the analysis file."""

import json
from pathlib import Path

import pytest

from dwangstats.data.config.analysis import AnalysisConfig, load_config
from dwangstats.data.config.patterns import PatternsConfig
from dwangstats.errors import ConfigError


def load(folder: Path, text: str) -> AnalysisConfig:
    file = folder / "dwangstats.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return str(caught.value)


def test_without_the_section_nothing_is_asked_and_the_resolved_file_is_as_before(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    assert config.patterns is None
    assert "patterns" not in config.resolved


def test_an_empty_section_asks_with_the_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, "[patterns]\n")
    assert config.patterns == PatternsConfig(nothing=0.0, level=0.05, prior_silent=None, family="nb2")
    assert config.resolved["patterns"] == {"nothing": 0.0, "level": 0.05, "prior_silent": None, "family": "nb2"}


def test_every_setting_arrives(tmp_path: Path) -> None:
    text = '[patterns]\nnothing = 0.25\nlevel = 0.1\nprior_silent = 0.08\nfamily = "poisson"\n'
    config = load(tmp_path, text)
    assert config.patterns == PatternsConfig(0.25, 0.1, 0.08, "poisson")
    assert json.loads(json.dumps(config.resolved))["patterns"]["prior_silent"] == 0.08


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nothing = 1", "'nothing' in [patterns] is 1; it is the share of periods"),
        ("nothing = -0.1", "'nothing' in [patterns] is -0.1"),
        ("nothing = nan", "'nothing' in [patterns] is nan"),
        ('nothing = "none"', "'nothing' in [patterns] must be a number, not a text"),
        ("level = 0", "'level' in [patterns] is 0; it must lie between 0 and 1, as 0.05"),
        ("prior_silent = 0", "'prior_silent' in [patterns] is 0; it must lie between 0 and 1, or be left out"),
        ("prior_silent = 1.5", "'prior_silent' in [patterns] is 1.5"),
        ('family = "nb1"', "'family' in [patterns] is 'nb1'; it must be one of 'poisson', 'nb2'"),
        ("prior_silence = 0.1", "'prior_silence' in [patterns] is not known. Did you mean 'prior_silent'?"),
        ("enabled = true", "'enabled' in [patterns] is not known."),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, says: str) -> None:
    assert says in refusal(tmp_path, f"[patterns]\n{text}\n")


def test_a_value_is_no_section(tmp_path: Path) -> None:
    assert "[patterns] must be a section with keys" in refusal(tmp_path, "patterns = true\n")

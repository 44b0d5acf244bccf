"""Sentences and advice in two languages."""

from typing import get_args

import pytest

from dwangstats._types import Language
from dwangstats.registration.advice import advice_sentences
from dwangstats.registration.ledger import Verdict
from dwangstats.registration.words import share_words, verdict_sentence

LANGUAGES = get_args(Language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("verdict", get_args(Verdict))
@pytest.mark.parametrize("target", ["level", "change"])
def test_every_verdict_has_a_sentence(language: Language, verdict: Verdict, target: str) -> None:
    sentence = verdict_sentence(target, verdict, "x 60%", language, by_formula=False, fitted=True)
    assert sentence.endswith(".")
    assert "{" not in sentence


def test_shares_are_named_largest_first() -> None:
    text = share_words({"functional form": 0.004, "audit": 0.3, "prior": 0.696}, "en")
    assert text == "the prior 70%, the audit 30%"


@pytest.mark.parametrize("language", LANGUAGES)
def test_advice_names_evidence_and_how_much(language: Language) -> None:
    text = " ".join(advice_sentences(("level", "change"), None, language))
    # Planner's formula at 75%: (1 - p) / (p se^2) = 133.3 and 33.3, rounded up.
    assert "134" in text
    assert "34" in text
    assert "75%" in text
    assert "audit" in text


def test_advice_uses_what_is_known_of_completeness() -> None:
    assert "267" in " ".join(advice_sentences(("change",), 0.6, "en"))
    assert advice_sentences((), 0.6, "en") == ()

from __future__ import annotations

import pytest

from d2t.language.delex import features, starts_with_article, starts_with_vowel_sound
from d2t.language.symbols import CONSONANT, NUMBER, SUPERLATIVE, THE, VOWEL, WORD

AN = [
    "Aromi", "Italian", "expensive", "Ethiopian", "All Bar One", "Élan", "open", "umbrella",
    "uncle", "unimportant", "uninspired", "hour", "honest", "heirloom", "honorary", "8",
    "8 out of 10", "80s", "11", "18", "18th-century", "11,000", "800 seat", "FPS", "RPG",
    "M (for Mature)", "E (for Everyone)", "MMORPG", "'Italian'", "urban", "Irish", "ugly",
    "under £20", "1800s", "orange", "only", "onion", "unidentified", "Xbox", "x-ray", "e-sports",
]  # fmt: skip
A = [
    "Chinese", "pub", "university", "unique", "unit", "European", "eucalyptus", "one-star",
    "one", "once-great", "5 out of 5", "£20-25", "12", "1", "110", "180", "high", "family",
    "hotel", "heritage", "herb", "usual", "useful", "utopian", "user-friendly", "UK",
    "The Eagle", "100", "Xavier", "PlayStation", "T (for Teen)", "yoga", "UNESCO", "ukulele",
    "2015", "euro",
]  # fmt: skip


@pytest.mark.parametrize("value", AN)
def test_an(value):
    assert starts_with_vowel_sound(value)


@pytest.mark.parametrize("value", A)
def test_a(value):
    assert not starts_with_vowel_sound(value)


@pytest.mark.parametrize("value", ["", "£", "...", "‏", "\U0001f600"])
def test_values_without_words_take_a(value):
    assert not starts_with_vowel_sound(value)


def test_currency_is_read_after_the_number():
    assert starts_with_vowel_sound("£8") is True  # an £8 lunch
    assert starts_with_vowel_sound("£20-25") is False


def test_article():
    assert starts_with_article("The Rice Boat")
    assert starts_with_article("the Mill")
    assert not starts_with_article("Theatre Royal")
    assert not starts_with_article("The")


def test_features():
    assert features("The Eagle") == (CONSONANT, THE, WORD)
    assert features("8 out of 10") == (VOWEL, NUMBER)


@pytest.mark.parametrize("value", ["most recent", "best", "worst", "dullest", "least boring"])
def test_superlatives_are_marked(value):
    assert SUPERLATIVE in features(value)


@pytest.mark.parametrize("value", ["fun", "Forest", "bestial", "almost new", "west", "Most Wanted"])
def test_other_values_are_not(value):
    assert SUPERLATIVE not in features(value)

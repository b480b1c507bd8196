"""What grammar needs to know of a hidden value: its initial sound, its article, its digits."""

from __future__ import annotations

import re
import unicodedata

from d2t.language.symbols import CONSONANT, NUMBER, SUPERLATIVE, THE, VOWEL, WORD

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SILENT_H = re.compile(r"hour|honest|honou?r|heir", re.IGNORECASE)
_EX = re.compile(r"x(?![aeiouy])", re.IGNORECASE)
_YOO_OR_WUN = re.compile(
    r"uni(?!n|m|den|ll)|unanim|ub[ei]|u[krst][aeiou]|usu|utopi|eu|ewe|one(?![a-z])|once(?![a-z])|oui",
    re.IGNORECASE,
)
_VOWEL_NAMED_LETTERS = frozenset("AEFHILMNORSX")
_SUPERLATIVE = re.compile(r"(?:most|least|worst|best|first|last)(?![a-z])|[a-z]{2,}est\Z")
_ARTICLE = re.compile(r"the\s", re.IGNORECASE)


def starts_with_vowel_sound(value: str) -> bool:
    """Whether "an" goes before ``value`` when it is read aloud.

    Reads the first word: numbers by their names (8, 11, 18, 80-89, 8xx ...), initialisms by the
    names of their letters (``FPS``), the silent h of "hour" and "honest", and the glide of
    "university", "euro", "one". Signs before the word (£, quotes) are passed over, since £20 is
    read "twenty pounds".
    """
    match = _WORD.search(value)
    if match is None:
        return False
    word = match.group()
    if word[0].isdigit():
        return _number_is_vowel(re.match(r"\d+", value[match.start() :].replace(",", "")))
    if _is_initialism(word):
        return word[0].upper() in _VOWEL_NAMED_LETTERS
    if _SILENT_H.match(word) or _EX.match(word):
        return True
    if _YOO_OR_WUN.match(word):
        return False
    return _unaccented(word[0]).lower() in "aeiou"


def starts_with_article(value: str) -> bool:
    """Whether the value brings its own "The": ``The Rice Boat``."""
    return _ARTICLE.match(value) is not None


def features(value: str) -> tuple[str, ...]:
    """The feature symbols that stand after a placeholder in the source.

    After ViGGO's SPECIFIER_V/C and _S/R of rule O1.3, here for every hidden value. Superlatives are
    told by their lower case from names such as "Forest".
    """
    sound = VOWEL if starts_with_vowel_sound(value) else CONSONANT
    article = (THE,) if starts_with_article(value) else ()
    superlative = (SUPERLATIVE,) if _SUPERLATIVE.match(value) else ()
    return (sound, *article, *superlative, NUMBER if any(c.isdigit() for c in value) else WORD)


def _number_is_vowel(match: re.Match[str] | None) -> bool:
    """Eight, eighty, eight hundred; eleven and eighteen, also thousands; years read in pairs."""
    digits = match.group() if match else ""
    if digits.startswith("8"):
        return True
    lead = digits[: (len(digits) - 1) % 3 + 1]  # the part read first: 11 of 11,000
    year_pair = digits[:2] if len(digits) == 4 else lead
    return lead in ("11", "18") or year_pair in ("11", "18")


def _is_initialism(word: str) -> bool:
    """Read letter by letter: one letter, or capitals without a vowel (FPS), MMORPG, UK."""
    if not (word.isascii() and word.isalpha()):
        return False
    if len(word) == 1:
        return True
    odd = word[0] == word[1] or word[0] == "U" or not set(word) & set("AEIOUY")
    return odd and word.isupper()


def _unaccented(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]

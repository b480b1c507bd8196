r"""Hide slot values of a reference behind placeholders, and put values into a template.

A template is the text itself with ``<val:...>`` where the mentions were; nothing around them
changes, so possessives, hyphens and punctuation stay. Text that happens to look like a placeholder
is escaped (``<\val:...>``) and comes back as it was; inserted values are never scanned again.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from d2t.language.symbols import (
    CONSONANT,
    MAX_VALUES,
    NUMBER,
    PLACEHOLDER,
    SUPERLATIVE,
    THE,
    VOWEL,
    WORD,
    placeholder,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Slot
    from d2t.slots.types import Alignment, Span


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
    return unicodedata.normalize("NFD", word[0])[0].lower() in "aeiou"  # without its accent


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


class Bindings(dict[str, str]):
    """Placeholder symbol -> value, and which of the symbols belong to open slots.

    Values of open slots are names: they are written letter for letter, and every mention of them
    in a training text is hidden, however it is spelled there.
    """

    def __init__(
        self, values: Mapping[str, str] | None = None, *, open_symbols: frozenset[str] = frozenset()
    ):
        super().__init__(values or {})
        self.open_symbols = open_symbols


def symbol_of(slot: Slot, bindings: Mapping[str, str]) -> str | None:
    """The placeholder that stands for ``slot``, or None when its value is not hidden."""
    for k in range(1, MAX_VALUES + 1):
        symbol = placeholder(slot.name, k)
        if bindings.get(symbol) == slot.value:
            return symbol
    return None


def is_literal(symbol: str, bindings: Mapping[str, str]) -> bool:
    """Whether the value must keep its letters even at the start of a sentence.

    Only ``Bindings`` knows the kinds of its slots; in a plain mapping every value is taken as a
    name.
    """
    return symbol in bindings.open_symbols if isinstance(bindings, Bindings) else True


_RAW = re.compile(r"<(?=\\*val:)")
_ESCAPED = re.compile(r"<\\(?=\\*val:)")
_LEADING_THE = re.compile(r"\Athe\s+", re.IGNORECASE)
_TRAILING_THE = re.compile(r"(?<![\w'’-])the\s+\Z", re.IGNORECASE)
_TRAILING_A = re.compile(r"(?<![\w'’.-])(an?)(\s+)\Z", re.IGNORECASE)
_POSSESSIVE = re.compile(r"(?:['’]s|(?<=s)['’])\Z", re.IGNORECASE)
_SENTENCE_START = re.compile(r"""(?:\A|[.!?]["'”’)]*\s)[\s"'“‘(]*\Z""")


def delexicalize(alignment: Alignment, bindings: Mapping[str, str]) -> str:
    """The target template: mentions of bound values become their placeholders.

    A value must be said verbatim, letters' case aside. A mention of an open slot (known from
    ``Bindings.open_symbols``) is hidden however it is spelled, so that a model never learns names.
    """
    text, parts, position = alignment.text, [], 0
    for span in alignment.spans:
        symbol = symbol_of(span.slot, bindings)
        if symbol is None or span.start < position:
            continue
        is_name = isinstance(bindings, Bindings) and symbol in bindings.open_symbols
        place = _find_value(text, span) or (_whole_mention(text, span) if is_name else None)
        if place is None:
            continue
        start, end = max(place[0], position), place[1]
        parts += [escape(text[position:start]), symbol]
        position = end
    return "".join([*parts, escape(text[position:])])


def relexicalize(template: str, bindings: Mapping[str, str]) -> str:
    """The text: every bound placeholder replaced by its value, in one pass.

    "a" or "an" before a placeholder follows the value's initial sound, "the" before a value with
    an article of its own goes, a value that starts a sentence gets a capital unless it belongs to
    an open slot, one that ends in a full stop needs no other. A placeholder without a binding stays
    visible; see ``unbound``.
    """
    parts: list[str] = []
    position = 0
    for match in PLACEHOLDER.finditer(template):
        value = bindings.get(match.group())
        if value is None:
            continue
        before = template[position : match.start()]
        follows_value = position > 0
        if not is_literal(match.group(), bindings) and _starts_sentence(before, follows_value):
            value = _capitalized(value)
        parts += [_behind(parts, unescape(_agree(before, value, follows_value))), value]
        position = match.end()
    return "".join([*parts, _behind(parts, unescape(template[position:]))])


def unbound(template: str, bindings: Mapping[str, str]) -> tuple[str, ...]:
    """Placeholders that stand for nothing: a text with one of them is never faithful."""
    return tuple(symbol for symbol in PLACEHOLDER.findall(template) if symbol not in bindings)


def maskable(alignment: Alignment, mr: MeaningRepresentation, domain: Domain) -> tuple[Slot, ...]:
    """The closed slots of ``mr`` that could be placeholders in this reference, sorted.

    Such a slot is mentioned, and each of its mentions says the value verbatim. Values of boolean
    slots ("yes") and empty ones never qualify; open slots need no mask.
    """
    verbatim: dict[Slot, bool] = {}
    for span in alignment.spans:
        literal = _find_value(alignment.text, span) is not None
        verbatim[span.slot] = literal and verbatim.get(span.slot, True)
    return tuple(
        slot
        for slot in sorted(set(mr.slots))
        if verbatim.get(slot, False) and domain.slot(slot.name).kind not in ("open", "boolean")
    )


def escape(text: str) -> str:
    """Make text that looks like a placeholder into text that does not."""
    return _RAW.sub(r"<\\", text)


def unescape(text: str) -> str:
    """Undo ``escape``."""
    return _ESCAPED.sub("<", text)


def _find_value(text: str, span: Span) -> tuple[int, int] | None:
    """Where the value stands verbatim, case aside: the whole span, or the one place inside it.

    A "the" before the span belongs to a value that begins with "The", whether or not the span
    repeats it: a template must not say "the" before such a placeholder.
    """
    value, said = span.slot.value, text[span.start : span.end]
    if not value:
        return None
    whole = said.casefold() == value.casefold()
    if whole or said.casefold() == _LEADING_THE.sub("", value, count=1).casefold():
        article = _article_before(text, span.start) if starts_with_article(value) else None
        if article is not None:
            return article, span.end
    if whole:
        return span.start, span.end
    pattern = rf"(?<!\w){re.escape(value)}(?!\w)"
    inside = list(re.finditer(pattern, said, re.IGNORECASE))
    if len(inside) != 1:
        return None
    return span.start + inside[0].start(), span.start + inside[0].end()


def _whole_mention(text: str, span: Span) -> tuple[int, int]:
    """A misspelled name: the span without a possessive ending, with the value's article."""
    start, end = span.start, span.end
    ending = _POSSESSIVE.search(text, start, end)
    if ending and ending.start() > start and not _POSSESSIVE.search(span.slot.value):
        end = ending.start()
    if starts_with_article(span.slot.value):
        article = _article_before(text, start)
        start = start if article is None else article
    return start, end


def _agree(before: str, value: str, follows_value: bool) -> str:
    """``before`` with its last word, if an article, made to fit ``value``."""
    if starts_with_article(value) and (the := _TRAILING_THE.search(before)):
        return before if follows_value and the.start() == 0 else before[: the.start()]
    match = _TRAILING_A.search(before)
    if match is None or (follows_value and match.start() == 0):
        return before
    article = match.group(1)[0] + ("n" if starts_with_vowel_sound(value) else "")
    return before[: match.start()] + article + match.group(2)


def _behind(parts: Sequence[str], text: str) -> str:
    """``text`` without the stop at its start, if the value before it brings one: "near St. Co."."""
    doubled = parts and parts[-1].endswith(".") and text.startswith(".")
    return text[1:] if doubled and not text.startswith("..") else text


def _starts_sentence(before: str, follows_value: bool) -> bool:
    match = _SENTENCE_START.search(before)
    return match is not None and not (follows_value and match.group()[:1] not in (".", "!", "?"))


def _capitalized(value: str) -> str:
    first = value[:1].upper()
    return first + value[1:] if len(first) == 1 else value


def _article_before(text: str, end: int) -> int | None:
    """Where a "the" begins that ends, with its space, at ``end``."""
    match = _TRAILING_THE.search(text, 0, end)
    return match.start() if match else None

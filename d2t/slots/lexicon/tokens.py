"""Text as normalised words with character offsets: what the patterns of a lexicon match against.

Case, accents, hyphens, quotation marks, possessives and runs of spaces disappear here, number
words become digits, contracted negations become ``not``, listed misspellings their right form, so
that a pattern is written once and matches cased, lower-cased and tokenised text alike. Offsets stay
those of the given text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


_MARKS = "\u0300-\u036f"
_TOKEN = re.compile(
    r"[a-zA-Z]++(?=[ ,.](?!['’]))"  # most words, found in the shortest time
    r"|\d+(?:\.\d+| \. \d\d(?!\d))?"  # 20, 4.5, and spaced: 30 . 99
    r"|(?i:is|are|was|were|do|does|did|has|have|had|would|should|could|wo|ca|might|must|need)n"
    r"\s?['’]\s?[tT]\b"  # isn't, also spaced: isn ' t
    rf"|[^\W\d_](?:[^\W\d_]|[{_MARKS}]|['’](?=[^\W\d_]))*"  # words, with inner apostrophes
    r"|['’]\s?(?i:s|re|ve|ll|d|m)\b"  # the clitics of tokenised text
    r"|(?<=\w )\.{2,}(?= \S)|(?<=\w)\.{4,}(?= ?\w)"  # the dots of a list: "Children .... no"
    r"|[^\w\s]|_"
)
_DROPPED = frozenset("-‐‑–'’‘`´\"“”*_~^") | frozenset(chr(c) for c in range(0x300, 0x370))
_PAUSES = {"—": ",", "(": ",", ")": ",", "[": ",", "]": ",", "+": "and", "&": "and", "=": ":"}
_CLITIC = re.compile(r"^(.*?)['’](?:s|re|ve|ll|d|m)$")
_NOT = re.compile(
    r"^(is|are|was|were|do|does|did|has|have|had|would|should|could|wo|ca|might|must|need)n['’]?t$"
)
_NUMBER_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "fifteen": "15", "twenty": "20", "thirty": "30",
    "forty": "40", "fifty": "50", "hundred": "100",
}  # fmt: skip
_MEMO_LIMIT = 20_000
SENTENCE_END = frozenset(".!?")


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """``text`` in lower case without accents."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Parallel lists: normalised words and the character range of the text each came from.

    Several words may share one range (``kidfriendly`` -> ``kid friendly``); the words of an
    abbreviation made of their initials have a letter each (``fps`` -> ``first person shooter``).
    """

    text: str
    words: list[str]
    starts: list[int]
    ends: list[int]

    def __len__(self) -> int:
        return len(self.words)


class Tokenizer:
    """Splits and normalises text; ``spelling`` maps a misspelt word to the word or words meant."""

    def __init__(self, spelling: Mapping[str, str] | None = None) -> None:
        self._spelling = {
            fold(wrong): tuple(fold(right).split()) for wrong, right in (spelling or {}).items()
        }
        self._memo: dict[str, tuple[str, ...]] = {}
        self._plain: dict[str, str] = {}  # what is one word, and no figure

    def __call__(self, text: str) -> Tokens:
        """Tokenise ``text``."""
        words: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        memo, plain = self._memo, self._plain
        for match in _TOKEN.finditer(text):
            raw = match.group()
            if (word := plain.get(raw)) is not None:
                start, end = match.span()
                words.append(word)
                starts.append(start)
                ends.append(end)
                continue
            normal = memo.get(raw)
            if normal is None:
                normal = self._remember(raw)
            if len(normal) > 1 and (letters := _letters(match, normal)):
                words += normal
                starts += (start for start, _ in letters)
                ends += (end for _, end in letters)
                continue
            for word in normal:
                if (
                    word[0].isdigit()
                    and words
                    and _completes(raw, word, words[-1], text[starts[-1]])
                ):
                    words[-1] = str(int(words[-1]) + int(word))
                    ends[-1] = match.end()
                    continue
                words.append(word)
                starts.append(match.start())
                ends.append(match.end())
        return Tokens(text, words, starts, ends)

    def words(self, text: str) -> tuple[str, ...]:
        """Only the normalised words, for values and pattern literals."""
        if text.isascii() and text.isalpha():  # one token; a lexicon has thousands of them
            return self._memo.get(text) or self._remember(text)
        return tuple(self(text).words)

    def _remember(self, raw: str) -> tuple[str, ...]:
        if len(self._memo) >= _MEMO_LIMIT:
            self._memo.clear()
            self._plain.clear()
        normal = self._memo[raw] = self._normalise(raw)
        if len(normal) == 1 and not normal[0][0].isdigit():
            self._plain[raw] = normal[0]
        return normal

    def _normalise(self, raw: str) -> tuple[str, ...]:
        if raw in _DROPPED:
            return ()
        if raw in _PAUSES:
            return (_PAUSES[raw],)
        if raw.startswith(".."):
            return (":",)
        if raw[0] in "'’":
            return ()
        word = fold("".join(raw.split()))
        if not word:  # combining marks alone
            return ()
        if word[0].isdigit():
            return (re.sub(r"\.0+$", "", word),)
        if word in self._spelling:
            return tuple(_NUMBER_WORDS.get(part, part) for part in self._spelling[word])
        if word in ("n't", "n’t", "cannot", "cant", "can't", "can’t"):
            return ("not",)
        if match := _NOT.match(word):
            return (match.group(1), "not")
        if match := _CLITIC.match(word):
            return self._normalise(match.group(1)) if match.group(1) else ()
        word = word.replace("'", "").replace("’", "")
        return (_NUMBER_WORDS.get(word, word),)


def _letters(match: re.Match[str], words: tuple[str, ...]) -> list[tuple[int, int]]:
    """The letter of each word in an abbreviation made of their initials; no letters otherwise.

    What follows the initials (the s of ``FPSs``) belongs to the last word.
    """
    initials = "".join(word[0] for word in words)
    if not fold(match.group()).startswith(initials):
        return []
    start = match.start()
    ranges = [(start + at, start + at + 1) for at in range(len(words))]
    ranges[-1] = (ranges[-1][0], match.end())
    return ranges


def _completes(raw: str, word: str, before: str, initial: str) -> bool:
    """Whether ``raw`` is the ``five`` of ``twenty-five``."""
    return (
        raw[0].isalpha()
        and initial.isalpha()
        and len(word) == 1
        and before in ("20", "30", "40", "50")
    )


_ABBREVIATIONS = frozenset({"st", "mr", "mrs", "ms", "dr", "approx", "ave", "vs", "etc", "no"})


def sentence_starts(tokens: Tokens, names: Collection[tuple[int, int]] = ()) -> tuple[int, ...]:
    """Character offsets at which sentences begin; the first is always 0.

    A sentence ends at ``.``, ``!`` or ``?`` (runs of them are one), not after an abbreviation or a
    single letter (``e.g.``, ``St. John``), nor inside a number (``4.5``), and at a line break.

    Args:
        tokens: the text.
        names: token ranges of names. A mark in a name (``Yo! Sushi``) ends no sentence; one at its
            end (``eat.``) does before a capital letter; a name before a mark is no abbreviation.
    """
    words, starts, ends, text = tokens.words, tokens.starts, tokens.ends, tokens.text
    inside = {at for start, end in names for at in range(start, end)}
    closing = {end for _, end in names}
    offsets = [0]
    for at, start in enumerate(starts):
        if at == 0:
            continue
        previous = words[at - 1]
        if previous in SENTENCE_END:
            if words[at] in SENTENCE_END or words[at] in ",;:":
                continue
            if at - 1 in inside:
                if at in closing and (text[start].isupper() or "\n" in text[ends[at - 1] : start]):
                    offsets.append(start)
                continue
            before = words[at - 2] if at > 1 and at - 2 not in inside else ""
            if previous == "." and before and _is_abbreviation(before, tokens, at):
                continue
            offsets.append(start)
        elif "\n" in text[ends[at - 1] : start]:
            offsets.append(start)
    return tuple(dict.fromkeys(offsets))


def _is_abbreviation(before: str, tokens: Tokens, at: int) -> bool:
    glued = tokens.starts[at - 1] == tokens.ends[at - 2]
    if not glued:
        return False
    if before == "no":  # "No. 5" abbreviates, "no." at the end of a sentence does not
        return tokens.words[at][0].isdigit()
    return before in _ABBREVIATIONS or (len(before) == 1 and before.isalpha())

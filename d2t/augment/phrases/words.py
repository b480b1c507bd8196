"""English function words, and the few content words that a corpus shows to be verbs or nouns.

The paper's phrases come from a parser (rule O3.1); ours from closed word classes, punctuation and
the spans of the alignment. What those leave open, whether ``offers`` is a verb and ``cheap`` could
end a noun phrase, the corpus answers itself: verbs stand behind pronouns, nouns between a
determiner and the end of something. No list here belongs to a domain.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.slots.types import Alignment, Span

_TOKEN = re.compile(r"[£$€]?\d+(?:[.,]\d+)*%?|\w+(?:['’-]\w+)*|[^\w\s]")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


ENDS = frozenset(".!?")
PAUSES = frozenset(",;:()–—-") | {"..."}
CONJUNCTIONS = _listed(
    "and but or nor yet plus & so although though while whereas however because since unless if "
    "also additionally furthermore moreover besides therefore thus otherwise too then "
    "when before after until"
)
RELATIVES = _listed("that which who whose where whom")
PRONOUNS = _listed(
    "it they he she we you i this these those there here one them us "
    "it's it’s they're they’re you'll you’ll you'd you’d there's there’s that's that’s we're "
    "who's who’s which's i'd i’d you're you’re they've they’ve it'll it’ll here's here’s"
)
COPULAS = _listed(
    "is are was were be been being isn't isn’t aren't aren’t wasn't wasn’t weren't weren’t"
)
AUXILIARIES = COPULAS | _listed(
    "has have had having does do did can could will would may might shall should must cannot "
    "hasn't hasn’t haven't haven’t hadn't hadn’t doesn't doesn’t don't don’t didn't didn’t can't "
    "can’t couldn't couldn’t won't won’t wouldn't wouldn’t shouldn't shouldn’t"
)
# Those that may open a phrase. "of", "to", "than", "per" and "as" belong to what stands before.
PREPOSITIONS = _listed(
    "in on at by near with for from within along alongside beside inside outside between opposite "
    "under over above below without about across through into towards toward around amongst among "
    "like nearby close next adjacent off past behind due despite"
)
TIGHT = _listed("of to than per as out up")
DETERMINERS = _listed(
    "a an the its their his her our your my no some any every each another all both either neither "
    "many several"
)
ADVERBS = _listed(
    "not very quite rather only just even always never still really pretty so currently "
    "well right directly conveniently often usually"
)
_NOT_ADVERBS = _listed("family friendly lovely lively daily early ugly assembly supply")
# Participles that no ending gives away.
PARTICIPLES = _listed("found known given made set seen built kept run held sat meant named called")
# Bare verbs that give advice; where little data is, no infinitive may show that they are verbs.
_ADVICE = _listed("go come try visit look check head see get find enjoy consider want need pop")
_PARTICIPLE = re.compile(r"[a-z]{2,}(?:ing|ed)")
_CLITIC = re.compile(r"\w+['’](?:s|re|ll|d|ve)")
_WORDLIKE = re.compile(r"[a-z]+(?:-[a-z]+)*")
CLOSED = (
    CONJUNCTIONS | RELATIVES | PRONOUNS | AUXILIARIES | PREPOSITIONS | TIGHT | DETERMINERS | ADVERBS
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A token of the text: where it stands, in small letters, and the span that it belongs to."""

    start: int
    end: int
    low: str
    span: Span | None
    opens_span: bool = False
    closes_span: bool = False


def words_of(alignment: Alignment) -> list[Word]:
    """The tokens of a text; one that only partly lies in a span is wholly taken as the span's."""
    words: list[Word] = []
    spans = alignment.spans
    at = 0
    for match in _TOKEN.finditer(alignment.text):
        start, end = match.span()
        while at < len(spans) and spans[at].end <= start:
            at += 1
        span = spans[at] if at < len(spans) and spans[at].start < end else None
        opens = span is not None and start <= span.start
        closes = span is not None and end >= span.end
        words.append(Word(start, end, match.group().lower(), span, opens, closes))
    return words


def is_adverb(word: str) -> bool:
    """``very``, ``not``, ``highly``."""
    return word in ADVERBS or (len(word) > 4 and word.endswith("ly") and word not in _NOT_ADVERBS)


def is_finite_pronoun(word: str) -> bool:
    """A pronoun with its verb: ``it's``, ``they've``."""
    return word in PRONOUNS and _CLITIC.fullmatch(word) is not None


def is_participle(word: str) -> bool:
    """By its form alone: ``located``, ``serving``, ``found``."""
    return word in PARTICIPLES or (_PARTICIPLE.fullmatch(word) is not None and len(word) > 4)


@dataclass(frozen=True, slots=True)
class CorpusWords:
    """What the corpus at hand shows of its content words.

    Attributes:
        verbs: finite verbs: seen behind a pronoun or relative pronoun.
        nouns: words that end noun phrases: seen between a determiner and a boundary.
        nominal: words that may open a noun phrase: seen inside one that has a determiner. Not
            ``try``, ``want``, ``sure``.
    """

    verbs: frozenset[str]
    nouns: frozenset[str]
    nominal: frozenset[str]

    @classmethod
    def of(cls, texts: Iterable[Sequence[Word]]) -> CorpusWords:
        """Count places in all texts; a word needs a fair share of its occurrences there."""
        seen: Counter[str] = Counter()
        final: Counter[str] = Counter()
        behind: Counter[str] = Counter()
        inside: Counter[str] = Counter()
        bare: Counter[str] = Counter()
        for words in texts:
            seen.update(word.low for word in words)
            final.update(_noun_places(words))
            behind.update(_verb_places(words))
            inside.update(_nominal_places(words))
            bare.update(_infinitive_places(words))
        nouns = {w for w, n in final.items() if n >= 0.06 * seen[w] and n >= min(2, seen[w])}
        verbs = {
            w
            for w, n in behind.items()
            if n >= 0.03 * seen[w] and n >= min(2, seen[w]) and n > final[w] / 2
            if w.endswith(("s", "ed")) or w + "s" in behind
        }
        nominal = {w for w, n in inside.items() if n >= 0.1 * seen[w]} | nouns
        nominal -= _ADVICE | {w for w, n in bare.items() if n >= 0.1 * seen[w]}
        return cls(frozenset(verbs), frozenset(nouns - verbs), frozenset(nominal - verbs))


def _verb_places(words: Sequence[Word]) -> Iterable[str]:
    """Words that follow ``it``, ``they``, ``which``, ``that``; adverbs between are passed over."""
    for at, word in enumerate(words[:-1]):
        if word.low not in ("it", "they", "which", "who", "that") or word.span is not None:
            continue
        after = at + 1
        while after < len(words) - 1 and is_adverb(words[after].low):
            after += 1
        word = words[after]
        content = word.low not in CLOSED and _WORDLIKE.fullmatch(word.low) is not None
        if content and (word.span is None or (word.opens_span and not word.closes_span)):
            yield word.low


def _noun_places(words: Sequence[Word]) -> Iterable[str]:
    """Last words of an opener + up to six words that are not closed, before a boundary.

    Openers are determiners, prepositions and forms of "to have": what follows them is a noun
    phrase, while "is" may be followed by an adjective alone.
    """
    for at, word in enumerate(words):
        if word.low not in _NOUN_PHRASE_OPENERS or word.span is not None:
            continue
        last = at + 1
        while last < len(words) and last - at <= 7 and _inside_noun_phrase(words[last]):
            last += 1
        if last - at < 2 or last >= len(words):
            continue
        after, noun = words[last].low, words[last - 1].low
        strong = after in ENDS or after in AUXILIARIES or after in RELATIVES
        if strong or (after in PREPOSITIONS and not is_participle(noun)):
            yield noun


def _nominal_places(words: Sequence[Word]) -> Iterable[str]:
    """Words that follow a determiner, adverbs and other such words between them passed over."""
    inside = False
    for word in words:
        if inside and word.span is None and word.low not in CLOSED and _inside_noun_phrase(word):
            yield word.low
        inside = word.low in DETERMINERS or (inside and _inside_noun_phrase(word))


def _infinitive_places(words: Sequence[Word]) -> Iterable[str]:
    """Words that follow ``to``, ``can``, ``you``: verbs without an ending."""
    for before, word in pairwise(words):
        if before.low in _BEFORE_INFINITIVES and before.span is None and word.span is None:
            yield word.low


_BEFORE_INFINITIVES = _listed("to can could will would may might should must you we i they not")
_NOUN_PHRASE_OPENERS = DETERMINERS | PREPOSITIONS | {"has", "have", "having", "of"}


def _inside_noun_phrase(word: Word) -> bool:
    return word.low not in PAUSES | ENDS and (
        word.low not in CLOSED or is_adverb(word.low) or word.span is not None
    )

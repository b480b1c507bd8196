"""Shallow chunks of one sentence: noun groups, verb groups, and what opens a phrase or parts two.

No parser: a chunk ends where a function word, a pause or a verb begins another. Spans of the
alignment are never divided; a span that begins with a verb, a participle or a preposition ("is kid
friendly", "rated 3 out of 5", "by the river") is a whole chunk of that type.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from d2t.augment.phrases.words import (
    AUXILIARIES,
    CONJUNCTIONS,
    COPULAS,
    DETERMINERS,
    ENDS,
    PARTICIPLES,
    PAUSES,
    PREPOSITIONS,
    PRONOUNS,
    RELATIVES,
    TIGHT,
    is_adverb,
    is_participle,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.augment.phrases.words import CorpusWords, Word

ChunkType = Literal[
    "noun",
    "adjective",
    "verb",
    "participle",
    "preposition",
    "relative",
    "pronoun",
    "clause",
    "part",
    "other",
]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Words ``first:last`` of a sentence.

    Attributes:
        type: ``part`` is what parts phrases: a pause, a conjunction, the end of the sentence;
            ``other`` is what no rule here understands, and no phrase holds.
        slots: whether a span of the alignment lies in it.
        whole: whether a phrase may end behind it: a noun group, or a span that says it all.
    """

    type: ChunkType
    first: int
    last: int
    slots: bool
    whole: bool


class Chunker:
    """Cuts sentences; ``open_slots`` name their own things, so their mentions end noun groups."""

    def __init__(self, corpus: CorpusWords, open_slots: frozenset[str]) -> None:
        self.corpus = corpus
        self.open_slots = open_slots

    def __call__(self, words: Sequence[Word]) -> list[Chunk]:
        """The chunks of a sentence, in order, covering every word."""
        chunks: list[Chunk] = []
        at = 0
        while at < len(words):
            chunk = self._next(words, at, chunks[-1] if chunks else None)
            chunks.append(chunk)
            at = chunk.last
        return self._whole_noun_groups(words, chunks)

    def _next(self, words: Sequence[Word], at: int, before: Chunk | None) -> Chunk:
        if words[at].span is not None:
            kind = self._span_type(words, at, before)
            if kind != "noun":
                last = _span_end(words, at)
                return Chunk(kind, at, last, slots=True, whole=True)
        kind = self._type(words, at, before)
        if kind in ("part", "relative", "pronoun"):
            return Chunk(kind, at, at + 1, slots=False, whole=False)
        if kind == "noun":
            return self._noun_group(words, at, governed=_governs(before))
        return self._head(words, at, kind)

    def _head(self, words: Sequence[Word], at: int, kind: ChunkType) -> Chunk:
        """Heads of one type in a row, with the adverbs between them: ``can also be``."""
        last = at + 1
        while last < len(words) and words[last].span is None:
            ahead = last
            while ahead < len(words) - 1 and self._is_adverb(words, ahead):
                ahead += 1
            free = words[ahead].span is None
            same = free and self._type(words, ahead, None, follows=kind) == kind
            if not same and (kind == "verb" or words[ahead].low not in TIGHT):
                break
            last = ahead + 1
        return Chunk(kind, at, last, slots=False, whole=False)

    def _noun_group(self, words: Sequence[Word], at: int, *, governed: bool) -> Chunk:
        last, slots, content = at, False, False
        if not self._nominal(words[at]):
            return Chunk("other", at, at + 1, slots=False, whole=False)
        while last < len(words):
            word = words[last]
            if word.span is not None:
                here = Chunk("noun", at, last, slots, whole=True) if last > at else None
                if last > at and self._span_type(words, last, here) != "noun":
                    break
                # "in the city centre Zizzi serves": a name is no part of what a preposition governs
                names = word.span.slot.name in self.open_slots
                if governed and names and here is not None and self._ends_noun(words, here):
                    break
                last, slots, content = _span_end(words, last), True, True
                continue
            if last > at:
                before = Chunk("noun", at, last, slots, whole=True)
                if self._type(words, last, before) != "noun" or not self._nominal(word):
                    break
                if content and word.low in DETERMINERS and words[last - 1].low not in TIGHT:
                    break
            content = content or not (word.low in DETERMINERS or is_adverb(word.low))
            last += 1
        return Chunk("noun", at, last, slots, whole=True)

    def _type(
        self,
        words: Sequence[Word],
        at: int,
        before: Chunk | None,
        follows: ChunkType | None = None,
    ) -> ChunkType:
        """The type of a word outside the spans."""
        low = words[at].low
        after = words[at + 1].low if at + 1 < len(words) else ""
        if low in ENDS or low in PAUSES:
            return "part"
        if low in RELATIVES:
            return "relative"
        if low in AUXILIARIES:
            return "verb"
        if low in ("as", "so") and after in ("well", "as"):
            return "part"
        if low == "well" and at and words[at - 1].low == "as":
            return "part"
        if low == "as" and at > 1 and words[at - 2].low == "as":
            return "part"
        if low in CONJUNCTIONS:
            return "part"
        if low in PRONOUNS:
            return "noun" if low == "one" else "pronoun"
        if low in ("close", "next", "adjacent") and after not in ("to", "by"):
            return "noun"
        if low in PREPOSITIONS:
            compares = before is None or before.type in ("noun", "part")
            return "preposition" if low != "like" or compares else "noun"
        if self._is_verb(words, at, before):
            return "verb"
        if self._is_participle(words, at, before, follows):
            return "participle"
        if self._is_adverb(words, at) and at + 1 < len(words):
            ahead = self._type(words, at + 1, before, follows) if words[at + 1].span is None else ""
            if ahead in ("verb", "participle", "preposition"):
                return ahead
        return "noun"

    def _span_type(self, words: Sequence[Word], at: int, before: Chunk | None) -> ChunkType:
        last = _span_end(words, at)
        first = at
        while first < last - 1 and is_adverb(words[first].low):
            first += 1
        low = words[first].low
        inside = {word.low for word in words[first + 1 : last]}
        if low in AUXILIARIES or self._is_verb(words, first, before):
            return "verb"
        if inside & (AUXILIARIES - {"having", "being"}):
            return "clause"
        determined = before is not None and before.type == "noun" and not before.slots
        if low in PREPOSITIONS and low != "like":
            return "preposition"
        if is_participle(low) and not determined and last - first > 1 and before is not None:
            return "participle"
        return "noun"

    def _is_verb(self, words: Sequence[Word], at: int, before: Chunk | None) -> bool:
        """A word that the corpus uses as a verb, where a verb can stand."""
        if words[at].low not in self.corpus.verbs or at == 0:
            return False
        if before is None or before.type in ("preposition", "verb", "adjective"):
            return False
        return before.type != "noun" or self._ends_noun(words, before)

    def _is_participle(
        self, words: Sequence[Word], at: int, before: Chunk | None, follows: ChunkType | None
    ) -> bool:
        """``located in``, ``serving Thai food``; not ``a low rating``, ``a well known place``."""
        low = words[at].low
        if not is_participle(low) or low in self.corpus.nouns or at + 1 >= len(words):
            return False
        if follows == "verb" or (before is not None and before.type == "verb"):
            return follows is None
        after = words[at + 1]
        # "serving Thai food" and "named Zizzi", but not "a Thai themed pub"
        # nor "who created a game": a passive participle has no object, unless it names one.
        active = low.endswith("ing") or (after.span and after.span.slot.name in self.open_slots)
        opens = (
            (after.span is not None and bool(active))
            or after.low in PREPOSITIONS | TIGHT
            or (after.low in DETERMINERS and (low.endswith("ing") or low in PARTICIPLES))
            or after.low[:1] in "£$€0123456789"
            or is_adverb(after.low)
        )
        if not opens:
            return False
        if before is None:
            return at == 0
        return before.type != "noun" or self._ends_noun(words, before)

    def _nominal(self, word: Word) -> bool:
        low = word.low
        return (
            word.span is not None
            or low in DETERMINERS
            or low in TIGHT
            or is_adverb(low)
            or low in self.corpus.nominal
            or not low[:1].isalpha()
        )

    def _is_adverb(self, words: Sequence[Word], at: int) -> bool:
        return words[at].span is None and is_adverb(words[at].low)

    def _ends_noun(self, words: Sequence[Word], chunk: Chunk) -> bool:
        """Whether the last word of a noun group is one that ends noun phrases."""
        last = words[chunk.last - 1]
        if last.span is not None and last.span.slot.name in self.open_slots:
            return True
        return last.low in self.corpus.nouns or any(char.isdigit() for char in last.low)

    def _whole_noun_groups(self, words: Sequence[Word], chunks: list[Chunk]) -> list[Chunk]:
        """Tell adjectives from noun groups, and join what a pause cut inside one.

        ``a cheap, family friendly pub`` and ``serves cheap and tasty food`` are one noun group;
        ``is cheap and family friendly`` are two adjectives.
        """
        groups: list[Chunk] = []
        at = 0
        while at < len(chunks):
            chunk = chunks[at]
            if chunk.type != "noun" or self._ends_noun(words, chunk):
                groups.append(chunk)
                at += 1
                continue
            if at + 1 < len(chunks) and chunks[at + 1].type == "clause" and not chunk.slots:
                groups.append(
                    replace(chunks[at + 1], first=chunk.first)
                )  # "Their [prices are low]"
                at += 2
                continue
            determined = words[chunk.first].low in DETERMINERS
            predicative = not determined and bool(groups) and _copular(words, groups)
            joined, after = self._join(words, chunks, at)
            if not predicative and joined is not None:
                groups.append(joined)
                at = after
                continue
            open_ended = determined or not predicative
            groups.append(replace(chunk, type="adjective", whole=not open_ended))
            at += 1
        return groups

    def _join(
        self, words: Sequence[Word], chunks: list[Chunk], at: int
    ) -> tuple[Chunk | None, int]:
        """The noun group from ``at`` to the first group behind pauses that ends in a noun."""
        slots, ahead = chunks[at].slots, at
        while ahead + 2 < len(chunks) and chunks[ahead + 1].type == "part":
            step = ahead + 2
            if chunks[step].type == "part":
                step += 1
            if step >= len(chunks) or chunks[step].type != "noun":
                break
            if chunks[step].last - chunks[step].first == 1 and not chunks[step].slots:
                break
            slots = slots or chunks[step].slots
            ahead = step
            if words[chunks[step].first].low in DETERMINERS:
                break
            if self._ends_noun(words, chunks[step]):
                chunk = Chunk("noun", chunks[at].first, chunks[step].last, slots, whole=True)
                return chunk, step + 1
        return None, at


def _copular(words: Sequence[Word], chunks: list[Chunk]) -> bool:
    """Whether the chunks so far end in a form of "to be", or in its first adjectives."""
    at = len(chunks) - 1
    while at > 0 and chunks[at].type in ("part", "adjective"):
        at -= 1
    chunk = chunks[at]
    return chunk.type == "verb" and any(
        word.low in COPULAS or word.low.endswith(("'s", "’s", "'re", "’re"))
        for word in words[chunk.first : chunk.last]
    )


def _governs(before: Chunk | None) -> bool:
    return before is not None and before.type == "preposition"


def _span_end(words: Sequence[Word], at: int) -> int:
    """Index behind the last word of the span that holds word ``at``."""
    span = words[at].span
    last = at + 1
    while last < len(words) and words[last].span is span and span is not None:
        last += 1
    return last

"""Which runs of chunks stand on their own, and as what.

Departures from the constituents of rule O3.1 (NP VP ADJP ADVP PP S SBAR):

- a phrase may stop before a modifier that a parser would attach inside it ("Aromi is a pub" of
  "Aromi is a pub in the city centre"), as long as nothing is left open at its end;
- adjectives alone, adverbs and bare nouns without a slot are no phrases;
- relative clauses are modifiers (they need a noun), finite clauses with a subject are clauses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.augment.phrases.words import (
    CONJUNCTIONS,
    DETERMINERS,
    ENDS,
    PREPOSITIONS,
    TIGHT,
    is_finite_pronoun,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d2t.augment.phrases.chunks import Chunk
    from d2t.augment.phrases.words import Word

_KINDS = {
    "noun": "phrase",
    "adjective": "modifier",
    "preposition": "modifier",
    "participle": "modifier",
    "relative": "modifier",
    "verb": "predicate",
    "pronoun": "clause",
    "clause": "clause",
}
_NOMINAL = frozenset({"noun", "adjective", "pronoun", "clause"})
_HAVE = frozenset({"has", "have", "had", "having"})
_BORDERS = ENDS | frozenset("-–—:;")
_COORDINATORS = frozenset({"and", "or", "but", "&"})
_HANGING = TIGHT | PREPOSITIONS | DETERMINERS
_PAIRED = {"between": "and", "both": "and", "either": "or", "neither": "nor"}


@dataclass(frozen=True, slots=True)
class Cut:
    """Words ``first:last`` of a sentence, as a phrase of ``kind``."""

    kind: str
    first: int
    last: int


def cuts(words: Sequence[Word], chunks: Sequence[Chunk]) -> Iterator[Cut]:
    """Every phrase of a sentence, nested ones too; the sentence itself is not among them."""
    for start, chunk in enumerate(chunks):
        open_ended = chunk.type in ("noun", "adjective") and not chunk.whole
        bare = chunk.type == "adjective" and not chunk.slots
        if chunk.type in _KINDS and not open_ended and not bare:
            yield from _Walk(words, chunks, start).cuts()


def is_sentence(words: Sequence[Word], chunks: Sequence[Chunk]) -> bool:
    """Whether the words are a sentence of their own: a finite verb, and an end.

    One that begins with a conjunction leans on the sentence before it.
    """
    if len(words) < 3 or words[-1].low not in ENDS or words[0].low in CONJUNCTIONS:
        return False
    return any(
        (chunk.type == "verb" and at > 0 and chunks[at - 1].type != "relative")
        or chunk.type == "clause"
        or (chunk.type == "pronoun" and is_finite_pronoun(words[chunk.first].low))
        for at, chunk in enumerate(chunks)
    )


class _Walk:
    """Extends a phrase chunk by chunk from ``start``, for as long as it can become whole."""

    def __init__(self, words: Sequence[Word], chunks: Sequence[Chunk], start: int) -> None:
        self.words, self.chunks, self.start = words, chunks, start
        first = chunks[start]
        self.kind = _KINDS[first.type]
        self.fresh = start == 0 or chunks[start - 1].type == "part"
        self.finite = first.type in ("verb", "clause") or self._finite_pronoun(first)
        self.pending = first.type == "pronoun" and not self.finite
        self.relative = first.type == "relative"
        self.in_relative = False
        self.parts = 0
        self.modified = False
        behind = self.chunks[start - 1].type if start else "part"
        # What follows "in the city centre" modifies another noun than the centre.
        self.governed = behind in ("preposition", "other") and first.type == "noun"
        self.free_noun = first.type in ("noun", "pronoun") and not self.governed

    def cuts(self) -> Iterator[Cut]:
        """The phrases that begin at ``start``."""
        first = self.chunks[self.start]
        if first.type in ("pronoun", "clause") and not self.fresh:
            return
        if first.type == "verb" and self.start == 0:  # a question or an order
            return
        if self._leans_back(first):
            return
        for at in range(self.start, len(self.chunks)):
            chunk = self.chunks[at]
            if at > self.start and not self._goes_on(at):
                return
            if chunk.whole and chunk.slots and self._may_end(at):
                yield Cut(self.kind, first.first, chunk.last)

    def _leans_back(self, first: Chunk) -> bool:
        """``to the river`` of "close to the river", ``rated it low`` of "have rated it low"."""
        if first.type == "noun" and self.words[first.first].low in TIGHT:
            return True
        if first.type == "verb" and self.words[first.first].low in ("be", "been", "being"):
            return True
        if first.type != "participle" or self.start == 0:
            return False
        before = self.chunks[self.start - 1]
        return before.type == "verb" and self.words[before.last - 1].low in _HAVE

    def _goes_on(self, at: int) -> bool:
        """Take chunk ``at`` in; False where the phrase cannot go on over it."""
        chunk, before = self.chunks[at], self.chunks[at - 1]
        if chunk.type == "part":
            self.parts += 1
            said = any(part.slots for part in self.chunks[self.start : at])
            if self.governed and self.words[chunk.first].low not in _COORDINATORS:
                return False  # "near Alba, the pub Cotto" is no list
            return said and self.words[chunk.first].low not in _BORDERS
        if chunk.type == "other":
            return False
        if chunk.type in ("relative", "participle") and not self._can_attach(chunk):
            return False
        if chunk.type in ("preposition", "participle"):
            if self.governed or self._joins_unlike(before):
                return False
            self.modified = True
        if chunk.type == "relative":
            self.relative = True
            return before.type in ("noun", "part", "preposition")
        if chunk.type == "verb":
            return self._takes_verb(before)
        if self._leads_elsewhere(at):
            return False
        if before.type == "relative":  # a relative clause may have a subject: "where you can eat"
            return True
        if chunk.type in ("pronoun", "clause") or self._is_subject(at):
            return self._takes_subject(chunk, before)
        if chunk.type == "noun" and before.type in ("verb", "participle"):
            self.free_noun = True
        return not (chunk.type in _NOMINAL and before.type in _NOMINAL)

    def _can_attach(self, chunk: Chunk) -> bool:
        """Whether something inside can be modified: not "by the river that serves Thai food"."""
        if chunk.type == "participle" and self.finite:
            return True
        return self.free_noun

    def _joins_unlike(self, before: Chunk) -> bool:
        """``a pub and near Zizzi``: a noun group without modifiers joined to a modifier."""
        conjoined = before.type == "part" and self.words[before.first].low in _COORDINATORS
        return conjoined and self.kind == "phrase" and not self.modified

    def _leads_elsewhere(self, at: int) -> bool:
        """``look`` of "serving Thai food, look for ...": a bare word that no list here knows."""
        chunk, before = self.chunks[at], self.chunks[at - 1]
        return (
            chunk.type in ("noun", "adjective")
            and before.type == "part"
            and not chunk.slots
            and self.words[chunk.first].low not in DETERMINERS
        )

    def _takes_verb(self, before: Chunk) -> bool:
        if self.relative:
            self.relative, self.in_relative = False, True
            return True
        if self.pending:
            self.pending, self.finite = False, True
            return True
        if before.type == "part":  # "is a pub and serves Thai food"
            comma = self.words[before.first].low == ","
            if comma and self.kind == "phrase" and self.start == 0 and not self.finite:
                self.kind, self.finite = "clause", True  # "Zizzi, which is a pub, is cheap"
            return self.finite or self.in_relative
        if self.finite or self.in_relative:
            return False
        if (self.kind == "phrase" and self.fresh) or (self.kind == "modifier" and self.start == 0):
            self.kind, self.finite = "clause", True
            return True
        return False

    def _takes_subject(self, chunk: Chunk, before: Chunk) -> bool:
        """A subject opens another clause, which only clauses and fronted modifiers can have."""
        if before.type != "part" or self.relative:
            return False
        joined = self.words[before.first].low in CONJUNCTIONS
        fronted = self.kind == "modifier" and self.start == 0 and not self.in_relative
        if not fronted and not (joined and self.kind == "clause" and self.finite):
            return False
        self.free_noun = True
        self.kind = "clause"
        self.finite = chunk.type == "clause" or self._finite_pronoun(chunk)
        self.pending = not self.finite
        return True

    def _may_end(self, at: int) -> bool:
        if self.pending or self.relative or (self.kind == "clause" and not self.finite):
            return False
        last = self.words[self.chunks[at].last - 1]
        if last.span is None and (last.low in _HANGING or last.low.endswith("ed")):
            return False
        after = self.chunks[at + 1].type if at + 1 < len(self.chunks) else "part"
        if after in _NOMINAL:
            return False
        if after == "verb" and (self.finite or self.parts):
            return False
        return not self._half_a_pair(at)

    def _half_a_pair(self, at: int) -> bool:
        """``both cheap`` of ``both cheap and good``."""
        inside = [
            word.low
            for word in self.words[self.chunks[self.start].first : self.chunks[at].last]
            if word.span is None
        ]
        return any(
            opening in inside and closing not in inside[inside.index(opening) :]
            for opening, closing in _PAIRED.items()
        )

    def _is_subject(self, at: int) -> bool:
        """Whether the noun group at ``at``, behind a part, has a finite verb of its own."""
        if self.chunks[at].type != "noun" or self.chunks[at - 1].type != "part":
            return False
        for chunk in self.chunks[at + 1 :]:
            if chunk.type in ("part", "relative"):
                return False
            if chunk.type == "verb":
                return True
        return False

    def _finite_pronoun(self, chunk: Chunk) -> bool:
        return chunk.type == "pronoun" and is_finite_pronoun(self.words[chunk.first].low)

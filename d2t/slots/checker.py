"""The slot checker and aligner: which words of a text realise which slots, and is that what the MR asked for."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from d2t.mr.types import Slot
from d2t.slots.lexicon import Lexicon, load_lexicon
from d2t.slots.matcher import Phrase, PhraseMatcher, verbatim
from d2t.slots.names import Mention, NameFinder
from d2t.slots.sentences import sentence_starts
from d2t.slots.types import Alignment, SlotReport, Span
from d2t.slots.verdict import judge

if TYPE_CHECKING:
    from d2t.mr.domain import Domain, SlotSpec
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.lexicon import Apposition
    from d2t.slots.tokens import Tokens

# A multi-word value of the MR itself outweighs any phrase of the lexicon.
_VERBATIM_BONUS = 20
_NAME_PARTS = frozenset({"has", "is", "on", "available"})


class SlotChecker:
    """Aligns texts of one domain with slots, and judges them against MRs. Deterministic; needs no model."""

    def __init__(self, domain: Domain, lexicon: Lexicon) -> None:
        self.domain = domain
        self.lexicon = lexicon
        self._tokenize = lexicon.tokenizer
        self._names = NameFinder(domain, lexicon)
        self._matcher = PhraseMatcher(lexicon)
        self._specs = {spec.name: spec for spec in domain.slots}
        self._worded = lexicon.worded()
        self._known_open = frozenset(
            (spec.name, value)
            for spec in domain.slots
            if spec.kind == "open"
            for value in spec.values
        )
        self._standing = [
            (spec.name, value, self._spoken(spec, value))
            for spec in domain.slots
            if spec.kind != "open"
            for value in spec.values
            if (spec.name, value) not in self._worded
        ]

    @classmethod
    def for_domain(cls, domain: Domain) -> SlotChecker:
        """The checker of ``domain``, with the lexicon of its folder; built once per domain and folder."""
        return _checker(domain, domain.folder)

    @property
    def lexicon_digest(self) -> str:
        """SHA-256 of the lexicon's content."""
        return self.lexicon.digest

    def signature(self, *, merge_synonyms: bool = False) -> str:
        """What a slot error rate depends on, e.g. ``SER|dom:restaurant@9f3c|lex:4b1e|rep:yes|syn:no|v:0.1.0``."""
        from d2t import __version__

        return (
            f"SER|dom:{self.domain.name}@{self.domain.digest[:4]}|lex:{self.lexicon_digest[:4]}"
            f"|rep:yes|syn:{'yes' if merge_synonyms else 'no'}|v:{__version__}"
        )

    def align(self, text: str, mr: MeaningRepresentation | None = None) -> Alignment:
        """What ``text`` says.

        Args:
            text: any utterance: cased or not, tokenised or not.
            mr: decides among values that share a wording, and brings values nobody has seen before.
        """
        tokens = self._tokenize(text)
        expected = () if mr is None else mr.slots
        fresh = [
            (slot.name, slot.value)
            for slot in expected
            if slot.value
            and self._specs[slot.name].kind == "open"
            and (slot.name, slot.value) not in self._known_open
        ]
        mentions = self._names.find(tokens, self._names.extra(fresh), mr)
        words, places = _mask(tokens, mentions)
        phrases = self._matcher.find(words, self._verbatim(words, mr))
        spans = [
            _Piece(places[p.start][0], places[p.end - 1][1], p.slot, p.values, p.weak)
            for p in phrases
        ]
        spans += [_Piece(m.start, m.end, m.slot, (m.value,)) for m in mentions]
        taken = {at for piece in spans for at in range(piece.start, piece.end)}
        named = {at for mention in mentions for at in range(mention.start, mention.end)}
        unknown = self._names.unknown(tokens, taken, named)
        if unknown:
            spans = _override(spans, unknown)
        spans.sort(key=lambda piece: piece.start)
        for apposition in self.lexicon.appositions:
            spans = self._merge_apposition(spans, tokens, apposition, mr)
        return Alignment(text, self._resolve(spans, tokens, mr), sentence_starts(tokens))

    def check(
        self, text: str, mr: MeaningRepresentation, *, merge_synonyms: bool = False
    ) -> SlotReport:
        """Missing, added, wrong and repeated slots of ``text`` against ``mr``.

        Args:
            text: any utterance.
            mr: what it should say.
            merge_synonyms: take values that tell a reader the same thing (domain.toml) as one.
        """
        alignment = self.align(text, mr)
        return judge(alignment, mr, self.merged) if merge_synonyms else judge(alignment, mr)

    def merged(self, slot: Slot) -> Slot:
        """``slot`` with the value that stands for its synonym group."""
        value = self._specs[slot.name].merged(slot.value)
        return slot if value == slot.value else Slot(slot.name, value)

    def _spoken(self, spec: SlotSpec, value: str) -> tuple[tuple[str, ...], bool]:
        """The words to look for when no lexicon words a value; and whether they must be negated."""
        if spec.kind == "boolean" or not value:
            parts = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", spec.name).split()
            kept = [part for part in parts if part.lower() not in _NAME_PARTS] or parts
            return self._tokenize.words(" ".join(kept)), value == "no"
        return self._tokenize.words(value), False

    def _verbatim(self, words: list[str], mr: MeaningRepresentation | None) -> list[Phrase]:
        """Values without wording in the lexicon, found as they are written."""
        wanted = list(self._standing)
        known = {(name, value) for name, value, _ in wanted}
        for slot in () if mr is None else mr.slots:
            spec = self._specs[slot.name]
            if spec.kind == "open" and slot.value:
                continue
            if (slot.name, slot.value) not in self._worded | known:
                wanted.append((slot.name, slot.value, self._spoken(spec, slot.value)))
        found: list[Phrase] = []
        for name, value, (spoken, negated) in wanted:
            if not spoken or spoken[0] not in words:
                continue
            bonus = _VERBATIM_BONUS if len(spoken) > 1 else 0
            for start, end in verbatim(words, spoken):
                before = self._matcher.negation_before(words, start)
                if (before is not None) != negated:
                    continue
                first = start if before is None else before
                found.append(Phrase(first, end, end - start + bonus, name, (value,), -1))
        return found

    def _merge_apposition(
        self,
        pieces: list[_Piece],
        tokens: Tokens,
        rule: Apposition,
        mr: MeaningRepresentation | None,
    ) -> list[_Piece]:
        """``a high rating of 5 out of 5``: the word and the figure are one mention, of the figure."""
        merged: list[_Piece] = []
        for piece in pieces:
            last = merged[-1] if merged else None
            if (
                last is not None
                and last.slot == piece.slot == rule.slot
                and _is_word(last, rule) != _is_word(piece, rule)
                and all(word in rule.between for word in tokens.words[last.end : piece.start])
            ):
                word, figure = (last, piece) if _is_word(last, rule) else (piece, last)
                values = self._apposed(word, figure, mr)
                merged[-1] = _Piece(last.start, piece.end, piece.slot, values)
            else:
                merged.append(piece)
        return merged

    def _apposed(
        self, word: _Piece, figure: _Piece, mr: MeaningRepresentation | None
    ) -> tuple[str, ...]:
        """The figure's value; the word's when the MR holds that one and it means the same."""
        spec = self._specs[word.slot]
        held = () if mr is None else mr.values(word.slot)
        same = [
            value
            for value in word.values
            if value in held
            and spec.merged(value) in {spec.merged(other) for other in figure.values}
        ]
        if same and not any(value in held for value in figure.values):
            return (same[0],)
        return figure.values

    def _resolve(
        self, pieces: list[_Piece], tokens: Tokens, mr: MeaningRepresentation | None
    ) -> tuple[Span, ...]:
        """Pieces as spans: the MR picks among candidate values, characters are used once."""
        spans: list[Span] = []
        used = 0
        strong = {(p.slot, value) for p in pieces if not p.weak for value in p.values}
        for piece in pieces:
            start, end = tokens.starts[piece.start], tokens.ends[piece.end - 1]
            if start < used or start >= end:
                continue
            held = () if mr is None else mr.values(piece.slot)
            spec = self._specs[piece.slot]
            values = [spec.canonical_value(value) for value in piece.values]
            value = next((value for value in values if value in held), values[0])
            if piece.weak and (value not in held or (piece.slot, value) in strong):
                continue
            spans.append(Span(start, end, Slot(piece.slot, value)))
            used = end
        return tuple(spans)


class _Piece:
    """A span in token positions whose value may not be settled yet."""

    __slots__ = ("end", "slot", "start", "values", "weak")

    def __init__(
        self, start: int, end: int, slot: str, values: tuple[str, ...], weak: bool = False
    ) -> None:
        self.start, self.end, self.slot, self.values, self.weak = start, end, slot, values, weak


def _is_word(piece: _Piece, rule: Apposition) -> bool:
    return piece.values[0] in rule.words


def _mask(tokens: Tokens, mentions: list[Mention]) -> tuple[list[str], list[tuple[int, int]]]:
    """Words with each mention folded into one stand-in, and the token range behind each word."""
    words: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    for mention in mentions:
        for position in range(at, mention.start):
            words.append(tokens.words[position])
            places.append((position, position + 1))
        words.append("\0" + mention.slot)
        places.append((mention.start, mention.end))
        at = mention.end
    for position in range(at, len(tokens)):
        words.append(tokens.words[position])
        places.append((position, position + 1))
    return words, places


def _override(pieces: list[_Piece], unknown: list[Mention]) -> list[_Piece]:
    """Unknown names win over the phrases inside them (``near Thai Palace`` is no Thai food)."""
    kept = [
        piece
        for piece in pieces
        if all(piece.end <= new.start or new.end <= piece.start for new in unknown)
    ]
    return kept + [_Piece(new.start, new.end, new.slot, (new.value,)) for new in unknown]


@lru_cache(maxsize=32)
def _checker(domain: Domain, folder: object) -> SlotChecker:
    return SlotChecker(domain, load_lexicon(domain))

"""The slot checker and aligner: which words realise which slots, and is that what was asked for."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from d2t.mr.types import Slot
from d2t.slots.claims import ClaimFinder, load_frame
from d2t.slots.lexicon.english import english
from d2t.slots.lexicon.lexicon import AS_SAID, Lexicon, load_lexicon
from d2t.slots.lexicon.matcher import Phrase, PhraseMatcher, verbatim
from d2t.slots.lexicon.tokens import sentence_starts
from d2t.slots.names import NameFinder, NameTable
from d2t.slots.pieces import Piece
from d2t.slots.quantities import QuantityReader
from d2t.slots.stand_ins import stand_ins
from d2t.slots.types import Alignment, SlotReport, Span, WrongValue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from d2t.mr.domain import Domain, SlotSpec
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.lexicon.lexicon import Apposition, Entry
    from d2t.slots.lexicon.tokens import Tokens
    from d2t.slots.names import Mention
    from d2t.slots.types import Claim, Repeats


_QUOTES = (("'", "'"), ('"', '"'), ("‘", "’"), ("“", "”"), ("`", "'"))
_QUOTE = re.compile("['\"‘’“”`]")
_MARKS = frozenset(".!?,;:")
_LABEL = 3  # words of a label
_APOSTROPHE = re.compile(r"\w'\w|s'\s")


def mask(tokens: Tokens, mentions: list[Mention]) -> tuple[list[str], list[tuple[int, int]]]:
    """Words with each mention folded into one stand-in, and the token range behind each word.

    Before a line that begins with a label ("Rating: high") stands a pause that the text lacks.
    """
    words: list[str] = []
    places: list[tuple[int, int]] = []
    lines = _labelled_lines(tokens)
    at = 0
    for mention in mentions:
        words += tokens.words[at : mention.start]
        places += pairwise(range(at, mention.start + 1))
        words.append("\0" + mention.slot)
        places.append((mention.start, mention.end))
        at = mention.end
    words += tokens.words[at:]
    places += pairwise(range(at, len(tokens) + 1))
    pauses = [k for k, (first, _) in enumerate(places) if first in lines] if lines else []
    for k in reversed(pauses):
        if words[k][0] != "\0":
            words.insert(k, ";")
            places.insert(k, (places[k][0], places[k][0]))
    return words, places


def _labelled_lines(tokens: Tokens) -> frozenset[int]:
    """The tokens that begin a line with a label, where the line before has no mark at its end."""
    text, words = tokens.text, tokens.words
    if "\n" not in text:
        return frozenset()
    return frozenset(
        at
        for at in range(1, len(tokens))
        if "\n" in text[tokens.ends[at - 1] : tokens.starts[at]]
        and words[at - 1] not in _MARKS
        and ":" in words[at + 1 : at + 1 + _LABEL]
    )


def _line_starts(tokens: Tokens, places: list[tuple[int, int]]) -> frozenset[int]:
    """The positions of masked words that begin a line."""
    if "\n" not in tokens.text:
        return frozenset()
    return frozenset(
        at
        for at, (first, _) in enumerate(places)
        if first and "\n" in tokens.text[tokens.ends[first - 1] : tokens.starts[first]]
    )


def override(pieces: list[Piece], unknown: list[Piece]) -> list[Piece]:
    """Unknown names win over the phrases inside them (``near Thai Palace`` is no Thai food)."""
    kept = [
        piece
        for piece in pieces
        if all(piece.end <= new.start or new.end <= piece.start for new in unknown)
    ]
    return kept + unknown


def merge_appositions(
    pieces: list[Piece],
    tokens: Tokens,
    rule: Apposition,
    spec: SlotSpec,
    mr: MeaningRepresentation | None,
) -> list[Piece]:
    """``a high rating of 5 out of 5``: the word and the figure are one mention, of the figure."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.slot == piece.slot == rule.slot
            and (last.values[0] in rule.words) != (piece.values[0] in rule.words)
            and rule.between.issuperset(tokens.words[last.end : piece.start])
        ):
            word, figure = (last, piece) if last.values[0] in rule.words else (piece, last)
            values = _apposed(word, figure, spec, mr)
            merged[-1] = Piece(last.start, piece.end, piece.slot, values)
        else:
            merged.append(piece)
    return merged


def _apposed(
    word: Piece, figure: Piece, spec: SlotSpec, mr: MeaningRepresentation | None
) -> tuple[str, ...]:
    """The figure's value; the word's when the MR holds that one and it means the same."""
    held = () if mr is None else mr.values(word.slot)
    if any(value in held for value in figure.values):
        return figure.values
    meant = {spec.merged(value) for value in figure.values}
    same = (value for value in word.values if value in held and spec.merged(value) in meant)
    held_value = next(same, None)
    return figure.values if held_value is None else (held_value,)


def settle(
    pieces: list[Piece],
    tokens: Tokens,
    specs: Mapping[str, SlotSpec],
    mr: MeaningRepresentation | None,
) -> tuple[tuple[Span, ...], tuple[Span, ...], tuple[Span, ...]]:
    """Pieces in text order as spans: the MR picks among candidates, characters are used once.

    Only where the MR holds two slots that one word tells ("a trattoria" is a restaurant, and its
    food Italian) they share it; otherwise the word is of the slot that the MR holds.

    Returns:
        What the text says; the weak and sole pieces that do not count and are of nothing that
        the MR holds (``Alignment.faint``); and those of what it holds (``Alignment.vague``).
    """
    spans: list[Span] = []
    faint: list[Span] = []
    vague: list[Span] = []
    filled = {piece.slot for piece in pieces if not (piece.weak or piece.sole)}
    strong: set[tuple[str, str]] = set()
    if any(piece.weak for piece in pieces):
        strong.update(
            (piece.slot, value)
            for piece in pieces
            if not piece.weak and not (piece.sole and piece.slot in filled)
            for value in piece.values
        )
    wanted: dict[str, dict[str, Slot]] = {}
    for slot in () if mr is None else mr.slots:
        wanted.setdefault(slot.name, {}).setdefault(slot.value, slot)
    quoted = _QUOTE.search(tokens.text) is not None
    used = 0
    if mr is not None:
        pieces = sorted(pieces, key=lambda piece: (piece.start, _agreement(piece, wanted)))
    for piece in pieces:
        start, end = tokens.starts[piece.start], tokens.ends[piece.end - 1]
        spec, held = specs[piece.slot], wanted.get(piece.slot, _NONE)
        if start < used:
            last = spans[-1]
            shared = (last.start, last.end) == (start, end) and last.slot.name != piece.slot
            if not shared or held.keys().isdisjoint(piece.values):
                continue
        values = [spec.canonical_value(value) for value in piece.values]
        if piece.sole and piece.slot in filled:
            said = Span(start, end, Slot(piece.slot, values[0]))
            (vague if _means(piece, spec, held) else faint).append(said)
            continue
        value = next((value for value in values if value in held), values[0])
        contradicts = spec.kind == "boolean" and piece.slot in filled
        if piece.weak and (value not in held or contradicts or (piece.slot, value) in strong):
            said = Span(start, end, Slot(piece.slot, values[0]))
            (vague if _means(piece, spec, held) else faint).append(said)
            continue
        if quoted:
            start, end = _with_quotes(tokens.text, start, end, used)
        spans.append(Span(start, end, held.get(value) or Slot(piece.slot, value)))
        used = end
        if piece.sole:
            filled.add(piece.slot)
    return tuple(spans), tuple(faint), tuple(vague)


def _agreement(piece: Piece, wanted: Mapping[str, Mapping[str, Slot]]) -> int:
    """0 for a piece that says what the MR says, 1 for another value of its slot, 2 for the rest."""
    held = wanted.get(piece.slot)
    return 2 if not held else 1 if held.keys().isdisjoint(piece.values) else 0


_NONE: dict[str, Slot] = {}


def _means(piece: Piece, spec: SlotSpec, held: Collection[str]) -> bool:
    """Whether a value of the MR means the same as one of the piece."""
    meant = {spec.merged(spec.canonical_value(value)) for value in piece.values}
    return any(spec.merged(value) in meant for value in held)


def _with_quotes(text: str, start: int, end: int, used: int) -> tuple[int, int]:
    """The range with the partner of a quotation mark that it holds alone (``"low" rating``)."""
    inside = text[start:end]
    for opening, closing in _QUOTES:
        if not (opening in inside or closing in inside):
            continue
        if opening == closing and inside.count(opening) != 1:
            continue
        if closing == "'" and _APOSTROPHE.search(inside):
            continue
        if opening in inside and text[end : end + 1] == closing:
            return start, end + 1
        if closing in inside and start > used and text[start - 1] == opening:
            return start - 1, end
    return start, end


# A value of several words, or one of the MR that the domain does not list, outweighs any phrase of
# the lexicon when it is written out: "an outstanding rating" is rating[outstanding] where that was
# asked for, and rating[high] elsewhere.
_VERBATIM_BONUS = 20
_VERBATIM_RANK = -1
_MEANINGS = 10_000
_FAR = 12  # twice the words on each side in which a slot's own words are looked for
_USUAL = 2.0  # how much more often a slot's phrases must have a word than those of another slot
_CLAUSE_BREAKS = frozenset({".", "!", "?", ";", ",", "and", "but"})
# Words of boolean slot names that texts do not repeat: has_linux_release, available_on_steam.
_NAME_PARTS = frozenset({"has", "is", "on", "available", "release"})
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)?")


class SlotChecker:
    """Aligns texts of one domain with slots, and judges them against MRs.

    Deterministic, torch-free, and without state that a call changes (only memos).
    """

    def __init__(self, domain: Domain, lexicon: Lexicon) -> None:
        self.domain = domain
        self.lexicon = lexicon
        self._tokenize = lexicon.tokenizer
        self._matcher = PhraseMatcher(lexicon)
        said = self._said(domain)
        ordinary = self._matcher.vocabulary | lexicon.light | said
        self._ordinary = ordinary
        negation = self._matcher.negation_before
        self._names = NameFinder(domain, lexicon, ordinary, said, negation)
        self._claim_finder = ClaimFinder(load_frame(domain, ordinary), self._restates)
        self._meanings: dict[tuple[str, str], frozenset[str]] = {}
        self._scaled = self._matcher.scaled
        self._specs = {spec.name: spec for spec in domain.slots}
        self._quantities = QuantityReader(
            self._specs, {entry.slot for entry in lexicon.entries if entry.numeric}
        )
        self._worded = lexicon.worded()
        self._known_names = frozenset(
            (spec.name, value)
            for spec in domain.slots
            if spec.kind == "open"
            for value in spec.values
        )
        self._standing = {
            (spec.name, value): self._spoken(spec, value)
            for spec in domain.slots
            if spec.kind != "open"
            for value in spec.values
            if (spec.name, value) not in self._worded
        }

    @classmethod
    def for_domain(cls, domain: Domain) -> SlotChecker:
        """The checker of ``domain`` with all layers of its lexicon, built once."""
        return _checker(domain, domain.folder)

    @property
    def lexicon_digest(self) -> str:
        """SHA-256 of the lexicon's content."""
        return self.lexicon.digest

    def signature(
        self,
        *,
        merge_synonyms: bool = False,
        strict_numbers: bool = False,
        repeats: Repeats = "error",
    ) -> str:
        """What a score depends on: ``SER|dom:restaurant@9f3c|lex:4b1e|rep:yes|syn:no|v:0.1.0``."""
        from d2t._version import __version__

        return (
            f"SER|dom:{self.domain.name}@{self.domain.digest[:4]}|lex:{self.lexicon_digest[:4]}"
            f"|rep:yes|syn:{'yes' if merge_synonyms else 'no'}"
            f"{'|num:strict' if strict_numbers else ''}"
            f"{'' if repeats == 'error' else '|exact:rep-ok'}|v:{__version__}"
        )

    def align(
        self, text: str, mr: MeaningRepresentation | None = None, *, strict_numbers: bool = False
    ) -> Alignment:
        """What ``text`` says.

        Args:
            text: any utterance: cased or not, tokenised or not.
            mr: decides among values that share a wording, and brings values nobody has seen before.
            strict_numbers: read quantities strictly, as ``check`` describes.
        """
        return self._align(self._tokenize(text), mr, strict_numbers=strict_numbers)

    def _align(
        self, tokens: Tokens, mr: MeaningRepresentation | None, *, strict_numbers: bool
    ) -> Alignment:
        mentions = self._names.find(tokens, self._fresh_names(mr), mr)
        words, places = mask(tokens, mentions)
        lines = _line_starts(tokens, places) if "\n" in tokens.text else frozenset()
        phrases, silent = self._matcher.read(words, self._verbatim(words, mr), lines)
        pieces = [
            Piece(places[p.start][0], places[p.end - 1][1], p.slot, p.values, p.weak, p.sole)
            for p in phrases
        ]
        pieces = [self._as_said(piece, tokens, mr) for piece in pieces]
        pieces += [Piece(m.start, m.end, m.slot, (m.value,)) for m in mentions if m.slot]
        if unknown := self._unknown_names(tokens, pieces, mentions):
            pieces = override(pieces, unknown)
        if mr is not None and (others := self._stand_ins(tokens, pieces, mentions, mr)):
            pieces = override(pieces, others)
        pieces.sort(key=lambda piece: piece.start)
        idle = {at for word in silent for at in range(*places[word])}
        idle.update(at for m in mentions if not m.slot for at in range(m.start, m.end))
        pieces = self._quantities.read(tokens, pieces, idle, mr, strict_numbers=strict_numbers)
        for rule in self.lexicon.appositions:
            pieces = merge_appositions(pieces, tokens, rule, self._specs[rule.slot], mr)
        spans, faint, vague = settle(pieces, tokens, self._specs, mr)
        names = [(mention.start, mention.end) for mention in mentions]
        again = tuple(self._again(tokens, spans))
        return Alignment(tokens.text, spans, sentence_starts(tokens, names), faint, again, vague)

    def _again(self, tokens: Tokens, spans: tuple[Span, ...]) -> Iterator[Span]:
        """The spans that say in the same words what the span before them says.

        A name is said again as a subject, and "the pub" takes up "a pub".
        """
        for first, second in pairwise(spans):
            if first.slot != second.slot or self._specs[first.slot.name].kind == "open":
                continue
            (one, known), (other, takes_up) = (self._content(tokens, s) for s in (first, second))
            if one and other and (one <= other or other <= one) and (known or not takes_up):
                yield second

    def _content(self, tokens: Tokens, span: Span) -> tuple[frozenset[str], bool]:
        """The words of a span that carry it, and whether an article makes it known."""
        inside = range(bisect_left(tokens.starts, span.start), bisect_right(tokens.ends, span.end))
        words = [tokens.words[at] for at in inside]
        opening = (tokens.words[max(0, inside.start - 1)], *words[:1])
        content = (word for word in words if word not in self.lexicon.light and word[0].isalnum())
        return frozenset(content), not english().definite.isdisjoint(opening)

    def wordings(
        self, text: str, mr: MeaningRepresentation | None = None
    ) -> list[tuple[int, int, Entry, str]]:
        """The phrases of the lexicon that were chosen: characters, entry and pattern."""
        tokens = self._tokenize(text)
        words, places = mask(tokens, self._names.find(tokens, self._fresh_names(mr), mr))
        chosen: list[tuple[int, int, Entry, str]] = []
        for phrase in self._matcher.find(words, self._verbatim(words, mr)):
            if (known := self._matcher.wording(phrase)) is not None:
                first, last = places[phrase.start][0], places[phrase.end - 1][1]
                chosen.append((tokens.starts[first], tokens.ends[last - 1], *known))
        return chosen

    def check(
        self,
        text: str,
        mr: MeaningRepresentation,
        *,
        merge_synonyms: bool = False,
        strict_numbers: bool = False,
        repeats: Repeats = "error",
    ) -> SlotReport:
        """Missing, added, wrong and repeated slots of ``text`` against ``mr``, and its claims.

        Args:
            text: any utterance.
            mr: what it should say.
            merge_synonyms: take values that tell a reader the same thing (domain.toml) as one.
            strict_numbers: a number must be said as a number ("moderately priced" is not
                ``£20-25``), with the same bound and currency. Not strict is the reading of corpora:
                people who wrote texts for ``£20-25`` softened it, and wrote "$20" for £20.
            repeats: whether a slot that is said again counts in ``ok``; it always counts in SER.
        """
        tokens = self._tokenize(text)
        alignment = self._align(tokens, mr, strict_numbers=strict_numbers)
        merge = self.merged if merge_synonyms else _same
        report = judge(alignment, mr, merge, repeats)
        claims = self.claims_of(tokens, alignment)
        return replace(report, unsupported=claims) if claims else report

    def claims(self, alignment: Alignment) -> tuple[Claim, ...]:
        """The claims of a text beyond the spans of its alignment."""
        return self.claims_of(self._tokenize(alignment.text), alignment)

    def claims_of(self, tokens: Tokens, alignment: Alignment) -> tuple[Claim, ...]:
        """The claims of a text that is tokenised already."""
        return self._claim_finder.find(tokens, alignment.spans, alignment.vague)

    def _restates(self, words: Sequence[str], span: Span) -> bool:
        """Whether words before a span, the others being its slot's name, mean what it says."""
        spec = self._specs[span.slot.name]
        named = self._tokenize.words(_CAMEL.sub(" ", spec.name))
        if not set(words[1:]).issubset(named):
            return False
        key = (words[0], spec.name)
        if key not in self._meanings:
            if len(self._meanings) > _MEANINGS:
                self._meanings.clear()
            self._meanings[key] = frozenset(
                spec.merged(spec.canonical_value(value))
                for phrase in self._matcher.find([words[0], *named])
                if phrase.start == 0 and phrase.slot == spec.name
                for value in phrase.values
            )
        return spec.merged(span.slot.value) in self._meanings[key]

    def merged(self, slot: Slot) -> Slot:
        """``slot`` with the value that stands for its synonym group."""
        value = self._specs[slot.name].merged(slot.value)
        return slot if value == slot.value else Slot(slot.name, value)

    def _fresh_names(self, mr: MeaningRepresentation | None) -> NameTable | None:
        """The open values of the MR that the domain does not list."""
        fresh = [
            (slot.name, slot.value)
            for slot in (() if mr is None else mr.slots)
            if slot.value
            and self._specs[slot.name].kind == "open"
            and (slot.name, slot.value) not in self._known_names
        ]
        return self._names.table(fresh) if fresh else None

    def _unknown_names(
        self, tokens: Tokens, pieces: list[Piece], mentions: list[Mention]
    ) -> list[Piece]:
        context = self._names.context
        if context is None:
            return []
        taken = {at for piece in pieces for at in range(piece.start, piece.end)}
        named = {at for mention in mentions for at in range(mention.start, mention.end)}
        return [
            Piece(start, end, slot, (value,))
            for start, end, slot, value in context.unknown(tokens, taken, named)
        ]

    def _as_said(self, piece: Piece, tokens: Tokens, mr: MeaningRepresentation | None) -> Piece:
        """A piece whose value is what the text calls it; the MR's value if that has these words."""
        if AS_SAID not in piece.values:
            return piece
        words = tokens.words[piece.start : piece.end]
        around = {*tokens.words[max(0, piece.start - 2) : piece.end], *english().definite}
        held = () if mr is None else mr.values(piece.slot)
        same = [v for v in held if set(words) <= set(self._tokenize.words(v)) <= around]
        said = tokens.text[tokens.starts[piece.start] : tokens.ends[piece.end - 1]]
        said = next(iter(same), " ".join(said.split()))
        return replace(piece, values=tuple(said if v == AS_SAID else v for v in piece.values))

    def _stand_ins(
        self,
        tokens: Tokens,
        pieces: list[Piece],
        mentions: list[Mention],
        mr: MeaningRepresentation,
    ) -> list[Piece]:
        """Other names in the places of those of the MR that the text does not say."""
        context = self._names.context
        if context is None:
            return []
        told = {piece.slot for piece in pieces}
        missing = [
            (slot.name, slot.value)
            for slot in mr.slots
            if slot.value
            and slot.name in (context.name_slot, context.slot)
            and slot.name not in told
        ]
        if not missing:
            return []
        slots = (context.name_slot, context.slot)
        named = {at for p in pieces if p.slot in slots for at in range(p.start, p.end)}
        named.update(at for mention in mentions for at in range(mention.start, mention.end))
        found = stand_ins(tokens, missing, named, self._ordinary, context)
        return [Piece(one.start, one.end, one.slot, (one.value,)) for one in found]

    def _shared(
        self, wanted: Mapping[tuple[str, str], object], mr: MeaningRepresentation | None
    ) -> dict[tuple[str, str], tuple[str, ...]]:
        """Values of the MR that several of its slots have, as words: ``low`` prices and ratings."""
        if mr is None or len({slot.value.casefold() for slot in mr.slots}) == len(mr.slots):
            return {}
        closed = [slot for slot in mr.slots if self._specs[slot.name].kind == "categorical"]
        closed += [slot for slot in mr.slots if self._specs[slot.name].kind == "ordinal"]
        worded = Counter(self._tokenize.words(slot.value) for slot in closed)
        keys = {
            (slot.name, slot.value): spoken
            for slot in closed
            if (spoken := self._tokenize.words(slot.value)) and worded[spoken] > 1
        }
        unlisted = {keys[key] for key in keys if key in wanted}  # the lexicon tells others apart
        return {key: spoken for key, spoken in keys.items() if spoken in unlisted}

    def _of_shared(
        self, words: list[str], shared: Mapping[tuple[str, str], tuple[str, ...]]
    ) -> list[Phrase]:
        """Each mention of a shared value, for the slot whose own words stand nearest to it.

        Where none do, it is of the slot that has no mention yet.
        """
        phrases: list[Phrase] = []
        for spoken in dict.fromkeys(shared.values()):
            keys = [key for key, value in shared.items() if value == spoken]
            own = self._own_words([name for name, _ in keys])
            told: Counter[tuple[str, str]] = Counter()
            undecided: list[tuple[int, int]] = []
            for start, end in verbatim(words, spoken):
                if self._matcher.negation_before(words, start) is not None:
                    continue
                near = {key: _distance(words, start, end, own[key[0]]) for key in keys}
                best = min(near.values())
                nearest = [key for key in keys if near[key] == best]
                if best >= _FAR or len(nearest) > 1:
                    undecided.append((start, end))
                    continue
                told[nearest[0]] += 1
                phrases.append(_shared_phrase(start, end, nearest[0]))
            for start, end in undecided:
                key = min(keys, key=lambda key: told[key])
                told[key] += 1
                phrases.append(_shared_phrase(start, end, key))
        return phrases

    def _own_words(self, slots: list[str]) -> dict[str, frozenset[str]]:
        """The words of a slot's name, and those usual in its phrases and not in others'."""
        named = {slot: self._tokenize.words(_CAMEL.sub(" ", slot)) for slot in slots}
        usual = {slot: self._matcher.usual_words(slot) for slot in slots}
        own: dict[str, frozenset[str]] = {}
        for slot in slots:
            others = [other for other in slots if other != slot]
            foreign = {word for other in others for word in named[other]}
            words = set(named[slot]) - foreign
            for word, share in usual[slot].items():
                rivals = max(usual[other].get(word, 0.0) for other in others)
                if word not in foreign and share > _USUAL * rivals:
                    words.add(word)
            own[slot] = frozenset(words)
        return own

    def _said(self, domain: Domain) -> frozenset[str]:
        """The words of closed values and of the names of slots."""
        closed = [spec for spec in domain.slots if spec.kind != "open"]
        values = [value for spec in closed for value in spec.values]
        names = [_CAMEL.sub(" ", spec.name) for spec in domain.slots]
        return frozenset(word for text in values + names for word in self._tokenize.words(text))

    def _spoken(self, spec: SlotSpec, value: str) -> tuple[tuple[tuple[str, ...], ...], bool]:
        """The words to look for when no lexicon words a value, and whether they must be negated.

        A yes or no, or a slot that is asked for without a value, goes by the words of its name.
        """
        if not value or (spec.kind == "boolean" and value in spec.values):
            parts = _CAMEL.sub(" ", spec.name).split()
            kept = [part for part in parts if part.lower() not in _NAME_PARTS] or parts
            return (self._tokenize.words(" ".join(kept)),), value == "no"
        return self.lexicon.variants(self._tokenize.words(value)), False

    def _verbatim(self, words: list[str], mr: MeaningRepresentation | None) -> list[Phrase]:
        """Values without wording in the lexicon, found as they are written."""
        wanted = dict(self._standing)
        unlisted: set[tuple[str, str]] = set()
        for slot in () if mr is None else mr.slots:
            spec, key = self._specs[slot.name], (slot.name, slot.value)
            if spec.kind == "open" and slot.value:
                continue
            if slot.name in self._scaled and _FIGURE.fullmatch(slot.value):
                continue  # a figure of a scale needs the words around it
            if spec.is_unseen(slot.value):
                unlisted.add(key)
            if key not in self._worded or slot.value not in spec.values:
                wanted.setdefault(key, self._spoken(spec, slot.value))
        present = set(words)
        shared = self._shared(wanted, mr)
        phrases = self._of_shared(words, shared) if shared else []
        for key, (variants, negated) in wanted.items():
            name, value = key
            for spoken in () if key in shared else variants:
                if not spoken or spoken[0] not in present:
                    continue
                heavy = len(spoken) > 1 or (name, value) in unlisted
                bonus = _VERBATIM_BONUS if heavy else 0
                for start, end in verbatim(words, spoken):
                    before = self._matcher.negation_before(words, start)
                    if (before is not None) == negated:
                        first = start if before is None else before
                        weight = end - start + bonus
                        phrases.append(Phrase(first, end, weight, name, (value,), _VERBATIM_RANK))
        return phrases


def _shared_phrase(start: int, end: int, key: tuple[str, str]) -> Phrase:
    weight = end - start + _VERBATIM_BONUS
    return Phrase(start, end, weight, key[0], (key[1],), _VERBATIM_RANK)


def _distance(words: list[str], start: int, end: int, own: frozenset[str]) -> int:
    """How far the nearest of a slot's own words stands, within the clause; _FAR: nowhere near.

    What follows is a little nearer than what comes before: "a rating of 3, low prices".
    """
    best = _FAR
    for step in range(_FAR // 2):
        if end + step >= len(words) or words[end + step] in _CLAUSE_BREAKS:
            break
        if words[end + step] in own:
            best = 2 * step
            break
    for step in range(_FAR // 2):
        at = start - 1 - step
        if at < 0 or words[at] in _CLAUSE_BREAKS:
            break
        if words[at] in own:
            best = min(best, 2 * step + 1)
            break
    return best


@lru_cache(maxsize=32)
def _checker(domain: Domain, folder: Path | None) -> SlotChecker:
    return SlotChecker(domain, load_lexicon(domain))


Merge = Callable[[Slot], Slot]


def _same(slot: Slot) -> Slot:
    return slot


def mentions(alignment: Alignment, merge: Merge = lambda slot: slot) -> tuple[Span, ...]:
    """The spans that open the mentions of the realised plan: adjacent equal ones are one."""
    opened: list[Span] = []
    last: Slot | None = None
    for span in alignment.spans:
        slot = merge(span.slot)
        if slot != last:
            opened.append(span)
            last = slot
    return tuple(opened)


def judge(
    alignment: Alignment,
    mr: MeaningRepresentation,
    merge: Merge = lambda slot: slot,
    repeats: Repeats = "error",
) -> SlotReport:
    """Compare what a text says with what it should say.

    Rule O6, with a wrong value counted once. A value the MR does not hold is ``wrong`` when a value
    expected for the same slot is not said (one error, where the source counts two: rule W6), else
    ``added``; a slot and value said again later in the realised plan, or at once in the same words
    (``Alignment.again``), is ``repeated``, right or not.

    Args:
        alignment: what the text says.
        mr: what it should say.
        merge: maps a slot to the one that stands for its synonyms; the identity is strict.
        repeats: whether what is said again counts in ``ok``.
    """
    expected: dict[Slot, Slot] = {}  # as the MR spells them, by what stands for their synonyms
    for slot in mr.slots:
        expected.setdefault(merge(slot), slot)
    said: dict[Slot, Span] = {}
    repeated: list[Span] = list(alignment.again)
    for span in mentions(alignment, merge):
        if said.setdefault(merge(span.slot), span) is not span:
            repeated.append(span)
    missing = [slot for slot in expected if slot not in said]
    wrong: list[WrongValue] = []
    added: list[Span] = []
    for slot, span in said.items():
        if slot in expected:
            continue
        partner = next((other for other in missing if other.name == slot.name), None)
        if partner is None:
            added.append(span)
        else:
            missing.remove(partner)
            wrong.append(WrongValue(expected[partner], span))
    return SlotReport(
        alignment=alignment,
        n_slots=len(mr.slots),
        missing=tuple(expected[slot] for slot in missing),
        added=tuple(added),
        wrong=tuple(wrong),
        repeated=tuple(sorted(repeated)),
        repeats=repeats,
    )

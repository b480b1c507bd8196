"""From what was found to spans: figures beside their words, values settled, no overlaps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.mr.types import Slot
from d2t.slots.types import Span

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from d2t.mr.domain import SlotSpec
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.lexicon.lexicon import Apposition
    from d2t.slots.lexicon.tokens import Tokens
    from d2t.slots.names import Mention

_QUOTES = (("'", "'"), ('"', '"'), ("‘", "’"), ("“", "”"), ("`", "'"))
_QUOTE = re.compile("['\"‘’“”`]")
_APOSTROPHE = re.compile(r"\w'\w|s'\s")


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens ``start:end`` realise one of ``values``.

    A weak one needs the MR to hold it, a sole one counts where nothing else realises the slot.
    """

    start: int
    end: int
    slot: str
    values: tuple[str, ...]
    weak: bool = False
    sole: bool = False


def mask(tokens: Tokens, mentions: list[Mention]) -> tuple[list[str], list[tuple[int, int]]]:
    """Words with each mention folded into one stand-in, and the token range behind each word."""
    words: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    for mention in mentions:
        words += tokens.words[at : mention.start]
        places += ((position, position + 1) for position in range(at, mention.start))
        words.append("\0" + mention.slot)
        places.append((mention.start, mention.end))
        at = mention.end
    words += tokens.words[at:]
    places += ((position, position + 1) for position in range(at, len(tokens)))
    return words, places


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
    found = next(same, None)
    return figure.values if found is None else (found,)


def settle(
    pieces: list[Piece],
    tokens: Tokens,
    specs: Mapping[str, SlotSpec],
    mr: MeaningRepresentation | None,
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Pieces in text order as spans: the MR picks among candidates, characters are used once.

    Returns:
        What the text says, and the weak and sole pieces that do not count and are of nothing that
        the MR holds (``Alignment.faint``).
    """
    spans: list[Span] = []
    faint: list[Span] = []
    filled = {piece.slot for piece in pieces if not (piece.weak or piece.sole)}
    strong = {
        (piece.slot, value)
        for piece in pieces
        if not piece.weak and not (piece.sole and piece.slot in filled)
        for value in piece.values
    }
    quoted = _QUOTE.search(tokens.text) is not None
    used = 0
    for piece in pieces:
        start, end = tokens.starts[piece.start], tokens.ends[piece.end - 1]
        if start < used:
            continue
        held = () if mr is None else mr.values(piece.slot)
        if piece.sole and piece.slot in filled:
            faint += _unheld(piece, specs[piece.slot], held, start, end)
            continue
        values = [specs[piece.slot].canonical_value(value) for value in piece.values]
        value = next((value for value in values if value in held), values[0])
        if piece.weak and (value not in held or (piece.slot, value) in strong):
            faint += _unheld(piece, specs[piece.slot], held, start, end)
            continue
        if quoted:
            start, end = _with_quotes(tokens.text, start, end, used)
        spans.append(Span(start, end, Slot(piece.slot, value)))
        used = end
        if piece.sole:
            filled.add(piece.slot)
    return tuple(spans), tuple(faint)


def _unheld(
    piece: Piece, spec: SlotSpec, held: Collection[str], start: int, end: int
) -> list[Span]:
    """The piece as a span, unless a value of the MR means the same as one of its own."""
    meant = {spec.merged(spec.canonical_value(value)) for value in piece.values}
    if any(spec.merged(value) in meant for value in held):
        return []
    return [Span(start, end, Slot(piece.slot, spec.canonical_value(piece.values[0])))]


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

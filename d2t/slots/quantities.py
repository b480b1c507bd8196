"""Reads what quantity a text says where a phrase or a value was found, and compares by meaning.

The lexicon decides which words belong to which slot; the quantity there is the longest expression
that overlaps them. "£15k" is no £15, "5 out of 10" no 5, and "5.0 stars" is 5 out of 5.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from d2t.mr.quantity import (
    NOT,
    Expression,
    Measure,
    Quantity,
    derive_measure,
    fits,
    is_slip,
    parse_quantity,
    quantities,
    says,
    written_like,
)
from d2t.slots.pieces import Piece

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from d2t.mr.domain import SlotSpec
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.lexicon.tokens import Tokens


class QuantityReader:
    """Corrects pieces of one text by the quantities that stand there."""

    def __init__(self, specs: Mapping[str, SlotSpec], worded: Collection[str]) -> None:
        """Prepare for the slots ``specs``.

        A bare figure says nothing of the slots in ``worded``: the lexicon knows the words around.
        """
        self._specs = specs
        self._worded = worded

    @cached_property
    def _measures(self) -> dict[str, Measure]:
        return {
            name: derive_measure(spec.values, spec.units, spec.scale)
            for name, spec in self._specs.items()
            if spec.kind not in ("open", "boolean")
        }

    def read(
        self,
        tokens: Tokens,
        pieces: list[Piece],
        idle: set[int],
        mr: MeaningRepresentation | None,
        *,
        strict_numbers: bool,
    ) -> list[Piece]:
        """``pieces`` in text order, each with the value that its quantity says.

        Args:
            tokens: the text.
            pieces: what was found in it.
            idle: the tokens that say nothing of the place.
            mr: its values are preferred to others of the same meaning.
            strict_numbers: a word does not say a number ("moderate" for ``£20-25``), and a slip of
                the bound or of the currency is wrong; else both pass, as in corpora.
        """
        found = quantities(tokens.text)
        if not found and not strict_numbers:
            return _apart(pieces)
        read: list[Piece] = []
        said: set[tuple[str, str]] = set()
        for piece in pieces:
            here = [e for e in found if _overlaps(e, piece, tokens)]
            new = (
                self._read(piece, here, tokens, mr, strict_numbers=strict_numbers)
                if here
                else piece
            )
            if here and parse_quantity(new.values[0]) is not None:
                said.update((new.slot, value) for value in new.values)
            read.append(new)
        found = tuple(
            one
            for one in found
            if one.explained or idle.isdisjoint(range(*_token_range(one, tokens)))
        )
        if mr is not None and found:
            read = self._with_bare(tokens, self._by_meaning(tokens, read, found, mr), found, mr)
            said.update((p.slot, p.values[0]) for p in read if p not in pieces)
        others = self._unclaimed(tokens, [piece for piece in read if not piece.weak], found, mr)
        read = [piece for piece in read if not (piece.weak and _is_within(piece, others))]
        read += others
        read.sort(key=lambda piece: piece.start)
        if strict_numbers:
            read = [self._unsoftened(piece, said) for piece in read]
        return _apart(read)

    def _read(
        self,
        piece: Piece,
        here: list[Expression],
        tokens: Tokens,
        mr: MeaningRepresentation | None,
        *,
        strict_numbers: bool,
    ) -> Piece:
        spec = self._specs[piece.slot]
        listed = spec.canonical_value(piece.values[0])
        meant = parse_quantity(listed)
        if spec.kind == "open" and meant is None:
            return self._name(piece, here, tokens)
        if meant is None and not _is_bare(here[0].quantity):
            # a word that is the beginning of a figure: "for less" of "for less than ₹20"
            numbers = (parse_quantity(spec.canonical_value(value)) for value in piece.values)
            meant = next((number for number in numbers if number is not None), None)
        if meant is None or spec.kind == "boolean":
            return piece
        measure = self._measures.get(piece.slot, Measure())
        as_read = (one for one in here if says(one.quantity, meant, measure))
        one = next(as_read, here[0])
        for value in () if mr is None else mr.values(piece.slot):
            wanted = parse_quantity(value)
            if wanted is not None and says(one.quantity, wanted, measure):
                return _widened(piece, one, tokens, (value,))
        if says(one.quantity, meant, measure):
            same = [v for v in piece.values if parse_quantity(spec.canonical_value(v)) == meant]
            values = piece.values if spec.canonical_value(same[0]) == listed else tuple(same)
            return _widened(piece, one, tokens, values)
        if _is_short_form(one.quantity, meant, tokens.text[one.start : one.end], listed):
            return piece
        if not strict_numbers and is_slip(one.quantity, meant):
            return piece
        return _widened(piece, one, tokens, (self._value(spec, one, tokens, mr),))

    @staticmethod
    def _name(piece: Piece, here: list[Expression], tokens: Tokens) -> Piece:
        """A name with a number in it: the text must have the same number, with the same sign."""
        numbers = [e.quantity.low for e in quantities(piece.values[0])]
        if not numbers or {e.quantity.low for e in here} == set(numbers):
            return piece
        start = tokens.starts[piece.start]
        end = max(tokens.ends[piece.end - 1], here[-1].end)
        return replace(piece, values=(" ".join(tokens.text[start:end].split()),))

    def _by_meaning(
        self,
        tokens: Tokens,
        pieces: list[Piece],
        found: tuple[Expression, ...],
        mr: MeaningRepresentation,
    ) -> list[Piece]:
        """``pieces``, and the quantities of the MR that the text says where no phrase is."""
        held = {(piece.slot, value) for piece in pieces for value in piece.values}
        for slot in mr.slots:
            wanted = parse_quantity(slot.value)
            if wanted is None or (slot.name, slot.value) in held:
                continue
            if self._specs[slot.name].kind in ("open", "boolean"):
                continue
            measure = self._measures[slot.name]
            for one in found:
                bare = _is_bare(one.quantity)
                if bare and slot.name in self._worded:
                    continue
                if not says(one.quantity, wanted, measure):
                    continue
                if any(_overlaps(one, piece, tokens) for piece in pieces):
                    continue
                first, last = _token_range(one, tokens)
                pieces = [*pieces, Piece(first, last, slot.name, (slot.value,))]
                break
        return sorted(pieces, key=lambda piece: piece.start)

    def _with_bare(
        self,
        tokens: Tokens,
        pieces: list[Piece],
        found: tuple[Expression, ...],
        mr: MeaningRepresentation,
    ) -> list[Piece]:
        """``pieces``, and bare figures of the MR before what else is said: "a 4.2 pub".

        Only figures with decimals: others count things ("2 restaurants").
        """
        starts = {piece.start for piece in pieces}
        bare: list[Piece] = []
        for one in found:
            if not _is_bare(one.quantity) or one.quantity.low == int(one.quantity.low):
                continue
            first, last = _token_range(one, tokens)
            if last not in starts or any(_overlaps(one, piece, tokens) for piece in pieces):
                continue
            slot = next((s for s in mr.slots if parse_quantity(s.value) == one.quantity), None)
            if slot is not None and slot.name in self._worded:
                bare.append(Piece(first, last, slot.name, (slot.value,)))
        return sorted([*pieces, *bare], key=lambda piece: piece.start)

    def _unclaimed(
        self,
        tokens: Tokens,
        pieces: list[Piece],
        found: tuple[Expression, ...],
        mr: MeaningRepresentation | None,
    ) -> list[Piece]:
        """Quantities that no phrase holds, whose unit or scale only one slot has."""
        new: list[Piece] = []
        measures = dict(self._measures)
        for slot in () if mr is None else mr.slots:
            own = measures.get(slot.name)
            quantity = parse_quantity(slot.value)
            if own is not None and quantity is not None and (quantity.units or quantity.scale):
                units = (*own.units, *quantity.units[:1])
                measures[slot.name] = Measure(units, quantity.scale or own.scale)
        for one in found:
            if one.quantity.comparator == NOT:
                continue
            if any(_overlaps(one, piece, tokens) for piece in pieces):
                continue
            slots = [name for name, measure in measures.items() if fits(one.quantity, measure)]
            if len(slots) == 1:
                first, last = _token_range(one, tokens)
                value = self._value(self._specs[slots[0]], one, tokens, mr)
                new.append(Piece(first, last, slots[0], (value,)))
        return new

    def _value(
        self, spec: SlotSpec, one: Expression, tokens: Tokens, mr: MeaningRepresentation | None
    ) -> str:
        """The listed value that a quantity says, else written as the MR or the domain would.

        Its words stand only where no other value shows how to write it.
        """
        measure = self._measures.get(spec.name, Measure())
        for value in spec.values:
            quantity = parse_quantity(value)
            if quantity is not None and says(one.quantity, quantity, measure):
                return value
        for model in (*(() if mr is None else mr.values(spec.name)), *spec.values):
            written = written_like(one.quantity, model)
            meant = None if written is None else parse_quantity(written)
            if written is not None and meant is not None and says(one.quantity, meant, measure):
                return written
        return " ".join(tokens.text[one.start : one.end].split())

    def _unsoftened(self, piece: Piece, said: set[tuple[str, str]]) -> Piece:
        """A piece of words without the numbers that they might stand for.

        A word beside its figure ("a high rating, 5 out of 5") explains it and softens nothing.
        """
        if len(piece.values) == 1 or piece.slot not in self._measures:
            return piece
        values = [v for v in piece.values if parse_quantity(v) is None]
        if not values or len(values) == len(piece.values):
            return piece
        kept = tuple(v for v in piece.values if v in values or (piece.slot, v) in said)
        return replace(piece, values=kept)


def _overlaps(one: Expression, piece: Piece, tokens: Tokens) -> bool:
    return one.start < tokens.ends[piece.end - 1] and tokens.starts[piece.start] < one.end


def _is_within(piece: Piece, others: list[Piece]) -> bool:
    return any(piece.start < one.end and one.start < piece.end for one in others)


def _token_range(one: Expression, tokens: Tokens) -> tuple[int, int]:
    return bisect_right(tokens.ends, one.start), bisect_left(tokens.starts, one.end)


def _widened(piece: Piece, one: Expression, tokens: Tokens, values: tuple[str, ...]) -> Piece:
    first, last = _token_range(one, tokens)
    return replace(piece, start=min(piece.start, first), end=max(piece.end, last), values=values)


def _is_bare(quantity: Quantity) -> bool:
    """Whether it is a number and nothing else."""
    return quantity == Quantity(quantity.low, quantity.low)


def _is_short_form(said: Quantity, meant: Quantity, text: str, value: str) -> bool:
    """Whether the lexicon has completed a figure: "'09" is 2009."""
    return (
        _is_bare(said)
        and _is_bare(meant)
        and text.isdigit()
        and value.isdigit()
        and value.endswith(text)
    )


def _apart(pieces: list[Piece]) -> list[Piece]:
    """Pieces in text order: those of one slot that have grown together are one, others yield."""
    apart: list[Piece] = []
    for piece in pieces:
        last = apart[-1] if apart else None
        if last is not None and piece.start < last.end:
            if piece.slot == last.slot:
                apart[-1] = replace(last, end=max(last.end, piece.end))
                continue
            apart[-1] = replace(last, end=max(last.start + 1, piece.start))
        apart.append(piece)
    return apart

"""What the checker has found before it decides: words that may realise a slot."""

from __future__ import annotations

from dataclasses import dataclass


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

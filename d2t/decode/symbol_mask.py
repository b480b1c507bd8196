"""Which symbols each row may generate: only placeholders that stand for something in its own MR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from d2t.linearize.symbols import all_symbols

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from d2t.mr.domain import Domain


class SymbolMask:
    """Bans source-only symbols, the unknown token and placeholders without a binding.

    A trained model hardly ever wants them; the mask makes it impossible, so that no text leaves the
    system with a raw ``<val:near>`` in it.
    """

    def __init__(self, domain: Domain, tokenizer: object, vocab_size: int) -> None:
        self._ids: dict[str, int] = {}
        for symbol in all_symbols(domain):
            ids = tokenizer.encode_target(symbol)[:-1]  # type: ignore[attr-defined]
            if len(ids) == 1:  # a tokenizer without that symbol spells it out: nothing to ban
                self._ids[symbol] = ids[0]
        self._base = torch.zeros(vocab_size, dtype=torch.bool)
        unknown = getattr(tokenizer, "unk_id", None)
        self._base[[*self._ids.values(), *([] if unknown is None else [unknown])]] = True

    def banned(self, bindings: Sequence[Iterable[str]]) -> Tensor:
        """``(len(bindings), vocab) bool``, True = never generate; bound symbols of each row."""
        mask = self._base.repeat(len(bindings), 1)
        for row, symbols in enumerate(bindings):
            for symbol in symbols:
                if symbol in self._ids:
                    mask[row, self._ids[symbol]] = False
        return mask

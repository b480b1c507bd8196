"""Which symbols each row may generate: only placeholders that stand for something in its own MR."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

from d2t.linearize.symbols import all_symbols
from d2t.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from d2t.model.pretrained_tokenizer import PretrainedTokenizer
    from d2t.mr.domain import Domain

_BYTE = re.compile("<0x[0-9A-F]{2}>")


class SymbolMask:
    """Bans source-only symbols, placeholders without a binding, the unknown token and raw bytes.

    A trained model hardly ever wants them; the mask makes it impossible, so that no text leaves the
    system with a raw ``<val:near>`` in it. Byte pieces let any value be *read*; every character of
    the training texts has a piece of its own, so a byte in an answer could only spell garbage.
    """

    def __init__(
        self, domain: Domain, tokenizer: Tokenizer | PretrainedTokenizer, vocab_size: int
    ) -> None:
        known = tokenizer.symbol_ids  # one without a symbol spells it out: nothing to ban
        self._ids = {symbol: known[symbol] for symbol in all_symbols(domain) if symbol in known}
        self._base = torch.zeros(vocab_size, dtype=torch.bool)
        self._base[list(self._ids.values())] = True
        self._base[tokenizer.vocab_size :] = True  # a checkpoint's spare rows spell nothing
        if isinstance(tokenizer, Tokenizer):
            pieces = tokenizer.pieces(range(tokenizer.vocab_size))
            self._base[[i for i, piece in enumerate(pieces) if _BYTE.fullmatch(piece)]] = True
            self._base[tokenizer.unk_id] = True

    def banned(self, bindings: Sequence[Iterable[str]]) -> Tensor:
        """``(len(bindings), vocab) bool``, True = never generate; bound symbols of each row."""
        mask = self._base.repeat(len(bindings), 1)
        for row, symbols in enumerate(bindings):
            for symbol in symbols:
                if symbol in self._ids:
                    mask[row, self._ids[symbol]] = False
        return mask

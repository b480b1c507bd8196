"""Which symbols each row may generate: only placeholders that stand for something in its own MR."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from d2t.language.symbols import PLAN_SYMBOLS, all_symbols
from d2t.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.model.pretrained_tokenizer import PretrainedTokenizer
    from d2t.mr.domain import Domain

_BYTE = re.compile("<0x[0-9A-F]{2}>")


class SymbolMask:
    """Bans source-only symbols, placeholders without a binding, the unknown token and raw bytes.

    A trained model hardly ever wants them; the mask makes it impossible, so that no text leaves the
    system with a raw ``<val:near>`` in it. Byte pieces let any value be *read*; every character of
    the training texts has a piece of its own, so a byte in an answer could only spell garbage.

    Attributes:
        always: ids that no text may hold, unless a row allows them.
    """

    def __init__(
        self, domain: Domain, tokenizer: Tokenizer | PretrainedTokenizer, vocab_size: int
    ) -> None:
        known = tokenizer.symbol_ids  # one without a symbol spells it out: nothing to ban
        symbols = (*all_symbols(domain), *PLAN_SYMBOLS)
        self._ids = {symbol: known[symbol] for symbol in symbols if symbol in known}
        # A checkpoint's spare rows spell nothing.
        banned = {*self._ids.values(), *range(tokenizer.vocab_size, vocab_size)}
        if isinstance(tokenizer, Tokenizer):
            pieces = tokenizer.pieces(range(tokenizer.vocab_size))
            banned |= {i for i, piece in enumerate(pieces) if _BYTE.fullmatch(piece)}
            banned.add(tokenizer.unk_id)
        self.always = frozenset(banned)

    def allowed(self, symbols: Iterable[str]) -> list[int]:
        """The ids of ``symbols`` that are banned where they stand for nothing."""
        return [self._ids[symbol] for symbol in symbols if symbol in self._ids]

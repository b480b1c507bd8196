"""The tokenizer of a BART or T5 checkpoint behind the interface of ``d2t.model.tokenizer``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import tokenizers

from d2t.errors import BundleError
from d2t.model.tokenizer import GLUE, SymbolCutter, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class SpecialIds:
    """Ids that a checkpoint gives a role, and the symbols that were added to it.

    Attributes:
        prefix: what the checkpoint expects before every text (BART: ``<s>``; T5: nothing).
        bos: what its decoder starts with (BART: ``</s>``; T5: ``<pad>``).
    """

    pad: int
    bos: int
    eos: int
    prefix: tuple[int, ...]
    symbols: tuple[str, ...]


class PretrainedTokenizer:
    """Symbols are added tokens, between which the checkpoint's own tokenizer encodes the text.

    Tokenizers differ in what they do to spaces beside an added token. So text is cut at symbols
    first, a space is understood on both sides of a symbol, and ``GLUE`` (an added token too) says
    that there is none. Byte-level tokenizers (BART) keep the space after a symbol themselves and
    need no ``GLUE`` there. Characters the checkpoint does not know (T5: ``{``, ``<``) are lost.

    Attributes:
        symbols: the added symbols.
        symbol_ids: the id of each symbol.
        pad_id, bos_id, eos_id: the checkpoint's; ``bos_id`` is its decoder start, which may equal
            ``pad_id`` (T5) or ``eos_id`` (BART).
        vocab_size: number of ids, added ones included.
    """

    kind: ClassVar[Literal["pretrained"]] = "pretrained"
    file_name: ClassVar[str] = "tokenizer"

    def __init__(self, backend: tokenizers.Tokenizer, special: SpecialIds) -> None:
        """Wrap a backend that already holds the symbols and ``GLUE`` as added tokens."""
        self._backend = backend
        self.special = special
        self.symbols = special.symbols
        self.pad_id, self.bos_id, self.eos_id = special.pad, special.bos, special.eos
        self.vocab_size: int = backend.get_vocab_size(with_added_tokens=True)
        self._cutter = SymbolCutter(special.symbols)
        self.symbol_ids = {s: int(backend.token_to_id(s) or 0) for s in special.symbols}
        self._glue_id = int(backend.token_to_id(GLUE) or 0)
        self._names = {token: symbol for symbol, token in self.symbol_ids.items()}
        self._ignored = {special.pad, special.bos, special.eos, *special.prefix}
        self._encode_plain = lru_cache(maxsize=65536)(self._encode_plain_uncached)
        self._keeps_space = self._round_trip(" a") == " a" and self._round_trip("a") == "a"

    def encode_source(self, pieces: Iterable[str]) -> list[int]:
        """Ids of linearized pieces; a piece is a symbol, or text in which symbols are not seen."""
        ids = list(self.special.prefix)
        for piece in pieces:
            known = self.symbol_ids.get(piece)
            ids.extend(
                (known,) if known is not None else self._plain(" " + clean(piece).strip(" "))
            )
        return [*ids, self.eos_id]

    def encode_target(self, template: str) -> list[int]:
        """Ids of a target template: the checkpoint's prefix, if any, the text, EOS."""
        ids = list(self.special.prefix)
        spaced, is_first, after_symbol = True, True, False
        for part, is_symbol in self._cutter.cut(clean(template).strip(" ")):
            if is_symbol:
                ids.extend(() if spaced else (self._glue_id,))
                ids.append(self.symbol_ids[part])
                spaced, after_symbol = False, True
            else:
                text = part.strip(" ")
                begins_spaced = is_first or part.startswith(" ")
                if text:
                    if after_symbol and not begins_spaced and not self._keeps_space:
                        ids.append(self._glue_id)
                    ids.extend(self._plain(" " + text if begins_spaced else text))
                spaced, after_symbol = part.endswith(" "), bool(after_symbol and not text)
            is_first = False
        return [*ids, self.eos_id]

    def decode(self, ids: Iterable[int]) -> str:
        """The template that ``ids`` spell, symbols verbatim; stops at EOS after the prefix."""
        out: list[str] = []
        run: list[int] = []
        glued = True

        def flush() -> None:
            """Decode the pieces collected since the last symbol."""
            nonlocal glued
            if run:
                text = self._backend.decode(run, skip_special_tokens=False)
                out.append(text if glued or self._keeps_space else " " + text)
                run.clear()
                glued = False

        for position, token in enumerate(ids):
            if token == self.eos_id and position:
                break
            name = self._names.get(token)
            if name is None and token != self._glue_id:
                run.extend(() if token in self._ignored else (token,))
                continue
            flush()
            if name is None:
                glued = True
            else:
                out.append(name if glued else " " + name)
                glued = False
        flush()
        return "".join(out).strip(" ")

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The vocabulary entries of ``ids``, for showing what the model reads."""
        return [self._backend.id_to_token(token) or "" for token in ids]

    def save(self, path: Path) -> None:
        """Write a folder: ``tokenizer.json`` (the backend) and ``ids.json``."""
        path.mkdir(parents=True, exist_ok=True)
        self._backend.save(str(path / "tokenizer.json"))
        text = json.dumps(asdict(self.special), ensure_ascii=False, indent=2)
        (path / "ids.json").write_text(text + "\n", encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            BundleError: a file is missing or not what ``save`` wrote.
        """
        try:
            backend = tokenizers.Tokenizer.from_file(str(path / "tokenizer.json"))
            raw: dict[str, Any] = json.loads((path / "ids.json").read_text(encoding="utf-8"))
            raw.update({key: tuple(raw[key]) for key in ("prefix", "symbols")})
            size = backend.get_vocab_size(with_added_tokens=True)
            ids = [raw["pad"], raw["bos"], raw["eos"], *raw["prefix"]]
            if not all(type(one) is int and 0 <= one < size for one in ids):
                raise ValueError("an id is none of its vocabulary")
            if not all(isinstance(symbol, str) for symbol in raw["symbols"]):
                raise ValueError("a symbol is no text")
            return cls(backend, SpecialIds(**raw))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # the Rust side raises bare Exception, and panics
            raise BundleError(
                f"{path}: cannot read the tokenizer: {error}; copy the bundle again"
            ) from error

    def _plain(self, text: str) -> tuple[int, ...]:
        return self._encode_plain(text if self._keeps_space else text.strip(" "))

    def _encode_plain_uncached(self, text: str) -> tuple[int, ...]:
        ids: list[int] = []
        for fragment in self._cutter.defused(text):
            ids.extend(self._backend.encode(fragment, add_special_tokens=False).ids)
        return tuple(ids)

    def _round_trip(self, text: str) -> str:
        ids = self._backend.encode(text, add_special_tokens=False).ids
        return str(self._backend.decode(ids, skip_special_tokens=False))


def extend_backend(backend: tokenizers.Tokenizer, symbols: Sequence[str]) -> None:
    """Add ``symbols`` and ``GLUE`` as tokens that match verbatim and swallow no spaces."""
    backend.add_tokens(
        [
            tokenizers.AddedToken(symbol, normalized=False, lstrip=False, rstrip=False)
            for symbol in (*symbols, GLUE)
        ]
    )

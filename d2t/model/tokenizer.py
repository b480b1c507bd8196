"""The subword tokenizer trained on each corpus, one for source and target; symbols never split."""

from __future__ import annotations

import io
import re
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import sentencepiece

from d2t.errors import BundleError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


GLUE = "<glue>"
"""Written where a symbol touches text without a space; a space is understood otherwise."""


class SymbolCutter:
    """Finds the symbols of an inventory in text, longest first."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self._inventory = frozenset(symbols)
        self._symbols = _any_of(self._inventory)
        self._reserved = _any_of({*self._inventory, GLUE})

    def cut(self, text: str) -> Iterator[tuple[str, bool]]:
        """Non-empty parts of ``text`` in order, each with whether it is a symbol."""
        for part in self._symbols.split(text):
            if part:
                yield part, part in self._inventory

    def defused(self, text: str) -> Iterator[str]:
        """``text`` in fragments none of which holds a whole symbol: values are only text."""
        for part in self._reserved.split(text):
            if self._reserved.fullmatch(part):
                yield part[0]
                yield part[1:]
            elif part:
                yield part


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Matches one of ``words``, the longest that fits; nothing when there are none."""
    longest_first = sorted(words, key=lambda s: (-len(s), s))
    return re.compile("(" + ("|".join(map(re.escape, longest_first)) or r"(?!)") + ")")


def clean(text: str) -> str:
    """Runs of spaces become one; lone surrogates, which UTF-8 cannot hold, become U+FFFD."""
    text = text.encode("utf-8", errors="surrogatepass").decode("utf-8", errors="replace")
    return re.sub(" +", " ", text)


_SPACE = "\u2581"
_N_RESERVED = 4 + 256  # pad, bos, eos, unk and the byte pieces


class Tokenizer:
    """SentencePiece with byte fallback: any text is encoded without loss, case and all.

    Text is cut at symbols before SentencePiece sees it. Every word carries its leading space, the
    first one included; a symbol is understood to follow a space (nothing at the start), and
    ``GLUE`` before it says that there was none. So ``<val:name> is`` costs two tokens, not three.

    Attributes:
        symbols: the never-split inventory, in id order.
        symbol_ids: the id of each symbol.
        pad_id, bos_id, eos_id, unk_id: 0, 1, 2, 3.
        vocab_size: number of ids.
    """

    kind: ClassVar[Literal["sentencepiece"]] = "sentencepiece"
    file_name: ClassVar[str] = "tokenizer.model"

    pad_id = 0
    bos_id = 1
    eos_id = 2
    unk_id = 3

    def __init__(self, proto: bytes) -> None:
        """Restore a tokenizer from its serialized SentencePiece model."""
        self._proto = proto
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=proto)
        self.vocab_size: int = self._processor.get_piece_size()
        pieces = [self._processor.id_to_piece(i) for i in range(self.vocab_size)]
        n_symbols = pieces.index(GLUE) - 4 if GLUE in pieces else -1
        if n_symbols < 0 or pieces[:4] != ["<pad>", "<s>", "</s>", "<unk>"]:
            raise BundleError(
                "the tokenizer model was not written by d2t; train it with `d2t train`"
            )
        self.symbols: tuple[str, ...] = tuple(pieces[4 : 4 + n_symbols])
        self._glue_id = 4 + n_symbols
        self.symbol_ids = {symbol: 4 + i for i, symbol in enumerate(self.symbols)}
        self._bytes = [self._piece_bytes(i, piece) for i, piece in enumerate(pieces)]
        self._cutter = SymbolCutter(self.symbols)
        self._encode_plain = lru_cache(maxsize=65536)(self._encode_plain_uncached)

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self._proto,)  # for worker processes and copies; never for files

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        symbols: Sequence[str],
        vocab_size: int,
        *,
        model_type: Literal["unigram", "bpe"] = "unigram",
    ) -> Self:
        """Train on templates and value texts; deterministic for the same texts in the same order.

        Args:
            texts: target templates and source values, with symbols in place.
            symbols: strings that never split, whether or not the texts hold them.
            vocab_size: wanted number of ids, symbols and 260 reserved ones included; a small corpus
                gives fewer, a corpus with many characters or symbols as many as it needs.
            model_type: ``unigram`` or ``bpe``.

        Raises:
            DataError: there is no text to train on.
        """
        inventory = list(dict.fromkeys(symbol for symbol in symbols if symbol != GLUE))
        cutter = SymbolCutter(inventory)
        sentences = [
            " " + segment
            for text in texts
            for part, is_symbol in cutter.cut(clean(text))
            if not is_symbol and (segment := part.replace(_SPACE, " ").strip(" "))
        ]
        if not sentences:
            raise DataError(
                "no text to train a tokenizer on; give at least one non-empty reference"
            )
        floor = len(set("".join(sentences))) + _N_RESERVED + len(inventory) + 1
        proto = _train_proto(
            sentences, [*inventory, GLUE], max(vocab_size, floor), floor, model_type
        )
        return cls(proto)

    @property
    def ids(self) -> dict[str, int]:
        """What a network must know of it: ``vocab_size``, ``pad_id``, ``bos_id``, ``eos_id``."""
        names = ("vocab_size", "pad_id", "bos_id", "eos_id")
        return {name: getattr(self, name) for name in names}

    def encode_source(self, pieces: Iterable[str]) -> list[int]:
        """Ids of linearized pieces, ending with EOS.

        A piece is a symbol or plain value text; a symbol *inside* a value is text like any other,
        so that values cannot smuggle symbols in.
        """
        ids: list[int] = []
        for piece in pieces:
            known = self.symbol_ids.get(piece)
            ids.extend(
                (known,) if known is not None else self._encode_plain(" " + clean(piece).strip(" "))
            )
        ids.append(self.eos_id)
        return ids

    def encode_target(self, template: str) -> list[int]:
        """Ids of a target template, without BOS and ending with EOS."""
        ids: list[int] = []
        spaced, is_first = True, True  # the start counts as a space
        for part, is_symbol in self._cutter.cut(clean(template).strip(" ")):
            if is_symbol:
                ids.extend(() if spaced else (self._glue_id,))
                ids.append(self.symbol_ids[part])
                spaced = False
            else:
                text = part.rstrip(" ")
                if text:
                    ids.extend(self._encode_plain(" " + text if is_first else text))
                spaced = text != part
            is_first = False
        ids.append(self.eos_id)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The template that ``ids`` spell, symbols verbatim; stops at EOS, skips PAD and BOS."""
        out = bytearray()
        glue = False
        for token in ids:
            if token == self.eos_id:
                break
            if token == self._glue_id:
                glue = True
                continue
            piece = self._bytes[token]
            out += piece[1:] if glue and self._is_symbol(token) else piece
            glue = glue and not piece
        return bytes(out).decode("utf-8", errors="replace").strip(" ")

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The vocabulary entries of ``ids``, for showing what the model reads."""
        return [self._processor.id_to_piece(token) for token in ids]

    def save(self, path: Path) -> None:
        """Write the serialized SentencePiece model."""
        path.write_bytes(self._proto)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            BundleError: the file is missing or is not a tokenizer of ours.
        """
        try:
            return cls(path.read_bytes())
        except BundleError as error:
            raise BundleError(f"{path}: {error.message}") from error
        except (OSError, RuntimeError, ValueError, IndexError) as error:
            raise BundleError(
                f"{path}: cannot read the tokenizer: {error}; copy the bundle again"
            ) from error

    def _is_symbol(self, token: int) -> bool:
        return 4 <= token < self._glue_id

    def _piece_bytes(self, token: int, piece: str) -> bytes:
        if token < 3 or token == self._glue_id:
            return b""
        if token == self.unk_id:  # cannot be produced by encoding; a model may still predict it
            return "\ufffd".encode()
        if self._is_symbol(token):
            return b" " + piece.encode()
        if self._processor.is_byte(token):
            return bytes([int(piece[3:5], 16)])
        return piece.replace(_SPACE, " ").encode()

    def _encode_plain_uncached(self, text: str) -> tuple[int, ...]:
        ids: list[int] = []
        for chunk in re.split(f"({_SPACE})", text):
            if chunk == _SPACE:  # a literal U+2581 would come back as a space
                pieces = [f"<0x{byte:02X}>" for byte in chunk.encode()]
                ids.extend(self._processor.piece_to_id(piece) for piece in pieces)
                continue
            for fragment in self._cutter.defused(chunk):
                ids.extend(self._processor.encode(fragment))
        return tuple(ids)


def _train_proto(
    sentences: list[str], symbols: list[str], vocab_size: int, floor: int, model_type: str
) -> bytes:
    def attempt(size: int) -> bytes:
        """Train with at most this many pieces."""
        writer = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=writer,
            model_type=model_type,
            vocab_size=size,
            # Unigram stops by itself when the corpus is spent.
            hard_vocab_limit=model_type != "unigram",
            user_defined_symbols=symbols,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            byte_fallback=True,
            character_coverage=1.0,
            pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="<pad>",
            num_threads=1,
            max_sentence_length=1 << 20,
            minloglevel=2,
        )  # fmt: skip
        return writer.getvalue()

    try:
        return attempt(vocab_size)
    except RuntimeError as error:
        # BPE runs out of merges on a small corpus and says how many ids it could fill.
        limit = re.search(r"<= (\d+)", str(error))
        return attempt(max(floor, int(limit.group(1)) if limit else floor))

"""The tokenizer: lossless, deterministic, symbols never split."""

from __future__ import annotations

import copy
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.errors import BundleError, DataError
from d2t.model.tokenizer import Tokenizer

SYMBOLS = ["<slot:name>", "<slot:near>", "<val:name>", "<val:near>", "<val:near:2>", "<f:vowel>"]
TEXTS = [
    "<val:name> is a pub near <val:near>.",
    "Near <val:near>, <val:name> (a cheap café) serves food for £20-25.",
    "The <val:name> isn't family-friendly.",
] * 5
TOKENIZERS = {
    kind: Tokenizer.train(TEXTS, SYMBOLS, 320, model_type=kind) for kind in ("unigram", "bpe")
}
TOKENIZER = TOKENIZERS["unigram"]

texts = st.lists(
    st.sampled_from([*SYMBOLS, " ", "  ", ".", "(", "is", "a pub", "<glue>", "<", "▁", "</s>", "é"])
    | st.text(max_size=6),
    max_size=12,
).map("".join)


def one_space(text):
    return re.sub(" +", " ", text).strip(" ")


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(text=texts)
@settings(deadline=None, max_examples=150)
def test_decode_undoes_encode_target(kind, text):
    tokenizer = TOKENIZERS[kind]
    assert tokenizer.decode(tokenizer.encode_target(text)) == one_space(text)


@given(pieces=st.lists(st.sampled_from(SYMBOLS) | st.text(min_size=1, max_size=8), max_size=8))
@settings(deadline=None, max_examples=100)
def test_symbols_in_the_source_come_from_pieces_only(pieces):
    ids = TOKENIZER.encode_source(pieces)
    symbols = [p for p in TOKENIZER.pieces(ids) if p in SYMBOLS]
    assert symbols == [piece for piece in pieces if piece in SYMBOLS]
    assert TOKENIZER.unk_id not in ids
    assert ids[-1] == TOKENIZER.eos_id
    assert ids.count(TOKENIZER.eos_id) == 1


@given(pieces=st.lists(texts, max_size=4))
@settings(deadline=None, max_examples=50)
def test_a_value_that_holds_symbols_stays_text(pieces):
    values = ["x" + piece for piece in pieces]
    ids = TOKENIZER.encode_source(values)
    assert not set(TOKENIZER.pieces(ids)) & set(SYMBOLS)
    assert TOKENIZER.decode(ids) == one_space(" ".join(values))


def test_a_symbol_costs_one_token_and_words_keep_their_form():
    pieces = TOKENIZER.pieces(TOKENIZER.encode_target("<val:name> is a pub near <val:near>."))
    assert [p for p in pieces if p.startswith("<")] == ["<val:name>", "<val:near>", "</s>"]
    first, inner = (TOKENIZER.encode_target(t) for t in ("pub", "<val:name> pub"))
    assert inner[1:] == first


def test_training_is_deterministic():
    again = Tokenizer.train(iter(TEXTS), SYMBOLS, 320)
    assert again.pieces(range(again.vocab_size)) == TOKENIZER.pieces(range(TOKENIZER.vocab_size))
    assert again.encode_target(TEXTS[1]) == TOKENIZER.encode_target(TEXTS[1])


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("corpus", [["a"], ["<val:name>", "b a"], TEXTS])
def test_a_small_corpus_gets_a_smaller_vocabulary(corpus, kind):
    tokenizer = Tokenizer.train(corpus, SYMBOLS, 8000, model_type=kind)
    assert 260 + len(SYMBOLS) < tokenizer.vocab_size < 1000
    assert tokenizer.decode(tokenizer.encode_target("Ω <val:name>")) == "Ω <val:name>"


def test_a_vocabulary_that_is_too_small_grows_to_what_is_needed():
    assert Tokenizer.train(TEXTS, SYMBOLS, 5).vocab_size > 260 + len(SYMBOLS)


def test_special_ids():
    assert (TOKENIZER.pad_id, TOKENIZER.bos_id, TOKENIZER.eos_id, TOKENIZER.unk_id) == (0, 1, 2, 3)
    assert TOKENIZER.symbols == tuple(SYMBOLS)
    assert TOKENIZER.pieces(TOKENIZER.symbol_ids.values()) == SYMBOLS
    assert copy.deepcopy(TOKENIZER).encode_target("a") == TOKENIZER.encode_target("a")
    assert TOKENIZER.pieces([0, 1, 2, 3]) == ["<pad>", "<s>", "</s>", "<unk>"]
    assert TOKENIZER.encode_target("") == [TOKENIZER.eos_id]
    assert TOKENIZER.decode([1, *TOKENIZER.encode_target("a pub"), 0, 9]) == "a pub"


def test_save_and_load(tmp_path):
    path = tmp_path / "tokenizer.model"
    TOKENIZER.save(path)
    loaded = Tokenizer.load(path)
    assert loaded.symbols == TOKENIZER.symbols
    assert loaded.encode_source(SYMBOLS) == TOKENIZER.encode_source(SYMBOLS)
    path.write_bytes(b"no model")
    with pytest.raises(BundleError, match=r"tokenizer\.model"):
        Tokenizer.load(path)
    with pytest.raises(BundleError, match="copy the bundle"):
        Tokenizer.load(tmp_path / "absent")


def test_nothing_to_train_on():
    with pytest.raises(DataError, match="no text"):
        Tokenizer.train([" ", "<val:name>"], SYMBOLS, 500)

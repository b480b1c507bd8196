from __future__ import annotations

import pytest

from d2t.slots.lexicon.tokens import Tokenizer, sentence_starts

TOKENIZER = Tokenizer({"coffe": "coffee", "kidfriendly": "kid friendly"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Family-Friendly", ["family", "friendly"]),
        ("it isn't cheap", ["it", "is", "not", "cheap"]),
        ("it is n't cheap", ["it", "is", "not", "cheap"]),
        ("they don’t, can't", ["they", "do", "not", ",", "not"]),
        ("The Waterman's children 's", ["the", "waterman", "children"]),
        ("Café CAFÉ Cafe\u0301", ["cafe", "cafe", "cafe"]),
        ("five/5 £20.00 4.5", ["5", "/", "5", "£", "20", "4.5"]),
        ("twenty-five or 20-5", ["25", "or", "20", "5"]),
        ("coffe kidfriendly", ["coffee", "kid", "friendly"]),
        ("a — b (c)", ["a", ",", "b", ",", "c", ","]),
        ("", []),
    ],
)
def test_words_are_normalised(text, words):
    assert TOKENIZER(text).words == words


def test_offsets_point_into_the_text_as_given():
    text = "  The  Café's  kidfriendly room "
    tokens = TOKENIZER(text)
    pieces = [text[s:e] for s, e in zip(tokens.starts, tokens.ends, strict=True)]
    assert pieces == ["The", "Café's", "kidfriendly", "kidfriendly", "room"]


@pytest.mark.parametrize(
    ("text", "beginnings"),
    [
        ("It costs £20-25. It is near St. John's. Really? Yes!", ["It", "It", "Really", "Yes"]),
        ("rated 4.5 out of 5 . it is , e.g. , cheap .", ["rated", "it"]),
        ("One line\nand another", ["One", "and"]),
        ("in the area.It is cheap", ["in", "It"]),
        ("Wow... What!? Fine.", ["Wow", "What", "Fine"]),
    ],
)
def test_sentences(text, beginnings):
    starts = sentence_starts(TOKENIZER(text))
    assert starts[0] == 0
    assert [text[start:].split()[0].strip(".!?,") for start in starts] == beginnings

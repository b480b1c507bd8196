"""The n-gram language model: hand-computed probabilities, properties, files, corrupted texts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.language.ngram import (
    FALLBACK_DISCOUNTS,
    UNKNOWN,
    NgramLanguageModel,
    discounts,
    fluency_threshold,
    worst_window,
)
from d2t.language.template import template_text, template_words
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=6)
CORPORA = st.lists(WORDS.map(" ".join), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def restaurant():
    domain = load_domain("restaurant")
    return domain, SlotChecker.for_domain(domain)


@pytest.fixture(scope="module")
def mini(restaurant):
    domain, checker = restaurant
    return {
        split: [
            template_text(example.references[0], example.mr, checker, domain)
            for example in load_split("mini", split, domain)
        ]
        for split in ("train", "dev")
    }


@pytest.fixture(scope="module")
def lm(mini):
    return NgramLanguageModel.fit(mini["train"], order=4)


def test_tokens_are_folded_words_numbers_marks_and_placeholders():
    assert template_words("The <val:near:2>'s Café, £20-25; isn’t it?") == [
        "the", "<val:near>", "'", "s", "cafe", ",", "£", "20", "-", "25", ";", "isn't", "it", "?",
    ]  # fmt: skip


def test_bigram_probabilities_of_a_tiny_corpus_by_hand():
    # "a b" and "a b": V without the start is </s>, <unk>, a, b. No n-gram occurs four times, so
    # the discounts are the fallback ones: 0.5 off a count of 1, 1 off a count of 2.
    lm = NgramLanguageModel.fit(["a b", "a b"], order=2)
    # Order 1, adjusted counts = distinct words before: a 1 (<s>), b 1 (a), </s> 1 (b), <unk> 0.
    # gamma = 3 * 0.5 / 3 = 1/2, spread over 4 words.
    known, unknown = 0.5 / 3 + 0.5 / 4, 0.5 / 4
    # Order 2: each context has one follower, seen twice: (2 - 1) / 2 + (1 / 2) p(w).
    step = 0.5 + 0.5 * known
    assert np.exp(lm.token_scores(["a b"])[0]) == pytest.approx([step, step, step])
    # b after <s> was not seen: gamma(<s>) p(b); after the unknown word there is no context.
    assert np.exp(lm.token_scores(["b z"])[0]) == pytest.approx([0.5 * known, 0.5 * unknown, known])
    assert lm.score("a b") == pytest.approx(math.log(step))


def test_shorter_contexts_are_used_where_the_sentence_begins():
    # c(<s> a) keeps its count of 3, although only one word, <s>, was ever before it.
    lm = NgramLanguageModel.fit(["a b", "a c", "a b", "c b"], order=3)
    first = np.exp(lm.token_scores(["a"])[0][0])
    # Order 2 after <s>: a 3 (discount 1.5), c 1 (0.5); order 1: a 1, b 2, c 2, </s> 2 (b, c).
    order1 = (1 - 0.5) / 7 + (0.5 + 3 * 1.0) / 7 / 5
    assert first == pytest.approx((3 - 1.5) / 4 + (1.5 + 0.5) / 4 * order1)


def test_discounts_follow_the_formula():
    adjusted = np.array([1] * 40 + [2] * 20 + [3] * 12 + [4] * 8 + [9] * 3)
    y = 40 / (40 + 2 * 20)
    expected = (1 - 2 * y * 20 / 40, 2 - 3 * y * 12 / 20, 3 - 4 * y * 8 / 12)
    assert discounts(adjusted) == pytest.approx(expected)
    assert discounts(np.array([1, 1, 2])) == FALLBACK_DISCOUNTS


@given(texts=CORPORA, context=WORDS, order=st.integers(1, 5))
def test_probabilities_sum_to_one(texts, context, order):
    lm = NgramLanguageModel.fit(texts, order=order)
    predictable = [*lm.vocabulary[UNKNOWN + 1 :], "zzz"]
    at = len(context)
    texts = [" ".join([*context, word]) for word in predictable]
    total = sum(math.exp(logs[at]) for logs in lm.token_scores(texts))
    total += math.exp(lm.token_scores([" ".join(context)])[0][at])  # the sentence end
    assert total == pytest.approx(1.0)


@given(texts=CORPORA, odd=st.text(max_size=20))
def test_whatever_is_scored_is_finite_and_batches_change_nothing(texts, odd):
    lm = NgramLanguageModel.fit(texts, order=3)
    asked = [odd, "", "quite unseen words", *texts]
    assert np.isfinite(lm.scores(asked)).all()
    assert np.isfinite(lm.worst_windows(asked)).all()
    assert lm.scores(asked).tolist() == [lm.score(text) for text in asked]
    assert lm.worst_windows(asked).tolist() == [lm.worst_window(text) for text in asked]


def test_the_worst_window_is_the_lowest_mean():
    assert worst_window(np.array([-1.0, -5.0, -1.0, -2.0]), 2) == -3.0
    assert worst_window(np.array([-1.0, -2.0]), 5) == -1.5


def test_open_values_are_hidden_known_or_not(restaurant):
    domain, checker = restaurant
    mr = parse_mr("name[Zum Anker], near[Burger King], food[Thai], priceRange[£20-25]", domain)
    text = "Zum Anker near Burger King serves Thai food for £20-25. Zum Anker!"
    assert template_text(text, mr, checker, domain) == (
        "<val:name> near <val:near> serves Thai food for £20-25. <val:name>!"
    )


def corrupted(text, rng):
    """Two neighbouring words change places, or a word is said twice, or is left out."""
    words = template_words(text)
    at = rng.randrange(len(words) - 1)
    kind = rng.choice(("swap", "double", "drop"))
    if kind == "swap":
        words[at], words[at + 1] = words[at + 1], words[at]
    elif kind == "double":
        words.insert(at, words[at])
    else:
        del words[at]
    return " ".join(words)


def test_corrupted_texts_score_worse(lm, mini):
    rng = derived_rng(1, "corruption")
    broken = [corrupted(text, rng) for text in mini["dev"]]
    assert lm.scores(broken).mean() < lm.scores(mini["dev"]).mean() - 0.3
    good, bad = lm.worst_windows(mini["dev"]), lm.worst_windows(broken)
    assert (bad[:, None] < good[None, :]).mean() > 0.85  # the AUC of the window score


def test_a_threshold_rejects_the_share_asked_for(lm, mini):
    at = fluency_threshold(lm, mini["dev"], 0.1)
    assert (lm.worst_windows(mini["dev"]) < at).mean() == pytest.approx(0.1, abs=0.02)
    mean = fluency_threshold(lm, mini["dev"], 0.1, score="mean")
    assert (lm.scores(mini["dev"]) < mean).mean() == pytest.approx(0.1, abs=0.02)
    for quantile, texts in ((1.5, mini["dev"]), (0.1, [])):
        with pytest.raises(DataError):
            fluency_threshold(lm, texts, quantile)


def test_a_saved_model_is_the_same_model(lm, mini, tmp_path):
    path = tmp_path / "folder" / "lm.npz"
    lm.save(path)
    again = NgramLanguageModel.load(path)
    assert again.signature == lm.signature
    assert again.vocabulary == lm.vocabulary
    assert again.scores(mini["dev"]).tolist() == lm.scores(mini["dev"]).tolist()


@pytest.mark.parametrize("content", [b"", b"not a zip file", None, "pickled"])
def test_what_is_not_a_model_is_an_error(content, lm, tmp_path):
    path = tmp_path / "lm.npz"
    if content == "pickled":
        np.savez(path, tokens=np.array([{"a": 1}], dtype=object))
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"lm\.npz"):
        NgramLanguageModel.load(path)


def test_nothing_to_fit_on_is_an_error():
    for texts, order in (([], 3), (["", " "], 3), (["a b"], 0)):
        with pytest.raises(DataError):
            NgramLanguageModel.fit(texts, order=order)

"""The fluency classifier: what it learns from is general, and it finds fragments."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch

from d2t.corpus.load import load_split
from d2t.errors import BundleError, DataError
from d2t.judges.fluency.classifier import (
    MANIFEST,
    WEIGHTS,
    FluencyClassifier,
    SentenceClassifierConfig,
)
from d2t.judges.fluency.corruptions import (
    CORRUPTIONS,
    FrameInventory,
    Piece,
    corrupt,
    frame_of,
    sentences_of,
    words_of,
)
from d2t.judges.fluency.training import (
    Corruptor,
    FluencyConfig,
    MarkedText,
    auc,
    corrupted_texts,
    detection_scores,
    marked_texts,
    train_fluency,
)
from d2t.language.template import template_of, template_sentences, template_words
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker

SMALL = FluencyConfig(
    epochs=5,
    batch_size=32,
    lr=1e-2,
    classifier=SentenceClassifierConfig(width=32, hidden=24, filters=32, dropout=0.1),
)
DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


def mini(split, limit=None):
    return marked_texts(load_split("mini", split, DOMAIN)[:limit], CHECKER, DOMAIN)


@pytest.fixture(scope="module")
def train():
    return mini("train", 300)


@pytest.fixture(scope="module")
def dev():
    return mini("dev", 100)


@pytest.fixture(scope="module")
def classifier(train):
    return train_fluency(train, SMALL)


def pieces(text, mr):
    return sentences_of(CHECKER.align(text, parse_mr(mr, DOMAIN)), DOMAIN)


def texts_of(sentences):
    return [" ".join(words_of(sentence)) for sentence in sentences]


# --- sentences and corruptions


def test_sentences_end_at_runs_of_stops_not_inside_numbers():
    found = template_sentences("Rated 4.5! It is <val:near>... good?! Yes")
    assert found == [
        ("rated", "4.5", "!"),
        ("it", "is", "<val:near>", ".", ".", "."),
        ("good", "?", "!"),
        ("yes",),
    ]
    assert template_sentences("") == []
    assert template_sentences(". a") == [(".",), ("a",)]


@pytest.mark.parametrize(
    ("text", "mr"),
    [
        ("Aromi's food is Thai. It's near the Old Mill!", "name[Aromi], near[the Old Mill]"),
        ("The Eagle: a cheap pub, not for kids. the Eagle is fine", "name[The Eagle]"),
        ("", "name[Aromi]"),
    ],
)
def test_the_words_of_the_pieces_are_those_of_the_template(text, mr):
    alignment = CHECKER.align(text, parse_mr(mr, DOMAIN))
    words = [word for s in sentences_of(alignment, DOMAIN) for word in words_of(s)]
    assert words == template_words(template_of(alignment, DOMAIN))


def test_pieces_of_the_corpus_spell_its_templates_and_sentences(dev):
    assert dev
    for text in dev:
        assert [words_of(s) for s in text.sentences] == template_sentences(text.template)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_each_corruption_changes_the_text_and_follows_its_seed(kind, dev):
    corruptor = Corruptor(dev, 0.5)
    changed = 0
    for at, text in enumerate(dev):
        before = list(text.sentences[0])
        drawn = [corruptor.draw(text, 0, kind, random.Random(at)) for _ in range(2)]
        assert drawn[0] == drawn[1]
        assert list(text.sentences[0]) == before
        if drawn[0] is not None:
            assert words_of(drawn[0]) != words_of(before)
            assert not corruptor.frames.knows(drawn[0])
            changed += 1
    assert changed >= len(dev) / 20


def test_corruptions_know_no_slot_of_any_domain():
    """The same corruption of the same structure, whatever the slots and the words are called."""

    def sentence(renamed):
        def name(word):
            return f"x{word}" if renamed else word

        return [
            Piece((name("aromi"),), name("name")),
            *(Piece((word,)) for word in ("is", "a")),
            Piece((name("cheap"),), name("priceRange")),
            Piece((name("pub"),), name("eatType")),
            *(Piece((word,)) for word in (",", "and", "it", "is", "near")),
            Piece((name("mill"),), name("near")),
            Piece((".",)),
        ]

    for kind in CORRUPTIONS:
        for seed in range(5):
            plain = corrupt(kind, sentence(False), sentence(False), random.Random(seed))
            other = corrupt(kind, sentence(True), sentence(True), random.Random(seed))
            if plain is None or other is None:
                assert plain is other
                continue
            undone = [Piece((p.words[0].removeprefix("x"),), p.slot) for p in other]
            assert words_of(undone) == words_of(plain)


def test_fragments_are_what_cutting_makes():
    (sentence,) = pieces("Aromi is a pub, and it is cheap.", "name[Aromi]")
    rngs = [random.Random(seed) for seed in range(40)]
    left = {" ".join(words_of(corrupt("cut_right", sentence, sentence, rng))) for rng in rngs}
    right = {" ".join(words_of(corrupt("cut_left", sentence, sentence, rng))) for rng in rngs}
    assert left == {"<val:name> .", "<val:name> is a pub ."}
    assert right == {"is a pub , and it is cheap .", "it is cheap ."}
    gone = corrupt("drop_subject", sentence, sentence, random.Random(1))
    assert words_of(gone)[:3] == ("is", "a", "pub")


def test_a_frame_that_references_have_vouches_for_other_values():
    seen = [
        pieces("Aromi is a cheap pub.", "name[Aromi]")[0],
        pieces("Zizzi is an expensive pub.", "name[Zizzi]")[0],
    ]
    frames = FrameInventory(seen, min_count=2)
    (other,) = pieces("Cotto is a cheap coffee shop!", "name[Cotto]")
    assert frame_of(other) == ("<name>", "is", "a", "<priceRange>", "<eatType>")
    assert frames.knows(other)
    assert not frames.knows(pieces("Cotto is a cheap.", "name[Cotto]")[0])
    assert not FrameInventory(seen[:1], min_count=2).knows(other)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("<val:name> serves Thai food It is cheap.", True),
        ("It is near <val:near> There is more.", True),
        ("It is <val:name>. It is cheap! There it is.", False),
        ("The pub There and Back is fine", True),
        ("Is it near? This is it, it is.", False),
    ],
)
def test_run_on_references_are_known_by_capital_pronouns(template, expected):
    assert MarkedText(template, ()).is_run_on is expected


# --- the classifier


FRAGMENTS = [
    "Near <val:near>. <val:name> is a cheap pub.",
    "With a price range of less than £20. <val:name> is a pub.",
    "<val:name> is a pub. Serves Thai food and is near.",
    "<val:name> serves French food is near <val:near>.",
]


def test_it_learns_to_find_corruptions_and_fragments(classifier, dev):
    scores = detection_scores(classifier.scores, dev)
    assert set(scores) == {*CORRUPTIONS, "all"}
    assert scores["all"] >= 0.65  # 300 texts teach no more; the frames of this corpus recombine
    assert min(scores["cut_left"], scores["drop_subject"]) >= 0.85
    limit = classifier.threshold([text.template for text in dev], 0.2)
    assert (classifier.scores(FRAGMENTS[:3]) < limit).all()  # glued clauses need more texts


def test_one_by_one_or_in_a_batch_the_score_is_the_same(classifier, dev):
    templates = [*(text.template for text in dev[:40]), *FRAGMENTS, "", "pub", "unheard £ of"]
    together = classifier.scores(templates)
    alone = [classifier.score(template) for template in templates]
    assert together == pytest.approx(alone, abs=1e-5)
    assert together == pytest.approx(classifier.scores(templates, batch_size=3), abs=1e-5)
    assert together[-3] == 0.0
    assert classifier.scores([]).shape == (0,)


def test_a_text_is_as_good_as_its_worst_sentence(classifier):
    for template in FRAGMENTS:
        parts = classifier.sentence_scores(template)
        assert len(parts) == len(template_sentences(template))
        assert classifier.score(template) == pytest.approx(min(parts), abs=1e-5)
    assert classifier.sentence_scores("") == []


def test_thresholds_are_quantiles(classifier, dev):
    templates = [text.template for text in dev]
    limit = classifier.threshold(templates, 0.2)
    assert np.mean(classifier.scores(templates) < limit) == pytest.approx(0.2, abs=0.02)
    with pytest.raises(DataError, match="0 to 1"):
        classifier.threshold(templates, 1.5)
    with pytest.raises(DataError, match="development texts"):
        classifier.threshold([], 0.1)


def test_training_is_deterministic_and_leaves_the_global_seed_alone(train):
    config = SMALL.model_copy(update={"epochs": 1})
    before = torch.get_rng_state()
    first, again = (train_fluency(train[:60], config) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.scores(FRAGMENTS).tolist() == again.scores(FRAGMENTS).tolist()


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(DataError, match="nothing to train"):
        train_fluency([], SMALL)


def test_areas_under_the_curve():
    assert auc([2.0, 3.0], [0.0, 1.0]) == 1.0
    assert auc([0.0], [1.0, 2.0]) == 0.0
    assert auc([1.0, 1.0], [1.0]) == 0.5
    assert auc([1.0, 3.0], [2.0, 0.0]) == 0.75
    assert np.isnan(auc([], [1.0]))


def test_corrupted_texts_are_others_and_follow_their_seed(dev):
    templates = {" ".join(template_words(text.template)) for text in dev}
    found = corrupted_texts(dev, "drop_word", seed=3)
    assert found == corrupted_texts(dev, "drop_word", seed=3)
    assert found != corrupted_texts(dev, "drop_word", seed=4)
    assert templates.isdisjoint(found)
    assert len(corrupted_texts(dev, "drop_word", limit=5)) == 5


# --- on disk


def test_a_saved_classifier_is_the_same_classifier(classifier, dev, tmp_path):
    folder = tmp_path / "fluency"
    classifier.save(folder)
    again = FluencyClassifier.load(folder)
    templates = [text.template for text in dev]
    assert again.scores(templates).tolist() == classifier.scores(templates).tolist()
    assert again.info["settings"]["epochs"] == SMALL.epochs
    again.save(folder)  # an older classifier is replaced


def _edit(folder, **changes):
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


CORRUPT_FOLDERS = {
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "no JSON": lambda folder: (folder / MANIFEST).write_text("{"),
    "other version": lambda folder: _edit(folder, format_version=99),
    "bad sizes": lambda folder: _edit(folder, classifier={"width": 0}),
    "other sizes": lambda folder: _edit(folder, classifier={"width": 7}),
    "fewer words": lambda folder: _edit(folder, vocabulary=["a"]),
    "no checksums": lambda folder: _edit(folder, files={}),
    "cut weights": lambda folder: (folder / WEIGHTS).write_bytes(b"1234"),
    "no weights": lambda folder: (folder / WEIGHTS).unlink(),
}


@pytest.mark.parametrize("corruption", CORRUPT_FOLDERS)
def test_a_corrupt_folder_is_an_error(corruption, classifier, tmp_path):
    folder = tmp_path / "fluency"
    classifier.save(folder)
    CORRUPT_FOLDERS[corruption](folder)
    with pytest.raises(BundleError):
        FluencyClassifier.load(folder)


def test_other_folders_are_not_overwritten(classifier, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError):
        classifier.save(tmp_path)

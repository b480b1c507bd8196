"""The learned parser: it learns, says how sure it is, and survives being written to disk."""

from __future__ import annotations

import json

import pytest
import torch

from d2t.corpus.load import load_split
from d2t.corpus.types import Example
from d2t.errors import BundleError, DataError
from d2t.judges.parser.classifier import (
    MANIFEST,
    WEIGHTS,
    ClassifierConfig,
    LearnedParser,
    SlotClassifier,
    labels_of,
    merged_labels,
)
from d2t.judges.parser.training import ParserConfig, read_texts, score_parser, train_parser
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import Slot
from d2t.slots.checker import SlotChecker

SMALL = ParserConfig(
    epochs=6,
    batch_size=32,
    lr=2e-2,
    classifier=ClassifierConfig(width=32, filters=48, windows=3, dropout=0.1),
)
DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)


def mini(split, limit=None):
    return read_texts(load_split("mini", split, DOMAIN)[:limit], CHECKER, DOMAIN, "given")


@pytest.fixture(scope="module")
def parser():
    return train_parser(mini("train", 1000), DOMAIN, SMALL)


@pytest.fixture(scope="module")
def dev():
    return mini("dev")


def test_it_learns_the_embedded_corpus(parser, dev):
    scores = score_parser(parser, dev)
    assert scores.micro.f1 >= 95.0
    assert set(scores.by_slot) == set(DOMAIN.slot_names)


def test_one_by_one_or_in_a_batch_it_reads_the_same(parser, dev):
    templates = [*(text.template for text in dev[:40]), "", "pub", "quite £ unseen words"]
    together = parser.parse(templates)
    for template, expected in zip(templates, together, strict=True):
        (alone,) = parser.parse([template])
        assert alone.slots == expected.slots
        assert alone.confidence == pytest.approx(expected.confidence, abs=1e-5)
    assert parser.parse([]) == []


def test_slots_and_confidence_follow_from_the_probabilities(parser, dev):
    for read in parser.parse([text.template for text in dev]):
        assert tuple(read.probabilities) == parser.labels
        assert read.slots >= {label for label, p in read.probabilities.items() if p >= 0.5}
        assert 0.5 <= read.confidence <= 1.0
        groups = {}
        for (name, value), p in read.probabilities.items():
            fact = (name, DOMAIN.slot(name).merged(value) if value else value)
            groups[fact] = min(1.0, groups.get(fact, 0.0) + p)
        assert merged_labels(read.slots, DOMAIN) == {fact for fact, p in groups.items() if p >= 0.5}
        assert read.confidence == pytest.approx(min(max(p, 1 - p) for p in groups.values()))


def test_synonyms_share_their_probability():
    labels = (("priceRange", "cheap"), ("priceRange", "less than £20"), ("eatType", "pub"))
    network = SlotClassifier(ClassifierConfig(width=2, filters=2, windows=1), 2, 3).eval()
    with torch.no_grad():
        network.output.weight.zero_()
        network.output.bias.copy_(torch.logit(torch.tensor([0.35, 0.4, 0.1])))
    (read,) = LearnedParser(DOMAIN, labels, (), network).parse(["whatever"])
    assert read.slots == {("priceRange", "less than £20")}
    assert read.confidence == pytest.approx(0.75)


def test_wrong_parses_are_the_less_certain_ones(parser, dev):
    read = parser.parse([text.template for text in dev])
    right = [r.confidence for r, text in zip(read, dev, strict=True) if r.slots == text.labels]
    wrong = [r.confidence for r, text in zip(read, dev, strict=True) if r.slots != text.labels]
    assert wrong
    assert sum(right) / len(right) > sum(wrong) / len(wrong) + 0.1


def test_the_values_of_open_slots_come_from_the_text(parser):
    text = "By the river, there is a cheap pub called Zum Anker near Quux Hall."
    mr = parse_mr("name[Zum Anker], near[Quux Hall]", DOMAIN)
    example = Example("0", mr, (text,))
    (read,) = parser.parse([read_texts([example], CHECKER, DOMAIN, "given")[0].template])
    found = read.mr(CHECKER.align(text, mr), DOMAIN)
    assert {Slot("name", "Zum Anker"), Slot("near", "Quux Hall")} <= set(found.slots)
    assert Slot("eatType", "pub") in found.slots
    ranks = [DOMAIN.slot_names.index(slot.name) for slot in found.slots]
    assert ranks == sorted(ranks)


def test_labels_hide_open_values_only():
    slots = [Slot("name", "Aromi"), Slot("food", "Thai"), Slot("name", "Zizzi"), Slot("near", "")]
    assert labels_of(slots, DOMAIN) == {("name", None), ("food", "Thai"), ("near", "")}
    price = [Slot("priceRange", "less than £20")]
    assert labels_of(price, DOMAIN) == {("priceRange", "less than £20")}
    assert labels_of(price, DOMAIN, merge_synonyms=True) == {("priceRange", "cheap")}


def test_labels_come_from_the_corpus_or_from_the_checker():
    example = Example("0", parse_mr("name[Aromi], food[Thai]", DOMAIN), ("Aromi is a pub.",))
    (given,) = read_texts([example], CHECKER, DOMAIN, "given")
    (text,) = read_texts([example], CHECKER, DOMAIN, "text")
    assert given.template == text.template == "<val:name> is a pub."
    assert given.labels == {("name", None), ("food", "Thai")}
    assert text.labels == {("name", None), ("eatType", "pub")}
    assert read_texts([example], CHECKER, DOMAIN, "agreed") == []
    dear = Example("1", parse_mr("name[Aromi], priceRange[high]", DOMAIN), ("Aromi: over £30.",))
    (agreed,) = read_texts([dear], CHECKER, DOMAIN, "agreed")
    assert agreed.labels == {("name", None), ("priceRange", "more than £30")}


def test_training_is_deterministic_and_leaves_the_global_seed_alone():
    config = SMALL.model_copy(update={"epochs": 1})
    texts = mini("train", 100)
    before = torch.get_rng_state()
    first, again = (train_parser(texts, DOMAIN, config) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    read = [parser.parse([texts[0].template])[0].probabilities for parser in (first, again)]
    assert read[0] == read[1]


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(DataError, match="nothing to train"):
        train_parser([], DOMAIN, SMALL)


def test_a_saved_parser_is_the_same_parser(parser, dev, tmp_path):
    folder = tmp_path / "parser"
    parser.save(folder)
    again = LearnedParser.load(folder)
    templates = [text.template for text in dev]
    assert again.parse(templates) == parser.parse(templates)
    assert again.labels == parser.labels
    assert again.domain.digest == DOMAIN.digest
    assert again.info["settings"]["labels"] == "agreed"
    again.save(folder)  # an older parser is replaced


def _edit(folder, **changes):
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


CORRUPTIONS = {
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "no JSON": lambda folder: (folder / MANIFEST).write_text("{"),
    "other version": lambda folder: _edit(folder, format_version=99),
    "bad labels": lambda folder: _edit(folder, labels=[]),
    "other slots": lambda folder: _edit(folder, labels=[["genres", "pc"]]),
    "other sizes": lambda folder: _edit(folder, classifier={"width": 7}),
    "fewer words": lambda folder: _edit(folder, vocabulary=["a"]),
    "cut weights": lambda folder: (folder / WEIGHTS).write_bytes(b"1234"),
    "no weights": lambda folder: (folder / WEIGHTS).unlink(),
    "no domain": lambda folder: (folder / "domain" / "domain.toml").unlink(),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_corrupt_folder_is_an_error(corruption, parser, tmp_path):
    folder = tmp_path / "parser"
    parser.save(folder)
    CORRUPTIONS[corruption](folder)
    with pytest.raises(BundleError):
        LearnedParser.load(folder)


def test_other_folders_are_not_overwritten(parser, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError):
        parser.save(tmp_path)

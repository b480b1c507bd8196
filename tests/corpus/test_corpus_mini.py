from __future__ import annotations

import re
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from d2t.corpus.load import load_split
from d2t.corpus.mini.compose import compose
from d2t.corpus.mini.generate import generate_mini, write_mini
from d2t.corpus.mini.grammar import Grammar, mini_folder
from d2t.corpus.types import Example
from d2t.errors import DataError
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")
SPLITS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Example]]:
    return generate_mini()


def test_the_committed_files_are_what_the_grammar_writes(tmp_path: Path) -> None:
    written = write_mini(tmp_path)
    assert sorted(path.name for path in written) == ["dev.csv", "test.csv", "train.csv"]
    for path in written:
        assert path.read_bytes() == (mini_folder() / path.name).read_bytes(), path.name


def test_another_seed_gives_another_corpus(corpus: dict[str, list[Example]]) -> None:
    assert generate_mini(seed=1)["dev"] != corpus["dev"]


def test_sizes_and_what_the_files_hold(corpus: dict[str, list[Example]]) -> None:
    assert {split: len(examples) for split, examples in corpus.items()} == {
        "train": 2000, "dev": 200, "test": 200,
    }  # fmt: skip
    for split in SPLITS:
        read = load_split("mini", split, DOMAIN)
        made = [Example(ex.id, ex.mr, ex.references) for ex in corpus[split]]
        assert read == made


def test_no_mr_and_few_names_cross_the_splits(corpus: dict[str, list[Example]]) -> None:
    keys = {split: {ex.mr.key() for ex in corpus[split]} for split in SPLITS}
    assert not keys["train"] & keys["dev"]
    assert not keys["train"] & keys["test"]
    assert not keys["dev"] & keys["test"]
    names = {split: {v for ex in corpus[split] for v in ex.mr.values("name")} for split in SPLITS}
    shared = set(Grammar.load().open_values["name"]["shared"])
    assert names["test"] & names["train"] <= shared
    assert len(names["test"] - shared) >= 10


def test_the_plan_is_the_mr_in_the_order_that_the_checker_reads(
    corpus: dict[str, list[Example]],
) -> None:
    checker = SlotChecker.for_domain(DOMAIN)
    wrong = []
    assert all(len(corpus[split]) > 100 for split in SPLITS)
    for example in (ex for split in SPLITS for ex in corpus[split]):
        assert example.plan is not None
        assert Counter(example.plan.slots) == Counter(example.mr.slots)
        report = checker.check(example.references[0], example.mr)
        if not report.ok or report.alignment.plan().slots != example.plan.slots:
            wrong.append(example.references[0])
    assert wrong == []


def test_orders_shapes_and_wordings_vary(corpus: dict[str, list[Example]]) -> None:
    train = corpus["train"]
    firsts = Counter(ex.plan.names[0] for ex in train if ex.plan)
    assert set(firsts) == set(DOMAIN.slot_names)
    assert min(firsts.values()) > 50
    pairs = Counter(
        pair
        for ex in train
        if ex.plan
        for pair in zip(ex.plan.names, ex.plan.names[1:], strict=False)
    )
    assert len(pairs) == 8 * 7  # every slot follows every other somewhere
    assert min(pairs.values()) >= 25
    sentences = Counter(ex.references[0].count(". ") + 1 for ex in train)
    assert {1, 2, 3} <= set(sentences)
    assert sum(n for count, n in sentences.items() if count > 3) < 20
    texts = " ".join(ex.references[0] for ex in train)
    for phrase in (" is not ", ", a ", " that ", "In the city centre, ", "There is ", " called "):
        assert texts.count(phrase) > 20, phrase
    lengths = sorted(len(ex.references[0].split()) for ex in train)
    assert lengths[100] >= 8
    assert lengths[-100] <= 42


def test_texts_are_clean(corpus: dict[str, list[Example]]) -> None:
    assert all(len(corpus[split]) > 100 for split in SPLITS)
    for example in (ex for split in SPLITS for ex in corpus[split]):
        text = example.references[0]
        assert re.fullmatch(r"[A-Z].*[^ ,]\.", text)
        assert not re.search(r"  | [.,]|@|\{|,,|\.\.|\ba [aeiouAEIOU]|\ban [^aeiouAEIOU]", text), (
            text
        )


@pytest.mark.parametrize("seed", range(20))
def test_any_slots_can_be_said_in_any_order(seed: int) -> None:
    rng = Random(seed)
    grammar, checker = Grammar.load(), SlotChecker.for_domain(DOMAIN)
    example = rng.choice(load_split("mini", "dev", DOMAIN))
    slots = list(example.mr.slots)
    rng.shuffle(slots)
    text = compose(grammar, slots, rng)
    assert {span.slot for span in checker.align(text, example.mr).spans} == set(slots)


def test_a_broken_grammar_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "grammar.toml"
    path.write_text("[slots]\n")
    with pytest.raises(DataError, match=r"grammar\.toml"):
        Grammar.load(path)
    with pytest.raises(DataError):
        Grammar.load(tmp_path / "none.toml")

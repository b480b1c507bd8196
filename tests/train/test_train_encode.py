"""What a pair looks like to the model: masks and orders drawn by (seed, epoch, index)."""

from __future__ import annotations

from collections import Counter

import pytest

from d2t.corpus.correct import correct_examples
from d2t.corpus.types import Example
from d2t.language.symbols import all_symbols
from d2t.linearize.base import make_strategy
from d2t.linearize.source import Inventory, Linearizer
from d2t.model.tokenizer import Tokenizer
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker
from d2t.train.data.encode import FROZEN, PairEncoder, Shares, render, tokenizer_texts
from d2t.train.data.prepare import TrainingPair, training_pairs

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
ROWS = [
    ("name[Aromi], eatType[pub], food[Italian]", "Aromi is an Italian pub."),
    ("name[Cotto], area[riverside], familyFriendly[yes]", "By the river, Cotto is kid friendly."),
    ("name[The Mill], food[French], area[riverside]", "The Mill serves French food, riverside."),
]


def pairs(n: int = 30) -> list[TrainingPair]:
    examples = [
        Example(f"x-{i}", parse_mr(ROWS[i % 3][0], DOMAIN), (ROWS[i % 3][1],)) for i in range(n)
    ]
    return training_pairs(correct_examples(examples, CHECKER, DOMAIN), CHECKER, DOMAIN)


def linearizer(strategy: str, data: list[TrainingPair]) -> Linearizer:
    examples = [pair.example for pair in data]
    fitted = make_strategy(strategy).fit(examples, DOMAIN)
    return Linearizer(DOMAIN, fitted, Inventory.fit(examples, DOMAIN))


def encoder(strategy: str, data: list[TrainingPair], share: float) -> PairEncoder:
    lin = linearizer(strategy, data)
    tokenizer = Tokenizer.train(tokenizer_texts(data, lin), all_symbols(DOMAIN), 400)
    return PairEncoder(lin, tokenizer, mask_share=share, break_share=0.5, seed=1)


def test_only_verbatim_values_are_masked() -> None:
    data = pairs(3)
    said = [{slot.name for slot in pair.maskable} for pair in data]
    assert said[0] == {"eatType", "food"}
    assert said[1] == set()  # "by the river" does not say "riverside"
    assert "food" in said[2]
    source, template = render(data[0], linearizer("at", pairs()), 1, 0, 0, Shares(1.0, 0.0))
    assert template == "<val:name> is an <val:food> <val:eatType>."
    assert dict(source.bindings)["<val:food>"] == "Italian"
    plain, template = render(data[0], linearizer("at", pairs()), 1, 0, 0, Shares(0.0, 0.0))
    assert template == "<val:name> is an Italian pub."
    assert "Italian" in plain.pieces


def test_a_value_the_text_words_otherwise_stays_text_even_when_rare() -> None:
    data = pairs(3)  # every value occurs once: the inventory is empty
    source, template = render(data[1], linearizer("at", data), 1, 0, 0, Shares(1.0, 0.0))
    assert "riverside" in source.pieces
    assert "<val:area>" not in template


def test_masks_are_redrawn_each_epoch_and_repeat_with_the_seed() -> None:
    data = pairs()
    enc = encoder("at", data, 0.5)
    epochs = [enc.encode_epoch(data, epoch) for epoch in range(4)]
    assert epochs[0] != epochs[1]
    assert epochs[2] == enc.encode_epoch(data, 2)
    assert epochs[2] == encoder("at", data, 0.5).encode_epoch(data, 2)
    assert enc.encode_epoch(data, FROZEN, mask=False) == enc.encode_epoch(data, FROZEN, mask=False)


@pytest.mark.parametrize(("strategy", "orders"), [("rnd", 6), ("if", 1), ("fp", 1), ("at", 1)])
def test_random_orders_are_redrawn_the_others_are_not(strategy: str, orders: int) -> None:
    data = pairs()
    lin = linearizer(strategy, data)
    seen = Counter(
        render(data[0], lin, 1, epoch, 0, Shares(0.0, 0.0))[0].pieces for epoch in range(60)
    )
    assert len(seen) == orders


def test_alignment_reads_the_order_of_the_text() -> None:
    data = pairs()
    source, _ = render(data[0], linearizer("at", data), 1, 0, 0, Shares(0.0, 0.0))
    assert [p for p in source.pieces if p.startswith("<slot:")] == [
        "<slot:name>", "<slot:food>", "<slot:eatType>",
    ]  # fmt: skip


def test_sentence_ends_are_shown_in_a_share_of_the_epochs() -> None:
    text = "Aromi is an Italian pub. It is by the river."
    example = Example(
        "x", parse_mr("name[Aromi], eatType[pub], food[Italian], area[riverside]", DOMAIN), (text,)
    )
    data = training_pairs(correct_examples([example], CHECKER, DOMAIN), CHECKER, DOMAIN)
    lin = linearizer("at", data)
    seen = Counter(
        render(data[0], lin, 1, epoch, 0, Shares(0.0, 0.25))[0].pieces.count("<break>")
        for epoch in range(400)
    )
    assert set(seen) == {0, 2}
    assert 70 <= seen[2] <= 130
    source, _ = render(data[0], lin, 1, 0, 0, Shares(0.0, 1.0))
    assert [p for p in source.pieces if p.startswith(("<slot:", "<break>"))] == [
        "<slot:name>", "<slot:food>", "<slot:eatType>", "<break>", "<slot:area>", "<break>",
    ]  # fmt: skip


def test_phrases_show_their_kind_and_no_sentences() -> None:
    mr = parse_mr("food[Italian], eatType[pub]", DOMAIN)
    example = Example("x", mr, ("an Italian pub",), kind="phrase")
    data = training_pairs(correct_examples([example], CHECKER, DOMAIN), CHECKER, DOMAIN)
    source, template = render(data[0], linearizer("at", data), 1, 0, 0, Shares(0.0, 1.0))
    assert source.pieces[0] == "<kind:phrase>"
    assert "<break>" not in source.pieces
    assert template == "an <val:food> <val:eatType>"  # both are rare here

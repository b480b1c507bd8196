"""Training pairs of the QA model, what of them is learnt, and a model that learns to notice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import torch
from tiny_qa import CONFIG, DOMAIN, QUESTIONS, tiny_model

from d2t.corpus.load import load_split
from d2t.corpus.types import Example
from d2t.errors import ConfigError, DataError
from d2t.judges.fluency.training import auc
from d2t.judges.qa.consistency import consistency
from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.quals import quals
from d2t.judges.qa.reader import QAReader
from d2t.judges.qa.training.pairs import Draws, PairDrawer, QAPairEncoder, QARow, Utterance
from d2t.judges.qa.training.train import QAConfig, qa_config, train_qa, unseen_values, utterances_of
from d2t.judges.qa.types import ANSWER
from d2t.mr.parse import parse_mr
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker
from d2t.train.config.options import OptimConfig
from d2t.train.data.batching import BatchOptions, EncodedPair, collate, plan_batches

if TYPE_CHECKING:
    from random import Random

CHECKER = SlotChecker.for_domain(DOMAIN)
PLAIN = Draws(text=8, answers=0, text_none=8, mr=8, mr_none=8, copied=0.0, beside=0.0)


def utterance(mr: str, text: str) -> Utterance:
    return Utterance(parse_mr(mr, DOMAIN), text)


AROMI = utterance("name[Aromi], food[Italian], near[Zizzi]", "Aromi has Italian food near Zizzi.")
MILL = utterance("name[The Mill], eatType[pub]", "The Mill is a pub.")


def rows(utterances: list[Utterance], draws: Draws = PLAIN, epoch: int = 0) -> list[QARow]:
    return list(PairDrawer(DOMAIN, QUESTIONS, draws, 1).rows(utterances, epoch))


def test_said_slots_are_learnt_whole_and_unsaid_ones_by_their_answer_alone() -> None:
    drawn = rows([AROMI])
    said = {(r.context[:4], r.pair.slot) for r in drawn if r.whole}
    unsaid = {(r.context[:4], r.pair.slot) for r in drawn if not r.whole}
    assert said == {(tag, name) for tag in ("<txt", "<mr>") for name in AROMI.mr.names}
    others = set(DOMAIN.slot_names) - set(AROMI.mr.names)
    assert unsaid == {(tag, name) for tag in ("<txt", "<mr>") for name in others}
    assert all((r.pair.answer == "none") == (not r.whole) for r in drawn)
    assert all(r.pair.answer in r.context for r in drawn if r.whole)


def test_answers_alone_are_learnt_of_the_text_too() -> None:
    drawn = rows([AROMI], PLAIN._replace(text=0, answers=8, text_none=0, mr=0, mr_none=0))
    assert {r.pair.slot for r in drawn} == set(AROMI.mr.names)
    assert not any(r.whole for r in drawn)
    assert all(r.context.startswith("<txt") for r in drawn)


def test_a_name_that_the_text_does_not_spell_is_not_asked_of_it() -> None:
    drawn = rows([utterance("name[Aromi], food[Italian]", "Aromy has Italian food.")])
    assert not [r for r in drawn if r.context.startswith("<txt") and r.pair.slot == "name"]
    assert [r for r in drawn if r.context.startswith("<mr") and r.pair.slot == "name"]


def test_no_held_out_wording_is_trained_on() -> None:
    """Whatever a question's fields are filled with; that the patterns match is seen on `ask`."""

    def pattern(wording: str) -> re.Pattern[str]:
        parts = re.split(r"(\{\w+\})", wording.lower())
        return re.compile("".join(".+" if p.startswith("{") else re.escape(p) for p in parts))

    asked = [row.pair.question for row in rows([AROMI, MILL] * 10)]
    for asking in QUESTIONS.slots.values():
        held = [pattern(wording) for wording in asking.held_out]
        assert held
        assert not [q for q in asked for wording in held if wording.fullmatch(q)]
    known = [pattern(w) for asking in QUESTIONS.slots.values() for w in asking.ask]
    assert all(any(wording.fullmatch(question) for wording in known) for question in asked)


def test_beside_another_text_only_questions_that_name_their_subject_are_asked() -> None:
    drawn = rows([AROMI, MILL], PLAIN._replace(beside=1.0))
    text = [r for r in drawn if r.context.startswith("<txt") and "pub" in r.context]
    text = [r for r in text if "italian" in r.context]
    assert text
    assert all("<ent:" in r.pair.question and not r.whole for r in text)
    kinds = {r.pair.answer for r in text if r.pair.slot == "eatType"}
    assert kinds <= {"pub", "none"}
    assert {r.pair.answer for r in text if r.pair.slot == "food"} <= {"italian", "none"}


def test_draws_depend_on_seed_epoch_and_place_alone() -> None:
    assert rows([AROMI, MILL]) == rows([AROMI, MILL])
    assert rows([AROMI, MILL]) != rows([AROMI, MILL], epoch=1)
    assert rows([AROMI, MILL])[: len(rows([AROMI]))] == rows([AROMI])


def test_listed_values_are_copied_in_a_share_of_the_draws() -> None:
    drawn = rows([AROMI], PLAIN._replace(copied=1.0))
    assert any("italian" not in r.context for r in drawn)
    assert {r.pair.answer for r in drawn if r.pair.slot == "food"} <= {
        f"<ent:{k}>" for k in range(1, 13)
    }


def test_given_tokens_are_read_and_not_learnt() -> None:
    tokenizer = tiny_model().tokenizer
    encoder = QAPairEncoder(PairDrawer(DOMAIN, QUESTIONS, PLAIN, 1), tokenizer)
    for row, pair in zip(rows([AROMI]), encoder.encode_epoch([AROMI], 0), strict=True):
        question = tokenizer.encode_target(f"{row.pair.question} {ANSWER}")[:-1]
        assert pair.given == (0 if row.whole else len(question))
        assert list(pair.target[: len(question)]) == question
    pair = EncodedPair((5, 2), (6, 7, 8, 2), given=2)
    (plan,) = plan_batches([pair], BatchOptions(1), seed=0, epoch=0)
    batch = collate([pair], plan, pad_id=0, bos_id=1)
    assert batch.decoder_input[0, :4].tolist() == [1, 6, 7, 8]
    assert batch.labels[0, :4].tolist() == [0, 0, 8, 2]
    assert batch.n_tokens == 2


def test_labels_are_the_mrs_or_only_texts_that_the_checker_reads_alike() -> None:
    examples = [Example("0", AROMI.mr, (AROMI.text, "Aromi is a pub.", " "))]
    assert len(utterances_of(examples, CHECKER, DOMAIN, "given")) == 2
    assert utterances_of(examples, CHECKER, DOMAIN, "agreed") == [AROMI]


def test_settings_of_a_command_line() -> None:
    config = qa_config(labels="agreed", epochs=0.5, width=32, seed=7, device="cpu")
    assert (config.labels, config.train.epochs, config.seed) == ("agreed", 0.5, 7)
    assert (config.network.width, config.network.ffn) == (32, 96)
    assert config.draws == Draws()
    config = qa_config(
        labels="given", epochs=None, width=None, seed=1, device="cpu", distracted=0.0
    )
    assert config.draws == Draws(distracted=0.0)
    assert qa_config(labels="given", epochs=None, width=None, seed=1, device="auto") == QAConfig()
    with pytest.raises(ConfigError, match="--width 13"):
        qa_config(labels="given", epochs=None, width=13, seed=1, device="cpu")


def test_training_is_deterministic_and_leaves_the_global_seed_alone() -> None:
    config = QAConfig(network=CONFIG, train=OptimConfig(max_steps=2, batch_size=8), device="cpu")
    before = torch.get_rng_state()
    first, again = (train_qa([AROMI, MILL], [MILL], DOMAIN, QUESTIONS, config) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    for name, weights in first.network.state_dict().items():
        assert torch.equal(weights, again.network.state_dict()[name])
    assert first.info["utterances"] == 2
    assert first.info["dev"]["step"] > 0
    without_dev = train_qa([AROMI, MILL], [], DOMAIN, QUESTIONS, config)
    assert without_dev.info["dev"] == {"step": 2}


def test_listed_values_that_nobody_has_said_are_known_and_read_as_names() -> None:
    said = [
        Utterance(parse_mr(mr, DOMAIN), "x")
        for mr in (
            "food[Chinese], priceRange[less than £20]", "food[English], area[riverside]",
            "food[Fast food], familyFriendly[yes]", "food[French], eatType[pub]",
            "food[Indian], customer rating[low]", "food[Italian]",
        )
    ]  # fmt: skip
    unseen = unseen_values(said, DOMAIN)
    assert unseen["food"] == ["Japanese"]
    assert unseen["priceRange"] == ["moderate", "£20-25", "high", "more than £30"], "cheap is said"
    assert "familyFriendly" not in unseen
    assert "name" not in unseen
    model = tiny_model()
    model.info["unseen"] = {"food": ["Japanese"]}
    reader = QAReader(model)
    assert (model.domain, reader.domain.digest) == (DOMAIN, DOMAIN.digest)
    assert reader.domain.slot("food").is_unseen("Japanese")
    mr = parse_mr("name[Aromi], food[Japanese]", DOMAIN)
    pair = context_pair(mr, "Aromi serves Japanese food.", reader.domain, reader.questions)
    assert pair.text == "<txt> <ent:1> serves <ent:2> food."
    assert pair.data == "<mr> <slot:name> <ent:1> <slot:food> <ent:2>"


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(DataError, match="nothing to train"):
        train_qa([], [], DOMAIN, QUESTIONS)


def swapped(mr: MeaningRepresentation, rng: Random) -> MeaningRepresentation:
    """The MR with another value of one closed slot."""
    at = rng.choice([i for i, slot in enumerate(mr.slots) if DOMAIN.slot(slot.name).kind != "open"])
    name, value = mr.slots[at].name, mr.slots[at].value
    spec = DOMAIN.slot(name)
    other = rng.choice([v for v in spec.values if spec.merged(v) != spec.merged(value)])
    return MeaningRepresentation((*mr.slots[:at], Slot(name, other), *mr.slots[at + 1 :]))


@pytest.mark.slow
def test_a_tiny_model_learns_that_a_swapped_value_is_worse() -> None:
    """On the embedded corpus, unseen texts; minutes on two cores."""
    train, dev = (
        utterances_of(load_split("mini", split, DOMAIN), CHECKER, DOMAIN, "given")
        for split in ("train", "dev")
    )
    config = QAConfig(
        network=CONFIG.model_copy(update={"width": 64, "ffn": 128, "decoder_layers": 1}),
        train=OptimConfig(epochs=6, batch_size=32, lr=2e-3, label_smoothing=0.0, average=0.99),
        draws=Draws(copied=0.0, beside=0.0),  # the plain task is learnt sooner
        device="cpu",
    )
    reader = QAReader(train_qa(train, dev, DOMAIN, QUESTIONS, config))
    rng = derived_rng(3, "swaps")
    closed = [u for u in dev if any(DOMAIN.slot(s.name).kind != "open" for s in u.mr.slots)][:80]
    good = [context_pair(*u, DOMAIN, QUESTIONS) for u in closed]
    bad = [context_pair(swapped(u.mr, rng), u.text, DOMAIN, QUESTIONS) for u in closed]
    asked = [consistency(records, reader) for records in (good, bad)]
    assert auc(*([s.worst_log_p for s in scores] for scores in asked)) >= 0.95  # 0.993 when written
    assert auc(*([s.f1 for s in scores] for scores in asked)) >= 0.9  # 0.954
    held_out = [consistency(records, reader, held_out=True) for records in (good, bad)]
    assert auc(*([s.worst_log_p for s in scores] for scores in held_out)) >= 0.8  # 0.913
    judged = [quals(records, reader) for records in (good, bad)]
    assert auc(*([s.worst or 0.0 for s in scores] for scores in judged)) >= 0.95  # 0.999
    assert auc(*([s.total or 0.0 for s in scores] for scores in judged)) >= 0.9

"""The QAGen model: files that survive, scores that are the model's own, answers that are greedy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_qa import DOMAIN, QUESTIONS, tiny_model

from d2t.errors import BundleError, UsageError
from d2t.judges.qa.consistency import consistency
from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.model import DOMAIN as DOMAIN_FOLDER
from d2t.judges.qa.model import MANIFEST, WEIGHTS, QAModel
from d2t.judges.qa.quals import QualsOptions, quals
from d2t.judges.qa.reader import QAReader, diverse_search
from d2t.judges.qa.types import ANSWER, QAPair
from d2t.mr.parse import parse_mr
from d2t.search.greedy import pad_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d2t.judges.qa.types import ContextPair

    Scores = Callable[[Sequence[ContextPair]], list[tuple[float | None, ...]]]

CONTEXTS = [
    "<txt> <ent:1> is a cheap italian pub.",
    "<mr> <slot:name> <ent:2> <slot:food> italian <slot:near> <ent:5>",
    "<txt> not for families.",
]
PAIRS = [
    QAPair("what food is served?", "italian"),
    QAPair("what is <ent:1> close to?", "<ent:2>"),
    QAPair("how expensive is it?", "none"),
]


@pytest.fixture(scope="module")
def model() -> QAModel:
    return tiny_model()


@pytest.fixture(scope="module")
def reader(model: QAModel) -> QAReader:
    return QAReader(model)


def stepped(model: QAModel, context: str, target: str) -> list[float]:
    """Log-probabilities of a target token by token: no teacher forcing in one pass, no padding."""
    tokenizer, network = model.tokenizer, model.network
    ids, mask = pad_sources([tokenizer.encode_target(context)], tokenizer.pad_id)
    state, token, logs = network.start(ids, mask), torch.tensor([network.bos_id]), []
    for expected in tokenizer.encode_target(target):
        logits, state = network.step(token, state)
        logs.append(float(torch.log_softmax(logits, dim=-1)[0, expected]))
        token = torch.tensor([expected])
    return logs


def test_scores_are_those_of_the_model_stepped_through_the_pair(
    model: QAModel, reader: QAReader
) -> None:
    rows = [(at, pair) for at in range(3) for pair in PAIRS]
    with torch.inference_mode():
        for (at, pair), logs in zip(rows, reader.log_probs(CONTEXTS, rows), strict=True):
            assert list(logs.tokens) == pytest.approx(
                stepped(model, CONTEXTS[at], pair.target), abs=1e-4
            )
            question = model.tokenizer.encode_target(f"{pair.question} {ANSWER}")[:-1]
            assert logs.n_question == len(question)
            assert len(logs.tokens) - logs.n_question == len(
                model.tokenizer.encode_target(pair.answer)
            )


def test_one_by_one_or_in_batches_of_any_size_the_scores_are_the_same(
    model: QAModel, reader: QAReader
) -> None:
    rows = [(at, pair) for at in (2, 0, 1) for pair in PAIRS] * 2
    together = reader.log_probs(CONTEXTS, rows)
    answers = reader.answers(CONTEXTS, [(at, pair.question) for at, pair in rows])
    small = QAReader(model, n_contexts=1, n_rows=2)
    for place, (at, pair) in enumerate(rows):
        (alone,) = small.log_probs([CONTEXTS[at]], [(0, pair)])
        assert list(alone.tokens) == pytest.approx(list(together[place].tokens), abs=1e-4)
    assert small.answers(CONTEXTS, [(at, p.question) for at, p in rows]) == answers
    assert reader.log_probs(CONTEXTS, []) == []
    assert reader.answers([], []) == []


def test_a_context_without_end_is_cut(reader: QAReader) -> None:
    longest = [f"<txt> {'pub ' * 5000}", f"<txt> {'pub ' * 9000}"]
    one, other = reader.log_probs(longest, [(0, PAIRS[0]), (1, PAIRS[0])])
    assert one.tokens == pytest.approx(other.tokens, abs=1e-4)


def test_training_mode_is_left_behind_and_scores_have_no_dropout(model: QAModel) -> None:
    model.network.train()
    reader = QAReader(model)
    rows = [(0, PAIRS[0])]
    assert reader.log_probs(CONTEXTS, rows) == reader.log_probs(CONTEXTS, rows)


def test_an_answer_is_the_likeliest_continuation_of_its_question(
    model: QAModel, reader: QAReader
) -> None:
    tokenizer = model.tokenizer
    (answer,) = reader.answers(CONTEXTS, [(0, PAIRS[0].question)])
    ids, mask = pad_sources([tokenizer.encode_target(CONTEXTS[0])], tokenizer.pad_id)
    prefix = [tokenizer.bos_id, *tokenizer.encode_target(f"{PAIRS[0].question} {ANSWER}")[:-1]]
    with torch.inference_mode():
        logits = model.network(ids, mask, torch.tensor([prefix]))[0, -1].tolist()
    absent = [tokenizer.symbol_ids[f"<ent:{k}>"] for k in range(2, 13)]
    allowed = set(range(len(logits))) - {tokenizer.pad_id, tokenizer.bos_id, *absent}
    best = max(allowed, key=lambda token: logits[token])
    assert answer.startswith(tokenizer.decode([best]))


def test_names_that_a_context_does_not_hold_are_never_answered(model: QAModel) -> None:
    with torch.no_grad():  # a model that wants to say <ent:7> all the time
        biased = tiny_model()
        biased.network.output.bias[biased.tokenizer.symbol_ids["<ent:7>"]] += 50
        biased.network.output.bias[biased.tokenizer.symbol_ids["<ent:1>"]] += 40
    reader = QAReader(biased)
    (absent,) = reader.answers([CONTEXTS[0]], [(0, "what is it close to?")])
    assert "<ent:7>" not in absent
    assert absent.startswith("<ent:1>")


def test_groups_of_a_diverse_search_are_the_same_without_penalty_and_differ_with_one(
    model: QAModel,
) -> None:
    ids, mask = pad_sources(
        [model.tokenizer.encode_target(context) for context in CONTEXTS], model.tokenizer.pad_id
    )
    options = {"n_groups": 4, "max_length": 8}
    plain = diverse_search(model.network, ids, mask, penalty=0.0, **options)
    assert all(len({result.ids for result in groups}) == 1 for groups in plain)
    diverse = diverse_search(model.network, ids, mask, penalty=5.0, **options)
    assert all(len({result.ids for result in groups}) == 4 for groups in diverse)
    assert [groups[0].ids for groups in diverse] == [groups[0].ids for groups in plain]
    (alone,) = diverse_search(model.network, ids[:1], mask[:1], penalty=5.0, **options)
    assert [r.ids for r in alone] == [r.ids for r in diverse[0]]
    with pytest.raises(UsageError, match="n_groups"):
        diverse_search(model.network, ids, mask, n_groups=0, penalty=0.5, max_length=8)
    assert diverse_search(model.network, ids[:0], mask[:0], penalty=0.5, **options) == []


def test_the_penalty_is_not_in_the_scores(model: QAModel) -> None:
    """What the original gets wrong: its second term holds the diversity penalty (rule F1.2)."""
    tokenizer = model.tokenizer
    ids, mask = pad_sources([tokenizer.encode_target(CONTEXTS[0])], tokenizer.pad_id)
    (groups,) = diverse_search(model.network, ids, mask, n_groups=3, penalty=9.0, max_length=5)
    assert groups
    for result in groups:
        tokens = [*result.ids, *([tokenizer.eos_id] if result.finished else [])]
        decoder_input = torch.tensor([[tokenizer.bos_id, *tokens[:-1]]])
        with torch.inference_mode():
            logs = torch.log_softmax(model.network(ids, mask, decoder_input)[0], dim=-1)
        total = float(logs.gather(1, torch.tensor(tokens)[:, None]).sum())
        assert result.score == pytest.approx(total / len(tokens), abs=1e-4)


def test_the_metrics_run_with_the_model_and_do_not_depend_on_the_batch(reader: QAReader) -> None:
    records = [
        context_pair(parse_mr(mr, DOMAIN), text, DOMAIN, QUESTIONS)
        for mr, text in (
            ("name[Aromi], food[Italian]", "Aromi serves Italian food."),
            ("name[Zizzi], near[The Mill], area[riverside]", "Zizzi, by the river."),
            ("food[English]", ""),
        )
    ]
    for score in (
        lambda r: [(s.total, s.worst) for s in quals(r, reader)],
        lambda r: [(s.total,) for s in quals(r, reader, QualsOptions("diverse", n_groups=6))],
        lambda r: [(s.f1, s.mean_log_p, s.worst_log_p) for s in consistency(r, reader)],
    ):
        together = score(records)
        alone = [score([record])[0] for record in records]
        for one, other in zip(together, alone, strict=True):
            assert [x for x in one if x is not None] == pytest.approx(
                [x for x in other if x is not None], abs=1e-3
            )


def test_a_saved_model_is_the_same_model(model: QAModel, reader: QAReader, tmp_path: Path) -> None:
    folder = tmp_path / "qa"
    model.save(folder)
    again = QAReader.load(folder)
    rows = [(at, pair) for at in range(3) for pair in PAIRS]
    assert again.log_probs(CONTEXTS, rows) == reader.log_probs(CONTEXTS, rows)
    assert again.digest
    assert again.digest == model.digest
    assert again.questions == QUESTIONS
    assert again.model.info == {"made": "in a test"}
    model.save(folder)  # an older model is replaced


def _edit(folder: Path, **changes: Any) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


CORRUPTIONS: dict[str, Callable[[Path], object]] = {
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "other version": lambda folder: _edit(folder, format_version=99),
    "other sizes": lambda folder: _edit(folder, network={"width": 24, "heads": 2}),
    "no questions": lambda folder: _edit(folder, questions=1),
    "cut weights": lambda folder: (folder / WEIGHTS).write_bytes(b"1234"),
    "no tokenizer": lambda folder: (folder / "tokenizer.model").unlink(),
    "no domain": lambda folder: (folder / DOMAIN_FOLDER / "domain.toml").unlink(),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_corrupt_folder_is_an_error(corruption: str, model: QAModel, tmp_path: Path) -> None:
    folder = tmp_path / "qa"
    model.save(folder)
    CORRUPTIONS[corruption](folder)
    with pytest.raises(BundleError):
        QAModel.load(folder)


def test_other_folders_are_not_overwritten(model: QAModel, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError):
        model.save(tmp_path)

"""Reranking by hand: slots before order, order before the model, and never index 0 by habit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from echo_bundle import EchoBundle, echo_bundle
from hypothesis import given
from hypothesis import strategies as st

from d2t.errors import UsageError
from d2t.generate.candidates import rerank, slot_f1, tied
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest, Hypothesis, check_text
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.search.backend import SearchResult

if TYPE_CHECKING:
    from collections.abc import Sequence

MR = "name[Aromi], eatType[pub], area[riverside]"
PLAN = "area,name | eatType"
GOOD = "At the riverside is Aromi. It is a pub."
ONE_SENTENCE = "At the riverside is Aromi, a pub."
OTHER_ORDER = "Aromi is at the riverside. It is a pub."
NO_AREA = "Aromi is a pub."
TWICE = "At the riverside is Aromi. It is a pub at the riverside."


@pytest.fixture(scope="module")
def bundle() -> EchoBundle:
    return echo_bundle()


def generated(
    bundle: EchoBundle,
    beams: Sequence[str | tuple[str, float, bool]],
    *,
    plan: str | None = PLAN,
    monkeypatch: pytest.MonkeyPatch,
    **settings: Any,
) -> Hypothesis:
    """What the generator answers when these are its beams, best first (score -1, -2, …)."""
    settings = {"beam_size": 8, "rerank": True, **settings}
    generator = ModelGenerator(bundle, **settings)
    found = [b if isinstance(b, tuple) else (b, -1.0 - i, True) for i, b in enumerate(beams)]
    results = [
        SearchResult(tuple(bundle.tokenizer.encode_target(text)[:-1]), score, finished)
        for text, score, finished in found
    ]
    monkeypatch.setattr(generator, "_beams", lambda batch: [results] * len(batch))
    return generator.generate_one(MR, plan)


@pytest.mark.parametrize(
    ("beams", "best"),
    [
        ([NO_AREA, GOOD], GOOD),  # the source's reranker takes index 0 here (rule W3)
        ([NO_AREA, OTHER_ORDER, GOOD], GOOD),
        ([NO_AREA, OTHER_ORDER], OTHER_ORDER),  # slots before order
        ([TWICE, OTHER_ORDER], OTHER_ORDER),  # said twice is an error of content
        ([ONE_SENTENCE, GOOD], GOOD),  # sentences after order
        ([OTHER_ORDER, ONE_SENTENCE], ONE_SENTENCE),
        ([GOOD, "At the riverside there is Aromi. It is a pub."], GOOD),  # then the model
        ([NO_AREA, "Aromi is another pub."], NO_AREA),
    ],
)
def test_slots_then_order_then_sentences_then_the_model(
    bundle: EchoBundle, beams: list[str], best: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert generated(bundle, beams, monkeypatch=monkeypatch).text == best
    plain = generated(bundle, beams, monkeypatch=monkeypatch, rerank=False)
    assert plain.text == beams[0]


def test_of_two_wrong_orders_the_closer_one(
    bundle: EchoBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    beams = ["A pub, Aromi, is at the riverside.", "A pub at the riverside is Aromi."]
    found = generated(bundle, beams, plan="area,name,eatType", monkeypatch=monkeypatch)
    assert found.text == beams[1]  # it keeps "area, name"
    assert not found.order_kept


def test_a_text_that_was_cut_comes_last(
    bundle: EchoBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = generated(bundle, [(GOOD, -0.1, False), (NO_AREA, -3.0, True)], monkeypatch=monkeypatch)
    assert (found.text, found.finished) == (NO_AREA, True)
    alone = generated(bundle, [(GOOD, -0.1, False)], monkeypatch=monkeypatch)
    assert (alone.text, alone.status, alone.finished) == (GOOD, "failed", False)


@given(st.permutations([GOOD, ONE_SENTENCE, OTHER_ORDER, NO_AREA, TWICE]))
def test_the_best_wins_wherever_it_stands(bundle: EchoBundle, beams: list[str]) -> None:
    mr = parse_mr(MR, bundle.domain)
    plan = parse_plan(PLAN, mr, bundle.domain)
    checker = ModelGenerator(bundle).checker

    def hypothesis(text: str) -> Hypothesis:
        return check_text(text, GenerationRequest("0", mr), plan, checker, score=0.0)

    candidates = [hypothesis(text) for text in beams]
    assert beams[rerank(candidates)] == GOOD
    faithful = [text for text in beams if text not in (NO_AREA, TWICE)]
    assert beams[rerank(candidates, by_order=False)] == faithful[0]
    assert [beams[i] for i in tied(candidates, by_order=False)] == faithful
    assert tied(candidates) == [beams.index(GOOD)]


def test_slot_f1_is_over_multisets() -> None:
    a, b, c = (Slot(name, "x") for name in "abc")
    mr = MeaningRepresentation((a, b))
    assert slot_f1(Plan((b, a)), mr) == 1.0
    assert slot_f1(Plan((a,)), mr) == pytest.approx(2 / 3)
    assert slot_f1(Plan((a, b, a)), mr) == pytest.approx(4 / 5)
    assert slot_f1(Plan((a, b, c)), mr) == pytest.approx(4 / 5)
    assert slot_f1(Plan((c,)), mr) == 0.0
    assert slot_f1(Plan(()), mr) == 0.0
    assert slot_f1(Plan(()), MeaningRepresentation(())) == 1.0


def test_random_orders_are_pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five shuffles compete, and the record says which one was read (rule W4)."""
    bundle = echo_bundle("rnd")
    text = "name[Aromi], eatType[pub], area[riverside], food[Italian], priceRange[cheap]"
    request = GenerationRequest("7", parse_mr(text, bundle.domain))
    generator = ModelGenerator(bundle, beam_size=2, rerank=True, searches_kept=0)
    read: list[tuple[str, ...]] = []
    run = generator._beams

    def noted(batch: list[Any]) -> list[list[SearchResult]]:
        read.extend(item.orders.asked.names for item in batch)
        return run(batch)

    monkeypatch.setattr(generator, "_beams", noted)
    [hypothesis] = generator.generate([request])
    assert len(set(read)) == 5
    assert hypothesis.plan.names in read
    assert hypothesis.alignment.plan().slots == hypothesis.plan.slots
    read.clear()
    asked = parse_plan("name,area,food,eatType,priceRange", request.mr, bundle.domain)
    [hypothesis] = generator.generate([GenerationRequest("7", request.mr, asked)])
    assert read == [asked.names]
    assert hypothesis.order_kept


def test_where_nobody_asked_for_an_order_the_model_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beams = [NO_AREA, OTHER_ORDER, GOOD]
    found = generated(echo_bundle("rnd"), beams, plan=None, monkeypatch=monkeypatch)
    assert found.text == OTHER_ORDER


def test_one_beam_leaves_nothing_to_rerank(bundle: EchoBundle) -> None:
    with pytest.raises(UsageError, match="beam size"):
        ModelGenerator(bundle, rerank=True)


@pytest.mark.parametrize(
    ("plan", "text", "kept"),
    [
        ("area,name,eatType", GOOD, None),
        (PLAN, GOOD, True),
        (PLAN, OTHER_ORDER, True),  # the sentences are right, the order is not
        (PLAN, ONE_SENTENCE, False),
        (PLAN, "At the riverside is a pub. It is Aromi.", False),
        ("area,name,eatType |", ONE_SENTENCE, True),
        ("area,name,eatType |", GOOD, False),
    ],
)
def test_whether_sentences_were_kept(
    bundle: EchoBundle, plan: str, text: str, kept: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert generated(bundle, [text], plan=plan, monkeypatch=monkeypatch).breaks_kept is kept

"""From requests to checked hypotheses, on a model that says exactly what it reads."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import torch
from echo_bundle import EchoBundle, echo_bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from d2t.errors import BackendError, D2TError, DataError, UsageError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.requests import choose_orders
from d2t.generate.types import GenerationRequest
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan
from d2t.search.backend import EncodedSource, SymbolMask
from d2t.search.torch_backend import TorchBackend

if TYPE_CHECKING:
    from d2t.mr.types import MeaningRepresentation

TEXT = "name[Aromi], eatType[coffee shop], food[Italian], area[riverside]"


@pytest.fixture(scope="module")
def bundle() -> EchoBundle:
    return echo_bundle()


@pytest.fixture
def mr(bundle: EchoBundle) -> MeaningRepresentation:
    return parse_mr(TEXT, bundle.domain)


@pytest.mark.parametrize("plan", ["area,food,name,eatType", "eatType > name > area > food"])
@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_faithful_model_keeps_any_plan(bundle: EchoBundle, plan: str, beam_size: int) -> None:
    hypothesis = ModelGenerator(bundle, beam_size=beam_size).generate_one(TEXT, plan)
    assert hypothesis.status == "ok"
    assert hypothesis.order_kept
    assert hypothesis.report.alignment.plan().slots == hypothesis.plan.slots
    assert (
        hypothesis.text.index("riverside") < hypothesis.text.index("Italian") or plan[:4] != "area"
    )


def test_without_a_plan_the_planner_decides(bundle: EchoBundle, mr: MeaningRepresentation) -> None:
    hypothesis = ModelGenerator(bundle).generate_one(mr)
    assert bundle.planner is not None
    assert hypothesis.plan == bundle.planner.plan(mr)
    assert hypothesis.order_kept


def test_unseen_names_and_values_come_out_letter_for_letter(bundle: EchoBundle) -> None:
    text = "name[Zażółć Gęślą & Søn 🍜], near[مطعم الشرق]"
    hypothesis = ModelGenerator(bundle).generate_one(text, "name,near")
    assert hypothesis.text == "Zażółć Gęślą & Søn 🍜 مطعم الشرق"
    assert hypothesis.status == "ok"
    unseen = ModelGenerator(bundle).generate_one("name[A], food[Ethiopian]", "name,food")
    assert unseen.text == "A Ethiopian"


def test_what_the_checker_rejects_is_never_ok(bundle: EchoBundle) -> None:
    hypothesis = ModelGenerator(bundle, max_length=2).generate_one(TEXT, "name,area,food,eatType")
    assert hypothesis.report.missing
    assert hypothesis.status == "failed"
    assert not hypothesis.order_kept


def test_a_text_that_was_cut_short_is_never_ok(bundle: EchoBundle) -> None:
    """All slots are said, but the sentence has no end: nobody knows what would have followed."""
    found = [
        ModelGenerator(bundle, max_length=length).generate_one("name[Aromi], food[Italian]")
        for length in range(1, 20)
    ]
    cut, whole = [hypothesis for hypothesis in found if hypothesis.report.ok][:2]
    assert (cut.text, cut.status) == (whole.text, "failed")
    assert whole.status == "ok"


def test_requests_are_answered_in_their_order(bundle: EchoBundle) -> None:
    texts = ["name[Aromi]", TEXT, "food[Italian]", "name[The Mill], eatType[pub], area[riverside]"]
    requests = [GenerationRequest(str(i), parse_mr(t, bundle.domain)) for i, t in enumerate(texts)]
    generator = ModelGenerator(bundle, batch_size=2)
    bundle.model.batches.clear()
    assert [h.id for h in generator.generate(requests)] == ["0", "1", "2", "3"]
    assert bundle.model.batches == [2, 2]
    assert generator.generate([]) == []


def test_out_of_memory_halves_the_batch_and_goes_on(
    bundle: EchoBundle, mr: MeaningRepresentation, caplog: pytest.LogCaptureFixture
) -> None:
    requests = [GenerationRequest(str(i), mr) for i in range(9)]
    generator = ModelGenerator(bundle, batch_size=8, searches_kept=0)
    bundle.model.largest_batch = 2
    try:
        with caplog.at_level(logging.WARNING, logger="d2t.generate.pipeline"):
            assert [h.status for h in generator.generate(requests)] == ["ok"] * 9
        assert generator.batch_size == 2
        assert "batches of 2" in caplog.text
        bundle.model.largest_batch = 0
        with pytest.raises(BackendError, match="batch of one"):
            generator.generate(requests)
    finally:
        bundle.model.largest_batch = None


def test_generation_leaves_the_training_mode_as_it_was(bundle: EchoBundle) -> None:
    for training in (True, False):
        bundle.model.train(training)
        ModelGenerator(bundle).generate_one(TEXT)
        assert bundle.model.training is training


def test_settings_come_from_the_bundle_unless_given(bundle: EchoBundle) -> None:
    bundle.decode_defaults.update(beam_size=4, max_length=7)
    try:
        assert ModelGenerator(bundle).beam_size == 4
        assert ModelGenerator(bundle, beam_size=1).beam_size == 1
        assert ModelGenerator(bundle).max_length == 7
    finally:
        bundle.decode_defaults.clear()
    for setting in ("beam_size", "batch_size", "max_length"):
        with pytest.raises(UsageError, match=setting):
            ModelGenerator(bundle, **{setting: 0})


def test_a_bad_mr_or_plan_is_an_error_with_a_cure(bundle: EchoBundle) -> None:
    generator = ModelGenerator(bundle)
    for text, plan in [("name[Aromi", None), (TEXT, "area,food"), (TEXT, "colour"), ("", None)]:
        with pytest.raises(D2TError):
            generator.generate_one(text, plan)


class TestOrders:
    def test_rnd_depends_on_seed_and_id_only(self, mr: MeaningRepresentation) -> None:
        strategy = echo_bundle("rnd").linearizer.strategy

        def order(id: str, seed: int = 0) -> tuple[str, ...]:
            return choose_orders(GenerationRequest(id, mr), strategy, None, seed=seed).read.names

        assert order("a") == order("a")
        assert len({order(str(i)) for i in range(30)}) > 5
        assert len({order("a", seed) for seed in range(30)}) > 5

    @pytest.mark.parametrize(
        ("alias", "follows"), [("rnd", True), ("if", True), ("at", True), ("fp", False)]
    )
    def test_who_reads_a_given_plan(
        self, mr: MeaningRepresentation, alias: str, follows: bool
    ) -> None:
        bundle = echo_bundle(alias)
        own = choose_orders(
            GenerationRequest("a", mr), bundle.linearizer.strategy, bundle.planner, seed=0
        )
        plan = parse_plan(list(reversed(own.asked.names)), mr, bundle.domain)
        orders = choose_orders(
            GenerationRequest("a", mr, plan), bundle.linearizer.strategy, bundle.planner, seed=0
        )
        assert orders.asked == plan
        assert orders.read == (plan if follows else own.read)
        hypothesis = ModelGenerator(bundle).generate_one(mr, plan, id="a")
        assert hypothesis.order_kept is follows

    def test_alignment_without_planner_asks_for_a_plan(self, mr: MeaningRepresentation) -> None:
        strategy = echo_bundle("at").linearizer.strategy
        with pytest.raises(DataError, match="--plan") as caught:
            choose_orders(GenerationRequest("a", mr), strategy, None, seed=0)
        assert caught.value.code == "no_plan"


def test_only_bound_placeholders_may_be_generated(bundle: EchoBundle) -> None:
    mask = SymbolMask(bundle.domain, bundle.tokenizer, bundle.tokenizer.vocab_size)

    def token(symbol: str) -> int:
        return int(bundle.tokenizer.encode_target(symbol)[0])

    for symbol in ("<val:name>", "<val:near>", "<val:name:2>", "<slot:name>", "<absent>"):
        assert token(symbol) in mask.always
    assert mask.allowed(["<val:name>", "<no:symbol>"]) == [token("<val:name>")]
    assert bundle.tokenizer.unk_id in mask.always
    assert mask.always & set(bundle.tokenizer.encode_target("🍜")), "bytes are for reading"
    assert not mask.always & set(bundle.tokenizer.encode_target("riverside"))


def test_the_engine_is_told_which_placeholders_are_bound(bundle: EchoBundle) -> None:
    backend = TorchBackend(bundle)
    sources = [EncodedSource((5, 2), ("<val:name>",)), EncodedSource((5, 2), ())]
    _, _, _, banned = backend.batch(sources)
    place = bundle.tokenizer.encode_target("<val:name>")[0]
    assert banned[:, place].tolist() == [False, True]
    banned[0, place] = True
    assert torch.equal(banned[0], banned[1])


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(names, names), min_size=1, max_size=7), st.integers(1, 4))
def test_any_batch_size_gives_the_same_hypotheses(
    bundle: EchoBundle, pairs: list[tuple[str, str]], batch_size: int
) -> None:
    requests = [
        GenerationRequest(str(i), parse_mr({"name": name, "near": near}, bundle.domain))
        for i, (name, near) in enumerate(pairs)
    ]
    together = ModelGenerator(bundle, batch_size=64).generate(requests)
    apart = ModelGenerator(bundle, batch_size=batch_size).generate(requests)
    assert [(h.text, h.report, h.plan) for h in together] == [
        (h.text, h.report, h.plan) for h in apart
    ]

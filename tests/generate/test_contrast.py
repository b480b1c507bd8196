"""What a request is contrasted with: sources of perturbed MRs, and which slots a text has said."""

from __future__ import annotations

import pytest
from echo_bundle import EchoBundle, echo_bundle

from d2t.errors import UsageError
from d2t.generate.contrast import ContrastOptions, PerturbedRequest
from d2t.generate.contrast_engine import contrast_engine
from d2t.generate.load import load
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import EncodedRequest, GenerationRequest, Orders, VerifyOptions
from d2t.generate.verified import VerifiedGenerator
from d2t.mr.parse import parse_mr
from d2t.mr.perturb import PERTURBATIONS, Perturbation
from d2t.mr.types import Plan
from d2t.search.torch_backend import TorchBackend
from d2t.slots.checker import SlotChecker

MR = "name[Aromi], eatType[pub], food[Italian], area[riverside]"


@pytest.fixture(scope="module")
def bundle() -> EchoBundle:
    return echo_bundle()


def source(bundle: EchoBundle, mr: str, kind: Perturbation, *, id: str = "1") -> PerturbedRequest:
    parsed = parse_mr(mr, bundle.domain)
    request = GenerationRequest(id, parsed)
    plan = Plan(parsed.slots)
    bindings = bundle.linearizer.linearize(parsed, plan).bindings
    return PerturbedRequest(
        ContrastOptions(kind, dynamic=True),
        EncodedRequest(
            ids=(), symbols=(), request=request, orders=Orders(plan, plan), bindings=bindings
        ),
        bundle,  # type: ignore[arg-type]
        SlotChecker.for_domain(bundle.domain),
        seed=0,
    )


def read(bundle: EchoBundle, ids: tuple[int, ...]) -> str:
    return " ".join(bundle.tokenizer.pieces(ids)).replace("▁", "")


def test_sources_as_the_model_reads_them(bundle: EchoBundle) -> None:
    dropped = source(bundle, MR, "dropped")
    assert "food" not in read(bundle, dropped.ids())
    assert "<slot:name> <val:name>" in read(bundle, dropped.ids())
    null = read(bundle, source(bundle, MR, "null").ids())
    assert null.count("<empty>") == 3
    wrong = read(bundle, source(bundle, MR, "wrong").ids())
    assert "Italian" not in wrong
    assert "<slot:food>" in wrong


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_slots_that_are_said_are_true_again(bundle: EchoBundle, kind: Perturbation) -> None:
    made = source(bundle, MR, kind)
    assert made.everything == 0b111
    parsed = parse_mr(MR, bundle.domain)
    true = bundle.linearizer.linearize(parsed, Plan(parsed.slots)).pieces
    assert made.ids(made.everything) == tuple(bundle.tokenizer.encode_source(true))
    food_said = read(bundle, made.ids(0b010))
    assert "<slot:food>" in food_said
    assert "riverside" not in food_said.replace(" ", "")
    longest = max(len(made.ids(said)) for said in range(8))
    assert longest <= made.longest()


def test_wrong_values_belong_to_seed_and_request(bundle: EchoBundle) -> None:
    ids = {source(bundle, MR, "wrong", id=str(k)).ids() for k in range(20)}
    assert len(ids) > 3
    assert source(bundle, MR, "wrong", id="7").ids() == source(bundle, MR, "wrong", id="7").ids()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", 0),
        ("<val:name> is a pub", 0),  # the word may go on
        ("<val:name> is a pub that", 0b001),
        ("<val:name> is a pub.", 0b001),
        ("a riverside pub, Italian food, and", 0b111),
        ("a pub that serves Chinese food and", 0b011),  # wrong, but said
    ],
)
def test_what_a_text_has_said(bundle: EchoBundle, text: str, said: int) -> None:
    prefix = bundle.tokenizer.encode_target(text)[:-1]
    assert source(bundle, MR, "dropped").said(prefix) == said


def test_an_engine_that_cannot_contrast_says_so() -> None:
    with pytest.raises(UsageError, match="use --engine torch"):
        load(engine="ctranslate2", contrast=ContrastOptions())
    plain = ContrastOptions(beta=0, plausibility=0)
    assert load(engine="ctranslate2", contrast=plain).engine == "ctranslate2"


def test_without_weight_and_mask_the_engine_is_the_plain_one(bundle: EchoBundle) -> None:
    plain = ContrastOptions(beta=0, plausibility=0)
    assert type(contrast_engine(bundle, plain)) is TorchBackend  # type: ignore[arg-type]


def test_verified_generation_contrasts_its_searches(bundle: EchoBundle) -> None:
    options = ContrastOptions("dropped", beta=0.5, plausibility=0.1)
    engine = contrast_engine(bundle, options)  # type: ignore[arg-type]
    inner = ModelGenerator(bundle, backend=engine)  # type: ignore[arg-type]
    said = VerifiedGenerator(inner, VerifyOptions(composed=0)).generate_one(
        MR, "food, name, eatType, area"
    )
    assert (said.text, said.status) == ("Italian Aromi pub riverside", "ok")

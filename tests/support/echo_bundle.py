"""A bundle whose model says its source: every value, in the order it reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from d2t.corpus.types import Example
from d2t.generate.requests import request_from_record
from d2t.generate.stream import answer_records
from d2t.language.symbols import all_symbols
from d2t.linearize.base import make_strategy
from d2t.linearize.source import Inventory, Linearizer
from d2t.model.base import DecoderState, Seq2SeqModel
from d2t.model.tokenizer import Tokenizer
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import Plan
from d2t.plan.bigram import BigramPlanner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from d2t.generate.stream import StreamItem
    from d2t.generate.types import Generator
    from d2t.mr.domain import Domain
    from d2t.mr.reader import Record
    from d2t.plan.neural import NeuralPlanner

MRS = (
    "name[Aromi], eatType[coffee shop], food[Italian], area[riverside]",
    "name[The Mill], eatType[pub], food[English], priceRange[cheap], area[city centre]",
    "name[Zizzi], food[Chinese], near[Burger King]",
    "name[Cotto], eatType[restaurant], priceRange[moderate], near[The Portland Arms]",
)
"""Fitting material: every value of these is in the inventory."""


class EchoModel(Seq2SeqModel):
    """Emits the source tokens that are not in ``dropped`` (markers, features), then EOS."""

    def __init__(self, vocab_size: int, dropped: list[int], fail_on: int | None = None) -> None:
        super().__init__()
        self.pad_id, self.bos_id, self.eos_id, self.vocab_size = 0, 1, 2, vocab_size
        self.dropped = torch.zeros(vocab_size, dtype=torch.bool)
        self.dropped[dropped] = True
        self.largest_batch: int | None = None  # above it, memory "runs out"
        self.batches: list[int] = []

    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        if self.largest_batch is not None and len(source_ids) > self.largest_batch:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.batches.append(len(source_ids))
        keep = source_mask & ~self.dropped[source_ids]
        order = torch.sort((~keep).to(torch.int8), dim=1, stable=True).indices
        said = torch.where(keep, source_ids, self.eos_id).gather(1, order)
        said = torch.nn.functional.pad(said, (0, 1), value=self.eos_id)
        return {"said": said, "position": torch.zeros(len(said), 1, dtype=torch.int64)}

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        position = state["position"].clamp(max=state["said"].size(1) - 1)
        logits = torch.full((len(token_ids), self.vocab_size), -20.0)
        logits.scatter_(1, state["said"].gather(1, position), 0.0)
        return logits, {"said": state["said"], "position": position + 1}

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        raise NotImplementedError


@dataclass
class EchoBundle:
    domain: Domain
    tokenizer: Tokenizer
    model: EchoModel
    linearizer: Linearizer
    planner: BigramPlanner | None
    decode_defaults: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None
    neural_planner: NeuralPlanner | None = None


def fitting_examples(domain: Domain) -> list[Example]:
    mrs = [parse_mr(text, domain) for text in MRS]
    return [Example(str(i), mr, (), Plan(mr.slots)) for i, mr in enumerate(mrs)]


def echo_bundle(strategy: str = "at") -> EchoBundle:
    domain = load_domain("restaurant")
    examples = fitting_examples(domain)
    values = [slot.value for example in examples for slot in example.mr.slots]
    symbols = all_symbols(domain)
    tokenizer = Tokenizer.train(values, symbols, 400)
    markers = [s for s in symbols if not s.startswith("<val:")]
    dropped = [tokenizer.encode_target(symbol)[0] for symbol in markers]
    return EchoBundle(
        domain=domain,
        tokenizer=tokenizer,
        model=EchoModel(tokenizer.vocab_size, [*dropped, tokenizer.eos_id]),
        linearizer=Linearizer(
            domain, make_strategy(strategy).fit(examples, domain), Inventory.of_domain(domain)
        ),
        planner=BigramPlanner().fit(examples, domain) if strategy == "at" else None,
    )


def save_random_bundle(path: Path, strategy: str = "at", *, scale: float = 3.0) -> Path:
    """A bundle on disk with a tiny model that nobody trained: any text, but always the same.

    Fresh weights hardly listen to the source: they are multiplied by ``scale``.
    """
    from d2t.model.build import build_model
    from d2t.model.bundle.network import Bundle
    from d2t.model.config import TransformerConfig
    from d2t.seeding import seed_everything

    seed_everything(5)
    parts = echo_bundle(strategy)
    model = build_model(
        TransformerConfig(width=32, ffn=64, heads=2, encoder_layers=1, decoder_layers=1),
        vocab_size=parts.tokenizer.vocab_size,
        pad_id=0,
        bos_id=1,
        eos_id=2,
    )
    for weights in model.parameters():
        weights.data.mul_(scale)
    bundle = Bundle(
        domain=parts.domain,
        tokenizer=parts.tokenizer,
        model=model,
        linearizer=parts.linearizer,
        planner=parts.planner,
        decode_defaults={"max_length": 12},
    )
    bundle.save(path)
    return path


def answering(generator: Generator) -> Callable[[list[Record]], list[StreamItem]]:
    """What has a window of restaurants answered by ``generator``."""
    make_request = partial(request_from_record, domain=load_domain("restaurant"))
    return partial(answer_records, generator=generator, make_request=make_request)

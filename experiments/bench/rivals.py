"""What somebody would fine-tune instead: the shapes of BART-base and T5-small, random weights.

Speed does not depend on the weights' values where every answer has the same number of tokens, so
no checkpoint is downloaded. Under Hugging Face in fp32, under CTranslate2 in int8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from d2t.seeding import derived_rng
from experiments.bench.hf_generate import say_with_hf
from experiments.bench.turns import System

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHAPES = ("bart-base", "t5-small")
SOURCE_TOKENS = 40
NEW_TOKENS = 28
"""A sentence of the corpus in a vocabulary of 32 to 50 thousand pieces has 25 to 30 of them."""
BATCH = 64
BART_BEAM = "bart-base shape, HF generate, beam 4"
_FIRST_ORDINARY = 10
"""Ids below are special in one of the vocabularies."""


def rival_model(shape: str) -> Any:
    """A model of that shape with random weights, in evaluation mode."""
    from transformers import (
        BartConfig,
        BartForConditionalGeneration,
        T5Config,
        T5ForConditionalGeneration,
    )

    torch.manual_seed(0)
    if shape == "bart-base":
        sizes: dict[str, Any] = {
            f"{half}_{name}": value
            for half in ("encoder", "decoder")
            for name, value in (("layers", 6), ("ffn_dim", 3072), ("attention_heads", 12))
        }
        config = BartConfig(
            vocab_size=50265,
            d_model=768,
            **sizes,
            forced_eos_token_id=None,
            normalize_before=False,  # both are read by CTranslate2's converter only
            normalize_embedding=True,
        )
        return BartForConditionalGeneration(config).eval()
    config = T5Config(
        vocab_size=32128,
        d_model=512,
        d_kv=64,
        d_ff=2048,
        num_layers=6,
        num_decoder_layers=6,
        num_heads=8,
        decoder_start_token_id=0,
    )
    return T5ForConditionalGeneration(config).eval()


def rival_sources(vocab_size: int, n: int) -> list[list[int]]:
    """``n`` sources of random tokens, all of the same length."""
    rng = derived_rng(0, "rivals")
    return [
        [rng.randrange(_FIRST_ORDINARY, vocab_size) for _ in range(SOURCE_TOKENS)] for _ in range(n)
    ]


def rival_systems(shape: str, scratch: Path, threads: int) -> list[System]:
    """Greedy and beam 4, under Hugging Face and under CTranslate2."""
    model = rival_model(shape)
    translator = _translator(shape, model, scratch / shape, threads)
    sources = rival_sources(model.config.vocab_size, BATCH)
    systems = []
    for beams in (1, 4):
        how = "greedy" if beams == 1 else f"beam {beams}"
        named = f"{shape} shape, HF generate, {how}"
        systems.append(_hf_system(named, model, sources, beams))
        named = f"{shape} shape, CTranslate2 int8, {how}"
        systems.append(_ct2_system(named, translator, sources, beams))
    return systems


def _notes() -> dict[str, Any]:
    return {
        "includes": "search only, on ready token ids",
        "weights": "random",
        "source_tokens": SOURCE_TOKENS,
        "new_tokens": NEW_TOKENS,
    }


def _hf_system(name: str, model: Any, sources: list[list[int]], beams: int) -> System:
    def say(places: Sequence[int]) -> int:
        """As many random sources as there are places."""
        asked = [sources[at % len(sources)] for at in places]
        return say_with_hf(model, asked, batch=BATCH, beams=beams, new_tokens=NEW_TOKENS)[1]

    return System(name, BATCH, say, _notes())


def _ct2_system(name: str, translator: Any, sources: list[list[int]], beams: int) -> System:
    pieces = [[_piece(token) for token in source] for source in sources]

    def say(places: Sequence[int]) -> int:
        """Likewise; the engine is told the same lengths."""
        answers = translator.translate_batch(
            [pieces[at % len(pieces)] for at in places],
            max_batch_size=BATCH,
            beam_size=beams,
            min_decoding_length=NEW_TOKENS,
            max_decoding_length=NEW_TOKENS,
        )
        return sum(len(answer.hypotheses[0]) for answer in answers)

    return System(name, BATCH, say, _notes())


def _translator(shape: str, model: Any, folder: Path, threads: int) -> Any:
    """CTranslate2's own conversion of the model in memory, with a vocabulary of made-up pieces."""
    import ctranslate2
    from ctranslate2.converters import transformers as converters

    config = model.config
    loader = converters._MODEL_LOADERS[type(config).__name__]
    with torch.no_grad():
        spec = loader.get_model_spec(model)
        loader.set_vocabulary(spec, [_piece(token) for token in range(config.vocab_size)])
        spec.config.bos_token = _piece(0)  # BART's own; T5 has none and begins with PAD
        spec.config.eos_token = _piece(config.eos_token_id)
        spec.config.unk_token = _piece(3)
        spec.config.decoder_start_token = _piece(config.decoder_start_token_id)
        spec.validate()
        spec.optimize(quantization="int8")
    folder.mkdir(parents=True)
    spec.save(str(folder))
    return ctranslate2.Translator(
        str(folder), device="cpu", compute_type="int8", intra_threads=threads
    )


def _piece(token: int) -> str:
    return f"t{token}"

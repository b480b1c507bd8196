"""Hugging Face ``generate()``: our weights in a Pegasus model, and models of its rivals' shapes.

Pegasus has exactly our architecture: pre-norm with final norms, sinusoidal positions, scaled and
tied embeddings, a bias on the logits. Only its position table differs, so it is overwritten.

The rivals are what somebody would fine-tune instead: the shapes of BART-base and T5-small with
random weights, under Hugging Face in fp32 and under CTranslate2 in int8. Speed does not depend on
the weights where every answer has the same number of tokens, so no checkpoint is downloaded.

``python -m experiments.bench.hf`` is the shortest script that generates with Hugging Face: it reads
JSON lists of token ids, one a line, and writes the answers likewise.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from d2t.generate.types import MAX_LENGTH
from d2t.model.layers import sinusoidal_positions
from d2t.search.greedy import pad_sources
from d2t.seeding import derived_rng
from experiments.bench.timing import System

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from d2t.model.transformer import TransformerModel

GREEDY_64 = "HF generate, same weights, greedy, batch 64"
GREEDY_1 = "HF generate, same weights, greedy, batch 1"
BART_BEAM = "bart-base shape, HF generate, beam 4"
SHAPES = ("bart-base", "t5-small")
BATCH = 64
SOURCE_TOKENS = 40
NEW_TOKENS = 28
"""A sentence of the corpus in a vocabulary of 32 to 50 thousand pieces has 25 to 30 of them."""
_SEARCH = {"includes": "search only, on ready token ids"}
_SHAPE = {"weights": "random", "source_tokens": SOURCE_TOKENS, "new_tokens": NEW_TOKENS}
_SEARCHES = {1: "greedy", 4: "beam 4"}


def say_with_hf(
    model: Any, sources: Sequence[Sequence[int]], *, batch: int, beams: int, new_tokens: int | None
) -> tuple[list[list[int]], int]:
    """Token ids of each source's answer, and how many were generated up to EOS.

    Sources of like length share a batch, as in our own generator; nothing else is done to help or
    hinder. ``new_tokens`` fixes the length of the answers, for weights that never produce EOS.
    """
    pad_id = model.config.pad_token_id
    order = sorted(range(len(sources)), key=lambda at: len(sources[at]))
    answers: dict[int, list[int]] = {}
    n_tokens = 0
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        ids, mask = pad_sources([sources[at] for at in places], pad_id, device="cpu")
        said = model.generate(
            input_ids=ids, attention_mask=mask.long(), num_beams=beams, do_sample=False,
            max_new_tokens=new_tokens or MAX_LENGTH, min_new_tokens=new_tokens,
        )[:, 1:]  # fmt: skip
        n_tokens += said.numel() if new_tokens else int((said != pad_id).sum())
        answers |= dict(zip(places, said.tolist(), strict=True))
    return [answers[at] for at in range(len(sources))], n_tokens


def hf_system(
    name: str,
    model: Any,
    sources: Sequence[Sequence[int]],
    *,
    batch: int,
    beams: int,
    new_tokens: int | None = None,
) -> System:
    """``generate()`` from ready token ids to token ids; with fixed ``new_tokens`` it is a rival."""

    def say(places: Sequence[int]) -> int:
        asked = [sources[at % len(sources)] for at in places]
        return say_with_hf(model, asked, batch=batch, beams=beams, new_tokens=new_tokens)[1]

    notes: dict[str, Any] = _SEARCH | (_SHAPE if new_tokens else {})
    return System(name, batch, say, notes, whole=not new_tokens)


def twin_systems(
    twin: Any, sources: Sequence[Sequence[int]], batches: Sequence[int] = (1, 64, 128)
) -> list[System]:
    """The same weights under ``generate()``: greedy and beam 4, in batches of each size."""
    return [
        hf_system(
            f"HF generate, same weights, {how}, batch {batch}", twin, sources,
            batch=batch, beams=beams,
        )
        for beams, how in _SEARCHES.items()
        for batch in batches
    ]  # fmt: skip


def quiet_torch(threads: int) -> None:
    """Set torch's threads, and silence what the library prints on stderr."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(threads)


POSITIONS = 512
"""Rows of the twin's position tables: more than any source or target of the corpora."""
_ENCODER_PARTS = {
    "attention_norm": ("self_attn_layer_norm",),
    "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.out": ("self_attn.out_proj",),
    "ffn_norm": ("final_layer_norm",),
    "ffn.inner": ("fc1",),
    "ffn.outer": ("fc2",),
}
_DECODER_PARTS = _ENCODER_PARTS | {
    "cross_norm": ("encoder_attn_layer_norm",),
    "cross.query": ("encoder_attn.q_proj",),
    "cross.kv": ("encoder_attn.k_proj", "encoder_attn.v_proj"),
    "cross.out": ("encoder_attn.out_proj",),
}
"""Modules of our layers, and of theirs; one matrix of ours may be several of theirs, in a row."""


@torch.no_grad()
def pegasus_twin(model: TransformerModel) -> Any:
    """A ``PegasusForConditionalGeneration`` in evaluation mode that computes what ``model`` does.

    The weights are copied. Departure in training: the bias on the logits is a constant there.
    """
    from transformers import PegasusConfig, PegasusForConditionalGeneration

    ours = model.config
    config = PegasusConfig(
        vocab_size=model.vocab_size, d_model=ours.width,
        encoder_attention_heads=ours.heads, decoder_attention_heads=ours.heads,
        encoder_ffn_dim=ours.ffn, decoder_ffn_dim=ours.ffn,
        encoder_layers=ours.encoder_layers, decoder_layers=ours.decoder_layers,
        activation_function=ours.activation, scale_embedding=True,
        dropout=ours.dropout, attention_dropout=0.0, activation_dropout=0.0,
        tie_word_embeddings=ours.tie_embeddings, max_position_embeddings=POSITIONS,
        pad_token_id=model.pad_id, bos_token_id=model.bos_id, eos_token_id=model.eos_id,
        decoder_start_token_id=model.bos_id,
        forced_eos_token_id=None,  # Pegasus's default would end every text that is cut
    )  # fmt: skip
    twin = PegasusForConditionalGeneration(config)
    twin.model.shared.weight.copy_(model.embedding.weight)
    twin.lm_head.weight.copy_(model.output.weight)
    twin.final_logits_bias.copy_(model.output.bias[None])
    encoder, decoder = twin.model.encoder, twin.model.decoder
    for half, norm in ((encoder, model.encoder_norm), (decoder, model.decoder_norm)):
        half.embed_tokens.weight.copy_(model.embedding.weight)
        half.embed_positions.weight.copy_(sinusoidal_positions(POSITIONS, ours.width))
        _copy(norm, half.layer_norm)
    for layers, mine, parts in (
        (encoder.layers, model.encoder, _ENCODER_PARTS),
        (decoder.layers, model.decoder, _DECODER_PARTS),
    ):
        for theirs, layer in zip(layers, mine, strict=True):
            for part, names in parts.items():
                _copy(layer.get_submodule(part), *map(theirs.get_submodule, names))
    return twin.eval()


def _copy(ours: nn.Module, *theirs: Any) -> None:
    for name, values in ours.named_parameters():
        for target, chunk in zip(theirs, values.chunk(len(theirs)), strict=True):
            getattr(target, name).copy_(chunk)


def forced_logits(twin: Any, source_ids: Tensor, mask: Tensor, target_ids: Tensor) -> Tensor:
    """Teacher-forced logits of the twin, with the arguments of ``TransformerModel.forward``."""
    answer = twin(input_ids=source_ids, attention_mask=mask.long(), decoder_input_ids=target_ids)
    logits: Tensor = answer.logits
    return logits


def rival_model(shape: str) -> Any:
    """A model of that shape with random weights, in evaluation mode."""
    import transformers

    torch.manual_seed(0)
    if shape == "bart-base":
        bart = transformers.BartConfig(
            vocab_size=50265, d_model=768, encoder_layers=6, decoder_layers=6,
            encoder_ffn_dim=3072, decoder_ffn_dim=3072,
            encoder_attention_heads=12, decoder_attention_heads=12, forced_eos_token_id=None,
            normalize_before=False, normalize_embedding=True,  # for CTranslate2's converter only
        )  # fmt: skip
        return transformers.BartForConditionalGeneration(bart).eval()
    t5 = transformers.T5Config(
        vocab_size=32128, d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_decoder_layers=6,
        num_heads=8, decoder_start_token_id=0,
    )  # fmt: skip
    return transformers.T5ForConditionalGeneration(t5).eval()


def rival_sources(model: Any, n: int) -> list[list[int]]:
    """``n`` sources of random tokens, all of the same length."""
    rng, n_tokens = derived_rng(0, "rivals"), model.config.vocab_size
    # Ids below 10 are special in one of the vocabularies.
    return [[rng.randrange(10, n_tokens) for _ in range(SOURCE_TOKENS)] for _ in range(n)]


def rival_systems(shape: str, scratch: Path, threads: int) -> list[System]:
    """Greedy and beam 4, under Hugging Face and under CTranslate2."""
    model = rival_model(shape)
    translator = _translator(model, scratch / shape, threads)
    sources = rival_sources(model, BATCH)
    pieces = [[f"t{token}" for token in source] for source in sources]

    def say_with_ct2(beams: int, places: Sequence[int]) -> int:
        answers = translator.translate_batch(
            [pieces[at % BATCH] for at in places], max_batch_size=BATCH, beam_size=beams,
            min_decoding_length=NEW_TOKENS, max_decoding_length=NEW_TOKENS,
        )  # fmt: skip
        return sum(len(answer.hypotheses[0]) for answer in answers)

    systems = []
    for beams, how in _SEARCHES.items():
        name = f"{shape} shape, HF generate, {how}"
        systems += [
            hf_system(name, model, sources, batch=BATCH, beams=beams, new_tokens=NEW_TOKENS),
            System(
                f"{shape} shape, CTranslate2 int8, {how}", BATCH,
                partial(say_with_ct2, beams), _SEARCH | _SHAPE,
            ),
        ]  # fmt: skip
    return systems


def _translator(model: Any, folder: Path, threads: int) -> Any:
    """CTranslate2's own conversion of the model in memory, with a vocabulary of made-up pieces."""
    import ctranslate2
    from ctranslate2.converters import transformers as converters

    config = model.config
    loader = converters._MODEL_LOADERS[type(config).__name__]
    with torch.no_grad():
        spec = loader.get_model_spec(model)
        loader.set_vocabulary(spec, [f"t{token}" for token in range(config.vocab_size)])
        spec.config.bos_token = "t0"  # BART's own; T5 has none and begins with PAD
        spec.config.eos_token = f"t{config.eos_token_id}"
        spec.config.unk_token = "t3"
        spec.config.decoder_start_token = f"t{config.decoder_start_token_id}"
        spec.validate()
        spec.optimize(quantization="int8")
    folder.mkdir(parents=True)
    spec.save(str(folder))
    return ctranslate2.Translator(
        str(folder), device="cpu", compute_type="int8", intra_threads=threads
    )


def main() -> None:
    """Load, generate, print."""
    line = argparse.ArgumentParser()
    line.add_argument("--folder", help="a saved twin, which reads stdin")
    line.add_argument("--shape", help="or a rival, which gets a batch of random sources")
    line.add_argument("--batch", type=int, default=1)
    line.add_argument("--beams", type=int, default=1)
    line.add_argument("--threads", type=int, required=True)
    args = line.parse_args()

    quiet_torch(args.threads)
    new_tokens = None
    if args.shape:
        model, new_tokens = rival_model(args.shape), NEW_TOKENS
        sources = rival_sources(model, args.batch)
    else:
        from transformers import PegasusForConditionalGeneration

        model = PegasusForConditionalGeneration.from_pretrained(args.folder).eval()
        sources = [json.loads(row) for row in sys.stdin]
    for answer in say_with_hf(
        model, sources, batch=args.batch, beams=args.beams, new_tokens=new_tokens
    )[0]:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()

"""Hugging Face ``generate()``: our weights in a Pegasus model, and the shapes of its rivals.

Pegasus has exactly our architecture: pre-norm with final norms, sinusoidal positions, scaled and
tied embeddings, a bias on the logits. Only its position table differs, so it is overwritten.

The rivals are what somebody would fine-tune instead: the shapes of BART-base and T5-small with
random weights, under Hugging Face in fp32 and under CTranslate2 in int8. Speed does not depend on
the weights where every answer has the same number of tokens, so no checkpoint is downloaded.

``python -m experiments.bench.hf`` is the shortest script that generates with Hugging Face: it reads
JSON lists of token ids, a line each, and writes the answers likewise.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

import torch

from d2t.generate.types import MAX_LENGTH
from d2t.model.layers import sinusoidal_positions
from d2t.search.greedy import pad_sources
from d2t.seeding import derived_rng
from experiments.bench.turns import System

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from d2t.model.transformer import TransformerModel
    from experiments.bench.options import Pool


BATCHES = (1, 64, 128)
GREEDY_64 = "HF generate, same weights, greedy, batch 64"
GREEDY_1 = "HF generate, same weights, greedy, batch 1"


def say_with_hf(
    model: Any, sources: Sequence[Sequence[int]], *, batch: int, beams: int, new_tokens: int | None
) -> tuple[list[list[int]], int]:
    """Token ids of each source's answer, and how many were generated up to EOS.

    Sources of like length share a batch, as in our own generator; nothing else is done to help or
    hinder. ``new_tokens`` fixes the length of the answers, for weights that end nothing.
    """
    pad_id = model.config.pad_token_id
    order = sorted(range(len(sources)), key=lambda at: len(sources[at]))
    lengths: dict[str, Any] = {"max_new_tokens": new_tokens or MAX_LENGTH}
    if new_tokens:
        lengths["min_new_tokens"] = new_tokens
    answers: dict[int, list[int]] = {}
    n_tokens = 0
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        ids, mask = pad_sources([sources[at] for at in places], pad_id, device="cpu")
        said = model.generate(
            input_ids=ids, attention_mask=mask.long(), num_beams=beams, do_sample=False, **lengths
        )[:, 1:]
        n_tokens += said.numel() if new_tokens else int((said != pad_id).sum())
        answers |= dict(zip(places, said.tolist(), strict=True))
    return [answers[at] for at in range(len(sources))], n_tokens


def twin_systems(twin: Any, pool: Pool, batches: Sequence[int] = BATCHES) -> list[System]:
    """The same weights under ``generate()``: greedy and beam 4, in batches of each size."""
    return [_twin_system(twin, pool, beams, batch) for beams in (1, 4) for batch in batches]


def _twin_system(twin: Any, pool: Pool, beams: int, batch: int) -> System:
    def say(places: Sequence[int]) -> int:
        """Ready token ids in, token ids out: neither linearization nor text nor check."""
        sources = [pool.sources[at].ids for at in places]
        return say_with_hf(twin, sources, batch=batch, beams=beams, new_tokens=None)[1]

    how = "greedy" if beams == 1 else f"beam {beams}"
    name = f"HF generate, same weights, {how}, batch {batch}"
    notes = {"includes": "search only, on ready token ids"}
    return System(name, batch, say, notes, whole=True)


def quiet_torch(threads: int) -> None:
    """As many threads as everybody has, and no chatter of the library on stderr."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(threads)


POSITIONS = 512
"""Rows of the twin's position tables: more than any source or target of the corpora."""


def pegasus_twin(model: TransformerModel) -> Any:
    """A ``PegasusForConditionalGeneration`` in evaluation mode that computes what ``model`` does.

    The weights are copied. Departure in training: the bias on the logits is a constant there.
    """
    from transformers import PegasusForConditionalGeneration

    twin = PegasusForConditionalGeneration(_config(model))
    positions = sinusoidal_positions(POSITIONS, model.config.width)
    with torch.no_grad():
        for half in (twin.model.encoder, twin.model.decoder):
            half.embed_tokens.weight.copy_(model.embedding.weight)
            half.embed_positions.weight.copy_(positions)
        twin.model.shared.weight.copy_(model.embedding.weight)
        twin.lm_head.weight.copy_(model.output.weight)
        twin.final_logits_bias.copy_(model.output.bias[None])
        _copy(twin.model.encoder.layer_norm, model.encoder_norm)
        _copy(twin.model.decoder.layer_norm, model.decoder_norm)
        for theirs, ours in zip(twin.model.encoder.layers, model.encoder, strict=True):
            _copy_self_attention_and_ffn(theirs, ours)
        for theirs, ours in zip(twin.model.decoder.layers, model.decoder, strict=True):
            _copy_self_attention_and_ffn(theirs, ours)
            _copy_cross_attention(theirs, ours)
    return twin.eval()


def forced_logits(twin: Any, source_ids: Tensor, mask: Tensor, target_ids: Tensor) -> Tensor:
    """Teacher-forced logits of the twin, with the arguments of ``TransformerModel.forward``."""
    answer = twin(input_ids=source_ids, attention_mask=mask.long(), decoder_input_ids=target_ids)
    logits: Tensor = answer.logits
    return logits


def _config(model: TransformerModel) -> Any:
    from transformers import PegasusConfig

    ours = model.config
    return PegasusConfig(
        vocab_size=model.vocab_size,
        d_model=ours.width,
        encoder_layers=ours.encoder_layers,
        decoder_layers=ours.decoder_layers,
        encoder_attention_heads=ours.heads,
        decoder_attention_heads=ours.heads,
        encoder_ffn_dim=ours.ffn,
        decoder_ffn_dim=ours.ffn,
        activation_function=ours.activation,
        dropout=ours.dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        scale_embedding=True,
        tie_word_embeddings=ours.tie_embeddings,
        max_position_embeddings=POSITIONS,
        pad_token_id=model.pad_id,
        bos_token_id=model.bos_id,
        eos_token_id=model.eos_id,
        decoder_start_token_id=model.bos_id,
        forced_eos_token_id=None,  # Pegasus's default would end every text that is cut
    )


def _copy(theirs: Any, ours: Any) -> None:
    theirs.weight.copy_(ours.weight)
    theirs.bias.copy_(ours.bias)


def _copy_split(ours: nn.Linear, *theirs: Any) -> None:
    """One matrix of ours is several of theirs, side by side."""
    weights, biases = ours.weight.chunk(len(theirs)), ours.bias.chunk(len(theirs))
    for target, weight, bias in zip(theirs, weights, biases, strict=True):
        target.weight.copy_(weight)
        target.bias.copy_(bias)


def _copy_self_attention_and_ffn(theirs: Any, ours: Any) -> None:
    attention = theirs.self_attn
    _copy(theirs.self_attn_layer_norm, ours.attention_norm)
    _copy_split(ours.attention.qkv, attention.q_proj, attention.k_proj, attention.v_proj)
    _copy(attention.out_proj, ours.attention.out)
    _copy(theirs.final_layer_norm, ours.ffn_norm)
    _copy(theirs.fc1, ours.ffn.inner)
    _copy(theirs.fc2, ours.ffn.outer)


def _copy_cross_attention(theirs: Any, ours: Any) -> None:
    attention = theirs.encoder_attn
    _copy(theirs.encoder_attn_layer_norm, ours.cross_norm)
    _copy(attention.q_proj, ours.cross.query)
    _copy_split(ours.cross.kv, attention.k_proj, attention.v_proj)
    _copy(attention.out_proj, ours.cross.out)


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


def main() -> None:
    """Load, generate, print."""
    line = argparse.ArgumentParser()
    line.add_argument("--folder", help="a saved twin")
    line.add_argument("--shape", help="or a rival with random weights")
    line.add_argument("--batch", type=int, default=1)
    line.add_argument("--beams", type=int, default=1)
    line.add_argument("--new-tokens", type=int)
    line.add_argument("--threads", type=int, required=True)
    args = line.parse_args()

    quiet_torch(args.threads)
    if args.shape:
        model = rival_model(args.shape)
    else:
        from transformers import PegasusForConditionalGeneration

        model = PegasusForConditionalGeneration.from_pretrained(args.folder).eval()
    sources = [json.loads(row) for row in sys.stdin]
    answers, _ = say_with_hf(
        model, sources, batch=args.batch, beams=args.beams, new_tokens=args.new_tokens
    )
    for answer in answers:
        print(json.dumps(answer))


if __name__ == "__main__":
    main()

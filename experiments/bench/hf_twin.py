"""Our Transformer as a Hugging Face model with the same weights: what ``generate()`` is timed on.

Pegasus is the architecture there that is ours exactly: pre-norm with final norms, sinusoidal
positions, scaled and tied embeddings, a bias on the logits. Only its position table differs (the
rates of its sinusoids are those of the paper), so it is overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from d2t.model.layers import sinusoidal_positions

if TYPE_CHECKING:
    from torch import Tensor, nn

    from d2t.model.transformer import TransformerModel

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

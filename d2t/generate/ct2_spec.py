"""Our Transformer as a CTranslate2 specification (extra ``ct2``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.errors import BackendError
from d2t.model.config import EXPORTED_POSITIONS
from d2t.model.layers import sinusoidal_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from d2t.model.transformer import TransformerModel


def transformer_spec(model: TransformerModel, pieces: Sequence[str]) -> Any:
    """A validated ``TransformerSpec``; ``spec.save(folder)`` writes the engine's model.

    Positions are exported as a table, so that nothing rests on the engine's own sinusoids.

    Args:
        model: the weights, on any device.
        pieces: the vocabulary in id order, ``tokenizer.pieces(range(tokenizer.vocab_size))``; the
            engine's source ends with ``</s>`` as ours does, and its decoder starts with ``<s>``.

    Raises:
        BackendError: ctranslate2 is not installed.
    """
    try:
        from ctranslate2.specs import TransformerSpec
        from ctranslate2.specs.common_spec import Activation
    except ImportError as error:
        raise BackendError("ctranslate2 is missing; pip install ctranslate2") from error
    config = model.config
    spec = TransformerSpec.from_config(
        (config.encoder_layers, config.decoder_layers),
        config.heads,
        pre_norm=True,
        activation=Activation.RELU if config.activation == "relu" else Activation.GELU,
    )
    positions = sinusoidal_positions(EXPORTED_POSITIONS, config.width).numpy()
    spec.encoder.embeddings[0].weight = _array(model.embedding.weight)
    spec.decoder.embeddings.weight = _array(model.embedding.weight)
    for half, norm in ((spec.encoder, model.encoder_norm), (spec.decoder, model.decoder_norm)):
        half.position_encodings.encodings = positions
        _norm(half.layer_norm, norm)
    encoder_layers: list[Any] = list(model.encoder)
    decoder_layers: list[Any] = list(model.decoder)
    for target, layer in zip(spec.encoder.layer, encoder_layers, strict=True):
        _self_attention_and_ffn(target, layer)
    for target, layer in zip(spec.decoder.layer, decoder_layers, strict=True):
        _self_attention_and_ffn(target, layer)
        _norm(target.attention.layer_norm, layer.cross_norm)
        cross = layer.cross
        for place, linear in enumerate((cross.query, cross.kv, cross.out)):
            _linear(target.attention.linear[place], linear)
    _linear(spec.decoder.projection, model.output)
    spec.config.layer_norm_epsilon = model.encoder_norm.eps
    spec.config.decoder_start_token = pieces[model.bos_id]
    spec.config.bos_token = pieces[model.bos_id]
    spec.config.eos_token = pieces[model.eos_id]
    spec.register_source_vocabulary(list(pieces))
    spec.register_target_vocabulary(list(pieces))
    spec.validate()
    return spec


def _self_attention_and_ffn(target: Any, layer: Any) -> None:
    _norm(target.self_attention.layer_norm, layer.attention_norm)
    _linear(target.self_attention.linear[0], layer.attention.qkv)
    _linear(target.self_attention.linear[1], layer.attention.out)
    _norm(target.ffn.layer_norm, layer.ffn_norm)
    _linear(target.ffn.linear_0, layer.ffn.inner)
    _linear(target.ffn.linear_1, layer.ffn.outer)


def _norm(target: Any, norm: nn.LayerNorm) -> None:
    target.gamma, target.beta = _array(norm.weight), _array(norm.bias)


def _linear(target: Any, linear: nn.Linear) -> None:
    target.weight, target.bias = _array(linear.weight), _array(linear.bias)


def _array(tensor: Tensor) -> Any:
    return tensor.detach().cpu().float().numpy()

"""What one sentence costs at the least: operations and bytes, counted from the model's shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from d2t.model.config import TransformerConfig

_FLOAT = 4  # bytes; activations and caches are float32 in every engine


@dataclass(frozen=True, slots=True)
class Cost:
    """Per sentence, a multiply-add being two operations.

    Attributes:
        matrix_ops: products with weights, which int8 engines do in int8.
        attention_ops: products of activations with each other, in fp32 everywhere.
        weight_bytes: weights that are read, each once a decoding step for the whole batch.
        cache_bytes: keys and values that are read.
    """

    matrix_ops: float
    attention_ops: float
    weight_bytes: float
    cache_bytes: float


def sentence_cost(
    config: TransformerConfig,
    vocab_size: int,
    *,
    source: float,
    target: float,
    batch: int,
    weight_size: int,
) -> Cost:
    """Greedy search with a key–value cache for ``source`` tokens in and ``target`` tokens out.

    Embedding look-ups, norms, softmax and the choice of a token are left out: a bound from below.

    Args:
        config: the model's shape.
        vocab_size: rows of the output matrix.
        source: tokens of a source, EOS included.
        target: tokens of an answer, EOS included.
        batch: sentences that share each reading of the weights.
        weight_size: bytes of a weight.
    """
    d, ffn = config.width, config.ffn
    n_encoder, n_decoder = config.encoder_layers, config.decoder_layers
    encoder = n_encoder * (4 * d * d + 2 * d * ffn)  # weights; as many multiply-adds a token
    memory = n_decoder * 2 * d * d  # keys and values of the source, computed once
    decoder = n_decoder * (4 * d * d + 2 * d * d + 2 * d * ffn) + d * vocab_size
    seen = n_decoder * ((target + 1) / 2 + source)  # positions attended to in a step, all layers
    return Cost(
        matrix_ops=2 * (source * (encoder + memory) + target * decoder),
        attention_ops=4 * d * (n_encoder * source * source + target * seen),
        weight_bytes=weight_size * (encoder + memory + target * decoder) / batch,
        cache_bytes=_FLOAT * 2 * d * target * seen,
    )

"""Build the model that a configuration describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.errors import ConfigError
from d2t.model.config import BiGRUConfig, PretrainedConfig, TransformerConfig

if TYPE_CHECKING:
    from d2t.model.base import Seq2SeqModel


def build_model(
    config: TransformerConfig | BiGRUConfig | PretrainedConfig,
    *,
    vocab_size: int,
    pad_id: int,
    bos_id: int,
    eos_id: int,
) -> Seq2SeqModel:
    """A model with fresh weights, drawn from torch's global generator (``seed_everything`` first).

    Raises:
        ConfigError: ``pretrained`` was asked for; a checkpoint comes with its own tokenizer, see
            ``d2t.model.pretrained.load_pretrained``.
    """
    ids = {"vocab_size": vocab_size, "pad_id": pad_id, "bos_id": bos_id, "eos_id": eos_id}
    if isinstance(config, TransformerConfig):
        from d2t.model.transformer import TransformerModel

        return TransformerModel(config, **ids)
    if isinstance(config, BiGRUConfig):
        from d2t.model.gru import BiGRUModel

        return BiGRUModel(config, **ids)
    raise ConfigError(
        f"model.architecture={config.architecture!r} is not built from a vocabulary size; "
        "load the checkpoint and its tokenizer together with d2t.model.pretrained.load_pretrained"
    )

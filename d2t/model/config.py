"""Model configurations: one frozen class per architecture, told apart by ``architecture``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from d2t.section import Section

EXPORTED_POSITIONS = 2048
"""Rows of an exported position table: the longest source or target CTranslate2 can read."""


class TransformerConfig(Section):
    """Pre-norm encoder–decoder Transformer, trained from scratch (rule O5.1, which is post-norm).

    Attributes:
        width: model dimension; a multiple of ``heads``.
        ffn: inner dimension of the feed-forward blocks.
        dropout: on embeddings, on sub-layer outputs and inside the feed-forward blocks; attention
            weights have none (see ``d2t/model/transformer.py``).
        tie_embeddings: the output projection is the embedding matrix.
    """

    architecture: Literal["transformer"] = "transformer"
    encoder_layers: int = Field(default=2, ge=1, le=48)
    decoder_layers: int = Field(default=2, ge=1, le=48)
    width: int = Field(default=256, ge=8)
    ffn: int = Field(default=1024, ge=8)
    heads: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    activation: Literal["relu", "gelu"] = "relu"
    tie_embeddings: bool = True

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(
                f"width {self.width} must be an even multiple of heads {self.heads}; "
                f"try width {2 * self.heads * max(1, round(self.width / (2 * self.heads)))}"
            )
        return self


class BiGRUConfig(Section):
    """Bidirectional GRU encoder, GRU decoder with attention (rule O5.1, all sizes 512 there).

    Attributes:
        layers: GRU layers of the encoder and of the decoder.
        hidden: size of one encoder direction, of the decoder state and of the attention query.
        embedding: size of the embeddings shared by source and target.
        attention: ``bahdanau`` (additive) or ``luong`` (general).
    """

    architecture: Literal["bigru"] = "bigru"
    layers: int = Field(default=2, ge=1, le=8)
    hidden: int = Field(default=256, ge=8)
    embedding: int = Field(default=256, ge=8)
    attention: Literal["bahdanau", "luong"] = "bahdanau"
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    tie_embeddings: bool = False

    @model_validator(mode="after")
    def _tying_needs_equal_sizes(self) -> Self:
        if self.tie_embeddings and self.embedding != self.hidden:
            raise ValueError(
                f"tie_embeddings needs embedding ({self.embedding}) = hidden ({self.hidden}); "
                "make them equal or set tie_embeddings = false"
            )
        return self


class PretrainedConfig(Section):
    """A BART or T5 checkpoint to fine-tune: a local folder or a hub id.

    Attributes:
        name_or_path: where the checkpoint is; a bundle remembers it for the model card only.
        revision: hub revision, for reproducible downloads.
    """

    architecture: Literal["pretrained"] = "pretrained"
    name_or_path: str = Field(min_length=1)
    revision: str | None = None


ModelConfig = Annotated[
    TransformerConfig | BiGRUConfig | PretrainedConfig, Field(discriminator="architecture")
]
"""Any model configuration; ``architecture`` says which."""

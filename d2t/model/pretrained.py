"""BART and T5 checkpoints with the interface of our models, fine-tuned by the same commands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from d2t.errors import BackendError, BundleError, DataError
from d2t.model.base import DecoderState, Seq2SeqModel
from d2t.model.layers import with_noise
from d2t.model.pretrained_tokenizer import PretrainedTokenizer, SpecialIds, extend_backend

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from d2t.model.config import PretrainedConfig

ARCHITECTURE = "architecture"


class PretrainedModel(Seq2SeqModel):
    """A ``transformers`` encoder–decoder; ``forward`` gives its own logits.

    ``step`` keeps the keys and values that its cache holds in the state, batch first, so that our
    search reorders and drops rows as it does for every other model.

    Attributes:
        config: where the checkpoint came from.
    """

    config: PretrainedConfig

    def __init__(self, config: PretrainedConfig, core: Any, special: SpecialIds) -> None:
        super().__init__()
        self.config = config
        self.core = core
        self.pad_id, self.bos_id, self.eos_id = special.pad, special.bos, special.eos
        # T5's relative positions have no end; BART's table has.
        self.position_limit = getattr(core.config, "max_position_embeddings", None)
        self.vocab_size = int(core.get_output_embeddings().weight.shape[0])

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Teacher-forced logits, see ``Seq2SeqModel.forward``."""
        self._check_length(max(source_ids.shape[1], target_ids.shape[1]))
        output = self.core(
            input_ids=source_ids,
            attention_mask=source_mask.long(),
            decoder_input_ids=target_ids,
            use_cache=False,
        )
        return output.logits.float()

    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        """Encode; the cache begins empty."""
        self._check_length(source_ids.shape[1])
        encoder = self.core.get_encoder()
        encoded = encoder(input_ids=source_ids, attention_mask=source_mask.long())
        return {"encoded": encoded.last_hidden_state, "source_mask": source_mask}

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One position, see ``Seq2SeqModel.step``."""
        from transformers.modeling_outputs import BaseModelOutput

        self._check_length(1 + (state["self_k0"].shape[2] if "self_k0" in state else 0))
        inputs = {"decoder_input_ids": token_ids[:, None]}
        if "noise" in state:
            embedded = self.core.get_decoder().embed_tokens(token_ids[:, None])
            inputs = {"decoder_inputs_embeds": with_noise(embedded, state["noise"])}
        output = self.core(
            encoder_outputs=BaseModelOutput(last_hidden_state=state["encoded"]),
            attention_mask=state["source_mask"].long(),
            past_key_values=_cache_of(state),
            use_cache=True,
            **inputs,
        )
        new = {"encoded": state["encoded"], "source_mask": state["source_mask"]}
        cache = output.past_key_values
        halves = {"self": cache.self_attention_cache, "cross": cache.cross_attention_cache}
        for kind, half in halves.items():
            for i, layer in enumerate(half.layers):
                new[f"{kind}_k{i}"], new[f"{kind}_v{i}"] = layer.keys, layer.values
        return output.logits[:, -1].float(), new

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """``(width,)``."""
        return (int(self.core.get_decoder().embed_tokens.embedding_dim),)

    def perturb(self, state: DecoderState, noise: Tensor) -> DecoderState:
        """Noise on the embedding of the next decoder input, in units of its root mean square.

        The place of ``TransformerModel.perturb``, except that BART adds its positions afterwards.
        """
        return {**state, "noise": noise}

    def _check_length(self, length: int) -> None:
        if self.position_limit is not None and length > self.position_limit:
            raise DataError(
                f"a sequence of {length} tokens is too long for the checkpoint "
                f"{self.config.name_or_path!r}, whose limit is {self.position_limit}; shorten the "
                "values or set a smaller maximum length",
                code="sequence_too_long",
            )

    def save_architecture(self, folder: Path) -> None:
        """Write the checkpoint's own ``config.json`` under ``architecture/``."""
        self.core.config.save_pretrained(folder / ARCHITECTURE)


def load_pretrained(
    config: PretrainedConfig, symbols: Sequence[str]
) -> tuple[PretrainedTokenizer, PretrainedModel]:
    """A checkpoint and its tokenizer with ``symbols`` added; the rows of new tokens are drawn.

    Args:
        config: a local folder or a hub id (downloaded once, then cached by ``huggingface_hub``).
        symbols: the never-split inventory.

    Raises:
        BackendError: nothing readable there, no safetensors weights, or not an encoder–decoder.
    """
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
    from transformers.utils import logging

    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    where: dict[str, Any] = {"revision": config.revision} if config.revision else {}
    where["trust_remote_code"] = False  # else transformers asks on a terminal whether to run it
    try:
        fast = AutoTokenizer.from_pretrained(config.name_or_path, use_fast=True, **where)
        core = AutoModelForSeq2SeqLM.from_pretrained(
            config.name_or_path, use_safetensors=True, **where
        )
    except (OSError, ValueError, ImportError) as error:
        raise BackendError(
            f"cannot load the checkpoint {config.name_or_path!r}: {str(error).splitlines()[0]}; "
            "give a folder with config.json, model.safetensors and tokenizer.json of a BART or T5 "
            "model, or a hub id while there is a network"
        ) from error
    special = _special_ids(config, fast, core, tuple(symbols))
    backend = fast.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    extend_backend(backend, symbols)
    tokenizer = PretrainedTokenizer(backend, special)
    _grow(core, tokenizer.vocab_size)
    return tokenizer, PretrainedModel(config, core, special)


def restore_architecture(
    config: PretrainedConfig, bundle: Path, tokenizer: PretrainedTokenizer, vocab_size: int
) -> PretrainedModel:
    """The architecture that ``save_architecture`` described, with weights still to be loaded.

    Raises:
        BundleError: its ``config.json`` is not readable.
    """
    from transformers import AutoConfig, AutoModelForSeq2SeqLM

    folder = bundle / ARCHITECTURE
    try:
        architecture = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        core = AutoModelForSeq2SeqLM.from_config(architecture, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder}: {error}; copy the bundle again") from error
    model = PretrainedModel(config, core, tokenizer.special)
    if not tokenizer.vocab_size <= model.vocab_size == vocab_size:
        raise BundleError(
            f"{folder} has {model.vocab_size} pieces, the tokenizer {tokenizer.vocab_size}; the "
            "bundle mixes files of two models: copy it again"
        )
    return model


def _special_ids(
    config: PretrainedConfig, fast: Any, core: Any, symbols: tuple[str, ...]
) -> SpecialIds:
    start = core.config.decoder_start_token_id
    found = {"pad": fast.pad_token_id, "bos": start, "eos": fast.eos_token_id}
    if missing := [name for name, token in found.items() if token is None]:
        raise BackendError(
            f"the checkpoint {config.name_or_path!r} names no {missing[0]} token; expected "
            "pad_token and eos_token in its tokenizer and decoder_start_token_id in config.json"
        )
    empty = list(fast("")["input_ids"])
    prefix = empty[: empty.index(found["eos"])] if found["eos"] in empty else []
    return SpecialIds(**found, prefix=tuple(prefix), symbols=tuple(dict.fromkeys(symbols)))


def _grow(core: Any, n_tokens: int) -> None:
    """Make room for added tokens; never shrinks (T5 has spare rows)."""
    from transformers.utils import logging

    if n_tokens > core.get_input_embeddings().weight.shape[0]:
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()  # it explains at length what mean_resizing is
        core.resize_token_embeddings(n_tokens, mean_resizing=True)
        logging.set_verbosity(verbosity)


def _cache_of(state: DecoderState) -> Any:
    from transformers.cache_utils import DynamicCache, EncoderDecoderCache

    halves = []
    for kind in ("self", "cross"):
        cache = DynamicCache()
        for i in range(sum(key.startswith(f"{kind}_k") for key in state)):
            cache.update(state[f"{kind}_k{i}"], state[f"{kind}_v{i}"], i)
        halves.append(cache)
    return EncoderDecoderCache(*halves)

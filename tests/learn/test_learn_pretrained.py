"""Fine-tuning through the same command: tiny BART and T5 checkpoints made here, a few updates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from d2t.generate.pipeline import ModelGenerator
from d2t.model.bundle.network import Bundle
from d2t.recipes.run import train
from d2t.train.config.load import load_config

if TYPE_CHECKING:
    from d2t.train.config.options import TrainConfig

SMALL = Path(__file__).parents[1] / "support" / "train_small"


def texts() -> list[str]:
    return (SMALL / "train.csv").read_text(encoding="utf-8").splitlines()


def save(folder: Path, model: Any, backend: tokenizers.Tokenizer, **special: str) -> Path:
    from transformers import PreTrainedTokenizerFast

    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(folder)
    return folder


def tiny_bart(folder: Path) -> Path:
    from transformers import BartConfig, BartForConditionalGeneration

    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    backend.train_from_iterator(
        texts(),
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    config = BartConfig(
        vocab_size=backend.get_vocab_size(), d_model=32, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
        decoder_ffn_dim=32, max_position_embeddings=128, bos_token_id=0, pad_token_id=1,
        eos_token_id=2, decoder_start_token_id=2,
    )  # fmt: skip
    return save(folder, BartForConditionalGeneration(config), backend,
                bos_token="<s>", pad_token="<pad>", eos_token="</s>",
                unk_token="<unk>")  # fmt: skip


def tiny_t5(folder: Path) -> Path:
    from transformers import T5Config, T5ForConditionalGeneration

    backend = tokenizers.Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    backend.train_from_iterator(
        texts(),
        trainers.UnigramTrainer(
            vocab_size=300, special_tokens=special, unk_token="<unk>", show_progress=False
        ),
    )
    backend.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    config = T5Config(
        vocab_size=backend.get_vocab_size(), d_model=32, d_kv=16, d_ff=32, num_layers=1,
        num_heads=2, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    return save(folder, T5ForConditionalGeneration(config), backend,
                pad_token="<pad>", eos_token="</s>", unk_token="<unk>")  # fmt: skip


def fine_tuning(checkpoint: Path) -> TrainConfig:
    return load_config(
        None,
        sets=[
            f"data.train={SMALL}/train.csv", f"data.dev={SMALL}/dev.csv", "train.batch_size=16",
            "train.lr=1e-2", "train.max_steps=30", "select.every=10", "select.n_mrs=2",
            "select.metric=dev_loss", "run.threads=1", "run.device=cpu",
        ],
        flags={"model.architecture": "pretrained", "model.name_or_path": str(checkpoint)},
    )  # fmt: skip


@pytest.mark.parametrize("make", [tiny_bart, tiny_t5])
def test_a_checkpoint_is_fine_tuned_and_bundled(tmp_path: Path, make: Any) -> None:
    bundle_path = train(fine_tuning(make(tmp_path / "checkpoint")), tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    losses = [json.loads(line)["dev_loss"] for line in lines]
    assert losses[-1] < losses[0] - 0.1
    bundle = Bundle.load(bundle_path)
    output = ModelGenerator(bundle, max_length=20).generate_one("name[Aromi], eatType[pub]")
    assert isinstance(output.text, str)
    assert bundle.model.config.architecture == "pretrained"


def test_from_scratch_and_fine_tuning_have_their_own_rates() -> None:
    fine = load_config(None, flags={"model.architecture": "pretrained", "model.name_or_path": "x"})
    assert fine.peak_rate < load_config(None).peak_rate

"""BART and T5 behind our seam against ``transformers`` itself, on tiny random checkpoints."""

from __future__ import annotations

import re

import pytest
import tokenizers
import torch
from scripted_contrast import ScriptedContrast
from tokenizers import decoders, models, pre_tokenizers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from d2t.errors import BackendError, BundleError, DataError
from d2t.generate.contrast import ContrastOptions
from d2t.generate.contrast_engine import ContrastiveModel, doubled_sources
from d2t.linearize.base import make_strategy
from d2t.linearize.source import Inventory, Linearizer
from d2t.model.bundle.network import Bundle
from d2t.model.config import PretrainedConfig
from d2t.model.pretrained import load_pretrained
from d2t.mr.domain import load_domain
from d2t.search.beam import beam_search

SYMBOLS = ["<slot:name>", "<val:name>", "<val:near>"]
WORDS = ["aromi", "is", "a", "pub", "near", "the", "river", "in", "cheap", "food", "."]
TEXTS = [
    "<val:name> is a pub near <val:near>.",
    "(<val:name>) near the river, a <val:near><val:near>",
    "a pub",
    "<val:name>",
    "<val:near>'s pub in £20",
]


def word_level(folder):
    vocab = {w: i for i, w in enumerate(["<pad>", "<s>", "</s>", "<unk>", *WORDS])}
    backend = tokenizers.Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    save_tokenizer(backend, folder)
    return len(vocab)


def byte_level(folder):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {w: i for i, w in enumerate(["<pad>", "<s>", "</s>", "<unk>", *alphabet])}
    backend = tokenizers.Tokenizer(models.BPE(vocab, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    template = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    backend.post_processor = template
    save_tokenizer(backend, folder)
    return len(vocab)


def metaspace(folder):
    pieces = [(p, 0.0) for p in ("<pad>", "<s>", "</s>", "<unk>")]
    pieces += [(c, -float(i + 2)) for i, c in enumerate("▁.,'()£02abcdefghijklmnopqrstuvwxyz<>:")]
    backend = tokenizers.Tokenizer(models.Unigram(pieces, unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace(prepend_scheme="always")
    save_tokenizer(backend, folder)
    return len(pieces)


def save_tokenizer(backend, folder):
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    ).save_pretrained(folder)


def bart(vocab_size):
    return BartForConditionalGeneration(
        BartConfig(
            vocab_size=vocab_size,
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            max_position_embeddings=128,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=2,
            forced_eos_token_id=None,
            init_std=0.3,
        )
    )


def t5(vocab_size):
    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=vocab_size,
            d_model=32,
            d_kv=16,
            d_ff=64,
            num_layers=2,
            num_heads=2,
            pad_token_id=0,
            eos_token_id=2,
            decoder_start_token_id=0,
            initializer_factor=3.0,
        )
    )


KINDS = {"bart": (byte_level, bart), "t5": (metaspace, t5), "words": (word_level, bart)}


@pytest.fixture(scope="module", params=KINDS, name="checkpoint")
def _checkpoint(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    make_tokenizer, make_model = KINDS[request.param]
    torch.manual_seed(0)
    make_model(make_tokenizer(folder)).save_pretrained(folder)
    return folder


@pytest.fixture(name="loaded")
def _loaded(checkpoint):
    torch.manual_seed(1)
    tokenizer, model = load_pretrained(PretrainedConfig(name_or_path=str(checkpoint)), SYMBOLS)
    return tokenizer, model.eval()


def sources(tokenizer):
    rows = [tokenizer.encode_source(p) for p in (["<slot:name>", "aromi pub"], ["river"], SYMBOLS)]
    width = max(map(len, rows))
    ids = torch.tensor([row + [tokenizer.pad_id] * (width - len(row)) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(width)[None] < lengths[:, None]


def greedy(model, source, mask, n_steps):
    state = model.start(source, mask)
    token = torch.full((len(source),), model.bos_id)
    out = [token]
    for _ in range(n_steps):
        logits, state = model.step(token, state)
        token = logits.argmax(-1)
        out.append(token)
    return torch.stack(out, 1)


@torch.inference_mode()
def test_forward_gives_the_checkpoints_own_logits(loaded):
    tokenizer, model = loaded
    source, mask = sources(tokenizer)
    labels = torch.tensor([tokenizer.encode_target("a pub near")] * len(source))
    own = model.core(input_ids=source, attention_mask=mask.long(), labels=labels)
    start = torch.full((len(source), 1), model.bos_id)
    ours = model(source, mask, torch.cat([start, labels[:, :-1]], dim=1))
    torch.testing.assert_close(ours, own.logits.float())
    assert ours.shape[-1] == model.vocab_size >= tokenizer.vocab_size


@torch.inference_mode()
def test_steps_equal_teacher_forcing_and_generate(loaded):
    tokenizer, model = loaded
    source, mask = sources(tokenizer)
    tokens = greedy(model, source, mask, 12)
    forced = model(source, mask, tokens[:, :-1])
    assert torch.equal(forced.argmax(-1), tokens[:, 1:])
    assert len({tuple(row) for row in tokens.tolist()}) > 1
    config = model.core.generation_config
    config.eos_token_id = config.forced_bos_token_id = config.forced_eos_token_id = None
    own = model.core.generate(
        input_ids=source, attention_mask=mask.long(), do_sample=False, num_beams=1,
        max_new_tokens=12, min_new_tokens=12, decoder_start_token_id=model.bos_id,
    )  # fmt: skip
    assert torch.equal(own, tokens)


@torch.inference_mode()
def test_noise_on_the_embedding_of_the_decoder(loaded):
    tokenizer, model = loaded
    source, mask = sources(tokenizer)
    token = torch.full((len(source),), model.bos_id)
    _, state = model.step(token, model.start(source, mask))
    plain, after = model.step(token, state)
    assert model.noise_shape == (32,)
    nothing, same = model.step(token, model.perturb(state, torch.zeros(len(source), 32)))
    torch.testing.assert_close(nothing, plain)
    assert same.keys() == after.keys()
    noise = torch.randn(len(source), 32, generator=torch.Generator().manual_seed(3))
    noisy, later = model.step(token, model.perturb(state, noise))
    assert not torch.allclose(noisy, plain)
    torch.testing.assert_close(later["self_k0"][:, :, 0], after["self_k0"][:, :, 0])
    assert not torch.allclose(later["self_k0"][:, :, 1], after["self_k0"][:, :, 1])
    seen = []
    first = model.core.get_decoder()
    handle = first.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(kwargs["inputs_embeds"]), with_kwargs=True
    )
    model.step(token, model.perturb(state, noise))
    handle.remove()
    clean = first.embed_tokens(token[:, None])
    size = clean.square().mean(dim=-1, keepdim=True).sqrt()
    torch.testing.assert_close(seen[0], clean + noise[:, None] * size)


@torch.inference_mode()
def test_select_and_padding(loaded):
    tokenizer, model = loaded
    source, mask = sources(tokenizer)
    start = torch.full((len(source),), model.bos_id)
    logits, state = model.step(start, model.start(source, mask))
    assert all(value.shape[0] == len(source) for value in state.values())
    rows = torch.tensor([2, 2, 0])
    token = logits.argmax(-1)
    picked, _ = model.step(token[rows], model.select(state, rows))
    plain, _ = model.step(token, state)
    torch.testing.assert_close(picked, plain[rows], atol=1e-5, rtol=1e-5)
    n = int(mask[1].sum())
    alone, _ = model.step(start[:1], model.start(source[1:2, :n], mask[1:2, :n]))
    torch.testing.assert_close(alone[0], logits[1], atol=1e-4, rtol=1e-4)


def test_symbols_never_split_and_templates_come_back(checkpoint, loaded):
    tokenizer, _ = loaded
    for text in TEXTS:
        ids = tokenizer.encode_target(text)
        symbols = [p for p in tokenizer.pieces(ids) if p in SYMBOLS]
        assert symbols == re.findall(r"<val:\w+>", text)
        assert ids[-1] == tokenizer.eos_id
        if not checkpoint.name.startswith("words"):  # whose text is lossy by construction
            assert tokenizer.decode(ids) == text
    if tokenizer._keeps_space:
        assert tokenizer.decode(tokenizer.encode_target("a <glue> b<glue>")) == "a <glue> b<glue>"
    assert tokenizer.pieces(tokenizer.symbol_ids.values()) == SYMBOLS
    smuggled = tokenizer.encode_source(["x <val:name>"])
    assert not set(tokenizer.pieces(smuggled)) & set(SYMBOLS)


def test_a_bundle_holds_the_checkpoint(checkpoint, loaded, tmp_path):
    tokenizer, model = loaded
    domain = load_domain("restaurant")
    linearizer = Linearizer(domain, make_strategy("rnd").fit([], domain), Inventory())
    Bundle(domain=domain, tokenizer=tokenizer, model=model, linearizer=linearizer).save(
        tmp_path / "b"
    )
    names = {p.relative_to(tmp_path / "b").as_posix() for p in (tmp_path / "b").rglob("*.*")}
    assert {"tokenizer/tokenizer.json", "architecture/config.json", "model.safetensors"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    again = Bundle.load(tmp_path / "b")
    source, mask = sources(tokenizer)
    target = torch.full((len(source), 2), model.bos_id)
    with torch.inference_mode():
        assert torch.equal(again.model(source, mask, target), model(source, mask, target))
    assert again.tokenizer.symbols == tuple(SYMBOLS)
    assert [again.tokenizer.encode_target(t) for t in TEXTS] == [
        tokenizer.encode_target(t) for t in TEXTS
    ]
    (tmp_path / "b/tokenizer/tokenizer.json").write_text("{")
    with pytest.raises(BundleError):
        type(tokenizer).load(tmp_path / "b/tokenizer")


def test_a_checkpoint_can_be_trained(loaded):
    tokenizer, model = loaded
    source, mask = sources(tokenizer)
    model.train()(source, mask, torch.full((len(source), 3), model.bos_id)).sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in model.parameters())


def test_a_sequence_beyond_the_position_table(checkpoint, loaded):
    _, model = loaded
    long = torch.ones(1, 129, dtype=torch.int64)
    if checkpoint.name.startswith("t5"):
        assert model.position_limit is None
        model.start(long, long > 0)
        return
    with pytest.raises(DataError, match="limit is 128"):
        model.start(long, long > 0)
    with pytest.raises(DataError, match="129 tokens"):
        model(long[:, :3], long[:, :3] > 0, long)


def test_no_checkpoint_there(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackendError, match="give a folder"):
        load_pretrained(PretrainedConfig(name_or_path=str(tmp_path / "empty")), SYMBOLS)


@torch.inference_mode()
@pytest.mark.parametrize("dynamic", [False, True])
def test_a_contrast_of_a_checkpoint_is_its_forced_contrast(loaded, dynamic):
    """Both caches in one; with a dynamic contrast the perturbed half is replayed."""
    tokenizer, model = loaded
    options = ContrastOptions(beta=0.5, plausibility=0.0, dynamic=dynamic)
    rows = [tokenizer.encode_source(p) for p in (["<slot:name>", "aromi pub"], ["river"], SYMBOLS)]
    others = [tuple(row[:2]) for row in rows]
    words = (tokenizer.encode_target("a pub")[0],)
    scripts = [
        ScriptedContrast({0: other, 1: tuple(row)}, words, options)
        for row, other in zip(rows, others, strict=True)
    ]
    contrast = ContrastiveModel(model, options, scripts)
    pairs = doubled_sources(rows, scripts, model.pad_id)
    static = beam_search(contrast, *pairs, beam_size=3, n_best=3, max_length=8)
    state = contrast.start(*pairs)
    text = [model.bos_id, *tokenizer.encode_target("near the river a pub")[:-1]]
    assert text
    for at, word in enumerate(text):
        scores, state = contrast.step(torch.full((3,), word), state)
        if at and scripts[0].said(text[1 : at + 1]):
            break
        forced = contrast(*pairs, torch.tensor([text[: at + 1]] * 3))[:, -1]
        torch.testing.assert_close(
            scores.log_softmax(-1), forced.log_softmax(-1), atol=1e-3, rtol=1e-3
        )
    for k in range(3):
        alone = ContrastiveModel(model, options, [scripts[k]])
        single = doubled_sources([rows[k]], [scripts[k]], model.pad_id)
        [found] = beam_search(alone, *single, beam_size=3, n_best=3, max_length=8)
        assert [result.ids for result in found] == [result.ids for result in static[k]]

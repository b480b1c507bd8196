"""Bundles: what is saved comes back, and every way to break one gives an error with a cure."""

from __future__ import annotations

import errno
import json
import shutil
import tomllib

import pytest
import torch
from safetensors.torch import load_file, save_file

import d2t.model.bundle.network as bundle_module
from d2t.corpus.types import Example
from d2t.errors import BackendError, BundleError, DataError
from d2t.io.hashing import sha256_file
from d2t.language.symbols import all_symbols
from d2t.linearize.base import make_strategy
from d2t.linearize.source import Inventory, Linearizer
from d2t.model.build import build_model
from d2t.model.bundle.network import Bundle
from d2t.model.config import BiGRUConfig, TransformerConfig
from d2t.model.tokenizer import Tokenizer
from d2t.mr.domain import domain_from_dict, load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot
from d2t.plan.bigram import BigramPlanner

SLOTS = (Slot("name", "Aromi"), Slot("eatType", "pub"), Slot("area", "riverside"))
TINY = TransformerConfig(width=16, ffn=16, heads=2, encoder_layers=1, decoder_layers=1)


def make_bundle(config=TINY, domain=None):
    domain = domain or load_domain("restaurant")
    mr = MeaningRepresentation(SLOTS)
    examples = [
        Example(id=str(i), mr=mr, references=("Aromi is a pub.",), plan=Plan(SLOTS))
        for i in range(4)
    ]
    strategy = make_strategy("at").fit(examples, domain)
    tokenizer = Tokenizer.train(["<val:name> is a pub by the river."], all_symbols(domain), 400)
    torch.manual_seed(0)
    model = build_model(
        config,
        vocab_size=tokenizer.vocab_size,
        pad_id=tokenizer.pad_id,
        bos_id=tokenizer.bos_id,
        eos_id=tokenizer.eos_id,
    )
    return Bundle(
        domain=domain,
        tokenizer=tokenizer,
        model=model,
        linearizer=Linearizer(domain, strategy, Inventory.fit(examples, domain)),
        planner=BigramPlanner().fit(examples, domain),
        decode_defaults={"beam_size": 2},
        info={"data": {"corpus": "mini"}, "metrics": {"ser": 0.1234567}, "step": 7},
    )


@pytest.fixture(name="saved")
def _saved(tmp_path):
    path = tmp_path / "bundle"
    make_bundle().save(path)
    return path


def logits(bundle):
    source = torch.tensor([bundle.tokenizer.encode_source(["<slot:name>", "Aromi"])])
    with torch.inference_mode():
        return bundle.model.eval()(source, source != 0, torch.tensor([[1, 5, 6]]))


def edit(path, change):
    """Change ``d2t.json`` and hash the files anew, so that later checks are reached."""
    manifest = json.loads((path / "d2t.json").read_text())
    change(manifest)
    for name in manifest.get("files", {}):
        if (path / name).is_file():
            manifest["files"][name] = sha256_file(path / name)
    (path / "d2t.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("config", [TINY, BiGRUConfig(layers=1, hidden=8, embedding=8)])
def test_what_is_saved_comes_back(tmp_path, config):
    bundle = make_bundle(config)
    bundle.save(tmp_path / "new" / "bundle")
    loaded = Bundle.load(tmp_path / "new" / "bundle")
    assert torch.equal(logits(loaded), logits(bundle))
    assert not loaded.model.training
    assert loaded.model.config == config
    mr, plan = MeaningRepresentation(SLOTS), Plan(SLOTS[::-1])
    assert loaded.linearizer.linearize(mr, plan) == bundle.linearizer.linearize(mr, plan)
    assert loaded.planner.plan(mr) == bundle.planner.plan(mr)
    assert (loaded.decode_defaults, loaded.info) == (bundle.decode_defaults, bundle.info)
    assert loaded.path == bundle.path == tmp_path / "new" / "bundle"


def test_the_folder_is_complete_and_lean(saved):
    files = {p.relative_to(saved).as_posix() for p in saved.rglob("*") if p.is_file()}
    expected = {
        "d2t.json",
        "model.safetensors",
        "tokenizer.model",
        "README.md",
        "domain/domain.toml",
    }
    assert (
        expected
        <= files
        <= expected | {f"domain/{name}.toml" for name in ("lexicon", "neutral", "frames")}
    )
    manifest = json.loads((saved / "d2t.json").read_text())
    assert manifest["format_version"] == 1
    assert manifest["files"] == {
        name: sha256_file(saved / name) for name in sorted(files - {"d2t.json"})
    }
    names = load_file(saved / "model.safetensors")
    assert "output.weight" not in names  # tied to the embedding: stored once
    assert [p.name for p in saved.parent.iterdir()] == ["bundle"]


def test_the_bundle_brings_its_own_domain(saved):
    loaded = Bundle.load(saved)
    assert loaded.domain.folder == saved / "domain"
    assert loaded.domain.digest == load_domain("restaurant").digest


def test_a_domain_without_a_folder_is_written_as_toml(tmp_path):
    source = {
        "name": 'Käse "x"\\',
        "description": "tab\there \x7f",
        "slots": {"name": {"kind": "open"}, "a b": {"kind": "categorical", "values": ["ü", "'"]}},
    }
    bundle = make_bundle(domain=load_domain("restaurant"))
    bundle.domain = domain_from_dict(source)
    bundle.planner = None
    bundle.save(tmp_path / "b")
    assert tomllib.loads((tmp_path / "b/domain/domain.toml").read_text("utf-8")) == source
    assert Bundle.load(tmp_path / "b").planner is None


def test_saving_again_replaces_the_older_bundle(saved):
    bundle = make_bundle()
    bundle.info = {"step": 8}
    bundle.save(saved)
    assert Bundle.load(saved).info == {"step": 8}
    assert [p.name for p in saved.parent.iterdir()] == ["bundle"]


def test_half_precision_is_half_the_size(tmp_path, saved):
    bundle = make_bundle()
    bundle.save(tmp_path / "half", weights="fp16")
    full, half = ((p / "model.safetensors").stat().st_size for p in (saved, tmp_path / "half"))
    assert half < 0.6 * full
    loaded = Bundle.load(tmp_path / "half")
    assert all(p.dtype == torch.float32 for p in loaded.model.parameters())
    torch.testing.assert_close(logits(loaded), logits(bundle), atol=1e-2, rtol=1e-2)


def test_loading_leaves_the_random_state_alone(saved):
    before = torch.get_rng_state()
    Bundle.load(saved)
    assert torch.equal(torch.get_rng_state(), before)


def test_other_folders_and_files_are_not_overwritten(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("precious")
    with pytest.raises(BundleError, match="not overwritten"):
        make_bundle().save(tmp_path / "notes")
    assert (tmp_path / "notes" / "thesis.txt").read_text() == "precious"
    with pytest.raises(BundleError, match="is a file"):
        make_bundle().save(tmp_path / "notes" / "thesis.txt")
    (tmp_path / "empty").mkdir()
    make_bundle().save(tmp_path / "empty")


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_an_interrupted_save_leaves_the_older_bundle(saved, monkeypatch, failure):
    def fail(*_args, **_kwargs):
        raise failure

    before = {p: p.read_bytes() for p in saved.rglob("*") if p.is_file()}
    monkeypatch.setattr(bundle_module, "save_domain", fail)
    expected = DataError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        make_bundle().save(saved)
    if expected is DataError:
        assert "disk is full" in str(caught.value)
    assert {p: p.read_bytes() for p in saved.rglob("*") if p.is_file()} == before
    assert [p.name for p in saved.parent.iterdir()] == ["bundle"]


def test_nothing_there(tmp_path):
    with pytest.raises(BundleError, match="d2t train"):
        Bundle.load(tmp_path / "absent")


def test_a_file_or_another_folder(tmp_path, saved):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match="is a file"):
        Bundle.load(tmp_path / "file")
    with pytest.raises(BundleError, match=r"did you mean .*bundle"):
        Bundle.load(saved.parent)
    with pytest.raises(BundleError, match="not a bundle"):
        Bundle.load(saved / "domain")


@pytest.mark.parametrize("content", ["", "{", '{"format_version": 1', "\x00", "[" * 100_000])
def test_a_manifest_that_is_not_json(saved, content):
    (saved / "d2t.json").write_text(content)
    with pytest.raises(BundleError, match="not valid JSON"):
        Bundle.load(saved)


@pytest.mark.parametrize(
    ("version", "cure"), [(2, "update d2t"), (0, "train"), ("1", "train"), (None, "train")]
)
def test_another_format_version(saved, version, cure):
    edit(saved, lambda m: m.update(format_version=version))
    with pytest.raises(BundleError, match=cure) as caught:
        Bundle.load(saved)
    assert caught.value.code == "bundle_version"


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("files"),
        lambda m: m.update(model={"architecture": "lstm"}),
        lambda m: m["model"].update(width=-3),
        lambda m: m.update(vocab_size="many"),
        lambda m: m.update(linearizer={}),
        lambda m: m.update(planner={"name": "bigram"}),
        lambda m: m["linearizer"]["strategy"].update(name="nonsense"),
    ],
)
def test_a_manifest_with_a_bad_entry(saved, change):
    edit(saved, change)
    with pytest.raises(BundleError):
        Bundle.load(saved)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.model", "domain/domain.toml"])
def test_a_missing_or_changed_file(saved, tmp_path, name):
    shutil.copytree(saved, tmp_path / "copy")
    (saved / name).unlink()
    with pytest.raises(BundleError, match="missing"):
        Bundle.load(saved)
    damaged = tmp_path / "copy" / name
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(BundleError, match="SHA-256") as caught:
        Bundle.load(tmp_path / "copy")
    assert caught.value.code == "bundle_checksum"


def test_the_card_may_be_edited(saved):
    (saved / "README.md").write_text("# My generator")
    Bundle.load(saved)


def test_weights_cut_short_behind_a_right_checksum(saved):
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    edit(saved, lambda m: None)
    with pytest.raises(BundleError, match="not a readable safetensors"):
        Bundle.load(saved)


@pytest.mark.parametrize("kind", ["missing", "extra", "shape"])
def test_weights_of_another_model(saved, kind):
    tensors = load_file(saved / "model.safetensors")
    if kind == "missing":
        del tensors["encoder_norm.weight"]
    elif kind == "extra":
        tensors["surplus"] = torch.zeros(1)
    else:
        tensors["embedding.weight"] = torch.zeros(3, 3)
    save_file(tensors, saved / "model.safetensors")
    edit(saved, lambda m: None)
    with pytest.raises(BundleError, match="does not fit"):
        Bundle.load(saved)


def test_an_unknown_device(saved):
    for device in ("tpu9", "meta?", "cuda:77"):
        with pytest.raises(BackendError, match="try 'cpu'"):
            Bundle.load(saved, device=device)


def test_the_card_says_what_the_bundle_knows(saved):
    card = (saved / "README.md").read_text("utf-8")
    for heading in ("Intended use", "Data", "Metrics", "slot confusions", "Limits", "Licence"):
        assert f"{heading}\n" in card
    assert "| ser | 0.1235 |" in card
    assert "| corpus | mini |" in card
    assert "alignment training (AT)" in card


def test_whoever_may_read_the_manifest_may_read_the_weights(saved):
    modes = {path.stat().st_mode & 0o777 for path in saved.rglob("*") if path.is_file()}
    assert len(modes) == 1

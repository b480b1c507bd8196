"""Bundles, judges and planners from anybody: one clear error, soon, in little memory."""

from __future__ import annotations

import ast
import json
import os
import shutil
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from echo_bundle import save_random_bundle
from safetensors.torch import load_file, save_file

import d2t
from d2t.errors import BundleError, D2TError, DataError
from d2t.io.hashing import sha256_file
from d2t.io.tensors import tensor_shapes
from d2t.judges.fluency.classifier import FluencyClassifier
from d2t.judges.parser.classifier import LearnedParser
from d2t.judges.qa.model import QAModel
from d2t.language.ngram import NgramLanguageModel
from d2t.model.bundle.describe import describe_bundle
from d2t.model.bundle.network import Bundle
from d2t.model.pretrained_tokenizer import PretrainedTokenizer
from d2t.plan.neural import NeuralPlanner

SECONDS = 3.0
BYTES = 256 << 20  # reading JSON of the largest size takes most of it


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "bundle"
    save_random_bundle(folder)
    Bundle.load(folder)  # what is imported on the way is not what a test measures
    return folder


@pytest.fixture
def bundle(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "bundle"))


def edit(bundle: Path, change) -> None:
    """Change the table of contents."""
    path = bundle / "d2t.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def relist(bundle: Path, *names: str) -> None:
    """What somebody does who changes a file and its sum."""
    sums = {name: sha256_file(bundle / name) for name in names}
    edit(bundle, lambda content: content["files"].update(sums))


def refusal(act, *, kind: type[D2TError] = BundleError, most: float = SECONDS) -> str:
    """The message of the error, which comes in time and memory."""
    tracemalloc.start()
    try:
        started = time.process_time()
        with pytest.raises(kind) as caught:
            act()
        assert time.process_time() - started < most
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    message = caught.value.message
    assert len(message) < 700
    assert "bug" not in message
    return message


@pytest.mark.parametrize(
    "name",
    ["../../x", "/etc/hostname", "domain/../../x", "..", "", "C:\\x", "\\\\host\\share", "..\\x",
     "a\0b", "x" * 100_000, "../" * 10_000 + "etc/hostname"],
)  # fmt: skip
def test_names_that_lead_out_of_the_folder(bundle, name):
    edit(bundle, lambda content: content["files"].update({name: "0" * 64}))
    (bundle.parent / "x").write_text("x", encoding="utf-8")
    message = refusal(lambda: Bundle.load(bundle))
    assert "leads out of the folder" in message
    assert refusal(lambda: describe_bundle(bundle)) == message


@pytest.mark.parametrize("name", ["tokenizer.model", "domain/domain.toml", "domain"])
def test_links_out_of_the_folder(bundle, name, tmp_path):
    shutil.move(bundle / name, tmp_path / "outside")
    (bundle / name).symlink_to(tmp_path / "outside")
    assert "leads out of the folder" in refusal(lambda: Bundle.load(bundle))


def test_links_inside_and_a_link_to_the_folder_are_followed(bundle, tmp_path):
    shutil.move(bundle / "tokenizer.model", bundle / "real.model")
    (bundle / "tokenizer.model").symlink_to("real.model")
    (tmp_path / "link").symlink_to(bundle)
    assert Bundle.load(tmp_path / "link").domain.name == "restaurant"


def test_a_circle_of_links(bundle):
    (bundle / "tokenizer.model").unlink()
    (bundle / "tokenizer.model").symlink_to("tokenizer.model")
    refusal(lambda: Bundle.load(bundle))


def test_a_pipe_in_the_place_of_a_file(bundle):
    (bundle / "tokenizer.model").unlink()
    os.mkfifo(bundle / "tokenizer.model")
    assert "is missing" in refusal(lambda: Bundle.load(bundle))


@pytest.mark.parametrize(
    "name", ["model.safetensors", "tokenizer.model", "domain/domain.toml", "domain/lexicon.toml"]
)
def test_a_file_that_is_not_listed_is_not_read(bundle, name):
    edit(bundle, lambda content: content["files"].pop(name))
    assert "not in the list of files" in refusal(lambda: Bundle.load(bundle))


def test_a_planner_that_somebody_put_there_is_not_read(bundle):
    (bundle / "planner").mkdir()
    (bundle / "planner/planner.json").write_text("{}", encoding="utf-8")
    assert "planner/planner.json is not in the list" in refusal(lambda: Bundle.load(bundle))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe{", "not UTF-8"),
        (b"[" * 1_000_000, "nesting is too deep"),
        (b'{"a":' * 1_000_000, "nesting is too deep"),
        (b"[" * 100 + b"]" * 100, "nesting is too deep"),
        (b"[" + b"1," * 20_000_000 + b"1]", "larger than 16 MiB"),
        (b'{"format_version": ' + b"9" * 10_000 + b"}", "not valid JSON"),
        (b'{"format_version": ' + b"9" * 4_000 + b"}", "more than 64 bits"),
        (b'{"format_version": "' + b"9" * 10_000 + b'"}', "format version '999"),
        (b'{"format_version": true}', "format version True"),
        (b'{"format_version": 1.0}', "format version 1.0"),
        (b'{"format_version": NaN}', "format version nan"),
        (b'{"format_version": 2}', "update d2t"),
        (b'{"format_version": 0}', "train the bundle again"),
        (b'{"format_version": [1]}', "format version [1]"),
        (b'[{"format_version": 1}]', "format version None"),
        (b'{"format_version": 1}', "d2t_version: Field required"),
    ],
)
def test_tables_of_contents(bundle, content, reason):
    (bundle / "d2t.json").write_bytes(content)
    assert reason in refusal(lambda: Bundle.load(bundle))


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"x": 1}},
        {"files": [1]},
        {"model": "transformer"},
        {"model": {"architecture": "other"}},
        {"model": {"architecture": "transformer", "width": "x" * 100_000}},
        {"vocab_size": 10**18},
        {"vocab_size": -1},
        {"tokenizer": "pretrained"},
        {"tokenizer": {}},
        {"linearizer": {}},
        {"linearizer": {"strategy": 1, "inventory": 2}},
        {"linearizer": {"strategy": {"name": "os.system"}, "inventory": {}}},
        {"linearizer": {"strategy": {"name": "alignment"}, "inventory": {"food": 3}}},
        {"planner": {"beam": 1}},
        {"planner": {"beam": 10**18, "hidden": [], "tokens": [], "bigrams": []}},
        {"planner": {"beam": 1, "hidden": [], "tokens": [], "bigrams": [[0, 0, 1]]}},
        {"decode_defaults": {"beam_size": 10**9}},
        {"decode_defaults": {"beam_size": "x"}},
        {"decode_defaults": {"max_length": 10**12}},
    ],
)
def test_entries_of_the_wrong_kind(bundle, change):
    edit(bundle, lambda content: content.update(change))
    refusal(lambda: Bundle.load(bundle))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"width": 2**24, "heads": 1}, "has"),
        ({"width": 2**50, "heads": 1}, "cannot be built"),
        ({"ffn": 2**40}, "has"),
        ({"encoder_layers": 48, "width": 4096}, "has"),
        ({"width": 64}, "has"),
    ],
)
def test_a_network_larger_than_its_weights_takes_no_memory(bundle, model, reason):
    edit(bundle, lambda content: content["model"].update(model))
    assert reason in refusal(lambda: Bundle.load(bundle))


def header(size: int, content: bytes, rest: bytes = b"") -> bytes:
    return struct.pack("<Q", size) + content + rest


def tensor(shape, offsets=(0, 4), dtype="F32") -> bytes:
    text = json.dumps({"w": {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}})
    return header(len(text), text.encode(), b"0000")


HEADERS = {
    "nothing": b"",
    "cut in the length": b"\0\0\0",
    "a length beyond the file": header(1 << 40, b"{}"),
    "the largest length": header((1 << 64) - 1, b"{}"),
    "length of a large header": header(1 << 30, b"{" + b" " * 1000),
    "no JSON": header(2, b"}{"),
    "no table": header(2, b"[]"),
    "deep": header(200_000, b"[" * 200_000),
    "not text": header(4, b"\xff\xff\xff\xff"),
    "a negative side": tensor([-1]),
    "a huge side": tensor([1 << 62]),
    "a huge product": tensor([1 << 39] * 12),
    "many sides": tensor([1] * 1000),
    "a side of text": tensor(["1"]),
    "a side that is true": tensor([True]),
    "no shape": tensor(None),
    "an unknown type": tensor([1], dtype="O"),
    "more than there is": tensor([2]),
    "less than there is": tensor([0]),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_weights(bundle, name):
    (bundle / "model.safetensors").write_bytes(HEADERS[name])
    relist(bundle, "model.safetensors")
    assert "not a readable safetensors file" in refusal(lambda: Bundle.load(bundle))
    assert "not a readable safetensors file" in refusal(lambda: describe_bundle(bundle))


def test_overlapping_tensors_are_refused(bundle):
    text = json.dumps(
        {n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in ("a", "b")}
    )
    (bundle / "model.safetensors").write_bytes(header(len(text), text.encode(), b"00000000"))
    relist(bundle, "model.safetensors")
    refusal(lambda: Bundle.load(bundle))


def test_the_header_reader_agrees_with_the_library(whole):
    tensors = load_file(whole / "model.safetensors")
    assert tensor_shapes(whole / "model.safetensors") == {
        name: tuple(one.shape) for name, one in tensors.items()
    }


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.model", "README.md"])
def test_a_file_of_a_terabyte_is_not_read(bundle, name):
    with (bundle / name).open("r+b") as stream:
        stream.truncate(1 << 40)  # of holes: it takes no room
    message = refusal(lambda: Bundle.load(bundle))
    assert "1,099,511,627,776 bytes" in message


@pytest.mark.parametrize("content", [b"", b"x" * 1000, b"\x0a\xff\xff\xff\xff\x0f" + b"a" * 100])
def test_a_tokenizer_that_is_none(bundle, content):
    (bundle / "tokenizer.model").write_bytes(content)
    relist(bundle, "tokenizer.model")
    assert "tokenizer.model" in refusal(lambda: Bundle.load(bundle))


def test_the_tokenizer_of_another_model(bundle):
    from d2t.model.tokenizer import Tokenizer

    other = Tokenizer.train(["another text of some words"], ["<val:x>"], 400)
    other.save(bundle / "tokenizer.model")
    assert "is not the file that was saved" in refusal(lambda: Bundle.load(bundle))
    relist(bundle, "tokenizer.model")
    refusal(lambda: Bundle.load(bundle))
    edit(bundle, lambda content: content.update(vocab_size=other.vocab_size))
    refusal(lambda: Bundle.load(bundle))


@pytest.mark.parametrize("content", [b"[" * 200_000, b"{}", b"\xff", b'{"model": {"type": "BPE"}}'])
def test_the_tokenizer_of_a_checkpoint(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    (tmp_path / "ids.json").write_text("{}", encoding="utf-8")
    assert "cannot read the tokenizer" in refusal(lambda: PretrainedTokenizer.load(tmp_path))


def test_a_bundle_that_is_a_file_or_not_there(tmp_path):
    (tmp_path / "file").write_bytes(b"PK\x03\x04")
    assert "is a file; a bundle is a folder" in refusal(lambda: Bundle.load(tmp_path / "file"))
    assert "no bundle at" in refusal(lambda: Bundle.load(tmp_path / "none"))
    os.mkfifo(tmp_path / "pipe")
    refusal(lambda: Bundle.load(tmp_path / "pipe"))
    (tmp_path / "d2t.json").mkdir()
    refusal(lambda: Bundle.load(tmp_path))


@pytest.mark.parametrize("judge", [FluencyClassifier, LearnedParser, QAModel, NeuralPlanner])
@pytest.mark.parametrize(
    "content",
    [
        b"[" * 1_000_000,
        b"{}",
        b'{"format_version": 2}',
        b'{"format_version": 1, "d2t_version": "0", "files": {"../x": "0"}, "vocabulary": []}',
        b"[" + b"1," * 20_000_000 + b"1]",
    ],
)
def test_judges_and_planners_are_read_the_same_way(tmp_path, judge, content):
    for name in ("fluency.json", "parser.json", "qa.json", "planner.json"):
        (tmp_path / name).write_bytes(content)
    refusal(lambda: judge.load(tmp_path))


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_a_planner(tmp_path, name):
    (tmp_path / "planner.json").write_text('{"format_version": 1}', encoding="utf-8")
    (tmp_path / "planner.safetensors").write_bytes(HEADERS[name])
    refusal(lambda: NeuralPlanner.load(tmp_path))


def test_a_language_model_that_unpacks_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("d2t.language.ngram._MAX_BYTES", 1 << 20)
    path = tmp_path / "lm.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("tokens.npy", "w", force_zip64=True) as member,
    ):
        member.write(bytes(2 << 20))
    message = refusal(lambda: NgramLanguageModel.load(path), kind=DataError)
    assert "it holds more than 1 MiB" in message


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_nothing_is_unpickled(tmp_path, bundle):
    trap = tmp_path / "sprung"
    objects = np.array([Trap(trap)], dtype=object)
    path = tmp_path / "lm.npz"
    np.savez(path, format=objects, order=objects, words=objects, tokens=objects)
    refusal(lambda: NgramLanguageModel.load(path), kind=DataError)
    import pickle

    (bundle / "model.safetensors").write_bytes(pickle.dumps(Trap(trap)))
    relist(bundle, "model.safetensors")
    refusal(lambda: Bundle.load(bundle))
    assert not trap.exists()


FORBIDDEN = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml",
    "ruamel", "jsonpickle",
}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {("torch", "load"), ("pd", "read_pickle"), ("pandas", "read_pickle"), ("os", "system")}


def test_the_package_has_nothing_that_runs_a_file():
    """No module imports a reader that runs what it reads, or calls ``eval`` and the like."""
    paths = sorted(Path(d2t.__file__).parent.rglob("*.py"))
    assert len(paths) > 100
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
                assert not names & FORBIDDEN, where
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in FORBIDDEN, where
            elif isinstance(node, ast.Call):
                called = node.func
                assert not (isinstance(called, ast.Name) and called.id in CALLS), where
                if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                    assert (called.value.id, called.attr) not in METHODS, where
                for word in node.keywords:
                    value = getattr(word.value, "value", None)
                    assert not (word.arg == "allow_pickle" and value is not False), where
                    assert not (word.arg == "trust_remote_code" and value is not False), where
                    assert not (word.arg == "shell" and value is not False), where


def test_weights_of_other_numbers_are_told(bundle):
    tensors = load_file(bundle / "model.safetensors")
    tensors["embedding.weight"] = tensors["embedding.weight"].T.contiguous()
    save_file(tensors, bundle / "model.safetensors")
    relist(bundle, "model.safetensors")
    assert "does not fit the model" in refusal(lambda: Bundle.load(bundle))

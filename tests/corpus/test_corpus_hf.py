"""Corpora as saved Hugging Face datasets, and corpora in Parquet files."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import pytest

from d2t.corpus.files import read_corpus
from d2t.corpus.hf import save_dataset, saved_splits
from d2t.corpus.load import load_split
from d2t.corpus.types import Example
from d2t.errors import BundleError, DataError
from d2t.extras import MissingExtraError
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Plan, Slot

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")
NAME, PUB = Slot("name", "Café Ünï"), Slot("eatType", "pub")
EXAMPLES = [
    Example("a", MeaningRepresentation((NAME,)), ("One.", "Two."), kind="clause"),
    Example("b", MeaningRepresentation((PUB, NAME)), ("",), Plan((NAME, PUB, NAME), (1, 2))),
    Example("c", MeaningRepresentation((NAME, PUB)), ("£20",), Plan(())),
]


def test_saved_and_loaded_without_loss(tmp_path: Path) -> None:
    splits = {"train": EXAMPLES, "dev": EXAMPLES[1:], "test": []}
    save_dataset(splits, DOMAIN, tmp_path / "corpus")
    assert saved_splits(tmp_path / "corpus") == ("train", "dev", "test")
    assert (tmp_path / "corpus" / "validation").is_dir()
    for split in ("train", "dev", "test"):
        assert load_split(str(tmp_path / "corpus"), split, DOMAIN) == splits[split]
    assert load_split(str(tmp_path / "corpus" / "train"), "dev", DOMAIN) == EXAMPLES
    save_dataset({"train": EXAMPLES}, DOMAIN, tmp_path / "corpus")
    with pytest.raises(DataError, match="no split 'test'; it has train"):
        load_split(str(tmp_path / "corpus"), "test", DOMAIN)


def test_other_folders_are_neither_written_over_nor_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("mr,ref\n")
    with pytest.raises(BundleError, match="not overwritten"):
        save_dataset({"train": EXAMPLES}, DOMAIN, tmp_path)
    with pytest.raises(DataError, match="not a saved Dataset"):
        load_split(str(tmp_path), "train", DOMAIN)


def test_a_dataset_of_other_hands(tmp_path: Path) -> None:
    from datasets import Dataset

    rows = [
        {"mr": "name[Aromi], eatType[pub]", "ref": "Aromi is a pub.", "eatType": None},
        {"mr": None, "ref": "A pub.", "eatType": "pub"},
    ]
    Dataset.from_list(rows).select([1, 0]).save_to_disk(str(tmp_path / "own"))
    first, second = load_split(str(tmp_path / "own"), "dev", DOMAIN)
    assert first == Example("own-dev-0", MeaningRepresentation((PUB,)), ("A pub.",))
    assert second.mr.slots == (Slot("name", "Aromi"), PUB)


def test_parquet(tmp_path: Path) -> None:
    from datasets import Dataset

    rows = {"mr": ["name[Aromi]", "naem[Aromi]"], "text": ["Aromi.", "Aromi!"]}
    path = tmp_path / "own.parquet"
    Dataset.from_dict(rows).select([0]).to_parquet(str(path))
    (example,) = load_split(str(path), "train", DOMAIN)
    assert (example.id, example.references) == ("own-train-0", ("Aromi.",))
    Dataset.from_dict(rows).to_parquet(str(path))
    with pytest.raises(DataError, match="did you mean 'name'") as caught:
        read_corpus(path, DOMAIN, name="x")
    assert caught.value.line == 2


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(DataError, match="no such file"):
        read_corpus(path, DOMAIN, name="x")
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        read_corpus(path, DOMAIN, name="x")
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(DataError, match="no readable saved Dataset"):
        load_split(str(tmp_path), "train", DOMAIN)
    (tmp_path / "dataset_dict.json").write_text("[")
    with pytest.raises(DataError, match=r"dataset_dict\.json is damaged"):
        load_split(str(tmp_path), "train", DOMAIN)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in ("datasets", "pyarrow"):
            raise ModuleNotFoundError(name, name=name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtraError, match=r'pip install "d2t\[train\]"'):
        save_dataset({"train": EXAMPLES}, DOMAIN, tmp_path / "x")
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingExtraError, match=r'pip install "d2t\[train\]"'):
        read_corpus(tmp_path / "x.parquet", DOMAIN, name="x")

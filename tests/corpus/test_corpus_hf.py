from __future__ import annotations

import builtins
from typing import Any

import pytest

from d2t.corpus.hf import from_hf_dataset, to_hf_dataset
from d2t.corpus.types import Example
from d2t.errors import BackendError, DataError
from d2t.mr.types import MeaningRepresentation, Plan, Slot

EXAMPLES = [
    Example("0", MeaningRepresentation((Slot("name", "Café Ünï, [x]"),)), ("One.", "Two.")),
    Example(
        "1",
        MeaningRepresentation((Slot("area", "a"), Slot("area", "b"), Slot("x", "")), "request"),
        (),
        Plan((Slot("area", "b"), Slot("x", ""), Slot("area", "b")), (1, 2)),
    ),
    Example("2", MeaningRepresentation(()), ("",), Plan(())),
]


def test_round_trip_without_loss() -> None:
    dataset = to_hf_dataset(EXAMPLES)
    assert from_hf_dataset(dataset) == EXAMPLES
    assert from_hf_dataset(dataset.select([1])) == EXAMPLES[1:2]
    assert from_hf_dataset(to_hf_dataset([])) == []


def test_through_a_saved_dataset(tmp_path: Any) -> None:
    from datasets import load_from_disk

    to_hf_dataset(EXAMPLES).save_to_disk(str(tmp_path / "d"))
    assert from_hf_dataset(load_from_disk(str(tmp_path / "d"))) == EXAMPLES


def test_other_datasets_are_refused() -> None:
    from datasets import Dataset

    with pytest.raises(DataError, match="no column 'id'"):
        from_hf_dataset(Dataset.from_dict({"text": ["x"]}))


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "datasets":
            raise ModuleNotFoundError(name, name=name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(BackendError, match=r'pip install "d2t\[train\]"'):
        to_hf_dataset(EXAMPLES)

"""Corpora as saved Hugging Face datasets.

A row is a record as in a JSONL corpus, with the meaning representation as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.corpus.records import example_to_record
from d2t.errors import DataError, did_you_mean
from d2t.extras import explained_imports
from d2t.io.atomic import atomic_folder
from d2t.io.bounded import read_json
from d2t.io.records import RawRecord, RecordSource
from d2t.mr.render import render_mr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from datasets import Dataset

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.render import TextForm

_DICT, _DATASET = "dataset_dict.json", "state.json"  # what `save_to_disk` leaves in a folder
_SPLITS = {"dev": "validation"}  # Hugging Face's name of a split, where it is not ours
_BATCH = 1000
_UNREADABLE = (OSError, ValueError, LookupError)  # pyarrow's errors are among these


def to_dataset(examples: Iterable[Example], domain: Domain, mr_form: TextForm = "auto") -> Dataset:
    """A ``Dataset`` with one row an example.

    Columns: ``id``, ``mr`` (text), ``references`` (list of texts), ``plan`` (list of
    ``slot[value]``), ``breaks`` (list of integers) and ``kind``; the last three are None where the
    example has none.

    Args:
        examples: what to write.
        domain: of the examples.
        mr_form: of the text; ``auto`` is the domain's usual form.

    Raises:
        MissingExtraError: the ``datasets`` library is not installed.
        DomainError: ``mr_form`` cannot express an MR.
    """
    with explained_imports():
        from datasets import Dataset, Features, List, Value
    text = Value("string")
    features = Features(
        {
            "id": text, "mr": text, "references": List(text),
            "plan": List(text), "breaks": List(Value("int64")), "kind": text,
        }
    )  # fmt: skip
    columns: dict[str, list[Any]] = {name: [] for name in features}
    for example in examples:
        record = example_to_record(example, domain)
        record["mr"] = render_mr(example.mr, format=mr_form, domain=domain)
        for name, column in columns.items():
            column.append(record.get(name))
    return Dataset.from_dict(columns, features=features)  # from_list fails on no rows


def save_dataset(
    splits: Mapping[str, Iterable[Example]],
    domain: Domain,
    folder: Path,
    mr_form: TextForm = "auto",
) -> None:
    """Save a ``DatasetDict``; the folder appears complete or not at all.

    The development split is called ``validation`` there. An older saved ``DatasetDict`` is
    replaced.

    Raises:
        MissingExtraError: the ``datasets`` library is not installed.
        BundleError: the folder holds something else.
        DataError: the operating system refuses.
    """
    with explained_imports():
        import datasets
    made = {_SPLITS.get(name, name): to_dataset(splits[name], domain, mr_form) for name in splits}
    silent = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        with atomic_folder(folder, marker=_DICT) as temporary:
            # A split without rows gets a file only if one is asked for; else it cannot be loaded.
            shards = {name: None if len(rows) else 1 for name, rows in made.items()}
            datasets.DatasetDict(made).save_to_disk(str(temporary), num_shards=shards)
    finally:
        if not silent:
            datasets.enable_progress_bars()


def saved_splits(folder: Path) -> tuple[str, ...]:
    """The splits of a saved ``DatasetDict``, by d2t's names; empty for anything else.

    Raises:
        DataError: its list of splits cannot be read.
    """
    if not (folder / _DICT).is_file():
        return ()
    try:
        names = read_json(folder / _DICT)["splits"]
        ours = {theirs: name for name, theirs in _SPLITS.items()}
        return tuple(ours.get(name, name) for name in names)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / _DICT} is damaged: {error!r}", code="read_failed") from error


def saved_dataset(folder: Path, split: str) -> Path:
    """The folder of one split of a saved ``DatasetDict``; a saved ``Dataset`` is its own.

    Raises:
        DataError: the folder is neither, or has no such split.
    """
    if splits := saved_splits(folder):
        if split not in splits:
            raise DataError(
                f"{folder} has no split {split!r}{did_you_mean(split, splits)}; "
                f"it has {', '.join(splits)}",
                code="unknown_split",
            )
        return folder / _SPLITS.get(split, split)
    if (folder / _DATASET).is_file():
        return folder
    raise DataError(
        f"'{folder}' is a folder, but not a saved Dataset; name a CSV, JSONL or Parquet file in it",
        code="is_a_folder",
    )


def open_dataset(folder: Path) -> RecordSource:
    """The rows of a saved ``Dataset``; the first row is line 1.

    Raises:
        MissingExtraError: the ``datasets`` library is not installed.
        DataError: the folder cannot be read.
    """
    with explained_imports():
        from datasets import load_from_disk
    try:
        dataset = load_from_disk(str(folder))
        header = list(dataset.column_names)
    except _UNREADABLE as error:
        raise _damaged(folder, error) from error

    def rows() -> Iterator[RawRecord]:
        line = 0
        try:
            for batch in dataset.with_format("arrow").iter(_BATCH):
                for row in batch.to_pylist():
                    line += 1
                    yield RawRecord(line, row)
        except _UNREADABLE as error:
            raise _damaged(folder, error) from error

    return RecordSource(str(folder), "dataset", rows(), header)


def _damaged(folder: Path, error: Exception) -> DataError:
    return DataError(f"{folder} is no readable saved Dataset: {error}", code="read_failed")

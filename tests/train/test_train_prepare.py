"""What training reads: corrected MRs, no test MR among them, and never somebody else's dev set."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from d2t.errors import ConfigError, DataError, DomainError
from d2t.io.resources import data_root
from d2t.train.config.options import DataConfig
from d2t.train.data.prepare import prepare_data

if TYPE_CHECKING:
    from pathlib import Path

PUB = ("name[Aromi], eatType[pub]", "Aromi is a pub.")
WRONG = ("name[Cotto], eatType[pub]", "Cotto is a restaurant.")  # the text says another MR
RIVER = ("name[The Mill], area[riverside]", "The Mill is by the riverside.")
FRENCH = ("name[The Mill], food[French]", "The Mill serves French food.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def corpus(name: str, *rows: tuple[str, str]) -> None:
        lines = ["mr,ref", *(f'"{mr}","{text}"' for mr, text in rows)]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    corpus("train.csv", PUB, WRONG, RIVER)
    corpus("dev.csv", FRENCH, RIVER)
    corpus("test.csv", ("name[Cotto], eatType[restaurant]", WRONG[1]), RIVER)
    return tmp_path


def config(folder: Path, **changes: object) -> DataConfig:
    files = {split: str(folder / f"{split}.csv") for split in ("train", "dev", "test")}
    return DataConfig.model_validate({**files, **changes})


def test_mrs_that_correction_makes_equal_to_a_test_mr_are_removed(folder: Path) -> None:
    data = prepare_data(config(folder))
    assert [pair.example.references[0] for pair in data.train] == [PUB[1]]
    assert data.counts["train_aligned"] == 3
    assert data.counts["train_used"] == 1


def test_weights_are_not_chosen_on_test_mrs(folder: Path) -> None:
    data = prepare_data(config(folder))
    assert [group.references for group in data.dev_groups] == [(FRENCH[1],)]
    assert data.counts["dev_read"] == 2
    assert data.counts["dev_used"] == 1


def test_overlap_is_kept_when_asked_for_and_mrs_as_given(folder: Path) -> None:
    data = prepare_data(config(folder, remove_overlap=False, correct=False))
    given = [", ".join(map(str, pair.example.mr.slots)) for pair in data.train]
    assert given == [PUB[0], WRONG[0], RIVER[0]]
    plan = data.train[1].example.plan
    assert plan is not None
    assert plan.names == ("name",)  # what the text says of the MR


def test_a_training_file_in_the_place_of_a_corpus_split_meets_its_test_split(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder / "home" / "e2e_cleaned"
    home.mkdir(parents=True)
    for split in ("dev", "test"):
        (home / f"{split}.csv").write_bytes((folder / f"{split}.csv").read_bytes())
    monkeypatch.setenv("D2T_DATA_HOME", str(folder / "home"))
    named = DataConfig(corpus="e2e_cleaned", train=str(folder / "train.csv"))
    data = prepare_data(named)
    assert [pair.example.references[0] for pair in data.train] == [PUB[1]]


def test_a_file_of_ones_own_needs_a_dev_file_of_ones_own(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"train\.csv.*--dev FILE"):
        prepare_data(DataConfig(train=str(folder / "train.csv")))


def test_a_corpus_is_read_in_its_own_domain() -> None:
    with pytest.raises(ConfigError, match=r"'viggo' belongs to domain 'viggo'.*--domain viggo"):
        prepare_data(DataConfig(corpus="viggo"))


def test_without_a_lexicon_correction_would_delete_what_texts_paraphrase(folder: Path) -> None:
    shutil.copy(data_root() / "restaurant" / "domain.toml", folder)
    bare = config(folder, domain=str(folder))
    with pytest.raises(DomainError, match=r"no lexicon\.toml.*data\.correct=false"):
        prepare_data(bare)
    data = prepare_data(bare.model_copy(update={"correct": False, "remove_overlap": False}))
    assert [len(pair.example.mr.slots) for pair in data.train] == [2, 2, 2]


def test_several_references_of_a_record_become_pairs_with_orders_of_their_own(folder: Path) -> None:
    record = {
        "mr": "name[Aromi], eatType[pub]",
        "references": ["Aromi is a pub.", "The pub is called Aromi."],
        "plan": ["name", "eatType"],
    }
    path = folder / "many.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    for correct in (True, False):
        data = prepare_data(config(folder, train=str(path), correct=correct))
        plans = [pair.example.plan for pair in data.train]
        assert [plan.names for plan in plans if plan] == [("name", "eatType"), ("eatType", "name")]
        assert len({pair.example.id for pair in data.train}) == 2


def test_nothing_left_is_an_error_that_says_which_split(folder: Path) -> None:
    with pytest.raises(DataError, match="no training pairs are left"):
        prepare_data(config(folder, train=str(folder / "test.csv")))
    with pytest.raises(DataError, match="no development pairs are left"):
        prepare_data(config(folder, dev=str(folder / "test.csv")))


def test_augmentation_files_are_trained_on_beside_the_corpus(folder: Path) -> None:
    path = folder / "more.jsonl"
    rows = [
        {
            "id": "1",
            "mr": "name[Aromi], eatType[pub]",
            "ref": "a pub called Aromi",
            "kind": "phrase",
        },
        {
            "id": "2",
            "mr": "name[X], eatType[pub]",
            "ref": "There is a pub, X.",
            "plan": ["eatType", "name"],
        },
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    plain = prepare_data(config(folder, remove_overlap=False))
    data = prepare_data(config(folder, remove_overlap=False, augment=(str(path),)))
    assert data.train == plain.train
    assert [pair.example.kind for pair in data.extra] == ["phrase", None]
    assert [pair.example.plan.names for pair in data.extra if pair.example.plan] == [
        ("eatType", "name"), ("eatType", "name"),
    ]  # fmt: skip
    assert data.pairs == [*data.train, *data.extra]
    assert set(data.digests) - set(plain.digests) == {"augment_1"}


@pytest.mark.parametrize(
    "change", [{"kind": "clause"}, {"plan": ["eatType", "name"]}, {"ref": "Aromi, a pub"}]
)
def test_another_kind_plan_or_text_of_a_pair_makes_other_data(
    folder: Path, change: dict[str, object]
) -> None:
    row = {"mr": PUB[0], "ref": "a pub called Aromi", "kind": "phrase", "plan": ["name", "eatType"]}
    digests = set()
    for number, record in enumerate((row, row, row | change)):
        path = folder / f"more-{number}.jsonl"
        path.write_text(json.dumps({"id": "1", **record}) + "\n", encoding="utf-8")
        digests.add(prepare_data(config(folder, augment=(str(path),))).digests["augment_1"])
    assert len(digests) == 2


def test_augmentation_that_equals_a_test_mr_is_left_out(folder: Path) -> None:
    path = folder / "more.jsonl"
    record = {"mr": RIVER[0], "ref": "By the riverside is The Mill."}
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    data = prepare_data(config(folder, augment=(str(path),)))
    assert data.extra == []
    assert data.counts["augment_read"] == 1
    assert data.counts["augment_used"] == 0


def test_a_share_of_the_references_keeps_whole_mrs() -> None:
    full = prepare_data(DataConfig())
    small, large = (prepare_data(DataConfig(share=share)) for share in (0.1, 0.3))
    sizes = [len(data.train) / len(full.train) for data in (small, large)]
    assert 0.07 < sizes[0] < 0.14
    assert 0.25 < sizes[1] < 0.35
    texts = [{pair.example.id for pair in data.train} for data in (small, large)]
    assert texts[0] < texts[1]
    assert small.counts["dev_used"] == full.counts["dev_used"]
    other = prepare_data(DataConfig(share=0.1, share_seed=1))
    assert {pair.example.id for pair in other.train} != texts[0]


def test_each_reference_of_an_augmentation_record_is_a_pair(folder: Path) -> None:
    texts = ["Zizzi is a pub.", "The pub is Zizzi."]
    record = {"mr": "name[Zizzi], eatType[pub]", "references": texts}
    path = folder / "more.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    data = prepare_data(config(folder, augment=[str(path)]))
    assert [pair.example.references for pair in data.extra] == [(text,) for text in texts]
    plans = [pair.example.plan for pair in data.extra]
    assert [plan.names for plan in plans if plan] == [("name", "eatType"), ("eatType", "name")]


def test_pairs_whose_clauses_do_not_hold_together_are_left_out_when_asked_for(
    tmp_path: Path,
) -> None:
    def write(name: str, *rows: dict[str, object]) -> str:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(tmp_path / name)

    mr = "name[Aromi], eatType[pub], area[riverside]"
    whole = [
        {"mr": mr, "references": [f"{name}. It is by the riverside."]}
        for name in ("Aromi is a pub", "The pub is called Aromi")
    ]
    faulty = {"mr": mr, "references": ["By the riverside is a pub is called Aromi."]}
    phrase = {"mr": "eatType[pub], area[riverside]", "references": ["a pub by the riverside"]}
    options = {
        "train": write("train.jsonl", *whole, faulty),
        "dev": write("dev.jsonl", {"mr": PUB[0], "references": [PUB[1]]}),
        "augment": [
            write(
                "more.jsonl", faulty, {**phrase, "kind": "phrase"}, {**phrase, "kind": "sentence"}
            )
        ],
    }
    kept, clean = (
        prepare_data(DataConfig.model_validate({**options, "clauses": clauses}))
        for clauses in (False, True)
    )
    assert (kept.counts["train_used"], kept.counts["augment_used"]) == (3, 3)
    assert [pair.example.references for pair in clean.train] == [
        tuple(row["references"]) for row in whole
    ]
    assert [pair.example.kind for pair in clean.extra] == ["phrase"]
    assert (clean.counts["train_used"], clean.counts["augment_used"]) == (2, 1)

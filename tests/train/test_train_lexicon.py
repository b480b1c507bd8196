"""A training with a lexicon of one's own reads its texts by it, and the bundle keeps it."""

from pathlib import Path

import pytest

from d2t.errors import DomainError
from d2t.mr.domain_files import load_domain_copy, save_domain
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import load_config
from d2t.train.data.prepare import prepare_data


def test_the_lexicon_reads_the_training_texts_and_is_kept(tmp_path: Path) -> None:
    pairs = 'mr,ref\n"name[Aromi], eatType[pub], priceRange[cheap]","Aromi is a pub on glimps."\n'
    for name in ("train.csv", "dev.csv"):
        (tmp_path / name).write_text(pairs)
    mine = tmp_path / "mine.toml"
    mine.write_text('[[entry]]\nslot = "priceRange"\nvalues = ["cheap"]\nsay = ["on glimps"]\n')
    files = [f'data.{part}="{tmp_path / part}.csv"' for part in ("train", "dev")]
    plain = prepare_data(load_config(None, sets=files).data)
    mended = prepare_data(load_config(None, sets=[*files, f'data.lexicon=["{mine}"]']).data)
    assert [str(slot) for slot in plain.train[0].example.mr.slots] == [
        "name[Aromi]",
        "eatType[pub]",
    ]
    assert "priceRange[cheap]" in [str(slot) for slot in mended.train[0].example.mr.slots]
    save_domain(mended.domain, tmp_path / "copy")
    copy = SlotChecker.for_domain(load_domain_copy(tmp_path / "copy"))
    assert copy.lexicon_digest == mended.checker.lexicon_digest != plain.checker.lexicon_digest
    with pytest.raises(DomainError, match="does not exist"):
        prepare_data(load_config(None, sets=[*files, 'data.lexicon=["no.toml"]']).data)

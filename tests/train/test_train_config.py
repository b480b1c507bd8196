"""Configuration: precedence, one level of extends, errors that name file and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d2t.errors import ConfigError
from d2t.train.config.load import load_config, parse_assignment, to_toml

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_precedence_is_defaults_file_set_flag(tmp_path: Path) -> None:
    base = write(tmp_path / "base.toml", "seed = 5\n[train]\nlr = 0.1\nclip = 0.5\nepochs = 9\n")
    file = write(tmp_path / "a.toml", f'extends = "{base.name}"\n[train]\nlr = 0.2\nepochs = 8\n')
    config = load_config(
        file, sets=["train.epochs=7", "train.batch_size=3"], flags={"train.batch_size": 4}
    )
    assert config.seed == 5  # base
    assert config.train.clip == 0.5  # base
    assert config.train.lr == 0.2  # file over base
    assert config.train.epochs == 7  # --set over file
    assert config.train.batch_size == 4  # flag over --set
    assert config.train.label_smoothing == 0.1  # default


def test_flags_that_are_none_change_nothing() -> None:
    assert load_config(None, flags={"seed": None}) == load_config(None)


def test_only_one_level_of_extends(tmp_path: Path) -> None:
    write(tmp_path / "a.toml", "seed = 1\n")
    write(tmp_path / "b.toml", 'extends = "a.toml"\n')
    c = write(tmp_path / "c.toml", 'extends = "b.toml"\n')
    with pytest.raises(ConfigError, match=r"b\.toml.*one level"):
        load_config(c)


def test_unknown_key_names_file_and_neighbour(tmp_path: Path) -> None:
    file = write(tmp_path / "x.toml", "[train]\nepoch = 3\n")
    with pytest.raises(ConfigError, match=r"x\.toml: unknown key 'train\.epoch'.*'epochs'"):
        load_config(file)


def test_unknown_key_of_the_model_table_knows_its_architecture() -> None:
    with pytest.raises(ConfigError, match=r"model\.hiden'.*'hidden'"):
        load_config(None, sets=["model.architecture=bigru", "model.hiden=3"])


@pytest.mark.parametrize(
    ("assignment", "named"),
    [
        ("train.lr=-1", "train.lr"),
        ("train.lr=fast", "train.lr"),
        ("data.mask_share=2", "data.mask_share"),
        ("model.architecture=lstm", "model"),
        ("select.metric=beauty", "select.metric"),
    ],
)
def test_impossible_values_are_named(assignment: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_config(None, sets=[assignment])


def test_unknown_strategy_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean"):
        load_config(None, flags={"strategy": "alignmnt"})
    with pytest.raises(ConfigError, match=r"no configuration file .*nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(write(tmp_path / "bad.toml", "a = [1,\n"))


def test_aliases_become_canonical() -> None:
    assert load_config(None, flags={"strategy": "at"}).strategy == "alignment"
    assert (
        load_config(None, flags={"strategy": "rnd"}).digest()
        == load_config(None, flags={"strategy": "random"}).digest()
    )


def test_assignments_are_toml_values_or_bare_words() -> None:
    assert parse_assignment("train.lr=3e-4") == ("train.lr", 3e-4)
    assert parse_assignment("data.corpus = mini") == ("data.corpus", "mini")
    assert parse_assignment("data.correct=false") == ("data.correct", False)
    assert parse_assignment("data.limit=none") == ("data.limit", None)
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        parse_assignment("train.lr")


def test_another_architecture_drops_the_old_options(tmp_path: Path) -> None:
    file = write(tmp_path / "x.toml", '[model]\narchitecture = "transformer"\nheads = 8\n')
    config = load_config(file, flags={"model.architecture": "bigru"})
    assert config.model.architecture == "bigru"


def test_resolved_configuration_reads_back_equal(tmp_path: Path) -> None:
    config = load_config(None, sets=['data.corpus=a"b', "model.width=64", "select.every=7"])
    again = load_config(write(tmp_path / "r.toml", to_toml(config.as_dict())))
    assert again.as_dict() == config.as_dict()
    assert again.digest() == config.digest()
    assert again.train.lr == config.peak_rate  # what was left open is written down


def test_digest_ignores_how_but_not_what() -> None:
    base = load_config(None)
    assert load_config(None, sets=["run.threads=2", "run.device=cpu"]).digest() == base.digest()
    assert load_config(None, sets=["train.lr=0.5"]).digest() != base.digest()
    assert load_config(None, sets=["model.width=64"]).digest() != base.digest()


def test_a_lexicon_of_ones_own_is_part_of_the_identity_where_there_is_one() -> None:
    plain, mended = load_config(None), load_config(None, sets=['data.lexicon=["mine.toml"]'])
    assert "lexicon" not in plain.as_dict()["data"]
    assert mended.as_dict()["data"]["lexicon"] == ["mine.toml"]
    assert plain.digest() != mended.digest()

"""Composed pairs: deterministic, read as composed, and a training corpus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from d2t.augment.compose import WORLD, ComposeOptions, World, load_world
from d2t.cli.main import app
from d2t.corpus.records import example_from_record
from d2t.errors import DomainError, UsageError
from d2t.mr.domain import load_domain
from d2t.recipes.augmentation import make_composed
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = load_domain("restaurant")


def test_pairs_say_their_records_in_their_order() -> None:
    records, counts = make_composed("restaurant", ComposeOptions(pairs=60, seed=3))
    checker = SlotChecker.for_domain(DOMAIN)
    pairs = list(records)
    assert counts["written"] == len(pairs) >= 55
    for pair in pairs:
        example = example_from_record(pair, DOMAIN)
        (text,) = example.references
        report = checker.check(text, example.mr, strict_numbers=True)
        assert report.ok
        assert not report.unsupported
        assert example.plan == report.alignment.plan()
        assert [span["slot"] for span in pair["spans"]] == list(example.plan.names)
        for span in pair["spans"]:
            assert 0 <= span["start"] < span["end"] <= len(text)


def test_pairs_depend_on_the_seed_alone() -> None:
    one, again, other = (
        [json.dumps(pair) for pair in make_composed("restaurant", options)[0]]
        for options in (
            ComposeOptions(pairs=20, seed=1),
            ComposeOptions(pairs=20, seed=1),
            ComposeOptions(pairs=20, seed=2),
        )
    )
    assert one == again
    assert not set(one) & set(other)


def test_pairs_vary() -> None:
    records, _ = make_composed("restaurant", ComposeOptions(pairs=200, seed=5))
    texts = [pair["references"][0] for pair in records]
    assert len({" ".join(text.split()[:2]) for text in texts}) > 60
    assert len(set(texts)) == len(texts)


def test_the_command_writes_a_corpus(tmp_path: Path) -> None:
    out = tmp_path / "pairs.jsonl"
    options = ["augment", "compose", "--pairs", "20", "-o", str(out), "--json"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    lines = out.read_text(encoding="utf-8").splitlines()
    report = json.loads(result.stdout)
    assert report["written"] == len(lines)
    assert sum(report[key] for key in report if key not in ("domain", "tried")) == 20


def test_the_world_is_large() -> None:
    world = load_world(DOMAIN.folder / WORLD, DOMAIN)  # type: ignore[operator]
    for name in ("name", "food", "area", "near", "priceRange", "customer rating"):
        drawn = {world.draw(name, derived_rng(1, name, k)) for k in range(2000)}
        assert len(drawn) >= 150, name
    assert World().draw("name", derived_rng(1)) is None


def test_faults_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no frames\.toml"):
        make_composed("viggo")
    (tmp_path / "w.toml").write_text('[slots.food]\npatterns = ["{dishs}"]\n[parts]\ndishes=["a"]')
    with pytest.raises(DomainError, match="no list 'dishs'"):
        load_world(tmp_path / "w.toml", DOMAIN)

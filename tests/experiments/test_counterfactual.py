"""The counterfactual experiment: its arms, obedience on hand-made cases, and that it goes on."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from d2t.errors import ConfigError
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import Plan, Slot
from d2t.slots.checker import SlotChecker
from experiments.faithfulness import counterfactual
from experiments.faithfulness.counterfactual import CounterfactualExperiment
from experiments.faithfulness.counterfactual_interventions import (
    Intervention,
    content_followed,
    corrupted,
    verdict,
)

FOLDER = Path(counterfactual.__file__).parent
DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
MR = parse_mr("name[Aromi], eatType[pub], food[Italian]", DOMAIN)
NAME, TYPE, FOOD = MR.slots
FRENCH = Slot("food", "French")
OWN = Plan((NAME, FOOD, TYPE))


@pytest.mark.parametrize(
    ("plan", "text", "expected", "content"),
    [
        ((FOOD, TYPE, NAME), "The Italian pub is Aromi.", "plan", True),
        ((FOOD, TYPE, NAME), "Aromi is an Italian pub.", "mr", True),
        ((FOOD, TYPE, NAME), "The pub Aromi serves Italian food.", "neither", True),
        ((NAME, FOOD), "Aromi serves Italian food.", "plan", True),
        ((NAME, FOOD), "Aromi is an Italian pub.", "mr", False),
        ((NAME, FOOD), "Italian food is served at Aromi.", "neither", True),
        ((NAME, FRENCH, TYPE), "Aromi is a French pub.", "plan", True),
        ((NAME, FRENCH, TYPE), "Aromi is a pub with Italian food.", "mr", False),
        ((NAME, FRENCH, TYPE), "Aromi is a pub.", "neither", False),
        ((NAME, FRENCH, TYPE), "Aromi is a pub with French and Italian food.", "neither", False),
        ((NAME, FRENCH, TYPE), "Aromi is a pub with French food.", "neither", True),
    ],
)
def test_obedience_by_hand(plan: Any, text: str, expected: str, content: bool) -> None:
    item = Intervention("x", MR, OWN, Plan(plan))
    assert verdict(text, item, CHECKER) == expected
    assert content_followed(text, item, CHECKER) is content


@pytest.mark.parametrize("n", [1, 4, 7])
def test_half_of_the_plan_is_replaced_and_nothing_else(n: int) -> None:
    ids = [50, *range(10, 10 + n), 51]
    changed = corrupted(ids, range(1, n + 1), [90, 91], random.Random(1))
    assert (changed[0], changed[-1]) == (50, 51)
    assert sum(a != b for a, b in zip(ids, changed, strict=True)) == -(-n // 2)
    assert set(changed) <= {*ids, 90, 91}


@pytest.mark.parametrize("name", ["counterfactual", "counterfactual_pilot"])
def test_the_shipped_files_are_read(name: str) -> None:
    experiment = CounterfactualExperiment.read(FOLDER / f"{name}.toml")
    pairs, extra = Path("pairs.jsonl"), Path("extra.jsonl")
    configs = {
        key: experiment.train_config(arm, 3, pairs=pairs, extra=extra)
        for key, arm in experiment.arms.items()
    }
    alike = [c for key, c in configs.items() if key not in ("plan-long", "one-layer")]
    assert {c.train.max_steps for c in alike} == {configs["tags"].train.max_steps}
    assert configs["no-plan"].objective is None
    assert configs["plan-only"].objective.pairs == ()
    assert configs["tags"].objective.pairs == ("pairs.jsonl",)
    assert (configs["no-tags"].objective.tags, configs["tags"].objective.tags) == (False, True)
    if name == "counterfactual":
        longer = [configs[key].train.max_steps for key in ("plan-long", "one-layer")]
        assert longer[0] == longer[1] > configs["tags"].train.max_steps
        assert experiment.seeds_of(experiment.arms["one-layer"]) == (1,)
        assert experiment.seeds_of(experiment.arms["tags"]) == (1, 2)
        assert experiment.parser is not None
        assert [len(experiment.arms[arm].bundles) for arm in ("no-plan", "alignment")] == [1, 2]
    if "extra" in configs:
        assert configs["extra"].data.augment == ("extra.jsonl",)


def test_noisy_pairs_are_tagged_mixed_or_thrown_away() -> None:
    experiment = CounterfactualExperiment.read(FOLDER / "counterfactual_noisy.toml")
    arms = {name: experiment.train_config(arm, 1) for name, arm in experiment.arms.items()}
    assert not any(config.data.correct for config in arms.values())
    found = {n: (c.objective.pairs, c.objective.sources, c.objective.tags) for n, c in arms.items()}
    assert found["plan-only"][0] == ()
    assert found["no-tags"] == (None, ("noisy",), False)
    assert found["tags"] == (None, ("noisy",), True)


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    text = (FOLDER / "counterfactual.toml").read_text("utf-8")
    for old, new, named in (
        ("pair_seed = 1", "pear_seed = 1", "pear_seed"),
        ("tags = false", "togs = false", "togs"),
        ('samples = "', '# samples = "', "samples"),
        ('against = ["plan-only"', 'against = ["nobody"', "against"),
        ("seeds = [1]", "seeds = [3]", "five passes.*seeds"),
    ):
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(ConfigError, match=named):
            CounterfactualExperiment.read(path)


SMALL = """
title = "T"
results = "t"
n_mrs = 2
n_pairs = 30
seeds = [1]
against = ["no-plan"]
[train]
strategy = "random"
data = {corpus = "mini", dev = "DEV", limit = 20}
model = {width = 16, ffn = 16, heads = 2, encoder_layers = 1, decoder_layers = 1}
train = {max_steps = 2}
select = {n_mrs = 1, n_pairs = 4}
run = {device = "cpu"}
[arms.no-plan]
title = "none"
[arms.tags]
title = "with tags"
train = {objective = {name = "counterfactual"}}
counterfactual = true
"""


def test_a_run_is_kept_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    judged = counterfactual.Workspace.judged

    def noted(space: counterfactual.Workspace, name: str, seed: int) -> Any:
        made.append(f"{name} {seed}")
        return judged(space, name, seed)

    monkeypatch.setattr(counterfactual.Workspace, "judged", noted)
    monkeypatch.setattr(counterfactual, "_MAX_LENGTH", 8)
    path, out, runs = tmp_path / "x.toml", tmp_path / "out", tmp_path / "runs"
    dev = tmp_path / "dev.csv"
    dev.write_text('mr,ref\n"name[Aromi], eatType[pub]",Aromi is a pub.\n', encoding="utf-8")
    path.write_text(SMALL.replace("DEV", str(dev)), encoding="utf-8")
    arguments = ["--config", str(path), "--out", str(out), "--runs", str(runs)]
    assert counterfactual.main([*arguments, "--only", "tags"]) == 0
    assert made == ["tags 1"]
    assert counterfactual.main(arguments) == 0
    assert made[1:] == ["no-plan 1"]
    assert counterfactual.main(arguments) == 0
    assert len(made) == 2
    metrics = json.loads((out / "results.json").read_text("utf-8"))["metrics"]
    results, against = metrics["arms"], metrics["against"]
    assert list(against) == ["no-plan"]
    tests = against["no-plan"]["tags"]
    assert tests["seeds"] == 1
    assert set(tests) >= {"own/ser", "own/bleu", "random/order"}
    assert "permute/plan" not in tests  # the other arm has no plan to be changed
    assert results["tags"]["1"]["permute"]["n"] == 2
    assert set(results["tags"]["1"]["as_counterfactual"]) == {"permute", "drop", "swap"}
    assert 0 <= results["tags"]["1"]["perturb"]["changed"] <= 100
    assert "permute" not in results["no-plan"]["1"]
    assert results["tags"]["1"]["own"]["order"] <= 100
    bundle = runs / "no-plan-1" / "bundle"
    text = path.read_text("utf-8").replace(
        'title = "none"', f'title = "none"\nbundles = ["{bundle}"]'
    )
    text = text.replace("seeds = [1]", "seeds = [1, 2]") + "seeds = [1]\n"
    path.write_text(text, encoding="utf-8")
    assert counterfactual.main(arguments) == 0  # one seed each: not trained here, not asked for
    assert made[2:] == ["no-plan 1"]
    again = json.loads((out / "results.json").read_text("utf-8"))["metrics"]["arms"]["no-plan"]
    assert list(again) == ["1"]
    assert again["1"]["own"] == results["no-plan"]["1"]["own"]
    rows = (out / "table.md").read_text("utf-8").splitlines()
    assert any(re.match(r"\| (none|with tags) +\| +1 \|", row) for row in rows)
    assert any(re.match(r"\| with tags +\| +counterfactual \|", row) for row in rows)

"""``python -m experiments.faithfulness.counterfactual``: does counterfactual training obey plans?

Makes the counterfactual pairs once, trains every arm with every seed at the same number of updates,
and judges each. What is there already is not done again, and a training that was ended goes on.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from d2t.augment.counterfactual import to_record
from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.corpus.writers import write_corpus
from d2t.evaluate.render import markdown_table
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.io.manifest import git_state
from d2t.io.records import write_record
from d2t.model.bundle import Bundle
from d2t.mr.domain import load_domain
from d2t.seeding import derived_rng
from d2t.train.counterfactual import held_out_mrs, made_pairs
from d2t.train.prepare import prepare_data
from d2t.train.progress import Lines
from d2t.train.run import train
from experiments.faithfulness.command import ONLY, Command, Found
from experiments.faithfulness.counterfactual_config import load_experiment
from experiments.faithfulness.counterfactual_scores import scores
from experiments.runner.files import is_current

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from d2t.train.config import DataConfig
    from experiments.faithfulness.command import Places
    from experiments.faithfulness.counterfactual_config import Arm, CounterfactualExperiment

_COLUMNS = (
    ("SER", ("own", "ser")), ("exact", ("own", "exact")), ("BLEU", ("own", "bleu")),
    ("order", ("own", "order")), ("order, random plans", ("random", "order")),
    ("SER, random plans", ("random", "ser")), ("permute: plan", ("permute", "plan")),
    ("drop: plan", ("drop", "plan")), ("drop: MR", ("drop", "mr")),
    ("drop: content", ("drop", "content")), ("swap: plan", ("swap", "plan")),
    ("swap: MR", ("swap", "mr")), ("swap: content", ("swap", "content")),
    ("perturb: changed", ("perturb", "changed")),
)  # fmt: skip


def data_config(experiment: CounterfactualExperiment) -> DataConfig:
    """The data that all arms read."""
    return experiment.train_config(next(iter(experiment.arms.values())), 1).data


def counterfactual_file(experiment: CounterfactualExperiment, folder: Path) -> Path:
    """The counterfactual pairs, made once."""
    config = data_config(experiment)
    path, facts = folder / "counterfactual.jsonl", folder / "counterfactual.json"
    identity = {
        "data": config.model_dump(mode="json"), "seed": experiment.pair_seed,
        "n": experiment.n_pairs, "domain": load_domain(config.domain).digest,
    }  # fmt: skip
    if is_current(facts, identity):
        return path
    data = prepare_data(config, say=_say)
    held_out = held_out_mrs(config, data.domain)
    pairs = made_pairs(
        config, data, ("siblings", "substitution"), held_out, seed=experiment.pair_seed
    )
    if experiment.n_pairs is not None and experiment.n_pairs < len(pairs):
        pairs = derived_rng(experiment.pair_seed, "pairs").sample(pairs, experiment.n_pairs)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as stream:
        for pair in pairs:
            write_record(stream, to_record(pair, data.domain))
    atomic_write_json(facts, {"identity": identity, "pairs": len(pairs)})
    return path


def extra_file(experiment: CounterfactualExperiment, folder: Path, pairs: Path) -> Path | None:
    """As many ordinary pairs as there are counterfactual ones, or all; made once."""
    if experiment.samples is None:
        return None
    domain = load_domain(data_config(experiment).domain)
    path, facts = folder / "extra.jsonl", folder / "extra.json"
    identity = {"samples": sha256_file(Path(experiment.samples)), "pairs": sha256_file(pairs)}
    if not is_current(facts, identity):
        wanted = len(pairs.read_text(encoding="utf-8").splitlines())
        found = load_split(experiment.samples, "train", domain)
        drawn = derived_rng(experiment.pair_seed, "extra").sample(found, min(wanted, len(found)))
        with atomic_write(path) as stream:
            write_corpus(stream, drawn, domain, form="jsonl")
        atomic_write_json(facts, {"identity": identity, "pairs": len(drawn), "wanted": wanted})
    return path


def run_arm(
    arm: Arm, seed: int, experiment: CounterfactualExperiment, shared: Path, folder: Path
) -> dict[str, Any]:
    """Train where that is left to do, and judge."""
    pairs = counterfactual_file(experiment, shared)
    extra = extra_file(experiment, shared, pairs)
    config = experiment.train_config(arm, seed, pairs=pairs, extra=extra)
    bundle = Bundle.load(train(config, folder, resume=True, progress=Lines(config.run.log_every)))
    examples = group_references(load_split(config.data.corpus, experiment.split, bundle.domain))
    derived_rng(experiment.plan_seed, "mrs").shuffle(examples)
    found = scores(bundle, examples[: experiment.n_mrs], seed=experiment.plan_seed)
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    trained = {key: facts.get(key) for key in ("steps", "pairs_seen", "train_wall_s", "counts")}
    return {**found, "training": trained}


def arm_file(out: Path, name: str, seed: int) -> Path:
    """Where the numbers of an arm are."""
    return out / "arms" / f"{name}-{seed}.json"


def run(
    experiment: CounterfactualExperiment, out: Path, runs: Path, *, only: str | None
) -> dict[str, Any]:
    """Every arm and seed that has no current file yet; then all numbers, by arm and seed."""
    results: dict[str, Any] = {}
    for seed in experiment.seeds:
        for name, arm in experiment.arms.items():
            path = arm_file(out, name, seed)
            identity = {
                "arm": arm.model_dump(mode="json"), "seed": seed,
                **experiment.model_dump(mode="json", exclude={"title", "results", "arms", "seeds"}),
            }  # fmt: skip
            if not is_current(path, identity) and (only is None or only in name):
                _say(f"== {name}, seed {seed}")
                found = run_arm(arm, seed, experiment, runs / "shared", runs / f"{name}-{seed}")
                path.parent.mkdir(parents=True, exist_ok=True)
                atomic_write_json(path, {"identity": identity, "git": git_state(), "scores": found})
            if is_current(path, identity):
                kept = json.loads(path.read_text(encoding="utf-8"))["scores"]
                results.setdefault(name, {})[str(seed)] = kept
    return results


def table(experiment: CounterfactualExperiment, results: dict[str, Any]) -> str:
    """Markdown: arms by measures, means over seeds with their standard deviation."""
    header = ["arm", "seeds", *(title for title, _ in _COLUMNS)]
    rows = [
        [
            experiment.arms[name].title,
            str(len(by_seed)),
            *(_cell(list(by_seed.values()), *place) for _, place in _COLUMNS),
        ]
        for name, by_seed in results.items()
    ]
    return f"# {experiment.title}\n\n{markdown_table(header, rows)}\n"


def _cell(found: Sequence[dict[str, Any]], part: str, key: str) -> str:
    values = [scores[part][key] for scores in found if part in scores]
    if not values:
        return "-"
    both = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{both}"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _run(experiment: CounterfactualExperiment, places: Places, args: argparse.Namespace) -> Found:
    results = run(experiment, places.out, places.runs, only=args.only)
    return Found(results, list(experiment.seeds), {})


def _steps(experiment: CounterfactualExperiment, places: Places) -> list[Path]:
    return [arm_file(places.out, n, seed) for seed in experiment.seeds for n in experiment.arms]


COMMAND = Command(
    name="counterfactual",
    doc=__doc__,
    load=load_experiment,
    run=_run,
    table=lambda experiment, manifest: table(experiment, manifest["metrics"]),
    steps=_steps,
    options=ONLY,
    threads=None,
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())

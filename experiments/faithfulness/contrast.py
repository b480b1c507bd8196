"""``python -m experiments.faithfulness.contrast``: contrastive decoding against its rivals.

Every arm says the same MRs as greedy search, chunk by chunk in turn with it, so that their times
compare; finished arms are kept, so that a run can be ended and gone on with. The grid is tuned on
dev; the shortcut set are MRs whose values of two slots never occurred together in training. Where
one of the two is an open slot the model never sees its value (it reads a placeholder), and that
shortcut cannot exist: the set then only shows that nothing else is different.
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.decode.load import load
from d2t.decode.types import GenerationRequest
from d2t.evaluate.render import markdown_table
from d2t.io.atomic import atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.io.manifest import git_state
from d2t.model.learned_parser import LearnedParser
from experiments.faithfulness.command import ONLY, Command, Found
from experiments.faithfulness.contrast_config import load_experiment
from experiments.faithfulness.contrast_scores import judged
from experiments.runner.files import is_current

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from d2t.corpus.types import Example
    from d2t.decode.pipeline import ModelGenerator
    from d2t.decode.types import Hypothesis
    from d2t.mr.domain import Domain
    from experiments.faithfulness.command import Places
    from experiments.faithfulness.contrast_config import Arm, ContrastExperiment

_CHUNK = 64


def mr_sets(experiment: ContrastExperiment, domain: Domain) -> dict[str, list[Example]]:
    """``all``: MRs of the split; ``shortcut``: those with an unseen pair of values; both drawn."""
    first, second = experiment.pair
    seen = {
        (a, b)
        for example in load_split(experiment.training, "train", domain)
        for a in example.mr.values(first)
        for b in example.mr.values(second)
    }
    groups = group_references(load_split(experiment.corpus, experiment.split, domain))
    unseen = [
        example
        for example in groups
        if any(
            (a, b) not in seen for a in example.mr.values(first) for b in example.mr.values(second)
        )
    ]
    sets = {"all": groups, "shortcut": unseen}
    for examples in sets.values():
        random.Random(experiment.seed).shuffle(examples)
    return {name: examples[: experiment.n_mrs] for name, examples in sets.items()}


def say_in_turn(
    arm: ModelGenerator, greedy: ModelGenerator, requests: Sequence[GenerationRequest]
) -> tuple[list[Hypothesis], list[Hypothesis], float, float]:
    """Texts of both, and the processor seconds each took."""
    texts: dict[int, list[Hypothesis]] = {0: [], 1: []}
    seconds = [0.0, 0.0]
    both = (arm, greedy)
    for number, start in enumerate(range(0, len(requests), _CHUNK)):
        for k in (0, 1) if number % 2 else (1, 0):
            started = time.process_time()
            texts[k] += both[k].generate(requests[start : start + _CHUNK])
            seconds[k] += time.process_time() - started
    return texts[0], texts[1], seconds[0], seconds[1]


def run_arm(
    arm: Arm,
    experiment: ContrastExperiment,
    sets: dict[str, list[Example]],
    parser: LearnedParser | None,
) -> dict[str, Any]:
    """Say both sets and judge them."""
    settings: dict[str, Any] = {
        "batch_size": experiment.batch_size,
        "max_length": experiment.max_length,
        "seed": experiment.seed,
    }
    greedy = load(experiment.bundle, engine="torch", beam_size=1, **settings)
    made = load(experiment.bundle, engine="torch", **settings, **arm.settings)
    found: dict[str, Any] = {"passes": arm.passes}
    for name, examples in sets.items():
        if not examples:
            continue
        requests = [GenerationRequest(example.id, example.mr) for example in examples]
        said, plain, own_s, greedy_s = say_in_turn(made, greedy, requests)
        found[name] = {
            **judged(said, plain, examples, made.domain, parser),
            "cpu_s": own_s,
            "cost": own_s / greedy_s,
            "samples": [h.text for h in said[:5]],
        }
    return found


def identity_of(arm: Arm, experiment: ContrastExperiment) -> dict[str, Any]:
    """What decides an arm's numbers."""
    shared = experiment.model_dump(mode="json", exclude={"grids", "beams", "title", "results"})
    bundle = sha256_file(Path(experiment.bundle) / "d2t.json")
    return {**shared, "bundle_sha256": bundle, "settings": repr(sorted(arm.settings.items()))}


def arm_file(out: Path, arm: Arm) -> Path:
    """Where the numbers of an arm are."""
    return out / "arms" / f"{arm.name}.json"


def run(experiment: ContrastExperiment, out: Path, *, only: str | None) -> dict[str, Any]:
    """Every arm that has no current file yet; then all numbers."""
    domain = load(experiment.bundle, engine="torch").domain
    sets = mr_sets(experiment, domain)
    print({name: len(examples) for name, examples in sets.items()}, file=sys.stderr)
    parser = None if experiment.parser is None else LearnedParser.load(Path(experiment.parser))
    results = {}
    for arm in experiment.arms():
        path, identity = arm_file(out, arm), identity_of(arm, experiment)
        if not is_current(path, identity) and (only is None or only in arm.name):
            started = time.perf_counter()
            scores = run_arm(arm, experiment, sets, parser)
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_json(path, {"identity": identity, "git": git_state(), "scores": scores})
            print(f"{arm.name}: {time.perf_counter() - started:.1f} s", file=sys.stderr)
        if is_current(path, identity):
            results[arm.name] = json.loads(path.read_text(encoding="utf-8"))["scores"]
    return results


def table(experiment: ContrastExperiment, results: dict[str, Any]) -> str:
    """Markdown, one part a set."""
    header = ["arm", "passes", "missing", "wrong", "added", "repeated", "exact", "BLEU", "words",
              "cost", "p(missing)", "parser missing", "parser wrong/added"]  # fmt: skip
    parts = [f"# {experiment.title}"]
    for name in ("all", "shortcut"):
        rows = [_row(arm, scores, name) for arm, scores in results.items() if name in scores]
        if rows:
            n = next(s[name]["n"] for s in results.values() if name in s)
            parts += [f"## {name}: {n} MRs", markdown_table(header, rows)]
    return "\n\n".join(parts) + "\n"


def _row(arm: str, scores: dict[str, Any], name: str) -> list[str]:
    found = scores[name]
    errors = [f"{found[kind]:.2f}" for kind in ("missing", "wrong", "added", "repeated")]
    parser = found.get("parser", {})
    second = [f"{parser[k]:.2f}" if parser else "-" for k in ("missing", "wrong_or_added")]
    return [
        arm, str(scores["passes"]), *errors, f"{found['exact']:.1f}", f"{found['bleu']:.1f}",
        f"{found['words']:.1f}", f"{found['cost']:.2f}",
        f"{found['against_greedy']['missing']['p']:.3f}", *second,
    ]  # fmt: skip


def _run(experiment: ContrastExperiment, places: Places, args: argparse.Namespace) -> Found:
    results = run(experiment, places.out, only=args.only)
    data = {"d2t.json": sha256_file(Path(experiment.bundle) / "d2t.json")}
    return Found(results, [experiment.seed], data)


def _steps(experiment: ContrastExperiment, places: Places) -> list[Path]:
    return [arm_file(places.out, arm) for arm in experiment.arms()]


COMMAND = Command(
    name="contrast",
    doc=__doc__,
    load=load_experiment,
    run=_run,
    table=lambda experiment, manifest: table(experiment, manifest["metrics"]),
    steps=_steps,
    options=ONLY,
    trains=False,
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())

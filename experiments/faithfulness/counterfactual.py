"""``python -m experiments.faithfulness.counterfactual``: does counterfactual training obey plans?

Makes the counterfactual pairs once, trains every arm that is not trained elsewhere with every seed
that it has (its updates are in the TOML), and judges each. What is there already is not done again,
and a training that was ended goes on.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from d2t.augment.counterfactual import to_record
from d2t.corpus.files import write_corpus
from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.errors import ConfigError
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.io.records import write_record
from d2t.model.bundle.network import Bundle
from d2t.mr.domain import load_domain
from d2t.plan.untrained import random_plan
from d2t.recipes.counterfactual import held_out_mrs, made_pairs
from d2t.recipes.run import train
from d2t.score.records import EvaluationRecord
from d2t.score.report.report import markdown_table
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import merged, validate
from d2t.train.data.prepare import prepare_data
from d2t.train.loop.progress import Lines
from experiments.engine.command import ONLY, Command, Outcome
from experiments.engine.config import Section
from experiments.engine.steps import (
    carry_out,
    existing_bundle,
    is_current,
    read_json,
    step_file,
)
from experiments.engine.table import mean_and_sd
from experiments.faithfulness.counterfactual_interventions import (
    KINDS,
    Intervention,
    Speaker,
    content_followed,
    intervene,
    verdict,
)
from experiments.faithfulness.judges import (
    Experiment,
    Parser,
    differences_table,
    judged_rows,
    parser_judge,
    score,
    tested,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from d2t.corpus.types import Example
    from d2t.generate.types import Hypothesis
    from d2t.judges.parser.classifier import LearnedParser
    from d2t.train.config.options import DataConfig, TrainConfig
    from experiments.engine.command import Places
    from experiments.engine.steps import Rows


class Arm(Section):
    """One way to train.

    Attributes:
        title: in the table.
        train: tables of ``TrainConfig`` over those that all arms share.
        counterfactual: whether ``objective.pairs`` is the file of counterfactual pairs.
        extra: whether as many ordinary pairs of ``samples`` are trained on beside the corpus.
        bundles: trained elsewhere, a seed each in the order of ``seeds``; the seeds
            that have none are left out.
        seeds: those that it is trained with; none named: all.
    """

    title: str
    train: dict[str, Any] = Field(default_factory=dict)
    counterfactual: bool = False
    extra: bool = False
    bundles: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()


class CounterfactualExperiment(Experiment):
    """The whole experiment.

    Attributes:
        split: MRs that are said, of the training corpus; report on ``test``.
        n_mrs: of them, drawn by ``plan_seed``; None: all.
        samples: a file of self-training samples, for the arms with ``extra``.
        pair_seed: of the counterfactual pairs, which all arms and seeds share.
        n_pairs: this many of them; None: all that can be made.
        plan_seed: of random plans and interventions.
        against: the arms that the others are tested against.
        parser: a judge that has verified no pair; None: there is none.
        train: what all arms are trained with.
    """

    split: Literal["dev", "test"] = "dev"
    samples: str | None = None
    pair_seed: int = 1
    n_pairs: int | None = Field(default=None, ge=1)
    plan_seed: int = 20201116
    against: tuple[str, ...] = Field(min_length=1)
    parser: Parser | None = None
    seeds: tuple[int, ...] = Field(default=(1, 2), min_length=1)
    train: dict[str, Any]
    arms: dict[str, Arm]

    def check(self, path: Path) -> None:
        """Every arm can be trained, and what it names is there.

        Raises:
            ConfigError: see there.
        """
        if unknown := [name for name in self.against if name not in self.arms]:
            raise ConfigError(f"{path}: against names no arm: {unknown[0]!r}")
        for arm in self.arms.values():
            self.train_config(arm, 1)
            if not set(arm.seeds) <= set(self.seeds):
                raise ConfigError(f"{path}: arm {arm.title!r}: seeds are not all in {self.seeds}")
            if arm.extra and self.samples is None:
                raise ConfigError(
                    f"{path}: arm {arm.title!r} needs `samples`, a file of extra pairs"
                )

    def seeds_of(self, arm: Arm) -> tuple[int, ...]:
        """Those that an arm is judged with."""
        if arm.bundles:
            return self.seeds[: len(arm.bundles)]
        return tuple(seed for seed in self.seeds if not arm.seeds or seed in arm.seeds)

    def train_config(
        self, arm: Arm, seed: int, *, pairs: Path | None = None, extra: Path | None = None
    ) -> TrainConfig:
        """What ``d2t train`` is given.

        Args:
            arm: over what is shared.
            seed: of the training.
            pairs: the file of counterfactual pairs.
            extra: the file of extra pairs.

        Raises:
            ConfigError: the arm is not one that can be trained.
        """
        raw = merged(merged(self.train, arm.train), {"seed": seed})
        if arm.counterfactual and pairs is not None:
            raw = merged(raw, {"objective": {"pairs": [str(pairs)]}})
        if arm.extra and extra is not None:
            raw = merged(raw, {"data": {"augment": [str(extra)]}})
        return validate(raw, arm.title)


_BATCH, _MAX_LENGTH = 64, 100
AS_COUNTERFACTUAL = "as_counterfactual"
"""Obedience under the counterfactual tag, of models that have tags."""


def scores(
    bundle: Bundle, examples: Sequence[Example], parser: LearnedParser | None, *, seed: int
) -> tuple[dict[str, Any], Rows]:
    """All numbers of one bundle on MRs with references, in %; and the rows of those to be tested.

    Args:
        bundle: an arm.
        examples: what it says.
        parser: a judge that verified no counterfactual pair, which the checker did.
        seed: of random plans and interventions.
    """
    generator = ModelGenerator(bundle, beam_size=1, batch_size=_BATCH, max_length=_MAX_LENGTH)
    own = generator.generate([GenerationRequest(e.id, e.mr) for e in examples])
    asked = [
        GenerationRequest(e.id, e.mr, random_plan(e.mr, derived_rng(seed, "random", e.id)))
        for e in examples
    ]
    random = generator.generate(asked)
    found: dict[str, Any] = {"n": len(examples), "samples": [h.text for h in own[:5]]}
    rows: Rows = {}
    for setting, said in (("own", own), ("random", random)):
        records = [
            EvaluationRecord(e.id, e.mr, h.text, h.plan, e.references)
            for e, h in zip(examples, said, strict=True)
        ]
        judged = judged_rows(records, generator.checker, None, parser, n_wordings=1)
        found[setting] = {metric: score(metric, r) for metric, r in judged.items()}
        rows |= {f"{setting}/{metric}": r for metric, r in judged.items()}
    plan_first = bundle.linearizer.plan_first
    if plan_first is not None:
        for factual in (True, False)[: 1 + plan_first.tags]:
            speaker = Speaker(
                bundle, seed=0, batch_size=_BATCH, max_length=_MAX_LENGTH, factual=factual
            )
            obeyed, verdicts = obedience(
                own, examples, bundle, speaker, generator.checker, seed=seed
            )
            if factual:
                found |= {**obeyed, "perturb": perturbed(own, examples, speaker, generator.checker)}
                rows |= verdicts
            else:
                found[AS_COUNTERFACTUAL] = obeyed
    return found, rows


def obedience(
    own: Sequence[Hypothesis],
    examples: Sequence[Example],
    bundle: Bundle,
    speaker: Speaker,
    checker: SlotChecker,
    *,
    seed: int,
) -> tuple[dict[str, Any], Rows]:
    """What becomes of changed plans, by kind; the rows: plan or not.

    ``own`` are the texts by the generator's own plans, which are the ones that are changed.
    """
    found: dict[str, Any] = {}
    rows: Rows = {}
    for kind in KINDS:
        items = [
            item
            for example, said in zip(examples, own, strict=True)
            if (
                item := intervene(
                    kind, example, said.plan, bundle, derived_rng(seed, kind, example.id)
                )
            )
        ]
        texts = speaker.say(items)
        each = [verdict(t, item, checker) for t, item in zip(texts, items, strict=True)]
        verdicts = Counter(each)
        rows[f"{kind}/plan"] = [[float(one == "plan"), 1.0] for one in each]
        found[kind] = {
            "n": len(items),
            **{name: _percent(verdicts[name], len(items)) for name in ("plan", "mr", "neither")},
        }
        if kind != "permute":  # which changes no content
            kept = sum(content_followed(t, i, checker) for t, i in zip(texts, items, strict=True))
            found[kind]["content"] = _percent(kept, len(items))
    return found, rows


def perturbed(
    own: Sequence[Hypothesis], examples: Sequence[Example], speaker: Speaker, checker: SlotChecker
) -> dict[str, Any]:
    """How many texts a corrupted plan changes, and how many say their MR nevertheless, in %."""
    plain = [Intervention(e.id, e.mr, h.plan, h.plan) for e, h in zip(examples, own, strict=True)]
    before, after = speaker.say(plain), speaker.say(plain, corrupt=True)
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    exact = sum(checker.check(t, i.mr).ok for t, i in zip(after, plain, strict=True))
    return {
        "n": len(plain),
        "changed": _percent(changed, len(plain)),
        "exact": _percent(exact, len(plain)),
    }


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


_COLUMNS = (
    ("SER", ("own", "ser")), ("exact", ("own", "exact")), ("BLEU", ("own", "bleu")),
    ("order", ("own", "order")), ("parser missing", ("own", "parser_missing")),
    ("parser wrong", ("own", "parser_wrong")), ("order, random plans", ("random", "order")),
    ("SER, random plans", ("random", "ser")),
    ("parser missing, random plans", ("random", "parser_missing")),
    ("permute: plan", ("permute", "plan")), ("drop: plan", ("drop", "plan")),
    ("drop: MR", ("drop", "mr")), ("drop: content", ("drop", "content")),
    ("swap: plan", ("swap", "plan")), ("swap: MR", ("swap", "mr")),
    ("swap: content", ("swap", "content")), ("perturb: changed", ("perturb", "changed")),
)  # fmt: skip
_TESTED = (
    "own/ser", "own/bleu", "own/parser_missing", "random/ser", "random/order", "permute/plan",
    "drop/plan", "swap/plan",
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


class Workspace:
    """What is trained and judged; what is there already is found again."""

    def __init__(self, experiment: CounterfactualExperiment, places: Places) -> None:
        self.experiment, self.places = experiment, places
        self.domain = load_domain(data_config(experiment).domain)
        self.checker = SlotChecker.for_domain(self.domain)

    @cached_property
    def parser(self) -> tuple[LearnedParser | None, str | None]:
        """Trained at the first text that is to be judged."""
        return parser_judge(self.experiment.parser, self.checker, self.places)

    def identity(self, name: str, seed: int) -> dict[str, Any]:
        """What decides an arm's numbers."""
        arm, left_out = self.experiment.arms[name], {"title", "results", "arms", "seeds", "against"}
        return {
            "arm": arm.model_dump(mode="json", exclude={"title", "seeds"}),
            "seed": seed,
            "lexicon": self.checker.lexicon_digest,
            **self.experiment.model_dump(mode="json", exclude=left_out),
        }

    def bundle(self, name: str, seed: int) -> Path:
        """The arm's model, trained if it is not trained yet or elsewhere."""
        arm, shared = self.experiment.arms[name], self.places.runs / "shared"
        if arm.bundles:
            return existing_bundle(arm.bundles[self.experiment.seeds.index(seed)])
        pairs = extra = None
        if arm.counterfactual or arm.extra:
            pairs = counterfactual_file(self.experiment, shared)
            extra = extra_file(self.experiment, shared, pairs) if arm.extra else None
        config = self.experiment.train_config(arm, seed, pairs=pairs, extra=extra)
        folder = self.places.runs / f"{name}-{seed}"
        return train(config, folder, resume=True, progress=Lines(config.run.log_every))

    def judged(self, name: str, seed: int) -> tuple[dict[str, Any], Rows]:
        """Train where that is left to do, and judge."""
        experiment = self.experiment
        path = self.bundle(name, seed)
        bundle = Bundle.load(path)
        corpus = data_config(experiment).corpus
        examples = group_references(load_split(corpus, experiment.split, bundle.domain))
        derived_rng(experiment.plan_seed, "mrs").shuffle(examples)
        parser, parser_name = self.parser
        some, seed = examples[: experiment.n_mrs], experiment.plan_seed
        found, rows = scores(bundle, some, parser, seed=seed)
        facts = read_json(path.parent / "run.json")
        trained = {key: facts.get(key) for key in ("steps", "pairs_seen", "train_wall_s", "counts")}
        judges = {"lexicon": self.checker.lexicon_digest, "parser": parser_name}
        return {**found, "training": trained, "judges": judges}, rows


def steps(experiment: CounterfactualExperiment) -> list[tuple[str, int]]:
    """Every arm with each of its seeds."""
    return [
        (name, seed)
        for seed in experiment.seeds
        for name, arm in experiment.arms.items()
        if seed in experiment.seeds_of(arm)
    ]


def run(experiment: CounterfactualExperiment, places: Places, args: argparse.Namespace) -> Outcome:
    """Every arm and seed that has no current file yet; all numbers, by arm and seed, and tests."""
    space, file = Workspace(experiment, places), partial(step_file, places.out / "arms")
    done = carry_out(steps(experiment), file, space.identity, space.judged, args.only)
    arms = {name: {str(s): step.facts for s, step in own.items()} for name, own in done.items()}
    against = {
        plain: {
            name: tests
            for name, own in done.items()
            if name != plain and (tests := tested(done[plain], own, _TESTED))
        }
        for plain in experiment.against
        if plain in done
    }
    return Outcome({"arms": arms, "against": against}, list(experiment.seeds), {})


def table(experiment: CounterfactualExperiment, results: dict[str, Any]) -> str:
    """Markdown: arms by measures (means over seeds and their deviation), then the tests."""
    header = ["arm", "seeds", *(title for title, _ in _COLUMNS)]
    rows = [
        [
            experiment.arms[name].title,
            str(len(by_seed)),
            *(_cell(list(by_seed.values()), *place) for _, place in _COLUMNS),
        ]
        for name, by_seed in results["arms"].items()
    ]
    parts = [f"# {experiment.title}", markdown_table(header, rows)]
    if lines := _other_tag(experiment, results["arms"]):
        header = ["arm", "tag", *(f"{kind}: followed" for kind in KINDS)]
        parts += ["## The same changed plans under the other tag", markdown_table(header, lines)]
    for plain, found in results["against"].items():
        tests = [(experiment.arms[name].title, of) for name, of in found.items()]
        parts += [
            f"## Against {experiment.arms[plain].title}: difference [95% interval] "
            "(paired bootstrap over MRs, seeds added up)",
            differences_table(tests, {key: key for key in _TESTED}),
        ]
    return "\n\n".join(parts) + "\n"


def _other_tag(experiment: CounterfactualExperiment, arms: dict[str, Any]) -> list[list[str]]:
    """Lines of arms that learnt both tags: how often changed plans are followed under either."""
    lines = []
    for name, by_seed in arms.items():
        if experiment.arms[name].train.get("objective", {}).get("pairs") == []:
            continue  # it has never read the other tag
        both = [found for found in by_seed.values() if AS_COUNTERFACTUAL in found]
        for tag, found in (
            ("factual", both),
            ("counterfactual", [one[AS_COUNTERFACTUAL] for one in both]),
        ):
            if found:
                cells = (_cell(found, kind, "plan") for kind in KINDS)
                lines.append([experiment.arms[name].title, tag, *cells])
    return lines


def _cell(found: Sequence[dict[str, Any]], part: str, key: str) -> str:
    return mean_and_sd([of[part][key] for of in found if key in of.get(part, {})], digits=1)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


COMMAND = Command(
    name="counterfactual",
    doc=__doc__,
    load=CounterfactualExperiment.read,
    run=run,
    table=lambda experiment, manifest: table(experiment, manifest["metrics"]),
    steps=lambda experiment, places: [
        step_file(places.out / "arms", *step) for step in steps(experiment)
    ],
    options=ONLY,
    threads=None,
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())

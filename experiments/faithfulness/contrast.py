"""``python -m experiments.faithfulness.contrast``: contrastive decoding against its rivals.

Every arm says the same MRs as greedy search, chunk by chunk in turn with it, so that their times
compare; finished arms are kept, so that a run can be ended and gone on with. The grid is tuned on
dev; what that chooses, the source's own rule and the rivals then say the test MRs. A shortcut set
are MRs whose values of two slots never occurred together in training. Where one of the two is an
open slot the model never sees its value (it reads a placeholder), and that shortcut cannot exist:
the set then only shows that nothing else is different.
"""

from __future__ import annotations

import random
import sys
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.generate.contrast import ContrastOptions
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_write_json
from d2t.io.manifest import git_state
from d2t.mr.perturb import Perturbation  # noqa: TC001 - pydantic reads it at run time
from d2t.score.records import EvaluationRecord
from d2t.score.report.report import markdown_table
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import bundle_digest
from experiments.engine.command import ONLY, Command, Outcome
from experiments.engine.config import Section
from experiments.engine.steps import existing_bundle, is_current, read_json
from experiments.engine.table import difference_cell
from experiments.faithfulness.judges import (
    KINDS,
    Experiment,
    Parser,
    difference,
    judged_rows,
    parser_judge,
    score,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from d2t.corpus.types import Example
    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.types import Hypothesis
    from d2t.judges.parser.classifier import LearnedParser
    from d2t.mr.domain import Domain
    from d2t.score.bootstrap import FloatArray
    from experiments.engine.command import Places


SOURCE_BETA = 0.5
"""Of the source's rule, which has no mask (rule F3.1)."""


class Arm(NamedTuple):
    """One way of decoding.

    Attributes:
        name: of its row and file.
        settings: of ``ModelGenerator``.
        passes: decoder rows a source and step, which is what is held equal (a beam of k is k, a
            contrast doubles it; ``+``: it replays texts beside that, and asks the slot checker).
    """

    name: str
    settings: dict[str, Any]
    passes: str

    @property
    def reranks(self) -> bool:
        """Whether it is a rival that all others are tested against, too: n-best reranking."""
        return bool(self.settings.get("rerank"))

    @property
    def eligible(self) -> bool:
        """Whether it may be chosen: a greedy contrast, which looks at no judge of the table."""
        contrast = self.settings.get("contrast")
        return contrast is not None and not contrast.dynamic and self.settings["beam_size"] == 1


class Grid(Section):
    """Contrasts: every combination of these."""

    contrasts: tuple[Perturbation, ...]
    betas: tuple[float, ...]
    plausibilities: tuple[float, ...]
    dynamic: tuple[bool, ...] = (False,)
    beams: tuple[int, ...] = (1,)

    def arms(self) -> list[Arm]:
        """The arms of this grid."""
        return [
            Arm(
                f"{kind}{'-dynamic' if dynamic else ''}-b{beta:g}-a{alpha:g}-beam{beam}",
                {
                    "beam_size": beam,
                    "contrast": ContrastOptions(kind, beta, alpha, dynamic),
                },
                f"{2 * beam}{'+' if dynamic else ''}",
            )
            for kind in self.contrasts
            for dynamic in self.dynamic
            for beta in self.betas
            for alpha in self.plausibilities
            for beam in self.beams
        ]


class ContrastExperiment(Experiment):
    """The whole experiment.

    Attributes:
        bundle: the model.
        corpus, split: MRs that are said and their references; tune on ``dev``, report on ``test``.
        report: MRs that the rivals, the source's rule and what ``split`` chose say too; None: none.
        most_bleu_loss: how much less BLEU than greedy search's what is chosen may have; where no
            arm keeps that, the one that loses least is taken.
        training: corpus whose train split says which pairs of values have occurred.
        pairs: of slots; MRs whose values of both never occurred together are a shortcut set.
        n_mrs: of each set, drawn by ``seed``; None: all.
        parser: the judge that decoding knows nothing of; None: there is none.
        beams: plain beams, each also reranked by the checker.
        grids: the contrasts.
    """

    bundle: str
    corpus: str
    split: Literal["dev", "test"] = "dev"
    report: Literal["test"] | None = None
    most_bleu_loss: float = Field(default=1.0, ge=0)
    training: str
    pairs: tuple[tuple[str, str], ...] = ()
    seed: int = 1
    batch_size: int = Field(default=64, ge=1)
    max_length: int = Field(default=100, ge=1)
    parser: Parser | None = None
    beams: tuple[int, ...] = ()
    grids: dict[str, Grid]

    def arms(self) -> list[Arm]:
        """Greedy first, which all others are compared with."""
        arms = [*self._rivals(), *(arm for grid in self.grids.values() for arm in grid.arms())]
        return list({arm.name: arm for arm in arms}.values())

    def reported_arms(self, chosen: str) -> list[Arm]:
        """What says ``report``: the rivals, the source's rule, and the arm that was chosen."""
        kinds = tuple(dict.fromkeys(k for grid in self.grids.values() for k in grid.contrasts))
        literal = Grid(contrasts=kinds, betas=(SOURCE_BETA,), plausibilities=(0.0,)).arms()
        found = [arm for arm in self.arms() if arm.name == chosen]
        return list({a.name: a for a in (*self._rivals(), *literal, *found)}.values())

    def _rivals(self) -> list[Arm]:
        arms = [Arm("greedy", {"beam_size": 1}, "1")]
        for beam in self.beams:
            arms.append(Arm(f"beam{beam}", {"beam_size": beam}, str(beam)))
            arms.append(Arm(f"rerank{beam}", {"beam_size": beam, "rerank": True}, str(beam)))
        return arms

    def chosen(self, found: dict[str, Any]) -> str:
        """The static greedy contrast with the lowest SER among those that keep BLEU, by all MRs.

        Args:
            found: by arm, what was measured.

        Raises:
            DataError: no contrast has been measured.
        """
        scores = {
            arm.name: found[arm.name]["all"]
            for arm in self.arms()
            if arm.eligible and arm.name in found
        }
        if not scores or "greedy" not in found:
            raise DataError(f"no contrast of {self.results} is measured; run that part first")
        least = found["greedy"]["all"]["bleu"] - self.most_bleu_loss
        kept = [name for name, s in scores.items() if s["bleu"] >= least]
        if not kept:
            kept = [max(scores, key=lambda name: scores[name]["bleu"])]
        return min(kept, key=lambda name: (scores[name]["ser"], -scores[name]["bleu"]))


_CHUNK = 64


def mr_sets(
    experiment: ContrastExperiment, split: Literal["dev", "test"], domain: Domain
) -> dict[str, list[Example]]:
    """``all`` MRs of the split, and for each pair of slots those with unseen values of both.

    All are drawn; sets without any MR are left out.
    """
    training = load_split(experiment.training, "train", domain)
    groups = group_references(load_split(experiment.corpus, split, domain))
    sets = {"all": groups}
    for first, second in experiment.pairs:
        seen = {pair for example in training for pair in _values(example, first, second)}
        sets[f"unseen {first} with {second}"] = [
            example
            for example in groups
            if any(pair not in seen for pair in _values(example, first, second))
        ]
    for examples in sets.values():
        random.Random(experiment.seed).shuffle(examples)
    return {name: examples[: experiment.n_mrs] for name, examples in sets.items() if examples}


def _values(example: Example, first: str, second: str) -> Iterator[tuple[str, str]]:
    return product(example.mr.values(first), example.mr.values(second))


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


def judged(
    said: Sequence[Hypothesis],
    plain: Sequence[Hypothesis],
    examples: Sequence[Example],
    domain: Domain,
    parser: LearnedParser | None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Scores with their differences to ``plain``; by judge, the rows of paired tests.

    Args:
        said: texts of the arm.
        plain: of greedy search, for the same requests.
        examples: their references.
        domain: of both.
        parser: the second judge, which no decoder has looked at; None: there is none.
    """
    checker = SlotChecker.for_domain(domain)
    own, greedy = (
        judged_rows(
            [
                EvaluationRecord(e.id, e.mr, h.text, None, e.references)
                for e, h in zip(examples, texts, strict=True)
            ],
            checker, None, judge, n_wordings=1,
        )
        for texts, judge in ((said, parser), (plain, None))
    )  # fmt: skip
    found: dict[str, Any] = {
        "n": len(said),
        **{metric: score(metric, own[metric]) for metric in (*KINDS, "ser", "bleu", "words")},
        "exact": 100 * sum(h.status == "ok" for h in said) / len(said),
        "against_greedy": {
            kind: difference(kind, np.asarray(greedy[kind]), np.asarray(own[kind]))
            for kind in KINDS
        },
    }
    rows = {"missing": own["missing"]}
    if parser is not None:
        rows["parser missing"] = own["parser_missing"]
        names = {"missing": "parser_missing", "wrong_or_added": "parser_wrong"}
        found["parser"] = {name: score(metric, own[metric]) for name, metric in names.items()}
    return found, {
        judge: " ".join(f"{missing:.0f}/{of:.0f}" for missing, of in matrix)
        for judge, matrix in rows.items()
    }


def read_rows(text: str) -> FloatArray:
    """``(texts, 2)`` of ``1/5 0/4 ...``: of each text the missing and all slots."""
    return np.array([row.split("/") for row in text.split()], dtype=np.float64)


def run_arm(
    arm: Arm,
    experiment: ContrastExperiment,
    sets: dict[str, list[Example]],
    parser: LearnedParser | None,
    *,
    keep_rows: bool = False,
) -> dict[str, Any]:
    """Say the sets and judge them; with ``keep_rows``, errors of each text stand in ``rows``."""
    settings: dict[str, Any] = {
        "batch_size": experiment.batch_size,
        "max_length": experiment.max_length,
        "seed": experiment.seed,
    }
    greedy = load(experiment.bundle, engine="torch", beam_size=1, **settings)
    made = load(experiment.bundle, engine="torch", **settings, **arm.settings)
    found: dict[str, Any] = {"passes": arm.passes}
    for name, examples in sets.items():
        requests = [GenerationRequest(example.id, example.mr) for example in examples]
        said, plain, own_s, greedy_s = say_in_turn(made, greedy, requests)
        scores, rows = judged(said, plain, examples, made.domain, parser)
        found[name] = {
            **scores,
            "cpu_s": own_s,
            "cost": own_s / greedy_s,
            "samples": [h.text for h in said[:5]],
        }
        if keep_rows:
            found[name]["rows"] = rows
    return found


def identity_of(
    arm: Arm, experiment: ContrastExperiment, split: str, judges: dict[str, str | None]
) -> dict[str, Any]:
    """What decides an arm's numbers; ``judges``: the digests of lexicon and parser."""
    left_out = {"grids", "beams", "title", "results", "report", "most_bleu_loss"}
    return {
        **experiment.model_dump(mode="json", exclude=left_out),
        "split": split,
        "bundle_sha256": bundle_digest(existing_bundle(experiment.bundle)),
        "settings": repr(sorted(arm.settings.items())),
        "judges": judges,
    }


def arm_file(out: Path, arm: Arm, split: str) -> Path:
    """Where the numbers of an arm are."""
    return out / split / f"{arm.name}.json"


class Workspace:
    """What is said and judged; what is there already is found again."""

    def __init__(self, experiment: ContrastExperiment, places: Places, only: str | None) -> None:
        self.experiment, self.out, self.only = experiment, places.out, only
        existing_bundle(experiment.bundle)
        self.domain = load(experiment.bundle, engine="torch").domain
        checker = SlotChecker.for_domain(self.domain)
        self.parser, name = parser_judge(experiment.parser, checker, places)
        self.judges = {"lexicon": checker.lexicon_digest, "parser": name}

    def measured(self, arms: Sequence[Arm], split: Literal["dev", "test"]) -> dict[str, Any]:
        """Every arm that has no current file yet; then the numbers of all that have one."""
        sets = mr_sets(self.experiment, split, self.domain)
        print(split, {name: len(examples) for name, examples in sets.items()}, file=sys.stderr)
        found = {}
        for arm in arms:
            path = arm_file(self.out, arm, split)
            identity = identity_of(arm, self.experiment, split, self.judges)
            if not is_current(path, identity) and (self.only is None or self.only in arm.name):
                started = time.perf_counter()
                scores = run_arm(
                    arm, self.experiment, sets, self.parser,
                    keep_rows=split == self.experiment.report,
                )  # fmt: skip
                path.parent.mkdir(parents=True, exist_ok=True)
                made = {"identity": identity, "git": git_state(), "scores": scores}
                atomic_write_json(path, made)
                print(f"{arm.name}: {time.perf_counter() - started:.1f} s", file=sys.stderr)
            if is_current(path, identity):
                found[arm.name] = read_json(path)["scores"]
        return found


def run(experiment: ContrastExperiment, places: Places, *, only: str | None) -> dict[str, Any]:
    """Tune, then report: by arm, the numbers of each set (those of the report: ``test: NAME``)."""
    space = Workspace(experiment, places, only)
    results = space.measured(experiment.arms(), experiment.split)
    if experiment.report is None or only is not None:
        return results
    arms = experiment.reported_arms(experiment.chosen(results))
    reported = with_tests(
        space.measured(arms, experiment.report), [arm.name for arm in arms if arm.reranks]
    )
    for name, scores in reported.items():
        named = {f"{experiment.report}: {key}": v for key, v in scores.items() if key != "passes"}
        results[name] = {"passes": scores["passes"], **results.get(name, {}), **named}
    return results


def with_tests(found: dict[str, Any], rivals: Sequence[str]) -> dict[str, Any]:
    """In place of the ``rows`` of each set, differences to each rival: ``against``."""
    tested: dict[str, Any] = {}
    for name, scores in found.items():
        tested[name] = {key: dict(v) for key, v in scores.items() if key != "passes"}
        for key, numbers in tested[name].items():
            own = numbers.pop("rows", None)
            numbers["against"] = {
                rival: {
                    judge: difference("missing", read_rows(other[judge]), read_rows(own[judge]))
                    for judge in own
                }
                for rival in rivals
                if own and rival != name and (other := found[rival][key].get("rows"))
            }  # fmt: skip
        tested[name]["passes"] = scores["passes"]
    return tested


def table(experiment: ContrastExperiment, results: dict[str, Any]) -> str:
    """Markdown, one part a set."""
    header = ["arm", "passes", "missing", "wrong", "added", "repeated", "exact", "BLEU", "words",
              "cost", "p(missing)", "parser missing", "parser wrong/added"]  # fmt: skip
    parts = [f"# {experiment.title}"]
    if experiment.report is not None and any(
        f"{experiment.report}: all" in s for s in results.values()
    ):
        parts.append(f"Chosen on {experiment.split}: `{experiment.chosen(results)}`.")
    names = dict.fromkeys(key for scores in results.values() for key in scores if key != "passes")
    for name in names:
        rows = [_row(arm, scores, name) for arm, scores in results.items() if name in scores]
        n = next(s[name]["n"] for s in results.values() if name in s)
        parts += [f"## {name}: {n} MRs", markdown_table(header, rows)]
        if tests := _tests(
            {arm: scores[name] for arm, scores in results.items() if name in scores}
        ):
            parts += [
                f"### {name}: difference to a rival [95% interval] (paired bootstrap over MRs)",
                tests,
            ]
    return "\n\n".join(parts) + "\n"


def _tests(found: dict[str, Any]) -> str | None:
    """A line an arm, a column a rival and judge; None where nothing was tested."""
    columns = [
        (rival, judge)
        for rival, judges in next(
            (s["against"] for s in reversed(found.values()) if s.get("against")), {}
        ).items()
        for judge in judges
    ]
    lines = [
        [
            arm,
            *(
                difference_cell(scores["against"].get(rival, {}).get(judge))
                for rival, judge in columns
            ),
        ]
        for arm, scores in found.items()
        if scores.get("against")
    ]
    header = ["arm", *(f"{judge}, against {rival}" for rival, judge in columns)]
    return markdown_table(header, lines) if lines else None


def _row(arm: str, scores: dict[str, Any], name: str) -> list[str]:
    found = scores[name]
    errors = [f"{found[kind]:.2f}" for kind in KINDS]
    parser = found.get("parser", {})
    second = [f"{parser[k]:.2f}" if parser else "-" for k in ("missing", "wrong_or_added")]
    return [
        arm, scores["passes"], *errors, f"{found['exact']:.1f}", f"{found['bleu']:.1f}",
        f"{found['words']:.1f}", f"{found['cost']:.2f}",
        f"{found['against_greedy']['missing']['p']:.3f}", *second,
    ]  # fmt: skip


def _run(experiment: ContrastExperiment, places: Places, args: argparse.Namespace) -> Outcome:
    results = run(experiment, places, only=args.only)
    data = {"d2t.json": bundle_digest(Path(experiment.bundle))}
    return Outcome(results, [experiment.seed], data)


def _steps(experiment: ContrastExperiment, places: Places) -> list[Path]:
    steps = [arm_file(places.out, arm, experiment.split) for arm in experiment.arms()]
    if experiment.report is not None:  # which arms say it, the first ones decide
        steps += sorted((places.out / experiment.report).glob("*.json"))
    return steps


COMMAND = Command(
    name="contrast",
    doc=__doc__,
    load=ContrastExperiment.read,
    run=_run,
    table=lambda experiment, manifest: table(experiment, manifest["metrics"]),
    steps=_steps,
    options=ONLY,
    trains=False,
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())

"""``python -m experiments.faithfulness.las``: does what systems say let an observer know the MR?

LAS of systems of different quality and of people, in both readings: is a hidden value to be had
from the text (``value``), and is a slot said at all (``verbalised``, from MR and plan). What is
there already and still answers what is asked is not done again.

The plan of a model is what it followed, always an order of all slots. Of people it is the order in
which the text says things, and what it leaves out comes last. An observer can learn that, so that
``verbalised`` of people is no bound for ``verbalised`` of systems.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from d2t.corpus.registry import registry
from d2t.errors import D2TError, DataError
from d2t.io.atomic import atomic_write_json
from d2t.io.hashing import sha256_json
from d2t.io.manifest import git_state
from d2t.judges.observer.items import Target, value_items, verbalised_items
from d2t.judges.observer.simulatability import by_question, simulatability
from d2t.judges.observer.simulator import SimulatorConfig, signature_of, simulate
from d2t.mr.domain import load_domain
from d2t.score.bootstrap import Resampling
from d2t.score.report.report import markdown_table
from d2t.slots.checker import SlotChecker
from experiments.engine.command import ONLY, Command, Outcome
from experiments.engine.steps import is_current, read_json
from experiments.faithfulness.judges import Experiment, System, records_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.judges.observer.items import Target
    from d2t.mr.domain import Domain
    from d2t.score.records import EvaluationRecord
    from experiments.engine.command import Places
    from experiments.faithfulness.judges import System


class LasExperiment(Experiment):
    """The whole experiment.

    Attributes:
        corpus, split: MRs that the models say.
        n_mrs: of each corpus of references, too.
        seed: of the observers, their folds, and which reference an MR is given.
        folds: of cross-fitting, by MR.
        targets: what observers are asked (``d2t.judges.observer.items``).
        systems: the rows.
    """

    corpus: str
    split: Literal["dev", "test"] = "dev"
    seed: int = Field(default=1, ge=0)
    folds: int = Field(default=5, ge=2)
    targets: tuple[Target, ...] = Field(default=("value", "verbalised"), min_length=1)
    systems: tuple[System, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [system.name for system in self.systems]
        if len(set(names)) < len(names):
            raise ValueError("two systems have one name")
        return self


_READINGS = {
    "value": "Is a hidden value to be had from the text?",
    "verbalised": "Is a slot said at all?",
}
_DECIDES = {"corpus", "split", "n_mrs", "seed", "folds"}


def judged(
    records: Sequence[EvaluationRecord], target: Target, experiment: LasExperiment, domain: Domain
) -> dict[str, Any]:
    """LAS with its parts, by slot too; where it is undefined, why."""
    config = SimulatorConfig(folds=experiment.folds, seed=experiment.seed)
    resampling = Resampling()
    try:
        if target == "value":
            items = value_items(records, domain)
        else:
            items = verbalised_items(records, SlotChecker.for_domain(domain))
    except DataError as error:
        if error.code != "empty_file":
            raise
        return {"undefined": error.message}
    found = simulate(items, config)
    signature = signature_of(domain, target, config, resampling)
    parts = {name: simulatability(part, resampling) for name, part in by_question(found).items()}
    return {
        **simulatability(found, resampling, signature=signature).as_dict(),
        "by_slot": {name: part.as_dict() for name, part in parts.items()},
    }


def scores_file(out: Path, system: System, target: Target) -> Path:
    """Where the numbers of one system in one reading are."""
    return out / "systems" / f"{system.name}-{target}.json"


def identity_of(system: System, experiment: LasExperiment, lexicon: str) -> dict[str, Any]:
    """What decides the numbers of one system, beside its texts."""
    return {
        "lexicon": lexicon,
        "system": system.model_dump(mode="json", exclude={"label"}),
        **experiment.model_dump(mode="json", include=_DECIDES),
    }


def run(experiment: LasExperiment, places: Places, args: argparse.Namespace) -> Outcome:
    """By system and target; what failed, with the reason."""
    domain = load_domain(registry()[experiment.corpus].domain)
    lexicon = SlotChecker.for_domain(domain).lexicon_digest
    results: dict[str, Any] = {}
    failed = []
    for system in experiment.systems:
        if args.only is not None and args.only not in system.name:
            continue
        records, missing = None, ""
        try:
            records = records_of(
                system, experiment.corpus, experiment.split, domain, places.runs,
                n_mrs=experiment.n_mrs, seed=experiment.seed,
            )  # fmt: skip
        except D2TError as error:  # what another machine has found stands
            missing = f"{system.name}: {error}"
        for target in experiment.targets:
            path = scores_file(places.out, system, target)
            identity = identity_of(system, experiment, lexicon)
            if not _stands(path, identity, records):
                if records is None:
                    failed.append(missing)
                    break
                found = judged(records, target, experiment, domain)
                path.parent.mkdir(parents=True, exist_ok=True)
                made = {"identity": identity, "texts": _digest(records), "git": git_state()}
                atomic_write_json(path, {**made, "las": found})
                print(f"{system.name}: {target} is simulated", file=sys.stderr, flush=True)
            kept = read_json(path)["las"]
            results.setdefault(system.name, {})[target] = kept
    return Outcome(results, [experiment.seed], {}, tuple(failed))


def _stands(path: Path, identity: dict[str, Any], records: list[EvaluationRecord] | None) -> bool:
    """Whether the file is what is asked, of these texts if they are here."""
    if not is_current(path, identity):
        return False
    texts = read_json(path)["texts"]
    return records is None or bool(texts == _digest(records))


def _digest(records: list[EvaluationRecord]) -> str:
    return sha256_json([[r.id, r.text, str(r.plan)] for r in records])


def table(experiment: LasExperiment, results: dict[str, Any]) -> str:
    """Markdown: a part for each reading, groups with their sizes."""
    header = ["system", "items", "MRs", "LAS", "leaking", "not leaking", "both", "input",
              "rationale", "majority"]  # fmt: skip
    parts = [f"# {experiment.title}"]
    for target in experiment.targets:
        rows = [
            [system.label, *_cells(results[system.name][target])]
            for system in experiment.systems
            if target in results.get(system.name, {})
        ]
        parts += [f"## `{target}`: {_READINGS[target]}", markdown_table(header, rows)]
    parts.append(
        "LAS is the mean of `both` - `input` in the leaking and the other items (number of items: "
        "difference [95% interval over MRs]); a small group makes it noisy. `-`: no text leaves "
        "anything out, or a group is empty."
    )
    return "\n\n".join(parts) + "\n"


def _cells(found: dict[str, Any]) -> list[str]:
    if "undefined" in found:
        return ["-"] * 9
    groups = [f"{found[g]['n']}: {_cell(found[g])}" for g in ("leaking", "nonleaking")]
    accuracy = [_cell(found["accuracy"][seen]) for seen in ("both", "input", "rationale")]
    counts = [str(found["n_items"]), str(found["n_units"])]
    return [*counts, _cell(found["las"]), *groups, *accuracy, f"{found['majority']:.1f}"]


def _cell(score: dict[str, Any]) -> str:
    if score["score"] is None:
        return "-"
    low, high = score["interval"]
    return f"{score['score']:.1f} [{low:.1f}, {high:.1f}]"


def _steps(experiment: LasExperiment, places: Places) -> list[Path]:
    return [scores_file(places.out, s, t) for s in experiment.systems for t in experiment.targets]


COMMAND = Command(
    name="las",
    doc=__doc__,
    load=LasExperiment.read,
    run=run,
    table=lambda experiment, manifest: table(experiment, manifest["metrics"]),
    steps=_steps,
    options=ONLY,
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())

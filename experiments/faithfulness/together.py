"""``python -m experiments.faithfulness.together``: what is each part worth, on top of the others?

Rows are lists of parts: a model, then ways of decoding. Each says the test MRs in its own (bigram
planner's) orders and in random ones, for every seed that its model has, and is judged by the slot
checker, by a learned parser and by a QA model that chose nothing; then it is compared with every
row that lacks just one of its parts. What is done is kept; a row that cannot be made (its model is
not trained yet) is reported, and the others go on.
"""

from __future__ import annotations

import sys
from functools import cached_property, partial
from statistics import mean
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from d2t.corpus.load import load_split
from d2t.corpus.registry import registry
from d2t.errors import DataError
from d2t.generate.candidates import tied
from d2t.generate.contrast_engine import contrast_engine
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.generate.verified import VerifiedGenerator
from d2t.io.hashing import sha256_file, sha256_json
from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.model import QAModel
from d2t.judges.qa.quals import quals
from d2t.judges.qa.reader import QAReader
from d2t.model.bundle.network import Bundle
from d2t.mr.domain import load_domain
from d2t.score.records import read_evaluation_records
from d2t.score.report.report import markdown_table
from d2t.score.tasks import generation_tasks
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import bundle_digest, merged, validate
from experiments.engine.command import HERE, RUNS, Command, Outcome
from experiments.engine.config import Section
from experiments.engine.steps import (
    carry_out,
    existing_bundle,
    read_json,
    step_file,
    write_outputs_once,
)
from experiments.engine.table import difference_cell, mean_and_sd
from experiments.faithfulness.conseq import (
    Arms,
    ConseqExperiment,
    arm_bundle,
    outputs_file,
    qa_model,
    trained,
)
from experiments.faithfulness.contrast import ContrastExperiment
from experiments.faithfulness.judges import (
    METRICS,
    Experiment,
    Judges,
    Parser,
    parser_judge,
    scores_by_seed,
    tested,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from d2t.generate.contrast import ContrastOptions
    from d2t.generate.types import Generator, Hypothesis
    from d2t.judges.qa.types import QuestionAnswerer
    from d2t.mr.domain import Domain
    from d2t.score.tasks import GenerationTask
    from experiments.engine.command import Places
    from experiments.engine.steps import Rows, StepResult
    from experiments.faithfulness.conseq import QAModels


DECODING = {
    "contrast": "contrastive decoding",
    "rerank": "n-best reranking",
    "qa-ties": "QA breaks ties",
    "verified": "verified generation",
}
"""Parts that change how a model speaks, in the order in which they are named in a row."""
_NEEDS = {"qa-ties": "rerank"}


class Model(Section):
    """A model that rows can begin with.

    Attributes:
        on: the model that it adds a part to; None: the base of all.
        bundles: trained elsewhere, a seed each, in the order of ``seeds``.
        train: trained here instead, with these tables over the configuration of ``on``'s training
            (of a base: alone); its seeds are those that ``on`` has.
    """

    title: str
    on: str | None = None
    bundles: tuple[str, ...] = ()
    train: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.bundles) == bool(self.train):
            raise ValueError("give either bundles or [train]")
        return self


class ConseqArms(Arms):
    """Continued trainings: each arm is a model, too.

    Attributes:
        on: the model that they go on from.
        controls: arms that the others are tested against, beside ``on``.
    """

    on: str
    controls: tuple[str, ...] = ()


class Contrast(Section):
    """Which contrastive decoding: the one that the contrast experiment chose on development MRs.

    Attributes:
        of: TOML of that experiment, beside this one.
    """

    of: str


class Row(Section):
    """A system.

    Attributes:
        parts: a model or an arm, then ways of decoding (``DECODING``).
    """

    parts: tuple[str, ...] = Field(min_length=1)

    @property
    def name(self) -> str:
        """Of its files."""
        return "+".join(self.parts)

    @property
    def model(self) -> str:
        """The model or arm."""
        return self.parts[0]

    @property
    def decoding(self) -> tuple[str, ...]:
        """How it speaks; nothing: greedily."""
        return self.parts[1:]


class TogetherExperiment(Experiment):
    """The whole experiment.

    Attributes:
        corpus, split: MRs that all rows say: in their own orders, and in a random one.
        seeds: of the trainings; a row has as many as its model.
        plan_seed: of the random plans.
        beam: texts that are reranked.
        qa_of: TOML of the CONSEQ experiment, whose two QA models choose and judge here too.
        parser: the second judge; None: there is none.
        contrast: the contrast; rows with one need it.
        models, conseq, rows: see there.
    """

    corpus: str
    split: Literal["dev", "test"] = "test"
    seeds: tuple[int, ...] = Field(min_length=1)
    plan_seed: int = 20201116
    beam: int = Field(default=8, ge=2)
    qa_of: str
    parser: Parser | None = None
    contrast: Contrast | None = None
    models: dict[str, Model] = Field(min_length=1)
    conseq: ConseqArms | None = None
    rows: tuple[Row, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        bases = [(name, model.on) for name, model in self.models.items()]
        arms = self.conseq.arms if self.conseq else ()
        bases += [(arm.name, self.conseq.on) for arm in arms if self.conseq]
        names = [name for name, _ in bases]
        if len(set(names)) < len(names) or set(names) & set(DECODING):
            raise ValueError(f"two parts have one name: {', '.join([*names, *DECODING])}")
        if len({row.name for row in self.rows}) < len(self.rows):
            raise ValueError("two rows have the same parts")
        for name, on in bases:
            if on is not None and on not in self.models:
                raise ValueError(f"{name} is on no model: {on!r}; models: {', '.join(self.models)}")
        for row in self.rows:
            self._require(row, names)
        return self

    def _require(self, row: Row, models: list[str]) -> None:
        order = list(DECODING)
        if row.model not in models:
            raise ValueError(f"row {row.name} begins with no model; models: {', '.join(models)}")
        if unknown := [part for part in row.decoding if part not in DECODING]:
            raise ValueError(f"no such part: {unknown[0]!r}; decoding: {', '.join(DECODING)}")
        if list(row.decoding) != [part for part in order if part in row.decoding]:
            raise ValueError(f"row {row.name}: its parts once, in this order: {', '.join(order)}")
        for part, need in _NEEDS.items():
            if part in row.decoding and need not in row.decoding:
                raise ValueError(f"row {row.name}: {part!r} needs {need!r}")
        if "contrast" in row.decoding and self.contrast is None:
            raise ValueError(f"row {row.name}: there is no [contrast]")

    def title_of(self, part: str) -> str:
        """What a part is called."""
        if part in DECODING:
            return DECODING[part]
        if part in self.models:
            return self.models[part].title
        arm = self.conseq.arm(part) if self.conseq else None
        return part if arm is None else arm.label

    def label(self, row: Row) -> str:
        """All parts of a row: what its model stands on comes first."""
        chain: list[str] = [row.model]
        while (below := self.below(chain[0])) is not None:
            chain.insert(0, below)
        return " + ".join(self.title_of(part) for part in (*chain, *row.decoding))

    def below(self, model: str) -> str | None:
        """What a model or arm adds a part to."""
        if model in self.models:
            return self.models[model].on
        return self.conseq.on if self.conseq else None

    def without(self, row: Row) -> list[tuple[str, Row]]:
        """For each part of a row, the rows that lack it alone: (part, row); controls, too."""
        below = self.below(row.model)
        others = [below] if below is not None else []
        if self.conseq and self.conseq.arm(row.model) and row.model not in self.conseq.controls:
            others += self.conseq.controls
        wanted = [(row.model, (other, *row.decoding)) for other in others]
        wanted += [(part, tuple(p for p in row.parts if p != part)) for part in row.decoding]
        found = {other.parts: other for other in self.rows}
        return [(part, found[parts]) for part, parts in wanted if parts in found]


class Models:
    """Bundles by name and seed, the QA model that chooses, and the contrast that dev chose.

    Attributes:
        places: of this experiment; those of the others are beside them.
    """

    def __init__(self, experiment: TogetherExperiment, places: Places) -> None:
        self.experiment, self.places = experiment, places
        self._qa = ConseqExperiment.read(HERE / experiment.qa_of)

    def seeds(self, name: str) -> tuple[int, ...]:
        """Those that a model or arm has."""
        model = self.experiment.models.get(name)
        if model is not None and model.bundles:
            return self.experiment.seeds[: len(model.bundles)]
        below = self.experiment.below(name)
        return self.experiment.seeds if below is None else self.seeds(below)

    def bundle(self, name: str, seed: int) -> Path:
        """The folder; what is not trained yet is trained.

        Raises:
            DataError: it should have been trained elsewhere.
            D2TError: as the training.
        """
        model = self.experiment.models.get(name)
        if model is None:
            return self._arm(name, seed)
        if model.bundles:
            return existing_bundle(model.bundles[self.experiment.seeds.index(seed)])
        raw = merged(self._config_below(model, seed), {**model.train, "seed": seed})
        return trained(validate(raw, f"model {name}"), self._folder(seed) / name)

    def identity(self, row: Row, seed: int) -> dict[str, Any]:
        """What decides a row's numbers; of a model that others train, its path.

        Of one that is committed, its content, too, which another shipping changes.

        Raises:
            DataError: the row is contrasted, and dev has not chosen how.
        """
        asked = {"corpus", "split", "n_mrs", "plan_seed", "parser"}
        experiment, arms = self.experiment, self.experiment.conseq
        decided: dict[str, Any] = {
            **experiment.model_dump(mode="json", include=asked),
            "qa": self._models_of_qa().model_dump(mode="json"),
            "row": row.name,
            "seed": seed,
        }
        below: str | None = row.model
        while below is not None:
            if (model := experiment.models.get(below)) is not None:
                decided[f"model {below}"] = model.model_dump(mode="json", exclude={"title"})
                decided |= _committed(model)
            elif arms is not None:
                shared = arms.model_dump(mode="json", include={"on", "continued", "objective"})
                own = next(arm for arm in arms.arms if arm.name == below)
                decided[f"arm {below}"] = [shared, own.model_dump(mode="json", exclude={"label"})]
            below = experiment.below(below)
        if "rerank" in row.decoding:
            decided["beam"] = experiment.beam
        if "contrast" in row.decoding:
            decided["contrast"] = repr(self.contrast[1])
        return decided

    @cached_property
    def chooser(self) -> Path:
        """The QA model that rounds are scored by, and that breaks ties."""
        return qa_model(self._models_of_qa(), self._qa_folder, "chooser")

    @cached_property
    def contrast(self) -> tuple[str, ContrastOptions]:
        """The arm of the contrast experiment that did best on its development MRs.

        Raises:
            DataError: that experiment has not been run, or not on development MRs.
        """
        wanted = self.experiment.contrast
        if wanted is None:
            raise DataError("there is no [contrast]")
        other = ContrastExperiment.read(HERE / wanted.of)
        path = self.places.out.parent / other.results / "results.json"
        if other.split != "dev" or not path.is_file():
            raise DataError(
                f"{path} should hold the contrasts on development MRs; run "
                f"`python -m experiments.faithfulness.contrast --config {wanted.of}` first"
            )
        found = read_json(path)["metrics"]
        name = other.chosen(found)
        [options] = [arm.settings["contrast"] for arm in other.arms() if arm.name == name]
        return name, options

    def judges(self, domain: Domain) -> Judges:
        """The checker, a QA model that chooses nothing, and the parser."""
        checker = SlotChecker.for_domain(domain)
        models = self._models_of_qa()
        reader = QAReader(QAModel.load(qa_model(models, self._qa_folder, "judge")))
        parser, name = parser_judge(self.experiment.parser, checker, self.places)
        return Judges(checker, reader, parser, name, models.n_wordings)

    def _arm(self, name: str, seed: int) -> Path:
        arms = self.experiment.conseq
        arm = arms.arm(name) if arms else None
        assert arms is not None  # the configuration has been validated
        assert arm is not None
        base = self.bundle(arms.on, seed)
        return arm_bundle(arms, arm, seed, base, self._folder(seed), self.chooser)

    def _config_below(self, model: Model, seed: int) -> dict[str, Any]:
        """The configuration of what ``model`` stands on, as its bundle has it."""
        if model.on is None:
            return {}
        manifest = self.bundle(model.on, seed) / "d2t.json"
        info = read_json(manifest).get("info") or {}
        if not info.get("config"):
            raise DataError(f"{manifest} does not say how the model was trained; train it anew")
        return {name: part for name, part in info["config"].items() if part is not None}

    def _models_of_qa(self) -> QAModels:
        if self._qa.qa is None:
            raise DataError(f"{self.experiment.qa_of} has no [qa]: there is no third judge")
        return self._qa.qa

    @property
    def _qa_folder(self) -> Path:
        return self.places.runs.parent / self._qa.results

    def _folder(self, seed: int) -> Path:
        return self.places.runs / f"seed-{seed}"


def _committed(model: Model) -> dict[str, str]:
    """The digests of bundles that are in the repository, and not only where they were trained."""
    paths = (path for path in model.bundles if not path.startswith(f"{RUNS.parts[0]}/"))
    return {f"bundle {path}": bundle_digest(existing_bundle(path)) for path in paths}


_MAX_LENGTH = 100


class TieBreaker(ModelGenerator):
    """A reranker that asks questions where the checker is content with several texts.

    Of the best texts that say all and nothing else, in the best order there is, the one with the
    greatest two-sided QUALS is taken; an equal one stays behind what the model likes better. Texts
    with an error keep the model's order, so that a good score cannot buy an error.
    """

    def __init__(self, bundle: Bundle, reader: QuestionAnswerer, **settings: Any) -> None:
        """Wrap ``bundle``; ``settings`` are those of ``ModelGenerator``, with a beam above 1."""
        super().__init__(bundle, **{**settings, "rerank": True})
        self._reader = reader

    def answer(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """One hypothesis per request of a window, in the order of the requests.

        Raises:
            DataError, BackendError: as ``ModelGenerator.generate``.
        """
        beams = self.hypotheses(requests)
        chosen: list[list[int]] = []
        for request, texts in zip(requests, beams, strict=True):
            by_order = request.plan is not None or self.bundle.linearizer.needs_planner
            best = tied(texts, by_order=by_order)
            perfect = [k for k in best if texts[k].status == "ok"]
            chosen.append(perfect if len(perfect) > 1 else best[:1])
        asked = [(i, k) for i, best in enumerate(chosen) if len(best) > 1 for k in best]
        scores = dict(zip(asked, self._scores([beams[i][k] for i, k in asked]), strict=True))
        picked = []
        for i, (texts, best) in enumerate(zip(beams, chosen, strict=True)):
            _, place = max((scores.get((i, k), 0.0), -k) for k in best)
            picked.append(texts[-place])
        return picked

    def _scores(self, texts: Sequence[Hypothesis]) -> list[float]:
        """Two-sided QUALS; a text without questions is the worst."""
        domain, questions = self._reader.domain, self._reader.questions
        pairs = [context_pair(text.mr, text.text, domain, questions) for text in texts]
        found = [score.total for score in quals(pairs, self._reader)] if pairs else []
        return [float("-inf") if total is None else total for total in found]


def generator_of(
    decoding: Sequence[str],
    folder: Path,
    *,
    beam: int,
    contrast: ContrastOptions | None,
    reader: QAReader | None,
) -> Generator:
    """What speaks by these parts (``DECODING``), on the torch engine.

    Orders that nobody asks for are the bigram planner's, whatever else the bundle has.

    Args:
        decoding: greedy without any.
        folder: the bundle.
        beam: texts that are reranked.
        contrast: for ``contrast``.
        reader: for ``qa-ties``.
    """
    bundle = Bundle.load(folder)
    settings: dict[str, Any] = {
        "beam_size": beam if "rerank" in decoding else 1,
        "max_length": _MAX_LENGTH,
        "planner": bundle.planner,
    }
    if "contrast" in decoding:
        assert contrast is not None  # the caller knows its parts
        settings["backend"] = contrast_engine(bundle, contrast)
    generator: ModelGenerator
    if "qa-ties" in decoding:
        assert reader is not None  # the caller knows its parts
        generator = TieBreaker(bundle, reader, **settings)
    else:
        generator = ModelGenerator(bundle, rerank="rerank" in decoding, **settings)
    return VerifiedGenerator(generator) if "verified" in decoding else generator


TESTED = (
    "ser", "missing", "wrong", "exact", "order", "parser_missing", "parser_wrong", "qa_f1",
    "qa_exact", "bleu",
)  # fmt: skip
Setting = Literal["own", "random"]
SETTINGS: dict[Setting, str] = {"own": "own orders", "random": "random plans"}
_BEST = ("ser", "parser_missing", "parser_wrong", "qa_f1", "qa_exact", "order", "bleu")
_HIGHER_IS_BETTER = ("exact", "order", "qa_f1", "qa_exact", "bleu")
_NOTE = (
    "The checker gives missing to order; reranking, verified generation and CONSEQ by SER look at "
    "it, so that what only the checker sees of them is no gain: the parser and the QA judge, which "
    "nothing here looks at, count. (The QA model that chooses is another one.) Own orders of two "
    "models may differ, random plans do not. CPU s are the processor's, for 1,000 texts."
)


def results_of(
    experiment: TogetherExperiment, done: Mapping[str, Mapping[int, StepResult]]
) -> dict[str, Any]:
    """By row: scores of each seed, and the differences to each row that lacks one of its parts."""
    found: dict[str, Any] = {}
    for row in experiment.rows:
        if row.name not in done:
            continue
        own = done[row.name]
        rows = [step.rows for step in own.values()]
        found[row.name] = {
            "label": experiment.label(row),
            "scores": {setting: scores_by_seed(rows, f"{setting}/") for setting in SETTINGS},
            "seconds": {
                setting: [
                    round(1000 * s / n, 2) for of in rows for s, n in of[f"{setting}/seconds"]
                ]
                for setting in SETTINGS
            },
            "without": [
                {
                    "part": part,
                    "title": experiment.title_of(part),
                    "row": other.name,
                    "label": experiment.label(other),
                    **tests,
                }
                for part, other in experiment.without(row)
                if (tests := _differences(done.get(other.name, {}), own))
            ],
        }
    return found


def _differences(plain: Mapping[int, StepResult], own: Mapping[int, StepResult]) -> dict[str, Any]:
    """``own`` - ``plain`` by setting and metric, over the seeds that both have; empty: none."""
    found = tested(plain, own, [f"{setting}/{metric}" for setting in SETTINGS for metric in TESTED])
    difference: dict[str, Any] = {setting: {} for setting in SETTINGS}
    for key, numbers in found.items():
        setting, _, metric = key.partition("/")
        if metric:
            numbers.pop("by_seed")
            difference[setting][metric] = numbers
    return {"seeds": found["seeds"], "difference": difference} if found else {}


def table(experiment: TogetherExperiment, manifest: dict[str, Any]) -> str:
    """Markdown: scores by setting, a sentence for each part, the differences behind them."""
    metrics = manifest["metrics"]
    rows = metrics["rows"]
    seeds = ", ".join(map(str, experiment.seeds))
    chosen = metrics["contrast"]
    parts = [
        f"# {experiment.title}",
        f"{metrics['n_mrs']} MRs of {experiment.corpus} {experiment.split}, seeds {seeds} where a "
        f"model has both; commit {str(manifest['git']['sha'])[:8]}."
        + (f" The contrast that dev chose: `{chosen}`." if chosen else ""),
        _NOTE,
    ]
    for setting, title in SETTINGS.items():
        parts += [f"## Scores, {title}", _scores(rows, setting), best(rows, setting)]
    sentences = [worth(item) for row in rows.values() for item in row["without"]]
    if sentences:
        parts += [
            "## What each part is worth",
            "Differences to the row without the part, with their 95% intervals (paired bootstrap "
            "over MRs, seeds added up; one by one, so that of 20 true zeros one seems none). "
            "Nothing: the interval holds 0.",
            "\n".join(f"- {sentence}" for sentence in sentences),
        ]
        for setting, title in SETTINGS.items():
            parts += [f"## Differences, {title}", _tests(rows, setting)]
    if metrics["failed"]:
        parts += ["## Not made", "\n".join(f"- {line}" for line in metrics["failed"])]
    return "\n\n".join(parts) + "\n"


def best(rows: dict[str, Any], setting: str) -> str:
    """Which row is the best by each judge: no choice, for which development MRs would be needed."""
    said = []
    for metric in _BEST:
        means = {
            row["label"]: mean(row["scores"][setting][metric])
            for row in rows.values()
            if metric in row["scores"][setting]
        }
        if means:
            top = (max if metric in _HIGHER_IS_BETTER else min)(means.values())
            labels = " = ".join(label for label, value in means.items() if value == top)
            said.append(f"{METRICS[metric].removesuffix(' %')} {top:.2f}: {labels}")
    return f"Best by each measure: {'; '.join(said)}."


def worth(item: dict[str, Any]) -> str:
    """One part, in a sentence for each setting; "nothing" where that is the truth."""
    n = item["seeds"]
    said = [
        f"{title}: {_verdict(item['difference'][setting])}"
        for setting, title in SETTINGS.items()
        if setting in item["difference"]
    ]
    where = f"over {item['label']}, {n} seed{'s' if n > 1 else ''}"
    return f"**{item['title']}** ({where}): {'; '.join(said)}."


def _verdict(found: dict[str, dict[str, float]]) -> str:
    """``better SER -0.20 [-0.31, -0.09]; worse BLEU ...; nothing on order, ...``."""
    sides: dict[str, list[str]] = {"better": [], "worse": [], "nothing on": []}
    for metric, result in found.items():
        name = METRICS[metric].removesuffix(" %")
        if result["low"] <= 0 <= result["high"]:
            sides["nothing on"].append(name)
            continue
        gains = (result["difference"] > 0) == (metric in _HIGHER_IS_BETTER)
        sides["better" if gains else "worse"].append(f"{name} {difference_cell(result)}")
    if not sides["better"] and not sides["worse"]:
        return "nothing"
    return ", ".join(f"{side} {', '.join(names)}" for side, names in sides.items() if names)


def _scores(rows: dict[str, Any], setting: str) -> str:
    metrics = [m for m in METRICS if any(m in row["scores"][setting] for row in rows.values())]
    header = ["row", "seeds", *(METRICS[m] for m in metrics), "CPU s"]
    lines = [
        [
            row["label"],
            str(len(row["seconds"][setting])),
            *(mean_and_sd(row["scores"][setting].get(m, [])) for m in metrics),
            mean_and_sd(row["seconds"][setting], digits=1),
        ]
        for row in rows.values()
    ]
    return markdown_table(header, lines)


def _tests(rows: dict[str, Any], setting: str) -> str:
    lines = [
        [
            item["title"],
            item["label"],
            *(difference_cell(item["difference"][setting].get(m)) for m in TESTED),
        ]
        for row in rows.values()
        for item in row["without"]
    ]
    return markdown_table(["part", "over", *(METRICS[m] for m in TESTED)], lines)


class Workspace:
    """What is said and judged; each step finds what it has done."""

    def __init__(self, experiment: TogetherExperiment, places: Places) -> None:
        self.experiment, self.places = experiment, places
        self.models = Models(experiment, places)
        self.domain = load_domain(registry()[experiment.corpus].domain)
        examples = load_split(experiment.corpus, experiment.split, self.domain)
        self.tasks: dict[Setting, list[GenerationTask]] = {
            setting: generation_tasks(
                examples, self.domain, setting, n_permutations=1,
                seed=experiment.plan_seed, limit=experiment.n_mrs,
            )
            for setting in SETTINGS
        }  # fmt: skip

    @cached_property
    def judges(self) -> Judges:
        """Trained at the first text that is to be judged."""
        return self.models.judges(self.domain)

    @cached_property
    def chooser(self) -> QAReader:
        """The QA model that breaks ties."""
        return QAReader(QAModel.load(self.models.chooser))

    def identity(self, row: Row, seed: int) -> dict[str, Any]:
        """What decides a row's numbers (``Models.identity``), and the domain."""
        return {**self.models.identity(row, seed), "domain": self.domain.digest}

    def made(self, row: Row, seed: int) -> tuple[dict[str, Any], Rows]:
        """Facts, and the statistics by ``SETTING/METRIC``, with the seconds that the texts took.

        Raises:
            D2TError: a part of the row is not there, or does not go with the others.
        """
        bundle = self.models.bundle(row.model, seed)
        rows: Rows = {}
        samples = {}
        for setting, tasks in self.tasks.items():
            path = outputs_file(self.places.runs, f"{row.name}-{setting}", seed)
            said = self._identity(row, bundle, setting)
            requests = [GenerationRequest(task.id, task.mr, task.plan) for task in tasks]
            write_outputs_once(partial(self._generator, row, bundle), requests, path, said)
            judged = self.judges.rows(path, said, tasks, plans=True)
            rows |= {f"{setting}/{metric}": of for metric, of in judged.items()}
            rows[f"{setting}/seconds"] = [
                [read_json(path.with_suffix(".json"))["cpu_s"], len(tasks)]
            ]
            records = read_evaluation_records(str(path), self.domain)[0]
            samples[setting] = [record.text for record in records[:5]]
        return {"judges": self.judges.names, "samples": samples}, rows

    def _identity(self, row: Row, bundle: Path, setting: Setting) -> dict[str, Any]:
        """What decides the texts."""
        tasks = [[t.id, None if t.plan is None else t.plan.labels()] for t in self.tasks[setting]]
        said = {"bundle": bundle_digest(bundle), "requests": sha256_json(tasks)}
        if row.decoding:
            said["decoding"] = "+".join(row.decoding)
        if "rerank" in row.decoding:
            said["beam"] = str(self.experiment.beam)
        if "contrast" in row.decoding:
            said["contrast"] = repr(self.models.contrast[1])
        if "qa-ties" in row.decoding:
            said["qa_ties"] = self.chooser.digest
        return said

    def _generator(self, row: Row, bundle: Path) -> Generator:
        return generator_of(
            row.decoding, bundle,
            beam=self.experiment.beam,
            contrast=self.models.contrast[1] if "contrast" in row.decoding else None,
            reader=self.chooser if "qa-ties" in row.decoding else None,
        )  # fmt: skip


def row_file(out: Path, row: Row, seed: int) -> Path:
    """Where the statistics of a row are kept."""
    return step_file(out / "rows", row.name, seed)


def run(experiment: TogetherExperiment, places: Places, args: argparse.Namespace) -> Outcome:
    """Do what is left: the numbers, and what failed with the reason."""
    space = Workspace(experiment, places)
    failed: list[str] = []
    rows = [(row, seed) for row in experiment.rows for seed in space.models.seeds(row.model)]
    file = partial(row_file, places.out)
    done = carry_out(rows, file, space.identity, space.made, args.only, failed)
    judges = next((step.facts["judges"] for own in done.values() for step in own.values()), None)
    for name, own in done.items():
        for seed in [seed for seed, step in own.items() if step.facts["judges"] != judges]:
            failed.append(
                f"{name}, seed {seed}: it was judged by other models than the rows before it; "
                "remove its file, and go on where they are, or remove those"
            )
            del own[seed]
    done = {name: own for name, own in done.items() if own}
    contrasted = any("contrast" in row.decoding for row in experiment.rows if row.name in done)
    found = {
        "n_mrs": len(space.tasks["own"]),
        "contrast": space.models.contrast[0] if contrasted else None,
        "rows": results_of(experiment, done),
        "failed": failed,
    }
    data = {args.config.name: sha256_file(args.config)}
    return Outcome(found, list(experiment.seeds), data, tuple(failed))


def _steps(experiment: TogetherExperiment, places: Places) -> list[Path]:
    models = Models(experiment, places)
    return [
        row_file(places.out, row, seed)
        for row in experiment.rows
        for seed in models.seeds(row.model)
    ]


COMMAND = Command(
    name="together",
    doc=__doc__,
    load=TogetherExperiment.read,
    run=run,
    table=table,
    steps=_steps,
    options={"--only": {"help": "rows whose name (PART+PART) holds this"}},
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())

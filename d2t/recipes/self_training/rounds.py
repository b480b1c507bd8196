"""Rounds of self-training: base model, samples, a model trained from scratch on both, again.

Kedzie & McKeown 2019; rule O7.6. Samples of all rounds accumulate, and each model starts from
random weights. Each step leaves files by which a later call sees that it is done, so the whole can
be killed at any point and resumed to the same result.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.corpus.load import load_split
from d2t.errors import ConfigError, DataError
from d2t.generate.load import load
from d2t.generate.segments import joined_candidates
from d2t.io.atomic import atomic_write_json, atomic_write_text
from d2t.io.hashing import sha256_file, sha256_json
from d2t.io.manifest import run_manifest
from d2t.judges.fluency.classifier import FluencyClassifier
from d2t.judges.parser.classifier import LearnedParser
from d2t.language.habits.clauses import ClauseChecker
from d2t.language.habits.linking import Linking
from d2t.language.labels import described, read, skeleton
from d2t.language.template import template_of, template_words
from d2t.model.device import pick_device
from d2t.recipes.run import cpu_settings, train
from d2t.recipes.self_training.filters import (
    ClassifierLimit,
    Judge,
    ParserAgreement,
    Residue,
    SampleFilter,
    Thresholds,
    WholeClauses,
    confidence_limit,
)
from d2t.recipes.self_training.proposals import ProposalSource
from d2t.recipes.self_training.sampling import Joiner, Round, RoundFiles, TrainingPlans
from d2t.search.backend import SamplingOptions
from d2t.seeding import derive_seed
from d2t.train.config.load import bundle_of
from d2t.train.data.prepare import PreparedData, prepare_data
from d2t.train.loop.progress import Reporter, TrainingInterrupted, stop_on_signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.generate.pipeline import ModelGenerator
    from d2t.language.labels import LabelledText
    from d2t.recipes.self_training.config import FilterConfig, SelfTrainingConfig


class _Folder:
    """The files of the whole: ``config.toml``, ``run.json`` at the end, ``base/``, ``round-N/``."""

    def __init__(self, path: Path) -> None:
        self.path, self.config, self.manifest = path, path / "config.toml", path / "run.json"

    def round(self, number: int) -> RoundFiles:
        return RoundFiles(self.path / f"round-{number}")

    def training(self, number: int) -> Path:
        return self.path / f"round-{number}" / "training"


def run_self_training(
    config: SelfTrainingConfig,
    folder: Path,
    *,
    resume: bool = False,
    progress: Reporter | None = None,
    command: list[str] | None = None,
) -> Path:
    """Run all rounds and return the bundle of the last one.

    Args:
        config: what to do.
        folder: ``base/`` (a training run), ``round-N/`` (``samples.jsonl``,
            ``proposals.jsonl.gz``, ``report.json``, ``training/``) and ``run.json``.
        resume: go on where an earlier call with the same configuration was ended.
        progress: is told how it goes; None is silent.
        command: what the manifest calls the command; None takes this process's.

    Raises:
        ConfigError: ``resume`` with another configuration.
        DataError: the folder holds something else, or what it was made from has changed.
        TrainingInterrupted: Ctrl-C; nothing finished is lost.
    """
    started = time.time()
    reporter = progress or Reporter()
    files = _Folder(Path(folder))
    last = bundle_of(str(files.training(config.rounds)))
    if _claim(files, config, resume=resume):
        reporter.say(f"{folder} is finished already; its bundle is {last}")
        return last
    command = command or sys.argv
    _require_judges(config.filter)
    bundle = _base(config, files, reporter, command)
    for number in range(1, config.rounds + 1):
        if not files.round(number).report.is_file():
            with cpu_settings(config.base.run.threads):
                sample_round(config, number, bundle, files.path, reporter)
        samples = [files.round(n).samples for n in range(1, number + 1)]
        _require_samples(files.round(number))
        training = files.training(number)
        bundle = _trained(config.retraining(samples), training, reporter, command)
        _report_scores(files.round(number).report, training)
    atomic_write_json(files.manifest, _manifest(config, files, command, started))
    return bundle


def sample_round(
    config: SelfTrainingConfig, number: int, bundle: Path, folder: Path, reporter: Reporter
) -> Path:
    """Sample round ``number`` from ``bundle`` into ``folder/round-N`` and return its samples.

    Raises:
        TrainingInterrupted: Ctrl-C; finished blocks are kept.
    """
    files = RoundFiles(folder / f"round-{number}")
    data = prepare_data(config.base.data, say=reporter.say)
    device = pick_device(config.base.run.device)
    generator = load(bundle, device=device, engine="torch", batch_size=config.sample.batch_size)
    this = _round(config, number, generator, data, folder)
    reporter.say(f"round {number}: sampling with {bundle} into {files.folder}")
    with stop_on_signal() as flag:
        done = this.run(say=reporter.say, stop=lambda: flag.requested)
    if not done:
        raise TrainingInterrupted(
            f"interrupted in round {number}; finished blocks are saved. Continue with the same "
            "command and --resume"
        )
    reporter.say(f"round {number}: {files.report.read_text(encoding='utf-8')}")
    return files.samples


def _round(
    config: SelfTrainingConfig,
    number: int,
    generator: ModelGenerator,
    data: PreparedData,
    folder: Path,
) -> Round:
    """Fit what proposes and what filters to the training data and to earlier rounds."""
    domain, checker, sample = data.domain, data.checker, config.sample
    train_set = [described(pair.example, pair.alignment, domain) for pair in data.train]
    earlier = _earlier(data, [RoundFiles(folder / f"round-{n}") for n in range(1, number)])
    held_out = held_out_keys(config, data)
    source = ProposalSource(sample, held_out, generator.bundle.planner)
    source.fit([known.example for known in train_set], domain)
    residue, known = Residue(config.filter), TrainingPlans(domain)
    residue.fit(train_set)
    dev = [skeleton(pair.alignment, domain) for pair in data.dev]
    thresholds = Thresholds.fit(
        config.filter,
        [skeleton(item.alignment, domain) for item in train_set],
        dev,
        confidence_limit(config.filter, generator, data.dev_groups, config.seed),
    )
    filters = SampleFilter(
        config.filter, sample, checker, domain,
        thresholds=thresholds, residue=residue, held_out=held_out,
        judges=_judges(config.filter, data),
    )  # fmt: skip
    for item in (*train_set, *earlier):
        filters.remember(item)
        known.add(item)
    for item in earlier:
        source.observe(item.example.mr, item.plan)
    options = SamplingOptions(
        method=sample.method, n_samples=sample.n_samples, keep=sample.keep, std=sample.std,
        temperature=sample.temperature, top_p=sample.top_p,
        seed=derive_seed(config.seed, "samples", number),
    )  # fmt: skip
    joiner = None
    if sample.joined:
        mild = config.filter.for_joined()
        limits = filters.with_limits(thresholds.limited(mild, dev), _judges(mild, data))
        linking = Linking.fit(_templates(data)) if config.filter.clauses else None
        plain = generator.with_beam(1)
        texts = partial(joined_candidates, plain, keep=sample.joined, linking=linking)
        joiner = Joiner(texts, limits)
    return Round(
        number, config.seed, sample, generator, options, source, filters, checker, domain, known,
        RoundFiles(folder / f"round-{number}"),
        _identity(config, number, generator, data, earlier),
        plans=generator.bundle.linearizer.needs_planner,
        joiner=joiner,
    )  # fmt: skip


def held_out_keys(config: SelfTrainingConfig, data: PreparedData) -> frozenset[object]:
    """The MRs that are neither proposed nor accepted: those of the test and development splits.

    Compared as ``mr.key()``, names included, as overlap removal does (rule W26). Development MRs
    are out too, so that the scores by which filters and rounds are chosen stay like test scores.
    """
    keys = {example.mr.key() for example in data.dev_groups}
    own, default = config.base.data.train, type(config.base.data).model_fields["corpus"].default
    corpus = config.base.data
    if corpus.test is not None or own is None or corpus.corpus != default:
        test = load_split(corpus.test or corpus.corpus, "test", data.domain, corpus.reads())
        keys |= {example.mr.key() for example in test}
    return frozenset(keys)


def _earlier(data: PreparedData, rounds: Sequence[RoundFiles]) -> list[LabelledText]:
    """The samples of earlier rounds and of other augmentation files."""
    examples = [pair.example for pair in data.extra]
    for files in rounds:
        examples += load_split(str(files.samples), "train", data.domain)
    return [read(e, data.checker, data.domain) for e in examples if e.kind is None]


def _require_judges(chosen: FilterConfig) -> None:
    """Read the judges' models once, before hours are spent on what they are to judge.

    Raises:
        BundleError: there is none, or it is damaged.
    """
    if chosen.classifier is not None:
        FluencyClassifier.load(Path(chosen.classifier))
    if chosen.parser is not None:
        LearnedParser.load(Path(chosen.parser))


def _templates(data: PreparedData) -> list[str]:
    return [template_of(pair.alignment, data.domain) for pair in data.train]


def _judges(chosen: FilterConfig, data: PreparedData) -> dict[str, Judge]:
    """The judges that the configuration names, by the reason they give."""
    judges: dict[str, Judge] = {}
    if chosen.clauses:
        judges["clauses"] = WholeClauses(ClauseChecker.fit(map(template_words, _templates(data))))
    if chosen.classifier is not None:
        dev = [template_of(pair.alignment, data.domain) for pair in data.dev]
        classifier = FluencyClassifier.load(Path(chosen.classifier))
        judges["classifier"] = ClassifierLimit.fit(classifier, dev, chosen.classifier_quantile)
    if chosen.parser is not None:
        judges["parser"] = ParserAgreement(LearnedParser.load(Path(chosen.parser)))
    return judges


def _identity(
    config: SelfTrainingConfig,
    number: int,
    generator: ModelGenerator,
    data: PreparedData,
    earlier: Sequence[LabelledText],
) -> dict[str, Any]:
    """What decides a round's samples; a folder that holds another is not resumed."""
    bundle = generator.bundle.path
    assert bundle is not None  # it was loaded
    return {
        "round": number,
        "seed": config.seed,
        "sample": config.sample.model_dump(mode="json"),
        "filter": config.filter.model_dump(mode="json"),
        "bundle_sha256": sha256_file(bundle / "d2t.json"),  # it holds the hashes of the others
        "data_sha256": data.digests,
        "earlier_sha256": sha256_json([item.example.references for item in earlier]),
        "lexicon_sha256": data.checker.lexicon_digest,
        "judges_sha256": [
            sha256_file(path)
            for folder in (config.filter.classifier, config.filter.parser)
            if folder is not None
            for path in sorted(Path(folder).glob("*.json"))  # they hold the hashes of the others
        ],
    }


def _claim(files: _Folder, config: SelfTrainingConfig, *, resume: bool) -> bool:
    """Make the folder this run's; True when it is finished already."""
    mark = f"# d2t self-train; sha256 of what is computed: {config.digest()}\n"
    if files.config.is_file():
        same = files.config.read_text(encoding="utf-8").startswith(mark)
        if not resume:
            state = "a finished" if files.manifest.is_file() else "an unfinished"
            raise DataError(
                f"{files.path} holds {state} self-training; continue it with --resume, or use "
                "another --out"
            )
        if not same:
            raise ConfigError(
                f"{files.path} was started with another configuration (its own: {files.config}); "
                "resume with that one, or use another --out"
            )
        return files.manifest.is_file()
    if files.path.exists() and (not files.path.is_dir() or any(files.path.iterdir())):
        raise DataError(
            f"{files.path} is not empty and does not hold a self-training; use another --out"
        )
    atomic_write_text(files.config, mark + config.to_toml())
    return False


def _base(
    config: SelfTrainingConfig, files: _Folder, reporter: Reporter, command: list[str]
) -> Path:
    """The bundle to sample from first."""
    if config.base_model is not None:
        bundle = bundle_of(config.base_model)
        if not (bundle / "d2t.json").is_file():
            raise ConfigError(
                f"base_model {config.base_model!r} holds no bundle; give the folder of a finished "
                "training run or of a bundle, or leave it out to train one"
            )
        return bundle
    return _trained(config.base, files.path / "base", reporter, command)


def _trained(config: Any, folder: Path, reporter: Reporter, command: list[str]) -> Path:
    """Train, or go on training, or take what is trained."""
    resume = (folder / "config.toml").is_file()
    return train(config, folder, resume=resume, progress=reporter, command=command)


def _require_samples(files: RoundFiles) -> None:
    if not files.samples.stat().st_size:
        raise DataError(
            f"no sample of {files.folder} passed the filters ({files.report} counts the reasons, "
            f"{files.proposals} holds the texts); train the base model longer, or loosen [filter]"
        )


def _report_scores(report: Path, training: Path) -> None:
    """Put the development scores of the model that was trained on a round into its report."""
    content = json.loads(report.read_text(encoding="utf-8"))
    manifest = json.loads((training / "run.json").read_text(encoding="utf-8"))
    atomic_write_json(report, {**content, "retrained": manifest["metrics"]})


def _manifest(
    config: SelfTrainingConfig, files: _Folder, command: list[str], started: float
) -> dict[str, Any]:
    rounds = range(1, config.rounds + 1)
    reports = [json.loads(files.round(n).report.read_text(encoding="utf-8")) for n in rounds]
    data = {f"round-{n}/samples": sha256_file(files.round(n).samples) for n in rounds}
    return run_manifest(
        command=command,
        config=config.as_dict(),
        data=data,
        seeds=[config.seed, config.base.seed],
        started=started,
        metrics={f"round-{n}": report for n, report in zip(rounds, reports, strict=True)},
        self_training_sha256=config.digest(),
    )

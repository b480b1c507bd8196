"""The Python face of d2t: what the commands do, as functions with the same defaults.

``import d2t`` gives every name of this module. Heavy modules are imported by the function that
needs them. Every error that a caller can cause is a ``D2TError``; wherever a ``domain`` is taken,
the name of a shipped domain, the folder of a ``domain.toml`` and a ``Domain`` are accepted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, cast

from d2t.errors import UsageError
from d2t.extras import explained_imports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from d2t.generate.contrast import ContrastOptions
    from d2t.generate.files import GenerationSummary, OutputFormat
    from d2t.generate.job import Job
    from d2t.generate.load import Engine
    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.types import GenerationRequest, Writer
    from d2t.generate.types import Hypothesis as Utterance
    from d2t.language.frames.compose import Style
    from d2t.mr.domain import Domain
    from d2t.mr.parse import MRFormat
    from d2t.mr.reader import Reading, ReadReport
    from d2t.mr.render import TextForm
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.plan.base import Planner
    from d2t.score.metric import Part, Scorer
    from d2t.score.records import BadRecord, EvaluationRecord
    from d2t.score.report.compare import Comparison
    from d2t.score.report.report import EvaluationReport
    from d2t.slots.types import Repeats, SlotReport
    from d2t.train.loop.progress import Reporter

    MR = str | Mapping[str, Any] | MeaningRepresentation
    Notify = Callable[[str], None]
    PlanPolicy = Literal["strict", "fit"]
    Lexicons = str | Path | Sequence[str | Path]
    Outputs = str | Path | Iterable[EvaluationRecord | Utterance | Mapping[str, Any]]

Verify = Literal["strict", "rerank", "off"]
Split = Literal["train", "dev", "test"]
RERANK_BEAM_SIZE = 8
"""Beams of reranking where no beam size is given (rule O5.6)."""

logger = logging.getLogger("d2t")


def load(
    path: str | Path | None = None,
    *,
    verify: Verify = "strict",
    rerank: bool = False,
    engine: Engine = "auto",
    device: str = "auto",
    threads: int | None = None,
    workers: int | None = None,
    beam_size: int | None = None,
    batch_size: int = 64,
    max_length: int | None = None,
    length_penalty: float | None = None,
    seed: int = 0,
    planner: Planner | str | None = None,
    sentences: bool = False,
    contrast: ContrastOptions | None = None,
    lexicon: Lexicons = (),
    writer: Writer = "auto",
    n: int = 1,
    style: Style = "auto",
) -> Generator:
    """Load a model and make it ready to generate; texts are verified by default.

    Example: ``d2t.load()("name[Aromi], eatType[pub]").text``

    Args:
        path: a bundle's folder, which ``d2t train`` wrote; None is the model that ships with d2t.
        verify: ``strict``: a text that fails the check, or leaves the order asked for, is generated
            again by costlier means until one passes (status ``repaired``); if none does, the status
            is ``failed``. ``rerank``: the best of the beam's texts by the check. ``off``: the
            first text, checked.
        rerank: with ``verify="strict"``: rerank first, then repair what still fails.
        engine: ``torch``, ``ctranslate2``, or ``auto``: the latter where ``d2t export`` wrote its
            model and no other device than the CPU is asked for.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ``auto``.
        threads: CPU threads; None is all that this process may use.
        workers: batches that CTranslate2 searches at a time.
        beam_size: hypotheses kept at each step; 1 is greedy. None: the bundle's, or 8 to rerank.
        batch_size: records searched together; it does not change the texts.
        max_length: most tokens per text; None: the bundle's.
        length_penalty: exponent of the length in the ranking of beams; None: the bundle's.
        seed: of everything random.
        planner: ``bigram``, ``neural``, ``random``, ``display``, the folder of a trained planner,
            or a ``Planner``; None: the best one of the bundle.
        sentences: whether the planner also plans where sentences end.
        contrast: contrastive decoding; needs the torch engine.
        lexicon: a ``lexicon.toml`` of your own, or several, as layers above that of the bundle.
        writer: who writes first, with ``verify="strict"``: the ``model``, the ``frames`` of the
            domain, or ``auto``: the model where no order is asked for and the domain lists all
            values, the frames elsewhere.
        n: texts for each record; the further ones are the ``alternatives`` of an utterance.
        style: ``brief`` composes one sentence where possible, ``full`` two or three.

    Raises:
        BundleError: the folder is not a complete bundle of a version that d2t reads.
        DomainError: a lexicon is not valid.
        BackendError: there is no such device, or the engine is not installed.
        UsageError: options that exclude each other or are out of range.
    """
    from d2t.generate.job import Job
    from d2t.generate.types import VerifyOptions

    if rerank and verify == "off":
        raise UsageError("rerank needs texts that are checked; leave out verify='off'")
    reranked = rerank or verify == "rerank"
    settings: dict[str, Any] = {
        "engine": engine,
        "device": device,
        "threads": threads,
        "workers": workers,
        "beam_size": RERANK_BEAM_SIZE if reranked and beam_size is None else beam_size,
        "rerank": reranked,
        "batch_size": batch_size,
        "max_length": max_length,
        "length_penalty": length_penalty,
        "seed": seed,
        "planner": planner,
        "plan_sentences": sentences,
        "contrast": contrast,
        "lexicon": tuple(str(file) for file in _files(lexicon)),
    }
    if n < 1:
        raise UsageError(f"n (--n) must be at least 1, was {n}")
    if verify != "strict" and (n > 1 or writer != "auto" or style != "auto"):
        raise UsageError(
            "several texts, a writer and a style are choices among proved texts; "
            "leave out verify (--verify, --rerank)"
        )
    proof = VerifyOptions(writer=writer, wordings=n, style=style)
    job = Job(path, settings, verify=proof if verify == "strict" else None)
    with explained_imports():
        return Generator(job, job.generator(), verify)


class Generator:
    """A loaded model. ``load`` makes it; calling it says one MR.

    Threads: one generator may be called by many threads at a time; each gets the same answers as a
    single thread would. CTranslate2 searches for several of them at once, torch for one after
    the other. Processes: a generator answers in the process that loaded it only. The engine's
    threads do not come along with ``os.fork``, which is also how ``multiprocessing`` starts
    processes on Linux before Python 3.14; a call in the child raises ``BackendError`` instead of
    hanging. Load a generator in each process; one may be loaded in a child, too.

    Attributes:
        domain: of the model.
        model: the parts below: engine, planner, checker and the candidates of a search.
        verify: as in ``load``.
    """

    def __init__(self, job: Job, model: ModelGenerator, verify: Verify) -> None:
        self.domain: Domain = model.domain
        self.model = model
        self.verify: Verify = verify
        self._job = job
        self._answers = job.answers(model)
        parallel = model.at_a_time > 1  # the engine was made for several callers
        self._lock: AbstractContextManager[Any] = nullcontext() if parallel else threading.Lock()

    def __call__(self, mr: MR, plan: str | Sequence[str] | Plan | None = None) -> Utterance:
        """Say one MR; the same as ``generate([mr], plan)[0]``."""
        return self.generate([mr], plan)[0]

    def generate(
        self, mrs: Iterable[MR], plan: str | Sequence[str] | Plan | None = None
    ) -> list[Utterance]:
        """Say many MRs; one utterance for each, in their order.

        Args:
            mrs: texts such as ``name[Aromi], food[Thai]``, dicts such as ``{"name": "Aromi"}`` or
                ``{"mr": "...", "plan": "...", "id": "..."}`` (a record as the command reads it),
                or ``MeaningRepresentation`` objects.
            plan: the order, for every MR without a plan of its own: ``"food,name"``,
                ``"area > name | food"`` (a sentence ends at ``|``), or ``"area, ..."``, which the
                planner completes; or a list of slot names.

        Raises:
            MRParseError, DomainError, DataError: an MR or plan is malformed; ``line`` is its
                1-based place in the list.
        """
        if isinstance(mrs, (str, Mapping)):
            raise UsageError("generate takes a list of MRs; for one MR call the generator: gen(mr)")
        requests = [self._request(at, mr, plan) for at, mr in enumerate(mrs)]
        with self._lock:
            return self._answers.generate(requests)

    def _request(
        self, at: int, mr: MR, plan: str | Sequence[str] | Plan | None
    ) -> GenerationRequest:
        from d2t.generate.requests import make_request, request_from_record
        from d2t.mr.reader import read_fields
        from d2t.mr.types import MeaningRepresentation, Plan

        if isinstance(mr, MeaningRepresentation):
            return make_request(mr, plan, self.domain, self.model.planner, id=str(at))
        record = read_fields(mr, self.domain, index=at)
        ordered = plan if isinstance(plan, Plan) else None
        request = request_from_record(
            record,
            self.domain,
            plan=None if ordered else cast("str | Sequence[str] | None", plan),
            planner=self.model.planner,
            seed=self.model.seed,
        )
        return replace(request, plan=request.plan or ordered)

    def generate_file(
        self,
        source: str | Path,
        target: str | Path | None,
        *,
        plan: str | None = None,
        plan_policy: PlanPolicy = "strict",
        format: OutputFormat = "jsonl",
        resume: bool = True,
        strict: bool = False,
        require_ok: bool = False,
        max_ser: float | None = None,
        processes: int | None = 1,
        progress: Callable[[int, float], None] | None = None,
        notify: Notify = logger.info,
        **reading: Unpack[Reading],
    ) -> GenerationSummary:
        """Say every record of a file, as ``d2t generate SOURCE -o TARGET`` does.

        Args:
            source: a file of records in any form that ``d2t.ReadOptions`` names; ``-`` is standard
                input.
            target: the file to write; None is standard output (with ``resume=False``). Until it is
                complete its lines are in ``TARGET.partial``.
            plan: the order of records that have no ``plan`` of their own. An entry such as
                ``food?`` counts only for records that have the slot.
            plan_policy: ``strict``: a record that ``plan`` does not fit is bad; ``fit``: what it
                lacks is left out, and the planner orders what ``plan`` does not name.
            format: ``jsonl``, or ``text``: one text a line (with ``resume=False``).
            resume: continue an earlier run of the same source and options, if there is one; a
                complete target is compared with the source and counted.
            strict: stop at the first bad record; else an error object takes its place.
            require_ok: a gate: every record must have a text that passed the check.
            max_ser: a gate: the slot error rate (%) must not be higher.
            processes: processes that answer, each with the model and one thread; None: one a core
                for files from 4 MB on. More than one needs a script whose main part stands under
                ``if __name__ == "__main__":``.
            progress: called after each window with its number of records and the records/s.
            notify: gets messages for a person; by default the log.
            reading: how the source is read: the fields of ``d2t.ReadOptions``, such as
                ``map="Cuisine=food"``, ``ignore="Phone"``, ``blank=("tbd",)``, ``limit=100``.

        Returns:
            The counts, SER and time; ``missed_gate`` names a gate that was missed.

        Raises:
            UsageError, DataError, ConfigError: the files cannot be read, written or resumed.
        """
        from d2t.generate.files import generate_file
        from d2t.mr.plans import check_plan, fit_plan
        from d2t.mr.reader import ReadOptions

        if plan is not None:
            check_plan(plan, self.domain)
            plan = fit_plan(plan) if plan_policy == "fit" else plan
        options_of_reading = ReadOptions(**reading)
        settings = self._job.settings
        options = {
            "engine": settings["engine"], "plan": plan,
            "planner": _planner_name(settings["planner"]), "sentences": settings["plan_sentences"],
            "verify": self.verify, "rerank": settings["rerank"], "beam_size": settings["beam_size"],
            "length_penalty": settings["length_penalty"], "max_length": settings["max_length"],
            "batch_size": settings["batch_size"], "seed": settings["seed"],
            "reading": options_of_reading.as_dict(),
            "format": format, "contrast": _contrast_as_dict(settings["contrast"]),
        }  # fmt: skip
        if self.domain.lexicons:
            options["lexicon"] = self.model.checker.lexicon_digest
        with self._lock:
            return generate_file(
                replace(self._job, plan=plan),
                self.model,
                str(source),
                None if target is None else Path(target),
                options=options,
                format=format,
                resume=resume,
                reading=options_of_reading,
                strict=strict,
                require_ok=require_ok,
                max_ser=max_ser,
                processes=processes,
                progress=progress,
                say=notify,
            )


def check(
    text: str,
    mr: MR,
    domain: str | Path | Domain = "restaurant",
    *,
    merge_synonyms: bool = False,
    repeats: Repeats = "error",
    lexicon: Lexicons = (),
) -> SlotReport:
    """Say which slots of ``mr`` a text misses, adds, gets wrong or repeats, span by span.

    Example: ``d2t.check("Aromi is a pub.", "name[Aromi], eatType[pub]").ok``

    Args:
        text: anybody's utterance.
        mr: what it should say.
        domain: whose lexicon reads the text.
        merge_synonyms: whether values that the domain calls equal ("cheap", "less than £20") are.
        repeats: ``error``: a slot that is said again spoils ``ok``; ``warn``, ``ignore``: it does
            not. It always counts in ``ser``.
        lexicon: a ``lexicon.toml`` of your own, or several, as layers above that of the domain.

    Raises:
        MRParseError: the MR is malformed.
        DomainError: the domain, a slot or a dialogue act is unknown.
        UsageError: the text is no string, or the MR is of another type.
    """
    from d2t.mr.reader import read_fields
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.checker import SlotChecker

    if not isinstance(text, str):
        raise UsageError(f"check takes one text as a string, not {type(text).__name__}")
    loaded = load_domain(domain, lexicon=lexicon)
    wanted = mr if isinstance(mr, MeaningRepresentation) else read_fields(mr, loaded).require_mr()
    checker = SlotChecker.for_domain(loaded)
    return checker.check(
        text, wanted, merge_synonyms=merge_synonyms, strict_numbers=True, repeats=repeats
    )


def plan(
    mr: MR,
    plan: str | Sequence[str] | None = None,
    *,
    planner: str | None = None,
    sentences: bool = False,
    model: str | Path | None = None,
    corpus: str | None = None,
    domain: str | Path | None = None,
    seed: int = 0,
) -> Plan:
    """Choose the order in which the slots of an MR are said.

    Args:
        mr: what will be said.
        plan: the beginning, such as ``"area, ..."``, or the whole order, which is then only read.
        planner: ``bigram``, ``neural``, ``random``, ``display``, or a planner's folder; None: the
            best one that is fitted.
        sentences: whether to plan where sentences end (neural planners).
        model: a bundle whose planners are used; None: the shipped model's, or those of ``corpus``.
        corpus: fit a bigram planner on the training texts of this corpus.
        domain: where it is not that of the shipped model.
        seed: of planners that draw.

    Raises:
        UsageError: ``model`` and ``corpus`` are both given, or there is no such planner.
        MRParseError, DomainError, BundleError, DataError: what cannot be read.
    """
    from d2t.generate.requests import make_request
    from d2t.plan.training.homes import planner_home
    from d2t.seeding import derived_rng

    if model is not None and corpus is not None:
        raise UsageError("a model brings its own planners; leave out the corpus")
    home = planner_home(
        None if model is None else Path(model),
        corpus,
        None if domain is None else str(domain),
        planner=planner,
    )
    chosen = home.planner(planner, seed=seed, sentences=sentences)
    request = make_request(mr, plan, home.domain, chosen)
    if request.plan is not None:
        return request.plan
    return chosen.plan(request.mr, rng=derived_rng(seed, "plan", request.id))


def evaluate(
    outputs: Outputs,
    domain: str | Path | Domain = "restaurant",
    *,
    parts: Sequence[Part] = ("slots", "order", "text"),
    corpus: str | None = None,
    split: Split = "test",
    lm: str | None = None,
    metrics: Sequence[str] = (),
    lexicon: Lexicons = (),
    n_resamples: int = 1000,
    unit: Literal["mr", "record"] = "mr",
    seed: int = 12345,
    strict: bool = False,
    notify: Notify = logger.info,
    **reading: Unpack[Reading],
) -> EvaluationReport:
    """Score texts: slot errors, order, overlap with references, with bootstrap intervals.

    Args:
        outputs: a file of records with id, mr, text, plan, references (``-`` is standard input),
            or such records as dicts, or the utterances of a generator.
        domain: whose lexicon reads the texts.
        parts: families of metrics; plans are needed for ``order``, references for ``text``.
        corpus: a corpus or file whose references are used for records without their own.
        split: of the corpus.
        lm: a corpus or ``.npz`` file: adds fluency by an n-gram model.
        metrics: names of registered metrics that are computed beside those of ``parts``.
        lexicon: a ``lexicon.toml`` of your own, or several, as layers above that of the domain.
        n_resamples: bootstrap resamples of the intervals; 0: no intervals.
        unit: what the bootstrap draws: whole MRs or single records.
        seed: of the bootstrap.
        strict: raise at the first bad record; else bad records are listed in ``report.bad``.
        notify: gets messages for a person; by default the log.
        reading: how a file is read: the fields of ``d2t.ReadOptions``.

    Raises:
        DataError: there are no records, or what the parts need is not in them.
        DomainError: the domain is unknown.
    """
    from d2t.corpus.load import load_split
    from d2t.score.bootstrap import Resampling
    from d2t.score.records import join_references
    from d2t.score.report.report import evaluate_records

    loaded = load_domain(domain, lexicon=lexicon)
    need_plan = tuple(parts) == ("order",)
    records, bad, read = _evaluation_records(outputs, loaded, strict, need_plan, reading)
    if corpus is not None:
        records = join_references(records, load_split(corpus, split, loaded))
        if lacking := [record.id for record in records if not record.references]:
            notify(
                f"d2t: {len(lacking)} of {len(records)} records have no references, as their MRs "
                f"are not in {corpus} {split} (the first: {lacking[0]}); text metrics leave them "
                "out"
            )
    extra: list[Scorer] = []
    if lm is not None:
        from d2t.score.fluency import fluency_scorers
        from d2t.score.records import checker_for

        extra = fluency_scorers(lm, loaded, checker_for(loaded))
    report = evaluate_records(
        records,
        loaded,
        parts=parts,
        metrics=metrics,
        resampling=Resampling(n_resamples=n_resamples, seed=seed, unit=unit),
        bad=bad,
        extra=extra,
    )
    return replace(report, input=read)


def compare(
    a: Outputs,
    b: Outputs,
    domain: str | Path | Domain = "restaurant",
    *,
    corpus: str | None = None,
    split: Split = "test",
    metrics: Sequence[str] = (),
    lexicon: Lexicons = (),
    test: Literal["bootstrap", "randomization"] = "bootstrap",
    n_resamples: int = 1000,
    unit: Literal["mr", "record"] = "mr",
    seed: int = 12345,
    n_pairs: int = 5,
    notify: Notify = logger.info,
    **reading: Unpack[Reading],
) -> Comparison:
    """Compare the outputs of two systems for the same MRs: every metric, its difference and p.

    Args:
        a: outputs of the first system: a file, records or utterances, as ``evaluate`` takes them.
        b: outputs of the second system. Records are matched by id, else by position.
        domain: whose lexicon reads the texts.
        corpus: a corpus whose references judge both.
        split: of the corpus.
        metrics: names of registered metrics that are computed beside the usual ones.
        lexicon: a ``lexicon.toml`` of your own, or several, as layers above that of the domain.
        test: the paired significance test.
        n_resamples: resamples, or random swaps.
        unit: what is drawn: whole MRs or single records.
        seed: of the test.
        n_pairs: how many of the most different texts to show.
        notify: gets messages for a person; by default the log.
        reading: how the files are read: the fields of ``d2t.ReadOptions``.

    Raises:
        DataError: a file cannot be read, or the records cannot be matched.
    """
    from d2t.corpus.load import load_split
    from d2t.score.bootstrap import Resampling
    from d2t.score.records import join_references
    from d2t.score.report.compare import compare_records, pair_records

    loaded = load_domain(domain, lexicon=lexicon)
    examples = load_split(corpus, split, loaded) if corpus is not None else []
    sides, inputs, n_bad = [], [], 0
    names = [
        str(outputs) if isinstance(outputs, str | Path) else side
        for outputs, side in ((a, "A"), (b, "B"))
    ]
    for source, name in zip((a, b), names, strict=True):
        records, bad, read = _evaluation_records(source, loaded, False, False, reading)
        inputs.append(read)
        for line in bad[:10]:
            notify(f"d2t: {name}: line {line.line} (id {line.id}): {line.error.message}")
        n_bad += len(bad)
        sides.append(join_references(records, examples))
    pairs, lonely = pair_records(*sides)
    if lonely:
        shown = ", ".join(lonely[:5])
        notify(f"d2t: {len(lonely)} records are in one file only and are left out: {shown}")
    comparison = compare_records(
        pairs,
        loaded,
        names=(names[0], names[1]),
        metrics=metrics,
        test=test,
        resampling=Resampling(n_resamples=n_resamples, seed=seed, unit=unit),
        n_pairs=n_pairs,
    )
    told = tuple(read for read in inputs if read is not None)
    return replace(comparison, n_bad=n_bad, n_unmatched=len(lonely), inputs=told)


def train(
    config: str | Path | None = None,
    *,
    corpus: str | None = None,
    strategy: str | None = None,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: Reporter | None = None,
) -> Path:
    """Train a generator and return the folder of its bundle, which ``load`` takes.

    Example: ``d2t.train(corpus="mini", strategy="at", out="runs/mini-at")``

    Args:
        config: a TOML configuration; None: the defaults.
        corpus: ``mini``, ``e2e``, ``e2e_cleaned``, ``viggo`` or another corpus by name.
        strategy: ``at``, ``rnd``, ``if``, ``fp``, or one that was registered.
        out: the run folder; None: ``runs/CORPUS-STRATEGY-ARCHITECTURE-SEED``.
        settings: any key of the configuration: ``{"train.epochs": 2, "model.architecture":
            "bigru"}``; they go before the file, and the named arguments before them.
        resume: go on from the folder's checkpoint.
        progress: is told how the run goes; None is silent.

    Raises:
        MissingExtraError: torch is not installed.
        ConfigError: an unknown key or an impossible value.
        DataError: the corpus cannot be read, or the folder holds another run.
    """
    from d2t.train.config.load import load_config

    named = {"data.corpus": corpus, "strategy": strategy}
    given = {key: value for key, value in named.items() if value is not None}
    path = None if config is None else Path(config)
    resolved = load_config(path, flags={**(settings or {}), **given})
    folder = Path("runs") / resolved.run_name if out is None else Path(out)
    with explained_imports():
        from d2t.recipes.run import train as run

        return run(resolved, folder, resume=resume, progress=progress)


def load_domain(domain: str | Path | Domain = "restaurant", *, lexicon: Lexicons = ()) -> Domain:
    """A shipped domain by name, one from a folder with a ``domain.toml``, or the ``Domain`` given.

    Args:
        domain: a name, a folder, or a domain.
        lexicon: a ``lexicon.toml`` of your own, or several, as layers above that of the domain; the
            last one is on top. They are read now: a file that changes later is loaded again by
            another call.

    Raises:
        DomainError: there is no such domain, or a file is not valid.
    """
    from d2t.mr.domain import load_domain as read_domain
    from d2t.mr.lexicon_layers import with_lexicons

    loaded = read_domain(str(domain)) if isinstance(domain, str | Path) else domain
    return with_lexicons(loaded, _files(lexicon))


def parse_mr(
    source: str | Mapping[str, Any],
    domain: str | Path | Domain = "restaurant",
    *,
    format: MRFormat = "auto",
) -> MeaningRepresentation:
    """Read one meaning representation: ``name[Aromi], food[Thai]``, its JSON text, or a dict.

    Slot names may be in any spelling that the domain resolves; names and values come out canonical.

    Raises:
        MRParseError: it is malformed (with ``line`` and ``column``), empty, or says a slot twice.
        DomainError: a slot or a dialogue act is unknown.
    """
    from d2t.mr.parse import parse_mr as read_mr

    return read_mr(source, load_domain(domain), format=format)


def parse_plan(
    source: str | Sequence[str],
    mr: MR,
    domain: str | Path | Domain = "restaurant",
) -> Plan:
    """Read the order in which the slots of ``mr`` are to be said: ``area > name | food``.

    Raises:
        MRParseError: it is malformed, or does not hold each slot of the MR once.
        DomainError: a slot that the domain does not have.
    """
    from d2t.mr.plans import parse_plan as read_plan
    from d2t.mr.types import MeaningRepresentation

    loaded = load_domain(domain)
    wanted = mr if isinstance(mr, MeaningRepresentation) else parse_mr(mr, loaded)
    return read_plan(source, wanted, loaded)


def render_mr(
    mr: MeaningRepresentation,
    domain: str | Path | Domain = "restaurant",
    *,
    format: TextForm = "auto",
) -> str:
    """Write an MR as text, which ``parse_mr`` reads back: ``e2e``, ``viggo``, ``json`` or ``auto``.

    Raises:
        DomainError: the form cannot express the dialogue act, or a slot is not the domain's.
    """
    from d2t.mr.render import render_mr as write_mr

    return write_mr(mr, format=format, domain=load_domain(domain))


def _files(lexicon: Lexicons) -> Sequence[str | Path]:
    return (lexicon,) if isinstance(lexicon, str | Path) else lexicon


def _planner_name(planner: Planner | str | None) -> str | None:
    return planner if planner is None or isinstance(planner, str) else type(planner).__name__


def _contrast_as_dict(contrast: ContrastOptions | None) -> dict[str, Any] | None:
    from dataclasses import asdict

    return None if contrast is None else asdict(contrast)


def _evaluation_records(
    outputs: Outputs, domain: Domain, strict: bool, need_plan: bool, reading: Reading
) -> tuple[list[EvaluationRecord], list[BadRecord], ReadReport | None]:
    """What is scored, what cannot be, and what reading a file had to say."""
    from collections.abc import Mapping
    from itertools import islice

    from d2t.mr.reader import ReadOptions, RecordReader, read_fields
    from d2t.score.records import EvaluationRecord, read_evaluation_records

    options = ReadOptions(**reading)
    if isinstance(outputs, str | Path):
        reader = RecordReader(str(outputs), domain, options)
        scored = read_evaluation_records(reader, domain, strict=strict, need_plan=need_plan)
        return *scored, reader.report
    good: list[EvaluationRecord] = []
    bad: list[BadRecord] = []
    for index, output in enumerate(islice(outputs, options.limit)):
        if isinstance(output, EvaluationRecord):
            good.append(output)
        elif isinstance(output, Mapping):
            record = read_fields(output, domain, index=index)
            found = read_evaluation_records([record], domain, strict=strict, need_plan=need_plan)
            good += found[0]
            bad += found[1]
        else:
            good.append(EvaluationRecord(output.id, output.mr, output.text, output.plan))
    return good, bad, None

"""A round of CONSEQ: texts sampled for training MRs by the model to start from, and all scored.

Rule F2.1, steps 2 and 3; rule F5.4. One folder: ``samples.jsonl``, a line an MR with its references
and samples and all their scores, and ``round.json``, what made it and what is in it, written last.
An interrupted round goes on after its last block and ends as if nothing had happened: a sample
depends on (seed, MR, number) alone.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sacrebleu.metrics.bleu import BLEU

from d2t.corpus.records import example_from_record, example_to_record, realised_plan
from d2t.corpus.types import Example
from d2t.errors import D2TError, DataError
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_write_json
from d2t.io.growing import GrowingFile
from d2t.io.hashing import sha256_file
from d2t.io.manifest import run_manifest
from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.quals import quals
from d2t.recipes.conseq.select import ScoredMR, ScoredText
from d2t.score.text import RougeL
from d2t.search.backend import SamplingOptions
from d2t.seeding import derive_seed, derived_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from d2t.generate.pipeline import ModelGenerator
    from d2t.judges.qa.types import QuestionAnswerer
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.recipes.conseq.options import ConseqOptions
    from d2t.slots.checker import SlotChecker

Scores = dict[str, float | None]


class Row(NamedTuple):
    """One text to be scored.

    Attributes:
        others: references that its words are compared with; a reference's own text is not there.
    """

    mr: MeaningRepresentation
    text: str
    others: tuple[str, ...]


class TextScorer:
    """Scores rows by every selector that can be computed (``ConseqOptions`` says what they are).

    Attributes:
        reader: answers questions; without one there is no ``quals`` and no ``quals2``.
    """

    def __init__(self, checker: SlotChecker, reader: QuestionAnswerer | None) -> None:
        self.checker, self.reader = checker, reader
        self._bleu, self._rouge = BLEU(effective_order=True), RougeL()

    def score(self, rows: Sequence[Row]) -> list[Scores]:
        """Scores of each row; a score does not depend on the rows beside it."""
        found: list[Scores] = [
            {
                "ser": -float(self.checker.check(row.text, row.mr).n_errors),
                "overlap": self.overlap(row),
            }
            for row in rows
        ]
        if self.reader is not None:
            domain, questions = self.reader.domain, self.reader.questions
            pairs = [context_pair(row.mr, row.text, domain, questions) for row in rows]
            for scores, judged in zip(found, quals(pairs, self.reader), strict=True):
                scores["quals"], scores["quals2"] = judged.precision, judged.total
        return found

    def overlap(self, row: Row) -> float | None:
        """Mean of sentence BLEU and ROUGE-L (0-100); None without anything to compare with."""
        if not row.others:
            return None
        bleu = self._bleu.sentence_score(row.text, list(row.others)).score
        return (bleu + self._rouge.sentence_score(row.text, list(row.others)).score) / 2


class RoundFolder:
    """The folder of a round.

    Attributes:
        samples: the scored texts, one line for each MR.
        manifest: what made them; a round that has it is finished.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples, self.manifest = path / "samples.jsonl", path / "round.json"

    def facts(self) -> dict[str, Any]:
        """What a finished round is of, and what is in it.

        Raises:
            DataError: there is none, or it is damaged.
        """
        if not self.manifest.is_file() or not self.samples.is_file():
            raise DataError(
                f"{self.path} holds no finished round of samples (round.json, samples.jsonl); "
                "leave objective.round out to make one"
            )
        try:
            found: dict[str, Any] = json.loads(self.manifest.read_text(encoding="utf-8"))["metrics"]
            found["identity"], found["mean_scores"]
        except (ValueError, LookupError, TypeError) as error:
            raise _damaged(self.manifest, error) from error
        return found

    def read(self, domain: Domain) -> Iterator[ScoredMR]:
        """The records of a finished round.

        Raises:
            DataError: a line is damaged.
        """
        with self.samples.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    yield _from_record(json.loads(line), domain)
                except (ValueError, LookupError, TypeError, D2TError) as error:
                    raise _damaged(self.samples, error, number) from error


def _damaged(path: Path, error: Exception, line: int | None = None) -> DataError:
    return DataError(
        f"{path} is damaged ({type(error).__name__}: {error}); copy it again from where it was "
        "made, or delete the folder and draw the round anew",
        line=line,
        code="damaged",
    )


def groups_of(examples: Sequence[Example], n: int | None, seed: int) -> list[list[Example]]:
    """Examples of one MR together, MRs as they first occur; ``n`` of them drawn by the seed."""
    by_key: dict[object, list[Example]] = defaultdict(list)
    for example in examples:
        by_key[example.mr.key()].append(example)
    groups = list(by_key.values())
    if n is None or n >= len(groups):
        return groups
    places = sorted(derived_rng(seed, "conseq", "mrs").sample(range(len(groups)), n))
    return [groups[place] for place in places]


def make_round(
    how: ConseqOptions,
    folder: RoundFolder,
    groups: Sequence[Sequence[Example]],
    generator: ModelGenerator,
    scorer: TextScorer,
    identity: dict[str, Any],
    *,
    seed: int,
    command: list[str],
    resume: bool,
    say: Callable[[str], None],
    stop: Callable[[], bool],
) -> bool:
    """Sample and score, block by block; False when ``stop`` ended it before its end.

    Args:
        how: how many samples, how drawn, and in blocks of how many MRs.
        folder: where to.
        groups: training examples, those of one MR together.
        generator: samples.
        scorer: scores samples and references.
        identity: JSON-able; what decides the samples and their scores.
        seed: of the draws.
        command: for the manifest.
        resume: go on with what is there.
        say: is told how it goes.
        stop: looked at after each block.

    Raises:
        DataError: the folder holds a round of something else, or an unfinished one without
            ``resume``.
        ConfigError: what is to be gone on with is a round of something else.
    """
    if folder.manifest.is_file():
        drawn = folder.facts()["identity"]
        if other := [key for key in identity if drawn.get(key) != identity[key]]:
            raise DataError(
                f"{folder.path} holds samples that were drawn with another "
                f"{' and another '.join(other)}; restore the former, or give another folder "
                "with --out",
                code="data_changed",
            )
        return True
    started, options = time.time(), _options(how, seed)
    growing = GrowingFile(folder.samples)
    growing.begin(identity, resume=resume, window=how.block)
    try:
        for at in range(growing.kept, len(groups), how.block):
            if stop():
                return False
            block = groups[at : at + how.block]
            records = _block(block, generator, scorer, options)
            growing.write("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))
            seconds = time.time() - started
            rate = (at + len(block) - growing.kept) / max(seconds, 1e-9)
            say(f"sampled and scored {at + len(block)} of {len(groups)} MRs, {rate:.1f} a second")
        growing.finish()
    finally:
        growing.close()
    manifest = run_manifest(
        command=command,
        config=how.model_dump(mode="json"),
        data={"samples": sha256_file(folder.samples)},
        seeds=[seed],
        started=started,
        metrics={"identity": identity, **summary(folder.read(generator.domain))},
    )
    atomic_write_json(folder.manifest, manifest)
    return True


def summary(records: Iterator[ScoredMR]) -> dict[str, Any]:
    """How many MRs, references and samples there are, and the means of their scores."""
    n_mrs = 0
    values: dict[str, dict[str, list[float]]] = {"references": {}, "samples": {}}
    counts = dict.fromkeys(values, 0)
    for record in records:
        n_mrs += 1
        for kind, texts in (("references", record.references), ("samples", record.samples)):
            counts[kind] += len(texts)
            for text in texts:
                for name, score in text.scores.items():
                    if score is not None:
                        values[kind].setdefault(name, []).append(score)
    means = {
        kind: {name: round(sum(found) / len(found), 4) for name, found in by_name.items()}
        for kind, by_name in values.items()
    }
    return {"mrs": n_mrs, **counts, "mean_scores": means}


def _options(how: ConseqOptions, seed: int) -> SamplingOptions:
    return SamplingOptions(
        method="ancestral",
        n_samples=how.n_samples,
        keep=how.n_samples,
        temperature=how.temperature,
        top_k=how.top_k,
        seed=derive_seed(seed, "conseq", "samples"),
    )


def _block(
    groups: Sequence[Sequence[Example]],
    generator: ModelGenerator,
    scorer: TextScorer,
    options: SamplingOptions,
) -> list[dict[str, Any]]:
    """The records of some MRs."""
    requests = [GenerationRequest(group[0].id, group[0].mr) for group in groups]
    drawn = generator.hypotheses(requests, options)
    rows: list[Row] = []
    for group, samples in zip(groups, drawn, strict=True):
        texts = tuple(example.references[0] for example in group)
        for at, text in enumerate(texts):
            rows.append(Row(group[0].mr, text, (*texts[:at], *texts[at + 1 :])))
        rows += [Row(group[0].mr, sample.text, texts) for sample in samples]
    scores = iter(scorer.score(rows))
    records = []
    for group, samples in zip(groups, drawn, strict=True):
        first = Example(group[0].id, group[0].mr)
        record: dict[str, Any] = {
            **example_to_record(first, generator.domain),
            "references": [
                {"id": e.id, "text": e.references[0], "scores": _rounded(next(scores))}
                for e in group
            ],
        }
        record["samples"] = [
            {
                "text": sample.text,
                "plan": [str(slot) for slot in sample.plan.slots],
                "breaks": sample.plan.breaks,
                "log_prob": round(sample.score, 5),
                "scores": _rounded(next(scores)),
            }
            for sample in samples
        ]
        records.append(record)
    return records


def _rounded(scores: Scores) -> Scores:
    return {name: None if value is None else round(value, 5) for name, value in scores.items()}


def _from_record(record: dict[str, Any], domain: Domain) -> ScoredMR:
    """One line, read back."""
    mr = example_from_record({"id": record["id"], "mr": record["mr"]}, domain).mr
    samples = []
    for number, sample in enumerate(record["samples"]):
        samples.append(
            ScoredText(
                f"{record['id']}-sample-{number}",
                sample["text"],
                sample["scores"],
                sample["log_prob"],
                realised_plan(sample["plan"], sample["breaks"], mr, domain),
            )
        )
    references = tuple(ScoredText(r["id"], r["text"], r["scores"]) for r in record["references"])
    return ScoredMR(record["id"], mr, references, tuple(samples))

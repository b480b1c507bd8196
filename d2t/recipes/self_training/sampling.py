"""One round of noise-injection self-training: propose, sample, label, filter, write.

Kedzie & McKeown 2019; rules O7.3, O7.4, O7.5. Proposals are made in blocks. A finished block is a
file, so a round that is interrupted goes on after its last block and ends as if nothing had
happened: random numbers belong to (seed, round, block, proposal), and what later blocks depend on
(counts, texts seen) is read back from the blocks' files.
"""

from __future__ import annotations

import gzip
import io
import json
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from d2t.corpus.records import example_from_record, example_to_record
from d2t.errors import DataError
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_write, atomic_write_binary, atomic_write_json, atomic_write_text
from d2t.language.labels import read, shape
from d2t.language.template import template_words
from d2t.recipes.self_training.filters import REASONS
from d2t.seeding import derive_seed, derived_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.generate.candidates import Candidate
    from d2t.language.labels import LabelledText
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.recipes.self_training.config import SampleConfig
    from d2t.recipes.self_training.filters import SampleFilter
    from d2t.recipes.self_training.proposals import Proposal, ProposalSource
    from d2t.search.backend import SamplingOptions
    from d2t.slots.checker import SlotChecker


_NGRAMS = (1, 2, 3)


class TrainingPlans:
    """The delexicalised MRs and plans of the training data, against which novelty is measured."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.mrs: set[object] = set()
        self.plans: set[object] = set()

    def add(self, labelled: LabelledText) -> None:
        """This has been seen in training."""
        self.mrs.add(self.mr_shape(labelled.example.mr))
        self.plans.add(self.plan_shape(labelled))

    def mr_shape(self, mr: MeaningRepresentation) -> object:
        """The MR without its open values."""
        slots = sorted(shape(mr.slots, self.domain), key=lambda item: (item[0], item[1] or ""))
        return mr.dialogue_act, tuple(slots)

    def plan_shape(self, labelled: LabelledText) -> object:
        """The order without open values."""
        return labelled.example.mr.dialogue_act, shape(labelled.plan.slots, self.domain)


class Tally:
    """Counts of one round; samples are added one by one, so that none need be kept."""

    def __init__(self, known: TrainingPlans) -> None:
        self.known = known
        self.proposals = 0
        self.samples = 0
        self.dropped: Counter[str] = Counter()
        self._accepted: Counter[str] = Counter()
        self._by_size: Counter[int] = Counter()
        self._templates: set[int] = set()
        self._ngrams: dict[int, set[tuple[str, ...]]] = {n: set() for n in _NGRAMS}
        self._n_runs: Counter[int] = Counter()
        self._distinct: dict[str, set[object]] = {"mrs": set(), "plans": set()}

    def add(self, labelled: LabelledText, size: int, proposed: set[str]) -> None:
        """Count one accepted sample of a proposal of ``size`` slot names and these slots."""
        mr, plan = self.known.mr_shape(labelled.example.mr), self.known.plan_shape(labelled)
        count = self._accepted
        count["all"] += 1
        count["unseen_mr"] += mr not in self.known.mrs
        count["unseen_plan"] += plan not in self.known.plans
        count["mr_as_proposed"] += set(map(str, labelled.example.mr.slots)) == proposed
        names = labelled.example.mr.names
        count["two_values"] += len(labelled.example.mr.slots) > len(names)
        count["sentences"] += len(labelled.plan.sentences)
        self._by_size[size] += 1
        self._distinct["mrs"].add(mr)
        self._distinct["plans"].add(plan)
        self._templates.add(hash(labelled.template))
        self._count_ngrams(template_words(labelled.template))

    def as_dict(self) -> dict[str, Any]:
        """The report, JSON-able."""
        count = self._accepted
        n = max(1, count["all"])
        dropped = {reason: self.dropped[reason] for reason in REASONS if self.dropped[reason]}
        return {
            "proposals": self.proposals,
            "samples": self.samples,
            "accepted": count["all"],
            "joined": self.dropped["joined"],
            "acceptance": round(count["all"] / max(1, self.samples), 4),
            "dropped": dropped,
            "accepted_by_proposed_size": dict(sorted(self._by_size.items())),
            "unseen_mrs": round(count["unseen_mr"] / n, 4),
            "unseen_plans": round(count["unseen_plan"] / n, 4),
            "mr_as_proposed": round(count["mr_as_proposed"] / n, 4),
            "two_values_of_a_slot": round(count["two_values"] / n, 4),
            "sentences": round(count["sentences"] / n, 3),
            "distinct_mrs": len(self._distinct["mrs"]),
            "distinct_plans": len(self._distinct["plans"]),
            "distinct_templates": len(self._templates),
            "distinct_ngrams_per_1k": self._ngrams_per_1k(),
        }

    def _count_ngrams(self, words: Sequence[str]) -> None:
        for n in _NGRAMS:
            runs = list(zip(*(words[i:] for i in range(n)), strict=False))
            self._ngrams[n].update(runs)
            self._n_runs[n] += len(runs)

    def _ngrams_per_1k(self) -> Mapping[str, float]:
        """Distinct n-grams per 1,000 n-grams; depends on the number of samples."""
        return {
            str(n): round(1000 * len(self._ngrams[n]) / max(1, self._n_runs[n]), 3) for n in _NGRAMS
        }


@dataclass(frozen=True)
class Joiner:
    """Says what no draw said (``sample.joined``).

    Attributes:
        texts: per request the texts that are joined of parts, best first; maybe none.
        filter: judges them; it knows what the round has accepted.
    """

    texts: Callable[[Sequence[GenerationRequest]], list[list[Candidate]]]
    filter: SampleFilter


class Sampler(Protocol):
    """What a round needs of a generator (``ModelGenerator``)."""

    def candidates(
        self, requests: Sequence[GenerationRequest], options: SamplingOptions | None = None
    ) -> list[list[Candidate]]:
        """Several distinct texts per request."""
        ...


class RoundFiles:
    """Paths of one round. An interrupted round resumes by ``identity`` and the blocks; all stay.

    Attributes:
        samples: the accepted pairs, in the format of ``data.augment``.
        proposals: each proposal with the texts that were judged, and the verdicts.
        report: counts; written last, so that a round with a report is finished.
        identity: what the round computes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.samples = folder / "samples.jsonl"
        self.proposals = folder / "proposals.jsonl.gz"
        self.report = folder / "report.json"
        self.identity = folder / "round.json"

    def block(self, number: int) -> Path:
        """One finished block."""
        return self.folder / "blocks" / f"{number:05d}.json"

    def blocks(self) -> Iterator[dict[str, Any]]:
        """The finished blocks, in order."""
        number = 0
        while self.block(number).is_file():
            yield json.loads(self.block(number).read_text(encoding="utf-8"))
            number += 1


@dataclass
class _Try:
    """A proposal, what was drawn for it with what became of it, and the samples that it left."""

    proposal: Proposal
    outcomes: list[list[Any]] = field(default_factory=list)
    accepted: list[Example] = field(default_factory=list)


@dataclass
class Round:
    """One round in progress.

    Attributes:
        number: 1 for the first.
        generator: the model whose samples are taken.
        options: how it samples; the seed is that of the round.
        plans: whether the model is given the proposed order; one that was not trained to follow
            orders says the slots in its own.
        joiner: for proposals of which no draw was accepted.
        identity: JSON-able; whatever decides what is computed. A folder with another is refused.
    """

    number: int
    seed: int
    config: SampleConfig
    generator: Sampler
    options: SamplingOptions
    source: ProposalSource
    filter: SampleFilter
    checker: SlotChecker
    domain: Domain
    known: TrainingPlans
    files: RoundFiles
    identity: dict[str, Any]
    plans: bool = True
    joiner: Joiner | None = None
    accepted: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    def run(
        self,
        *,
        say: Callable[[str], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Sample until the target or the last proposal is reached, and write the round's files.

        Returns:
            False when ``stop`` said so first; the same call goes on from there.
        """
        if self.files.report.is_file():
            return True
        self._claim()
        tally = Tally(self.known)
        number = 0
        for block in self.files.blocks():
            self._count(block, tally, replay=True)
            number += 1
        while self._wanted() and tally.proposals < self.config.max_proposals:
            if stop():
                return False
            block = self._block(number, tally.proposals)
            if not block["proposals"]:
                break
            atomic_write_text(self.files.block(number), json.dumps(block, ensure_ascii=False))
            self._count(block, tally, replay=False)
            number += 1
            say(self._progress(tally, number))
        self._finish(tally)
        return True

    def _claim(self) -> None:
        """Make the folder this round's, or refuse it as another's."""
        path = self.files.identity
        if path.is_file():
            if json.loads(path.read_text(encoding="utf-8")) != self.identity:
                raise DataError(
                    f"{self.files.folder} holds a round of other settings, data or model; restore "
                    "those, or use another folder",
                    code="data_changed",
                )
        else:
            atomic_write_json(path, self.identity)

    def _wanted(self) -> list[int]:
        """The sizes that lack samples."""
        sizes = self.source.sizes
        share = -(-self.config.target // len(sizes))
        return [size for size in sizes if self.accepted.get(size, 0) < share]

    def _block(self, number: int, n_before: int) -> dict[str, Any]:
        """Propose, sample and filter; then draw again for proposals that left no sample."""
        started = time.monotonic()
        tries = [_Try(p) for p in self._propose(number, self.config.max_proposals - n_before)]
        for attempt in range(1 + self.config.retries):
            open_tries = [one for one in tries if not one.accepted]
            requests = [self._request(one.proposal) for one in open_tries]
            found = self.generator.candidates(requests, self._options(attempt))
            for one, candidates in zip(open_tries, found, strict=True):
                self._judge(one, candidates, self.filter, one.proposal)
        if self.joiner is not None:
            self._join(self.joiner, [(one, one.proposal) for one in tries])
            planned = [one for one in tries if one.proposal.plan.breaks is not None]
            self._join(self.joiner, [(one, one.proposal.unbroken()) for one in planned])
        return {
            "proposals": [self._record(one.proposal, one.outcomes) for one in tries],
            "samples": [
                [one.proposal.size, at, example_to_record(example, self.domain)]
                for at, one in enumerate(tries)
                for example in one.accepted
            ],
            "seconds": round(time.monotonic() - started, 3),
        }

    def _join(self, joiner: Joiner, tries: Sequence[tuple[_Try, Proposal]]) -> None:
        """Join parts of the plans for what still has no sample."""
        asked = [(one, proposal) for one, proposal in tries if not one.accepted]
        found = joiner.texts([self._request(proposal) for _, proposal in asked])
        for (one, proposal), candidates in zip(asked, found, strict=True):
            self._judge(one, candidates, joiner.filter, proposal, "joined")

    def _request(self, proposal: Proposal) -> GenerationRequest:
        return GenerationRequest(proposal.id, proposal.mr, proposal.plan if self.plans else None)

    def _options(self, attempt: int) -> SamplingOptions:
        """Those of the round; each further attempt draws anew."""
        if attempt == 0:
            return self.options
        return replace(self.options, seed=derive_seed(self.options.seed, "retry", attempt))

    def _judge(
        self,
        one: _Try,
        candidates: Sequence[Candidate],
        filter: SampleFilter,
        asked: Proposal,
        verdict: str = "accepted",
    ) -> None:
        """Filter the candidates until the proposal has enough samples."""
        for candidate in candidates:
            if len(one.accepted) == self.config.per_proposal:
                return
            id = f"{one.proposal.id}-{len(one.outcomes)}"
            judged = filter.judge(id, asked, candidate)
            reason = judged if isinstance(judged, str) else verdict
            one.outcomes.append([candidate.text, round(candidate.score, 4), reason])
            if not isinstance(judged, str):
                one.accepted.append(judged.example)

    def _propose(self, block: int, most: int) -> list[Proposal]:
        """The block's proposals, the sizes that lack samples in turn."""
        sizes = self._wanted()
        proposals = []
        for i in range(min(self.config.block, most)):
            id = f"r{self.number}-{block}-{i}"
            rng = derived_rng(self.seed, "propose", id)
            proposal = self.source.propose(id, sizes[i % len(sizes)], rng)
            if proposal is not None:
                proposals.append(proposal)
        return proposals

    def _record(self, proposal: Proposal, outcomes: list[list[Any]]) -> dict[str, Any]:
        plan = proposal.plan
        return {
            "id": proposal.id,
            "size": proposal.size,
            "plan": [str(slot) for slot in plan.slots],
            **({} if plan.breaks is None else {"breaks": list(plan.breaks)}),
            "samples": outcomes,
        }

    def _count(self, block: dict[str, Any], tally: Tally, *, replay: bool) -> None:
        """Take a finished block into account: its counts, its texts, its share of the report."""
        self.seconds += block["seconds"]
        tally.proposals += len(block["proposals"])
        for record in block["proposals"]:
            tally.samples += len(record["samples"])
            tally.dropped.update(reason for _, _, reason in record["samples"])
        for size, at, record in block["samples"]:
            example = example_from_record(record, self.domain)
            labelled = read(example, self.checker, self.domain)
            if replay:
                self.filter.remember(labelled)
            self.source.observe(example.mr, labelled.plan)
            self.accepted[size] = self.accepted.get(size, 0) + 1
            tally.add(labelled, size, set(block["proposals"][at]["plan"]))

    def _progress(self, tally: Tally, n_blocks: int) -> str:
        n = sum(self.accepted.values())
        rate = tally.samples / max(self.seconds, 1e-9)
        return (
            f"round {self.number}, block {n_blocks}: {n} of {self.config.target} samples accepted, "
            f"{100 * n / max(1, tally.samples):.0f}% of those drawn; {rate:.0f} drawn a second"
        )

    def _finish(self, tally: Tally) -> None:
        """Gather the blocks, one at a time, into the round's files."""
        with atomic_write(self.files.samples) as stream:
            for block in self.files.blocks():
                for _, _, record in block["samples"]:
                    stream.write(json.dumps(record, ensure_ascii=False) + "\n")
        write_gzip(
            self.files.proposals,
            (record for block in self.files.blocks() for record in block["proposals"]),
        )
        report = {
            "round": self.number,
            **tally.as_dict(),
            "thresholds": self.filter.thresholds.as_dict(),
            "sampling_s": round(self.seconds, 1),
            "drawn_per_s": round(tally.samples / max(self.seconds, 1e-9), 1),
        }
        atomic_write_json(self.files.report, report)


def write_gzip(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """JSON lines, compressed; the file appears whole, and equal content gives equal bytes."""
    with (
        atomic_write_binary(path) as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as stream,
    ):
        for record in records:
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")

"""What a round has made: acceptance by filter, novelty, diversity."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from d2t.language.labels import shape
from d2t.language.template import template_words
from d2t.recipes.self_training.filters import REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d2t.language.labels import LabelledText
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

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

"""The counterfactual objective and its data (SCOTT's student, rules F3.2, F5.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from d2t.augment.counterfactual import (
    DEFAULT_SOURCES,
    KIND,
    CounterfactualCounts,
    Source,
    counterfactual_pairs,
    fault,
    said_mr,
)
from d2t.corpus.correct import split_references
from d2t.corpus.group import share_of
from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.language.delex import maskable
from d2t.linearize.base import STRATEGIES
from d2t.linearize.source import PlanFirst
from d2t.train.config.options import OBJECTIVES
from d2t.train.data.prepare import TrainingPair, digest_of, split_of_test
from d2t.train.loop.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from d2t.augment.counterfactual import Counterfactual
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.slots.checker import SlotChecker
    from d2t.train.config.options import DataConfig, TrainConfig
    from d2t.train.data.prepare import PreparedData
    from d2t.train.loop.objective import RunContext
    from d2t.train.loop.parts import StepParts

PLAN_FREE_STRATEGY = "random"
"""What orders the slots of the source, which must not show the plan, where none is named."""


@OBJECTIVES.register("counterfactual")
class CounterfactualObjective(Objective):
    """SCOTT's student (rules F3.2, F5.6): the plan is written first, then the utterance.

    ``L = (1 - alpha) L_factual + alpha L_counterfactual``, each the mean over its labels: of
    factual pairs the plan and the utterance, of counterfactual pairs the utterance alone. The
    source must not show the plan, so that the utterance follows the plan that the decoder wrote.

    Attributes:
        pairs: JSONL files of ``d2t augment counterfactual``; None makes them from the training
            pairs as that command does; an empty list is the plan without counterfactual pairs.
        sources: how they are made where ``pairs`` is None.
        alpha: weight of the counterfactual pairs.
        tags: whether source and target begin with a tag that says which kind a pair is.
    """

    name: Literal["counterfactual"]
    pairs: tuple[str, ...] | None = None
    sources: tuple[Source, ...] = Field(default=DEFAULT_SOURCES, min_length=1)
    alpha: float = Field(default=0.5, gt=0.0, lt=1.0)
    tags: bool = True
    default_strategy: ClassVar[str | None] = PLAN_FREE_STRATEGY
    pair_kinds: ClassVar[frozenset[str]] = frozenset((KIND,))

    @property
    def plan_first(self) -> PlanFirst:
        """The decoder always writes the plan."""
        return PlanFirst(self.tags)

    def require(self, strategy: str, architecture: str, init: str | None) -> None:
        """Raise ``ValueError`` where the rest of the configuration does not go with it."""
        if STRATEGIES.get(strategy).needs_planner:
            raise ValueError(
                f"the counterfactual objective needs sources that do not show the plan, strategy "
                f"{strategy!r} does: take {PLAN_FREE_STRATEGY}, increasing_frequency or "
                "fixed_position"
            )
        if architecture == "pretrained":
            raise ValueError(
                "the counterfactual objective is for models trained from scratch; leave out "
                "--pretrained"
            )

    def prepare(
        self, config: TrainConfig, data: PreparedData, say: Callable[[str], None]
    ) -> PreparedData:
        """Factual pairs in the place of all, and the counterfactual ones beside them.

        Raises:
            DataError: there are none of one kind, or a file holds something else.
        """
        data = factual_data(data)
        if self.pairs == ():
            return data
        examples, counts, digests = self._examples(config, data, say)
        if not examples:
            if self.pairs:
                why = f"{', '.join(self.pairs)} is empty"
            else:
                why = f"the corpus gives none by {' or '.join(self.sources)}"
            raise DataError(
                f"no counterfactual pairs: {why}; give others with --set "
                "'objective.pairs=[\"FILE\"]', or none at all with --set objective.pairs=[]"
            )
        counts["counterfactual_used"] = len(examples)
        return replace(
            data,
            beside=counterfactual_training_pairs(examples, data.checker, data.domain),
            counts={**data.counts, **counts},
            digests={**data.digests, **digests},
        )

    def parts(self, run: RunContext) -> StepParts:
        """Both kinds of pairs, weighted by ``alpha``; factual pairs alone where there is one."""
        from d2t.train.loop.parts import Part, StepParts

        factual, counterfactual = run.data.pairs, run.data.beside
        if not counterfactual:
            return StepParts([Part(factual)])
        return StepParts([Part(factual, 1 - self.alpha), Part(counterfactual, self.alpha)])

    def _examples(
        self, config: TrainConfig, data: PreparedData, say: Callable[[str], None]
    ) -> tuple[list[Example], dict[str, int], dict[str, str]]:
        """The counterfactual examples, how many of each source, and the digests of files."""
        held_out = held_out_mrs(config.data, data.domain)
        if self.pairs is None:
            counts = CounterfactualCounts()
            say(f"making counterfactual pairs of {len(data.train)} references")
            made = made_pairs(
                config.data, data, self.sources, held_out, seed=config.seed, counts=counts
            )
            by_source = {f"counterfactual_{name}": n for name, n in sorted(counts.kept.items())}
            return [pair.example for pair in made], by_source, {}
        examples: list[Example] = []
        digests: dict[str, str] = {}
        for number, path in enumerate(self.pairs, start=1):
            say(f"reading {path}")
            read = load_split(path, "train", data.domain)
            examples += [_verified(e, path, data.checker, held_out) for e in read]
            digests[f"counterfactual_{number}"] = digest_of(read)
        return examples, {}, digests


def factual_data(data: PreparedData) -> PreparedData:
    """Without the pairs whose text says other slots than their MR: they contradict themselves.

    There are many where MRs are not corrected; the ``noisy`` source makes counterfactual pairs of
    most of them. A slot that is said twice is no contradiction.

    Raises:
        DataError: nothing is left.
    """
    train, extra, dev = (list(filter(_is_factual, p)) for p in (data.train, data.extra, data.dev))
    if not train or not dev:
        raise DataError(
            "no reference says exactly its MR, so there are no factual pairs to train on; have the "
            "MRs corrected from the texts with --set data.correct=true"
        )
    n_left_out = len(data.pairs) - len(train) - len(extra)
    counts = {**data.counts, **({"not_factual": n_left_out} if n_left_out else {})}
    return replace(data, train=train, extra=extra, dev=dev, counts=counts)


def made_pairs(
    config: DataConfig,
    data: PreparedData,
    sources: Collection[Source],
    held_out: Collection[object],
    *,
    seed: int,
    counts: CounterfactualCounts | None = None,
    advance: Callable[[], object] = lambda: None,
) -> list[Counterfactual]:
    """What ``d2t augment counterfactual`` makes of prepared training data."""
    raw: Sequence[Example] = ()
    if "noisy" in sources:
        given = load_split(config.train or config.corpus, "train", data.domain, config.reads())[
            : config.limit
        ]
        raw = split_references(share_of(given, config.share, config.share_seed))
    return list(
        counterfactual_pairs(
            [pair.example for pair in data.train],
            [pair.alignment for pair in data.train],
            data.checker,
            data.domain,
            sources=sources,
            raw=raw,
            held_out=held_out,
            seed=seed,
            counts=counts,
            advance=advance,
        )
    )


def counterfactual_training_pairs(
    examples: Iterable[Example], checker: SlotChecker, domain: Domain
) -> list[TrainingPair]:
    """Pairs as the encoder reads them: aligned with their plan's values, not with their MR's.

    A placeholder may stand for what MR and plan share; what they do not is shown as text.
    """
    pairs = []
    for example in examples:
        assert example.plan is not None  # verified
        alignment = checker.align(example.references[0], said_mr(example.plan, example.mr))
        masks = maskable(alignment, example.mr, domain)
        keep = frozenset((*example.mr.slots, *example.plan.slots)).difference(masks)
        pair = TrainingPair(replace(example, kind=None), alignment, masks, keep, factual=False)
        pairs.append(pair)
    return pairs


def held_out_mrs(config: DataConfig, domain: Domain) -> frozenset[object]:
    """MRs that no pair may read or say: the test set's, whether or not overlap is removed."""
    return frozenset(example.mr.key() for example in split_of_test(config, domain))


def _is_factual(pair: TrainingPair) -> bool:
    plan, asked = pair.example.plan, set(pair.example.mr.slots)
    if plan is None or set(plan.slots) != asked:
        return False
    # The plan of an uncorrected pair leaves out what its MR does not ask for; the text does not.
    return asked.issuperset(pair.alignment.plan().slots)


def _verified(
    example: Example, path: str, checker: SlotChecker, held_out: Collection[object]
) -> Example:
    """The example, which is a counterfactual pair.

    Raises:
        DataError: it is not.
    """
    reason = "kind" if example.kind != KIND or len(example.references) != 1 else None
    reason = reason or fault(example, checker, held_out)
    if reason is not None:
        raise DataError(
            f"{path}: record {example.id!r} is no counterfactual pair ({reason}); make the file "
            "with `d2t augment counterfactual` from this corpus and lexicon",
            code="not_counterfactual",
        )
    return example

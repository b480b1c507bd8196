"""Training pairs of a corpus: correction, alignment, overlap removal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from d2t.corpus.correct import align_examples, correct_examples, require_lexicon, split_references
from d2t.corpus.group import group_references, remove_overlap, share_of
from d2t.corpus.load import load_split
from d2t.corpus.registry import registry
from d2t.errors import ConfigError, DataError
from d2t.io.hashing import sha256_json
from d2t.language.delex import maskable
from d2t.language.habits.clauses import ClauseChecker
from d2t.language.template import template_of, template_words
from d2t.mr.domain import load_domain
from d2t.mr.lexicon_layers import with_lexicons
from d2t.slots.checker import SlotChecker
from d2t.train.config.options import OBJECTIVES, DataConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot
    from d2t.slots.types import Alignment

_DEFAULT_CORPUS: str = DataConfig.model_fields["corpus"].default
_DEFAULT_DOMAIN: str = DataConfig.model_fields["domain"].default


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """One reference with what is needed to render it anew each epoch.

    Attributes:
        example: MR, one reference, aligned plan.
        alignment: of that reference.
        maskable: closed slots whose every mention is the value itself, so that a placeholder on
            both sides says the same as the words; in a fixed order.
        keep: the other closed slots, shown as text even when they are rare.
        factual: False for a counterfactual pair, whose plan and reference contradict its MR.
    """

    example: Example
    alignment: Alignment
    maskable: tuple[Slot, ...]
    keep: frozenset[Slot]
    factual: bool = True


@dataclass(frozen=True, slots=True)
class PreparedData:
    """The corpus as training reads it.

    Attributes:
        train: aligned training examples, one reference each; tables and vocabulary come from them.
        extra: pairs of augmentation files, trained on beside ``train``.
        beside: pairs of another kind, which an objective reads.
        dev: likewise; ``dev_groups`` are the same grouped by MR, with all references.
        counts: what happened to the corpus, for the manifest.
        digests: SHA-256 of the MRs and texts of each split as they were read, and of the test
            MRs, which only remove pairs.
    """

    domain: Domain
    checker: SlotChecker
    train: list[TrainingPair]
    dev: list[TrainingPair]
    dev_groups: list[Example]
    counts: dict[str, int]
    digests: dict[str, str]
    extra: list[TrainingPair] = field(default_factory=list)
    beside: list[TrainingPair] = field(default_factory=list)

    @property
    def pairs(self) -> list[TrainingPair]:
        """All ordinary pairs that are trained on."""
        return [*self.train, *self.extra]


def prepare_data(
    config: DataConfig, *, say: Callable[[str], None] = lambda _: None
) -> PreparedData:
    """Read, correct, align and filter the splits (rules O1.6, O1.7).

    Test MRs do nothing but remove training and development pairs that have the same MR.

    Raises:
        ConfigError: a training file of one's own without a development set, or a corpus of another
            domain.
        DomainError: MRs are to be corrected in a domain without a lexicon.
        DataError: a split is missing or nothing is left to train on.
    """
    _require_dev(config)
    domain = with_lexicons(load_domain(config.domain), config.lexicon)
    _require_domain(config)
    if config.correct:
        require_lexicon(domain)
    checker = SlotChecker.for_domain(domain)
    say(f"reading {config.train or config.corpus}")
    raw_train = load_split(config.train or config.corpus, "train", domain, config.reads())
    raw_train = share_of(raw_train[: config.limit], config.share, config.share_seed)
    raw_dev = load_split(config.dev or config.corpus, "dev", domain, config.reads())
    train, dev = split_references(raw_train), split_references(raw_dev)
    say(f"aligning {len(train)} training and {len(dev)} development pairs")
    train, dev = (
        _aligned(split, checker, domain, correct=config.correct) for split in (train, dev)
    )
    n_aligned = len(train)
    test = split_of_test(config, domain) if config.remove_overlap else []
    train, dev = remove_overlap(train, test), remove_overlap(dev, test)
    extra, digests = _augmentation(config.augment, domain, checker, say)
    pairs = training_pairs(train, checker, domain)
    kept = training_pairs(remove_overlap(extra, test), checker, domain)
    if config.clauses:
        pairs, kept = _whole_clauses(pairs, kept, domain)
        n_faulty = len(train) - len(pairs)
        say(f"{n_faulty} training pairs left out because of faulty clauses (data.clauses)")
    counts = {
        "train_read": len(raw_train), "train_aligned": n_aligned, "train_used": len(pairs),
        "dev_read": len(raw_dev), "dev_used": len(dev),
        **({"augment_read": len(extra), "augment_used": len(kept)} if extra else {}),
    }  # fmt: skip
    if not pairs or not dev:
        empty = "training" if not pairs else "development"
        raise DataError(
            f"no {empty} pairs are left after alignment and overlap removal; "
            "check the corpus with `d2t data validate`, or set data.remove_overlap=false"
        )
    return PreparedData(
        domain=domain,
        checker=checker,
        train=pairs,
        dev=training_pairs(dev, checker, domain),
        dev_groups=group_references(dev),
        counts=counts,
        digests={
            "train": digest_of(raw_train),
            "dev": digest_of(raw_dev),
            **({"test_mrs": sha256_json([str(e.mr) for e in test])} if test else {}),
            **digests,
        },
        extra=kept,
    )


def training_pairs(
    examples: Iterable[Example], checker: SlotChecker, domain: Domain
) -> list[TrainingPair]:
    """Align each reference with its MR and find the slots that may be shown as placeholders."""
    pairs = []
    for example in examples:
        alignment = checker.align(example.references[0], example.mr)
        masks = maskable(alignment, example.mr, domain)
        keep = frozenset(example.mr.slots).difference(masks)
        pairs.append(TrainingPair(example, alignment, masks, keep))
    return pairs


def _whole_clauses(
    pairs: Sequence[TrainingPair], extra: Sequence[TrainingPair], domain: Domain
) -> tuple[list[TrainingPair], list[TrainingPair]]:
    """The pairs whose sentences hold together; parts of sentences have nothing to show."""
    clauses = ClauseChecker.fit(_words(pair, domain) for pair in pairs)

    def holds(pair: TrainingPair) -> bool:
        if pair.example.kind not in (None, "sentence", "clause"):
            return True
        return clauses.fault(_words(pair, domain)) is None

    return [pair for pair in pairs if holds(pair)], [pair for pair in extra if holds(pair)]


def _words(pair: TrainingPair, domain: Domain) -> list[str]:
    return template_words(template_of(pair.alignment, domain))


def _augmentation(
    paths: Sequence[str], domain: Domain, checker: SlotChecker, say: Callable[[str], None]
) -> tuple[list[Example], dict[str, str]]:
    """The pairs of augmentation files, aligned where they have no plan, and the files' digests."""
    examples: list[Example] = []
    digests: dict[str, str] = {}
    for number, path in enumerate(paths, start=1):
        say(f"reading {path}")
        read = load_split(path, "train", domain)
        _require_ordinary(read, path)
        singles = split_references(read)  # a pair of several references is several pairs
        examples += [e if e.plan else align_examples([e], checker)[0] for e in singles]
        digests[f"augment_{number}"] = digest_of(read)
    return [e for e in examples if e.plan is not None and e.plan.slots], digests


def _require_ordinary(examples: Iterable[Example], path: str) -> None:
    """Pairs of an objective's own kind, such as false ones, do harm where others learn them."""
    kinds = {example.kind for example in examples} - {None}
    if not kinds:
        return
    for name, objective in OBJECTIVES.items().items():
        for kind in objective.pair_kinds & kinds:
            raise DataError(
                f"{path} holds {kind} pairs, which only --objective {name} can learn from: give "
                "the file as objective.pairs, not as data.augment",
                code=kind,
            )


def _aligned(
    examples: list[Example], checker: SlotChecker, domain: Domain, *, correct: bool
) -> list[Example]:
    if correct:
        return correct_examples(examples, checker, domain)
    return [e for e in align_examples(examples, checker) if e.plan is not None and e.plan.slots]


def _require_dev(config: DataConfig) -> None:
    """Weights for a corpus of one's own are not chosen by how well they word the embedded one."""
    if _own_corpus(config) and config.dev is None:
        raise ConfigError(
            f"data.train is {config.train}, but there is no development set to choose the weights "
            "by: give one with --dev FILE, or name the corpus whose splits go with it (--corpus)"
        )


def _require_domain(config: DataConfig) -> None:
    """A registered corpus of another domain than the default needs one to be chosen."""
    entry = None if _own_corpus(config) else registry().get(config.corpus)
    if entry is not None and config.domain == _DEFAULT_DOMAIN != entry.domain:
        raise ConfigError(
            f"corpus {config.corpus!r} belongs to domain {entry.domain!r}, but data.domain is "
            f"{config.domain!r}; add --domain {entry.domain}"
        )


def _own_corpus(config: DataConfig) -> bool:
    """Whether the training file stands alone, not in the place of a named corpus's train split."""
    return config.train is not None and config.corpus == _DEFAULT_CORPUS


def split_of_test(config: DataConfig, domain: Domain) -> list[Example]:
    """The test split, or nothing when the user's own files come without one."""
    if config.test is None and _own_corpus(config):
        return []
    return load_split(config.test or config.corpus, "test", domain, config.reads())


def digest_of(examples: Sequence[Example]) -> str:
    """Of all that training reads of them; what corpora do not have leaves theirs as it is."""
    return sha256_json([[str(e.mr), list(e.references), *_extras(e)] for e in examples])


def _extras(example: Example) -> list[object]:
    if example.plan is None and example.kind is None:
        return []
    plan = example.plan
    order = None if plan is None else [*map(str, plan.slots), plan.breaks]
    return [order, example.kind]

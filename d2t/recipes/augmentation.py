"""Making training pairs from a corpus: phrases, and counterfactual pairs (``d2t augment``)."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2t.augment.compose import WORLD, ComposeOptions, World, composed_pairs, load_world
from d2t.augment.counterfactual import DEFAULT_SOURCES, CounterfactualCounts, to_record
from d2t.augment.phrases.phrases import PhraseCounts, phrase_examples, phrase_report
from d2t.augment.phrases.selection import fluent_phrases, phrase_fluency, select_phrases
from d2t.corpus.registry import default_domain, registry
from d2t.errors import UsageError
from d2t.language.frames.frames import load_frames
from d2t.mr.domain import load_domain
from d2t.mr.lexicon_layers import has_lexicon
from d2t.recipes.counterfactual import held_out_mrs, made_pairs
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker
from d2t.train.config.options import DataConfig
from d2t.train.data.prepare import prepare_data

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from d2t.augment.counterfactual import Source
    from d2t.augment.phrases.phrases import Dedupe
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions

    Bar = Callable[[str, int], AbstractContextManager[Callable[..., None]]]
    """Opens a progress bar with a title and a length; yields what moves it by a number."""

logger = logging.getLogger(__name__)


def training_data(
    corpus: str,
    domain: str | None = None,
    *,
    test: str | None = None,
    share: float = 1.0,
    share_seed: int = 0,
    reading: ReadOptions | None = None,
) -> DataConfig:
    """The training data as ``d2t train`` would read it; a file is its own development set.

    Args:
        corpus: a registered corpus, or a file of training pairs.
        domain: name or folder; None: that of the corpus.
        test: the test set whose MRs are left out; None: that of the corpus.
        share: the part of the training MRs that is read, above 0, at most 1.
        share_seed: chooses these MRs.
        reading: how a file is read.

    Raises:
        UsageError: no share of the corpus is asked for.
        DomainError: there is no such domain.
    """
    if not share:
        raise UsageError("--share 0 leaves no MRs to make pairs from; give a part above 0, up to 1")
    domain = domain or default_domain(corpus)
    own = corpus not in registry()
    options = {
        **({"train": corpus, "dev": corpus} if own else {"corpus": corpus}),
        "test": test,
        "domain": domain,
        "correct": has_lexicon(load_domain(domain)),
        "share": share,
        "share_seed": share_seed,
        "reading": (reading.as_dict() if reading else None) or None,
    }
    return DataConfig.model_validate(options)


@dataclass(frozen=True, slots=True)
class PhraseSelection:
    """How many phrases are kept (``select_phrases`` says how).

    Attributes:
        dedupe: which pairs count as equal.
        fluency_quantile: the share of each kind, the least fluent, that is left out first.
        max_per_plan, max_per_reference, limit, seed: as in ``select_phrases``.
    """

    dedupe: Dedupe = "template"
    fluency_quantile: float = 0.0
    max_per_plan: int | None = None
    max_per_reference: int | None = None
    limit: int | None = None
    seed: int = 0


def make_phrases(
    config: DataConfig,
    selection: PhraseSelection,
    *,
    bar: Bar,
    notify: Callable[[str], None] = logger.info,
) -> tuple[list[Example], Domain, dict[str, Any]]:
    """Cut the training references into phrases and select some.

    Args:
        config: the training data.
        selection: which phrases are kept.
        bar: opens a progress bar.
        notify: gets lines for a person.

    Returns:
        The phrases, their domain, and a report (``phrase_report``).

    Raises:
        DataError: there is no such corpus.
    """
    data = prepare_data(config, say=notify)
    counts = PhraseCounts()
    notify(f"cutting {len(data.train)} references")
    alignments = [pair.alignment for pair in data.train]
    with bar("cutting", len(data.train)) as advance:
        phrases = list(
            phrase_examples(
                [pair.example for pair in data.train],
                data.checker,
                data.domain,
                alignments=alignments,
                dedupe=selection.dedupe,
                held_out=held_out_mrs(config, data.domain),
                counts=counts,
                advance=advance,
            )
        )
    if selection.fluency_quantile:
        n = len(phrases)
        with bar("reading phrases", n) as advance:
            scores = phrase_fluency(phrases, alignments, data.checker, data.domain, advance=advance)
        phrases = fluent_phrases(phrases, scores, selection.fluency_quantile)
        notify(f"{len(phrases)} of {n} phrases read well")
    chosen = select_phrases(
        phrases,
        max_per_plan=selection.max_per_plan,
        max_per_reference=selection.max_per_reference,
        limit=selection.limit,
        seed=selection.seed,
    )
    return chosen, data.domain, phrase_report(chosen, counts)


def make_composed(
    domain: str,
    options: ComposeOptions | None = None,
    *,
    world: Path | None = None,
    test: str | None = None,
) -> tuple[Iterator[dict[str, Any]], Counter[str]]:
    """Compose training pairs from the frames of a domain (``d2t augment compose``).

    Args:
        domain: name or folder.
        options: how many and which.
        world: values to draw from; None: ``world.toml`` of the domain, if there is one.
        test: a corpus or file whose test MRs must not occur in the pairs.

    Returns:
        The pairs as JSON-able records, composed as they are read, and counts that grow with them.

    Raises:
        UsageError: the domain has no frames.
        DomainError: there is no such domain, or a file does not fit it.
    """
    loaded = load_domain(domain)
    frames = load_frames(loaded)
    if frames is None:
        raise UsageError(
            f"domain {domain!r} has no frames.toml, which says how its values stand in clauses: "
            "write one (d2t guide domains)"
        )
    path = world or (loaded.folder / WORLD if loaded.folder else None)
    values = load_world(path, loaded) if path and (world or path.is_file()) else World()
    counts: Counter[str] = Counter()
    held_out: Collection[object] = ()
    if test is not None:
        own = None if test in registry() else test
        held_out = held_out_mrs(training_data(test, domain, test=own), loaded)
    checker = SlotChecker.for_domain(loaded) if has_lexicon(loaded) else None
    records = composed_pairs(
        loaded, frames, values, options or ComposeOptions(),
        checker=checker, held_out=held_out, counts=counts,
    )  # fmt: skip
    return records, counts


def make_counterfactual(
    config: DataConfig,
    sources: Collection[Source] = DEFAULT_SOURCES,
    *,
    limit: int | None = None,
    seed: int = 0,
    bar: Bar,
    notify: Callable[[str], None] = logger.info,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Make pairs whose utterance says a plan that contradicts their MR.

    Args:
        config: the training data.
        sources: how pairs are made.
        limit: keep a uniform sample of this size.
        seed: of all random choices.
        bar: opens a progress bar.
        notify: gets lines for a person.

    Returns:
        The pairs as JSON-able records, and a report: counts of the references, of the pairs that
        were dropped by reason, and of those that were kept by source.

    Raises:
        DataError: there is no such corpus.
    """
    data = prepare_data(config, say=notify)
    counts = CounterfactualCounts()
    held_out = held_out_mrs(config, data.domain)
    with bar("making pairs", len(data.train)) as advance:
        pairs = made_pairs(
            config, data, sources, held_out, seed=seed, counts=counts, advance=advance
        )
    if limit is not None and limit < len(pairs):
        drawn = derived_rng(seed, "limit").sample(range(len(pairs)), limit)
        pairs = [pairs[at] for at in sorted(drawn)]
    report = {
        "references": counts.references,
        "dropped": {
            **dict(counts.dropped.most_common()),
            "not_selected": sum(counts.kept.values()) - len(pairs),
        },
        "written": len(pairs),
        "made_by": dict(Counter(pair.source for pair in pairs)),
    }
    return [to_record(pair, data.domain) for pair in pairs], report

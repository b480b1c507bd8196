"""Phrase-based augmentation: the parts of a reference as pairs of their own (rule O3.1).

A phrase is a contiguous piece of a training reference that realises one or more slots and stands on
its own; its MR is what it says, its plan the order in which it says it, its kind what the source
is marked with. Departures from the paper, beside those of ``cut``: equal pairs are kept
once (the paper keeps duplicates), slots that come twice are no phrase, the checker must read the
phrase **in isolation** exactly as it read it inside its reference, and the source is marked with
the kind at its beginning only (the paper: typed start and stop).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from d2t.augment.phrases.chunks import Chunker
from d2t.augment.phrases.cut import Cut, cuts, is_sentence
from d2t.augment.phrases.words import ENDS, CorpusWords, words_of
from d2t.corpus.types import Example
from d2t.language.delex import Bindings, delexicalize
from d2t.language.symbols import KINDS, placeholder
from d2t.mr.types import MeaningRepresentation, Plan
from d2t.slots.types import Alignment, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence

    from d2t.augment.phrases.words import Word
    from d2t.corpus.correct import Aligner
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot


Dedupe = Literal["template", "text", "none"]
"""Equal pairs are those with equal delexicalized templates, with equal texts and MRs, or none."""

_UNPAIRED = (("(", ")"), ("[", "]"), ("“", "”"))


@dataclass
class PhraseCounts:
    """What became of the references and of the spans that were cut out of them.

    Attributes:
        references: training references read.
        spans: cuts that the grammar proposed and that hold a slot.
        dropped: of these, by reason.
        kept: of these, by kind.
    """

    references: int = 0
    spans: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)


class _Phrase(NamedTuple):
    kind: str
    start: int
    text: str
    alignment: Alignment  # the parent's spans, moved
    slots: tuple[Slot, ...]


def phrase_examples(
    examples: Iterable[Example],
    checker: Aligner,
    domain: Domain,
    *,
    alignments: Sequence[Alignment] | None = None,
    corpus_words: CorpusWords | None = None,
    dedupe: Dedupe = "template",
    held_out: Collection[Hashable] = (),
    counts: PhraseCounts | None = None,
    advance: Callable[[], object] = lambda: None,
) -> Iterator[Example]:
    """The phrases of aligned training references, in corpus order, each with its ``kind``.

    Only a ``sentence`` has sentence breaks in its plan (none, as it is one sentence); the other
    kinds end no sentence, so theirs are not planned.

    Args:
        examples: corrected, one reference each.
        checker: aligns references, and reads each phrase on its own.
        domain: says which slots are open: their values are placeholders for the model.
        alignments: of the references, when the caller has them.
        corpus_words: which words are verbs and nouns; found in the references when not given.
        dedupe: which pairs count as equal; the first one stays. With ``template``, "near Cotto" and
            "near Zizzi" are one pair, "serves Thai food" and "serves French food" are two.
        held_out: ``mr.key()`` of MRs that no phrase may have: the test set's (rule O1.7).
        counts: filled on the way, when given.
        advance: called for each reference that is done.
    """
    counts = PhraseCounts() if counts is None else counts
    parents = list(examples)
    if alignments is None:
        alignments = [checker.align(parent.references[0], parent.mr) for parent in parents]
    words = [words_of(alignment) for alignment in alignments]
    open_slots = frozenset(spec.name for spec in domain.slots if spec.kind == "open")
    chunker = Chunker(corpus_words or CorpusWords.of(words), open_slots)
    ranks = {name: rank for rank, name in enumerate(domain.slot_names)}
    seen: set[Hashable] = set()
    for parent, alignment, own_words in zip(parents, alignments, words, strict=True):
        counts.references += 1
        advance()
        for phrase in _phrases(alignment, own_words, chunker):
            counts.spans += 1
            key = _identity(phrase, parent.mr.dialogue_act, open_slots, dedupe)
            reason = "duplicate" if key in seen else _fault(phrase)
            if reason is None:
                slots = sorted(phrase.slots, key=lambda slot: ranks[slot.name])
                mr = MeaningRepresentation(tuple(slots), parent.mr.dialogue_act)
                plan = Plan(phrase.slots, () if phrase.kind == "sentence" else None)
                if mr.key() in held_out:
                    reason = "test_mr"
                elif checker.align(phrase.text, mr).plan().slots != phrase.slots:
                    reason = "reads_otherwise_alone"
            if reason is not None:
                counts.dropped[reason] += 1
                continue
            counts.kept[phrase.kind] += 1
            if dedupe != "none":
                seen.add(key)
            own_id = f"{parent.id}:{phrase.start}-{phrase.start + len(phrase.text)}"
            yield Example(own_id, mr, (phrase.text,), plan, phrase.kind)


def _phrases(alignment: Alignment, words: Sequence[Word], chunker: Chunker) -> Iterator[_Phrase]:
    """Every cut of a reference that holds a slot, except what is the reference itself."""
    starts = [*alignment.sentence_starts, len(alignment.text) + 1]
    sentences = [
        [word for word in words if start <= word.start < end] for start, end in pairwise(starts)
    ]
    sentences = [sentence for sentence in sentences if sentence]
    for number, sentence in enumerate(sentences):
        chunks = chunker(sentence)
        proposed = list(cuts(sentence, chunks))
        if len(sentences) > 1 and is_sentence(sentence, chunks):
            after = sentences[number + 1][0] if number + 1 < len(sentences) else None
            if _begins_anew(alignment, sentence[0]) and _begins_anew(alignment, after):
                proposed.append(Cut("sentence", 0, len(sentence)))
        last = len(sentence)
        while last and sentence[last - 1].low in ENDS:
            last -= 1
        for cut in proposed:
            # A clause that is all of its sentence would be the same pair again, less a full stop.
            if cut.kind == "sentence" or (cut.first, cut.last) != (0, last):
                yield from _cut_out(alignment, sentence, cut)


def _begins_anew(alignment: Alignment, word: Word | None) -> bool:
    """Whether a sentence begins in capitals: what follows a stray full stop does not."""
    return word is None or not alignment.text[word.start].islower()


def _cut_out(alignment: Alignment, sentence: Sequence[Word], cut: Cut) -> Iterator[_Phrase]:
    start, end = sentence[cut.first].start, sentence[cut.last - 1].end
    spans = [span for span in alignment.spans if start < span.end and span.start < end]
    if not spans:
        return
    start, end = min(start, spans[0].start), max(end, spans[-1].end)
    moved = tuple(Span(span.start - start, span.end - start, span.slot) for span in spans)
    inside = Alignment(alignment.text[start:end], moved)
    yield _Phrase(cut.kind, start, inside.text, inside, inside.plan().slots)


def _fault(phrase: _Phrase) -> str | None:
    """Why a phrase cannot stay, as far as the text alone shows."""
    if len(set(phrase.slots)) != len(phrase.slots):
        return "slot_twice"
    text = phrase.text
    if text.count('"') % 2 or any(
        text.count(left) != text.count(right) for left, right in _UNPAIRED
    ):
        return "unpaired_mark"
    return None


def _identity(
    phrase: _Phrase, act: str, open_slots: frozenset[str], dedupe: Dedupe
) -> tuple[Hashable, ...]:
    """What makes two phrases the same pair for a model that sees open values as placeholders."""
    if dedupe != "template":
        return phrase.kind, act, phrase.text, phrase.slots
    symbols: dict[Slot, str] = {}
    for slot in phrase.slots:
        if slot.name in open_slots and slot not in symbols:
            k = 1 + sum(other.name == slot.name for other in symbols)
            symbols[slot] = placeholder(slot.name, k)
    table = {symbol: slot.value for slot, symbol in symbols.items()}
    template = delexicalize(phrase.alignment, Bindings(table, open_symbols=frozenset(table)))
    plan = tuple((slot.name, symbols.get(slot, slot.value)) for slot in phrase.slots)
    return phrase.kind, act, template.casefold(), plan


def phrase_report(phrases: Sequence[Example], counts: PhraseCounts) -> dict[str, Any]:
    """JSON-able counts of the phrases that are written, and of where the others went.

    ``distinct_orders`` are orders of slot names, ``distinct_plans`` orders of slots with values.
    """
    kinds = Counter(phrase.kind for phrase in phrases)
    sizes = Counter(min(len(phrase.mr.slots), 3) for phrase in phrases)
    plans = [phrase.plan.slots for phrase in phrases if phrase.plan is not None]
    return {
        "references": counts.references,
        "spans": counts.spans,
        "dropped": {
            **dict(counts.dropped.most_common()),
            "not_selected": sum(counts.kept.values()) - len(phrases),
        },
        "written": len(phrases),
        "kinds": {kind: kinds[kind] for kind in KINDS},
        "slots": {"1": sizes[1], "2": sizes[2], "3+": sizes[3]},
        "distinct_texts": len({phrase.references for phrase in phrases}),
        "distinct_mrs": len({phrase.mr.key() for phrase in phrases}),
        "distinct_plans": len(set(plans)),
        "distinct_orders": len({tuple(slot.name for slot in plan) for plan in plans}),
    }


def report_lines(report: dict[str, Any]) -> list[str]:
    """The report for a person."""

    def listed(table: dict[str, int]) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in table.items())

    return [
        f"{report['references']} references, {report['spans']} spans that hold a slot",
        f"dropped: {listed(report['dropped'])}",
        f"written: {report['written']} ({listed(report['kinds'])})",
        f"slots: {listed(report['slots'])}",
        f"distinct: {report['distinct_texts']} texts, {report['distinct_mrs']} MRs, "
        f"{report['distinct_plans']} plans, {report['distinct_orders']} orders of slot names",
    ]

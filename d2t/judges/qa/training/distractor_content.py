"""The words that fill distractor frames: cut from references, in the forms that frames ask for.

``phrases`` cuts predicates ("serves Thai food") and modifiers ("near the river"); English
morphology makes the other forms of a predicate. Where it is not plain how, there is no such form.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from d2t.augment.phrases.phrases import phrase_examples
from d2t.augment.phrases.words import AUXILIARIES, COPULAS, PREPOSITIONS, is_participle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from d2t.corpus.correct import Aligner
    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.types import Slot

MAX_WORDS = 10
"""Of a piece of content; longer ones hold slips and more than one clause."""
MAX_REFERENCES = 3000
"""References that are cut: enough wordings, in half a minute."""
_SINGULAR = frozenset({"is", "isn't", "isn’t", "has", "hasn't", "hasn’t", "does", "doesn't", "can"})
_NEGATED = re.compile(r"\b(?:not|no|never|cannot)\b|n['’]t\b", re.IGNORECASE)
_MARKS = re.compile(r"[\"“”()!?;:]|\.(?!\d)")
_ARTICLES = frozenset({"a", "an"})


class Content(NamedTuple):
    """Words and what they say."""

    text: str
    slots: tuple[Slot, ...]


class ContentStore:
    """Content by form and by the slots that it says."""

    def __init__(self, contents: Iterable[tuple[str, Content]]) -> None:
        self._by_name: dict[tuple[str, str], list[Content]] = defaultdict(list)
        self._by_slot: dict[tuple[str, Slot], list[Content]] = defaultdict(list)
        for form, content in contents:
            for name in {slot.name for slot in content.slots}:
                self._by_name[form, name].append(content)
            if len(content.slots) == 1:
                self._by_slot[form, content.slots[0]].append(content)

    @classmethod
    def of(
        cls,
        references: Sequence[Example],
        aligner: Aligner,
        domain: Domain,
        *,
        written: Mapping[Slot, Sequence[str]] | None = None,
    ) -> ContentStore:
        """Cut ``MAX_REFERENCES`` references from all over the corpus into content.

        They are one a record; equal wordings count once, whatever the values of open slots. A
        place that is spoken of without a preposition is left out ("is Clare Hall": a slip).

        Args:
            references: one text each.
            aligner: finds what a phrase says.
            domain: of the slots.
            written: more content by what it says: predicates, and modifiers (they begin with a
                preposition). A value that no record has is left out, so that what was held out of
                the references stays out.
        """
        step = max(1, -(-len(references) // MAX_REFERENCES))
        named = {spec.name for spec in domain.slots if spec.kind == "open"}
        cut = (
            (form, Content(text, phrase.mr.slots))
            for phrase in phrase_examples(references[::step], aligner, domain)
            if not named & set(phrase.mr.names)
            or PREPOSITIONS & set(phrase.references[0].casefold().split())
            for form, text in forms(phrase.kind or "", phrase.references[0])
        )
        known = {slot for reference in references for slot in reference.mr.slots}
        more = (
            (form, Content(text, (slot,)))
            for slot, phrases in (written or {}).items()
            if slot in known
            for phrase in phrases
            for form, text in forms(kind_of(phrase), phrase)
        )
        return cls((*cut, *more))

    def about(self, form: str, name: str) -> Sequence[Content]:
        """Content that says the slot ``name``, perhaps with others."""
        return self._by_name.get((form, name), ())

    def saying(self, form: str, slot: Slot) -> Sequence[Content]:
        """Content that says ``slot`` and nothing else."""
        return self._by_slot.get((form, slot), ())


def kind_of(phrase: str) -> str:
    """``modifier`` for what begins with a preposition, else ``predicate``."""
    return "modifier" if phrase.split()[0] in PREPOSITIONS else "predicate"


def forms(kind: str, text: str) -> Iterator[tuple[str, str]]:
    """The forms of a phrase of ``kind``: of a predicate or a modifier, of others none."""
    words = text.split()
    if not 1 < len(words) <= MAX_WORDS or _MARKS.search(text):
        return
    text, first = " ".join(words), words[0]
    if kind == "modifier" and first in PREPOSITIONS:
        yield "with", text
    if kind == "predicate" and (first in _SINGULAR or _base(first) is not None):
        yield "says", text
        yield from _other_forms(first, words[1:], negated=_NEGATED.search(text) is not None)


def _other_forms(first: str, rest: Sequence[str], *, negated: bool) -> Iterator[tuple[str, str]]:
    base, after = _base(first), " ".join(rest)
    perfect = first == "has" and (rest[0] in COPULAS or is_participle(rest[0]))
    if negated or base is None or perfect:
        return
    yield "say", f"{base} {after}"
    yield "denies", f"is not {after}" if first == "is" else f"does not {base} {after}"
    if first == "is" and rest[0] in _ARTICLES and len(rest) > 1:
        yield "thing", after
    if first == "has":
        yield "has", after


def _base(verb: str) -> str | None:
    """``serve`` of ``serves``; None of what is neither regular nor "is" or "has"."""
    if verb in ("is", "has"):
        return "be" if verb == "is" else "have"
    if verb in AUXILIARIES or not verb.isalpha() or len(verb) < 4:
        return None
    if verb.endswith("ies"):
        return f"{verb[:-3]}y"
    if verb.endswith(("shes", "ches", "sses", "xes", "oes")):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith("ss") else None

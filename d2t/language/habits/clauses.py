"""Whether the sentences of an English text hold together: one predicate a clause, one thing a text.

The slot checker proves content and language models judge words side by side; neither minds "There
is a pub near Ranch is called Aromi" or "With a low price and is family friendly, Aromi ...". Both
are common slips of people, and models learn them. Verbs are counted against the words that open or
join clauses; which words are verbs is read from references.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from d2t.language.habits.linking import LinkFault, link_fault, sentences_of, usual_subject
from d2t.language.habits.wording import Wording, WordingFault
from d2t.language.symbols import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ClauseFault = Literal["no_verb", "no_subject", "nothing_joined", "too_many_verbs", "says_nothing"]
Fault = ClauseFault | LinkFault | WordingFault

_SUBJECTS = frozenset({"it", "they", "you", "we"})
_COPULAS = frozenset({"is", "are"})
_MODALS = frozenset({"can", "could", "may", "might", "must", "should", "will", "would"})
_AUXILIARIES = _MODALS | {"has", "have", "had", "does", "do", "did"}
_WITHIN = frozenset({"also", "always", "been", "never", "not"})
"""What may stand between an auxiliary and the verb that it makes one predicate with."""
_CONTRACTED = re.compile(r"(?:it|they|there|that|he|she|we|you)'(?:s|re)|\w+n't")
_JOINING = frozenset({"and", "but", "or", "yet", "so", "nor", "plus"})
_OPENING = frozenset({
    "that", "which", "who", "whose", "where", "what", "when", "if", "as", "because", "since",
    "while", "whilst", "although", "though", "however", "despite", ";",
})  # fmt: skip
_ADJUNCTS = frozenset({
    "with", "near", "in", "at", "by", "on", "for", "from", "close", "next", "not", "located",
    "situated", "found", "rated", "priced", "serving", "offering", "providing", "featuring",
})  # fmt: skip
"""What begins a phrase that says how or where, and is no subject."""
_DETERMINERS = frozenset({"a", "an", "the", "this", "that", "one", "another", "its", "their"})
_NAMED = frozenset({"called", "named"})
_GENERIC = frozenset({"place", "one", "establishment", "venue", "location", "spot", "thing"})
_NOT_SUBJECTS = _NAMED | {"not"}
_REACH = 4
"""Words after a joining word among which the verb of the clause it joins is looked for: "and its
customer rating is". A noun phrase that is joined has none so near."""
_CLOSE = 2
"""Likewise where that clause has no subject of its own: "and is", "but also has"."""


_TYPICAL = 0.01
"""Share of a verb's occurrences that must be behind a pronoun: "it with" is somebody's slip."""


class ClauseChecker:
    """Tells texts whose sentences have a verb too many or too few from those that hold together.

    It errs on the strict side: a sentence whose only verb is rare counts as one without, and so
    does a clause that only a comma joins to another.

    Attributes:
        verbs: words that are finite verbs.
        bare: verbs without an ending, which make a clause where one begins ("Try Aromi").
        subject: the placeholder of what texts are about; without one, sentences are not asked
            whether they speak of the same thing (``d2t.language.habits.linking``).
        wording: what is called by name, and how; without it that is not asked.
    """

    def __init__(
        self,
        verbs: Iterable[str],
        bare: Iterable[str] = (),
        subject: str | None = None,
        wording: Wording | None = None,
    ) -> None:
        self.verbs = frozenset(verbs) - _JOINING - _OPENING
        self.bare = frozenset(bare) - _JOINING - _OPENING
        self.subject = subject
        self.wording = wording

    @classmethod
    def fit(cls, texts: Iterable[Sequence[str]], *, min_share: float = 0.0002) -> ClauseChecker:
        """Take as verbs what follows "it" and "they" more often than "is" and "are".

        What follows "can" and "should" are verbs without an ending; the subject is the placeholder
        that most often begins a text.

        Args:
            texts: the words of each text, lower case, as ``template_words`` gives them.
            min_share: share of the texts that must have a word in that place.
        """
        finite, bare, participles, said = (Counter[str]() for _ in range(4))
        read = list(texts)
        n_texts = len(read)
        for words in read:
            said.update(words)
            for word, following in pairwise(words):
                if word in _SUBJECTS:
                    finite[following] += 1
                elif word in _COPULAS:
                    participles[following] += 1
                elif word in _MODALS:
                    bare[following] += 1
        verbs, imperatives = (
            [
                word
                for word, n in counts.items()
                if n >= max(2.0, min_share * n_texts, _TYPICAL * said[word])
                and n > participles[word]
                and word.isalpha()
            ]
            for counts in (finite, bare)
        )
        return cls(verbs, imperatives, usual_subject(read), Wording.fit(read))

    def fault(self, words: Sequence[str]) -> Fault | None:
        """What is wrong with the first sentence that does not hold together, or None.

        Where each does, what is worded oddly; or else what keeps them apart.
        """
        sentences = sentences_of(words)
        for sentence in sentences:
            if fault := self._sentence_fault(sentence):
                return fault
        if self.wording and (odd := self.wording.fault(words)):
            return odd
        return link_fault(sentences, self.subject, self.bare) if self.subject else None

    def _sentence_fault(self, words: Sequence[str]) -> Fault | None:
        verbs = [place for place in range(len(words)) if self._is_predicate(words, place)]
        opened = [place for place, word in enumerate(words) if word in _OPENING]
        if not any(_is_main(words, place, verbs) for place in verbs):
            return "no_verb"
        if self._lacks_subject(words, verbs[0]):
            return "no_subject"
        if _says_nothing(words):
            return "says_nothing"
        joining = [place for place, word in enumerate(words) if word in _JOINING]
        first = min([*verbs, *opened])
        if any(self._joins_nothing(words, place, first) for place in joining):
            return "nothing_joined"
        joined = [place for place in joining if self._has_verb(words, place, _REACH)]
        last = max(joined, default=-1)  # "serves fish, has a view and is cheap"
        listed = [place for place in verbs[1:] if words[place - 1] == "," and place < last]
        allowed = 1 + len(opened) + len(joined) + len(listed)
        return "too_many_verbs" if len(verbs) > allowed else None

    def _lacks_subject(self, words: Sequence[str], verb: int) -> bool:
        """Whether only adjuncts stand before the first verb, and no subject can follow it.

        "With a low price, near Ranch, is cheap", "Near Ranch is not cheap"; but "Near Ranch, is a
        pub" is an inversion.
        """
        if self._is_imperative(words, verb) or _CONTRACTED.fullmatch(words[verb]):
            return False
        before, after = words[:verb], words[verb + 1 : verb + 2]
        starts = [word for at, word in enumerate(before) if at == 0 or before[at - 1] == ","]
        if not starts or any(start not in _ADJUNCTS for start in starts):
            return False
        if before[-1] != ",":
            return before[-1] not in _SUBJECTS and any(word in _NOT_SUBJECTS for word in after)
        subject = any(word in _DETERMINERS or PLACEHOLDER.fullmatch(word) for word in after)
        return not (subject and words[verb] in _COPULAS)

    def _joins_nothing(self, words: Sequence[str], place: int, first: int) -> bool:
        """Whether a predicate is joined before there is any, or a bare name by "but".

        Args:
            words: of the sentence.
            place: of the joining word.
            first: place of the first verb or opening word.
        """
        if place < first:
            return self._has_verb(words, place, _CLOSE)
        named = any(PLACEHOLDER.fullmatch(word) for word in words[place + 1 : place + 2])
        return words[place] == "but" and named and not self._has_verb(words, place, _REACH)

    def _has_verb(self, words: Sequence[str], place: int, reach: int) -> bool:
        return any(self._is_verb(word) for word in words[place + 1 : place + 1 + reach])

    def _is_predicate(self, words: Sequence[str], place: int) -> bool:
        """Whether a verb stands there that no auxiliary before it counts for already."""
        first = place
        while first and (words[first - 1] in _WITHIN or words[first - 1].endswith("ly")):
            first -= 1
        if first and words[first - 1] in _AUXILIARIES:
            return False
        return self._is_verb(words[place]) or self._is_imperative(words, place)

    def _is_imperative(self, words: Sequence[str], place: int) -> bool:
        """Whether a verb without ending opens a clause: "Near Ranch, try Aromi"."""
        return words[place] in self.bare and (place == 0 or words[place - 1] == ",")

    def _is_verb(self, word: str) -> bool:
        return word in self.verbs or _CONTRACTED.fullmatch(word) is not None


def _is_main(words: Sequence[str], place: int, verbs: Sequence[int]) -> bool:
    """Whether no opening word claims the verb: it is the nearest behind none."""
    start = max((verb + 1 for verb in verbs if verb < place), default=0)
    return not any(word in _OPENING for word in words[start:place])


def _says_nothing(words: Sequence[str]) -> bool:
    """Whether it ends in "is a place": the model has put its slot before the verb."""
    return len(words) > 3 and (
        words[-3] in _COPULAS and words[-2] in _DETERMINERS and words[-1] in _GENERIC
    )

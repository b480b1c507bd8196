"""Whether a text calls the right things by name, in the way that the references do.

"There is a place near Ranch pub called Aromi" says every slot to a slot checker, but the pub is
Ranch; "Thai food near Ranch is a pub" calls the food one, and "Near Ranch is a cheap Aromi" gives a
name an article. Each is made of words that are usual side by side, so that language models let it
pass, and self-training, whose labels are a slot checker's, learns it
(``d2t.language.habits.linking`` has another such gap).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

from d2t.language.habits.linking import sentences_of, usual_subject
from d2t.language.symbols import PLACEHOLDER
from d2t.language.template import template_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WordingFault = Literal["doubled", "odd_neighbour", "article", "not_a_thing"]

WORDING = "wording"
"""Key of a bundle's ``decode_defaults``: ``Wording.to_dict``."""

_EDGE = ""
"""What stands before the first word of a text and behind the last."""
_USUAL = 0.001
"""Share of a placeholder's occurrences that a neighbour must have: "Ranch pub" has 0.04%."""
_ENOUGH = 500
"""Occurrences of a placeholder from which its neighbours are known."""
_NAMED = 0.15
"""Share of the copulas behind a thing that name it, at least: "the pub is Aromi" has 16%, "the food
is Aromi" 5%."""
_SEEN = 5
_OFTEN = 0.0005
"""Share of the texts in which a copula must stand behind a thing, for it to be known."""
_HOLDING = 0.9
"""Share of the references that must hold themselves."""

_COPULAS = frozenset({"is", "are", "was", "were"})
_ARTICLES = frozenset({"a", "an"})
_DEFINITE = frozenset({"the", "this", "that", "its", "their", "our", "your"})
_NAMING = frozenset({"a", "an", "one", "another", "called", "named", "not"})
"""What follows the copula where a thing is named, or said to be of a kind."""
_ADVERBIAL = frozenset({
    "with", "near", "in", "at", "by", "on", "for", "from", "close", "next", "not", "located",
    "situated", "found", "along", "around", "within", "outside", "to", "of", "under", "over",
    "between", "beside", "inside", "opposite", "past",
})  # fmt: skip
"""What begins a phrase that says how or where."""
_OPENING = frozenset({
    "that", "which", "who", "whose", "where", "what", "when", "if", "as", "because", "since",
    "while", "whilst", "although", "though", "however", "despite", "and", "but", "or", "so", ";",
    ",", ":", "(", ")", '"', "there", "here", "called", "named", "than", "like",
})  # fmt: skip
_ENDING = _OPENING | _ADVERBIAL | _COPULAS | _DEFINITE
_PRONOUNS = frozenset({
    "it", "its", "they", "their", "this", "these", "those", "you", "your", "we", "our", "he", "she",
})  # fmt: skip


@dataclass(frozen=True)
class Wording:
    """What references put beside their values, and what they call by name.

    Attributes:
        subject: the placeholder of what texts are about: a proper name.
        before: by placeholder the words that stand before it; placeholders that are rare are not
            asked.
        after: likewise behind it.
        things: nouns that a copula names, or says the kind of ("the place is Aromi").
    """

    subject: str
    before: Mapping[str, frozenset[str]]
    after: Mapping[str, frozenset[str]]
    things: frozenset[str]

    @classmethod
    def fit(cls, texts: Iterable[Sequence[str]]) -> Self | None:
        """What is usual in ``texts`` (words as ``template_words`` gives them).

        None where texts are not about one thing, or many of them do not hold themselves.
        """
        read = list(texts)
        subject = usual_subject(read)
        if subject is None:
            return None
        before, after = (defaultdict[str, Counter[str]](Counter) for _ in range(2))
        copulas, naming = Counter[str](), Counter[str]()
        for words in read:
            for left, right in pairwise((_EDGE, *words, _EDGE)):
                before[right][left] += 1
                after[left][right] += 1
            for sentence in sentences_of(words):
                if predication := _predication(sentence):
                    noun, word = predication
                    copulas[noun] += 1
                    naming[noun] += _is_naming(word, subject)
        least = max(_SEEN, _OFTEN * len(read))
        things = (n for n, k in copulas.items() if k >= least and naming[n] >= _NAMED * k)
        fitted = cls(subject, _usual(before), _usual(after), frozenset(things))
        holding = sum(fitted.fault(words) is None for words in read)
        return fitted if holding >= _HOLDING * len(read) else None

    def holds(self, template: str) -> bool:
        """Whether nothing in a text is worded as no reference is."""
        return self.fault(template_words(template)) is None

    def fault(self, words: Sequence[str]) -> WordingFault | None:
        """What is odd in a text, if anything.

        Args:
            words: as ``template_words`` gives them.

        Returns:
            ``doubled``: a word stands twice, side by side; ``odd_neighbour``: a value has a word
            beside it that references do not put there; ``article``: a name has an indefinite
            article; ``not_a_thing``: what is named, or said to be of a kind, is nothing that has
            names.
        """
        for left, right in pairwise((_EDGE, *words, _EDGE)):
            if left == right and left.isalpha():
                return "doubled"
            if not (_knows(self.before, right, left) and _knows(self.after, left, right)):
                return "odd_neighbour"
        for sentence in sentences_of(words):
            if self._has_article(sentence):
                return "article"
            noun, word = _predication(sentence) or ("", "")
            if noun and noun not in self.things and _is_naming(word, self.subject):
                return "not_a_thing"
        return None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "subject": self.subject,
            "before": {name: sorted(words) for name, words in self.before.items()},
            "after": {name: sorted(words) for name, words in self.after.items()},
            "things": sorted(self.things),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Of ``to_dict``."""
        before, after = (
            {name: frozenset(words) for name, words in stored[key].items()}
            for key in ("before", "after")
        )
        return cls(stored["subject"], before, after, frozenset(stored["things"]))

    def _has_article(self, sentence: Sequence[str]) -> bool:
        """Whether only adjectives and nouns stand between an article and the name.

        No commas, which may end a phrase: "With a low price, try Aromi".
        """
        for place, word in enumerate(sentence):
            if word != self.subject:
                continue
            for earlier in reversed(sentence[:place]):
                if earlier in _ARTICLES:
                    return True
                if not _continues(earlier):
                    break
        return False


def _continues(word: str) -> bool:
    """Whether a noun phrase may go on behind it."""
    return word not in _ENDING and PLACEHOLDER.fullmatch(word) is None


def _predication(sentence: Sequence[str]) -> tuple[str, str] | None:
    """The noun of "the cheap food near Ranch is a" and the word behind its copula.

    None where a sentence begins with an adverbial, a pronoun or a name, or has more before its
    copula than one noun phrase.
    """
    place = next((at for at, word in enumerate(sentence) if word in _COPULAS), 0)
    subject = sentence[:place]
    if not subject or place + 1 == len(sentence) or any(word in _OPENING for word in subject):
        return None
    if subject[0] in _ADVERBIAL or subject[0] in _PRONOUNS:
        return None
    end = next((at for at, word in enumerate(subject) if word in _ADVERBIAL), place)
    noun = subject[end - 1]
    return None if PLACEHOLDER.fullmatch(noun) else (noun, sentence[place + 1])


def _is_naming(word: str, subject: str) -> bool:
    return word == subject or word in _NAMING


def _usual(counts: Mapping[str, Counter[str]]) -> dict[str, frozenset[str]]:
    """The neighbours of the placeholders that are frequent."""
    return {
        name: frozenset(word for word, n in neighbours.items() if n >= _USUAL * neighbours.total())
        for name, neighbours in sorted(counts.items())
        if PLACEHOLDER.fullmatch(name) and neighbours.total() >= _ENOUGH
    }


def _knows(usual: Mapping[str, frozenset[str]], name: str, neighbour: str) -> bool:
    return (
        name not in usual
        or neighbour in usual[name]
        or PLACEHOLDER.fullmatch(neighbour) is not None
    )

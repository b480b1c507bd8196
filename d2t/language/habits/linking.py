"""Whether the sentences of an English text speak of one thing.

"There is a cheap pub near Ranch. Aromi is in the city centre." says every slot, and each sentence
is fine: but the pub is somebody else's. Slot checkers do not see it, and self-training, which reads
its samples with one, learns it: it is how texts are joined where an order puts the name late.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, Self

from d2t.language.symbols import PLACEHOLDER, placeholder
from d2t.language.template import template_words
from d2t.slots.lexicon.tokens import SENTENCE_END

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from d2t.mr.types import Slot

LinkFault = Literal["new_subject", "new_thing"]

NAMING = "naming"
"""Key of a bundle's ``decode_defaults``: the sentence that names the subject late."""

_ANAPHORS = frozenset({
    "it", "its", "itself", "they", "their", "them", "this", "these", "those", "here",
})  # fmt: skip
_CONTRACTED = re.compile(r"(?:it|they|this)'\w+")
_NAMED = frozenset({"called", "named"})
_COPULAS = frozenset({"is", "are", "was", "were"})
_INDEFINITE = frozenset({"a", "an", "one", "another", "some"})
_EXISTS = re.compile(r"there(?:'s|'re)?")
_OFTEN = 0.1
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_SHORT = 6
"""Words at most of a sentence that only names the subject."""
_USUAL = 0.95
"""Share of the texts that speak of one thing, where texts do."""
_KNOWN = 3
"""Texts at least that name it so."""


@dataclass(frozen=True)
class Linking:
    """How a sentence follows others that have not named the subject.

    Attributes:
        naming: the template of a sentence that names it: "It is called <val:name>."
        subject: the placeholder in it.
    """

    naming: str
    subject: str

    @classmethod
    def of(cls, naming: str) -> Self:
        """Around a template with one placeholder."""
        symbol = PLACEHOLDER.search(naming)
        if symbol is None:
            raise ValueError(f"no placeholder in {naming!r}")
        return cls(naming, symbol[0])

    @classmethod
    def fit(cls, templates: Iterable[str]) -> Self | None:
        """The commonest short sentence that names the subject behind others.

        None without any, and where texts are not held to one subject: "There is a pool."
        """
        read = list(templates)
        subject = usual_subject(map(template_words, read))
        counts: Counter[str] = Counter()
        for template in read:
            for sentence in _SENTENCE_END.split(template)[1:]:
                words = template_words(sentence)
                names = PLACEHOLDER.findall(sentence)
                if names == [subject] and len(words) <= _SHORT + 1 and words[0] in _ANAPHORS:
                    counts[sentence] += 1
        naming, n = min(counts.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
        linking = cls(naming, str(subject))
        if n < _KNOWN or sum(map(linking.holds, read)) < _USUAL * len(read):
            return None
        return linking

    def follows(self, template: str) -> bool:
        """Whether a sentence may follow others (``refers_back``)."""
        words = template_words(template)
        return refers_back(words, self.subject, said=self.subject not in words)

    def holds(self, template: str) -> bool:
        """Whether the sentences of a text speak of one thing."""
        return self.fault(template_words(template)) is None

    def fault(self, words: Sequence[str]) -> LinkFault | None:
        """What keeps the sentences of a text apart, if anything (``link_fault``).

        Args:
            words: as ``template_words`` gives them.
        """
        return link_fault(sentences_of(words), self.subject)

    def names(self, slots: Sequence[Slot]) -> str | None:
        """The sentence that names the subject, where that is all there is to say."""
        if len(slots) != 1 or placeholder(slots[0].name) != self.subject:
            return None
        return self.naming.replace(self.subject, slots[0].value)


def sentences_of(words: Sequence[str]) -> list[list[str]]:
    """Runs of words between full stops, question and exclamation marks."""
    sentences: list[list[str]] = [[]]
    for word in words:
        if word in SENTENCE_END:
            sentences.append([])
        else:
            sentences[-1].append(word)
    return [sentence for sentence in sentences if sentence]


def usual_subject(texts: Iterable[Sequence[str]]) -> str | None:
    """The placeholder that most often begins a text: what texts are about; None where none does.

    Args:
        texts: the words of each text, as ``template_words`` gives them.
    """
    first = Counter(words[0] if words else "" for words in texts)
    n_texts = first.total()
    names = [(n, word) for word, n in first.items() if PLACEHOLDER.fullmatch(word)]
    n, name = max(names, default=(0, ""))
    return name if n and n >= _OFTEN * n_texts else None


def link_fault(
    sentences: Sequence[Sequence[str]], subject: str, imperatives: Collection[str] = ()
) -> LinkFault | None:
    """What keeps the sentences of a text apart, if anything.

    Args:
        sentences: the words of each, lower case.
        subject: the placeholder of what texts are about.
        imperatives: verbs that make a request: "Looking for a pub? Try Aromi."

    Returns:
        ``new_subject``: the subject comes in a later sentence as if from nowhere ("It is cheap.
        Aromi is a pub."), ``new_thing``: so does something that has no name.
    """
    said = not any(subject in sentence for sentence in sentences)  # nothing to wait for
    for number, sentence in enumerate(sentences):
        if number and not refers_back(sentence, subject, imperatives, said=said):
            return "new_thing" if said or subject not in sentence else "new_subject"
        said = said or subject in sentence
    return None


def refers_back(
    sentence: Sequence[str], subject: str, imperatives: Collection[str] = (), *, said: bool = False
) -> bool:
    """Whether a later sentence speaks of what those before it speak of.

    Args:
        sentence: its words, lower case.
        subject: the placeholder of what texts are about.
        imperatives: verbs that make a request.
        said: whether the subject was named before.
    """
    place = sentence.index(subject) if subject in sentence else len(sentence)
    if said and place < len(sentence):
        return True
    if any(_is_anaphor(word) for word in sentence[:place]) or sentence[0] in imperatives:
        return True
    if place < len(sentence):
        return _is_naming(sentence, place)
    return not _introduces(sentence)


def _is_naming(sentence: Sequence[str], place: int) -> bool:
    """Whether it says "the name is Aromi" or "the pub is called Aromi"."""
    if sentence[0] != "the" or place < 2:
        return False
    return sentence[1] == "name" or sentence[place - 1] in _NAMED


def _introduces(sentence: Sequence[str]) -> bool:
    """Whether it says "there is a pub", "near Ranch is a pub" or "a pub near Ranch has"."""
    if sentence[0] in _INDEFINITE:
        return True
    if sentence[0] == "the":
        return False
    for word, following in pairwise(sentence):
        if _EXISTS.fullmatch(word) and (following in _COPULAS or "'" in word):
            return True
        if word in _COPULAS and following in _INDEFINITE:
            return True
    return False


def _is_anaphor(word: str) -> bool:
    return word in _ANAPHORS or _CONTRACTED.fullmatch(word) is not None

"""Say slots in exactly the order of a plan, sentence by sentence.

Every sentence takes slots from the front of what is left to say, as many as its shape can hold in
that order; what does not fit begins the next sentence. So every order can be said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from d2t.corpus.mini.grammar import Clause, Phrases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from d2t.corpus.mini.grammar import Grammar
    from d2t.mr.types import Slot

_ARTICLE = re.compile(r"@a (?=(\S))")
_TRIES = 30
_MAX_SENTENCES = 3


def compose(grammar: Grammar, plan: Sequence[Slot], rng: Random) -> str:
    """A text that says ``plan`` in its order, the least clumsy of some attempts."""
    best, best_cost = "", float("inf")
    for _ in range(_TRIES):
        sentences = _Text(grammar, plan, rng).sentences()
        cost = _clumsiness(grammar, sentences, len(plan))
        if cost < best_cost:
            best, best_cost = " ".join(sentences), cost
        if cost == 0:
            break
    return best


def _clumsiness(grammar: Grammar, sentences: Sequence[str], n_slots: int) -> int:
    """Sentences beyond what the slots need, and plain nouns said twice in a sentence."""
    nouns = set(grammar.subjects["plain_nouns"])
    repeats = sum(
        max(0, sum(word.strip(",.") in nouns for word in sentence.split()) - 1)
        for sentence in sentences
    )
    return repeats + max(0, len(sentences) - min(_MAX_SENTENCES, 1 + n_slots // 2))


class _Text:
    """One attempt: what is left to say, and what the reader knows already."""

    def __init__(self, grammar: Grammar, plan: Sequence[Slot], rng: Random) -> None:
        self.grammar = grammar
        self.parts = grammar.parts
        self.phrases = Phrases(grammar, rng)
        self.rng = rng
        self.left = list(plan)
        self.named = False
        self.opened = False

    def sentences(self) -> list[str]:
        """Say all slots, sentence by sentence."""
        done = []
        while self.left:
            said = self._sentence()
            self.named = self.named or any(
                slot.name == self.parts.name for slot in self.left[: said.used]
            )
            self.opened = True
            del self.left[: said.used]
            done.append(_finish(said.words))
        return done

    def _sentence(self) -> Clause:
        limit = self.rng.choice((2, 3, 3, 4, 4, 5, 6))
        # A last slot of its own makes a stump of a sentence; take it along.
        slots = self.left if len(self.left) - limit <= 1 else self.left[:limit]
        shapes = {
            "predicate": self._predicate,
            "apposition": self._apposition,
            "fronted": self._fronted,
            "there": self._there,
            "inverted": self._inverted,
            "subject": self._subject,
        }
        weights = dict(self.grammar.shapes)
        while weights:
            shape = self.rng.choices(list(weights), list(weights.values()))[0]
            del weights[shape]
            said = shapes[shape](slots)
            if said is not None:
                return said
        return self._plain(slots)

    def _type_is_left(self) -> bool:
        return any(slot.name == self.parts.noun for slot in self.left)

    def _pronoun(self) -> str:
        return self.rng.choice(self.grammar.subjects["later"])

    def _verbs(self, slots: Sequence[Slot]) -> Clause | None:
        return self.phrases.predicate(slots, type_is_left=self._type_is_left())

    def _predicate(self, slots: Sequence[Slot]) -> Clause | None:
        """Aromi is a cheap pub and serves Italian food."""
        if not slots:
            return None
        if slots[0].name == self.parts.name and (not self.opened or self.rng.random() < 0.4):
            subject, start = slots[0].value, 1
        elif self.opened:
            subject, start = self._pronoun(), 0
        else:
            return None
        verbs = self._verbs(slots[start:])
        return None if verbs is None else Clause(f"{subject} {verbs.words}", start + verbs.used)

    def _apposition(self, slots: Sequence[Slot]) -> Clause | None:
        """Aromi, a cheap pub in the city centre, serves Italian food."""
        if slots[0].name != self.parts.name or self.opened or len(slots) < 3:
            return None
        inner = slots[1 : self.rng.randint(2, len(slots) - 1)]
        noun = self.phrases.noun_phrase(inner, plain=not self._type_is_left())
        verbs = None if noun is None else self._verbs(slots[1 + noun.used :])
        if noun is None or verbs is None:
            return None
        return Clause(f"{slots[0].value}, {noun.words}, {verbs.words}", 1 + noun.used + verbs.used)

    def _fronted(self, slots: Sequence[Slot]) -> Clause | None:
        """In the city centre, Aromi serves Italian food."""
        front = self.phrases.fronts(slots[:-1])
        if front is None:
            return None
        rest = self._predicate(slots[front.used :]) or self._there(slots[front.used :])
        if rest is None:
            return None
        return Clause(f"{front.words}, {rest.words}", front.used + rest.used)

    def _there(self, slots: Sequence[Slot]) -> Clause | None:
        """There is a cheap pub in the city centre called Aromi."""
        if self.opened:
            return None
        noun = self.phrases.noun_phrase(slots)
        opening = self.rng.choice(self.grammar.subjects["there"])
        return None if noun is None else Clause(f"{opening} {noun.words}", noun.used)

    def _inverted(self, slots: Sequence[Slot]) -> Clause | None:
        """Near Clare Hall is a cheap pub called Aromi."""
        front = None if self.opened else self.phrases.fronts(slots[:-1], only=self.parts.places)
        if front is None:
            return None
        rest = slots[front.used :]
        if rest[0].name == self.parts.name:
            return Clause(f"{front.words} is {rest[0].value}", front.used + 1)
        noun = self.phrases.noun_phrase(rest)
        return (
            None
            if noun is None
            else Clause(f"{front.words} is {noun.words}", front.used + noun.used)
        )

    def _subject(self, slots: Sequence[Slot]) -> Clause | None:
        """A cheap pub called Aromi is in the city centre."""
        if self.opened or slots[0].name == self.parts.name or len(slots) < 2:
            return None
        noun = self.phrases.noun_phrase(slots[: self.rng.randint(1, len(slots) - 1)])
        if noun is None or " with " in noun.words:
            return None  # "a pub with high prices is near ...": who is near?
        verbs = self._verbs(slots[noun.used :])
        return (
            None if verbs is None else Clause(f"{noun.words} {verbs.words}", noun.used + verbs.used)
        )

    def _plain(self, slots: Sequence[Slot]) -> Clause:
        """What always works: one slot with whatever subject there is."""
        noun = self.rng.choice(self.grammar.subjects["plain_nouns"])
        if slots[0].name == self.parts.name and not self.opened:
            return Clause(f"there is a {noun} called {slots[0].value}", 1)
        verbs = self._verbs(slots[:1])
        assert verbs is not None, f"the grammar cannot say {slots[0]}"
        subject = self._pronoun() if self.opened else f"there is a {noun} that"
        return Clause(f"{subject} {verbs.words}", 1)


def _finish(words: str) -> str:
    """Articles resolved, first letter upper case, full stop."""
    text = _ARTICLE.sub(lambda m: "an " if m[1].lower() in "aeiou" else "a ", words)
    return f"{text[0].upper()}{text[1:]}."

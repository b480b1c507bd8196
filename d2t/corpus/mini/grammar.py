"""The grammar file of the embedded corpus, and the phrases that it builds for slots in order."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from d2t.errors import DataError
from d2t.io.resources import data_root

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from random import Random

    from d2t.mr.types import Slot


def mini_folder() -> Path:
    """Where the embedded corpus and its grammar are."""
    return data_root() / "restaurant" / "mini"


@dataclass(frozen=True)
class Parts:
    """The slots that play a part in sentences: the name, the noun, what it sells, where it is."""

    name: str
    noun: str
    goods: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Grammar:
    """Phrases by slot, value and role; parts, subjects, shapes and open values."""

    slots: dict[str, dict[str, Any]]
    subjects: dict[str, list[str]]
    shapes: dict[str, int]
    open_values: dict[str, dict[str, list[str]]]
    parts: Parts

    @classmethod
    def load(cls, path: Path | None = None) -> Grammar:
        """Read a grammar file, by default the one that ships with d2t.

        Raises:
            DataError: the file is absent, not TOML, or lacks a table.
        """
        path = path or mini_folder() / "grammar.toml"
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
            parts = Parts(**{**raw["parts"], "places": tuple(raw["parts"]["places"])})
            return cls(raw["slots"], raw["subjects"], raw["shapes"], raw["open"], parts)
        except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise DataError(f"{path}: not a grammar file: {error!r}") from error

    def phrases(self, slot: Slot, role: str) -> list[str]:
        """The phrases of ``slot`` in ``role``: its value's own and the slot's; maybe none.

        A value's own adjectives stand instead of the slot's; in other roles they are added.
        """
        general = self.slots[slot.name]
        own = general.get("values", {}).get(slot.value, {})
        patterns = list(own.get(role, ()))
        if role != "adj" or not patterns:
            patterns += general.get(role, ())
        nouns = own.get("np", general.get("np", ()))
        return [
            phrase.replace("{v}", slot.value)
            for pattern in patterns
            for phrase in (
                [pattern.replace("{np}", n) for n in nouns] if "{np}" in pattern else [pattern]
            )
        ]

    def pick(self, slot: Slot, role: str, rng: Random) -> str | None:
        """One phrase at random, or None when the slot cannot be said in that role."""
        phrases = self.phrases(slot, role)
        return rng.choice(phrases) if phrases else None

    def rank(self, slot: Slot) -> int:
        """Place among adjectives: smaller comes first in English."""
        return int(self.slots[slot.name].get("rank", 0))


MAX_ADJECTIVES = 3
MAX_POSTS = 3
MAX_VERBS = 3


class Clause(NamedTuple):
    """Words that say the first ``used`` of the slots offered."""

    words: str
    used: int


class Phrases:
    """Builds phrases from a grammar; every choice comes from ``rng``."""

    def __init__(self, grammar: Grammar, rng: Random) -> None:
        self.grammar = grammar
        self.parts = grammar.parts
        self.rng = rng

    def noun_phrase(self, slots: Sequence[Slot], *, plain: bool = True) -> Clause | None:
        """``a cheap Italian pub in the city centre called Aromi``; None when nothing fits.

        Args:
            slots: what to say, in order; as many as fit are taken.
            plain: whether a plain noun ("place") may stand where the domain's own is not at hand.
        """
        head = self._typed_head(slots) or (self._plain_head(slots) if plain else None)
        if head is None:
            return None
        posts = self._posts(slots[head.used :])
        used = head.used + posts.used
        return Clause(f"@a {head.words}{posts.words}", used) if used else None

    def predicate(self, slots: Sequence[Slot], *, type_is_left: bool) -> Clause | None:
        """``is a cheap pub, serves Italian food and has low prices``; None without slots."""
        items: list[str] = []
        used = 0
        copula = True  # "is a ..." once a sentence
        while used < len(slots) and len(items) < MAX_VERBS:
            rest = slots[used:]
            noun = None
            if copula and (rest[0].name == self.parts.noun or self.rng.random() < 0.3):
                noun = self._copula(rest, plain=not type_is_left)
            if noun is None and rest[0].name == self.parts.noun:
                break
            copula = copula and noun is None
            verb = noun or self._verb(rest)
            items.append(verb.words)
            used += verb.used
        return Clause(_conjoin(items), used) if used else None

    def fronts(self, slots: Sequence[Slot], *, only: Sequence[str] = ()) -> Clause | None:
        """``in the city centre near Clare Hall``: one or two fronted phrases, or None."""
        first = self._front(slots[0], only) if slots else None
        if first is None:
            return None
        second = self._front(slots[1], only) if len(slots) > 1 else None
        if second is None or self.rng.random() < 0.4:
            return Clause(first, 1)
        if first.startswith("with ") and second.startswith("with "):
            return Clause(f"{first} and {second.removeprefix('with ')}", 2)
        if slots[1].name in self.parts.places and not first.startswith("with "):
            return Clause(f"{first} {second}", 2)
        return Clause(first, 1)

    def _front(self, slot: Slot, only: Sequence[str]) -> str | None:
        return (
            None if only and slot.name not in only else self.grammar.pick(slot, "front", self.rng)
        )

    def _typed_head(self, slots: Sequence[Slot]) -> Clause | None:
        """``cheap Italian pub``: adjectives, then the slot that is the noun."""
        for index, slot in enumerate(slots[: MAX_ADJECTIVES + 1]):
            if slot.name == self.parts.noun:
                adjectives = self._adjectives(slots[:index])
                noun = self.grammar.pick(slot, "noun", self.rng)
                return None if adjectives is None else Clause(f"{adjectives}{noun}", index + 1)
        return None

    def _plain_head(self, slots: Sequence[Slot]) -> Clause:
        """``cheap place``: as many adjectives as chance allows, then a noun that says nothing."""
        noun = self.rng.choice(self.grammar.subjects["plain_nouns"])
        for count in range(self.rng.choice((0, 1, 2, 2)), 0, -1):
            adjectives = self._adjectives(slots[:count]) if count <= len(slots) else None
            if adjectives is not None:
                return Clause(f"{adjectives}{noun}", count)
        return Clause(noun, 0)

    def _adjectives(self, slots: Sequence[Slot]) -> str | None:
        """``cheap, highly rated Italian `` or None when English would not have that order."""
        ranks = [self.grammar.rank(slot) for slot in slots]
        words = [self.grammar.pick(slot, "adj", self.rng) for slot in slots]
        if None in words or ranks != sorted(ranks):
            return None
        text = ""
        for index, word in enumerate(words):
            comma = "," if ranks[index] == 0 and ranks[index + 1 : index + 2] == [0] else ""
            text += f"{word}{comma} "
        return text

    def _posts(self, slots: Sequence[Slot]) -> Clause:
        """`` near Clare Hall with low prices that serves Italian food``; may be empty."""
        words, used, previous = "", 0, ""
        while used < min(len(slots), MAX_POSTS):
            slot = slots[used]
            after_name = used > 0 and slots[used - 1].name == self.parts.name
            post = self._after_food(slots, used) or self.grammar.pick(slot, "post", self.rng)
            # After a name or a "with" phrase, "that" would seem to hang on the wrong noun.
            relative = slot.name not in (self.parts.name, self.parts.noun) and " with " not in words
            relative = relative and not after_name
            if relative and (post is None or self.rng.random() < 0.25):
                clause = self._verb(slots[used:])
                return Clause(f"{words} that {clause.words}", used + clause.used)
            if post is None or (after_name and post.startswith(("serving", "offering"))):
                break
            words += _attached(previous, post)
            previous = "" if previous.startswith("with ") else post
            used += 1
        return Clause(words, used)

    def _after_food(self, slots: Sequence[Slot], index: int) -> str | None:
        if index == 0 or slots[index - 1].name != self.parts.goods:
            return None
        return self.grammar.pick(slots[index], "after_food", self.rng)

    def _copula(self, slots: Sequence[Slot], *, plain: bool) -> Clause | None:
        """``is a cheap pub in the city centre``."""
        if slots[0].name != self.parts.noun and not self.grammar.phrases(slots[0], "adj"):
            return None
        count = self.rng.randint(1, len(slots))
        noun = self.noun_phrase(slots[:count], plain=False)
        if noun is None and plain:
            noun = self.noun_phrase(slots[:count])
        return None if noun is None else Clause(f"is {noun.words}", noun.used)

    def _verb(self, slots: Sequence[Slot]) -> Clause:
        """``serves Italian food at low prices``: one verb, with what can hang on it."""
        first, following = slots[0], slots[1] if len(slots) > 1 else None
        words = self.grammar.pick(first, "verb", self.rng)
        assert words is not None, f"the grammar has no verb for {first}"
        if following is None or self.rng.random() < 0.3:
            return Clause(words, 1)
        if (
            first.name in (*self.parts.places, self.parts.goods)
            and following.name in self.parts.places
        ):
            return Clause(f"{words} {self.grammar.pick(following, 'post', self.rng)}", 2)
        if cheap := self._after_food(slots, 1):
            return Clause(f"{words} {cheap}", 2)
        other = self.grammar.pick(following, "verb", self.rng)
        if words.startswith("has ") and other is not None and other.startswith("has "):
            return Clause(f"{words} and {other.removeprefix('has ')}", 2)
        return Clause(words, 1)


def _attached(previous: str, post: str) -> str:
    """``post`` after the phrase ``previous``: two phrases with "with" share it."""
    if post.startswith("with ") and previous.startswith("with "):
        return f" and {post.removeprefix('with ')}"
    return f" {post}"


def _conjoin(items: Sequence[str]) -> str:
    if len(items) == 1:
        return items[0]
    comma = "," if any(" and " in item for item in items) else ""
    return f"{', '.join(items[:-1])}{comma} and {items[-1]}"

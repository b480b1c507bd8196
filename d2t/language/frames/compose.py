"""Texts composed from frames: an MR in a given order as whole English sentences.

The grammar is that of plain descriptions. A sentence is what stands in front ("Near X,"), a subject
(the name, "it", "this cheap pub") and predicates; or it says that there is a thing, or what the
name of the thing is. Every rule takes the next slots of the plan, so that each text keeps the order
that was asked for; rules cost more the less natural they read, and the cheapest texts are kept.
Costs were set by reading what came first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from d2t.language.delex import starts_with_article, starts_with_vowel_sound
from d2t.language.frames.frames import A, Phrase, Piece
from d2t.mr.types import Plan
from d2t.seeding import derived_rng
from d2t.slots.types import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d2t.language.frames.frames import Frames
    from d2t.mr.types import MeaningRepresentation, Slot

Style = Literal["auto", "brief", "full"]

_KEEP = 6
"""Ways of saying the same slots that are kept at each step."""
_MOST_MODIFIERS = 3
_BARE = 3  # atoms of "the place "
_SIZES: dict[str, tuple[int, float]] = {"auto": (4, 0.45), "brief": (6, 1.6), "full": (3, 0.2)}
"""Of each style: the slots of a sentence that cost nothing, and the cost of a sentence."""
_LIKENESS = 1.5  # what it costs to be like a text before
_REMEMBERED = 2048  # shapes of MRs whose skeletons are kept


class Atom(NamedTuple):
    """A part of a skeleton: group ``at`` of the plan in a role, or words of the grammar."""

    role: str
    at: int = -1


_LEAD = Atom(A + " ")  # of a noun phrase


class Part(NamedTuple):
    """Atoms that say the groups up to ``end``."""

    cost: float
    atoms: tuple[Atom, ...]
    end: int
    mark: str = ""


_Row = tuple[tuple[tuple[str, tuple[Atom, ...]], ...], float, int]
"""Predicates in a row, each with its kind; what they cost; and up to where they say the plan."""


class Sentence(NamedTuple):
    """A sentence that says the groups up to ``end``, how it opens, and what it has told."""

    cost: float
    atoms: tuple[Atom, ...]
    end: int
    opening: str


@dataclass(frozen=True, slots=True)
class Composed:
    """A composed text.

    Attributes:
        text: the utterance.
        spans: which characters say which slot, in text order.
        plan: the order, with the sentences.
        cost: how far it is from the plainest English; smaller is better.
    """

    text: str
    spans: tuple[Span, ...]
    plan: Plan
    cost: float
    skeleton: tuple[tuple[Atom, ...], ...] = field(repr=False, compare=False)


def compose(
    mr: MeaningRepresentation,
    frames: Frames,
    plan: Plan | None = None,
    *,
    n: int = 1,
    seed: int = 0,
    style: Style = "auto",
) -> list[Composed]:
    """Up to ``n`` different texts for an MR, the most natural first.

    Args:
        mr: what to say. Values without a frame make it impossible: the answer is empty.
        frames: of the MR's domain.
        plan: the order, and the sentences if it has breaks; None: the order of the MR.
        n: most texts.
        seed: chooses among texts that read about equally well.
        style: ``brief`` prefers one sentence, ``full`` two or three.
    """
    plan = plan or Plan(mr.slots)
    if not plan.slots or not all(frames.says(slot) and slot.value for slot in plan.slots):
        return []
    return _Composer(frames, plan, seed, style).texts(n)


def natural_orders(
    mr: MeaningRepresentation, frames: Frames, display: Sequence[str] = ()
) -> list[Plan]:
    """Orders of a plain description, of which the cheaper text is the better one.

    "NAME is a cheap Italian pub near X. It is rated ...": the name, at most two values that stand
    before the noun, the noun, the places, and the rest in the order of ``display``. And the name,
    the noun, and the rest in the order of ``display``.
    """
    groups: dict[str, list[Slot]] = {}
    for slot in mr.slots:
        groups.setdefault(slot.name, []).append(slot)

    def stands(name: str, role: str) -> bool:
        known = all(frames.says(slot) and slot.value for slot in groups[name])
        return known and bool(frames.phrases(groups[name], role))

    places = [name for name in groups if stands(name, "place")]
    before = [
        name
        for name in sorted(groups, key=lambda name: frames.ranks.get(name, 5))
        if frames.head in groups
        and name not in (frames.name, frames.head, *places)
        and stands(name, "modifier")
    ]
    places.sort(key=lambda name: frames.ranks.get(name, 5))
    plans = []
    for order in (
        [frames.name, *before[:1], *before[1:][-1:], frames.head, *places, *display],
        [frames.name, frames.head, *display],
    ):
        at = {name: i for i, name in reversed(list(enumerate(order)))}
        placed = sorted((at.get(slot.name, len(order)), i) for i, slot in enumerate(mr.slots))
        plans.append(Plan(tuple(mr.slots[i] for _, i in placed)))
    return list(dict.fromkeys(plans))


class _Composer:
    """Composes one plan."""

    def __init__(self, frames: Frames, plan: Plan, seed: int, style: Style) -> None:
        self.frames = frames
        self.plan = plan
        self.seed = seed
        self.style = style
        self.groups, self.ends = _grouped(plan)
        self.n = len(self.groups)
        names = [group[0].name for group in self.groups]
        self.is_name = [name == frames.name for name in names]
        self.is_head = [name == frames.head for name in names]
        self.ranks = [frames.ranks.get(name, 5) for name in names]
        self._phrases: dict[tuple[str, int], list[Phrase]] = {}
        self._kept: dict[tuple[object, ...], list[Part]] = {}
        self._limit = self.n
        self._most = 3  # values behind a noun, and predicates in a sentence

    # ------------------------------------------------------------------------------ whole texts

    def texts(self, n: int) -> list[Composed]:
        found = self._remembered(8 * n)
        rng = derived_rng(self.seed, "frames", *map(str, self.plan.slots))
        ranked = [
            (sum(s.cost for s in sentences) + (rng.random() * 0.25 if self.seed else 0.0), at)
            for at, sentences in enumerate(found)
        ]
        ranked.sort()
        chosen: list[Composed] = []
        seen: set[str] = set()
        for number, (cost, at) in enumerate(_varied(ranked, found) if n > 1 else ranked[:1]):
            text = self._written([s.atoms for s in found[at]], cost, number)
            if text.text not in seen:
                seen.add(text.text)
                chosen.append(text)
            if len(chosen) == n:
                break
        return chosen

    def _remembered(self, keep: int) -> list[tuple[Sentence, ...]]:
        """The skeletons; MRs whose values are of the same kinds share them."""
        shape = tuple(
            (
                group[0].name,
                tuple(self.frames.kind(slot) for slot in group),
                any(starts_with_article(slot.value) for slot in group),
            )
            for group in self.groups
        )
        key = (shape, tuple(self.ends), self.plan.breaks is None, self.style, keep)
        memory: dict[object, list[tuple[Sentence, ...]]] = self.frames.skeletons
        if key not in memory:
            found = self._skeletons()
            while not found and self._most < self.n:  # long planned sentences
                self._most += 2
                self._kept.clear()
                found = self._skeletons()
            if len(memory) >= _REMEMBERED:
                memory.clear()
            memory[key] = found[:keep]
        return memory[key]

    def _skeletons(self) -> list[tuple[Sentence, ...]]:
        """Sequences of sentences for the whole plan, the cheapest first."""
        # position -> (cost, sentences)
        table: list[list[tuple[float, tuple[Sentence, ...]]]] = [[] for _ in range(self.n + 1)]
        table[0] = [(0.0, ())]
        for at in range(self.n):
            table[at] = sorted(table[at], key=lambda way: way[0])[:_KEEP]
            if not table[at]:
                continue
            for introduced in (False, True):
                ways = [way for way in table[at] if bool(way[1]) == introduced]
                if not ways:
                    continue
                for sentence in self._sentences(at, introduced=introduced):
                    for cost, before in ways:
                        total = cost + sentence.cost + self._link(before, sentence, at)
                        table[sentence.end].append((total, (*before, sentence)))
            for end in range(at + 1, self.n + 1):
                table[end] = _best_of_each(table[end])
        found = []
        for cost, sentences in sorted(table[self.n], key=lambda way: way[0]):
            total = sum(s.cost for s in sentences)
            last = sentences[-1]._replace(cost=sentences[-1].cost + cost - total)
            found.append((*sentences[:-1], last))
        return found

    def _link(self, before: Sequence[Sentence], sentence: Sentence, start: int) -> float:
        size = sentence.end - start
        most, cost = _SIZES[self.style]
        cost += 0.3 * max(0, size - most) + (0.35 if size == 1 and self.n > 1 else 0.0)
        if not before and size <= 2 and self.n > 3 and self.plan.breaks is None:
            cost += 0.7  # "X is cheap. It is a Turkish takeaway near Y."
        if before and before[-1].opening == sentence.opening:
            cost += 0.35
            if len(before) > 1 and before[-2].opening == sentence.opening:
                cost += 1.5
        return cost

    # -------------------------------------------------------------------------------- sentences

    def _sentences(self, at: int, *, introduced: bool) -> list[Sentence]:
        limit = next((end for end in self.ends if end > at), self.n)
        if self.plan.breaks is None:
            limit = self.n
        self._limit = limit
        found: list[Sentence] = []
        drafts: dict[int, list[tuple[float, tuple[Atom, ...], Part, str]]] = {}
        for front in (Part(0.0, (), at), *self._fronts(at)):
            fronted = bool(front.atoms)
            for subject in self._subjects(front.end, introduced=introduced, fronted=fronted):
                opening = front.atoms[0].role if fronted else subject.mark
                lead = front.cost + subject.cost
                if opening == "place" and subject.mark == "it":
                    lead += 0.9  # "In A, it does not cater for families"
                if fronted and Atom(", ") in subject.atoms:
                    lead += 0.6  # "In A, X, a pub, is"
                if fronted and subject.mark == "a":
                    lead += 0.5  # "With low prices, a pub near X is"
                atoms = (*front.atoms, *subject.atoms)
                for rest in self._endings(subject.end):
                    cost = lead + rest.cost
                    if fronted and "called" in rest.mark:
                        cost += 0.8  # "Near X, it is called Y"
                    if "noun" in rest.mark and subject.mark not in ("it", "name"):
                        cost += 1.2  # "A place near X is a pub"
                    drafts.setdefault(rest.end, []).append((cost, atoms, rest, opening))
            found += self._existential(front, introduced=introduced)
        for end, ways in drafts.items():
            ways.sort(key=lambda way: way[0])
            for cost, atoms, rest, opening in ways[:_KEEP]:
                found.append(Sentence(cost, (*atoms, *rest.atoms), end, opening))
        if introduced:
            found += self._clauses(at)
        found += self._introductions(at, introduced=introduced)
        if self.plan.breaks is not None:
            found = [s for s in found if s.end == limit]
        return _cheapest_sentences(found)

    def _endings(self, at: int) -> list[Part]:
        """Predicates and what may trail behind them; the marks tell what is in them."""
        key = ("ending", at, self._limit)
        if key not in self._kept:
            found = []
            for rest in self._predicates(at):
                called = _names(rest.atoms)
                mark = ("called " if called else "") + ("noun" if _LEAD in rest.atoms else "")
                found.append(rest._replace(mark=mark))
                for tail in () if called else self._tails(rest):
                    atoms = (*rest.atoms, *tail.atoms)
                    found.append(Part(rest.cost + tail.cost, atoms, tail.end, mark))
            self._kept[key] = _cheapest(found, _KEEP)
        return self._kept[key]

    def _headed(self, at: int) -> bool:
        return any(self.is_head[:at])

    def _fronts(self, at: int) -> list[Part]:
        """What stands before the subject: "In Soho, near X," or "Rated 5 out of 5,"."""
        found: list[Part] = []
        for end in range(at + 1, min(at + 3, self._limit) + 1):
            span = range(at, end)
            if all(self._has("place", k) for k in span):
                found.append(Part(0.15 + 0.15 * (end - at), self._row("place", span, " "), end))
                continue
            if all(self._has("has", k) for k in span):
                atoms: tuple[Atom, ...] = (Atom("with "), *self._row("has", span, " and "))
                found.append(Part(0.45 + 0.2 * (end - at), atoms, end))
            roles = [self._fronted(k) for k in span]
            if all(roles):
                atoms = ()
                for number, (role, k) in enumerate(zip(roles, span, strict=True)):
                    if number:
                        atoms += (Atom(" and " if k == end - 1 else ", "),)
                    if role == "place":
                        atoms += (Atom("located "),)
                    atoms += (Atom(str(role), k),)
                if sum(role == "place" for role in roles) > 1:
                    continue
                if roles == ["adjective"]:
                    found.append(Part(1.0, atoms, end))  # "Cheap, X is"
                    continue
                mixed = 0.7 if "adjective" in roles and {"active", "place"} & set(roles) else 0.0
                found.append(Part(0.4 + 0.25 * (end - at) + mixed, atoms, end))
        return [Part(p.cost, (*p.atoms, Atom(", ")), p.end) for p in found]

    def _fronted(self, k: int) -> str | None:
        for role in ("passive", "active", "adjective", "place"):
            if self._has(role, k) and not self._negated(role, k):
                return role
        return None

    def _row(self, role: str, span: Iterable[int], joiner: str) -> tuple[Atom, ...]:
        atoms: tuple[Atom, ...] = ()
        for number, k in enumerate(span):
            atoms += (*((Atom(joiner),) if number else ()), Atom(role, k))
        return atoms

    def _subjects(self, at: int, *, introduced: bool, fronted: bool) -> list[Part]:
        """The subject: the name, "it", "this cheap pub", "a pub near X"."""
        found: list[Part] = []
        if introduced:
            found.append(Part(0.0, (Atom("it "),), at, "it"))
            if not fronted:
                found.append(Part(0.2, (Atom("the "), Atom("noun"), Atom(" ")), at, "the"))
            for det, cost in (("this ", 0.1), ("the ", 0.1)):
                found += [p for p in self._described(at, det, cost) if len(p.atoms) > _BARE]
            return _cheapest(found, 2 * _KEEP)
        if self._at(at, self.is_name):
            found += self._named_subjects(at)
        else:
            found += self._with_name(at)
            found += self._described(at, "this ", 0.35 if any(self.is_name[at:]) else 0.1)
            found += self._indefinite(at)
        return _cheapest(found, 2 * _KEEP)

    def _heads(self, at: int) -> Iterator[tuple[float, tuple[Atom, ...], int]]:
        """Modifiers and a noun: "cheap Italian pub"."""
        for modified in self._modifiers(at):
            j = modified.end
            if self._at(j, self.is_head):
                yield modified.cost, (*modified.atoms, Atom("head", j)), j + 1
            elif not self._at(j, self.is_name):
                other = 0.9 if any(self.is_head[j:]) or self._headed(j) else 0.0
                yield modified.cost + 0.3 + other, (*modified.atoms, Atom("noun")), j

    def _described(self, at: int, det: str, cost: float) -> list[Part]:
        return [
            Part(cost + more, (Atom(det), *atoms, Atom(" ")), end, "the")
            for more, atoms, end in self._heads(at)
        ]

    def _indefinite(self, at: int) -> list[Part]:
        """``A cheap pub near X``, and ``A cheap pub called Y``."""
        found = []
        for more, atoms, end in self._heads(at):
            lead = (Atom(A + " "), *atoms)
            for post in self._posts(end):
                if post.atoms:
                    weight = 0.8 + more + post.cost + 0.15 * (post.end - end)
                    found.append(
                        Part(weight, (*lead, Atom(" "), *post.atoms, Atom(" ")), post.end, "a")
                    )
            if self._at(end, self.is_name):
                called = (*lead, Atom(" called "), Atom("name", end), Atom(" "))
                found.append(Part(0.6 + more, called, end + 1, "a"))
        return found

    def _with_name(self, at: int) -> list[Part]:
        """``The cheap Italian pub Aromi``."""
        found = []
        for modified in self._modifiers(at):
            j = modified.end
            if self._at(j, self.is_head) and self._at(j + 1, self.is_name):
                if any(starts_with_article(slot.value) for slot in self.groups[j + 1]):
                    continue
                atoms = (
                    Atom("the "),
                    *modified.atoms,
                    Atom("head", j),
                    Atom(" "),
                    Atom("name", j + 1),
                    Atom(" "),
                )
                found.append(Part(0.15 + modified.cost, atoms, j + 2, "name"))
        return found

    def _named_subjects(self, at: int) -> list[Part]:
        name = Atom("name", at)
        found = [Part(0.0, (name, Atom(" ")), at + 1, "name")]
        for noun in self._noun_phrases(at + 1):
            if noun.end < self._limit:
                found.append(
                    Part(
                        0.4 + noun.cost,
                        (name, Atom(", "), *noun.atoms, Atom(", ")),
                        noun.end,
                        "name",
                    )
                )
        for post in self._posts(at + 1):
            if not post.atoms or post.end >= self._limit or post.mark == "relative":
                continue
            only_places = all(a.role in ("name", "place", " ") for a in post.atoms)
            if only_places:
                atoms = (name, Atom(" "), *post.atoms, Atom(" "))
                found.append(Part(0.3 + post.cost, atoms, post.end, "name"))
            else:
                atoms = (name, Atom(", "), *post.atoms, Atom(", "))
                found.append(Part(0.6 + post.cost, atoms, post.end, "name"))
        return found

    def _introductions(self, at: int, *, introduced: bool) -> list[Sentence]:
        """``This is Aromi, a pub near X``."""
        found = []
        if introduced:
            return []
        if self._at(at, self.is_name):
            named = (Atom("this is "), Atom("name", at))
            found.append(Sentence(0.9, named, at + 1, "this"))
            for noun in self._noun_phrases(at + 1):
                atoms = (*named, Atom(", "), *noun.atoms)
                found.append(Sentence(0.8 + noun.cost, atoms, noun.end, "this"))
        for noun in self._noun_phrases(at):
            found.append(
                Sentence(0.5 + noun.cost, (Atom("this is "), *noun.atoms), noun.end, "this")
            )
        return found

    def _existential(self, front: Part, *, introduced: bool) -> list[Sentence]:
        """``In Soho, there is a pub called Aromi`` and ``In Soho is Aromi, a pub``."""
        if introduced:
            return []
        found = []
        opening = front.atoms[0].role if front.atoms else "there"
        placed = [atom for atom in front.atoms if atom.role not in (" ", ", ")]
        if front.atoms and not all(atom.role == "place" for atom in placed):
            return []
        nameless = 0.0 if front.atoms else 0.5
        for noun in self._noun_phrases(front.end):
            atoms = (*front.atoms, Atom("there is "), *noun.atoms)
            found.append(
                Sentence(0.35 + nameless + front.cost + noun.cost, atoms, noun.end, opening)
            )
        if front.atoms and self._at(front.end, self.is_name):
            named = (*front.atoms[:-1], Atom(" is "), Atom("name", front.end))
            for noun in self._noun_phrases(front.end + 1):
                atoms = (*named, Atom(", "), *noun.atoms)
                found.append(Sentence(0.45 + front.cost + noun.cost, atoms, noun.end, opening))
        return found

    def _clauses(self, at: int) -> list[Sentence]:
        """``Customers rate it 5 out of 5, and it serves Thai food``."""
        if not self._at_role(at, "clause"):
            return []
        first = (Atom("clause", at),)
        found = [Sentence(0.25, first, at + 1, "clause")]
        if self._at_role(at + 1, "clause"):
            both = (*first, Atom(" and "), Atom("clause", at + 1))
            found.append(Sentence(0.5, both, at + 2, "clause"))
        for rest in self._predicates(at + 1):
            joined = (*first, Atom(", and it "), *rest.atoms)
            found.append(Sentence(0.45 + rest.cost, joined, rest.end, "clause"))
        return found

    # ------------------------------------------------------------------------------ noun phrases

    def _noun_phrases(self, at: int) -> list[Part]:
        """``a cheap Italian pub called Aromi in Soho that serves Thai food``."""
        key = ("np", at, self._limit)
        if key in self._kept:
            return self._kept[key]
        found: list[Part] = []
        for modified in self._modifiers(at):
            j = modified.end
            if self._at(j, self.is_head):
                head, extra, j = Atom("head", j), 0.0, j + 1
            else:
                later = any(self.is_head[j:]) or self._headed(at)
                head, extra = Atom("noun"), 1.0 if later else 0.25
                if at and not modified.atoms:
                    extra += 0.5  # "It is a place called X"
            lead = (Atom(A + " "), *modified.atoms, head)
            base = modified.cost + extra
            if modified.atoms or head.role == "head":
                found.append(Part(base, lead, j))
            if self._at(j, self.is_name):
                called = (*lead, Atom(" called "), Atom("name", j))
                found.append(Part(base + 0.1, called, j + 1))
                for post in self._posts(j + 1):
                    if post.atoms:
                        found.append(
                            Part(
                                base + post.cost + 0.2,
                                (*called, *self._behind(post)),
                                post.end,
                                post.mark,
                            )
                        )
            for post in self._posts(j):
                if post.atoms:
                    bare = 0.3 if not modified.atoms and head.role == "noun" else 0.0
                    found.append(
                        Part(
                            base + bare + post.cost,
                            (*lead, *self._behind(post)),
                            post.end,
                            post.mark,
                        )
                    )
        self._kept[key] = _cheapest(found, _KEEP)
        return self._kept[key]

    @staticmethod
    def _behind(post: Part) -> tuple[Atom, ...]:
        return (Atom(" "), *post.atoms)

    def _modifiers(self, at: int) -> list[Part]:
        found = [Part(0.0, (), at)]
        atoms: tuple[Atom, ...] = ()
        cost, rank, k = 0.0, -1, at
        while k < self._limit and self._has("modifier", k) and k - at < _MOST_MODIFIERS:
            if self.ranks[k] <= rank:
                break
            atoms += (Atom("modifier", k), Atom(" "))
            cost += (0.0, 0.05, 0.35)[k - at]
            rank = self.ranks[k]
            k += 1
            found.append(Part(cost, atoms, k))
        return found

    def _posts(self, at: int) -> list[Part]:
        """What stands behind a noun, at most three values, and a relative clause at last."""
        key = ("posts", at, self._limit)
        if key in self._kept:
            return self._kept[key]
        found = [Part(0.0, (), at, "")]
        queue = [Part(0.0, (), at, "")]
        while queue:
            part = queue.pop()
            if part.end >= self._limit:
                continue
            if part.end - at < self._most:
                for role in ("place", "after", "has", "passive", "active"):
                    if not self._has(role, part.end):
                        continue
                    joined = _POSTS.get((part.mark, role))
                    if joined is None:
                        continue
                    cost, joiner = joined
                    lead = (Atom("with "),) if role == "has" and part.mark != "has" else ()
                    atoms = (
                        *part.atoms,
                        *((Atom(joiner),) if joiner else ()),
                        *lead,
                        Atom(role, part.end),
                    )
                    following = Part(part.cost + cost, atoms, part.end + 1, role)
                    found.append(following)
                    queue.append(following)
            if part.end - at < 2:
                for clause in self._relative(part.end):
                    space = (Atom(" "),) if part.atoms else ()
                    # "a pub serving food that is cheap"
                    cost = part.cost + clause.cost + _BEFORE_RELATIVE.get(part.mark, 0.1)
                    found.append(
                        Part(cost, (*part.atoms, *space, *clause.atoms), clause.end, "relative")
                    )
        self._kept[key] = _cheapest(found, _KEEP)
        return self._kept[key]

    def _relative(self, at: int) -> list[Part]:
        found = []
        for items, cost, end in self._items(at, most=2, nouns=False):
            found.append(Part(0.25 + cost, (Atom("that "), *_coordinated(items)), end))
        return _cheapest(found, 4)

    # ------------------------------------------------------------------------------- predicates

    def _predicates(self, at: int) -> list[Part]:
        key = ("vp", at, self._limit)
        if key in self._kept:
            return self._kept[key]
        found = [
            Part(cost, _coordinated(items), end, items[-1][0])
            for items, cost, end in self._items(at, most=self._most, nouns=True)
        ]
        self._kept[key] = _cheapest(found, _KEEP)
        return self._kept[key]

    def _items(self, at: int, *, most: int, nouns: bool) -> list[_Row]:
        """Coordinated predicates, some for each end: ``is near X`` and ``serves Thai food``."""
        rows: dict[int, list[_Row]] = {at: [((), 0.0, at)]}
        for end in range(at, self._limit):
            rows[end] = sorted(rows.get(end, ()), key=lambda row: row[1])[: 2 * _KEEP]
            for items, cost, _ in rows[end]:
                if len(items) == most:
                    continue
                may = nouns and (len(items) < 2 or most > 3)
                for kind, atoms, extra, after in self._item(end, nouns=may):
                    if kind == "noun" and any(item[0] == "noun" for item in items):
                        continue
                    step = (0.0, 0.1, 0.3, 0.9, 1.5)[min(len(items), 4)]
                    if items and any(atom.role == "that " for atom in items[-1][1]):
                        step += 0.5  # "is a pub that serves A and serves B"
                    elif items and items[-1][1][-1].role == "active":
                        step += 0.25  # "is a pub serving A and is near B"
                    if items and kind in ("noun", "called"):
                        step += 0.5
                    row = ((*items, (kind, atoms)), cost + extra + step, after)
                    rows.setdefault(after, []).append(row)
        best = (sorted(ways, key=lambda row: row[1])[:_KEEP] for ways in rows.values())
        return [row for ways in best for row in ways if row[0]]

    def _item(self, at: int, *, nouns: bool) -> list[tuple[str, tuple[Atom, ...], float, int]]:
        found: list[tuple[str, tuple[Atom, ...], float, int]] = []
        if nouns:
            for noun in self._noun_phrases(at):
                found.append(("noun", noun.atoms, noun.cost, noun.end))
            if self._at(at, self.is_name):
                found.append(("called", (Atom("name", at),), 0.1, at + 1))
        for role, kind, cost in (
            ("verb", "verb", 0.0), ("passive", "is", 0.0), ("adjective", "is", 0.0),
            ("place", "place", 0.05), ("has", "has", 0.05),
        ):  # fmt: skip
            if self._has(role, at):
                kind = "not" if kind == "is" and self._negated(role, at) else kind
                found.append((kind, (Atom(role, at),), cost, at + 1))
        return found

    def _tails(self, rest: Part) -> list[Part]:
        """``, serving Thai food``, ``, with a rating of 5``, ``, and customers rate it 5``."""
        found: list[Part] = []
        at = rest.end
        if at >= self._limit:
            return found
        if self._has("active", at):
            found.append(Part(0.3, (Atom(", "), Atom("active", at)), at + 1))
        if self._has("has", at):
            atoms = (Atom(", with "), Atom("has", at))
            last = rest.atoms[-1]
            denied = last.role in ("verb", "adjective") and self._negated(last.role, last.at)
            cost = 0.7 if denied else 0.25
            found.append(Part(cost, atoms, at + 1))
            if at + 1 < self._limit and self._has("has", at + 1):
                found.append(
                    Part(cost + 0.05, (*atoms, Atom(" and "), Atom("has", at + 1)), at + 2)
                )
        if self._at_role(at, "clause"):
            found.append(Part(0.35, (Atom(", and "), Atom("clause", at)), at + 1))
        return found

    # ----------------------------------------------------------------------------------- access

    def _at(self, at: int, table: Sequence[bool]) -> bool:
        return at < self._limit and table[at]

    def _at_role(self, at: int, role: str) -> bool:
        return at < self._limit and self._has(role, at)

    def _has(self, role: str, at: int) -> bool:
        return bool(self._of(role, at))

    def _of(self, role: str, at: int) -> list[Phrase]:
        key = (role, at)
        if key not in self._phrases:
            group = self.groups[at]
            named = self.is_name[at] or (self.is_head[at] and role != "modifier")
            self._phrases[key] = [] if named else self.frames.phrases(group, role)
        return self._phrases[key]

    def _negated(self, role: str, at: int) -> bool:
        return self._of(role, at)[0][0].text.startswith(("not ", "does not "))

    # ---------------------------------------------------------------------------------- writing

    def _written(self, sentences: Sequence[tuple[Atom, ...]], cost: float, number: int) -> Composed:
        """The text of a skeleton; ``number`` varies the wordings of its parts."""
        writer = _Writer()
        for atoms in sentences:
            pieces: list[Piece] = []
            for atom in atoms:
                if atom.role == "noun":
                    pieces.append(Piece(self.frames.nouns[0]))
                elif atom.at < 0:
                    pieces.append(Piece(atom.role))
                elif atom.role in ("name", "head"):
                    pieces += self.frames.named(self.groups[atom.at])
                else:
                    wordings = self._of(atom.role, atom.at)
                    rng = derived_rng(
                        self.seed, "wording", atom.role, *map(str, self.groups[atom.at])
                    )
                    first = rng.randrange(len(wordings)) if self.seed or number else 0
                    pieces += wordings[(first + number) % len(wordings)]
            writer.sentence(pieces)
        return Composed(writer.text, tuple(writer.spans), _told(writer), cost, tuple(sentences))


_POSTS: dict[tuple[str, str], tuple[float, str]] = {
    ("", "place"): (0.0, ""),
    ("", "after"): (0.0, ""),
    ("", "has"): (0.05, ""),
    ("", "passive"): (0.1, ""),
    ("", "active"): (0.05, ""),
    ("place", "place"): (0.05, " "),
    ("place", "after"): (0.2, " "),
    ("place", "has"): (0.1, " "),
    ("place", "passive"): (0.35, ", "),
    ("place", "active"): (0.6, " "),
    ("has", "has"): (0.05, " and "),
    ("active", "place"): (0.25, " "),
    ("active", "has"): (0.4, " "),
    ("active", "active"): (0.2, " and "),
    ("passive", "passive"): (0.1, " and "),
    ("passive", "active"): (0.3, " and "),
    ("active", "passive"): (0.5, " and "),
    ("after", "place"): (0.2, " "),
}
"""What may follow what behind a noun: the cost and what joins them."""


_BEFORE_RELATIVE = {"": 0.0, "active": 0.8, "has": 0.3, "place": 0.2}


def _coordinated(items: Sequence[tuple[str, tuple[Atom, ...]]]) -> tuple[Atom, ...]:
    """``is near X and rated 5 out of 5``; one verb for what shares it."""
    runs: list[tuple[str, list[tuple[Atom, ...]]]] = []
    for kind, atoms in items:
        before = runs[-1][0] if runs else ""
        shares = kind in ("has",) or (kind in ("is", "place"))
        if shares and before == kind:
            runs[-1][1].append(atoms)
        else:
            runs.append((kind, [atoms]))
    phrases: list[tuple[Atom, ...]] = []
    inner = False
    for kind, parts in runs:
        verb = {"has": "has ", "verb": "", "called": "is called "}.get(kind, "is ")
        phrase: tuple[Atom, ...] = (Atom(verb),) if verb else ()
        for at, atoms in enumerate(parts):
            if at:
                phrase += (Atom(" and " if at == len(parts) - 1 else ", "),)
                inner = True
            phrase += atoms
        phrases.append(phrase)
    joined: tuple[Atom, ...] = ()
    for at, phrase in enumerate(phrases):
        if at:
            last = at == len(phrases) - 1
            joined += (
                Atom((", and " if inner and len(phrases) > 1 else " and ") if last else ", "),
            )
        joined += phrase
    return joined


def _names(atoms: Sequence[Atom]) -> bool:
    """Whether a predicate only tells the name: "is called X"."""
    return any(atom.role in ("is called ", " called ") for atom in atoms)


def _grouped(plan: Plan) -> tuple[list[tuple[Slot, ...]], list[int]]:
    """Adjacent values of one slot in a sentence together, and where planned sentences end."""
    groups: list[tuple[Slot, ...]] = []
    ends: list[int] = []
    for sentence in plan.sentences:
        for slot in sentence:
            fresh = not groups or (ends and ends[-1] == len(groups))
            if not fresh and groups[-1][0].name == slot.name:
                groups[-1] = (*groups[-1], slot)
            else:
                groups.append((slot,))
        ends.append(len(groups))
    return groups, ends


def _cheapest(parts: Iterable[Part], keep: int) -> list[Part]:
    """The cheapest ``keep`` parts for each end."""
    by_end: dict[int, list[Part]] = {}
    for part in sorted(parts, key=lambda part: part.cost):
        group = by_end.setdefault(part.end, [])
        if len(group) < keep:
            group.append(part)
    return [part for group in by_end.values() for part in group]


def _cheapest_sentences(sentences: Iterable[Sentence]) -> list[Sentence]:
    by_end: dict[int, list[Sentence]] = {}
    for sentence in sorted(sentences, key=lambda sentence: sentence.cost):
        group = by_end.setdefault(sentence.end, [])
        if len(group) < _KEEP:
            group.append(sentence)
    return [sentence for group in by_end.values() for sentence in group]


def _best_of_each(
    ways: Iterable[tuple[float, tuple[Sentence, ...]]],
) -> list[tuple[float, tuple[Sentence, ...]]]:
    """The cheapest ways of each division into sentences, the cheapest first."""
    counts: dict[tuple[int, ...], int] = {}
    kept = []
    for way in sorted(ways, key=lambda way: way[0]):
        ends = tuple(sentence.end for sentence in way[1])
        counts[ends] = counts.get(ends, 0) + 1
        if counts[ends] <= _KEEP:
            kept.append(way)
    return kept[: 8 * _KEEP]


def _varied(
    ranked: Sequence[tuple[float, int]], found: Sequence[Sequence[Sentence]]
) -> Iterator[tuple[float, int]]:
    """The skeletons with the cheapest first; each next one is cheap and unlike those before."""
    traits = {at: _traits(found[at]) for _, at in ranked}
    left = {at: (cost, 0.0) for cost, at in ranked}
    while left:
        at = min(left, key=lambda one: (left[one][0] + _LIKENESS * left[one][1], one))
        yield left.pop(at)[0], at
        for other, (cost, likeness) in left.items():
            shared = len(traits[at] & traits[other]) / max(1, len(traits[at] | traits[other]))
            left[other] = (cost, max(likeness, shared))


def _traits(sentences: Sequence[Sentence]) -> frozenset[tuple[str, int]]:
    """What makes a skeleton: its roles, and how its sentences open and end."""
    roles = {(atom.role, atom.at) for one in sentences for atom in one.atoms if atom.at >= 0}
    ends = {(mark, -one.end) for one in sentences for mark in (one.opening, "end", "stop", "break")}
    return frozenset(roles | ends)


class _Writer:
    """Joins pieces: articles by sound, capitals, full stops, offsets."""

    def __init__(self) -> None:
        self.text = ""
        self.spans: list[Span] = []
        self.starts: list[int] = []

    def sentence(self, pieces: Sequence[Piece]) -> None:
        """Append a sentence."""
        if self.text:
            self.text += " "
        self.starts.append(len(self.text))
        pieces = _without_space(pieces)
        for at, piece in enumerate(pieces):
            words = piece.text
            if A in words:
                following = words.partition(A)[2] + "".join(p.text for p in pieces[at + 1 : at + 4])
                words = words.replace(
                    A, "an" if starts_with_vowel_sound(following.strip()) else "a"
                )
            if not at and not piece.literal:
                words = words[:1].upper() + words[1:]
            start = len(self.text)
            self.text += words
            if piece.slot is None:
                continue
            if self.spans and self.spans[-1].slot == piece.slot:
                start = self.spans.pop().start
            self.spans.append(Span(start, len(self.text), piece.slot))
        if not self.text.endswith((".", "!", "?")):
            self.text += "."


def _without_space(pieces: Sequence[Piece]) -> list[Piece]:
    kept = list(pieces)
    while kept and kept[-1].slot is None and not kept[-1].text.strip():
        kept.pop()
    return kept


def _told(writer: _Writer) -> Plan:
    slots = tuple(span.slot for span in writer.spans)
    breaks = []
    for start in writer.starts[1:]:
        breaks.append(sum(span.start < start for span in writer.spans))
    return Plan(slots, tuple(breaks))

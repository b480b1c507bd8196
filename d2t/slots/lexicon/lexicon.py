"""A domain's ``lexicon.toml``: how each slot value is worded, loaded and validated.

Layout of the file::

    [spelling]              misspelt = "right form"
    [macros]                name = "pattern"
    [weights]               light: words that add nothing to the weight of a phrase
    [equivalents]           "word" = ["other word"]: exchangeable in values nobody has listed
    [negation]              words, transparent, exempt: lists; phrases: patterns; reach: a number;
                            shared: true where one negation governs several phrases;
                            slots: those that can be denied, all of them where not given;
                            wide: those denied by a negation anywhere before in the clause
    [fit.SLOT]              words: adjectives of the slot; nouns: what they may describe; before
                            another noun ("French windows") they are weak; figures: so are numbers
    [common]                SLOT = values that are ordinary words too: names only with a capital
    [landmark]              slot, name_slot; before, after, called, goal, agent: patterns;
                            places: words
    [aliases.SLOT]          "Value" = ["other way to write it"]
    [[entry]]               slot, values (candidates, first = default), say (patterns),
                            negated (candidates), weak, sole (true or false);
                            new: its values are listed nowhere else (true or false)
    [[ignore]]              say: patterns that realise nothing; firm: nor does what is in them
    [[remove]]              slot, values (all of them where not given), say (patterns): what the
                            layers below read in these words does not count
    [[apposition]]          slot, words (values), between (words): one mention, told twice
    extends                 the lexicon below: a shipped domain, or a path from this file

Several files are layers of one lexicon (``d2t.mr.lexicon_layers``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from d2t.errors import DomainError, did_you_mean
from d2t.io.hashing import sha256_json
from d2t.mr.domain_files import toml_string
from d2t.mr.lexicon_layers import ADDS, LAYER, Origin, lexicon_layers
from d2t.slots.lexicon.english import english_data
from d2t.slots.lexicon.pattern import Node, PatternCache, parse_pattern
from d2t.slots.lexicon.tokens import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d2t.mr.domain import Domain, LexiconFile


# What realises nothing wins a tie within its layer; a layer wins against those below it.
_IGNORED_RANK = -2
RANKS_OF_LAYER = 1_000_000
AS_SAID = "*"  # as a value: what the text calls it
"""The ranks of a layer begin so much below those of the layer under it."""
_MAX_LAYER = 1_000
_MAX_REACH = 1000  # words
_NOWHERE = Origin("lexicon")
_SHOWN = 60  # characters of a name or value that a message repeats


@dataclass(frozen=True, slots=True)
class Entry:
    """Phrases of one slot that share their candidate values.

    Attributes:
        slot: canonical slot name; empty for phrases that realise nothing.
        values: candidates in order of preference; ``#`` in a value stands for the number matched.
        negated: candidates in the scope of a negation; empty: the phrase then says nothing.
        patterns: parsed phrases.
        rank: position in the file, the last tie-breaker.
        weak: it counts only when the MR holds one of the values and nothing else says it.
        sole: it counts only when nothing else realises the slot.
        firm: it is chosen before any phrase it overlaps.
        removes: it takes back what the layers below read in its words; no values: all of the slot.
        new: no other place lists its values.
        sources: the patterns as they are written.
        origin: where it stands.
    """

    slot: str
    values: tuple[str, ...]
    negated: tuple[str, ...]
    patterns: tuple[Node, ...]
    rank: int
    weak: bool = False
    sole: bool = False
    firm: bool = False
    removes: bool = False
    new: bool = False
    sources: tuple[str, ...] = ()
    origin: Origin = _NOWHERE

    @property
    def numeric(self) -> bool:
        """Whether its values take up the number matched."""
        return bool(self.values) and "#" in self.values[0]


@dataclass(frozen=True, slots=True)
class Negation:
    """Which words and phrases negate, and which words their scope reaches over.

    ``shared``: one negation may govern several phrases (``no pets, children or dogs``); the span
    of the first holds it. ``slots``: those whose phrases a negation changes; None is all of them.
    ``wide``: those whose phrases are denied by a negation anywhere before them in the clause.
    """

    words: frozenset[str] = frozenset({"not", "no", "never", "non", "neither", "nor", "without"})
    transparent: frozenset[str] = frozenset(
        {"a", "an", "the", "is", "be", "in", "on", "of", "for", "to", "has", "have", "available"}
    )
    exempt: frozenset[str] = frozenset({"only", "just"})
    reach: int = 6
    phrases: tuple[Node, ...] = ()
    shared: bool = False
    slots: frozenset[str] | None = None
    wide: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fit:
    """Which nouns the adjectives of a slot may describe; beside others they say little.

    ``words``: the adjectives, as the last word of a phrase; ``figures``: numbers are among them.
    """

    words: frozenset[str]
    nouns: frozenset[str]
    figures: bool = False


@dataclass(frozen=True, slots=True)
class Landmark:
    """How to tell a landmark from the name of the place talked about."""

    slot: str
    name_slot: str
    before: tuple[Node, ...] = ()
    after: tuple[Node, ...] = ()
    called: tuple[Node, ...] = ()
    goal: tuple[Node, ...] = ()  # "pop next door to": what follows is the place talked about
    agent: tuple[Node, ...] = ()  # "run by": what follows is a person
    places: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Apposition:
    """A figure beside its word (``a high rating of 5 out of 5``) is one mention: the figure."""

    slot: str
    words: frozenset[str]
    between: frozenset[str]


@dataclass(frozen=True)
class Lexicon:
    """Everything the checker knows about the wording of a domain."""

    tokenizer: Tokenizer
    entries: tuple[Entry, ...] = ()
    negation: Negation = Negation()
    landmark: Landmark | None = None
    appositions: tuple[Apposition, ...] = ()
    aliases: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    common: frozenset[tuple[str, str]] = frozenset()
    equivalents: tuple[tuple[tuple[str, ...], ...], ...] = ()
    light: frozenset[str] = frozenset()
    fits: dict[str, Fit] = field(default_factory=dict)
    digest: str = ""
    files: tuple[LexiconFile, ...] = ()
    _places: dict[tuple[Origin, str], Origin] = field(
        default_factory=dict, compare=False, repr=False
    )

    def place(self, entry: Entry, pattern: str) -> Origin:
        """The file and line at which an entry has a pattern."""
        key = (entry.origin, pattern)
        if key not in self._places:
            self._places[key] = self._find(entry.origin, pattern)
        return self._places[key]

    def _find(self, origin: Origin, pattern: str) -> Origin:
        text = next((file.text for file in self.files if file.where == origin.where), "")
        for line, content in enumerate(text.split("\n")[origin.line :], origin.line + 1):
            if content.lstrip().startswith("["):
                break
            if toml_string(pattern) in content or f"'{pattern}'" in content:
                return replace(origin, line=line)
        return origin

    def variants(self, words: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """``words`` and what they may be exchanged for, e.g. ``about 15`` and ``around 15``."""
        phrases = [words]
        for group in self.equivalents:
            for member in group:
                size = len(member)
                for at in range(len(words) - size + 1):
                    if words[at : at + size] == member:
                        phrases += [
                            (*words[:at], *other, *words[at + size :])
                            for other in group
                            if other != member
                        ]
        return tuple(phrases)

    def worded(self) -> frozenset[tuple[str, str]]:
        """(slot, value) pairs that some phrase of the lexicon can realise."""
        saying = (entry for entry in self.entries if not entry.removes)
        return frozenset((e.slot, value) for e in saying for value in (*e.values, *e.negated))


def load_lexicon(domain: Domain) -> Lexicon:
    """The lexicon of all layers, or an empty one (values are then matched verbatim).

    Raises:
        DomainError: a file is not valid; the message names the table and the pattern.
    """
    layers = lexicon_layers(domain)
    if not layers.files:
        return Lexicon(Tokenizer(), digest=_digest({}))
    lexicon = lexicon_from_dict(
        layers.content, domain, where=layers.files[-1].where, origins=layers.origins
    )
    return replace(lexicon, files=layers.files)


_TABLES: dict[str, type] = {
    "spelling": dict, "macros": dict, "weights": dict, "negation": dict, "landmark": dict,
    "aliases": dict, "common": dict, "equivalents": dict, "fit": dict,
    "entry": list, "ignore": list, "remove": list, "apposition": list,
}  # fmt: skip


def lexicon_from_dict(
    raw: Mapping[str, Any],
    domain: Domain,
    *,
    where: str = "lexicon",
    origins: Mapping[str, list[Origin]] | None = None,
) -> Lexicon:
    """Build and validate a lexicon from the content of a ``lexicon.toml``.

    Args:
        raw: the content.
        domain: whose lexicon it is.
        where: what messages call the file.
        origins: where the tables stand, for messages and explanations.

    Raises:
        DomainError: the content is not that of a lexicon; the message names the place.
    """
    for key, value in raw.items():
        if key not in _TABLES or not isinstance(value, _TABLES[key]):
            place = origins[key][0].where if origins and origins.get(key) else where
            raise DomainError(f"{place}: unexpected table {key!r}{did_you_mean(key, _TABLES)}")
    build = _Builder(raw, domain, where, origins or {})
    return Lexicon(
        tokenizer=build.tokenizer,
        entries=build.entries(),
        negation=build.negation(),
        landmark=build.landmark(),
        appositions=build.appositions(),
        aliases={slot: build.lists(table) for slot, table in build.by_slot("aliases", dict)},
        common=frozenset(
            (slot, value)
            for slot, values in build.by_slot("common", list)
            for value in _strings(values, build.place)
        ),
        equivalents=tuple(
            tuple(build.tokenizer.words(text) for text in (key, *others))
            for key, others in build.lists(build.table("equivalents")).items()
        ),
        light=build.words(build.table("weights"), "light", ()),
        fits={slot: build.fit(table) for slot, table in build.by_slot("fit", dict)},
        digest=_digest(raw),
    )


def _digest(raw: Mapping[str, Any]) -> str:
    """Of what a lexicon says, and of what the structure of English makes of it."""
    return sha256_json({"lexicon": dict(raw), "structure": english_data()})


def _strings(value: Any, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise DomainError(f'{place}: expected a list of strings, such as ["cheap"]')
    return tuple(value)


def _one_letter_apart(a: str, b: str) -> bool:
    """Whether one letter, or the order of two, makes the difference (and the case, perhaps)."""
    a, b = a.casefold(), b.casefold()
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return max(len(a), len(b)) <= 1 or (len(a) == 2 and a[::-1] == b)


def _is_template_of(template: str, value: str) -> bool:
    if "#" not in template:
        return False
    return re.fullmatch(re.escape(template).replace(r"\#", r"\d+(?:[.,]\d+)?"), value) is not None


class _Builder:
    """Turns tables into values, with errors that say where: ``place`` is that of the error."""

    def __init__(
        self,
        raw: Mapping[str, Any],
        domain: Domain,
        where: str,
        origins: Mapping[str, list[Origin]],
    ) -> None:
        self.raw, self.domain, self.where, self.origins = raw, domain, where, origins
        self.place = where
        self.tokenizer = Tokenizer(self.texts("spelling"))
        self.macros = self.texts("macros")
        self.cache = PatternCache()

    def table(self, name: str) -> Mapping[str, Any]:
        """The table of that name, empty where there is none; errors are then about it."""
        self.place = f"{self._before(self.origin(name))}[{name}]"
        table: Mapping[str, Any] = self.raw.get(name, {})
        return table

    def tables(self, name: str) -> Iterable[tuple[Origin, Mapping[str, Any]]]:
        """Origin and content of the tables of an array; errors are then about the last one."""
        for index, table in enumerate(self.raw.get(name, [])):
            origin = self.origin(name, index)
            self.place = f"{self._before(origin)}[[{name}]] {origin.index}"
            if not isinstance(table, dict):
                raise DomainError(f"{origin.where}: [[{name}]] {origin.index} must be a table")
            values = table.get("values")
            first = values[0] if isinstance(values, list) and values else ""
            facts = {"slot": table.get("slot"), "value": first}
            about = ", ".join(
                f"{key} {str(fact)[:_SHOWN]!r}" for key, fact in facts.items() if fact
            )
            if about:
                self.place += f" ({about})"
            yield origin, table

    def origin(self, name: str, index: int = 0) -> Origin:
        """Where a table stands."""
        known = self.origins.get(name, ())
        return known[index] if index < len(known) else Origin(self.where, 0, index + 1)

    def _before(self, origin: Origin) -> str:
        line = f", line {origin.line}" if origin.line else ""
        return f"{origin.where}{line}: "

    def keys(self, table: Mapping[str, Any], allowed: set[str], needed: set[str]) -> None:
        """Refuse unknown and missing keys."""
        if unknown := sorted(set(table) - allowed):
            raise DomainError(
                f"{self.place} has an unknown key {unknown[0]!r}{did_you_mean(unknown[0], allowed)}"
            )
        if missing := sorted(needed - set(table)):
            raise DomainError(f"{self.place} needs the key {missing[0]!r}")

    def strings(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """A list of strings; none where the key is absent."""
        return _strings(table.get(key, []), f"{self.place}: {key}")

    def flag(self, table: Mapping[str, Any], key: str) -> bool:
        """True or false; false where the key is absent."""
        value = table.get(key, False)
        if not isinstance(value, bool):
            raise DomainError(f"{self.place}: {key} must be true or false")
        return value

    def texts(self, name: str) -> dict[str, str]:
        """A table of strings."""
        table = self.table(name)
        for key, value in table.items():
            if not isinstance(value, str):
                raise DomainError(f"{self.place}: {key[:_SHOWN]!r} must be a string")
        return dict(table)

    def lists(self, table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """A table of lists of strings."""
        return {
            key: _strings(value, f"{self.place}: {key[:_SHOWN]!r}") for key, value in table.items()
        }

    def by_slot(self, name: str, kind: type) -> Iterable[tuple[str, Any]]:
        """Canonical slot and content of a table with a key for each slot."""
        for slot, content in self.table(name).items():
            if not isinstance(content, kind):
                expected = "a table" if kind is dict else "a list of strings"
                raise DomainError(f"{self.place}: {slot[:_SHOWN]!r} must be {expected}")
            yield self.slot(slot), content

    def slot(self, name: Any) -> str:
        """The canonical name of a slot."""
        if not isinstance(name, str):
            raise DomainError(f"{self.place}: a slot must be named by a string")
        try:
            return self.domain.slot(name).name
        except DomainError as error:
            raise DomainError(f"{self.place}: {error.message}", code=error.code) from error

    def patterns(self, table: Mapping[str, Any], key: str) -> tuple[Node, ...]:
        """Parse patterns; errors name the place."""
        sources = self.strings(table, key)
        try:
            return tuple(
                parse_pattern(source, self.tokenizer.words, self.macros, self.cache)
                for source in sources
            )
        except DomainError as error:
            macro = re.search(r"of macro '(\w+)'", error.message)
            known = self.origins.get(f"macros.{macro[1]}") if macro is not None else None
            away = known is not None and not self.place.startswith(known[0].where)
            end = f" (the macro is in {known[0]})" if known is not None and away else ""
            raise DomainError(f"{self.place}: {error.message}{end}") from error

    def entries(self) -> tuple[Entry, ...]:
        """All of ``[[entry]]``, ``[[ignore]]`` and ``[[remove]]``."""
        entries: list[Entry] = []
        for name in ("entry", "ignore", "remove"):
            for index, (origin, table) in enumerate(self.tables(name)):
                rank = index if name == "entry" else _IGNORED_RANK
                if name == "ignore":
                    table = {"slot": "", "values": [], **table}
                entries.append(self.entry(table, rank, origin, removes=name == "remove"))
        self.check_values(entries)
        return tuple(entries)

    def entry(
        self, table: Mapping[str, Any], rank: int, origin: Origin, *, removes: bool = False
    ) -> Entry:
        """One ``[[entry]]``, ``[[ignore]]`` or ``[[remove]]``."""
        if removes:
            self.keys(table, {"slot", "values", "say", LAYER}, {"slot", "say"})
        else:
            self.keys(
                table,
                {"slot", "values", "say", "negated", "weak", "sole", "firm", "new", LAYER},
                {"slot", "values", "say"},
            )
        return Entry(
            slot=self.slot(table["slot"]) if table["slot"] != "" else "",
            values=self.strings(table, "values"),
            negated=self.strings(table, "negated"),
            patterns=self.patterns(table, "say"),
            rank=rank - RANKS_OF_LAYER * self.layer(table),
            weak=self.flag(table, "weak"),
            sole=self.flag(table, "sole"),
            firm=self.flag(table, "firm"),
            removes=removes,
            new=self.flag(table, "new"),
            sources=self.strings(table, "say"),
            origin=origin,
        )

    def layer(self, table: Mapping[str, Any]) -> int:
        """The layer that a table says it is of: 0 is the bottom."""
        layer = table.get(LAYER, 0)
        if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer <= _MAX_LAYER:
            raise DomainError(f"{self.place}: {LAYER} must be a number from 0 to {_MAX_LAYER}")
        return layer

    def check_values(self, entries: list[Entry]) -> None:
        """Refuse values of closed slots that nobody lists.

        The bottom layer may say values that the domain does not list, unless they are a letter
        from one that it lists. In layers above it, an entry with new values says so.
        """
        known: dict[str, set[str]] = {
            spec.name: set(spec.values)
            for spec in self.domain.slots
            if spec.kind not in ("open", "numeric") and spec.values
        }
        for entry in entries:
            if entry.new:
                known.get(entry.slot, set()).update(entry.values, entry.negated)
        for entry in sorted(entries, key=lambda entry: -entry.rank):  # from the bottom
            bottom = entry.rank >= _IGNORED_RANK
            for value in (*entry.values, *entry.negated):
                listed = known.get(entry.slot)
                if listed is None or value in listed or "#" in value or not value:
                    continue
                if any(_is_template_of(template, value) for template in listed):
                    continue
                spec = self.domain.slot(entry.slot)
                if not bottom or any(_one_letter_apart(value, other) for other in spec.values):
                    near = did_you_mean(value, listed)
                    raise DomainError(
                        f"{self._before(entry.origin)}{value[:_SHOWN]!r} is no value of "
                        f"{entry.slot}{near} (if it is a new value, write new = true there)",
                        code="unknown_value",
                    )
            if bottom:
                known.get(entry.slot, set()).update(entry.values, entry.negated)

    def words(self, table: Mapping[str, Any], key: str, default: Iterable[str]) -> frozenset[str]:
        """Normalised words; those of ``default`` where the key is absent."""
        texts = self.strings(table, key) if key in table else default
        return frozenset(word for text in texts for word in self.tokenizer.words(text))

    def negation(self) -> Negation:
        """The ``[negation]`` table."""
        table, default = self.table("negation"), Negation()
        allowed = {
            "words", "phrases", "transparent", "exempt", "reach", "shared", "slots", "wide", ADDS,
        }  # fmt: skip
        self.keys(table, allowed, set())
        added = self.strings(table, ADDS)
        reach = table.get("reach", default.reach)
        if isinstance(reach, bool) or not isinstance(reach, int) or not 0 <= reach <= _MAX_REACH:
            raise DomainError(f"{self.place}: reach must be a number from 0 to {_MAX_REACH}")

        def given(key: str, usual: frozenset[str]) -> frozenset[str]:
            """The words of a key, beside the usual ones where it adds to them."""
            return self.words(table, key, usual) | (usual if key in added else frozenset())

        return Negation(
            words=given("words", default.words),
            transparent=given("transparent", default.transparent),
            exempt=given("exempt", default.exempt),
            reach=reach,
            phrases=self.patterns(table, "phrases"),
            shared=self.flag(table, "shared"),
            slots=(
                frozenset(self.slot(slot) for slot in self.strings(table, "slots"))
                if "slots" in table
                else None
            ),
            wide=frozenset(self.slot(slot) for slot in self.strings(table, "wide")),
        )

    def fit(self, table: Mapping[str, Any]) -> Fit:
        """The ``[fit.SLOT]`` table of one slot."""
        self.keys(table, {"words", "nouns", "figures"}, {"words", "nouns"})
        return Fit(
            words=self.words(table, "words", ()),
            nouns=self.words(table, "nouns", ()),
            figures=self.flag(table, "figures"),
        )

    def landmark(self) -> Landmark | None:
        """The ``[landmark]`` table, where there is one."""
        if "landmark" not in self.raw:
            return None
        table = self.table("landmark")
        allowed = {"slot", "name_slot", "before", "after", "called", "goal", "agent", "places"}
        self.keys(table, allowed, {"slot", "name_slot"})
        return Landmark(
            slot=self.slot(table["slot"]),
            name_slot=self.slot(table["name_slot"]),
            before=self.patterns(table, "before"),
            after=self.patterns(table, "after"),
            called=self.patterns(table, "called"),
            goal=self.patterns(table, "goal"),
            agent=self.patterns(table, "agent"),
            places=self.words(table, "places", ()),
        )

    def appositions(self) -> tuple[Apposition, ...]:
        """All of ``[[apposition]]``."""
        appositions: list[Apposition] = []
        for _, table in self.tables("apposition"):
            needed = {"slot", "words", "between"}
            self.keys(table, {*needed, LAYER}, needed)
            appositions.append(
                Apposition(
                    slot=self.slot(table["slot"]),
                    words=frozenset(self.strings(table, "words")),
                    between=self.words(table, "between", ()),
                )
            )
        return tuple(appositions)

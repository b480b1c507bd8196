"""A domain's ``lexicon.toml``: how each slot value is worded, loaded and validated.

Layout of the file::

    [spelling]              misspelt = "right form"
    [macros]                name = "pattern"
    [weights]               light: words that add nothing to the weight of a phrase
    [equivalents]           "word" = ["other word"]: exchangeable in values nobody has listed
    [negation]              words, transparent, exempt: lists; phrases: patterns; reach: a number;
                            shared: true where one negation governs several phrases;
                            slots: those that can be denied, all of them where not given
    [common]                SLOT = values that are ordinary words too: names only with a capital
    [landmark]              slot, name_slot; before, after, called: patterns; places: words
    [aliases.SLOT]          "Value" = ["other way to write it"]
    [[entry]]               slot, values (candidates, first = default), say (patterns),
                            negated (candidates), weak, sole (true or false)
    [[ignore]]              say: patterns that realise nothing; firm: nor does what is in them
    [[apposition]]          slot, words (values), between (words): one mention, told twice
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from d2t.errors import DomainError, did_you_mean
from d2t.io.bounded import FileFault, read_toml
from d2t.io.hashing import sha256_json
from d2t.slots.lexicon.pattern import Node, PatternCache, parse_pattern
from d2t.slots.lexicon.tokens import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d2t.mr.domain import Domain


# What realises nothing wins a tie.
_IGNORED_RANK = -2
_MAX_REACH = 1000  # words
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
    """

    slot: str
    values: tuple[str, ...]
    negated: tuple[str, ...]
    patterns: tuple[Node, ...]
    rank: int
    weak: bool = False
    sole: bool = False
    firm: bool = False

    @property
    def numeric(self) -> bool:
        """Whether its values take up the number matched."""
        return bool(self.values) and "#" in self.values[0]


@dataclass(frozen=True, slots=True)
class Negation:
    """Which words and phrases negate, and which words their scope reaches over.

    ``shared``: one negation may govern several phrases (``no pets, children or dogs``); the span
    of the first holds it. ``slots``: those whose phrases a negation changes; None is all of them.
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


@dataclass(frozen=True, slots=True)
class Landmark:
    """How to tell a landmark from the name of the place talked about."""

    slot: str
    name_slot: str
    before: tuple[Node, ...] = ()
    after: tuple[Node, ...] = ()
    called: tuple[Node, ...] = ()
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
    digest: str = ""

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
        return frozenset((e.slot, value) for e in self.entries for value in (*e.values, *e.negated))


def load_lexicon(domain: Domain) -> Lexicon:
    """The lexicon beside the domain file, or an empty one (values are then matched verbatim).

    Raises:
        DomainError: the file is not valid; the message names the table and the pattern.
    """
    path = None if domain.folder is None else domain.folder / "lexicon.toml"
    if path is None or not path.is_file():
        return Lexicon(Tokenizer(), digest=sha256_json({}))
    try:
        raw, text = read_toml(path)
    except FileFault as error:
        raise DomainError(f"{path}: {error}") from error
    return lexicon_from_dict(raw, domain, where=str(path), text=text)


_TABLES: dict[str, type] = {
    "spelling": dict, "macros": dict, "weights": dict, "negation": dict, "landmark": dict,
    "aliases": dict, "common": dict, "equivalents": dict,
    "entry": list, "ignore": list, "apposition": list,
}  # fmt: skip


def lexicon_from_dict(
    raw: Mapping[str, Any], domain: Domain, *, where: str = "lexicon", text: str = ""
) -> Lexicon:
    """Build and validate a lexicon from the content of a ``lexicon.toml``.

    Args:
        raw: the content.
        domain: whose lexicon it is.
        where: what messages call the file.
        text: of the file; messages then name the line at which a table begins.

    Raises:
        DomainError: the content is not that of a lexicon; the message names the place.
    """
    for key, value in raw.items():
        if key not in _TABLES or not isinstance(value, _TABLES[key]):
            raise DomainError(f"{where}: unexpected table {key!r}{did_you_mean(key, _TABLES)}")
    build = _Builder(raw, domain, where, text)
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
        digest=sha256_json(dict(raw)),
    )


def _strings(value: Any, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise DomainError(f'{place}: expected a list of strings, such as ["cheap"]')
    return tuple(value)


class _Builder:
    """Turns tables into values, with errors that say where: ``place`` is that of the error."""

    def __init__(self, raw: Mapping[str, Any], domain: Domain, where: str, text: str) -> None:
        self.raw, self.domain, self.where, self.text = raw, domain, where, text
        self.place = where
        self.tokenizer = Tokenizer(self.texts("spelling"))
        self.macros = self.texts("macros")
        self.cache = PatternCache()

    def table(self, name: str) -> Mapping[str, Any]:
        """The table of that name, empty where there is none; errors are then about it."""
        line = self._line(rf"\[[ \t]*{name}[ \t]*\]", 0)
        self.place = f"{line}[{name}]"
        table: Mapping[str, Any] = self.raw.get(name, {})
        return table

    def tables(self, name: str) -> Iterable[tuple[int, Mapping[str, Any]]]:
        """Number and content of the tables of an array; errors are then about the last one."""
        for index, table in enumerate(self.raw.get(name, [])):
            self.place = f"{self.where}: [[{name}]] {index + 1}"
            if not isinstance(table, dict):
                raise DomainError(f"{self.place} must be a table")
            yield index, table

    def at(self, name: str, index: int, table: Mapping[str, Any]) -> str:
        """The place of a table of an array, with its line and what it is about."""
        line = self._line(rf"\[\[[ \t]*{name}[ \t]*\]\]", index)
        values = table.get("values")
        first = values[0] if isinstance(values, list) and values else ""
        facts = {"slot": table.get("slot"), "value": first}
        about = ", ".join(f"{key} {str(fact)[:_SHOWN]!r}" for key, fact in facts.items() if fact)
        return f"{line}[[{name}]] {index + 1}" + (f" ({about})" if about else "")

    def _line(self, header: str, index: int) -> str:
        places = re.finditer(rf"^[ \t]*{header}", self.text, re.MULTILINE)
        header_match = next(islice(places, index, None), None)
        if header_match is None:
            return f"{self.where}: "
        return f"{self.where}, line {self.text.count(chr(10), 0, header_match.start()) + 1}: "

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
            raise DomainError(f"{self.place}: {error.message}") from error

    def entries(self) -> tuple[Entry, ...]:
        """All of ``[[entry]]`` and ``[[ignore]]``."""
        entries: list[Entry] = []
        for name in ("entry", "ignore"):
            for index, table in self.tables(name):
                try:
                    if name == "entry":
                        entries.append(self.entry(table, index))
                    else:
                        entries.append(
                            self.entry({"slot": "", "values": [], **table}, _IGNORED_RANK)
                        )
                except DomainError as error:
                    place = self.at(name, index, table)
                    message = error.message.replace(self.place, place, 1)
                    raise DomainError(message, code=error.code) from error
        return tuple(entries)

    def entry(self, table: Mapping[str, Any], rank: int) -> Entry:
        """One ``[[entry]]`` or ``[[ignore]]``."""
        self.keys(
            table,
            {"slot", "values", "say", "negated", "weak", "sole", "firm"},
            {"slot", "values", "say"},
        )
        return Entry(
            slot=self.slot(table["slot"]) if table["slot"] != "" else "",
            values=self.strings(table, "values"),
            negated=self.strings(table, "negated"),
            patterns=self.patterns(table, "say"),
            rank=rank,
            weak=self.flag(table, "weak"),
            sole=self.flag(table, "sole"),
            firm=self.flag(table, "firm"),
        )

    def words(self, table: Mapping[str, Any], key: str, default: Iterable[str]) -> frozenset[str]:
        """Normalised words; those of ``default`` where the key is absent."""
        texts = self.strings(table, key) if key in table else default
        return frozenset(word for text in texts for word in self.tokenizer.words(text))

    def negation(self) -> Negation:
        """The ``[negation]`` table."""
        table, default = self.table("negation"), Negation()
        allowed = {"words", "phrases", "transparent", "exempt", "reach", "shared", "slots"}
        self.keys(table, allowed, set())
        reach = table.get("reach", default.reach)
        if isinstance(reach, bool) or not isinstance(reach, int) or not 0 <= reach <= _MAX_REACH:
            raise DomainError(f"{self.place}: reach must be a number from 0 to {_MAX_REACH}")
        return Negation(
            words=self.words(table, "words", ()) if "words" in table else default.words,
            transparent=self.words(table, "transparent", default.transparent),
            exempt=self.words(table, "exempt", default.exempt),
            reach=reach,
            phrases=self.patterns(table, "phrases"),
            shared=self.flag(table, "shared"),
            slots=(
                frozenset(self.slot(slot) for slot in self.strings(table, "slots"))
                if "slots" in table
                else None
            ),
        )

    def landmark(self) -> Landmark | None:
        """The ``[landmark]`` table, where there is one."""
        if "landmark" not in self.raw:
            return None
        table = self.table("landmark")
        allowed = {"slot", "name_slot", "before", "after", "called", "places"}
        self.keys(table, allowed, {"slot", "name_slot"})
        return Landmark(
            slot=self.slot(table["slot"]),
            name_slot=self.slot(table["name_slot"]),
            before=self.patterns(table, "before"),
            after=self.patterns(table, "after"),
            called=self.patterns(table, "called"),
            places=self.words(table, "places", ()),
        )

    def appositions(self) -> tuple[Apposition, ...]:
        """All of ``[[apposition]]``."""
        appositions: list[Apposition] = []
        for _, table in self.tables("apposition"):
            allowed = {"slot", "words", "between"}
            self.keys(table, allowed, allowed)
            appositions.append(
                Apposition(
                    slot=self.slot(table["slot"]),
                    words=frozenset(self.strings(table, "words")),
                    between=self.words(table, "between", ()),
                )
            )
        return tuple(appositions)

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

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from d2t.errors import DomainError, did_you_mean
from d2t.io.hashing import sha256_json
from d2t.slots.lexicon.pattern import Node, PatternCache, parse_pattern
from d2t.slots.lexicon.tokens import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from d2t.mr.domain import Domain


# What realises nothing wins a tie.
_IGNORED_RANK = -2


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
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DomainError(f"{path}: not valid TOML: {error}") from error
    return lexicon_from_dict(raw, domain, where=str(path))


_TABLES: dict[str, type] = {
    "spelling": dict, "macros": dict, "weights": dict, "negation": dict, "landmark": dict,
    "aliases": dict, "common": dict, "equivalents": dict,
    "entry": list, "ignore": list, "apposition": list,
}  # fmt: skip


def lexicon_from_dict(raw: Mapping[str, Any], domain: Domain, *, where: str = "lexicon") -> Lexicon:
    """Build and validate a lexicon from the content of a ``lexicon.toml``."""
    for key, value in raw.items():
        if key not in _TABLES or not isinstance(value, _TABLES[key]):
            raise DomainError(f"{where}: unexpected table {key!r}{did_you_mean(key, _TABLES)}")
    build = _Builder(domain, where, Tokenizer(raw.get("spelling", {})), raw.get("macros", {}))
    entries = [build.entry(table, rank) for rank, table in enumerate(raw.get("entry", []))]
    entries += [
        build.entry({"slot": "", "values": [], **table}, _IGNORED_RANK)
        for table in raw.get("ignore", [])
    ]
    return Lexicon(
        tokenizer=build.tokenizer,
        entries=tuple(entries),
        negation=build.negation(raw.get("negation", {})),
        landmark=build.landmark(raw["landmark"]) if "landmark" in raw else None,
        appositions=tuple(build.apposition(table) for table in raw.get("apposition", [])),
        aliases={
            domain.slot(slot).name: {value: tuple(others) for value, others in table.items()}
            for slot, table in raw.get("aliases", {}).items()
        },
        common=frozenset(
            (domain.slot(slot).name, value)
            for slot, values in raw.get("common", {}).items()
            for value in values
        ),
        equivalents=tuple(
            tuple(build.tokenizer.words(text) for text in (key, *others))
            for key, others in raw.get("equivalents", {}).items()
        ),
        light=build.words(raw.get("weights", {}).get("light", ())),
        digest=sha256_json(dict(raw)),
    )


class _Builder:
    """Turns tables into values, with errors that say where."""

    def __init__(
        self, domain: Domain, where: str, tokenizer: Tokenizer, macros: Mapping[str, str]
    ) -> None:
        self.domain, self.where, self.tokenizer, self.macros = domain, where, tokenizer, macros
        self.cache = PatternCache()

    def keys(
        self, table: Mapping[str, Any], name: str, allowed: set[str], needed: set[str]
    ) -> None:
        """Refuse unknown and missing keys."""
        if unknown := sorted(set(table) - allowed):
            raise DomainError(
                f"{self.where}: [{name}] has an unknown key {unknown[0]!r}"
                f"{did_you_mean(unknown[0], allowed)}"
            )
        if missing := sorted(needed - set(table)):
            raise DomainError(f"{self.where}: [{name}] needs the key {missing[0]!r}")

    def patterns(self, sources: Iterable[str]) -> tuple[Node, ...]:
        """Parse patterns; errors name the file."""
        try:
            return tuple(
                parse_pattern(source, self.tokenizer.words, self.macros, self.cache)
                for source in sources
            )
        except DomainError as error:
            raise DomainError(f"{self.where}: {error.message}") from error

    def entry(self, table: Mapping[str, Any], rank: int) -> Entry:
        """One ``[[entry]]`` or ``[[ignore]]``."""
        self.keys(
            table,
            "entry",
            {"slot", "values", "say", "negated", "weak", "sole", "firm"},
            {"slot", "values", "say"},
        )
        return Entry(
            slot=self.domain.slot(table["slot"]).name if table["slot"] else "",
            values=tuple(table["values"]),
            negated=tuple(table.get("negated", ())),
            patterns=self.patterns(table["say"]),
            rank=rank,
            weak=bool(table.get("weak", False)),
            sole=bool(table.get("sole", False)),
            firm=bool(table.get("firm", False)),
        )

    def words(self, texts: Iterable[str]) -> frozenset[str]:
        """Normalised words."""
        return frozenset(word for text in texts for word in self.tokenizer.words(text))

    def negation(self, table: Mapping[str, Any]) -> Negation:
        """The ``[negation]`` table."""
        allowed = {"words", "phrases", "transparent", "exempt", "reach", "shared", "slots"}
        self.keys(table, "negation", allowed, set())
        default = Negation()
        return Negation(
            words=self.words(table["words"]) if "words" in table else default.words,
            transparent=self.words(table.get("transparent", default.transparent)),
            exempt=self.words(table.get("exempt", default.exempt)),
            reach=int(table.get("reach", default.reach)),
            phrases=self.patterns(table.get("phrases", ())),
            shared=bool(table.get("shared", default.shared)),
            slots=(
                frozenset(self.domain.slot(slot).name for slot in table["slots"])
                if "slots" in table
                else None
            ),
        )

    def landmark(self, table: Mapping[str, Any]) -> Landmark:
        """The ``[landmark]`` table."""
        allowed = {"slot", "name_slot", "before", "after", "called", "places"}
        self.keys(table, "landmark", allowed, {"slot", "name_slot"})
        return Landmark(
            slot=self.domain.slot(table["slot"]).name,
            name_slot=self.domain.slot(table["name_slot"]).name,
            before=self.patterns(table.get("before", ())),
            after=self.patterns(table.get("after", ())),
            called=self.patterns(table.get("called", ())),
            places=self.words(table.get("places", ())),
        )

    def apposition(self, table: Mapping[str, Any]) -> Apposition:
        """One ``[[apposition]]``."""
        allowed = {"slot", "words", "between"}
        self.keys(table, "apposition", allowed, allowed)
        return Apposition(
            slot=self.domain.slot(table["slot"]).name,
            words=frozenset(table["words"]),
            between=self.words(table["between"]),
        )

"""The pattern language of a lexicon: how a phrase may be worded.

==============  ============================================================================
``low price``   words in this order; case, accents, hyphens and possessives do not matter
``(a|b c)``     one of the alternatives
``[very]``      optional
``price[s]``    a group glued to a word makes more words: ``price``, ``prices``
``{price}``     the macro of that name, from the lexicon's ``[macros]``
``..3``         a gap of up to three words inside a sentence; no punctuation, no name
``#``           any number, in digits or as a word
``@name``       something found in open slot ``name``
``>>`` ``<<``   the span starts after ``>>`` and ends before ``<<``; the rest is context
==============  ============================================================================

Patterns are bounded when they are read (``MAX_LENGTH`` and what follows it), so that no lexicon can
take the memory or the time of whoever loads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from d2t.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NUMBER = "#"
# Words that a gap may not swallow, beside the stand-ins of names (which begin with NUL).
BARRIERS = frozenset(".!?,;:/£$€")
OPEN, CLOSE = ">>", "<<"
MAX_LENGTH = 10_000
"""Characters of a pattern or macro."""
MAX_DEPTH = 40
"""Brackets and macros inside each other."""
MAX_GAP = 20
"""Words of one gap; ``MAX_GAPS`` of all gaps of a pattern together."""
MAX_GAPS = 40
MAX_GLUED = 2_000
"""Words that the groups of one glued word may make."""
MAX_SIZE = 20_000
"""Words, alternatives and gap words of one pattern, with its macros written out."""
MAX_TOTAL = 1_000_000
"""The same of all patterns of a lexicon; those that ship with d2t have 79,000."""
_SHOWN = 80  # characters of a pattern that a message repeats
_GAP = re.compile(r"\.\.[0-9]+")
_LEX = re.compile(r"\s+|\{\w+\}|\.\.\d+|>>|<<|[()\[\]|]|[^\s()\[\]|{}]+")


@dataclass(frozen=True, slots=True)
class Word:
    """One normalised word, or ``#`` for any number."""

    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Up to ``limit`` arbitrary words."""

    limit: int


@dataclass(frozen=True, slots=True)
class Mark:
    """``>>`` or ``<<``."""

    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts in order."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the options; an empty ``Sequence`` among them makes it optional."""

    options: tuple[Node, ...]


Node = Word | Gap | Mark | Sequence | Choice
NOTHING = Sequence(())


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a pattern is with its macros written out.

    ``size``: words, alternatives and gap words; ``gaps``: gap words; ``depth``: of nesting.
    """

    size: int
    gaps: int
    depth: int


class PatternCache:
    """What the patterns of one lexicon share, each parsed once: macros and literals.

    A macro is used up to a hundred times; parsing it again each time took most of the start-up.
    ``total`` is the size of all patterns that were parsed.
    """

    def __init__(self) -> None:
        self.macros: dict[str, tuple[Node, Extent]] = {}
        self.literals: dict[str, Node] = {}
        self.total = 0


def parse_pattern(
    source: str,
    words: Callable[[str], tuple[str, ...]],
    macros: Mapping[str, str],
    cache: PatternCache | None = None,
) -> Node:
    """Parse one pattern.

    Args:
        source: the pattern.
        words: the tokenizer that normalises literals as it normalises texts.
        macros: pattern text by macro name; macros may use macros.
        cache: what earlier calls with the same ``words`` and ``macros`` have parsed.

    Raises:
        DomainError: unbalanced groups, an unknown or circular macro, a stray character, or more
            than a pattern, or all those of the cache together, may be.
    """
    cache = cache or PatternCache()
    parser = _Parser(source, words, macros, (), cache)
    node = parser.parse()
    cache.total += parser.size
    if cache.total > MAX_TOTAL:
        raise parser.error(
            f"with it, all patterns together are larger than {MAX_TOTAL:,} words; leave some out"
        )
    return node


class _Parser:
    """Recursive descent over the lexemes of one pattern."""

    def __init__(
        self,
        source: str,
        words: Callable[[str], tuple[str, ...]],
        macros: Mapping[str, str],
        inside: tuple[str, ...],
        cache: PatternCache,
        depth: int = 0,
    ) -> None:
        self.source, self.words, self.macros, self.inside = source, words, macros, inside
        self.cache = cache
        self.size, self.gaps = 0, 0
        self.depth = self.deepest = depth
        if len(source) > MAX_LENGTH:
            raise self.error(
                f"it has {len(source):,} characters, more than {MAX_LENGTH:,}; make several of it"
            )
        self.lexemes: list[str] = _LEX.findall(source)
        if "".join(self.lexemes) != source:
            raise self.error("a stray brace")
        self.at = 0

    def error(self, what: str) -> DomainError:
        """An error that shows the pattern and says what is the matter with it."""
        shown = self.source if len(self.source) <= _SHOWN else self.source[:_SHOWN] + "…"
        of_macro = f" of macro {self.inside[-1]!r}" if self.inside else ""
        return DomainError(
            f"lexicon pattern {shown!r}{of_macro}: {what}; the table of pattern signs is in "
            "d2t/slots/lexicon/pattern.py"
        )

    def count(self, size: int, gaps: int = 0) -> None:
        """Add to the size of the pattern; refuses one that is too large."""
        self.size += size
        self.gaps += gaps
        if self.size > MAX_SIZE:
            raise self.error(
                f"with its macros it is larger than {MAX_SIZE:,} words; make several of it"
            )
        if self.gaps > MAX_GAPS:
            raise self.error(f"its gaps are wider than {MAX_GAPS} words together; narrow them")

    def deepen(self, levels: int) -> None:
        """Note that what comes next nests ``levels`` deep; refuses what nests too deep."""
        self.deepest = max(self.deepest, self.depth + levels)
        if self.deepest > MAX_DEPTH:
            raise self.error(f"brackets or macros are nested more than {MAX_DEPTH} deep")

    def parse(self) -> Node:
        """The whole source as one node; anything left over is an error."""
        node = self.choice()
        if self.at < len(self.lexemes):
            raise self.error(f"unexpected {self.lexemes[self.at]!r}")
        return node

    def choice(self) -> Node:
        """Alternatives between ``|``, up to a closing bracket or the end."""
        options = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            self.count(1)
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Node:
        """Parts one after the other, up to ``|``, a closing bracket or the end."""
        parts: list[Node] = []
        lexemes, n = self.lexemes, len(self.lexemes)
        while self.at < n and (lexeme := lexemes[self.at]) not in (")", "]", "|"):
            if lexeme.isspace():
                self.at += 1
            else:
                parts.append(self.glued())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def glued(self) -> Node:
        """Adjacent items without space: a plain item, or the product of single words."""
        items = [self.item()]
        lexemes, n = self.lexemes, len(self.lexemes)
        while self.at < n and not (lexeme := lexemes[self.at]).isspace() and lexeme not in ")]|":
            items.append(self.item())
        if len(items) == 1:
            only = items[0]
            return self.literal(only) if isinstance(only, str) else only
        spellings = [self.spellings(item) for item in items]
        if prod(map(len, spellings)) > MAX_GLUED:
            raise self.error(f"a glued word stands for more than {MAX_GLUED:,} words; put spaces")
        spelled = ["".join(parts) for parts in product(*spellings)]
        return Choice(tuple(self.literal(text) for text in spelled))

    def item(self) -> Node | str:
        """One group, mark, gap or macro; a plain lexeme comes back as its text."""
        lexeme: str = self.lexemes[self.at]
        self.at += 1
        if lexeme in ("(", "["):
            self.deepen(1)
            self.depth += 1
            node = self.choice()
            self.depth -= 1
            if self.peek() != {"(": ")", "[": "]"}[lexeme]:
                raise self.error(f"{lexeme!r} is not closed")
            self.at += 1
            return node if lexeme == "(" else Choice((node, NOTHING))
        if lexeme in (OPEN, CLOSE):
            return Mark(lexeme)
        if lexeme.startswith(".."):
            if not _GAP.fullmatch(lexeme):
                raise self.error(f"{lexeme[:_SHOWN]!r} is no gap; expected one such as '..3'")
            digits = lexeme[2:].lstrip("0")
            if len(digits) > len(str(MAX_GAP)) or int(digits or "0") > MAX_GAP:
                raise self.error(f"a gap of more than {MAX_GAP} words; narrow it")
            limit = int(digits or "0")
            self.count(limit, gaps=limit)
            return Gap(limit)
        if lexeme.startswith("{"):
            return self.macro(lexeme[1:-1])
        return lexeme

    def macro(self, name: str) -> Node:
        """The parsed text of macro ``name``; refuses circles."""
        if name in self.inside:
            raise self.error(f"macro {name!r} uses itself")
        if name not in self.macros:
            raise self.error(f"unknown macro {name!r}")
        self.deepen(1)
        if name not in self.cache.macros:
            inside, depth = (*self.inside, name), self.depth + 1
            parser = _Parser(self.macros[name], self.words, self.macros, inside, self.cache, depth)
            node = parser.parse()
            extent = Extent(parser.size, parser.gaps, parser.deepest - depth)
            self.cache.macros[name] = node, extent
        node, extent = self.cache.macros[name]
        self.deepen(1 + extent.depth)
        self.count(extent.size, extent.gaps)
        return node

    def literal(self, text: str) -> Node:
        """``text`` as the words of a tokenised utterance; ``#`` and ``@name`` stand alone."""
        self.count(1)
        if text == NUMBER:
            return Word(NUMBER)
        if text.startswith("@"):
            return Word("\0" + text[1:])
        if text not in self.cache.literals:
            words = tuple(Word(word) for word in self.words(text))
            self.cache.literals[text] = words[0] if len(words) == 1 else Sequence(words)
        node = self.cache.literals[text]
        if isinstance(node, Sequence):
            self.count(len(node.parts))
        return node

    def spellings(self, item: Node | str) -> list[str]:
        """All strings a glued item stands for; only single words can be glued."""
        if isinstance(item, str):
            return [item]
        if isinstance(item, Word):
            return [item.text]
        if isinstance(item, Choice):
            return [text for option in item.options for text in self.spellings(option)]
        if item == NOTHING:
            return [""]
        raise self.error("only single words can be glued together")

    def peek(self) -> str | None:
        """The next lexeme, not consumed; None at the end."""
        return self.lexemes[self.at] if self.at < len(self.lexemes) else None


def has_marks(node: Node) -> bool:
    """Whether the pattern needs a second look for gaps or context (see ``locate``)."""
    todo: list[Node] = [node]
    while todo:  # no recursion: asked of every pattern at start-up
        one = todo.pop()
        if isinstance(one, Word):
            continue
        if isinstance(one, (Gap, Mark)):
            return True
        todo += one.parts if isinstance(one, Sequence) else one.options
    return False


def fits(node: Word, word: str) -> bool:
    """Whether a word of a pattern matches a word of a text."""
    return word == node.text or (node.text == NUMBER and is_number(word))


def may_skip(word: str) -> bool:
    """Whether a gap may pass over ``word``."""
    return word not in BARRIERS and word[0] != "\0"


def is_number(word: str) -> bool:
    """Whether a normalised word is a number."""
    return word[0].isdigit()

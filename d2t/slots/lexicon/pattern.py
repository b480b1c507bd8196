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
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from d2t.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NUMBER = "#"
# Words that a gap may not swallow, beside the stand-ins of names (which begin with NUL).
BARRIERS = frozenset(".!?,;:/£$€")
OPEN, CLOSE = ">>", "<<"
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


class PatternCache:
    """What the patterns of one lexicon share, each parsed once: macros and literals.

    A macro is used up to a hundred times; parsing it again each time took most of the start-up.
    """

    def __init__(self) -> None:
        self.macros: dict[str, Node] = {}
        self.literals: dict[str, Node] = {}


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
        DomainError: unbalanced groups, an unknown or circular macro, or a stray character.
    """
    return _Parser(source, words, macros, (), cache or PatternCache()).parse()


class _Parser:
    """Recursive descent over the lexemes of one pattern."""

    def __init__(
        self,
        source: str,
        words: Callable[[str], tuple[str, ...]],
        macros: Mapping[str, str],
        inside: tuple[str, ...],
        cache: PatternCache,
    ) -> None:
        self.source, self.words, self.macros, self.inside = source, words, macros, inside
        self.cache = cache
        self.lexemes: list[str] = _LEX.findall(source)
        if "".join(self.lexemes) != source:
            raise self.error("a stray brace")
        self.at = 0

    def error(self, what: str) -> DomainError:
        """An error that shows the pattern and says what is the matter with it."""
        return DomainError(
            f"lexicon pattern {self.source!r}: {what}; the table of pattern signs is in "
            "d2t/slots/lexicon/pattern.py"
        )

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
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Node:
        """Parts one after the other, up to ``|``, a closing bracket or the end."""
        parts: list[Node] = []
        while (lexeme := self.peek()) is not None and lexeme not in (")", "]", "|"):
            if lexeme.isspace():
                self.at += 1
            else:
                parts.append(self.glued())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def glued(self) -> Node:
        """Adjacent items without space: a plain item, or the product of single words."""
        items = [self.item()]
        while (lexeme := self.peek()) is not None and not lexeme.isspace() and lexeme not in ")]|":
            items.append(self.item())
        if len(items) == 1:
            only = items[0]
            return self.literal(only) if isinstance(only, str) else only
        spelled = ["".join(parts) for parts in product(*map(self.spellings, items))]
        return Choice(tuple(self.literal(text) for text in spelled))

    def item(self) -> Node | str:
        """One group, mark, gap or macro; a plain lexeme comes back as its text."""
        lexeme: str = self.lexemes[self.at]
        self.at += 1
        if lexeme in ("(", "["):
            node = self.choice()
            if self.peek() != {"(": ")", "[": "]"}[lexeme]:
                raise self.error(f"{lexeme!r} is not closed")
            self.at += 1
            return node if lexeme == "(" else Choice((node, NOTHING))
        if lexeme in (OPEN, CLOSE):
            return Mark(lexeme)
        if lexeme.startswith(".."):
            return Gap(int(lexeme[2:]))
        if lexeme.startswith("{"):
            return self.macro(lexeme[1:-1])
        return lexeme

    def macro(self, name: str) -> Node:
        """The parsed text of macro ``name``; refuses circles."""
        if name in self.inside:
            raise self.error(f"macro {name!r} uses itself")
        if name not in self.macros:
            raise self.error(f"unknown macro {name!r}")
        if name not in self.cache.macros:
            inside = (*self.inside, name)
            parser = _Parser(self.macros[name], self.words, self.macros, inside, self.cache)
            self.cache.macros[name] = parser.parse()
        return self.cache.macros[name]

    def literal(self, text: str) -> Node:
        """``text`` as the words of a tokenised utterance; ``#`` and ``@name`` stand alone."""
        if text == NUMBER:
            return Word(NUMBER)
        if text.startswith("@"):
            return Word("\0" + text[1:])
        if text not in self.cache.literals:
            words = tuple(Word(word) for word in self.words(text))
            self.cache.literals[text] = words[0] if len(words) == 1 else Sequence(words)
        return self.cache.literals[text]

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

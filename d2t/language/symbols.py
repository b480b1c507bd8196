"""The symbols of source strings and target templates: one token each, never split by a tokenizer.

``<slot:NAME>`` opens a slot, ``<val:NAME>`` (``<val:NAME:2>`` for a second value) stands for a
value in source and target, ``<f:...>`` are grammar features of a hidden value, ``<act:NAME>``
heads domains with several dialogue acts, ``<kind:NAME>`` a phrase that is no whole utterance.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from d2t.errors import DomainError

if TYPE_CHECKING:
    from d2t.mr.domain import Domain

ABSENT = "<absent>"
"""A slot that the fixed-position layout shows although the MR does not have it."""
BREAK = "<break>"
"""The end of a planned sentence, the last one too; no source without a sentence plan has it."""
EMPTY = "<empty>"
"""The value of a slot that a dialogue act asks for: ``request(developer[])``."""
VOWEL, CONSONANT = "<f:vowel>", "<f:cons>"
"""Whether the hidden value begins with a vowel sound (a/an)."""
THE = "<f:the>"
"""The hidden value begins with the article, so the text must not add one."""
NUMBER, WORD = "<f:num>", "<f:word>"
"""Whether the hidden value holds a digit."""
SUPERLATIVE = "<f:sup>"
"""The hidden value is a superlative ("most recent"), which takes "the"."""
FEATURES = (VOWEL, CONSONANT, THE, NUMBER, WORD, SUPERLATIVE)

FACTUAL, COUNTERFACTUAL = "<factual>", "<counterfactual>"
"""Whether the plan that the decoder says is that of the MR (rule F3.2)."""
SAY = "<say>"
"""Between the plan and the utterance."""
PLAN_SYMBOLS = (FACTUAL, COUNTERFACTUAL, SAY)
"""What a tokenizer knows beside ``all_symbols`` where the plan is said first."""

KINDS = ("sentence", "clause", "phrase", "predicate", "modifier")
"""What part of an utterance a phrase pair is; its source begins with the kind (rule O3.1)."""

MAX_VALUES = 4
"""Values of one slot that have a placeholder each; ``Linearizer`` says what a fifth does."""

PLACEHOLDER = re.compile(r"<val:\w+(?::\d)?>")
"""Matches what ``placeholder`` writes."""


def symbol_name(name: str) -> str:
    """A slot's or act's name inside a symbol: ``customer rating`` -> ``customer_rating``."""
    return re.sub(r"\W+", "_", name.strip())


@lru_cache(maxsize=1024)  # asked for at every slot of every source; names are few
def slot_symbol(name: str) -> str:
    """``<slot:customer_rating>`` for ``customer rating``."""
    return f"<slot:{symbol_name(name)}>"


def act_symbol(act: str) -> str:
    """``<act:inform>`` for ``inform``."""
    return f"<act:{symbol_name(act)}>"


def kind_symbol(kind: str) -> str:
    """``<kind:clause>`` for ``clause``.

    Raises:
        DomainError: no such kind of phrase.
    """
    if kind not in KINDS:
        raise DomainError(f"unknown kind of phrase {kind!r}; expected one of {', '.join(KINDS)}")
    return f"<kind:{kind}>"


@lru_cache(maxsize=1024)
def placeholder(name: str, k: int = 1) -> str:
    """``<val:near>`` for the first value of slot ``near``, ``<val:near:2>`` for the second."""
    return f"<val:{symbol_name(name)}>" if k == 1 else f"<val:{symbol_name(name)}:{k}>"


def all_symbols(domain: Domain) -> list[str]:
    """Every symbol the domain can need, in a fixed order: the tokenizer's never-split inventory.

    Raises:
        DomainError: two slots (or two acts) would share one symbol.
    """
    symbols = [ABSENT, BREAK, EMPTY, *FEATURES, *map(kind_symbol, KINDS)]
    symbols += [act_symbol(act) for act in domain.dialogue_acts]
    for name in domain.slot_names:
        symbols.append(slot_symbol(name))
        symbols += [placeholder(name, k) for k in range(1, MAX_VALUES + 1)]
    for symbol in symbols:
        if symbols.count(symbol) > 1:
            raise DomainError(
                f"domain {domain.name!r}: two of its slots or dialogue acts are both written "
                f"{symbol}; expected names that differ in more than punctuation; rename one of them"
            )
    return symbols

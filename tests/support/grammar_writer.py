"""A generator without a model: the grammar of the embedded corpus says what is proposed."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from d2t.corpus.correct import correct_examples, split_references
from d2t.corpus.load import load_split
from d2t.corpus.mini.compose import compose
from d2t.corpus.mini.grammar import Grammar
from d2t.generate.candidates import Candidate
from d2t.language.template import template_text
from d2t.mr.domain import load_domain
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.generate.types import GenerationRequest

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
GRAMMAR = Grammar.load()


@lru_cache(maxsize=2)
def corpus(split: str, size: int = 150) -> tuple[Example, ...]:
    """The first pairs of the embedded corpus as training reads them."""
    raw = split_references(load_split("mini", split, DOMAIN)[:size])  # type: ignore[arg-type]
    return tuple(correct_examples(raw, CHECKER, DOMAIN))


class GrammarWriter:
    """Two texts per request: one that says the plan, one that leaves out its last slot.

    Attributes:
        calls: blocks asked for.
        die_at: the call that is interrupted.
    """

    def __init__(self, die_at: int | None = None, path: Path | None = None) -> None:
        self.calls = 0
        self.die_at = die_at
        self.bundle: Any = SimpleNamespace(
            planner=None, path=path, linearizer=SimpleNamespace(needs_planner=True)
        )

    def candidates(
        self, requests: Sequence[GenerationRequest], options: object = None
    ) -> list[list[Candidate]]:
        self.calls += 1
        if self.calls == self.die_at:
            raise KeyboardInterrupt
        return [self._write(request) for request in requests]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Any]:
        return [SimpleNamespace(score=-0.5) for _ in requests]

    def _write(self, request: GenerationRequest) -> list[Candidate]:
        assert request.plan is not None
        found = []
        for i, slots in enumerate((request.plan.slots, request.plan.slots[:-1])):
            text = compose(GRAMMAR, slots, derived_rng(0, request.id, i))
            template = template_text(text, request.mr, CHECKER, DOMAIN)
            found.append(Candidate(template, text, -0.3 - 0.1 * i))
        return found

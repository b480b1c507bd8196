"""Perturbed sources that a test writes down, in place of those of an MR."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from d2t.generate.contrast import ContrastOptions

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class ScriptedContrast:
    """``sources[said]`` is the source; ``words[k]`` is the token by which slot ``k`` is said."""

    sources: dict[int, tuple[int, ...]]
    words: tuple[int, ...] = (3,)
    options: ContrastOptions = field(default_factory=ContrastOptions)
    everything: int = -1

    def __post_init__(self) -> None:
        if self.everything < 0:
            self.everything = (1 << len(self.words)) - 1

    def ids(self, said: int = 0) -> tuple[int, ...]:
        return self.sources[said]

    def said(self, prefix: Sequence[int]) -> int:
        return sum(1 << k for k, word in enumerate(self.words) if word in prefix)

    def longest(self) -> int:
        return max(map(len, self.sources.values()))


def static(sources: Sequence[Sequence[int]]) -> list[ScriptedContrast]:
    return [ScriptedContrast({0: tuple(source)}) for source in sources]

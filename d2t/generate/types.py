"""What is asked of a generator, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from d2t.search.backend import EncodedSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.generate.orders import Orders
    from d2t.language.bindings import Bindings
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.slots.types import Alignment, SlotReport

Status = Literal["ok", "repaired", "failed"]


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One MR to verbalise, in the order of ``plan``; None: in the strategy's own order.

    Attributes:
        kind: of the phrase that is wanted, for models that learned from phrases; None is a whole
            utterance.
    """

    id: str
    mr: MeaningRepresentation
    plan: Plan | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRequest(EncodedSource):
    """A request as an engine reads it, and what its answers are read and judged by.

    Attributes:
        request: what was asked.
        orders: the order asked for, and the one in which the model reads the slots.
        bindings: what the placeholders of the source stand for.
    """

    request: GenerationRequest
    orders: Orders
    bindings: Bindings


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One generated utterance with its proof.

    Attributes:
        plan: the order the generator was given.
        score: mean log-probability (nats) per target token, EOS included.
        status: ``ok`` when ``report.ok`` and the text came to its end; what fails the check, or is
            cut at the greatest length, is never called ok. ``repaired``: likewise, but the first
            text failed, and a later stage of verified generation found this one.
        order_kept: whether the realised plan has the slots of ``plan`` in its order.
        breaks_kept: whether each sentence says the slots that were planned for it, in any order;
            None when the plan says nothing of sentences.
        finished: False when the text was cut at the greatest length.
        stage: of verified generation that repaired the text; None for the first.
    """

    id: str
    mr: MeaningRepresentation
    plan: Plan
    text: str
    alignment: Alignment
    report: SlotReport
    score: float
    status: Status
    order_kept: bool
    breaks_kept: bool | None = None
    finished: bool = True
    stage: str | None = None


class Generator(Protocol):
    """Anything that turns requests into hypotheses, in the order of the requests."""

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """Generate one hypothesis per request."""
        ...

"""What is asked of a generator, with which options, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from d2t.language.template import template_of
from d2t.mr.parse import unseen_values
from d2t.mr.plans import plan_as_list
from d2t.mr.render import mr_to_json
from d2t.search.backend import EncodedSource
from d2t.slots.types import slots_as_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.language.delex import Bindings
    from d2t.language.frames.compose import Style
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation, Plan
    from d2t.plan.base import Planner
    from d2t.slots.checker import SlotChecker
    from d2t.slots.types import Alignment, SlotReport, Span


MAX_LENGTH = 100
"""Most tokens per utterance where neither the caller nor the bundle says otherwise (rule O5.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """How a model generates. None takes the bundle's own default.

    Attributes:
        beam_size: hypotheses kept at each step; 1 is greedy search.
        batch_size: sources searched together; halved for good when memory runs out.
        max_length: most tokens per utterance.
        length_penalty: exponent of the length in the ranking of beams.
        seed: of the orders of RND and of planners that draw.
        rerank: of the ``beam_size`` best texts take the one with the best slot F1, then the best
            order, then the best score; RND pools five shuffles (rule O5.6).
        planner: orders MRs without a plan, where the strategy has no order of its own, and
            finishes plans that end in ``...``. A planner, or what ``make_planner`` takes; None is
            the bundle's neural planner if it has one, else its bigram planner.
        plan_sentences: whether the planner also plans where sentences end.
        searches_kept: sources whose search results are kept for equal sources, about; names and
            rare values are placeholders in a source, so that real tables repeat theirs. 0 searches
            every source anew.
    """

    beam_size: int | None = None
    batch_size: int = 64
    max_length: int | None = None
    length_penalty: float | None = None
    seed: int = 0
    rerank: bool = False
    planner: Planner | str | None = None
    plan_sentences: bool = False
    searches_kept: int = 16_384


Writer = Literal["auto", "model", "frames"]


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Who writes, and how much work a record gets whose first text fails the check.

    A 0 turns a stage off.

    Attributes:
        writer: who writes first. ``model``: the model; what it cannot say is composed from the
            domain's frames. ``frames``: the frames, and the model what they cannot say. ``auto``:
            the model where no order was asked for and the domain lists all values, as in its
            training data; the frames for all other records, which the model says worse.
        wordings: texts for each record; the further ones are its ``Hypothesis.alternatives``.
        style: of composed texts.
        beam_size: texts of the beam search, which the first stage checks.
        composed: texts composed from the domain's frames that are checked; where there are some,
            other texts must put new values into such frames and claim nothing beyond the record.
        variants: other sentence plans (where an order was asked for) or other orders (where none
            was), each with the text of greedy search.
        samples: texts drawn from the nucleus ``top_p``.
        top_p: probability that the nucleus of ``samples`` holds; a wider one gives worse English.
        segment_beam: texts of each part of the plan, which a stage joins to an answer.
        last_samples: texts drawn from 95% of the distribution where all else failed.
    """

    writer: Writer = "auto"
    wordings: int = 1
    style: Style = "auto"
    beam_size: int = 5
    composed: int = 4
    variants: int = 6
    samples: int = 32
    top_p: float = 0.7
    segment_beam: int = 2
    last_samples: int = 64


Status = Literal["ok", "repaired", "failed"]
COMPOSED = "composed"
"""The stage of texts that are composed from frames."""


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


class Orders(NamedTuple):
    """The plan that ``order_kept`` is judged by, and the plan that is linearized."""

    asked: Plan
    read: Plan


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
    """One generated utterance with its proof; ``check_text`` makes it.

    Attributes:
        id: of the request.
        mr: what the text was checked against.
        plan: the order asked for, or else the one that the generator chose.
        text: the utterance.
        report: which slots the text says, and its slot errors.
        realised: the order in which the text says them, with the sentences (rule O1.5).
        template: the text with ``<val:NAME>`` for each mention of an open slot.
        score: mean log-probability (nats) per target token, EOS included; 0 for a composed text,
            which no model has scored.
        status: ``ok`` when ``report.ok`` holds and the model finished the text with every value
            copied. ``repaired``: the same, but an earlier text for the request failed, and a later
            stage of verified generation gave this one. Everything else is ``failed``.
        finished: False when the text was cut at the greatest length.
        domain: of the MR.
        stage: of verified generation that repaired the text; None for a model's first text. A text
            that was composed first has the status ``ok`` and the stage ``composed``.
        alternatives: further proved texts for the same record, different in order or wording.
    """

    id: str
    mr: MeaningRepresentation
    plan: Plan
    text: str
    report: SlotReport
    realised: Plan
    template: str
    score: float
    status: Status
    domain: Domain = field(repr=False, compare=False)
    finished: bool = True
    stage: str | None = None
    alternatives: tuple[Hypothesis, ...] = ()

    def __str__(self) -> str:
        """The text alone."""
        return self.text

    @property
    def spans(self) -> tuple[Span, ...]:
        """Which characters of the text say which slot, in text order."""
        return self.report.spans

    @property
    def alignment(self) -> Alignment:
        """The spans of the text that say something."""
        return self.report.alignment

    @property
    def order_kept(self) -> bool:
        """Whether the text says the slots of ``plan`` in its order."""
        return self.realised.slots == self.plan.slots

    @property
    def breaks_kept(self) -> bool | None:
        """Whether each sentence says the slots that ``plan`` gives it, in any order.

        None where the plan does not say where sentences end.
        """
        if self.plan.breaks is None:
            return None
        wanted = [sorted(sentence) for sentence in self.plan.sentences]
        return wanted == [sorted(sentence) for sentence in self.realised.sentences]

    def as_dict(self) -> dict[str, Any]:
        """The JSON record that ``d2t generate`` writes and ``d2t evaluate`` reads.

        ``{id, mr, plan, text, spans, report, score, status, stage, order_kept, breaks_kept}``:
        ``plan`` is the order asked for, ``report.plan`` the order in which the text says things,
        ``report.unseen`` the values that the domain does not list for a closed slot, ``spans`` what
        the text says (character offsets), ``score`` the mean log-probability per token,
        ``breaks_kept`` whether the sentences hold what the plan gives them, null when it says
        nothing of sentences; ``stage`` is the one of verified generation that gave the text, null
        for a model's first text. ``alternatives`` is there where several texts were asked for: for
        each further one ``{text, spans, plan, breaks, status, stage}`` with its own order.
        """
        report = self.report.as_dict()
        report["unseen"] = slots_as_list(unseen_values(self.mr, self.domain))
        record = {
            "id": self.id,
            "mr": mr_to_json(self.mr, self.domain),
            "plan": plan_as_list(self.plan),
            "text": self.text,
            "spans": report.pop("spans"),
            "report": report,
            "score": round(self.score, 4),
            "status": self.status,
            "stage": self.stage,
            "order_kept": self.order_kept,
            "breaks_kept": self.breaks_kept,
        }
        if self.alternatives:
            record["alternatives"] = [other._as_alternative() for other in self.alternatives]
        return record

    def _as_alternative(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "spans": self.alignment.as_list(),
            "plan": plan_as_list(self.realised),
            "breaks": list(self.realised.breaks or ()),
            "status": self.status,
            "stage": self.stage,
        }


def check_text(
    text: str,
    request: GenerationRequest,
    plan: Plan,
    checker: SlotChecker,
    *,
    score: float,
    whole: bool = True,
    finished: bool = True,
) -> Hypothesis:
    """Check a text against the MR of its request.

    Args:
        text: the utterance.
        request: gives the id and the MR.
        plan: the order asked for.
        checker: of the MR's domain.
        score: mean log-probability (nats) per token.
        whole: False if the text cannot be ``ok``, whatever the checker finds in it.
        finished: False when the text was cut at the greatest length.
    """
    report = checker.check(text, request.mr, strict_numbers=True)
    return Hypothesis(
        id=request.id,
        mr=request.mr,
        plan=plan,
        text=text,
        report=report,
        realised=report.alignment.plan(),
        template=template_of(report.alignment, checker.domain),
        score=score,
        status="ok" if report.ok and whole else "failed",
        domain=checker.domain,
        finished=finished,
    )


class Generator(Protocol):
    """Anything that turns requests into hypotheses, in the order of the requests."""

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """Generate one hypothesis per request."""
        ...

"""Verified generation: a text that fails the check is replaced by one that passes, or is failed.

Where an order was asked for, or a closed slot has a value that the domain does not list, the text
is composed from the domain's frames: blind readers found the model's texts for such records broken
many times as often (experiments/realistic). The model says all other records.

The stages: the generator's own text (greedy search); a text composed from the domain's frames
(``d2t.language.frames``), which is whole English in any order; the texts of a beam; other sentences
of the plan, or other orders where none was asked for; sentences proved one by one and joined
(``segments``); samples from a narrow nucleus; samples from a wide one, which say anything in the
end, but read worst. Samples come after segments because they cost more and repaired no record that
segments could not (experiments/LOG.md). Of the records that the model says, only those that fail
the check cost extra time.

A text with the status ``ok`` or ``repaired`` has passed the slot check, says nothing twice in a
row, and keeps the order that was asked for, if one was. Everything else is ``failed``, with its
report. Of texts that pass, one that is finished, speaks of one thing and is worded as the
references are is preferred; a correct but odd text is kept if no better one comes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from d2t.errors import BundleError
from d2t.generate.candidates import rerank
from d2t.generate.composed import composed_texts, reads_like_frames
from d2t.generate.requests import make_request
from d2t.generate.segments import segment_texts
from d2t.generate.stream import in_windows
from d2t.generate.types import COMPOSED, VerifyOptions
from d2t.generate.wordings import distinct
from d2t.language.frames.frames import load_frames
from d2t.language.habits.flaws import FINISHED, is_finished, stutters
from d2t.language.habits.linking import NAMING, Linking
from d2t.language.habits.wording import WORDING, Wording
from d2t.language.template import template_words
from d2t.mr.types import Plan
from d2t.plan.untrained import random_plan
from d2t.search.backend import SamplingOptions
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.types import GenerationRequest, Hypothesis
    from d2t.mr.types import MeaningRepresentation

    Texts = Sequence[Iterable[Hypothesis]]  # of each request, best first
    Stage = Callable[[Sequence[GenerationRequest], Sequence[Hypothesis]], Texts]


_DRAWN = frozenset({"sampled", "resampled"})
_WIDE = 0.95
"""Probability that the nucleus of the last samples holds."""
_ORDERS = 6
"""Orders that are drawn for several texts of a record, where none was asked for."""
_TEXTS = 12
"""Texts of each order and style among which different ones are looked for, at least."""


class VerifiedGenerator:
    """A ``Generator`` that returns proved texts, and marks those it could not prove as failed.

    Attributes:
        generator: gives the first text of every request; its own options are those of that stage.
        options: how much work a record gets whose first text fails.
    """

    def __init__(self, generator: ModelGenerator, options: VerifyOptions | None = None) -> None:
        self.generator = generator
        self.options = options or VerifyOptions()
        self._frames = load_frames(generator.domain) if self.options.composed else None
        habits = generator.bundle.decode_defaults
        self._finished = bool(habits.get(FINISHED, False))
        try:
            self._linking = Linking.of(habits[NAMING]) if NAMING in habits else None
            self._wording = Wording.from_dict(habits[WORDING]) if WORDING in habits else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(
                f"the bundle's decode_defaults cannot be read ({error!r}); copy or train it again"
            ) from error

    def generate_one(
        self,
        mr: str | Mapping[str, Any] | MeaningRepresentation,
        plan: str | Sequence[str] | Plan | None = None,
        *,
        id: str = "0",
    ) -> Hypothesis:
        """One utterance, from an MR and plan in any spelling.

        Raises:
            MRParseError, DomainError: what is wrong with the MR or the plan.
        """
        model = self.generator
        return self.generate([make_request(mr, plan, model.domain, model.planner, id=id)])[0]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """One hypothesis per request, in the order of the requests; many are cut into windows.

        Raises:
            DataError, BackendError: as ``ModelGenerator.generate``.
        """
        model = self.generator
        return in_windows(self.answer, requests, window=model.window, at_a_time=model.at_a_time)

    def answer(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """``generate`` for one window of requests, however many they are (same errors)."""
        self.generator.require_own_process()
        composing = [i for i, request in enumerate(requests) if self._composes_first(request)]
        self.generator.plan_together([requests[i] for i in composing])
        tried = ((i, self._composed_first(requests[i])) for i in composing)
        done = {i: text for i, text in tried if text is not None}
        left = [i for i in range(len(requests)) if i not in done]
        done.update(zip(left, self._with_model([requests[i] for i in left]), strict=True))
        answers = [done[i] for i in range(len(requests))]
        if self.options.wordings < 2:
            return answers
        return [
            self._with_alternatives(request, text)
            for request, text in zip(requests, answers, strict=True)
        ]

    def _composes_first(self, request: GenerationRequest) -> bool:
        """Whether the frames write before the model (``VerifyOptions.writer``)."""
        if self._frames is None or self.options.writer == "model":
            return False
        if self.options.writer == "frames" or request.plan is not None:
            return True
        domain = self.generator.domain
        return any(domain.slot(slot.name).is_unseen(slot.value) for slot in request.mr.slots)

    def _composed_first(self, request: GenerationRequest) -> Hypothesis | None:
        plan = self.generator.orders(request).asked
        texts = composed_texts(
            self.generator, self._frames, request, plan, self.options.composed, self.options.style
        )
        whole, _ = self._first_whole(texts, request)
        return whole

    def _with_alternatives(self, request: GenerationRequest, text: Hypothesis) -> Hypothesis:
        """The text with others for the same record, composed and of the model's beam."""
        if text.status == "failed":
            return text
        n, options = self.options.wordings, self.options
        frames = None if options.writer == "model" else self._frames
        composed = composed_texts(
            self.generator, frames, request, text.plan, max(_TEXTS, 2 * n), options.style,
            orders=_ORDERS,
        )  # fmt: skip
        others = (one for one in composed if self._proved(request, one))
        chosen = distinct(chain([text], others), n)
        if len(chosen) < n and options.beam_size and options.writer != "frames":
            beams = self._beams([request], [text])[0]
            proved = (one for one in beams if self._proved(request, one) and self._reads(one))
            chosen = distinct(chain(chosen, proved), n)
        return replace(text, alternatives=tuple(chosen[1:]))

    def _with_model(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """The model's texts, and what the stages make of those that fail."""
        if not requests:
            return []
        first = self.generator.answer(requests)
        proved = {i: text for i, text in enumerate(first) if self._proved(requests[i], text)}
        waiting = [i for i in range(len(first)) if i not in proved or not self._reads(first[i])]
        closest = {i: first[i] for i in waiting}
        for name, stage in self._stages():
            going = [i for i in waiting if i not in proved or name not in _DRAWN]
            if not going:
                continue
            answers = stage([requests[i] for i in going], [first[i] for i in going])
            for i, texts in zip(going, answers, strict=True):
                whole, rest = self._first_whole(texts, requests[i])
                # Odd words of samples may stand for slots: "low is cheap".
                passing = [] if name in _DRAWN else rest
                best = whole or next((t for t in passing if self._proved(requests[i], t)), None)
                if best is not None and (whole or i not in proved):
                    proved[i] = replace(best, status="repaired", stage=name)
                elif rest:
                    pool = [closest[i], *rest]
                    closest[i] = pool[rerank(pool, by_order=self._follows(requests[i]))]
                if whole:
                    waiting.remove(i)
        return [proved.get(i) or replace(closest[i], status="failed") for i in range(len(first))]

    def _first_whole(
        self, texts: Iterable[Hypothesis], request: GenerationRequest
    ) -> tuple[Hypothesis | None, list[Hypothesis]]:
        """The first text that is proved and reads well, and all before it.

        They answer ``request``: a text for a variant of it is judged by the order it asks for.
        """
        before: list[Hypothesis] = []
        for text in texts:
            answer = replace(text, id=request.id, plan=request.plan or text.plan)
            if self._proved(request, answer) and self._reads(answer):
                return answer, before
            before.append(answer)
        return None, before

    def _stages(self) -> list[tuple[str, Stage]]:
        options = self.options
        stages: list[tuple[str, Stage, int]] = [
            (COMPOSED, self._composed, options.composed if self._frames else 0),
            ("reranked", self._beams, options.beam_size),
            ("replanned", self._variants, options.variants),
            ("segments", self._segments, options.segment_beam),
            ("sampled", partial(self._drawn, options.samples, options.top_p), options.samples),
            ("resampled", partial(self._drawn, options.last_samples, _WIDE), options.last_samples),
        ]
        return [(name, stage) for name, stage, size in stages if size]

    def _follows(self, request: GenerationRequest) -> bool:
        """Whether an order was asked for, of a model that follows orders."""
        needs = self.generator.bundle.linearizer.needs_planner
        return request.plan is not None and needs

    def _proved(self, request: GenerationRequest, text: Hypothesis) -> bool:
        """Whether a text passes the slot check, stutters nowhere, and keeps the order asked for.

        In a domain with frames it also claims nothing beyond its record.
        """
        alignment = text.report.alignment
        if text.status != "ok" or alignment.faint or stutters(alignment):
            return False
        if self._frames is not None and text.report.unsupported:
            return False  # composed texts claim nothing
        if not self._follows(request):
            return True
        return text.order_kept and text.breaks_kept is not False

    def _reads(self, text: Hypothesis) -> bool:
        """Whether a text is finished, speaks of one thing, and is worded as the references are.

        In a domain with frames it reads as a composed text does, too.
        """
        if self._finished and not is_finished(text.text):
            return False
        if text.stage == COMPOSED:
            return True
        if self._frames is not None and not reads_like_frames(
            self._frames, text, self.generator.domain
        ):
            return False
        words = template_words(text.template)
        habits = (self._linking, self._wording)
        return all(habit.fault(words) is None for habit in habits if habit)

    def _beams(self, requests: Sequence[GenerationRequest], _: Sequence[Hypothesis]) -> Texts:
        return self.generator.with_beam(self.options.beam_size).checking(requests)

    def _composed(
        self, requests: Sequence[GenerationRequest], texts: Sequence[Hypothesis]
    ) -> Texts:
        n, style = self.options.composed, self.options.style
        return [
            composed_texts(self.generator, self._frames, request, first.plan, n, style)
            for request, first in zip(requests, texts, strict=True)
        ]

    def _variants(
        self, requests: Sequence[GenerationRequest], texts: Sequence[Hypothesis]
    ) -> Texts:
        plans = [
            self._other_plans(request, first)
            for request, first in zip(requests, texts, strict=True)
        ]
        wanted = [
            replace(request, id=f"{request.id}/{number}", plan=plan)
            for request, others in zip(requests, plans, strict=True)
            for number, plan in enumerate(others)
        ]
        answers = iter(self.generator.with_beam(1).answer(wanted))
        groups = [[next(answers) for _ in others] for others in plans]
        return [sorted(group, key=lambda text: -text.score) for group in groups]

    def _other_plans(self, request: GenerationRequest, first: Hypothesis) -> list[Plan]:
        """Other sentences for the order that was asked for, or other orders if none was."""
        rng = derived_rng(self.generator.seed, "variants", request.id)
        most, asked = self.options.variants, first.plan
        if not self._follows(request):
            orders = (random_plan(request.mr, rng) for _ in range(most))
            return [plan for plan in dict.fromkeys(orders) if plan.slots != asked.slots]
        linearizer = self.generator.bundle.linearizer
        if asked.breaks is not None or not linearizer.plans_sentences:
            return []
        places = range(1, len(asked))
        breaks: list[tuple[int, ...]] = [(), *((place,) for place in places)]
        pairs = [(a, b) for a in places for b in places if a < b]
        rng.shuffle(pairs)
        return [Plan(asked.slots, chosen) for chosen in [*breaks, *pairs][:most]]

    def _drawn(
        self, n: int, top_p: float, requests: Sequence[GenerationRequest], _: Sequence[Hypothesis]
    ) -> Texts:
        seed = self.generator.seed
        options = SamplingOptions("ancestral", n_samples=n, keep=n, top_p=top_p, seed=seed)
        return self.generator.checking(requests, options)

    def _segments(
        self, requests: Sequence[GenerationRequest], texts: Sequence[Hypothesis]
    ) -> Texts:
        wide = self.generator.with_beam(self.options.segment_beam)
        plans = [first.plan for first in texts]
        return segment_texts(wide, requests, plans, linking=self._linking)

"""How a row speaks: its ways of decoding as one generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.generate.candidates import tied
from d2t.generate.contrast_engine import contrast_engine
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.verified import VerifiedGenerator
from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.quals import quals
from d2t.model.bundle.bundle import Bundle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.generate.contrast import ContrastOptions
    from d2t.generate.types import GenerationRequest, Generator, Hypothesis
    from d2t.judges.qa.reader import QAReader
    from d2t.judges.qa.types import QuestionAnswerer

_MAX_LENGTH = 100


class TieBreaker(ModelGenerator):
    """A reranker that asks questions where the checker is content with several texts.

    Of the best texts that say all and nothing else, in the best order there is, the one with the
    greatest two-sided QUALS is taken; an equal one stays behind what the model likes better. Texts
    with an error keep the model's order, so that a good score cannot buy an error.
    """

    def __init__(self, bundle: Bundle, reader: QuestionAnswerer, **settings: Any) -> None:
        """Wrap ``bundle``; ``settings`` are those of ``ModelGenerator``, with a beam above 1."""
        super().__init__(bundle, **{**settings, "rerank": True})
        self._reader = reader

    def answer(self, requests: Sequence[GenerationRequest]) -> list[Hypothesis]:
        """One hypothesis per request of a window, in the order of the requests.

        Raises:
            DataError, BackendError: as ``ModelGenerator.generate``.
        """
        beams = self.hypotheses(requests)
        chosen: list[list[int]] = []
        for request, texts in zip(requests, beams, strict=True):
            by_order = request.plan is not None or self.bundle.linearizer.needs_planner
            best = tied(texts, by_order=by_order)
            perfect = [k for k in best if texts[k].status == "ok"]
            chosen.append(perfect if len(perfect) > 1 else best[:1])
        asked = [(i, k) for i, best in enumerate(chosen) if len(best) > 1 for k in best]
        scores = dict(zip(asked, self._scores([beams[i][k] for i, k in asked]), strict=True))
        picked = []
        for i, (texts, best) in enumerate(zip(beams, chosen, strict=True)):
            _, place = max((scores.get((i, k), 0.0), -k) for k in best)
            picked.append(texts[-place])
        return picked

    def _scores(self, texts: Sequence[Hypothesis]) -> list[float]:
        """Two-sided QUALS; a text without questions is the worst."""
        domain, questions = self._reader.domain, self._reader.questions
        pairs = [context_pair(text.mr, text.text, domain, questions) for text in texts]
        found = [score.total for score in quals(pairs, self._reader)] if pairs else []
        return [float("-inf") if total is None else total for total in found]


def generator_of(
    decoding: Sequence[str],
    folder: Path,
    *,
    beam: int,
    contrast: ContrastOptions | None,
    reader: QAReader | None,
) -> Generator:
    """What speaks by these parts (``DECODING``), on the torch engine.

    Orders that nobody asks for are the bigram planner's, whatever else the bundle has.

    Args:
        decoding: greedy without any.
        folder: the bundle.
        beam: texts that are reranked.
        contrast: for ``contrast``.
        reader: for ``qa-ties``.
    """
    bundle = Bundle.load(folder)
    settings: dict[str, Any] = {
        "beam_size": beam if "rerank" in decoding else 1,
        "max_length": _MAX_LENGTH,
        "planner": bundle.planner,
    }
    if "contrast" in decoding:
        assert contrast is not None  # the caller knows its parts
        settings["backend"] = contrast_engine(bundle, contrast)
    generator: ModelGenerator
    if "qa-ties" in decoding:
        assert reader is not None  # the caller knows its parts
        generator = TieBreaker(bundle, reader, **settings)
    else:
        generator = ModelGenerator(bundle, rerank="rerank" in decoding, **settings)
    return VerifiedGenerator(generator) if "verified" in decoding else generator

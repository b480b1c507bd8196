"""How one trained arm is judged: slot errors, BLEU, order, obedience under interventions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.plan.random_plans import random_plan
from d2t.score.records import EvaluationRecord
from d2t.seeding import derived_rng
from experiments.faithfulness.conseq_scores import judged_rows, score
from experiments.faithfulness.counterfactual_interventions import (
    KINDS,
    Intervention,
    Speaker,
    content_followed,
    intervene,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.corpus.types import Example
    from d2t.generate.types import Hypothesis
    from d2t.judges.parser.learned_parser import LearnedParser
    from d2t.model.bundle.bundle import Bundle
    from d2t.slots.checker import SlotChecker
    from experiments.runner.kept import Rows

_BATCH, _MAX_LENGTH = 64, 100
AS_COUNTERFACTUAL = "as_counterfactual"
"""Obedience under the counterfactual tag, of models that have tags."""


def scores(
    bundle: Bundle, examples: Sequence[Example], parser: LearnedParser | None, *, seed: int
) -> tuple[dict[str, Any], Rows]:
    """All numbers of one bundle on MRs with references, in %; and the rows of those to be tested.

    Args:
        bundle: an arm.
        examples: what it says.
        parser: a judge that verified no counterfactual pair, which the checker did.
        seed: of random plans and interventions.
    """
    generator = ModelGenerator(bundle, beam_size=1, batch_size=_BATCH, max_length=_MAX_LENGTH)
    own = generator.generate([GenerationRequest(e.id, e.mr) for e in examples])
    asked = [
        GenerationRequest(e.id, e.mr, random_plan(e.mr, derived_rng(seed, "random", e.id)))
        for e in examples
    ]
    random = generator.generate(asked)
    found: dict[str, Any] = {"n": len(examples), "samples": [h.text for h in own[:5]]}
    rows: Rows = {}
    for setting, said in (("own", own), ("random", random)):
        records = [
            EvaluationRecord(e.id, e.mr, h.text, h.plan, e.references)
            for e, h in zip(examples, said, strict=True)
        ]
        judged = judged_rows(records, generator.checker, None, parser, n_wordings=1)
        found[setting] = {metric: score(metric, r) for metric, r in judged.items()}
        rows |= {f"{setting}/{metric}": r for metric, r in judged.items()}
    plan_first = bundle.linearizer.plan_first
    if plan_first is not None:
        for factual in (True, False)[: 1 + plan_first.tags]:
            speaker = Speaker(
                bundle, seed=0, batch_size=_BATCH, max_length=_MAX_LENGTH, factual=factual
            )
            obeyed, verdicts = obedience(
                own, examples, bundle, speaker, generator.checker, seed=seed
            )
            if factual:
                found |= {**obeyed, "perturb": perturbed(own, examples, speaker, generator.checker)}
                rows |= verdicts
            else:
                found[AS_COUNTERFACTUAL] = obeyed
    return found, rows


def obedience(
    own: Sequence[Hypothesis],
    examples: Sequence[Example],
    bundle: Bundle,
    speaker: Speaker,
    checker: SlotChecker,
    *,
    seed: int,
) -> tuple[dict[str, Any], Rows]:
    """What becomes of changed plans, by kind; the rows: plan or not.

    ``own`` are the texts by the generator's own plans, which are the ones that are changed.
    """
    found: dict[str, Any] = {}
    rows: Rows = {}
    for kind in KINDS:
        items = [
            item
            for example, said in zip(examples, own, strict=True)
            if (
                item := intervene(
                    kind, example, said.plan, bundle, derived_rng(seed, kind, example.id)
                )
            )
        ]
        texts = speaker.say(items)
        each = [verdict(t, item, checker) for t, item in zip(texts, items, strict=True)]
        verdicts = Counter(each)
        rows[f"{kind}/plan"] = [[float(one == "plan"), 1.0] for one in each]
        found[kind] = {
            "n": len(items),
            **{name: _percent(verdicts[name], len(items)) for name in ("plan", "mr", "neither")},
        }
        if kind != "permute":  # which changes no content
            kept = sum(content_followed(t, i, checker) for t, i in zip(texts, items, strict=True))
            found[kind]["content"] = _percent(kept, len(items))
    return found, rows


def perturbed(
    own: Sequence[Hypothesis], examples: Sequence[Example], speaker: Speaker, checker: SlotChecker
) -> dict[str, Any]:
    """How many texts a corrupted plan changes, and how many say their MR nevertheless, in %."""
    plain = [Intervention(e.id, e.mr, h.plan, h.plan) for e, h in zip(examples, own, strict=True)]
    before, after = speaker.say(plain), speaker.say(plain, corrupt=True)
    changed = sum(a != b for a, b in zip(before, after, strict=True))
    exact = sum(checker.check(t, i.mr).ok for t, i in zip(after, plain, strict=True))
    return {
        "n": len(plain),
        "changed": _percent(changed, len(plain)),
        "exact": _percent(exact, len(plain)),
    }


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0

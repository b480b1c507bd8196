"""Development references with a clause put in that is not true of their subject.

``distracted`` texts are faithful: the MR says what the text says of its subject. ``misattributed``
are the same texts under an MR that takes the clause for said of the subject (or, where the clause
is about the subject, one that leaves it out). In ``text_misattributed`` a sentence of the reference
is gone, and what it said is said by such a clause. The frames are those that no model is trained
on; ``_known`` conditions have the others. The wordings in them are those of training references, so
that the frames alone are new.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from d2t.corpus.load import load_split
from d2t.judges.qa.training.distractor_frames import load_frames
from d2t.judges.qa.training.qa import distractor_of, utterances_of
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation
from d2t.seeding import derived_rng
from experiments.faithfulness.qa_corruptions import Corruptor, Judged
from experiments.faithfulness.qa_train import DOMAIN, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.judges.qa.training.distractors import Distracted, Distractor
    from d2t.judges.qa.training.qa_pairs import Utterance
    from d2t.mr.domain import Domain
    from d2t.slots.checker import SlotChecker
    from experiments.faithfulness.qa_config import QAExperiment

FAITHFUL, MISREAD, MOVED = "distracted", "misattributed", "text_misattributed"
KNOWN = "_known"
"""Ends the names of conditions whose frames are trained on."""


def distractor_conditions(
    experiment: QAExperiment, dev: Sequence[Utterance], domain: Domain, checker: SlotChecker
) -> dict[str, list[Judged]]:
    """The records of every condition; none where the experiment or the domain has no frames.

    Only references are taken on which the checker agrees with the MR: two judges stand behind them.
    """
    frames = load_frames(load_domain(DOMAIN))  # the model's own copy of the domain has none
    if frames is None or not experiment.distracted_records:
        return {}
    train = utterances_of(load_split(experiment.corpus, "train", domain), checker, domain, "given")
    seen, usual = (
        [u for u in utterances if not holds(u, experiment.held_out_values)]
        for utterances in (train, dev)
    )
    distractor = distractor_of(seen, frames, domain)
    agreed = (u for u in usual if not checker.check(u.text, u.mr, merge_synonyms=True).n_errors)
    sound = list(islice(agreed, experiment.distracted_records))
    found: dict[str, list[Judged]] = {}
    for end, held_out in (("", True), (KNOWN, False)):
        made = drawn(sound, distractor, experiment.seed, held_out=held_out)
        found[f"{FAITHFUL}{end}"] = [right for right, _ in made]
        found[f"{MISREAD}{end}"] = [wrong for _, wrong in made]
    found[MOVED] = moved(sound, distractor, Corruptor(dev, domain, checker), experiment.seed)
    return {name: records for name, records in found.items() if records}


def drawn(
    utterances: Sequence[Utterance], distractor: Distractor, seed: int, *, held_out: bool
) -> list[tuple[Judged, Judged]]:
    """Every text with a clause, under the right and under the wrong MR; kinds take turns."""
    kinds = list(distractor.frames.kinds)
    found = []
    for at, u in enumerate(utterances):
        kind = kinds[at % len(kinds)]
        rng = derived_rng(seed, FAITHFUL, held_out, at)
        made = distractor.draw(u.mr, u.text, rng, kinds=[kind], held_out=held_out)
        wrong = None if made is None else misread(made, u.mr)
        if made is not None and wrong is not None:
            slot = min(made.about)
            right = Judged(f"{FAITHFUL}-{held_out}-{kind}-{at}", made.mr, made.text, kind=kind)
            found.append((right, Judged(f"{MISREAD}-{at}", wrong, made.text, slot, kind)))
    return found


def misread(made: Distracted, before: MeaningRepresentation) -> MeaningRepresentation | None:
    """The MR of somebody who takes the clause for the opposite; None where it says nothing new."""
    if not made.elsewhere:
        return before if made.mr != before else None
    names = {slot.name for slot in made.elsewhere}
    kept = [slot for slot in made.mr.slots if slot.name not in names]
    return MeaningRepresentation((*kept, *made.elsewhere), before.dialogue_act)


def moved(
    utterances: Sequence[Utterance], distractor: Distractor, corruptor: Corruptor, seed: int
) -> list[Judged]:
    """What one sentence alone said is said of something else instead; the MR stays."""
    kinds = [
        name
        for name, kind in distractor.frames.kinds.items()
        if not any(frame.own for frame in kind.held_out)
    ]
    found = []
    for at, u in enumerate(utterances):
        rng = derived_rng(seed, MOVED, at)
        choices = [(text, lost[0]) for text, lost in corruptor.omissions(u) if len(lost) == 1]
        if not choices:
            continue
        text, slot = rng.choice(choices)
        left = tuple(other for other in u.mr.slots if other != slot)
        mr = MeaningRepresentation(left, u.mr.dialogue_act)
        made = distractor.draw(mr, text, rng, kinds=kinds, held_out=True, saying=slot)
        if made is not None:
            slots = (*made.mr.slots, slot)
            whole = MeaningRepresentation(slots, u.mr.dialogue_act)
            found.append(Judged(f"{MOVED}-{at}", whole, made.text, slot.name, made.kind))
    return found

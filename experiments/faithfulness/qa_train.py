"""The model of the QA evaluation: trained once, found again by what it was trained for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from d2t.corpus.load import load_split
from d2t.judges.qa.model import MANIFEST, QAModel
from d2t.judges.qa.questions import load_questions
from d2t.judges.qa.training.distractor_frames import load_frames
from d2t.judges.qa.training.qa import train_qa, utterances_of
from d2t.mr.domain import load_domain
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker
from d2t.train.loop.progress import Lines

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.judges.qa.training.qa_pairs import Utterance
    from experiments.faithfulness.qa_config import QAExperiment

DOMAIN = "restaurant"


def trained_model(experiment: QAExperiment, folder: Path) -> QAModel:
    """The model in ``folder`` when it was trained as ``experiment`` says, else a new one.

    Some development references choose its epoch by their loss (eight values); what is judged by it
    later are these among others.
    """
    domain = load_domain(DOMAIN)
    questions, frames = load_questions(domain), load_frames(domain)
    identity = {
        **experiment.model_dump(
            mode="json", include={"corpus", "seed", "utterances", "held_out_values", "model"}
        ),
        "questions": questions.digest,
        "domain": domain.digest,
        "distractors": frames.digest if frames and experiment.model.draws.distracted else None,
    }
    if (folder / MANIFEST).is_file():
        info = json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("info", {})
        if info.get("identity") == identity:
            return QAModel.load(folder)
    checker = SlotChecker.for_domain(domain)
    splits: dict[str, list[Utterance]] = {}
    for split, limit in (("train", experiment.utterances), ("dev", 0)):
        examples = load_split(experiment.corpus, "train" if split == "train" else "dev", domain)
        found = utterances_of(examples, checker, domain, experiment.model.labels)
        kept = [u for u in found if not holds(u, experiment.held_out_values)]
        derived_rng(experiment.seed, split).shuffle(kept)
        splits[split] = kept[: limit or None]
    model = train_qa(
        splits["train"], splits["dev"], domain, questions, experiment.model,
        frames=frames, progress=Lines(50),
    )  # fmt: skip
    model.info["identity"] = identity
    model.save(folder)
    return model


def holds(utterance: Utterance | Example, values: dict[str, tuple[str, ...]]) -> bool:
    """Whether the MR has one of the values."""
    return any(slot.value in values.get(slot.name, ()) for slot in utterance.mr.slots)
